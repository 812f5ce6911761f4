package main

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
)

// tap is a stranger on the path of plain TCP, or one who has somebody's broker:
// it records what a sign and its gateway say and sends it again to either.
type tap struct {
	t  *testing.T
	to string // address of the broker

	mu       sync.Mutex
	sign     net.Conn   // guarded by mu, the newest connection's sign
	broker   net.Conn   // guarded by mu, and its broker
	up, down []recorded // guarded by mu
}

// recorded is one message.
type recorded struct {
	topic   string
	payload []byte
}

// newTap returns the tap and the address at which signs reach it.
func newTap(t *testing.T, to string) (*tap, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{t: t, to: to}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				_ = c.Close()
				continue
			}
			p.mu.Lock()
			p.sign, p.broker = c, b
			p.mu.Unlock()
			wg.Go(func() { p.carry(c, b, &p.up) })
			wg.Go(func() { p.carry(b, c, &p.down) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		wg.Wait()
	})
	return p, l.Addr().String()
}

// cut ends the newest connection.
func (p *tap) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sign != nil {
		_ = p.sign.Close()
		_ = p.broker.Close()
	}
}

func (p *tap) carry(from, to net.Conn, list *[]recorded) {
	defer from.Close()
	defer to.Close()
	for {
		pk, err := packets.ReadPacket(from)
		if err != nil {
			return
		}
		p.mu.Lock()
		if m, ok := pk.(*packets.PublishPacket); ok {
			*list = append(*list, recorded{m.TopicName, slices.Clone(m.Payload)})
		}
		err = pk.Write(to)
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// heard returns what was recorded whose topic ends so.
func (p *tap) heard(up bool, suffix string) (list []recorded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.down
	if up {
		all = p.up
	}
	for _, m := range all {
		if strings.HasSuffix(m.topic, suffix) {
			list = append(list, m)
		}
	}
	return list
}

// again sends messages once more, up to the gateway or down to the sign.
func (p *tap) again(up bool, messages ...recorded) {
	p.t.Helper()
	for _, m := range messages {
		pk := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		pk.TopicName, pk.Payload = m.topic, m.payload
		p.mu.Lock()
		to := p.sign
		if up {
			to = p.broker
		}
		err := pk.Write(to)
		p.mu.Unlock()
		if err != nil {
			p.t.Fatal(err)
		}
		if up {
			time.Sleep(25 * time.Millisecond) // below what the broker holds back
		}
	}
}

// replayHouse is a gateway with a victim behind a tap and a witness beside it.
type replayHouse struct {
	*fleet
	tap      *tap
	signs    [2]*simsign.Sign // victim, witness
	mu       sync.Mutex
	refusals []string // guarded by mu, codes of the victim's errors
}

func newReplayHouse(t *testing.T) *replayHouse {
	f := &replayHouse{fleet: newFleetOf(t, 2, "mqtt", true)}
	var address string
	f.tap, address = newTap(t, f.mqtt)
	for i, at := range []string{address, f.mqtt} {
		id, secret := benchIdentity(i)
		s, err := simsign.New(simsign.Options{Gateway: "mqtt://" + at, Panel: devices.PanelBySize(800, 480), Serial: "R", AlwaysOn: true,
			Identity: &simsign.Identity{ID: id, Secret: secret}, MaxRetry: time.Second, Emit: func(e simsign.Event) {
				if i == 0 && e.Event == "error" {
					f.mu.Lock()
					f.refusals = append(f.refusals, e.Code)
					f.mu.Unlock()
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-done })
		f.signs[i] = s
	}
	for i := range f.signs {
		soon(t, "the first timeline", func() bool { return f.shows(i) })
	}
	return f
}

// shows reports whether a sign shows what it should, and the gateway knows.
func (f *replayHouse) shows(i int) bool {
	v, err := f.h.core.Door(context.Background(), f.ids[i])
	return err == nil && v.Trust == gateway.Right && v.Want != nil && !v.Want.Partial && v.ExpectedStep != nil &&
		v.Status.Shown == v.ExpectedStep.Digest && f.signs[i].Glass().Digest() == v.ExpectedStep.Digest &&
		v.Status.Epoch == v.Want.Epoch && v.Status.Seq == v.Want.Seq
}

// change gives a room another calendar and waits for the glass.
func (f *replayHouse) change(t *testing.T, i int) {
	t.Helper()
	before := f.signs[i].Glass().Digest()
	f.round++
	if err := f.commit(i, f.day(i, f.round)); err != nil {
		t.Fatal(err)
	}
	f.h.core.AgendaChanged(f.rooms[i].ID)
	soon(t, "another picture", func() bool { return f.signs[i].Glass().Digest() != before && f.shows(i) })
}

// reconnect ends the victim's connection and waits until it has said hello on
// another one.
func (f *replayHouse) reconnect(t *testing.T) {
	t.Helper()
	hellos, acks := len(f.tap.heard(true, "/u/hello")), len(f.tap.heard(false, "/d/ack"))
	f.tap.cut()
	soon(t, "it is back", func() bool {
		return len(f.tap.heard(true, "/u/hello")) > hellos && len(f.tap.heard(false, "/d/ack")) > acks && f.shows(0)
	})
}

// presses is how often the gateway took a button of the victim.
func (f *replayHouse) presses(t *testing.T) int {
	t.Helper()
	return pressesOf(t, f.h, f.ids[0])
}

// pressesOf is how often the gateway took a button of a sign.
func pressesOf(t *testing.T, h *house, id devices.SignID) (n int) {
	t.Helper()
	list, err := h.store.Reports(t.Context(), id, 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Kind == devices.EventReport {
			n++
		}
	}
	return n
}

// What a sign and its gateway said before is sent again, by somebody in between
// who can do as he likes with the messages of one sign: no button acts twice, the
// gateway believes no picture of before and draws nothing for it, the sign goes
// back to nothing, and the witness notices nothing. Health names it.
func TestReplays(t *testing.T) {
	f := newReplayHouse(t)
	victim := f.ids[0]
	f.signs[0].Press(2)
	soon(t, "the press arrives", func() bool { return f.presses(t) == 1 })
	f.reconnect(t)
	f.change(t, 0)
	f.change(t, 0)
	seq := func() uint32 {
		w, err := f.h.store.Want(t.Context(), victim)
		if err != nil {
			t.Fatal(err)
		}
		return w.Seq
	}
	before, status := seq(), f.statusOf(t)

	t.Run("to the gateway", func(t *testing.T) {
		drawn := f.h.link.Stats()
		for _, suffix := range []string{"/u/ev", "/u/hello", "/u/shown"} {
			old := f.tap.heard(true, suffix)
			if suffix == "/u/shown" {
				old = old[:len(old)-1] // the newest is answered like the first time
			}
			if len(old) == 0 {
				t.Fatalf("nothing of %s was recorded", suffix)
			}
			for range 8 {
				f.tap.again(true, old...)
			}
		}
		soon(t, "all of them are counted", func() bool { return f.h.link.Stats().Replayed >= drawn.Replayed+24 })
		if n := f.presses(t); n != 1 {
			t.Errorf("the button acted %d times", n)
		}
		if got := seq(); got != before {
			t.Errorf("the gateway made timeline %d of what it was told, want %d", got, before)
		}
		if got := f.statusOf(t); got.Shown != status.Shown || got.Seq != status.Seq || got.Counter < status.Counter {
			t.Errorf("the gateway believes %+v, want %+v", got, status)
		}
		soon(t, "it is named", func() bool { return named(f.h, devices.ReplayedMessage, victim) })
	})
	t.Run("changed, to the gateway", func(t *testing.T) { // as if it had never come
		forged, status := f.h.link.Stats().Forged, f.statusOf(t)
		for _, suffix := range []string{"/u/ev", "/u/hello", "/u/shown"} {
			all := f.tap.heard(true, suffix)
			m := recorded{all[0].topic, slices.Clone(all[len(all)-1].payload)}
			m.payload[4] ^= 1 // of boot, behind the heads of map, key and number
			f.tap.again(true, m)
		}
		soon(t, "all of them are counted", func() bool { return f.h.link.Stats().Forged >= forged+3 })
		soon(t, "they are named", func() bool { return named(f.h, devices.ForgedMessage, victim) })
		if got := f.statusOf(t); got.Boot != status.Boot || got.Counter < status.Counter || got.Shown != status.Shown {
			t.Errorf("the gateway believes %+v, want %+v", got, status)
		}
		if n := f.presses(t); n != 1 {
			t.Errorf("the button acted %d times", n)
		}
		if named(f.h, devices.ForgedMessage, f.ids[1]) {
			t.Error("the witness is blamed")
		}
	})
	t.Run("to the sign", func(t *testing.T) {
		glass := f.signs[0].Glass().Digest()
		wants, acks, blocks := f.tap.heard(false, "/d/want"), f.tap.heard(false, "/d/ack"), f.tap.heard(false, "/d/blk")
		if len(wants) < 3 || len(acks) < 3 || len(blocks) == 0 {
			t.Fatalf("%d manifests, %d acks, %d blocks recorded", len(wants), len(acks), len(blocks))
		}
		counted := f.h.link.Stats().Replayed
		f.tap.again(false, acks...)
		f.tap.again(false, blocks[:min(len(blocks), 100)]...)
		f.tap.again(false, wants[0], wants[1])
		soon(t, "the sign refuses them", func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return slices.Contains(f.refusals, "manifest-old")
		})
		soon(t, "the gateway is told", func() bool { return f.h.link.Stats().Replayed > counted })
		if got := f.signs[0].Glass().Digest(); got != glass {
			t.Error("the glass changed")
		}
	})
	t.Run("to the next life of the gateway's broker", func(t *testing.T) { // nothing of it is in memory alone
		f.reconnect(t)
		shown := f.tap.heard(true, "/u/shown")
		n := f.h.link.Stats().Replayed
		f.tap.again(true, shown[0], f.tap.heard(true, "/u/ev")[0])
		soon(t, "they are counted", func() bool { return f.h.link.Stats().Replayed >= n+2 })
		if got := f.presses(t); got != 1 {
			t.Errorf("the button acted %d times", got)
		}
	})
	f.change(t, 0)
	f.change(t, 1)
	r, err := f.h.core.Health(t.Context())
	told := false
	for _, c := range r.All() {
		told = told || (c.Key.Kind == "attack" && c.Key.Subject == string(devices.ReplayedMessage))
	}
	if err != nil || !told {
		t.Errorf("Health does not name it: %v", err)
	}
	if named(f.h, devices.ReplayedMessage, f.ids[1]) {
		t.Error("the witness is blamed")
	}
	if p := f.h.broker.Stats(); p.Restarts != 0 || p.Panics != 0 {
		t.Errorf("broker %+v", p)
	}
}

func (f *replayHouse) statusOf(t *testing.T) gateway.Status {
	t.Helper()
	st, err := f.h.store.Status(t.Context(), f.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// A pairing that was recorded is played again: under its own name it gives no
// second sign and nothing that anybody could open, under another name it is
// refused and named.
func TestReplayedPairing(t *testing.T) {
	f := newFleetOf(t, 1, "mqtt", true)
	p, address := newTap(t, f.mqtt)
	s, err := simsign.New(simsign.Options{Gateway: "mqtt://" + address, Panel: devices.PanelBySize(800, 480), Serial: "P", AlwaysOn: true, MaxRetry: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	core := f.h.core
	soon(t, "a code", func() bool { return len(core.Joinings(ctx)) == 1 })
	id, err := core.Pair(ctx, core.Joinings(ctx)[0].Code, "", f.rooms[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	soon(t, "the sign says hello", func() bool { return len(p.heard(true, string(id)+"/u/hello")) > 0 })
	commit, reveal := p.heard(true, "/u/commit")[0], p.heard(true, "/u/reveal")[0]
	old, _ := wire.ParseTopic(commit.topic)

	play := func(nonce string) (answers func() []recorded, say func(recorded)) {
		var mu sync.Mutex
		var list []recorded
		c := dialMQTT(t, mqtt.NewClientOptions().AddBroker("mqtt://"+f.mqtt).SetClientID("pair-"+nonce).SetUsername("pair").SetPassword("pair"))
		subscribeMQTT(t, c, "dl/1/pair/"+nonce+"/d/+", func(m mqtt.Message) {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, recorded{m.Topic(), slices.Clone(m.Payload())})
		})
		answers = func() []recorded {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(list)
		}
		return answers, func(m recorded) {
			topic := strings.Replace(m.topic, old.Nonce, nonce, 1)
			if tok := c.Publish(topic, 1, false, m.payload); !tok.WaitTimeout(patience) || tok.Error() != nil {
				t.Fatal(tok.Error())
			}
		}
	}
	signs := func() int {
		all, err := f.h.store.Signs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := signs()
	answers, say := play(old.Nonce)
	say(commit)
	say(reveal)
	sealed := p.heard(false, "/d/identity")[0]
	soon(t, "the same answers as before", func() bool { return len(answers()) >= 2 })
	for _, a := range answers() {
		if strings.HasSuffix(a.topic, "/identity") && string(a.payload) != string(sealed.payload) {
			t.Error("another identity was sealed")
		}
	}
	answers, say = play("abcdefghijklmnop")
	n := f.h.link.Stats().Replayed
	say(commit)
	say(reveal)
	soon(t, "it is named", func() bool { return f.h.link.Stats().Replayed > n && named(f.h, devices.ReplayedMessage, "") })
	if len(answers()) != 0 || len(core.Joinings(ctx)) != 0 || signs() != before {
		t.Errorf("%d answers, %d codes, %d signs of %d", len(answers()), len(core.Joinings(ctx)), signs(), before)
	}
	if s.ID() != id {
		t.Errorf("the sign is %s now, want %s", s.ID(), id)
	}
}
