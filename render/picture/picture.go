// Package picture reads photos and logos that people upload, and brings them to
// the size, crop and contrast in which a sign shows them. It refuses what is too
// large or not a picture before it decodes it, follows no links and runs nothing.
// It scales in linear light and in integers: equal input gives equal bytes on
// every platform. Cache dithers each picture once.
//
// Functions keep no state and may run concurrently; so may the methods of Cache.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// Bounds of a picture from outside.
const (
	MaxBytes  = 32 << 20   // of the file
	MaxPixels = 40_000_000 // width times height
	MaxSide   = 16384      // pixels
	MaxMemory = 192 << 20  // bytes while decoding, as estimated from the header
	MaxResult = 4096       // pixels a side to scale to
	maxScans  = 64         // of a progressive JPEG
)

// Kinds of refusals, wrapped by every RefusedError.
var (
	ErrFormat  = errors.New("not a picture that can be read")
	ErrSize    = errors.New("picture is too large")
	ErrDamaged = errors.New("picture is damaged")
	ErrBlank   = errors.New("picture shows nothing") // of those who look at it after decoding
)

// RefusedError says why a picture was refused and what to do about it, in English
// for people.
type RefusedError struct {
	Kind   error  // ErrFormat, ErrSize, ErrDamaged or ErrBlank
	What   string // "12000 x 9000 pixels, at most 40 megapixels are read"
	Remedy string // "Scale it down to at most 4000 pixels a side."
}

func (e *RefusedError) Error() string {
	return e.Kind.Error() + ": " + e.What + ". " + e.Remedy
}

// Unwrap returns the kind.
func (e *RefusedError) Unwrap() error { return e.Kind }

// Picture is a decoded picture. It does not change.
type Picture struct {
	decoded image.Image
	lies    orientation
}

// Size returns width and height in pixels as the picture is shown: a photo that
// says how the camera was held is turned.
func (p *Picture) Size() image.Point { return p.lies.shown(p.decoded.Bounds().Size()) }

// Decode reads a PNG, JPEG, GIF (its first frame), WebP, BMP or PGM (P2, P5).
// Errors are RefusedError or those of r.
func Decode(r io.Reader) (*Picture, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	return DecodeBytes(b)
}

// DecodeBytes is Decode of a file in memory. It does not keep b.
func DecodeBytes(b []byte) (*Picture, error) {
	if len(b) > MaxBytes {
		return nil, &RefusedError{ErrSize, fmt.Sprintf("the file has more than %d MB", MaxBytes>>20), smaller}
	}
	f := formatOf(b)
	if f == nil {
		return nil, stranger(b)
	}
	if f.name == "PGM" {
		m, err := decodePGM(b)
		if err != nil {
			return nil, err
		}
		return &Picture{decoded: m}, nil
	}
	config, err := f.config(bytes.NewReader(b))
	if err != nil {
		return nil, damaged(f.name, err)
	}
	perPixel, err := f.cost(b)
	if err != nil {
		return nil, err
	}
	if err := checkSize(config.Width, config.Height, perPixel); err != nil {
		return nil, err
	}
	m, err := f.decodeSafely(b)
	if err != nil {
		return nil, damaged(f.name, err)
	}
	if got := m.Bounds().Size(); got.X < 1 || got.Y < 1 || got.X > config.Width || got.Y > config.Height {
		return nil, damaged(f.name, fmt.Errorf("%d x %d pixels under a header of %d x %d", got.X, got.Y, config.Width, config.Height))
	}
	p := &Picture{decoded: m}
	if f.name == "JPEG" {
		p.lies = orientationJPEG(b)
	}
	return p, nil
}

const (
	smaller = "Scale it down to at most 4000 pixels a side and save it as PNG or JPEG."
	again   = "Open it in a picture editor and save it again as PNG or JPEG."
)

func damaged(name string, err error) error {
	return &RefusedError{ErrDamaged, name + ": " + err.Error(), again}
}

// checkSize holds a header against the bounds. cost is the memory of 16 pixels
// while decoding.
func checkSize(w, h, cost int) error {
	if w < 1 || h < 1 {
		return &RefusedError{ErrDamaged, fmt.Sprintf("%d x %d pixels", w, h), again}
	}
	if w > MaxSide || h > MaxSide || w*h > MaxPixels {
		return &RefusedError{ErrSize, fmt.Sprintf("%d x %d pixels, at most %d megapixels and %d a side are read", w, h, MaxPixels/1_000_000, MaxSide), smaller}
	}
	if need := w * h * cost / 16; need > MaxMemory {
		return &RefusedError{ErrSize, fmt.Sprintf("%d x %d pixels of this kind take %d MB to decode, at most %d are spent", w, h, need>>20, MaxMemory>>20), smaller}
	}
	return nil
}

// format is one kind of file.
type format struct {
	name   string
	is     func(b []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	cost   func(b []byte) (int, error) // bytes of memory for 16 pixels
}

// formatOf returns the format whose signature b has, or nil.
func formatOf(b []byte) *format {
	starts := func(s string) func([]byte) bool {
		return func(b []byte) bool { return bytes.HasPrefix(b, []byte(s)) }
	}
	always := func(cost int) func([]byte) (int, error) {
		return func([]byte) (int, error) { return cost, nil }
	}
	for _, f := range []format{
		{"PNG", starts("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode, costPNG},
		{"JPEG", starts("\xff\xd8"), jpeg.DecodeConfig, jpeg.Decode, costJPEG},
		{"GIF", starts("GIF8"), gif.DecodeConfig, gif.Decode, always(16)},
		{"WebP", isWebP, webp.DecodeConfig, webp.Decode, always(8 * 16)},
		{"BMP", starts("BM"), bmp.DecodeConfig, bmp.Decode, always(4 * 16)},
		{"PGM", func(b []byte) bool { return len(b) > 2 && b[0] == 'P' && (b[1] == '2' || b[1] == '5') }, nil, nil, nil},
	} {
		if f.is(b) {
			return &f
		}
	}
	return nil
}

func isWebP(b []byte) bool {
	return len(b) > 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP"
}

// decodeSafely turns a decoder's panic over hostile data into an error.
func (f *format) decodeSafely(b []byte) (m image.Image, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			m, err = nil, fmt.Errorf("the decoder gave up: %v", cause)
		}
	}()
	return f.decode(bytes.NewReader(b))
}

// costPNG reads depth, colour type and interlacing of the header (PNG, third
// edition, 11.2.1).
func costPNG(b []byte) (int, error) {
	if len(b) < 29 {
		return 0, damaged("PNG", io.ErrUnexpectedEOF)
	}
	depth, kind, interlaced := b[24], b[25], b[28] != 0
	cost := 16
	switch {
	case kind == 2 || kind == 6:
		cost = 4 * 16
	case kind == 4:
		cost = 4 * 16
	}
	if depth == 16 {
		cost *= 2
	}
	if interlaced {
		cost *= 2
	}
	return cost, nil
}

// costJPEG finds the frame header and counts the scans (ITU T.81, annex B): a
// progressive picture keeps four bytes of coefficients for each sample, and each
// scan goes through all of them.
func costJPEG(b []byte) (int, error) {
	cost, scans := 0, 0
	for i := 2; i+4 <= len(b); {
		marker := b[i+1]
		if b[i] != 0xff || marker == 0 || marker == 0xff || marker >= 0xd0 && marker <= 0xd9 {
			i++ // within a scan, filling, or a marker without a segment
			continue
		}
		segment := b[i+2:]
		length := int(segment[0])<<8 | int(segment[1])
		switch {
		case marker == 0xda:
			scans++
		case marker == 0xc0 || marker == 0xc1 || marker == 0xc2:
			cost = max(cost, samplesJPEG(segment[:min(length, len(segment))], marker == 0xc2))
		}
		i += 2 + max(length, 2)
	}
	if scans > maxScans {
		return 0, &RefusedError{ErrSize, fmt.Sprintf("JPEG of %d scans, at most %d are read", scans, maxScans), again}
	}
	if cost == 0 {
		return 0, damaged("JPEG", errors.New("no frame"))
	}
	return cost, nil
}

// samplesJPEG is the cost of a frame header.
func samplesJPEG(segment []byte, progressive bool) int {
	if len(segment) < 8 {
		return 0
	}
	n := int(segment[7])
	most, sum := 1, 0
	for c := 0; c < n && 8+3*c+1 < len(segment); c++ {
		f := segment[8+3*c+1]
		area := int(f>>4) * int(f&15)
		most, sum = max(most, area), sum+area
	}
	bytesEach := 1
	if progressive {
		bytesEach = 5
	}
	if n == 4 {
		bytesEach += 2 // turned from YCCK
	}
	return 16*bytesEach*sum/most + 1
}
