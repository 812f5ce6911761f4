package mono

import (
	"image"
	"math/rand/v2"
	"testing"
)

// checkDiff fails when windows do not do what Diff promises.
func checkDiff(t *testing.T, m, old *Image, p Partial) []image.Rectangle {
	t.Helper()
	rects := m.Diff(old, p, nil)
	if len(rects) > max(1, p.Most) {
		t.Fatalf("%d windows, want at most %d", len(rects), p.Most)
	}
	align := max(8, (p.AlignX+7)/8*8)
	for i, r := range rects {
		if r.Empty() || !r.In(m.Rect) {
			t.Fatalf("window %v of a picture of %v", r, m.Rect)
		}
		if r.Min.X%align != 0 || r.Max.X%align != 0 && r.Max.X != m.Rect.Max.X {
			t.Fatalf("window %v is not aligned to %d", r, align)
		}
		for _, other := range rects[i+1:] {
			if r.Overlaps(other) {
				t.Fatalf("windows %v and %v overlap", r, other)
			}
		}
	}
	for y := range m.Rect.Dy() {
	pixels:
		for x := range m.Rect.Dx() {
			if m.At(x, y) == old.At(x, y) {
				continue
			}
			for _, r := range rects {
				if (image.Point{x, y}).In(r) {
					continue pixels
				}
			}
			t.Fatalf("(%d, %d) differs outside of %v", x, y, rects)
		}
	}
	return rects
}

func TestDiff(t *testing.T) {
	old := noise(800, 480, 1)
	change := func(at ...image.Rectangle) *Image {
		m := old.Clone()
		for _, r := range at {
			m.Invert(r)
		}
		return m
	}
	clock, bar, footer := image.Rect(700, 10, 780, 40), image.Rect(20, 200, 330, 208), image.Rect(401, 470, 402, 471)
	for _, tc := range []struct {
		name string
		m    *Image
		p    Partial
		want []image.Rectangle
	}{
		{"equal", change(), Partial{8, 8}, nil},
		{"three", change(clock, bar, footer), Partial{8, 8},
			[]image.Rectangle{image.Rect(696, 10, 784, 40), image.Rect(16, 200, 336, 208), image.Rect(400, 470, 408, 471)}},
		{"aligned to 32", change(clock, footer), Partial{32, 8}, []image.Rectangle{image.Rect(672, 10, 800, 40), image.Rect(384, 470, 416, 471)}},
		{"at most one", change(clock, bar, footer), Partial{8, 1}, []image.Rectangle{image.Rect(16, 10, 784, 471)}},
		{"at most none is one", change(footer), Partial{}, []image.Rectangle{image.Rect(400, 470, 408, 471)}},
		{"the cheapest pair is joined", change(clock, bar, bar.Add(image.Pt(0, 40))), Partial{8, 2},
			[]image.Rectangle{image.Rect(696, 10, 784, 40), image.Rect(16, 200, 336, 248)}},
		{"all", change(old.Rect), Partial{8, 8}, []image.Rectangle{old.Rect}},
		{"other size", New(8, 8), Partial{8, 8}, []image.Rectangle{image.Rect(0, 0, 8, 8)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.m.Diff(old, tc.p, nil)
			if len(got) != len(tc.want) {
				t.Fatalf("got %v, want %v", got, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("got %v, want %v", got, tc.want)
				}
			}
		})
	}
}

func FuzzDiff(f *testing.F) {
	f.Add(uint64(1), uint16(250), uint16(122), uint8(3), uint8(0), uint8(4))
	f.Add(uint64(2), uint16(1872), uint16(40), uint8(200), uint8(32), uint8(9))
	f.Add(uint64(3), uint16(7), uint16(9), uint8(1), uint8(8), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, w, h uint16, changes, align, most uint8) {
		r := rand.New(rand.NewPCG(seed, 5))
		width, height := 1+int(w)%700, 1+int(h)%200
		old := noise(width, height, seed)
		m := old.Clone()
		for range changes {
			x, y := r.IntN(width), r.IntN(height)
			m.Invert(image.Rect(x, y, x+1+r.IntN(30), y+1+r.IntN(5)))
		}
		p := Partial{int(align), int(most)}
		if rects := checkDiff(t, m, old, p); (len(rects) == 0) != m.Equal(old) {
			t.Errorf("%d windows, equal is %t", len(rects), m.Equal(old))
		}
	})
}

func TestDiffAllocatesNothing(t *testing.T) {
	m, old := noise(800, 480, 1), noise(800, 480, 2)
	rects := make([]image.Rectangle, 0, 64)
	if got := testing.AllocsPerRun(10, func() { rects = m.Diff(old, Partial{8, 8}, rects[:0]) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkDiff compares frames of the largest panel: the 15-minute change of an
// agenda, one in which most rows changed, one without a change, and noise.
func BenchmarkDiff(b *testing.B) {
	old := noise(1872, 1404, 1)
	quarter := old.Clone()
	for _, r := range []image.Rectangle{image.Rect(1600, 20, 1850, 90), image.Rect(40, 700, 800, 730), image.Rect(50, 1370, 420, 1400)} {
		quarter.Invert(r)
	}
	state := old.Clone()
	for y := 40; y < 1360; y += 48 {
		for x := 30; x < 1800; x += 150 {
			state.Invert(image.Rect(x, y, x+100, y+30))
		}
	}
	rects := make([]image.Rectangle, 0, 64)
	for _, tc := range []struct {
		name string
		m    *Image
	}{{"equal", old.Clone()}, {"quarter hour", quarter}, {"state", state}, {"all", noise(1872, 1404, 2)}} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rects = tc.m.Diff(old, Partial{32, 8}, rects[:0])
			}
		})
	}
}
