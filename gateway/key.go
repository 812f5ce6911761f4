package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"time"

	"doorleaf/devices"
)

// SignKeys is where the renewal of a sign's secret stands.
type SignKeys struct {
	Number  uint32    // of the secret in use, 0 for the one from pairing
	Since   time.Time // it is in use
	Wanted  uint32    // number the sign shall ask for, 0 for none
	Factory bool      // the first secret came from a factory's file
	Next    *NextKey  // nil when none is on its way
}

// NextKey is a newer secret on its way to a sign. It is sealed at rest.
type NextKey struct {
	Credential devices.Credential // what comes from Secret, with its Number
	Secret     []byte             // 32 bytes
	Public     [32]byte           // the sign asked for it with this key
	Made       time.Time
	Stored     time.Time // the sign said that it has it; zero: not yet
}

// KeyStore keeps the secrets that are being renewed.
type KeyStore interface {
	SignKeys(ctx context.Context, id devices.SignID) (SignKeys, error)
	// WantKey stores which number the sign shall ask for, 0 for none.
	WantKey(ctx context.Context, id devices.SignID, number uint32) error
	// PutNextKey stores a newer secret beside the one in use, in place of another
	// on its way. ErrConflict unless its number is greater than that in use.
	PutNextKey(ctx context.Context, id devices.SignID, k NextKey) error
	// KeyStored notes that the sign has stored the secret on its way. ErrConflict
	// when that has another number. Said again, the first time stays.
	KeyStored(ctx context.Context, id devices.SignID, number uint32, at time.Time) error
	// UseKey puts the secret on its way into use and forgets the one before; a
	// wanted number up to it is no longer wanted. ErrConflict when the secret on
	// its way has another number.
	UseKey(ctx context.Context, id devices.SignID, number uint32, at time.Time) error
	// AddFactorySigns stores new signs with their credentials, all or none.
	// ErrConflict when one is known.
	AddFactorySigns(ctx context.Context, signs []FactorySign) error
}

// lostKey is how long after it said that it stored a newer secret a sign may go
// on with the old one before it is given another: it cannot use what it has.
const lostKey = 24 * time.Hour

// SignKeys returns where the renewal of a sign's secret stands, without the
// secret on its way.
func (c *Core) SignKeys(ctx context.Context, id devices.SignID) (SignKeys, error) {
	k, err := c.store.SignKeys(ctx, id)
	if k.Next != nil {
		k.Next = &NextKey{Credential: devices.Credential{Sign: id, Number: k.Next.Credential.Number}, Made: k.Next.Made, Stored: k.Next.Stored}
	}
	return k, err
}

// RenewKey makes a sign ask for a newer secret when it calls next. It fails with
// ErrInvalid when the sign or the broker cannot do that, and with ErrConflict
// when a renewal is under way.
func (c *Core) RenewKey(ctx context.Context, id devices.SignID) error {
	s, err := c.store.Sign(ctx, id)
	if err != nil {
		return err
	}
	if c.fixedPasswords {
		return fmt.Errorf("%w: the broker's passwords are not kept by this gateway", ErrInvalid)
	}
	if s.Hardware.Capabilities&devices.CanRenew == 0 {
		return fmt.Errorf("%w: sign %s cannot renew its secret", ErrInvalid, id)
	}
	k, err := c.store.SignKeys(ctx, id)
	if err != nil {
		return err
	}
	if k.Wanted != 0 && (k.Next == nil || k.Next.Stored.IsZero()) {
		return ErrConflict
	}
	if err := c.wantKey(ctx, id, k.following(0)); err != nil {
		return err
	}
	c.watch.notify()
	return nil
}

// following is the number after all that were given or that the sign names, 0
// when there is none.
func (k *SignKeys) following(named uint32) uint32 {
	last := max(k.Number, named)
	if k.Next != nil {
		last = max(last, k.Next.Credential.Number)
	}
	if last == math.MaxUint32 {
		return 0
	}
	return last + 1
}

func (c *Core) wantKey(ctx context.Context, id devices.SignID, number uint32) error {
	if number == 0 {
		return fmt.Errorf("%w: sign %s has had every secret there can be", ErrInvalid, id)
	}
	if err := c.store.WantKey(ctx, id, number); err != nil {
		return fmt.Errorf("renew secret of sign %s: %w", id, err)
	}
	c.log.Info("secret is to be renewed", "sign", id, "number", number)
	return nil
}

// noteKey puts a newer secret into use when the sign says that it connected with
// it: from now on the password before is refused.
func (c *Core) noteKey(ctx context.Context, r devices.Report) error {
	k, err := c.store.SignKeys(ctx, r.Sign)
	if err != nil || k.Next == nil || k.Next.Credential.Number != r.Key {
		return err
	}
	err = c.store.UseKey(ctx, r.Sign, r.Key, r.Received)
	if errors.Is(err, ErrConflict) {
		return nil // another one is on its way already
	}
	if err == nil {
		if c.passwordEnded != nil {
			c.passwordEnded(r.Sign)
		}
		c.log.Info("secret renewed", "sign", r.Sign, "number", r.Key)
		c.watch.notify()
	}
	return err
}

// WantedKey returns the number of the secret that a sign shall ask for after a
// hello, 0 for none: when a person wants it, when the one in use is old, or when
// that comes from a factory's file.
func (c *Core) WantedKey(ctx context.Context, hello devices.Report) (uint32, error) {
	if c.fixedPasswords || hello.Hardware.Capabilities&devices.CanRenew == 0 {
		return 0, nil
	}
	k, err := c.store.SignKeys(ctx, hello.Sign)
	if err != nil {
		return 0, err
	}
	number, named := k.Wanted, hello.Key
	switch has := k.Next != nil && !k.Next.Stored.IsZero(); {
	case has && number <= k.Next.Credential.Number:
		if hello.Received.Sub(k.Next.Stored) < lostKey {
			c.letReconnect(ctx, hello, k.Next)
			return 0, nil
		}
		number = k.following(named) // it does not get in with that one
	case number == 0:
		due, err := c.keyIsDue(ctx, hello, k)
		if err != nil || !due {
			return 0, err
		}
		number = k.following(named)
	case number <= named:
		number = k.following(named)
	}
	if number == 0 || number == k.Wanted {
		return number, nil
	}
	return number, c.wantKey(ctx, hello.Sign, number)
}

// keyIsDue reports whether the secret in use is to be replaced.
func (c *Core) keyIsDue(ctx context.Context, hello devices.Report, k SignKeys) (bool, error) {
	if k.Factory && k.Number == 0 {
		return true, nil
	}
	site, err := c.store.Site(ctx)
	if err != nil {
		return false, err
	}
	return site.KeyDays > 0 && hello.Received.Sub(k.Since) >= time.Duration(site.KeyDays)*24*time.Hour, nil
}

// letReconnect closes the session of a sign that stays connected, once, so that
// it connects with the secret it has stored.
func (c *Core) letReconnect(ctx context.Context, hello devices.Report, next *NextKey) {
	if !hello.Hardware.AlwaysOn {
		return
	}
	e := c.signs.entry(hello.Sign)
	e.mu.Lock()
	again := e.kickedFor == next.Credential.Number
	e.kickedFor = next.Credential.Number
	e.mu.Unlock()
	if again {
		return
	}
	if err := c.wire.Kick(ctx, hello.Sign); err != nil {
		c.log.Warn("close session", "sign", hello.Sign, "err", err)
	}
}

// NewSecret returns the secret with that number for a sign that asked for it
// with a public key: the same one for the same key. The error is
// devices.ErrKeyNumber for a number that is not wanted.
func (c *Core) NewSecret(ctx context.Context, id devices.SignID, number uint32, public [32]byte) ([]byte, error) {
	k, err := c.store.SignKeys(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, devices.ErrUnknownSign
	}
	if err != nil {
		return nil, err
	}
	if k.Next != nil && k.Next.Credential.Number == number && k.Next.Public == public {
		return k.Next.Secret, nil
	}
	if number == 0 || number != k.Wanted || c.fixedPasswords {
		return nil, devices.ErrKeyNumber
	}
	if k.Next != nil && k.Next.Credential.Number == number && !k.Next.Stored.IsZero() {
		return nil, devices.ErrKeyNumber // it has that one: an old question, said again
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	cred := c.wire.Credential(id, secret)
	cred.Number = number
	err = c.store.PutNextKey(ctx, id, NextKey{Credential: cred, Secret: secret, Public: public, Made: time.Now()})
	if errors.Is(err, ErrConflict) {
		return nil, devices.ErrKeyNumber
	}
	if err != nil {
		return nil, fmt.Errorf("new secret of sign %s: %w", id, err)
	}
	return secret, nil
}

// SecretStored notes that a sign has stored the secret with that number, and
// tells a broker that is not ours. The error is devices.ErrKeyNumber when the
// sign was not given that one.
func (c *Core) SecretStored(ctx context.Context, id devices.SignID, number uint32) error {
	err := c.store.KeyStored(ctx, id, number, time.Now())
	switch {
	case errors.Is(err, ErrNotFound):
		return devices.ErrUnknownSign
	case errors.Is(err, ErrConflict):
		return devices.ErrKeyNumber
	case err != nil:
		return fmt.Errorf("new secret of sign %s: %w", id, err)
	}
	c.watch.notify()
	if c.newPassword == nil {
		return nil
	}
	k, err := c.store.SignKeys(ctx, id)
	if err != nil || k.Next == nil {
		return err
	}
	cred := k.Next.Credential
	if err := c.newPassword(ctx, devices.Login{Sign: id, Password: cred.Password, PasswordHash: cred.PasswordHash}); err != nil {
		return fmt.Errorf("new password of sign %s at the broker: %w", id, err)
	}
	return nil
}
