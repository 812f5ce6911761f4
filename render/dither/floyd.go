package dither

import (
	"image"

	"doorleaf/render/mono"
)

// floyd dithers serpentine.
func floyd(dst *mono.Image, src *image.Gray) {
	diffuseRows(dst, src, 8, 7*255, func(y int) (kernel, bool) {
		if y&1 == 0 {
			return floydRight, false
		}
		return floydLeft, true
	})
}

// floydStep is sierraStep for sixteenths and the constant threshold.
func floydStep(g byte, above, v, full int32) (int32, int32) {
	above += int32(g) << 4
	black, white := above+7*v, above-full+7*v
	if v > constant {
		black = white
	}
	v = black >> 4
	return v, (constant - v) >> 31
}

// floydRight runs to the right: 7/16 to the next pixel, and of the row above
// (which ran to the left) 3/16 from behind, 5/16 from above, 1/16 from ahead.
func floydRight(out, in []byte, errs []int32, half, full int32) {
	var v, white, acc, up, behind int32
	for x := 0; x+8 <= len(in); x += 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x+1:])
		up = above[0]
		v, white = floydStep(row[0], 3*behind+5*up+above[1]+half, v, full)
		above[0], acc = v-255&white, acc<<1-white
		behind = above[1]
		v, white = floydStep(row[1], 3*up+5*behind+above[2]+half, v, full)
		above[1], acc = v-255&white, acc<<1-white
		up = above[2]
		v, white = floydStep(row[2], 3*behind+5*up+above[3]+half, v, full)
		above[2], acc = v-255&white, acc<<1-white
		behind = above[3]
		v, white = floydStep(row[3], 3*up+5*behind+above[4]+half, v, full)
		above[3], acc = v-255&white, acc<<1-white
		up = above[4]
		v, white = floydStep(row[4], 3*behind+5*up+above[5]+half, v, full)
		above[4], acc = v-255&white, acc<<1-white
		behind = above[5]
		v, white = floydStep(row[5], 3*up+5*behind+above[6]+half, v, full)
		above[5], acc = v-255&white, acc<<1-white
		up = above[6]
		v, white = floydStep(row[6], 3*behind+5*up+above[7]+half, v, full)
		above[6], acc = v-255&white, acc<<1-white
		behind = above[7]
		v, white = floydStep(row[7], 3*up+5*behind+above[8]+half, v, full)
		above[7], acc = v-255&white, acc<<1-white
		out[x>>3] = ^byte(acc)
	}
}

// floydLeft is floydRight mirrored.
func floydLeft(out, in []byte, errs []int32, half, full int32) {
	var v, white, acc, up, behind int32
	for x := len(in) - 8; x >= 0; x -= 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x:])
		up = above[8]
		v, white = floydStep(row[7], 3*behind+5*up+above[7]+half, v, full)
		above[8], acc = v-255&white, acc>>1-white<<7
		behind = above[7]
		v, white = floydStep(row[6], 3*up+5*behind+above[6]+half, v, full)
		above[7], acc = v-255&white, acc>>1-white<<7
		up = above[6]
		v, white = floydStep(row[5], 3*behind+5*up+above[5]+half, v, full)
		above[6], acc = v-255&white, acc>>1-white<<7
		behind = above[5]
		v, white = floydStep(row[4], 3*up+5*behind+above[4]+half, v, full)
		above[5], acc = v-255&white, acc>>1-white<<7
		up = above[4]
		v, white = floydStep(row[3], 3*behind+5*up+above[3]+half, v, full)
		above[4], acc = v-255&white, acc>>1-white<<7
		behind = above[3]
		v, white = floydStep(row[2], 3*up+5*behind+above[2]+half, v, full)
		above[3], acc = v-255&white, acc>>1-white<<7
		up = above[2]
		v, white = floydStep(row[1], 3*behind+5*up+above[1]+half, v, full)
		above[2], acc = v-255&white, acc>>1-white<<7
		behind = above[1]
		v, white = floydStep(row[0], 3*up+5*behind+above[0]+half, v, full)
		above[1], acc = v-255&white, acc>>1-white<<7
		out[x>>3] = ^byte(acc)
	}
}
