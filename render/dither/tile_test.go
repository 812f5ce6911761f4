package dither

import (
	"flag"
	"math"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the embedded tile anew")

// TestTile makes the void-and-cluster tile and compares it with the embedded
// one.
func TestTile(t *testing.T) {
	want := voidAndCluster(1.5)
	if *update {
		if err := os.WriteFile("tile.bin", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := tile[:]; !slices.Equal(got, want) {
		t.Error("the embedded tile differs from the algorithm's: run the test with -update and look at the pictures")
	}
}

// field is a binary pattern on a torus with the density each point feels.
type field struct {
	on      [side * side]bool
	density [side * side]int64
	weight  [side * side]int64 // of a point at an offset
}

func newField(sigma float64) *field {
	f := &field{}
	for i := range f.weight {
		x, y := i%side, i/side
		x, y = min(x, side-x), min(y, side-y)
		f.weight[i] = int64(math.Round(math.Exp(-float64(x*x+y*y)/(2*sigma*sigma)) * (1 << 30)))
	}
	return f
}

func (f *field) set(i int, on bool) {
	if f.on[i] == on {
		return
	}
	f.on[i] = on
	sign := int64(1)
	if !on {
		sign = -1
	}
	const radius = 10 // beyond that a weight is 0
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			x, y := (i%side+dx+side)%side, (i/side+dy+side)%side
			f.density[y*side+x] += sign * f.weight[(dy+side)%side*side+(dx+side)%side]
		}
	}
}

// tightest returns the set point with the highest density, loosest the unset
// one with the lowest; ties go to the first.
func (f *field) tightest() int {
	best := -1
	for i, d := range f.density {
		if f.on[i] && (best < 0 || d > f.density[best]) {
			best = i
		}
	}
	return best
}

func (f *field) loosest() int {
	best := -1
	for i, d := range f.density {
		if !f.on[i] && (best < 0 || d < f.density[best]) {
			best = i
		}
	}
	return best
}

// voidAndCluster ranks the points of the tile and returns thresholds 1..255.
func voidAndCluster(sigma float64) []byte {
	f := newField(sigma)
	first := side * side / 10
	for i, state := 0, uint32(1); i < first; { // a fixed pseudo-random start
		state = state*1664525 + 1013904223
		if p := int(state >> 20); !f.on[p] {
			f.set(p, true)
			i++
		}
	}
	for { // even it out
		from := f.tightest()
		f.set(from, false)
		to := f.loosest()
		f.set(to, true)
		if from == to {
			break
		}
	}
	var rank [side * side]int
	start := *f
	for r := first - 1; r >= 0; r-- {
		i := f.tightest()
		f.set(i, false)
		rank[i] = r
	}
	*f = start
	for r := first; r < side*side; r++ {
		i := f.loosest()
		f.set(i, true)
		rank[i] = r
	}
	out := make([]byte, side*side)
	for i, r := range rank {
		out[i] = byte(1 + r*255/(side*side))
	}
	return out
}
