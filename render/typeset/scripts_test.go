package typeset

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// noStart must not begin a line and noEnd not end one, in Chinese, Japanese and
// Korean.
const (
	noStart = "、。，．,.・：；:;？！?!」』）〕】〉》’”ーゝ々ぁぃぅぇぉっゃゅょァィゥェォッャュョ…%％"
	noEnd   = "「『（〔【〈《‘“"
)

// eastern are texts without blanks between words, with marks that stick to what
// they follow or precede.
var eastern = []struct{ language, text string }{
	{"ja", "四半期計画会議「予算（来年度）」、財務チームと一緒に。ミーティングルーム・キャンパス東！"},
	{"ja", "プロジェクト進捗報告：「ロードマップ」とリスク管理について（第３回）"},
	{"zh-Hans", "与财务团队的年度规划会议：《预算草案》、《路线图》（第三次讨论），请准时参加！"},
	{"zh-Hant", "與財務團隊的年度規劃會議：「預算草案」、「路線圖」（第三次討論），請準時參加！"},
	{"ko", "재무팀과 함께하는 연간 계획 회의 (예산안, 로드맵): 3차 논의! 정시에 참석해 주세요."},
}

// Lines in Chinese, Japanese and Korean break by Unicode's rules: no closing
// mark begins a line, no opening one ends it, nothing overflows or is lost.
func TestEasternLineBreaks(t *testing.T) {
	fonts := load(t)
	for _, tc := range eastern {
		f := fonts.FaceFor(Bold, 20, tc.language)
		for width := f.Size * 6; width < f.Measure(tc.text); width += 5 {
			for lines := 2; lines <= 12; lines += 2 {
				out, ok := f.Break(tc.text, width, lines)
				if len(out) > lines {
					t.Fatalf("%s: %d lines, at most %d", tc.language, len(out), lines)
				}
				for i, l := range out {
					if f.Measure(l) > width {
						t.Errorf("%s: %q takes %d of %d pixels", tc.language, l, f.Measure(l), width)
					}
					first, _ := utf8.DecodeRuneInString(l)
					last, _ := utf8.DecodeLastRuneInString(l)
					if i > 0 && strings.ContainsRune(noStart, first) {
						t.Errorf("%s, %d pixels: %q begins with %c", tc.language, width, l, first)
					}
					if i < len(out)-1 && strings.ContainsRune(noEnd, last) {
						t.Errorf("%s, %d pixels: %q ends with %c", tc.language, width, l, last)
					}
				}
				joined := strings.Join(out, "")
				if ok && strings.ReplaceAll(joined, " ", "") != strings.ReplaceAll(tc.text, " ", "") {
					t.Errorf("%s: %q said to fit, got %q", tc.language, tc.text, joined)
				}
				if !ok && !strings.HasSuffix(joined, Ellipsis) {
					t.Errorf("%s, %d pixels, %d lines: %q is not whole and not marked", tc.language, width, lines, out)
				}
			}
		}
	}
}

// A line is never cut or broken within what a reader takes for one character,
// in any script, and never overflows.
func TestClustersStayWhole(t *testing.T) {
	fonts := load(t)
	for _, tc := range []struct{ name, text string }{
		{"Thai", "การประชุมวางแผนงบประมาณประจำปีร่วมกับทีมการเงินที่ห้องประชุมใหญ่"},
		{"Thai with blanks", "ประชุมทีม น้ำผึ้ง ปู่ย่า ก๊วยเตี๋ยว"},
		{"Hindi", "वित्त टीम के साथ वार्षिक योजना बैठक क्षत्रिय"},
		{"Japanese with loose marks", "か\u3099き\u3099く\u3099ハ\u309aヒ\u309aフ\u309a会議"},
		{"Hangul in letters", "\u1112\u1161\u11ab\u1100\u1173\u11af\u1112\u1161\u11ab\u1100\u1173\u11af"},
		{"Arabic with marks", "اِجْتِمَاعُ التَّخْطِيطِ السَّنَوِيِّ"},
		{"Hebrew with points", "יְשִׁיבַת תַּקְצִיב שְׁנָתִית"},
		{"Latin with marks", "e\u0301\u0323e\u0301\u0323e\u0301\u0323e\u0301\u0323 a\u0308\u0301"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := fonts.Face(Regular, 20)
			whole := graphemes(tc.text)
			ends := func(head string) bool { return whole[utf8.RuneCountInString(head)] || head == tc.text }
			for width := 0; width < f.Measure(tc.text)+10; width += 3 {
				cut := f.Cut(tc.text, width)
				if f.Measure(cut) > width {
					t.Errorf("%q takes %d of %d pixels", cut, f.Measure(cut), width)
				}
				head := strings.TrimSuffix(bare(cut), Ellipsis)
				if !strings.HasPrefix(tc.text, head) || !ends(head) {
					t.Errorf("%d pixels: %q is cut within a character", width, cut)
				}
				lines, _ := f.Break(tc.text, width, 4)
				shown := 0
				for i, l := range lines {
					if f.Measure(l) > width {
						t.Errorf("%q takes %d of %d pixels", l, f.Measure(l), width)
					}
					l = strings.TrimSuffix(strings.TrimSuffix(bare(l), Ellipsis), "-")
					if i > 0 {
						shown += len(tc.text[shown:]) - len(strings.TrimLeft(tc.text[shown:], " "))
					}
					if !strings.HasPrefix(tc.text[shown:], l) || !ends(tc.text[:shown+len(l)]) {
						t.Errorf("%d pixels: %q is broken within a character", width, lines)
						break
					}
					shown += len(l)
				}
			}
		})
	}
}
