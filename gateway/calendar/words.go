package calendar

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a text from a calendar as it may be shown.
const (
	maxWords = 240 // characters; more than any glass has room for
	maxMarks = 4   // marks that may sit on one letter
)

// Words returns a text from a calendar as it may be shown on one line. Outside
// people write subjects, so everything that could spoil the line is taken out:
// control characters, characters that turn the direction of what follows,
// invisible ones, heaps of accents. Blanks of every kind become one space. What
// joins the parts of a letter or an emoji stays. A text without anything to see
// is "". Long texts are cut and end in "…".
func Words(s string) string {
	if n := 16 * maxWords; len(s) > n { // enough to fill the line after cleaning
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	var b strings.Builder
	count, marks := 0, 0
	blank, visible := false, false
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case unicode.IsSpace(r) || isBlank(r):
			blank = count > 0
			continue
		case isHidden(r):
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > maxMarks {
				continue
			}
		default:
			marks = 0
		}
		if blank {
			count++
		}
		if count >= maxWords {
			return strings.TrimRight(b.String(), "\u200d\u200c") + "…"
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
		count++
		visible = visible || !isJoiner(r)
	}
	if !visible {
		return ""
	}
	return b.String()
}

// isBlank reports whether a letter or symbol of Unicode is an empty place.
func isBlank(r rune) bool {
	switch r {
	case 0x115f, 0x1160, 0x2800, 0x3164, 0xffa0: // Hangul fillers, an empty Braille cell
		return true
	}
	return false
}

// isHidden reports whether a character shows nothing and is not needed to write
// any language: controls, direction overrides, embeddings and isolates, byte
// order marks, soft hyphens, private use and unassigned formats.
func isHidden(r rune) bool {
	switch {
	case isJoiner(r) || r == 0x200e || r == 0x200f || r == 0x061c: // marks that turn nothing but themselves
		return false
	case r >= 0xe0020 && r <= 0xe007f: // tags: the flags of England, Scotland and Wales
		return false
	case r == 0x034f || r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

// isJoiner reports whether a character only acts on its neighbours.
func isJoiner(r rune) bool {
	return r == 0x200c || r == 0x200d || r == 0x200e || r == 0x200f || r == 0x061c || r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0020 && r <= 0xe007f
}
