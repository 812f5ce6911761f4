package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// painted is a PNG of what a function draws.
func painted(t *testing.T, w, h int, paint func(m *image.NRGBA)) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	paint(m)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fillRect(m draw.Image, r image.Rectangle, c color.Color) {
	draw.Draw(m, r, image.NewUniform(c), image.Point{}, draw.Src)
}

func TestLooks(t *testing.T) {
	black, white, yellow := color.Black, color.White, color.NRGBA{255, 200, 0, 255}
	for _, tc := range []struct {
		name    string
		w, h    int
		paint   func(m *image.NRGBA)
		ink     image.Rectangle
		drawing bool
	}{
		{"nothing, transparent", 64, 64, func(*image.NRGBA) {}, image.Rectangle{}, true},
		{"white on transparent", 300, 90, func(m *image.NRGBA) { fillRect(m, image.Rect(10, 10, 290, 80), white) }, image.Rectangle{}, true},
		{"a bar with margins", 300, 90, func(m *image.NRGBA) { fillRect(m, image.Rect(10, 20, 200, 60), black) }, image.Rect(10, 20, 200, 60), true},
		{"a yellow bar", 300, 90, func(m *image.NRGBA) { fillRect(m, image.Rect(10, 20, 200, 60), yellow) }, image.Rect(10, 20, 200, 60), true},
		{"two dark colours", 300, 90, func(m *image.NRGBA) {
			fillRect(m, image.Rect(10, 20, 100, 60), color.NRGBA{0, 90, 170, 255})
			fillRect(m, image.Rect(110, 20, 200, 60), color.NRGBA{20, 20, 60, 255})
		}, image.Rect(10, 20, 200, 60), true},
		{"a dark and a light colour", 300, 90, func(m *image.NRGBA) {
			fillRect(m, image.Rect(10, 20, 100, 60), yellow)
			fillRect(m, image.Rect(110, 20, 200, 60), color.NRGBA{20, 20, 60, 255})
		}, image.Rect(10, 20, 200, 60), false},
		{"ink on paper that is not quite white", 300, 90, func(m *image.NRGBA) {
			fillRect(m, image.Rect(0, 0, 300, 90), color.Gray{244})
			fillRect(m, image.Rect(10, 20, 200, 60), black)
		}, image.Rect(10, 20, 200, 60), true},
		{"a large bar", 2048, 1024, func(m *image.NRGBA) { fillRect(m, image.Rect(512, 256, 1024, 512), black) }, image.Rect(512, 256, 1024, 512), true},
		{"dust", 512, 512, func(m *image.NRGBA) { m.Set(7, 7, black) }, image.Rectangle{}, true},
		{"a ramp", 256, 64, func(m *image.NRGBA) {
			for x := range 256 {
				fillRect(m, image.Rect(x, 0, x+1, 64), color.Gray{byte(x)})
			}
		}, image.Rect(0, 0, 240, 64), false},
		{"two tones and grey", 200, 100, func(m *image.NRGBA) {
			fillRect(m, image.Rect(0, 0, 100, 100), black)
			fillRect(m, image.Rect(100, 0, 150, 100), color.Gray{128})
			fillRect(m, image.Rect(150, 0, 200, 100), white)
		}, image.Rect(0, 0, 150, 100), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := DecodeBytes(painted(t, tc.w, tc.h, tc.paint))
			if err != nil {
				t.Fatal(err)
			}
			got := p.Looks()
			near := func(a, b int) bool { return a-b <= 4 && b-a <= 4 }
			i, j := got.Ink, tc.ink
			if got.Drawing != tc.drawing || i.Empty() != j.Empty() ||
				!i.Empty() && !(near(i.Min.X, j.Min.X) && near(i.Min.Y, j.Min.Y) && near(i.Max.X, j.Max.X) && near(i.Max.Y, j.Max.Y)) {
				t.Errorf("got %+v, want ink %v, drawing %v", got, tc.ink, tc.drawing)
			}
			if !got.Ink.In(image.Rect(0, 0, tc.w, tc.h)) {
				t.Errorf("ink %v stands over %dx%d", got.Ink, tc.w, tc.h)
			}
		})
	}
}

// Every photo of the test data is told from a drawing.
func TestLooksOfPhotos(t *testing.T) {
	names, err := filepath.Glob("../../testdata/photos/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := DecodeBytes(b)
		if err != nil {
			continue // a text beside them
		}
		seen++
		if l := p.Looks(); l.Drawing || l.Ink.Empty() {
			t.Errorf("%s: got %+v, want a photo", filepath.Base(name), l)
		}
	}
	if seen == 0 {
		t.Fatal("no photos")
	}
}

// A drawing in one bright colour is black on white, with and without its paper.
func TestInkOfADrawing(t *testing.T) {
	file := painted(t, 200, 100, func(m *image.NRGBA) { fillRect(m, image.Rect(50, 0, 150, 100), color.NRGBA{255, 200, 0, 255}) })
	p, err := DecodeBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, crop := range map[string]image.Rectangle{"whole": {}, "ink alone": p.Looks().Ink} {
		g := p.Gray(Options{Crop: crop, Levels: true, Paper: true})
		if got := g.GrayAt(g.Rect.Dx()/2, 50).Y; got != 0 {
			t.Errorf("%s: ink of grey %d, want black", name, got)
		}
		if got := g.GrayAt(0, 50).Y; name == "whole" && got != 255 {
			t.Errorf("paper of grey %d, want white", got)
		}
	}
	blank, err := DecodeBytes(painted(t, 20, 20, func(*image.NRGBA) {}))
	if err != nil {
		t.Fatal(err)
	}
	if g := blank.Gray(Options{Levels: true, Paper: true}); g.GrayAt(3, 3).Y != 255 {
		t.Error("paper alone is not white")
	}
}
