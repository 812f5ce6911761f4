package typeset

import (
	"image"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-text/typesetting/segmenter"

	"doorleaf/render/mono"
)

func load(t testing.TB) *Fonts {
	t.Helper()
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "Quarterly planning", "Quarterly planning"},
		{"blanks", "  a \t\r\n b\u00a0c\u2003d ", "a b c d"},
		{"NFD is composed", "Ju\u0308rgen", "J\u00fcrgen"},
		{"controls", "a\x00b\x1bc\x7fd", "abcd"},
		{"bidi overrides", "a\u202egnp.exe\u202c\u2066b\u2069\u200f", "agnp.exeb"},
		{"zero width", "a\u200bb\u200c\u200dc\ufeffd", "abcd"},
		{"soft hyphen", "Haus\u00adhalt", "Haushalt"},
		{"emoji", "Launch 🚀🎉 party", "Launch party"},
		{"emoji with joiner and skin", "A 👩🏽\u200d🚀 B", "A B"},
		{"flag and keycap", "🇩🇪 1\ufe0f\u20e3 x", "1 x"},
		{"dingbats", "✅ done ☎", "done"},
		{"private use", "a\ue000b\U000f0000c", "abc"},
		{"not UTF-8", "a\xff\xfeb", "ab"},
		{"only emoji", "🚀🚀", ""},
		{"nothing", "", ""},
		{"Cyrillic", "Обучение новых сотрудников", "Обучение новых сотрудников"},
		{"Arabic stays", "مرحبا", "مرحبا"},
		{"line separator", "a\u2028b\u2029c", "a b c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Clean(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if got := Clean(tc.want); got != tc.want {
				t.Errorf("cleaned again: got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestCleanBoundsLongTexts(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, in := range map[string]string{
		"letters":       strings.Repeat("x", 1<<20),
		"two bytes":     strings.Repeat("ü", 1<<19),
		"four bytes":    strings.Repeat("𝐀", 1<<18),
		"blanks":        strings.Repeat(" ", 1<<20) + "x",
		"marks":         "e" + strings.Repeat("\u0301", 1<<19),
		"not UTF-8":     strings.Repeat("\xff", 1<<20),
		"cut in a rune": strings.Repeat("x", 8*maxRunes-1) + "üüü",
	} {
		start := threadTime(t)
		got := Clean(in)
		spent := threadTime(t) - start
		if n := utf8.RuneCountInString(got); n > maxRunes || !utf8.ValidString(got) {
			t.Errorf("%s: %d characters, valid %t", name, n, utf8.ValidString(got))
		}
		if spent > time.Second {
			t.Errorf("%s: took %v of the processor", name, spent)
		}
	}
}

// threadTime is the processor time of this thread, to which the caller is
// locked: other work on the machine does not count.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const rusageThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// graphemes are the offsets in runes at which a text may be cut.
func graphemes(s string) map[int]bool {
	var seg segmenter.Segmenter
	seg.Init([]rune(s))
	out := map[int]bool{}
	for it := seg.GraphemeIterator(); it.Next(); {
		out[it.Grapheme().Offset] = true
	}
	return out
}

func TestCut(t *testing.T) {
	f := load(t).Face(Bold, 20)
	for _, s := range []string{
		"Quarterly planning with the finance team",
		"Wirtschaftsprüfungsgesellschaft",
		"e\u0301\u0301e\u0301e\u0301e\u0301e\u0301",
		"Обучение новых сотрудников",
		"a b c d e f g h i",
	} {
		for width := 0; width < f.Measure(s)+30; width++ {
			got := f.Cut(s, width)
			if w := f.Measure(got); w > width {
				t.Fatalf("%q in %d pixels: %q takes %d", s, width, got, w)
			}
			if width >= f.Measure(s) {
				if got != s {
					t.Fatalf("%q fits %d pixels, got %q", s, width, got)
				}
				continue
			}
			head, ok := strings.CutSuffix(got, Ellipsis)
			if got != "" && !ok {
				t.Fatalf("%q in %d pixels: %q lacks the ellipsis", s, width, got)
			}
			rest := strings.TrimLeft(strings.TrimPrefix(s, head), " ")
			if !strings.HasPrefix(s, head) || !graphemes(s)[utf8.RuneCountInString(s)-utf8.RuneCountInString(rest)] {
				t.Fatalf("%q in %d pixels: %q is cut within a character", s, width, got)
			}
		}
	}
}

func TestCutPrefersWordEnds(t *testing.T) {
	f := load(t).Face(Regular, 20)
	s := "Planning with finance"
	if got, want := f.Cut(s, f.Measure("Planning with fi"+Ellipsis)), "Planning with"+Ellipsis; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.Cut("A Wirtschaftsprüfung", f.Measure("A Wirtschafts"+Ellipsis)), "A Wirtschafts"+Ellipsis; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBreak(t *testing.T) {
	f := load(t).Face(Bold, 26)
	for _, tc := range []struct {
		name, in string
		width    int
		lines    int
		want     []string
		ok       bool
	}{
		{"one line", "1:1", 100, 2, []string{"1:1"}, true},
		{"two lines", "Quarterly planning", f.Measure("Quarterly planning") - 1, 2, []string{"Quarterly", "planning"}, true},
		{"hyphens are places to break", "Hohenstein-Lindqvist", f.Measure("Hohenstein-") + 2, 2, []string{"Hohenstein-", "Lindqvist"}, true},
		{"long word is split", "Wirtschaftsprüfungsgesellschaft", f.Measure("Wirtschaftsprüfungs") + 2, 2, []string{"Wirtschaftsprüfung-", "sgesellschaft"}, false},
		{"four letters stay together", "Besprechungsraum", f.Measure("Besprechungsrau-") + 1, 2, []string{"Besprechungs-", "raum"}, false},
		{"too much", "one two three four", f.Measure("three") + 2, 2, []string{"one", "two" + Ellipsis}, false},
		{"nothing", "", 100, 2, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := f.Break(tc.in, tc.width, tc.lines)
			if strings.Join(got, "|") != strings.Join(tc.want, "|") || ok != tc.ok {
				t.Errorf("got %q, %t, want %q, %t", got, ok, tc.want, tc.ok)
			}
			for _, l := range got {
				if w := f.Measure(l); w > tc.width {
					t.Errorf("%q takes %d of %d pixels", l, w, tc.width)
				}
			}
		})
	}
}

func TestBreakNeverOverflows(t *testing.T) {
	f := load(t).Face(Bold, 18)
	s := "Haushaltsausschusssitzung mit der Wirtschaftsprüfungsgesellschaft Nord: Jahresabschluss"
	for width := 1; width < f.Measure(s)+2; width += 3 {
		for lines := 1; lines <= 4; lines++ {
			got, ok := f.Break(s, width, lines)
			if len(got) > lines {
				t.Fatalf("%d lines in %d pixels: got %d", lines, width, len(got))
			}
			for _, l := range got {
				if f.Measure(l) > width {
					t.Fatalf("%q takes %d of %d pixels", l, f.Measure(l), width)
				}
			}
			if whole := strings.Join(got, " "); ok && whole != s {
				t.Fatalf("said to fit %d pixels, got %q", width, got)
			}
		}
	}
}

// A character no font has is drawn as its code point: not blank, not an empty
// box, and different for different characters.
func TestMissingCharactersShowTheirCodePoint(t *testing.T) {
	for _, size := range []int{8, 16, 20, 48, 128} {
		f := load(t).Face(Regular, size)
		seen := map[string]rune{}
		for _, r := range "ⴰክ𓀀ꦀ\U0001d400" {
			l := f.line(string(r))
			if len(l.glyphs) != 1 {
				t.Fatalf("%U at %d takes %d glyphs", r, size, len(l.glyphs))
			}
			g := l.glyphs[0].glyph
			if g.bits == nil || g.advance < g.bits.Rect.Dx() {
				t.Fatalf("%U at %d has no room", r, size)
			}
			inner := g.bits.Clone()
			frame := mono.New(g.bits.Rect.Dx(), g.bits.Rect.Dy())
			frame.Fill(frame.Rect, true)
			frame.Fill(frame.Rect.Inset(max(size/18, 1)), false)
			inner.Blit(frame, image.Point{}, mono.AndNot)
			ink := 0
			for _, b := range inner.Pix {
				if b != 0 {
					ink++
				}
			}
			if ink == 0 {
				t.Errorf("%U at %d is an empty box", r, size)
			}
			if other, twice := seen[string(g.bits.Pix)]; twice {
				t.Errorf("%U and %U look the same at %d", r, other, size)
			}
			seen[string(g.bits.Pix)] = r
		}
	}
}

// Every letter of the languages on signs is in both fonts at every size that
// faces use.
func TestLettersOfTheLanguages(t *testing.T) {
	letters := "AZazÄÖÜäöüßẞ0123456789:–…·,;.!?()-+&/'\"№ЁАЯаяё" +
		"éèêëçàùûîïôœÉÈÀÇ" + "åøæÅØÆšžčřůľěŠŽČ" + "ąęłńóśźżĄĘŁ" + "őűŐŰ" + "ğışĞİŞ" + "ñáíúÑ¿¡" + "ãõ" + "ΑΩαωάή" + "ЇїЄєҐґІі" + "€£$%"
	for _, w := range []Weight{Regular, Bold} {
		f := load(t).Face(w, 16)
		for _, r := range letters {
			if fam, _, ok := f.fonts.find(r, w, f.habit.han); !ok || fam != latin {
				t.Errorf("weight %d lacks %c (%U)", w, r, r)
			}
		}
	}
}

// Digits have one width, so that times do not move.
func TestFiguresAreTabular(t *testing.T) {
	for _, w := range []Weight{Regular, Bold} {
		for size := 10; size <= 300; size += 7 {
			f := load(t).Face(w, size)
			for _, d := range "123456789" {
				if got, want := f.Measure(string(d)), f.Measure("0"); got != want {
					t.Errorf("weight %d size %d: %c is %d wide, 0 is %d", w, size, d, got, want)
				}
			}
		}
	}
}

// Bounds says exactly where Draw draws.
func TestBoundsAreTheInk(t *testing.T) {
	fonts := load(t)
	for _, size := range []int{8, 13, 16, 20, 44, 128} {
		f := fonts.Face(Bold, size)
		for _, s := range []string{"Booked", "Ünï gjpq", "Свободно", "|.,", "漢", "f"} {
			img := mono.New(size*12, size*4)
			end := f.Draw(img, size*2, size*2, s, mono.Or)
			if got, want := end-size*2, f.Measure(s); got != want {
				t.Errorf("%q at %d: the pen moved %d, measured %d", s, size, got, want)
			}
			box := f.Bounds(s).Add(image.Pt(size*2, size*2))
			for y := range img.Rect.Dy() {
				for x := range img.Rect.Dx() {
					if img.At(x, y) && !(image.Point{x, y}).In(box) {
						t.Fatalf("%q at %d: (%d, %d) is black, outside %v", s, size, x, y, box)
					}
				}
			}
		}
	}
}

func TestConcurrentFaces(t *testing.T) {
	fonts := load(t)
	want := load(t).Face(Bold, 33).Measure("Quarterly planning ÄÖÜ Свободно")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for size := 30; size < 40; size++ {
				f := fonts.Face(Bold, size)
				f.Draw(mono.New(400, 60), 0, 40, "Quarterly planning ÄÖÜ Свободно", mono.Or)
				f.Measure(string(rune('a'+i)) + "漢字")
			}
			if got := fonts.Face(Bold, 33).Measure("Quarterly planning ÄÖÜ Свободно"); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		})
	}
	wg.Wait()
}

func FuzzLines(f *testing.F) {
	f.Add("Wirtschaftsprüfungsgesellschaft Nord: Jahresabschluss", 100, 2)
	f.Add("a\u202eb\u0301\u0301 漢字 👩‍🚀", 40, 3)
	f.Add("\u00ad\u00ad- - -", 5, 1)
	f.Add("ישיבת תקציב 12 Budget", 60, 2)
	f.Add("四半期計画「予算（来年度）」、", 70, 3)
	face := load(f).Face(Bold, 16)
	f.Fuzz(func(t *testing.T, s string, width, lines int) {
		width, lines = width&1023, 1+lines&3
		s = Clean(s)
		if got := Clean(s); got != s {
			t.Errorf("cleaned %q, again %q", s, got)
		}
		if got := face.Cut(s, width); face.Measure(got) > width {
			t.Errorf("%q cut to %d pixels takes %d", s, width, face.Measure(got))
		}
		got, ok := face.Break(s, width, lines)
		if len(got) > lines {
			t.Errorf("%d lines, at most %d", len(got), lines)
		}
		for _, l := range got {
			if face.Measure(l) > width {
				t.Errorf("%q takes %d of %d pixels", l, face.Measure(l), width)
			}
		}
		if ok && strings.ReplaceAll(bare(strings.Join(got, "")), " ", "") != strings.ReplaceAll(s, " ", "") {
			t.Errorf("%q said to fit, got %q", s, got)
		}
	})
}
