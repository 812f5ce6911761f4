package mqttlink

import (
	"context"
	"errors"
	"time"

	"doorleaf/devices"
)

// A message that a broker or a network doubled comes soon after the first. What
// comes later was recorded and sent again.
const (
	lateWord    = 2 * time.Minute // after the newest message of the sign
	lateAllowed = 8               // old messages within that, in an hour
)

// old answers a report that is older than one that came, as a hello of a sign
// that lost what it had may be. Nothing of it is believed: neither the key it
// names nor what it confirms. A press is not acknowledged, so that a sign whose
// boot is not known says hello [DL-MSG-16].
func (l *Link) old(ctx context.Context, r devices.Report, d *devices.Delivery) error {
	l.replayed(r.Sign, r.Received)
	if r.Kind != devices.HelloReport {
		return nil
	}
	r.Kind = devices.ShownReport // nothing about keys
	if err := l.ack(ctx, r, d != nil); err != nil || d == nil {
		return err
	}
	return l.deliver(ctx, *d)
}

// replayed counts an old message, and names it where no network made it old.
func (l *Link) replayed(id devices.SignID, at time.Time) {
	l.count.replayed.Add(1)
	s := l.sign(id)
	s.mu.Lock()
	if at.Sub(s.oldSince) > time.Hour {
		s.oldSince, s.olds = at, 0
	}
	s.olds++
	name := s.olds > lateAllowed || (!s.heard.IsZero() && at.Sub(s.heard) > lateWord)
	s.mu.Unlock()
	if name {
		l.incident(devices.ReplayedMessage, id)
	}
}

// errSpent is a commitment that was made in another attempt to pair.
var errSpent = errors.New("commitment of another attempt")

// maxSpent bounds the commitments that are remembered.
const maxSpent = 4096

// spend notes the commitment of a new attempt; false when another attempt made
// it [DL-PAIR-2]. Signs make a new one for each. The caller holds mu.
func (p *pairTable) spend(commitment [32]byte, nonce string) bool {
	if before, ok := p.spent[commitment]; ok {
		return before == nonce
	}
	if p.spent == nil || len(p.spent) >= maxSpent {
		p.spent = map[[32]byte]string{}
	}
	p.spent[commitment] = nonce
	return true
}
