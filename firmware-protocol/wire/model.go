package wire

import (
	_ "embed"
	"math/bits"
)

// Trained start weights [DL-TAB-1]; firmware-protocol/measure makes them.
var (
	//go:embed tables/small.bin
	startSmall string
	//go:embed tables/full.bin
	startFull string
)

// profile is the size of the model: how many pixels select each weight
// [DL-CTX-4].
type profile uint8

const (
	small profile = iota
	full
)

// tables is the number of weights that a pixel sums up, without the one that
// looks at the reference.
const tables = 5

// Where the weights of the decisions other than pixels begin, after the tables
// of the pixels [DL-CTX-1].
const (
	sameWeights  = 128
	plainWeights = 16
	refWeights   = 256
	maxTable     = 1024
)

// pixels is the number of weights in each table of a profile.
func (p profile) pixels() int {
	if p == full {
		return maxTable
	}
	return 256
}

// start returns the trained weights.
func (p profile) start() string {
	if p == full {
		return startFull
	}
	return startSmall
}

// weights is the number of all weights of a profile.
func (p profile) weights() int { return tables*p.pixels() + refWeights + sameWeights + plainWeights }

// reach is how many rows above the current one the contexts look at.
const reach = 4

// model holds the weights of the context coder and the rows that its contexts
// look at [DL-CTX-1]. Rows are kept with a white byte before and two after, so
// that pixels outside are white without special cases; byte i of a row is at
// index i+1.
type model struct {
	stride int
	last   byte // mask of the valid pixels of a row's last byte

	pixel [tables][maxTable]int16
	ref   [refWeights]int16
	same  [sameWeights]int16
	plain [plainWeights]int16

	rows              [reach + 1][]byte // the current row and those above it
	base, below       []byte            // the reference's row and the next one
	equal, equalAbove []byte            // 1 where a byte equals the reference's
}

// reset makes the model ready for a picture of that width.
func (m *model) reset(width int, p profile) {
	m.stride = (width + 7) / 8
	m.last = 0xff
	if width&7 != 0 {
		m.last = 0xff << (8 - width&7)
	}
	start, n := p.start(), p.pixels()
	for _, list := range [...][]int16{m.pixel[0][:n], m.pixel[1][:n], m.pixel[2][:n], m.pixel[3][:n], m.pixel[4][:n],
		m.ref[:], m.same[:], m.plain[:]} {
		for i := range list {
			list[i] = int16(int8(start[i])) << 7
		}
		start = start[len(list):]
	}
	for i := range m.rows {
		m.rows[i] = padded(m.rows[i], m.stride)
	}
	for _, row := range [...]*[]byte{&m.base, &m.below, &m.equal, &m.equalAbove} {
		*row = padded(*row, m.stride)
	}
	for i := range m.stride {
		m.equalAbove[i+1] = 1
	}
}

// padded returns a white row with room around it.
func padded(row []byte, stride int) []byte {
	if cap(row) < stride+3 {
		return make([]byte, stride+3)
	}
	row = row[:stride+3]
	clear(row)
	return row
}

// advance moves on to the next row.
func (m *model) advance() {
	last := m.rows[reach]
	copy(m.rows[1:], m.rows[:reach])
	m.rows[0] = last
	m.equalAbove, m.equal = m.equal, m.equalAbove
}

// reference makes row y of the reference the current one.
func (m *model) reference(base []byte, y, height int) {
	if y == 0 {
		copy(m.below[1:], base[:m.stride])
	}
	m.base, m.below = m.below, m.base
	if y+1 < height {
		copy(m.below[1:], base[(y+1)*m.stride:][:m.stride])
	} else {
		clear(m.below)
	}
}

// odds is squashTable for both signs: squash(s) at s/128 rounded down, + 256.
var odds = makeOdds()

func makeOdds() (o [512]uint16) {
	for i := range 256 {
		p := squashTable[min(i, len(squashTable)-1)]
		o[256+i], o[255-i] = p, uint16(65536-uint32(p))
	}
	return o
}

// squash gives the probability of a 1 in 1/65536 for a sum of weights
// [DL-MIX-2].
func squash(s int32) uint32 { return uint32(odds[(min(max(s>>7, -256), 255)+256)&511]) }

// learn returns by how much each weight moves after a decision [DL-MIX-3].
func learn(p uint32, b uint32) int16 { return int16((int32(b<<16) - int32(p) + 128) >> 8) }

// surroundings are the decided pixels around one byte: three bytes of each row,
// the one before, the one at and the one after it.
type surroundings struct {
	above   [reach + 1]uint32 // 1 to reach rows up; 0 is not used
	base    uint32
	below   uint32
	left    uint32 // the 8 pixels before the byte
	uniform bool   // all around are of one colour
	colour  byte   // 0x00 or 0xff when uniform
}

// around collects three bytes of a row.
func around(row []byte, i int) uint32 {
	row = row[i-1 : i+2 : i+2]
	return uint32(row[0])<<16 | uint32(row[1])<<8 | uint32(row[2])
}

// The pixels that must be of one colour for a plain byte [DL-CTX-3].
const (
	plainAbove  = 0x3ffc0
	plainAbove2 = 0x1ff80
)

// look collects the pixels around the byte at index i.
func (m *model) look(s *surroundings, i int) {
	s.above[1], s.above[2] = around(m.rows[1], i), around(m.rows[2], i)
	s.left = uint32(m.rows[0][i-1])
	a, a2, l := s.above[1]&plainAbove, s.above[2]&plainAbove2, s.left&3
	s.uniform, s.colour = false, 0
	switch {
	case a|a2|l == 0:
		s.uniform = true
	case a == plainAbove && a2 == plainAbove2 && l == 3:
		s.uniform, s.colour = true, 0xff
	}
}

// lookFar collects what only pixels need.
func (m *model) lookFar(s *surroundings, i int, ref bool) {
	s.above[3], s.above[4] = around(m.rows[3], i), around(m.rows[4], i)
	if ref {
		s.base, s.below = around(m.base, i), around(m.below, i)
	}
}

// weights returns the weights of the pixel at bit of its byte [DL-CTX-4].
func (m *model) weights(s *surroundings, p profile, bit uint, left uint32) (w0, w1, w2, w3, w4 *int16) {
	bit &= 7
	a, a2, a3, a4 := s.above[1]>>bit, s.above[2]>>bit, s.above[3]>>bit, s.above[4]>>bit
	t := &m.pixel
	if p == full {
		return &t[0][left&3<<8|a>>7&15<<4|a2>>7&15],
			&t[1][left&63<<4|a>>9&15],
			&t[2][left&1<<9|a>>8&3<<7|a3>>7&7<<4|a4>>6&15],
			&t[3][left&1<<9|a>>5&15<<5|a2>>5&7<<2|a3>>6&3],
			&t[4][left&255<<2|a>>2&3]
	}
	return &t[0][left&3<<6|a>>7&7<<3|a2>>7&7],
		&t[1][left&7<<5|a>>8&31],
		&t[2][left&1<<7|a>>8&1<<6|a2>>7&1<<5|a3>>6&15<<1|a4>>7&1],
		&t[3][left&1<<7|a>>5&15<<3|a2>>5&7],
		&t[4][left&255]
}

// refContext selects the weight that looks at the reference [DL-CTX-5].
func (s *surroundings) refContext(bit uint, left uint32) uint32 {
	bit &= 7
	b := s.base >> bit
	return left&1<<7 | s.above[1]>>bit>>8&1<<6 | b>>7&3<<4 | s.below>>bit>>8&1<<3 | (left^b>>9)&7
}

// plainContext selects the weight for a byte in uniform surroundings
// [DL-CTX-6].
func (m *model) plainContext(i int, colour byte) int {
	c := int(colour & 8)
	if m.rows[1][i+1] == colour {
		c |= 4
	}
	if m.rows[0][i-1] == colour {
		c |= 2
	}
	if m.rows[1][i-1] == colour {
		c |= 1
	}
	return c
}

// sameContext selects the weight for a byte that may equal the reference's
// [DL-CTX-7].
func (m *model) sameContext(i int, s *surroundings) int {
	c := int(m.equal[i-1])<<3 | int(m.equalAbove[i-1])<<2 | int(m.equalAbove[i])<<1 | int(m.equalAbove[i+1])
	if m.base[i] == m.rows[1][i] {
		c |= 0x10
	}
	if s.uniform {
		if m.base[i] == s.colour&m.valid(i) {
			return c | 0x20
		}
		return c | 0x40
	}
	return c
}

// mayBePlain reports whether a byte can be of the one colour around it: not
// when the reference's byte is, which was ruled out before.
func (m *model) mayBePlain(i int, s *surroundings, ref bool) bool {
	return s.uniform && (!ref || m.base[i] != s.colour&m.valid(i))
}

// valid is the mask of the pixels of the byte at index i that lie in the
// picture.
func (m *model) valid(i int) byte {
	if i == m.stride {
		return m.last
	}
	return 0xff
}

// lastBit is the number of the last pixel of that byte.
func (m *model) lastBit(i int) int { return bits.TrailingZeros8(m.valid(i)) }
