package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"testing"
)

// held is a JPEG whose EXIF says how the camera was held.
func held(t *testing.T, m image.Image, tag uint16, order binary.AppendByteOrder) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("II")
	if order == binary.BigEndian {
		tiff = []byte("MM")
	}
	tiff = order.AppendUint32(order.AppendUint16(tiff, 42), 8)
	tiff = order.AppendUint16(tiff, 2)
	tiff = order.AppendUint32(order.AppendUint32(order.AppendUint32(tiff, 0), 0), 0) // another entry
	tiff = order.AppendUint16(order.AppendUint16(tiff, 274), 3)
	tiff = order.AppendUint16(order.AppendUint16(order.AppendUint32(tiff, 1), tag), 0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(segment)+2))
	return append(append(out, segment...), b.Bytes()[2:]...)
}

// The stored picture has the greys 20 120 above 70 170; the table says how the
// corners lie when shown.
func TestOrientation(t *testing.T) {
	stored := grey(160, 80, func(x, y int) byte { return byte(x/80*100 + y/40*50 + 20) }).decoded
	for _, tc := range []struct {
		tag  uint16
		want [4]int // above left and right, below left and right
	}{
		{0, [4]int{20, 120, 70, 170}},
		{1, [4]int{20, 120, 70, 170}},
		{2, [4]int{120, 20, 170, 70}},
		{3, [4]int{170, 70, 120, 20}},
		{4, [4]int{70, 170, 20, 120}},
		{5, [4]int{20, 70, 120, 170}},
		{6, [4]int{70, 20, 170, 120}},
		{7, [4]int{170, 120, 70, 20}},
		{8, [4]int{120, 170, 20, 70}},
		{9, [4]int{20, 120, 70, 170}},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			p, err := DecodeBytes(held(t, stored, tc.tag, order))
			if err != nil {
				t.Fatal(err)
			}
			size := image.Pt(160, 80)
			if tc.tag >= 5 && tc.tag <= 8 {
				size = image.Pt(80, 160)
			}
			if got := p.Size(); got != size {
				t.Errorf("tag %d: size %v, want %v", tc.tag, got, size)
			}
			for name, o := range map[string]Options{
				"whole":        {},
				"by width":     {Width: 40},
				"upper strip":  {Width: 40, Height: 8, Focus: image.Pt(0, -50)},
				"below, right": {Crop: image.Rect(size.X/2+8, size.Y/2+8, size.X, size.Y)},
			} {
				m, c := p.Gray(o), p.RGBA(o)
				last := m.Rect.Max.Sub(image.Pt(1, 1))
				got := [4]int{int(m.GrayAt(0, 0).Y), int(m.GrayAt(last.X, 0).Y), int(m.GrayAt(0, last.Y).Y), int(m.GrayAt(last.X, last.Y).Y)}
				want := tc.want
				switch name {
				case "upper strip":
					want[2], want[3] = want[0], want[1]
				case "below, right":
					want = [4]int{want[3], want[3], want[3], want[3]}
				case "by width":
					if wide := (image.Point{40, 40 * size.Y / size.X}); m.Rect.Max != wide {
						t.Errorf("tag %d: size %v, want %v", tc.tag, m.Rect.Max, wide)
					}
				}
				for i := range got {
					if got[i] < want[i]-4 || got[i] > want[i]+4 {
						t.Errorf("tag %d, %s: corners %v, want %v", tc.tag, name, got, want)
						break
					}
				}
				if c.Rect != m.Rect || int(c.RGBAAt(last.X, last.Y).R) < want[3]-4 || int(c.RGBAAt(last.X, last.Y).R) > want[3]+4 {
					t.Errorf("tag %d, %s: colours lie otherwise", tc.tag, name)
				}
			}
		}
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"))
	f.Add([]byte("MM\x00*\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		orientationTag(b)
		orientationJPEG(append([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 40, 'E', 'x', 'i', 'f', 0, 0}, b...))
		orientationJPEG(b)
	})
}
