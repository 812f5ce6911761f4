package devices

// Release is one signed firmware release, as SPEC.md section 9 has it.
type Release struct {
	Model         string // model of signs it is for
	Version       string // text to show
	Number        uint32 // rises with every release of a model
	Size          int    // bytes of the image
	Image         ObjectHash
	MinMillivolts int    // least battery voltage for the update, 0 for any
	Signed        []byte // the release's 160 bytes as its maker signed them
}

// CanUpdate is the capability of a sign whose firmware can be updated.
const CanUpdate Capabilities = 512
