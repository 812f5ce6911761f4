package typeset

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-text/typesetting/segmenter"
)

// Ellipsis ends a line that was cut.
const Ellipsis = "…"

type cutKey struct {
	text  string
	width int
}

type breakKey struct {
	text         string
	width, lines int
}

type broken struct {
	lines []string
	ok    bool
}

// maxFits bounds the cut and broken texts a face remembers.
const maxFits = 512

var segmenters = sync.Pool{New: func() any { return &segmentation{} }}

// segmentation divides a text of at most maxRunes characters.
type segmentation struct {
	segmenter segmenter.Segmenter
	runes     []rune
	bytes     []int // offset of each rune, and the text's length
	ends      []int // byte offsets at which pieces end
}

func (g *segmentation) init(s string) {
	g.runes, g.bytes, g.ends = g.runes[:0], g.bytes[:0], g.ends[:0]
	for i, r := range s {
		g.runes = append(g.runes, r)
		g.bytes = append(g.bytes, i)
	}
	g.bytes = append(g.bytes, len(s))
	g.segmenter.Init(g.runes)
}

// graphemes sets ends to where a text may be cut.
func (g *segmentation) graphemes(s string) {
	g.init(s)
	for it := g.segmenter.GraphemeIterator(); it.Next(); {
		c := it.Grapheme()
		g.ends = append(g.ends, g.bytes[c.Offset+len(c.Text)])
	}
}

// pieces sets ends to where a line may end.
func (g *segmentation) pieces(s string) {
	g.init(s)
	for it := g.segmenter.LineIterator(); it.Next(); {
		c := it.Line()
		g.ends = append(g.ends, g.bytes[c.Offset+len(c.Text)])
	}
}

// bounded returns the first maxRunes characters of a text.
func bounded(s string) string {
	if len(s) <= maxRunes {
		return s
	}
	n := 0
	for i := range s {
		if n == maxRunes {
			return s[:i]
		}
		n++
	}
	return s
}

// Cut shortens a line to width pixels with an ellipsis: at a word end if that
// loses less than a quarter of what fits, otherwise between graphemes. Texts
// over 512 characters count as cut there. A line that begins in the other
// direction than the face's language comes back in an isolate of its own
// direction.
func (f *Face) Cut(s string, width int) string {
	s = alone(bounded(s))
	turned := f.wrapOf(s)
	if turned.before == "" && f.Measure(s) <= width {
		return s
	}
	k := cutKey{s, width}
	f.mu.RLock()
	out, known := f.cuts[k]
	f.mu.RUnlock()
	if known {
		return out
	}
	if out = turned.line(s); turned.before == "" || f.width(out) > width {
		out = f.cut(s, width, turned)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.cuts) >= maxFits {
		clear(f.cuts)
	}
	f.cuts[cutKey{cloned(s), width}] = out
	return out
}

func (f *Face) cut(s string, width int, w wrap) string {
	if f.width(Ellipsis) >= width {
		return ""
	}
	g := segmenters.Get().(*segmentation)
	defer segmenters.Put(g)
	g.graphemes(s)
	shortened := func(end int) string { return w.line(closed(strings.TrimRight(s[:end], " ,;:-–·") + Ellipsis)) }
	fits := func(i int) bool { return f.width(shortened(g.ends[i])) <= width }
	n := f.most(len(g.ends), fits)
	if n == 0 {
		return Ellipsis
	}
	kept := g.ends[n-1]
	if word := strings.LastIndexFunc(s[:kept], unicode.IsSpace); word > 0 && !strings.HasPrefix(s[kept:], " ") {
		if short := shortened(word); f.width(s[:word])*4 >= f.width(s[:kept])*3 && f.width(short) <= width {
			return short
		}
	}
	return shortened(kept)
}

// most returns how many of n pieces fit from the start, where one more piece
// hardly ever makes a text narrower. A line holds few of a long text, so the
// search begins with few.
func (f *Face) most(n int, fits func(last int) bool) int {
	low, high := 0, min(n, 1)
	for high < n && fits(high-1) {
		low, high = high, min(2*high, n)
	}
	for low < high {
		mid := (low + high) / 2
		if fits(mid) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	for low > 0 && !fits(low-1) {
		low--
	}
	return low
}

// Break sets a text in at most lines lines of width pixels by the line breaking
// rules of Unicode. ok is false when it does not fit whole: then the last line
// ends in an ellipsis, or a word was broken. The caller must not change the
// lines. Texts over 512 characters count as cut there. A text that begins in the
// other direction than the face's language has each line in an isolate of its
// own direction.
func (f *Face) Break(s string, width, lines int) (out []string, ok bool) {
	if lines < 1 {
		return nil, s == ""
	}
	s = alone(bounded(s))
	k := breakKey{s, width, lines}
	f.mu.RLock()
	b := f.breaks[k]
	f.mu.RUnlock()
	if b != nil {
		return b.lines, b.ok
	}
	b = &broken{}
	k.text = cloned(s)
	b.lines, b.ok = f.breakLines(k.text, width, lines)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.breaks) >= maxFits {
		clear(f.breaks)
	}
	f.breaks[k] = b
	return b.lines, b.ok
}

func (f *Face) breakLines(s string, width, lines int) (out []string, ok bool) {
	g := segmenters.Get().(*segmentation)
	defer segmenters.Put(g)
	g.pieces(s)
	ok = true
	w := f.wrapOf(s)
	fits := func(line string) bool { return f.width(w.line(line)) <= width }
	var begins []int  // of the lines in s
	start, at := 0, 0 // of the next line: byte, and piece
	for at < len(g.ends) && len(out) <= lines {
		from := start
		var line string
		if n := f.most(len(g.ends)-at, func(i int) bool { return fits(stretch(s, from, g.ends[at+i])) }); n > 0 {
			start, at = g.ends[at+n-1], at+n
			line = stretch(s, from, start)
		} else { // a word longer than a line
			ok = false
			if line, start = f.splitWord(s, from, g.ends[at], fits); line == "" {
				return nil, false
			}
		}
		if line != "" {
			out, begins = append(out, w.line(line)), append(begins, from)
		}
	}
	if len(out) <= lines && start >= len(s) {
		return out, ok
	}
	rest := stretch(s, begins[lines-1], len(s))
	last := w.line(rest)
	if f.width(last) > width {
		last = f.cut(rest, width, w)
	}
	out = slices.Clip(out[:lines-1])
	if last != "" {
		out = append(out, last)
	}
	return out, false
}

// splitWord breaks the word s[from:to], longer than a line, with a hyphen and at
// least four letters on either side where its script has them, and returns
// where the part shown ends.
func (f *Face) splitWord(s string, from, to int, fits func(string) bool) (head string, end int) {
	g := segmenters.Get().(*segmentation)
	defer segmenters.Put(g)
	g.graphemes(strings.TrimRight(s[from:to], " "))
	part := func(i int) string { return stretch(s, from, from+g.ends[i]) + hyphen(s[:from+g.ends[i]]) }
	n := f.most(len(g.ends), func(i int) bool { return fits(part(i)) })
	if total := len(g.ends); total-n < 4 && total >= 8 {
		n = min(n, total-4)
	}
	if n == 0 {
		return "", from
	}
	return part(n - 1), from + g.ends[n-1]
}

// hyphen is what a broken word gets after the part shown: scripts that are
// written with hyphens get one.
func hyphen(head string) string {
	r, _ := utf8.DecodeLastRuneInString(head)
	if r < 0x0590 || r >= 0x1e00 && r < 0x2000 {
		return "-"
	}
	return ""
}
