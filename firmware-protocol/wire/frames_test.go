package wire

import (
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"testing"

	"github.com/golang/freetype"
	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// set makes one pixel black or white.
func (b *Bitmap) set(x, y int, black bool) {
	mask := byte(0x80) >> (x & 7)
	if black {
		b.Pix[y*b.Stride+x>>3] |= mask
	} else {
		b.Pix[y*b.Stride+x>>3] &^= mask
	}
}

// at reads one pixel; outside is white.
func (b *Bitmap) at(x, y int) bool {
	if x < 0 || y < 0 || x >= b.Width || y >= b.Height {
		return false
	}
	return b.Pix[y*b.Stride+x>>3]&(0x80>>(x&7)) != 0
}

// box fills a rectangle.
func (b *Bitmap) box(x0, y0, x1, y1 int, black bool) {
	for y := max(y0, 0); y < min(y1, b.Height); y++ {
		for x := max(x0, 0); x < min(x1, b.Width); x++ {
			b.set(x, y, black)
		}
	}
}

// clone returns a copy of b.
func (b *Bitmap) clone() Bitmap {
	c := *b
	c.Pix = append([]byte(nil), b.Pix...)
	return c
}

// page draws hinted text of the Go fonts, as an agenda does.
type page struct {
	Bitmap
	regular, bold *truetype.Font
}

func newPage(t testing.TB, w, h int) *page {
	t.Helper()
	regular, err := truetype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	bold, err := truetype.Parse(gobold.TTF)
	if err != nil {
		t.Fatal(err)
	}
	return &page{NewBitmap(w, h), regular, bold}
}

func (p *page) text(x, y int, size float64, f *truetype.Font, black bool, s string) {
	grey := image.NewAlpha(image.Rect(0, 0, p.Width, p.Height))
	c := freetype.NewContext()
	c.SetDPI(72)
	c.SetFont(f)
	c.SetFontSize(size)
	c.SetClip(grey.Bounds())
	c.SetDst(grey)
	c.SetSrc(image.Opaque)
	c.SetHinting(font.HintingFull)
	if _, err := c.DrawString(s, freetype.Pt(x, y)); err != nil {
		panic(err)
	}
	for yy := max(0, y-int(size)-2); yy < min(p.Height, y+int(size)); yy++ {
		for xx := range p.Width {
			if grey.AlphaAt(xx, yy).A >= 128 {
				p.set(xx, yy, black)
			}
		}
	}
}

// agendaFace is what changes on an agenda-like page.
type agendaFace struct {
	booked   bool
	clock    string
	progress int // percent of the day bar
	title    string
	rows     []string
}

var agendaNow = agendaFace{
	clock: "10:45", progress: 35, title: "until 11:30",
	rows: []string{"11:30  Quarterly figures", "13:00  Design review, second round", "14:30  Interview", "15:15  Supplier call", "16:00  Release planning"},
}

// agenda draws a page like the ones on doors: band, big state, list, day bar.
func agenda(t testing.TB, w, h int, f agendaFace) Bitmap {
	p := newPage(t, w, h)
	s := float64(h) / 480
	u := func(v float64) int { return int(v * s) }
	split := w * 3 / 5
	p.text(u(24), u(54), 34*s, p.bold, true, "Meeting room Kestrel")
	p.text(w-u(110), u(54), 30*s, p.regular, true, f.clock)
	p.box(0, u(76), split, u(300), f.booked)
	state := "Free"
	if f.booked {
		state = "Booked"
	}
	p.text(u(24), u(190), 92*s, p.bold, !f.booked, state)
	p.text(u(24), u(250), 36*s, p.regular, !f.booked, f.title)
	p.text(split+u(16), u(104), 22*s, p.bold, true, "Next")
	for i, row := range f.rows {
		p.text(split+u(16), u(140+float64(i)*34), 20*s, p.regular, true, row)
	}
	p.box(u(24), u(340), w-u(24), u(342), true)
	for i := range 10 {
		x := u(24) + i*(w-u(48))/9
		p.box(x, u(332), x+1, u(342), true)
		p.text(x, u(366), 14*s, p.regular, true, []string{"8", "9", "10", "11", "12", "13", "14", "15", "16", "17"}[i])
	}
	p.box(u(24), u(344), u(24)+(w-u(48))*f.progress/100, u(350), true)
	p.text(u(24), u(420), 18*s, p.regular, true, "Seats 8, screen, whiteboard. Press the left button to book until 11:30.")
	p.text(u(24), u(452), 14*s, p.regular, true, "Updated "+f.clock)
	return p.Bitmap
}

// photo dithers a smooth picture with error diffusion.
func photo(w, h int, seed uint64) Bitmap {
	r := rand.New(rand.NewPCG(seed, 1))
	grey := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(grey, grey.Rect, image.NewUniform(color.Gray{90}), image.Point{}, draw.Src)
	for range 30 {
		cx, cy, radius, level := r.IntN(w), r.IntN(h), 1+r.IntN(h), r.IntN(120)-60
		for y := range h {
			for x := range w {
				d := (x-cx)*(x-cx) + (y-cy)*(y-cy)
				if d < radius*radius {
					v := int(grey.GrayAt(x, y).Y) + level*(radius*radius-d)/(radius*radius)
					grey.SetGray(x, y, color.Gray{uint8(min(max(v, 0), 255))})
				}
			}
		}
	}
	b := NewBitmap(w, h)
	row, next := make([]int, w+2), make([]int, w+2)
	for y := range h {
		clear(next)
		for x := range w {
			v := int(grey.GrayAt(x, y).Y) + row[x+1]/16
			black := v < 128
			b.set(x, y, black)
			if !black {
				v -= 255
			}
			row[x+2] += v * 7
			next[x] += v * 3
			next[x+1] += v * 5
			next[x+2] += v
		}
		row, next = next, row
	}
	return b
}

// noise is incompressible.
func noise(w, h int, seed uint64) Bitmap {
	r := rand.New(rand.NewPCG(seed, 2))
	b := NewBitmap(w, h)
	for y := range h {
		for x := range w {
			b.set(x, y, r.IntN(2) == 0)
		}
	}
	return b
}

// solid is all black.
func solid(w, h int) Bitmap {
	b := NewBitmap(w, h)
	b.box(0, 0, w, h, true)
	return b
}

// pair is a picture with the one before it.
type pair struct {
	name string
	next Bitmap
	ref  *Bitmap
}

// agendaPairs are the three changes that matter: first picture, a quarter of an
// hour later, and the state turned.
func agendaPairs(t testing.TB, w, h int) []pair {
	now := agenda(t, w, h, agendaNow)
	later := agendaNow
	later.clock, later.progress = "11:00", 38
	flip := agendaNow
	flip.booked, flip.clock, flip.progress, flip.title, flip.rows = true, "11:30", 41, "Quarterly figures", agendaNow.rows[1:]
	return []pair{
		{"first", now, nil},
		{"quarter", agenda(t, w, h, later), &now},
		{"flip", agenda(t, w, h, flip), &now},
	}
}
