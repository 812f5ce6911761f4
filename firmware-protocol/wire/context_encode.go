package wire

import "bytes"

// encodeContext codes next alone into e.trial. It reports false when it gave up
// because the code exceeds room bytes.
func (e *Encoder) encodeContext(next *Bitmap, room int) bool {
	m, rc := &e.model, &e.coder
	m.reset(next.Width)
	rc.reset(e.trial[:0])
	for y := range next.Height {
		copy(m.current[1:], next.Pix[y*m.stride:(y+1)*m.stride])
		if m.encodeAbove(rc) {
			m.advance()
			continue
		}
		for x := 1; x <= m.stride; x++ {
			s := m.surroundings(x)
			if s.uniform && m.encodePlain(rc, x, s) {
				continue
			}
			m.encodePixels(rc, x, s)
		}
		m.advance()
		if len(rc.out) > room {
			break
		}
	}
	e.trial = rc.finish()
	return len(e.trial) <= room
}

// encodeAbove codes whether the row equals the one above.
func (m *model) encodeAbove(rc *rangeEncoder) bool {
	c := &m.rowAbove[m.aboveRows]
	if bytes.Equal(m.current, m.above) {
		rc.encode(c, 1)
		m.aboveRows = 1
		return true
	}
	rc.encode(c, 0)
	m.aboveRows = 0
	return false
}

// encodePlain codes whether byte x goes on in the colour around it.
func (m *model) encodePlain(rc *rangeEncoder, x int, s surroundings) bool {
	c := &m.plain[m.plainContext(x, s.colour)]
	if m.current[x] == s.colour&m.valid(x) {
		rc.encode(c, 0)
		return true
	}
	rc.encode(c, 1)
	return false
}

// encodePixels codes the pixels of byte x one by one.
func (m *model) encodePixels(rc *rangeEncoder, x int, s surroundings) {
	b := m.current[x]
	left := s.left
	for i := 7; i >= m.lowest(x); i-- {
		bit := b >> i & 1
		rc.encode(&m.pixel[s.above2>>i&7<<7|s.above>>i&31<<2|left], bit)
		left = left<<1&3 | uint32(bit)
	}
}

// encodeContextRef codes next with the previous picture as context.
func (e *Encoder) encodeContextRef(next, ref *Bitmap, room int) bool {
	m, rc := &e.model, &e.coder
	m.reset(next.Width)
	rc.reset(e.trial[:0])
	copy(m.baseBelow[1:], ref.Pix[:m.stride])
	for y := range next.Height {
		m.nextBase(ref, y)
		copy(m.current[1:], next.Pix[y*m.stride:(y+1)*m.stride])
		switch {
		case m.encodeSame(rc):
		case m.encodeAbove(rc):
			m.compareRow()
		default:
			m.encodeRefRow(rc)
		}
		m.advance()
		if len(rc.out) > room {
			break
		}
	}
	e.trial = rc.finish()
	return len(e.trial) <= room
}

// encodeSame codes whether the row equals the base's.
func (m *model) encodeSame(rc *rangeEncoder) bool {
	c := &m.rowSame[m.sameRows]
	if bytes.Equal(m.current, m.base) {
		rc.encode(c, 0)
		m.sameRow()
		return true
	}
	rc.encode(c, 1)
	m.sameRows = m.sameRows<<1&3 | 1
	return false
}

// encodeRefRow codes a row that is neither the base's nor the one above.
func (m *model) encodeRefRow(rc *rangeEncoder) {
	for x := 1; x <= m.stride; x++ {
		c := &m.same[m.sameContext(x)]
		if m.current[x] == m.base[x] {
			rc.encode(c, 0)
			m.equal[x] = 1
			continue
		}
		rc.encode(c, 1)
		m.equal[x] = 0
		s := m.surroundings(x)
		if s.uniform && m.base[x] != s.colour&m.valid(x) && m.encodePlain(rc, x, s) {
			continue
		}
		m.encodeRefPixels(rc, x, s)
	}
}

// encodeRefPixels codes the pixels of byte x, looking at the base too.
func (m *model) encodeRefPixels(rc *rangeEncoder, x int, s surroundings) {
	b := m.current[x]
	r := m.baseAround(x)
	left := s.left
	for i := 7; i >= m.lowest(x); i-- {
		bit := b >> i & 1
		rc.encode(&m.pixel[s.refContext(r, i, left)], bit)
		left = left<<1&3 | uint32(bit)
	}
}
