package sqlite

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/rollout"
)

const (
	imagePart = 64 << 10 // bytes of an image in one row
	maxImage  = 16 << 20 // bytes of an image
	maxSigned = 1 << 10  // bytes of a signed release
)

// Makers implements gateway.FirmwareStore: by name.
func (s *Store) Makers(ctx context.Context) (list []gateway.Maker, err error) {
	err = s.read(ctx, "makers", func(q querier) error {
		return q.each(`SELECT name, key FROM makers ORDER BY name, key`, nil, func(row rowScanner) error {
			var m gateway.Maker
			err := row.Scan(&m.Name, (*[]byte)(&m.Key))
			list = append(list, m)
			return err
		})
	})
	return list, err
}

// AddMaker implements gateway.FirmwareStore.
func (s *Store) AddMaker(ctx context.Context, m gateway.Maker) error {
	if len(m.Key) != ed25519.PublicKeySize {
		return failed("add maker", fmt.Errorf("%w: a key of %d bytes", gateway.ErrInvalid, len(m.Key)))
	}
	return s.write(ctx, "add maker", func(t *tx) error {
		return t.exec(`INSERT INTO makers (key, name) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET name = excluded.name`,
			[]byte(m.Key), text(m.Name, maxName))
	})
}

// RemoveMaker implements gateway.FirmwareStore.
func (s *Store) RemoveMaker(ctx context.Context, key ed25519.PublicKey) error {
	return s.write(ctx, "remove maker", func(t *tx) error {
		return found(t.affect(`DELETE FROM makers WHERE key = ?`, []byte(key)))
	})
}

// AddRelease implements gateway.FirmwareStore.
func (s *Store) AddRelease(ctx context.Context, r rollout.Rollout, image []byte) error {
	rel := r.Release
	switch {
	case len(image) == 0 || len(image) != rel.Size || len(image) > maxImage:
		return failed("add release", fmt.Errorf("%w: an image of %d bytes, named %d", gateway.ErrInvalid, len(image), rel.Size))
	case len(rel.Signed) > maxSigned || len(rel.Model) > maxName || len(rel.Version) > maxName:
		return failed("add release", fmt.Errorf("%w: release too long", gateway.ErrInvalid))
	}
	return s.write(ctx, "add release", func(t *tx) error {
		n, err := t.insert(`INSERT INTO releases (image, model, version, number, size, least_mv, signed, added, state, why, stage, since, hold_ms, first)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			rel.Image[:], rel.Model, rel.Version, int64(rel.Number), rel.Size, rel.MinMillivolts, rel.Signed, ms(r.Added),
			string(r.State), string(r.Why), r.Stage, ms(r.Since), r.Hold.Milliseconds(), string(r.First))
		if err != nil {
			return err
		}
		for part := 0; part*imagePart < len(image); part++ {
			bytes := image[part*imagePart : min(len(image), (part+1)*imagePart)]
			if err := t.exec(`INSERT INTO release_parts (release, part, bytes) VALUES (?, ?, ?)`, n, part, bytes); err != nil {
				return err
			}
		}
		return nil
	})
}

// Rollouts implements gateway.FirmwareStore.
func (s *Store) Rollouts(ctx context.Context) (list []rollout.Rollout, err error) {
	err = s.read(ctx, "rollouts", func(q querier) error {
		return q.each(`SELECT image, model, version, number, size, least_mv, signed, added, state, why, stage, since, hold_ms, first
			FROM releases ORDER BY n DESC`, nil, func(row rowScanner) error {
			var r rollout.Rollout
			var hold int64
			rel := &r.Release
			err := row.Scan(scan32(&rel.Image), &rel.Model, &rel.Version, &rel.Number, &rel.Size, &rel.MinMillivolts, &rel.Signed, instant{&r.Added},
				&r.State, &r.Why, &r.Stage, instant{&r.Since}, &hold, &r.First)
			r.Hold = time.Duration(hold) * time.Millisecond
			list = append(list, r)
			return err
		})
	})
	return list, err
}

// UpdateRollout implements gateway.FirmwareStore.
func (s *Store) UpdateRollout(ctx context.Context, r rollout.Rollout) error {
	return s.write(ctx, "update rollout", func(t *tx) error {
		return found(t.affect(`UPDATE releases SET state = ?, why = ?, stage = ?, since = ?, hold_ms = ?, first = ? WHERE image = ?`,
			string(r.State), string(r.Why), r.Stage, ms(r.Since), r.Hold.Milliseconds(), string(r.First), r.Release.Image[:]))
	})
}

// RemoveRelease implements gateway.FirmwareStore.
func (s *Store) RemoveRelease(ctx context.Context, image devices.ObjectHash) error {
	return s.write(ctx, "remove release", func(t *tx) error {
		return found(t.affect(`DELETE FROM releases WHERE image = ?`, image[:]))
	})
}

// ImagePart implements gateway.FirmwareStore; it reads at most the two parts
// that length bytes can touch, so length is at most 64 KiB.
func (s *Store) ImagePart(ctx context.Context, image devices.ObjectHash, offset, length int) (b []byte, err error) {
	if offset < 0 || length < 0 || length > imagePart || offset > maxImage {
		return nil, failed("image part", fmt.Errorf("%w: %d bytes from %d", gateway.ErrInvalid, length, offset))
	}
	first := offset / imagePart
	err = s.readMany(ctx, "image part", func(q querier) error {
		var n int64
		if err := q.get(`SELECT n FROM releases WHERE image = ?`, []any{image[:]}, &n); err != nil {
			return err
		}
		return q.each(`SELECT bytes FROM release_parts WHERE release = ? AND part BETWEEN ? AND ? ORDER BY part`, []any{n, first, first + 1},
			func(row rowScanner) error {
				var part []byte
				err := row.Scan(&part)
				b = append(b, part...)
				return err
			})
	})
	b = b[min(len(b), offset-first*imagePart):]
	return b[:min(len(b), length)], err
}

// Marks implements gateway.FirmwareStore.
func (s *Store) Marks(ctx context.Context, image devices.ObjectHash) (map[devices.SignID]rollout.Mark, error) {
	marks := map[devices.SignID]rollout.Mark{}
	err := s.read(ctx, "marks", func(q querier) error {
		return q.each(`SELECT signs.id, offered, runs, failed, code FROM release_marks JOIN signs ON signs.n = sign
			WHERE release = (SELECT n FROM releases WHERE image = ?)`, []any{image[:]}, func(row rowScanner) error {
			var id devices.SignID
			var m rollout.Mark
			err := row.Scan(&id, instant{&m.Offered}, instant{&m.Runs}, instant{&m.Failed}, &m.Code)
			marks[id] = m
			return err
		})
	})
	return marks, err
}

// SetMark implements gateway.FirmwareStore.
func (s *Store) SetMark(ctx context.Context, image devices.ObjectHash, id devices.SignID, m rollout.Mark) error {
	return s.write(ctx, "set mark", func(t *tx) error {
		n, err := signKey(t, id)
		if err != nil {
			return err
		}
		var release int64
		if err := t.get(`SELECT n FROM releases WHERE image = ?`, []any{image[:]}, &release); err != nil {
			return err
		}
		return t.exec(`INSERT INTO release_marks (release, sign, offered, runs, failed, code) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (release, sign) DO UPDATE SET offered = excluded.offered, runs = excluded.runs, failed = excluded.failed, code = excluded.code`,
			release, n, ms(m.Offered), ms(m.Runs), ms(m.Failed), int64(m.Code))
	})
}
