package mono

import (
	"encoding/binary"
	"image"
)

// Mode is how Blit combines a source with what is there.
type Mode uint8

// The modes of Blit.
const (
	Or     Mode = iota // black where the source is black
	AndNot             // white where the source is black
	Xor                // turned over where the source is black
)

// chunk is the number of source bytes combined at once: shifted by up to seven
// bits they still fit into a word.
const chunk = 7

// Blit draws src with its top left corner at p, cut at the image's edges, a word
// at a time. src must be another image than m.
func (m *Image) Blit(src *Image, p image.Point, mode Mode) {
	r := src.Rect.Add(p).Intersect(m.Rect)
	if r.Empty() {
		return
	}
	// Bits of the source from its left edge: those in the image.
	from, to := r.Min.X-p.X, r.Max.X-p.X
	shift := uint(p.X & 7)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		in := (y - p.Y) * src.Stride
		out := y*m.Stride + p.X>>3
		for i := from >> 3; i<<3 < to; i += chunk {
			word := src.bits(in + i)
			if start := from - i<<3; start > 0 {
				word &= ^uint64(0) >> start
			}
			if end := to - i<<3; end < chunk*8 {
				word &^= ^uint64(0) >> end
			}
			if word != 0 {
				m.combine(out+i, word>>shift, mode)
			}
		}
	}
}

// bits returns chunk bytes from the i-th on as the upper bits of a word, zeros
// behind the end.
func (m *Image) bits(i int) uint64 {
	if i+8 <= len(m.Pix) {
		return binary.BigEndian.Uint64(m.Pix[i:]) &^ 0xff
	}
	var word uint64
	for k, b := range m.Pix[i:min(i+chunk, len(m.Pix))] {
		word |= uint64(b) << (56 - 8*k)
	}
	return word
}

// combine changes the eight bytes from the i-th on where word has set bits; none
// is set outside the picture, so it may reach over the end of a row.
func (m *Image) combine(i int, word uint64, mode Mode) {
	if i < 0 { // the byte before the picture has no bits set
		i, word = i+1, word<<8
	}
	if i+8 <= len(m.Pix) {
		at := m.Pix[i : i+8 : i+8]
		old := binary.BigEndian.Uint64(at)
		switch mode {
		case Or:
			old |= word
		case AndNot:
			old &^= word
		default:
			old ^= word
		}
		binary.BigEndian.PutUint64(at, old)
		return
	}
	for ; i < len(m.Pix); i++ {
		b := byte(word >> 56)
		switch mode {
		case Or:
			m.Pix[i] |= b
		case AndNot:
			m.Pix[i] &^= b
		default:
			m.Pix[i] ^= b
		}
		word <<= 8
	}
}
