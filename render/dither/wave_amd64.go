//go:build !purego

package dither

import (
	"image"

	"golang.org/x/sys/cpu"

	"doorleaf/render/mono"
)

// vectors says whether the vector routines run on this machine.
var vectors = cpu.X86.HasAVX2

// How the routine of a block sees its rows, see render/vectorgen: lane r is 8r pixels
// behind, so that the last lane ends 120 pixels after the first, and its sums for
// the block below come one step later still.
const (
	waveBehind = 8 * (waveRows - 1)
	waveLead   = 176 // black pixels before and after each row of the working copy
	bitsLead   = 24  // bytes before and after each row of bits
)

func wave(dst *mono.Image, src *image.Gray) {
	if !vectors || src.Rect.Empty() {
		waveSlow(dst, src)
		return
	}
	waveFast(dst, src)
}

// waveFast runs blocks of 16 rows through the vector routine, on copies of the
// rows with room on both sides, so that the routine needs no bounds.
func waveFast(dst *mono.Image, src *image.Gray) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	wide := (w + 15) &^ 15
	inStep, outStep := wide+2*waveLead, wide/8+2*bitsLead
	in, out := make([]byte, waveRows*inStep), make([]byte, waveRows*outStep)
	chunks := (wide + waveBehind + 1 + 15) / 16

	// What a block hands down, by steps of its time; the next block runs the
	// other way and reads it from the end: for its pixel i, at step(i).
	const room = 32
	above, below := make([]int16, room+16*chunks+room), make([]int16, room+16*chunks+room)
	step := room + wide + waveBehind

	for y := 0; y < h; y += waveRows {
		n := min(waveRows, h-y)
		for r := range n {
			copy(in[r*inStep+waveLead:][:w], src.Pix[(y+r)*src.Stride:])
		}
		if y/waveRows&1 == 0 {
			head, plain, tail := phases(0, w, chunks)
			waveRight(&in[waveLead], inStep-8, &out[bitsLead], outStep-1, &above[step], &below[room], head, plain, tail, 0, w)
		} else {
			head, plain, tail := phases(wide-w, wide, chunks)
			waveLeft(&in[waveLead+wide-16], inStep+8, &out[bitsLead+wide/8-2], outStep+1, &above[step], &below[room], head, plain, tail, wide-w, wide)
		}
		for r := range n {
			row := dst.Pix[(y+r)*dst.Stride:][:dst.Stride]
			copy(row, out[r*outStep+bitsLead:])
			row[len(row)-1] &= 0xff << (-w & 7)
		}
		above, below = below, above
	}
}

// phases splits the chunks of a block whose rows go from pixel first to end in
// the block's direction: while lanes enter, while all are in their rows, and
// while lanes leave.
func phases(first, end, chunks int) (head, plain, tail int) {
	enter, leave := (waveBehind+first+15)/16, end/16
	if leave <= enter {
		return chunks, 0, 0
	}
	return enter, leave - enter, chunks - leave
}
