package mono

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"image"
	"math/bits"
	"slices"
)

// Partial says which windows a panel can refresh alone.
type Partial struct {
	// AlignX is what the left and right edges of a window are multiples of, in
	// pixels: 8 for most controllers, 32 to be safe on an IT8951. It is rounded
	// up to a multiple of 8. The right edge of the panel is an edge, too.
	AlignX int

	// Most is the largest number of windows, at least 1. Above it the pair that
	// costs least is joined, and more than 24 are never returned.
	Most int
}

const (
	band     = 8  // rows compared at once
	cell     = 64 // columns, one word
	mostOpen = 24 // rectangles kept while comparing
	maxCells = 256
	mostRuns = 16 // runs of changed cells told apart in a band
)

// Diff appends to rects windows that together cover all pixels in which m and
// old differ, from top to bottom, none overlapping another: nothing if they are
// equal, the whole image if their sizes differ. It allocates nothing while rects
// has room.
func (m *Image) Diff(old *Image, p Partial, rects []image.Rectangle) []image.Rectangle {
	if m.Rect != old.Rect {
		return append(rects, m.Rect)
	}
	var d differ
	d.compare(m.Pix, old.Pix, m.Stride, m.Rect.Dy())
	return d.finish(m, old, p, rects)
}

// differ collects the rectangles that differ, in cells across and rows down.
type differ struct {
	open [mostOpen]image.Rectangle
	n    int
}

// compare finds changed cells, band after band.
func (d *differ) compare(a, b []byte, stride, height int) {
	var differences [maxCells]uint64
	for y := 0; y < height; y += band {
		rows := min(band, height-y)
		from, to := y*stride, (y+rows)*stride
		if bytes.Equal(a[from:to], b[from:to]) {
			continue
		}
		cells := (stride + 7) / 8
		known := changed(a[from:to], b[from:to], stride, rows, &differences)
		var mask [maxCells / 64]uint64
		for c, difference := range differences[:known] {
			mask[c>>6] |= (difference | -difference) >> 63 << (c & 63)
		}
		for c := known; c < cells; c++ {
			if changedCell(a[from:to], b[from:to], 8*c, stride) {
				mask[c>>6] |= 1 << (c & 63)
			}
		}
		d.addRuns(&mask, y, y+rows)
	}
}

// addRuns adds the runs of set bits of a band, those beyond mostRuns as one.
func (d *differ) addRuns(mask *[maxCells / 64]uint64, top, bottom int) {
	var run image.Rectangle
	runs := 0
	for i, word := range mask {
		for word != 0 {
			from := bits.TrailingZeros64(word)
			to := from + bits.TrailingZeros64(^(word >> from))
			word &^= uint64(1)<<to - 1
			from, to = 64*i+from, 64*i+to
			if runs > 0 && (run.Max.X == from || runs == mostRuns) {
				run.Max.X = to
				continue
			}
			if runs > 0 {
				d.add(run)
			}
			run = image.Rect(from, top, to, bottom)
			runs++
		}
	}
	d.add(run)
}

// changedCell compares the eight bytes from the i-th on of every row of a band.
func changedCell(a, b []byte, i, stride int) bool {
	if i+8 > stride { // less than a word
		for end := stride; end <= len(a); i, end = i+stride, end+stride {
			if !bytes.Equal(a[i:end], b[i:end]) {
				return true
			}
		}
		return false
	}
	// What changed mostly changed in its upper rows: they decide first.
	var diff uint64
	for k := 1; i+8 <= len(a); k++ {
		diff |= binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:])
		if k == 2 && diff != 0 {
			return true
		}
		i += stride
	}
	return diff != 0
}

// add joins a run with an open rectangle it touches, or opens one, or joins it
// with the one that grows least by it when there are enough.
func (d *differ) add(run image.Rectangle) {
	for i := d.n - 1; i >= 0; i-- {
		if r := d.open[i]; r.Max.Y >= run.Min.Y && r.Min.X <= run.Max.X && run.Min.X <= r.Max.X {
			d.open[i] = r.Union(run)
			return
		}
	}
	if d.n < mostOpen {
		d.open[d.n] = run
		d.n++
		return
	}
	best, growth := 0, int(^uint(0)>>1)
	for i, r := range d.open {
		if g := area(r.Union(run)) - area(r); g < growth {
			best, growth = i, g
		}
	}
	d.open[best] = d.open[best].Union(run)
}

// joinCheapest joins the two rectangles whose union adds least.
func (d *differ) joinCheapest() {
	bestI, bestJ, best := 0, 1, int(^uint(0)>>1)
	for i := range d.n {
		for j := i + 1; j < d.n; j++ {
			if cost := area(d.open[i].Union(d.open[j])) - area(d.open[i]) - area(d.open[j]); cost < best {
				bestI, bestJ, best = i, j, cost
			}
		}
	}
	d.open[bestI] = d.open[bestI].Union(d.open[bestJ])
	d.remove(bestJ)
}

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }

// remove takes out one rectangle and keeps the order.
func (d *differ) remove(i int) {
	copy(d.open[i:], d.open[i+1:d.n])
	d.n--
}

// joinOverlapping joins until none overlaps another.
func (d *differ) joinOverlapping() {
	for i := 0; i < d.n; i++ {
		for j := i + 1; j < d.n; j++ {
			if d.open[i].Overlaps(d.open[j]) {
				d.open[i] = d.open[i].Union(d.open[j])
				d.remove(j)
				i, j = -1, d.n // the union may overlap others: from the start
			}
		}
	}
}

// finish turns cells into pixels, tightens, aligns, and joins down to the number
// asked for.
func (d *differ) finish(m, old *Image, p Partial, rects []image.Rectangle) []image.Rectangle {
	d.joinOverlapping()
	align := max(8, (p.AlignX+7)&^7)
	for i := range d.n {
		r := tighten(m, old, d.open[i])
		r.Min.X = r.Min.X / align * align
		r.Max.X = min((r.Max.X+align-1)/align*align, m.Rect.Max.X)
		d.open[i] = r
	}
	d.join(p)
	slices.SortFunc(d.open[:d.n], topFirst)
	return append(rects, d.open[:d.n]...)
}

// join joins what overlaps, and more until the number asked for is reached.
func (d *differ) join(p Partial) {
	d.joinOverlapping()
	for d.n > max(1, p.Most) {
		d.joinCheapest()
		d.joinOverlapping()
	}
}

// tighten turns a rectangle of cells into one of whole bytes of pixels whose
// outermost rows and bytes differ.
func tighten(m, old *Image, cells image.Rectangle) image.Rectangle {
	left, right := cells.Min.X*8, min(cells.Max.X*8, m.Stride) // bytes
	top, bottom := cells.Min.Y, cells.Max.Y
	same := func(y int) bool {
		return bytes.Equal(m.Pix[y*m.Stride+left:y*m.Stride+right], old.Pix[y*m.Stride+left:y*m.Stride+right])
	}
	for top < bottom-1 && same(top) {
		top++
	}
	for bottom-1 > top && same(bottom-1) {
		bottom--
	}
	var first, last [8]byte // differences of the outermost cells
	lastCell := (right - 1) / 8 * 8
	for y := top; y < bottom && (first[0] == 0 || last[right-1-lastCell] == 0); y++ {
		gather(&first, m.Pix, old.Pix, y*m.Stride+left, y*m.Stride+min(left+8, right))
		gather(&last, m.Pix, old.Pix, y*m.Stride+lastCell, y*m.Stride+right)
	}
	left += bits.TrailingZeros64(binary.LittleEndian.Uint64(first[:])|1<<63) / 8
	right = lastCell + 8 - bits.LeadingZeros64(binary.LittleEndian.Uint64(last[:])|1)/8
	return image.Rect(left*8, top, right*8, bottom)
}

// gather adds the differences of up to eight bytes.
func gather(to *[8]byte, a, b []byte, from, end int) {
	if end-from == 8 {
		d := binary.LittleEndian.Uint64(a[from:]) ^ binary.LittleEndian.Uint64(b[from:])
		binary.LittleEndian.PutUint64(to[:], binary.LittleEndian.Uint64(to[:])|d)
		return
	}
	for i := from; i < end; i++ {
		to[i-from] |= a[i] ^ b[i]
	}
}

func topFirst(a, b image.Rectangle) int {
	return cmp.Or(a.Min.Y-b.Min.Y, a.Min.X-b.Min.X)
}
