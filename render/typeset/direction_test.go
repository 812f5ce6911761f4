package typeset

import (
	"strings"
	"testing"
)

// bare takes the isolates off a line.
func bare(s string) string {
	return strings.NewReplacer(leftIsolate, "", rightIsolate, "", firstIsolate, "", endIsolate, "").Replace(s)
}

// A line reads in the direction of the whole text it is from, whatever the
// language of the face: its mark stands at the end of its own direction.
func TestLinesReadInTheirOwnDirection(t *testing.T) {
	fonts := load(t)
	for _, tc := range []struct {
		name, language, in string
		last               rune // of the text
		left               bool // it stands at the left end
	}{
		{"Latin in English", "en", "Budget!", '!', false},
		{"Hebrew in English", "en", "ישיבה!", '!', true},
		{"Arabic in English", "en", "اجتماع!", '!', true},
		{"Latin in Arabic", "ar", "Budget!", '!', false},
		{"Latin in Hebrew", "he", "Budget!", '!', false},
		{"Hebrew in Arabic", "ar", "ישיבה!", '!', true},
		{"Hebrew begins with a number", "en", "12 ישיבות!", '!', true},
		{"Latin with Hebrew in it", "en", "Budget ישיבה!", '!', false},
		{"Hebrew with Latin in it", "en", "ישיבה Budget!", '!', true},
		{"no letter in English", "en", "10:30!", '!', false},
		{"no letter in Arabic", "ar", "10:30!", '!', true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := fonts.FaceFor(Regular, 20, tc.language)
			broken, ok := f.Break(tc.in, 1000, 1)
			if !ok || len(broken) != 1 {
				t.Fatalf("got %q, %t", broken, ok)
			}
			for _, line := range []string{f.Cut(tc.in, 1000), broken[0], f.Cut(Isolate(tc.in), 1000)} {
				l := f.line(line)
				at := l.glyphs[len(l.glyphs)-1]
				if tc.left {
					at = l.glyphs[0]
				}
				if got, want := at.glyph.bits, f.glyphOf(t, tc.last).bits; got != want {
					t.Errorf("%q: %q is not at the end it belongs to", line, tc.last)
				}
				if bare(line) != tc.in {
					t.Errorf("got %q, want %q", line, tc.in)
				}
				if again := f.Cut(line, 1000); f.Measure(again) != f.Measure(line) || bare(again) != tc.in {
					t.Errorf("cut again: got %q", again)
				}
			}
		})
	}
}

func (f *Face) glyphOf(t *testing.T, r rune) *glyph {
	t.Helper()
	fam, gid, ok := f.fonts.find(r, f.weight, f.habit.han)
	if !ok {
		t.Fatalf("no glyph for %q", r)
	}
	return f.glyph(glyphKey{fam, uint32(gid)})
}

// Lines of a text with isolates open again what the line before left open, and
// close what they open.
func TestBreakKeepsIsolates(t *testing.T) {
	f := load(t).Face(Regular, 20)
	s := "Nord: " + Isolate("ישיבת תקציב שנתית עם צוות הכספים") + " and more after it"
	for width := 60; width < f.Measure(s); width += 7 {
		for lines := 1; lines <= 5; lines++ {
			out, ok := f.Break(s, width, lines)
			for _, l := range out {
				if opened(l, "") != "" {
					t.Errorf("%d pixels, %d lines: %q leaves isolates open", width, lines, l)
				}
				if f.Measure(l) > width {
					t.Errorf("%q takes %d of %d pixels", l, f.Measure(l), width)
				}
			}
			if ok && strings.ReplaceAll(bare(strings.Join(out, "")), " ", "") != strings.ReplaceAll(bare(s), " ", "") {
				t.Errorf("%d pixels, %d lines: got %q", width, lines, out)
			}
		}
	}
	two, _ := f.Break(Isolate("ישיבת תקציב שנתית")+" A", f.Measure("ישיבת תקציב")+4, 3)
	if len(two) < 2 || !strings.HasPrefix(two[1], rightIsolate) {
		t.Errorf("the second line does not go on from the right: %q", two)
	}
}

func TestTurns(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		ltr, rtl bool
	}{
		{"Latin", "Anna", false, true},
		{"Hebrew", "אנה", true, false},
		{"Arabic digits", "٤٢", true, false},
		{"digits", "2.14", false, true},
		{"marks alone", "– · !", false, false},
		{"Chinese", "会议", false, true},
		{"both", "Anna אנה", true, true},
		{"nothing", "", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Turns(tc.in, false); got != tc.ltr {
				t.Errorf("from the left: got %t, want %t", got, tc.ltr)
			}
			if got := Turns(tc.in, true); got != tc.rtl {
				t.Errorf("from the right: got %t, want %t", got, tc.rtl)
			}
		})
	}
}

// Cut lines end their isolates, so that what is put after them keeps its place.
func TestCutClosesIsolates(t *testing.T) {
	f := load(t).Face(Regular, 20)
	s := "A · " + Isolate("ישיבת תקציב שנתית")
	for width := 20; width < f.Measure(s); width += 3 {
		if got := f.Cut(s, width); opened(got, "") != "" || f.Measure(got) > width {
			t.Errorf("%d pixels: got %q, %d wide", width, got, f.Measure(got))
		}
	}
}

// Runs stand where the bidirectional algorithm puts them.
func TestOrder(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		rtl      bool
		want     []string // from left to right
	}{
		{"Latin", "abc", false, []string{"abc"}},
		{"Latin in Hebrew", "abc", true, []string{"abc"}},
		{"number after Hebrew", "אבג 12 abc", false, []string{"12", "אבג ", " abc"}},
		{"time after Hebrew", "אבג 10:30, abc", false, []string{"10:30", "אבג ", ", abc"}},
		{"price after Hebrew", "אבג 12% abc 12", false, []string{"12%", "אבג ", " abc 12"}},
		{"Arabic number between", "abc ١٢ אבג", false, []string{"abc ", " אבג", "١٢"}},
		{"number in Hebrew", "אבג 12 דהו", true, []string{" דהו", "12", "אבג "}},
		{"isolate", "A \u2068אבג\u2069 B", false, []string{"A ", "אבג", " B"}},
		{"isolate begins with a number", "A \u2068 12 אבג!\u2069 B", false, []string{"A ", " אבג!", "12", " ", " B"}},
		{"two isolates", "\u2068אבג\u2069 · \u2068דהו\u2069", false, []string{"אבג", " · ", "דהו"}},
		{"two isolates from the right", "\u2068abc\u2069 · \u2068def\u2069", true, []string{"def", " · ", "abc"}},
		{"isolate in an isolate", "A \u2067אב \u2066x y\u2069 ג\u2069 B", false, []string{"A ", " ג", "x y", "אב ", " B"}},
		{"isolate left open", "A \u2067אבג", false, []string{"A ", "אבג"}},
		{"isolate ended twice", "A \u2067אבג\u2069\u2069 B", false, []string{"A ", "אבג", " B"}},
		{"empty isolate", "A \u2067\u2069 B", false, []string{"A ", " B"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sh, text := &shaper{}, []rune(tc.in)
			var got []string
			for _, r := range sh.order(text, tc.rtl) {
				got = append(got, string(text[r.Start:r.End]))
			}
			if strings.Join(got, "|") != strings.Join(tc.want, "|") {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
