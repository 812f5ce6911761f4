package typeset

import (
	"strings"
	"unicode"

	"github.com/go-text/typesetting/segmenter"
	"golang.org/x/text/unicode/norm"
)

// maxRunes bounds the text that is looked at; nothing longer fits any sign.
const maxRunes = 512

// Ellipsis ends a line that was cut.
const Ellipsis = "…"

// Clean makes a text from outside safe to set on one line: composed (NFC), at
// most 512 characters, blanks collapsed, without control, formatting and
// direction characters, emoji and private characters.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	if len(s) > 8*maxRunes {
		s = s[:8*maxRunes]
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	var b strings.Builder
	blank, n := false, 0
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
			continue
		case unicode.In(r, unicode.C) && r != '\u00ad', r == '\u00ad', isSymbolPicture(r):
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
		if n++; n == maxRunes {
			break
		}
	}
	return norm.NFC.String(b.String()) // what was left out may have stood between
}

// isClean reports a short text of printable ASCII and single blanks, by far the
// most usual.
func isClean(s string) bool {
	if len(s) > maxRunes {
		return false
	}
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return before != ' ' || s == ""
}

// isSymbolPicture reports emoji and their modifiers, which no sign can show.
func isSymbolPicture(r rune) bool {
	return r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2600 && r <= 0x27BF || r >= 0xFE00 && r <= 0xFE0F || r == 0x20E3 || r >= 0xE0000
}

// Cut shortens a line to width pixels with an ellipsis: at a word end if that
// loses less than a quarter of what fits, otherwise between graphemes.
func (f *Face) Cut(s string, width int) string {
	if f.Measure(s) <= width {
		return s
	}
	room := width - f.Measure(Ellipsis)
	if room <= 0 {
		return ""
	}
	var seg segmenter.Segmenter
	seg.Init([]rune(s))
	w, kept, word := 0, 0, 0
	wordWidth := 0
	runes := []rune(s)
	for it := seg.GraphemeIterator(); it.Next(); {
		g := it.Grapheme()
		gw := f.Measure(string(g.Text))
		if w+gw > room {
			break
		}
		if unicode.IsSpace(g.Text[0]) {
			word, wordWidth = g.Offset, w
		}
		w += gw
		kept = g.Offset + len(g.Text)
	}
	if word > 0 && wordWidth*4 >= w*3 {
		kept = word
	}
	return strings.TrimRight(string(runes[:kept]), " ,;:-–·") + Ellipsis
}

// Break sets a text in at most lines lines of width pixels by the line breaking
// rules of Unicode. ok is false when it does not fit whole: then the last line
// ends in an ellipsis, or a word was broken.
func (f *Face) Break(s string, width, lines int) (out []string, ok bool) {
	var seg segmenter.Segmenter
	seg.Init([]rune(s))
	line := ""
	ok = true
	for it := seg.LineIterator(); it.Next(); {
		piece := string(it.Line().Text)
		if f.Measure(strings.TrimRight(line+piece, " ")) <= width {
			line += piece
			continue
		}
		if line != "" {
			out = append(out, strings.TrimRight(line, " "))
			line = ""
		}
		for f.Measure(strings.TrimRight(piece, " ")) > width { // a word longer than a line
			ok = false
			head, tail := f.split(piece, width)
			if head == "" {
				return nil, false
			}
			out, piece = append(out, head), tail
		}
		line = piece
	}
	if line = strings.TrimRight(line, " "); line != "" {
		out = append(out, line)
	}
	if len(out) <= lines {
		return out, ok
	}
	rest := strings.Join(out[lines-1:], " ")
	last := f.Cut(rest, width)
	out = out[: lines-1 : lines-1]
	if last != "" {
		out = append(out, last)
	}
	return out, ok && last == rest
}

// split breaks a word that is longer than a line, with a hyphen and at least
// four letters on either side where it has them.
func (f *Face) split(word string, width int) (head, tail string) {
	runes := []rune(word)
	var seg segmenter.Segmenter
	seg.Init(runes)
	room := width - f.Measure("-")
	w, kept := 0, 0
	for it := seg.GraphemeIterator(); it.Next(); {
		g := it.Grapheme()
		w += f.Measure(string(g.Text))
		if w > room {
			break
		}
		kept = g.Offset + len(g.Text)
	}
	if n := len([]rune(strings.TrimRight(word, " "))); n-kept < 4 && n >= 8 {
		kept = n - 4
	}
	if kept == 0 {
		return "", ""
	}
	return string(runes[:kept]) + "-", string(runes[kept:])
}
