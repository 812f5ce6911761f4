package typeset

import "github.com/golang/freetype/truetype"

// hinted turns the contours of a TrueType glyph into a path.
func hinted(g *truetype.GlyphBuf) *path {
	p := &path{}
	start := 0
	for _, end := range g.Ends {
		p.contour(g.Points[start:end])
		start = end
	}
	return p
}

// contour adds one closed contour of on-curve and off-curve points.
func (p *path) contour(ps []truetype.Point) {
	if len(ps) == 0 {
		return
	}
	at := func(i int) (point, bool) { return point{2 * int(ps[i].X), 2 * int(ps[i].Y)}, ps[i].Flags&1 != 0 }
	start, on := at(0)
	if on {
		ps = ps[1:]
	} else if last, lastOn := at(len(ps) - 1); lastOn {
		start, ps = last, ps[:len(ps)-1]
	} else {
		start = middle(start, last)
	}
	p.add(moveTo, start)
	var control *point
	for i := range ps {
		q, on := at(i)
		switch {
		case on && control == nil:
			p.add(lineTo, q)
		case on:
			p.add(quadTo, *control, q)
			control = nil
		case control == nil:
			control = &q
		default:
			p.add(quadTo, *control, middle(*control, q))
			control = &q
		}
	}
	if control != nil {
		p.add(quadTo, *control, start)
	}
}

func middle(a, b point) point { return point{(a.x + b.x) >> 1, (a.y + b.y) >> 1} }
