package picture

import (
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// grey makes a picture of values.
func grey(w, h int, f func(x, y int) byte) *Picture {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Pix[y*m.Stride+x] = f(x, y)
		}
	}
	return &Picture{decoded: m}
}

// A checkerboard of black and white has half the light of white, which is stored
// as 188, not as 128.
func TestScalingIsInLinearLight(t *testing.T) {
	checks := func(x, y int) byte { return byte((x + y) % 2 * 255) }
	for _, size := range []int{512, 200, 90} {
		p := grey(size, size, checks)
		for _, out := range []int{20, 33} {
			got := p.Gray(Options{Width: out, Height: out})
			for y := 2; y < out-2; y++ {
				for x := 2; x < out-2; x++ {
					if v := got.GrayAt(x, y).Y; v < 186 || v > 190 {
						t.Fatalf("%d to %d: %d at (%d, %d), want 188", size, out, v, x, y)
					}
				}
			}
		}
	}
}

func TestFlatStaysFlat(t *testing.T) {
	for _, v := range []byte{0, 1, 77, 254, 255} {
		p := grey(61, 47, func(int, int) byte { return v })
		for _, o := range []Options{{}, {Width: 9, Height: 200}, {Width: 300, Height: 7, Fit: Stretch}, {Width: 1, Height: 1}, {Width: 4096, Height: 3}} {
			for i, got := range p.Gray(o).Pix {
				if got != v {
					t.Fatalf("%+v: %d became %d at %d", o, v, got, i)
				}
			}
			for i, got := range p.RGBA(o).Pix {
				if i%4 != 3 && got != v || i%4 == 3 && got != 255 {
					t.Fatalf("%+v: %d became %d at %d in colour", o, v, got, i)
				}
			}
		}
	}
}

// A smooth ramp keeps its values when scaled: at each place the value of there.
func TestRampStaysARamp(t *testing.T) {
	p := grey(256, 64, func(x, _ int) byte { return byte(x) })
	for _, w := range []int{64, 100, 256, 700} {
		got := p.Gray(Options{Width: w, Height: 16, Fit: Stretch})
		for x := 8; x < w-8; x++ {
			want := (float64(x)+0.5)*256/float64(w) - 0.5
			if v := float64(got.GrayAt(x, 8).Y); math.Abs(v-want) > 2 {
				t.Errorf("to %d: %v at %d, want %.1f", w, v, x, want)
			}
		}
	}
}

// Four quarters of different greys show which part is used.
func TestFits(t *testing.T) {
	p := grey(200, 100, func(x, y int) byte { return byte(x/100*100 + y/50*50 + 20) }) // 20 120 / 70 170
	corners := func(m *image.Gray) [4]byte {
		r := m.Rect
		return [4]byte{m.GrayAt(0, 0).Y, m.GrayAt(r.Max.X-1, 0).Y, m.GrayAt(0, r.Max.Y-1).Y, m.GrayAt(r.Max.X-1, r.Max.Y-1).Y}
	}
	for _, tc := range []struct {
		name string
		o    Options
		size image.Point
		want [4]byte
	}{
		{"as it is", Options{}, image.Pt(200, 100), [4]byte{20, 120, 70, 170}},
		{"by width", Options{Width: 50}, image.Pt(50, 25), [4]byte{20, 120, 70, 170}},
		{"by height", Options{Height: 50}, image.Pt(100, 50), [4]byte{20, 120, 70, 170}},
		{"stretch", Options{Width: 40, Height: 80, Fit: Stretch}, image.Pt(40, 80), [4]byte{20, 120, 70, 170}},
		{"cover, middle", Options{Width: 40, Height: 40}, image.Pt(40, 40), [4]byte{20, 120, 70, 170}},
		{"cover, left", Options{Width: 20, Height: 20, Focus: image.Pt(-50, 0)}, image.Pt(20, 20), [4]byte{20, 20, 70, 70}},
		{"cover, right", Options{Width: 20, Height: 20, Focus: image.Pt(50, 0)}, image.Pt(20, 20), [4]byte{120, 120, 170, 170}},
		{"cover, top of a wide strip", Options{Width: 40, Height: 10, Focus: image.Pt(0, -50)}, image.Pt(40, 10), [4]byte{20, 120, 20, 120}},
		{"contain", Options{Width: 40, Height: 40, Fit: Contain}, image.Pt(40, 40), [4]byte{255, 255, 255, 255}},
		{"crop", Options{Crop: image.Rect(100, 50, 300, 100)}, image.Pt(100, 50), [4]byte{170, 170, 170, 170}},
		{"crop outside is none", Options{Crop: image.Rect(500, 50, 600, 100)}, image.Pt(200, 100), [4]byte{20, 120, 70, 170}},
		{"too large a result is bounded", Options{Width: 1 << 30, Height: 2}, image.Pt(MaxResult, 2), [4]byte{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := p.Gray(tc.o)
			if got.Rect.Size() != tc.size {
				t.Fatalf("size %v, want %v", got.Rect.Size(), tc.size)
			}
			if tc.want != [4]byte{} && corners(got) != tc.want {
				t.Errorf("corners %v, want %v", corners(got), tc.want)
			}
		})
	}
}

func TestTones(t *testing.T) {
	p := grey(100, 20, func(x, _ int) byte { return byte(80 + x) }) // 80 to 179
	for _, tc := range []struct {
		name        string
		o           Options
		first, last byte
	}{
		{"as it is", Options{}, 80, 179},
		{"levels", Options{Levels: true}, 0, 255},
		{"contrast", Options{Contrast: 100}, 32, 230},
		{"no contrast", Options{Contrast: -100}, 128, 128},
		{"out of range", Options{Contrast: 1000}, 32, 230},
	} {
		got := p.Gray(tc.o)
		if a, b := got.GrayAt(0, 0).Y, got.GrayAt(99, 0).Y; a != tc.first || b != tc.last {
			t.Errorf("%s: %d to %d, want %d to %d", tc.name, a, b, tc.first, tc.last)
		}
	}
	flat := grey(9, 9, func(int, int) byte { return 100 })
	if v := flat.Gray(Options{Levels: true}).GrayAt(4, 4).Y; v != 100 {
		t.Errorf("levels made %d of flat grey", v)
	}
}

// Scaling down the highest picture takes little memory beside the picture.
func TestScalingTakesLittleMemory(t *testing.T) {
	p := grey(500, 16384, func(x, y int) byte { return byte(x + y) })
	if got := allocated(func() { p.Gray(Options{Width: MaxResult, Height: 3, Fit: Stretch}) }); got > 16<<20 {
		t.Errorf("%d MB allocated", got>>20)
	}
}

// TestGolden holds scaling to exact values: the same on every platform.
func TestGolden(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "testdata", "photos", "chelsea.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := DecodeBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &Picture{decoded: image.NewRGBA(image.Rect(0, 0, 90, 70))}
	for y := range 70 {
		for x := range 90 {
			c.decoded.(*image.RGBA).Set(x, y, color.NRGBA{uint8(x * 2), uint8(y * 3), uint8(x ^ y), uint8(255 - x)})
		}
	}
	for _, tc := range []struct {
		name, want string
		pix        []byte
	}{
		{"photo", "a6570a01838cc816", p.Gray(Options{Width: 200, Height: 120, Levels: true, Contrast: 10}).Pix},
		{"photo up", "91dee8380e89b57a", p.Gray(Options{Width: 800, Height: 480}).Pix},
		{"colours", "09e7aeda2d1fc26c", c.RGBA(Options{Width: 50, Height: 50, Fit: Contain}).Pix},
	} {
		sum := sha256.Sum256(tc.pix)
		if got := hex.EncodeToString(sum[:8]); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

func BenchmarkGray(b *testing.B) {
	p := grey(4000, 3000, func(x, y int) byte { return byte(x ^ y) })
	for b.Loop() {
		p.Gray(Options{Width: 800, Height: 480})
	}
}
