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
}

// NewDecoder returns a Decoder for one goroutine at a time.
func NewDecoder() *Decoder { return &Decoder{digester: newDigester()} }

// Decode decodes object into dst, whose Pix is reused when it is large enough.
// ref is the base of a delta, nil when there is none; it is ignored by objects
// that are no delta and never changed, unless dst is ref itself. The error is
// ErrFormat, ErrUnsupported, ErrBase or ErrChecksum; dst's content is then
// undefined.
func (d *Decoder) Decode(dst *Bitmap, object []byte, ref *Bitmap) error {
	h, err := ParseHeader(object)
	if err != nil {
		return err
	}
	var base []byte
	if h.Delta {
		if err := d.checkBase(h, ref); err != nil {
			return err
		}
		base = ref.Pix
	}
	dst.Width, dst.Height, dst.Stride = h.Width, h.Height, (h.Width+7)/8
	size := dst.Stride * dst.Height
	if cap(dst.Pix) < size || base != nil && &dst.Pix[:1][0] == &base[0] {
		dst.Pix = make([]byte, size)
	}
	dst.Pix = dst.Pix[:size]
	if err := d.payload(dst, object[h.Size():], base, h.Encoding); err != nil {
		return err
	}
	if err := dst.checkPadding(); err != nil {
		return err
	}
	if crc32.ChecksumIEEE(dst.Pix) != h.Checksum {
		return fmt.Errorf("%w: picture", ErrChecksum)
	}
	return nil
}

// checkBase makes sure that ref is the picture the delta was made against
// [DL-OBJ-6].
func (d *Decoder) checkBase(h Header, ref *Bitmap) error {
	if ref == nil {
		return fmt.Errorf("%w: object is a delta, no base given", ErrBase)
	}
	if err := ref.check(); err != nil {
		return fmt.Errorf("base picture: %w", err)
	}
	if ref.Width != h.Width || ref.Height != h.Height {
		return fmt.Errorf("%w: %dx%d pixels, object has %dx%d", ErrBase, ref.Width, ref.Height, h.Width, h.Height)
	}
	if digest := d.digester.digest(ref); [baseSize]byte(digest[:baseSize]) != h.Base {
		return fmt.Errorf("%w: digest differs", ErrBase)
	}
	return nil
}

// payload decodes one encoding into dst.Pix, over the rows of the base.
func (d *Decoder) payload(dst *Bitmap, payload, base []byte, encoding Encoding) error {
	switch encoding {
	case EncodingRaw:
		if len(payload) != len(dst.Pix) {
			return fmt.Errorf("%w: %d raw bytes, want %d", ErrFormat, len(payload), len(dst.Pix))
		}
		copy(dst.Pix, payload)
		return nil
	case EncodingDeflate:
		return d.inflater.inflate(dst.Pix, payload)
	case EncodingDeflateXor:
		if err := d.inflater.inflate(dst.Pix, payload); err != nil {
			return err
		}
		subtle.XORBytes(dst.Pix, dst.Pix, base)
		return nil
	case EncodingContext:
		return d.decodeContext(dst, payload, nil)
	case EncodingContextRef:
		return d.decodeContext(dst, payload, base)
	}
	return fmt.Errorf("%w: encoding %d", ErrUnsupported, encoding)
}
