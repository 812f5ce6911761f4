package typeset

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxRunes bounds the text that is looked at; nothing longer fits any sign.
const maxRunes = 512

// Clean makes a text from outside safe to set on one line: composed (NFC), at
// most 512 characters, blanks collapsed, without control, formatting and
// direction characters, emoji and private characters.
func Clean(s string) string {
	if IsClean(s) {
		return s
	}
	if len(s) > 8*maxRunes {
		s = s[:8*maxRunes]
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	var b strings.Builder
	blank, n, before := false, 0, rune(0)
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
			continue
		case (r == 0x200c || r == 0x200d) && !blank && joins(before):
			// Persian and Hindi are spelled with joiners
		case unicode.In(r, unicode.C), isSymbolPicture(r):
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
		before = r
		if n++; n == maxRunes {
			break
		}
	}
	return norm.NFC.String(b.String()) // what was left out may have stood between
}

// IsClean reports a text that Clean leaves as it is, by far the most usual. It
// may miss one whose marks might have to be composed.
func IsClean(s string) bool {
	if len(s) > 4*maxRunes {
		return false
	}
	before, n, ascii := ' ', 0, true
	for _, r := range s {
		switch {
		case r == ' ' && before == ' ':
			return false
		case r >= ' ' && r <= '~':
		case !strconv.IsPrint(r) || r == utf8.RuneError || isSymbolPicture(r):
			return false
		default:
			ascii = false
		}
		before = r
		n++
	}
	return (before != ' ' || s == "") && n <= maxRunes && (ascii || norm.NFC.QuickSpanString(s) == len(s))
}

// isSymbolPicture reports emoji and their modifiers, which no sign can show.
func isSymbolPicture(r rune) bool {
	return r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2600 && r <= 0x27BF || r >= 0xFE00 && r <= 0xFE0F || r == 0x20E3 || r >= 0xE0000
}

// joins reports the scripts that are spelled with joiners and non-joiners.
func joins(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Devanagari)
}
