package graphtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDates(t *testing.T) {
	rng := func(kind, start, end string, n int) Range {
		return Range{Type: kind, StartDate: start, EndDate: end, NumberOfOccurrences: n}
	}
	for _, c := range []struct {
		name string
		p    Pattern
		r    Range
		last string
		want string
	}{
		{"daily", Pattern{Type: "daily", Interval: 1}, rng("noEnd", "2026-02-26", "", 0), "2026-03-01", "02-26 02-27 02-28 03-01"},
		{"every third day, numbered", Pattern{Type: "daily", Interval: 3}, rng("numbered", "2026-11-28", "", 3), "2027-12-31", "11-28 12-01 12-04"},
		{"daily until", Pattern{Type: "daily", Interval: 1}, rng("endDate", "2026-11-28", "2026-11-30", 0), "2027-12-31", "11-28 11-29 11-30"},
		{"weekly by days", Pattern{Type: "weekly", Interval: 1, DaysOfWeek: []string{"Friday", "tuesday"}}, rng("numbered", "2026-11-25", "", 4), "2027-12-31", "11-27 12-01 12-04 12-08"},
		// Start on Sunday: with weeks from Sunday the Tuesday after it is in the
		// same week, with weeks from Monday it is not.
		{"every second week from Sunday", Pattern{Type: "weekly", Interval: 2, DaysOfWeek: []string{"sunday", "tuesday"}, FirstDayOfWeek: "sunday"}, rng("numbered", "2026-11-01", "", 4), "2027-12-31", "11-01 11-03 11-15 11-17"},
		{"every second week from Monday", Pattern{Type: "weekly", Interval: 2, DaysOfWeek: []string{"sunday", "tuesday"}, FirstDayOfWeek: "monday"}, rng("numbered", "2026-11-01", "", 4), "2027-12-31", "11-01 11-10 11-15 11-24"},
		{"monthly on the 31st", Pattern{Type: "absoluteMonthly", Interval: 1, DayOfMonth: 31}, rng("numbered", "2026-01-31", "", 4), "2027-12-31", "01-31 02-28 03-31 04-30"},
		{"quarterly, first day past", Pattern{Type: "absoluteMonthly", Interval: 3, DayOfMonth: 10}, rng("numbered", "2026-01-15", "", 2), "2027-12-31", "04-10 07-10"},
		{"second Tuesday", Pattern{Type: "relativeMonthly", Interval: 1, DaysOfWeek: []string{"tuesday"}, Index: "second"}, rng("numbered", "2026-11-01", "", 3), "2027-12-31", "11-10 12-08 01-12"},
		{"index left out", Pattern{Type: "relativeMonthly", Interval: 1, DaysOfWeek: []string{"tuesday"}}, rng("numbered", "2026-11-01", "", 1), "2027-12-31", "11-03"},
		{"last weekday", Pattern{Type: "relativeMonthly", Interval: 1, DaysOfWeek: []string{"monday", "tuesday", "wednesday", "thursday", "friday"}, Index: "last"}, rng("numbered", "2026-10-01", "", 3), "2027-12-31", "10-30 11-30 12-31"},
		{"yearly on a leap day", Pattern{Type: "absoluteYearly", Interval: 1, Month: 2, DayOfMonth: 29}, rng("numbered", "2024-02-29", "", 3), "2027-12-31", "02-29 02-28 02-28"},
		{"yearly, this year past", Pattern{Type: "absoluteYearly", Interval: 2, Month: 3, DayOfMonth: 1}, rng("noEnd", "2026-04-01", "", 0), "2029-01-01", "03-01"},
		{"last Thursday of November", Pattern{Type: "relativeYearly", Interval: 1, Month: 11, DaysOfWeek: []string{"thursday"}, Index: "last"}, rng("numbered", "2026-01-01", "", 2), "2028-12-31", "11-26 11-25"},
		{"not yet", Pattern{Type: "daily", Interval: 1}, rng("noEnd", "2026-11-28", "", 0), "2026-11-27", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Recurrence{c.p, c.r}
			if err := r.check(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for d := range r.dates(utc(t, c.last)) {
				got = append(got, d.Format("01-02"))
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRecurrenceRefused(t *testing.T) {
	good := Recurrence{Pattern{Type: "weekly", Interval: 1, DaysOfWeek: []string{"monday"}}, Range{Type: "noEnd", StartDate: "2026-11-02"}}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Recurrence){
		"no interval":      func(r *Recurrence) { r.Pattern.Interval = 0 },
		"no days":          func(r *Recurrence) { r.Pattern.DaysOfWeek = nil },
		"odd day":          func(r *Recurrence) { r.Pattern.DaysOfWeek = []string{"noday"} },
		"odd type":         func(r *Recurrence) { r.Pattern.Type = "hourly" },
		"odd index":        func(r *Recurrence) { r.Pattern.Type, r.Pattern.Index = "relativeMonthly", "fifth" },
		"no month":         func(r *Recurrence) { r.Pattern.Type = "relativeYearly" },
		"no day":           func(r *Recurrence) { r.Pattern.Type = "absoluteMonthly" },
		"no start":         func(r *Recurrence) { r.Range.StartDate = "" },
		"end before":       func(r *Recurrence) { r.Range.Type, r.Range.EndDate = "endDate", "2026-11-01" },
		"no number":        func(r *Recurrence) { r.Range.Type = "numbered" },
		"unheard-of range": func(r *Recurrence) { r.Range.Type = "sometimes" },
	} {
		r := good
		spoil(&r)
		if err := r.check(); !errors.Is(err, ErrRecurrence) {
			t.Errorf("%s: got %v, want ErrRecurrence", name, err)
		}
	}
}

// TestClockChanges: a series keeps its time on the wall.
func TestClockChanges(t *testing.T) {
	for _, c := range []struct {
		name, zone, first, from, to string
		want                        []string
	}{
		{"autumn in Helsinki", "Europe/Helsinki", "2026-10-23T06:00:00Z", "2026-10-23", "2026-10-27",
			[]string{"10-23 06:00", "10-24 06:00", "10-25 07:00", "10-26 07:00"}},
		{"spring in New York", "America/New_York", "2026-03-06T14:00:00Z", "2026-03-06", "2026-03-10",
			[]string{"03-06 14:00", "03-07 14:00", "03-08 13:00", "03-09 13:00"}},
		{"an hour that does not exist", "Europe/Berlin", "2026-03-28T01:30:00Z", "2026-03-28", "2026-03-31",
			[]string{"03-28 01:30", "03-29 01:30", "03-30 00:30"}},
		{"an hour that comes twice", "Europe/Berlin", "2026-10-24T00:30:00Z", "2026-10-24", "2026-10-27",
			[]string{"10-24 00:30", "10-25 00:30", "10-26 01:30"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, false)
			cal := w.s.AddRoom(Room{Email: "room", Name: "Room", TimeZone: c.zone})
			start := utc(t, c.first)
			cal.Create(Event{Subject: "Daily", Start: start, End: start.Add(15 * time.Minute),
				Recurrence: &Recurrence{Pattern{Type: "daily", Interval: 1}, Range{Type: "noEnd"}}})
			var got []string
			for _, o := range w.s.Truth("room", utc(t, c.from), utc(t, c.to)) {
				got = append(got, o.Start.Format("01-02 15:04"))
				if o.End.Sub(o.Start) != 15*time.Minute {
					t.Errorf("length %s", o.End.Sub(o.Start))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestAllDaySeries: the days are days also when one has 25 hours.
func TestAllDaySeries(t *testing.T) {
	w := newWorld(t, false)
	cal := w.s.AddRoom(Room{Email: "room", Name: "Room", TimeZone: "Europe/Berlin"})
	first := utc(t, "2026-10-22T22:00:00Z")
	cal.Create(Event{Subject: "Fair", AllDay: true, Start: first, End: first.Add(24 * time.Hour),
		Recurrence: &Recurrence{Pattern{Type: "daily", Interval: 2}, Range{Type: "numbered", NumberOfOccurrences: 3}}})
	var got []string
	for _, o := range w.s.Truth("room", utc(t, "2026-10-01"), utc(t, "2026-11-01")) {
		got = append(got, o.Start.Format("02T15")+"/"+o.End.Format("02T15"))
	}
	if diff := cmp.Diff([]string{"22T22/23T22", "24T22/25T23", "26T23/27T23"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
