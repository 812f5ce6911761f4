package lang

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// onSigns are the keys that a language of signs needs.
func onSigns(keys []string) []string {
	return slices.DeleteFunc(keys, func(k string) bool {
		for _, part := range []string{"sign.", "date.", "clock.", "language."} {
			if strings.HasPrefix(k, part) {
				return false
			}
		}
		return true
	})
}

// Every language has every text, with the same placeholders: all of them where
// the pages speak it, those of the signs elsewhere. A region adds no key.
func TestLanguagesAreComplete(t *testing.T) {
	c := load(t)
	if n := len(c.SignLanguages()); n < 13 {
		t.Errorf("%d languages", n)
	}
	for _, l := range c.SignLanguages() {
		want, got := c.Keys(Fallback), c.Keys(l)
		switch {
		case strings.Contains(l, "-"):
			want = slices.DeleteFunc(want, func(k string) bool { return !slices.Contains(got, k) })
		case !slices.Contains(c.Languages(), l):
			want = onSigns(want)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: keys differ from %s (-%s +%s):\n%s", l, Fallback, Fallback, l, d)
		}
		for key, m := range c.texts[l] {
			wantHoles := placeholder.FindAllString(c.texts[Fallback][key].text, -1)
			gotHoles := placeholder.FindAllString(m.text, -1)
			slices.Sort(wantHoles)
			slices.Sort(gotHoles)
			if d := cmp.Diff(slices.Compact(wantHoles), slices.Compact(gotHoles)); d != "" && !strings.HasPrefix(key, "date.") && !strings.HasPrefix(key, "clock.") {
				t.Errorf("%s: placeholders of %q:\n%s", l, key, d)
			}
			if m.text == "" {
				t.Errorf("%s: %q is empty", l, key)
			}
		}
	}
}

func TestPluralForms(t *testing.T) {
	c := &Catalogue{texts: map[string]map[string]message{}}
	m, err := parseMessage([]byte(`{"one":"{0} дверь","few":"{0} двери","many":"{0} дверей","other":"{0} двери"}`))
	if err != nil {
		t.Fatal(err)
	}
	c.texts["ru"] = map[string]message{"doors": m}
	for n, want := range map[int]string{1: "1 дверь", 2: "2 двери", 5: "5 дверей", 11: "11 дверей", 21: "21 дверь"} {
		if got := c.Text("ru", "doors", n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestArgumentsAreNotSearchedAgain(t *testing.T) {
	if got := fillIn("{0} and {1} {2} {x", []any{"{1}", "b"}); got != "{1} and b {2} {x" {
		t.Errorf("got %q", got)
	}
}

func TestMatch(t *testing.T) {
	c := load(t)
	for accept, want := range map[string]string{"de-AT,de;q=0.9": "de", "ru": "ru", "fr": "en", "": "en", "\x00;;": "en", "en-US": "en"} {
		if got := c.Match(accept); got != want {
			t.Errorf("Match(%q) = %s, want %s", accept, got, want)
		}
	}
}

func TestDatesAndClocks(t *testing.T) {
	c := load(t)
	for _, tc := range []struct{ got, want string }{
		{c.Date("en", 2026, time.November, 23), "Monday 23 November"},
		{c.Date("de", 2026, time.November, 23), "Montag, 23. November"},
		{c.Date("ru", 2026, time.November, 23), "Понедельник, 23 ноября"},
		{c.ShortDate("de", 2026, time.March, 1), "So 1. März"},
		{c.Date("en-US", 2026, time.November, 23), "Monday, November 23"},
		{c.Date("fi", 2026, time.November, 23), "Maanantai 23. marraskuuta"},
		{c.Date("ja", 2026, time.November, 23), "11月23日 月曜日"},
		{c.ShortDate("ar", 2026, time.November, 23), "الاثنين 23 نوفمبر"},
		{c.ClockText("ko", 13*60+5, true), "오후 1:05"},
		{c.ClockText("en", 0, false), "00:00"},
		{c.ClockText("en", 24*60, false), "24:00"},
		{c.ClockText("en", 0, true), "12:00 AM"},
		{c.ClockText("en", 13*60+5, true), "1:05 PM"},
		{c.ClockText("en", 24*60, true), "midnight"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}
