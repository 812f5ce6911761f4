package sqlite

import (
	"context"
	"errors"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/render/mono"
)

// Bounds of one want.
const (
	maxSteps   = 256
	maxObjects = 512
	maxObject  = 4 << 20
	maxBody    = 1 << 20
	maxSummary = 1 << 10
)

// maxLitter bounds what wants of the moment leave lying of one sign.
const maxLitter = 128

func checkWant(w gateway.Want, objects []devices.Object, pictures []*mono.Image) error {
	largest := 0
	for _, o := range objects {
		largest = max(largest, len(o.Bytes))
	}
	return errors.Join(
		within("want: number of steps", len(w.Steps), maxSteps),
		within("want: number of objects", len(objects), maxObjects),
		within("want: number of pictures", len(pictures), maxObjects),
		within("want: object", largest, maxObject),
		within("want: body", len(w.Body), maxBody))
}

// CommitWant implements gateway.WantStore. The objects of the want before are
// kept one want longer, for signs that are still fetching them. Pictures are
// kept while a sign's want names them or a sign shows them. A partial want, made
// in a hurry, leaves tidying up to the whole one that follows it.
func (s *Store) CommitWant(ctx context.Context, w gateway.Want, objects []devices.Object, pictures []*mono.Image) error {
	if err := checkWant(w, objects, pictures); err != nil {
		return failed("commit want", err)
	}
	packed, err := s.pack(ctx, pictures)
	if err != nil {
		return failed("commit want", err)
	}
	return s.write(ctx, "commit want", func(t *tx) error {
		n, err := signKey(t, w.Sign)
		if err != nil {
			return err
		}
		if err := putWant(t, n, w); err != nil {
			return err
		}
		if err := putSteps(t, n, w.Steps); err != nil {
			return err
		}
		tidy := !w.Partial
		if w.Partial {
			if tidy, err = littered(t, n); err != nil {
				return err
			}
		}
		if err := putObjects(t, n, objects, tidy); err != nil {
			return err
		}
		if err := s.putPictures(t, n, w, packed, tidy); err != nil {
			return err
		}
		return appendDecision(t, n, gateway.Decision{At: w.At, Reason: w.Reason, Epoch: w.Epoch, Seq: w.Seq, Shows: shows(w), Count: 1})
	})
}

// shows returns what the want puts on the glass at the moment it was decided.
func shows(w gateway.Want) devices.Digest {
	for _, s := range w.Steps {
		if !w.At.Before(s.From) && w.At.Before(s.Until) {
			return s.Digest
		}
	}
	return w.Stale
}

func putWant(t *tx, n int64, w gateway.Want) error {
	changed, err := t.affect(`INSERT INTO wants (sign, epoch, seq, reason, at, agenda_as_of, partial, stale, base, next_wake, jitter_ms, body,
			packed_width, packed_height, packed_capabilities)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (sign) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, reason = excluded.reason, at = excluded.at,
			agenda_as_of = excluded.agenda_as_of, partial = excluded.partial, stale = excluded.stale, base = excluded.base,
			next_wake = excluded.next_wake, jitter_ms = excluded.jitter_ms, body = excluded.body,
			packed_width = excluded.packed_width, packed_height = excluded.packed_height, packed_capabilities = excluded.packed_capabilities
		WHERE (excluded.epoch, excluded.seq) > (epoch, seq)`,
		n, int64(w.Epoch), int64(w.Seq), string(w.Reason), ms(w.At), ms(w.AgendaAsOf), w.Partial, hash32(w.Stale), hash32(w.Base),
		ms(w.NextWake), w.Jitter.Milliseconds(), blob(w.Body),
		w.PackedFor.Width, w.PackedFor.Height, int64(w.PackedFor.Capabilities))
	if err == nil && changed == 0 {
		return gateway.ErrConflict
	}
	return err
}

// putSteps overwrites the rows that are there and removes the rest.
func putSteps(t *tx, n int64, steps []gateway.WantStep) error {
	for i, st := range steps {
		err := t.exec(`INSERT OR REPLACE INTO want_steps (sign, step, starts_at, ends_at, digest, state, summary,
				refresh, partials, traces, last_full, last_change) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			n, i, ms(st.From), ms(st.Until), hash32(st.Digest), text(st.State, maxName), text(st.Summary, maxSummary),
			int64(st.Refresh), st.Glass.Partials, st.Glass.Traces, ms(st.Glass.LastFull), ms(st.Glass.Last))
		if err != nil {
			return err
		}
	}
	return t.exec(`DELETE FROM want_steps WHERE sign = ? AND step >= ?`, n, len(steps))
}

// littered reports whether partial wants left so much behind that the next one
// has to tidy up.
func littered(t *tx, n int64) (tidy bool, err error) {
	err = t.get(`SELECT (SELECT count(*) FROM objects WHERE sign = ?1) > ?2 OR (SELECT count(*) FROM want_pictures WHERE sign = ?1) > ?2`,
		[]any{n, maxLitter}, &tidy)
	return tidy, err
}

// putObjects stores new objects. With tidy it marks those that fell out as
// fallen and removes those that had fallen before. Objects that stay are not
// written.
func putObjects(t *tx, n int64, objects []devices.Object, tidy bool) error {
	if !tidy {
		for _, o := range objects {
			err := t.exec(`INSERT INTO objects (sign, hash, bytes) VALUES (?, ?, ?) ON CONFLICT (sign, hash) DO UPDATE SET fallen = 0 WHERE fallen`,
				n, o.Hash[:], blob(o.Bytes))
			if err != nil {
				return err
			}
		}
		return nil
	}
	stored := make(map[devices.ObjectHash]bool) // value: fallen
	err := t.each(`SELECT hash, fallen FROM objects WHERE sign = ?`, []any{n}, func(row rowScanner) error {
		var h devices.ObjectHash
		var fallen bool
		err := row.Scan(scan32(&h), &fallen)
		stored[h] = fallen
		return err
	})
	if err != nil {
		return err
	}
	named := make(map[devices.ObjectHash]bool, len(objects))
	for _, o := range objects {
		fallen, known := stored[o.Hash]
		switch {
		case named[o.Hash] || known && !fallen:
		case known:
			err = t.exec(`UPDATE objects SET fallen = 0 WHERE sign = ? AND hash = ?`, n, o.Hash[:])
		default:
			err = t.exec(`INSERT INTO objects (sign, hash, bytes) VALUES (?, ?, ?)`, n, o.Hash[:], blob(o.Bytes))
		}
		if err != nil {
			return err
		}
		named[o.Hash] = true
	}
	for h, fallen := range stored {
		switch {
		case named[h]:
		case fallen:
			err = t.exec(`DELETE FROM objects WHERE sign = ? AND hash = ?`, n, h[:])
		default:
			err = t.exec(`UPDATE objects SET fallen = 1 WHERE sign = ? AND hash = ?`, n, h[:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blob is b as a value that is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Want implements gateway.WantStore.
func (s *Store) Want(ctx context.Context, id devices.SignID) (w gateway.Want, err error) {
	err = s.readMany(ctx, "want", func(q querier) error {
		n, err := signKey(q, id)
		if err != nil {
			return err
		}
		var jitter int64
		err = q.get(`SELECT epoch, seq, reason, at, agenda_as_of, partial, stale, base, next_wake, jitter_ms, body,
			packed_width, packed_height, packed_capabilities FROM wants WHERE sign = ?`,
			[]any{n}, &w.Epoch, &w.Seq, &w.Reason, instant{&w.At}, instant{&w.AgendaAsOf}, &w.Partial, scan32(&w.Stale), scan32(&w.Base),
			instant{&w.NextWake}, &jitter, &w.Body,
			&w.PackedFor.Width, &w.PackedFor.Height, &w.PackedFor.Capabilities)
		if err != nil {
			return err
		}
		w.Sign, w.Jitter = id, time.Duration(jitter)*time.Millisecond
		return q.each(`SELECT starts_at, ends_at, digest, state, summary, refresh, partials, traces, last_full, last_change
			FROM want_steps WHERE sign = ? ORDER BY step`, []any{n}, func(row rowScanner) error {
			var st gateway.WantStep
			err := row.Scan(instant{&st.From}, instant{&st.Until}, scan32(&st.Digest), &st.State, &st.Summary,
				&st.Refresh, &st.Glass.Partials, &st.Glass.Traces, instant{&st.Glass.LastFull}, instant{&st.Glass.Last})
			w.Steps = append(w.Steps, st)
			return err
		})
	})
	if err != nil {
		return gateway.Want{}, err
	}
	return w, nil
}

// Object implements gateway.WantStore.
func (s *Store) Object(ctx context.Context, id devices.SignID, h devices.ObjectHash) (b []byte, err error) {
	err = s.read(ctx, "object", func(q querier) error {
		return q.get(`SELECT bytes FROM objects JOIN signs ON n = sign WHERE id = ? AND hash = ?`, []any{string(id), h[:]}, &b)
	})
	return b, err
}
