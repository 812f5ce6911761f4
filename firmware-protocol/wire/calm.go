package wire

import (
	"encoding/binary"
	"math/bits"
)

// Most bytes of a picture lie among pixels of one colour, equal the reference's
// and follow others of the kind. Their contexts are the same, so that a word of
// them is coded at once; the code is that of the bytes one by one.

// calmBytes is how many bytes are looked at together.
const calmBytes = 8

const (
	sameWhenCalm  = 0x3f // sameContext where all around is of one colour and equals the reference
	plainWhenCalm = 7    // plainContext there, without the colour
	eachByte      = 0x0101010101010101
)

// calm reports whether the bytes from index i on, as many as calmBytes, have one
// context as long as each is of the colour around them; w is the weight of that
// decision and colours the bytes it stands for. A byte of another kind ends it.
func (m *model) calm(i int, ref bool) (w *int16, colours uint64, ok bool) {
	if i+calmBytes > m.stride {
		return nil, 0, false
	}
	colour := m.rows[0][i-1]
	colours = uint64(colour) * eachByte
	if colour != 0 && colour != 0xff || !surrounded(m.rows[1], i, colours) || !surrounded(m.rows[2], i, colours) {
		return nil, 0, false
	}
	if !ref {
		return &m.plain[colour&8|plainWhenCalm], colours, true
	}
	if m.equal[i-1] != 1 || !surrounded(m.equalAbove, i, eachByte) || word(m.base, i) != colours {
		return nil, 0, false
	}
	return &m.same[sameWhenCalm], colours, true
}

// word returns the bytes from index i on, the first one least significant.
func word(row []byte, i int) uint64 { return binary.LittleEndian.Uint64(row[i:]) }

// surrounded reports whether the bytes at, before and after the word at index i
// are all as those of value.
func surrounded(row []byte, i int, value uint64) bool {
	return word(row, i-1) == value && word(row, i+1) == value
}

// encodeCalm codes the bytes from index i on that are calm and returns how many
// they are.
func (m *model) encodeCalm(rc *rangeEncoder, i int, ref bool) int {
	w, colours, ok := m.calm(i, ref)
	if !ok {
		return 0
	}
	n := bits.TrailingZeros64(word(m.rows[0], i)^colours) / 8
	rc.zeros(w, n)
	if ref {
		binary.LittleEndian.PutUint64(m.equal[i:], eachByte) // the rest is written anew
	}
	return n
}

// decodeCalm undoes encodeCalm. With fewer than calmBytes the next decision is
// still to be decoded; it is another one.
func (m *model) decodeCalm(rc *rangeDecoder, i int, ref bool) int {
	w, colours, ok := m.calm(i, ref)
	if !ok {
		return 0
	}
	n := rc.zeros(w, calmBytes)
	// What is too much is written anew.
	binary.LittleEndian.PutUint64(m.rows[0][i:], colours)
	if ref {
		binary.LittleEndian.PutUint64(m.equal[i:], eachByte)
	}
	return n
}

// zeros codes n decisions of one weight that are all 0.
func (e *rangeEncoder) zeros(w *int16, n int) {
	low, width := e.low, e.width
	q := squash(2 * int32(*w))
	for range n {
		bound := width >> 16 * q
		if low += bound; low < bound {
			e.carry()
		}
		for width -= bound; width < 1<<24; width <<= 8 {
			e.out = append(e.out, byte(low>>24))
			low <<= 8
		}
		if d := learn(q, 0); d != 0 { // not any more when it is sure enough
			*w += d
			q = squash(2 * int32(*w))
		}
	}
	e.low, e.width = low, width
}

// zeros decodes decisions of one weight as long as they are 0, at most n, and
// returns how many they are.
func (d *rangeDecoder) zeros(w *int16, n int) int {
	code, width := d.code, d.width
	q := squash(2 * int32(*w))
	k := 0
	for ; k < n; k++ {
		bound := width >> 16 * q
		if code < bound {
			break
		}
		code -= bound
		for width -= bound; width < 1<<24; width <<= 8 {
			code = code<<8 | d.next()
		}
		if d := learn(q, 0); d != 0 {
			*w += d
			q = squash(2 * int32(*w))
		}
	}
	d.code, d.width = code, width
	return k
}
