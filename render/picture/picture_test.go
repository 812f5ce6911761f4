package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

func TestDecode(t *testing.T) {
	encodePNG := func(m image.Image) string {
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	pixels := func(cs ...color.Color) image.Image {
		m := image.NewNRGBA(image.Rect(0, 0, len(cs), 1))
		for i, c := range cs {
			m.Set(i, 0, c)
		}
		return m
	}
	for _, tc := range []struct {
		name, in string
		want     []byte
		err      error
	}{
		{"P5", "P5 3 1 255\n\x00\x80\xff", []byte{0, 128, 255}, nil},
		{"P5 with comment", "P5\n# of 3\n3 1\n255\n\x00\x80\xff", []byte{0, 128, 255}, nil},
		{"P5 scaled", "P5 3 1 15\n\x00\x07\x0f", []byte{0, 119, 255}, nil},
		{"P5 of 16 bits", "P5 2 1 65535\n\x80\x80\xff\xff", []byte{128, 255}, nil},
		{"P2", "P2 3 1 255\n0 128 255", []byte{0, 128, 255}, nil},
		{"P5 too short", "P5 3 1 255\n\x00\x80", nil, ErrDamaged},
		{"P2 too short", "P2 3 1 255\n0 128", nil, ErrDamaged},
		{"P2 not a number", "P2 3 1 255\n0 128 -5", nil, ErrDamaged},
		{"above the maximum", "P5 1 1 15\n\x10", nil, ErrDamaged},
		{"no maximum", "P5 1 1 0\n\x10", nil, ErrDamaged},
		{"no size", "P5 0 1 255\n", nil, ErrDamaged},
		{"too wide", "P5 16385 1 255\n", nil, ErrSize},
		{"too many pixels", "P5 16000 16000 255\n", nil, ErrSize},
		{"colour", encodePNG(pixels(color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}, color.NRGBA{255, 255, 0, 255})), []byte{127, 220, 76, 247}, nil},
		{"greys keep their value", encodePNG(pixels(color.NRGBA{1, 1, 1, 255}, color.NRGBA{100, 100, 100, 255}, color.NRGBA{254, 254, 254, 255})), []byte{1, 100, 254}, nil},
		{"transparency over white", encodePNG(pixels(color.NRGBA{0, 0, 0, 0}, color.NRGBA{0, 0, 0, 128}, color.NRGBA{0, 0, 0, 255})), []byte{255, 127, 0}, nil},
		{"damaged PNG", encodePNG(pixels(color.Black))[:40], nil, ErrDamaged},
		{"GIF without pixels", "GIF89a", nil, ErrDamaged},
		{"nothing", "", nil, ErrFormat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := Decode(strings.NewReader(tc.in))
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if tc.err != nil {
				return
			}
			if got := p.Gray(Options{}).Pix; !bytes.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestDecodeJPEG(t *testing.T) {
	for _, quality := range []int{60, 95} {
		src := image.NewRGBA(image.Rect(0, 0, 16, 16))
		for i := range src.Pix {
			src.Pix[i] = 255
			if i%4 != 3 {
				src.Pix[i] = 90
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, src, &jpeg.Options{Quality: quality}); err != nil {
			t.Fatal(err)
		}
		p, err := Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if v := p.Gray(Options{}).GrayAt(5, 5).Y; v < 86 || v > 94 {
			t.Errorf("got %d, want about 90", v)
		}
	}
}

// flatGrey is one grey in a picture of 16 by 8 pixels.
func flatGrey(v uint8) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 16, 8))
	for i := range m.Pix {
		m.Pix[i] = v
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return m
}

// files holds the same grey picture in every format.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	m := flatGrey(90)
	for name, encode := range map[string]func(io.Writer) error{
		"PNG":  func(w io.Writer) error { return png.Encode(w, m) },
		"JPEG": func(w io.Writer) error { return jpeg.Encode(w, m, nil) },
		"GIF":  func(w io.Writer) error { return gif.Encode(w, m, nil) },
		"BMP":  func(w io.Writer) error { return bmp.Encode(w, m) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		out[name] = b.Bytes()
	}
	for name, data := range map[string]string{
		"WebP":          "52494646240000005745425056503820180000003001009d012a1000080000c01225a400037000fef6e10000",
		"lossless WebP": "524946461e000000574542505650384c110000002f0fc001000750ad6a55abff8188e87f0000",
	} {
		b, err := hex.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	return out
}

func TestFormats(t *testing.T) {
	for name, file := range files(t) {
		p, err := DecodeBytes(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := p.Size(), image.Pt(16, 8); got != want {
			t.Errorf("%s: size %v, want %v", name, got, want)
		}
		if got := p.Gray(Options{}).GrayAt(5, 5).Y; got < 84 || got > 94 {
			t.Errorf("%s: grey %d, want about 90", name, got)
		}
		for _, cut := range []int{1, 3, 8, 20, len(file) / 2} {
			if _, err := DecodeBytes(file[:cut]); err == nil {
				t.Errorf("%s cut to %d of %d bytes was accepted", name, cut, len(file))
			}
		}
	}
}

// chunk is one of a PNG.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngOf is a PNG of that size and kind whose pixels are packed zeros.
func pngOf(t *testing.T, w, h uint32, depth, kind byte, packed int) []byte {
	t.Helper()
	head := binary.BigEndian.AppendUint32(nil, w)
	head = append(binary.BigEndian.AppendUint32(head, h), depth, kind, 0, 0, 0)
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	zeros := make([]byte, 1<<20)
	for ; packed > 0; packed -= len(zeros) {
		if _, err := z.Write(zeros[:min(packed, len(zeros))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head)...)
	b = append(b, chunk("IDAT", data.Bytes())...)
	return append(b, chunk("IEND", nil)...)
}

// manyScans is a progressive JPEG of that size with n scans without data.
func manyScans(w, h uint16, n int) []byte {
	b := []byte{0xff, 0xd8, 0xff, 0xc2, 0, 17, 8}
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, h), w)
	b = append(b, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
	for range n {
		b = append(b, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x55)
	}
	return append(b, 0xff, 0xd9)
}

// allocated is how much f allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestRefused: pictures that would cost too much are refused from their header,
// with next to no memory, and every refusal says what to do.
func TestRefused(t *testing.T) {
	gifHead := append([]byte("GIF89a"), 0xff, 0xff, 0xff, 0xff, 0, 0, 0)
	bmpHead := make([]byte, 54)
	copy(bmpHead, "BM")
	bmpHead[10], bmpHead[14], bmpHead[26], bmpHead[28] = 54, 40, 1, 24
	binary.LittleEndian.PutUint32(bmpHead[18:], 30000)
	binary.LittleEndian.PutUint32(bmpHead[22:], 30000)
	svg := `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>`
	for _, tc := range []struct {
		name   string
		file   []byte
		kind   error
		remedy string // part of the message
	}{
		{"100 megapixels", pngOf(t, 10000, 10000, 8, 0, 8<<20), ErrSize, "4000 pixels a side"},
		{"one row too long", pngOf(t, 100000, 1, 1, 0, 12501), ErrSize, "4000 pixels a side"},
		{"16 bits a sample", pngOf(t, 6000, 6000, 16, 6, 10), ErrSize, "4000 pixels a side"},
		{"header without pixels", pngOf(t, 6000, 6000, 8, 0, 10), ErrDamaged, "save it again"},
		{"a negative size", pngOf(t, 0xfffffff0, 5, 8, 0, 10), ErrDamaged, "save it again"},
		{"GIF screen", gifHead, ErrSize, "4000 pixels a side"},
		{"BMP", bmpHead, ErrSize, "4000 pixels a side"},
		{"PGM", []byte("P5 16000 16000 255\n"), ErrSize, "4000 pixels a side"},
		{"progressive JPEG", manyScans(6000, 6000, 2), ErrSize, "4000 pixels a side"},
		{"JPEG of many scans", manyScans(4000, 4000, 1000), ErrSize, "save it again"},
		{"file too long", make([]byte, MaxBytes+1), ErrSize, "4000 pixels a side"},
		{"SVG with a link", []byte(svg), ErrFormat, "Export it as PNG"},
		{"SVG without a head", []byte("  <svg onload='x()'/>"), ErrFormat, "Export it as PNG"},
		{"SVGZ", []byte("\x1f\x8b\x08aaaaaaaaaaaa"), ErrFormat, "as PNG"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic0000"), ErrFormat, "as JPEG"},
		{"AVIF", []byte("\x00\x00\x00\x18ftypavif0000"), ErrFormat, "PNG or JPEG"},
		{"TIFF", []byte("II*\x00aaaa"), ErrFormat, "PNG or JPEG"},
		{"PDF", []byte("%PDF-1.7"), ErrFormat, "as PNG"},
		{"ZIP", []byte("PK\x03\x04aaaa"), ErrFormat, "Unpack"},
		{"text", []byte("hello"), ErrFormat, "PNG or JPEG"},
		{"nothing", nil, ErrFormat, "Choose"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var err error
			limit := uint64(1 << 20)
			if tc.kind == ErrDamaged {
				limit = 80 << 20 // it may begin
			}
			if got := allocated(func() { _, err = DecodeBytes(tc.file) }); got > limit {
				t.Errorf("%d KB allocated", got>>10)
			}
			var refused *RefusedError
			if !errors.As(err, &refused) || !errors.Is(err, tc.kind) {
				t.Fatalf("got %v, want %v", err, tc.kind)
			}
			if !strings.Contains(err.Error(), tc.remedy) || refused.What == "" {
				t.Errorf("%q does not say %q", err, tc.remedy)
			}
		})
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("line broken")
	if _, err := Decode(io.MultiReader(strings.NewReader("P5"), iotestErr{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

func FuzzDecode(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Add([]byte("P5 3 1 255\n\x00\x80\xff"))
	f.Add([]byte("P2 # c\n3 1 255\n0 128 255"))
	f.Add(manyScans(16, 16, 3))
	f.Fuzz(func(t *testing.T, in []byte) {
		// The bounds are wide, the fuzzer's time is not.
		if k := formatOf(in); k != nil && k.config != nil {
			if c, err := k.config(bytes.NewReader(in)); err == nil && c.Width*c.Height > 1<<18 {
				return
			}
		}
		p, err := DecodeBytes(in)
		if err != nil {
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Remedy == "" {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if s := p.Size(); s.X < 1 || s.Y < 1 {
			t.Fatalf("size %v", s)
		}
		if s := p.Size(); s.X*s.Y > 1<<18 {
			return
		}
		for _, o := range []Options{{}, {Width: 40, Height: 30, Levels: true, Contrast: 20}, {Width: 7, Fit: Contain}} {
			if got := p.Gray(o).Rect.Size(); o.Height > 0 && got != image.Pt(o.Width, o.Height) {
				t.Fatalf("got %v, want %+v", got, o)
			}
			p.RGBA(o)
		}
	})
}
