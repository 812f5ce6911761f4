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
	keptPresses   = 64
)

// statusRow is a sign's status with what only this package needs.
type statusRow struct {
	gateway.Status
	boot         sql.NullInt64
	boots, total int64
	presses      int64
}

const statusColumns = `last_seen, shown, shown_at, epoch, seq, boot, counter, battery_mv, signal_dbm,
	temperature_c, wake_reason, last_error, error_count, boots_total, reports_total, presses_total`

func (r *statusRow) fields() []any {
	return []any{instant{&r.LastSeen}, scan32(&r.Shown), instant{&r.ShownAt}, &r.Epoch, &r.Seq, &r.boot, &r.Counter,
		&r.BatteryMillivolts, &r.SignalDBm, &r.TemperatureC, &r.WakeReason, &r.LastError, &r.ErrorCount, &r.boots, &r.total, &r.presses}
}

func (r *statusRow) status() gateway.Status {
	r.Boot = uint32(r.boot.Int64)
	return r.Status
}

// apply takes over what a hello or shown says; unknown figures keep the last
// known ones.
func (r *statusRow) apply(rep devices.Report) {
	r.LastSeen = rep.Received
	if rep.BatteryMillivolts != 0 {
		r.BatteryMillivolts = rep.BatteryMillivolts
	}
	if rep.SignalDBm != 0 {
		r.SignalDBm = rep.SignalDBm
	}
	if rep.TemperatureKnown {
		r.TemperatureC = rep.TemperatureC
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
// are known with how far each came. A report of another than the newest that
// names an older manifest than the sign had is older than that: manifests only go
// forward. A hello also brings the sign's hardware up to date.
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
	st.Boot = uint32(st.boot.Int64)
	if r.Kind == devices.EventReport {
		return commitPress(t, n, r, &st)
	}
	v, err := judge(t, n, r, &st)
	switch {
	case err != nil:
		return false, err
	case v == old:
		return false, devices.ErrReplayed
	case v == repeated:
		return false, nil
	}
	if err := enterBoot(t, n, r, &st); err != nil {
		return false, err
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
