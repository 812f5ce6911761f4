package rollout

import (
	"fmt"
	"testing"
	"time"

	"doorleaf/devices"
)

var start = time.Date(2031, 3, 4, 9, 0, 0, 0, time.UTC)

// fleet is signs that call in turn and are updated as told.
type fleet struct {
	r     Rollout
	signs []Sign
	now   time.Time
}

func newFleet(n int) *fleet {
	f := &fleet{now: start, r: Rollout{Release: devices.Release{Number: 7}, State: Running, Since: start, Hold: time.Hour}}
	for i := range n {
		f.signs = append(f.signs, Sign{ID: devices.SignID(fmt.Sprintf("sign%d", i)), Number: 6})
	}
	return f
}

// call lets every sign call once; update says what one does that is offered the
// release.
func (f *fleet) call(update func(s *Sign)) (offered int) {
	for i := range f.signs {
		if s := &f.signs[i]; f.r.Offers(*s, f.r.Count(f.signs)) {
			if s.Mark.Offered.IsZero() {
				offered++
				s.Mark.Offered = f.now
			}
			update(s)
		}
	}
	return offered
}

func (f *fleet) after(d time.Duration) {
	f.now = f.now.Add(d)
	f.r, _ = f.r.Next(f.r.Count(f.signs), f.now)
}

func good(s *Sign) { s.Number = 7 }
func bad(s *Sign)  { s.Mark.Failed, s.Mark.Code = start, devices.ErrFirmwareBack }
func mute(s *Sign) { s.Silent = true }

func TestStages(t *testing.T) {
	for _, tt := range []struct {
		signs int
		want  []int // offered in each stage
	}{
		{200, []int{1, 9, 40, 150}},
		{10, []int{1, 0, 2, 7}},
		{1, []int{1, 0, 0, 0}},
		{3, []int{1, 0, 0, 2}},
	} {
		f := newFleet(tt.signs)
		for stage, want := range tt.want {
			if f.r.Stage != stage {
				t.Fatalf("%d signs: got stage %d, want %d", tt.signs, f.r.Stage, stage)
			}
			if got := f.call(good); got != want {
				t.Errorf("%d signs, stage %d: got %d offers, want %d", tt.signs, stage, got, want)
			}
			f.after(time.Minute)
			if stage < Stages-1 && f.r.Stage != stage {
				t.Errorf("%d signs: stage %d ended before its time", tt.signs, stage)
			}
			f.after(time.Hour)
		}
		if f.r.State != Done {
			t.Errorf("%d signs: got %s, want done", tt.signs, f.r.State)
		}
		f.signs = append(f.signs, Sign{ID: "late", Number: 2})
		if f.call(good) != 1 {
			t.Errorf("%d signs: a sign that came later is not offered the release", tt.signs)
		}
	}
}

func TestStops(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stage  int // in which the first sign goes wrong
		how    func(*Sign)
		wrong  int
		want   State
		reason Why
	}{
		{"first sign fails", 0, bad, 1, Stopped, Failed},
		{"first sign falls silent", 0, mute, 1, Stopped, Silent},
		{"one of twenty fails", 1, bad, 1, Stopped, Failed},
		{"a few of a quarter fail", 2, bad, 2, Running, ""},
		{"many of a quarter fail", 2, bad, 3, Stopped, Failed},
		{"many of a quarter fall silent", 2, mute, 3, Stopped, Silent},
		{"some of all fail", 3, bad, 10, Done, ""},
		{"many of all fail", 3, bad, 11, Stopped, Failed},
	} {
		f := newFleet(200)
		for range tt.stage {
			f.call(good)
			f.after(time.Hour)
		}
		n := 0
		f.call(func(s *Sign) {
			if n++; n <= tt.wrong {
				tt.how(s)
				return
			}
			good(s)
		})
		f.after(time.Minute)
		want := tt.want
		if want == Done {
			want = Running // those that failed do not run it
		}
		if f.r.State != want || f.r.Why != tt.reason {
			t.Errorf("%s: got %s %q, want %s %q", tt.name, f.r.State, f.r.Why, want, tt.reason)
		}
		if f.r.State == Stopped && f.call(good) != 0 {
			t.Errorf("%s: a stopped rollout goes on", tt.name)
		}
	}
}

func TestWaits(t *testing.T) {
	f := newFleet(100)
	f.r.First = "sign42"
	if f.call(func(*Sign) {}); f.signs[42].Mark.Offered.IsZero() || f.r.Count(f.signs).Offered != 1 {
		t.Errorf("the chosen sign is not the one that is offered the release: %+v", f.r.Count(f.signs))
	}
	f.after(48 * time.Hour)
	if f.r.Stage != 0 || f.r.State != Running {
		t.Errorf("got stage %d %s before the first sign runs it", f.r.Stage, f.r.State)
	}
	f.call(good)
	f.after(time.Minute)
	if f.r.Stage != 1 {
		t.Errorf("got stage %d, want 1", f.r.Stage)
	}
	refused := 0
	n := f.call(func(s *Sign) {
		if refused++; refused <= 10 {
			s.Mark.Failed, s.Mark.Code = f.now, devices.ErrFirmwareRefused
		}
	})
	if n != 14 || f.r.Count(f.signs).Refused != 10 {
		t.Errorf("got %d offers, want 14: others in place of the 10 that refused", n)
	}
	if f.after(2 * time.Hour); f.r.State != Running || f.r.Stage != 1 {
		t.Errorf("refused: got %s in stage %d, want running in 1", f.r.State, f.r.Stage)
	}
	f.r.State = Paused
	if f.call(good) != 0 {
		t.Error("a paused rollout goes on")
	}
	if f.after(48 * time.Hour); f.r.Stage != 1 || f.r.State != Paused {
		t.Errorf("paused: got stage %d %s", f.r.Stage, f.r.State)
	}
	if _, changed := newFleet(0).r.Next(Count{}, start.Add(time.Hour)); changed {
		t.Error("a rollout without signs moves")
	}
}
