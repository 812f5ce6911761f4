package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// AddDecision implements gateway.WantStore. A decision with the reason, epoch
// and sequence of the newest one is folded into it: the counts add up, At and
// Shows become the later ones.
func (s *Store) AddDecision(ctx context.Context, d gateway.Decision) error {
	return s.write(ctx, "add decision", func(t *tx) error {
		n, err := signKey(t, d.Sign)
		if err != nil {
			return err
		}
		folded, err := foldDecision(t, n, d)
		if folded || err != nil {
			return err
		}
		return appendDecision(t, n, d)
	})
}

func foldDecision(t *tx, sign int64, d gateway.Decision) (folded bool, err error) {
	var slot int64
	var reason gateway.Reason
	var epoch, seq uint32
	err = t.get(`SELECT slot, reason, d.epoch, d.seq FROM decisions d JOIN sign_status USING (sign)
		WHERE sign = ? AND slot = (decisions_total - 1) % ?`, []any{sign, keptDecisions}, &slot, &reason, &epoch, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil || reason != d.Reason || epoch != d.Epoch || seq != d.Seq {
		return false, err
	}
	return true, t.exec(`UPDATE decisions SET at = ?, shows = ?, times = times + ? WHERE sign = ? AND slot = ?`,
		ms(d.At), hash32(d.Shows), max(d.Count, 1), sign, slot)
}

func appendDecision(t *tx, sign int64, d gateway.Decision) error {
	var total int64
	err := t.get(`UPDATE sign_status SET decisions_total = decisions_total + 1 WHERE sign = ? RETURNING decisions_total`, []any{sign}, &total)
	if err != nil {
		return err
	}
	return t.exec(`INSERT OR REPLACE INTO decisions (sign, slot, n, at, reason, epoch, seq, shows, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		sign, (total-1)%keptDecisions, total, ms(d.At), string(d.Reason), int64(d.Epoch), int64(d.Seq), hash32(d.Shows), max(d.Count, 1))
}

// Decisions returns the newest decisions of a sign, newest first, at most limit;
// the last 500 are kept.
func (s *Store) Decisions(ctx context.Context, id devices.SignID, limit int) (list []gateway.Decision, err error) {
	err = s.readMany(ctx, "decisions", func(q querier) error {
		n, err := signKey(q, id)
		if err != nil {
			return err
		}
		const query = `SELECT at, reason, epoch, seq, shows, times FROM decisions WHERE sign = ? ORDER BY n DESC LIMIT ?`
		return q.each(query, []any{n, limit}, func(row rowScanner) error {
			d := gateway.Decision{Sign: id}
			err := row.Scan(instant{&d.At}, &d.Reason, &d.Epoch, &d.Seq, scan32(&d.Shows), &d.Count)
			list = append(list, d)
			return err
		})
	})
	return list, err
}
