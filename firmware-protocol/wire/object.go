package wire

import (
	"encoding/binary"
	"fmt"
)

// Sizes of the object header in bytes [DL-OBJ-2].
const (
	headerSize = 14
	baseSize   = 8
)

// Bits of the object's flags.
const (
	flagBase     = 0x01 // an object that names a base
	refreshShift = 1    // 2 bits
	flagsUnknown = 0xf8
)

// Refresh is how the panel is asked to change [DL-OBJ-7].
type Refresh uint8

// The refresh modes.
const (
	RefreshAny     Refresh = iota // as the sign sees fit
	RefreshFull                   // the whole panel, with the waveform that leaves no traces
	RefreshFast                   // the whole panel, with a fast waveform
	RefreshPartial                // only what changed
)

// Header is the head of an object [DL-OBJ-2].
type Header struct {
	Encoding      Encoding // of the first part
	Parts         int      // how many there are
	Colours       Colours
	Refresh       Refresh
	Width, Height int // pixels
	Delta         bool
	Base          [baseSize]byte // first bytes of the base's GlassDigest when Delta
	Checksum      uint32         // CRC-32 (IEEE) of the decoded picture
}

// size returns the length of the header itself in bytes.
func (h *Header) size() int {
	if h.Delta {
		return headerSize + baseSize
	}
	return headerSize
}

// MaxObject returns the most bytes an object of a black and white picture can
// have: the raw encoding with its header.
func MaxObject(width, height int) int { return maxObject(width, height, BlackWhite) }

// maxObject is MaxObject for all kinds: each part but the last tells its length.
func maxObject(width, height int, c Colours) int {
	return headerSize + (partLength+1)*c.Planes() - partLength + (width+7)/8*height*c.Planes()
}

// appendHeader appends the header of an object.
func appendHeader(dst []byte, h *Header) []byte {
	var b [headerSize]byte
	b[0], b[1], b[2] = 'D', 'L', 'O'
	b[3] = ObjectVersion
	b[4] = byte(h.Colours) + 1
	b[5] = byte(h.Refresh) << refreshShift
	if h.Delta {
		b[5] |= flagBase
	}
	binary.LittleEndian.PutUint16(b[6:], uint16(h.Width))
	binary.LittleEndian.PutUint16(b[8:], uint16(h.Height))
	binary.LittleEndian.PutUint32(b[10:], h.Checksum)
	dst = append(dst, b[:]...)
	if h.Delta {
		dst = append(dst, h.Base[:]...)
	}
	return dst
}

// parseHead reads the head without the parts.
func parseHead(object []byte) (h Header, err error) {
	if len(object) < headerSize || string(object[:3]) != "DLO" {
		return h, fmt.Errorf("%w: not an object", ErrFormat)
	}
	if object[3] != ObjectVersion {
		return h, fmt.Errorf("%w: object version %d", ErrUnsupported, object[3])
	}
	h = Header{
		Colours:  Colours(object[4] - 1),
		Refresh:  Refresh(object[5] >> refreshShift & 3),
		Delta:    object[5]&flagBase != 0,
		Width:    int(binary.LittleEndian.Uint16(object[6:])),
		Height:   int(binary.LittleEndian.Uint16(object[8:])),
		Checksum: binary.LittleEndian.Uint32(object[10:]),
	}
	if object[5]&flagsUnknown != 0 {
		return h, fmt.Errorf("%w: flags %#02x", ErrUnsupported, object[5])
	}
	if err := checkSize(h.Width, h.Height, h.Colours); err != nil {
		return h, err
	}
	if len(object) < h.size() {
		return h, fmt.Errorf("%w: no base digest", ErrFormat)
	}
	if h.Delta {
		copy(h.Base[:], object[headerSize:])
	}
	return h, nil
}

// ParseHeader reads and checks the head of an object and of its parts without
// touching their payloads. The error is ErrFormat or ErrUnsupported.
func ParseHeader(object []byte) (Header, error) {
	h, err := parseHead(object)
	if err != nil {
		return Header{}, err
	}
	r := h.parts(object)
	for r.more {
		p, err := r.next()
		if err != nil {
			return Header{}, err
		}
		if h.Parts == 0 {
			h.Encoding = p.encoding
		}
		h.Parts++
	}
	return h, nil
}

// Bits of the first byte of a part [DL-PART-2].
const (
	partMore   = 0x08
	partPrior  = 0x10
	partWindow = 0x20
	planeShift = 6

	partLength     = 4 // bytes of the payload's length
	partWindowSize = 8 // bytes of the window
)

// part is one rectangle of one plane [DL-PART-1].
type part struct {
	encoding   Encoding
	plane      int
	prior      bool // the reference is the plane before
	x, y, w, h int  // pixels
	payload    []byte
}

// stride is the number of bytes in a row of the part.
func (p *part) stride() int { return (p.w + 7) / 8 }

// whole reports whether the part is a whole plane.
func (p *part) whole(width, height int) bool { return p.w == width && p.h == height }

// appendPart appends a part; the last one of an object has no length.
func appendPart(dst []byte, p *part, width, height int, last bool) []byte {
	head := byte(p.encoding) | byte(p.plane)<<planeShift
	if !last {
		head |= partMore
	}
	if p.prior {
		head |= partPrior
	}
	window := !p.whole(width, height)
	if window {
		head |= partWindow
	}
	dst = append(dst, head)
	if window {
		for _, v := range [...]int{p.x, p.y, p.w, p.h} {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
		}
	}
	if !last {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p.payload)))
	}
	return append(dst, p.payload...)
}

// partSize is how many bytes appendPart appends beside the payload, as the last
// part.
func partSize(window bool) int {
	if window {
		return 1 + partWindowSize
	}
	return 1
}

// partReader goes through the parts of an object.
type partReader struct {
	head Header
	in   []byte
	room int // bytes that parts may still decode to
	more bool
}

// parts returns a reader at the first part.
func (h *Header) parts(object []byte) partReader {
	return partReader{head: *h, in: object[h.size():], room: (h.Width + 7) / 8 * h.Height * h.Colours.Planes(), more: true}
}

// next reads and checks the next part [DL-PART-4].
func (r *partReader) next() (p part, err error) {
	if len(r.in) == 0 {
		return p, fmt.Errorf("%w: part is missing", ErrFormat)
	}
	b := r.in[0]
	p = part{
		encoding: Encoding(b & 7), plane: int(b >> planeShift), prior: b&partPrior != 0,
		w: r.head.Width, h: r.head.Height,
	}
	r.in, r.more = r.in[1:], b&partMore != 0
	if p.encoding >= encodings {
		return p, fmt.Errorf("%w: encoding %d", ErrUnsupported, p.encoding)
	}
	if p.plane >= r.head.Colours.Planes() {
		return p, fmt.Errorf("%w: plane %d", ErrFormat, p.plane)
	}
	if p.prior && (p.plane == 0 || !p.encoding.hasReference()) || !p.prior && p.encoding.hasReference() && !r.head.Delta {
		return p, fmt.Errorf("%w: reference of encoding %v", ErrFormat, p.encoding)
	}
	if b&partWindow != 0 {
		if err := r.window(&p); err != nil {
			return p, err
		}
	}
	size := p.stride() * p.h
	if r.room -= size; r.room < 0 {
		return p, fmt.Errorf("%w: parts are larger than the picture", ErrFormat)
	}
	if p.payload = r.in; r.more {
		if len(r.in) < partLength {
			return p, fmt.Errorf("%w: length of a part is missing", ErrFormat)
		}
		n := binary.LittleEndian.Uint32(r.in)
		if r.in = r.in[partLength:]; uint64(n) > uint64(len(r.in)) {
			return p, fmt.Errorf("%w: part of %d bytes, %d are there", ErrFormat, n, len(r.in))
		}
		p.payload, r.in = r.in[:n], r.in[n:]
	}
	if len(p.payload) > size || p.encoding == EncodingRaw && len(p.payload) != size {
		return p, fmt.Errorf("%w: payload of %d bytes for %d", ErrFormat, len(p.payload), size)
	}
	return p, nil
}

// window reads where a part is.
func (r *partReader) window(p *part) error {
	if len(r.in) < partWindowSize {
		return fmt.Errorf("%w: window is missing", ErrFormat)
	}
	le := binary.LittleEndian
	p.x, p.y, p.w, p.h = int(le.Uint16(r.in)), int(le.Uint16(r.in[2:])), int(le.Uint16(r.in[4:])), int(le.Uint16(r.in[6:]))
	r.in = r.in[partWindowSize:]
	right := p.x + p.w
	if p.w < 1 || p.h < 1 || p.x&7 != 0 || right > r.head.Width || p.y+p.h > r.head.Height || right&7 != 0 && right != r.head.Width {
		return fmt.Errorf("%w: window %d,%d of %dx%d", ErrFormat, p.x, p.y, p.w, p.h)
	}
	return nil
}
