package wire

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/flate"
)

// Trial is one encoding that Encode tried.
type Trial struct {
	Encoding Encoding
	Bytes    int  // of the whole object
	Stopped  bool // given up at Bytes, when it could no longer win
}

// Encoder makes objects. It keeps its scratch between calls, so that it
// allocates nothing once it has seen the largest picture.
type Encoder struct {
	// TryAll makes Encode try every encoding to its end, for tools that list
	// them; the object is the same or smaller.
	TryAll bool

	digester *digester
	model    model
	coder    rangeEncoder
	deflater *flate.Writer
	xor      []byte
	best     []byte // payload of the best trial
	trial    []byte // payload of the trial at hand
	trials   []Trial
}

// NewEncoder returns an Encoder for one goroutine at a time.
func NewEncoder() *Encoder { return &Encoder{digester: newDigester()} }

// Trials lists what the last Encode tried, in order; valid until the next.
func (e *Encoder) Trials() []Trial { return e.trials }

// Encode appends next as one object to dst, in the smallest encoding that caps
// allow [DL-OBJ-5]. ref is the picture the sign has, nil for none; a ref of
// another size is not used. The object is never larger than
// MaxObject(next.Width, next.Height), and equal input gives equal bytes. The
// error is ErrFormat, for pictures that break the rules of Bitmap.
func (e *Encoder) Encode(dst []byte, next Bitmap, ref *Bitmap, caps Capabilities) ([]byte, error) {
	e.trials = e.trials[:0]
	if err := next.check(); err != nil {
		return dst, err
	}
	if ref != nil {
		if err := ref.check(); err != nil {
			return dst, fmt.Errorf("base picture: %w", err)
		}
		if ref.Width != next.Width || ref.Height != next.Height {
			ref = nil
		}
	}
	best := EncodingRaw
	size := MaxObject(next.Width, next.Height)
	e.trials = append(e.trials, Trial{Encoding: EncodingRaw, Bytes: size})
	for _, encoding := range [...]Encoding{EncodingContextRef, EncodingContext, EncodingDeflateXor, EncodingDeflate} {
		if !encoding.allowed(caps, ref) || !e.TryAll && hopeless(encoding, &next, ref, best, size) {
			continue
		}
		if n, ok := e.try(encoding, &next, ref, size); ok {
			best, size = encoding, n
			e.best, e.trial = e.trial, e.best
		}
	}
	return e.appendObject(dst, best, &next, ref), nil
}

// allowed reports whether the sign can decode that encoding.
func (e Encoding) allowed(caps Capabilities, ref *Bitmap) bool {
	switch e {
	case EncodingRaw:
		return true
	case EncodingDeflate:
		return caps&CapDeflate512 != 0
	case EncodingDeflateXor:
		return caps&CapDeflateRef != 0 && ref != nil
	case EncodingContext:
		return caps&CapContext != 0
	case EncodingContextRef:
		return caps&CapContextRef != 0 && ref != nil
	}
	return false
}

// hopeless reports whether an encoding cannot be expected to win against the
// best so far, from what was measured on agendas, photos and patterns: deflate
// loses to the context coder wherever that halves the picture, and a picture is
// smaller alone only when a good part of it changed.
func hopeless(encoding Encoding, next, ref *Bitmap, best Encoding, size int) bool {
	switch encoding {
	case EncodingContext:
		return best == EncodingContextRef && 2*changes(next.Pix, ref.Pix) < changes(next.Pix[next.Stride:], next.Pix)
	case EncodingDeflateXor, EncodingDeflate:
		return (best == EncodingContext || best == EncodingContextRef) && size < MaxObject(next.Width, next.Height)/2
	}
	return false
}

// changes counts the 8-byte words that differ, as far as the shorter reaches.
func changes(a, b []byte) (n int) {
	for len(a) >= 8 && len(b) >= 8 {
		if binary.NativeEndian.Uint64(a) != binary.NativeEndian.Uint64(b) {
			n++
		}
		a, b = a[8:], b[8:]
	}
	return n
}

// try codes next into e.trial; ok when the whole object is smaller than limit.
func (e *Encoder) try(encoding Encoding, next, ref *Bitmap, limit int) (size int, ok bool) {
	head := Header{Delta: encoding.needsBase()}.Size()
	room := limit - head
	if e.TryAll {
		room = 2 * MaxObject(next.Width, next.Height)
	}
	complete := true
	switch encoding {
	case EncodingContext:
		complete = e.encodeContext(next, nil, room)
	case EncodingContextRef:
		complete = e.encodeContext(next, ref, room)
	case EncodingDeflate:
		complete = e.deflate(next.Pix)
	case EncodingDeflateXor:
		if cap(e.xor) < len(next.Pix) {
			e.xor = make([]byte, len(next.Pix))
		}
		e.xor = e.xor[:len(next.Pix)]
		subtle.XORBytes(e.xor, next.Pix, ref.Pix)
		complete = e.deflate(e.xor)
	}
	size = head + len(e.trial)
	e.trials = append(e.trials, Trial{Encoding: encoding, Bytes: size, Stopped: !complete})
	return size, complete && size < limit
}

// appendObject writes header and payload of the winner.
func (e *Encoder) appendObject(dst []byte, encoding Encoding, next, ref *Bitmap) []byte {
	payload := e.best
	if encoding == EncodingRaw {
		payload = next.Pix
	}
	h := Header{
		Encoding: encoding,
		Planes:   1,
		Width:    next.Width,
		Height:   next.Height,
		Delta:    encoding.needsBase(),
		Checksum: crc32.ChecksumIEEE(next.Pix),
		Payload:  len(payload),
	}
	if h.Delta {
		base := e.digester.digest(ref)
		copy(h.Base[:], base[:])
	}
	return append(appendHeader(dst, h), payload...)
}

// payloadWriter collects what the deflater writes.
type payloadWriter struct{ e *Encoder }

func (w payloadWriter) Write(p []byte) (int, error) {
	w.e.trial = append(w.e.trial, p...)
	return len(p), nil
}

// deflate compresses data with the window of [DL-DEF-2].
func (e *Encoder) deflate(data []byte) bool {
	e.trial = e.trial[:0]
	if e.deflater == nil {
		w, err := flate.NewWriterWindow(payloadWriter{e}, inflateWindow)
		if err != nil {
			return false
		}
		e.deflater = w
	} else {
		e.deflater.Reset(payloadWriter{e})
	}
	if _, err := e.deflater.Write(data); err != nil {
		return false
	}
	return e.deflater.Close() == nil
}
