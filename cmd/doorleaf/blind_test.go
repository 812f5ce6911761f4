package main

import (
	"math"
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

// Who has only the password cannot make the sign's own hellos old, and a press
// is acted on once, in whatever order it comes [DL-MSG-16].
func TestOverheardPasswordBlindsNobody(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		_ = r.off()
		key := manifestKey(t, firstSecret())
		want, err := r.house.store.Want(t.Context(), renewalSign)
		if err != nil {
			t.Fatal(err)
		}
		right := wire.Digest(want.Steps[0].Digest)
		const boot, top = 99, math.MaxUint32
		hello := func(counter uint32, edit func(*wire.Hello)) *wire.Hello {
			m := &wire.Hello{Boot: boot, Counter: counter, Epoch: want.Epoch, Seq: want.Seq, Shown: right, Width: 250, Height: 122, Model: renewalModel, Capabilities: wire.CapAll}
			if edit != nil {
				edit(m)
			}
			m.Sign(key, string(renewalSign))
			return m
		}
		shown := func(counter uint32) *wire.Shown {
			return &wire.Shown{Boot: boot, Counter: counter, Epoch: want.Epoch, Seq: want.Seq, Glass: right}
		}
		event := func(counter uint32) *wire.Event { return &wire.Event{Boot: boot, Counter: counter, Button: 2} }
		wrongGlass := func(m *wire.Hello) { m.Shown = wire.Digest{7} }
		say := func(what string, name wire.Name, m interface{ Marshal() ([]byte, error) }, answers ...string) {
			t.Helper()
			if got := r.ask(firstSecret(), name, m); !slices.Equal(got, answers) {
				t.Errorf("%s: the gateway answers %q, want %q", what, got, answers)
			}
		}
		acted := func(n int) {
			t.Helper()
			if got := r.presses(); got != n {
				t.Errorf("acted on %d presses, want %d", got, n)
			}
		}
		claimed := hello(top, nil)
		claimed.MAC = [16]byte{}
		say("hello", wire.NameHello, hello(1, nil), "ack")
		say("a stranger's shown", wire.NameShown, shown(top), "ack")
		say("the sign's shown", wire.NameShown, shown(2))
		say("the sign's hello with a wrong glass", wire.NameHello, hello(3, wrongGlass), "ack", "want")
		say("a stranger's hello", wire.NameHello, claimed, "ack", "want")
		say("the sign's hello with an error", wire.NameHello, hello(4, func(m *wire.Hello) { m.LastError = uint16(devices.ErrDigest) }), "ack", "want")
		say("the sign's shown", wire.NameShown, shown(6), "ack", "want")
		say("a recorded hello", wire.NameHello, hello(3, nil), "ack", "want")

		acted(0)
		say("a press that shown has overtaken", wire.NameEvent, event(5), "ack")
		acted(1)
		say("recorded", wire.NameEvent, event(5))
		brought := func(m *wire.Hello) { m.Events = []wire.Event{*event(5), *event(7)} }
		say("shown", wire.NameShown, shown(8), "ack", "want")
		say("a hello that brings the press before it", wire.NameHello, hello(9, brought), "ack", "want")
		acted(2)
		say("recorded", wire.NameHello, hello(9, brought), "ack", "want")
		say("recorded", wire.NameEvent, event(7))
		acted(2)
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
