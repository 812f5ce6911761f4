package wire

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/flate"
)

// Trial is one way that Encode tried.
type Trial struct {
	Encoding Encoding
	Parts    int  // more than 1: only what changed, in so many parts
	Bytes    int  // of the whole object
	Stopped  bool // given up at Bytes, when it could no longer win
}

// Encoder makes objects. It keeps its scratch between calls, so that it
// allocates nothing once it has seen the largest picture.
type Encoder struct {
	// TryAll makes Encode try every encoding to its end, for tools that list
	// them; the object is the same or smaller.
	TryAll bool
	// Hurry makes Encode take what changed where the capabilities allow windows,
	// without trying whether the whole picture is smaller: some twenty bytes more
	// in an eighth of the time, of the sign's, too.
	Hurry bool
	// Refresh is what the objects ask of the panel.
	Refresh Refresh

	digester *digester
	model    model
	coder    rangeEncoder
	deflater *flate.Writer
	xor      []byte
	best     []byte // payload of the best trial
	trial    []byte // payload of the trial at hand
	pix      []byte // rows of the part at hand
	base     []byte // rows of its reference
	whole    []byte // parts of whole planes
	windows  []byte // parts of what changed
	list     []part
	trials   []Trial
}

// NewEncoder returns an Encoder for one goroutine at a time.
func NewEncoder() *Encoder { return &Encoder{digester: newDigester()} }

// Trials lists what the last Encode tried on the first plane, in order; valid
// until the next.
func (e *Encoder) Trials() []Trial { return e.trials }

// Encode appends next as one object to dst, in the smallest way that caps allow
// [DL-OBJ-5]. ref is the picture the sign has, nil for none; a ref of another
// size or other planes is not used. The object of a black and white picture is
// never larger than MaxObject(next.Width, next.Height), and equal input gives
// equal bytes. The error is ErrFormat or ErrUnsupported, for pictures that break
// the rules of Bitmap.
func (e *Encoder) Encode(dst []byte, next Bitmap, ref *Bitmap, caps Capabilities) ([]byte, error) {
	e.trials = e.trials[:0]
	if err := next.check(); err != nil {
		return dst, err
	}
	if ref != nil {
		if err := ref.check(); err != nil {
			return dst, fmt.Errorf("base picture: %w", err)
		}
		if !ref.same(&next) {
			ref = nil
		}
	}
	h := Header{Colours: next.Colours, Refresh: e.Refresh, Width: next.Width, Height: next.Height, Checksum: crc32.ChecksumIEEE(next.Pix)}
	body, delta := e.encodeBody(&next, ref, caps)
	if len(body)+deltaSize(delta)+headerSize > maxObject(next.Width, next.Height, next.Colours) {
		body, delta = e.rawPlanes(&next), false
	}
	if h.Delta = delta; delta {
		digest := e.digester.digest(ref)
		copy(h.Base[:], digest[:])
	}
	return append(appendHeader(dst, &h), body...), nil
}

// encodeBody codes the parts of a picture; delta when one of them refers to ref.
func (e *Encoder) encodeBody(next, ref *Bitmap, caps Capabilities) (body []byte, delta bool) {
	windows := ref != nil && caps&CapParts != 0 && (e.Hurry || e.TryAll || caps&(CapSmallRef|CapFullRef) == 0)
	windows = windows && e.encodeWindows(next, ref, caps)
	if windows && e.Hurry && !e.TryAll {
		return e.windows, true
	}
	body, delta = e.encodePlanes(next, ref, caps)
	if windows && len(e.windows)+baseSize < len(body)+deltaSize(delta) {
		return e.windows, true
	}
	return body, delta
}

// deltaSize is what naming a base costs.
func deltaSize(delta bool) int {
	if delta {
		return baseSize
	}
	return 0
}

// encodePlanes codes each plane as a whole; delta when one of them refers to
// ref.
func (e *Encoder) encodePlanes(next, ref *Bitmap, caps Capabilities) (body []byte, delta bool) {
	e.whole = e.whole[:0]
	planes := next.Colours.Planes()
	for n := range planes {
		e.list = append(e.list[:0], part{plane: n, w: next.Width, h: next.Height})
		p := &e.list[0]
		var base []byte
		if ref != nil {
			base = ref.plane(n)
		}
		var prior []byte
		if n > 0 && caps&CapParts != 0 {
			prior = next.plane(n - 1)
		}
		e.encodePart(&search{part: p, pix: next.plane(n), caps: caps, named: delta, note: n == 0, head: headerSize + partSize(false)}, base, prior)
		delta = delta || p.encoding.hasReference() && !p.prior
		e.whole = appendPart(e.whole, p, next.Width, next.Height, n == planes-1)
	}
	return e.whole, delta
}

// rawPlanes is the last resort of pictures with several planes.
func (e *Encoder) rawPlanes(next *Bitmap) []byte {
	e.whole = e.whole[:0]
	planes := next.Colours.Planes()
	for n := range planes {
		p := part{plane: n, w: next.Width, h: next.Height, payload: next.plane(n)}
		e.whole = appendPart(e.whole, &p, next.Width, next.Height, n == planes-1)
	}
	return e.whole
}

// order is the one in which encodings are tried, the best ones first, so that
// others can be given up early.
var order = [...]Encoding{EncodingFullRef, EncodingFull, EncodingSmallRef, EncodingSmall, EncodingDeflateXor, EncodingDeflate}

// search is the look for the smallest payload of one part.
type search struct {
	part  *part
	pix   []byte
	caps  Capabilities
	cost  int  // of the best so far: payload and, when it is the first to need it, base digest
	named bool // the base digest is needed anyway
	note  bool // list the trials
	head  int  // bytes of the object beside payload and base digest, for the list
}

// encodePart finds the smallest payload of s.part. base is the same part of the
// base, prior that of the plane before; nil when there is none.
func (e *Encoder) encodePart(s *search, base, prior []byte) {
	s.part.encoding, s.part.payload, s.cost = EncodingRaw, s.pix, len(s.pix)
	e.tried(s, EncodingRaw, s.cost, true)
	for _, encoding := range order {
		if !encoding.allowed(s.caps) || !e.TryAll && s.hopeless(encoding, base) {
			continue
		}
		if !encoding.hasReference() {
			e.offer(s, encoding, nil, false)
			continue
		}
		if base != nil {
			e.offer(s, encoding, base, false)
		}
		if prior != nil {
			e.offer(s, encoding, prior, true)
		}
	}
}

// hopeless reports whether an encoding cannot be expected to win against the
// best so far, from what was measured on agendas, photos and patterns: the
// small profile loses to the full one, deflate loses to the context coder
// wherever that halves the picture, and a picture is smaller alone only when a
// good part of it changed.
func (s *search) hopeless(encoding Encoding, base []byte) bool {
	best := s.part.encoding
	switch encoding {
	case EncodingSmall, EncodingSmallRef:
		if best == EncodingFull || best == EncodingFullRef {
			return true
		}
		fallthrough
	case EncodingFull, EncodingFullRef:
		if !encoding.hasReference() && best.hasReference() && !s.part.prior {
			stride := s.part.stride()
			return 2*changes(s.pix, base) < changes(s.pix[stride:], s.pix)
		}
		return false
	}
	return best >= EncodingSmall && s.cost < len(s.pix)/2
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

// offer tries one encoding and keeps it when it is the smallest.
func (e *Encoder) offer(s *search, encoding Encoding, base []byte, prior bool) {
	extra := 0
	if encoding.hasReference() && !prior && !s.named {
		extra = baseSize
	}
	room := s.cost - extra
	if e.TryAll {
		room = 2*len(s.pix) + 64
	}
	complete := e.try(encoding, s, base, room)
	cost := len(e.trial) + extra
	e.tried(s, encoding, cost, complete)
	if !complete || cost >= s.cost {
		return
	}
	s.cost = cost
	e.best, e.trial = e.trial, e.best
	s.part.encoding, s.part.prior, s.part.payload = encoding, prior, e.best
}

func (e *Encoder) tried(s *search, encoding Encoding, cost int, complete bool) {
	if s.note {
		e.trials = append(e.trials, Trial{Encoding: encoding, Parts: 1, Bytes: s.head + cost, Stopped: !complete})
	}
}

// try codes the part into e.trial; false when it gave up after room bytes.
func (e *Encoder) try(encoding Encoding, s *search, base []byte, room int) (complete bool) {
	switch encoding {
	case EncodingDeflate:
		return e.deflate(s.pix)
	case EncodingDeflateXor:
		if cap(e.xor) < len(s.pix) {
			e.xor = make([]byte, len(s.pix))
		}
		e.xor = e.xor[:len(s.pix)]
		subtle.XORBytes(e.xor, s.pix, base)
		return e.deflate(e.xor)
	}
	e.trial, complete = e.encodeContext(e.trial[:0], encoding.profile(), s.pix, s.part.w, s.part.h, base, room)
	return complete
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
