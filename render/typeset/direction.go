package typeset

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
)

// The isolates of the bidirectional algorithm.
const (
	leftIsolate  = "\u2066"
	rightIsolate = "\u2067"
	firstIsolate = "\u2068"
	endIsolate   = "\u2069"
)

// Isolate wraps a text from outside, cleaned before, so that its direction does
// not turn what stands beside it on the same line.
func Isolate(s string) string { return firstIsolate + s + endIsolate }

// Turns reports whether a text has a letter or a number that reads against the
// direction of a line and so has to be isolated on it.
func Turns(s string, rtl bool) bool {
	n := 0
	for _, r := range s {
		switch p, _ := bidi.LookupRune(r); p.Class() {
		case bidi.L, bidi.EN:
			if rtl {
				return true
			}
		case bidi.R, bidi.AL, bidi.AN:
			if !rtl {
				return true
			}
		}
		if n++; n > maxRunes {
			break
		}
	}
	return false
}

// firstStrong reports whether the first letter of a text, or of an isolate whose
// text this is, reads from the right; isolates within apart. ok is false when
// there is no such letter.
func firstStrong(s string) (rtl, ok bool) {
	n, depth := 0, 0
	for _, r := range s {
		switch p, _ := bidi.LookupRune(r); p.Class() {
		case bidi.LRI, bidi.RLI, bidi.FSI:
			depth++
		case bidi.PDI:
			if depth == 0 {
				return false, false
			}
			depth--
		case bidi.L:
			if depth == 0 {
				return false, true
			}
		case bidi.R, bidi.AL:
			if depth == 0 {
				return true, true
			}
		}
		if n++; n > maxRunes {
			break
		}
	}
	return false, false
}

// alone takes the isolate off a text that is nothing else.
func alone(s string) string {
	rest, ok := strings.CutPrefix(s, firstIsolate)
	if !ok || strings.IndexAny(rest, leftIsolate+rightIsolate+firstIsolate+endIsolate) != len(rest)-len(endIsolate) {
		return s
	}
	return strings.TrimSuffix(rest, endIsolate)
}

// wrap is what the lines of a text are put into, so that each reads in the
// direction of the whole.
type wrap struct{ before, after string }

// wrapOf returns the wrap of a text: none for one that reads in the direction of
// the face's language.
func (f *Face) wrapOf(s string) wrap {
	rtl, ok := firstStrong(s)
	switch {
	case !ok || rtl == f.habit.rtl:
		return wrap{}
	case rtl:
		return wrap{rightIsolate, endIsolate}
	}
	return wrap{leftIsolate, endIsolate}
}

func (w wrap) line(s string) string {
	if w.before == "" || s == "" {
		return s
	}
	return w.before + s + w.after
}

// opened returns the beginnings of the isolates that are open at the end of a
// text, its first letters deciding those that leave it to them; after is what
// follows the text.
func opened(s, after string) string {
	if !strings.ContainsAny(s, leftIsolate+rightIsolate+firstIsolate) {
		return ""
	}
	var open []string
	for i, r := range s {
		switch r {
		case 0x2066:
			open = append(open, leftIsolate)
		case 0x2067:
			open = append(open, rightIsolate)
		case 0x2068:
			direction := firstIsolate
			if rtl, ok := firstStrong(s[i+utf8.RuneLen(r):] + after); ok && rtl {
				direction = rightIsolate
			} else if ok {
				direction = leftIsolate
			}
			open = append(open, direction)
		case 0x2069:
			open = open[:max(len(open)-1, 0)]
		}
	}
	return strings.Join(open, "")
}

// stretch returns s[from:to] without blanks at its end, as a line of its own: the
// isolates open where it begins are opened again, and all are closed at its end.
func stretch(s string, from, to int) string {
	open := opened(s[:from], s[from:])
	return closed(open + strings.TrimRight(s[from:to], " "))
}

// closed ends the isolates that a cut has left open.
func closed(s string) string {
	return s + strings.Repeat(endIsolate, utf8.RuneCountInString(opened(s, "")))
}
