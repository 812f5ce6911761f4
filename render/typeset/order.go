package typeset

import (
	"slices"

	"github.com/go-text/typesetting/bidi"
	xbidi "golang.org/x/text/unicode/bidi"
)

// maxIsolates bounds how deep isolates are followed; texts have two.
const maxIsolates = 8

// object stands for an isolate in the text around it.
const object = '\ufffc'

// isolate is a stretch of text, without its controls, that is ordered by itself.
type isolate struct {
	at         int // of its object
	start, end int
	rtl        bool
}

// order returns the runs of directions from left to right. The bidi package
// joins runs whose levels differ by two, which would put them in wrong places;
// so isolates are ordered one by one, and numbers are told apart here.
func (sh *shaper) order(text []rune, rtl bool) []bidi.Run {
	sh.runs = sh.visual(sh.runs[:0], text, 0, len(text), rtl, 0)
	return sh.runs
}

// visual appends the runs of text[start:end].
func (sh *shaper) visual(out []bidi.Run, text []rune, start, end int, rtl bool, depth int) []bidi.Run {
	flat, places, isolates := text[start:end], []int(nil), []isolate(nil)
	if slices.ContainsFunc(flat, isIsolate) {
		flat, places, isolates = outside(text, start, end)
	}
	for _, r := range sh.levels(flat, rtl) {
		k := slices.IndexFunc(isolates, func(i isolate) bool { return i.at == r.Start })
		switch {
		case k >= 0:
			if depth < maxIsolates {
				out = sh.visual(out, text, isolates[k].start, isolates[k].end, isolates[k].rtl, depth+1)
			}
		case places != nil:
			out = append(out, bidi.Run{Start: places[r.Start], End: places[r.End-1] + 1, Level: r.Level})
		default:
			out = append(out, bidi.Run{Start: start + r.Start, End: start + r.End, Level: r.Level})
		}
	}
	return out
}

func isIsolate(r rune) bool { return r >= 0x2066 && r <= 0x2069 }

// outside is text[start:end] with an object for every isolate in it, and where
// its characters are in the text.
func outside(text []rune, start, end int) (flat []rune, places []int, isolates []isolate) {
	for i := start; i < end; i++ {
		r := text[i]
		if r == 0x2069 {
			continue // ends nothing
		}
		places = append(places, i)
		if !isIsolate(r) {
			flat = append(flat, r)
			continue
		}
		in := isolate{at: len(flat), start: i + 1, end: i + 1}
		for open := 1; in.end < end; in.end++ {
			if text[in.end] == 0x2069 {
				open--
			} else if isIsolate(text[in.end]) {
				open++
			}
			if open == 0 {
				break
			}
		}
		switch r {
		case 0x2067:
			in.rtl = true
		case 0x2068:
			in.rtl, _ = firstStrong(string(text[in.start:in.end]))
		}
		flat, isolates = append(flat, object), append(isolates, in)
		i = in.end
	}
	return flat, places, isolates
}

// levels returns the runs of a text without isolates from left to right, each
// object in a run of its own.
func (sh *shaper) levels(text []rune, rtl bool) []bidi.Run {
	direction := bidi.LeftToRight
	if rtl {
		direction = bidi.RightToLeft
	}
	var out []bidi.Run
	found := sh.paragraph.Segment(text, direction)
	for i := range found.NumRuns() {
		r := found.Run(i)
		from, level, number := r.Start, r.Level, r.Level == 2
		for at := r.Start; at < r.End; at++ {
			here := r.Level
			if !rtl && here%2 == 0 {
				here = 0
				if number = partOfNumber(text, at, number); number {
					here = 2
				}
			}
			if at > from && (here != level || text[at] == object || text[at-1] == object) {
				out = append(out, bidi.Run{Start: from, End: at, Level: level})
				from = at
			}
			level = here
		}
		out = append(out, bidi.Run{Start: from, End: r.End, Level: level})
	}
	for level := bidi.Level(2); level > 0; level-- { // rule L2
		for i := 0; i < len(out); i++ {
			j := i
			for j < len(out) && out[j].Level >= level {
				j++
			}
			slices.Reverse(out[i:j])
			i = max(i, j)
		}
	}
	return out
}

// partOfNumber reports, in a run of even level of a text from the left, whether
// the character at i is of a number that goes with the text from the right beside
// it; before says whether the one before it is. European digits are so only at
// the beginning of a run, Arabic ones always.
func partOfNumber(text []rune, i int, before bool) bool {
	class := func(i int) xbidi.Class {
		p, _ := xbidi.LookupRune(text[i])
		return p.Class()
	}
	switch class(i) {
	case xbidi.AN:
		return true
	case xbidi.EN, xbidi.ET, xbidi.NSM:
		return before
	case xbidi.ES, xbidi.CS:
		if !before || i+1 == len(text) {
			return false
		}
		next := class(i + 1)
		return next == xbidi.EN || next == xbidi.AN
	}
	return false
}
