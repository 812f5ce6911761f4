package calendar

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWords(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "Budget 2027", "Budget 2027"},
		{"empty", "", ""},
		{"blanks", " \t\r\n ", ""},
		{"blanks of every kind", "\u00a0\u2003\u3000\u2028\u2029\u1680", ""},
		{"blanks that are letters", "\u3164\u2800\u115f", ""},
		{"nothing to see", "\u200d\u200b\ufe0f\u200e\ufeff", ""},
		{"blanks between words", "  two \n\n words\t", "two words"},
		{"controls", "a\x00b\x1b[31mc\x7f\u0085d\u009b", "ab[31mc d"},
		{"an override turns nothing", "invoice \u202egpj.exe", "invoice gpj.exe"},
		{"embeddings and isolates", "\u202aa\u202bb\u202c\u2066c\u2067d\u2068e\u2069", "abcde"},
		{"direction marks stay", "abc\u200f", "abc\u200f"},
		{"soft hyphens, word joiners", "meet\u00ading\u2060s\ufeff", "meetings"},
		{"emoji with joiners", "👩‍💻 stand-up 🏳️‍🌈 👍🏽", "👩‍💻 stand-up 🏳️‍🌈 👍🏽"},
		{"a flag of tags", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"},
		{"a Persian joiner", "می\u200cخواهم", "می\u200cخواهم"},
		{"accents in heaps", "z" + strings.Repeat("\u0301", 100) + "a", "z" + strings.Repeat("\u0301", maxMarks) + "a"},
		{"accents of Vietnamese", "Hội nghị e\u0302\u0301", "Hội nghị e\u0302\u0301"},
		{"not UTF-8", "a\xff\xfeb", "a\ufffdb"},
		{"private use", "\ue000a\U000f0000", "a"},
		{"long", strings.Repeat("x", 100<<10), strings.Repeat("x", maxWords) + "…"},
		{"long, of four bytes", strings.Repeat("🎉", 50000), strings.Repeat("🎉", maxWords) + "…"},
		{"as long as allowed", strings.Repeat("é", maxWords), strings.Repeat("é", maxWords)},
		{"long and hidden", strings.Repeat("\u202e", 100<<10) + "x", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Words(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// FuzzWords holds Words to what the renderer relies on.
func FuzzWords(f *testing.F) {
	f.Add("Budget \u202e 2027 👩‍💻\n")
	f.Add(strings.Repeat("a\u0301 ", 1000))
	f.Add("\xf0\x9f")
	f.Fuzz(func(t *testing.T, s string) {
		got := Words(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 2*maxWords+1 {
			t.Errorf("%q: got %q", s, got)
		}
		if strings.TrimSpace(got) != got || strings.Contains(got, "  ") || strings.ContainsAny(got, "\x00\n\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
			t.Errorf("%q: got %q", s, got)
		}
		if again := Words(got); again != got {
			t.Errorf("%q: got %q, and of that %q", s, got, again)
		}
	})
}
