package storetest

import (
	"errors"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
)

func testSigns(s *suite) {
	ctx := s.Context()
	s.list(room("a@x", "Alpha"))
	sg, c := sign("one")
	s.ok(s.AddSign(ctx, sg, c))
	s.fails("same id", s.AddSign(ctx, sg, c), gateway.ErrConflict)
	_, foreign := sign("other")
	two, _ := sign("two")
	s.fails("another sign's credential", s.AddSign(ctx, two, foreign), gateway.ErrInvalid)
	got, err := s.Sign(ctx, "one")
	s.ok(err)
	s.equal("sign", got, sg)
	cred, err := s.Credential(ctx, "one")
	s.ok(err)
	s.equal("credential", cred, c)

	yes := true
	sg.Name, sg.Room, sg.Language, sg.Hour12 = "Changed", "a@x", "ru", &yes
	s.ok(s.UpdateSign(ctx, sg))
	got, err = s.Sign(ctx, "one")
	s.ok(err)
	s.equal("changed sign", got, sg)
	no := false
	sg.Hour12, sg.Room = &no, ""
	s.ok(s.UpdateSign(ctx, sg))
	sg.Room = "nowhere@x"
	s.fails("unknown room", s.UpdateSign(ctx, sg), gateway.ErrNotFound)
	sg.Room = ""
	all, err := s.Signs(ctx)
	s.ok(err)
	s.equal("signs", all, []gateway.Sign{sg})
	st, err := s.Status(ctx, "one")
	s.ok(err)
	s.equal("status of a silent sign", st, gateway.Status{Sign: "one"})
}

func testSwapRooms(s *suite) {
	ctx := s.Context()
	s.list(room("a@x", "Alpha"), room("b@x", "Beta"))
	one, two := s.pair("one"), s.pair("two")
	rooms := func() (a, b calendar.RoomID) {
		first, err := s.Sign(ctx, one)
		s.ok(err)
		second, err := s.Sign(ctx, two)
		s.ok(err)
		return first.Room, second.Room
	}
	sg, _ := sign("one")
	sg.Room = "a@x"
	s.ok(s.UpdateSign(ctx, sg))
	s.ok(s.SwapRooms(ctx, one, two))
	if a, b := rooms(); a != "" || b != "a@x" {
		s.Errorf("swapped with none: got %q and %q", a, b)
	}
	sg.Room = "b@x"
	s.ok(s.UpdateSign(ctx, sg))
	s.ok(s.SwapRooms(ctx, one, two))
	if a, b := rooms(); a != "a@x" || b != "b@x" {
		s.Errorf("swapped: got %q and %q", a, b)
	}
	s.fails("with an unknown sign", s.SwapRooms(ctx, one, "nobody"), gateway.ErrNotFound)
	if a, _ := rooms(); a != "a@x" {
		s.Errorf("after a failed swap: got %q", a)
	}
}

func testRemoveSign(s *suite) {
	ctx := s.Context()
	id, other := s.pair("one"), s.pair("two")
	s.send(id, 1, 10)
	s.send(other, 1, 11)
	s.report(hello(id, 5, 1, 10))
	s.ok(s.RemoveSign(ctx, id))
	s.fails("removed again", s.RemoveSign(ctx, id), gateway.ErrNotFound)
	_, err := s.Sign(ctx, id)
	s.fails("sign", err, gateway.ErrNotFound)
	_, err = s.Credential(ctx, id)
	s.fails("credential", err, gateway.ErrNotFound)
	_, err = s.Object(ctx, id, object(10).Hash)
	s.fails("object", err, gateway.ErrNotFound)
	for _, n := range []int{11, 12, 13} { // what both signs want, and the other one's own
		if _, err := s.Picture(ctx, picture(n).Digest()); err != nil {
			s.Errorf("picture %d of the sign that stays: %v", n, err)
		}
	}

	s.pair("one") // paired anew: nothing of before comes back
	_, err = s.Want(ctx, id)
	s.fails("want", err, gateway.ErrNotFound)
	st, err := s.Status(ctx, id)
	s.ok(err)
	s.equal("status", st, gateway.Status{Sign: id})
	list, err := s.Decisions(ctx, id, 10)
	s.ok(err)
	s.equal("decisions", list, []gateway.Decision(nil))
	s.report(hello(id, 5, 1, 10))
	s.send(id, 1, 10)
}

func testStatus(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	quiet := s.pair("two")
	r := hello(id, 9, 1, 1)
	s.report(r)
	want := gateway.Status{Sign: id, LastSeen: r.Received, Shown: r.Shown, ShownAt: r.Received, Epoch: 1, Seq: 1, Boot: 9, Counter: 1,
		BatteryMillivolts: 2900, SignalDBm: -61, TemperatureC: 21, WakeReason: devices.WakeTimer}
	check := func(name string) {
		s.Helper()
		got, err := s.Status(ctx, id)
		s.ok(err)
		s.equal(name, got, want)
	}
	check("hello")

	press := devices.Report{Kind: devices.EventReport, Sign: id, Received: noon.Add(time.Hour), Boot: 9, Counter: 2, Button: 1}
	s.report(press)
	want.LastSeen, want.Counter = press.Received, 2
	check("button: only life and counter")

	shown := devices.Report{Kind: devices.ShownReport, Sign: id, Received: noon.Add(2 * time.Hour), Boot: 9, Counter: 3, Epoch: 1, Seq: 2,
		Shown: r.Shown, WakeReason: devices.WakeFlip, LastError: devices.ErrTimeout}
	s.report(shown)
	want.LastSeen, want.Counter, want.Seq = shown.Received, 3, 2
	want.WakeReason, want.LastError, want.ErrorCount = devices.WakeFlip, devices.ErrTimeout, 1
	check("shown with an error, the same picture, unknown figures")

	flipped := shown
	flipped.Received, flipped.Counter, flipped.Shown, flipped.LastError = noon.Add(3*time.Hour), 4, picture(2).Digest(), devices.NoError
	s.report(flipped)
	want.LastSeen, want.Counter, want.Shown, want.ShownAt, want.LastError = flipped.Received, 4, flipped.Shown, flipped.Received, devices.NoError
	check("another picture, mended")

	all, err := s.Statuses(ctx)
	s.ok(err)
	s.equal("statuses", all, map[devices.SignID]gateway.Status{id: want, quiet: {Sign: quiet}})
}

func testFreshness(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	steps := []struct {
		name          string
		boot, counter uint32
		want          bool
	}{
		{"first", 3, 5, true},
		{"repeated", 3, 5, false},
		{"older", 3, 4, false},
		{"next", 3, 6, true},
		{"new boot, lower counter", 1, 0, true},
		{"repeated counter 0", 1, 0, false},
		{"old boot replayed", 3, 6, false},
		{"next of the new boot", 1, 1, true},
		{"late word of a boot never heard of", 9, 4, true},
		{"repeated, late", 9, 4, false},
		{"what the living boot said already", 1, 1, false},
		{"the living boot goes on", 1, 2, true},
		{"late once more", 9, 4, false},
		{"highest numbers", 1<<32 - 1, 1<<32 - 1, true},
		{"and repeated", 1<<32 - 1, 1<<32 - 1, false},
		{"boot zero", 0, 0, true},
	}
	for i, st := range steps {
		before, err := s.Status(ctx, id)
		s.ok(err)
		r := hello(id, st.boot, st.counter, i)
		r.Seq = uint32(i + 1)
		got, err := s.CommitReport(ctx, r)
		if strings.Contains(st.name, "repeated") {
			s.ok(err)
		}
		if err != nil && (st.want || !errors.Is(err, devices.ErrReplayed)) {
			s.Errorf("%s: %v", st.name, err)
		}
		if got != st.want {
			s.Errorf("%s: got fresh %t, want %t", st.name, got, st.want)
		}
		after, err := s.Status(ctx, id)
		s.ok(err)
		if !st.want {
			s.equal(st.name+": status", after, before)
		} else if after.Shown != picture(i).Digest() {
			s.Errorf("%s: got another picture in the status", st.name)
		}
	}
}

// Boots that are not known any more are told by the manifest that they name.
func testReplays(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	s.send(id, 8, 1)
	steps := []struct {
		name                      string
		kind                      devices.ReportKind
		inHello                   bool
		boot, counter, epoch, seq uint32
		want                      error
	}{
		{"first press, before anything", devices.EventReport, false, 1, 1, 0, 0, nil},
		{"hello without a manifest", devices.HelloReport, false, 1, 2, 0, 0, nil},
		{"shown", devices.ShownReport, false, 1, 3, 1, 7, nil},
		{"new boot", devices.HelloReport, false, 2, 1, 1, 7, nil},
		{"hello of long ago", devices.HelloReport, false, 70, 9, 1, 6, devices.ErrReplayed},
		{"shown of long ago", devices.ShownReport, false, 71, 9, 1, 1, devices.ErrReplayed},
		{"of an earlier epoch", devices.ShownReport, false, 72, 9, 0, 900, devices.ErrReplayed},
		{"press of long ago", devices.EventReport, false, 73, 9, 0, 0, devices.ErrReplayed},
		{"press in a hello of long ago", devices.EventReport, true, 74, 9, 1, 6, devices.ErrReplayed},
		{"press of a boot that never said hello", devices.EventReport, true, 75, 1, 1, 7, nil},
		{"the same in the hello once more", devices.EventReport, true, 75, 1, 1, 7, nil},
		{"boot that lost its storage", devices.HelloReport, false, 76, 1, 0, 0, nil},
		{"and goes on", devices.ShownReport, false, 76, 2, 1, 8, nil},
		{"a known boot may name less: its number tells", devices.ShownReport, false, 76, 3, 1, 2, nil},
		{"a lie about what it has", devices.HelloReport, false, 77, 1, 9000, 1, nil},
		{"and the truth again, from a new boot", devices.HelloReport, false, 78, 1, 1, 8, nil},
	}
	for i, st := range steps {
		before, err := s.Status(ctx, id)
		s.ok(err)
		r := hello(id, st.boot, st.counter, i)
		r.Kind, r.InHello, r.Epoch, r.Seq = st.kind, st.inHello, st.epoch, st.seq
		r.HelloBoot, r.HelloCounter = st.boot, st.counter+1
		if fresh, err := s.CommitReport(ctx, r); !errors.Is(err, st.want) || (err != nil && fresh) {
			s.Errorf("%s: fresh %t, %v", st.name, fresh, err)
		}
		after, err := s.Status(ctx, id)
		s.ok(err)
		if st.want != nil {
			s.equal(st.name+": status", after, before)
		}
	}
}
