package wire

// encodeContext codes a picture of w by h pixels into out, alone or, when base
// is not nil, with base as reference [DL-CTX-2]. It gives up when the code
// exceeds room bytes.
func (e *Encoder) encodeContext(out []byte, p profile, pix []byte, w, h int, base []byte, room int) (_ []byte, ok bool) {
	m, rc := &e.model, &e.coder
	m.reset(w, p)
	rc.reset(out)
	for y := range h {
		copy(m.rows[0][1:], pix[y*m.stride:][:m.stride])
		if base != nil {
			m.reference(base, y, h)
		}
		m.encodeRow(rc, p, base != nil)
		m.advance()
		// The ending may take off zeros, but not from a code that goes on.
		if y+1 < h && len(rc.out)-rc.start > room+8 {
			return rc.out, false
		}
	}
	out = rc.finish()
	return out, len(out)-rc.start <= room
}

func (m *model) encodeRow(rc *rangeEncoder, p profile, ref bool) {
	var s surroundings
	row := m.rows[0]
	for i := 1; i <= m.stride; i++ {
		n := m.encodeCalm(rc, i, ref)
		if i += n; n == calmBytes {
			i--
			continue
		}
		m.look(&s, i)
		if ref {
			m.equal[i] = 0
			if row[i] == m.base[i] {
				m.equal[i] = 1
			}
			w := &m.same[m.sameContext(i, &s)]
			encodeOne(rc, w, m.equal[i]^1)
			if m.equal[i] == 1 {
				continue
			}
		}
		if m.mayBePlain(i, &s, ref) {
			var other byte
			if row[i] != s.colour&m.valid(i) {
				other = 1
			}
			encodeOne(rc, &m.plain[m.plainContext(i, s.colour)], other)
			if other == 0 {
				continue
			}
		}
		m.lookFar(&s, i, ref)
		m.encodePixels(rc, p, i, &s, ref)
	}
}

// encodeOne codes a decision of one weight, which counts twice [DL-MIX-1].
func encodeOne(rc *rangeEncoder, w *int16, b byte) {
	q := squash(2 * int32(*w))
	rc.encode(q, b)
	*w += learn(q, uint32(b))
}

// encodePixels codes the pixels of a byte one by one, leftmost first.
func (m *model) encodePixels(rc *rangeEncoder, p profile, i int, s *surroundings, ref bool) {
	b, left := uint32(m.rows[0][i]), s.left
	for bit := 7; bit >= m.lastBit(i); bit-- {
		w0, w1, w2, w3, w4 := m.weights(s, p, uint(bit), left)
		sum := int32(*w0) + int32(*w1) + int32(*w2) + int32(*w3) + int32(*w4)
		var wr *int16
		if ref {
			wr = &m.ref[s.refContext(uint(bit), left)]
			sum += int32(*wr)
		}
		q := squash(sum)
		black := b >> bit & 1
		rc.encode(q, byte(black))
		d := learn(q, black)
		*w0, *w1, *w2, *w3, *w4 = *w0+d, *w1+d, *w2+d, *w3+d, *w4+d
		if ref {
			*wr += d
		}
		left = left<<1 | black
	}
}
