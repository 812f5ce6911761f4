package dither

import (
	"image"

	"doorleaf/render/mono"
)

// floyd dithers serpentine.
func floyd(dst *mono.Image, src *image.Gray) {
	diffuseRows(dst, src, greys(16, always), func(y int) (kernel, bool) {
		if y&1 == 0 {
			return floydRight, false
		}
		return floydLeft, true
	})
}

// floydStep returns a pixel's value, its error and 1 if it is white: above is what
// the row above hands it, in sixteenths, v the value of the pixel before it. Seven
// times an error takes long, so it is worked out for both outcomes beforehand.
func floydStep(g *grey, above, v int32) (value, err int32, white uint32) {
	above += g.sum
	next := above + 7*v
	if v > constant {
		next = above - 7*255 + 7*v
	}
	v = next >> 4
	err = v
	if v > constant {
		err = v - 255
	}
	return v, err, uint32(constant-v) >> 31
}

// floydRight runs to the right: 7/16 to the next pixel, and of the row above
// (which ran to the left) 3/16 from behind, 5/16 from above, 1/16 from ahead.
func floydRight(out, in []byte, errs []int32, of *[256]grey) {
	var white, acc uint32
	var v, e, up, behind int32 // value and error of the last pixel; errors above this and the last
	for x := 0; x+8 <= len(in); x += 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x+1:])
		up = above[0]
		v, e, white = floydStep(&of[row[0]], 3*behind+5*up+above[1], v)
		above[0], acc = e, acc<<1|white
		behind = above[1]
		v, e, white = floydStep(&of[row[1]], 3*up+5*behind+above[2], v)
		above[1], acc = e, acc<<1|white
		up = above[2]
		v, e, white = floydStep(&of[row[2]], 3*behind+5*up+above[3], v)
		above[2], acc = e, acc<<1|white
		behind = above[3]
		v, e, white = floydStep(&of[row[3]], 3*up+5*behind+above[4], v)
		above[3], acc = e, acc<<1|white
		up = above[4]
		v, e, white = floydStep(&of[row[4]], 3*behind+5*up+above[5], v)
		above[4], acc = e, acc<<1|white
		behind = above[5]
		v, e, white = floydStep(&of[row[5]], 3*up+5*behind+above[6], v)
		above[5], acc = e, acc<<1|white
		up = above[6]
		v, e, white = floydStep(&of[row[6]], 3*behind+5*up+above[7], v)
		above[6], acc = e, acc<<1|white
		behind = above[7]
		v, e, white = floydStep(&of[row[7]], 3*up+5*behind+above[8], v)
		above[7], acc = e, acc<<1|white
		out[x>>3] = ^byte(acc)
	}
}

// floydLeft is floydRight mirrored.
func floydLeft(out, in []byte, errs []int32, of *[256]grey) {
	var white, acc uint32
	var v, e, up, behind int32 // value and error of the last pixel; errors above this and the last
	for x := len(in) - 8; x >= 0; x -= 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x:])
		up = above[8]
		v, e, white = floydStep(&of[row[7]], 3*behind+5*up+above[7], v)
		above[8], acc = e, acc>>1|white<<7
		behind = above[7]
		v, e, white = floydStep(&of[row[6]], 3*up+5*behind+above[6], v)
		above[7], acc = e, acc>>1|white<<7
		up = above[6]
		v, e, white = floydStep(&of[row[5]], 3*behind+5*up+above[5], v)
		above[6], acc = e, acc>>1|white<<7
		behind = above[5]
		v, e, white = floydStep(&of[row[4]], 3*up+5*behind+above[4], v)
		above[5], acc = e, acc>>1|white<<7
		up = above[4]
		v, e, white = floydStep(&of[row[3]], 3*behind+5*up+above[3], v)
		above[4], acc = e, acc>>1|white<<7
		behind = above[3]
		v, e, white = floydStep(&of[row[2]], 3*up+5*behind+above[2], v)
		above[3], acc = e, acc>>1|white<<7
		up = above[2]
		v, e, white = floydStep(&of[row[1]], 3*behind+5*up+above[1], v)
		above[2], acc = e, acc>>1|white<<7
		behind = above[1]
		v, e, white = floydStep(&of[row[0]], 3*up+5*behind+above[0], v)
		above[1], acc = e, acc>>1|white<<7
		out[x>>3] = ^byte(acc)
	}
}
