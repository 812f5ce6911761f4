package wire

import "fmt"

// inflateWindow is how far back a match may reach, in bytes [DL-DEF-2].
const inflateWindow = 512

// inflater decodes raw DEFLATE (RFC 1951) into a buffer of known size. It is
// stricter than the RFC: matches reach back at most inflateWindow bytes, code
// sets must be complete, and the stream must end with its last byte.
type inflater struct {
	in   []byte
	pos  int
	bits uint32
	n    uint // valid bits

	literal, distance, length huffman
	lengths                   [288 + 32]byte
}

// huffman is a canonical prefix code: how many codes of each length, and the
// symbols in order of their codes.
type huffman struct {
	count  [16]uint16
	symbol [288]uint16
}

var errInflate = fmt.Errorf("%w: deflate stream", ErrFormat)

// Base values and extra bits of lengths and distances, RFC 1951, 3.2.5.
var (
	lengthBase    = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	lengthOrder   = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// take returns the next n bits, n at most 16, first bit lowest.
func (f *inflater) take(n uint) (uint32, error) {
	for f.n < n {
		if f.pos == len(f.in) {
			return 0, errInflate
		}
		f.bits |= uint32(f.in[f.pos]) << f.n
		f.pos++
		f.n += 8
	}
	v := f.bits & (1<<n - 1)
	f.bits >>= n
	f.n -= n
	return v, nil
}

// inflate fills dst exactly from in.
func (f *inflater) inflate(dst, in []byte) error {
	f.in, f.pos, f.bits, f.n = in, 0, 0, 0
	defer func() { f.in = nil }()
	at := 0
	for {
		final, err := f.take(1)
		if err != nil {
			return err
		}
		kind, err := f.take(2)
		if err != nil {
			return err
		}
		switch kind {
		case 0:
			at, err = f.stored(dst, at)
		case 1:
			f.fixedCodes()
			at, err = f.block(dst, at)
		case 2:
			if err = f.dynamicCodes(); err == nil {
				at, err = f.block(dst, at)
			}
		default:
			err = errInflate
		}
		if err != nil {
			return err
		}
		if final != 0 {
			break
		}
	}
	if at != len(dst) || f.pos != len(in) {
		return errInflate
	}
	return nil
}

// stored copies a block that is not compressed.
func (f *inflater) stored(dst []byte, at int) (int, error) {
	f.bits, f.n = 0, 0
	if len(f.in)-f.pos < 4 {
		return at, errInflate
	}
	head := f.in[f.pos:]
	size := int(head[0]) | int(head[1])<<8
	if size^0xffff != int(head[2])|int(head[3])<<8 {
		return at, errInflate
	}
	f.pos += 4
	if size > len(f.in)-f.pos || size > len(dst)-at {
		return at, errInflate
	}
	copy(dst[at:], f.in[f.pos:f.pos+size])
	f.pos += size
	return at + size, nil
}

// build makes the code for the given lengths. A code that is over-subscribed,
// or incomplete with more than one symbol, is refused.
func (h *huffman) build(lengths []byte) error {
	h.count = [16]uint16{}
	for _, l := range lengths {
		h.count[l]++
	}
	left := 1
	var offsets [16]uint16
	for l := 1; l < 16; l++ {
		left = left<<1 - int(h.count[l])
		if left < 0 {
			return errInflate
		}
		if l < 15 {
			offsets[l+1] = offsets[l] + h.count[l]
		}
	}
	used := len(lengths) - int(h.count[0])
	if left > 0 && (used > 1 || h.count[1] != uint16(used)) {
		return errInflate
	}
	for s, l := range lengths {
		if l != 0 {
			h.symbol[offsets[l]] = uint16(s)
			offsets[l]++
		}
	}
	h.count[0] = 0
	return nil
}

// symbol reads one symbol bit by bit; codes are packed first bit first.
func (f *inflater) symbol(h *huffman) (int, error) {
	code, first, index := 0, 0, 0
	for l := 1; l < 16; l++ {
		bit, err := f.take(1)
		if err != nil {
			return 0, err
		}
		code |= int(bit)
		count := int(h.count[l])
		if code-count < first {
			return int(h.symbol[index+code-first]), nil
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, errInflate
}

// fixedCodes sets the codes of RFC 1951, 3.2.6.
func (f *inflater) fixedCodes() {
	l := f.lengths[:]
	for i := range 288 {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	for i := range 32 {
		l[288+i] = 5
	}
	// Both are complete, so that build cannot fail.
	_ = f.literal.build(l[:288])
	_ = f.distance.build(l[288:])
}

// dynamicCodes reads the codes of RFC 1951, 3.2.7.
func (f *inflater) dynamicCodes() error {
	head, err := f.take(14)
	if err != nil {
		return err
	}
	literals, distances, orders := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if literals > 286 || distances > 30 {
		return errInflate
	}
	clear(f.lengths[:19])
	for i := range orders {
		l, err := f.take(3)
		if err != nil {
			return err
		}
		f.lengths[lengthOrder[i]] = byte(l)
	}
	if err := f.length.build(f.lengths[:19]); err != nil {
		return err
	}
	if err := f.readLengths(literals + distances); err != nil {
		return err
	}
	if f.lengths[256] == 0 {
		return errInflate
	}
	if err := f.literal.build(f.lengths[:literals]); err != nil {
		return err
	}
	return f.distance.build(f.lengths[literals : literals+distances])
}

// readLengths reads total code lengths with their repeats.
func (f *inflater) readLengths(total int) error {
	for i := 0; i < total; {
		s, err := f.symbol(&f.length)
		if err != nil {
			return err
		}
		if s < 16 {
			f.lengths[i] = byte(s)
			i++
			continue
		}
		value, bits, repeat := byte(0), uint(3), 3
		switch s {
		case 16:
			if i == 0 {
				return errInflate
			}
			value, bits = f.lengths[i-1], 2
		case 18:
			bits, repeat = 7, 11
		}
		extra, err := f.take(bits)
		if err != nil {
			return err
		}
		repeat += int(extra)
		if repeat > total-i {
			return errInflate
		}
		for range repeat {
			f.lengths[i] = value
			i++
		}
	}
	return nil
}

// block decodes literals and matches up to the end of a block.
func (f *inflater) block(dst []byte, at int) (int, error) {
	for {
		s, err := f.symbol(&f.literal)
		switch {
		case err != nil:
			return at, err
		case s < 256:
			if at == len(dst) {
				return at, errInflate
			}
			dst[at] = byte(s)
			at++
		case s == 256:
			return at, nil
		default:
			if at, err = f.match(dst, at, s-257); err != nil {
				return at, err
			}
		}
	}
}

// match copies what a length symbol and the distance after it say.
func (f *inflater) match(dst []byte, at, s int) (int, error) {
	if s >= len(lengthBase) {
		return at, errInflate
	}
	extra, err := f.take(uint(lengthExtra[s]))
	if err != nil {
		return at, err
	}
	length := int(lengthBase[s]) + int(extra)
	d, err := f.symbol(&f.distance)
	if err != nil {
		return at, err
	}
	if d >= len(distanceBase) {
		return at, errInflate
	}
	if extra, err = f.take(uint(distanceExtra[d])); err != nil {
		return at, err
	}
	distance := int(distanceBase[d]) + int(extra)
	if distance > inflateWindow || distance > at || length > len(dst)-at {
		return at, errInflate
	}
	for range length {
		dst[at] = dst[at-distance]
		at++
	}
	return at, nil
}
