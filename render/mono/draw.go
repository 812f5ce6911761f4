package mono

import "image"

// At reports whether the pixel (x, y) is black; outside the image it is white.
func (m *Image) At(x, y int) bool {
	if !(image.Point{x, y}).In(m.Rect) {
		return false
	}
	return m.Pix[y*m.Stride+x>>3]>>(7-x&7)&1 == 1
}

// Set makes the pixel (x, y) black or white; outside the image it does nothing.
func (m *Image) Set(x, y int, black bool) {
	if !(image.Point{x, y}).In(m.Rect) {
		return
	}
	bit := byte(0x80) >> (x & 7)
	if black {
		m.Pix[y*m.Stride+x>>3] |= bit
	} else {
		m.Pix[y*m.Stride+x>>3] &^= bit
	}
}

// Fill makes a rectangle black or white, cut at the image's edges.
func (m *Image) Fill(r image.Rectangle, black bool) {
	m.span(r, func(b *byte, mask byte) {
		if black {
			*b |= mask
		} else {
			*b &^= mask
		}
	})
}

// Invert turns a rectangle over, cut at the image's edges.
func (m *Image) Invert(r image.Rectangle) {
	m.span(r, func(b *byte, mask byte) { *b ^= mask })
}

// Hatch fills a rectangle with 45-degree lines: line pixels black, then gap
// pixels white, anchored at the image's origin so that neighbours join.
func (m *Image) Hatch(r image.Rectangle, line, gap int) {
	r = r.Intersect(m.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			m.Set(x, y, (x+y)%(line+gap) < line)
		}
	}
}

// span calls f for every byte of the rectangle with the mask of its pixels.
func (m *Image) span(r image.Rectangle, f func(b *byte, mask byte)) {
	r = r.Intersect(m.Rect)
	if r.Empty() {
		return
	}
	first, last := r.Min.X>>3, (r.Max.X-1)>>3
	head, tail := byte(0xff)>>(r.Min.X&7), byte(0xff)<<(7-(r.Max.X-1)&7)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := m.Pix[y*m.Stride : (y+1)*m.Stride]
		if first == last {
			f(&row[first], head&tail)
			continue
		}
		f(&row[first], head)
		for i := first + 1; i < last; i++ {
			f(&row[i], 0xff)
		}
		f(&row[last], tail)
	}
}

// Clone returns a copy.
func (m *Image) Clone() *Image {
	return &Image{Pix: append([]byte(nil), m.Pix...), Stride: m.Stride, Rect: m.Rect}
}

// Clear makes the whole image white.
func (m *Image) Clear() { clear(m.Pix) }

// Equal reports whether both images have the same size and pixels.
func (m *Image) Equal(o *Image) bool {
	if m == nil || o == nil {
		return m == o
	}
	return m.Rect == o.Rect && string(m.Pix) == string(o.Pix)
}

// Mode is how Blit combines a source with what is there.
type Mode uint8

// The modes of Blit.
const (
	Or     Mode = iota // black where the source is black
	AndNot             // white where the source is black
	Xor                // turned over where the source is black
)

// Blit draws src with its top left corner at p, cut at the image's edges. A row
// is shifted and combined a byte pair at a time.
func (m *Image) Blit(src *Image, p image.Point, mode Mode) {
	r := src.Rect.Add(p).Intersect(m.Rect)
	if r.Empty() {
		return
	}
	if r != src.Rect.Add(p) { // cut: the rare case, pixel by pixel
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if src.At(x-p.X, y-p.Y) {
					m.Set(x, y, mode == Or || mode == Xor && !m.At(x, y))
				}
			}
		}
		return
	}
	shift := uint(p.X & 7)
	for y := range src.Rect.Dy() {
		row := src.Pix[y*src.Stride : (y+1)*src.Stride]
		at := (p.Y+y)*m.Stride + p.X>>3
		for i, b := range row {
			if b == 0 {
				continue
			}
			mode.put(&m.Pix[at+i], b>>shift)
			if low := b << (8 - shift); shift != 0 && low != 0 {
				mode.put(&m.Pix[at+i+1], low)
			}
		}
	}
}

func (mode Mode) put(dst *byte, bits byte) {
	switch mode {
	case Or:
		*dst |= bits
	case AndNot:
		*dst &^= bits
	default:
		*dst ^= bits
	}
}

// Rotate returns the image turned clockwise by quarter turns.
func (m *Image) Rotate(quarters int) *Image {
	quarters = (quarters%4 + 4) % 4
	if quarters == 0 {
		return m.Clone()
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := New(w, h)
	if quarters != 2 {
		out = New(h, w)
	}
	for y := range h {
		for x := range w {
			if !m.At(x, y) {
				continue
			}
			switch quarters {
			case 1:
				out.Set(h-1-y, x, true)
			case 2:
				out.Set(w-1-x, h-1-y, true)
			case 3:
				out.Set(y, w-1-x, true)
			}
		}
	}
	return out
}
