package wire

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"
)

// pictures are small and awkward: every width around a byte, and each kind of
// content.
func pictures(t testing.TB) []pair {
	var out []pair
	add := func(name string, next Bitmap, ref *Bitmap) {
		out = append(out, pair{fmt.Sprintf("%s/%dx%d", name, next.Width, next.Height), next, ref})
	}
	for _, size := range [][2]int{{1, 1}, {1, 9}, {7, 3}, {8, 8}, {9, 5}, {15, 2}, {16, 1}, {17, 17}, {31, 40}, {64, 64}, {122, 250}} {
		w, h := size[0], size[1]
		black, empty, random, other := solid(w, h), NewBitmap(w, h), noise(w, h, 3), noise(w, h, 4)
		add("empty", empty, nil)
		add("black", black, nil)
		add("noise", random, nil)
		add("photo", photo(w, h, 5), nil)
		add("same", random, &random)
		add("inverted", black, &empty)
		add("noise on noise", random, &other)
		one := random.clone()
		one.set(w-1, h-1, !one.at(w-1, h-1))
		add("one pixel", one, &random)
		add("noise on black", random, &black)
		add("empty on photo", empty, ptr(photo(w, h, 6)))
	}
	for _, size := range [][2]int{{250, 122}, {296, 128}, {400, 300}} {
		for _, p := range agendaPairs(t, size[0], size[1]) {
			add(p.name, p.next, p.ref)
		}
	}
	return out
}

func ptr[T any](v T) *T { return &v }

func TestRoundTrip(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	sets := []Capabilities{CapMinimal, CapAll, CapRaw | CapParts, CapDeflate | CapParts, CapDeflate | CapDeflateXor | CapParts, CapSmall | CapSmallRef | CapParts}
	for i := range encodings {
		sets = append(sets, 1<<i)
	}
	for _, p := range pictures(t) {
		for _, caps := range sets {
			for _, all := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/caps=%08b/all=%t", p.name, caps, all), func(t *testing.T) {
					e.TryAll = all
					roundTrip(t, e, d, p, caps)
				})
			}
		}
	}
}

func roundTrip(t *testing.T, e *Encoder, d *Decoder, p pair, caps Capabilities) {
	t.Helper()
	object, err := e.Encode([]byte("kept"), p.next, p.ref, caps)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(object, []byte("kept")) {
		t.Fatal("Encode does not append")
	}
	object = object[4:]
	if got, limit := len(object), MaxObject(p.next.Width, p.next.Height); got > limit {
		t.Errorf("object of %d bytes, at most %d", got, limit)
	}
	h, err := ParseHeader(object)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Encoding.allowed(caps) || h.Encoding.hasReference() && p.ref == nil {
		t.Errorf("encoding %v, not in capabilities %b", h.Encoding, caps)
	}
	var got Bitmap
	if err := d.Decode(&got, object, p.ref); err != nil {
		t.Fatalf("%v: %v", h.Encoding, err)
	}
	if !bytes.Equal(got.Pix, p.next.Pix) || got.Digest() != p.next.Digest() {
		t.Errorf("%v: decoded picture differs", h.Encoding)
	}
	if !h.Delta {
		return
	}
	inPlace := p.ref.clone()
	if err := d.Decode(&inPlace, object, &inPlace); err != nil || !bytes.Equal(inPlace.Pix, p.next.Pix) {
		t.Errorf("%v: decoded over its base: %v", h.Encoding, err)
	}
	if err := d.Decode(&got, object, nil); !errors.Is(err, ErrBase) {
		t.Errorf("delta without base: %v, want ErrBase", err)
	}
	other := p.ref.clone()
	other.set(0, 0, !other.at(0, 0))
	if err := d.Decode(&got, object, &other); !errors.Is(err, ErrBase) {
		t.Errorf("delta with another base: %v, want ErrBase", err)
	}
}

// Every context-coded payload means the same to the decoder that was written
// pixel by pixel.
func TestReferenceDecoder(t *testing.T) {
	e := NewEncoder()
	for _, p := range pictures(t) {
		for _, profile := range []profile{small, full} {
			for _, ref := range []*Bitmap{nil, p.ref} {
				payload := e.payload(t, profile, &p.next, ref)
				got, err := referenceDecode(payload, profile, p.next.Width, p.next.Height, ref)
				if err != nil {
					t.Errorf("%s: %v", p.name, err)
				} else if !bytes.Equal(got.Pix, p.next.Pix) {
					t.Errorf("%s: reference decodes another picture", p.name)
				}
			}
		}
	}
}

// payload codes a picture of one plane with the context coder.
func (e *Encoder) payload(t testing.TB, p profile, next, ref *Bitmap) []byte {
	t.Helper()
	var base []byte
	if ref != nil {
		base = ref.Pix
	}
	payload, ok := e.encodeContext(nil, p, next.Pix, next.Width, next.Height, base, 1<<20)
	if !ok {
		t.Fatal("gave up")
	}
	return payload
}

// An encoder that is used again gives the same bytes as a new one.
func TestDeterministic(t *testing.T) {
	used := NewEncoder()
	for _, p := range pictures(t) {
		want, err := NewEncoder().Encode(nil, p.next, p.ref, CapAll)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := used.Encode(nil, p.next, p.ref, CapAll)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: used encoder gives other bytes", p.name)
			}
		}
	}
}

func TestTryAllIsNotLarger(t *testing.T) {
	fast, all := NewEncoder(), NewEncoder()
	all.TryAll = true
	for _, p := range pictures(t) {
		quick, err := fast.Encode(nil, p.next, p.ref, CapAll)
		if err != nil {
			t.Fatal(err)
		}
		full, err := all.Encode(nil, p.next, p.ref, CapAll)
		if err != nil {
			t.Fatal(err)
		}
		if len(full) > len(quick) {
			t.Errorf("%s: %d bytes with every encoding tried, %d without", p.name, len(full), len(quick))
		}
		want := 4
		if p.ref != nil {
			want = 7
		}
		whole := 0
		for _, trial := range all.Trials() {
			if trial.Parts == 1 {
				whole++
			}
		}
		if whole < want || whole > want+1 {
			t.Errorf("%s: %d trials, want %d", p.name, whole, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	var object []byte
	var got Bitmap
	for _, p := range append(agendaPairs(t, 400, 300), pair{"photo", photo(400, 300, 1), nil}) {
		for _, caps := range []Capabilities{CapAll, CapDeflate | CapDeflateXor | CapParts} {
			run := func() {
				var err error
				if object, err = e.Encode(object[:0], p.next, p.ref, caps); err != nil {
					t.Fatal(err)
				}
				if err = d.Decode(&got, object, p.ref); err != nil {
					t.Fatal(err)
				}
			}
			run()
			if n := testing.AllocsPerRun(10, run); n != 0 {
				t.Errorf("%s, capabilities %b: %v allocations", p.name, caps, n)
			}
		}
	}
}

// The sizes that a battery pays for must not grow unnoticed.
func TestAgendaSizes(t *testing.T) {
	e := NewEncoder()
	limits := map[string]int{"first": 2083, "quarter": 138, "flip": 1365}
	for _, p := range agendaPairs(t, 800, 480) {
		object, err := e.Encode(nil, p.next, p.ref, CapAll)
		if err != nil {
			t.Fatal(err)
		}
		if got, limit := len(object), limits[p.name]; got > limit {
			t.Errorf("%s: %d bytes, at most %d", p.name, got, limit)
		}
	}
}

// In a hurry a small change costs little more, and is the same picture.
func TestHurry(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	e.Hurry = true
	for _, p := range append(agendaPairs(t, 800, 480), pair{"noise", noise(100, 60, 1), ptr(noise(100, 60, 2))}) {
		for _, caps := range []Capabilities{CapAll, CapFull | CapFullRef, CapParts | CapDeflateXor} {
			object, err := e.Encode(nil, p.next, p.ref, caps)
			if err != nil {
				t.Fatal(err)
			}
			var got Bitmap
			if err := d.Decode(&got, object, p.ref); err != nil || got.Digest() != p.next.Digest() {
				t.Errorf("%s, capabilities %b: %v or another picture", p.name, caps, err)
			}
			windows := (p.name == "quarter" || p.name == "flip") && caps&CapParts != 0
			if trials := e.Trials(); windows == (trials[0].Encoding == EncodingRaw) {
				t.Errorf("%s, capabilities %b: tried %v", p.name, caps, trials)
			}
			if limit := 150; p.name == "quarter" && caps == CapAll && len(object) > limit {
				t.Errorf("%s: %d bytes, at most %d", p.name, len(object), limit)
			}
		}
	}
}

func TestEncodeRefusesBrokenBitmaps(t *testing.T) {
	good := NewBitmap(9, 2)
	cases := map[string]func(b *Bitmap){
		"no width":     func(b *Bitmap) { b.Width = 0 },
		"too high":     func(b *Bitmap) { b.Height = MaxSide + 1 },
		"stride":       func(b *Bitmap) { b.Stride = 3 },
		"short pixels": func(b *Bitmap) { b.Pix = b.Pix[:3] },
		"padding":      func(b *Bitmap) { b.Pix = []byte{0, 0, 0, 1} },
		"too large":    func(b *Bitmap) { b.Width, b.Height = MaxSide, MaxSide },
	}
	for name, breakIt := range cases {
		t.Run(name, func(t *testing.T) {
			b := good
			breakIt(&b)
			if _, err := NewEncoder().Encode(nil, b, nil, CapAll); !errors.Is(err, ErrFormat) {
				t.Errorf("Encode: %v, want ErrFormat", err)
			}
			if _, err := NewEncoder().Encode(nil, good, &b, CapAll); !errors.Is(err, ErrFormat) {
				t.Errorf("Encode with it as base: %v, want ErrFormat", err)
			}
		})
	}
}

func TestBaseOfAnotherSizeIsNotUsed(t *testing.T) {
	ref := noise(16, 16, 1)
	object, err := NewEncoder().Encode(nil, noise(17, 16, 1), &ref, CapAll)
	if err != nil {
		t.Fatal(err)
	}
	if h, _ := ParseHeader(object); h.Delta {
		t.Error("delta against a picture of another size")
	}
}

func TestDecodeReusesMemory(t *testing.T) {
	large, small := noise(64, 64, 1), noise(9, 9, 1)
	d := NewDecoder()
	var dst Bitmap
	for _, b := range []Bitmap{large, small, large} {
		object, err := NewEncoder().Encode(nil, b, nil, CapAll)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(&dst, object, nil); err != nil {
			t.Fatal(err)
		}
		if dst.Digest() != b.Digest() {
			t.Errorf("%dx%d decodes to another picture", b.Width, b.Height)
		}
	}
}

// damage is one way to break an object, with the error that must come of it.
type damage struct {
	name string
	edit func(object []byte) []byte
	want error
}

func damages() []damage {
	set := func(i int, v byte) func([]byte) []byte {
		return func(o []byte) []byte { o[i] = v; return o }
	}
	return []damage{
		{"empty", func(o []byte) []byte { return nil }, ErrFormat},
		{"short header", func(o []byte) []byte { return o[:headerSize-1] }, ErrFormat},
		{"no part", func(o []byte) []byte { return o[:headerSize] }, ErrFormat},
		{"magic", set(0, 'd'), ErrFormat},
		{"version 1", set(3, 1), ErrUnsupported},
		{"version 3", set(3, 3), ErrUnsupported},
		{"no planes", set(4, 0), ErrUnsupported},
		{"unknown planes", set(4, 7), ErrUnsupported},
		{"flags", set(5, 8), ErrUnsupported},
		{"no width", func(o []byte) []byte { o[6], o[7] = 0, 0; return o }, ErrFormat},
		{"too wide", func(o []byte) []byte { o[6], o[7] = 1, 0x40; return o }, ErrFormat},
		{"too large", func(o []byte) []byte { o[6], o[7], o[8], o[9] = 0, 0x40, 0, 0x40; return o }, ErrFormat},
		{"encoding", set(headerSize, 7), ErrUnsupported},
		{"reference without base", set(headerSize, byte(EncodingFullRef)), ErrFormat},
		{"plane there is not", set(headerSize, 0x40), ErrFormat},
		{"plane before the first", set(headerSize, partPrior|byte(EncodingFullRef)), ErrFormat},
		{"trailing byte", func(o []byte) []byte { return append(o, 0) }, ErrFormat},
		{"missing byte", func(o []byte) []byte { return o[:len(o)-1] }, ErrFormat},
		{"checksum", func(o []byte) []byte { o[10] ^= 1; return o }, ErrChecksum},
	}
}

func TestDecodeRefuses(t *testing.T) {
	picture := agenda(t, 100, 60, agendaNow)
	for _, caps := range []Capabilities{CapRaw, CapDeflate, CapFull} {
		object, err := NewEncoder().Encode(nil, picture, nil, caps)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range damages() {
			t.Run(fmt.Sprintf("caps=%b/%s", caps, c.name), func(t *testing.T) {
				if c.name == "missing byte" && caps == CapFull {
					return // the code may mean the same without it, or another picture
				}
				var dst Bitmap
				err := NewDecoder().Decode(&dst, c.edit(bytes.Clone(object)), nil)
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		}
	}
}

// A payload with whole bytes after its end is refused even when the header
// agrees with the length.
func TestPayloadMustEnd(t *testing.T) {
	picture := noise(40, 40, 9)
	picture.box(0, 8, 40, 40, false)
	for _, caps := range []Capabilities{CapDeflate, CapFull} {
		object, err := NewEncoder().Encode(nil, picture, nil, caps)
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseHeader(object)
		if err != nil || h.Encoding == EncodingRaw {
			t.Fatal("raw won", err)
		}
		for _, extra := range [][]byte{{0}, {1, 2, 3, 4, 5, 6, 7, 8}} {
			var dst Bitmap
			if err := NewDecoder().Decode(&dst, append(bytes.Clone(object), extra...), nil); !errors.Is(err, ErrFormat) {
				t.Errorf("%v with %d bytes more: %v, want ErrFormat", h.Encoding, len(extra), err)
			}
		}
	}
}

// A raw object whose padding is black breaks [DL-PIC-1] although its checksum
// is right.
func TestDecodeRefusesPadding(t *testing.T) {
	pix := []byte{0x80, 0x01}
	object := rawObject(Bitmap{Width: 9, Height: 1, Pix: pix}, []part{{w: 9, h: 1, payload: pix}}, nil)
	var dst Bitmap
	if err := NewDecoder().Decode(&dst, object, nil); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
}

// rawObject makes an object of parts that no encoder need have made.
func rawObject(b Bitmap, parts []part, ref *Bitmap) []byte {
	h := Header{Colours: b.Colours, Width: b.Width, Height: b.Height, Checksum: crc32.ChecksumIEEE(b.Pix), Delta: ref != nil}
	if ref != nil {
		digest := ref.Digest()
		copy(h.Base[:], digest[:])
	}
	out := appendHeader(nil, &h)
	for i := range parts {
		out = appendPart(out, &parts[i], b.Width, b.Height, i == len(parts)-1)
	}
	return out
}

// No single flipped bit goes unnoticed.
func TestEveryBitCounts(t *testing.T) {
	picture := agenda(t, 100, 60, agendaNow)
	object, err := NewEncoder().Encode(nil, picture, nil, CapAll)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecoder()
	var dst Bitmap
	for i := range len(object) * 8 {
		damaged := bytes.Clone(object)
		damaged[i/8] ^= 1 << (i % 8)
		if err := d.Decode(&dst, damaged, nil); err == nil && dst.Digest() != picture.Digest() {
			t.Fatalf("bit %d flipped: another picture without an error", i)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, p := range append(agendaPairs(b, 800, 480), pair{"photo", photo(800, 480, 1), nil}) {
		b.Run(p.name, func(b *testing.B) {
			e := NewEncoder()
			var object []byte
			for b.Loop() {
				object, _ = e.Encode(object[:0], p.next, p.ref, CapAll)
			}
			b.ReportMetric(float64(len(object)), "bytes")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, p := range append(agendaPairs(b, 800, 480), pair{"photo", photo(800, 480, 1), nil}) {
		b.Run(p.name, func(b *testing.B) {
			object, err := NewEncoder().Encode(nil, p.next, p.ref, CapAll)
			if err != nil {
				b.Fatal(err)
			}
			d := NewDecoder()
			var dst Bitmap
			for b.Loop() {
				if err := d.Decode(&dst, object, p.ref); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEncodeAll tries every encoding to its end.
func BenchmarkEncodeAll(b *testing.B) {
	for _, p := range append(agendaPairs(b, 800, 480), pair{"photo", photo(800, 480, 1), nil}) {
		b.Run(p.name, func(b *testing.B) {
			e := NewEncoder()
			e.TryAll = true
			var object []byte
			for b.Loop() {
				object, _ = e.Encode(object[:0], p.next, p.ref, CapAll)
			}
		})
	}
}
