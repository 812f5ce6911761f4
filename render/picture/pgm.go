package picture

import (
	"errors"
	"fmt"
	"image"
)

// decodePGM reads P2 and P5 as netpbm's pgm(5) defines them, with a maximum of
// 1 to 65535.
func decodePGM(b []byte) (*image.Gray, error) {
	p := pgm{b: b[2:]}
	w, h, most := p.number(), p.number(), p.number()
	if p.bad || most < 1 || most > 65535 {
		return nil, damaged("PGM", errors.New("header"))
	}
	if err := checkSize(w, h, 16); err != nil {
		return nil, err
	}
	size := w * h
	switch {
	case b[1] == '2': // one digit and one blank a pixel at least
		if len(p.b) < size*2-1 {
			return nil, damaged("PGM", errors.New("pixels end early"))
		}
	case most > 255:
		size *= 2
		fallthrough
	default:
		if len(p.b) < size {
			return nil, damaged("PGM", errors.New("pixels end early"))
		}
	}
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		var v int
		switch {
		case b[1] == '2':
			v = p.number()
		case most > 255:
			v = int(p.b[2*i])<<8 | int(p.b[2*i+1])
		default:
			v = int(p.b[i])
		}
		if p.bad || v > most {
			return nil, damaged("PGM", fmt.Errorf("pixel %d", i))
		}
		m.Pix[i] = byte((v*255 + most/2) / most)
	}
	return m, nil
}

// pgm reads the numbers of a PGM; bad is set once something is not one.
type pgm struct {
	b   []byte
	bad bool
}

// number reads a number after blanks and comments, and the one blank behind it.
func (p *pgm) number() int {
	n, digits, comment := 0, 0, false
	for i, c := range p.b {
		switch blank := c == ' ' || c == '\t' || c == '\n' || c == '\r'; {
		case comment:
			comment = c != '\n' && c != '\r'
		case c >= '0' && c <= '9' && digits < 6:
			n, digits = n*10+int(c-'0'), digits+1
		case blank && digits > 0:
			p.b = p.b[i+1:]
			return n
		case blank:
		case c == '#' && digits == 0:
			comment = true
		default:
			p.bad = true
			return 0
		}
	}
	p.b, p.bad = nil, p.bad || digits == 0
	return n
}
