package calendar

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// FindingKind is something that Exchange does to the meetings of a room
// because of the room's Set-CalendarProcessing.
type FindingKind string

// The findings. SubjectReplaced comes of AddOrganizerToSubject and DeleteSubject,
// PrivateStripped of RemovePrivateProperty, KeepsCancelled of
// RemoveCanceledMeetings, OnlyTentative of AutomateProcessing AutoUpdate.
const (
	SubjectReplaced FindingKind = "subject-replaced" // titles are organizers' names
	PrivateStripped FindingKind = "private-stripped" // private meetings lose their mark
	KeepsCancelled  FindingKind = "keeps-cancelled"  // cancelled meetings stay in the calendar
	OnlyTentative   FindingKind = "only-tentative"   // nothing is ever accepted
)

// Finding is one thing the room doctor found in a room's calendar.
type Finding struct {
	Kind   FindingKind
	Count  int // meetings it was seen in; 0: assumed, because it cannot be seen
	Looked int // meetings looked at
}

// Thresholds of the doctor. Exchange treats all requests of a room alike, so two
// in a row tell where one may be a person who wrote their own name; settings
// only act on meetings received afterwards, so the newest tell most.
const (
	replacedInARow = 2 // meetings, newest first
	fewMeetings    = 4 // in a room with less that tell, one is enough
	plainAfter     = 2 // accepted meetings with a subject of their own, newer than any replaced one: mended
	heldMeetings   = 3 // the newest meetings that must all be held
	heldAtLeast    = 2 // the newest may have come a second ago
)

// meeting is one piece of evidence: a single event, or a series as a
// whole, because its occurrences were all treated by one request.
type meeting struct {
	Event
	asked                            time.Time // see Event.asked
	replaced, plain, held, cancelled bool
}

// Diagnose finds in a room's calendar what Exchange does to its meetings, the
// finding that leaks most first. Meetings that the room organizes itself, such
// as the gateway's own bookings, are no evidence: the settings act on requests.
// An ordinary mailbox has no such settings and no findings.
func Diagnose(a Agenda) []Finding { return examine(a).findings }

// diagnosis is what the doctor knows of a room.
type diagnosis struct {
	findings []Finding
	stripped bool    // private marks may be lost now
	were     *period // when they may have been lost; nil: never
}

// period is a span of the instants at which meetings were asked for.
type period struct{ from, until time.Time }

func (p *period) contains(t time.Time) bool {
	return p != nil && !t.Before(p.from) && !t.After(p.until)
}

func examine(a Agenda) diagnosis {
	if a.Room.Kind != RoomMailbox {
		return diagnosis{}
	}
	all := evidence(a)
	var d diagnosis
	add := func(k FindingKind, count int) { d.findings = append(d.findings, Finding{k, count, len(all)}) }
	replaced, now := replacedSubjects(all)
	kept := func(m meeting) bool { // a mark that lived through the time when subjects were replaced
		return m.Response == Accepted && m.IsPrivate() && !m.asked.Before(replaced.from)
	}
	if replaced != nil && !slices.ContainsFunc(all, kept) {
		d.stripped, d.were = now, replaced
	}
	if d.stripped {
		add(PrivateStripped, 0)
	}
	if now {
		count := 0
		for _, m := range all {
			if m.replaced {
				count++
			}
		}
		add(SubjectReplaced, count)
	}
	cancelled := 0
	for _, m := range all {
		if m.cancelled {
			cancelled++
		}
	}
	if cancelled > 0 {
		add(KeepsCancelled, cancelled)
	}
	if held := heldOnly(all); held > 0 {
		add(OnlyTentative, held)
	}
	return d
}

// evidence returns the meetings that were requested of the room, newest first.
func evidence(a Agenda) []meeting {
	var all []meeting
	bySeries := map[string]int{}
	for _, e := range a.Events {
		if e.Response == Organizer || NewRoomID(e.OrganizerAddress) == a.Room.ID {
			continue
		}
		m := meeting{Event: e, asked: e.asked(), cancelled: e.IsCancelled(), replaced: e.subjectReplaced()}
		m.plain = !m.replaced && !m.cancelled && !e.IsPrivate() && e.Response == Accepted && bare(e.Subject) != "" && bare(e.OrganizerName) != ""
		m.held = !m.cancelled && (e.Response == TentativelyAccepted || e.Response == NotResponded || e.Response == NoResponse && e.ShowAs == Tentative)
		if e.SeriesID != "" {
			if i, ok := bySeries[e.SeriesID]; ok {
				all[i].merge(m)
				continue
			}
			bySeries[e.SeriesID] = len(all)
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(x, y meeting) int {
		return cmp.Or(y.asked.Compare(x.asked), strings.Compare(x.ID, y.ID))
	})
	return all
}

// merge adds another occurrence of the same series: what was seen in one was
// seen, what all must show needs all. The series was asked for with its first.
func (m *meeting) merge(o meeting) {
	m.replaced, m.cancelled = m.replaced || o.replaced, m.cancelled || o.cancelled
	m.plain, m.held = m.plain && o.plain, m.held && o.held
	if o.asked.Before(m.asked) {
		m.asked = o.asked
	}
	if o.IsPrivate() && o.Response == Accepted {
		m.Sensitivity, m.Response = o.Sensitivity, o.Response
	}
}

// replacedSubjects says when organizers last took the place of subjects, nil for
// never, and whether they still do. A meeting that was not accepted tells
// nothing against it: Exchange may not have handled it.
func replacedSubjects(all []meeting) (when *period, now bool) {
	newer, row, told := 0, 0, 0
	over := false
	for _, m := range all {
		if !m.replaced && !m.plain {
			continue
		}
		told++
		switch {
		case over:
		case m.replaced:
			if row++; when == nil {
				when = &period{until: m.asked}
			}
			when.from = m.asked
		case row > 0:
			over = true
		default:
			newer++
		}
	}
	if row == 0 || row < replacedInARow && told >= fewMeetings {
		return nil, false
	}
	return when, newer < plainAfter
}

// heldOnly says how many meetings are held when the newest all are, else 0.
func heldOnly(all []meeting) int {
	newest, held := 0, 0
	for _, m := range all {
		if m.cancelled || m.Response == Declined {
			continue
		}
		if m.held {
			held++
		} else if newest < heldMeetings {
			return 0
		}
		newest++
	}
	if held < heldAtLeast {
		return 0
	}
	return held
}

// asked is when the meeting was requested as far as it can be known: when it was
// created or, where the source does not say, its start, because what is later in
// the calendar was most likely asked for later.
func (e Event) asked() time.Time {
	if e.Created.IsZero() {
		return e.Start
	}
	return e.Created
}

// subjectReplaced reports whether the subject is the organizer's name or begins
// with it, as Exchange writes it.
func (e Event) subjectReplaced() bool {
	subject, name := bare(e.Subject), bare(e.OrganizerName)
	return name != "" && (subject == name || strings.HasPrefix(subject, name+" "))
}

// bare is text for comparing: one blank between words, lower case. Letters that
// only fold together, such as the two forms of sigma, count as equal.
func bare(s string) string {
	return strings.ToLower(strings.ToUpper(strings.Join(strings.Fields(s), " ")))
}
