package typeset

import (
	"image"
	"slices"
	"unicode"

	"github.com/go-text/typesetting/bidi"
	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

// line is a composed line of text, its left end at the origin.
type line struct {
	glyphs []placed
	width  int
	ink    image.Rectangle
}

// placed is a glyph with its pen x pixels from the left end and y above the
// base line.
type placed struct {
	glyph *glyph
	x, y  int32
}

// Bounds of what a face remembers.
const (
	maxLines  = 512
	maxPlaced = 1 << 14
)

// kernFrom is the size from which pairs are kerned: below, a whole pixel is too
// coarse.
const kernFrom = 36

// line returns a composed line, from memory if it can.
func (f *Face) line(s string) *line {
	f.mu.RLock()
	l := f.lines[s]
	f.mu.RUnlock()
	if l != nil {
		return l
	}
	l = f.compose(s)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.lines) >= maxLines || f.placed+len(l.glyphs) > maxPlaced {
		clear(f.lines)
		f.placed = 0
	}
	f.lines[cloned(s)] = l
	f.placed += len(l.glyphs)
	return l
}

// cloned keeps a long text of which s is a part from being held.
func cloned(s string) string { return string(append([]byte(nil), s...)) }

// plainWidth measures a line of characters that need no shaping.
func (f *Face) plainWidth(s string) (w int, ok bool) {
	if f.Size >= kernFrom || f.habit.rtl {
		return 0, false
	}
	n := 0
	for _, r := range s {
		g := f.plainGlyph(r)
		if n++; g == nil || n > maxRunes {
			return 0, false
		}
		w += g.advance
	}
	return w, true
}

// width measures a line without keeping it.
func (f *Face) width(s string) int {
	if w, ok := f.plainWidth(s); ok {
		return w
	}
	f.mu.RLock()
	l := f.lines[s]
	f.mu.RUnlock()
	if l == nil {
		l = f.compose(s)
	}
	return l.width
}

// compose shapes a line of at most maxRunes characters.
func (f *Face) compose(s string) *line {
	l := &line{}
	if _, ok := f.plainWidth(s); ok {
		l.glyphs = make([]placed, 0, len(s))
		for _, r := range s {
			g := f.plainGlyph(r)
			l.glyphs = append(l.glyphs, placed{glyph: g, x: int32(l.width)})
			l.width += g.advance
		}
	} else {
		text := []rune(s)
		if len(text) > maxRunes {
			text = text[:maxRunes]
		}
		sh := f.fonts.shapers.Get().(*shaper)
		for _, r := range sh.order(text, f.habit.rtl) {
			f.run(l, sh, text, r)
		}
		f.fonts.shapers.Put(sh)
	}
	for _, p := range l.glyphs {
		if p.glyph.bits != nil {
			l.ink = l.ink.Union(p.glyph.bits.Rect.Add(image.Pt(int(p.x)+p.glyph.left, -int(p.y)-p.glyph.top)))
		}
	}
	return l
}

// shaper shapes runs for one goroutine at a time.
type shaper struct {
	paragraph bidi.Paragraph
	harfbuzz  shaping.HarfbuzzShaper
	faces     [families][2]*font.Face
	runs      []bidi.Run
	pieces    []piece
}

// piece is a stretch of text in one script and font.
type piece struct {
	start, end int
	family     family
	script     language.Script
}

// run adds one run of a direction to the right end of the line.
func (f *Face) run(l *line, sh *shaper, text []rune, r bidi.Run) {
	rtl := r.Level%2 == 1
	sh.pieces = f.split(sh.pieces[:0], text, r.Start, r.End)
	if rtl {
		slices.Reverse(sh.pieces)
	}
	for _, p := range sh.pieces {
		if p.family == boxes {
			f.boxes(l, text[p.start:p.end], rtl)
			continue
		}
		f.shape(l, sh, text, p, rtl)
	}
}

// split divides a run by font and script. Direction controls have done their
// work and are left out.
func (f *Face) split(out []piece, text []rune, start, end int) []piece {
	for i := start; i < end; i++ {
		r := text[i]
		if isDirectionControl(r) {
			continue
		}
		script := language.LookupScript(r)
		fam, _, _ := f.fonts.find(r, f.weight, f.habit.han)
		joined := len(out) > 0 && out[len(out)-1].end == i
		if joined {
			last := &out[len(out)-1]
			if !script.Strong() && last.family != boxes && (fam == boxes || fam != last.family) && f.follows(r, last.family) {
				last.end++
				continue
			}
			if fam == last.family && (script == last.script || !script.Strong() || !last.script.Strong()) {
				if !last.script.Strong() {
					last.script = script
				}
				last.end++
				continue
			}
		}
		out = append(out, piece{i, i + 1, fam, script})
	}
	return out
}

// follows reports whether a mark, joiner or blank goes with the font of the
// text before it.
func (f *Face) follows(r rune, fam family) bool {
	if !unicode.In(r, unicode.M) && r != ' ' && r != 0x200c && r != 0x200d {
		return false
	}
	_, ok := f.fonts.source(fam, f.weight).lookup(r)
	return ok || r == 0x200c || r == 0x200d
}

func isDirectionControl(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}

func (f *Face) boxes(l *line, text []rune, rtl bool) {
	for i := range text {
		r := text[i]
		if rtl {
			r = text[len(text)-1-i]
		}
		if r < ' ' || unicode.Is(unicode.Cf, r) {
			continue
		}
		g := f.glyph(glyphKey{boxes, uint32(r)})
		l.glyphs = append(l.glyphs, placed{glyph: g, x: int32(l.width)})
		l.width += g.advance
	}
}

// output shapes one piece in font units.
func (sh *shaper) output(f *Fonts, w Weight, text []rune, p piece, rtl, kern bool) shaping.Output {
	if p.family.ideographic() {
		w = Regular
	}
	s := f.source(p.family, w)
	if sh.faces[p.family][w] == nil {
		sh.faces[p.family][w] = font.NewFace(s.shape)
	}
	in := shaping.Input{Text: text, RunStart: p.start, RunEnd: p.end, Direction: di.DirectionLTR,
		Face: sh.faces[p.family][w], Size: fixed.I(s.upem), Script: p.script}
	if rtl {
		in.Direction = di.DirectionRTL
	}
	if !kern {
		in.FontFeatures = noKern[:]
	}
	return sh.harfbuzz.ShapeNoExtents(in)
}

var noKern = [...]shaping.FontFeature{{Tag: opentype.MustNewTag("kern"), Value: 0}}

// shape adds a piece. Glyphs of the Latin font keep their hinted whole-pixel
// advances; in other scripts, whose letters join, the pen moves exactly and
// each glyph goes to the nearest pixel.
func (f *Face) shape(l *line, sh *shaper, text []rune, p piece, rtl bool) {
	out := sh.output(f.fonts, f.weight, text, p, rtl, f.Size >= kernFrom)
	upem := f.fonts.source(p.family, f.weight).upem
	face := out.Face
	pen, exact := l.width, 0
	for i := range out.Glyphs {
		g := &out.Glyphs[i]
		drawn := f.glyph(glyphKey{p.family, uint32(g.GlyphID)})
		x := pen + f.pixels(exact+g.XOffset.Round(), upem)
		l.glyphs = append(l.glyphs, placed{glyph: drawn, x: int32(x), y: int32(f.pixels(g.YOffset.Round(), upem))})
		advance := g.Advance.Round()
		if p.family == latin {
			nominal := int(face.HorizontalAdvance(g.GlyphID))
			pen += drawn.advance
			if d := advance - nominal; d == -nominal {
				pen -= drawn.advance
			} else {
				pen += f.pixels(d, upem)
			}
			continue
		}
		exact += advance
	}
	l.width = max(pen+f.pixels(exact, upem), 0)
}
