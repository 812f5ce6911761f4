package wire

import (
	"fmt"
	"math/bits"
)

// errCode is what a payload that no encoder wrote gives.
var errCode = fmt.Errorf("%w: range code", ErrFormat)

// decodeContext decodes a picture coded alone or, when base is not nil, with
// the rows of base as context [DL-CTX-7].
func (d *Decoder) decodeContext(dst *Bitmap, payload, base []byte) error {
	m, rc := &d.model, &d.coder
	m.reset(dst.Width)
	rc.reset(payload)
	defer rc.reset(nil)
	if !rc.valid() {
		return errCode
	}
	for y := range dst.Height {
		if base != nil {
			m.base = base[y*m.stride : (y+1)*m.stride]
		}
		m.decodeRow(rc)
		copy(dst.Pix[y*m.stride:(y+1)*m.stride], m.current[1:])
		m.advance()
	}
	m.base = nil
	return rc.end()
}

// end checks that the code was used to its last byte, which is not 0
// [DL-RC-5].
func (d *rangeDecoder) end() error {
	if d.pos < len(d.in) || len(d.in) > 0 && d.in[len(d.in)-1] == 0 {
		return errCode
	}
	return nil
}

// decodeRow undoes encodeRow.
func (m *model) decodeRow(rc *rangeDecoder) {
	if m.base != nil {
		if rc.decode(&m.rowSame[m.sameRows]) == 0 {
			copy(m.current[1:], m.base)
			m.sameRow()
			return
		}
		m.otherRow()
	}
	m.aboveRow = int(rc.decode(&m.rowAbove[m.aboveRow]))
	if m.aboveRow == 1 {
		copy(m.current, m.above)
		if m.base != nil {
			m.compareRow()
		}
		return
	}
	for i := 1; i <= m.stride; i++ {
		s := m.surroundings(i)
		if m.base != nil {
			if rc.decode(&m.same[m.sameContext(i, &s)]) == 0 {
				m.current[i] = m.base[i-1]
				m.equal[i] = 1
				continue
			}
			m.equal[i] = 0
		}
		if m.mayBePlain(i, &s) && rc.decode(&m.plain[m.plainContext(i, s.colour)]) == 0 {
			m.current[i] = s.colour & m.valid(i)
			continue
		}
		m.decodePixels(rc, i, &s)
	}
}

// decodePixels undoes encodePixels.
func (m *model) decodePixels(rc *rangeDecoder, i int, s *surroundings) {
	var b byte
	left := s.left
	for bit := 7; bit >= bits.TrailingZeros8(m.valid(i)); bit-- {
		black := rc.decode(&m.pixel[s.pixelContext(bit, left)])
		left = left<<1&3 | uint32(black)
		b |= black << bit
	}
	m.current[i] = b
}
