package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Hardware is what a sign says of itself when it joins [DL-PAIR-5]; nothing in
// it is trusted. Its encoding travels inside PairCommit as a byte string,
// because the transcript is over these bytes as sent.
type Hardware struct {
	Model, Serial, Firmware string // printable ASCII, at most MaxText bytes
	Width, Height           uint16 // pixels as mounted
	AlwaysOn                bool
	Capabilities            Capabilities
	BatteryMillivolts       uint16 // 0 unknown
	SignalDBm               int8   // 0 unknown, else negative
}

// PairCommit opens a pairing [DL-PAIR-5].
type PairCommit struct {
	Commitment [32]byte // PairCommitment
	Hardware   []byte   // Hardware.Marshal, at most MaxHardwareMessage bytes
}

// PairChallenge is the gateway's nonce, and where to type the code.
type PairChallenge struct {
	N2 [32]byte
	// Address is that of the page where the code is typed: with the code behind
	// it what a QR code on the glass leads to; "" for none [DL-PAIR-11].
	Address string
}

// PairReveal opens the commitment.
type PairReveal struct {
	Public [32]byte // X25519
	N1     [32]byte
}

// PairIdentity gives the sign its id and, sealed to it, its secret.
type PairIdentity struct {
	Sign   string // 16 characters a-z, 2-7
	Sealed []byte // see SealIdentity
}

// Map keys are the same in all messages [DL-MSG-5].
type (
	hardwareFields struct {
		Battery      uint16 `cbor:"8,keyasint,omitempty"`
		Signal       int8   `cbor:"9,keyasint,omitempty"`
		Model        string `cbor:"15,keyasint,omitempty"`
		Serial       string `cbor:"16,keyasint,omitempty"`
		Firmware     string `cbor:"17,keyasint,omitempty"`
		Width        uint16 `cbor:"18,keyasint,omitempty"`
		Height       uint16 `cbor:"19,keyasint,omitempty"`
		AlwaysOn     bool   `cbor:"20,keyasint,omitempty"`
		Capabilities uint32 `cbor:"21,keyasint,omitempty"`
	}
	commitFields struct {
		Commitment cbor.ByteString `cbor:"32,keyasint"`
		Hardware   cbor.ByteString `cbor:"33,keyasint"`
	}
	challengeFields struct {
		N2      cbor.ByteString `cbor:"34,keyasint"`
		Address string          `cbor:"45,keyasint,omitempty"`
	}
	revealFields struct {
		Public cbor.ByteString `cbor:"35,keyasint"`
		N1     cbor.ByteString `cbor:"36,keyasint"`
	}
	identityFields struct {
		Sign   string          `cbor:"37,keyasint"`
		Sealed cbor.ByteString `cbor:"38,keyasint"`
	}
)

func (m *Hardware) check() error {
	if err := checkSize(int(m.Width), int(m.Height), BlackWhite); err != nil {
		return err
	}
	if m.SignalDBm > 0 {
		return fmt.Errorf("%w: signal of %d dBm", ErrFormat, m.SignalDBm)
	}
	return checkTexts(m.Model, m.Serial, m.Firmware)
}

// Marshal encodes m; ErrFormat when it is outside its limits.
func (m *Hardware) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return marshal("hardware", MaxHardwareMessage, hardwareFields{
		Battery: m.BatteryMillivolts, Signal: m.SignalDBm,
		Model: m.Model, Serial: m.Serial, Firmware: m.Firmware,
		Width: m.Width, Height: m.Height, AlwaysOn: m.AlwaysOn, Capabilities: uint32(m.Capabilities),
	})
}

// UnmarshalHardware reads a hardware description. The error is ErrFormat.
func UnmarshalHardware(data []byte) (Hardware, error) {
	var f hardwareFields
	if err := unmarshal("hardware", MaxHardwareMessage, data, &f); err != nil {
		return Hardware{}, err
	}
	m := Hardware{
		BatteryMillivolts: f.Battery, SignalDBm: f.Signal,
		Model: f.Model, Serial: f.Serial, Firmware: f.Firmware,
		Width: f.Width, Height: f.Height, AlwaysOn: f.AlwaysOn, Capabilities: Capabilities(f.Capabilities),
	}
	if err := m.check(); err != nil {
		return Hardware{}, err
	}
	return m, nil
}

// Marshal encodes m; ErrFormat when Hardware is no hardware description.
func (m *PairCommit) Marshal() ([]byte, error) {
	if _, err := UnmarshalHardware(m.Hardware); err != nil {
		return nil, err
	}
	return marshal("commit", MaxMessage, commitFields{
		Commitment: cbor.ByteString(m.Commitment[:]), Hardware: cbor.ByteString(m.Hardware),
	})
}

// UnmarshalPairCommit reads a commit and checks that its hardware description
// can be read. The error is ErrFormat.
func UnmarshalPairCommit(data []byte) (PairCommit, error) {
	var f commitFields
	if err := unmarshal("commit", MaxMessage, data, &f); err != nil {
		return PairCommit{}, err
	}
	m := PairCommit{Hardware: []byte(f.Hardware)}
	if err := fixed("commitment", m.Commitment[:], f.Commitment); err != nil {
		return PairCommit{}, err
	}
	if _, err := UnmarshalHardware(m.Hardware); err != nil {
		return PairCommit{}, err
	}
	return m, nil
}

// Marshal encodes m; ErrFormat when its address is none.
func (m *PairChallenge) Marshal() ([]byte, error) {
	if err := checkAddress(m.Address); err != nil {
		return nil, err
	}
	return marshal("challenge", MaxMessage, challengeFields{N2: cbor.ByteString(m.N2[:]), Address: m.Address})
}

// UnmarshalPairChallenge reads a challenge. The error is ErrFormat.
func UnmarshalPairChallenge(data []byte) (PairChallenge, error) {
	var f challengeFields
	if err := unmarshal("challenge", MaxMessage, data, &f); err != nil {
		return PairChallenge{}, err
	}
	var m PairChallenge
	if err := fixed("nonce", m.N2[:], f.N2); err != nil {
		return PairChallenge{}, err
	}
	if err := checkAddress(f.Address); err != nil {
		return PairChallenge{}, err
	}
	m.Address = f.Address
	return m, nil
}

// Marshal encodes m.
func (m *PairReveal) Marshal() ([]byte, error) {
	return marshal("reveal", MaxMessage, revealFields{
		Public: cbor.ByteString(m.Public[:]), N1: cbor.ByteString(m.N1[:]),
	})
}

// UnmarshalPairReveal reads a reveal. The error is ErrFormat.
func UnmarshalPairReveal(data []byte) (PairReveal, error) {
	var f revealFields
	if err := unmarshal("reveal", MaxMessage, data, &f); err != nil {
		return PairReveal{}, err
	}
	var m PairReveal
	if err := fixed("public key", m.Public[:], f.Public); err != nil {
		return PairReveal{}, err
	}
	if err := fixed("nonce", m.N1[:], f.N1); err != nil {
		return PairReveal{}, err
	}
	return m, nil
}

func (m *PairIdentity) check() error {
	if !ValidSignID(m.Sign) {
		return fmt.Errorf("%w: id of a sign", ErrFormat)
	}
	if len(m.Sealed) != sealedLength {
		return fmt.Errorf("%w: sealed secret of %d bytes", ErrFormat, len(m.Sealed))
	}
	return nil
}

// Marshal encodes m; ErrFormat when it is outside its limits.
func (m *PairIdentity) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return marshal("identity", MaxMessage, identityFields{Sign: m.Sign, Sealed: cbor.ByteString(m.Sealed)})
}

// UnmarshalPairIdentity reads an identity. The error is ErrFormat.
func UnmarshalPairIdentity(data []byte) (PairIdentity, error) {
	var f identityFields
	if err := unmarshal("identity", MaxMessage, data, &f); err != nil {
		return PairIdentity{}, err
	}
	m := PairIdentity{Sign: f.Sign, Sealed: []byte(f.Sealed)}
	if err := m.check(); err != nil {
		return PairIdentity{}, err
	}
	return m, nil
}
