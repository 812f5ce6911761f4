package dither

import (
	"fmt"
	"image"

	"doorleaf/render/mono"
)

// Ink is a colour as a panel shows it, in sRGB.
type Ink struct{ R, G, B uint8 }

// Measured returns the inks of a kind of panel as they look, by their numbers:
// far duller than pure colours. Those of colour panels were measured by the
// OpenDisplay project on a 3.97-inch panel with four inks (EP397YR, 6 March 2026,
// against a sheet of paper), and stand for the kinds with fewer inks, too. Grey
// panels have even steps. The slice is the caller's.
func Measured(inks mono.Inks) []Ink {
	white, black, red, yellow := Ink{173, 178, 174}, Ink{10, 7, 14}, Ink{85, 24, 14}, Ink{172, 128, 0}
	switch inks {
	case mono.BlackWhiteRed:
		return []Ink{white, black, red}
	case mono.BlackWhiteYellow:
		return []Ink{white, black, yellow}
	case mono.BlackWhiteRedYellow:
		return []Ink{white, black, red, yellow}
	}
	var out []Ink
	for _, v := range Even(inks.Colours()) {
		out = append(out, Ink{v, v, v})
	}
	return out
}

// Colours dithers src for a panel with the inks given, by their numbers, 2 to 16
// and no more than dst's planes can number. The tones of src, black to white, are
// first brought into those that the panel can show, number 1 to number 0, and
// colours with them; then the nearest ink is taken and the error diffused by the
// Sierra Lite kernel, serpentine. dst must have the size of src, whose
// transparency is not looked at. Errors are ErrInks.
func Colours(dst *mono.Planes, src *image.RGBA, inks []Ink) error {
	if len(inks) < 2 || len(inks) > 1<<len(dst.Plane) {
		return fmt.Errorf("%w: %d inks in %d planes", ErrInks, len(inks), len(dst.Plane))
	}
	if dst.Rect().Size() != src.Rect.Size() {
		return fmt.Errorf("dither: picture of %v into one of %v", src.Rect.Size(), dst.Rect().Size())
	}
	c := newColours(inks)
	w := src.Rect.Dx()
	here, below := make([][3]int, w+2), make([][3]int, w+2) // handed to pixel x, in quarters: [x+1]
	for y := range src.Rect.Dy() {
		clear(below)
		x, step := 0, 1
		if y&1 == 1 {
			x, step = w-1, -1
		}
		in := src.Pix[y*src.Stride:][:4*w]
		for range w {
			var v [3]int
			for i := range v {
				v[i] = c.tone[i][in[4*x+i]] + floorDiv(here[x+1][i]+2, 4)
				// What no ink can show is not carried on without end.
				v[i] = min(max(v[i], -128), 383)
			}
			n := c.nearest(v)
			dst.Set(x, y, n)
			for i := range v {
				e := v[i] - c.ink[n][i]
				here[x+1+step][i] += 2 * e
				below[x+1-step][i] += e
				below[x+1][i] += e
			}
			x += step
		}
		here, below = below, here
	}
	return nil
}

// colours is a palette ready for use.
type colours struct {
	ink  [][3]int
	tone [3][256]int // stored values brought between the panel's black and white
}

func newColours(inks []Ink) *colours {
	c := &colours{}
	for _, k := range inks {
		c.ink = append(c.ink, [3]int{int(k.R), int(k.G), int(k.B)})
	}
	for i := range c.tone {
		white, black := c.ink[mono.White][i], c.ink[mono.Black][i]
		for v := range c.tone[i] {
			c.tone[i][v] = black + ((white-black)*v+127)/255
		}
	}
	return c
}

// nearest returns the number of the ink nearest to a colour, by squares weighted
// as the eye weighs red, green and blue (3, 6, 1); ties go to the lower number.
func (c *colours) nearest(v [3]int) int {
	best, distance := 0, int(^uint(0)>>1)
	for n, k := range c.ink {
		r, g, b := v[0]-k[0], v[1]-k[1], v[2]-k[2]
		if d := 3*r*r + 6*g*g + b*b; d < distance {
			best, distance = n, d
		}
	}
	return best
}
