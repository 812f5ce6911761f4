package graphsync

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"doorleaf/gateway/calendar"
	"doorleaf/graphsync/internal/msgraph"
)

// Bounds of what is kept of an event; a room with more events than maxEvents in
// nine days is a fault, not a calendar.
const (
	maxSubject = 1 << 10
	maxName    = 256
	maxAddress = 320
	maxID      = 1 << 10
	maxEvents  = 4000
)

// errWrong says that an answer does not follow Graph's schema. It names no
// member and quotes nothing.
var errWrong = errors.New("answer does not follow the schema")

// notes count what reading had to mend.
type notes struct {
	dropped uint64 // events that end before they begin
	cut     uint64 // subjects over maxSubject bytes
}

// readEvents turns a whole answer into events, ordered by start and id. An
// answer with one wrong event is refused as a whole: a door must not promise a
// room because a meeting could not be read. The last one of equal ids wins.
func readEvents(in []msgraph.Event) ([]calendar.Event, notes, error) {
	var n notes
	if len(in) > maxEvents {
		return nil, n, errWrong
	}
	byID := make(map[string]calendar.Event, len(in))
	for _, m := range in {
		if m.Type == "seriesMaster" || m.Removed {
			continue
		}
		e, err := readEvent(m, &n)
		if err != nil {
			return nil, n, err
		}
		if e.End.Before(e.Start) {
			n.dropped++
			continue
		}
		byID[e.ID] = e
	}
	out := make([]calendar.Event, 0, len(byID))
	for _, e := range byID {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b calendar.Event) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, n, nil
}

// readEvent turns one event.
func readEvent(m msgraph.Event, n *notes) (calendar.Event, error) {
	if len(m.Bad) > 0 || m.ID == "" || len(m.ID) > maxID || len(m.SeriesID) > maxID || len(m.ICalUID) > maxID {
		return calendar.Event{}, errWrong
	}
	start, err := readTime(m.Start)
	if err != nil {
		return calendar.Event{}, err
	}
	end, err := readTime(m.End)
	if err != nil {
		return calendar.Event{}, err
	}
	if m.AllDay {
		start, end = readDate(start), readDate(end)
	}
	if len(m.Subject) > maxSubject {
		n.cut++
	}
	e := calendar.Event{
		ID: m.ID, ICalUID: m.ICalUID, SeriesID: m.SeriesID,
		Subject:          tidy(m.Subject, maxSubject),
		OrganizerName:    tidy(m.OrganizerName, maxName),
		OrganizerAddress: tidy(m.OrganizerAddress, maxAddress),
		Start:            start, End: end, AllDay: m.AllDay, Cancelled: m.Cancelled,
		ShowAs: readShowAs(m.ShowAs), Sensitivity: readSensitivity(m.Sensitivity), Response: readResponse(m.Response),
		ChangeKey: tidy(m.ChangeKey, maxID), TransactionID: tidy(m.TransactionID, maxName),
	}
	if t, err := time.Parse(time.RFC3339Nano, m.Created); err == nil {
		e.Created = t.UTC()
	}
	return e, nil
}

// readTime reads Graph's wall-clock time of seven digits in its zone.
func readTime(d msgraph.DateTime) (time.Time, error) {
	if len(d.DateTime) > 64 || len(d.Zone) > 128 {
		return time.Time{}, errWrong
	}
	if t, err := time.Parse(time.RFC3339Nano, d.DateTime); err == nil {
		return t.UTC(), nil
	}
	loc, ok := zone(d.Zone)
	if !ok {
		return time.Time{}, errWrong
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", d.DateTime, loc)
	if err != nil {
		return time.Time{}, errWrong
	}
	return t.UTC(), nil
}

// readDate returns the floating date of an all-day event as its midnight in
// UTC; a time that is a midnight elsewhere is taken for the nearest one.
func readDate(t time.Time) time.Time { return t.Add(12 * time.Hour).Truncate(24 * time.Hour) }

func readShowAs(v string) calendar.ShowAs {
	switch v {
	case "free":
		return calendar.Free
	case "tentative":
		return calendar.Tentative
	case "busy":
		return calendar.Busy
	case "oof":
		return calendar.OutOfOffice
	case "workingElsewhere":
		return calendar.WorkingElsewhere
	}
	return calendar.UnknownShowAs
}

// readSensitivity takes unknown words for private: they may be new ways of
// asking for discretion.
func readSensitivity(v string) calendar.Sensitivity {
	switch v {
	case "", "normal":
		return calendar.Normal
	case "personal":
		return calendar.Personal
	case "confidential":
		return calendar.Confidential
	}
	return calendar.Private
}

func readResponse(v string) calendar.Response {
	switch v {
	case "organizer":
		return calendar.Organizer
	case "tentativelyAccepted":
		return calendar.TentativelyAccepted
	case "accepted":
		return calendar.Accepted
	case "declined":
		return calendar.Declined
	case "notResponded":
		return calendar.NotResponded
	}
	return calendar.NoResponse
}

// tidy returns s as valid UTF-8 on one line, without control characters, of at
// most limit bytes, cut between runes.
func tidy(s string, limit int) string {
	if len(s) > 4*limit { // enough to fill limit after cleaning; keeps the work small
		s = s[:4*limit]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case r < ' ' || (r >= 0x7f && r < 0xa0):
			return -1
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	s = s[:limit]
	for len(s) > 0 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}
