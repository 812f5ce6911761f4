package typeset

import (
	"fmt"
	"testing"

	"doorleaf/render/mono"
)

// agenda draws the texts of an 800 by 480 agenda: 14 lines, some broken and cut.
func agenda(fonts *Fonts, dst *mono.Image, room, title, name string) {
	row, bold := fonts.Face(Regular, 26), fonts.Face(Bold, 26)
	fonts.Face(Bold, 36).Draw(dst, 24, 50, room, mono.Or)
	fonts.Face(Bold, 128).Draw(dst, 24, 190, "Booked", mono.Or)
	fonts.Face(Bold, 80).Draw(dst, 500, 190, "12:30", mono.Or)
	lines, _ := fonts.Face(Bold, 40).Break(title, 436, 3)
	for i, l := range lines {
		fonts.Face(Bold, 40).Draw(dst, 24, 270+50*i, l, mono.Or)
	}
	fonts.Face(Regular, 28).Draw(dst, 24, 440, name, mono.Or)
	for i := range 4 {
		bold.Draw(dst, 480, 260+40*i, "13:30", mono.Or)
		row.Draw(dst, 560, 260+40*i, row.Cut(title, 216), mono.Or)
	}
}

func BenchmarkAgenda(b *testing.B) {
	for _, bc := range []struct{ name, title string }{
		{"latin", "Haushaltsausschusssitzung mit der Wirtschaftsprüfung"},
		{"arabic", "اجتماع التخطيط السنوي مع فريق المالية"},
		{"chinese", "与财务团队的年度规划会议"},
	} {
		fonts, dst := load(b), mono.New(800, 480)
		agenda(fonts, dst, "Nord 1", bc.title, "Anna Schmidt")
		b.Run(bc.name+"/cached", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				agenda(fonts, dst, "Nord 1", bc.title, "Anna Schmidt")
			}
		})
		b.Run(bc.name+"/fresh", func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				agenda(fonts, dst, fmt.Sprint("Nord ", i), fmt.Sprint(bc.title, " ", i), fmt.Sprint("Anna Schmidt ", i))
			}
		})
	}
}

// BenchmarkFirstUse is what the first text of a script costs: unpacking and
// parsing its font.
func BenchmarkFirstUse(b *testing.B) {
	for fam := range families {
		b.Run(files[fam][0], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := loadSource(files[fam][0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Drawing what was drawn before allocates nothing.
func TestCachedTextAllocatesNothing(t *testing.T) {
	fonts, dst := load(t), mono.New(800, 480)
	for _, title := range []string{"Haushaltsausschusssitzung mit der Wirtschaftsprüfung", "اجتماع التخطيط السنوي مع فريق المالية"} {
		draw := func() { agenda(fonts, dst, "Nord 1", title, "Anna Schmidt") }
		draw()
		if n := testing.AllocsPerRun(20, draw); n != 0 {
			t.Errorf("%q: %v allocations", title, n)
		}
	}
}

// A direction control in a subject stays in its isolate.
func TestControlsCannotTurnTheLine(t *testing.T) {
	f := load(t).Face(Regular, 20)
	for _, s := range []string{"abc \u202edef", "abc \u2067def", "abc \u202e\u2066def"} {
		got := Clean(s)
		if got != "abc def" {
			t.Errorf("%q cleaned is %q", s, got)
		}
		whole := f.Measure("A " + Isolate(got) + " B")
		if want := f.Measure("A abc def B"); whole != want {
			t.Errorf("%q takes %d pixels isolated, want %d", s, whole, want)
		}
	}
	// A Hebrew subject between Latin texts leaves both where they are.
	l := f.line("A " + Isolate("ישיבה") + " B")
	if first, want := l.glyphs[0].glyph, f.plainGlyph('A'); first != want {
		t.Error("A is not at the left end")
	}
	if last, want := l.glyphs[len(l.glyphs)-1].glyph, f.plainGlyph('B'); last != want {
		t.Error("B is not at the right end")
	}
}

// Numbers in a Hebrew line read from left to right, the line from the right.
func TestMixedDirections(t *testing.T) {
	f := load(t).Face(Regular, 20)
	l := f.line("חדר 12")
	if got, want := l.glyphs[0].glyph, f.plainGlyph('1'); got != want {
		t.Error("the number is not at the left end")
	}
	if !f.RightToLeft("12 חדר") || f.RightToLeft("12:30") || f.RightToLeft("Nord חדר") {
		t.Error("the first letter does not decide the direction")
	}
	times := load(t).FaceFor(Regular, 20, "ar").line("10 – 11")
	if got, want := len(times.glyphs), 7; got != want {
		t.Fatalf("got %d glyphs, want %d", got, want)
	}
}
