package mono

import (
	"image"
	"image/color"
	"image/png"
	"io"
)

// Paletted returns the picture as an image of two colours, 0 white and 1 black.
// The pixels are copied.
func (m *Image) Paletted() *image.Paletted {
	p := image.NewPaletted(m.Rect, color.Palette{color.White, color.Black})
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		row := m.Pix[y*m.Stride : (y+1)*m.Stride]
		out := p.Pix[y*p.Stride : y*p.Stride+w]
		for x := range out {
			out[x] = row[x>>3] >> (7 - x&7) & 1
		}
	}
	return p
}

// EncodePNG writes the picture as a PNG of one bit per pixel; equal pictures
// give equal bytes.
func (m *Image) EncodePNG(w io.Writer) error {
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	return enc.Encode(w, m.Paletted())
}
