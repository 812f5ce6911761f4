package mqttlink

import (
	"context"
	"errors"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// How long a session stays open for the word that the sign was removed. A sign
// that takes it hangs up by itself.
const (
	farewell     = 500 * time.Millisecond
	farewellLook = 10 * time.Millisecond
)

// faultGone is the name of a fault point.
const faultGone = "link.gone"

// Kick forgets the sign and closes its session where the broker can. A sign that
// was removed is told so first, if it is connected, so that it shows a new code
// at once [DL-PAIR-13].
func (l *Link) Kick(ctx context.Context, id devices.SignID) error {
	l.mu.Lock()
	s := l.signs[id]
	delete(l.signs, id)
	l.mu.Unlock()
	l.objects.forget(id)
	if s != nil {
		if _, err := l.opts.Gateway.Credential(ctx, id); errors.Is(err, devices.ErrUnknownSign) {
			l.sayGone(ctx, id, s)
		}
	}
	if l.opts.KickSession != nil {
		l.opts.KickSession(id)
	}
	return nil
}

// Remove implements gateway.Link. A sign that said nothing since the start is
// told with the key that was in use.
func (l *Link) Remove(ctx context.Context, c devices.Credential) error {
	if len(c.ManifestKey) == 32 {
		s := l.sign(c.Sign)
		s.mu.Lock()
		if s.proved == nil {
			s.proved = (*[32]byte)(c.ManifestKey)
		}
		s.mu.Unlock()
	}
	return l.Kick(ctx, c.Sign)
}

// sayGone tells a sign that it was removed, and leaves it the time to take that.
func (l *Link) sayGone(ctx context.Context, id devices.SignID, s *signState) {
	s.mu.Lock()
	key := s.proved
	if key == nil {
		key = s.key
	}
	s.mu.Unlock()
	if key == nil || (l.opts.Connected != nil && !l.opts.Connected(id)) {
		return
	}
	m := wire.SignRemoved(key, string(id))
	msg, err := m.Marshal()
	if err != nil || l.publish(ctx, faultGone, wire.SignTopic(string(id), wire.NameGone), 1, msg) != nil {
		return // the sign finds out by itself [DL-PAIR-9]
	}
	if l.opts.Connected == nil {
		return
	}
	look := time.NewTicker(farewellLook)
	defer look.Stop()
	for end := time.Now().Add(farewell); l.opts.Connected(id) && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}
