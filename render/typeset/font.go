// Package typeset turns text into 1-bit glyphs: hinted outlines, whole-pixel
// advances, no dithering. It measures, breaks and fits lines by Unicode rules.
// It shapes no complex scripts yet: Latin, Greek and Cyrillic come from the
// bundled Noto Sans, any other character is drawn as its code point in a small
// frame, never as an empty box. Fonts and Faces may be used from any number of
// goroutines.
package typeset

import (
	_ "embed"
	"fmt"
	"image"
	"sync"

	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"doorleaf/render/mono"
)

//go:embed fonts/NotoSans-Regular.ttf
var notoRegular []byte

//go:embed fonts/NotoSans-Bold.ttf
var notoBold []byte

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
	parsed [2]*truetype.Font
	mu     sync.Mutex
	faces  map[faceKey]*Face // guarded by mu
}

type faceKey struct {
	weight Weight
	size   int
}

// Load parses the bundled fonts.
func Load() (*Fonts, error) {
	f := &Fonts{faces: map[faceKey]*Face{}}
	for i, b := range [][]byte{notoRegular, notoBold} {
		t, err := truetype.Parse(b)
		if err != nil {
			return nil, fmt.Errorf("bundled font %d: %w", i, err)
		}
		f.parsed[i] = t
	}
	return f, nil
}

// Face returns the face of a weight at a size in pixels per em, brought into
// MinSize..MaxSize.
func (f *Fonts) Face(w Weight, size int) *Face {
	k := faceKey{w, min(max(size, MinSize), MaxSize)}
	f.mu.Lock()
	defer f.mu.Unlock()
	face := f.faces[k]
	if face == nil {
		face = &Face{font: f.parsed[w], Size: k.size, glyphs: map[rune]*glyph{}}
		face.Cap = face.glyph('H').top
		f.faces[k] = face
	}
	return face
}

// Face is one weight at one size with the glyphs drawn so far.
type Face struct {
	Size int // pixels per em
	Cap  int // height of a capital in pixels

	font   *truetype.Font
	mu     sync.RWMutex
	glyphs map[rune]*glyph // guarded by mu
}

// glyph is one drawn character. bits hangs with its left edge at left and its
// top edge top pixels above the base line; it is nil for blanks.
type glyph struct {
	bits      *mono.Image
	left, top int
	advance   int
}

func (f *Face) glyph(r rune) *glyph {
	f.mu.RLock()
	g := f.glyphs[r]
	f.mu.RUnlock()
	if g != nil {
		return g
	}
	g = f.draw(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	if have := f.glyphs[r]; have != nil {
		return have
	}
	if len(f.glyphs) > maxGlyphs {
		clear(f.glyphs)
	}
	f.glyphs[r] = g
	return g
}

// maxGlyphs bounds the glyphs kept per face.
const maxGlyphs = 4096

// draw makes the glyph of a character, hinted where the font's program works.
func (f *Face) draw(r rune) *glyph {
	index := f.font.Index(r)
	if index == 0 && r != ' ' {
		return f.missing(r)
	}
	outline, ok := f.load(index, font.HintingFull)
	if !ok {
		if outline, ok = f.load(index, font.HintingNone); !ok {
			return f.missing(r)
		}
	}
	g := &glyph{advance: (int(outline.AdvanceWidth) + 32) >> 6}
	g.bits, g.left, g.top = rasterize(outline)
	return g
}

// load reads an outline; a hinting program the interpreter cannot run is not an
// error of ours.
func (f *Face) load(index truetype.Index, h font.Hinting) (g *truetype.GlyphBuf, ok bool) {
	defer func() {
		if recover() != nil {
			g, ok = nil, false
		}
	}()
	g = &truetype.GlyphBuf{}
	err := g.Load(f.font, fixed.I(f.Size), index, h)
	return g, err == nil
}

// Measure returns the width of a line in pixels.
func (f *Face) Measure(s string) int {
	w := 0
	for _, r := range s {
		w += f.glyph(r).advance
	}
	return w
}

// Draw draws a line with the pen starting at (x, baseline) and returns where
// the pen ends.
func (f *Face) Draw(dst *mono.Image, x, baseline int, s string, mode mono.Mode) int {
	for _, r := range s {
		g := f.glyph(r)
		if g.bits != nil {
			dst.Blit(g.bits, image.Pt(x+g.left, baseline-g.top), mode)
		}
		x += g.advance
	}
	return x
}

// Bounds returns the ink of a line drawn with the pen at the origin.
func (f *Face) Bounds(s string) image.Rectangle {
	var r image.Rectangle
	x := 0
	for _, c := range s {
		g := f.glyph(c)
		if g.bits != nil {
			r = r.Union(g.bits.Rect.Add(image.Pt(x+g.left, -g.top)))
		}
		x += g.advance
	}
	return r
}
