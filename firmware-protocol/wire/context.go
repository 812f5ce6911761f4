package wire

// model holds the estimates of the context coder and the rows that its
// contexts look at [DL-CTX-1]. Rows of the new picture are kept with a white
// byte before and after, so that pixels outside are white without special
// cases; byte x of a row is at index x+1. A decoder on a small machine needs
// the two rows above and one bit per byte, beside the estimates.
type model struct {
	stride int
	last   byte // mask of the valid pixels of a row's last byte

	rowSame  [4]chance    // row differs from the base's, by the two rows above
	rowAbove [2]chance    // row equals the one above, by the row above
	same     [96]chance   // byte differs from the base's
	plain    [16]chance   // byte is not of the colour around it
	pixel    [1024]chance // pixel is black

	current, above, above2 []byte // rows of the new picture
	base                   []byte // row of the base picture, without white bytes
	equal, equalAbove      []byte // 1 where a byte equals the base's
	sameRows, aboveRow     int    // history of the two row decisions
}

// reset makes the model ready for a picture of that width [DL-CTX-2].
func (m *model) reset(width int) {
	m.stride = (width + 7) / 8
	m.last = 0xff
	if width&7 != 0 {
		m.last = 0xff << (8 - width&7)
	}
	restart(m.rowSame[:])
	restart(m.rowAbove[:])
	restart(m.same[:])
	restart(m.plain[:])
	restart(m.pixel[:])
	for _, row := range [...]*[]byte{&m.current, &m.above, &m.above2, &m.equal, &m.equalAbove} {
		if cap(*row) < m.stride+2 {
			*row = make([]byte, m.stride+2)
		}
		*row = (*row)[:m.stride+2]
		clear(*row)
	}
	m.base = nil
	m.setEqual(m.equalAbove, 1)
	m.sameRows, m.aboveRow = 0, 0
}

func restart(c []chance) {
	for i := range c {
		c[i] = chanceStart
	}
}

// setEqual marks all bytes of a row, but none outside it.
func (m *model) setEqual(row []byte, v byte) {
	row = row[1 : m.stride+1]
	for i := range row {
		row[i] = v
	}
}

// advance moves on to the next row.
func (m *model) advance() {
	m.above2, m.above, m.current = m.above, m.current, m.above2
	m.equalAbove, m.equal = m.equal, m.equalAbove
}

// surroundings are the decided pixels around one byte.
type surroundings struct {
	above2  uint32 // two rows up, 10 pixels: one left of the byte to one right
	above   uint32 // one row up, 12 pixels: two left to two right
	left    uint32 // the 2 pixels before the byte
	uniform bool   // all of them are of one colour
	colour  byte   // 0x00 or 0xff when uniform
}

// surroundings collects the pixels around the byte at index i [DL-CTX-3].
func (m *model) surroundings(i int) (s surroundings) {
	above2, above := m.above2[i-1:i+2:i+2], m.above[i-1:i+2:i+2]
	s.above2 = uint32(above2[0]&1)<<9 | uint32(above2[1])<<1 | uint32(above2[2]>>7)
	s.above = uint32(above[0]&3)<<10 | uint32(above[1])<<2 | uint32(above[2]>>6)
	s.left = uint32(m.current[i-1] & 3)
	switch {
	case s.above2|s.above|s.left == 0:
		s.uniform = true
	case s.above2 == 0x3ff && s.above == 0xfff && s.left == 3:
		s.uniform, s.colour = true, 0xff
	}
	return s
}

// pixelContext selects the estimate of the pixel at bit of its byte from 3
// pixels two rows up, 5 one row up and the 2 before it [DL-CTX-4].
func (s *surroundings) pixelContext(bit int, left uint32) uint32 {
	return s.above2>>bit&7<<7 | s.above>>bit&31<<2 | left
}

// plainContext selects the estimate for a byte in uniform surroundings
// [DL-CTX-5].
func (m *model) plainContext(i int, colour byte) int {
	c := int(colour & 8)
	if m.above[i+1] == colour {
		c |= 4
	}
	if m.current[i-1] == colour {
		c |= 2
	}
	if m.above[i-1] == colour {
		c |= 1
	}
	return c
}

// sameContext selects the estimate for a byte that may equal the base's
// [DL-CTX-6].
func (m *model) sameContext(i int, s *surroundings) int {
	base := m.base[i-1]
	c := int(m.equal[i-1])<<3 | int(m.equalAbove[i-1])<<2 | int(m.equalAbove[i])<<1 | int(m.equalAbove[i+1])
	if base == m.above[i] {
		c |= 0x10
	}
	if s.uniform {
		if base == s.colour&m.valid(i) {
			return c | 0x20
		}
		return c | 0x40
	}
	return c
}

// valid is the mask of the pixels of the byte at index i that lie in the
// picture.
func (m *model) valid(i int) byte {
	if i == m.stride {
		return m.last
	}
	return 0xff
}

// sameRow notes that the whole row equals the base's.
func (m *model) sameRow() {
	m.sameRows = m.sameRows << 1 & 3
	m.setEqual(m.equal, 1)
}

// otherRow notes that the row differs from the base's.
func (m *model) otherRow() { m.sameRows = m.sameRows<<1&3 | 1 }

// compareRow notes which bytes of the row equal the base's.
func (m *model) compareRow() {
	for i := 1; i <= m.stride; i++ {
		m.equal[i] = 0
		if m.current[i] == m.base[i-1] {
			m.equal[i] = 1
		}
	}
}
