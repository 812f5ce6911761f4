package gateway

import (
	"log/slog"
	"testing"
	"testing/synctest"
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

// The rest of a day makes way while many pictures of the moment are drawn, but
// not for ever.
func TestDayYieldsToRush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		q.init()
		day := job{sign: "a"}
		yields := func(when string, j job, want bool) {
			t.Helper()
			if got := q.yields(j); got != want {
				t.Errorf("%s: yields %t, want %t", when, got, want)
			}
		}
		for _, id := range []devices.SignID{"a", "b", "c"} {
			q.put(job{sign: id}, true)
		}
		if q.pressed() {
			t.Error("pressed by three signs")
		}
		yields("three signs changed", day, false)
		q.put(job{sign: "d"}, true)
		if !q.pressed() {
			t.Error("not pressed by four signs")
		}
		yields("four signs changed", day, true)
		yields("a picture of the moment", job{sign: "a", urgent: true}, false)
		yields("the first look", job{sign: "a", first: true}, false)
		yields("a repair", job{sign: "a", force: DigestMismatch}, false)
		yields("a sign that made way for long", job{sign: "a", waits: mostWaits}, false)
		time.Sleep(rushEnds)
		yields("after the rush", day, false)
	})
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
