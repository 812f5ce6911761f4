package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// maxKeySecret bounds the secret of a sign; the protocol uses 32 bytes.
const maxKeySecret = 64

// SignKeys implements gateway.KeyStore.
func (s *Store) SignKeys(ctx context.Context, id devices.SignID) (k gateway.SignKeys, err error) {
	err = s.read(ctx, "sign keys", func(q querier) error {
		k, err = s.signKeys(q, id)
		return err
	})
	if err != nil {
		return gateway.SignKeys{}, err
	}
	return k, nil
}

func (s *Store) signKeys(q querier, id devices.SignID) (k gateway.SignKeys, err error) {
	var n int64
	err = q.get(`SELECT n, key_number, coalesce(key_since, paired_at), key_wanted, key_factory FROM signs WHERE id = ?`, []any{string(id)},
		&n, &k.Number, instant{&k.Since}, &k.Wanted, &k.Factory)
	if err != nil {
		return k, err
	}
	k.Next, err = s.nextKey(q, n, id)
	if errors.Is(err, sql.ErrNoRows) {
		return k, nil
	}
	return k, err
}

// nextKey returns the secret on its way to a sign.
func (s *Store) nextKey(q querier, n int64, id devices.SignID) (*gateway.NextKey, error) {
	k := &gateway.NextKey{Credential: devices.Credential{Sign: id}}
	var manifest, password, secret []byte
	err := q.get(`SELECT number, public, password_hash, sealed_manifest_key, sealed_password, sealed_secret, made, stored
		FROM next_keys WHERE sign = ?`, []any{n}, &k.Credential.Number, scan32(&k.Public), scan32(&k.Credential.PasswordHash),
		&manifest, &password, &secret, instant{&k.Made}, instant{&k.Stored})
	if err != nil {
		return nil, err
	}
	if k.Credential.ManifestKey, err = s.seal.open("next_keys", "sealed_manifest_key", string(id), manifest); err != nil {
		return nil, err
	}
	if k.Credential.Password, err = s.unsealed("next_keys", "sealed_password", string(id), password); err != nil {
		return nil, err
	}
	k.Secret, err = s.seal.open("next_keys", "sealed_secret", string(id), secret)
	return k, err
}

// WantKey implements gateway.KeyStore.
func (s *Store) WantKey(ctx context.Context, id devices.SignID, number uint32) error {
	return s.write(ctx, "want key", func(t *tx) error {
		return found(t.affect(`UPDATE signs SET key_wanted = ? WHERE id = ?`, int64(number), string(id)))
	})
}

// PutNextKey implements gateway.KeyStore.
func (s *Store) PutNextKey(ctx context.Context, id devices.SignID, k gateway.NextKey) error {
	c := k.Credential
	switch {
	case c.Sign != id:
		return failed("put next key", fmt.Errorf("%w: a secret of another sign", gateway.ErrInvalid))
	case len(c.ManifestKey) > maxManifestKey || len(c.Password) > maxPassword || len(k.Secret) > maxKeySecret:
		return failed("put next key", within("secret", max(len(c.ManifestKey), len(c.Password), len(k.Secret)), maxKeySecret))
	}
	manifest := s.seal.seal("next_keys", "sealed_manifest_key", string(id), c.ManifestKey)
	password := s.sealed("next_keys", "sealed_password", string(id), c.Password)
	secret := s.seal.seal("next_keys", "sealed_secret", string(id), k.Secret)
	return s.write(ctx, "put next key", func(t *tx) error {
		now, err := s.signKeys(t, id)
		if err != nil {
			return err
		}
		if c.Number <= now.Number {
			return gateway.ErrConflict
		}
		n, err := signKey(t, id)
		if err != nil {
			return err
		}
		return t.exec(`INSERT OR REPLACE INTO next_keys (sign, number, public, password_hash, sealed_manifest_key, sealed_password, sealed_secret, made, stored)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, n, int64(c.Number), k.Public[:], c.PasswordHash[:], manifest, password, secret, ms(k.Made), ms(k.Stored))
	})
}

// numbered returns the secret on its way to a sign when it has that number.
func (s *Store) numbered(t *tx, id devices.SignID, number uint32) (n int64, k *gateway.NextKey, err error) {
	if n, err = signKey(t, id); err != nil {
		return 0, nil, err
	}
	k, err = s.nextKey(t, n, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && k.Credential.Number != number {
		return 0, nil, gateway.ErrConflict
	}
	return n, k, err
}

// KeyStored implements gateway.KeyStore. A broker that is not ours is to know
// the newer password from now on.
func (s *Store) KeyStored(ctx context.Context, id devices.SignID, number uint32, at time.Time) error {
	return s.write(ctx, "key stored", func(t *tx) error {
		n, k, err := s.numbered(t, id, number)
		if err != nil {
			return err
		}
		if err := s.putPassword(t, n, id, k.Credential.Password); err != nil {
			return err
		}
		return t.exec(`UPDATE next_keys SET stored = coalesce(stored, ?) WHERE sign = ?`, ms(at), n)
	})
}

// UseKey implements gateway.KeyStore.
func (s *Store) UseKey(ctx context.Context, id devices.SignID, number uint32, at time.Time) error {
	return s.write(ctx, "use key", func(t *tx) error {
		n, k, err := s.numbered(t, id, number)
		if err != nil {
			return err
		}
		c := k.Credential
		if err := s.putPassword(t, n, id, c.Password); err != nil {
			return err
		}
		manifest := s.seal.seal("signs", "sealed_manifest_key", string(id), c.ManifestKey)
		err = t.exec(`UPDATE signs SET key_number = ?1, key_since = ?2, password_hash = ?3, sealed_manifest_key = ?4,
			key_wanted = CASE WHEN key_wanted <= ?1 THEN 0 ELSE key_wanted END WHERE n = ?5`,
			int64(number), ms(at), c.PasswordHash[:], manifest, n)
		if err != nil {
			return err
		}
		return t.exec(`DELETE FROM next_keys WHERE sign = ?`, n)
	})
}

// AddFactorySigns implements gateway.KeyStore.
func (s *Store) AddFactorySigns(ctx context.Context, signs []gateway.FactorySign) error {
	inserts := make([]func(*tx) (int64, error), len(signs))
	for i, f := range signs {
		var err error
		if inserts[i], err = s.insertSign(f.Sign, f.Credential); err != nil {
			return failed("add factory signs", err)
		}
	}
	return s.write(ctx, "add factory signs", func(t *tx) error {
		for _, insert := range inserts {
			n, err := insert(t)
			if err != nil {
				return err
			}
			if err := t.exec(`UPDATE signs SET key_factory = 1 WHERE n = ?`, n); err != nil {
				return err
			}
		}
		return nil
	})
}
