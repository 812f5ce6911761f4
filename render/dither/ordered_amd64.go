//go:build !purego

package dither

import (
	"image"

	"doorleaf/render/mono"
)

// ordered compares whole blocks of 64 pixels with vectors and the rest of each
// row in words.
func ordered(dst *mono.Image, src *image.Gray, t *thresholds) {
	w := src.Rect.Dx()
	if !vectors || w < side {
		orderedSlow(dst, src, t)
		return
	}
	whole := w &^ (side - 1)
	rows(dst, src, func(y int, out, in []byte) {
		limits := t[y%side*side:][:side]
		orderedRow(&out[0], &in[0], &limits[0], whole/side)
		if whole < w {
			orderedRest(out[whole/8:], in[whole:], limits)
		}
	})
}
