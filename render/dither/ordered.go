package dither

import (
	_ "embed"
	"encoding/binary"
	"image"

	"doorleaf/render/mono"
)

// side is the side of the threshold tile in pixels.
const side = 64

// thresholds is the tile by rows: a grey value below its threshold is black.
// They run from 1 to 255, so that black stays black and white white.
type thresholds [side * side]byte

// tile holds the thresholds of a void-and-cluster tile (Ulichney 1993, Gaussian
// of sigma 1.5). TestTile makes it anew and compares.
var tile = thresholds([]byte(tileBytes))

//go:embed tile.bin
var tileBytes string

// half is the tile of the plain threshold.
var half = func() (t thresholds) {
	for i := range t {
		t[i] = 128
	}
	return t
}()

const high = 0x8080808080808080

// orderedSlow compares eight pixels at a time with the tile.
func orderedSlow(dst *mono.Image, src *image.Gray, t *thresholds) {
	rows(dst, src, func(y int, out, in []byte) {
		orderedRest(out, in, t[y%side*side:][:side])
	})
}

// orderedRest compares pixels that begin at a multiple of side.
func orderedRest(out, in, limits []byte) {
	x := 0
	for ; x+8 <= len(in); x += 8 {
		g := binary.LittleEndian.Uint64(in[x:])
		l := binary.LittleEndian.Uint64(limits[x%side:])
		// The top bit of each byte of below says g < l: by the top bits
		// where they differ, else by the borrow of the rest.
		rest := (g | high) - (l &^ high)
		below := (^g&l | ^(g^l)&^rest) & high
		// Gather the eight top bits, first pixel highest.
		out[x>>3] = byte((below >> 7) * 0x8040201008040201 >> 56)
	}
	if x == len(in) {
		return
	}
	var last byte
	for i, g := range in[x:] {
		if g < limits[(x+i)%side] {
			last |= 0x80 >> i
		}
	}
	out[x>>3] = last
}
