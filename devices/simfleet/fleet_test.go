package simfleet

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// soakWakes is how many faulty wakes a soak goes through; `make test` is content
// with some of them.
const (
	soakWakes = 100_000
	testWakes = 2_000
)

// TestFleet lets faults happen to a site again and again and looks at the
// glasses whenever they stop. DOORLEAF_FLEET_SEED repeats one world,
// DOORLEAF_FLEET_TRACE names a file for all that happens in it. A world mostly
// comes out the same again, to the nanosecond: what several goroutines of the
// MQTT clients do at one instant may come in any order, so that it sometimes
// takes some tries to see again what a soak has found.
func TestFleet(t *testing.T) {
	h := newHarness(t)
	enough, seed := testWakes, uint64(1)
	switch {
	case os.Getenv("DOORLEAF_FLEET_SEED") != "":
		var err error
		if seed, err = strconv.ParseUint(os.Getenv("DOORLEAF_FLEET_SEED"), 10, 64); err != nil {
			t.Fatal(err)
		}
		enough = 1
	case os.Getenv("DOORLEAF_SOAK") == "1":
		enough = soakWakes
	case testing.Short():
		enough = testWakes / 4
	}
	wakes, worlds := 0, 0
	for ; wakes < enough; seed++ {
		w := live(t, siteOf(seed, h))
		wakes += w.wakes
		worlds++
		if w.broken != "" {
			t.Fatalf("seed %d: %s\n%s", seed, w.broken, w.tail())
		}
	}
	t.Logf("%d faulty wakes in %d worlds", wakes, worlds)
}

// siteOf is the world of a seed: some signs of each kind.
func siteOf(seed uint64, h *harness) plan {
	p := plan{seed: seed, goSigns: int(1 + seed%2), cSigns: int(2 - seed%2), harness: h, eras: 2, rounds: 2, actions: 40}
	p.trace = os.Getenv("DOORLEAF_FLEET_TRACE")
	return p
}

// A sign that does wrong is noticed, whichever way: without that, TestFleet
// would say nothing.
func TestMistakesAreNoticed(t *testing.T) {
	h := newHarness(t)
	for _, tt := range []struct {
		name    string
		mistake mistake
		want    []string // one of them is said
	}{
		{"older manifests are accepted", anyEpoch, []string{"went back", "after v"}},
		{"shown without drawing", blindPanel, []string{"says that its glass shows"}},
		{"drawing ends half way", tornPanel, []string{"is no picture"}},
		{"storage is lost with the power", lostStorage, []string{"went back"}},
		{"nothing is accepted any more", deaf, []string{"after two wakes"}},
	} {
		for _, kind := range []string{"Go", "C"} {
			if kind == "Go" && tt.mistake == anyEpoch {
				continue // it has no hook for that
			}
			t.Run(tt.name+" in "+kind, func(t *testing.T) {
				p := plan{goSigns: 1, eras: 1, rounds: 6, actions: 40, mistake: tt.mistake}
				if kind == "C" {
					p.goSigns, p.cSigns, p.harness = 0, 1, h
				}
				said := ""
				for p.seed = 7; said == "" && p.seed < 10; p.seed++ {
					said = live(t, p).broken
				}
				if !slices.ContainsFunc(tt.want, func(s string) bool { return strings.Contains(said, s) }) {
					t.Errorf("noticed %q, want one of %q", said, tt.want)
				}
			})
		}
	}
}
