package mqttlink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sync"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Names of the fault points; each is called with ".before" and ".after".
const (
	faultWant      = "link.want"
	faultAck       = "link.ack"
	faultBlock     = "link.blk"
	faultChallenge = "link.challenge"
	faultIdentity  = "link.identity"
)

const (
	presence    = time.Hour        // an always-on sign says hello more often
	unconfirmed = 15 * time.Second // then a manifest is published again
	resendEvery = 5 * time.Second
	resendTimes = 3
)

// signState is what the link remembers of one sign, all of it dispensable.
type signState struct {
	turn chan struct{} // held while a manifest is on its way to the broker

	mu       sync.Mutex
	key      *[32]byte          // manifest key of the secret keyNo, nil when not looked up
	keyNo    uint32             // that the last hello named
	keyTurn  int                // rises when key is forgotten
	proved   *[32]byte          // manifest key that the last hello was signed with
	image    devices.ObjectHash // firmware it is offered, zero for none
	alwaysOn bool
	heard    time.Time
	want     *devices.Delivery // newest handed to Push or answered to a report
	sent     time.Time         // when want was published last, zero: not yet
	tries    int
	done     bool // the sign confirmed want
	budget   float64
	refilled time.Time

	stranger     int // objects asked for that are not its own, since strangeSince
	strangeSince time.Time
	olds         int // old messages that came, since oldSince
	oldSince     time.Time
}

func (l *Link) sign(id devices.SignID) *signState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.signs[id]
	if s == nil {
		s = &signState{turn: make(chan struct{}, 1), budget: blockBurst, refilled: time.Now()}
		l.signs[id] = s
	}
	return s
}

// newer reports whether a's (epoch, seq) is greater than (epoch, seq).
func newer(a *devices.Delivery, epoch, seq uint32) bool {
	return a.Epoch > epoch || (a.Epoch == epoch && a.Seq > seq)
}

// Push publishes the delivery to a sign that is connected; otherwise it returns
// devices.ErrNotConnected. A delivery that a newer one has overtaken is dropped
// without error. Nil means that the broker has it; it is published again a few
// times until the sign confirms it.
func (l *Link) Push(ctx context.Context, d devices.Delivery) error {
	if l.opts.Connected != nil && !l.opts.Connected(d.Sign) {
		return devices.ErrNotConnected
	}
	return l.deliver(ctx, d)
}

// deliver publishes a manifest: one at a time per sign, the newest wins.
func (l *Link) deliver(ctx context.Context, d devices.Delivery) error {
	s := l.sign(d.Sign)
	s.mu.Lock()
	if s.want == nil || !newer(s.want, d.Epoch, d.Seq) {
		if s.want == nil || newer(&d, s.want.Epoch, s.want.Seq) {
			s.tries = 0
		}
		s.want, s.done, s.sent = &d, false, time.Time{}
	}
	s.mu.Unlock()
	return l.publishWant(ctx, d.Sign, s)
}

// publishWant publishes the newest delivery of the sign.
func (l *Link) publishWant(ctx context.Context, id devices.SignID, s *signState) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	d := s.want
	if d == nil || !s.sent.IsZero() { // done by whoever held the turn
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	key, err := l.key(ctx, id, s)
	if err != nil {
		return fmt.Errorf("manifest for sign %s: %w", id, err)
	}
	now := time.Now()
	wake, jitter := seconds(d.NextWake, d.Jitter, now)
	msg, err := wire.AppendManifest(make([]byte, 0, len(d.Body)+64), d.Body, now.UnixMilli(), wake, jitter, key, string(id))
	if err != nil {
		return fmt.Errorf("manifest for sign %s: %w", id, err)
	}
	if err := l.publish(ctx, faultWant, wire.SignTopic(string(id), wire.NameWant), 1, msg); err != nil {
		return fmt.Errorf("manifest for sign %s: %w", id, err)
	}
	s.mu.Lock()
	if s.want == d {
		s.sent = now
		s.tries++
	}
	s.mu.Unlock()
	l.count.manifests.Add(1)
	return nil
}

// key returns the sign's manifest key.
func (l *Link) key(ctx context.Context, id devices.SignID, s *signState) (*[32]byte, error) {
	s.mu.Lock()
	key, turn := s.key, s.keyTurn
	s.mu.Unlock()
	if key != nil {
		return key, nil
	}
	c, err := l.opts.Gateway.Credential(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(c.ManifestKey) != 32 {
		return nil, fmt.Errorf("manifest key of %d bytes", len(c.ManifestKey))
	}
	key = (*[32]byte)(c.ManifestKey)
	s.mu.Lock()
	if turn == s.keyTurn {
		s.key, s.keyNo = key, c.Number
	}
	s.mu.Unlock()
	return key, nil
}

// forgetKey makes the key be looked up anew.
func (s *signState) forgetKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = nil
	s.keyTurn++
}

// confirmed notes what the sign said it accepted.
func (s *signState) confirmed(r devices.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = r.Received
	if r.Kind == devices.HelloReport {
		s.alwaysOn = r.Hardware.AlwaysOn
		if s.keyNo != r.Key {
			s.key = nil // [DL-KEY-5]
			s.keyTurn++
		}
	}
	if s.want != nil && r.Kind != devices.EventReport && !newer(s.want, r.Epoch, r.Seq) {
		s.done = true
		s.want = nil
	}
}

// resend publishes again what a connected sign did not confirm.
func (l *Link) resend(ctx context.Context) {
	tick := time.NewTicker(resendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !l.Ready() {
			continue
		}
		for id, s := range l.due(time.Now()) {
			if l.opts.Connected != nil && !l.opts.Connected(id) {
				s.mu.Lock()
				s.want = nil // it will say hello
				s.mu.Unlock()
				continue
			}
			if err := l.publishWant(ctx, id, s); err != nil && ctx.Err() == nil {
				l.log.Warn("mqtt: manifest not published", "sign", id, "err", err)
			}
		}
	}
}

// due returns the signs whose manifest must be published again.
func (l *Link) due(now time.Time) map[devices.SignID]*signState {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[devices.SignID]*signState{}
	for id, s := range l.signs {
		s.mu.Lock()
		if s.want != nil && now.Sub(s.sent) > unconfirmed {
			if s.tries >= resendTimes {
				s.want = nil
			} else {
				s.sent = time.Time{}
				out[id] = s
			}
		}
		s.mu.Unlock()
	}
	return out
}

// publish hands one message to the broker and waits until it has it.
func (l *Link) publish(ctx context.Context, fault, topic string, qos byte, msg []byte) error {
	l.mu.Lock()
	c := l.client
	l.mu.Unlock()
	if c == nil || !c.IsConnectionOpen() {
		return errOffline
	}
	l.opts.Fault(fault + ".before")
	err := await(ctx, c.Publish(topic, qos, false, msg), writeTimeout)
	l.opts.Fault(fault + ".after")
	return err
}

var errOffline = errors.New("no connection to the broker")

// seconds turns a promised contact into what travels.
func seconds(at time.Time, jitter time.Duration, now time.Time) (wake uint32, spread uint16) {
	if d := at.Sub(now); !at.IsZero() && d > 0 {
		wake = uint32(min(d/time.Second, 7*24*3600))
	}
	return wake, uint16(min(max(jitter, 0)/time.Second, 3600))
}
