package dither

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"math"
)

// Bounds of a picture read from outside.
const (
	MaxPixels = 40_000_000
	MaxBytes  = 64 << 20 // of the file
)

// Errors of Decode.
var (
	ErrFormat = errors.New("not a PGM, PNG or JPEG picture")
	ErrSize   = errors.New("picture is too large")
)

// Decode reads a PGM (P2, P5), PNG or JPEG as grey values: colours by their
// luminance (sRGB, Rec. 709) worked out in linear light, transparency over
// white. It looks at no more than MaxBytes and refuses more than MaxPixels
// before it decodes. Errors are ErrFormat, ErrSize or those of r.
func Decode(r io.Reader) (*image.Gray, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: more than %d MB", ErrSize, MaxBytes>>20)
	}
	switch {
	case bytes.HasPrefix(b, []byte("P5")), bytes.HasPrefix(b, []byte("P2")):
		return decodePGM(b)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return decodeWith(b, png.DecodeConfig, png.Decode)
	case bytes.HasPrefix(b, []byte("\xff\xd8")):
		return decodeWith(b, jpeg.DecodeConfig, jpeg.Decode)
	}
	return nil, ErrFormat
}

func decodeWith(b []byte, config func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error)) (*image.Gray, error) {
	c, err := config(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := checkSize(c.Width, c.Height); err != nil {
		return nil, err
	}
	m, err := decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if g, ok := m.(*image.Gray); ok {
		return g, nil
	}
	return toGray(m), nil
}

// checkSize holds a size against the bounds; a side is bounded by what
// mono.Image allows.
func checkSize(w, h int) error {
	const maxSide = 16384
	if w < 1 || h < 1 {
		return fmt.Errorf("%w: %d x %d pixels", ErrFormat, w, h)
	}
	if w > maxSide || h > maxSide || w*h > MaxPixels {
		return fmt.Errorf("%w: %d x %d pixels, at most %d megapixels and %d a side are read", ErrSize, w, h, MaxPixels/1_000_000, maxSide)
	}
	return nil
}

// toGray converts row by row.
func toGray(m image.Image) *image.Gray {
	b := m.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	white := image.NewUniform(color.White)
	l := newLight()
	for y := range b.Dy() {
		draw.Draw(row, row.Rect, white, image.Point{}, draw.Src)
		draw.Draw(row, row.Rect, m, image.Pt(b.Min.X, b.Min.Y+y), draw.Over)
		line := out.Pix[y*out.Stride:][:b.Dx()]
		for x := range line {
			p := row.Pix[x*4 : x*4+3]
			line[x] = l.gray(p[0], p[1], p[2])
		}
	}
	return out
}

// light converts between stored (sRGB, IEC 61966-2-1) and linear values.
type light struct {
	linear [256]uint32 // 0..65535
	stored [65536]byte
}

func newLight() *light {
	l := &light{}
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	from := 0
	for i := range l.linear {
		l.linear[i] = uint32(math.Round(linear(float64(i)) * 65535))
		end := len(l.stored)
		if i < 255 {
			end = int(math.Ceil(linear(float64(i)+0.5) * 65535))
		}
		for ; from < end; from++ {
			l.stored[from] = byte(i)
		}
	}
	return l
}

// gray is the stored grey of the same luminance (weights of Rec. 709 in 1/65536).
func (l *light) gray(r, g, b byte) byte {
	if r == g && g == b {
		return r
	}
	return l.stored[(13933*l.linear[r]+46871*l.linear[g]+4732*l.linear[b])>>16]
}
