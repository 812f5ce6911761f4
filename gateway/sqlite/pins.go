package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// maxPins bounds a set of server keys, as the protocol does.
const maxPins = 4

// SignPins implements gateway.PinStore.
func (s *Store) SignPins(ctx context.Context, id devices.SignID) (p gateway.SignPins, err error) {
	err = s.read(ctx, "server keys", func(q querier) error {
		n, err := signKey(q, id)
		if err != nil {
			return err
		}
		var given, held []byte
		err = q.get(`SELECT given_number, given_keys, held_number, held_keys, floor FROM sign_pins WHERE sign = ?`, []any{n},
			&p.Given.Number, &given, &p.Held.Number, &held, &p.Floor)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		p.Given.Keys, p.Held.Keys = unpackPins(given), unpackPins(held)
		return err
	})
	if err != nil {
		return gateway.SignPins{}, err
	}
	return p, nil
}

// AllSignPins implements gateway.PinStore.
func (s *Store) AllSignPins(ctx context.Context) (map[devices.SignID]gateway.SignPins, error) {
	all := map[devices.SignID]gateway.SignPins{}
	err := s.readMany(ctx, "server keys", func(q querier) error {
		return q.each(`SELECT id, given_number, given_keys, held_number, held_keys, floor FROM sign_pins JOIN signs ON n = sign`, nil, func(r rowScanner) error {
			var id string
			var given, held []byte
			var p gateway.SignPins
			err := r.Scan(&id, &p.Given.Number, &given, &p.Held.Number, &held, &p.Floor)
			p.Given.Keys, p.Held.Keys = unpackPins(given), unpackPins(held)
			all[devices.SignID(id)] = p
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// PutSignPins implements gateway.PinStore.
func (s *Store) PutSignPins(ctx context.Context, id devices.SignID, p gateway.SignPins) error {
	if len(p.Given.Keys) > maxPins || len(p.Held.Keys) > maxPins {
		return failed("server keys", fmt.Errorf("%w: %d and %d keys", gateway.ErrInvalid, len(p.Given.Keys), len(p.Held.Keys)))
	}
	return s.write(ctx, "server keys", func(t *tx) error {
		n, err := signKey(t, id)
		if err != nil {
			return err
		}
		return t.exec(`INSERT INTO sign_pins (sign, given_number, given_keys, held_number, held_keys, floor) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
			ON CONFLICT (sign) DO UPDATE SET given_number = ?2, given_keys = ?3, held_number = ?4, held_keys = ?5, floor = ?6`,
			n, int64(p.Given.Number), packPins(p.Given.Keys), int64(p.Held.Number), packPins(p.Held.Keys), int64(p.Floor))
	})
}

// PlainSigns implements gateway.PinStore.
func (s *Store) PlainSigns(ctx context.Context) (map[devices.SignID]bool, error) {
	all := map[devices.SignID]bool{}
	err := s.read(ctx, "plain signs", func(q querier) error {
		return q.each(`SELECT id, plain FROM sign_status JOIN signs ON n = sign`, nil, func(r rowScanner) error {
			var id devices.SignID
			var plain bool
			err := r.Scan(&id, &plain)
			if plain {
				all[id] = true
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// SetPlain implements gateway.PinStore.
func (s *Store) SetPlain(ctx context.Context, id devices.SignID, plain bool) error {
	return s.write(ctx, "plain sign", func(t *tx) error {
		return found(t.affect(`UPDATE sign_status SET plain = ? WHERE sign = (SELECT n FROM signs WHERE id = ?)`, plain, string(id)))
	})
}

func packPins(keys []devices.ServerKey) []byte {
	out := make([]byte, 0, len(keys)*32)
	for _, k := range keys {
		out = append(out, k[:]...)
	}
	return out
}

func unpackPins(b []byte) (keys []devices.ServerKey) {
	for ; len(b) >= 32; b = b[32:] {
		keys = append(keys, devices.ServerKey(b[:32]))
	}
	return keys
}
