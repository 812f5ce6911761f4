package sqlite

import (
	"context"
	"fmt"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// maxPassword bounds an MQTT password; the protocol uses 48 bytes.
const maxPassword = 128

// putPassword keeps a sign's MQTT password beside its hash, for brokers that
// are not ours: they keep hashes of their own kinds, and one that lost its
// users gets them again without anybody walking to the doors. An empty one
// changes nothing.
func (s *Store) putPassword(t *tx, n int64, id devices.SignID, password string) error {
	if password == "" {
		return nil
	}
	if len(password) > maxPassword {
		return fmt.Errorf("%w: %v", gateway.ErrInvalid, within("password", len(password), maxPassword))
	}
	sealed := s.seal.seal("broker_logins", "sealed_password", string(id), []byte(password))
	return t.exec(`INSERT INTO broker_logins (sign, sealed_password) VALUES (?, ?)
		ON CONFLICT (sign) DO UPDATE SET sealed_password = excluded.sealed_password`, n, sealed)
}

// Logins returns what every sign logs in with, by id. The password is empty
// where it is not known.
func (s *Store) Logins(ctx context.Context) (logins []devices.Login, err error) {
	err = s.read(ctx, "logins", func(q querier) error {
		const query = `SELECT id, CASE WHEN next_keys.stored IS NULL THEN signs.password_hash ELSE next_keys.password_hash END,
			coalesce(broker_logins.sealed_password, x'') FROM signs
			LEFT JOIN broker_logins ON broker_logins.sign = signs.n LEFT JOIN next_keys ON next_keys.sign = signs.n ORDER BY id`
		return q.each(query, nil, func(row rowScanner) error {
			var l devices.Login
			var sealed []byte
			if err := row.Scan(&l.Sign, scan32(&l.PasswordHash), &sealed); err != nil {
				return err
			}
			l.Password, err = s.unsealed("broker_logins", "sealed_password", string(l.Sign), sealed)
			logins = append(logins, l)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return logins, nil
}
