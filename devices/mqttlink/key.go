package mqttlink

import (
	"context"
	"crypto/rand"
	"fmt"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Keys is what the link needs for renewing the secrets of signs.
type Keys interface {
	// WantedKey returns the number of the secret that the sign shall ask for
	// after that hello, 0 for none.
	WantedKey(ctx context.Context, hello devices.Report) (uint32, error)
	// NewSecret returns the secret with that number, 32 bytes: the same one for
	// the same public key. It is stored, and its password let in, before it is
	// returned. The error is devices.ErrKeyNumber for a number that is not wanted.
	NewSecret(ctx context.Context, id devices.SignID, number uint32, public [32]byte) ([]byte, error)
	// SecretStored notes that the sign has stored the secret with that number.
	// The error is devices.ErrKeyNumber when it was not given that one.
	SecretStored(ctx context.Context, id devices.SignID, number uint32) error
}

// Names of fault points.
const faultKey = "link.key"

// renew takes a question for a newer secret, or the word that it is stored
// [DL-KEY-2, DL-KEY-4]. One that is not signed with the key in use changes
// nothing.
func (l *Link) renew(ctx context.Context, id devices.SignID, m wire.Key) error {
	if l.opts.Keys == nil {
		return devices.ErrKeyNumber
	}
	if m.Stored {
		if err := l.verifyStored(ctx, id, m); err != nil {
			return err
		}
		if err := l.opts.Keys.SecretStored(ctx, id, m.Number); err != nil {
			return err
		}
		return l.ack(ctx, devices.Report{Sign: id, Boot: m.Boot, Counter: m.Counter}, false)
	}
	key, err := l.key(ctx, id, l.sign(id))
	if err != nil {
		return err
	}
	if err := m.Verify(key, string(id)); err != nil {
		return err
	}
	secret, err := l.opts.Keys.NewSecret(ctx, id, m.Number, m.Public)
	if err != nil {
		return err
	}
	answer, err := wire.SealKey(rand.Reader, key, string(id), m, secret)
	if err != nil {
		return err
	}
	msg, err := answer.Marshal()
	if err != nil {
		return err
	}
	l.count.keys.Add(1)
	return l.publish(ctx, faultKey, wire.SignTopic(string(id), wire.NameNewKey), 1, msg)
}

// verifyStored checks the word that a newer secret is stored: only who opened it
// can sign that.
func (l *Link) verifyStored(ctx context.Context, id devices.SignID, m wire.Key) error {
	c, err := l.opts.Gateway.Credential(ctx, id)
	if err != nil {
		return err
	}
	if c.NextNumber != m.Number || len(c.NextManifestKey) != 32 {
		return devices.ErrKeyNumber
	}
	return m.Verify((*[32]byte)(c.NextManifestKey), string(id))
}

// provenHello checks that the sign itself says a hello: with the secret in use,
// or with the newer one on its way, whichever it names [DL-KEY-8]. The error is
// wire.ErrMAC.
func (l *Link) provenHello(ctx context.Context, id devices.SignID, m wire.Hello, message []byte) error {
	s := l.sign(id)
	s.mu.Lock()
	key, number := s.key, s.keyNo
	s.mu.Unlock()
	if key == nil || number != m.KeyNumber {
		c, err := l.opts.Gateway.Credential(ctx, id)
		if err != nil {
			return err
		}
		key = nil
		switch {
		case m.KeyNumber == c.Number && len(c.ManifestKey) == 32:
			key = (*[32]byte)(c.ManifestKey)
		case m.KeyNumber == c.NextNumber && len(c.NextManifestKey) == 32:
			key = (*[32]byte)(c.NextManifestKey)
		}
	}
	if key == nil {
		return fmt.Errorf("%w: hello names secret %d", wire.ErrMAC, m.KeyNumber)
	}
	if err := m.Verify(key, string(id), message); err != nil {
		return err
	}
	s.mu.Lock()
	s.proved = key // a sign that is removed later is told so with it
	s.mu.Unlock()
	return nil
}

// proven checks that the sign itself says a shown or an event, as verify tells of
// a key: with the secret in use, or with the newer one on its way [DL-KEY-8]. The
// error is wire.ErrMAC.
func (l *Link) proven(ctx context.Context, id devices.SignID, verify func(key *[32]byte) error) error {
	key, err := l.key(ctx, id, l.sign(id))
	if err != nil {
		return err
	}
	if err = verify(key); err == nil {
		return nil
	}
	c, lost := l.opts.Gateway.Credential(ctx, id)
	if lost != nil {
		return lost
	}
	if len(c.NextManifestKey) == 32 && verify((*[32]byte)(c.NextManifestKey)) == nil {
		return nil
	}
	return err
}
