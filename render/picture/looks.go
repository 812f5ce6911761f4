package picture

import (
	"image"
	"slices"
)

// Looks is what can be told of a picture without knowing what it shows.
type Looks struct {
	Ink     image.Rectangle // the part that is not paper, in pixels of Size; empty for a blank picture
	Drawing bool            // hardly anything of it is lost in black and white: a logo, a plan
}

const (
	looksSide = 512 // pixels a side to look at, at most
	paper     = 240 // the least grey that counts as paper
	tonesOf   = 40  // with one pixel of light tone in so many of ink it is no drawing
	flatTones = 4   // greys that make at least half of the ink of a drawing
)

// Looks judges the picture by a smaller copy of it.
func (p *Picture) Looks() Looks {
	size := p.Size()
	o := Options{Width: min(size.X, looksSide)}
	if size.Y > size.X {
		o = Options{Height: min(size.Y, looksSide)}
	}
	g := p.Gray(o)
	var count [256]int
	for _, v := range g.Pix {
		count[v]++
	}
	black := darkest(count, len(g.Pix))
	w, h := g.Rect.Dx(), g.Rect.Dy()
	// What is lighter than half is lost in black and white; the faintest is not
	// missed.
	low, high := (black+255)/2, 255-(255-black)/8
	tone := func(x, y int) bool { v := int(g.Pix[y*g.Stride+x]); return v > low && v < high }
	var ink image.Rectangle
	var flat [64]int // pixels of ink by grey in steps of 4
	inked, toned := 0, 0
	for y := range h {
		for x := range w {
			v := int(g.Pix[y*g.Stride+x])
			if v >= paper {
				continue
			}
			ink = ink.Union(image.Rect(x, y, x+1, y+1))
			inked++
			if x == 0 || y == 0 || x == w-1 || y == h-1 {
				continue
			}
			// The grey of an edge has ink or paper beside it.
			if tone(x, y) && tone(x-1, y) && tone(x+1, y) && tone(x, y-1) && tone(x, y+1) {
				toned++
			}
			flat[v/4]++
		}
	}
	slices.Sort(flat[:])
	few := 0 // pixels of the most frequent greys
	for _, n := range flat[len(flat)-flatTones:] {
		few += n
	}
	out := Looks{Drawing: toned*tonesOf <= inked && few*2 >= inked}
	if inked*2000 > w*h || inked > 64 { // less is dust
		up := func(v, side, of int) int { return (v*side + of - 1) / of }
		out.Ink = image.Rect(ink.Min.X*size.X/w, ink.Min.Y*size.Y/h, up(ink.Max.X, size.X, w), up(ink.Max.Y, size.Y, h))
	}
	return out
}
