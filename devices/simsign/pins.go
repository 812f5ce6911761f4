package simsign

import (
	"bytes"
	"crypto/subtle"
	"slices"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// pinning reports whether the sign believes server keys on this connection, and
// no authority [DL-PIN-1].
func (s *Sign) pinning() bool {
	return s.opts.CA == nil && s.conn != nil && s.conn.spki != [32]byte{}
}

// pinned returns the server keys that the sign believes once it is paired: the
// set it was told, or that of its pairing.
func (s *Sign) pinned() [][]byte {
	if s.st.PinSet > 0 {
		return slices.Clone(s.st.Pins)
	}
	return [][]byte{bytes.Clone(s.st.Pin)}
}

// believes reports whether the key of a server is one of the pins. All of them
// are compared, in constant time.
func believes(pins [][]byte, key [32]byte) bool {
	found := 0
	for _, p := range pins {
		found |= subtle.ConstantTimeCompare(p, key[:])
	}
	return found == 1
}

// serverKeys takes a set of server keys [DL-PIN-3]: it is stored before the ack
// that follows it is used.
func (s *Sign) serverKeys(payload []byte) {
	if !s.pinning() {
		return
	}
	m, err := wire.UnmarshalPins(payload)
	taken := false
	if err == nil {
		taken, err = m.Take(&s.keys.Manifest, s.st.Sign, s.st.PinSet, s.conn.spki)
	}
	if err != nil {
		s.remember(devices.ErrServerKeys, err)
		return
	}
	if !taken {
		return
	}
	pins, number := s.st.Pins, s.st.PinSet
	s.st.Pins, s.st.PinSet = nil, m.Number
	for _, k := range m.Keys {
		s.st.Pins = append(s.st.Pins, k[:])
	}
	if !s.keep(s.save()) { // what is stored is in force
		s.st.Pins, s.st.PinSet = pins, number
		return
	}
	s.talk.newPins = true
	s.cut("pins.stored")
	s.emit(Event{Event: "pins", Number: m.Number})
}
