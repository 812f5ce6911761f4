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
	r = r.Intersect(m.Rect)
	if r.Empty() {
		return
	}
	first, last := r.Min.X>>3, (r.Max.X-1)>>3
	head, tail := byte(0xff)>>(r.Min.X&7), byte(0xff)<<(7-(r.Max.X-1)&7)
	if first == last {
		head &= tail
		tail = 0
	}
	var above []byte // the whole bytes of the row above
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := m.Pix[y*m.Stride+first : y*m.Stride+last+1]
		if black {
			row[0] |= head
			row[len(row)-1] |= tail
		} else {
			row[0] &^= head
			row[len(row)-1] &^= tail
		}
		if len(row) <= 2 {
			continue
		}
		middle := row[1 : len(row)-1]
		switch {
		case !black:
			clear(middle)
		case above != nil:
			copy(middle, above)
		default:
			for i := range middle {
				middle[i] = 0xff
			}
		}
		above = middle
	}
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
