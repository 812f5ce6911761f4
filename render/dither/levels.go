package dither

import (
	"errors"
	"fmt"
	"image"

	"doorleaf/render/mono"
)

// ErrInks is wrapped by the error about inks that a function cannot serve.
var ErrInks = errors.New("inks do not fit")

// Levels dithers src for a panel of grey levels, 2, 4 or 16 as dst has them:
// those of the panel are taken as evenly spaced from white to black. dst must have
// the size of src. All methods are served; Wave diffuses as SierraLite does where
// there are more than two levels. Errors are ErrMethod and ErrInks.
func Levels(dst *mono.Planes, src *image.Gray, method string) error {
	switch dst.Inks {
	case mono.BlackWhite:
		return Gray(dst.Plane[0], src, method)
	case mono.Grey4, mono.Grey16:
		return Steps(dst, src, Even(dst.Inks.Colours()), method)
	}
	return fmt.Errorf("%w: Levels is for grey panels", ErrInks)
}

// Even returns n grey values from 255 to 0 in even steps, n from 2 to 16.
func Even(n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8((255*(n-1-i) + (n-1)/2) / (n - 1))
	}
	return out
}

// Steps dithers src to the grey values that a panel was measured to show, from
// the brightest (number 0) to the darkest, 2 to 16 of them and no more than dst's
// planes can number. The tones of src, black to white, are first brought into those
// of the panel. Errors are ErrMethod and ErrInks.
func Steps(dst *mono.Planes, src *image.Gray, levels []uint8, method string) error {
	if err := Known(method); err != nil {
		return err
	}
	if len(levels) < 2 || len(levels) > 1<<len(dst.Plane) {
		return fmt.Errorf("%w: %d levels in %d planes", ErrInks, len(levels), len(dst.Plane))
	}
	for i := range levels[1:] {
		if levels[i] <= levels[i+1] {
			return fmt.Errorf("%w: level %d is not darker than the one before", ErrInks, i+1)
		}
	}
	if dst.Rect().Size() != src.Rect.Size() {
		return fmt.Errorf("dither: picture of %v into one of %v", src.Rect.Size(), dst.Rect().Size())
	}
	s := newSteps(levels, method)
	switch method {
	case BlueNoise:
		s.ordered(dst, src, &tile)
	case Threshold:
		s.ordered(dst, src, &half)
	default:
		of, divisor := taps(method)
		s.diffuse(dst, src, of, divisor)
	}
	return nil
}

// steps is how grey values fall between levels.
type steps struct {
	levels []uint8
	keep   bool       // the threshold follows the grey
	tone   [256]uint8 // a grey brought between the levels
	above  [256]uint8 // number of the level at or above a grey
}

func newSteps(levels []uint8, method string) *steps {
	s := &steps{levels: levels, keep: method != FloydSteinberg && method != Atkinson}
	darkest, brightest := int(levels[len(levels)-1]), int(levels[0])
	for g := range s.tone {
		s.tone[g] = uint8(darkest + ((brightest-darkest)*g+127)/255)
	}
	for g := range s.above {
		for i, l := range levels[:len(levels)-1] {
			if g <= int(l) {
				s.above[g] = uint8(min(i, len(levels)-2))
			}
		}
	}
	return s
}

// nearest returns the number of the level for a value: of the two around it, by
// the threshold in their middle. For a picture's sharpness, the threshold moves
// half the way to the grey, see halfway.
func (s *steps) nearest(grey, v int) int {
	if s.keep {
		upper := s.above[grey]
		middle := (int(s.levels[upper]) + int(s.levels[upper+1])) / 2
		v -= (grey - middle) / 2
	}
	at := int(s.above[min(max(v, 0), 255)])
	if 2*v > int(s.levels[at])+int(s.levels[at+1]) {
		return at
	}
	return at + 1
}

// tap hands a share of the error to a pixel dx ahead, dy below.
type tap struct{ dx, dy, parts int }

// taps are the shares of a method and their divisor.
func taps(method string) (of []tap, divisor int) {
	switch method {
	case FloydSteinberg:
		return []tap{{1, 0, 7}, {-1, 1, 3}, {0, 1, 5}, {1, 1, 1}}, 16
	case Atkinson:
		return []tap{{1, 0, 1}, {2, 0, 1}, {-1, 1, 1}, {0, 1, 1}, {1, 1, 1}, {0, 2, 1}}, 8
	}
	return []tap{{1, 0, 2}, {-1, 1, 1}, {0, 1, 1}}, 4
}

// diffuse runs serpentine, in push form over a ring of three rows.
func (s *steps) diffuse(dst *mono.Planes, src *image.Gray, of []tap, divisor int) {
	w := src.Rect.Dx()
	var ring [3][]int
	for i := range ring {
		ring[i] = make([]int, w+4) // the sums handed to pixel x: [x+2]
	}
	for y := range src.Rect.Dy() {
		here := ring[y%3]
		x, step := 0, 1
		if y&1 == 1 {
			x, step = w-1, -1
		}
		in := src.Pix[y*src.Stride:][:w]
		for range w {
			grey := int(s.tone[in[x]])
			v := grey + floorDiv(here[x+2]+divisor/2, divisor)
			n := s.nearest(grey, v)
			dst.Set(x, y, n)
			e := v - int(s.levels[n])
			for _, t := range of {
				ring[(y+t.dy)%3][x+2+t.dx*step] += t.parts * e
			}
			x += step
		}
		clear(here)
	}
}

// ordered places the threshold between the two levels around a grey.
func (s *steps) ordered(dst *mono.Planes, src *image.Gray, t *thresholds) {
	for y := range src.Rect.Dy() {
		limits := t[y%side*side:][:side]
		for x, g := range src.Pix[y*src.Stride:][:src.Rect.Dx()] {
			g = s.tone[g]
			at := s.above[g]
			upper, lower := int(s.levels[at]), int(s.levels[at+1])
			n := int(at)
			if (int(g)-lower)*255 < int(limits[x%side])*(upper-lower) {
				n++
			}
			dst.Set(x, y, n)
		}
	}
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
