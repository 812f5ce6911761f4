package simfleet

import (
	"os"
	"strconv"
	"testing"
)

var traceFile = os.Getenv("DOORLEAF_FLEET_TRACE")

// seedOf is the seed to be repeated, if one is asked for.
func seedOf(t *testing.T) (uint64, bool) {
	s := os.Getenv("DOORLEAF_FLEET_SEED")
	if s == "" {
		return 0, false
	}
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed, true
}

func TestFleet(t *testing.T) {
	first, last := uint64(1), uint64(3)
	if seed, ok := seedOf(t); ok {
		first, last = seed, seed
	}
	h := newHarness(t)
	wakes := 0
	for seed := first; seed <= last; seed++ {
		w := live(t, plan{seed: seed, goSigns: 1, cSigns: 2, harness: h, eras: 2, rounds: 4, actions: 60})
		wakes += w.wakes
		if w.broken != "" {
			t.Fatalf("seed %d: %s\n%s", seed, w.broken, w.tail())
		}
	}
	t.Logf("%d faulty wakes", wakes)
}
