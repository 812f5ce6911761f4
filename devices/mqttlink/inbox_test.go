package mqttlink

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// from is the nth message of a sender; one whose name begins with ? pairs.
func from(who string, n int) inbound {
	in := inbound{topic: wire.Topic{Sign: who, Name: wire.NameHello}, payload: binary.BigEndian.AppendUint32(nil, uint32(n)), received: noon()}
	if nonce, ok := strings.CutPrefix(who, "?"); ok {
		in.topic = wire.Topic{Nonce: nonce, Name: wire.NameCommit}
	}
	return in
}

func number(in inbound) int { return int(binary.BigEndian.Uint32(in.payload)) }

// check holds that what an inbox counts is what it has.
func (b *inbox) check(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting, strangers, turns := 0, 0, 0
	for name, s := range b.senders {
		waiting += len(s.queue)
		if strings.HasPrefix(name, "?") {
			strangers += len(s.queue)
		}
		if len(s.queue) > 0 && !s.served {
			turns++
		}
		if len(s.queue) == 0 && !s.served {
			t.Errorf("sender %s is kept without a message", name)
		}
		for size := 1; size < len(b.bySize); size++ {
			if _, in := b.bySize[size][s]; in != (size == len(s.queue)) {
				t.Errorf("sender %s with %d messages among those with %d: %v", name, len(s.queue), size, in)
			}
		}
	}
	if waiting != b.waiting || strangers != b.strangers || turns != len(b.turns) {
		t.Errorf("counted %d, %d of strangers, %d turns; there are %d, %d, %d", b.waiting, b.strangers, len(b.turns), waiting, strangers, turns)
	}
	if waiting > inboxPlaces || strangers > strangerPlaces {
		t.Errorf("%d wait, %d of strangers", waiting, strangers)
	}
}

// Messages of a sign are handled in their order and one at a time, by however
// many workers.
func TestInboxKeepsTheOrderOfASign(t *testing.T) {
	const signs, each = 40, 300
	b := newInbox()
	var mu sync.Mutex
	next := map[string]int{} // guarded by mu
	busy := map[string]bool{}
	left := signs * each
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				in, done, ok := b.take()
				if !ok {
					return
				}
				who := in.sender()
				mu.Lock()
				if busy[who] || number(in) != next[who] {
					t.Errorf("message %d of %s, while %d is due and another handled: %v", number(in), who, next[who], busy[who])
				}
				busy[who] = true
				mu.Unlock()
				mu.Lock()
				busy[who] = false
				next[who]++
				if left--; left == 0 {
					b.close()
				}
				mu.Unlock()
				done()
			}
		})
	}
	for i := range each {
		for s := range signs {
			for b.put(from(fmt.Sprint("sign", s), i)) != taken { // its places are taken: later
				runtime.Gosched()
			}
		}
	}
	wg.Wait()
	b.check(t)
}

// Who sends more waits longer, and nobody else does.
func TestInboxServesInTurn(t *testing.T) {
	b := newInbox()
	lost := 0
	for i := range 1000 {
		if b.put(from("greedy", i)) == overSender {
			lost++
		}
	}
	if want := 1000 - senderPlaces; lost != want {
		t.Errorf("%d of 1000 messages found no place, want %d", lost, want)
	}
	for _, who := range []string{"a", "b"} {
		if v := b.put(from(who, 0)); v != taken {
			t.Errorf("message of %s: %d", who, v)
		}
	}
	b.put(from("a", 1))
	b.check(t)
	var got []string
	for range 6 {
		in, done, _ := b.take()
		done()
		got = append(got, fmt.Sprint(in.sender(), number(in)))
	}
	if want := "greedy0 a0 b0 greedy1 a1 greedy2"; strings.Join(got, " ") != want {
		t.Errorf("served %v, want %s", got, want)
	}
	b.check(t)
}

// When all places are taken, those with the most make way for those with fewer,
// newest message first.
func TestInboxMakesWay(t *testing.T) {
	b := newInbox()
	for i := range senderPlaces {
		b.put(from("greedy", i))
	}
	n := 0
	for ; b.waiting < inboxPlaces; n++ {
		if v := b.put(from(fmt.Sprint("sign", n), 0)); v != taken {
			t.Fatalf("message %d: %d", n, v)
		}
	}
	for i := range senderPlaces - 1 {
		if v := b.put(from(fmt.Sprint("late", i), 0)); v != overAll {
			t.Errorf("late message %d: %d, want that another made way", i, v)
		}
		if _, in := b.senders[fmt.Sprint("late", i)]; !in {
			t.Errorf("late message %d did not get the place", i)
		}
	}
	b.check(t)
	if q := b.senders["greedy"].queue; len(q) != 1 || number(q[0]) != 0 {
		t.Errorf("greedy has %d messages, the first %d; want its oldest alone", len(q), number(q[0]))
	}
	if v := b.put(from("too late", 0)); v != overAll || b.senders["too late"] != nil {
		t.Errorf("with one message each: %d", v)
	}
	if v := b.put(from("sign0", 1)); v != overAll || len(b.senders["sign0"].queue) != 1 {
		t.Errorf("a second message while others have one: %d", v)
	}
	b.check(t)
}

// Signs that pair take a part of the places only, under however many names.
func TestInboxOfStrangers(t *testing.T) {
	b := newInbox()
	lost := 0
	for i := range 5000 {
		switch v := b.put(from(fmt.Sprint("?", i), 0)); v {
		case taken:
		case overStranger:
			lost++
		default:
			t.Fatalf("attempt %d: %d", i, v)
		}
	}
	if lost != 5000-strangerPlaces {
		t.Errorf("%d of 5000 found no place, want %d", lost, 5000-strangerPlaces)
	}
	if v := b.put(from("sign", 0)); v != taken {
		t.Errorf("message of a sign: %d", v)
	}
	b.check(t)
}

// What a sign repeats because nobody answered waits once.
func TestInboxTakesRepeatsOnce(t *testing.T) {
	b := newInbox()
	at := func(n int, after time.Duration, name wire.Name) inbound {
		in := from("sign", n)
		in.received, in.topic.Name = noon().Add(after), name
		return in
	}
	for _, tc := range []struct {
		name string
		in   inbound
		want verdict
	}{
		{"first", at(1, 0, wire.NameHello), taken},
		{"another", at(2, 5*time.Second, wire.NameHello), taken},
		{"again after 5 s", at(1, 5*time.Second, wire.NameHello), repeated},
		{"and 10", at(1, 10*time.Second, wire.NameHello), repeated},
		{"the same bytes as another message", at(1, 5*time.Second, wire.NameGet), taken},
		{"doubled on the way", at(2, 5*time.Second, wire.NameHello), taken},
		{"clock set back", at(2, -time.Hour, wire.NameHello), taken},
	} {
		if got := b.put(tc.in); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	_, done, _ := b.take()
	if got := b.put(at(1, 15*time.Second, wire.NameHello)); got != taken {
		t.Errorf("while the first is handled, which may fail: %d", got)
	}
	done()
	other := from("other", 2)
	other.received = noon().Add(time.Minute)
	if got := b.put(other); got != taken {
		t.Errorf("the same of another sign: %d", got)
	}
	b.check(t)
}

// Whatever comes in whatever order, the inbox counts right.
func TestInboxAtRandom(t *testing.T) {
	b := newInbox()
	r := rand.New(rand.NewPCG(1, 2))
	var served []func()
	for i := range 30000 {
		switch n := r.IntN(100); {
		case n < 80:
			who := fmt.Sprint("sign", min(r.IntN(2000), r.IntN(2000), r.IntN(2000)))
			if n < 10 {
				who = fmt.Sprint("?", r.IntN(500))
			}
			b.put(from(who, i))
		case n < 90 && len(b.turns) > 0:
			_, done, _ := b.take()
			served = append(served, done)
		case len(served) > 0:
			k := r.IntN(len(served))
			served[k]()
			served = append(served[:k], served[k+1:]...)
		}
	}
	b.check(t)
	for _, done := range served {
		done()
	}
	for len(b.turns) > 0 {
		_, done, _ := b.take()
		done()
	}
	b.check(t)
	if len(b.senders) != 0 || b.waiting != 0 {
		t.Errorf("%d senders and %d messages are left", len(b.senders), b.waiting)
	}
}

// paper is a message as the MQTT client hands it over.
type paper struct {
	mqtt.Message
	topic   string
	payload []byte
}

func (p paper) Topic() string   { return p.topic }
func (p paper) Payload() []byte { return p.payload }

// nth is an identity of which there are many.
func nth(i int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	return "baaaaaaaaaaaa" + string([]byte{letters[i>>10&31], letters[i>>5&31], letters[i&31]})
}

// What is dropped is counted, and named for Health: the sign that sends too much
// by its name.
func TestDroppedMessagesAreNamed(t *testing.T) {
	named := map[devices.Incident]int{}
	l := testLink(t, Options{Incident: func(i devices.Incident) {
		named[devices.Incident{Kind: i.Kind, Sign: i.Sign}] += i.Count
	}})
	send := func(topic string, n int) {
		l.receive(nil, paper{topic: topic, payload: bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 4)})
	}
	for i := range senderPlaces + 5 { // nobody works
		send(wire.SignTopic(signID, wire.NameHello), i)
	}
	for i := range strangerPlaces + 7 {
		send(wire.PairTopic(nth(i), wire.NameCommit), i)
	}
	for i := range inboxPlaces - strangerPlaces - senderPlaces + 9 {
		send(wire.SignTopic(nth(i), wire.NameHello), i)
	}
	want := map[devices.Incident]int{
		{Kind: devices.MessageFlood, Sign: signID}: 5,
		{Kind: devices.PairingFlood}:               7,
		{Kind: devices.MessagesLost}:               9,
	}
	for i, n := range want {
		if named[i] != n {
			t.Errorf("%s of %q: %d named, want %d", i.Kind, i.Sign, named[i], n)
		}
	}
	if len(named) != len(want) || l.Stats().Dropped != 21 {
		t.Errorf("named %v, %d dropped, want 21", named, l.Stats().Dropped)
	}
}
