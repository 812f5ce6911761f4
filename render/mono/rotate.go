package mono

import (
	"encoding/binary"
	"math/bits"
)

// Rotate returns the image turned clockwise by quarter turns.
func (m *Image) Rotate(quarters int) *Image {
	switch quarters & 3 {
	case 1:
		out := New(m.Rect.Dy(), m.Rect.Dx())
		m.turn(out, true)
		return out
	case 2:
		return m.upsideDown()
	case 3:
		out := New(m.Rect.Dy(), m.Rect.Dx())
		m.turn(out, false)
		return out
	}
	return m.Clone()
}

// upsideDown reverses bytes and bits; what was padding is shifted out.
func (m *Image) upsideDown() *Image {
	out := New(m.Rect.Dx(), m.Rect.Dy())
	pad := uint(-m.Rect.Dx() & 7)
	for y := range m.Rect.Dy() {
		from := m.Pix[y*m.Stride:][:m.Stride]
		to := out.Pix[(m.Rect.Dy()-1-y)*m.Stride:][:m.Stride]
		for i, b := range from {
			to[len(to)-1-i] = bits.Reverse8(b)
		}
		if pad > 0 {
			for i := range to {
				next := byte(0)
				if i+1 < len(to) {
					next = to[i+1]
				}
				to[i] = to[i]<<pad | next>>(8-pad)
			}
		}
	}
	return out
}

// turn fills out with the image turned by one quarter, in blocks of 8 by 8. The
// rows of a block are taken from below for a clockwise turn, from above for the
// other, so that blocks begin at whole bytes of out.
func (m *Image) turn(out *Image, clockwise bool) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for j := range out.Stride { // bytes of a row of out
		for i := range m.Stride { // bytes of a row of m
			var block uint64
			for k := range min(8, h-8*j) {
				y := 8*j + k
				if clockwise {
					y = h - 1 - y
				}
				block |= uint64(m.Pix[y*m.Stride+i]) << (56 - 8*k)
			}
			if block == 0 {
				continue
			}
			var column [8]byte
			binary.BigEndian.PutUint64(column[:], transpose(block))
			for k := range min(8, w-8*i) {
				y := 8*i + k
				if !clockwise {
					y = w - 1 - y
				}
				out.Pix[y*out.Stride+j] = column[k]
			}
		}
	}
}

// transpose mirrors 8 by 8 bits at the diagonal from the top left: by single
// bits, pairs and fours.
func transpose(b uint64) uint64 {
	swap := func(b, mask uint64, by uint) uint64 {
		t := (b ^ b>>by) & mask
		return b ^ t ^ t<<by
	}
	b = swap(b, 0x00aa00aa00aa00aa, 7)
	b = swap(b, 0x0000cccc0000cccc, 14)
	return swap(b, 0x00000000f0f0f0f0, 28)
}
