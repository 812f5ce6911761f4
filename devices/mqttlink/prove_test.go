package mqttlink

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// signable is a hello, shown or event.
type signable interface {
	Marshal() ([]byte, error)
	Sign(key *[32]byte, sign string)
}

// The gateway is told only what the sign itself says: with the secret in use or
// the one on its way, and with nothing else. All else is not answered, changes
// nothing that the link knows, is counted and named [DL-KEY-8].
func TestProvenReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		named := map[devices.IncidentKind]int{}
		in := install(t, Options{Incident: func(i devices.Incident) {
			mu.Lock()
			defer mu.Unlock()
			if i.Sign == signID {
				named[i.Kind]++
			}
		}})
		now, next, other := [32]byte(bytes.Repeat([]byte{4}, 32)), [32]byte(bytes.Repeat([]byte{5}, 32)), [32]byte{6}
		in.gw.cred.Number, in.gw.cred.ManifestKey = 3, now[:]
		in.gw.cred.NextNumber, in.gw.cred.NextManifestKey = 4, next[:]
		in.connect(t, signID, signID, "p", wire.SignFilter(signID))
		counter := uint32(0)
		say := func(what string, name wire.Name, m interface{ Marshal() ([]byte, error) }, want bool) {
			t.Helper()
			before, told := in.Stats(), len(in.gw.reports)
			mu.Lock()
			blamed := named[devices.ForgedMessage]
			mu.Unlock()
			heard := in.Link.sign(signID).heard
			got := in.tell(t, name, m)
			if taken := len(in.gw.reports) > told; taken != want || (got[wire.NameAck] != nil) != want {
				t.Errorf("%s, %s: reported %t, acknowledged %t, want %t", name, what, taken, got[wire.NameAck] != nil, want)
			}
			mu.Lock()
			blamed = named[devices.ForgedMessage] - blamed
			mu.Unlock()
			if forged := in.Stats().Forged - before.Forged; want != (forged == 0) || int(forged) != blamed || forged > 1 {
				t.Errorf("%s, %s: %d counted, %d named", name, what, forged, blamed)
			}
			if !want && in.Link.sign(signID).heard != heard {
				t.Errorf("%s, %s: the link believes that it heard the sign", name, what)
			}
		}
		hello := func(number uint32) *wire.Hello {
			counter++
			return &wire.Hello{Boot: 1, Counter: counter, Epoch: 2, Seq: 9, Width: 8, Height: 8, KeyNumber: number, Events: []wire.Event{{Boot: 1, Counter: 1, Button: 1}}}
		}
		others := map[wire.Name]func() signable{
			wire.NameShown: func() signable { counter++; return &wire.Shown{Boot: 1, Counter: counter, Epoch: 2, Seq: 9} },
			wire.NameEvent: func() signable { counter++; return &wire.Event{Boot: 1, Counter: counter, Button: 1} },
		}
		for _, c := range []struct {
			name   string
			number uint32
			key    *[32]byte
			want   bool
		}{
			{"in use", 3, &now, true},
			{"in use again", 3, &now, true},
			{"number on its way, key in use", 4, &now, false},
			{"on its way", 4, &next, true},
			{"in use after that", 3, &now, true},
			{"key on its way, number in use", 3, &next, false},
			{"another number", 5, &next, false},
			{"number of pairing", 0, &now, false},
			{"another key", 3, &other, false},
		} {
			m := hello(c.number)
			m.Sign(c.key, signID)
			say(c.name, wire.NameHello, m, c.want)
		}
		for what, edit := range map[string]func(*wire.Hello){
			"epoch": func(m *wire.Hello) { m.Epoch++ }, "seq": func(m *wire.Hello) { m.Seq++ }, "counter": func(m *wire.Hello) { m.Counter += 100 },
			"glass": func(m *wire.Hello) { m.Shown[0]++ }, "firmware": func(m *wire.Hello) { m.Firmware = "9" }, "firmware number": func(m *wire.Hello) { m.FirmwareNumber++ },
			"battery": func(m *wire.Hello) { m.BatteryMillivolts++ }, "button": func(m *wire.Hello) { m.Events[0].Button++ }, "no MAC": func(m *wire.Hello) { m.MAC = wire.MAC{} },
			"another sign's": func(m *wire.Hello) { m.Sign(&now, "bbbbbbbbbbbbbbbb") },
		} {
			m := hello(3)
			m.Sign(&now, signID)
			edit(m)
			say(what, wire.NameHello, m, false)
		}
		for name, make := range others {
			for _, c := range []struct {
				name, sign string
				key        *[32]byte
				want       bool
			}{
				{"in use", signID, &now, true},
				{"on its way", signID, &next, true},
				{"another key", signID, &other, false},
				{"another sign's", "bbbbbbbbbbbbbbbb", &now, false},
				{"in use again", signID, &now, true},
			} {
				m := make()
				m.Sign(c.key, c.sign)
				say(c.name, name, m, c.want)
			}
			say("no MAC", name, make(), false)
		}
		shown := wire.Shown{Boot: 1, Counter: counter + 1, Epoch: 2, Seq: 9}
		shown.Sign(&now, signID)
		shown.Glass[0]++
		say("glass", wire.NameShown, &shown, false)
		event := wire.Event{Boot: 1, Counter: counter + 1, Button: 1}
		event.Sign(&now, signID)
		shown.MAC = event.MAC
		say("MAC of an event", wire.NameShown, &shown, false)
		event.Button++
		say("button", wire.NameEvent, &event, false)

		// Once the newer secret is in use, the one before proves nothing.
		in.gw.mu.Lock()
		in.gw.cred.Number, in.gw.cred.ManifestKey, in.gw.cred.NextNumber, in.gw.cred.NextManifestKey = 4, next[:], 0, nil
		in.gw.mu.Unlock()
		m := hello(4)
		m.Sign(&next, signID)
		say("the newer secret in use", wire.NameHello, m, true)
		m = hello(3)
		m.Sign(&now, signID)
		say("the secret before", wire.NameHello, m, false)
		for name, make := range others {
			m := make()
			m.Sign(&now, signID)
			say("the secret before", name, m, false)
			m.Sign(&next, signID)
			say("the newer secret", name, m, true)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(named) != 1 {
			t.Errorf("named: %v", named)
		}
		in.sign.Disconnect(goodbye)
		time.Sleep(time.Second)
	})
}

// A sign of whose key nothing is known says nothing.
func TestReportsWithoutKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := install(t, Options{})
		in.gw.cred.ManifestKey = nil
		in.connect(t, signID, signID, "p", wire.SignFilter(signID))
		hello, shown, event := wire.Hello{Boot: 1, Width: 8, Height: 8}, wire.Shown{Boot: 1}, wire.Event{Boot: 1, Button: 1}
		for name, m := range map[wire.Name]signable{wire.NameHello: &hello, wire.NameShown: &shown, wire.NameEvent: &event} {
			m.Sign(new([32]byte), signID)
			if got := in.tell(t, name, m); len(got) != 0 || len(in.gw.reports) != 0 {
				t.Errorf("%s: answered with %v, %d reported", name, got, len(in.gw.reports))
			}
		}
		in.sign.Disconnect(goodbye)
		time.Sleep(time.Second)
	})
}
