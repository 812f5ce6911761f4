package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// RowReader gives row y of a picture into row, which has its stride. Rows are
// asked for in order; of a reference each once, one ahead of the picture's own.
type RowReader func(y int, row []byte) error

// EncodeRows appends an object of one plane whose rows come one at a time, in
// one of the context encodings and whatever its size: the picture is never in
// memory as a whole. base gives the rows of the reference when the encoding has
// one, baseDigest is its GlassDigest. The error is that of a reader, ErrFormat or
// ErrUnsupported for encodings that want the whole picture.
func (e *Encoder) EncodeRows(dst []byte, width, height int, encoding Encoding, next, base RowReader, baseDigest Digest) ([]byte, error) {
	if err := checkSize(width, height, BlackWhite); err != nil {
		return dst, err
	}
	if encoding < EncodingSmall || encoding >= encodings {
		return dst, fmt.Errorf("%w: %v by rows", ErrUnsupported, encoding)
	}
	h := Header{Refresh: e.Refresh, Width: width, Height: height, Delta: encoding.hasReference()}
	copy(h.Base[:], baseDigest[:])
	start := len(dst)
	dst = append(appendHeader(dst, &h), byte(encoding))
	m, rc, p := &e.model, &e.coder, encoding.profile()
	m.reset(width, p)
	rc.reset(dst)
	var sum uint32
	for y := range height {
		row := m.rows[0][1 : m.stride+1]
		if err := next(y, row); err != nil {
			return dst[:start], err
		}
		if row[m.stride-1]&^m.last != 0 {
			return dst[:start], fmt.Errorf("%w: padding bits are not 0", ErrFormat)
		}
		sum = crc32.Update(sum, crc32.IEEETable, row)
		if h.Delta {
			if err := m.readReference(base, y, height); err != nil {
				return dst[:start], err
			}
		}
		m.encodeRow(rc, p, h.Delta)
		m.advance()
	}
	dst = rc.finish()
	binary.LittleEndian.PutUint32(dst[start+10:], sum)
	return dst, nil
}

// DecodeRows decodes an object of one plane and one part that is context coded
// or raw, and hands out its rows in order; emit may not keep row. base gives the
// rows of the reference of a delta, whose digest the caller has compared with
// Header.Base; nil when there is none. A picture is right only when the error is
// nil: ErrFormat, ErrUnsupported, ErrBase, ErrChecksum or that of a function.
func (d *Decoder) DecodeRows(object []byte, base RowReader, emit func(y int, row []byte) error) error {
	h, err := parseHead(object)
	if err != nil {
		return err
	}
	r := h.parts(object)
	part, err := r.next()
	if err != nil {
		return err
	}
	if h.Colours != BlackWhite || r.more || !part.whole(h.Width, h.Height) || part.encoding != EncodingRaw && part.encoding < EncodingSmall {
		return fmt.Errorf("%w: by rows", ErrUnsupported)
	}
	ref := part.encoding.hasReference()
	if ref && base == nil {
		return fmt.Errorf("%w: object is a delta, no base given", ErrBase)
	}
	m, rc, p := &d.model, &d.coder, part.encoding.profile()
	m.reset(h.Width, p)
	rc.reset(part.payload)
	defer rc.reset(nil)
	if part.encoding != EncodingRaw && !rc.valid() {
		return errCode
	}
	var sum uint32
	for y := range h.Height {
		row := m.rows[0][1 : m.stride+1]
		switch {
		case part.encoding == EncodingRaw:
			copy(row, part.payload[y*m.stride:])
		case ref:
			if err := m.readReference(base, y, h.Height); err != nil {
				return err
			}
			fallthrough
		default:
			m.decodeRow(rc, p, ref)
		}
		if row[m.stride-1]&^m.last != 0 {
			return fmt.Errorf("%w: padding bits are not 0", ErrFormat)
		}
		sum = crc32.Update(sum, crc32.IEEETable, row)
		if err := emit(y, row); err != nil {
			return err
		}
		m.advance()
	}
	if part.encoding != EncodingRaw && !rc.ended() {
		return errCode
	}
	if sum != h.Checksum {
		return fmt.Errorf("%w: picture", ErrChecksum)
	}
	return nil
}

// readReference is reference for rows that are read one by one.
func (m *model) readReference(base RowReader, y, height int) error {
	if y == 0 {
		if err := base(0, m.below[1:m.stride+1]); err != nil {
			return err
		}
	}
	m.base, m.below = m.below, m.base
	if y+1 == height {
		clear(m.below)
		return nil
	}
	return base(y+1, m.below[1:m.stride+1])
}
