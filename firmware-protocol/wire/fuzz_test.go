package wire

import (
	"bytes"
	"errors"
	"testing"
)

// known reports whether err is of a kind that Decode documents.
func known(err error) bool {
	return errors.Is(err, ErrFormat) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrBase) || errors.Is(err, ErrChecksum)
}

// FuzzObject: no object makes the decoder fail otherwise than documented, and
// what it accepts is a picture that the encoder takes.
func FuzzObject(f *testing.F) {
	e := NewEncoder()
	next, ref := agenda(f, 100, 60, agendaNow), noise(100, 60, 1)
	for _, caps := range append([]Capabilities{CapAll, CapParts}, 1<<0, 1<<1, 1<<2, 1<<3, 1<<4, 1<<5, 1<<6) {
		object, err := e.Encode(nil, next, &ref, caps)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(object)
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		if h, err := ParseHeader(object); err == nil && h.Width*h.Height > 1<<20 {
			return // slow, not different
		}
		var got Bitmap
		if err := NewDecoder().Decode(&got, object, &ref); err != nil {
			if !known(err) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if err := got.check(); err != nil {
			t.Fatal(err)
		}
		if _, err := NewEncoder().Encode(nil, got, nil, CapAll); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPicture: every picture survives encoding, whatever the base.
func FuzzPicture(f *testing.F) {
	f.Add(uint16(9), []byte{1, 2, 3, 4, 5, 6}, []byte{1, 2, 3, 4, 5, 7})
	f.Add(uint16(16), noise(16, 16, 1).Pix, solid(16, 16).Pix)
	f.Add(uint16(100), agenda(f, 100, 60, agendaNow).Pix, noise(100, 60, 1).Pix)
	f.Fuzz(func(t *testing.T, width uint16, pix, base []byte) {
		w := int(width)%256 + 1
		stride := (w + 7) / 8
		h := min(len(pix), len(base)) / stride
		if h == 0 || h > 256 {
			return
		}
		next, ref := masked(w, h, pix), masked(w, h, base)
		for _, caps := range []Capabilities{CapAll, CapRaw, CapParts, CapDeflate, CapDeflateXor | CapParts, CapSmall, CapSmallRef, CapFull, CapFullRef} {
			object, err := NewEncoder().Encode(nil, next, &ref, caps)
			if err != nil {
				t.Fatal(err)
			}
			var got Bitmap
			if err := NewDecoder().Decode(&got, object, &ref); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Pix, next.Pix) {
				t.Fatalf("capabilities %b: decoded picture differs", caps)
			}
		}
	})
}

// masked makes a picture of arbitrary bytes.
func masked(w, h int, pix []byte) Bitmap {
	b := NewBitmap(w, h)
	copy(b.Pix, pix)
	if w&7 != 0 {
		for i := b.Stride - 1; i < len(b.Pix); i += b.Stride {
			b.Pix[i] &= 0xff << (8 - w&7)
		}
	}
	return b
}

// FuzzContext: the fast and the slow decoder agree on any payload.
func FuzzContext(f *testing.F) {
	e := NewEncoder()
	for _, p := range pictures(f) {
		if p.next.Width*p.next.Height > 1<<13 {
			continue
		}
		for _, profile := range []profile{small, full} {
			for _, ref := range []*Bitmap{nil, p.ref} {
				base := []byte{}
				if ref != nil {
					base = ref.Pix
				}
				f.Add(profile == full, uint8(p.next.Width-1), uint8(p.next.Height-1), e.payload(f, profile, &p.next, ref), base)
			}
		}
	}
	f.Fuzz(func(t *testing.T, large bool, width, height uint8, payload, base []byte) {
		w, h, p := int(width)%160+1, int(height)%64+1, small
		if large {
			p = full
		}
		var ref *Bitmap
		if len(base) > 0 {
			ref = ptr(masked(w, h, base))
		}
		if !referenceAgrees(payload, p, w, h, ref) {
			t.Fatal("the two decoders disagree")
		}
	})
}

// FuzzSealed: no sealed secret makes opening fail otherwise than documented.
func FuzzSealed(f *testing.F) {
	priv := testPrivate(f, 7)
	id, err := SealIdentity(constant(9), priv.PublicKey().Bytes(), [32]byte{}, testSign, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(id.Sealed)
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := OpenSecret(priv, nil, sealed); err != nil && !errors.Is(err, ErrMAC) && !errors.Is(err, ErrFormat) {
			t.Fatalf("got %v", err)
		}
	})
}
