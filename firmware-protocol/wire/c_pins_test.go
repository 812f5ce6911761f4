package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

// The sign in C believes the sets of server keys that the gateway tells it, and
// no others.
func TestCPins(t *testing.T) {
	t.Parallel()
	runner := buildRenew(t)
	for name, test := range map[string]func(*testing.T, string){"vectors": testCPinVectors, "power cuts": testCPinCuts, "refused": testCRefusesPins, "not pinned": testCNotPinned} {
		t.Run(name, func(t *testing.T) { test(t, runner) })
	}
}

// The sign in C takes what pins.json says, and nothing else.
func testCPinVectors(t *testing.T, runner string) {
	t.Parallel()
	v := vectors(t, "pins.json", func() pinsVector { return newPinsVector(t) })
	if v.Sign != cSignID {
		t.Fatal("pins.json is about another sign")
	}
	for _, c := range v.Cases {
		w := openWorld(t, runner, false, true)
		w.boot(0)
		w.do(fmt.Sprintf("pins %d %x %x %x", c.InForce, []byte(c.Server), []byte(v.Manifest), []byte(c.Message)))
		number, first := c.InForce, c.Server
		if c.Error == "" && c.Number != c.InForce {
			m, err := UnmarshalPins(c.Message)
			if err != nil {
				t.Fatal(err)
			}
			number, first = c.Number, m.Keys[0][:]
		}
		if w.pinned.number != number || w.pinned.error != c.Code || !bytes.HasPrefix(w.pinned.keys, first) {
			t.Errorf("%s: set %d, error %d, keys %x; want %d, %d, %x", c.Name, w.pinned.number, w.pinned.error, w.pinned.keys, number, c.Code, []byte(first))
		}
		w.close()
	}
}

// cServer is the server of the connections of a world; cBackup is another one.
var cServer, cBackup = [32]byte{1}, pinKey(0xb2)

// pinned makes the sign one that was paired over TLS, and the gateway one that
// tells it a set.
func (w *world) pin(number uint32, keys ...[32]byte) {
	w.do("record 0 " + hex.EncodeToString(slices.Concat([]byte("DLI\x01"+cSignID), w.secrets[0], []byte{1}, cServer[:])))
	w.set = func(key *[32]byte) Pins {
		m, err := SignPins(key, cSignID, number, keys...)
		if err != nil {
			w.t.Fatal(err)
		}
		return m
	}
}

// A set is stored with the power cut at each call in turn: the old one or the
// new one is in force, Hello says which, and it ends with the new one.
func testCPinCuts(t *testing.T, runner string) {
	t.Parallel()
	for _, alwaysOn := range []bool{true, false} {
		for cut, ended := 1, false; !ended; cut++ {
			w := openWorld(t, runner, alwaysOn, true)
			w.pin(5, cServer, cBackup)
			ended = w.insist(cut, func() bool { return w.last().PinsNumber == 5 && len(w.queue) == 0 && w.shown })
			b := w.record(0)
			if b[52] != 2 || !bytes.Equal(b[53:85], cServer[:]) || !bytes.Equal(b[130:162], cBackup[:]) || b[126] != 5 {
				t.Errorf("cut %d: stored %d keys, %x", cut, b[52], b[53:])
			}
			for _, h := range w.hellos {
				if h.PinsNumber != 0 && h.PinsNumber != 5 || h.Capabilities&CapPins == 0 {
					t.Errorf("cut %d: hello names set %d, capabilities %d", cut, h.PinsNumber, h.Capabilities)
				}
			}
			if ended && cut < 20 {
				t.Errorf("only %d calls", cut)
			}
			w.close()
			if t.Failed() {
				return
			}
		}
	}
}

// Forged, older and cut sets and one without the server change nothing, are
// reported, and the pictures come all the same.
func testCRefusesPins(t *testing.T, runner string) {
	t.Parallel()
	for name, edit := range map[string]func(*world){
		"a bit of the MAC": func(w *world) { w.forgePins = func(b []byte) []byte { b[5] ^= 1; return b } },
		"cut short":        func(w *world) { w.forgePins = func(b []byte) []byte { return b[:len(b)-1] } },
		"another server":   func(w *world) { w.pin(6, cBackup) },
		"signed with another secret": func(w *world) {
			set := w.set
			w.set = func(*[32]byte) Pins { return set(&[32]byte{9}) }
		},
	} {
		w := openWorld(t, runner, false, true)
		w.pin(6, cServer, cBackup)
		edit(w)
		if !w.boot(0) || !w.run(func() bool { return len(w.hellos) > 2 }) {
			t.Fatal("cut")
		}
		if w.last().PinsNumber != 0 || !w.shown || !slices.Contains(w.errors, 16) {
			t.Errorf("%s: set %d, shown %v, errors %v", name, w.last().PinsNumber, w.shown, w.errors)
		}
		w.close()
	}
	// An older set that was genuine once.
	w := openWorld(t, runner, true, true)
	w.pin(6, cServer, cBackup)
	if !w.boot(0) || !w.run(func() bool { return w.last().PinsNumber == 6 && len(w.queue) == 0 }) {
		t.Fatal("cut")
	}
	key := w.keys(0).Manifest
	m, err := SignPins(&key, cSignID, 5, cServer)
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.Marshal()
	w.answers("pins", data, err)
	w.run(func() bool { return slices.Contains(w.errors, 16) })
	if b := w.record(0); b[52] != 2 || b[126] != 6 {
		t.Errorf("an older set came into force: %x", b[52:])
	}
}

// A sign on plain TCP, and one that was paired so, knows no server keys.
func testCNotPinned(t *testing.T, runner string) {
	t.Parallel()
	for name, tls := range map[string]bool{"plain": false, "without a key": true} {
		w := openWorld(t, runner, true, tls)
		w.pin(6, cServer, cBackup)
		if tls {
			w.do("record 0 " + hex.EncodeToString(slices.Concat([]byte("DLI\x01"+cSignID), w.secrets[0], make([]byte, 33))))
		}
		if !w.boot(0) || !w.run(func() bool { return w.shown && len(w.hellos) > 1 }) {
			t.Fatal("cut")
		}
		if h := w.last(); h.PinsNumber != 0 || h.Capabilities&CapPins != 0 || slices.Contains(w.errors, 16) {
			t.Errorf("%s: set %d, capabilities %d, errors %v", name, h.PinsNumber, h.Capabilities, w.errors)
		}
		w.close()
	}
}

// tellPins sends the set that a sign does not have, before the Ack.
func (w *world) tellPins(h Hello) {
	if w.set == nil {
		return
	}
	key := w.keys(h.KeyNumber).Manifest
	m := w.set(&key)
	if h.PinsNumber >= m.Number {
		return
	}
	data, err := m.Marshal()
	if w.forgePins != nil {
		data = w.forgePins(data)
	}
	w.answers("pins", data, err)
}
