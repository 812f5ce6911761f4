package wire

import (
	"crypto/hmac"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// domainRemoved keeps the MAC of a removal apart [DL-PAIR-13].
const domainRemoved = "doorleaf/1 removed"

// Removed tells a sign that somebody removed it in the gateway [DL-PAIR-13].
// SignRemoved makes it.
type Removed struct{ MAC [macSize]byte }

// removedFields are as all messages have them [DL-MSG-5].
type removedFields struct {
	MAC cbor.ByteString `cbor:"40,keyasint"`
}

// SignRemoved makes the removal of a sign. key is the manifest key of the secret
// it connected with.
func SignRemoved(key *[32]byte, sign string) Removed {
	return Removed{keyMAC(key, domainRemoved, sign, 0)}
}

// Marshal encodes m.
func (m *Removed) Marshal() ([]byte, error) {
	return marshal("removal", MaxMessage, removedFields{cbor.ByteString(m.MAC[:])})
}

// UnmarshalRemoved reads a removal; Verify checks it. The error is ErrFormat.
func UnmarshalRemoved(data []byte) (m Removed, err error) {
	var f removedFields
	if err := unmarshal("removal", MaxMessage, data, &f); err != nil {
		return m, err
	}
	return m, fixed("MAC", m.MAC[:], f.MAC)
}

// Verify checks that it is this sign that was removed. The error is ErrMAC.
func (m *Removed) Verify(key *[32]byte, sign string) error {
	if want := keyMAC(key, domainRemoved, sign, 0); !hmac.Equal(want[:], m.MAC[:]) {
		return fmt.Errorf("%w: removal", ErrMAC)
	}
	return nil
}
