package main

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// ask says something as the sign over a connection of its own, and returns what
// the gateway answers to it: the names of the messages, sorted.
func (r *rig) ask(secret []byte, name wire.Name, m interface{ Marshal() ([]byte, error) }) []string {
	r.t.Helper()
	c, err := r.connect(secret)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Disconnect(1)
	var mu sync.Mutex
	var got []string
	tok := c.Subscribe("dl/1/"+string(renewalSign)+"/d/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		t, err := wire.ParseTopic(m.Topic())
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(t.Name))
	})
	if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		r.t.Fatal(tok.Error())
	}
	b, err := m.Marshal()
	if err != nil {
		r.t.Fatal(err)
	}
	if tok := c.Publish(wire.SignTopic(string(renewalSign), name), 1, false, b); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		r.t.Fatal(tok.Error())
	}
	time.Sleep(time.Second) // of the bubble
	synctest.Wait()
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(got)
	return slices.Clone(got)
}

// presses counts the presses that were acted on.
func (r *rig) presses() (n int) {
	r.t.Helper()
	reports, err := r.house.store.Reports(r.t.Context(), renewalSign, 200)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rep := range reports {
		if rep.Kind == devices.EventReport {
			n++
		}
	}
	return n
}

// signedReport is a hello, shown or event.
type signedReport interface {
	Marshal() ([]byte, error)
	Sign(key *[32]byte, sign string)
}

// raw is a message as it is.
type raw []byte

func (b raw) Marshal() ([]byte, error) { return b, nil }

// Who has only the password, on plain TCP or as the owner of the broker, says
// nothing in the sign's name that the gateway believes: no glass, no press, no
// battery, no firmware, no life. What is forged is not answered and is
// counted, and the sign goes on [DL-KEY-8].
func TestOverheardPasswordSaysNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		_ = r.off()
		key, stranger := manifestKey(t, firstSecret()), &[32]byte{9}
		want, err := r.house.store.Want(t.Context(), renewalSign)
		if err != nil {
			t.Fatal(err)
		}
		right := wire.Digest(want.Steps[0].Digest)
		counter := uint32(0)
		messages := map[wire.Name]func() signedReport{
			wire.NameHello: func() signedReport {
				counter++
				return &wire.Hello{Boot: 99, Counter: counter, Epoch: want.Epoch, Seq: want.Seq, Shown: right, Width: 250, Height: 122, Model: renewalModel,
					Capabilities: wire.CapAll, BatteryMillivolts: 2900, Firmware: "1", FirmwareNumber: 1, Events: []wire.Event{{Boot: 98, Counter: 7, Button: 1}}}
			},
			wire.NameShown: func() signedReport {
				counter++
				return &wire.Shown{Boot: 99, Counter: counter, Epoch: want.Epoch, Seq: want.Seq, Glass: right, BatteryMillivolts: 2900}
			},
			wire.NameEvent: func() signedReport { counter++; return &wire.Event{Boot: 99, Counter: counter, Button: 2} },
		}
		signed := func(name wire.Name) signedReport {
			m := messages[name]()
			m.Sign(key, string(renewalSign))
			return m
		}
		// spoil changes what the gateway must not believe.
		spoil := func(m signedReport) {
			switch m := m.(type) {
			case *wire.Hello:
				m.Shown, m.BatteryMillivolts, m.Firmware, m.FirmwareNumber, m.Width = wire.Digest{7}, 1, "99", 99, 800
				m.Events[0].Button = 4
			case *wire.Shown:
				m.Glass, m.BatteryMillivolts, m.LastError = wire.Digest{7}, 1, uint16(devices.ErrDigest)
			case *wire.Event:
				m.Button = 4
			}
		}
		believed := func() any {
			status, err := r.house.store.Status(t.Context(), renewalSign)
			sign, err2 := r.house.store.Sign(t.Context(), renewalSign)
			now, err3 := r.house.store.Want(t.Context(), renewalSign)
			if err := errors.Join(err, err2, err3); err != nil {
				t.Fatal(err)
			}
			return []any{status, sign, now.Epoch, now.Seq, r.presses(), r.keys()}
		}
		forged := func(what string, name wire.Name, m interface{ Marshal() ([]byte, error) }) {
			t.Helper()
			before, count := believed(), r.house.link.Stats()
			got := r.ask(firstSecret(), name, m)
			if after := believed(); len(got) != 0 || !reflect.DeepEqual(before, after) {
				t.Errorf("%s, %s: answered with %q; believed %+v, then %+v", name, what, got, before, after)
			}
			if now := r.house.link.Stats(); now.Forged != count.Forged+1 || now.Replayed != count.Replayed {
				t.Errorf("%s, %s: %+v, then %+v", name, what, count, now)
			}
		}
		for _, name := range []wire.Name{wire.NameHello, wire.NameShown, wire.NameEvent} {
			if got := r.ask(firstSecret(), name, signed(name)); len(got) == 0 {
				t.Errorf("%s of the sign is not answered", name)
			}
			forged("without MAC", name, messages[name]())
			m := messages[name]()
			m.Sign(stranger, string(renewalSign))
			forged("with another key", name, m)
			m = messages[name]()
			m.Sign(key, "aaaaaaaaaaaaaaaa")
			forged("of another sign", name, m)
			m = signed(name) // held back by the broker, and changed
			spoil(m)
			forged("changed", name, m)
			b, err := signed(name).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			if name != wire.NameHello { // there the MAC is the last field
				forged("with the last bit changed", name, raw(b))
			}
		}
		hello, shown := signed(wire.NameHello).(*wire.Hello), messages[wire.NameShown]().(*wire.Shown)
		shown.MAC = hello.MAC
		forged("with the MAC of a hello", wire.NameShown, shown)
		before := r.presses()
		for _, name := range []wire.Name{wire.NameShown, wire.NameEvent, wire.NameHello} {
			if got := r.ask(firstSecret(), name, signed(name)); !slices.Contains(got, "ack") {
				t.Errorf("%s of the sign is answered with %q", name, got)
			}
		}
		if got := r.presses(); got != before+1 {
			t.Errorf("%d presses, then %d", before, got)
		}
		r.switchOn()
		r.until("right picture", renewalLimit, r.right)
	})
}

// A press is acted on once, in whatever order it comes [DL-MSG-16].
func TestPressesOutOfOrder(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		_ = r.off()
		key := manifestKey(t, firstSecret())
		want, err := r.house.store.Want(t.Context(), renewalSign)
		if err != nil {
			t.Fatal(err)
		}
		right := wire.Digest(want.Steps[0].Digest)
		const boot = 99
		hello := func(counter uint32, presses ...wire.Event) *wire.Hello {
			return &wire.Hello{Boot: boot, Counter: counter, Epoch: want.Epoch, Seq: want.Seq, Shown: right, Width: 250, Height: 122, Model: renewalModel,
				Capabilities: wire.CapAll, Events: presses}
		}
		shown := func(counter uint32) *wire.Shown {
			return &wire.Shown{Boot: boot, Counter: counter, Epoch: want.Epoch, Seq: want.Seq, Glass: right}
		}
		event := func(counter uint32) *wire.Event { return &wire.Event{Boot: boot, Counter: counter, Button: 2} }
		say := func(what string, name wire.Name, m signedReport, acted int, answers ...string) {
			t.Helper()
			m.Sign(key, string(renewalSign))
			if got := r.ask(firstSecret(), name, m); !slices.Equal(got, answers) {
				t.Errorf("%s: the gateway answers %q, want %q", what, got, answers)
			}
			if got := r.presses(); got != acted {
				t.Errorf("%s: acted on %d presses, want %d", what, got, acted)
			}
		}
		say("hello", wire.NameHello, hello(1), 0, "ack")
		say("shown", wire.NameShown, shown(2), 0, "ack")
		say("a recorded hello", wire.NameHello, hello(1), 0, "ack")
		say("shown", wire.NameShown, shown(6), 0, "ack")
		say("a press that shown has overtaken", wire.NameEvent, event(5), 1, "ack")
		say("recorded", wire.NameEvent, event(5), 1)
		say("shown", wire.NameShown, shown(8), 1, "ack")
		brought := []wire.Event{*event(5), *event(7)}
		say("a hello that brings the press before it", wire.NameHello, hello(9, brought...), 2, "ack")
		say("recorded", wire.NameHello, hello(9, brought...), 2, "ack")
		say("recorded", wire.NameEvent, event(7), 2)
		say("a hello that shown has overtaken", wire.NameHello, hello(4), 2, "ack")
	})
}

// The hello that proves a newer secret ends the password before at once, also
// when it came over a connection made with that [DL-KEY-5].
func TestProvenKeyEndsThePassword(t *testing.T) {
	bubble(t, func(r *rig) {
		r.copies["false key#1"], r.copies["false key#2"], r.copies["false key#3"] = 0, 0, 0
	}, func(t *testing.T, r *rig) {
		if err := r.house.core.RenewKey(t.Context(), renewalSign); err != nil {
			t.Fatal(err)
		}
		r.sign.Wake()
		r.until("secret on its way", renewalLimit, func() bool {
			k, err := r.house.store.SignKeys(t.Context(), renewalSign)
			return err == nil && k.Next != nil
		})
		_ = r.off()
		k, err := r.house.store.SignKeys(t.Context(), renewalSign)
		if err != nil {
			t.Fatal(err)
		}
		newer := slices.Clone(k.Next.Secret)
		m := &wire.Hello{Boot: 98, Counter: 1, KeyNumber: 1, Width: 250, Height: 122, Model: renewalModel, Capabilities: wire.CapAll}
		m.Sign(manifestKey(t, newer), string(renewalSign))
		r.publish(firstSecret(), wire.NameHello, m)
		if r.login(firstSecret()) {
			t.Error("the password before is let in")
		}
		if !r.login(newer) {
			t.Error("the newer one is not let in")
		}
	})
}
