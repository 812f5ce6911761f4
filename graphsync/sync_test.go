package graphsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
)

// at is a time of the coming day, away from every midnight nearby.
func at(hour, minute int) time.Time {
	y, m, d := time.Now().UTC().Date()
	return time.Date(y, m, d+1, hour, minute, 0, 0, time.UTC)
}

// matches compares the stored agenda of a room with what the stand-in says is
// true, by place on the room's time line, id, and what a sign would show.
func (o *office) matches(room string) error {
	if !strings.Contains(room, "@") {
		room = o.address(room)
	}
	loc := time.UTC
	for _, r := range o.graph.Rooms() {
		if r.Email == room && r.TimeZone != "" {
			var err error
			if loc, err = time.LoadLocation(r.TimeZone); err != nil {
				return err
			}
		}
	}
	a := o.store.agenda(room)
	var want, got []string
	for _, occ := range o.graph.Truth(room, a.Window.From, a.Window.To) {
		want = append(want, fmt.Sprint(occ.ID, occ.SeriesID, occ.Start.UTC(), occ.End.UTC(), occ.Subject, occ.Organizer.Name,
			occ.AllDay, occ.Cancelled, readShowAs(occ.ShowAs), readSensitivity(occ.Sensitivity)))
	}
	for _, e := range a.Events {
		s := e.In(loc)
		got = append(got, fmt.Sprint(e.ID, e.SeriesID, s.Start.UTC(), s.End.UTC(), e.Subject, e.OrganizerName,
			e.AllDay, e.Cancelled, e.ShowAs, e.Sensitivity))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("agenda of %s:\n got %q\nwant %q", room, got, want)
	}
	return nil
}

// TestOffice reads the practice office, twelve rooms in three time zones, and
// finds in each what is there: series, days, all-day, cancelled, private.
func TestOffice(t *testing.T) {
	o := newTenant(t, graphtest.Options{Office: true})
	if err := o.graph.Consent(o.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if err := o.signIn(graphtest.AdminName, graphtest.AdminPassword, "accept"); err != nil {
		t.Fatal(err)
	}
	o.run()
	rooms := o.graph.Rooms()
	if len(rooms) != 12 {
		t.Fatalf("%d rooms, want 12", len(rooms))
	}
	events := 0
	for _, r := range rooms {
		o.soon("agenda of "+r.Email, func() bool { return !o.store.agenda(r.Email).AsOf.IsZero() })
		if err := o.matches(r.Email); err != nil {
			t.Error(err)
		}
		events += len(o.store.agenda(r.Email).Events)
	}
	if events < 12*5 {
		t.Errorf("%d events in the office", events)
	}
}

// TestMeetingMoves is the main job: a meeting moves, Changed is called, and the
// stored agenda says where it is now.
func TestMeetingMoves(t *testing.T) {
	o := newOffice(t, "aspen", "birch")
	id := o.graph.Calendar("aspen").Create(graphtest.Event{
		Subject: "Planning", Start: at(9, 0), End: at(10, 0), Organizer: graphtest.Person{Name: "Robin Reader", Address: "robin@practice.example"},
	})
	o.connectAppOnly()
	o.run()
	room := calendar.NewRoomID(o.address("aspen"))
	o.soon("first agendas", func() bool {
		return len(o.store.agenda(string(room)).Events) == 1 && !o.store.agenda(o.address("birch")).AsOf.IsZero()
	})
	e := o.store.agenda(string(room)).Events[0]
	if !e.Start.Equal(at(9, 0)) || !e.End.Equal(at(10, 0)) || e.OrganizerName != "Robin Reader" ||
		e.ShowAs != calendar.Busy || e.Response != calendar.Accepted || e.ID != id {
		t.Errorf("event = %+v", e)
	}
	drain(o.changed)

	truths, polls := o.graph.Count("calendarView"), o.service.Counters()["delta_polls"]
	o.soon("looks without change", func() bool { return o.service.Counters()["delta_polls"] > polls+5 })
	if n := o.graph.Count("calendarView") - truths; n != 0 {
		t.Errorf("%d truth reads while nothing changed, want 0", n)
	}
	drain(o.changed) // what was said of the first agendas after they could be seen

	if err := o.graph.Calendar("aspen").Move(id, at(11, 0), at(12, 30)); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-o.changed:
		if got != room {
			t.Errorf("Changed(%q), want %q", got, room)
		}
	case <-time.After(patience):
		t.Fatalf("Changed not called\n%s", o.log)
	}
	if err := o.matches("aspen"); err != nil {
		t.Error(err)
	}
	if err := o.graph.Calendar("aspen").Delete(id); err != nil {
		t.Fatal(err)
	}
	o.soon("deleted meeting gone", func() bool { return len(o.store.agenda(string(room)).Events) == 0 })
}

func drain(c chan calendar.RoomID) {
	for len(c) > 0 {
		<-c
	}
}

// TestSeries: a changed, a moved and a deleted day of a series arrive, though
// delta pages show bare occurrences and never announce a deleted day.
func TestSeries(t *testing.T) {
	o := newOffice(t, "aspen")
	cal := o.graph.Calendar("aspen")
	id := cal.Create(graphtest.Event{
		Subject: "Stand-up", Start: at(8, 0).AddDate(0, 0, -3), End: at(8, 15).AddDate(0, 0, -3),
		Recurrence: &graphtest.Recurrence{
			Pattern: graphtest.Pattern{Type: "daily", Interval: 1},
			Range:   graphtest.Range{Type: "noEnd", StartDate: at(8, 0).AddDate(0, 0, -3).Format(time.DateOnly)},
		},
	})
	o.connectAppOnly()
	o.run()
	room := o.address("aspen")
	o.soon("series", func() bool { return len(o.store.agenda(room).Events) > 5 && o.matches("aspen") == nil })

	day := func(n int) string {
		return at(8, 0).AddDate(0, 0, n).Format(time.DateOnly)
	}
	moved, err := cal.OccurrenceID(id, day(1))
	if err != nil {
		t.Fatal(err)
	}
	err = cal.Update(moved, func(e *graphtest.Event) {
		e.Subject, e.Start, e.End = "Stand-up, late", e.Start.Add(3*time.Hour), e.End.Add(4*time.Hour)
	})
	if err != nil {
		t.Fatal(err)
	}
	o.soon("exception", func() bool {
		return slices.Contains(subjects(o.store.agenda(room)), "Stand-up, late") && o.matches("aspen") == nil
	})
	before := len(o.store.agenda(room).Events)
	gone, err := cal.OccurrenceID(id, day(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := cal.Delete(gone); err != nil {
		t.Fatal(err)
	}
	o.soon("deleted day", func() bool { return len(o.store.agenda(room).Events) == before-1 && o.matches("aspen") == nil })
}

// TestTroubleNeverStopsIt puts one fault after another between Graph and the
// service while a meeting moves: in the end the agenda is right, each kind of
// fault was counted, and the other room never noticed.
func TestTroubleNeverStopsIt(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault graphtest.Fault
		count string // counter that must have moved
	}{
		{"sync state lost", graphtest.SyncStateLost(), "failures_sync-reset"},
		{"throttled", graphtest.Throttled(time.Second), "failures_throttled"},
		{"unavailable", graphtest.Unavailable(0), "failures_server-fault"},
		{"access denied", graphtest.AccessDenied(), "failures_access-denied"},
		{"truncated JSON", graphtest.Truncated(), "malformed_answers"},
		{"HTML", graphtest.HTMLPage(), "malformed_answers"},
		{"wrong types", graphtest.WrongTypes(), "malformed_answers"},
		{"connection closed", graphtest.Fault{Close: true}, "failures_unreachable"},
		{"answer of 9 MB", graphtest.Fault{Mangle: func(b []byte) []byte {
			return []byte(`{"value":[{"subject":"` + strings.Repeat("s", 9<<20) + `"}]}`)
		}}, "malformed_answers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, "aspen", "birch")
			id := o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: at(9, 0), End: at(10, 0)})
			o.connectAppOnly()
			o.run()
			room, other := calendar.NewRoomID(o.address("aspen")), calendar.NewRoomID(o.address("birch"))
			o.soon("first agendas", func() bool {
				return !o.store.agenda(string(room)).AsOf.IsZero() && !o.store.agenda(string(other)).AsOf.IsZero()
			})
			f := tc.fault
			f.Room, f.Count = "aspen", 3
			o.graph.Inject(f)
			if err := o.graph.Calendar("aspen").Move(id, at(13, 0), at(14, 0)); err != nil {
				t.Fatal(err)
			}
			o.soon("fault met", func() bool { return o.service.Counters()[tc.count] > 0 })
			met := time.Now()
			o.soon("other room still read", func() bool { return o.store.agenda(string(other)).AsOf.After(met) })
			if p := o.store.state().Problem; p != nil {
				t.Errorf("one room's trouble became the connection's: %+v", *p)
			}
			deadline := time.Now().Add(patience)
			for o.matches("aspen") != nil {
				if time.Now().After(deadline) {
					t.Fatalf("%v\n%s", o.matches("aspen"), o.log)
				}
				if err := o.service.Sync(t.Context(), room); err != nil && kindOf(err) == "" {
					t.Fatal(err)
				}
			}
			o.soon("healthy again", func() bool { return len(o.service.RoomProblems()) == 0 })
			if n := o.log.lines("level=WARN", "room="+string(room)); n > 3 {
				t.Errorf("%d warnings for 3 faults of one kind:\n%s", n, o.log)
			}
		})
	}
}

// TestHugeSubject: a subject of 500 KB is cut to 1 KiB and counted; it is no
// reason to refuse the agenda.
func TestHugeSubject(t *testing.T) {
	o := newOffice(t, "aspen")
	o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: at(9, 0), End: at(10, 0)})
	o.graph.Inject(graphtest.HugeSubject(500 << 10))
	o.connectAppOnly()
	if err := o.service.Sync(t.Context(), calendar.NewRoomID(o.address("aspen"))); err != nil {
		t.Fatal(err)
	}
	events := o.store.agenda(o.address("aspen")).Events
	if len(events) != 1 || len(events[0].Subject) != maxSubject || !strings.HasPrefix(events[0].Subject, "long long ") {
		t.Errorf("%d events, subject of %d bytes, want 1 and %d", len(events), len(events[0].Subject), maxSubject)
	}
	if n := o.service.Counters()["subjects_cut"]; n != 1 {
		t.Errorf("subjects_cut = %d, want 1", n)
	}
}

// TestRestart: a new process goes on from the stored cursor, without a new
// round and without reading again what it has.
func TestRestart(t *testing.T) {
	o := newOffice(t, "aspen")
	id := o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: at(9, 0), End: at(10, 0)})
	o.connectAppOnly()
	room := calendar.NewRoomID(o.address("aspen"))
	stop := o.run()
	o.soon("first agenda", func() bool { return o.store.cursor(room).DeltaLink != "" })
	stop()

	o.graph.ClearRequests()
	o.open()
	drain(o.refreshed)
	drain(o.changed)
	stop = o.run()
	o.soon("a look after the restart", func() bool { return o.service.Counters()["delta_polls"] > 1 })
	c := o.service.Counters()
	if c["delta_rounds"] != 0 || c["truth_reads"] != 0 {
		t.Errorf("after a restart %d new rounds and %d truth reads, want none", c["delta_rounds"], c["truth_reads"])
	}
	if n := o.graph.Count("token"); n != 0 {
		t.Errorf("%d token requests after a restart, want the stored token used", n)
	}
	stop()

	// What changes while the process is down is found when it is back.
	if err := o.graph.Calendar("aspen").Move(id, at(15, 0), at(16, 0)); err != nil {
		t.Fatal(err)
	}
	o.open()
	o.run()
	o.soon("the move", func() bool { return o.matches("aspen") == nil })
}

// TestTokenRefused: Graph refuses a token before its time; a new one is asked
// for and the read goes on.
func TestTokenRefused(t *testing.T) {
	o := newOffice(t, "aspen")
	now := time.Now()
	o.options.Now = func() time.Time { return now }
	o.open()
	o.connectAppOnly()
	room := calendar.NewRoomID(o.address("aspen"))
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	now = now.Add(10 * time.Minute)
	f := graphtest.TokenExpired()
	f.Count = 1
	o.graph.Inject(f)
	tokens := o.graph.Count("token")
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if n := o.graph.Count("token") - tokens; n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// TestGrantEnds: the sign-in is revoked; the connection says so once, keeps the
// last agenda, and is well again after a new sign-in.
func TestGrantEnds(t *testing.T) {
	o := newOffice(t, "aspen")
	o.graph.Calendar("aspen").GrantFolder(o.address("admin"), false)
	o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: at(9, 0), End: at(10, 0)})
	o.graph.SetTokenLife(2 * time.Second)
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	if err := o.service.AddRooms(t.Context(), 1, []string{o.address("aspen")}); err != nil {
		t.Fatal(err)
	}
	room := calendar.NewRoomID(o.address("aspen"))
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if err := o.graph.RevokeSessions(o.address("admin")); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(2 * time.Hour)
	o.options.Now = func() time.Time { return now }
	o.open()
	for range 3 {
		wantKind(t, o.service.Sync(t.Context(), room), connection.SignInAgain)
		now = now.Add(10 * time.Minute)
	}
	if p := o.store.state().Problem; p == nil || p.Kind != connection.SignInAgain {
		t.Errorf("problem = %+v, want %s", p, connection.SignInAgain)
	}
	if n := o.log.lines("not readable", string(connection.SignInAgain)); n != 1 {
		t.Errorf("%d log lines for one change:\n%s", n, o.log)
	}
	if got := subjects(o.store.agenda(string(room))); !slices.Equal(got, []string{"Planning"}) {
		t.Errorf("agenda = %q, want the last one kept", got)
	}
	o.options.Now = nil
	o.open()
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if p := o.store.state().Problem; p != nil {
		t.Errorf("problem = %+v after a new sign-in", p)
	}
}

// TestConnectionProblem: when nothing can be read the connection has a problem,
// when something can be read again it has none.
func TestConnectionProblem(t *testing.T) {
	o := newOffice(t, "aspen", "birch")
	o.connectAppOnly()
	o.run()
	o.soon("agendas", func() bool {
		return !o.store.agenda(o.address("aspen")).AsOf.IsZero() && !o.store.agenda(o.address("birch")).AsOf.IsZero()
	})
	remove := o.graph.Inject(graphtest.Fault{Path: "calendarView", Status: 503, Code: "ErrorServerBusy"})
	o.soon("problem", func() bool { p := o.store.state().Problem; return p != nil && p.Kind == connection.ServerFault })
	if got := len(o.service.RoomProblems()); got != 2 {
		t.Errorf("%d rooms with a problem, want 2", got)
	}
	remove()
	o.soon("no problem", func() bool { return o.store.state().Problem == nil && len(o.service.RoomProblems()) == 0 })
	o.soon("a line for each room", func() bool { return o.log.lines("readable again") >= 2 }) // it follows the state
	if n := o.log.lines("readable again"); n != 2 {
		t.Errorf("%d lines say readable again, want one per room:\n%s", n, o.log)
	}
}

// TestDeltaRefused: delta queries fail for good; the clock takes over and the
// room is healthy.
func TestDeltaRefused(t *testing.T) {
	o := newOffice(t, "aspen")
	id := o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: at(9, 0), End: at(10, 0)})
	now := time.Now()
	o.options.Now = func() time.Time { return now }
	o.open()
	o.connectAppOnly()
	remove := o.graph.Inject(graphtest.Fault{Path: "/delta", Status: 403, Code: "ErrorAccessDenied"})
	room := place{1, calendar.NewRoomID(o.address("aspen"))}
	look := func() {
		t.Helper()
		if err := o.service.look(t.Context(), room, false); err != nil {
			t.Fatal(err)
		}
	}
	look()
	if err := o.graph.Calendar("aspen").Move(id, at(15, 0), at(16, 0)); err != nil {
		t.Fatal(err)
	}
	if got := o.service.pause(t.Context(), room, o.service.roomSync(room.room), 0, nil); got < blindEvery*4/5 {
		t.Errorf("next look in %v, want at least %v less a fifth", got, blindEvery)
	}
	now = now.Add(time.Minute)
	look()
	if err := o.matches("aspen"); err != nil {
		t.Error(err)
	}
	if n := o.graph.Count("delta"); n != 1 {
		t.Errorf("%d delta queries in a minute, want 1", n)
	}
	if n := o.log.lines("reading by the clock"); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
	remove()
	now = now.Add(deltaPause)
	look()
	if n := o.log.lines("told apart again"); n != 1 || o.store.cursor(room.room).DeltaLink == "" {
		t.Errorf("delta queries not taken up again, %d log lines", n)
	}
}

// TestNewDay: after local midnight a new window is read by a new round.
func TestNewDay(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	o.options.SiteZone = func() *time.Location { return time.FixedZone("site", 2*3600) }
	now := at(12, 0).AddDate(0, 0, -1)
	o.options.Now = func() time.Time { return now }
	o.open()
	room := place{1, calendar.NewRoomID(o.address("aspen"))}
	for _, step := range []struct {
		to     time.Time
		rounds uint64
	}{
		{now, 1}, {at(21, 59).AddDate(0, 0, -1), 1}, {at(22, 30).AddDate(0, 0, -1), 2}, {at(23, 0).AddDate(0, 0, -1), 2},
	} {
		now = step.to
		if err := o.service.look(t.Context(), room, false); err != nil {
			t.Fatal(err)
		}
		if got := o.service.Counters()["delta_rounds"]; got != step.rounds {
			t.Errorf("at %v: %d rounds, want %d", now, got, step.rounds)
		}
	}
	w := o.store.agenda(string(room.room)).Window
	if want := at(22, 0).AddDate(0, 0, -2); !w.From.Equal(want) || w.To.Sub(w.From) != 9*24*time.Hour {
		t.Errorf("window = %v to %v, want nine days from %v", w.From, w.To, want)
	}
}

// TestTruthByTheHour: even when delta says nothing, the truth is read hourly.
func TestTruthByTheHour(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	now := at(12, 0).AddDate(0, 0, -1)
	o.options.Now = func() time.Time { return now }
	o.open()
	for i, want := range []uint64{1, 1, 2} {
		if err := o.service.look(t.Context(), place{1, calendar.NewRoomID(o.address("aspen"))}, false); err != nil {
			t.Fatal(err)
		}
		if got := o.service.Counters()["truth_reads"]; got != want {
			t.Errorf("look %d: %d truth reads, want %d", i, got, want)
		}
		now = now.Add(31 * time.Minute)
	}
}

// TestStoreFails: an agenda that could not be stored is read again, not lost.
func TestStoreFails(t *testing.T) {
	o := newOffice(t, "aspen")
	id := o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: at(9, 0), End: at(10, 0)})
	o.connectAppOnly()
	room := calendar.NewRoomID(o.address("aspen"))
	look := func() error { return o.service.look(t.Context(), place{1, room}, false) }
	if err := look(); err != nil {
		t.Fatal(err)
	}
	if err := o.graph.Calendar("aspen").Move(id, at(15, 0), at(16, 0)); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	o.store.fail = full
	if err := look(); !errors.Is(err, full) {
		t.Fatalf("err = %v, want the store's", err)
	}
	o.store.fail = nil
	if err := look(); err != nil {
		t.Fatal(err)
	}
	if err := o.matches("aspen"); err != nil {
		t.Error(err)
	}
}

// TestTokensUnreadable: what the store cannot give back is the store's fault;
// what it gives back damaged is replaced.
func TestTokensUnreadable(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	room := calendar.NewRoomID(o.address("aspen"))
	lost := errors.New("wrong key")
	o.store.sealed = lost
	o.open()
	err := o.service.Sync(t.Context(), room)
	wantKind(t, err, connection.InternalFault)
	if !errors.Is(err, lost) {
		t.Errorf("err = %v, want the store's wrapped", err)
	}
	o.store.sealed = nil
	for partition := range o.store.blobs {
		o.store.blobs[partition] = []byte(`{"AccessToken":[`)
	}
	o.open()
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if n := o.log.lines("stored tokens not readable"); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
	o.open()
	tokens := o.graph.Count("token")
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if n := o.graph.Count("token") - tokens; n != 0 {
		t.Errorf("%d token requests, want the new stored token used", n)
	}
}

// TestRunEnds: Run returns when its context ends, also with requests hanging.
func TestRunEnds(t *testing.T) {
	o := newOffice(t, "aspen", "birch", "cedar")
	o.connectAppOnly()
	o.graph.Inject(graphtest.Fault{Path: "/v1.0/users", Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.service.Run(ctx) }()
	o.soon("requests under way", func() bool { return o.service.Counters()["requests"] > 3 })
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Run does not end")
	}
}
