package simsign

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"doorleaf/firmware-protocol/wire"
)

func TestGlyphsOfCodes(t *testing.T) {
	seen := map[[glyphHeight]byte]byte{}
	missing := glyph(0)
	for i := range len(wire.PairAlphabet) {
		c := wire.PairAlphabet[i]
		g := glyph(c)
		if g == missing {
			t.Errorf("no glyph for %c", c)
		}
		if other, ok := seen[g]; ok {
			t.Errorf("%c and %c look alike", c, other)
		}
		seen[g] = c
	}
}

func TestPairingFaceFits(t *testing.T) {
	for _, size := range [][2]int{{250, 122}, {296, 128}, {400, 300}, {800, 480}, {1872, 1404}, {122, 250}} {
		b := wire.NewBitmap(size[0], size[1])
		drawPairing(&b, "M8W9Q2ZX", "SN-0123456789", "")
		var first, last, black int
		first = b.Width
		for y := range b.Height {
			for x := range b.Width {
				if b.Pix[y*b.Stride+x/8]&(0x80>>(x%8)) != 0 {
					first, last, black = min(first, x), max(last, x), black+1
				}
			}
		}
		if first < 1 || last >= b.Width-1 || black < b.Width*b.Height/60 {
			t.Errorf("%dx%d: ink from column %d to %d, %d dots", size[0], size[1], first, last, black)
		}
		if b.Width%8 != 0 {
			var whole wire.Bitmap
			e := wire.NewEncoder()
			o, err := e.Encode(nil, b, nil, wire.CapAll)
			if err == nil {
				err = wire.NewDecoder().Decode(&whole, o, nil)
			}
			if err != nil {
				t.Errorf("%dx%d: %v", size[0], size[1], err)
			}
		}
	}
}

func TestDueStep(t *testing.T) {
	stale := &wire.Step{Glass: wire.Digest{9}}
	b := &wire.Body{Steps: []wire.Step{{From: 100, Until: 200, Glass: wire.Digest{1}}, {From: 200, Until: 300, Glass: wire.Digest{2}}}, Stale: stale}
	for _, tt := range []struct {
		at   float64
		want byte
	}{{99.9, 0}, {100, 1}, {199.999, 1}, {200, 2}, {299.9, 2}, {300, 9}, {1e9, 9}} {
		got := dueStep(b, time.Unix(0, int64(tt.at*1e9)))
		if (got == nil) != (tt.want == 0) || (got != nil && got.Glass[0] != tt.want) {
			t.Errorf("at %v: got %v, want picture %d", tt.at, got, tt.want)
		}
	}
	b.Stale = nil
	if got := dueStep(b, time.Unix(300, 0)); got != nil {
		t.Errorf("after the end without stale picture: got %v", got)
	}
}

func TestChain(t *testing.T) {
	step := func(glass, base byte) wire.Step {
		return wire.Step{Object: wire.ObjectHash{glass, base}, Glass: wire.Digest{glass}, Base: wire.Digest{base}}
	}
	steps := []wire.Step{step(1, 50), step(2, 1), step(3, 2), step(1, 3), step(4, 1), step(5, 0), step(6, 7), step(7, 6)}
	for _, tt := range []struct {
		name   string
		target int
		glass  byte
		want   int // pictures to decode, 0: impossible
	}{
		{"full", 5, 0, 1}, {"on the glass", 1, 1, 1}, {"over three", 2, 50, 3}, {"the second way to a picture", 4, 3, 2},
		{"no base", 2, 77, 0}, {"circle", 6, 77, 0}, {"into a circle", 6, 6, 2},
	} {
		path, err := chain(steps, steps[tt.target], wire.Digest{tt.glass})
		if (err != nil) != (tt.want == 0) || len(path) != tt.want {
			t.Errorf("%s: got %d pictures (%v), want %d", tt.name, len(path), err, tt.want)
		}
	}
}

func TestStorages(t *testing.T) {
	dir, err := Directory(t.TempDir() + "/new/folder")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Storage{"directory": dir, "memory": Memory()} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Get("none"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("missing value: got %v", err)
			}
			for _, v := range []string{"one", "two, and longer", ""} {
				if err := s.Put("a", []byte(v)); err != nil {
					t.Fatal(err)
				}
				if got, err := s.Get("a"); err != nil || string(got) != v {
					t.Errorf("got %q, %v, want %q", got, err, v)
				}
			}
			if err := errors.Join(s.Put("object-1", nil), s.Put("object-2", nil), s.Delete("object-1"), s.Delete("object-1")); err != nil {
				t.Fatal(err)
			}
			if names, err := s.Names("object-"); err != nil || len(names) != 1 || names[0] != "object-2" {
				t.Errorf("names: got %v, %v", names, err)
			}
		})
	}
}

func TestStateOfAnotherPanel(t *testing.T) {
	store := Memory()
	o := Options{Gateway: "mqtt://127.0.0.1:1", Storage: store}
	o.Panel.Width, o.Panel.Height = 250, 122
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Flip(3, 3); err != nil {
		t.Fatal(err)
	}
	o.Panel.Width = 296
	if _, err := New(o); err == nil {
		t.Error("a sign takes the state of another panel")
	}
}

func TestBattery(t *testing.T) {
	for _, mv := range []int{2400, 2700, 3200} {
		if got := millivolts(chargeOf(mv)); got != mv {
			t.Errorf("got %d mV, want %d", got, mv)
		}
	}
}
