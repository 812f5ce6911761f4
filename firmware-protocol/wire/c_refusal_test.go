package wire

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// pairsAnew lets time pass until the sign in C pairs anew, and returns how much
// did: how often the power was off and on between is told by boots.
func (w *world) pairsAnew(boots int) time.Duration {
	w.t.Helper()
	begin := len(w.log)
	for range boots {
		w.boot(0)
		seen := len(w.log)
		w.run(func() bool {
			return strings.Contains(strings.Join(w.log[seen:], "\n"), "> link refused") || w.pairing(begin)
		})
	}
	w.run(func() bool { return w.pairing(begin) })
	var took time.Duration
	for _, line := range w.log[begin:] {
		var ms int
		if n, _ := fmt.Sscanf(line, "> time %d", &ms); n == 1 {
			took += time.Duration(ms) * time.Millisecond
		}
	}
	return took
}

func (w *world) pairing(begin int) bool {
	return strings.Contains(strings.Join(w.log[begin:], "\n"), "connect pair-")
}

// A sign whose password is refused keeps its identity for 20 minutes, because
// the broker may have lost its users for a while; somebody who switches it off
// and on does not wait [DL-PAIR-9].
func testCRefusals(t *testing.T, runner string) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		asleep           bool
		boots            int
		earliest, latest time.Duration
	}{
		{"always on", false, 1, 20 * time.Minute, 21 * time.Minute},
		{"asleep", true, 1, 20 * time.Minute, 22 * time.Minute},
		{"switched off and on", true, 3, 0, time.Minute},
		{"switched off and on, always on", false, 3, 0, time.Minute},
	} {
		w := openWorld(t, runner, !tt.asleep, true)
		if !w.boot(0) || !w.run(func() bool { return len(w.hellos) > 0 }) {
			t.Fatal("cut")
		}
		w.accepted, w.online, w.queue = nil, false, nil
		if took := w.pairsAnew(tt.boots); took < tt.earliest || took > tt.latest {
			t.Errorf("%s: it pairs anew after %s, want %s to %s", tt.name, took, tt.earliest, tt.latest)
		}
	}
	// A connection between begins the count anew.
	w := openWorld(t, runner, false, true)
	for range 4 {
		w.accepted, w.online, w.queue = nil, false, nil
		w.boot(0)
		seen := len(w.log)
		w.run(func() bool { return strings.Contains(strings.Join(w.log[seen:], "\n"), "> link refused") })
		w.accepted, w.queue = []uint32{0}, nil
		said := len(w.hellos)
		w.boot(0)
		w.run(func() bool { return len(w.hellos) > said })
	}
	if w.pairing(0) {
		t.Error("it forgot its identity for refusals with connections between")
	}
}
