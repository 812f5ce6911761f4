package picture

import "image"

// Looks is what can be told of a picture without knowing what it shows.
type Looks struct {
	Ink     image.Rectangle // the part that is not paper, in pixels of Size; empty for a blank picture
	Drawing bool            // few tones but black and white: a logo, a plan, a screenshot
}

const (
	looksSide = 512 // pixels a side to look at, at most
	paper     = 250 // the least grey that counts as paper
	tonesOf   = 40  // a picture with one pixel of tone in so many of ink is a photo
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
	black, white := ends(count, len(g.Pix))
	w, h := g.Rect.Dx(), g.Rect.Dy()
	low, high := black+(white-black)/4, white-(white-black)/4
	tone := func(x, y int) bool { v := int(g.Pix[y*g.Stride+x]); return v > low && v < high }
	var ink image.Rectangle
	inked, toned := 0, 0
	for y := range h {
		for x := range w {
			if g.Pix[y*g.Stride+x] >= paper {
				continue
			}
			ink = ink.Union(image.Rect(x, y, x+1, y+1))
			inked++
			// The grey of an edge has black or white beside it.
			if x > 0 && y > 0 && x < w-1 && y < h-1 && tone(x, y) && tone(x-1, y) && tone(x+1, y) && tone(x, y-1) && tone(x, y+1) {
				toned++
			}
		}
	}
	out := Looks{Drawing: toned*tonesOf <= inked}
	if inked*2000 > w*h || inked > 64 { // less is dust
		up := func(v, side, of int) int { return (v*side + of - 1) / of }
		out.Ink = image.Rect(ink.Min.X*size.X/w, ink.Min.Y*size.Y/h, up(ink.Max.X, size.X, w), up(ink.Max.Y, size.Y, h))
	}
	return out
}
