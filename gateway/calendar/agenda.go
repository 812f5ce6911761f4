package calendar

import (
	"slices"
	"strings"
	"time"
)

// Agenda is what one room's calendar says for a window of time, in the room's
// zone. Events are the events as read, in any order. An Agenda is a value: who
// holds it may keep it, nobody may change its Events.
type Agenda struct {
	Room   Room
	Events []Event
	Window Window
	AsOf   time.Time // last moment the source confirmed this content; zero: never read
}

// Now is what an agenda says at one instant.
type Now struct {
	Current []Slot // meetings that take the room, earliest created first
	Next    []Slot // later meetings by start; at most the rest of the window
}

// Slot is an event placed on the room's time line: Start and End are instants
// in the room's zone (an all-day event begins and ends at local midnight).
type Slot struct {
	Event
	Start, End time.Time
}

// Location returns the room's zone, or site when the room names none or the
// name is unknown to the time zone database.
func (a Agenda) Location(site *time.Location) *time.Location {
	if a.Room.Zone == "" {
		return site
	}
	loc, err := time.LoadLocation(a.Room.Zone)
	if err != nil {
		return site
	}
	return loc
}

// Slots returns the occupying events as slots in loc, by start, then end, then
// id. The result is the caller's.
func (a Agenda) Slots(loc *time.Location) []Slot {
	slots := make([]Slot, 0, len(a.Events))
	for _, e := range a.Events {
		if e.Occupies() {
			slots = append(slots, e.In(loc))
		}
	}
	slices.SortFunc(slots, func(x, y Slot) int {
		if c := x.Start.Compare(y.Start); c != 0 {
			return c
		}
		if c := x.End.Compare(y.End); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return slots
}

// In places the event on the time line of loc. All-day events float: their
// dates are kept and begin at loc's midnight.
func (e Event) In(loc *time.Location) Slot {
	if !e.AllDay {
		return Slot{Event: e, Start: e.Start.In(loc), End: e.End.In(loc)}
	}
	y, m, d := e.Start.UTC().Date()
	start := StartOfDay(y, m, d, loc)
	if !e.End.After(e.Start) {
		return Slot{Event: e, Start: start, End: StartOfDay(y, m, d+1, loc)}
	}
	y, m, d = e.End.UTC().Date()
	return Slot{Event: e, Start: start, End: StartOfDay(y, m, d, loc)}
}

// StartOfDay returns the first instant of a date in loc. That is midnight,
// except where clocks are set forward at midnight: there the day begins at
// 01:00. A date that loc skipped begins, and ends, with the date after it.
// Numbers beyond a month's count on, as with time.Date.
func StartOfDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	change, next := t.ZoneBounds()
	want := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	switch wall := wallClock(t); {
	case wall.Before(want): // the midnight is skipped, Go answers in the zone before
		return next.In(loc)
	case wall.After(want): // the same in the zone after
		return change.In(loc)
	case change.IsZero():
		return t
	}
	_, before := change.Add(-time.Second).Zone()
	if _, after := t.Zone(); before > after { // clocks were set back: midnight may have come once already
		first := t.Add(-time.Duration(before-after) * time.Second)
		if first.Before(change) {
			return first
		}
	}
	return t
}

// wallClock is what a clock in t's zone shows, as an instant of UTC.
func wallClock(t time.Time) time.Time {
	y, m, d := t.Date()
	h, min, s := t.Clock()
	return time.Date(y, m, d, h, min, s, 0, time.UTC)
}

// At says what occupies the room at t.
func (a Agenda) At(t time.Time, loc *time.Location) Now {
	var now Now
	for _, s := range a.Slots(loc) {
		switch {
		case !t.Before(s.End):
		case t.Before(s.Start):
			now.Next = append(now.Next, s)
		default:
			now.Current = append(now.Current, s)
		}
	}
	slices.SortStableFunc(now.Current, func(x, y Slot) int { return x.Created.Compare(y.Created) })
	return now
}

// NextEdge returns the first instant after t at which a meeting begins or ends
// or a local day begins. ok is false when the window holds no edge after t.
func (a Agenda) NextEdge(t time.Time, loc *time.Location) (edge time.Time, ok bool) {
	y, m, d := t.In(loc).Date()
	for edge = StartOfDay(y, m, d+1, loc); !edge.After(t); d++ { // a clock set back over midnight has the day twice
		edge = StartOfDay(y, m, d+2, loc)
	}
	for _, s := range a.Slots(loc) {
		for _, x := range [2]time.Time{s.Start, s.End} {
			if x.After(t) && x.Before(edge) {
				edge = x
			}
		}
	}
	return edge, edge.Before(a.Window.To) || a.Window.To.IsZero()
}
