package gateway

import (
	"testing"
	"time"

	"doorleaf/devices"
)

func steps(start time.Time, marks ...byte) []WantStep {
	var out []WantStep
	for i, m := range marks {
		out = append(out, WantStep{From: start.Add(time.Duration(i) * time.Hour), Until: start.Add(time.Duration(i+1) * time.Hour), Digest: devices.Digest{m}})
	}
	return out
}

func TestDecide(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	day := []byte{1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2}
	changed := append([]byte{}, day...)
	changed[5] = 9
	for _, tc := range []struct {
		name string
		have *Want
		next []WantStep
		now  time.Time
		want Reason
	}{
		{"nothing yet", nil, steps(t0, day...), t0, First},
		{"the same", &Want{Steps: steps(t0, day...)}, steps(t0, day...), t0, NothingToDo},
		{"the same, later", &Want{Steps: steps(t0, day...)}, steps(t0.Add(2*time.Hour), day[2:]...), t0.Add(150 * time.Minute), NothingToDo},
		{"a later picture differs", &Want{Steps: steps(t0, day...)}, steps(t0, changed...), t0, Changed},
		{"a picture of the past differed", &Want{Steps: steps(t0, changed...)}, steps(t0.Add(6*time.Hour), day[6:]...), t0.Add(6 * time.Hour), NothingToDo},
		{"same pictures, other times", &Want{Steps: steps(t0, day...)}, steps(t0.Add(10*time.Minute), day...), t0.Add(10 * time.Minute), Changed},
		{"nearly used up", &Want{Steps: steps(t0, day...)}, steps(t0.Add(10*time.Hour), day...), t0.Add(10 * time.Hour), TimelineStep},
		{"used up", &Want{Steps: steps(t0, 1)}, steps(t0.Add(2*time.Hour), day...), t0.Add(2 * time.Hour), TimelineStep},
		{"only the first picture was sent", &Want{Partial: true, Steps: steps(t0, day...)}, steps(t0, day...), t0, TimelineStep},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := decide(tc.have, tc.next, tc.now); got != tc.want {
				t.Errorf("decide = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDueAndFits(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	w := &Want{Steps: steps(t0, 1, 2), Stale: devices.Digest{9}}
	for _, tc := range []struct {
		name string
		at   time.Time
		want byte
	}{
		{"before the first", t0.Add(-time.Minute), 1},
		{"first", t0, 1},
		{"second", t0.Add(time.Hour), 2},
		{"after the end", t0.Add(2 * time.Hour), 9},
	} {
		if got := w.dueAt(tc.at); got[0] != tc.want {
			t.Errorf("%s: due %d, want %d", tc.name, got[0], tc.want)
		}
	}
	edge := t0.Add(time.Hour)
	if !w.fits(devices.Digest{1}, edge.Add(time.Minute)) || !w.fits(devices.Digest{2}, edge.Add(-time.Minute)) {
		t.Error("a clock off by a minute was called a wrong picture")
	}
	if w.fits(devices.Digest{1}, edge.Add(5*time.Minute)) || w.fits(devices.Digest{7}, t0) {
		t.Error("a wrong picture was believed")
	}
}
