package wire

import "fmt"

// decodeContext decodes a picture coded alone.
func (d *Decoder) decodeContext(dst *Bitmap, payload []byte) error {
	m, rc := &d.model, &d.coder
	m.reset(dst.Width)
	rc.reset(payload)
	defer rc.reset(nil)
	if !rc.valid() {
		return errCode
	}
	for y := range dst.Height {
		if !m.decodeAbove(rc) {
			for x := 1; x <= m.stride; x++ {
				s := m.surroundings(x)
				if s.uniform && m.decodePlain(rc, x, s) {
					continue
				}
				m.decodePixels(rc, x, s)
			}
		}
		copy(dst.Pix[y*m.stride:(y+1)*m.stride], m.current[1:])
		m.advance()
	}
	return rc.end()
}

var errCode = fmt.Errorf("%w: range code", ErrFormat)

// end checks that the code was used to its last byte, which is not 0.
func (d *rangeDecoder) end() error {
	if d.pos < len(d.in) || len(d.in) > 0 && d.in[len(d.in)-1] == 0 {
		return errCode
	}
	return nil
}

func (m *model) decodeAbove(rc *rangeDecoder) bool {
	m.aboveRows = int(rc.decode(&m.rowAbove[m.aboveRows]))
	if m.aboveRows == 1 {
		copy(m.current, m.above)
	}
	return m.aboveRows == 1
}

func (m *model) decodePlain(rc *rangeDecoder, x int, s surroundings) bool {
	if rc.decode(&m.plain[m.plainContext(x, s.colour)]) != 0 {
		return false
	}
	m.current[x] = s.colour & m.valid(x)
	return true
}

func (m *model) decodePixels(rc *rangeDecoder, x int, s surroundings) {
	var b byte
	left := s.left
	for i := 7; i >= m.lowest(x); i-- {
		bit := rc.decode(&m.pixel[s.above2>>i&7<<7|s.above>>i&31<<2|left])
		left = left<<1&3 | uint32(bit)
		b |= bit << i
	}
	m.current[x] = b
}

// decodeContextRef decodes a picture coded with ref as context.
func (d *Decoder) decodeContextRef(dst *Bitmap, payload []byte, ref *Bitmap) error {
	m, rc := &d.model, &d.coder
	m.reset(dst.Width)
	rc.reset(payload)
	defer rc.reset(nil)
	if !rc.valid() {
		return errCode
	}
	copy(m.baseBelow[1:], ref.Pix[:m.stride])
	for y := range dst.Height {
		m.nextBase(ref, y)
		switch {
		case rc.decode(&m.rowSame[m.sameRows]) == 0:
			copy(m.current, m.base)
			m.sameRow()
		default:
			m.sameRows = m.sameRows<<1&3 | 1
			if m.decodeAbove(rc) {
				m.compareRow()
			} else {
				m.decodeRefRow(rc)
			}
		}
		copy(dst.Pix[y*m.stride:(y+1)*m.stride], m.current[1:])
		m.advance()
	}
	return rc.end()
}

func (m *model) decodeRefRow(rc *rangeDecoder) {
	for x := 1; x <= m.stride; x++ {
		if rc.decode(&m.same[m.sameContext(x)]) == 0 {
			m.current[x] = m.base[x]
			m.equal[x] = 1
			continue
		}
		m.equal[x] = 0
		s := m.surroundings(x)
		if s.uniform && m.base[x] != s.colour&m.valid(x) && m.decodePlain(rc, x, s) {
			continue
		}
		m.decodeRefPixels(rc, x, s)
	}
}

func (m *model) decodeRefPixels(rc *rangeDecoder, x int, s surroundings) {
	var b byte
	r := m.baseAround(x)
	left := s.left
	for i := 7; i >= m.lowest(x); i-- {
		bit := rc.decode(&m.pixel[s.refContext(r, i, left)])
		left = left<<1&3 | uint32(bit)
		b |= bit << i
	}
	m.current[x] = b
}
