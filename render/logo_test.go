package render

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorleaf/render/mono"
	"doorleaf/render/picture"
)

// The logo stands in the header, beside the text, on every glass that has room.
func TestLogoStandsInTheHeader(t *testing.T) {
	r := newRenderer(t)
	drawn := 0
	for _, p := range testPanels() {
		logo := ExampleLogo(p)
		if box := LogoBox(p); logo != nil && !logo.Rect.In(image.Rectangle{Max: box}) {
			t.Errorf("%v: a logo of %v in a box of %v", p, logo.Rect, box)
		}
		for _, l := range []string{"en", "ar"} {
			d := example(t, "booked")
			d.Language = l
			bare := draw(t, r, d, p)
			d.Logo = logo
			got := draw(t, r, d, p)
			if got.Equal(bare) {
				continue
			}
			drawn++
			m := measure(p)
			for y := m.header; y < p.Height; y++ {
				a, b := y*got.Stride, (y+1)*got.Stride
				if !bytes.Equal(got.Pix[a:b], bare.Pix[a:b]) {
					t.Fatalf("%v %s: row %d below the header differs", p, l, y)
				}
			}
			x := p.Width - m.margin - logo.Rect.Dx()
			if l == "ar" {
				x = m.margin
			}
			if at := image.Pt(x, (m.header-logo.Rect.Dy())/2); !shows(got, logo, at) {
				t.Errorf("%v %s: the logo is not at %v alone", p, l, at)
			}
		}
	}
	if drawn < 10 {
		t.Errorf("a logo on %d faces", drawn)
	}
}

func draw(t *testing.T, r *Renderer, d Door, p Panel) *mono.Image {
	t.Helper()
	m, err := r.Draw(nil, d, p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// shows reports whether img has exactly the pixels of part at a place.
func shows(img, part *mono.Image, at image.Point) bool {
	for y := range part.Rect.Dy() {
		for x := range part.Rect.Dx() {
			if img.At(at.X+x, at.Y+y) != part.At(x, y) {
				return false
			}
		}
	}
	return true
}

// A room's name is worth more than a logo.
func TestLogoGivesWay(t *testing.T) {
	r := newRenderer(t)
	p := Panel{400, 300, 120}
	d := example(t, "booked")
	d.Room = "Großer Besprechungsraum Nord 2"
	bare := draw(t, r, d, p)
	d.Logo = ExampleLogo(p)
	if !draw(t, r, d, p).Equal(bare) {
		t.Error("a long name has a logo beside it")
	}
	d.Logo = mono.New(399, 300)
	d.Room = "A"
	d.Logo.Fill(d.Logo.Rect, true)
	short := d
	short.Logo = nil
	if !draw(t, r, d, p).Equal(draw(t, r, short, p)) {
		t.Error("a logo larger than the header is drawn")
	}
}

// What tells one door from the next stays whole as long as leaving out logo and
// date makes room for it.
func TestNameIsWorthMoreThanLogoAndDate(t *testing.T) {
	r := newRenderer(t)
	for _, p := range testPanels() {
		for _, sample := range []bool{false, true} {
			d := example(t, "free")
			d.Language, d.Room, d.Sample, d.LowBattery, d.Logo = "de", "Aalto 2.14", sample, sample, ExampleLogo(p)
			pg := r.page(mono.New(p.Width, p.Height), d, p)
			var texts []string
			pg.trace = func(s string, _ image.Rectangle) { texts = append(texts, s) }
			pg.header()
			if !slices.Contains(texts, d.Room) {
				t.Errorf("%v, sample %v: the header says %q", p, sample, texts)
			}
		}
	}
}

// Logo, pictures and code cost nothing once they were drawn.
func TestWarmOfficeFacesAllocateNothing(t *testing.T) {
	if raceDetector {
		return // it makes pools forget at random
	}
	r := newRenderer(t)
	p := Panel{800, 480, 125}
	img := mono.New(p.Width, p.Height)
	d := example(t, "free-book")
	d.Logo = ExampleLogo(p)
	tpl := readTemplate(t, picturesTemplate)
	d.Pictures = map[PictureKey]Picture{tpl.Pictures()[0].PictureKey: {Image: ExampleLogo(p)}}
	for name, f := range map[string]func() error{
		"built-in": func() error { _, err := r.Draw(img, d, p); return err },
		"template": func() error { _, err := r.DrawTemplate(img, d, tpl, p); return err },
	} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(20, func() { _ = f() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

const picturesTemplate = `{"layout":[{"status":"ANY","items":[
 {"type":"IMAGE","data":{"block":{"x":8,"y":8,"w":100,"h":60}}},
 {"type":"RECTANGLE","data":{"fillColor":"BLACK","block":{"x":200,"y":0,"w":300,"h":300}}},
 {"type":"IMAGE","data":{"name":" Floor  Plan ","fit":"cover","block":{"x":216,"y":16,"w":64,"h":32}}},
 {"type":"BITMAP_URI","data":{"uri":"asset:badge","foregroundColor":"WHITE","block":{"x":300,"y":16,"w":64,"h":32}}},
 {"type":"BITMAP_URI","data":{"uri":"http://192.0.2.1/x.bmp","block":{"x":0,"y":0,"w":8,"h":8}}}
]}]}`

func TestTemplateDrawsPicturesOfTheOffice(t *testing.T) {
	r := newRenderer(t)
	tpl := readTemplate(t, picturesTemplate)
	uses := tpl.Pictures()
	want := []PictureUse{
		{PictureKey{"logo", image.Pt(100, 60), picture.Contain}, 2, "layout[0].items[0]"},
		{PictureKey{"floor plan", image.Pt(64, 32), picture.Cover}, 4, "layout[0].items[2]"},
		{PictureKey{"badge", image.Pt(64, 32), picture.Contain}, 5, "layout[0].items[3]"},
	}
	if fmt.Sprint(uses) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", uses, want)
	}
	if n := tpl.Notes(); len(n) != 1 || n[0].Line != 6 || !strings.Contains(n[0].Reason, "not fetched") {
		t.Errorf("left out: %v", n)
	}
	p := Panel{800, 480, 125}
	if got := tpl.PicturesOf(p); len(got) != 3 || got[1] != uses[1].PictureKey {
		t.Errorf("on %v: got %v", p, got)
	}
	other := readTemplate(t, `{"layout":[{"status":"FREE","panel":"400x300","items":[{"type":"IMAGE"}]}]}`)
	if got := other.PicturesOf(p); got != nil {
		t.Errorf("of another panel: got %v", got)
	}
	if got := other.PicturesOf(Panel{400, 300, 120}); len(got) != 1 {
		t.Errorf("of this panel: got %v", got)
	}
	d := example(t, "booked")
	bare, err := r.DrawTemplate(nil, d, tpl, p)
	if err != nil {
		t.Fatal(err)
	}
	stripes := mono.New(64, 32)
	for y := 0; y < 32; y += 2 {
		stripes.Fill(image.Rect(0, y, 64, y+1), true)
	}
	small := mono.New(50, 60)
	small.Fill(image.Rect(0, 0, 50, 30), true)
	d.Pictures = map[PictureKey]Picture{uses[0].PictureKey: {Image: small}, uses[1].PictureKey: {Image: stripes, Opaque: true}, uses[2].PictureKey: {Image: stripes}}
	got, err := r.DrawTemplate(nil, d, tpl, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		at    image.Point
		black bool
	}{
		{"left of the logo, which stands in the middle of its block", image.Pt(8+24, 8), false},
		{"logo", image.Pt(8+25, 8), true},
		{"lower half of the logo", image.Pt(8+25, 8+30), false},
		{"ink of the opaque one", image.Pt(216, 16), true},
		{"paper of the opaque one covers", image.Pt(216, 17), false},
		{"below the opaque one", image.Pt(216, 48), true},
		{"ink drawn white", image.Pt(300, 16), false},
		{"paper that lets black through", image.Pt(300, 17), true},
	} {
		if g := got.At(tc.at.X, tc.at.Y); g != tc.black {
			t.Errorf("%s at %v: black %v, want %v", tc.name, tc.at, g, tc.black)
		}
	}
	d.Pictures = nil
	if again, err := r.DrawTemplate(nil, d, tpl, p); err != nil || !again.Equal(bare) {
		t.Errorf("without the pictures: not the bare face, error %v", err)
	}
}

func TestTemplatePicturesAreBounded(t *testing.T) {
	many := strings.Repeat(`{"type":"IMAGE"},`, maxTemplatePictures+1)
	for _, tc := range []struct{ name, items, path string }{
		{"fit", `{"type":"IMAGE","data":{"fit":"zoom"}}`, "items[0].data.fit"},
		{"wide", `{"type":"IMAGE","data":{"block":{"w":2049,"h":8}}}`, "items[0].data.block.w"},
		{"flat", `{"type":"IMAGE","data":{"block":{"w":100,"h":0}}}`, "items[0].data.block.w"},
		{"colour", `{"type":"IMAGE","data":{"foregroundColor":"PINK"}}`, "items[0].data.foregroundColor"},
		{"large together", `{"type":"IMAGE","data":{"block":{"w":2048,"h":2048}}},{"type":"IMAGE"}`, "items"},
		{"many", strings.TrimSuffix(many, ","), "items"},
	} {
		_, err := ReadTemplate(strings.NewReader(`{"items":[` + tc.items + `]}`))
		var bad *TemplateError
		if !errors.As(err, &bad) || bad.Path != tc.path {
			t.Errorf("%s: got %v, want an error about %s", tc.name, err, tc.path)
		}
	}
}

// Long addresses behind the code are read where they are drawn, beside a full
// face with a list too.
func TestZbarReadsAddressesToBook(t *testing.T) {
	need(t, "zbarimg")
	r := newRenderer(t)
	for _, address := range []string{
		"HTTPS://GO.EXAMPLE.COM/AALTO",
		"https://outlook.office.com/calendar/0/deeplink/compose?to=aalto%40example.com&location=Aalto%202.14",
		"https://outlook.office.com/calendar/0/deeplink/compose?to=" + strings.Repeat("a", 60) + "%40example.com&location=" + strings.Repeat("%C3%A4", 15),
	} {
		drawn := 0
		for _, p := range testPanels() {
			d := example(t, "free")
			bare := draw(t, r, d, p)
			d.QR, d.QRCaption, d.Logo = address, "sign.book", ExampleLogo(p)
			img := draw(t, r, d, p)
			d.QR = ""
			if without := draw(t, r, d, p); img.Equal(without) || img.Equal(bare) {
				continue // no room
			}
			drawn++
			file := filepath.Join(t.TempDir(), "code.png")
			writePNG(t, file, img)
			out, err := exec.Command("zbarimg", "-q", "--raw", file).Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != address {
				t.Errorf("%dx%d at %d dpi: zbarimg reads %q, want %q: %v", p.Width, p.Height, p.DPI, got, address, err)
			}
		}
		t.Logf("%d bytes: a code on %d panels", len(address), drawn)
		if drawn == 0 {
			t.Errorf("no panel has room for %d bytes", len(address))
		}
	}
}
