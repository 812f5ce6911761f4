package render

import (
	"image"

	"github.com/boombuler/barcode/qr"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// quietZone is the white border of a QR code in modules (ISO/IEC 18004).
const quietZone = 4

// tallCode draws the face's QR code over the whole height below the header of a
// small sign that hangs on its side; band and body then end before it.
func (pg *page) tallCode() {
	m := &pg.m
	if pg.d.QR == "" || m.class != small || m.portrait {
		return
	}
	switch pg.d.State {
	case Free, Soon, CheckIn, Pairing, NotSetUp, BatteryEmpty:
	default:
		return
	}
	c := pg.r.qrCode(pg.d.QR)
	if c == nil {
		return
	}
	n := c.Rect.Dx()
	module := min(m.qrModule, (m.foot-m.header)/(n+2*2))
	if module < m.qrMinimum || n*module > m.w*2/5 {
		return
	}
	side := n * module
	quiet := min(quietZone, ((m.foot-m.header)/module-n)/2) * module
	x := m.w - side - quiet
	pg.modules(c, image.Rect(x, (m.header+m.foot-side)/2, x+side, (m.header+m.foot-side)/2+side), module)
	m.edge = (x - quietZone*module) / 8 * 8
}

// maxCode bounds the content of a QR code in bytes: phones read no larger one
// from a sign.
const maxCode = 300

// qrCode returns the QR code of a text, a pixel for each module; nil for a text
// that has none. Codes are remembered, for making one takes longer than drawing
// all the rest.
func (r *Renderer) qrCode(text string) *mono.Image {
	if len(text) > maxCode {
		return nil
	}
	return r.codes.Get(text, makeCode)
}

func makeCode(text string) *mono.Image {
	c, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil
	}
	n := c.Bounds().Dx()
	out := mono.New(n, n)
	for y := range n {
		for x := range n {
			dark, _, _, _ := c.At(x, y).RGBA()
			out.Set(x, y, dark == 0)
		}
	}
	return out
}

// modules draws a QR code into a square.
func (pg *page) modules(c *mono.Image, square image.Rectangle, module int) {
	square = pg.at(square)
	for row := range c.Rect.Dy() {
		for col := range c.Rect.Dx() {
			if c.At(col, row) {
				pg.img.Fill(image.Rect(col*module, row*module, (col+1)*module, (row+1)*module).Add(square.Min), true)
			}
		}
	}
}

// code draws the face's QR code at the right end of the area and returns what
// is left of the area. Codes are drawn as large as wanted where there is room,
// never below the size a phone reads; where that does not fit there is none.
func (pg *page) code(r image.Rectangle) image.Rectangle {
	m := &pg.m
	c := pg.r.qrCode(pg.d.QR)
	if c == nil {
		return r
	}
	n := c.Rect.Dx()
	caption := ""
	if pg.d.QRCaption != "" {
		caption = typeset.Clean(pg.text(pg.d.QRCaption))
	}
	f := pg.face(typeset.Regular, m.row*7/8)
	below := 0
	if caption != "" && m.class == large {
		below = f.Size * 5 / 4
	}
	module := min(m.qrModule, (r.Dy()-below+2*m.gap)/(n+2*quietZone), r.Dx()/2/(n+quietZone))
	if module < m.qrMinimum {
		return r
	}
	side := n * module
	// The panel's own white continues the quiet zone to the right and the top.
	x := r.Max.X - side
	y := r.Min.Y + max(quietZone*module-m.gap, 0)
	foot := 0 // the caption stands below the quiet zone
	if below > 0 {
		foot = quietZone*module + below
	}
	if y+side+foot > r.Max.Y+m.gap {
		y = r.Min.Y + max((r.Dy()-foot-side)/2, 0)
	}
	pg.modules(c, image.Rect(x, y, x+side, y+side), module)
	if below > 0 {
		room := side + quietZone*module
		for size := f.Size; f.Measure(caption) > room && size > m.row/2; size-- {
			f = pg.face(typeset.Regular, size)
		}
		text := f.Cut(caption, room)
		pg.put(f, min(x+(side-f.Measure(text))/2, r.Max.X-f.Measure(text)), y+side+quietZone*module+f.Cap, text, mono.Or)
	}
	r.Max.X = x - quietZone*module
	return r
}
