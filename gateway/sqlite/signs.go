package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// maxManifestKey bounds a credential's key; the protocol uses 32 bytes.
const maxManifestKey = 64

const signColumns = `id, name, paired_at, coalesce(room, ''), language, hour12,
	model, serial, firmware, firmware_no, width, height, always_on, capabilities`

func signFields(s *gateway.Sign, hour12 *sql.NullBool) []any {
	h := &s.Hardware
	return []any{&s.ID, &s.Name, instant{&s.PairedAt}, &s.Room, &s.Language, hour12,
		&h.Model, &h.Serial, &h.Firmware, &h.FirmwareNo, &h.Width, &h.Height, &h.AlwaysOn, &h.Capabilities}
}

func setHour12(s *gateway.Sign, v sql.NullBool) {
	if v.Valid {
		s.Hour12 = &v.Bool
	}
}

func nullBool(b *bool) sql.NullBool {
	if b == nil {
		return sql.NullBool{}
	}
	return sql.NullBool{Bool: *b, Valid: true}
}

// signKey returns the small key of a sign.
func signKey(q querier, id devices.SignID) (n int64, err error) {
	err = q.get(`SELECT n FROM signs WHERE id = ?`, []any{string(id)}, &n)
	return n, err
}

// AddSign implements gateway.SignStore. A known id is ErrConflict, an unknown
// room ErrNotFound.
func (s *Store) AddSign(ctx context.Context, sign gateway.Sign, c devices.Credential) error {
	insert, err := s.insertSign(sign, c)
	if err != nil {
		return failed("add sign", err)
	}
	return s.write(ctx, "add sign", func(t *tx) error {
		_, err := insert(t)
		return err
	})
}

// insertSign checks a new sign and returns what inserts it and gives its small
// key.
func (s *Store) insertSign(sign gateway.Sign, c devices.Credential) (func(*tx) (int64, error), error) {
	switch {
	case sign.ID == "" || c.Sign != sign.ID:
		return nil, fmt.Errorf("%w: a credential of another sign", gateway.ErrInvalid)
	case len(c.ManifestKey) > maxManifestKey:
		return nil, within("manifest key", len(c.ManifestKey), maxManifestKey)
	}
	h := sign.Hardware
	key := s.seal.seal("signs", "sealed_manifest_key", string(sign.ID), c.ManifestKey)
	return func(t *tx) (int64, error) {
		n, err := t.insert(`INSERT INTO signs (id, name, paired_at, room, language, hour12, model, serial, firmware, firmware_no,
				width, height, always_on, capabilities, password_hash, sealed_manifest_key)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(sign.ID), text(sign.Name, maxName), ms(sign.PairedAt), ptr(string(sign.Room)), text(sign.Language, maxName), nullBool(sign.Hour12),
			text(h.Model, maxName), text(h.Serial, maxName), text(h.Firmware, maxName), int64(h.FirmwareNo), h.Width, h.Height, h.AlwaysOn, int64(h.Capabilities),
			c.PasswordHash[:], key)
		if err != nil {
			return 0, err
		}
		if err := s.putPassword(t, n, sign.ID, c.Password); err != nil {
			return 0, err
		}
		return n, t.exec(`INSERT INTO sign_status (sign) VALUES (?)`, n)
	}, nil
}

// Signs returns every sign by name.
func (s *Store) Signs(ctx context.Context) (signs []gateway.Sign, err error) {
	err = s.read(ctx, "signs", func(q querier) error {
		return q.each(`SELECT `+signColumns+` FROM signs ORDER BY name, id`, nil, func(row rowScanner) error {
			var sign gateway.Sign
			var hour12 sql.NullBool
			err := row.Scan(signFields(&sign, &hour12)...)
			setHour12(&sign, hour12)
			signs = append(signs, sign)
			return err
		})
	})
	return signs, err
}

// Sign implements gateway.SignStore.
func (s *Store) Sign(ctx context.Context, id devices.SignID) (sign gateway.Sign, err error) {
	err = s.read(ctx, "sign", func(q querier) error {
		var hour12 sql.NullBool
		err := q.get(`SELECT `+signColumns+` FROM signs WHERE id = ?`, []any{string(id)}, signFields(&sign, &hour12)...)
		setHour12(&sign, hour12)
		return err
	})
	return sign, err
}

// UpdateSign implements gateway.SignStore; an unknown room is ErrNotFound.
func (s *Store) UpdateSign(ctx context.Context, sign gateway.Sign) error {
	return s.write(ctx, "update sign", func(t *tx) error {
		return found(t.affect(`UPDATE signs SET name = ?, room = ?, language = ?, hour12 = ? WHERE id = ?`,
			text(sign.Name, maxName), ptr(string(sign.Room)), text(sign.Language, maxName), nullBool(sign.Hour12), string(sign.ID)))
	})
}

// SwapRooms implements gateway.SignStore.
func (s *Store) SwapRooms(ctx context.Context, a, b devices.SignID) error {
	return s.write(ctx, "swap rooms", func(t *tx) error {
		var ofA, ofB sql.NullString
		for id, room := range map[devices.SignID]*sql.NullString{a: &ofA, b: &ofB} {
			if err := t.get(`SELECT room FROM signs WHERE id = ?`, []any{string(id)}, room); err != nil {
				return err
			}
		}
		if err := t.exec(`UPDATE signs SET room = ? WHERE id = ?`, ofB, string(a)); err != nil {
			return err
		}
		return t.exec(`UPDATE signs SET room = ? WHERE id = ?`, ofA, string(b))
	})
}

// RemoveSign implements gateway.SignStore.
func (s *Store) RemoveSign(ctx context.Context, id devices.SignID) error {
	return s.write(ctx, "remove sign", func(t *tx) error {
		n, err := signKey(t, id)
		if err != nil {
			return err
		}
		wanted, err := wantedPictures(t, n)
		if err != nil {
			return err
		}
		var shown devices.Digest
		if err := t.get(`SELECT shown FROM sign_status WHERE sign = ?`, []any{n}, scan32(&shown)); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM signs WHERE n = ?`, n); err != nil {
			return err
		}
		for picture := range wanted {
			if err := dropPicture(t, picture); err != nil {
				return err
			}
		}
		return dropDigest(t, shown)
	})
}

// Credential implements gateway.SignStore.
func (s *Store) Credential(ctx context.Context, id devices.SignID) (c devices.Credential, err error) {
	err = s.read(ctx, "credential", func(q querier) error {
		var sealed, next []byte
		err := q.get(`SELECT id, signs.password_hash, signs.sealed_manifest_key, key_number,
			next_keys.password_hash, next_keys.sealed_manifest_key, coalesce(next_keys.number, 0)
			FROM signs LEFT JOIN next_keys ON next_keys.sign = signs.n WHERE id = ?`, []any{string(id)},
			&c.Sign, scan32(&c.PasswordHash), &sealed, &c.Number, scan32(&c.NextPasswordHash), &next, &c.NextNumber)
		if err != nil {
			return err
		}
		if c.NextNumber != 0 {
			if c.NextManifestKey, err = s.seal.open("next_keys", "sealed_manifest_key", string(id), next); err != nil {
				return err
			}
		}
		c.ManifestKey, err = s.seal.open("signs", "sealed_manifest_key", string(id), sealed)
		return err
	})
	if err != nil {
		return devices.Credential{}, err
	}
	return c, nil
}
