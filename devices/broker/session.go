package broker

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"doorleaf/devices"
)

// Limits of one session. A picture of 48 KB is pulled in chunks of at most
// 4 KB, a few at a time.
const (
	maxConnect      = 1 << 10          // bytes of a CONNECT
	maxFromSign     = 4<<10 + 128      // bytes of a packet from a sign
	maxFromGateway  = 64 << 10         // bytes of a packet from the gateway
	maxPendingSign  = 96 << 10         // bytes waiting for one slow sign
	maxPendingInner = 16 << 20         // bytes waiting for the gateway
	maxPendingAll   = 32 << 20         // bytes waiting for all signs, then each may have
	maxPendingThen  = 12 << 10         // so many
	maxSilence      = 20 * time.Minute // when a client asked for no keep-alive
	writeLimit      = 10 * time.Second // for one write to a peer
)

var errOverflow = errors.New("peer does not read fast enough")

// session is one authenticated connection. To mochi it is a net.Conn that
// yields only whole, checked packets; writing to it never blocks, because
// mochi holds a lock of the client while it writes and one stuck sign must not
// hold up the others. Read is called by one goroutine only.
type session struct {
	grant
	clientID string
	conn     net.Conn
	reader   *bufio.Reader
	broker   *Broker
	quota    *quota // of the sign, from connection to connection
	limit    int
	maxWait  int
	kicks    int // of the broker when the credential was checked

	// slots bounds what waits in mochi's queue for a gateway, so that a burst
	// of signs waits instead of losing messages. Nil for other roles.
	slots chan struct{}

	cur        []byte // unread rest of the current packet
	subscribes bucket

	subscribed atomic.Bool
	told       bool          // the watcher knows of it; set by the serving goroutine
	done       chan struct{} // closed by Close
	ended      chan struct{} // closed when the serving goroutine is through
	once       sync.Once
	pairing    *time.Timer // ends an attempt to pair; nil for other roles
	places     []*address  // taken by an attempt to pair

	mu       sync.Mutex
	pending  []byte // guarded by mu: bytes nobody writes yet
	flushing bool   // guarded by mu
	closed   bool   // guarded by mu
}

func newSession(g grant, clientID string, conn net.Conn, r *bufio.Reader, first []byte, b *Broker) *session {
	s := &session{
		grant: g, clientID: clientID, conn: conn, reader: r, broker: b, cur: first,
		limit: maxFromSign, maxWait: maxPendingSign, quota: &quota{},
		done: make(chan struct{}), ended: make(chan struct{}),
	}
	if g.role == roleGateway {
		s.limit, s.maxWait = maxFromGateway, maxPendingInner
		s.slots = make(chan struct{}, writesPending-writesPending/4)
	}
	return s
}

// Read yields the bytes of packets that passed check.
func (s *session) Read(p []byte) (int, error) {
	for len(s.cur) == 0 {
		pk, err := readPacket(s.reader, s.limit)
		if err == nil && s.role != roleOpen {
			err = check(pk)
		}
		if err != nil {
			if o := (*offence)(nil); errors.As(err, &o) {
				s.broker.count.malformed.Add(1)
				s.note(o.kind)
			}
			return 0, err
		}
		if err := s.pace(pk); err != nil {
			return 0, err
		}
		if !s.confirm(pk) {
			s.cur = pk.raw
		}
	}
	n := copy(p, s.cur)
	s.cur = s.cur[n:]
	if len(s.cur) == 0 {
		s.cur = nil
	}
	return n, nil
}

// confirm answers a sign that subscribes again to what it has. mochi would
// refuse that with a code that MQTT 3.1.1 does not know, where the number of the
// SUBSCRIBE is also that of a message under way.
func (s *session) confirm(pk packet) bool {
	if pk.kind != typeSubscribe || s.role != roleSign || !s.subscribed.Load() {
		return false
	}
	d := fields{rest: pk.body}
	id := d.uint16()
	ack := []byte{typeSuback << 4, 2, byte(id >> 8), byte(id)}
	for len(d.rest) > 0 {
		filter, qos := d.text(), d.byte()
		if !s.maySubscribe(filter) {
			return false
		}
		ack = append(ack, min(qos, 1))
		ack[1]++
		if ack[1] > 100 {
			return false
		}
	}
	_, _ = s.Write(ack)
	return true
}

// errGreedy is a client that changes its subscriptions without end.
var errGreedy = errors.New("too many subscriptions")

// pace slows a client down that sends more than its share, and counts it. One
// that subscribes without end is sent away: it has one subscription.
func (s *session) pace(pk packet) error {
	if s.role == roleGateway || s.role == roleOpen {
		return nil
	}
	now := s.broker.clock()
	if pk.kind == typeSubscribe || pk.kind == typeUnsubscribe {
		if !s.subscribes.take(now, 1, subscribeRate, subscribeBurst) {
			s.note(devices.MessageFlood)
			return errGreedy
		}
	}
	d := max(s.quota.messages.wait(now, 1, messageRate, messageBurst),
		s.quota.octets.wait(now, float64(len(pk.raw)), octetRate, octetBurst))
	if d == 0 {
		return nil
	}
	s.broker.count.paced.Add(1)
	s.note(devices.MessageFlood)
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-s.done:
	}
	return nil
}

// note counts an incident of this client.
func (s *session) note(kind devices.IncidentKind) {
	if s.role != roleGateway {
		s.broker.note(kind, s.sign(), hostOf(s.conn))
	}
}

// denied counts a topic that is not granted.
func (s *session) denied(kind devices.IncidentKind) {
	s.broker.count.denied.Add(1)
	s.note(kind)
}

// Write takes the bytes over and returns at once; when the peer does not read,
// the session is closed.
func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	if wait := len(s.pending) + len(p); wait > s.maxWait || (s.role != roleGateway && wait > maxPendingThen && s.broker.pending.Load() > maxPendingAll) {
		s.broker.count.overflowed.Add(1)
		s.note(devices.NotReading)
		go s.Close()
		return 0, errOverflow
	}
	s.pending = append(s.pending, p...)
	s.broker.pending.Add(int64(len(p)))
	if !s.flushing {
		s.flushing = true
		go s.flush()
	}
	return len(p), nil
}

// flush writes until nothing is pending; it holds no memory while idle.
func (s *session) flush() {
	for {
		s.mu.Lock()
		out := s.pending
		s.pending = nil
		if len(out) == 0 || s.closed { // Close leaves nothing pending
			s.flushing = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		_ = s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
		_, err := s.conn.Write(out)
		s.broker.pending.Add(-int64(len(out)))
		if err != nil {
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				s.note(devices.NotReading)
			}
			s.Close()
		}
	}
}

// Close ends the session; it may be called often and from anywhere.
func (s *session) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.broker.pending.Add(-int64(len(s.pending)))
		s.pending = nil
		s.mu.Unlock()
		close(s.done)
		hangUp(s.conn)
	})
	return nil
}

// SetDeadline bounds reading; writing has limits of its own. A client that
// asked for no keep-alive is still bounded.
func (s *session) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetReadDeadline is as SetDeadline.
func (s *session) SetReadDeadline(t time.Time) error {
	last := time.Now().Add(maxSilence)
	if t.IsZero() || t.After(last) {
		t = last
	}
	return s.conn.SetReadDeadline(t)
}

// SetWriteDeadline does nothing: each write has its own.
func (s *session) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is that of the connection.
func (s *session) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// RemoteAddr is that of the connection.
func (s *session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// takeSlot waits until the gateway's queue has room.
func (s *session) takeSlot() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	case <-s.done:
		return false
	}
}

// giveSlot undoes takeSlot.
func (s *session) giveSlot() {
	select {
	case <-s.slots:
	default:
	}
}
