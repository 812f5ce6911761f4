package calendar

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStartOfDay walks whole years, also in zones that change their clocks at
// midnight, and compares with a search by the second.
func TestStartOfDay(t *testing.T) {
	for _, tc := range []struct {
		zone          string
		year          int
		short, long   string // dates of 23 and 25 hours, "" for none
		shortH, longH float64
	}{
		{"UTC", 2026, "", "", 0, 0},
		{"Europe/Berlin", 2026, "2026-03-29", "2026-10-25", 23, 25},
		{"America/New_York", 2026, "2026-03-08", "2026-11-01", 23, 25},
		{"Australia/Lord_Howe", 2026, "2026-10-04", "2026-04-05", 23.5, 24.5},
		{"Africa/Cairo", 2026, "2026-04-24", "2026-10-29", 23, 25},     // 00:00 is 01:00; 24:00 is 23:00
		{"Asia/Beirut", 2026, "2026-03-29", "2026-10-24", 23, 25},      // the same
		{"America/Havana", 2026, "2026-03-08", "2026-11-01", 23, 25},   // 00:00 is 01:00; 00:00 to 01:00 comes twice
		{"America/Santiago", 2026, "2026-09-06", "2026-04-04", 23, 25}, // 24:00 is 01:00; 24:00 is 23:00
		{"America/Sao_Paulo", 2018, "2018-11-04", "2018-02-17", 23, 25},
		{"Asia/Tehran", 2021, "2021-03-22", "2021-09-21", 23, 25},
		{"Asia/Kathmandu", 2026, "", "", 0, 0},
	} {
		t.Run(tc.zone, func(t *testing.T) {
			loc := zone(t, tc.zone)
			for day := range 366 {
				start, next := StartOfDay(tc.year, 1, 1+day, loc), StartOfDay(tc.year, 1, 2+day, loc)
				date := time.Date(tc.year, 1, 1+day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
				if got := start.Format(time.DateOnly); got != date {
					t.Errorf("%s begins at %v", date, start)
				}
				if got := start.Add(-time.Second).Format(time.DateOnly); got >= date {
					t.Errorf("%s begins at %v, a second before that is the same date", date, start)
				}
				want := 24.0
				switch date {
				case tc.short:
					want = tc.shortH
				case tc.long:
					want = tc.longH
				}
				if got := next.Sub(start).Hours(); got != want {
					t.Errorf("%s has %v hours, want %v", date, got, want)
				}
			}
		})
	}
	t.Run("a date that was skipped", func(t *testing.T) {
		apia := zone(t, "Pacific/Apia") // there was no 30 December 2011
		if a, b := StartOfDay(2011, 12, 30, apia), StartOfDay(2011, 12, 31, apia); !a.Equal(b) {
			t.Errorf("got %v and %v, want the same instant", a, b)
		}
	})
}

// TestEvents is the table of what each kind of event means for the room: who
// takes it at an instant in the room's zone.
func TestEvents(t *testing.T) {
	timed := func(from, to string, edit ...func(*Event)) Event {
		e := Event{ID: "a", Subject: "Planning", Start: at(t, from), End: at(t, to), ShowAs: Busy, Response: Accepted}
		for _, f := range edit {
			f(&e)
		}
		return e
	}
	allDay := func(from, to string) Event {
		return Event{ID: "a", AllDay: true, Start: at(t, from+" 00:00"), End: at(t, to+" 00:00"), ShowAs: Busy}
	}
	showAs := func(v ShowAs) func(*Event) { return func(e *Event) { e.ShowAs = v } }
	answer := func(v Response) func(*Event) { return func(e *Event) { e.Response = v } }
	const before, in, last, after = "2026-11-23 08:59", "2026-11-23 09:00", "2026-11-23 09:59", "2026-11-23 10:00"
	hour := func(edit ...func(*Event)) []Event { return []Event{timed(in, after, edit...)} }
	for _, tc := range []struct {
		name   string
		zone   string
		events []Event
		at     string // in UTC
		want   string // ids of those that take the room, oldest first
	}{
		{"busy, before", "UTC", hour(), before, ""},
		{"busy, first minute", "UTC", hour(), in, "a"},
		{"busy, last minute", "UTC", hour(), last, "a"},
		{"busy, after", "UTC", hour(), after, ""},
		{"tentative", "UTC", hour(showAs(Tentative)), in, "a"},
		{"free", "UTC", hour(showAs(Free)), in, ""},
		{"out of office", "UTC", hour(showAs(OutOfOffice)), in, "a"},
		{"working elsewhere", "UTC", hour(showAs(WorkingElsewhere)), in, "a"},
		{"unknown availability", "UTC", hour(showAs(99)), in, "a"},
		{"declined", "UTC", hour(answer(Declined)), in, ""},
		{"tentatively accepted", "UTC", hour(answer(TentativelyAccepted)), in, "a"},
		{"not answered", "UTC", hour(answer(NotResponded)), in, "a"},
		{"cancelled", "UTC", hour(func(e *Event) { e.Cancelled = true }), in, ""},
		{"cancelled by its subject", "UTC", hour(subject("Canceled: Planning")), in, ""},
		{"private", "UTC", hour(private), in, "a"},
		{"no subject", "UTC", hour(subject("")), in, "a"},
		{"a subject of 100 KB", "UTC", hour(subject(strings.Repeat("x", 100<<10))), in, "a"},
		{"without length", "UTC", []Event{timed(in, in)}, in, ""},
		{"backwards", "UTC", []Event{timed(after, in)}, in, ""},
		{"seconds count", "UTC", []Event{{ID: "a", Start: at(t, in), End: at(t, in).Add(59 * time.Second)}}, in, "a"},

		{"over midnight, before it", "UTC", []Event{timed("2026-11-23 22:00", "2026-11-24 02:00")}, "2026-11-23 23:59", "a"},
		{"over midnight, after it", "UTC", []Event{timed("2026-11-23 22:00", "2026-11-24 02:00")}, "2026-11-24 01:59", "a"},
		{"several days", "UTC", []Event{timed("2026-11-20 15:00", "2026-11-25 12:00")}, in, "a"},
		{"all day, first minute in Tokyo", "Asia/Tokyo", []Event{allDay("2026-11-23", "2026-11-24")}, "2026-11-22 15:00", "a"},
		{"all day, the minute before in Tokyo", "Asia/Tokyo", []Event{allDay("2026-11-23", "2026-11-24")}, "2026-11-22 14:59", ""},
		{"all day, last minute in Honolulu", "Pacific/Honolulu", []Event{allDay("2026-11-23", "2026-11-24")}, "2026-11-24 09:59", "a"},
		{"all day, over in Honolulu", "Pacific/Honolulu", []Event{allDay("2026-11-23", "2026-11-24")}, "2026-11-24 10:00", ""},
		{"all day for three days", "UTC", []Event{allDay("2026-11-22", "2026-11-25")}, "2026-11-24 23:59", "a"},
		{"all day that ends where it begins", "UTC", []Event{allDay("2026-11-23", "2026-11-23")}, in, "a"},
		{"all day on a day that begins at one", "Africa/Cairo", []Event{allDay("2026-04-24", "2026-04-25")}, "2026-04-23 22:00", "a"},
		{"all day before a day that begins at one", "Africa/Cairo", []Event{allDay("2026-04-23", "2026-04-24")}, "2026-04-23 22:00", ""},
		{"all day, the hour that comes twice", "America/Havana", []Event{allDay("2026-11-01", "2026-11-02")}, "2026-11-01 04:30", "a"},

		{"overlapping, the older first", "UTC", []Event{timed(in, after, func(e *Event) { e.ID, e.Created = "young", at(t, "2026-11-20 09:00") }),
			timed(in, after, func(e *Event) { e.ID, e.Created = "old", at(t, "2026-11-10 09:00") })}, in, "old young"},
		{"overlapping, of unknown age by start", "UTC", []Event{timed(in, after, func(e *Event) { e.ID = "later" }),
			timed(before, after, func(e *Event) { e.ID = "earlier" })}, in, "earlier later"},
		{"one ends as the other begins", "UTC", []Event{timed(before, in, func(e *Event) { e.ID = "first" }),
			timed(in, after, func(e *Event) { e.ID = "second" })}, in, "second"},

		{"an occurrence that was moved takes its new place", "UTC", []Event{
			timed("2026-11-23 09:30", "2026-11-23 10:30", series("s")), timed("2026-11-30 09:00", "2026-11-30 10:00", series("s"), func(e *Event) { e.ID = "b" })}, in, ""},
		{"an exception that was cancelled frees its own day only", "UTC", []Event{
			timed(in, after, series("s"), func(e *Event) { e.Cancelled = true }), timed("2026-11-30 09:00", "2026-11-30 10:00", series("s"), func(e *Event) { e.ID = "b" })}, "2026-11-30 09:00", "b"},
		{"an exception with another title is its own", "UTC", []Event{timed(in, after, series("s"), subject("Other"))}, in, "a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := Agenda{Events: tc.events}
			got := strings.Join(ids(a.At(at(t, tc.at), zone(t, tc.zone)).Current), " ")
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestEdgesOnClockChange walks from edge to edge over the days on which clocks
// change: every edge comes once, in order, and midnights are the room's.
func TestEdgesOnClockChange(t *testing.T) {
	for _, tc := range []struct {
		name, zone, from string // from in UTC
		events           []Event
		want             []string
	}{
		{"forward in Berlin", "Europe/Berlin", "2026-03-28 23:00",
			[]Event{{ID: "a", Start: at(t, "2026-03-29 00:30"), End: at(t, "2026-03-29 01:30")}},
			[]string{"01:30 CET", "03:30 CEST", "00:00 CEST"}},
		{"back in Berlin", "Europe/Berlin", "2026-10-24 22:00",
			[]Event{{ID: "a", Start: at(t, "2026-10-25 00:30"), End: at(t, "2026-10-25 01:30")}},
			[]string{"02:30 CEST", "02:30 CET", "00:00 CET"}},
		{"the day begins at one", "Africa/Cairo", "2026-04-23 20:00", nil, []string{"01:00 EEST", "00:00 EEST"}},
		{"23:00 comes twice", "Africa/Cairo", "2026-10-29 19:00",
			[]Event{{ID: "a", Start: at(t, "2026-10-29 20:30"), End: at(t, "2026-10-29 21:30")}},
			[]string{"23:30 EEST", "23:30 EET", "00:00 EET"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			loc := zone(t, tc.zone)
			a := Agenda{Events: tc.events}
			now := at(t, tc.from)
			var got []string
			for range tc.want {
				edge, ok := a.NextEdge(now, loc)
				if !ok || !edge.After(now) {
					t.Fatalf("after %v: got %v, %v", now, edge, ok)
				}
				got = append(got, edge.In(loc).Format("15:04 MST"))
				now = edge
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
