package mqttlink

import (
	"bytes"
	"sync"
	"time"
)

// Places for messages that wait to be handled.
const (
	inboxPlaces    = 16 << 10        // of all: more than one each of 10,000 signs
	senderPlaces   = 64              // of one sign; 6 may be under way by the protocol
	strangerPlaces = 1 << 10         // of all signs that pair, together
	repeatedAfter  = 1 * time.Second // signs repeat what is not answered after 3 s or later
)

// verdict says what became of a message that came.
type verdict uint8

const (
	taken        verdict = iota
	repeated             // it waits already
	overSender           // its sender has too many waiting
	overStranger         // signs that pair have too many waiting
	overAll              // all places were taken: it, or one of who had more waiting, was let go
)

// inbox keeps messages until they are handled: those of one sender in the order
// they came and one at a time, the senders in turn, so that nobody waits for who
// sends more. When all places are taken, the newest message of who has the most
// makes way for those who have fewer. put never blocks.
type inbox struct {
	mu        sync.Mutex
	cond      *sync.Cond
	closed    bool                                   // guarded by mu
	senders   map[string]*sender                     // guarded by mu; who waits or is served
	turns     []*sender                              // guarded by mu; who waits and is not served
	waiting   int                                    // guarded by mu; messages
	strangers int                                    // guarded by mu; of them from signs that pair
	bySize    [senderPlaces + 1]map[*sender]struct{} // guarded by mu; who waits, by how many messages
}

// sender is a sign, or an attempt to pair, of which messages wait or are handled.
type sender struct {
	name   string
	queue  []inbound
	served bool
}

func newInbox() *inbox {
	b := &inbox{senders: map[string]*sender{}}
	b.cond = sync.NewCond(&b.mu)
	for i := range b.bySize {
		b.bySize[i] = map[*sender]struct{}{}
	}
	return b
}

// put takes a message in.
func (b *inbox) put(in inbound) verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.senders[in.sender()]
	if s == nil {
		s = &sender{name: in.sender()}
	}
	stranger := in.topic.Sign == ""
	switch {
	case s.has(in):
		return repeated
	case len(s.queue) >= senderPlaces:
		return overSender
	case stranger && b.strangers >= strangerPlaces:
		return overStranger
	case b.closed:
		return overAll
	}
	result := taken
	if b.waiting >= inboxPlaces {
		if result = overAll; !b.makeWay(len(s.queue)) {
			return result
		}
	}
	b.senders[s.name] = s
	b.resize(s, func() { s.queue = append(s.queue, in) })
	b.count(in, +1)
	if len(s.queue) == 1 && !s.served {
		b.turns = append(b.turns, s)
		b.cond.Signal()
	}
	return result
}

// has reports whether the same message waits, so that one answer is one to both.
func (s *sender) has(in inbound) bool {
	for _, w := range s.queue {
		if w.topic == in.topic && in.received.Sub(w.received) >= repeatedAfter && bytes.Equal(w.payload, in.payload) {
			return true
		}
	}
	return false
}

// makeWay lets the newest message go of one who has more waiting than somebody
// with n will have; false when nobody has.
func (b *inbox) makeWay(n int) bool {
	for size := senderPlaces; size > n+1; size-- {
		for s := range b.bySize[size] {
			last := s.queue[size-1]
			b.resize(s, func() { s.queue = s.queue[:size-1] })
			b.count(last, -1)
			return true
		}
	}
	return false
}

// resize changes a sender's queue and keeps bySize right; the caller holds mu.
func (b *inbox) resize(s *sender, change func()) {
	delete(b.bySize[len(s.queue)], s)
	change()
	if n := len(s.queue); n > 0 {
		b.bySize[n][s] = struct{}{}
	}
}

// count notes that a message came or went; the caller holds mu.
func (b *inbox) count(in inbound, n int) {
	b.waiting += n
	if in.topic.Sign == "" {
		b.strangers += n
	}
}

// take waits for a message; nobody else is given one of its sender before done.
// False when the inbox was closed.
func (b *inbox) take() (in inbound, done func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.turns) == 0 && !b.closed {
		b.cond.Wait()
	}
	if b.closed {
		return inbound{}, nil, false
	}
	s := b.turns[0]
	b.turns[0] = nil
	b.turns = b.turns[1:]
	in = s.queue[0]
	b.resize(s, func() {
		s.queue[0] = inbound{}
		s.queue = s.queue[1:]
	})
	b.count(in, -1)
	s.served = true
	return in, func() { b.done(s) }, true
}

func (b *inbox) done(s *sender) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.served = false
	if len(s.queue) == 0 {
		delete(b.senders, s.name)
		return
	}
	b.turns = append(b.turns, s)
	b.cond.Signal()
}

// close ends take; what waits is dropped.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.cond.Broadcast()
}
