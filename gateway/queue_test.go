package gateway

import (
	"log/slog"
	"testing"
	"time"

	"doorleaf/devices"
)

// A sign waits once per lane, but what was asked of it is not forgotten.
func TestQueueKeepsWhatIsAsked(t *testing.T) {
	var q queue
	q.init()
	q.put(job{sign: "a"}, true)
	q.put(job{sign: "a", force: Changed}, true)
	q.put(job{sign: "a"}, true)
	if j, _ := q.take(); j.force != Changed {
		t.Errorf("force %q, want %q", j.force, Changed)
	}
	if len(q.lanes[0]) != 0 {
		t.Errorf("%d more jobs wait, want none", len(q.lanes[0]))
	}
}

func TestLook(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	want := func(from time.Time) *Want {
		return &Want{Steps: []WantStep{{From: from, Until: from.Add(24 * time.Hour)}}}
	}
	for _, tc := range []struct {
		name string
		e    *signEntry
		due  bool
	}{
		{"nothing to do", &signEntry{want: want(now.Add(-time.Hour)), asOf: now}, false},
		{"less than half a day left", &signEntry{want: want(now.Add(-13 * time.Hour)), asOf: now}, true},
		{"the calendar became old", &signEntry{want: want(now), asOf: now.Add(-time.Hour)}, true},
		{"the clock was set back", &signEntry{want: want(now.Add(48 * time.Hour)), asOf: now}, true},
		{"a calendar read in the future", &signEntry{want: want(now), asOf: now.Add(48 * time.Hour)}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := New(Options{Logger: slog.New(slog.DiscardHandler)})
			c.signs.m[devices.SignID("a")] = tc.e
			c.look(now)
			if got := len(c.queue.lanes[1]) == 1; got != tc.due {
				t.Errorf("due %v, want %v", got, tc.due)
			}
		})
	}
}
