package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorleaf/gateway/calendar"
	"doorleaf/render"
)

var testSite = Site{Zone: "Europe/Helsinki", Language: "en", DayStart: 8 * 60, DayEnd: 18 * 60, SoonLimit: 15 * time.Minute, CheckIn: 15 * time.Minute}

// local parses a time in the test site's zone.
func local(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04", s, testSite.Location())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func event(t *testing.T, id, from, to string) calendar.Event {
	return calendar.Event{ID: id, Subject: "Subject " + id, OrganizerName: "Organizer " + id, OrganizerAddress: id + "@example.com",
		Start: local(t, from).UTC(), End: local(t, to).UTC(), ShowAs: calendar.Busy}
}

func agenda(events ...calendar.Event) calendar.Agenda {
	return calendar.Agenda{Room: calendar.Room{ID: "aalto@example.com", Name: "Aalto"}, Events: events}
}

func clock(c render.Clock) *render.Clock { return &c }

func TestFaceStates(t *testing.T) {
	one := func(t *testing.T) calendar.Agenda {
		return agenda(event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00"))
	}
	for _, tc := range []struct {
		name   string
		agenda func(*testing.T) calendar.Agenda
		at     string
		state  render.State
		until  *render.Clock
		allDay bool
		title  string
	}{
		{"free until the next meeting", one, "2026-11-23 08:00", render.Free, clock(9 * 60), false, "Subject a"},
		{"soon from the limit on", one, "2026-11-23 08:45", render.Soon, clock(9 * 60), false, "Subject a"},
		{"free a minute before the limit", one, "2026-11-23 08:44", render.Free, clock(9 * 60), false, "Subject a"},
		{"booked at the first minute", one, "2026-11-23 09:00", render.Booked, clock(10 * 60), false, "Subject a"},
		{"free at the last minute", one, "2026-11-23 10:00", render.Free, nil, true, ""},
		{"tomorrow's meeting does not limit today", func(t *testing.T) calendar.Agenda {
			return agenda(event(t, "b", "2026-11-24 00:30", "2026-11-24 02:00"))
		}, "2026-11-23 20:00", render.Free, nil, true, ""},
		{"the end of overlapping meetings is the later one", func(t *testing.T) calendar.Agenda {
			return agenda(event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00"), event(t, "b", "2026-11-23 09:30", "2026-11-23 11:00"))
		}, "2026-11-23 09:45", render.Booked, clock(11 * 60), false, "Subject a"},
		{"midnight is the end of the day", func(t *testing.T) calendar.Agenda {
			return agenda(event(t, "a", "2026-11-23 20:00", "2026-11-24 00:00"))
		}, "2026-11-23 21:00", render.Booked, clock(24 * 60), false, "Subject a"},
		{"a meeting over the working day is all day", func(t *testing.T) calendar.Agenda {
			return agenda(event(t, "a", "2026-11-23 08:00", "2026-11-23 18:00"))
		}, "2026-11-23 12:00", render.Booked, clock(18 * 60), true, "Subject a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := Face(tc.agenda(t), Sign{}, testSite, local(t, tc.at), false)
			if d.State != tc.state || d.AllDay != tc.allDay || d.Title != tc.title {
				t.Errorf("got %s allDay=%v %q, want %s allDay=%v %q", d.State, d.AllDay, d.Title, tc.state, tc.allDay, tc.title)
			}
			if diff := cmp.Diff(tc.until, d.Until); diff != "" {
				t.Errorf("until (-want +got):\n%s", diff)
			}
		})
	}
}

// What must be hidden must not even reach the renderer.
func TestFaceHidesPrivateMeetings(t *testing.T) {
	for _, s := range []calendar.Sensitivity{calendar.Personal, calendar.Private, calendar.Confidential} {
		now, later := event(t, "SECRET", "2026-11-23 09:00", "2026-11-23 10:00"), event(t, "SECRET2", "2026-11-23 11:00", "2026-11-23 12:00")
		now.Sensitivity, later.Sensitivity = s, s
		for _, at := range []string{"2026-11-23 08:00", "2026-11-23 09:30", "2026-11-23 10:30"} {
			for _, stale := range []bool{false, true} {
				d := Face(agenda(now, later), Sign{}, testSite, local(t, at), stale)
				if text := strings.ToUpper(cmp.Diff(render.Door{}, d)); strings.Contains(text, "SECRET") {
					t.Errorf("sensitivity %d at %s leaks: %s", s, at, text)
				}
				if !d.Private {
					t.Errorf("sensitivity %d at %s: not marked private", s, at)
				}
			}
		}
	}
}

func TestFaceShowsOrganizerOnce(t *testing.T) {
	e := event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00")
	e.Subject = "organizer A " // Exchange's default puts the organizer into the subject
	a := agenda(e)
	a.Room.Privacy = calendar.PrivacyShowAll
	d := Face(a, Sign{}, testSite, local(t, "2026-11-23 09:00"), false)
	if d.Title != "organizer A" || d.Organizer != "" {
		t.Errorf("got title %q organizer %q, want the name once", d.Title, d.Organizer)
	}
}

func TestFaceStaleKeepsWhatWasKnown(t *testing.T) {
	a := agenda(event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00"))
	a.AsOf = local(t, "2026-11-23 08:12")
	d := Face(a, Sign{}, testSite, local(t, "2026-11-23 09:00"), true)
	want := &render.Fact{State: render.Booked, Until: clock(10 * 60)}
	if d.State != render.Stale || d.Since == nil || *d.Since != 8*60+12 {
		t.Errorf("got %s since %v, want stale since 08:12", d.State, d.Since)
	}
	if diff := cmp.Diff(want, d.LastKnown); diff != "" {
		t.Errorf("last known (-want +got):\n%s", diff)
	}
	if d.SinceDate != nil {
		t.Errorf("since %v, want no date on the day itself", d.SinceDate)
	}
	d = Face(a, Sign{}, testSite, local(t, "2026-11-26 00:30"), true)
	if want := (render.Date{Year: 2026, Month: 11, Day: 23}); d.SinceDate == nil || *d.SinceDate != want || *d.Since != 8*60+12 {
		t.Errorf("three days later: got since %v on %v, want 08:12 on %v", d.Since, d.SinceDate, want)
	}
}

// A meeting that ends on another day says so.
func TestFaceUntilAnotherDay(t *testing.T) {
	d := Face(agenda(event(t, "a", "2026-11-23 15:00", "2026-11-25 12:00")), Sign{}, testSite, local(t, "2026-11-23 16:00"), false)
	if d.Until == nil || *d.Until != 12*60 || d.UntilDate == nil || d.UntilDate.Day != 25 {
		t.Errorf("got until %v on %v, want 12:00 on the 25th", d.Until, d.UntilDate)
	}
}

func TestPlanHasNoGapsAndKnowsEveryEdge(t *testing.T) {
	a := agenda(event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00"), event(t, "b", "2026-11-23 10:00", "2026-11-23 11:00"), event(t, "c", "2026-11-23 13:00", "2026-11-23 14:00"))
	now := local(t, "2026-11-23 08:20")
	steps := plan(a, Sign{}, testSite, now, false, maxSteps)
	var starts []string
	for i, s := range steps {
		if i > 0 && !s.from.Equal(steps[i-1].until) {
			t.Errorf("gap between %v and %v", steps[i-1].until, s.from)
		}
		starts = append(starts, s.from.In(testSite.Location()).Format("15:04")+" "+string(s.door.State))
	}
	want := []string{"08:20 free", "08:45 soon", "09:00 booked", "10:00 booked", "11:00 free", "12:45 soon", "13:00 booked", "14:00 free", "00:00 free"}
	if diff := cmp.Diff(want, starts); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if end := steps[len(steps)-1].until; end.Sub(now) < minHorizon {
		t.Errorf("timeline ends %v after now, want at least %v", end.Sub(now), minHorizon)
	}
}

func TestPlanIsBounded(t *testing.T) {
	var events []calendar.Event
	for i := range 500 {
		start := local(t, "2026-11-23 08:00").Add(time.Duration(i) * 2 * time.Minute)
		events = append(events, calendar.Event{ID: string(rune('a' + i)), Start: start, End: start.Add(time.Minute), ShowAs: calendar.Busy})
	}
	if n := len(plan(agenda(events...), Sign{}, testSite, local(t, "2026-11-23 08:00"), false, maxSteps)); n > maxSteps {
		t.Errorf("%d steps, want at most %d", n, maxSteps)
	}
}

// Days after the calendar was lost nothing is known of the present, and the
// face that says so must not be sent again and again.
func TestPlanOfALostCalendarIsLong(t *testing.T) {
	a := agenda(event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00"))
	a.AsOf = local(t, "2026-11-23 08:00")
	a.Window = calendar.Window{From: local(t, "2026-11-22 00:00"), To: local(t, "2026-12-01 00:00")}
	now := local(t, "2026-12-03 12:00")
	steps := plan(a, Sign{}, testSite, now, true, maxSteps)
	if end := steps[len(steps)-1].until; end.Sub(now) < minHorizon {
		t.Errorf("timeline ends after %v", end.Sub(now))
	}
}
