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
	for _, p := range pictures(t) {
		for caps := CapMinimal; caps <= CapAll; caps++ {
			t.Run(fmt.Sprintf("%s/caps=%05b", p.name, caps), func(t *testing.T) {
				roundTrip(t, e, d, p, caps)
			})
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
	if !h.Encoding.allowed(caps, p.ref) {
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
		for _, ref := range []*Bitmap{nil, p.ref} {
			if !e.encodeContext(&p.next, ref, 1<<20) {
				t.Fatalf("%s: gave up", p.name)
			}
			got, err := referenceDecode(e.trial, p.next.Width, p.next.Height, ref)
			if err != nil {
				t.Errorf("%s: %v", p.name, err)
			} else if !bytes.Equal(got.Pix, p.next.Pix) {
				t.Errorf("%s: reference decodes another picture", p.name)
			}
		}
	}
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
		want := 3
		if p.ref != nil {
			want = 5
		}
		if got := len(all.Trials()); got != want {
			t.Errorf("%s: %d trials, want %d", p.name, got, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	var object []byte
	var got Bitmap
	for _, p := range append(agendaPairs(t, 400, 300), pair{"photo", photo(400, 300, 1), nil}) {
		for _, caps := range []Capabilities{CapAll, CapRaw | CapDeflate512 | CapDeflateRef} {
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
		{"magic", set(0, 'd'), ErrFormat},
		{"version", set(3, 2), ErrUnsupported},
		{"encoding", set(4, 9), ErrUnsupported},
		{"planes", set(5, 0x20), ErrUnsupported},
		{"flags", set(5, 0x12), ErrUnsupported},
		{"base flag on a full picture", set(5, 0x11), ErrFormat},
		{"no width", func(o []byte) []byte { o[6], o[7] = 0, 0; return o }, ErrFormat},
		{"too wide", func(o []byte) []byte { o[6], o[7] = 1, 0x40; return o }, ErrFormat},
		{"too large", func(o []byte) []byte { o[6], o[7], o[8], o[9] = 0, 0x40, 0, 0x40; return o }, ErrFormat},
		{"payload length", set(13, 1), ErrFormat},
		{"trailing byte", func(o []byte) []byte { return append(o, 0) }, ErrFormat},
		{"missing byte", func(o []byte) []byte { return o[:len(o)-1] }, ErrFormat},
		{"checksum", func(o []byte) []byte { o[14] ^= 1; return o }, ErrChecksum},
	}
}

func TestDecodeRefuses(t *testing.T) {
	picture := agenda(t, 100, 60, agendaNow)
	for _, caps := range []Capabilities{CapRaw, CapDeflate512, CapContext} {
		object, err := NewEncoder().Encode(nil, picture, nil, caps)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range damages() {
			t.Run(fmt.Sprintf("caps=%b/%s", caps, c.name), func(t *testing.T) {
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
	for _, caps := range []Capabilities{CapDeflate512, CapContext} {
		object, err := NewEncoder().Encode(nil, picture, nil, caps)
		if err != nil {
			t.Fatal(err)
		}
		for _, extra := range [][]byte{{0}, {1, 2, 3, 4, 5, 6, 7, 8}} {
			h, err := ParseHeader(object)
			if err != nil {
				t.Fatal(err)
			}
			if h.Encoding == EncodingRaw {
				t.Fatal("raw won")
			}
			h.Payload += len(extra)
			long := append(appendHeader(nil, h), object[h.Size():]...)
			var dst Bitmap
			if err := NewDecoder().Decode(&dst, append(long, extra...), nil); !errors.Is(err, ErrFormat) {
				t.Errorf("%v with %d bytes more: %v, want ErrFormat", h.Encoding, len(extra), err)
			}
		}
	}
}

// A raw object whose padding is black breaks [DL-PIC-1] although its checksum
// is right.
func TestDecodeRefusesPadding(t *testing.T) {
	pix := []byte{0x80, 0x01}
	h := Header{Encoding: EncodingRaw, Planes: 1, Width: 9, Height: 1, Checksum: crc32.ChecksumIEEE(pix), Payload: len(pix)}
	var dst Bitmap
	if err := NewDecoder().Decode(&dst, append(appendHeader(nil, h), pix...), nil); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
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
