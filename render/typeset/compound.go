package typeset

import (
	"encoding/binary"

	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font"
)

// part is one component of a compound glyph, moved by (dx, dy) font units.
type part struct {
	glyph  int
	dx, dy int
	round  bool // dy goes to whole pixels
}

// parts returns the components of a compound glyph; nil for a simple one and
// for one whose components are scaled or aligned by points.
func (s *source) parts(g int) []part {
	if len(s.loca) < 4*(g+2) {
		return nil
	}
	at, end := int(binary.BigEndian.Uint32(s.loca[4*g:])), int(binary.BigEndian.Uint32(s.loca[4*g+4:]))
	if at+10 >= end || end > len(s.glyf) || int16(binary.BigEndian.Uint16(s.glyf[at:])) >= 0 {
		return nil
	}
	const words, offsets, round, scaled, more = 1, 2, 4, 0x8 | 0x40 | 0x80, 0x20
	var out []part
	for b := s.glyf[at+10 : end]; len(b) >= 6 && len(out) < 16; {
		flags := int(binary.BigEndian.Uint16(b))
		p := part{glyph: int(binary.BigEndian.Uint16(b[2:])), round: flags&round != 0}
		if flags&offsets == 0 || flags&scaled != 0 {
			return nil
		}
		if flags&words != 0 {
			if len(b) < 8 {
				return nil
			}
			p.dx, p.dy = int(int16(binary.BigEndian.Uint16(b[4:]))), int(int16(binary.BigEndian.Uint16(b[6:])))
			b = b[8:]
		} else {
			p.dx, p.dy = int(int8(b[4])), int(int8(b[5]))
			b = b[6:]
		}
		out = append(out, p)
		if flags&more == 0 {
			return out
		}
	}
	return nil
}

// assemble puts a compound glyph together as FreeType does, which moves its
// components sideways by 1/64 pixel rather than whole ones. ok is false where a
// component cannot be hinted.
func (f *Face) assemble(s *source, parts []part, depth int) (p *path, ok bool) {
	p = &path{}
	for _, c := range parts {
		var q *path
		if inner := s.parts(c.glyph); inner != nil && depth < 4 {
			if q, ok = f.assemble(s, inner, depth+1); !ok {
				return nil, false
			}
		} else {
			if q, _, ok = f.load(s, truetype.Index(c.glyph), font.HintingFull); !ok {
				return nil, false
			}
		}
		dx, dy := floorDiv(128*c.dx*f.Size+s.upem, 2*s.upem), floorDiv(128*c.dy*f.Size+s.upem, 2*s.upem)
		if c.round {
			dy = (dy + 32) &^ 63
		}
		p.verbs = append(p.verbs, q.verbs...)
		for _, at := range q.points {
			p.points = append(p.points, point{at.x + 2*dx, at.y + 2*dy})
		}
	}
	return p, true
}
