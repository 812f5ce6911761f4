package wire

import (
	"encoding/binary"
	"fmt"
)

// Sizes of the object header in bytes [DL-OBJ-2].
const (
	headerSize = 18
	baseSize   = 8
)

// flagBase marks an object that names a base.
const flagBase = 0x01

// Header is the head of an object [DL-OBJ-2].
type Header struct {
	Encoding      Encoding
	Planes        int // 1
	Width, Height int // pixels
	Delta         bool
	Base          [8]byte // first bytes of the base's GlassDigest when Delta
	Checksum      uint32  // CRC-32 (IEEE) of the decoded rows
	Payload       int     // bytes that follow the header
}

// Size returns the length of the header itself in bytes.
func (h Header) Size() int {
	if h.Delta {
		return headerSize + baseSize
	}
	return headerSize
}

// MaxObject returns the most bytes an object of that size can have: the raw
// encoding with its header.
func MaxObject(width, height int) int { return headerSize + (width+7)/8*height }

// appendHeader appends the header of an object.
func appendHeader(dst []byte, h Header) []byte {
	var b [headerSize]byte
	b[0], b[1], b[2] = 'D', 'L', 'O'
	b[3] = Version
	b[4] = byte(h.Encoding)
	b[5] = byte(h.Planes) << 4
	if h.Delta {
		b[5] |= flagBase
	}
	binary.LittleEndian.PutUint16(b[6:], uint16(h.Width))
	binary.LittleEndian.PutUint16(b[8:], uint16(h.Height))
	binary.LittleEndian.PutUint32(b[10:], uint32(h.Payload))
	binary.LittleEndian.PutUint32(b[14:], h.Checksum)
	dst = append(dst, b[:]...)
	if h.Delta {
		dst = append(dst, h.Base[:]...)
	}
	return dst
}

// ParseHeader reads and checks the head of object without touching its
// payload. The error is ErrFormat or ErrUnsupported.
func ParseHeader(object []byte) (Header, error) {
	if len(object) < headerSize || string(object[:3]) != "DLO" {
		return Header{}, fmt.Errorf("%w: not an object", ErrFormat)
	}
	if object[3] != Version {
		return Header{}, fmt.Errorf("%w: object version %d", ErrUnsupported, object[3])
	}
	h := Header{
		Encoding: Encoding(object[4]),
		Planes:   int(object[5] >> 4),
		Delta:    object[5]&flagBase != 0,
		Width:    int(binary.LittleEndian.Uint16(object[6:])),
		Height:   int(binary.LittleEndian.Uint16(object[8:])),
		Payload:  int(binary.LittleEndian.Uint32(object[10:])),
		Checksum: binary.LittleEndian.Uint32(object[14:]),
	}
	if h.Encoding > EncodingContextRef {
		return Header{}, fmt.Errorf("%w: encoding %d", ErrUnsupported, h.Encoding)
	}
	if h.Planes != 1 || object[5]&0x0e != 0 {
		return Header{}, fmt.Errorf("%w: planes and flags %#02x", ErrUnsupported, object[5])
	}
	if err := checkSize(h.Width, h.Height); err != nil {
		return Header{}, err
	}
	if h.Delta != h.Encoding.needsBase() {
		return Header{}, fmt.Errorf("%w: encoding %v with base flag %t", ErrFormat, h.Encoding, h.Delta)
	}
	if len(object) < h.Size() || len(object)-h.Size() != h.Payload {
		return Header{}, fmt.Errorf("%w: object of %d bytes promises %d of payload", ErrFormat, len(object), h.Payload)
	}
	if h.Payload > MaxObject(h.Width, h.Height)-headerSize {
		return Header{}, fmt.Errorf("%w: payload of %d bytes is larger than the picture", ErrFormat, h.Payload)
	}
	if h.Delta {
		copy(h.Base[:], object[headerSize:])
	}
	return h, nil
}
