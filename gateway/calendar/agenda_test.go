package calendar

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func ids(slots []Slot) []string {
	out := []string{}
	for _, s := range slots {
		out = append(out, s.ID)
	}
	return out
}

func TestOccupies(t *testing.T) {
	base := Event{ID: "a", Start: at(t, "2026-11-21 09:00"), End: at(t, "2026-11-21 10:00"), ShowAs: Busy}
	for _, tc := range []struct {
		name string
		edit func(*Event)
		want bool
	}{
		{"busy", func(*Event) {}, true},
		{"unknown availability counts as busy", func(e *Event) { e.ShowAs = UnknownShowAs }, true},
		{"tentative holds the room", func(e *Event) { e.ShowAs = Tentative }, true},
		{"out of office", func(e *Event) { e.ShowAs = OutOfOffice }, true},
		{"free", func(e *Event) { e.ShowAs = Free }, false},
		{"cancelled", func(e *Event) { e.Cancelled = true }, false},
		{"declined", func(e *Event) { e.Response = Declined }, false},
		{"no length", func(e *Event) { e.End = e.Start }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := base
			tc.edit(&e)
			if got := e.Occupies(); got != tc.want {
				t.Errorf("Occupies() = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAgendaAt(t *testing.T) {
	helsinki := zone(t, "Europe/Helsinki")
	ev := func(id, from, to string) Event {
		return Event{ID: id, Start: at(t, from), End: at(t, to), ShowAs: Busy}
	}
	allDay := Event{ID: "day", AllDay: true, Start: at(t, "2026-11-21 00:00"), End: at(t, "2026-11-22 00:00"), ShowAs: Busy}
	for _, tc := range []struct {
		name          string
		events        []Event
		now           string
		current, next []string
	}{
		{"before", []Event{ev("a", "2026-11-21 09:00", "2026-11-21 10:00")}, "2026-11-21 08:59", []string{}, []string{"a"}},
		{"start is inclusive", []Event{ev("a", "2026-11-21 09:00", "2026-11-21 10:00")}, "2026-11-21 09:00", []string{"a"}, []string{}},
		{"end is exclusive", []Event{ev("a", "2026-11-21 09:00", "2026-11-21 10:00")}, "2026-11-21 10:00", []string{}, []string{}},
		{"across midnight", []Event{ev("a", "2026-11-21 21:00", "2026-11-22 01:00")}, "2026-11-21 23:30", []string{"a"}, []string{}},
		{"all day begins at the room's midnight", []Event{allDay}, "2026-11-20 22:00", []string{"day"}, []string{}},
		{"all day ends at the room's midnight", []Event{allDay}, "2026-11-21 22:00", []string{}, []string{}},
		{"sorted", []Event{ev("b", "2026-11-21 12:00", "2026-11-21 13:00"), ev("a", "2026-11-21 11:00", "2026-11-21 12:00")}, "2026-11-21 10:00", []string{}, []string{"a", "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := Agenda{Events: tc.events}
			got := a.At(at(t, tc.now), helsinki)
			if d := cmp.Diff(tc.current, ids(got.Current)); d != "" {
				t.Errorf("current (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.next, ids(got.Next)); d != "" {
				t.Errorf("next (-want +got):\n%s", d)
			}
		})
	}
}

func TestOverlapOldestFirst(t *testing.T) {
	a := Agenda{Events: []Event{
		{ID: "young", Start: at(t, "2026-11-21 09:00"), End: at(t, "2026-11-21 10:00"), Created: at(t, "2026-11-20 09:00")},
		{ID: "old", Start: at(t, "2026-11-21 09:30"), End: at(t, "2026-11-21 10:30"), Created: at(t, "2026-11-01 09:00")},
	}}
	if d := cmp.Diff([]string{"old", "young"}, ids(a.At(at(t, "2026-11-21 09:45"), time.UTC).Current)); d != "" {
		t.Error(d)
	}
}

func TestNextEdge(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	a := Agenda{
		Events: []Event{{ID: "a", Start: at(t, "2026-11-21 09:00"), End: at(t, "2026-11-21 10:00"), ShowAs: Busy}},
		Window: Window{From: at(t, "2026-11-20 23:00"), To: at(t, "2026-11-22 23:00")},
	}
	for _, tc := range []struct{ name, now, want string }{
		{"start", "2026-11-21 08:00", "2026-11-21 09:00"},
		{"end", "2026-11-21 09:00", "2026-11-21 10:00"},
		{"local midnight", "2026-11-21 10:00", "2026-11-21 23:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := a.NextEdge(at(t, tc.now), berlin)
			if !ok || !got.Equal(at(t, tc.want)) {
				t.Errorf("NextEdge = %v, %v, want %s", got, ok, tc.want)
			}
		})
	}
	if _, ok := a.NextEdge(at(t, "2026-11-22 22:30"), berlin); ok {
		t.Error("an edge at the end of the window was promised")
	}
}

// The days on which clocks change have 23 and 25 hours; an all-day event still
// covers exactly the local day.
func TestAllDayOnClockChange(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for _, tc := range []struct {
		date  string
		hours float64
	}{{"2026-03-29 00:00", 23}, {"2026-10-25 00:00", 25}, {"2026-11-21 00:00", 24}} {
		e := Event{AllDay: true, Start: at(t, tc.date), End: at(t, tc.date).AddDate(0, 0, 1)}
		s := e.In(berlin)
		if got := s.End.Sub(s.Start).Hours(); got != tc.hours {
			t.Errorf("%s: %v hours, want %v", tc.date, got, tc.hours)
		}
	}
}

func TestUnknownZoneIsTheSites(t *testing.T) {
	site := zone(t, "Asia/Tokyo")
	for _, name := range []string{"", "Mars/Olympus", "../../etc/passwd"} {
		a := Agenda{Room: Room{Zone: name}}
		if got := a.Location(site); got != site {
			t.Errorf("Location of %q = %v, want the site's", name, got)
		}
	}
}
