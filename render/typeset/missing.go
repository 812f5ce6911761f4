package typeset

import (
	"fmt"

	"doorleaf/render/mono"
)

// digits are the 16 hexadecimal digits, 3 by 5 pixels, a row per three bits
// from the top.
var digits = [16]uint16{
	0b111_101_101_101_111, 0b010_110_010_010_111, 0b111_001_111_100_111, 0b111_001_111_001_111,
	0b101_101_111_001_001, 0b111_100_111_001_111, 0b111_100_111_101_111, 0b111_001_010_010_010,
	0b111_101_111_101_111, 0b111_101_111_001_111, 0b111_101_111_101_101, 0b110_101_110_101_110,
	0b111_100_100_100_111, 0b110_101_101_101_110, 0b111_100_110_100_111, 0b111_100_110_100_100,
}

// missing draws a character no bundled font has as its code point, two rows of
// digits in a frame as high as a capital: somebody can look it up, and nobody
// takes it for a blank.
func (f *Face) missing(r rune) *glyph {
	text := fmt.Sprintf("%04X", r)
	if len(text)%2 == 1 {
		text = "0" + text
	}
	perRow := len(text) / 2
	scale := max(f.Size/18, 1)
	w, h := (perRow*4+3)*scale, 15*scale
	img := mono.New(w, h)
	img.Fill(img.Rect, true)
	inner := img.Rect.Inset(scale)
	img.Fill(inner, false)
	for i, c := range text {
		var d int
		if c <= '9' {
			d = int(c - '0')
		} else {
			d = int(c-'A') + 10
		}
		x0, y0 := (2+i%perRow*4)*scale, (2+i/perRow*6)*scale
		for bit := range 15 {
			if digits[d]>>(14-bit)&1 == 1 {
				for y := range scale {
					for x := range scale {
						img.Set(x0+bit%3*scale+x, y0+bit/3*scale+y, true)
					}
				}
			}
		}
	}
	return &glyph{bits: img, left: scale, top: h - 2*scale, advance: w + 2*scale}
}
