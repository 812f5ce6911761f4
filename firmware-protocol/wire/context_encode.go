package wire

import (
	"bytes"
	"math/bits"
)

// encodeContext codes next into e.trial, alone or, when ref is not nil, with
// ref as context [DL-CTX-7]. It reports false when it gave up because the code
// exceeds room bytes.
func (e *Encoder) encodeContext(next, ref *Bitmap, room int) bool {
	m, rc := &e.model, &e.coder
	m.reset(next.Width)
	rc.reset(e.trial[:0])
	for y := range next.Height {
		copy(m.current[1:], next.Pix[y*m.stride:(y+1)*m.stride])
		if ref != nil {
			m.base = ref.Pix[y*m.stride : (y+1)*m.stride]
		}
		m.encodeRow(rc)
		m.advance()
		if len(rc.out) > room {
			break
		}
	}
	m.base = nil
	e.trial = rc.finish()
	return len(e.trial) <= room
}

// encodeRow codes one row in the cheapest way there is for it.
func (m *model) encodeRow(rc *rangeEncoder) {
	if m.base != nil && m.encodeSame(rc) {
		return
	}
	if m.encodeAbove(rc) {
		if m.base != nil {
			m.compareRow()
		}
		return
	}
	for i := 1; i <= m.stride; i++ {
		s := m.surroundings(i)
		if m.base != nil && m.encodeByteSame(rc, i, &s) {
			continue
		}
		if m.mayBePlain(i, &s) && m.encodePlain(rc, i, &s) {
			continue
		}
		m.encodePixels(rc, i, &s)
	}
}

// encodeSame codes whether the row equals the base's.
func (m *model) encodeSame(rc *rangeEncoder) bool {
	c := &m.rowSame[m.sameRows]
	if bytes.Equal(m.current[1:m.stride+1], m.base) {
		rc.encode(c, 0)
		m.sameRow()
		return true
	}
	rc.encode(c, 1)
	m.otherRow()
	return false
}

// encodeAbove codes whether the row equals the one above.
func (m *model) encodeAbove(rc *rangeEncoder) bool {
	c := &m.rowAbove[m.aboveRow]
	if bytes.Equal(m.current, m.above) {
		rc.encode(c, 1)
		m.aboveRow = 1
		return true
	}
	rc.encode(c, 0)
	m.aboveRow = 0
	return false
}

// encodeByteSame codes whether a byte equals the base's.
func (m *model) encodeByteSame(rc *rangeEncoder, i int, s *surroundings) bool {
	c := &m.same[m.sameContext(i, s)]
	if m.current[i] == m.base[i-1] {
		rc.encode(c, 0)
		m.equal[i] = 1
		return true
	}
	rc.encode(c, 1)
	m.equal[i] = 0
	return false
}

// mayBePlain reports whether a byte can be of the one colour around it: not
// when the base's byte is, which was ruled out before.
func (m *model) mayBePlain(i int, s *surroundings) bool {
	return s.uniform && (m.base == nil || m.base[i-1] != s.colour&m.valid(i))
}

// encodePlain codes whether a byte goes on in the colour around it.
func (m *model) encodePlain(rc *rangeEncoder, i int, s *surroundings) bool {
	c := &m.plain[m.plainContext(i, s.colour)]
	if m.current[i] == s.colour&m.valid(i) {
		rc.encode(c, 0)
		return true
	}
	rc.encode(c, 1)
	return false
}

// encodePixels codes the pixels of a byte one by one, leftmost first.
func (m *model) encodePixels(rc *rangeEncoder, i int, s *surroundings) {
	b, left := m.current[i], s.left
	for bit := 7; bit >= bits.TrailingZeros8(m.valid(i)); bit-- {
		black := b >> bit & 1
		rc.encode(&m.pixel[s.pixelContext(bit, left)], black)
		left = left<<1&3 | uint32(black)
	}
}
