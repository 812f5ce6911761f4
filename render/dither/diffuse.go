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
// A pixel of value v (grey and errors) becomes white from 128 up; its error is
// v-255 for white and v for black. The sum of weighted errors is divided by the
// kernel's power of two rounding half up, once per pixel. The chain from one
// pixel's error to the next is free of branches: it is the limit of speed.

// kernel dithers one row. errs holds the errors of the row above with a zero on
// either side, errs[x+1] for pixel x, and gets those of this row.
type kernel func(out, in []byte, errs []int32)

func diffuse(dst *mono.Image, src *image.Gray, right, left kernel) {
	errs := make([]int32, src.Rect.Dx()+2)
	rows(dst, src, func(y int, out, in []byte) {
		if y&1 == 0 {
			right(out, in, errs)
		} else {
			left(out, in, errs)
		}
	})
}

// decide splits a value: white is -1 for white and 0 for black, and the error.
func decide(v int32) (white, err int32) {
	white = (127 - v) >> 31
	return white, v - 255&white
}

// sierraRight runs to the right: 2/4 of the error goes to the next pixel, 1/4
// each to the pixels below and diagonally behind. The row above ran to the left.
func sierraRight(out, in []byte, errs []int32) {
	errs = errs[1 : len(in)+1]
	var e, behind int32 // error of the last pixel; of the pixel above it
	for x := 0; x < len(in); x += 8 {
		n := min(8, len(in)-x)
		row, above := in[x:x+n], errs[x:x+n]
		acc := int32(0)
		for i := range above {
			up := above[i]
			// 4v: grey and the row above do not wait for the chain.
			v := (int32(row[i])<<2 + up + behind + 2 + 2*e) >> 2
			behind = up
			var white int32
			white, e = decide(v)
			above[i] = e
			acc = acc<<1 | (white + 1)
		}
		out[x>>3] = byte(acc << (8 - n))
	}
}

// sierraLeft is sierraRight mirrored.
func sierraLeft(out, in []byte, errs []int32) {
	errs = errs[1 : len(in)+1]
	var e, behind int32
	for x := (len(in) - 1) &^ 7; x >= 0; x -= 8 {
		n := min(8, len(in)-x)
		row, above := in[x:x+n], errs[x:x+n]
		acc := int32(0)
		for i := len(above) - 1; i >= 0; i-- {
			up := above[i]
			v := (int32(row[i])<<2 + up + behind + 2 + 2*e) >> 2
			behind = up
			var white int32
			white, e = decide(v)
			above[i] = e
			acc = acc>>1 | (white+1)<<7
		}
		out[x>>3] = byte(acc)
	}
}

// floydRight runs to the right: 7/16 to the next pixel, and of the row above
// (which ran to the left) 3/16 from behind, 5/16 from above, 1/16 from ahead.
func floydRight(out, in []byte, errs []int32) {
	var e, behind int32
	for x := 0; x < len(in); x += 8 {
		n := min(8, len(in)-x)
		row, above := in[x:x+n], errs[x+1:x+n+2]
		acc := int32(0)
		for i := range row {
			up := above[i]
			v := (int32(row[i])<<4 + 3*behind + 5*up + above[i+1] + 8 + 7*e) >> 4
			behind = up
			var white int32
			white, e = decide(v)
			above[i] = e
			acc = acc<<1 | (white + 1)
		}
		out[x>>3] = byte(acc << (8 - n))
	}
}

// floydLeft is floydRight mirrored.
func floydLeft(out, in []byte, errs []int32) {
	var e, behind int32
	for x := (len(in) - 1) &^ 7; x >= 0; x -= 8 {
		n := min(8, len(in)-x)
		row, above := in[x:x+n], errs[x:x+n+1]
		acc := int32(0)
		for i := len(row) - 1; i >= 0; i-- {
			up := above[i+1]
			v := (int32(row[i])<<4 + 3*behind + 5*up + above[i] + 8 + 7*e) >> 4
			behind = up
			var white int32
			white, e = decide(v)
			above[i+1] = e
			acc = acc>>1 | (white+1)<<7
		}
		out[x>>3] = byte(acc)
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
			white, e := decide(v)
			twice[x+1] = e
			e1, e2 = e, e1
			out[x>>3] |= byte(white+1) << (7 - x&7)
			x += step
		}
		above, twice = twice, above
	})
}
