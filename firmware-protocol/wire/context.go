package wire

// model holds the estimates and the rows that the contexts of one picture look
// at [DL-CTX-1]. Rows are kept with a white byte before and after, so that
// pixels outside the picture are white without special cases.
type model struct {
	stride int
	last   byte // mask of the valid pixels of a row's last byte

	rowSame  [4]chance  // row equals the base's, by the two rows above
	rowAbove [2]chance  // row equals the one above, by the row above
	plain    [16]chance // byte is one colour, by colour and surroundings
	same     [32]chance // byte equals the base's
	pixel    [4096]chance

	current, above, above2 []byte // rows of the new picture
	base, baseBelow        []byte // rows of the base
	equal, equalAbove      []byte // 1 where a byte equals the base's
	sameRows, aboveRows    int    // history of the two row flags
}

// reset makes the model ready for a picture of that width.
func (m *model) reset(width int) {
	m.stride = (width + 7) / 8
	m.last = 0xff
	if width&7 != 0 {
		m.last = 0xff << (8 - width&7)
	}
	fill(m.rowSame[:])
	fill(m.rowAbove[:])
	fill(m.plain[:])
	fill(m.same[:])
	fill(m.pixel[:])
	for _, row := range []*[]byte{&m.current, &m.above, &m.above2, &m.base, &m.baseBelow, &m.equal, &m.equalAbove} {
		if cap(*row) < m.stride+2 {
			*row = make([]byte, m.stride+2)
		}
		*row = (*row)[:m.stride+2]
		clear(*row)
	}
	for i := range m.equalAbove {
		m.equalAbove[i] = 1
	}
	m.sameRows, m.aboveRows = 0, 0
}

func fill(c []chance) {
	for i := range c {
		c[i] = chanceStart
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
	colour  byte   // 0x00 or 0xff, when uniform
}

// surroundings collects the pixels around byte x [DL-CTX-3].
func (m *model) surroundings(x int) surroundings {
	s := surroundings{
		above2: uint32(m.above2[x-1]&1)<<9 | uint32(m.above2[x])<<1 | uint32(m.above2[x+1]>>7),
		above:  uint32(m.above[x-1]&3)<<10 | uint32(m.above[x])<<2 | uint32(m.above[x+1]>>6),
		left:   uint32(m.current[x-1] & 3),
	}
	switch {
	case s.above2|s.above|s.left == 0:
		s.uniform = true
	case s.above2 == 0x3ff && s.above == 0xfff && s.left == 3:
		s.uniform, s.colour = true, 0xff
	}
	return s
}

// valid is the mask of byte x's pixels that lie in the picture.
func (m *model) valid(x int) byte {
	if x == m.stride {
		return m.last
	}
	return 0xff
}

// lowest is the number of padding bits in byte x.
func (m *model) lowest(x int) int {
	if x != m.stride {
		return 0
	}
	n := 0
	for b := m.last; b&1 == 0; b >>= 1 {
		n++
	}
	return n
}

// plainContext selects the estimate for a byte of one colour [DL-CTX-4].
func (m *model) plainContext(x int, colour byte) int {
	c := int(colour & 8)
	if m.above[x+1] == colour {
		c |= 4
	}
	if m.current[x-1] == colour {
		c |= 2
	}
	if m.above[x-1] == colour {
		c |= 1
	}
	return c
}

// sameContext selects the estimate for a byte that equals the base's
// [DL-CTX-5].
func (m *model) sameContext(x int) int {
	c := int(m.equal[x-1])<<3 | int(m.equalAbove[x])<<2 | int(m.equalAbove[x+1])<<1 | int(m.equalAbove[x-1])
	if b := m.base[x]; b == 0 || b == m.valid(x) {
		c |= 16
	}
	return c
}

// baseAround is the base's row: the pixels of byte x, one to each side.
func (m *model) baseAround(x int) uint32 {
	return uint32(m.base[x-1]&1)<<9 | uint32(m.base[x])<<1 | uint32(m.base[x+1]>>7)
}

// refContext selects the estimate of pixel i of a byte from 7 pixels of the
// new picture and 3 of the base [DL-CTX-6].
func (s *surroundings) refContext(base uint32, i int, left uint32) uint32 {
	return base>>i&7<<7 | s.above2>>(i+1)&1<<6 | s.above>>i&15<<2 | left
}

// nextBase moves the base's rows on to row y.
func (m *model) nextBase(ref *Bitmap, y int) {
	m.base, m.baseBelow = m.baseBelow, m.base
	if y+1 < ref.Height {
		copy(m.baseBelow[1:], ref.Pix[(y+1)*m.stride:(y+2)*m.stride])
	} else {
		clear(m.baseBelow)
	}
}

// sameRow notes that the whole row equals the base's.
func (m *model) sameRow() {
	m.sameRows = m.sameRows << 1 & 3
	for i := range m.equal {
		m.equal[i] = 1
	}
}

// compareRow notes which bytes of the row equal the base's.
func (m *model) compareRow() {
	for x := 1; x <= m.stride; x++ {
		m.equal[x] = 0
		if m.current[x] == m.base[x] {
			m.equal[x] = 1
		}
	}
}
