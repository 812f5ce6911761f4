package mono

import (
	"bytes"
	"encoding/hex"
	"errors"
	"image"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
)

// noise is a picture of random pixels, the same for the same seed.
func noise(w, h int, seed uint64) *Image {
	r := rand.New(rand.NewPCG(seed, 1))
	m := New(w, h)
	for y := range h {
		for x := range w {
			m.Set(x, y, r.IntN(2) == 0)
		}
	}
	return m
}

// checkPadding fails when bits right of the width are set.
func checkPadding(t *testing.T, m *Image) {
	t.Helper()
	pad := m.Stride*8 - m.Rect.Dx()
	for y := range m.Rect.Dy() {
		if m.Pix[(y+1)*m.Stride-1]&(1<<pad-1) != 0 {
			t.Fatalf("row %d has bits beyond the width", y)
		}
	}
}

// each makes a picture pixel by pixel.
func each(w, h int, f func(x, y int) bool) *Image {
	m := New(w, h)
	for y := range h {
		for x := range w {
			m.Set(x, y, f(x, y))
		}
	}
	return m
}

func TestBlitEqualsPixelByPixel(t *testing.T) {
	for _, mode := range []Mode{Or, AndNot, Xor} {
		for _, size := range []image.Point{{1, 1}, {7, 3}, {8, 2}, {9, 4}, {16, 1}, {23, 5}} {
			src := noise(size.X, size.Y, 3)
			for _, y := range []int{-6, -1, 0, 2, 9, 12} {
				for x := -25; x < 40; x++ {
					before := noise(37, 11, 5)
					got := before.Clone()
					got.Blit(src, image.Pt(x, y), mode)
					want := each(37, 11, func(px, py int) bool {
						old, ink := before.At(px, py), src.At(px-x, py-y)
						switch mode {
						case Or:
							return old || ink
						case AndNot:
							return old && !ink
						}
						return old != ink
					})
					if !got.Equal(want) {
						t.Fatalf("mode %d, %v at (%d, %d) differs", mode, size, x, y)
					}
					checkPadding(t, got)
				}
			}
		}
	}
}

func TestRectanglesEqualPixelByPixel(t *testing.T) {
	for x0 := -3; x0 < 28; x0++ {
		for x1 := x0 - 1; x1 < 30; x1 += 3 {
			r := image.Rectangle{Min: image.Pt(x0, 2), Max: image.Pt(x1, 9)}
			before := noise(27, 7, 11)
			for name, tc := range map[string]struct {
				draw func(m *Image)
				want func(old bool, x, y int) bool
			}{
				"Fill black": {func(m *Image) { m.Fill(r, true) }, func(bool, int, int) bool { return true }},
				"Fill white": {func(m *Image) { m.Fill(r, false) }, func(bool, int, int) bool { return false }},
				"Invert":     {func(m *Image) { m.Invert(r) }, func(old bool, _, _ int) bool { return !old }},
				"Hatch":      {func(m *Image) { m.Hatch(r, 2, 3) }, func(_ bool, x, y int) bool { return (x+y)%5 < 2 }},
			} {
				got := before.Clone()
				tc.draw(got)
				want := each(27, 7, func(x, y int) bool {
					if old := before.At(x, y); !(image.Point{x, y}).In(r) {
						return old
					} else {
						return tc.want(old, x, y)
					}
				})
				if !got.Equal(want) {
					t.Fatalf("%s %v differs", name, r)
				}
				checkPadding(t, got)
			}
		}
	}
}

func TestSetAndAtOutsideTheImage(t *testing.T) {
	m := New(5, 5)
	for _, p := range []image.Point{{-1, 0}, {0, -1}, {5, 0}, {0, 5}, {7, 4}} {
		m.Set(p.X, p.Y, true)
		if m.At(p.X, p.Y) {
			t.Errorf("%v is black", p)
		}
	}
	if !m.Equal(New(5, 5)) {
		t.Error("a pixel outside changed one inside")
	}
}

func TestRotate(t *testing.T) {
	m := noise(13, 6, 2)
	for quarters, want := range map[int]*Image{
		0:  m,
		1:  each(6, 13, func(x, y int) bool { return m.At(y, 5-x) }),
		2:  each(13, 6, func(x, y int) bool { return m.At(12-x, 5-y) }),
		3:  each(6, 13, func(x, y int) bool { return m.At(12-y, x) }),
		-1: each(6, 13, func(x, y int) bool { return m.At(12-y, x) }),
		4:  m,
	} {
		if got := m.Rotate(quarters); !got.Equal(want) {
			t.Errorf("%d quarters differ", quarters)
		}
	}
	if got := m.Rotate(0); &got.Pix[0] == &m.Pix[0] {
		t.Error("a turn by nothing shares its pixels")
	}
}

// The vector is worked out from the definition: SHA-256 of "DLG1", 10 and 2 as
// little-endian uint16, 1, and the rows 80 40 and 00 00.
func TestDigest(t *testing.T) {
	m := New(10, 2)
	m.Set(0, 0, true)
	m.Set(9, 0, true)
	d := m.Digest()
	if got, want := hex.EncodeToString(d[:]), "e51b35467dd70f56c28da87455aad732277bb66875f569b7ea4b41309e7a5f62"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if d.IsZero() || !(Digest{}).IsZero() {
		t.Error("IsZero is wrong")
	}
	if New(10, 2).Digest() == d || New(2, 10).Digest() == New(10, 2).Digest() {
		t.Error("different pictures have one digest")
	}
}

func TestPBM(t *testing.T) {
	for w := 1; w < 20; w++ {
		m := noise(w, 3, 4)
		var b bytes.Buffer
		if err := m.EncodePBM(&b); err != nil {
			t.Fatal(err)
		}
		got, err := DecodePBM(&b)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(m) {
			t.Errorf("width %d differs", w)
		}
	}
}

func TestDecodePBM(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		ok       bool
	}{
		{"plain", "P4\n3 2\n\xa0\x40", true},
		{"comment", "P4 # a\n# b\n3 2\n\xa0\x40", true},
		{"set padding is cleared", "P4 3 2 \xbf\x5f", true},
		{"ASCII", "P1\n3 2\n101010", false},
		{"too short", "P4\n3 2\n\xa0", false},
		{"no height", "P4\n3 ", false},
		{"no width", "P4\n0 2\n", false},
		{"negative", "P4\n-3 2\n\xa0\x40", false},
		{"too wide", "P4\n16385 1\n", false},
		{"too much", "P4\n16384 16384 ", false},
		{"long number", "P4\n0000000000003 2\n\xa0\x40", false},
		{"endless blanks", "P4" + strings.Repeat(" ", 5000) + "3 2 \xa0\x40", false},
		{"endless comment", "P4 #" + strings.Repeat("x", 5000) + "\n3 2 \xa0\x40", false},
		{"nothing", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := DecodePBM(strings.NewReader(tc.in))
			if !tc.ok {
				if !errors.Is(err, ErrFormat) {
					t.Errorf("got %v, want ErrFormat", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := []byte{0xa0, 0x40}; !bytes.Equal(m.Pix, want) {
				t.Errorf("got %x, want %x", m.Pix, want)
			}
		})
	}
}

func FuzzDecodePBM(f *testing.F) {
	f.Add([]byte("P4\n3 2\n\xa0\x40"))
	f.Add([]byte("P4 # a\n3 2 \xff\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := DecodePBM(bytes.NewReader(in))
		if err != nil {
			return
		}
		checkPadding(t, m)
		var b bytes.Buffer
		if err := m.EncodePBM(&b); err != nil {
			t.Fatal(err)
		}
		again, err := DecodePBM(&b)
		if err != nil || !again.Equal(m) {
			t.Errorf("written and read again it differs, error %v", err)
		}
	})
}

func TestPNGHasOneBitAPixel(t *testing.T) {
	m := noise(21, 9, 6)
	var b, again bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		t.Fatal(err)
	}
	if err := m.EncodePNG(&again); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("equal pictures have different bytes, error %v", err)
	}
	if depth, kind := b.Bytes()[24], b.Bytes()[25]; depth != 1 || kind != 3 && kind != 0 {
		t.Errorf("bit depth %d of colour type %d, want 1 of 3 or 0", depth, kind)
	}
	p, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	got := each(21, 9, func(x, y int) bool { r, _, _, _ := p.At(x, y).RGBA(); return r == 0 })
	if !got.Equal(m) {
		t.Error("the PNG has other pixels")
	}
}

func BenchmarkBlit(b *testing.B) {
	glyph, page := noise(17, 24, 1), New(800, 480)
	for b.Loop() {
		for x := range 40 {
			page.Blit(glyph, image.Pt(x*19, 100), Xor)
		}
	}
}
