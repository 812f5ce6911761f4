package typeset

import (
	"image"

	gotext "github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"doorleaf/render/mono"
)

// glyph is one drawn character. bits hangs with its left edge at left and its
// top edge top pixels above the base line; it is nil for blanks.
type glyph struct {
	bits      *mono.Image
	left, top int
	advance   int
}

// glyphKey names a glyph of a face: of a font, or the box of a character.
type glyphKey struct {
	family family
	id     uint32
}

// maxGlyphs bounds the glyphs kept per face.
const maxGlyphs = 4096

// glyph returns a drawn glyph.
func (f *Face) glyph(k glyphKey) *glyph {
	f.mu.RLock()
	g := f.glyphs[k]
	f.mu.RUnlock()
	if g != nil {
		return g
	}
	g = f.draw(k)
	f.mu.Lock()
	defer f.mu.Unlock()
	if have := f.glyphs[k]; have != nil {
		return have
	}
	if len(f.glyphs) >= min(maxGlyphs, 1<<22/(f.Size*f.Size)+64) {
		clear(f.glyphs)
		clear(f.plain)
	}
	f.glyphs[k] = g
	return g
}

// draw makes a glyph: from the strike, hinted where the font's program works,
// or from the plain outline.
func (f *Face) draw(k glyphKey) *glyph {
	if k.family == boxes {
		return f.missing(rune(k.id))
	}
	if k.family == latin && f.strike != nil {
		if g := f.strike.glyph(int(k.id)); g != nil {
			return g
		}
	}
	s := f.fonts.source(k.family, f.weight)
	if s.hints != nil {
		for _, h := range []font.Hinting{font.HintingFull, font.HintingNone} {
			if p, advance, ok := f.load(s, truetype.Index(k.id), h); ok {
				g := &glyph{advance: (advance + 32) >> 6}
				if parts := s.parts(int(k.id)); parts != nil && h == font.HintingFull {
					if whole, ok := f.assemble(s, parts, 0); ok {
						p = whole
					}
				}
				g.bits, g.left, g.top = p.rasterize(f.Size)
				return g
			}
		}
	}
	face := gotext.NewFace(s.shape)
	g := &glyph{advance: f.pixels(int(face.HorizontalAdvance(gotext.GID(k.id))), s.upem)}
	if outline, ok := face.GlyphDataOutline(gotext.GID(k.id)); ok {
		g.bits, g.left, g.top = unhinted(outline.Segments, f.Size, s.upem).rasterize(f.Size)
	}
	if f.weight == Bold && k.family.ideographic() && f.Size >= 20 {
		g.embolden(max(1, f.Size/28))
	}
	return g
}

// embolden widens every stroke by n pixels for scripts that have one weight.
func (g *glyph) embolden(n int) {
	if g.bits == nil {
		return
	}
	wide := mono.New(g.bits.Rect.Dx()+n, g.bits.Rect.Dy())
	for i := range n + 1 {
		wide.Blit(g.bits, image.Pt(i, 0), mono.Or)
	}
	g.bits, g.left = wide, g.left-n/2
}

// pixels scales font units to whole pixels.
func (f *Face) pixels(units, upem int) int {
	return floorDiv(2*units*f.Size+upem, 2*upem)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && a < 0 {
		q--
	}
	return q
}

// load reads an outline and its advance in 1/64 pixel; a hinting program the
// interpreter cannot run is not an error of ours. Interpreters are kept, for
// they remember what the font's own programs did for a size.
func (f *Face) load(s *source, index truetype.Index, h font.Hinting) (p *path, advance int, ok bool) {
	defer func() {
		if recover() != nil {
			p, advance, ok = nil, 0, false
		}
	}()
	g, _ := f.interpreters.Get().(*truetype.GlyphBuf)
	if g == nil {
		g = &truetype.GlyphBuf{}
	}
	if g.Load(s.hints, fixed.I(f.Size), index, h) != nil {
		return nil, 0, false
	}
	p, advance = hinted(g), int(g.AdvanceWidth)
	f.interpreters.Put(g)
	return p, advance, true
}

// unhinted scales an outline in font units.
func unhinted(segments []opentype.Segment, size, upem int) *path {
	p := &path{}
	at := func(q opentype.SegmentPoint) point {
		scale := float64(64*size) / float64(upem)
		round := func(v float32) int { return 2 * (int(float64(v)*scale+65536.5) - 65536) }
		return point{round(q.X), round(q.Y)}
	}
	for _, s := range segments {
		a := s.Args
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			p.add(moveTo, at(a[0]))
		case opentype.SegmentOpLineTo:
			p.add(lineTo, at(a[0]))
		case opentype.SegmentOpQuadTo:
			p.add(quadTo, at(a[0]), at(a[1]))
		case opentype.SegmentOpCubeTo:
			p.add(cubeTo, at(a[0]), at(a[1]), at(a[2]))
		}
	}
	return p
}

// plainGlyph returns the glyph of a character that stands for itself whatever
// its neighbours; nil for one that has to be shaped.
func (f *Face) plainGlyph(r rune) *glyph {
	f.mu.RLock()
	g, known := f.plain[r]
	f.mu.RUnlock()
	if known {
		return g
	}
	if isPlain(r) {
		fam, gid, _ := f.fonts.find(r, f.weight, f.habit.han)
		k := glyphKey{fam, uint32(gid)}
		if fam == boxes {
			k.id = uint32(r)
		}
		g = f.glyph(k)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.plain) >= 2*maxGlyphs {
		clear(f.plain)
	}
	f.plain[r] = g
	return g
}

// isPlain reports the characters whose glyphs depend on no neighbour: of
// scripts written from left to right, without marks and controls.
func isPlain(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xad:
		return false
	case r < 0x0300, r >= 0x0370 && r < 0x0483, r >= 0x048a && r < 0x0530, r >= 0x1e00 && r < 0x1f00:
		return true
	case r >= 0x2010 && r < 0x2028, r >= 0x2030 && r < 0x205f, r >= 0x20a0 && r < 0x20c0, r >= 0x2100 && r < 0x2200:
		return true
	case r >= 0x3000 && r < 0x302a, r >= 0x3041 && r < 0x3097, r >= 0x309b && r < 0x3100, r >= 0x3130 && r < 0xa000:
		return true
	case r >= 0xac00 && r < 0xd7a4, r >= 0xff01 && r < 0xffe7:
		return true
	}
	return false
}
