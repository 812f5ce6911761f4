package render

import (
	"image"
	"slices"
	"strings"

	"doorleaf/render/mono"
	"doorleaf/render/picture"
	"doorleaf/render/typeset"
)

// Bounds of an office's pictures in a template.
const (
	maxTemplatePictures = 8       // a block
	maxPictureSide      = 2048    // pixels
	maxPictureArea      = 4 << 20 // pixels of all pictures of a block
)

// LogoName is the name of the picture that IMAGE means without a name.
const LogoName = "logo"

// Picture is a picture of the office, ready for its place: scaled and in black
// and white. It is shared and never written to.
type Picture struct {
	Image  *mono.Image
	Opaque bool // white pixels cover what is below them
}

// PictureKey is a picture of the office in one size, as a template draws it.
type PictureKey struct {
	Name string // small letters
	Size image.Point
	Fit  picture.Fit
}

// PictureUse is where a template names a picture of the office.
type PictureUse struct {
	PictureKey
	Line int    // from 1
	Path string // "layout[0].items[3]"
}

// Pictures lists the pictures of the office that the template names. The slice
// is the caller's to read only.
func (t *Template) Pictures() []PictureUse { return t.pictures }

// PicturesOf lists the pictures that faces of a panel draw, each once: of the
// blocks that are used on it.
func (t *Template) PicturesOf(p Panel) (out []PictureKey) {
	for _, s := range States() {
		b := t.find(s, p)
		if b == nil {
			continue
		}
		for _, it := range b.items {
			if it.kind == "IMAGE" && !slices.Contains(out, it.key) {
				out = append(out, it.key)
			}
		}
	}
	return out
}

// LogoBox is the room that the header of a panel's faces has for a logo, in
// pixels; zero where it has none.
func LogoBox(p Panel) image.Point {
	m := measure(p)
	if m.class == small {
		return image.Point{}
	}
	return image.Pt(m.w/4/8*8, m.header*3/4/4*4)
}

// logo draws the logo at the right end of the header and returns where text ends
// before it. A room's name is worth more: where both do not fit beside the
// shortest date there is no logo.
func (pg *page) logo(right, name int) int {
	m, d := &pg.m, &pg.d
	if d.Logo == nil || m.class == small {
		return right
	}
	size, date := d.Logo.Rect.Size(), 0
	if d.Date != (Date{}) {
		date = pg.face(typeset.Regular, m.date).Measure(pg.date(d.Date, false)) + 2*m.gap
	}
	if size.X > m.w/3 || size.Y > m.header || m.margin+name+2*m.gap+date+size.X > right {
		return right
	}
	r := image.Rectangle{Max: size}.Add(image.Pt(right-size.X, (m.header-size.Y)/2))
	pg.img.Blit(d.Logo, pg.at(r).Min, mono.Or)
	return r.Min.X - m.gap*2
}

// assetURI begins the uri of a BITMAP_URI that means a picture of the office.
const assetURI = "asset:"

// imageItem reads which picture of the office is drawn, and how.
func (it *item) imageItem(d, at *reader, name string) {
	it.kind, it.block = "IMAGE", at.rectangle()
	it.key.Name = strings.ToLower(strings.Join(strings.Fields(name), " "))
	if it.key.Name == "" {
		it.key.Name = LogoName
	}
	if it.block.Dx() == 0 && it.block.Dy() == 0 { // as large as the logo of older templates
		it.block.Max = it.block.Min.Add(image.Pt(96, 96))
	}
	if it.key.Size = it.block.Size(); it.key.Size.X < 1 || it.key.Size.Y < 1 || it.key.Size.X > maxPictureSide || it.key.Size.Y > maxPictureSide {
		at.fail("w", "w and h of a picture are 1 to %d", maxPictureSide)
	}
	it.ink = d.shade("foregroundColor", black)
	switch fit := strings.ToUpper(d.string("fit")); fit {
	case "", "CONTAIN":
		it.key.Fit = picture.Contain
	case "COVER":
		it.key.Fit = picture.Cover
	case "STRETCH":
		it.key.Fit = picture.Stretch
	default:
		d.fail("fit", "CONTAIN, COVER or STRETCH is wanted")
	}
}

// use notes that a block draws a picture of the office.
func (s *source) use(path string, k PictureKey) {
	s.pictures = append(s.pictures, PictureUse{k, max(s.lines[path], 1), path})
}

// pictureItem draws a picture of the office in the middle of its block.
func (pg *page) pictureItem(it *item) {
	p, ok := pg.d.Pictures[it.key]
	if !ok || p.Image == nil {
		return
	}
	size := p.Image.Rect.Size()
	r := image.Rectangle{Max: size}.Add(it.block.Min.Add(it.block.Size().Sub(size).Div(2)))
	mode := mono.Or
	switch {
	case p.Opaque:
		pg.img.Fill(r, false)
	case it.ink == white:
		mode = mono.AndNot
	case it.ink == none:
		return
	}
	pg.img.Blit(p.Image, r.Min, mode)
}

// ExampleLogo is an invented logo as large as a panel's header takes, for the
// sheet and the tests; nil where there is no room.
func ExampleLogo(p Panel) *mono.Image {
	box := LogoBox(p)
	h := box.Y
	w := min(h*3, box.X)
	if h < 16 || w < h*2 {
		return nil
	}
	m := mono.New(w, h)
	for y := range h {
		for x := range h {
			u, v := (2*x+1)*500/h, (2*y+1)*500/h
			m.Set(x, y, disc(u, v, 500, 500, 500) && !disc(u, v, 640, 500, 300))
		}
	}
	t := h / 8
	for i, side := range []int{w, w - h/2, w - h/4} {
		m.Fill(image.Rect(h+t, t+i*h*5/16, side, 2*t+i*h*5/16), true)
	}
	return m
}
