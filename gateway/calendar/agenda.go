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
	date := func(t time.Time) time.Time {
		y, m, d := t.UTC().Date()
		return time.Date(y, m, d, 0, 0, 0, 0, loc)
	}
	return Slot{Event: e, Start: date(e.Start), End: date(e.End)}
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
	edge = time.Date(y, m, d+1, 0, 0, 0, 0, loc)
	for _, s := range a.Slots(loc) {
		for _, x := range [2]time.Time{s.Start, s.End} {
			if x.After(t) && x.Before(edge) {
				edge = x
			}
		}
	}
	return edge, edge.Before(a.Window.To) || a.Window.To.IsZero()
}
