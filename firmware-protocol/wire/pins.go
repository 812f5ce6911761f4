package wire

import (
	"bytes"
	"crypto/hmac"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// domainPins keeps the MAC of a set of server keys apart [DL-PIN-2].
const domainPins = "doorleaf/1 server keys"

// MaxPins is how many server keys a sign believes at most [DL-PIN-2].
const MaxPins = 4

// Pins are the keys of servers that a sign shall believe from now on
// [DL-PIN-2]. SignPins makes it, Take checks it.
type Pins struct {
	Keys   [][32]byte // SHA-256 of each SubjectPublicKeyInfo, 1 to MaxPins
	Number uint32     // of the set, 1 or more
	MAC    [macSize]byte
}

// pinsFields are as all messages have them [DL-MSG-5].
type pinsFields struct {
	MAC    cbor.ByteString   `cbor:"40,keyasint"`
	Keys   []cbor.ByteString `cbor:"43,keyasint,omitempty"`
	Number uint32            `cbor:"44,keyasint,omitempty"`
}

// SignPins makes the set of a sign: number is greater than that of every set
// before. key is the manifest key of the secret the sign connected with. The
// error is ErrFormat.
func SignPins(key *[32]byte, sign string, number uint32, keys ...[32]byte) (Pins, error) {
	m := Pins{Keys: slices.Clone(keys), Number: number}
	m.MAC = m.mac(key, sign)
	return m, m.check()
}

func (m *Pins) check() error {
	if len(m.Keys) < 1 || len(m.Keys) > MaxPins || m.Number == 0 {
		return fmt.Errorf("%w: set %d of %d server keys, want 1 to %d", ErrFormat, m.Number, len(m.Keys), MaxPins)
	}
	return nil
}

func (m *Pins) mac(key *[32]byte, sign string) [macSize]byte {
	var all []byte
	for _, k := range m.Keys {
		all = append(all, k[:]...)
	}
	return keyMAC(key, domainPins, sign, m.Number, all)
}

// Marshal encodes m; ErrFormat when it is outside its limits.
func (m *Pins) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	f := pinsFields{MAC: cbor.ByteString(m.MAC[:]), Number: m.Number}
	for _, k := range m.Keys {
		f.Keys = append(f.Keys, cbor.ByteString(k[:]))
	}
	return marshal("server keys", MaxMessage, f)
}

// UnmarshalPins reads a set; Take checks it. The error is ErrFormat.
func UnmarshalPins(data []byte) (Pins, error) {
	var f pinsFields
	if err := unmarshal("server keys", MaxMessage, data, &f); err != nil {
		return Pins{}, err
	}
	m := Pins{Number: f.Number, Keys: make([][32]byte, len(f.Keys))}
	if err := fixed("MAC", m.MAC[:], f.MAC); err != nil {
		return Pins{}, err
	}
	for i, k := range f.Keys {
		if err := fixed("server key", m.Keys[i][:], k); err != nil {
			return Pins{}, err
		}
	}
	return m, m.check()
}

// Take reports whether a sign puts m in force [DL-PIN-3]. key is the manifest
// key of the secret it connected with, number that of the set it has, server
// the key that the server of its connection showed. No error and false: it has
// this set already. The error is ErrMAC or ErrRefused.
func (m *Pins) Take(key *[32]byte, sign string, number uint32, server [32]byte) (bool, error) {
	if want := m.mac(key, sign); !hmac.Equal(want[:], m.MAC[:]) {
		return false, fmt.Errorf("%w: server keys", ErrMAC)
	}
	switch {
	case m.Number == number:
		return false, nil
	case m.Number < number:
		return false, fmt.Errorf("%w: set %d of server keys after set %d", ErrRefused, m.Number, number)
	case !slices.ContainsFunc(m.Keys, func(k [32]byte) bool { return bytes.Equal(k[:], server[:]) }):
		return false, fmt.Errorf("%w: server keys without that of the server", ErrRefused)
	}
	return true, nil
}
