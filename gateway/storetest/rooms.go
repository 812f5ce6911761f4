package storetest

import (
	"strings"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

func testRooms(s *suite) {
	ctx := s.Context()
	conn, other := s.connect(), s.connect()
	s.ok(s.ReplaceRooms(ctx, conn, []calendar.Room{room("a@x", "Alpha"), room("b@x", "Beta")}))
	s.ok(s.ReplaceRooms(ctx, other, []calendar.Room{room("c@x", "Gamma")}))

	renamed := room("b@x", "Beta two")
	renamed.Zone = ""
	s.ok(s.ReplaceRooms(ctx, conn, []calendar.Room{renamed, room("d@x", "Delta")}))
	gone, kept := of(conn, room("a@x", "Alpha")), of(conn, renamed)
	gone.Gone, kept.Zone = true, "Europe/Berlin"
	s.equal("rooms", s.rooms(), map[calendar.RoomID]calendar.Room{"a@x": gone, "b@x": kept,
		"c@x": of(other, room("c@x", "Gamma")), "d@x": of(conn, room("d@x", "Delta"))})

	s.ok(s.ReplaceRooms(ctx, conn, []calendar.Room{room("a@x", "Alpha")}))
	back, err := s.Room(ctx, "a@x")
	s.ok(err)
	s.equal("room that came back", back, of(conn, room("a@x", "Alpha")))
	s.ok(s.SetRoomZone(ctx, "a@x", "Asia/Tokyo"))
	moved, err := s.Room(ctx, "a@x")
	s.ok(err)
	s.equal("zone", moved.Zone, "Asia/Tokyo")
	s.fails("rooms of an unknown connection", s.ReplaceRooms(ctx, 999, []calendar.Room{room("e@x", "E")}), gateway.ErrNotFound)
	s.fails("room without address", s.ReplaceRooms(ctx, conn, []calendar.Room{{Name: "nowhere"}}), gateway.ErrInvalid)
}

// of returns the room as the store gives it back for a connection.
func of(conn connection.ID, r calendar.Room) calendar.Room {
	r.Source = int64(conn)
	return r
}

func (s *suite) rooms() map[calendar.RoomID]calendar.Room {
	s.Helper()
	list, err := s.Rooms(s.Context())
	s.ok(err)
	byID := make(map[calendar.RoomID]calendar.Room)
	for _, r := range list {
		byID[r.ID] = r
	}
	return byID
}

func testRoomChoices(s *suite) {
	ctx := s.Context()
	conn := s.connect()
	r := room("a@x", "Alpha")
	r.Kind, r.Features, r.Source, r.Privacy = calendar.PersonalMailbox, []string{"Whiteboard", "日本語 \"\xff"}, 77, calendar.PrivacyTimeOnly
	s.ok(s.ReplaceRooms(ctx, conn, []calendar.Room{r}))
	want := of(conn, r)
	want.Privacy, want.Features = calendar.PrivacyAuto, []string{"Whiteboard", "日本語 \"\ufffd"}
	s.equal("room; privacy is set elsewhere", s.rooms()["a@x"], want)
	for _, p := range []calendar.Privacy{calendar.PrivacyShowAll, calendar.PrivacyTimeOnly} {
		s.ok(s.SetRoomPrivacy(ctx, "a@x", p))
		want.Privacy = p
		s.equal("privacy", s.rooms()["a@x"], want)
	}
	s.fails("unknown privacy", s.SetRoomPrivacy(ctx, "a@x", 99), gateway.ErrInvalid)

	many := room("a@x", "Alpha")
	for i := range 20 {
		many.Features = append(many.Features, strings.Repeat("é", i*3))
	}
	s.ok(s.ReplaceRooms(ctx, conn, []calendar.Room{many}))
	got := s.rooms()["a@x"]
	s.equal("privacy survives a new list", got.Privacy, calendar.PrivacyTimeOnly)
	s.equal("kind follows the list", got.Kind, calendar.RoomMailbox)
	s.equal("features are bounded", got.Features, many.Features[:8])
	many.Features = []string{strings.Repeat("é", 40)}
	s.ok(s.ReplaceRooms(ctx, conn, []calendar.Room{many}))
	s.equal("a feature is cut at a character", s.rooms()["a@x"].Features, []string{strings.Repeat("é", 32)})
}

func testOrganisationsApart(s *suite) {
	ctx := s.Context()
	one, two := s.connect(), s.connect()
	s.ok(s.ReplaceRooms(ctx, one, []calendar.Room{room("a@x", "Alpha"), room("b@x", "Beta")}))
	s.commit(noon, day(), event("1", noon, "Planning"))
	s.ok(s.ReplaceRooms(ctx, two, []calendar.Room{room("a@x", "Taken"), room("c@x", "Gamma")}))
	s.equal("a room that another lists", s.rooms(), map[calendar.RoomID]calendar.Room{"a@x": of(one, room("a@x", "Alpha")),
		"b@x": of(one, room("b@x", "Beta")), "c@x": of(two, room("c@x", "Gamma"))})
	s.ok(s.ReplaceRooms(ctx, two, nil))
	s.equal("an empty list takes nothing else away", s.rooms()["a@x"], of(one, room("a@x", "Alpha")))

	s.ok(s.ReplaceRooms(ctx, one, []calendar.Room{room("b@x", "Beta")}))
	s.ok(s.ReplaceRooms(ctx, two, []calendar.Room{room("a@x", "Taken")}))
	s.equal("a room that nobody lists any more", s.rooms()["a@x"], of(two, room("a@x", "Taken")))
	cur, err := s.Cursor(ctx, "a@x")
	s.ok(err)
	s.equal("cursor of a room that changed hands", cur, connection.Cursor{})
	s.equal("its events", len(s.agenda().Events), 1)
	s.commit(noon, day(), event("1", noon, "Planning"))
	s.ok(s.ReplaceRooms(ctx, two, nil))
	s.ok(s.ReplaceRooms(ctx, two, []calendar.Room{room("a@x", "Taken")}))
	cur, err = s.Cursor(ctx, "a@x")
	s.ok(err)
	s.equal("cursor of a room that came back", cur.TruthAt, noon)
}

// commit commits an agenda of the room a@x and says whether it changed.
func (s *suite) commit(asOf time.Time, w calendar.Window, events ...calendar.Event) bool {
	s.Helper()
	a := calendar.Agenda{Room: room("a@x", "Alpha"), Events: events, Window: w, AsOf: asOf}
	changed, err := s.CommitAgenda(s.Context(), a, connection.Cursor{DeltaLink: "delta " + asOf.String(), TruthAt: asOf})
	s.ok(err)
	return changed
}

func (s *suite) agenda() calendar.Agenda {
	s.Helper()
	a, err := s.Agenda(s.Context(), "a@x")
	s.ok(err)
	return a
}

func testAgenda(s *suite) {
	s.list(room("a@x", "Alpha"), room("b@x", "Beta"))
	s.equal("agenda never read", s.agenda(), calendar.Agenda{Room: of(1, room("a@x", "Alpha"))})
	one, two := event("1", noon, "Planning"), event("2", noon.Add(2*time.Hour), "Review")
	steps := []struct {
		name   string
		window calendar.Window
		events []calendar.Event
		want   bool
	}{
		{"first, empty", day(), nil, true},
		{"same, empty", day(), nil, false},
		{"two events", day(), []calendar.Event{one, two}, true},
		{"same", day(), []calendar.Event{one, two}, false},
		{"same in another order", day(), []calendar.Event{two, one}, false},
		{"same in another zone", day(), []calendar.Event{in(one, time.FixedZone("", 3600)), two}, false},
		{"window moved on", calendar.Window{From: noon, To: day().To}, []calendar.Event{one, two}, true},
		{"one gone", calendar.Window{From: noon, To: day().To}, []calendar.Event{two}, true},
		{"all gone", calendar.Window{From: noon, To: day().To}, nil, true},
	}
	for i, st := range steps {
		asOf := noon.Add(time.Duration(i) * time.Second)
		if got := s.commit(asOf, st.window, st.events...); got != st.want {
			s.Errorf("%s: got changed %t, want %t", st.name, got, st.want)
		}
		got := s.agenda()
		s.equal(st.name+": age", got.AsOf, asOf)
		s.equal(st.name+": window", got.Window, st.window)
		s.equal(st.name+": number of events", len(got.Events), len(st.events))
	}
	_, err := s.CommitAgenda(s.Context(), calendar.Agenda{Room: room("z@x", ""), AsOf: noon}, connection.Cursor{})
	s.fails("agenda of an unknown room", err, gateway.ErrNotFound)
	other, err := s.Agenda(s.Context(), "b@x")
	s.ok(err)
	s.equal("other room", other, calendar.Agenda{Room: of(1, room("b@x", "Beta"))})
}

// in returns the event with its instants in another zone.
func in(e calendar.Event, loc *time.Location) calendar.Event {
	e.Start, e.End, e.Created = e.Start.In(loc), e.End.In(loc), e.Created.In(loc)
	return e
}

func testAgendaDifferences(s *suite) {
	s.list(room("a@x", "Alpha"))
	changes := map[string]func(e *calendar.Event){
		"id":             func(e *calendar.Event) { e.ID = "other" },
		"ical uid":       func(e *calendar.Event) { e.ICalUID = "other" },
		"series":         func(e *calendar.Event) { e.SeriesID = "" },
		"subject":        func(e *calendar.Event) { e.Subject = "Other" },
		"organizer":      func(e *calendar.Event) { e.OrganizerName = "Other" },
		"address":        func(e *calendar.Event) { e.OrganizerAddress = "" },
		"start":          func(e *calendar.Event) { e.Start = e.Start.Add(time.Second) },
		"end":            func(e *calendar.Event) { e.End = e.End.Add(time.Second) },
		"all day":        func(e *calendar.Event) { e.AllDay = true },
		"cancelled":      func(e *calendar.Event) { e.Cancelled = true },
		"show as":        func(e *calendar.Event) { e.ShowAs = calendar.Free },
		"sensitivity":    func(e *calendar.Event) { e.Sensitivity = calendar.Normal },
		"response":       func(e *calendar.Event) { e.Response = calendar.Declined },
		"created":        func(e *calendar.Event) { e.Created = time.Time{} },
		"change key":     func(e *calendar.Event) { e.ChangeKey = "" },
		"transaction id": func(e *calendar.Event) { e.TransactionID = "" },
	}
	for name, change := range changes {
		e := event("1", noon, "Planning")
		s.commit(noon, day(), e)
		change(&e)
		if !s.commit(noon, day(), e) {
			s.Errorf("%s: got unchanged, want changed", name)
		}
		s.equal(name, s.agenda().Events, []calendar.Event{e})
	}
}

func testStrangeAgenda(s *suite) {
	s.list(room("a@x", "Alpha"))
	twin := event("1", noon, "Twin")
	odd := event("2", noon, "line\nbreak \x00 \u202e \xff quote ' \" 会議")
	e := event("3", noon, strings.Repeat("ж", 600))
	if !s.commit(noon, day(), twin, twin, odd, e) {
		s.Error("first: got unchanged, want changed")
	}
	if s.commit(noon, day(), e, odd, twin, twin) {
		s.Error("again: got changed, want unchanged")
	}
	got := s.agenda().Events
	if len(got) != 4 {
		s.Fatalf("got %d events, want 4", len(got))
	}
	for _, g := range got {
		switch {
		case g.ID == "1":
			s.equal("twin", g, twin)
		case g.ID == "2":
			s.equal("odd", g, odd)
		case !strings.HasPrefix(e.Subject, g.Subject) || len(g.Subject) < 1000:
			s.Errorf("long subject: got %d bytes, want a beginning of at least 1000", len(g.Subject))
		}
	}
	allDay := event("4", noon.Truncate(24*time.Hour), "Day")
	allDay.AllDay, allDay.Created = true, time.Time{}
	s.commit(noon, day(), allDay)
	s.equal("all-day event", s.agenda().Events, []calendar.Event{allDay})
}

func testCursor(s *suite) {
	ctx := s.Context()
	s.list(room("a@x", "Alpha"))
	cur, err := s.Cursor(ctx, "a@x")
	s.ok(err)
	s.equal("cursor never set", cur, connection.Cursor{})
	times, err := s.AgendaTimes(ctx)
	s.ok(err)
	s.equal("times before the first commit", times, map[calendar.RoomID]time.Time{})
	s.fails("touch before the first commit", s.TouchAgenda(ctx, "a@x", noon, connection.Cursor{}), gateway.ErrNotFound)
	e := event("1", noon, "Planning")
	s.commit(noon, day(), e)
	next := connection.Cursor{DeltaLink: "next", TruthAt: noon.Add(time.Minute)}
	s.ok(s.TouchAgenda(ctx, "a@x", noon.Add(time.Hour), next))
	cur, err = s.Cursor(ctx, "a@x")
	s.ok(err)
	s.equal("cursor", cur, next)
	want := calendar.Agenda{Room: of(1, room("a@x", "Alpha")), Events: []calendar.Event{e}, Window: day(), AsOf: noon.Add(time.Hour)}
	s.equal("touched agenda", s.agenda(), want)
	times, err = s.AgendaTimes(ctx)
	s.ok(err)
	s.equal("times of agendas", times, map[calendar.RoomID]time.Time{"a@x": noon.Add(time.Hour)})
	if s.commit(noon.Add(2*time.Hour), day(), e) {
		s.Error("unchanged commit after touch: got changed")
	}
	cur, err = s.Cursor(ctx, "a@x")
	s.ok(err)
	s.equal("cursor of an unchanged commit", cur.TruthAt, noon.Add(2*time.Hour))
}
