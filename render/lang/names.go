package lang

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/ar"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/fi"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/he"
	"github.com/go-playground/locales/it"
	"github.com/go-playground/locales/ja"
	"github.com/go-playground/locales/ko"
	"github.com/go-playground/locales/nl"
	"github.com/go-playground/locales/pl"
	"github.com/go-playground/locales/pt"
	"github.com/go-playground/locales/ru"
	"github.com/go-playground/locales/sv"
	"github.com/go-playground/locales/uk"
	"github.com/go-playground/locales/zh"
)

// names returns the names of days and months of a language: CLDR 36, the forms
// used inside a date.
func names(lang string) locales.Translator {
	base, _, _ := strings.Cut(lang, "-")
	switch base {
	case "ar":
		return ar.New()
	case "de":
		return de.New()
	case "es":
		return es.New()
	case "fi":
		return fi.New()
	case "fr":
		return fr.New()
	case "he":
		return he.New()
	case "it":
		return it.New()
	case "ja":
		return ja.New()
	case "ko":
		return ko.New()
	case "nl":
		return nl.New()
	case "pl":
		return pl.New()
	case "pt":
		return pt.New()
	case "ru":
		return ru.New()
	case "sv":
		return sv.New()
	case "uk":
		return uk.New()
	case "zh":
		return zh.New()
	}
	return en.New()
}

// calendarNames are the names of one language, ready for use.
type calendarNames struct {
	days, shortDays     [7]string
	months, shortMonths [13]string // from 1
}

func namesOf(lang string) *calendarNames {
	t := names(lang)
	n := &calendarNames{}
	for d := time.Sunday; d <= time.Saturday; d++ {
		n.days[d], n.shortDays[d] = initial(t.WeekdayWide(d)), initial(short(t.WeekdayAbbreviated(d)))
		if t.Locale() == "fi" { // CLDR's form says "on Monday"
			n.days[d] = strings.TrimSuffix(n.days[d], "na")
		}
	}
	for m := time.January; m <= time.December; m++ {
		n.months[m], n.shortMonths[m] = t.MonthWide(m), short(t.MonthAbbreviated(m))
	}
	return n
}

// short drops the full stop of an abbreviation: on a sign it only costs width.
func short(s string) string { return strings.TrimSuffix(s, ".") }

// initial writes the first letter large: a day's name begins the line.
func initial(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
