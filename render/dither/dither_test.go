package dither

import (
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
	"testing"

	"doorleaf/render/mono"
)

// push is one share of an error: parts of the divisor, dx ahead in the row's
// direction, dy rows below.
type push struct{ dx, dy, parts int }

var kernels = map[string]struct {
	divisor int
	pushes  []push
}{
	SierraLite:     {4, []push{{1, 0, 2}, {-1, 1, 1}, {0, 1, 1}}},
	FloydSteinberg: {16, []push{{1, 0, 7}, {-1, 1, 3}, {0, 1, 5}, {1, 1, 1}}},
	Wave:           {4, []push{{1, 0, 2}, {-1, 1, 1}, {0, 1, 1}}},
	Atkinson:       {8, []push{{1, 0, 1}, {2, 0, 1}, {-1, 1, 1}, {0, 1, 1}, {1, 1, 1}, {0, 2, 1}}},
}

// slowly is the obviously right twin: error diffusion in push form, threshold
// and ordered by comparison of single pixels.
func slowly(src *image.Gray, method string) *mono.Image {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := mono.New(w, h)
	k := kernels[method]
	handed := make(map[image.Point]int) // sum of parts times error
	table := shares()
	for y := range h {
		direction := 1 - 2*(y%2)
		if method == Wave {
			direction = 1 - 2*(y/16%2)
		}
		for i := range w {
			x := i
			if direction < 0 {
				x = w - 1 - i
			}
			v := int(src.GrayAt(src.Rect.Min.X+x, src.Rect.Min.Y+y).Y)
			switch {
			case method == Threshold:
				dst.Set(x, y, v < 128)
			case method == BlueNoise:
				dst.Set(x, y, v < int(tile[y%side*side+x%side]))
			case method == Ostromoukhov:
				e := v + (handed[image.Pt(x, y)]+2048)>>12
				if e > v/2+63 {
					e -= 255
				} else {
					dst.Set(x, y, true)
				}
				s := table[v]
				handed[image.Pt(x+direction, y)] += e * int(s.ahead)
				handed[image.Pt(x-direction, y+1)] += e * int(s.diagonal)
				handed[image.Pt(x, y+1)] += e * (4096 - int(s.ahead) - int(s.diagonal))
			default:
				limit := 127
				if method == SierraLite || method == Wave {
					limit = v/2 + 63
				}
				sum := v*k.divisor + handed[image.Pt(x, y)] + k.divisor/2
				v = (sum - ((sum%k.divisor)+k.divisor)%k.divisor) / k.divisor
				e := v
				if v > limit {
					e = v - 255
				} else {
					dst.Set(x, y, true)
				}
				for _, p := range k.pushes {
					handed[image.Pt(x+p.dx*direction, y+p.dy)] += p.parts * e
				}
			}
		}
	}
	return dst
}

// pictures of every odd size and kind that a kernel may trip over.
func pictures() map[string]*image.Gray {
	out := map[string]*image.Gray{}
	r := rand.New(rand.NewPCG(7, 9))
	add := func(name string, w, h int, f func(x, y int) byte) {
		m := image.NewGray(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				m.Pix[y*m.Stride+x] = f(x, y)
			}
		}
		out[fmt.Sprintf("%s %dx%d", name, w, h)] = m
	}
	for w := 1; w <= 18; w++ {
		add("noise", w, 5, func(int, int) byte { return byte(r.Uint32()) })
	}
	add("noise", 133, 70, func(int, int) byte { return byte(r.Uint32()) })
	add("ramp", 256, 66, func(x, _ int) byte { return byte(x) })
	add("black", 67, 9, func(int, int) byte { return 0 })
	add("white", 67, 9, func(int, int) byte { return 255 })
	add("extremes", 65, 65, func(int, int) byte { return byte(r.Uint32N(2) * 255) })
	add("ramp down", 71, 130, func(_, y int) byte { return byte(y * 2) })
	whole := image.NewGray(image.Rect(0, 0, 90, 40))
	for i := range whole.Pix {
		whole.Pix[i] = byte(r.Uint32())
	}
	out["part of a picture"] = whole.SubImage(image.Rect(7, 3, 80, 31)).(*image.Gray)
	return out
}

func TestMethodsEqualTheirSlowTwins(t *testing.T) {
	for _, method := range Methods() {
		for name, src := range pictures() {
			got, want := mono.New(src.Rect.Dx(), src.Rect.Dy()), slowly(src, method)
			got.Fill(got.Rect, true) // every pixel must be written
			if err := Gray(got, src, method); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(want) {
				t.Errorf("%s of %s differs from the slow twin", method, name)
			}
		}
	}
}

// FuzzVectors holds the vector routines against the portable ones.
func FuzzVectors(f *testing.F) {
	f.Add(uint64(1), uint16(133), uint16(70), byte(0))
	f.Add(uint64(2), uint16(400), uint16(33), byte(1))
	f.Add(uint64(3), uint16(1872), uint16(17), byte(2))
	f.Fuzz(func(t *testing.T, seed uint64, w, h uint16, kind byte) {
		size := image.Pt(1+int(w)%2000, 1+int(h)%100)
		src := image.NewGray(image.Rectangle{Max: size})
		r := rand.New(rand.NewPCG(seed, 3))
		for i := range src.Pix {
			switch kind % 4 {
			case 0:
				src.Pix[i] = byte(r.Uint32())
			case 1:
				src.Pix[i] = byte(i * 255 / len(src.Pix))
			case 2:
				src.Pix[i] = byte(r.Uint32N(2) * 255)
			case 3:
				src.Pix[i] = byte(seed)
			}
		}
		got, want := mono.New(size.X, size.Y), mono.New(size.X, size.Y)
		got.Fill(got.Rect, true)
		wave(got, src)
		waveSlow(want, src)
		if !got.Equal(want) {
			t.Errorf("wave of %v differs", size)
		}
		for _, limits := range []*thresholds{&tile, &half} {
			ordered(got, src, limits)
			orderedSlow(want, src, limits)
			if !got.Equal(want) {
				t.Errorf("ordered of %v differs", size)
			}
		}
	})
}

// TestVectorsOnTheWidest goes to the widest picture there is.
func TestVectorsOnTheWidest(t *testing.T) {
	for _, w := range []int{16384, 16383, 16369} {
		src := image.NewGray(image.Rect(0, 0, w, 34))
		for i := range src.Pix {
			src.Pix[i] = byte(i*i>>9 ^ i)
		}
		got, want := mono.New(w, 34), mono.New(w, 34)
		wave(got, src)
		waveSlow(want, src)
		if !got.Equal(want) {
			t.Errorf("width %d differs", w)
		}
	}
}

// A flat grey keeps its tone: the share of white is the share of the value.
// Atkinson is meant to lose tone, Threshold too.
func TestToneIsKept(t *testing.T) {
	for _, method := range []string{SierraLite, Wave, Ostromoukhov, FloydSteinberg, BlueNoise} {
		for _, v := range []int{8, 40, 77, 128, 200, 247} {
			src := image.NewGray(image.Rect(0, 0, 256, 256))
			for i := range src.Pix {
				src.Pix[i] = byte(v)
			}
			m := mono.New(256, 256)
			if err := Gray(m, src, method); err != nil {
				t.Fatal(err)
			}
			white := 0
			for y := range 256 {
				for x := range 256 {
					if !m.At(x, y) {
						white++
					}
				}
			}
			if got := float64(white) / 65536 * 255; got < float64(v)-1.5 || got > float64(v)+1.5 {
				t.Errorf("%s: flat %d became %.1f", method, v, got)
			}
		}
	}
}

func TestBlackStaysBlackAndWhiteWhite(t *testing.T) {
	for _, method := range Methods() {
		for _, v := range []byte{0, 255} {
			src := image.NewGray(image.Rect(0, 0, 200, 100))
			for i := range src.Pix {
				src.Pix[i] = v
			}
			got, want := mono.New(200, 100), mono.New(200, 100)
			want.Fill(want.Rect, v == 0)
			if err := Gray(got, src, method); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(want) {
				t.Errorf("%s: flat %d has other pixels in it", method, v)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	src := image.NewGray(image.Rect(0, 0, 8, 8))
	err := Gray(mono.New(8, 8), src, "riemersma")
	if !errors.Is(err, ErrMethod) {
		t.Errorf("got %v, want ErrMethod", err)
	}
	for _, m := range Methods() {
		if !strings.Contains(err.Error(), m) {
			t.Errorf("%q does not name the method %s", err, m)
		}
	}
	if err := Gray(mono.New(8, 9), src, Default); err == nil {
		t.Error("another size was accepted")
	}
}

func BenchmarkGray(b *testing.B) {
	const w, h = 1872, 1404
	src := image.NewGray(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range src.Pix {
		src.Pix[i] = byte((i%w*200/w + int(r.Uint32N(56))))
	}
	dst := mono.New(w, h)
	for _, m := range Methods() {
		b.Run(m, func(b *testing.B) {
			for b.Loop() {
				if err := Gray(dst, src, m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(w*h/1e6/(b.Elapsed().Seconds()/float64(b.N)), "Mpx/s")
		})
	}
}
