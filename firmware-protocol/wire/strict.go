package wire

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Major types of CBOR.
const (
	majorNegative = 1
	majorBytes    = 2
	majorText     = 3
	majorArray    = 4
	majorMap      = 5
	majorTag      = 6
	majorSimple   = 7
)

// Bounds of a message [DL-LIM-1].
const (
	maxDepth    = 4
	maxElements = 16
	maxPairs    = 48
)

// strict reports whether data is one map as [DL-MSG-2] allows it, down to the
// values of keys that nobody knows: a library that decodes into fields looks at
// those less closely. It allocates nothing.
func strict(data []byte) bool {
	r := items{data}
	major, n, ok := r.head()
	return ok && major == majorMap && r.skip(major, n, 0) && len(r.data) == 0
}

// items are CBOR items one after another.
type items struct{ data []byte }

// head takes the head of an item: its type and its number or length. It is false
// for one that is not allowed, or reaches past the end.
func (r *items) head() (major byte, n uint64, ok bool) {
	if len(r.data) == 0 {
		return 0, 0, false
	}
	first := r.data[0]
	r.data = r.data[1:]
	major, n = first>>5, uint64(first&31)
	if info := n; info >= 24 {
		var wide [8]byte
		size := 1 << (info - 24)
		if info > 27 || len(r.data) < size {
			return 0, 0, false
		}
		copy(wide[8-size:], r.data[:size])
		n, r.data = binary.BigEndian.Uint64(wide[:]), r.data[size:]
	}
	switch info := first & 31; major {
	case majorTag:
		return 0, 0, false
	case majorSimple: // false, true, and floating-point numbers, which are no key and no field
		if info < 25 && info != 20 && info != 21 {
			return 0, 0, false
		}
	case majorBytes, majorText:
		if n > uint64(len(r.data)) || major == majorText && !utf8.Valid(r.data[:n]) {
			return 0, 0, false
		}
	}
	return major, n, true
}

// skip takes the rest of an item, of which depth maps and arrays are around.
func (r *items) skip(major byte, n uint64, depth int) bool {
	switch major {
	case majorBytes, majorText:
		r.data = r.data[n:]
		return true
	case majorArray:
		if depth == maxDepth || n > maxElements {
			return false
		}
		for range n {
			major, n, ok := r.head()
			if !ok || !r.skip(major, n, depth+1) {
				return false
			}
		}
		return true
	case majorMap:
		return depth < maxDepth && n <= maxPairs && r.pairs(n, depth+1)
	}
	return true
}

// key is a key of a map: a number, or the bytes of a string.
type key struct {
	major byte
	n     uint64
	text  []byte
}

// pairs takes the pairs of a map. Its keys are numbers or strings, no two of
// them the same; a message's own are no byte strings.
func (r *items) pairs(n uint64, depth int) bool {
	var seen [maxPairs]key
	for i := range n {
		var k key
		var ok bool
		if k.major, k.n, ok = r.head(); !ok || k.major > majorText || depth == 1 && k.major == majorBytes {
			return false
		}
		if k.major > majorNegative {
			k.text, r.data = r.data[:k.n], r.data[k.n:]
		}
		for _, other := range seen[:i] {
			if other.major == k.major && other.n == k.n && bytes.Equal(other.text, k.text) {
				return false
			}
		}
		seen[i] = k
		major, n, ok := r.head()
		if !ok || !r.skip(major, n, depth) {
			return false
		}
	}
	return true
}
