package dither

import (
	"errors"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"doorleaf/render/mono"
)

// flat is a picture of one grey.
func flat(w, h int, v byte) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = v
	}
	return m
}

// tone is the mean of a picture's levels.
func tone(p *mono.Planes, levels []uint8) float64 {
	sum, size := 0, p.Rect().Size()
	for y := range size.Y {
		for x := range size.X {
			sum += int(levels[p.At(x, y)])
		}
	}
	return float64(sum) / float64(size.X*size.Y)
}

func TestLevelsKeepTheTone(t *testing.T) {
	for _, inks := range []mono.Inks{mono.BlackWhite, mono.Grey4, mono.Grey16} {
		levels := Even(inks.Colours())
		for _, method := range []string{SierraLite, Wave, Ostromoukhov, FloydSteinberg, BlueNoise} {
			for _, v := range []byte{0, 9, 60, 128, 170, 201, 246, 255} {
				dst := mono.NewPlanes(inks, 256, 128)
				if err := Levels(dst, flat(256, 128, v), method); err != nil {
					t.Fatal(err)
				}
				if got := tone(dst, levels); got < float64(v)-1.6 || got > float64(v)+1.6 {
					t.Errorf("%d levels, %s: %d became %.1f", len(levels), method, v, got)
				}
			}
		}
	}
}

// A picture whose greys are all levels comes through as it is.
func TestLevelsKeepLevels(t *testing.T) {
	for _, inks := range []mono.Inks{mono.BlackWhite, mono.Grey4, mono.Grey16} {
		levels := Even(inks.Colours())
		src := image.NewGray(image.Rect(0, 0, 64, 33))
		r := rand.New(rand.NewPCG(3, 4))
		want := mono.NewPlanes(inks, 64, 33)
		for y := range 33 {
			for x := range 64 {
				n := r.IntN(len(levels))
				src.SetGray(x, y, color.Gray{Y: levels[n]})
				want.Set(x, y, n)
			}
		}
		for _, method := range Methods() {
			got := mono.NewPlanes(inks, 64, 33)
			got.Fill(got.Rect(), 1)
			if err := Levels(got, src, method); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(want) {
				t.Errorf("%d levels, %s: levels changed", len(levels), method)
			}
		}
	}
}

// More levels bring a photo nearer.
func TestLevelsAreBetterThanTwo(t *testing.T) {
	src := photos(t)[0].gray
	var last float64
	for _, inks := range []mono.Inks{mono.BlackWhite, mono.Grey4, mono.Grey16} {
		levels := Even(inks.Colours())
		dst := mono.NewPlanes(inks, src.Rect.Dx(), src.Rect.Dy())
		if err := Levels(dst, src, Default); err != nil {
			t.Fatal(err)
		}
		d := difference(src, dst.Plane[0])
		for y := range d {
			for x := range d[y] {
				d[y][x] = float64(levels[dst.At(x, y)]) - float64(src.GrayAt(x, y).Y)
			}
		}
		got := hpsnr(d)
		if got < last+6 {
			t.Errorf("%d levels: %.1f dB after %.1f", len(levels), got, last)
		}
		last = got
	}
}

func TestStepsOfAMeasuredPanel(t *testing.T) {
	levels := []uint8{200, 140, 80, 30}
	for _, v := range []byte{0, 50, 128, 255} {
		dst := mono.NewPlanes(mono.Grey4, 256, 64)
		if err := Steps(dst, flat(256, 64, v), levels, Default); err != nil {
			t.Fatal(err)
		}
		want := 30 + 170*float64(v)/255
		if got := tone(dst, levels); got < want-1.6 || got > want+1.6 {
			t.Errorf("%d became %.1f, want %.1f", v, got, want)
		}
	}
	for name, levels := range map[string][]uint8{"one": {9}, "rising": {9, 10}, "equal": {9, 9}, "five": {5, 4, 3, 2, 1}} {
		if err := Steps(mono.NewPlanes(mono.Grey4, 8, 8), flat(8, 8, 0), levels, Default); !errors.Is(err, ErrInks) {
			t.Errorf("%s: got %v, want ErrInks", name, err)
		}
	}
	if err := Levels(mono.NewPlanes(mono.BlackWhiteRed, 8, 8), flat(8, 8, 0), Default); !errors.Is(err, ErrInks) {
		t.Errorf("got %v, want ErrInks", err)
	}
	if err := Levels(mono.NewPlanes(mono.Grey4, 8, 8), flat(8, 8, 0), "riemersma"); !errors.Is(err, ErrMethod) {
		t.Errorf("got %v, want ErrMethod", err)
	}
	if err := Levels(mono.NewPlanes(mono.Grey4, 8, 8), flat(8, 9, 0), Default); err == nil {
		t.Error("another size was accepted")
	}
}

func TestColours(t *testing.T) {
	for _, tc := range []struct {
		name string
		inks mono.Inks
		c    color.RGBA
		want map[int][2]float64 // share of each ink, at least and at most
	}{
		{"white", mono.BlackWhiteRedYellow, color.RGBA{255, 255, 255, 255}, map[int][2]float64{mono.White: {1, 1}}},
		{"black", mono.BlackWhiteRedYellow, color.RGBA{0, 0, 0, 255}, map[int][2]float64{mono.Black: {1, 1}}},
		{"red", mono.BlackWhiteRed, color.RGBA{200, 20, 10, 255}, map[int][2]float64{mono.Red: {.6, 1}}},
		{"yellow", mono.BlackWhiteRedYellow, color.RGBA{255, 200, 0, 255}, map[int][2]float64{mono.Yellow: {.7, 1}}},
		{"yellow of three", mono.BlackWhiteYellow, color.RGBA{255, 200, 0, 255}, map[int][2]float64{mono.Accent: {.7, 1}}},
		{"orange", mono.BlackWhiteRedYellow, color.RGBA{190, 110, 0, 255}, map[int][2]float64{mono.Red: {.1, .8}, mono.Yellow: {.2, .9}}},
		{"grey has little colour", mono.BlackWhiteRedYellow, color.RGBA{128, 128, 128, 255}, map[int][2]float64{mono.Red: {0, .12}, mono.Yellow: {0, .12}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			src := image.NewRGBA(image.Rect(0, 0, 128, 128))
			for i := range src.Pix {
				src.Pix[i] = [4]uint8{tc.c.R, tc.c.G, tc.c.B, 255}[i%4]
			}
			dst := mono.NewPlanes(tc.inks, 128, 128)
			if err := Colours(dst, src, Measured(tc.inks)); err != nil {
				t.Fatal(err)
			}
			share := map[int]float64{}
			for y := range 128 {
				for x := range 128 {
					share[dst.At(x, y)] += 1. / (128 * 128)
				}
			}
			for n, want := range tc.want {
				if got := share[n]; got < want[0] || got > want[1] {
					t.Errorf("ink %d covers %.2f, want %.2f to %.2f; all: %v", n, got, want[0], want[1], share)
				}
			}
			for n := range share {
				if n >= tc.inks.Colours() {
					t.Errorf("ink %d does not exist", n)
				}
			}
		})
	}
	if err := Colours(mono.NewPlanes(mono.BlackWhite, 8, 8), image.NewRGBA(image.Rect(0, 0, 8, 8)), Measured(mono.BlackWhiteRed)); !errors.Is(err, ErrInks) {
		t.Errorf("got %v, want ErrInks", err)
	}
}

// FuzzInks dithers pictures of any size to any kind of panel.
func FuzzInks(f *testing.F) {
	f.Add(uint16(5), uint16(3), byte(4), byte(0), []byte{0, 9, 200, 255})
	f.Add(uint16(64), uint16(9), byte(3), byte(5), []byte{77})
	f.Fuzz(func(t *testing.T, w, h uint16, kind, method byte, pix []byte) {
		if len(pix) == 0 {
			return
		}
		size := image.Rect(0, 0, 1+int(w)%300, 1+int(h)%60)
		inks := mono.Inks(kind % 6)
		dst := mono.NewPlanes(inks, size.Dx(), size.Dy())
		var err error
		switch inks {
		case mono.BlackWhite, mono.Grey4, mono.Grey16:
			src := image.NewGray(size)
			for i := range src.Pix {
				src.Pix[i] = pix[i%len(pix)]
			}
			err = Levels(dst, src, Methods()[int(method)%len(Methods())])
		default:
			src := image.NewRGBA(size)
			for i := range src.Pix {
				src.Pix[i] = pix[i%len(pix)]
			}
			err = Colours(dst, src, Measured(inks))
		}
		if err != nil {
			t.Fatal(err)
		}
		for y := range size.Dy() {
			for x := range size.Dx() {
				if n := dst.At(x, y); n >= inks.Colours() {
					t.Fatalf("ink %d of %d", n, inks.Colours())
				}
			}
		}
	})
}
