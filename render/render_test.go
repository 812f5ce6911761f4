package render

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"testing"

	"doorleaf/render/lang"
	"doorleaf/render/mono"
)

func newRenderer(t testing.TB) *Renderer {
	t.Helper()
	texts, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(texts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func testPanels() []Panel {
	return []Panel{{250, 122, 131}, {296, 128, 112}, {416, 240, 130}, {400, 300, 120}, {800, 480, 219}, {648, 480, 139}, {640, 384, 100},
		{800, 480, 125}, {880, 528, 137}, {960, 640, 113}, {960, 680, 88}, {1304, 984, 131}, {1600, 1200, 150}, {1872, 1404, 227},
		{128, 296, 112}, {300, 400, 120}, {480, 800, 125}, {640, 960, 113}}
}

// Nothing is drawn beyond the glass and no two texts meet, on any panel, in any
// state and language.
func TestEveryTextHasItsPlace(t *testing.T) {
	r := newRenderer(t)
	for _, l := range r.texts.Languages() {
		for _, p := range testPanels() {
			for _, e := range Examples() {
				for _, hour12 := range []bool{false, true} {
					d := e.Door
					d.Language, d.Hour12 = l, hour12
					name := fmt.Sprintf("%s %dx%d@%d %s 12h=%v", l, p.Width, p.Height, p.DPI, e.Name, hour12)
					checkPlaces(t, r, name, d, p)
				}
			}
		}
	}
}

func checkPlaces(t *testing.T, r *Renderer, name string, d Door, p Panel) {
	t.Helper()
	img := mono.New(p.Width, p.Height)
	pg := r.page(img, d, p)
	type placed struct {
		s   string
		ink image.Rectangle
	}
	var texts []placed
	pg.trace = func(s string, ink image.Rectangle) {
		if !ink.In(img.Rect) {
			t.Errorf("%s: %q at %v leaves the glass", name, s, ink)
		}
		for _, o := range texts {
			if o.ink.Overlaps(ink) {
				t.Errorf("%s: %q at %v meets %q at %v", name, s, ink, o.s, o.ink)
			}
		}
		texts = append(texts, placed{s, ink})
	}
	pg.draw()
	if len(texts) == 0 {
		t.Errorf("%s: no text at all", name)
	}
}

func TestContact(t *testing.T) {
	if os.Getenv("CONTACT") == "" {
		t.Skip("only for looking")
	}
	r := newRenderer(t)
	for _, p := range []Panel{{296, 128, 112}, {400, 300, 120}, {800, 480, 125}, {480, 800, 125}, {800, 480, 219}, {250, 122, 131}, {416, 240, 130}} {
		cols := 3
		ex := Examples()
		rows := (len(ex) + cols - 1) / cols
		sheet := image.NewGray(image.Rect(0, 0, cols*(p.Width+8), rows*(p.Height+8)))
		for i := range sheet.Pix {
			sheet.Pix[i] = 160
		}
		for i, e := range ex {
			d := e.Door
			d.Language = os.Getenv("CONTACT")
			m, err := r.Draw(nil, d, p)
			if err != nil {
				t.Fatal(err)
			}
			ox, oy := i%cols*(p.Width+8), i/cols*(p.Height+8)
			for y := range p.Height {
				for x := range p.Width {
					v := byte(255)
					if m.At(x, y) {
						v = 0
					}
					sheet.Pix[(oy+y)*sheet.Stride+ox+x] = v
				}
			}
		}
		f, _ := os.Create(fmt.Sprintf("/tmp/contact-%dx%d-%d.png", p.Width, p.Height, p.DPI))
		png.Encode(f, sheet)
		f.Close()
	}
}
