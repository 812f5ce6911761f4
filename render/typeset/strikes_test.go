package typeset

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font"

	"doorleaf/render/mono"
)

func same(a, b *glyph) bool {
	if a.advance == b.advance && a.bits != nil && b.bits != nil && a.left == b.left && a.top == b.top && a.bits.Rect == b.bits.Rect {
		return bytes.Equal(a.bits.Pix, b.bits.Pix)
	}
	return a.advance == b.advance && ink(a) == ink(b)
}

// ink is a comparable value of where a glyph is black.
func ink(g *glyph) string {
	if g.bits == nil {
		return ""
	}
	b := image.Rectangle{}
	for y := range g.bits.Rect.Dy() {
		for x := range g.bits.Rect.Dx() {
			if g.bits.At(x, y) {
				b = b.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if b.Empty() {
		return ""
	}
	trimmed := mono.New(b.Dx(), b.Dy())
	trimmed.Blit(g.bits, image.Pt(-b.Min.X, -b.Min.Y), mono.Or)
	return fmt.Sprint(b.Add(image.Pt(g.left, -g.top))) + string(trimmed.Pix)
}

// freetype builds the program that draws with FreeType and returns what it
// draws at a size.
func freetype(t *testing.T, program, file string, size int) []*glyph {
	t.Helper()
	raw, err := exec.Command(program, file, fmt.Sprint(size)).Output()
	if err != nil {
		t.Fatal(err)
	}
	be := func(i int) int { return int(int16(uint16(raw[i])<<8 | uint16(raw[i+1]))) }
	n := be(3)
	raw = raw[5:]
	out := make([]*glyph, n)
	for i := range out {
		g := &glyph{advance: be(0), left: be(2), top: be(4)}
		w, h := be(6), be(8)
		raw = raw[10:]
		if w > 0 && h > 0 {
			g.bits = mono.New(w, h)
			for y := range h {
				copy(g.bits.Pix[y*g.bits.Stride:], raw[:(w+7)/8])
				raw = raw[(w+7)/8:]
			}
		}
		out[i] = g
	}
	return out
}

func buildFreetype(t *testing.T) string {
	t.Helper()
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "freetype2").Output()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("pkg-config knows no freetype2: install libfreetype-dev and pkg-config")
		}
		t.Skip("pkg-config knows no freetype2: install libfreetype-dev and pkg-config")
	}
	program := filepath.Join(t.TempDir(), "strikes")
	args := append([]string{"-O2", "-o", program, "strikegen/freetype/strikes.c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v: %s", err, out)
	}
	return program
}

// shareOfFreetype returns how many of a hundred glyphs of a face are FreeType's,
// of each one in step.
func shareOfFreetype(t *testing.T, program string, f *Face, step int) float64 {
	t.Helper()
	equal, asked := 0, 0
	all := freetype(t, program, "fonts/"+files[latin][f.weight], f.Size)
	for i := f.Size % step; i < len(all); i += step {
		asked++
		if same(f.glyph(glyphKey{latin, uint32(i)}), all[i]) {
			equal++
		}
	}
	return 100 * float64(equal) / float64(asked)
}

// Glyphs are FreeType's: all but one in a hundred where strikes are bundled.
func TestGlyphsAreFreeTypes(t *testing.T) {
	program := buildFreetype(t)
	fonts := load(t)
	for _, tc := range []struct {
		name string
		size []int
		want float64
	}{
		{"type scale", []int{16, 18, 20, 22, 24, 26, 28, 34, 40, 44, 48, 56, 64, 80, 128}, 99},
		{"other sizes", []int{10, 11, 13, 15, 17, 19, 21, 25, 31, 37, 47}, 99},
	} {
		for w := range Weight(2) {
			for _, size := range tc.size {
				if w == Regular && size == 128 {
					continue // only state words are that large, in bold
				}
				if share := shareOfFreetype(t, program, fonts.Face(w, size), 1); share < tc.want {
					t.Errorf("%s, weight %d size %d: %.1f %% of glyphs are FreeType's, want %.0f", tc.name, w, size, share, tc.want)
				}
			}
		}
	}
}

// Without strikes the outlines and the scan converter come close to FreeType at
// every size; the soak looks at every glyph of both weights.
func TestGlyphsWithoutStrikes(t *testing.T) {
	program := buildFreetype(t)
	fonts := load(t)
	const first, last = 10, 140
	step, want, soak := 5, 91.0, os.Getenv("DOORLEAF_SOAK") == "1"
	if soak {
		step, want = 1, 94.0
	}
	for w := range Weight(2) {
		sum, n := 0.0, 0
		for size := first; size <= last; size++ {
			if !soak && size%2 != int(w) {
				continue
			}
			f := fonts.Face(w, size)
			f.strike = nil
			clear(f.glyphs)
			share := shareOfFreetype(t, program, f, step)
			sum, n = sum+share, n+1
			if share < want {
				t.Errorf("weight %d size %d: %.1f %% of glyphs are FreeType's, want %.0f", w, size, share, want)
			}
		}
		t.Logf("weight %d: %.1f %% on average", w, sum/float64(n))
	}
}

// The scan converter alone, on the outlines golang/freetype hints.
func TestScanConverter(t *testing.T) {
	s := load(t).source(latin, Regular)
	for _, size := range []int{10, 16, 24, 40} {
		want, err := openStrike(s.strikes, size)
		if err != nil || want == nil {
			t.Fatal(err)
		}
		f := &Face{Size: size}
		equal := 0
		for i := range want.n {
			p, advance, ok := f.load(s, truetype.Index(i), font.HintingFull)
			if !ok {
				t.Fatalf("glyph %d at %d has no outline", i, size)
			}
			got := &glyph{advance: (advance + 32) >> 6}
			got.bits, got.left, got.top = p.rasterize(size)
			if same(got, want.glyph(i)) {
				equal++
			}
		}
		share := 100 * float64(equal) / float64(want.n)
		t.Logf("%d: %.1f %%", size, share)
		if share < 60 {
			t.Errorf("%d: %.1f %% of glyphs are FreeType's, want 60", size, share)
		}
	}
}
