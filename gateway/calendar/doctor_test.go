package calendar

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// asked returns a meeting that Anna asked for on day n, to be held in a week
// from then.
func asked(n int, edit ...func(*Event)) Event {
	created := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC).AddDate(0, 0, n)
	e := Event{ID: fmt.Sprint("id", n), Subject: fmt.Sprint("Planning ", n), OrganizerName: "Anna Virtanen", OrganizerAddress: "anna@example.com",
		Start: created.AddDate(0, 0, 7), End: created.AddDate(0, 0, 7).Add(time.Hour), ShowAs: Busy, Response: Accepted, Created: created}
	for _, f := range edit {
		f(&e)
	}
	return e
}

func subject(s string) func(*Event) { return func(e *Event) { e.Subject = s } }

func replaced(e *Event)  { e.Subject = e.OrganizerName }
func private(e *Event)   { e.Sensitivity = Private }
func cancelled(e *Event) { e.Cancelled = true }
func held(e *Event)      { e.Response = TentativelyAccepted }
func undated(e *Event)   { e.Created = time.Time{} }
func own(e *Event)       { e.Response = Organizer }
func series(id string) func(*Event) {
	return func(e *Event) { e.SeriesID = id }
}

// days returns meetings asked for on the days from to to.
func days(from, to int, edit ...func(*Event)) []Event {
	var out []Event
	for n := from; n <= to; n++ {
		out = append(out, asked(n, edit...))
	}
	return out
}

func join(lists ...[]Event) []Event {
	var out []Event
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func TestDiagnose(t *testing.T) {
	stripped := func(n, of int) []Finding {
		return []Finding{{PrivateStripped, 0, of}, {SubjectReplaced, n, of}}
	}
	for _, tc := range []struct {
		name   string
		events []Event
		want   []Finding
	}{
		{"nothing", nil, nil},
		{"a healthy room", days(1, 12), nil},
		{"subjects are organizers", days(1, 5, replaced), stripped(5, 5)},
		{"the only meeting", days(1, 1, replaced), stripped(1, 1)},
		{"in another case and with blanks", days(1, 2, subject("  anna   VIRTANEN ")), stripped(2, 2)},
		{"organizer before the subject", days(1, 2, subject("Anna Virtanen Budget")), stripped(2, 2)},
		{"organizer and a blank", days(1, 2, subject("Anna Virtanen ")), stripped(2, 2)},
		{"a longer name is another name", days(1, 2, subject("Anna Virtanens birthday")), nil},
		{"organizer somewhere else", days(1, 2, subject("Interview with Anna Virtanen")), nil},
		{"no organizer", days(1, 3, func(e *Event) { e.OrganizerName, e.Subject = "", "" }), nil},
		{"one person wrote their own name", join(days(1, 5), days(6, 6, replaced)), nil},
		{"two of many", join(days(1, 5), days(6, 7, replaced)), stripped(2, 7)},
		{"two of many, apart", join(days(1, 5), days(6, 6, replaced), days(7, 7), days(8, 8, replaced)), nil},
		{"one of few", join(days(1, 2), days(3, 3, replaced)), stripped(1, 3)},
		{"switched on lately", join(days(1, 20), days(21, 23, replaced)), stripped(3, 23)},
		{"mended, one new meeting", join(days(1, 10, replaced), days(11, 11)), stripped(10, 11)},
		{"mended, two new meetings", join(days(1, 10, replaced), days(11, 12)), nil},
		{"new meetings that nobody accepted prove nothing", join(days(1, 10, replaced), days(11, 13, func(e *Event) { e.Response = Declined })), stripped(10, 13)},
		{"mended long ago", join(days(1, 10, replaced), days(11, 40)), nil},
		{"newer meetings replaced again", join(days(1, 5), days(6, 9, replaced), days(10, 11), days(12, 13, replaced)), stripped(6, 13)},
		{"own bookings are no evidence of it", join(days(1, 5, replaced, own)), nil},
		{"own bookings are no evidence against it", join(days(1, 5, replaced), days(6, 9, own)), stripped(5, 5)},
		{"the room as organizer is an own booking", days(1, 5, replaced, func(e *Event) { e.OrganizerAddress = "Room@Example.com" }), nil},
		{"a series is one meeting", join(days(1, 5), days(6, 9, replaced, series("s"))), nil},
		{"two series are two", join(days(1, 5), days(6, 9, replaced, series("s")), days(10, 12, replaced, series("t"))), stripped(2, 7)},
		{"private marks survive", join(days(1, 5, replaced), days(6, 6, replaced, private)), []Finding{{SubjectReplaced, 6, 6}}},
		{"a private mark from before proves nothing", join(days(1, 1, private), days(2, 6, replaced)), stripped(5, 6)},
		{"a private mark of an own booking proves nothing", join(days(1, 5, replaced), days(6, 6, private, own)), stripped(5, 5)},
		{"without dates, later in the calendar counts as newer", join(days(1, 5, replaced, undated), days(6, 7, undated)), nil},
		{"without dates, replaced later in the calendar", join(days(1, 2, undated), days(3, 7, replaced, undated)), stripped(5, 7)},

		{"a cancelled meeting is left", join(days(1, 5), days(6, 6, cancelled)), []Finding{{KeepsCancelled, 1, 6}}},
		{"a leftover by its subject", join(days(1, 5), days(6, 6, subject("Canceled: Budget"))), []Finding{{KeepsCancelled, 1, 6}}},
		{"an own booking cancelled", days(1, 1, cancelled, own), nil},

		{"everything is held", days(1, 4, held), []Finding{{OnlyTentative, 4, 4}}},
		{"never answered", days(1, 2, func(e *Event) { e.Response = NotResponded }), []Finding{{OnlyTentative, 2, 2}}},
		{"no answer, held", days(1, 2, func(e *Event) { e.Response, e.ShowAs = NoResponse, Tentative }), []Finding{{OnlyTentative, 2, 2}}},
		{"one that came a second ago", days(1, 1, held), nil},
		{"the newest was accepted", join(days(1, 5, held), days(6, 6)), nil},
		{"the newest three are held", join(days(1, 5), days(6, 8, held)), []Finding{{OnlyTentative, 3, 8}}},
		{"only the newest two are held", join(days(1, 5), days(6, 7, held)), nil},
		{"tentative by the organizer's wish", days(1, 4, func(e *Event) { e.ShowAs = Tentative }), nil},
		{"everything at once", join(days(1, 3, replaced, held), days(4, 4, cancelled)),
			[]Finding{{PrivateStripped, 0, 4}, {SubjectReplaced, 3, 4}, {KeepsCancelled, 1, 4}, {OnlyTentative, 3, 4}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Diagnose(Agenda{Room: Room{ID: "room@example.com"}, Events: tc.events})
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if got := Diagnose(Agenda{Room: Room{ID: "room@example.com", Kind: PersonalMailbox}, Events: tc.events}); got != nil {
				t.Errorf("of an ordinary mailbox: got %v, want none", got)
			}
		})
	}
}

func TestSaysCancelled(t *testing.T) {
	for subject, want := range map[string]bool{
		"Canceled: Budget": true, "CANCELLED: Budget": true, " Canceled : Budget": true, "Abgesagt: Budget": true, "Annulé : Budget": true,
		"キャンセル済み： 会議": true, "Отменено: Бюджет": true, "Peruutettu: Budjetti": true,
		"Canceled": false, "Budget: canceled": false, "Canceled orders: review": false, "": false, ":": false,
		"What we cancelled: a review": false,
	} {
		if got := (Event{Subject: subject}).IsCancelled(); got != want {
			t.Errorf("%q: got %v, want %v", subject, got, want)
		}
	}
}

// TestShowing is the table of what signs may show, by room and meeting.
func TestShowing(t *testing.T) {
	healthy, bad := days(1, 6), days(1, 6, replaced)
	mended := join(days(1, 4, replaced), days(5, 8))
	at := func(n int, edit ...func(*Event)) Event { return asked(n, edit...) }
	for _, tc := range []struct {
		name   string
		room   Room
		events []Event
		event  Event
		want   Detail
	}{
		{"healthy room", Room{}, healthy, at(3), TitleAndName},
		{"healthy room, private", Room{}, healthy, at(3, private), MarkPrivate},
		{"healthy room, personal", Room{}, healthy, at(3, func(e *Event) { e.Sensitivity = Personal }), MarkPrivate},
		{"healthy room, confidential", Room{}, healthy, at(3, func(e *Event) { e.Sensitivity = Confidential }), MarkPrivate},
		{"healthy room, unknown sensitivity", Room{}, healthy, at(3, func(e *Event) { e.Sensitivity = 99 }), MarkPrivate},
		{"healthy room, a subject that is a name", Room{}, healthy, at(3, replaced), TitleAndName},
		{"times only", Room{Privacy: PrivacyTimeOnly}, healthy, at(3), TimeOnly},
		{"times only, private", Room{Privacy: PrivacyTimeOnly}, healthy, at(3, private), TimeOnly},
		{"unknown privacy is the strictest", Room{Privacy: 99}, healthy, at(3), TimeOnly},
		{"ordinary mailbox", Room{Kind: PersonalMailbox}, healthy, at(3), TimeOnly},
		{"ordinary mailbox, show all", Room{Kind: PersonalMailbox, Privacy: PrivacyShowAll}, healthy, at(3), TimeOnly},
		{"unknown kind is the strictest", Room{Kind: 99}, healthy, at(3), TimeOnly},
		{"marks are lost", Room{}, bad, at(3, replaced), TimeOnly},
		{"marks are lost, a subject of its own", Room{}, bad, at(9), TimeOnly},
		{"marks are lost, an own booking", Room{}, bad, at(9, own), TimeOnly},
		{"marks are lost, private", Room{}, bad, at(3, private), MarkPrivate},
		{"marks are lost, show all", Room{Privacy: PrivacyShowAll}, bad, at(3, replaced), TitleAndName},
		{"marks are lost, show all, private", Room{Privacy: PrivacyShowAll}, bad, at(3, private), MarkPrivate},
		{"subjects replaced, marks kept", Room{}, join(bad, days(7, 7, private)), at(3, replaced), TitleAndName},
		{"mended, a newer meeting", Room{}, mended, at(5), TitleAndName},
		{"mended, an older meeting", Room{}, mended, at(2), TimeOnly},
		{"mended, an older meeting, show all", Room{Privacy: PrivacyShowAll}, mended, at(2), TitleAndName},
		{"mended, an older own booking", Room{}, mended, at(2, own), TitleAndName},
		{"mended, from before it all", Room{}, join(days(1, 2), days(3, 6, replaced), days(7, 9)), at(1), TitleAndName},
		{"mended, from within", Room{}, join(days(1, 2), days(3, 6, replaced), days(7, 9)), at(4), TimeOnly},
		{"mended, a replaced subject that looks new", Room{}, mended, at(9, replaced), TimeOnly},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.room.ID = "room@example.com"
			a := Agenda{Room: tc.room, Events: tc.events}
			if got := a.Showing().Of(tc.event); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
