// Package typeset turns text into 1-bit glyphs: hinted outlines, whole-pixel
// advances, no dithering. It shapes lines, orders directions, breaks and fits
// by Unicode rules. Latin, Greek and Cyrillic are FreeType's own pixels at the
// sizes that have strikes, and nearly always at others; Arabic, Hebrew, Devanagari, Thai, Chinese, Japanese
// and Korean come from bundled fonts that are loaded when first needed; any
// other character is drawn as its code point in a small frame, never as an
// empty box. It draws no colour and sets no vertical text. Fonts and Faces may
// be used from any number of goroutines.
package typeset

import (
	"image"
	"strings"
	"sync"

	"doorleaf/render/mono"
)

// Weight chooses the font.
type Weight uint8

// The bundled weights.
const (
	Regular Weight = iota
	Bold
)

// Sizes of faces in pixels per em.
const (
	MinSize = 8
	MaxSize = 512
)

// Fonts holds the parsed fonts and every Face asked for.
type Fonts struct {
	slots   [families][2]slot
	shapers sync.Pool // of *shaper
	mu      sync.Mutex
	faces   map[faceKey]*Face     // guarded by mu
	strikes map[strikeKey]*strike // shared by the faces of all languages; guarded by mu
}

type strikeKey struct {
	weight Weight
	size   int
}

type faceKey struct {
	weight Weight
	size   int
	habit  habit
}

// habit is what a language changes about a text.
type habit struct {
	han [3]family // order of the fonts with ideographs
	rtl bool      // direction of a text without letters
}

// habitOf returns the habit of a language, a BCP 47 tag.
func habitOf(language string) habit {
	tag := strings.ToLower(strings.ReplaceAll(language, "_", "-"))
	primary, rest, _ := strings.Cut(tag, "-")
	switch primary {
	case "ja", "ko":
		return habit{han: [3]family{japanese, traditional, simplified}}
	case "zh":
		if strings.Contains(rest, "hant") || strings.HasSuffix(rest, "tw") || strings.HasSuffix(rest, "hk") || strings.HasSuffix(rest, "mo") {
			return habit{han: [3]family{traditional, simplified, japanese}}
		}
	}
	h := habit{han: [3]family{simplified, traditional, japanese}}
	switch primary {
	case "ar", "he", "iw", "fa", "ur", "ps", "yi", "ckb", "sd", "ug":
		h.rtl = true
	}
	return h
}

// Load parses the Latin fonts; others follow when a text needs them.
func Load() (*Fonts, error) {
	f := &Fonts{faces: map[faceKey]*Face{}, strikes: map[strikeKey]*strike{}}
	f.shapers.New = func() any { return &shaper{} }
	for w := range Weight(2) {
		if f.source(latin, w) == nil {
			return nil, f.slots[latin][w].err
		}
	}
	return f, nil
}

// Face returns the face of a weight at a size in pixels per em, brought into
// MinSize..MaxSize, for texts of no language in particular.
func (f *Fonts) Face(w Weight, size int) *Face { return f.FaceFor(w, size, "") }

// FaceFor is Face for texts in a language, a BCP 47 tag: it chooses between
// the Chinese and the Japanese shapes of ideographs, and the direction of a
// text that has no letters.
func (f *Fonts) FaceFor(w Weight, size int, language string) *Face {
	k := faceKey{w, min(max(size, MinSize), MaxSize), habitOf(language)}
	f.mu.Lock()
	defer f.mu.Unlock()
	face := f.faces[k]
	if face == nil {
		face = newFace(f, k)
		f.faces[k] = face
	}
	return face
}

// Face is one weight at one size with the glyphs and lines made so far.
type Face struct {
	Size int // pixels per em
	Cap  int // height of a capital in pixels

	fonts  *Fonts
	weight Weight
	habit  habit
	strike *strike // nil for none

	interpreters sync.Pool // of *truetype.GlyphBuf

	mu     sync.RWMutex
	glyphs map[glyphKey]*glyph  // guarded by mu
	plain  map[rune]*glyph      // guarded by mu; nil values for characters to be shaped
	lines  map[string]*line     // guarded by mu
	placed int                  // glyphs in lines; guarded by mu
	cuts   map[cutKey]string    // guarded by mu
	breaks map[breakKey]*broken // guarded by mu
}

// strike returns the strike of a face, nil for none; mu is held.
func (f *Fonts) strike(k strikeKey) *strike {
	s, known := f.strikes[k]
	if !known {
		s, _ = openStrike(f.source(latin, k.weight).strikes, k.size) // damage, which the tests exclude, is as none
		f.strikes[k] = s
	}
	return s
}

// newFace makes a face; the fonts' mu is held.
func newFace(fonts *Fonts, k faceKey) *Face {
	f := &Face{Size: k.size, fonts: fonts, weight: k.weight, habit: k.habit,
		glyphs: map[glyphKey]*glyph{}, plain: map[rune]*glyph{}, lines: map[string]*line{},
		cuts: map[cutKey]string{}, breaks: map[breakKey]*broken{}}
	f.strike = fonts.strike(strikeKey{k.weight, k.size})
	if h := f.plainGlyph('H'); h != nil {
		f.Cap = h.top
	}
	return f
}

// Measure returns the width of a line in pixels.
func (f *Face) Measure(s string) int {
	if w, ok := f.plainWidth(s); ok {
		return w
	}
	return f.line(s).width
}

// Draw draws a line with its left end at (x, baseline) and returns where its
// right end is, whatever its direction.
func (f *Face) Draw(dst *mono.Image, x, baseline int, s string, mode mono.Mode) int {
	l := f.line(s)
	for i := range l.glyphs {
		p := &l.glyphs[i]
		if p.glyph.bits != nil {
			dst.Blit(p.glyph.bits, image.Pt(x+int(p.x)+p.glyph.left, baseline-int(p.y)-p.glyph.top), mode)
		}
	}
	return x + l.width
}

// Bounds returns the ink of a line drawn with its left end at the origin.
func (f *Face) Bounds(s string) image.Rectangle { return f.line(s).ink }

// RightToLeft reports whether a line reads from the right: its first letter
// decides, or the face's language where it has none.
func (f *Face) RightToLeft(s string) bool {
	if d, ok := firstStrong(s); ok {
		return d
	}
	return f.habit.rtl
}
