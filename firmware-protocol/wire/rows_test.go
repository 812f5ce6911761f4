package wire

import (
	"bytes"
	"errors"
	"testing"
)

// rowsOf reads a picture row by row.
func rowsOf(b *Bitmap) RowReader {
	return func(y int, row []byte) error {
		copy(row, b.Pix[y*b.Stride:(y+1)*b.Stride])
		return nil
	}
}

// By rows, encoder and decoder do the same as with the whole picture.
func TestRows(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	for _, p := range pictures(t) {
		for encoding := EncodingSmall; encoding < encodings; encoding++ {
			var base RowReader
			var digest Digest
			if encoding.hasReference() {
				if p.ref == nil {
					continue
				}
				base, digest = rowsOf(p.ref), p.ref.Digest()
			}
			object, err := e.EncodeRows([]byte("kept"), p.next.Width, p.next.Height, encoding, rowsOf(&p.next), base, digest)
			if err != nil {
				t.Fatal(err)
			}
			if want := encodeOnly(t, e, &p.next, p.ref, encoding); !bytes.Equal(object[4:], want) {
				t.Errorf("%s, %v: other bytes than of the whole picture", p.name, encoding)
			}
			got := NewBitmap(p.next.Width, p.next.Height)
			err = d.DecodeRows(object[4:], base, func(y int, row []byte) error {
				copy(got.Pix[y*got.Stride:], row)
				return nil
			})
			if len(object)-4 > MaxObject(p.next.Width, p.next.Height) {
				if !errors.Is(err, ErrFormat) && err != nil {
					t.Errorf("%s, %v: longer than raw: %v", p.name, encoding, err)
				}
				continue // longer than raw is no object
			}
			if err != nil || !bytes.Equal(got.Pix, p.next.Pix) {
				t.Errorf("%s, %v: decodes to another picture, %v", p.name, encoding, err)
			}
		}
	}
}

func TestRowsRefuse(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	next := agenda(t, 100, 60, agendaNow)
	emit := func(int, []byte) error { return nil }
	for _, c := range damages() {
		for _, encoding := range []Encoding{EncodingRaw, EncodingSmall} {
			if c.name == "missing byte" && encoding == EncodingSmall {
				continue
			}
			if err := d.DecodeRows(c.edit(encodeOnly(t, e, &next, nil, encoding)), nil, emit); !errors.Is(err, c.want) {
				t.Errorf("%s, %v: got %v, want %v", c.name, encoding, err, c.want)
			}
		}
	}
	full := errors.New("full")
	object := encodeOnly(t, e, &next, &next, EncodingFullRef)
	if err := d.DecodeRows(object, nil, emit); !errors.Is(err, ErrBase) {
		t.Errorf("no base: %v", err)
	}
	if err := d.DecodeRows(object, func(int, []byte) error { return full }, emit); !errors.Is(err, full) {
		t.Errorf("base that cannot be read: %v", err)
	}
	if err := d.DecodeRows(object, rowsOf(&next), func(int, []byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("row that is not taken: %v", err)
	}
	if _, err := e.EncodeRows(nil, 100, 60, EncodingDeflate, rowsOf(&next), nil, Digest{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("deflate: %v", err)
	}
	if _, err := e.EncodeRows(nil, 99, 60, EncodingSmall, func(_ int, row []byte) error { row[12] = 1; return nil }, nil, Digest{}); !errors.Is(err, ErrFormat) {
		t.Errorf("padding: %v", err)
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	p := agendaPairs(t, 400, 300)[2]
	next, base, digest := rowsOf(&p.next), rowsOf(p.ref), p.ref.Digest()
	emit := func(int, []byte) error { return nil }
	var object []byte
	run := func() {
		var err error
		if object, err = e.EncodeRows(object[:0], 400, 300, EncodingFullRef, next, base, digest); err != nil {
			t.Fatal(err)
		}
		if err := d.DecodeRows(object, base, emit); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
