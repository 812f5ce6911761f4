package gateway

import (
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/refresh"
	"doorleaf/render/mono"
)

func TestGlassNow(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	w := &Want{Steps: steps(t0, 1, 2, 3)}
	for i := range w.Steps {
		w.Steps[i].Glass = refresh.Glass{Partials: i + 1, LastFull: t0}
	}
	seen := Status{LastSeen: t0}
	for _, tc := range []struct {
		name string
		have *Want
		st   Status
		at   time.Time
		want int // partials; -1: nothing is known
	}{
		{"no timeline yet", nil, seen, t0, -1},
		{"never heard of", w, Status{}, t0.Add(time.Hour), -1},
		{"before the first step", w, seen, t0.Add(-time.Hour), -1},
		{"in the second step", w, seen, t0.Add(90 * time.Minute), 2},
		{"after the last", w, seen, t0.Add(9 * time.Hour), 3},
		{"the panel failed", w, Status{LastSeen: t0, LastError: devices.ErrPanel}, t0.Add(time.Hour), -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := glassNow(tc.have, tc.st, tc.at)
			if tc.want < 0 && got != (refresh.Glass{}) || tc.want >= 0 && got.Partials != tc.want {
				t.Errorf("got %+v, want %d partials", got, tc.want)
			}
		})
	}
}

// A colour panel rests between two pictures, and planning again while it rests
// plans the same.
func TestSpaceIsStable(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	planned := func(now time.Time, have *Want, minutes ...int) *Want {
		d := &drawing{}
		var list []WantStep
		for i, m := range minutes[:len(minutes)-1] {
			list = append(list, WantStep{From: t0.Add(time.Duration(m) * time.Minute), Until: t0.Add(time.Duration(minutes[i+1]) * time.Minute), Digest: devices.Digest{byte(minutes[i+1])}})
			d.pictures = append(d.pictures, mono.New(8, 8))
		}
		w := &Want{Steps: d.space(list, have, now, 3*time.Minute)}
		if len(d.pictures) != len(w.Steps) {
			t.Fatalf("%d pictures for %d steps", len(d.pictures), len(w.Steps))
		}
		return w
	}
	first := planned(t0, nil, -30, 60, 62, 120)
	if len(first.Steps) != 2 && len(first.Steps) != 3 {
		t.Fatalf("steps %+v", first.Steps)
	}
	if got, want := first.Steps[len(first.Steps)-1].From, t0.Add(63*time.Minute); len(first.Steps) == 3 && !got.Equal(want) {
		t.Errorf("the last step begins %v, want %v", got, want)
	}
	now := t0.Add(61 * time.Minute)
	again := planned(now, first, 61, 62, 120) // the step before has begun at minute 60
	if got := decide(first, again.Steps, now); got != NothingToDo && got != TimelineStep {
		t.Errorf("planned while resting: %q, first %+v, again %+v", got, first.Steps, again.Steps)
	}
}

func TestOfficeHours(t *testing.T) {
	s := DefaultSite()
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		at   time.Duration
		want bool
	}{{7*time.Hour + 59*time.Minute, false}, {8 * time.Hour, true}, {18 * time.Hour, false}, {-12 * time.Hour, false}, {12 * time.Hour, true}} {
		if got := s.works(monday.Add(tc.at)); got != tc.want {
			t.Errorf("%v: got %v, want %v", tc.at, got, tc.want)
		}
	}
}
