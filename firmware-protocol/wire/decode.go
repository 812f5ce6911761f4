package wire

import (
	"crypto/subtle"
	"fmt"
	"hash/crc32"
)

// Decoder reads objects. It keeps its scratch between calls.
type Decoder struct {
	digester *digester
	model    model
	coder    rangeDecoder
	inflater inflater
	part     []byte // rows of a part that is a window
	base     []byte // rows of its reference
}

// NewDecoder returns a Decoder for one goroutine at a time.
func NewDecoder() *Decoder { return &Decoder{digester: newDigester()} }

// Decode decodes object into dst, whose Pix is reused when it is large enough.
// ref is the base of a delta, nil when there is none; it is ignored by objects
// that are no delta and never changed, unless dst is ref itself. The error is
// ErrFormat, ErrUnsupported, ErrBase or ErrChecksum; dst's content is then
// undefined.
func (d *Decoder) Decode(dst *Bitmap, object []byte, ref *Bitmap) error {
	h, err := parseHead(object)
	if err != nil {
		return err
	}
	var base []byte
	if h.Delta {
		if err := d.checkBase(&h, ref); err != nil {
			return err
		}
		base = ref.Pix
	}
	dst.Width, dst.Height, dst.Stride, dst.Colours = h.Width, h.Height, (h.Width+7)/8, h.Colours
	size := dst.Stride * dst.Height * h.Colours.Planes()
	if cap(dst.Pix) < size {
		dst.Pix = make([]byte, size)
	}
	dst.Pix = dst.Pix[:size]
	if h.Delta {
		copy(dst.Pix, base) // does nothing when dst is ref
	} else {
		clear(dst.Pix)
	}
	for r := h.parts(object); r.more; {
		p, err := r.next()
		if err != nil {
			return err
		}
		if err := d.decodePart(dst, &p); err != nil {
			return err
		}
	}
	if crc32.ChecksumIEEE(dst.Pix) != h.Checksum {
		return fmt.Errorf("%w: picture", ErrChecksum)
	}
	return nil
}

// checkBase makes sure that ref is the picture the delta was made against
// [DL-OBJ-6].
func (d *Decoder) checkBase(h *Header, ref *Bitmap) error {
	if ref == nil {
		return fmt.Errorf("%w: object is a delta, no base given", ErrBase)
	}
	if err := ref.check(); err != nil {
		return fmt.Errorf("base picture: %w", err)
	}
	if ref.Width != h.Width || ref.Height != h.Height || ref.Colours != h.Colours {
		return fmt.Errorf("%w: %dx%d pixels, object has %dx%d", ErrBase, ref.Width, ref.Height, h.Width, h.Height)
	}
	if digest := d.digester.digest(ref); [baseSize]byte(digest[:baseSize]) != h.Base {
		return fmt.Errorf("%w: digest differs", ErrBase)
	}
	return nil
}

// decodePart decodes a part over what is there [DL-PART-1].
func (d *Decoder) decodePart(dst *Bitmap, p *part) error {
	plane := dst.plane(p.plane)
	var base []byte
	if p.encoding.hasReference() {
		from := plane
		if p.prior {
			from = dst.plane(p.plane - 1)
		}
		d.base = cut(d.base[:0], from, dst.Stride, p)
		base = d.base
	}
	if p.whole(dst.Width, dst.Height) {
		if err := d.payload(plane, p, base); err != nil {
			return err
		}
		return checkPadding(plane, p.w)
	}
	if size := p.stride() * p.h; cap(d.part) < size {
		d.part = make([]byte, size)
	} else {
		d.part = d.part[:size]
	}
	if err := d.payload(d.part, p, base); err != nil {
		return err
	}
	if err := checkPadding(d.part, p.w); err != nil {
		return err
	}
	n := p.stride()
	for y := range p.h {
		copy(plane[(p.y+y)*dst.Stride+p.x/8:][:n], d.part[y*n:])
	}
	return nil
}

// cut appends the rows of a part of a plane.
func cut(to, plane []byte, stride int, p *part) []byte {
	n := p.stride()
	if n == stride {
		return append(to, plane[p.y*stride:(p.y+p.h)*stride]...)
	}
	for y := range p.h {
		to = append(to, plane[(p.y+y)*stride+p.x/8:][:n]...)
	}
	return to
}

// payload decodes the rows of a part.
func (d *Decoder) payload(pix []byte, p *part, base []byte) error {
	switch p.encoding {
	case EncodingRaw:
		copy(pix, p.payload)
		return nil
	case EncodingDeflate:
		return d.inflater.inflate(pix, p.payload)
	case EncodingDeflateXor:
		if err := d.inflater.inflate(pix, p.payload); err != nil {
			return err
		}
		subtle.XORBytes(pix, pix, base)
		return nil
	}
	return d.decodeContext(pix, p.encoding.profile(), p.w, p.h, p.payload, base)
}
