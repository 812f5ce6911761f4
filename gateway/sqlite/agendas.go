package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// maxEvents bounds the events of one agenda: more than one a quarter of an hour
// for three months.
const maxEvents = 10000

// eventRow is an event as stored: bounded texts, instants in milliseconds. Two
// events are the same when their rows are equal.
type eventRow struct {
	id, icalUID, seriesID, subject, organizerName, organizerAddress string

	start, end, created sql.NullInt64
	allDay, cancelled   bool
	showAs, sensitivity int64
	response            int64
	changeKey           string
	transactionID       string
}

// eventKey is an event's key in its room; copy counts equal ids.
type eventKey struct {
	id   string
	copy int64
}

func nullMillis(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: true}
}

func instantOf(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMilli(n.Int64).UTC()
}

func rowOf(e calendar.Event) eventRow {
	return eventRow{
		id: text(e.ID, maxKey), icalUID: text(e.ICalUID, maxKey), seriesID: text(e.SeriesID, maxKey), subject: text(e.Subject, maxSubject),
		organizerName: text(e.OrganizerName, maxSubject), organizerAddress: text(e.OrganizerAddress, maxSubject),
		start: nullMillis(e.Start), end: nullMillis(e.End), created: nullMillis(e.Created),
		allDay: e.AllDay, cancelled: e.Cancelled, showAs: int64(e.ShowAs), sensitivity: int64(e.Sensitivity),
		response: int64(e.Response), changeKey: text(e.ChangeKey, maxKey), transactionID: text(e.TransactionID, maxKey),
	}
}

func (r eventRow) event() calendar.Event {
	return calendar.Event{
		ID: r.id, ICalUID: r.icalUID, SeriesID: r.seriesID, Subject: r.subject,
		OrganizerName: r.organizerName, OrganizerAddress: r.organizerAddress,
		Start: instantOf(r.start), End: instantOf(r.end), Created: instantOf(r.created),
		AllDay: r.allDay, Cancelled: r.cancelled, ShowAs: calendar.ShowAs(r.showAs),
		Sensitivity: calendar.Sensitivity(r.sensitivity), Response: calendar.Response(r.response),
		ChangeKey: r.changeKey, TransactionID: r.transactionID,
	}
}

// eventRows returns the events by key. Copies of one id are numbered in an order
// of their content, so that the order of reading does not matter.
func eventRows(events []calendar.Event) (map[eventKey]eventRow, error) {
	if err := within("agenda: number of events", len(events), maxEvents); err != nil {
		return nil, err
	}
	rows := make([]eventRow, len(events))
	for i, e := range events {
		rows[i] = rowOf(e)
	}
	slices.SortStableFunc(rows, func(a, b eventRow) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.start.Int64, b.start.Int64),
			cmp.Compare(a.end.Int64, b.end.Int64), cmp.Compare(a.changeKey, b.changeKey), cmp.Compare(a.subject, b.subject))
	})
	byKey := make(map[eventKey]eventRow, len(rows))
	var key eventKey
	for i, r := range rows {
		if i > 0 && r.id == key.id {
			key.copy++
		} else {
			key = eventKey{id: r.id}
		}
		byKey[key] = r
	}
	return byKey, nil
}

// CommitAgenda implements gateway.RoomStore. Only events that differ are
// written; instants are compared in milliseconds, texts as stored.
func (s *Store) CommitAgenda(ctx context.Context, a calendar.Agenda, cur connection.Cursor) (changed bool, err error) {
	next, err := eventRows(a.Events)
	if err == nil {
		err = within("cursor", len(cur.DeltaLink), maxLink)
	}
	if err != nil {
		return false, failed("commit agenda", err)
	}
	err = s.write(ctx, "commit agenda", func(t *tx) error {
		changed, err = commitAgenda(t, a, next, cur)
		return err
	})
	return changed && err == nil, err
}

func commitAgenda(t *tx, a calendar.Agenda, next map[eventKey]eventRow, cur connection.Cursor) (changed bool, err error) {
	if _, err := getRoom(t, a.Room.ID); err != nil {
		return false, err
	}
	var window calendar.Window
	err = t.get(`SELECT window_from, window_to FROM agendas WHERE room = ?`, []any{string(a.Room.ID)},
		instant{&window.From}, instant{&window.To})
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	edited, err := replaceEvents(t, a.Room.ID, next)
	if err != nil {
		return false, err
	}
	changed = !known || edited || nullMillis(window.From) != nullMillis(a.Window.From) || nullMillis(window.To) != nullMillis(a.Window.To)
	return changed, t.exec(`INSERT INTO agendas (room, window_from, window_to, as_of, delta_link, truth_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (room) DO UPDATE SET window_from = excluded.window_from, window_to = excluded.window_to,
			as_of = excluded.as_of, delta_link = excluded.delta_link, truth_at = excluded.truth_at`,
		string(a.Room.ID), ms(a.Window.From), ms(a.Window.To), ms(a.AsOf), cur.DeltaLink, ms(cur.TruthAt))
}

// replaceEvents makes next the events of the room and reports whether that
// changed anything.
func replaceEvents(t *tx, room calendar.RoomID, next map[eventKey]eventRow) (changed bool, err error) {
	var gone []eventKey
	same := make(map[eventKey]bool, len(next))
	err = t.each(selectEvents, []any{string(room)}, func(row rowScanner) error {
		key, have, err := scanEvent(row)
		if want, ok := next[key]; !ok {
			gone = append(gone, key)
		} else if want == have {
			same[key] = true
		}
		return err
	})
	if err != nil {
		return false, err
	}
	for _, key := range gone {
		if err := t.exec(`DELETE FROM events WHERE room = ? AND id = ? AND copy = ?`, string(room), key.id, key.copy); err != nil {
			return false, err
		}
	}
	for key, r := range next {
		if same[key] {
			continue
		}
		err := t.exec(upsertEvent, string(room), key.id, key.copy, r.icalUID, r.seriesID, r.subject, r.organizerName,
			r.organizerAddress, r.start, r.end, r.allDay, r.cancelled, r.showAs, r.sensitivity, r.response,
			r.created, r.changeKey, r.transactionID)
		if err != nil {
			return false, err
		}
	}
	return len(gone) > 0 || len(same) < len(next), nil
}

const (
	eventColumns = `id, copy, ical_uid, series_id, subject, organizer_name, organizer_address, starts_at, ends_at,
		all_day, cancelled, show_as, sensitivity, response, created_at, change_key, transaction_id`
	selectEvents = `SELECT ` + eventColumns + ` FROM events WHERE room = ? ORDER BY starts_at, ends_at, id, copy`
	upsertEvent  = `INSERT OR REPLACE INTO events (room, ` + eventColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

func scanEvent(row rowScanner) (key eventKey, r eventRow, err error) {
	err = row.Scan(&r.id, &key.copy, &r.icalUID, &r.seriesID, &r.subject, &r.organizerName, &r.organizerAddress,
		&r.start, &r.end, &r.allDay, &r.cancelled, &r.showAs, &r.sensitivity, &r.response,
		&r.created, &r.changeKey, &r.transactionID)
	key.id = r.id
	return key, r, err
}

// TouchAgenda implements gateway.RoomStore; ErrNotFound when the room has no
// agenda yet.
func (s *Store) TouchAgenda(ctx context.Context, room calendar.RoomID, asOf time.Time, cur connection.Cursor) error {
	if err := within("cursor", len(cur.DeltaLink), maxLink); err != nil {
		return failed("touch agenda", err)
	}
	return s.write(ctx, "touch agenda", func(t *tx) error {
		return found(t.affect(`UPDATE agendas SET as_of = ?, delta_link = ?, truth_at = ? WHERE room = ?`,
			ms(asOf), cur.DeltaLink, ms(cur.TruthAt), string(room)))
	})
}

// Agenda implements gateway.RoomStore; events come by start.
func (s *Store) Agenda(ctx context.Context, room calendar.RoomID) (a calendar.Agenda, err error) {
	err = s.readMany(ctx, "agenda", func(q querier) error {
		if a.Room, err = getRoom(q, room); err != nil {
			return err
		}
		err := q.get(`SELECT window_from, window_to, as_of FROM agendas WHERE room = ?`, []any{string(room)},
			instant{&a.Window.From}, instant{&a.Window.To}, instant{&a.AsOf})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		return q.each(selectEvents, []any{string(room)}, func(row rowScanner) error {
			_, r, err := scanEvent(row)
			a.Events = append(a.Events, r.event())
			return err
		})
	})
	return a, err
}

// AgendaTimes implements gateway.RoomStore.
func (s *Store) AgendaTimes(ctx context.Context) (times map[calendar.RoomID]time.Time, err error) {
	times = map[calendar.RoomID]time.Time{}
	err = s.read(ctx, "times of agendas", func(q querier) error {
		return q.each(`SELECT room, as_of FROM agendas`, nil, func(row rowScanner) error {
			var room string
			var asOf time.Time
			if err := row.Scan(&room, instant{&asOf}); err != nil {
				return err
			}
			if !asOf.IsZero() {
				times[calendar.RoomID(room)] = asOf
			}
			return nil
		})
	})
	return times, err
}

// Cursor implements gateway.RoomStore; it is zero for a room never read.
func (s *Store) Cursor(ctx context.Context, room calendar.RoomID) (cur connection.Cursor, err error) {
	err = s.read(ctx, "cursor", func(q querier) error {
		return q.get(`SELECT coalesce(delta_link, ''), truth_at FROM rooms LEFT JOIN agendas ON room = id WHERE id = ?`,
			[]any{string(room)}, &cur.DeltaLink, instant{&cur.TruthAt})
	})
	return cur, err
}
