package wire

import (
	"bytes"
	"fmt"
	"testing"
)

// partCase is an object of parts, planes and refresh modes.
type partCase struct {
	name   string
	object []byte
	next   Bitmap
	ref    *Bitmap
	kind   string // of error
}

// coloured makes a picture with several planes that have to do with each other.
func coloured(w, h int, c Colours, seed uint64) Bitmap {
	b := NewPicture(w, h, c)
	for n := range c.Planes() {
		layer := photo(w, h, seed+uint64(n/2))
		layer.box(w/4, h/4, w/2, h/2, n%2 == 0)
		copy(b.plane(n), layer.Pix)
	}
	return b
}

// partCases are valid and broken objects of several parts.
func partCases(t testing.TB) (out []partCase) {
	e := NewEncoder()
	for c := WithRed; c < colourKinds; c++ {
		next, ref := coloured(50, 20, c, 4), coloured(50, 20, c, 4)
		ref.Pix[7] ^= 0x10
		for _, base := range []*Bitmap{nil, &ref} {
			e.Refresh = Refresh(c & 3)
			object, err := e.Encode(nil, next, base, CapAll)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, partCase{fmt.Sprintf("planes %d, base %t", c+1, base != nil), object, next, base, ""})
		}
	}
	base := agenda(t, 122, 60, agendaNow)
	next := base.clone()
	next.box(16, 8, 40, 20, true)
	next.box(80, 40, 122, 60, true)
	e.Refresh = RefreshPartial
	for _, caps := range []Capabilities{CapParts, CapParts | CapDeflate, CapParts | CapDeflate | CapDeflateXor, CapParts | CapSmall} {
		object, err := e.Encode(nil, next, &base, caps)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, partCase{fmt.Sprintf("two windows, capabilities %d", caps), object, next, &base, ""})
	}
	white := Bitmap{Width: 40, Height: 4, Stride: 5, Pix: make([]byte, 20)}
	rows := func(n int) []byte { return make([]byte, n) }
	windows := func(name, kind string, parts ...part) {
		out = append(out, partCase{"parts: " + name, rawObject(white, parts, nil), white, nil, kind})
	}
	windows("two halves", "", part{w: 40, h: 2, payload: rows(10)}, part{y: 2, w: 40, h: 2, payload: rows(10)})
	windows("one over the other", "", part{w: 16, h: 2, payload: rows(4)}, part{w: 16, h: 2, payload: rows(4)})
	windows("more than the picture", "format", part{w: 40, h: 4, payload: rows(20)}, part{w: 8, h: 1, payload: rows(1)})
	windows("right of the picture", "format", part{x: 8, w: 40, h: 1, payload: rows(5)})
	windows("below the picture", "format", part{y: 4, w: 40, h: 1, payload: rows(5)})
	windows("not at a byte", "format", part{x: 4, w: 8, h: 1, payload: rows(1)})
	windows("ends within a byte", "format", part{w: 9, h: 1, payload: rows(2)})
	windows("no width", "format", part{w: 0, h: 1})
	windows("no height", "format", part{w: 8, h: 0})
	windows("raw too short", "format", part{w: 40, h: 4, payload: rows(19)})
	narrow := Bitmap{Width: 12, Height: 2, Stride: 2, Pix: make([]byte, 4)}
	black := []part{{w: 12, h: 1, payload: []byte{0, 1}}, {w: 12, h: 1, payload: rows(2)}}
	out = append(out, partCase{"parts: padding that another part whitens", rawObject(narrow, black, nil), narrow, nil, "format"})
	one := part{w: 40, h: 2, payload: rows(10)}
	object := rawObject(white, []part{one, {y: 2, w: 40, h: 2, payload: rows(10)}}, nil)
	cutAt := func(name string, n int) {
		out = append(out, partCase{"parts: " + name, object[:n], white, nil, "format"})
	}
	cutAt("window cut short", headerSize+5)
	cutAt("length cut short", headerSize+1+partWindowSize+2)
	cutAt("second part is missing", headerSize+1+partWindowSize+partLength+10)
	long := bytes.Clone(object)
	long[headerSize+1+partWindowSize] = 200
	out = append(out, partCase{"parts: length beyond the object", long, white, nil, "format"})
	return out
}

func TestParts(t *testing.T) {
	d := NewDecoder()
	for _, c := range partCases(t) {
		t.Run(c.name, func(t *testing.T) {
			var got Bitmap
			err := d.Decode(&got, c.object, c.ref)
			if kind := kindOf(err); kind != c.kind {
				t.Fatalf("got %q, want %q", kind, c.kind)
			}
			if c.kind == "" && (!bytes.Equal(got.Pix, c.next.Pix) || got.Digest() != c.next.Digest()) {
				t.Error("decodes to another picture")
			}
		})
	}
}

// A sign that keeps its picture but decodes nothing gets only what changed.
func TestWindowsAreSmall(t *testing.T) {
	base := agenda(t, 400, 300, agendaNow)
	next := base.clone()
	next.box(304, 8, 360, 24, true)
	next.box(8, 280, 80, 290, true)
	object, err := NewEncoder().Encode(nil, next, &base, CapRaw|CapParts)
	if err != nil {
		t.Fatal(err)
	}
	if h, _ := ParseHeader(object); h.Parts != 2 || len(object) > 300 {
		t.Errorf("%d parts of %d bytes, want 2 of at most 300", h.Parts, len(object))
	}
}

// Planes are not larger than raw, even when nothing can be saved.
func TestPlanesOfNoise(t *testing.T) {
	for c := BlackWhite; c < colourKinds; c++ {
		next, ref := NewPicture(37, 21, c), NewPicture(37, 21, c)
		for n := range c.Planes() {
			copy(next.plane(n), noise(37, 21, uint64(n)).Pix)
			copy(ref.plane(n), noise(37, 21, uint64(n+9)).Pix)
		}
		for _, caps := range []Capabilities{CapAll, CapMinimal} {
			object, err := NewEncoder().Encode(nil, next, &ref, caps)
			if err != nil {
				t.Fatal(err)
			}
			if limit := maxObject(37, 21, c); len(object) > limit {
				t.Errorf("planes %d: %d bytes, at most %d", c+1, len(object), limit)
			}
			var got Bitmap
			if err := NewDecoder().Decode(&got, object, &ref); err != nil || !bytes.Equal(got.Pix, next.Pix) {
				t.Errorf("planes %d: %v", c+1, err)
			}
		}
	}
}
