package wire

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash"
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
	// them; the result is the same or smaller.
	TryAll bool

	digest hash.Hash
	model  model
	coder  rangeEncoder
	flate  *flate.Writer
	xor    []byte
	best   []byte // payload of the best trial
	trial  []byte // payload of the trial at hand
	trials []Trial
}

// NewEncoder returns an Encoder for one goroutine at a time.
func NewEncoder() *Encoder {
	return &Encoder{digest: sha256.New()}
}

// Trials lists what the last Encode tried, in order; valid until the next.
func (e *Encoder) Trials() []Trial { return e.trials }

// deflateHopeless: when the context coder makes a picture this many times
// smaller than raw it is text or drawing, on which deflate has never won.
const deflateHopeless = 6

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
		if !e.worthTrying(encoding, &next, ref, caps, best, size) {
			continue
		}
		if n, ok := e.try(encoding, &next, ref, size); ok {
			best, size = encoding, n
			e.best, e.trial = e.trial, e.best
		}
	}
	return e.appendObject(dst, best, &next, ref), nil
}

// worthTrying drops what the sign cannot decode and what cannot win.
func (e *Encoder) worthTrying(encoding Encoding, next, ref *Bitmap, caps Capabilities, best Encoding, size int) bool {
	var needed Capabilities
	switch encoding {
	case EncodingContextRef:
		needed = CapContextRef
	case EncodingContext:
		needed = CapContext
	case EncodingDeflateXor:
		needed = CapDeflateRef
	case EncodingDeflate:
		needed = CapDeflate512
	}
	if caps&needed == 0 || encoding.needsBase() && ref == nil {
		return false
	}
	if e.TryAll || best == EncodingRaw {
		return true
	}
	hopeless := size < MaxObject(next.Width, next.Height)/deflateHopeless
	return !hopeless
}

// try codes next into e.trial; ok when the whole object would be smaller than
// limit.
func (e *Encoder) try(encoding Encoding, next, ref *Bitmap, limit int) (size int, ok bool) {
	head := Header{Delta: encoding.needsBase()}.Size()
	room := limit - head
	if e.TryAll {
		room = MaxObject(next.Width, next.Height)
	}
	complete := true
	switch encoding {
	case EncodingContext:
		complete = e.encodeContext(next, room)
	case EncodingContextRef:
		complete = e.encodeContextRef(next, ref, room)
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
		base := ref.digestWith(e.digest)
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
	if e.flate == nil {
		w, err := flate.NewWriterWindow(payloadWriter{e}, inflateWindow)
		if err != nil {
			return false
		}
		e.flate = w
	} else {
		e.flate.Reset(payloadWriter{e})
	}
	if _, err := e.flate.Write(data); err != nil {
		return false
	}
	return e.flate.Close() == nil
}
