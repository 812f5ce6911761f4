package typeset

import (
	"cmp"
	"slices"

	"doorleaf/render/mono"
)

// The scan converter follows TrueType's rules with smart drop-out control
// including stubs (scan type 4), with the precision FreeType works at, so that
// its pictures are FreeType's: a pixel is black when its centre lies in or on
// the outline, and a stroke too thin to hold a centre leaves the pixel nearest
// to its middle unless the one beside it is black, first by rows and then by
// columns.

type point struct{ x, y int }

// path is an outline, y upwards, in 1/128 pixel, so that the middle of two points
// in 1/64 pixel is exact. Every contour begins at a move and is closed.
type path struct {
	verbs  []verb
	points []point
}

type verb uint8

const (
	moveTo verb = iota // 1 point
	lineTo             // 1 point
	quadTo             // 2 points: control, end
	cubeTo             // 3 points: 2 controls, end
)

func (p *path) add(v verb, ps ...point) {
	p.verbs = append(p.verbs, v)
	p.points = append(p.points, ps...)
}

// Sizes under fineBelow pixels per em are converted in 1/4096 pixel, others in
// 1/64.
const fineBelow = 24

// maxGlyph bounds a glyph's width and height in pixels.
const maxGlyph = 4096

// extent returns the first pixel and the one after the last whose centres lie
// in from..to; when there is none, the pixel that covers most of it.
func extent(from, to int) (first, end int) {
	first, end = (from+31)>>6, (to+32)>>6
	if first == end {
		if (from+31)&63-31+(to+32)&63-32 < 0 {
			first--
		} else {
			end++
		}
	}
	return first, end
}

// rasterize returns the bits of an outline for a size in pixels per em, its left
// edge and its top edge above the base line. bits is nil when there is none.
func (p *path) rasterize(size int) (bits *mono.Image, left, top int) {
	if len(p.points) == 0 {
		return nil, 0, 0
	}
	low, high := p.points[0], p.points[0]
	for _, q := range p.points {
		low.x, low.y = min(low.x, q.x), min(low.y, q.y)
		high.x, high.y = max(high.x, q.x), max(high.y, q.y)
	}
	left, right := extent(low.x>>1, high.x>>1)
	bottom, top := extent(low.y>>1, high.y>>1)
	w, h := right-left, top-bottom
	if w <= 0 || h <= 0 || w > maxGlyph || h > maxGlyph {
		return nil, 0, 0
	}
	bits = mono.New(w, h)
	s := scanner{bits: bits, w: w, h: h, shift: 6, step: 32, jitter: 2}
	if size < fineBelow {
		s.shift, s.step, s.jitter = 12, 256, 30
	}
	s.unit = 1 << s.shift
	s.sweep(p, left, bottom, false)
	s.sweep(p, left, bottom, true)
	return bits, left, top
}

// scanner fills one glyph. Whole numbers of units are the centres of pixels.
type scanner struct {
	bits   *mono.Image
	w, h   int
	shift  uint // bits of a unit's fraction
	unit   int  // 1 << shift
	step   int  // curves are halved until they rise less
	jitter int

	columns      bool // of this sweep: x and y are exchanged
	lines        int
	along        int // pixels on a line
	crossings    []crossing
	pen          point
	direction    int  // of the profile being walked: 1 up, -1 down, 0 none yet
	joint        bool // the last crossing is on the pen
	first        int  // index of the contour's first crossing
	firstUp      int  // direction of the contour's first profile
	firstAtStart bool // and whether it begins on a line
	thin         []thinStroke
}

// crossing is where a profile passes a line of centres.
type crossing struct {
	line, x int32
	up      bool
}

// thinStroke is a stretch of a line without a centre of its own.
type thinStroke struct{ line, from, to int }

// sweep fills the glyph by rows, or mends it by columns.
func (s *scanner) sweep(p *path, left, bottom int, columns bool) {
	s.columns, s.lines, s.along = columns, s.h, s.w
	if columns {
		s.lines, s.along = s.w, s.h
	}
	s.crossings, s.thin = s.crossings[:0], s.thin[:0]
	at := func(q point) point {
		x := (q.x-left*128)<<(s.shift-6)>>1 - s.unit/2
		y := (q.y-bottom*128)<<(s.shift-6)>>1 - s.unit/2
		if columns {
			return point{y, x}
		}
		return point{x, y}
	}
	var start point
	ps := p.points
	for i, v := range p.verbs {
		switch v {
		case moveTo:
			if i > 0 {
				s.close(start)
			}
			start = at(ps[0])
			s.open(start)
			ps = ps[1:]
		case lineTo:
			s.line(at(ps[0]))
			ps = ps[1:]
		case quadTo:
			s.curve([4]point{at(ps[1]), at(ps[0]), s.pen}, 2, 0)
			ps = ps[2:]
		case cubeTo:
			s.curve([4]point{at(ps[2]), at(ps[1]), at(ps[0]), s.pen}, 3, 0)
			ps = ps[3:]
		}
	}
	s.close(start)
	s.fill()
}

func (s *scanner) open(at point) {
	s.pen, s.direction, s.joint = at, 0, false
	s.first, s.firstUp, s.firstAtStart = len(s.crossings), 0, false
}

// close ends a contour; where its last profile goes on as its first, the
// crossing they share counts once.
func (s *scanner) close(start point) {
	s.line(start)
	if s.joint && s.firstAtStart && s.direction == s.firstUp && len(s.crossings) > s.first+1 {
		s.crossings = s.crossings[:len(s.crossings)-1]
	}
}

// turn notes that the outline goes up (1) or down (-1) from the pen.
func (s *scanner) turn(direction int) {
	if s.direction == direction {
		return
	}
	s.joint = false
	s.direction = direction
	if s.firstUp == 0 {
		s.firstUp = direction
		s.firstAtStart = s.pen.y&(s.unit-1) == 0
	}
}

// cross notes a crossing at height y in the direction of travel.
func (s *scanner) cross(y, x int) {
	line := y * s.direction >> s.shift
	if line >= 0 && line < s.lines {
		s.crossings = append(s.crossings, crossing{int32(line), int32(x), s.direction > 0})
	}
}

// uncross forgets the last crossing, made at y.
func (s *scanner) uncross(y int) {
	if line := y * s.direction >> s.shift; line >= 0 && line < s.lines {
		s.crossings = s.crossings[:len(s.crossings)-1]
	}
}

// begin returns the first line at or after y, in the direction of travel, that
// the piece starting there has to note.
func (s *scanner) begin(x, y int) int {
	if y&(s.unit-1) != 0 {
		return (y + s.unit - 1) &^ (s.unit - 1)
	}
	if s.joint { // the piece before ended there, less exactly
		s.uncross(y)
	}
	s.cross(y, x)
	return y + s.unit
}

func (s *scanner) line(to point) {
	from := s.pen
	s.pen = to
	if from.y == to.y {
		return
	}
	s.pen = from
	if to.y > from.y {
		s.turn(1)
	} else {
		s.turn(-1)
	}
	s.pen = to
	y0, y1 := from.y*s.direction, to.y*s.direction
	dx, dy := to.x-from.x, y1-y0
	e := s.begin(from.x, y0)
	s.joint = false
	if e > y1 {
		s.joint = y1&(s.unit-1) == 0 && e-s.unit == y1
		return
	}
	x, base := from.x, y0 // of the first line met
	if y0&(s.unit-1) != 0 {
		x, base = x+mulDiv(dx, e-y0, dy), e
	}
	for ; e <= y1; e += s.unit {
		s.cross(e, x+(e-base)*dx/dy)
	}
	s.joint = y1&(s.unit-1) == 0
}

// maxDepth bounds how often a curve is halved.
const maxDepth = 32

// curve walks a curve of degree 2 or 3 whose points stand in reverse order.
func (s *scanner) curve(arc [4]point, degree, depth int) {
	y0, y1 := arc[degree].y, arc[0].y
	low, high := min(y0, y1), max(y0, y1)
	turns := arc[1].y < low || arc[1].y > high || degree == 3 && (arc[2].y < low || arc[2].y > high)
	switch {
	case turns && depth < maxDepth:
		head, tail := halve(arc, degree)
		s.curve(head, degree, depth+1)
		s.curve(tail, degree, depth+1)
		return
	case y0 == y1:
		s.pen = arc[0]
		return
	case y1 > y0:
		s.turn(1)
	default:
		s.turn(-1)
	}
	for i := range arc {
		arc[i].y *= s.direction
	}
	e := s.begin(arc[degree].x, arc[degree].y)
	s.joint = e-s.unit == arc[0].y
	s.rise(arc, degree, e, 0)
	s.pen = point{arc[0].x, arc[0].y * s.direction}
}

// rise notes the lines from e on that a rising curve crosses, and returns the
// next line.
func (s *scanner) rise(arc [4]point, degree, e, depth int) int {
	from, to := arc[degree], arc[0]
	switch {
	case to.y < e:
	case to.y == e:
		s.cross(e, to.x)
		s.joint = true
		e += s.unit
	case to.y-from.y >= s.step && depth < maxDepth:
		head, tail := halve(arc, degree)
		e = s.rise(head, degree, e, depth+1)
		e = s.rise(tail, degree, e, depth+1)
	default:
		for ; e < to.y; e += s.unit {
			s.cross(e, from.x+(to.x-from.x)*(e-from.y)/(to.y-from.y))
		}
		s.joint = false
	}
	return e
}

// halve splits a curve; head is the half travelled first.
func halve(arc [4]point, degree int) (head, tail [4]point) {
	a, b := arc[0], arc[1]
	if degree == 2 {
		c := arc[2]
		ab, bc := point{a.x + b.x, a.y + b.y}, point{b.x + c.x, b.y + c.y}
		mid := point{(ab.x + bc.x) >> 2, (ab.y + bc.y) >> 2}
		return [4]point{mid, {bc.x >> 1, bc.y >> 1}, c}, [4]point{a, {ab.x >> 1, ab.y >> 1}, mid}
	}
	c, d := arc[2], arc[3]
	ab, bc, cd := point{a.x + b.x, a.y + b.y}, point{b.x + c.x, b.y + c.y}, point{c.x + d.x, c.y + d.y}
	abc, bcd := point{ab.x + bc.x, ab.y + bc.y}, point{bc.x + cd.x, bc.y + cd.y}
	mid := point{(abc.x + bcd.x) >> 3, (abc.y + bcd.y) >> 3}
	return [4]point{mid, {bcd.x >> 2, bcd.y >> 2}, {cd.x >> 1, cd.y >> 1}, d},
		[4]point{a, {ab.x >> 1, ab.y >> 1}, {abc.x >> 2, abc.y >> 2}, mid}
}

// fill pairs the rising crossings of every line with the falling ones.
func (s *scanner) fill() {
	slices.SortFunc(s.crossings, func(a, b crossing) int {
		if a.line != b.line {
			return cmp.Compare(a.line, b.line)
		}
		if a.up != b.up {
			if a.up {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.x, b.x)
	})
	for rest := s.crossings; len(rest) > 0; {
		line := rest[0].line
		n, up := 0, 0
		for n < len(rest) && rest[n].line == line {
			if rest[n].up {
				up++
			}
			n++
		}
		begin := len(s.thin)
		for i := range min(up, n-up) {
			a, b := int(rest[i].x), int(rest[up+i].x)
			s.span(int(line), min(a, b), max(a, b))
		}
		for _, t := range s.thin[begin:] {
			s.keep(t)
		}
		rest = rest[n:]
	}
}

func (s *scanner) floor(x int) int { return x >> s.shift }
func (s *scanner) ceil(x int) int  { return (x + s.unit - 1) >> s.shift }

func (s *scanner) at(line, i int) bool {
	if i < 0 || i >= s.along {
		return false
	}
	if s.columns {
		return s.bits.At(line, s.h-1-i)
	}
	return s.bits.At(i, s.h-1-line)
}

func (s *scanner) set(line, i int) {
	switch {
	case i < 0 || i >= s.along:
	case s.columns:
		s.bits.Set(line, s.h-1-i, true)
	default:
		s.bits.Set(i, s.h-1-line, true)
	}
}

// span blackens the centres in from..to, or remembers a stroke between two.
func (s *scanner) span(line, from, to int) {
	if to-from <= s.unit && s.ceil(to) == s.floor(from)+1 {
		s.thin = append(s.thin, thinStroke{line, from, to})
		return
	}
	first, last := s.ceil(from), s.floor(to)
	fromOn, toOn := first<<s.shift == from, last<<s.shift == to
	if s.columns { // rows miss level pieces that lie on centres
		if fromOn {
			s.set(line, first)
		}
		if toOn {
			s.set(line, last)
		}
		return
	}
	if to-from-s.unit <= s.jitter && !fromOn && !toOn {
		last = first
	}
	for i := max(first, 0); i <= min(last, s.along-1); i++ {
		s.set(line, i)
	}
}

// keep blackens one pixel for a thin stroke unless the one beside it is black.
func (s *scanner) keep(t thinStroke) {
	high, low := s.ceil(t.from), s.floor(t.to)
	if high <= low { // it touches a centre
		s.set(t.line, high)
		return
	}
	i := s.floor((t.from + t.to + s.unit*63/64) >> 1)
	switch {
	case i < 0:
		i = high
	case i >= s.along:
		i = low
	}
	beside := high
	if i == high {
		beside = low
	}
	if !s.at(t.line, beside) {
		s.set(t.line, i)
	}
}

// mulDiv returns a*b/c rounded to the nearest, halves away from zero; c > 0.
func mulDiv(a, b, c int) int {
	p := a * b
	if p < 0 {
		return -((c/2 - p) / c)
	}
	return (p + c/2) / c
}
