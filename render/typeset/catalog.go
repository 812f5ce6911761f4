package typeset

import (
	"bytes"
	"embed"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/golang/freetype/truetype"
	"github.com/klauspost/compress/zstd"
)

//go:embed fonts/*.ttf fonts/*.strikes fonts/*.zst
var fontFiles embed.FS

// family is one of the bundled fonts.
type family uint8

const (
	latin family = iota // with Greek and Cyrillic
	arabic
	hebrew
	devanagari
	thai
	korean
	japanese
	simplified
	traditional
	families
	boxes // no font: code points in frames
)

// files are the names of the fonts of a family by weight.
var files = [families][2]string{
	latin:       {"NotoSans-Regular.ttf", "NotoSans-Bold.ttf"},
	arabic:      {"NotoSansArabic-Regular.ttf", "NotoSansArabic-Bold.ttf"},
	hebrew:      {"NotoSansHebrew-Regular.ttf", "NotoSansHebrew-Bold.ttf"},
	devanagari:  {"NotoSansDevanagari-Regular.ttf", "NotoSansDevanagari-Bold.ttf"},
	thai:        {"NotoSansThai-Regular.ttf", "NotoSansThai-Bold.ttf"},
	korean:      {"NotoSansCJKKR.otf", "NotoSansCJKKR.otf"},
	japanese:    {"NotoSansCJKJP.otf", "NotoSansCJKJP.otf"},
	simplified:  {"NotoSansCJKSC.otf", "NotoSansCJKSC.otf"},
	traditional: {"NotoSansCJKTC.otf", "NotoSansCJKTC.otf"},
}

// ideographic reports the families drawn from unhinted outlines in one weight.
func (f family) ideographic() bool { return f >= korean && f <= traditional }

// source is one font file, parsed.
type source struct {
	data    []byte
	shape   *font.Font
	hints   *truetype.Font // nil for outlines without hints
	strikes []byte         // nil for none
	glyf    []byte         // TrueType outlines
	loca    []byte         // their places, u32 each
	upem    int
}

// lookup returns the glyph of a character.
func (s *source) lookup(r rune) (font.GID, bool) { return s.shape.NominalGlyph(r) }

// slot loads a source when it is first asked for.
type slot struct {
	once   sync.Once
	source *source
	err    error
}

// maxFont bounds an unpacked font file.
const maxFont = 16 << 20

// source returns a font, loaded on first use; nil when it cannot be read, which
// the tests exclude.
func (f *Fonts) source(fam family, w Weight) *source {
	if fam.ideographic() {
		w = Regular
	}
	s := &f.slots[fam][w]
	s.once.Do(func() { s.source, s.err = loadSource(files[fam][w]) })
	return s.source
}

func loadSource(name string) (*source, error) {
	s := &source{}
	var err error
	if s.data, err = fontFiles.ReadFile("fonts/" + name); err != nil {
		if s.data, err = unpack("fonts/" + name + ".zst"); err != nil {
			return nil, err
		}
	}
	face, err := font.ParseTTF(bytes.NewReader(s.data))
	if err != nil {
		return nil, fmt.Errorf("bundled font %s: %w", name, err)
	}
	s.shape = face.Font
	s.upem = int(face.Upem())
	if name[len(name)-3:] == "ttf" {
		hinting, err := withControlValues(s.data)
		if err != nil {
			return nil, fmt.Errorf("bundled font %s: %w", name, err)
		}
		if s.hints, err = truetype.Parse(hinting); err != nil {
			return nil, fmt.Errorf("bundled font %s: %w", name, err)
		}
		if err := s.outlines(); err != nil {
			return nil, fmt.Errorf("bundled font %s: %w", name, err)
		}
	}
	if strikes, err := fontFiles.ReadFile("fonts/" + name[:len(name)-3] + "strikes"); err == nil {
		s.strikes = strikes
	}
	return s, nil
}

func unpack(name string) ([]byte, error) {
	packed, err := fontFiles.Open(name)
	if err != nil {
		return nil, fmt.Errorf("bundled font: %w", err)
	}
	defer packed.Close()
	r, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFont))
	if err != nil {
		return nil, fmt.Errorf("bundled font %s: %w", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFont))
	if err != nil {
		return nil, fmt.Errorf("bundled font %s: %w", name, err)
	}
	return data, nil
}

// scripts says which family draws which characters, apart from what the Latin
// font has; ideographs depend on the language.
var scripts = [...]struct {
	first, last rune
	family      family
}{
	{0x0590, 0x05ff, hebrew}, {0x0600, 0x06ff, arabic}, {0x0750, 0x077f, arabic}, {0x08a0, 0x08ff, arabic},
	{0x0900, 0x097f, devanagari}, {0x0e00, 0x0e7f, thai}, {0x1100, 0x11ff, korean}, {0x1cd0, 0x1cff, devanagari},
	{0x200c, 0x200d, arabic}, {0x2460, 0x24ff, japanese}, {0x2e80, 0x312f, japanese}, {0x3130, 0x318f, korean},
	{0x3190, 0x9fff, japanese}, {0xa8e0, 0xa8ff, devanagari}, {0xac00, 0xd7a3, korean}, {0xf900, 0xfaff, japanese},
	{0xfb1d, 0xfb4f, hebrew}, {0xfb50, 0xfdff, arabic}, {0xfe70, 0xfeff, arabic}, {0xff00, 0xffef, japanese},
}

// candidates returns the families to ask for a character, in order.
func candidates(r rune, han [3]family) []family {
	for _, s := range scripts {
		if r < s.first {
			return nil
		}
		if r > s.last {
			continue
		}
		if s.family == japanese {
			return han[:]
		}
		return []family{s.family}
	}
	return nil
}

// find returns the family and glyph that draw a character.
func (f *Fonts) find(r rune, w Weight, han [3]family) (family, font.GID, bool) {
	if r < 0x2e80 || r > 0x9fff {
		if gid, ok := f.source(latin, w).lookup(r); ok {
			return latin, gid, true
		}
	}
	for _, c := range candidates(r, han) {
		if s := f.source(c, w); s != nil {
			if gid, ok := s.lookup(r); ok {
				return c, gid, true
			}
		}
	}
	return boxes, 0, false
}

// outlines finds the tables of TrueType outlines.
func (s *source) outlines() error {
	tables, err := opentype.NewLoader(bytes.NewReader(s.data))
	if err != nil {
		return err
	}
	if s.glyf, err = tables.RawTable(opentype.MustNewTag("glyf")); err != nil {
		return err
	}
	loca, err := tables.RawTable(opentype.MustNewTag("loca"))
	if err != nil {
		return err
	}
	head, err := tables.RawTable(opentype.MustNewTag("head"))
	if err != nil {
		return err
	}
	if len(head) > 51 && head[51] == 1 {
		s.loca = loca
		return nil
	}
	for i := 0; i+1 < len(loca); i += 2 {
		s.loca = binary.BigEndian.AppendUint32(s.loca, 2*uint32(binary.BigEndian.Uint16(loca[i:])))
	}
	return nil
}
