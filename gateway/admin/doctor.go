package admin

import (
	"cmp"
	"net/http"
	"slices"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

type doctorView struct {
	*page
	Findings []findingView
	Looked   int // rooms whose calendar was looked at
	Unread   int // rooms that were never read
}

// findingView is one thing that Exchange does to meetings of a room, in words,
// with the script that mends it.
type findingView struct {
	Title, Text string
	Until       string // "Until then:"
	Meanwhile   string // what signs show until it is mended
	Mend        string // what the script is called
	Evidence    string // how many meetings it was seen in
	Script      copyField
	Note        string
	Rooms       []doctorRoom
	More        int
}

// doctorRoom is a room with a finding.
type doctorRoom struct {
	Href, Name, Evidence string
}

// maxDoctorRooms bounds how many rooms a finding lists; its script has all.
const maxDoctorRooms = 20

// showDoctor says what Exchange does to the meetings of rooms, by finding.
func (s *server) showDoctor(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(rooms, func(a, b calendar.Room) int {
		return cmp.Compare(cmp.Or(a.Name, string(a.ID)), cmp.Or(b.Name, string(b.ID)))
	})
	p := s.newPage(v, "doctor.title", "rooms")
	view := &doctorView{page: p}
	type group struct {
		rooms []doctorRoom
		ids   []string
		seen  bool // in meetings, not only assumed
	}
	groups := map[calendar.FindingKind]*group{}
	for _, r := range rooms {
		if r.Gone || r.Kind == calendar.PersonalMailbox {
			continue
		}
		a, err := s.store.Agenda(ctx, r.ID)
		if err != nil {
			return err
		}
		if a.AsOf.IsZero() {
			view.Unread++
			continue
		}
		view.Looked++
		for _, f := range calendar.Diagnose(a) {
			g := groups[f.Kind]
			if g == nil {
				g = &group{}
				groups[f.Kind] = g
			}
			g.ids = append(g.ids, string(r.ID))
			room := doctorRoom{Href: roomHref(r.ID), Name: cmp.Or(r.Name, string(r.ID))}
			if f.Count > 0 {
				room.Evidence = p.T("doctor.of", f.Count, f.Looked)
				g.seen = true
			}
			g.rooms = append(g.rooms, room)
		}
	}
	for _, name := range findingKinds() {
		g := groups[name]
		if g == nil {
			continue
		}
		f := p.findings([]calendar.Finding{{Kind: name}}, g.ids)[0]
		f.Rooms = g.rooms
		if !g.seen {
			f.Evidence = p.T("doctor.assumed")
		}
		if n := len(g.rooms); n > maxDoctorRooms {
			f.More, f.Rooms = n-maxDoctorRooms, g.rooms[:maxDoctorRooms]
		}
		view.Findings = append(view.Findings, f)
	}
	return s.render(w, v, http.StatusOK, "doctor", view)
}

// findings puts findings into words; rooms are those its scripts are for.
func (p *page) findings(list []calendar.Finding, rooms []string) []findingView {
	var views []findingView
	for _, f := range list {
		key := "doctor." + string(f.Kind)
		view := findingView{Title: p.T(key), Text: p.T(key + ".text"), Until: p.T("doctor.until"), Meanwhile: p.T(key + ".meanwhile"), Mend: p.T("doctor.mend"), Evidence: p.evidence(f),
			Script: p.Copy("mend-"+string(f.Kind), mend(f.Kind, rooms)), Note: p.T(key + ".note")}
		views = append(views, view)
	}
	return views
}

// evidence says in how many meetings something was seen.
func (p *page) evidence(f calendar.Finding) string {
	switch {
	case f.Looked == 0:
		return ""
	case f.Count == 0:
		return p.T("doctor.assumed")
	}
	return p.T("doctor.evidence", f.Count, f.Looked)
}

// mend is the script that ends a finding.
func mend(kind calendar.FindingKind, rooms []string) string {
	switch kind {
	case calendar.SubjectReplaced:
		return connection.ShowSubjects(rooms)
	case calendar.PrivateStripped:
		return connection.KeepPrivate(rooms)
	case calendar.KeepsCancelled:
		return connection.RemoveCancelled(rooms)
	case calendar.OnlyTentative:
		return connection.AcceptMeetings(rooms)
	}
	return ""
}

// findingKinds are all findings, the one that may leak first.
func findingKinds() []calendar.FindingKind {
	return []calendar.FindingKind{calendar.PrivateStripped, calendar.SubjectReplaced, calendar.KeepsCancelled, calendar.OnlyTentative}
}
