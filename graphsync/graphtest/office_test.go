package graphtest

import (
	"testing"
	"time"
)

// TestOfficeAlwaysShowsSomething: at every quarter of an hour of a working day
// each zone has a free room, a booked room, and one whose state changes within
// the hour.
func TestOfficeAlwaysShowsSomething(t *testing.T) {
	w := newWorld(t, true)
	zones := map[string][]Room{}
	for _, r := range w.s.Rooms() {
		zones[r.TimeZone] = append(zones[r.TimeZone], r)
	}
	if len(w.s.Rooms()) != 12 || len(zones) != 3 {
		t.Fatalf("got %d rooms in %d zones, want 12 in 3", len(w.s.Rooms()), len(zones))
	}
	for name, rooms := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for day := 24; day <= 28; day++ {
			for quarter := 8*4 + 2; quarter < 18*4; quarter++ {
				at := time.Date(2026, 11, day, 0, quarter*15, 0, 0, zone)
				free, booked, soon := 0, 0, 0
				for _, r := range rooms {
					if taken(w.s.Truth(r.Email, at, at.Add(time.Second))) {
						booked++
						continue
					}
					free++
					if taken(w.s.Truth(r.Email, at, at.Add(61*time.Minute))) {
						soon++
					}
				}
				if free == 0 || booked == 0 || soon == 0 && quarter < 17*4 {
					t.Errorf("%s: %d free, %d booked, %d soon", at, free, booked, soon)
				}
			}
		}
	}
}

func taken(list []Occurrence) bool {
	for _, o := range list {
		if o.ShowAs != "free" {
			return true
		}
	}
	return false
}

// TestOfficeFollowsTheClock: the days to come are made as they come, the same
// ones in every office, and delta tells about them.
func TestOfficeFollowsTheClock(t *testing.T) {
	w, other := newWorld(t, true), newWorld(t, true)
	room := w.s.Rooms()[2].Email
	_, link := w.round("/users/" + room + "/calendarView/delta?startDateTime=2026-11-24T00:00:00Z&endDateTime=2026-12-20T00:00:00Z")
	w.clock.add(10 * 24 * time.Hour)
	for range 10 { // one goes straight there, the other day by day
		other.clock.add(24 * time.Hour)
		other.s.Truth(room, other.clock.now(), other.clock.now().Add(time.Hour))
	}
	from := w.clock.now()
	a, b := w.s.Truth(room, from, from.AddDate(0, 0, 8)), other.s.Truth(room, from, from.AddDate(0, 0, 8))
	if len(a) < 20 || len(a) != len(b) {
		t.Fatalf("got %d and %d meetings", len(a), len(b))
	}
	for i := range a {
		if a[i].Subject != b[i].Subject || !a[i].Start.Equal(b[i].Start) || a[i].Organizer != b[i].Organizer {
			t.Errorf("the offices differ: %s and %s", a[i].Start, b[i].Start)
		}
	}
	pages, _ := w.round(link)
	if len(brief(pages)) < 20 {
		t.Errorf("delta tells %d entries about the new days", len(brief(pages)))
	}
}

func TestOfficeHasEveryKind(t *testing.T) {
	w := newWorld(t, true)
	seen := map[string]bool{}
	for _, r := range w.s.Rooms() {
		zone, err := time.LoadLocation(r.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range w.s.Truth(r.Email, w.clock.now(), w.clock.now().AddDate(0, 0, 8)) {
			seen[o.Type], seen[o.Sensitivity], seen[o.ShowAs], seen[o.Response] = true, true, true, true
			seen["cancelled"] = seen["cancelled"] || o.Cancelled
			seen["all day"] = seen["all day"] || o.AllDay
			seen["over midnight"] = seen["over midnight"] || !o.AllDay && o.Start.In(zone).Day() != o.End.In(zone).Day()
			seen["organizer's name"] = seen["organizer's name"] || o.Subject == o.Organizer.Name
		}
	}
	for _, want := range []string{"singleInstance", "occurrence", "private", "tentative", "tentativelyAccepted", "cancelled", "all day", "over midnight", "organizer's name"} {
		if !seen[want] {
			t.Errorf("the office shows nothing of the kind %q", want)
		}
	}
}
