package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorleaf/gateway/calendar"
	"doorleaf/render"
)

// TestFaceShowsWhatTheRoomAllows plants words in every place a meeting has and
// looks at everything a face holds.
func TestFaceShowsWhatTheRoomAllows(t *testing.T) {
	const title, name = "PLANTED-TITLE", "PLANTED-NAME"
	ev := func(i int, edit func(*calendar.Event)) calendar.Event {
		e := event(t, fmt.Sprint(i), "2026-11-23 09:00", "2026-11-23 10:00")
		e.Start, e.End = e.Start.Add(time.Duration(i)*time.Hour), e.End.Add(time.Duration(i)*time.Hour)
		e.Subject, e.OrganizerName, e.OrganizerAddress = title, name, "planted@example.com"
		e.Created, e.Response = e.Start.AddDate(0, 0, -10), calendar.Accepted
		edit(&e)
		return e
	}
	as := func(edit func(*calendar.Event)) []calendar.Event {
		return []calendar.Event{ev(0, edit), ev(1, edit), ev(2, edit), ev(3, edit), ev(4, edit)}
	}
	plain := func(*calendar.Event) {}
	replaced := func(e *calendar.Event) { e.Subject = name }
	secret := func(e *calendar.Event) { e.Sensitivity = calendar.Confidential }
	for _, tc := range []struct {
		name                 string
		room                 calendar.Room
		events               []calendar.Event
		title, who, isSecret bool
	}{
		{"auto", calendar.Room{}, as(plain), true, true, false},
		{"auto, private", calendar.Room{}, as(secret), false, false, true},
		{"auto, subjects replaced", calendar.Room{}, as(replaced), false, false, false},
		{"all, subjects replaced", calendar.Room{Privacy: calendar.PrivacyShowAll}, as(replaced), false, true, false},
		{"all, private", calendar.Room{Privacy: calendar.PrivacyShowAll}, as(secret), false, false, true},
		{"times only", calendar.Room{Privacy: calendar.PrivacyTimeOnly}, as(plain), false, false, false},
		{"times only, private", calendar.Room{Privacy: calendar.PrivacyTimeOnly}, as(secret), false, false, false},
		{"mailbox", calendar.Room{Kind: calendar.PersonalMailbox}, as(plain), false, false, false},
		{"mailbox, all", calendar.Room{Kind: calendar.PersonalMailbox, Privacy: calendar.PrivacyShowAll}, as(plain), false, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.room.ID, tc.room.Name = "aalto@example.com", "Aalto"
			a := calendar.Agenda{Room: tc.room, Events: tc.events, AsOf: local(t, "2026-11-23 07:00")}
			for _, at := range []string{"2026-11-23 08:00", "2026-11-23 08:50", "2026-11-23 09:30"} {
				for _, stale := range []bool{false, true} {
					d := Face(a, Sign{}, testSite, local(t, at), stale)
					b, err := json.Marshal(d)
					if err != nil {
						t.Fatal(err)
					}
					text := string(b)
					if got := strings.Contains(text, title); got != tc.title {
						t.Errorf("%s stale=%v: title in the face %v, want %v", at, stale, got, tc.title)
					}
					if got := strings.Contains(text, name); got != tc.who {
						t.Errorf("%s stale=%v: organizer in the face %v, want %v", at, stale, got, tc.who)
					}
					if strings.Contains(text, "planted@") {
						t.Errorf("%s stale=%v: the organizer's address is in the face", at, stale)
					}
					if d.Private != tc.isSecret {
						t.Errorf("%s stale=%v: marked private %v, want %v", at, stale, d.Private, tc.isSecret)
					}
					if d.Span == nil || len(d.Day.Blocks) != len(tc.events) {
						t.Errorf("%s stale=%v: span %v and %d blocks: times may always be shown", at, stale, d.Span, len(d.Day.Blocks))
					}
				}
			}
		})
	}
}

// A cancelled leftover neither takes the room nor is listed.
func TestFaceIgnoresLeftovers(t *testing.T) {
	e := event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00")
	e.Subject = "Canceled: Budget"
	d := Face(agenda(e), Sign{}, testSite, local(t, "2026-11-23 09:30"), false)
	if d.State != render.Free || len(d.Next) != 0 || len(d.Day.Blocks) != 0 {
		t.Errorf("got %s, %d rows, %d blocks, want free and nothing", d.State, len(d.Next), len(d.Day.Blocks))
	}
}

func TestFaceCleansTexts(t *testing.T) {
	for _, tc := range []struct{ name, subject, organizer, title, who string }{
		{"plain", "Budget", "Anna", "Budget", "Anna"},
		{"no subject", "", "Anna", "Anna", ""},
		{"only blanks", " \u3000\u2800\t", "Anna", "Anna", ""},
		{"nothing at all", "", " ", "", ""},
		{"controls and overrides", "\u202eBud\x00get\n2027", "An\u200bna", "Budget 2027", "Anna"},
		{"equal but for what cannot be seen", "Anna\u00ad", " anna ", "Anna", ""},
		{"emoji", "🎉 Party 👩‍💻", "Anna", "🎉 Party 👩‍💻", "Anna"},
		{"100 KB", strings.Repeat("word ", 20<<10), "Anna", strings.TrimSpace(strings.Repeat("word ", 48)) + "…", "Anna"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := event(t, "a", "2026-11-23 09:00", "2026-11-23 10:00")
			e.Subject, e.OrganizerName = tc.subject, tc.organizer
			a := agenda(e)
			a.Room.Privacy = calendar.PrivacyShowAll
			d := Face(a, Sign{}, testSite, local(t, "2026-11-23 09:00"), false)
			if d.Title != tc.title || d.Organizer != tc.who {
				t.Errorf("got %q by %q, want %q by %q", d.Title, d.Organizer, tc.title, tc.who)
			}
		})
	}
	a := agenda()
	a.Room.Name, a.Room.Features = "Aalto\u202e\n2", []string{"White\x07board", " "}
	d := Face(a, Sign{}, testSite, local(t, "2026-11-23 09:00"), false)
	if d.Room != "Aalto 2" || !cmp.Equal(d.Features, []string{"Whiteboard"}) {
		t.Errorf("got room %q with %q", d.Room, d.Features)
	}
	a.Room.Name = "\u200b"
	if d := Face(a, Sign{}, testSite, local(t, "2026-11-23 09:00"), false); d.Room != "aalto@example.com" {
		t.Errorf("a room without a name: got %q, want its address", d.Room)
	}
}

// On the days on which clocks change, faces keep to the clock on the wall, and
// nothing they hold ends before it begins.
func TestFaceOnClockChange(t *testing.T) {
	site := testSite
	for _, tc := range []struct {
		name, zone, from, to, at string // instants in UTC
		until                    render.Clock
		span                     render.Span
	}{
		{"over the skipped hour", "Europe/Berlin", "2026-03-29 00:30", "2026-03-29 01:30", "2026-03-29 00:45", 3*60 + 30, render.Span{Start: 90, End: 210}},
		{"over the hour that comes twice", "Europe/Berlin", "2026-10-25 00:30", "2026-10-25 02:00", "2026-10-25 01:15", 180, render.Span{Start: 150, End: 180}},
		{"within the hour that comes twice", "Europe/Berlin", "2026-10-25 00:45", "2026-10-25 01:15", "2026-10-25 01:00", 135, render.Span{Start: 165, End: 165}},
		{"on a day that begins at one", "Africa/Cairo", "2026-04-23 22:00", "2026-04-23 23:00", "2026-04-23 22:30", 120, render.Span{Start: 60, End: 120}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			utc := func(s string) time.Time {
				v, err := time.Parse("2006-01-02 15:04", s)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			a := agenda(calendar.Event{ID: "a", Subject: "x", Start: utc(tc.from), End: utc(tc.to)})
			a.Room.Zone = tc.zone
			d := Face(a, Sign{}, site, utc(tc.at), false)
			if d.State != render.Booked || d.Until == nil || *d.Until != tc.until || *d.Span != tc.span {
				t.Errorf("got %s until %v, %v, want booked until %v, %v", d.State, d.Until, d.Span, tc.until, tc.span)
			}
			if err := d.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, date := range []time.Time{time.Date(2026, 3, 29, 12, 0, 0, 0, berlin), time.Date(2026, 10, 25, 12, 0, 0, 0, berlin)} {
		if got := dayOf(date).clock(8 * 60); got.Hour() != 8 || got.Day() != date.Day() {
			t.Errorf("working hours of %s begin at %v, want at 08:00 by the clock", date.Format(time.DateOnly), got)
		}
	}
	a := agenda(calendar.Event{ID: "a", Subject: "x", Start: time.Date(2026, 3, 29, 8, 0, 0, 0, berlin), End: time.Date(2026, 3, 29, 18, 0, 0, 0, berlin)})
	a.Room.Zone = "Europe/Berlin"
	if d := Face(a, Sign{}, site, time.Date(2026, 3, 29, 12, 0, 0, 0, berlin), false); !d.AllDay {
		t.Error("a meeting over the working hours of a short day: got not all day")
	}
}

// However full a day is, its face is one that can be drawn.
func TestFaceIsBounded(t *testing.T) {
	var events []calendar.Event
	for i := range 3000 {
		start := local(t, "2026-11-23 08:00").Add(time.Duration(i%700) * time.Minute)
		events = append(events, calendar.Event{ID: fmt.Sprint(i), Start: start, End: start.Add(12 * time.Hour), ShowAs: calendar.Busy})
	}
	a := agenda(events...)
	a.Room.Capacity = 1 << 40
	d := Face(a, Sign{}, testSite, local(t, "2026-11-23 19:50"), false)
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
}
