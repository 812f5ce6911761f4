package sqlite

import (
	"doorleaf/devices"
)

// verdict is how a report stands to those that came before [DL-MSG-16].
type verdict uint8

const (
	newest   verdict = iota // newer than all before
	repeated                // the newest once more
	old                     // older than one that came
)

// judge tells how a hello or shown stands to the reports before.
func judge(t *tx, n int64, r devices.Report, st *statusRow) (verdict, error) {
	switch {
	case !st.boot.Valid:
		return newest, nil
	case !st.in(r.Boot):
		return judgeBoot(t, n, r, st)
	case r.Counter == st.Counter:
		return repeated, nil
	case r.Counter < st.Counter:
		return old, nil
	}
	return newest, nil
}

// in reports whether the newest report was of that boot.
func (r *statusRow) in(boot uint32) bool { return r.boot.Valid && uint32(r.boot.Int64) == boot }

// judgeBoot judges a report of another boot than that of the newest one: mostly
// a new one. A boot heard of before may go on, when what came in between was a
// late word of an earlier life.
func judgeBoot(t *tx, n int64, r devices.Report, st *statusRow) (verdict, error) {
	known, came, err := bootCame(t, n, r.Boot)
	switch {
	case err != nil:
		return old, err
	case known && int64(r.Counter) <= came:
		return old, nil
	}
	return judgeManifest(t, n, r, st)
}

// bootCame tells how far a boot came that is not the newest one's.
func bootCame(t *tx, n int64, boot uint32) (known bool, counter int64, err error) {
	err = t.get(`SELECT count(*) > 0, ifnull(max(counter), 0) FROM sign_boots WHERE sign = ? AND boot = ?`, []any{n, int64(boot)}, &known, &counter)
	return known, counter, err
}

// judgeManifest judges a report of another boot than the newest one's: it is of an
// earlier life when it names an older manifest than the sign named before. One
// that names none has lost what it had. What a sign says it has counts as far as
// it was given that, so that a lie is not believed for ever.
func judgeManifest(t *tx, n int64, r devices.Report, st *statusRow) (verdict, error) {
	if r.Epoch == 0 && r.Seq == 0 {
		return newest, nil
	}
	var earlier bool
	err := t.get(`SELECT count(*) > 0 FROM wants WHERE sign = ?1 AND (?2, ?3) < (epoch, seq) AND (?2, ?3) < (?4, ?5)`,
		[]any{n, int64(r.Epoch), int64(r.Seq), int64(st.Epoch), int64(st.Seq)}, &earlier)
	if err != nil || earlier {
		return old, err
	}
	return newest, nil
}

// enterBoot takes over boot and counter of a report that counts, and notes how
// far the boot before came.
func enterBoot(t *tx, n int64, r devices.Report, st *statusRow) error {
	if st.in(r.Boot) {
		st.Counter = r.Counter
		return nil
	}
	if st.boot.Valid {
		err := t.exec(`UPDATE sign_boots SET counter = ? WHERE sign = ? AND boot = ?`, int64(st.Counter), n, st.boot.Int64)
		if err != nil {
			return err
		}
	}
	known, _, err := bootCame(t, n, r.Boot)
	if err != nil {
		return err
	}
	st.Boot, st.Counter = r.Boot, r.Counter
	if known {
		return nil
	}
	err = t.exec(`INSERT OR REPLACE INTO sign_boots (sign, slot, boot) VALUES (?, ?, ?)`, n, st.boots%keptBoots, int64(r.Boot))
	st.boots++
	return err
}

// commitPress stores a press and tells whether it is to be acted on: each once,
// whatever other reports came before it.
func commitPress(t *tx, n int64, r devices.Report, st *statusRow) (fresh bool, err error) {
	var acted, forgotten bool
	err = t.get(`SELECT ifnull(max(counter = ?3), 0), count(*) = ?4 AND min(counter) > ?3 FROM sign_presses WHERE sign = ?1 AND boot = ?2`,
		[]any{n, int64(r.Boot), int64(r.Counter), keptPresses}, &acted, &forgotten)
	if err != nil {
		return false, err
	}
	advances := false
	switch {
	case r.InHello && acted:
		return false, nil
	case r.InHello:
		err = believeHello(t, n, r, st)
	case acted && st.in(r.Boot) && st.Counter == r.Counter:
		return false, nil
	case acted || forgotten:
		err = devices.ErrReplayed
	default:
		advances, err = judgePress(t, n, r, st)
	}
	if err == nil && advances {
		err = enterBoot(t, n, r, st)
	}
	if err != nil {
		return false, err
	}
	err = t.exec(`INSERT OR REPLACE INTO sign_presses (sign, slot, boot, counter) VALUES (?, ?, ?, ?)`, n, st.presses%keptPresses, int64(r.Boot), int64(r.Counter))
	if err != nil {
		return false, err
	}
	st.presses++
	if err := t.exec(`UPDATE sign_status SET presses_total = ? WHERE sign = ?`, st.presses, n); err != nil {
		return false, err
	}
	st.LastSeen = r.Received
	return true, putReport(t, n, r, st)
}

// believeHello is devices.ErrReplayed unless the hello that brings a press counts.
func believeHello(t *tx, n int64, r devices.Report, st *statusRow) error {
	h := r
	h.Kind, h.Boot, h.Counter = devices.HelloReport, r.HelloBoot, r.HelloCounter
	v, err := judge(t, n, h, st)
	if err == nil && v == old {
		return devices.ErrReplayed
	}
	return err
}

// judgePress judges a press that comes by itself and was not acted on: it is of
// the newest boot, or brings one further that was overtaken. advances is whether
// later reports are to be judged by it.
func judgePress(t *tx, n int64, r devices.Report, st *statusRow) (advances bool, err error) {
	switch {
	case !st.boot.Valid:
		return true, nil
	case st.in(r.Boot):
		return r.Counter > st.Counter, nil
	}
	known, came, err := bootCame(t, n, r.Boot)
	switch {
	case err != nil:
		return false, err
	case known && int64(r.Counter) > came:
		return true, nil
	}
	return false, devices.ErrReplayed // a boot begins with hello
}
