// Package dither turns grey pictures into 1-bit ones: photos and logos, once,
// on their own rectangle. It never sees text or a whole face, and it scales
// nothing. All kernels work in integers: equal input gives equal bytes on every
// platform. Functions keep no state and may run concurrently on different
// pictures.
//
// Kernels work on the grey values as they are stored (sRGB), as the measured
// comparisons of dithering quality do.
package dither

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"doorleaf/render/mono"
)

// The names of the methods.
const (
	SierraLite     = "sierra-lite"     // error diffusion, serpentine, sharpness kept: the nearest to the photo at reading distance
	Wave           = "wave"            // the same, turned every 16 rows: several times faster on vector units, a little coarser
	Ostromoukhov   = "best"            // error diffusion by grey (Ostromoukhov), sharpness kept: the most even skies and faces
	FloydSteinberg = "floyd-steinberg" // error diffusion, serpentine, the 7-3-5-1 kernel as published: sharpens
	Atkinson       = "atkinson"        // diffuses 6/8 of the error: punchy, loses both ends of the ramp
	BlueNoise      = "blue-noise"      // ordered, 64x64 void-and-cluster tile: stable under local changes
	Threshold      = "threshold"       // black below half: for line art
)

// Default is the method an empty name means.
const Default = SierraLite

// ErrMethod is wrapped by the error about an unknown method.
var ErrMethod = errors.New("unknown dithering method")

// Methods lists the methods, the default first. The slice is the caller's.
func Methods() []string {
	return []string{SierraLite, Wave, Ostromoukhov, FloydSteinberg, Atkinson, BlueNoise, Threshold}
}

// Known says whether a method of that name exists: nil, or an error that is
// ErrMethod and lists the known ones. The empty name means Default.
func Known(method string) error {
	if method == "" || slices.Contains(Methods(), method) {
		return nil
	}
	return fmt.Errorf("%w %q; known methods: %s", ErrMethod, method, strings.Join(Methods(), ", "))
}

// Gray dithers src into dst, which must have the size of src; every pixel of
// dst is written. Errors about the method are ErrMethod.
func Gray(dst *mono.Image, src *image.Gray, method string) error {
	if err := Known(method); err != nil {
		return err
	}
	if dst.Rect.Size() != src.Rect.Size() {
		return fmt.Errorf("dither: picture of %v into one of %v", src.Rect.Size(), dst.Rect.Size())
	}
	switch method {
	case Wave:
		wave(dst, src)
	case Ostromoukhov:
		ostromoukhov(dst, src)
	case FloydSteinberg:
		floyd(dst, src)
	case Atkinson:
		atkinson(dst, src)
	case BlueNoise:
		ordered(dst, src, &tile)
	case Threshold:
		ordered(dst, src, &half)
	default:
		sierra(dst, src)
	}
	return nil
}

// rows calls f for every row with its bytes of both pictures.
func rows(dst *mono.Image, src *image.Gray, f func(y int, out, in []byte)) {
	w := src.Rect.Dx()
	for y := range src.Rect.Dy() {
		f(y, dst.Pix[y*dst.Stride:(y+1)*dst.Stride], src.Pix[y*src.Stride:y*src.Stride+w])
	}
}
