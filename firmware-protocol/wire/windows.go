package wire

import "bytes"

// maxWindows bounds the parts that only what changed is coded in.
const maxWindows = 8

// encodeWindows codes what differs from ref as parts of the picture into
// e.windows and lists them in e.list; false when that is most of the picture, or
// nothing. The context coder with a reference needs no windows: it says in a few
// bytes where nothing changed, but not as fast.
func (e *Encoder) encodeWindows(next, ref *Bitmap, caps Capabilities) bool {
	e.list = e.list[:0]
	for gap := 4; ; gap *= 2 {
		if e.findWindows(next, ref, gap); len(e.list) <= maxWindows || gap > MaxSide {
			break
		}
		e.list = e.list[:0]
	}
	if len(e.list) == 0 || len(e.list) > maxWindows || 4*area(e.list) > 3*len(next.Pix) {
		return false
	}
	e.windows = e.windows[:0]
	for i := range e.list {
		p := &e.list[i]
		e.pix = cut(e.pix[:0], next.plane(p.plane), next.Stride, p)
		e.base = cut(e.base[:0], ref.plane(p.plane), next.Stride, p)
		e.encodePart(&search{part: p, pix: e.pix, caps: caps, named: true}, e.base, nil)
		e.windows = appendPart(e.windows, p, next.Width, next.Height, i == len(e.list)-1)
	}
	e.trials = append(e.trials, Trial{Encoding: e.list[0].encoding, Parts: len(e.list), Bytes: headerSize + baseSize + len(e.windows)})
	return true
}

// area is the bytes of the rows of parts.
func area(list []part) (n int) {
	for i := range list {
		n += list[i].stride() * list[i].h
	}
	return n
}

// findWindows appends to e.list the boxes around rows that differ, apart by
// more than gap rows.
func (e *Encoder) findWindows(next, ref *Bitmap, gap int) {
	for n := range next.Colours.Planes() {
		pix, base := next.plane(n), ref.plane(n)
		first, last := next.Stride, -1 // bytes of the box
		top, bottom := 1, 0            // its rows; none yet
		flush := func() {
			if bottom < top {
				return
			}
			x := first * 8
			e.list = append(e.list, part{plane: n, x: x, y: top, w: min(next.Width, (last+1)*8) - x, h: bottom - top + 1})
			first, last, top, bottom = next.Stride, -1, 1, 0
		}
		for y := range next.Height {
			a, b := pix[y*next.Stride:(y+1)*next.Stride], base[y*next.Stride:(y+1)*next.Stride]
			if bytes.Equal(a, b) {
				continue
			}
			if bottom >= top && y-bottom > gap {
				flush()
			}
			if bottom < top {
				top = y
			}
			bottom = y
			for i := range a {
				if a[i] != b[i] {
					first, last = min(first, i), max(last, i)
				}
			}
		}
		flush()
	}
}
