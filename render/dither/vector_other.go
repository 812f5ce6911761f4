//go:build !amd64 || purego

package dither

import (
	"image"

	"doorleaf/render/mono"
)

func wave(dst *mono.Image, src *image.Gray) { waveSlow(dst, src) }

func ordered(dst *mono.Image, src *image.Gray, t *thresholds) { orderedSlow(dst, src, t) }
