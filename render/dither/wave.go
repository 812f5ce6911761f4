package dither

import (
	"image"

	"doorleaf/render/mono"
)

// The wave is Sierra Lite with the same threshold, but the direction turns only
// after every waveRows rows. Rows of one direction can run side by side, each a
// little behind the one above it, and that is what the vector path does: the
// rows of a block are the lanes of a vector. This is the same in plain Go.

// waveRows is the number of rows that run in one direction.
const waveRows = 16

// waveSlow dithers in the portable way.
func waveSlow(dst *mono.Image, src *image.Gray) {
	diffuseRows(dst, src, greys(4, halfway), func(y int) (kernel, bool) {
		block, first := y/waveRows, y%waveRows == 0
		switch {
		case block&1 == 0 && first:
			return sierraRight, false
		case block&1 == 0:
			return sierraOn, false
		case first:
			return sierraLeft, true
		}
		return sierraBack, true
	})
}

// sierraOn is sierraRight where the row above ran to the right as well.
func sierraOn(out, in []byte, errs []int32, of *[256]grey) {
	var white, acc uint32
	var e int32
	for x := 0; x+8 <= len(in); x += 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x+1:])
		e, white = sierraStep(&of[row[0]], above[0]+above[1], e)
		above[0], acc = e, acc<<1|white
		e, white = sierraStep(&of[row[1]], above[1]+above[2], e)
		above[1], acc = e, acc<<1|white
		e, white = sierraStep(&of[row[2]], above[2]+above[3], e)
		above[2], acc = e, acc<<1|white
		e, white = sierraStep(&of[row[3]], above[3]+above[4], e)
		above[3], acc = e, acc<<1|white
		e, white = sierraStep(&of[row[4]], above[4]+above[5], e)
		above[4], acc = e, acc<<1|white
		e, white = sierraStep(&of[row[5]], above[5]+above[6], e)
		above[5], acc = e, acc<<1|white
		e, white = sierraStep(&of[row[6]], above[6]+above[7], e)
		above[6], acc = e, acc<<1|white
		e, white = sierraStep(&of[row[7]], above[7]+above[8], e)
		above[7], acc = e, acc<<1|white
		out[x>>3] = ^byte(acc)
	}
}

// sierraBack is sierraLeft where the row above ran to the left as well.
func sierraBack(out, in []byte, errs []int32, of *[256]grey) {
	var white, acc uint32
	var e int32
	for x := len(in) - 8; x >= 0; x -= 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x:])
		e, white = sierraStep(&of[row[7]], above[8]+above[7], e)
		above[8], acc = e, acc>>1|white<<7
		e, white = sierraStep(&of[row[6]], above[7]+above[6], e)
		above[7], acc = e, acc>>1|white<<7
		e, white = sierraStep(&of[row[5]], above[6]+above[5], e)
		above[6], acc = e, acc>>1|white<<7
		e, white = sierraStep(&of[row[4]], above[5]+above[4], e)
		above[5], acc = e, acc>>1|white<<7
		e, white = sierraStep(&of[row[3]], above[4]+above[3], e)
		above[4], acc = e, acc>>1|white<<7
		e, white = sierraStep(&of[row[2]], above[3]+above[2], e)
		above[3], acc = e, acc>>1|white<<7
		e, white = sierraStep(&of[row[1]], above[2]+above[1], e)
		above[2], acc = e, acc>>1|white<<7
		e, white = sierraStep(&of[row[0]], above[1]+above[0], e)
		above[1], acc = e, acc>>1|white<<7
		out[x>>3] = ^byte(acc)
	}
}
