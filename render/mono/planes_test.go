package mono

import (
	"image"
	"testing"
)

func kinds() []Inks {
	return []Inks{BlackWhite, BlackWhiteRed, BlackWhiteYellow, BlackWhiteRedYellow, Grey4, Grey16}
}

// coloured is a picture of all colours of a kind.
func coloured(k Inks, w, h int) *Planes {
	p := NewPlanes(k, w, h)
	for y := range h {
		for x := range w {
			p.Set(x, y, (x*7+y*3)%k.Colours())
		}
	}
	return p
}

func TestPlanesEqualPixelByPixel(t *testing.T) {
	glyph := noise(11, 5, 9)
	for _, k := range kinds() {
		for colour := range k.Colours() {
			before := coloured(k, 37, 13)
			blit, fill, paste := before.Clone(), before.Clone(), before.Clone()
			r := image.Rect(5, 2, 21, 8)
			small := coloured(k, 9, 4)
			blit.Blit(glyph, image.Pt(-3, 4), colour)
			fill.Fill(r, colour)
			paste.Paste(small, image.Pt(30, -2))
			turned := before.Rotate(1)
			for y := range 13 {
				for x := range 37 {
					old := before.At(x, y)
					want := old
					if glyph.At(x+3, y-4) {
						want = colour
					}
					if got := blit.At(x, y); got != want {
						t.Fatalf("inks %d: Blit left %d at (%d, %d), want %d", k, got, x, y, want)
					}
					want = old
					if (image.Point{x, y}).In(r) {
						want = colour
					}
					if got := fill.At(x, y); got != want {
						t.Fatalf("inks %d: Fill left %d at (%d, %d), want %d", k, got, x, y, want)
					}
					want = old
					if (image.Point{x, y}).In(image.Rect(30, -2, 39, 2)) {
						want = small.At(x-30, y+2)
					}
					if got := paste.At(x, y); got != want {
						t.Fatalf("inks %d: Paste left %d at (%d, %d), want %d", k, got, x, y, want)
					}
					if got := turned.At(12-y, x); got != old {
						t.Fatalf("inks %d: Rotate left %d, want %d", k, got, old)
					}
				}
			}
		}
	}
}

func TestPlanesPaletted(t *testing.T) {
	for _, k := range kinds() {
		p := coloured(k, 21, 5)
		m := p.Paletted()
		for y := range 5 {
			for x := range 21 {
				if got, want := int(m.ColorIndexAt(x, y)), p.At(x, y); got != want {
					t.Fatalf("inks %d: got %d at (%d, %d), want %d", k, got, x, y, want)
				}
			}
		}
		if got, want := len(k.Palette()), k.Colours(); got != want {
			t.Errorf("inks %d: %d colours, want %d", k, got, want)
		}
	}
	if got := Grey4.Palette(); got[0] != BlackWhite.Palette()[White] || got[3] != BlackWhite.Palette()[Black] {
		t.Errorf("grey goes from %v to %v", got[0], got[3])
	}
}

func TestPlanesDigest(t *testing.T) {
	m := noise(21, 9, 3)
	if got, want := FromImage(m).Digest(), m.Digest(); got != want {
		t.Errorf("one plane has the digest %x, its image %x", got, want)
	}
	seen := map[Digest]Inks{}
	for _, k := range []Inks{BlackWhite, BlackWhiteRed, Grey16} {
		d := NewPlanes(k, 16, 8).Digest()
		if other, ok := seen[d]; ok {
			t.Errorf("white of inks %d and %d have one digest", k, other)
		}
		seen[d] = k
	}
	a, b := NewPlanes(BlackWhiteRed, 16, 8), NewPlanes(BlackWhiteRed, 16, 8)
	a.Set(3, 3, Black)
	b.Set(3, 3, Red)
	if a.Digest() == b.Digest() || a.Equal(b) {
		t.Error("black and red are the same")
	}
}

func TestPlanesDiff(t *testing.T) {
	for _, k := range kinds() {
		old := coloured(k, 200, 90)
		m := old.Clone()
		if got := m.Diff(old, Partial{8, 4}, nil); len(got) != 0 {
			t.Errorf("inks %d: equal pictures differ in %v", k, got)
		}
		m.Set(20, 10, (m.At(20, 10)+1)%k.Colours())
		m.Set(150, 80, (m.At(150, 80)+1)%k.Colours())
		got := m.Diff(old, Partial{8, 4}, nil)
		want := []image.Rectangle{image.Rect(16, 10, 24, 11), image.Rect(144, 80, 152, 81)}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("inks %d: got %v, want %v", k, got, want)
		}
	}
	if got := NewPlanes(Grey4, 8, 8).Diff(NewPlanes(BlackWhiteRed, 8, 8), Partial{8, 4}, nil); len(got) != 1 {
		t.Errorf("another kind differs in %v", got)
	}
}
