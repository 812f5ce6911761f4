package gateway

import (
	"fmt"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
	"doorleaf/render"
)

func TestChangesADay(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	entries := func(days int, changes int) []Decision {
		var list []Decision
		for i := range changes {
			list = append(list, Decision{At: now.Add(-time.Duration(i+1) * time.Hour), Reason: Changed})
		}
		return append(list, Decision{At: now.AddDate(0, 0, -days), Reason: NothingToDo})
	}
	for _, tc := range []struct {
		name string
		list []Decision
		want float64
	}{
		{"nothing known", nil, -1},
		{"a day known", entries(1, 5), -1},
		{"two weeks, forty changes", entries(14, 40), 4},
		{"a year, forty changes of late", entries(365, 40), 4},
		{"two weeks of quiet", entries(14, 0), 0},
	} {
		if got := changesADay(tc.list, now); got != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestBegins(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	w := &Want{Steps: steps(t0, 1, 2, 3, 4)}
	w.Steps[1].State, w.Steps[3].State = string(render.Booked), string(render.Booked)
	got := begins(w)
	if len(got) != 2 || !got[0].Equal(t0.Add(time.Hour)) || !got[1].Equal(t0.Add(3*time.Hour)) || begins(nil) != nil {
		t.Errorf("got %v", got)
	}
}

// Signs have different places in the interval whatever their names.
func TestPlaces(t *testing.T) {
	seen := map[uint64]bool{}
	for i := range 10000 {
		seen[place(devices.SignID(fmt.Sprintf("aaaaaaaaaaaa%04d", i)))%600] = true
	}
	if len(seen) != 600 {
		t.Errorf("%d of 600 places taken by 10000 signs", len(seen))
	}
}

// A timeline of a sleeping sign reaches past its longest sleep.
func TestSleepersGetALongerTimeline(t *testing.T) {
	now := time.Date(2026, 11, 20, 18, 5, 0, 0, time.UTC) // a Friday
	a := calendar.Agenda{Room: calendar.Room{ID: "a", Name: "Aalto"}, AsOf: now, Window: calendar.Window{From: now.AddDate(0, 0, -2), To: now.AddDate(0, 0, 8)}}
	for _, on := range []bool{false, true} {
		s := Sign{ID: "aaaaaaaaaaaaaaaa", Hardware: devices.Hardware{AlwaysOn: on}}
		list := plan(a, s, DefaultSite(), now, false, maxSteps)
		got := list[len(list)-1].until.Sub(now)
		if want := reach(s); got != want {
			t.Errorf("always on %v: reaches %v, want %v", on, got, want)
		}
	}
	if longest := 24 * time.Hour; sleepHorizon < longest+sleepReserve {
		t.Errorf("a timeline of %v is over when a sign calls after %v", sleepHorizon, longest)
	}
}

func TestOfficeOfTheSite(t *testing.T) {
	s := DefaultSite()
	s.Days = []time.Weekday{time.Sunday, time.Monday}
	sunday := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	if !s.works(sunday) || s.works(sunday.AddDate(0, 0, 2)) {
		t.Error("an office that works on Sundays and Mondays")
	}
}

func TestLateSince(t *testing.T) {
	seen := time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		sleeps time.Duration
		least  time.Duration
		most   time.Duration
	}{{15 * time.Minute, 2 * time.Minute, 4 * time.Minute}, {14 * time.Hour, 10 * time.Minute, 30 * time.Minute}} {
		v := DoorView{NextContact: seen.Add(tc.sleeps), Status: Status{LastSeen: seen}}
		if grace := lateSince(v).Sub(v.NextContact); grace < tc.least || grace > tc.most {
			t.Errorf("after %v of sleep %v are allowed", tc.sleeps, grace)
		}
	}
}

func TestClockOff(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	w := &Want{Epoch: 1, Seq: 2, Steps: steps(t0, 1, 2, 1)}
	flip := func(after time.Duration, mark byte) devices.Report {
		return devices.Report{Kind: devices.ShownReport, WakeReason: devices.WakeFlip, Epoch: 1, Seq: 2, Received: t0.Add(after), Shown: devices.Digest{mark}}
	}
	call := func(after time.Duration) devices.Report {
		return devices.Report{Kind: devices.HelloReport, WakeReason: devices.WakeTimer, Received: t0.Add(after)}
	}
	for _, tc := range []struct {
		name string
		r    devices.Report
		off  time.Duration
		told bool
	}{
		{"flips in time", flip(time.Hour+20*time.Second, 2), 0, true},
		{"flips late", flip(time.Hour+5*time.Minute, 2), 5*time.Minute - drawTime, true},
		{"flips early", flip(55*time.Minute, 2), -5 * time.Minute, true},
		{"the same picture twice a day: the nearest counts", flip(2*time.Hour+time.Second, 1), 0, true},
		{"flips to what is not planned", flip(time.Hour, 7), 0, false},
		{"flips by another timeline", devices.Report{Kind: devices.ShownReport, WakeReason: devices.WakeFlip, Received: t0, Shown: devices.Digest{1}}, 0, false},
		{"draws what was sent", devices.Report{Kind: devices.ShownReport, WakeReason: devices.WakePush, Epoch: 1, Seq: 2, Received: t0, Shown: devices.Digest{2}}, 0, false},
		{"calls as told", call(30 * time.Second), 0, true},
		{"calls early", call(-4 * time.Minute), -4 * time.Minute, true},
		{"calls late", call(10 * time.Minute), 10*time.Minute - wakeJitter - connectTime, true},
		{"missed a call", call(9 * time.Hour), 0, false},
	} {
		off, told := clockOff(tc.r, w, t0)
		if off != tc.off || told != tc.told {
			t.Errorf("%s: got %v, %v, want %v, %v", tc.name, off, told, tc.off, tc.told)
		}
	}
}

func TestClockCountsInARow(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	e := &signEntry{promise: t0}
	call := func(off time.Duration) time.Duration {
		e.seeClock(devices.Report{Kind: devices.HelloReport, WakeReason: devices.WakeTimer, Received: t0.Add(off)})
		return e.clock.isOff()
	}
	for i, tc := range []struct{ off, want time.Duration }{
		{-3 * time.Minute, 0}, {-3 * time.Minute, 0}, {10 * time.Minute, 0}, {-3 * time.Minute, 0}, {-3 * time.Minute, 0},
		{-4 * time.Minute, -4 * time.Minute}, {10 * time.Second, 0}, {-3 * time.Minute, 0},
	} {
		if got := call(tc.off); got != tc.want {
			t.Errorf("call %d: off by %v, want %v", i, got, tc.want)
		}
	}
}
