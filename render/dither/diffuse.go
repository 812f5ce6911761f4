package dither

import (
	"image"

	"doorleaf/render/mono"
)

// Error diffusion in pull form: each pixel adds the errors that earlier pixels
// hand it. Rows alternate in direction (serpentine), the first runs to the
// right. A row's errors were handed down in the direction of that row, so the
// weights of the row above are mirrored by ITS direction, not by the current
// one. Errors that fall outside the picture are dropped.
//
// A pixel's value v is its grey and the errors handed to it; the sum of weighted
// errors is divided by the kernel's power of two rounding half up, once per
// pixel. It becomes white above a threshold; its error is v-255 for white and v
// for black.
//
// The chain from one pixel's error to the next is the limit of speed: it is an
// addition, a shift and a selection, without a branch. All that does not wait for
// it, the grey times the divisor and its threshold, comes from a table.

// grey is what a kernel knows of a grey value.
type grey struct {
	sum   int32 // the value times the kernel's divisor, and half the divisor to round
	limit int32 // the pixel becomes white above it
}

func greys(divisor int32, limit func(g byte) int32) (of [256]grey) {
	for i := range of {
		of[i] = grey{int32(i)*divisor + divisor/2, limit(byte(i))}
	}
	return of
}

// halfway is the threshold that keeps a picture's sharpness: a pixel of grey g
// becomes white above halfway(g) = g/2 + 63, half way between g and the middle.
// Error diffusion with a constant threshold of 127 sharpens, because the error
// follows the grey; a threshold that follows the grey by half undoes that (Kite,
// Evans and Bovik 2000, who measure a gain of about 2 of the quantizer, hence
// one half). Kernels whose look is their reason keep the constant one.
func halfway(g byte) int32 { return int32(g)>>1 + 63 }

// constant is the threshold of the kernels as they were published.
const constant = 127

func always(byte) int32 { return constant }

// kernel dithers one row of a multiple of eight pixels. errs holds the errors of
// the row above with a zero on either side, errs[x+1] for pixel x, and gets those
// of this row.
type kernel func(out, in []byte, errs []int32, of *[256]grey)

// diffuseRows runs a kernel over all rows. choose returns that of a row and
// whether it runs to the left. A width that is no multiple of eight is padded
// where the row ends, so that nothing beyond the picture comes before it.
func diffuseRows(dst *mono.Image, src *image.Gray, of [256]grey, choose func(y int) (kernel, bool)) {
	w := src.Rect.Dx()
	pad := -w & 7
	errs := make([]int32, w+2*pad+2) // errs[pad+x+1] is the error of pixel x
	row, bits := make([]byte, w+pad), make([]byte, dst.Stride)
	rows(dst, src, func(y int, out, in []byte) {
		run, left := choose(y)
		switch {
		case pad == 0:
			run(out, in, errs, &of)
		case left:
			copy(row[pad:], in)
			run(bits, row, errs, &of)
			clear(errs[:pad+1])
			for i, b := range bits[1:] {
				out[i] = bits[i]<<pad | b>>(8-pad)
			}
			out[len(out)-1] = bits[len(bits)-1] << pad
		default:
			copy(row, in)
			run(out, row, errs[pad:], &of)
			clear(errs[pad+w+1:])
			out[len(out)-1] &= 0xff << pad
		}
	})
}

// sierra dithers serpentine.
func sierra(dst *mono.Image, src *image.Gray) {
	diffuseRows(dst, src, greys(4, halfway), func(y int) (kernel, bool) {
		if y&1 == 0 {
			return sierraRight, false
		}
		return sierraLeft, true
	})
}

// sierraStep returns a pixel's error and 1 if it is white: above is what the row
// above hands it, in quarters, e the error of the pixel before it.
func sierraStep(g *grey, above, e int32) (err int32, white uint32) {
	v := (g.sum + above + 2*e) >> 2
	err = v
	if v > g.limit {
		err = v - 255
	}
	return err, uint32(g.limit-v) >> 31
}

// sierraRight runs to the right: 2/4 of the error goes to the next pixel, 1/4
// each to the pixels below and diagonally behind. The row above ran to the left.
func sierraRight(out, in []byte, errs []int32, of *[256]grey) {
	errs = errs[1 : len(in)+1]
	var white, acc uint32
	var e, up, behind int32 // errors of the last pixel, and above this and the last
	for x := 0; x+8 <= len(in); x += 8 {
		row, above := (*[8]byte)(in[x:]), (*[8]int32)(errs[x:])
		up = above[0]
		e, white = sierraStep(&of[row[0]], up+behind, e)
		above[0], acc = e, acc<<1|white
		behind = above[1]
		e, white = sierraStep(&of[row[1]], up+behind, e)
		above[1], acc = e, acc<<1|white
		up = above[2]
		e, white = sierraStep(&of[row[2]], up+behind, e)
		above[2], acc = e, acc<<1|white
		behind = above[3]
		e, white = sierraStep(&of[row[3]], up+behind, e)
		above[3], acc = e, acc<<1|white
		up = above[4]
		e, white = sierraStep(&of[row[4]], up+behind, e)
		above[4], acc = e, acc<<1|white
		behind = above[5]
		e, white = sierraStep(&of[row[5]], up+behind, e)
		above[5], acc = e, acc<<1|white
		up = above[6]
		e, white = sierraStep(&of[row[6]], up+behind, e)
		above[6], acc = e, acc<<1|white
		behind = above[7]
		e, white = sierraStep(&of[row[7]], up+behind, e)
		above[7], acc = e, acc<<1|white
		out[x>>3] = ^byte(acc)
	}
}

// sierraLeft is sierraRight mirrored.
func sierraLeft(out, in []byte, errs []int32, of *[256]grey) {
	errs = errs[1 : len(in)+1]
	var white, acc uint32
	var e, up, behind int32 // errors of the last pixel, and above this and the last
	for x := len(in) - 8; x >= 0; x -= 8 {
		row, above := (*[8]byte)(in[x:]), (*[8]int32)(errs[x:])
		up = above[7]
		e, white = sierraStep(&of[row[7]], up+behind, e)
		above[7], acc = e, acc>>1|white<<7
		behind = above[6]
		e, white = sierraStep(&of[row[6]], up+behind, e)
		above[6], acc = e, acc>>1|white<<7
		up = above[5]
		e, white = sierraStep(&of[row[5]], up+behind, e)
		above[5], acc = e, acc>>1|white<<7
		behind = above[4]
		e, white = sierraStep(&of[row[4]], up+behind, e)
		above[4], acc = e, acc>>1|white<<7
		up = above[3]
		e, white = sierraStep(&of[row[3]], up+behind, e)
		above[3], acc = e, acc>>1|white<<7
		behind = above[2]
		e, white = sierraStep(&of[row[2]], up+behind, e)
		above[2], acc = e, acc>>1|white<<7
		up = above[1]
		e, white = sierraStep(&of[row[1]], up+behind, e)
		above[1], acc = e, acc>>1|white<<7
		behind = above[0]
		e, white = sierraStep(&of[row[0]], up+behind, e)
		above[0], acc = e, acc>>1|white<<7
		out[x>>3] = ^byte(acc)
	}
}

// atkinson hands 1/8 each to the next two pixels, the three below and the one
// two below; 2/8 are lost. The row above looks the same from both directions.
func atkinson(dst *mono.Image, src *image.Gray) {
	w := src.Rect.Dx()
	above, twice := make([]int32, w+2), make([]int32, w+2) // errors one and two rows up
	rows(dst, src, func(y int, out, in []byte) {
		clear(out)
		var e1, e2 int32
		x, step := 0, 1
		if y&1 == 1 {
			x, step = w-1, -1
		}
		for range w {
			v := (int32(in[x])<<3 + above[x] + above[x+1] + above[x+2] + twice[x+1] + e2 + 4 + e1) >> 3
			white := (constant - v) >> 31
			e := v - 255&white
			twice[x+1] = e
			e1, e2 = e, e1
			out[x>>3] |= byte(white+1) << (7 - x&7)
			x += step
		}
		above, twice = twice, above
	})
}
