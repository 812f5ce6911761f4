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

// decodePixels undoes encodePixels.
func (m *model) decodePixels(rc *rangeDecoder, p profile, i int, s *surroundings, ref bool) byte {
	var c [tables]uint32
	var b uint32
	left := s.left
	for bit := 7; bit >= m.lastBit(i); bit-- {
		s.contexts(&c, p, uint(bit), left)
		w0, w1, w2, w3, w4 := &m.pixel[c[0]], &m.pixel[c[1]], &m.pixel[c[2]], &m.pixel[c[3]], &m.pixel[c[4]]
		sum := int32(*w0) + int32(*w1) + int32(*w2) + int32(*w3) + int32(*w4)
		var wr *int16
		if ref {
			wr = &m.ref[s.refContext(uint(bit), left)]
			sum += int32(*wr)
		}
		q := squash(sum)
		black := rc.decode(q)
		d := learn(q, black)
		*w0, *w1, *w2, *w3, *w4 = *w0+d, *w1+d, *w2+d, *w3+d, *w4+d
		if ref {
			*wr += d
		}
		left = left<<1 | black
		b |= black << bit
	}
	return byte(b)
}
