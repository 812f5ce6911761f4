package mono

import (
	"crypto/sha256"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
)

// Inks is the set of colours a panel can show, and how many planes hold them.
type Inks uint8

// The kinds of panels.
const (
	BlackWhite          Inks = iota // one plane
	BlackWhiteRed                   // two planes: black, red
	BlackWhiteYellow                // two planes: black, yellow
	BlackWhiteRedYellow             // two planes, the number of the colour in binary
	Grey4                           // two planes, the darkness in binary
	Grey16                          // four planes, the darkness in binary
)

// Numbers of the colours of panels with colours. A grey panel's numbers are its
// darkness, from 0 for white to 3 or 15 for black.
const (
	White  = 0
	Black  = 1
	Red    = 2 // of BlackWhiteRed and BlackWhiteRedYellow
	Yellow = 3 // of BlackWhiteRedYellow; BlackWhiteYellow has it as Accent
	Accent = 2 // the second ink of BlackWhiteRed and BlackWhiteYellow
)

// Planes returns the number of planes.
func (k Inks) Planes() int {
	switch k {
	case BlackWhite:
		return 1
	case Grey16:
		return 4
	}
	return 2
}

// Colours returns the number of colours: 2, 3, 4 or 16.
func (k Inks) Colours() int {
	switch k {
	case BlackWhiteRed, BlackWhiteYellow:
		return 3 // black and ink at once is no colour
	}
	return 1 << k.Planes()
}

// Palette returns the colours by their numbers as they are meant, not as a panel
// shows them. The slice is the caller's.
func (k Inks) Palette() color.Palette {
	grey := func(v uint8) color.Color { return color.NRGBA{v, v, v, 255} }
	red, yellow := color.NRGBA{255, 0, 0, 255}, color.NRGBA{255, 255, 0, 255}
	switch k {
	case BlackWhiteRed:
		return color.Palette{grey(255), grey(0), red}
	case BlackWhiteYellow:
		return color.Palette{grey(255), grey(0), yellow}
	case BlackWhiteRedYellow:
		return color.Palette{grey(255), grey(0), red, yellow}
	}
	p := make(color.Palette, k.Colours())
	for i := range p {
		p[i] = grey(uint8(255 - 255*i/(len(p)-1)))
	}
	return p
}

// Planes is a picture for a panel of any kind. The number of a pixel's colour is
// the sum of 1<<i over the planes i in which it is set; 0 is white. Plane 0 comes
// first wherever planes follow each other, and all have the same size.
type Planes struct {
	Inks  Inks
	Plane []*Image
}

// NewPlanes returns a white picture of w by h pixels, 0 < w, h <= 16384.
func NewPlanes(inks Inks, w, h int) *Planes {
	p := &Planes{Inks: inks, Plane: make([]*Image, inks.Planes())}
	for i := range p.Plane {
		p.Plane[i] = New(w, h)
	}
	return p
}

// FromImage returns the image as a picture of kind BlackWhite. It shares its
// pixels.
func FromImage(m *Image) *Planes { return &Planes{BlackWhite, []*Image{m}} }

// Rect returns the bounds, from (0, 0).
func (p *Planes) Rect() image.Rectangle { return p.Plane[0].Rect }

// At returns the number of a pixel's colour; outside the picture it is White.
func (p *Planes) At(x, y int) int {
	n := 0
	for i, m := range p.Plane {
		if m.At(x, y) {
			n |= 1 << i
		}
	}
	return n
}

// Set gives a pixel the colour of a number; outside the picture it does nothing.
// Numbers count modulo those the planes can hold.
func (p *Planes) Set(x, y, colour int) {
	for i, m := range p.Plane {
		m.Set(x, y, colour>>i&1 == 1)
	}
}

// Fill gives a rectangle a colour, cut at the picture's edges.
func (p *Planes) Fill(r image.Rectangle, colour int) {
	for i, m := range p.Plane {
		m.Fill(r, colour>>i&1 == 1)
	}
}

// Blit draws the black pixels of src in a colour, its top left corner at at, cut
// at the picture's edges. What is white in src stays as it was.
func (p *Planes) Blit(src *Image, at image.Point, colour int) {
	for i, m := range p.Plane {
		if colour>>i&1 == 1 {
			m.Blit(src, at, Or)
		} else {
			m.Blit(src, at, AndNot)
		}
	}
}

// Paste replaces a rectangle by src, of the same kind, its top left corner at at,
// cut at the picture's edges.
func (p *Planes) Paste(src *Planes, at image.Point) {
	for i, m := range p.Plane {
		m.Fill(src.Rect().Add(at), false)
		m.Blit(src.Plane[i], at, Or)
	}
}

// Clear makes the whole picture white.
func (p *Planes) Clear() {
	for _, m := range p.Plane {
		m.Clear()
	}
}

// Clone returns a copy.
func (p *Planes) Clone() *Planes { return p.each((*Image).Clone) }

// Rotate returns the picture turned clockwise by quarter turns.
func (p *Planes) Rotate(quarters int) *Planes {
	return p.each(func(m *Image) *Image { return m.Rotate(quarters) })
}

func (p *Planes) each(f func(*Image) *Image) *Planes {
	out := &Planes{p.Inks, make([]*Image, len(p.Plane))}
	for i, m := range p.Plane {
		out.Plane[i] = f(m)
	}
	return out
}

// Equal reports whether both pictures have the same kind, size and pixels.
func (p *Planes) Equal(o *Planes) bool {
	if p.Inks != o.Inks {
		return false
	}
	for i, m := range p.Plane {
		if !m.Equal(o.Plane[i]) {
			return false
		}
	}
	return true
}

// Digest names the picture: SHA-256 over "DLG1", width and height as
// little-endian uint16, the number of planes as one byte, and the rows of each
// plane. That of one plane is the Digest of its Image.
func (p *Planes) Digest() Digest {
	h := sha256.New()
	var head [9]byte
	copy(head[:], "DLG1")
	binary.LittleEndian.PutUint16(head[4:], uint16(p.Rect().Dx()))
	binary.LittleEndian.PutUint16(head[6:], uint16(p.Rect().Dy()))
	head[8] = byte(len(p.Plane))
	h.Write(head[:])
	for _, m := range p.Plane {
		h.Write(m.Pix)
	}
	var d Digest
	h.Sum(d[:0])
	return d
}

// Diff is Image.Diff over all planes; another kind differs as a whole.
func (p *Planes) Diff(old *Planes, partial Partial, rects []image.Rectangle) []image.Rectangle {
	if p.Inks != old.Inks || p.Rect() != old.Rect() {
		return append(rects, p.Rect())
	}
	var all differ
	for i, m := range p.Plane {
		var d differ
		d.compare(m.Pix, old.Plane[i].Pix, m.Stride, m.Rect.Dy())
		var own [mostOpen]image.Rectangle
		for _, r := range d.finish(m, old.Plane[i], partial, own[:0]) {
			if all.n == mostOpen {
				all.joinCheapest()
			}
			all.open[all.n] = r
			all.n++
		}
	}
	all.join(partial)
	slices.SortFunc(all.open[:all.n], topFirst)
	return append(rects, all.open[:all.n]...)
}

// Paletted returns the picture as an image of its colours, as numbered. The
// pixels are copied.
func (p *Planes) Paletted() *image.Paletted {
	palette := p.Inks.Palette()
	for len(palette) < 1<<len(p.Plane) {
		palette = append(palette, palette[len(palette)-1]) // black and ink at once
	}
	out := image.NewPaletted(p.Rect(), palette)
	for y := range out.Rect.Dy() {
		row := out.Pix[y*out.Stride:][:out.Rect.Dx()]
		for i, m := range p.Plane {
			in := m.Pix[y*m.Stride:][:m.Stride]
			for x := range row {
				row[x] |= in[x>>3] >> (7 - x&7) & 1 << i
			}
		}
	}
	return out
}
