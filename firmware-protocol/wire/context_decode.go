package wire

import "fmt"

// errCode is what a payload that no encoder wrote gives.
var errCode = fmt.Errorf("%w: range code", ErrFormat)

// decodeContext decodes a picture of w by h pixels coded alone or, when base is
// not nil, with base as reference [DL-CTX-2].
func (d *Decoder) decodeContext(pix []byte, p profile, w, h int, payload, base []byte) error {
	m, rc := &d.model, &d.coder
	m.reset(w, p)
	rc.reset(payload)
	defer rc.reset(nil)
	if !rc.valid() {
		return errCode
	}
	for y := range h {
		if base != nil {
			m.reference(base, y, h)
		}
		m.decodeRow(rc, p, base != nil)
		copy(pix[y*m.stride:][:m.stride], m.rows[0][1:])
		m.advance()
	}
	if !rc.ended() {
		return errCode
	}
	return nil
}

// decodeRow undoes encodeRow.
func (m *model) decodeRow(rc *rangeDecoder, p profile, ref bool) {
	var s surroundings
	row := m.rows[0]
	for i := 1; i <= m.stride; i++ {
		n := m.decodeCalm(rc, i, ref)
		if i += n; n == calmBytes {
			i--
			continue
		}
		m.look(&s, i)
		if ref {
			other := decodeOne(rc, &m.same[m.sameContext(i, &s)])
			m.equal[i] = byte(1 - other)
			if other == 0 {
				row[i] = m.base[i]
				continue
			}
		}
		if m.mayBePlain(i, &s, ref) && decodeOne(rc, &m.plain[m.plainContext(i, s.colour)]) == 0 {
			row[i] = s.colour & m.valid(i)
			continue
		}
		m.lookFar(&s, i, ref)
		row[i] = m.decodePixels(rc, p, i, &s, ref)
	}
}

// decodeOne undoes encodeOne.
func decodeOne(rc *rangeDecoder, w *int16) uint32 {
	q := squash(2 * int32(*w))
	b := rc.decode(q)
	*w += learn(q, b)
	return b
}

// decodePixels undoes encodePixels. The range decoder stands in local variables
// and the decision is made without a branch, which no processor could foresee in
// a dithered picture.
func (m *model) decodePixels(rc *rangeDecoder, p profile, i int, s *surroundings, ref bool) byte {
	var b uint32
	left, code, width := s.left, rc.code, rc.width
	for bit := 7; bit >= m.lastBit(i); bit-- {
		w0, w1, w2, w3, w4 := m.weights(s, p, uint(bit), left)
		sum := int32(*w0) + int32(*w1) + int32(*w2) + int32(*w3) + int32(*w4)
		var wr *int16
		if ref {
			wr = &m.ref[s.refContext(uint(bit), left)]
			sum += int32(*wr)
		}
		q := squash(sum)
		bound := width >> 16 * q
		is := uint32((int64(code) - int64(bound)) >> 63) // all ones for a 1
		width = bound&is | (width-bound)&^is
		code -= bound &^ is
		black := is & 1
		for width < 1<<24 {
			code = code<<8 | rc.next()
			width <<= 8
		}
		d := learn(q, black)
		*w0, *w1, *w2, *w3, *w4 = *w0+d, *w1+d, *w2+d, *w3+d, *w4+d
		if ref {
			*wr += d
		}
		left = left<<1 | black
		b |= black << bit
	}
	rc.code, rc.width = code, width
	return byte(b)
}
