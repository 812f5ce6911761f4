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
	diffuseRows(dst, src, 2, 2*255, func(y int) (kernel, bool) {
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
func sierraOn(out, in []byte, errs []int32, half, full int32) {
	var v, limit int32
	for x := 0; x+8 <= len(in); x += 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x+1:])
		var acc int32
		for i := range 8 {
			g := int32(row[i])
			t := g<<2 + above[i] + above[i+1] + half
			v = next(t+2*v, t-full+2*v, v, limit) >> 2
			limit = halfway(g)
			white := (limit - v) >> 31
			above[i] = v - 255&white
			acc = acc<<1 + (white + 1)
		}
		out[x>>3] = byte(acc)
	}
}

// sierraBack is sierraLeft where the row above ran to the left as well.
func sierraBack(out, in []byte, errs []int32, half, full int32) {
	var v, limit int32
	for x := len(in) - 8; x >= 0; x -= 8 {
		row, above := (*[8]byte)(in[x:]), (*[9]int32)(errs[x:])
		var acc int32
		for i := 7; i >= 0; i-- {
			g := int32(row[i&7])
			t := g<<2 + above[i&7] + above[i&7+1] + half
			v = next(t+2*v, t-full+2*v, v, limit) >> 2
			limit = halfway(g)
			white := (limit - v) >> 31
			above[i&7+1] = v - 255&white
			acc = acc>>1 + (white+1)<<7
		}
		out[x>>3] = byte(acc)
	}
}
