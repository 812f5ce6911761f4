package dither

import (
	"image"

	"doorleaf/render/mono"
)

// Ostromoukhov's error diffusion (A Simple and Efficient Error-Diffusion
// Algorithm, SIGGRAPH 2001): the shares of the three neighbours depend on the
// grey, so that every flat tone gets an even texture. The paper gives the shares
// at key levels and goes linearly between them; greys above 127 mirror those
// below.

// keyLevel is one row of the paper's table.
type keyLevel struct {
	level                 int
	ahead, diagonal, down int // shares of the error, of their sum
}

func keyLevels() [16]keyLevel {
	return [16]keyLevel{
		{0, 13, 0, 5}, {1, 13, 0, 5}, {2, 21, 0, 10}, {3, 7, 0, 4}, {4, 8, 0, 5}, {10, 7, 3, 3}, {22, 3, 2, 1}, {32, 20, 10, 19},
		{44, 177, 120, 95}, {64, 11, 10, 0}, {72, 5, 7, 1}, {77, 4, 1, 1}, {85, 4, 1, 1}, {95, 5, 3, 2}, {107, 5, 3, 2}, {127, 4, 1, 1},
	}
}

// whole is the sum of the shares of one grey.
const whole = 1 << 12

// share is what of an error goes to the next pixel and diagonally down behind;
// the rest goes straight down.
type share struct{ ahead, diagonal int32 }

// shares returns those of every grey, rounded.
func shares() (s [256]share) {
	keys := keyLevels()
	for i, a := range keys[:len(keys)-1] {
		b := keys[i+1]
		sumA, sumB := a.ahead+a.diagonal+a.down, b.ahead+b.diagonal+b.down
		between := func(shareA, shareB, level int) int32 {
			// whole * (A/sumA*(b-level) + B/sumB*(level-a)) / (b-a)
			n := 2 * whole * (shareA*sumB*(b.level-level) + shareB*sumA*(level-a.level))
			d := sumA * sumB * (b.level - a.level)
			return int32((n + d) / (2 * d))
		}
		for level := a.level; level <= b.level; level++ {
			s[level] = share{between(a.ahead, b.ahead, level), between(a.diagonal, b.diagonal, level)}
			s[255-level] = s[level]
		}
	}
	return s
}

// ostromoukhov diffuses in push form, serpentine, with the threshold halfway;
// errors are kept in 1/whole.
func ostromoukhov(dst *mono.Image, src *image.Gray) {
	w := src.Rect.Dx()
	table := shares()
	here, below := make([]int32, w+2), make([]int32, w+2) // handed to pixel x: [x+1]
	rows(dst, src, func(y int, out, in []byte) {
		clear(out)
		clear(below)
		x, step := 0, 1
		if y&1 == 1 {
			x, step = w-1, -1
		}
		var carry int32 // from the pixel before
		for range w {
			v := int32(in[x]) + (here[x+1]+carry+whole/2)>>12
			white := (halfway(in[x]) - v) >> 31
			e := v - 255&white
			s := &table[in[x]]
			carry = e * s.ahead
			diagonal := e * s.diagonal
			below[x+1-step] += diagonal
			below[x+1] += e*whole - carry - diagonal
			out[x>>3] |= byte(white+1) << (7 - x&7)
			x += step
		}
		here, below = below, here
	})
}
