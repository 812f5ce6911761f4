package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// How much is remembered of each sign; the tables are rings of that many slots.
const (
	keptBoots     = 64
	keptReports   = 200
	keptDecisions = 500
)

// statusRow is a sign's status with what only this package needs.
type statusRow struct {
	gateway.Status
	boot         sql.NullInt64
	boots, total int64
}

const statusColumns = `last_seen, shown, shown_at, epoch, seq, boot, counter, battery_mv, signal_dbm,
	temperature_c, wake_reason, last_error, error_count, boots_total, reports_total`

func (r *statusRow) fields() []any {
	return []any{instant{&r.LastSeen}, scan32(&r.Shown), instant{&r.ShownAt}, &r.Epoch, &r.Seq, &r.boot, &r.Counter,
		&r.BatteryMillivolts, &r.SignalDBm, &r.TemperatureC, &r.WakeReason, &r.LastError, &r.ErrorCount, &r.boots, &r.total}
}

func (r *statusRow) status() gateway.Status {
	r.Boot = uint32(r.boot.Int64)
	return r.Status
}

// apply takes over what the report says. An event tells only that the sign
// lives; unknown figures keep the last known ones.
func (r *statusRow) apply(rep devices.Report) {
	r.LastSeen, r.Boot, r.Counter = rep.Received, rep.Boot, rep.Counter
	if rep.BatteryMillivolts != 0 {
		r.BatteryMillivolts = rep.BatteryMillivolts
	}
	if rep.SignalDBm != 0 {
		r.SignalDBm = rep.SignalDBm
	}
	if rep.TemperatureKnown {
		r.TemperatureC = rep.TemperatureC
	}
	if rep.Kind == devices.EventReport {
		return
	}
	r.Epoch, r.Seq = rep.Epoch, rep.Seq
	if r.Shown != rep.Shown {
		r.Shown, r.ShownAt = rep.Shown, rep.Received
	}
	r.WakeReason, r.LastError = rep.WakeReason, rep.LastError
	if rep.LastError != devices.NoError {
		r.ErrorCount++
	}
}

// CommitReport implements gateway.SignStore. Boots cannot be ordered; the last 64
// are known with how far each came. An unknown one that names an older manifest
// than the sign had is older than they are: manifests only go forward. A hello
// also brings the sign's hardware up to date.
func (s *Store) CommitReport(ctx context.Context, r devices.Report) (fresh bool, err error) {
	var replayed bool
	err = s.write(ctx, "commit report", func(t *tx) error {
		fresh, err = commitReport(t, r)
		if replayed = errors.Is(err, devices.ErrReplayed); replayed {
			return nil
		}
		return err
	})
	if err == nil && replayed {
		return false, devices.ErrReplayed
	}
	return fresh && err == nil, err
}

func commitReport(t *tx, r devices.Report) (fresh bool, err error) {
	n, err := signKey(t, r.Sign)
	if err != nil {
		return false, err
	}
	var st statusRow
	if err := t.get(`SELECT `+statusColumns+` FROM sign_status WHERE sign = ?`, []any{n}, st.fields()...); err != nil {
		return false, err
	}
	newBoot := !st.boot.Valid || uint32(st.boot.Int64) != r.Boot
	switch {
	case newBoot:
		if err := changeBoot(t, n, r, &st); err != nil {
			return false, err
		}
	case r.Counter == st.Counter:
		return false, nil
	case r.Counter < st.Counter:
		return false, devices.ErrReplayed
	}
	before := st.Shown
	st.apply(r)
	if err := putReport(t, n, r, &st); err != nil {
		return false, err
	}
	if before != st.Shown {
		if err := t.exec(`UPDATE sign_status SET shown = ?, shown_at = ? WHERE sign = ?`, hash32(st.Shown), ms(st.ShownAt), n); err != nil {
			return false, err
		}
		if err := dropDigest(t, before); err != nil {
			return false, err
		}
	}
	if err := noteBattery(t, n, r); err != nil {
		return false, err
	}
	return true, updateHardware(t, n, r)
}

// changeBoot notes a report of another boot than that of the last one: mostly a
// new one. A boot heard of before may go on, when what came in between was a
// late word of an earlier life. It is devices.ErrReplayed where the boot was
// further already, or cannot be a new one.
func changeBoot(t *tx, n int64, r devices.Report, st *statusRow) error {
	var known, stale bool
	err := t.get(`SELECT count(*) > 0, ifnull(max(counter) >= ?3, 0) FROM sign_boots WHERE sign = ?1 AND boot = ?2`,
		[]any{n, int64(r.Boot), int64(r.Counter)}, &known, &stale)
	if err != nil {
		return err
	}
	if !stale && !known && st.boot.Valid {
		stale, err = earlier(t, n, r, st)
	}
	if err != nil {
		return err
	}
	if stale {
		return devices.ErrReplayed
	}
	if st.boot.Valid {
		err = t.exec(`UPDATE sign_boots SET counter = ? WHERE sign = ? AND boot = ?`, int64(st.Counter), n, st.boot.Int64)
	}
	if err != nil || known {
		return err
	}
	err = t.exec(`INSERT OR REPLACE INTO sign_boots (sign, slot, boot) VALUES (?, ?, ?)`, n, st.boots%keptBoots, int64(r.Boot))
	st.boots++
	return err
}

// earlier reports whether a report of an unknown boot is of an earlier life than
// the last one. A sign that names no manifest has lost what it had; a press that
// comes by itself is of a boot that said hello. What a sign says it has counts as
// far as it was given that, so that a lie is not believed for ever.
func earlier(t *tx, n int64, r devices.Report, st *statusRow) (bool, error) {
	if r.Epoch == 0 && r.Seq == 0 {
		return r.Kind == devices.EventReport && !r.InHello, nil
	}
	var old bool
	err := t.get(`SELECT count(*) > 0 FROM wants WHERE sign = ?1 AND (?2, ?3) < (epoch, seq) AND (?2, ?3) < (?4, ?5)`,
		[]any{n, int64(r.Epoch), int64(r.Seq), int64(st.Epoch), int64(st.Seq)}, &old)
	return old, err
}

// putReport stores the status but for the picture, and appends to the history.
func putReport(t *tx, n int64, r devices.Report, st *statusRow) error {
	err := t.exec(`INSERT OR REPLACE INTO reports (sign, slot, n, at, kind, battery_mv, signal_dbm, shown) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		n, st.total%keptReports, st.total, ms(r.Received), int64(r.Kind), r.BatteryMillivolts, r.SignalDBm, hash32(r.Shown))
	if err != nil {
		return err
	}
	st.total++
	return t.exec(`UPDATE sign_status SET last_seen = ?, epoch = ?, seq = ?, boot = ?, counter = ?, battery_mv = ?, signal_dbm = ?,
			temperature_c = ?, wake_reason = ?, last_error = ?, error_count = ?, boots_total = ?, reports_total = ? WHERE sign = ?`,
		ms(st.LastSeen), int64(st.Epoch), int64(st.Seq), int64(st.Boot), int64(st.Counter), st.BatteryMillivolts, st.SignalDBm,
		st.TemperatureC, int64(st.WakeReason), int64(st.LastError), st.ErrorCount, st.boots, st.total, n)
}

func updateHardware(t *tx, n int64, r devices.Report) error {
	h := r.Hardware
	if r.Kind != devices.HelloReport || h.Width <= 0 || h.Height <= 0 {
		return nil
	}
	return t.exec(`UPDATE signs SET model = ?1, serial = ?2, firmware = ?3, firmware_no = ?9, width = ?4, height = ?5, always_on = ?6, capabilities = ?7
		WHERE n = ?8 AND (model, serial, firmware, firmware_no, width, height, always_on, capabilities) <> (?1, ?2, ?3, ?9, ?4, ?5, ?6, ?7)`,
		text(h.Model, maxName), text(h.Serial, maxName), text(h.Firmware, maxName), h.Width, h.Height, h.AlwaysOn, int64(h.Capabilities), n, int64(h.FirmwareNo))
}

// Status implements gateway.SignStore; LastSeen is zero for a sign that never
// reported.
func (s *Store) Status(ctx context.Context, id devices.SignID) (st gateway.Status, err error) {
	err = s.read(ctx, "status", func(q querier) error {
		var row statusRow
		err := q.get(`SELECT `+statusColumns+` FROM sign_status JOIN signs ON n = sign WHERE id = ?`, []any{string(id)}, row.fields()...)
		row.Sign = id
		st = row.status()
		return err
	})
	if err != nil {
		return gateway.Status{}, err
	}
	return st, nil
}

// Statuses returns the status of every sign.
func (s *Store) Statuses(ctx context.Context) (map[devices.SignID]gateway.Status, error) {
	all := make(map[devices.SignID]gateway.Status)
	err := s.read(ctx, "statuses", func(q querier) error {
		return q.each(`SELECT id, `+statusColumns+` FROM sign_status JOIN signs ON n = sign`, nil, func(row rowScanner) error {
			var st statusRow
			err := row.Scan(append([]any{&st.Sign}, st.fields()...)...)
			all[st.Sign] = st.status()
			return err
		})
	})
	return all, err
}

// Reports returns the newest reports of a sign, newest first, at most limit (at
// most 200 are kept). Only Kind, Sign, Received, BatteryMillivolts, SignalDBm
// and Shown are kept of each.
func (s *Store) Reports(ctx context.Context, id devices.SignID, limit int) (reports []devices.Report, err error) {
	err = s.readMany(ctx, "reports", func(q querier) error {
		n, err := signKey(q, id)
		if err != nil {
			return err
		}
		const query = `SELECT at, kind, battery_mv, signal_dbm, shown FROM reports WHERE sign = ? ORDER BY n DESC LIMIT ?`
		return q.each(query, []any{n, limit}, func(row rowScanner) error {
			r := devices.Report{Sign: id}
			err := row.Scan(instant{&r.Received}, &r.Kind, &r.BatteryMillivolts, &r.SignalDBm, scan32(&r.Shown))
			reports = append(reports, r)
			return err
		})
	})
	return reports, err
}
