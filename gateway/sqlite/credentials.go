package sqlite

import (
	"context"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// slot is one of a connection's two credentials: the names of its columns in
// the table connections. secret and key are sealed.
type slot struct{ secret, expires, cert, key string }

func inUse() slot { return slot{"sealed_secret", "secret_expires", "cert_pem", "sealed_key"} }

func inSpare() slot {
	return slot{"sealed_spare_secret", "spare_expires", "spare_cert_pem", "sealed_spare_key"}
}

// sealedCredential is what a slot seals.
type sealedCredential struct{ secret, key []byte }

// sealed returns the value sealed for its place, nothing for nothing.
func (s *Store) sealed(table, column, row, plain string) []byte {
	if plain == "" {
		return []byte{}
	}
	return s.seal.seal(table, column, row, []byte(plain))
}

// unsealed opens what sealed returned.
func (s *Store) unsealed(table, column, row string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := s.seal.open(table, column, row, sealed)
	return string(plain), err
}

// openCredential returns the sealed parts of a credential.
func (s *Store) openCredential(sl slot, id connection.ID, sealed sealedCredential) (c connection.Credential, err error) {
	if c.Secret, err = s.unsealed("connections", sl.secret, rowKey(id), sealed.secret); err != nil {
		return c, err
	}
	c.KeyPEM, err = s.unsealed("connections", sl.key, rowKey(id), sealed.key)
	return c, err
}

func (s *Store) putCredential(t *tx, sl slot, id connection.ID, c connection.Credential) error {
	return found(t.affect(`UPDATE connections SET `+sl.secret+` = ?, `+sl.expires+` = ?, `+sl.cert+` = ?, `+sl.key+` = ? WHERE id = ?`,
		s.sealed("connections", sl.secret, rowKey(id), c.Secret), c.Expires, c.CertPEM,
		s.sealed("connections", sl.key, rowKey(id), c.KeyPEM), int64(id)))
}

func credentialWithin(c connection.Credential) error {
	return within("credential", max(len(c.Secret), len(c.Expires), len(c.CertPEM), len(c.KeyPEM)), maxSecret)
}

// SaveSpare implements gateway.ConnectionStore.
func (s *Store) SaveSpare(ctx context.Context, id connection.ID, c connection.Credential) error {
	if err := credentialWithin(c); err != nil {
		return failed("save spare", err)
	}
	return s.write(ctx, "save spare", func(t *tx) error { return s.putCredential(t, inSpare(), id, c) })
}

// SwapCredential implements gateway.ConnectionStore. Each credential is sealed
// anew for its new place.
func (s *Store) SwapCredential(ctx context.Context, id connection.ID) error {
	return s.write(ctx, "swap credential", func(t *tx) error {
		c, err := s.getConnection(t, id)
		if err != nil {
			return err
		}
		if c.Spare.IsZero() {
			return gateway.ErrConflict
		}
		if err := s.putCredential(t, inUse(), id, c.Spare); err != nil {
			return err
		}
		return s.putCredential(t, inSpare(), id, c.Settings.Credential())
	})
}
