package typeset

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"

	"doorleaf/render/mono"
)

// strike holds every glyph of a font at one size, drawn by FreeType when the
// program was made; strikegen describes the file.
type strike struct {
	n      int
	metric []byte // five lists of n i16
	start  []uint32
	bits   []byte
}

var errStrikes = errors.New("strikes file is damaged")

// maxStrike bounds the unpacked data of one strike.
const maxStrike = 4 << 20

// openStrike unpacks the strike of a size; nil when the file has none.
func openStrike(file []byte, size int) (*strike, error) {
	if len(file) < 6 || string(file[:4]) != "DLS1" {
		return nil, errStrikes
	}
	count := int(binary.BigEndian.Uint16(file[4:]))
	if len(file) < 6+10*count {
		return nil, errStrikes
	}
	for i := range count {
		e := file[6+10*i:]
		if int(binary.BigEndian.Uint16(e)) != size {
			continue
		}
		at, length := int(binary.BigEndian.Uint32(e[2:])), int(binary.BigEndian.Uint32(e[6:]))
		if at+length > len(file) {
			return nil, errStrikes
		}
		data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(file[at:at+length])), maxStrike))
		if err != nil {
			return nil, errStrikes
		}
		return parseStrike(data)
	}
	return nil, nil
}

func parseStrike(data []byte) (*strike, error) {
	if len(data) < 2 {
		return nil, errStrikes
	}
	n := int(binary.BigEndian.Uint16(data))
	if len(data) < 2+10*n {
		return nil, errStrikes
	}
	s := &strike{n: n, metric: data[2 : 2+10*n], bits: data[2+10*n:], start: make([]uint32, n)}
	at := 0
	for g := range n {
		s.start[g] = uint32(at)
		w, h := s.at(3, g), s.at(4, g)
		if w < 0 || h < 0 {
			return nil, errStrikes
		}
		at += (w + 7) / 8 * h
	}
	if at != len(s.bits) {
		return nil, errStrikes
	}
	return s, nil
}

// at returns property k of glyph g: advance, left, top, width, height.
func (s *strike) at(k, g int) int {
	return int(int16(binary.BigEndian.Uint16(s.metric[2*(k*s.n+g):])))
}

// glyph returns a glyph of the strike; nil when it has none.
func (s *strike) glyph(g int) *glyph {
	if g < 0 || g >= s.n {
		return nil
	}
	out := &glyph{advance: s.at(0, g), left: s.at(1, g), top: s.at(2, g)}
	w, h := s.at(3, g), s.at(4, g)
	if w == 0 || h == 0 {
		return out
	}
	out.bits = mono.New(w, h)
	row := (w + 7) / 8
	for y := range h {
		copy(out.bits.Pix[y*out.bits.Stride:], s.bits[int(s.start[g])+y*row:][:row])
	}
	return out
}
