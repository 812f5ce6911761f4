package wire

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"testing"

	kflate "github.com/klauspost/compress/flate"
)

// deflated compresses data with a window of that many bytes.
func deflated(t testing.TB, data []byte, window int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := kflate.NewWriterWindow(&b, window)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// deflatedStandard compresses with the standard library, whose window is 32 KB.
func deflatedStandard(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInflate(t *testing.T) {
	text := agenda(t, 400, 300, agendaNow)
	cases := []struct {
		name   string
		data   []byte
		stream func([]byte) []byte
		fails  bool
	}{
		{"text, 512-byte window", text.Pix, func(b []byte) []byte { return deflated(t, b, 512) }, false},
		{"text, 32-byte window", text.Pix, func(b []byte) []byte { return deflated(t, b, 32) }, false},
		{"stored blocks", text.Pix, func(b []byte) []byte { return deflatedStandard(t, b, 0) }, false},
		{"literals only", noise(64, 64, 1).Pix, func(b []byte) []byte { return deflatedStandard(t, b, flate.HuffmanOnly) }, false},
		{"fixed codes", []byte("abcabcabc"), func(b []byte) []byte { return deflatedStandard(t, b, 9) }, false},
		{"one literal", []byte{7}, func(b []byte) []byte { return deflatedStandard(t, b, 9) }, false},
		{"match too far back", farMatch(), func(b []byte) []byte { return deflatedStandard(t, b, 9) }, true},
		{"larger than the picture", make([]byte, 4000), func(b []byte) []byte { return deflated(t, append(b, 1), 512) }, true},
		{"smaller than the picture", make([]byte, 4000), func(b []byte) []byte { return deflated(t, b[:3999], 512) }, true},
		{"cut short", text.Pix, func(b []byte) []byte { s := deflated(t, b, 512); return s[:len(s)-1] }, true},
		{"byte after the end", text.Pix, func(b []byte) []byte { return append(deflated(t, b, 512), 0) }, true},
		{"reserved block type", []byte{7}, func(b []byte) []byte { return []byte{0x07} }, true},
		{"length of a stored block", []byte{7}, func(b []byte) []byte { return []byte{1, 1, 0, 1, 0, 7} }, true},
		{"match before the start", []byte{7, 7, 7, 7}, func(b []byte) []byte { return []byte{0x03, 0x02, 0} }, true},
		{"nothing", []byte{7}, func(b []byte) []byte { return nil }, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var f inflater
			got := make([]byte, len(c.data))
			err := f.inflate(got, c.stream(bytes.Clone(c.data)))
			if c.fails {
				if !errors.Is(err, ErrFormat) {
					t.Errorf("got %v, want ErrFormat", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, c.data) {
				t.Error("inflates to other bytes")
			}
		})
	}
}

// farMatch repeats a run of noise after more than 512 bytes.
func farMatch() []byte {
	run := noise(64, 8, 1).Pix
	return bytes.Join([][]byte{run, noise(64, 100, 2).Pix, run}, nil)
}

// FuzzInflate: what our decoder accepts, the standard library decodes to the
// same bytes; nothing makes it fail otherwise than with ErrFormat.
func FuzzInflate(f *testing.F) {
	f.Add(deflated(f, agenda(f, 100, 60, agendaNow).Pix, 512), 780)
	f.Add(deflated(f, noise(64, 64, 1).Pix, 512), 512)
	f.Add(deflatedStandard(f, []byte("abcabcabc"), 9), 9)
	f.Add(deflatedStandard(f, farMatch(), 9), len(farMatch()))
	f.Add([]byte{1, 1, 0, 0xfe, 0xff, 7}, 1)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 0 || size > 1<<16 {
			return
		}
		var i inflater
		got := make([]byte, size)
		if err := i.inflate(got, stream); err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("got %v, want ErrFormat", err)
			}
			return
		}
		want, err := io.ReadAll(flate.NewReader(bytes.NewReader(stream)))
		if err != nil {
			t.Fatalf("accepted what the standard library refuses: %v", err)
		}
		if !bytes.Equal(got, want) {
			t.Fatal("inflates to other bytes than the standard library")
		}
	})
}
