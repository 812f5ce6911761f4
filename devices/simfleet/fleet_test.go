package simfleet

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
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
//
// A world is one goroutine's turn after another; a soak uses all processors by
// sharing the seeds among processes.
func TestFleet(t *testing.T) {
	part, parts := soakPart(t)
	if part == 0 && os.Getenv("DOORLEAF_SOAK") == "1" && os.Getenv("DOORLEAF_FLEET_SEED") == "" {
		soakAll(t, runtime.GOMAXPROCS(0))
		return
	}
	h, rows := newHarness(t, built), newHarness(t, builtRows)
	enough, seed, step := testWakes, uint64(1), uint64(1)
	switch {
	case part > 0:
		enough, seed, step = (soakWakes+parts-1)/parts, uint64(part), uint64(parts)
	case os.Getenv("DOORLEAF_FLEET_SEED") != "":
		var err error
		if seed, err = strconv.ParseUint(os.Getenv("DOORLEAF_FLEET_SEED"), 10, 64); err != nil {
			t.Fatal(err)
		}
		enough = 1
	case testing.Short():
		enough = testWakes / 4
	}
	wakes, worlds, parts, streams := 0, 0, 0, 0
	for ; wakes < enough; seed += step {
		w := live(t, siteOf(seed, h, rows))
		wakes += w.wakes
		parts += w.parts
		worlds++
		streams += w.plan.rowSigns
		if w.broken != "" {
			t.Fatalf("seed %d: %s\n%s", seed, w.broken, w.tail())
		}
	}
	t.Logf("%d faulty wakes in %d worlds, %d signs without a frame, %d pictures in parts", wakes, worlds, streams, parts)
	if part == 0 && enough >= testWakes && (parts == 0 || streams == 0) {
		t.Error("not all kinds of signs and pictures took part")
	}
}

// soakPart is which share of a soak this process has, from 1, and how many there
// are; 0 for a test that is no such process.
func soakPart(t *testing.T) (part, parts int) {
	t.Helper()
	text := os.Getenv("DOORLEAF_FLEET_PART")
	if text == "" {
		return 0, 0
	}
	if n, err := fmt.Sscanf(text, "%d/%d", &part, &parts); err != nil || n != 2 || part < 1 || part > parts {
		t.Fatalf("DOORLEAF_FLEET_PART is %q, want 1/2 or the like", text)
	}
	return part, parts
}

// soakAll runs the shares of a soak at the same time, each in a process.
func soakAll(t *testing.T, parts int) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for part := 1; part <= parts; part++ {
		t.Run(fmt.Sprintf("%d of %d", part, parts), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), binary, "-test.run=^TestFleet$", "-test.v", "-test.timeout=0")
			cmd.Env = append(cmd.Environ(), fmt.Sprintf("DOORLEAF_FLEET_PART=%d/%d", part, parts), "GOMAXPROCS=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

// siteOf is the world of a seed: some signs of each kind, often one without a frame.
func siteOf(seed uint64, h, rows *harness) plan {
	p := plan{seed: seed, goSigns: 1, cSigns: 1, harness: h, rows: rows, eras: 2, rounds: 2, actions: 40, firmware: seed%3 == 1, windows: seed%7 == 2}
	switch seed % 5 {
	case 0:
		p.goSigns++
	case 1:
		p.cSigns++
	default:
		p.rowSigns++
	}
	p.trace = os.Getenv("DOORLEAF_FLEET_TRACE")
	return p
}

// A sign that does wrong is noticed, whichever way: without that, TestFleet
// would say nothing.
func TestMistakesAreNoticed(t *testing.T) {
	h, rows := newHarness(t, built), newHarness(t, builtRows)
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
		for _, kind := range []string{"Go", "C", "C without a frame"} {
			if kind == "Go" && tt.mistake == anyEpoch {
				continue // it has no hook for that
			}
			if kind == "C without a frame" && tt.mistake != blindPanel && tt.mistake != tornPanel {
				continue // all but its drawing is that of the other one
			}
			t.Run(tt.name+" in "+kind, func(t *testing.T) {
				p := plan{goSigns: 1, eras: 1, rounds: 6, actions: 40, mistake: tt.mistake}
				switch kind {
				case "C":
					p.goSigns, p.cSigns, p.harness = 0, 1, h
				case "C without a frame":
					p.goSigns, p.rowSigns, p.rows = 0, 1, rows
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
