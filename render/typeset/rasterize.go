package typeset

import (
	"slices"

	"github.com/golang/freetype/truetype"

	"doorleaf/render/mono"
)

// The scan converter works like TrueType's: a pixel is black when its centre
// lies inside the outline (non-zero winding), and a stroke too thin to hold a
// centre leaves the one pixel nearest to its middle (drop-out control), once by
// rows and once by columns. Coordinates are 1/64 pixel, y upwards.

// edge is a straight piece of outline, a downward copy of it in y.
type edge struct {
	x0, y0, x1, y1 int
	wind           int
}

// flat is how many pieces a curve becomes: enough for 1/64 pixel at the sizes
// of signs.
const flat = 16

// rasterize returns the bits of an outline, its left edge and its top edge
// above the base line. bits is nil when nothing is black.
func rasterize(g *truetype.GlyphBuf) (bits *mono.Image, left, top int) {
	lines := flatten(g)
	if len(lines) == 0 {
		return nil, 0, 0
	}
	minX, minY, maxX, maxY := lines[0].x0, lines[0].y0, lines[0].x0, lines[0].y0
	for _, l := range lines {
		minX, maxX = min(minX, l.x0, l.x1), max(maxX, l.x0, l.x1)
		minY, maxY = min(minY, l.y0, l.y1), max(maxY, l.y0, l.y1)
	}
	left, bottom := minX>>6, minY>>6
	w, h := (maxX+63)>>6-left+1, (maxY+63)>>6-bottom+1
	top = bottom + h
	bits = mono.New(w, h)
	byRow, byColumn := make([]edge, 0, len(lines)), make([]edge, 0, len(lines))
	for _, l := range lines {
		l.x0, l.x1 = l.x0-left<<6, l.x1-left<<6
		l.y0, l.y1 = top<<6-l.y0, top<<6-l.y1
		byRow = append(byRow, l.down())
		byColumn = append(byColumn, edge{x0: l.y0, y0: l.x0, x1: l.y1, y1: l.x1}.down())
	}
	scan(byRow, h, func(y, from, to int) { fillRow(bits, y, from, to, w) })
	scan(byColumn, w, func(x, from, to int) { keepThin(bits, x, from, to, h) })
	return bits, left, top
}

// down turns the edge so that it runs towards larger y.
func (e edge) down() edge {
	e.wind = 1
	if e.y0 > e.y1 {
		e.x0, e.y0, e.x1, e.y1, e.wind = e.x1, e.y1, e.x0, e.y0, -1
	}
	return e
}

type crossing struct{ x, wind int }

// scan calls inside for every stretch of the outline along the centre of each
// of n lines.
func scan(edges []edge, n int, inside func(line, from, to int)) {
	var hits []crossing
	for line := range n {
		y := line<<6 + 32
		hits = hits[:0]
		for _, e := range edges {
			if e.y0 <= y && y < e.y1 {
				hits = append(hits, crossing{e.x0 + (e.x1-e.x0)*(y-e.y0)/(e.y1-e.y0), e.wind})
			}
		}
		slices.SortFunc(hits, func(a, b crossing) int { return a.x - b.x })
		wind, from := 0, 0
		for _, h := range hits {
			if wind == 0 {
				from = h.x
			}
			if wind += h.wind; wind == 0 {
				inside(line, from, h.x)
			}
		}
	}
}

// fillRow blackens the pixels of row y whose centres lie in [from, to], and the
// middle one when there is none.
func fillRow(m *mono.Image, y, from, to, w int) {
	first, last := (from+31)>>6, (to-32)>>6
	if first > last {
		first = (from + to) >> 7
		last = first
	}
	for x := max(first, 0); x <= min(last, w-1); x++ {
		m.Set(x, y, true)
	}
}

// keepThin blackens one pixel of column x where a stroke passes between two
// centres and nothing of it was drawn.
func keepThin(m *mono.Image, x, from, to, h int) {
	if (from+31)>>6 <= (to-32)>>6 {
		return // rows have drawn it
	}
	y := min(max((from+to)>>7, 0), h-1)
	if !m.At(x, y-1) && !m.At(x, y+1) {
		m.Set(x, y, true)
	}
}

type point struct{ x, y int }

// flatten turns the contours into straight pieces, level ones left out.
func flatten(g *truetype.GlyphBuf) []edge {
	var out []edge
	line := func(a, b point) {
		out = append(out, edge{x0: a.x, y0: a.y, x1: b.x, y1: b.y})
	}
	start := 0
	for _, end := range g.Ends {
		contour(g.Points[start:end], line)
		start = end
	}
	return out
}

// contour walks one closed contour of on-curve and off-curve points.
func contour(ps []truetype.Point, line func(a, b point)) {
	n := len(ps)
	if n < 2 {
		return
	}
	at := func(i int) (point, bool) {
		p := ps[i%n]
		return point{int(p.X), int(p.Y)}, p.Flags&1 != 0
	}
	first, on := at(0)
	if !on { // begin between two control points, or on the last
		if last, lastOn := at(n - 1); lastOn {
			first = last
		} else {
			first = middle(first, last)
		}
	}
	pen := first
	var ctrl *point
	for i := range n + 1 {
		p, on := at(i)
		if i == n {
			p, on = first, true
		}
		switch {
		case i == 0 && on && p == first:
		case on && ctrl == nil:
			line(pen, p)
			pen = p
		case on:
			curve(pen, *ctrl, p, line)
			pen, ctrl = p, nil
		case ctrl == nil:
			ctrl = &p
		default:
			mid := middle(*ctrl, p)
			curve(pen, *ctrl, mid, line)
			pen, ctrl = mid, &p
		}
	}
}

func middle(a, b point) point { return point{(a.x + b.x) / 2, (a.y + b.y) / 2} }

// curve draws a quadratic Bézier curve.
func curve(a, c, b point, line func(a, b point)) {
	prev := a
	for i := 1; i <= flat; i++ {
		u, v := flat-i, i
		p := point{
			(u*u*a.x + 2*u*v*c.x + v*v*b.x) / (flat * flat),
			(u*u*a.y + 2*u*v*c.y + v*v*b.y) / (flat * flat),
		}
		line(prev, p)
		prev = p
	}
}
