package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// Fit says how a picture of one shape gets into a rectangle of another.
type Fit uint8

// The fits.
const (
	Cover   Fit = iota // fills the rectangle; what stands over is cut off
	Contain            // shows the whole picture; what is left is white
	Stretch            // fills the rectangle with the whole picture, out of shape
)

// Options is what to do with a picture. The zero value leaves it as it is.
type Options struct {
	Width, Height int // pixels of the result, at most MaxResult; 0 and 0: those of the crop
	Fit           Fit

	// Crop is the part to use, in pixels of the picture; empty: all of it.
	Crop image.Rectangle

	// Focus is the point that Cover keeps, as percentages from the middle: -50
	// is the left or upper edge, 50 the right or lower one.
	Focus image.Point

	// Contrast from -100 (flat grey) over 0 (as it is) to 100 (twice).
	Contrast int

	// Levels stretches the tones, so that the darkest and brightest half percent
	// become black and white.
	Levels bool

	// Paper says that white is paper: with Levels it stays white, even where none
	// of it is left in the crop, and the darkest tone becomes black.
	Paper bool
}

// Gray returns the picture in grey: colours by their luminance (sRGB, Rec. 709)
// worked out in linear light, transparency over white, scaled in linear light
// with the Catmull-Rom filter. It takes memory for the result and for some rows.
// The result is the caller's.
func (p *Picture) Gray(o Options) *image.Gray {
	m := p.storedGray(p.lies.turnOptions(o, p.decoded.Bounds().Size()))
	size := p.lies.shown(m.Rect.Size())
	return &image.Gray{Pix: p.lies.turn(m.Pix, m.Rect.Size(), 1), Stride: size.X, Rect: image.Rectangle{Max: size}}
}

// storedGray is Gray of the picture as it is stored.
func (p *Picture) storedGray(o Options) *image.Gray {
	size := o.size(p)
	out := image.NewGray(image.Rectangle{Max: size})
	from, to := o.place(p, size)
	if from == p.decoded.Bounds() && from.Size() == to.Size() && to == out.Rect {
		if g, ok := p.decoded.(*image.Gray); ok {
			for y := range size.Y {
				copy(out.Pix[y*out.Stride:][:size.X], g.Pix[y*g.Stride:])
			}
			o.tones(out.Pix)
			return out
		}
	}
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	l := newLight()
	scale(p.rows(l, 1), from, to, 1, func(y int, row []int32) {
		line := out.Pix[y*out.Stride+to.Min.X:][:to.Dx()]
		for x, v := range row {
			line[x] = l.stored[v]
		}
	})
	o.tones(out.Pix)
	return out
}

// RGBA returns the picture in colours, opaque, as Gray does in grey.
func (p *Picture) RGBA(o Options) *image.RGBA {
	m := p.storedRGBA(p.lies.turnOptions(o, p.decoded.Bounds().Size()))
	size := p.lies.shown(m.Rect.Size())
	return &image.RGBA{Pix: p.lies.turn(m.Pix, m.Rect.Size(), 4), Stride: 4 * size.X, Rect: image.Rectangle{Max: size}}
}

// storedRGBA is RGBA of the picture as it is stored.
func (p *Picture) storedRGBA(o Options) *image.RGBA {
	size := o.size(p)
	out := image.NewRGBA(image.Rectangle{Max: size})
	from, to := o.place(p, size)
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	l := newLight()
	scale(p.rows(l, 3), from, to, 3, func(y int, row []int32) {
		line := out.Pix[y*out.Stride+to.Min.X*4:][:to.Dx()*4]
		for x := range to.Dx() {
			for c := range 3 {
				line[4*x+c] = l.stored[row[3*x+c]]
			}
		}
	})
	o.tonesRGBA(out.Pix)
	return out
}

// crop is the part of the picture that is used.
func (o Options) crop(p *Picture) image.Rectangle {
	all := p.decoded.Bounds()
	if part := o.Crop.Add(all.Min).Intersect(all); !part.Empty() {
		return part
	}
	return all
}

func (o Options) size(p *Picture) image.Point {
	crop := o.crop(p).Size()
	w, h := min(max(o.Width, 0), MaxResult), min(max(o.Height, 0), MaxResult)
	switch {
	case w == 0 && h == 0:
		return crop
	case w == 0:
		w = min(max(1, (h*crop.X+crop.Y/2)/crop.Y), MaxResult)
	case h == 0:
		h = min(max(1, (w*crop.Y+crop.X/2)/crop.X), MaxResult)
	}
	return image.Pt(w, h)
}

// place returns which part of the picture comes to which part of the result.
func (o Options) place(p *Picture, size image.Point) (from, to image.Rectangle) {
	from, to = o.crop(p), image.Rectangle{Max: size}
	fw, fh, tw, th := from.Dx(), from.Dy(), size.X, size.Y
	wider := fw*th > tw*fh // than the result
	part := func(free, focus int) int { return free * (50 + min(max(focus, -50), 50)) / 100 }
	switch {
	case o.Fit == Stretch || fw*th == tw*fh:
	case o.Fit == Contain && wider:
		h := max(1, (fh*tw+fw/2)/fw)
		to.Min.Y = (th - h) / 2
		to.Max.Y = to.Min.Y + h
	case o.Fit == Contain:
		w := max(1, (fw*th+fh/2)/fh)
		to.Min.X = (tw - w) / 2
		to.Max.X = to.Min.X + w
	case wider:
		w := max(1, (fh*tw+th/2)/th)
		from.Min.X += part(fw-w, o.Focus.X)
		from.Max.X = from.Min.X + w
	default:
		h := max(1, (fw*th+tw/2)/tw)
		from.Min.Y += part(fh-h, o.Focus.Y)
		from.Max.Y = from.Min.Y + h
	}
	return from, to
}

// rows returns a function that gives pixels of a row of the picture as linear
// values, 0 to 65535: luminance, or red, green and blue.
func (p *Picture) rows(l *light, channels int) func(r image.Rectangle, y int, out []int32) {
	if g, ok := p.decoded.(*image.Gray); ok && channels == 1 {
		return func(r image.Rectangle, y int, out []int32) {
			for x, v := range g.Pix[g.PixOffset(r.Min.X, y):][:r.Dx()] {
				out[x] = int32(l.linear[v])
			}
		}
	}
	white := image.NewUniform(color.White)
	var row *image.RGBA
	return func(r image.Rectangle, y int, out []int32) {
		if row == nil {
			row = image.NewRGBA(image.Rect(0, 0, r.Dx(), 1))
		}
		draw.Draw(row, row.Rect, white, image.Point{}, draw.Src)
		draw.Draw(row, row.Rect, p.decoded, image.Pt(r.Min.X, y), draw.Over)
		for x := range r.Dx() {
			c := row.Pix[4*x : 4*x+3]
			if channels == 1 {
				out[x] = l.luminance(c[0], c[1], c[2])
				continue
			}
			for i, v := range c {
				out[3*x+i] = int32(l.linear[v])
			}
		}
	}
}
