// Package lang is the one text catalogue of the product: every sentence on a
// sign and on a page under /m, in every language, with its plural forms, dates
// and clocks. A language is a folder below text with one JSON file per part; a
// new one needs nothing else. The package does no I/O beyond its embedded
// files, and a Catalogue says the same after Load: share it freely.
package lang

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"doorleaf/render/memo"
)

//go:embed text
var files embed.FS

// Fallback is the language of texts another language lacks.
const Fallback = "en"

// Catalogue holds all texts.
type Catalogue struct {
	pages, signs choice
	texts        map[string]map[string]message
	names        map[string]*calendarNames

	dates    memo.Memo[dateKey, string]
	clocks   memo.Memo[clockKey, string]
	filled   memo.Memo[textKey, string]
	counted  memo.Memo[countKey, string]
	mirrored memo.Memo[string, bool]
}

// textKey is a text with one word filled in, countKey one with a number.
type (
	textKey  struct{ lang, key, arg string }
	countKey struct {
		lang, key string
		n         int
	}
)

// TextWith is Text with one word filled in, kept for the next time.
func (c *Catalogue) TextWith(lang, key, arg string) string {
	return c.filled.Get(textKey{lang, key, arg}, func(k textKey) string { return c.Text(k.lang, k.key, k.arg) })
}

// Count is Text with one number filled in, kept for the next time.
func (c *Catalogue) Count(lang, key string, n int) string {
	return c.counted.Get(countKey{lang, key, n}, func(k countKey) string { return c.Text(k.lang, k.key, k.n) })
}

// choice is a list of languages that can be chosen from.
type choice struct {
	languages []string // sorted, Fallback first
	matcher   language.Matcher
}

// message is one text; forms is nil unless the text depends on a number.
type message struct {
	text  string
	forms map[plural.Form]string
}

// Load reads the embedded texts. It fails on malformed files only, which a test
// rules out.
func Load() (*Catalogue, error) {
	c := &Catalogue{texts: map[string]map[string]message{}, names: map[string]*calendarNames{}}
	dirs, err := fs.ReadDir(files, "text")
	if err != nil {
		return nil, err
	}
	var pages, signs []string
	for _, d := range dirs {
		t, err := loadLanguage(d.Name())
		if err != nil {
			return nil, err
		}
		c.texts[d.Name()], c.names[d.Name()] = t, namesOf(d.Name())
		signs = append(signs, d.Name())
		if _, err := fs.Stat(files, path.Join("text", d.Name(), "admin.json")); err == nil {
			pages = append(pages, d.Name())
		}
	}
	if c.pages, err = newChoice(pages); err != nil {
		return nil, err
	}
	c.signs, err = newChoice(signs)
	return c, err
}

func newChoice(languages []string) (choice, error) {
	slices.SortFunc(languages, func(a, b string) int {
		switch Fallback {
		case a:
			return -1
		case b:
			return 1
		}
		return strings.Compare(a, b)
	})
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		var err error
		if tags[i], err = language.Parse(l); err != nil {
			return choice{}, fmt.Errorf("text/%s: %w", l, err)
		}
	}
	return choice{languages, language.NewMatcher(tags)}, nil
}

func (c choice) match(accept string) string {
	if len(accept) > 256 {
		return Fallback
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return Fallback
	}
	_, i, conf := c.matcher.Match(tags...)
	if conf == language.No {
		return Fallback
	}
	return c.languages[i]
}

func loadLanguage(name string) (map[string]message, error) {
	parts, err := fs.Glob(files, path.Join("text", name, "*.json"))
	if err != nil {
		return nil, err
	}
	out := map[string]message{}
	for _, p := range parts {
		b, err := files.ReadFile(p)
		if err != nil {
			return nil, err
		}
		var raw map[string]json.RawMessage
		if err := json.Unmarshal(b, &raw); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		for key, value := range raw {
			if _, twice := out[key]; twice {
				return nil, fmt.Errorf("%s: text %q stands in two files", p, key)
			}
			if out[key], err = parseMessage(value); err != nil {
				return nil, fmt.Errorf("%s: text %q: %w", p, key, err)
			}
		}
	}
	return out, nil
}

// parseMessage reads a string, or an object of plural forms (CLDR names).
func parseMessage(raw json.RawMessage) (message, error) {
	var m message
	if err := json.Unmarshal(raw, &m.text); err == nil {
		return m, nil
	}
	var forms map[string]string
	if err := json.Unmarshal(raw, &forms); err != nil {
		return m, fmt.Errorf("neither a text nor plural forms")
	}
	names := map[string]plural.Form{"other": plural.Other, "zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many}
	m.forms = map[plural.Form]string{}
	for name, text := range forms {
		f, ok := names[name]
		if !ok {
			return m, fmt.Errorf("unknown plural form %q", name)
		}
		m.forms[f] = text
	}
	if m.forms[plural.Other] == "" {
		return m, fmt.Errorf("plural form \"other\" is missing")
	}
	m.text = m.forms[plural.Other]
	return m, nil
}

// Languages lists the languages of the pages (BCP 47), the fallback first. The
// slice is the caller's.
func (c *Catalogue) Languages() []string { return slices.Clone(c.pages.languages) }

// SignLanguages lists the languages of the signs (BCP 47), the fallback first.
// The slice is the caller's.
func (c *Catalogue) SignLanguages() []string { return slices.Clone(c.signs.languages) }

// RightToLeft reports whether a language is written from right to left.
func (c *Catalogue) RightToLeft(lang string) bool { return c.mirrored.Get(lang, rightToLeft) }

func rightToLeft(lang string) bool {
	tag, err := language.Parse(lang)
	if err != nil {
		return false
	}
	script, _ := tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg":
		return true
	}
	return false
}

// Keys lists the keys of a language, sorted.
func (c *Catalogue) Keys(lang string) []string { return slices.Sorted(maps.Keys(c.texts[lang])) }

// Has reports whether the fallback language has the key.
func (c *Catalogue) Has(key string) bool { _, ok := c.texts[Fallback][key]; return ok }

// Match returns the language of the pages for an Accept-Language header or a
// BCP 47 tag.
func (c *Catalogue) Match(accept string) string { return c.pages.match(accept) }

// MatchSign returns the language of the signs for a BCP 47 tag.
func (c *Catalogue) MatchSign(tag string) string {
	if _, ok := c.texts[tag]; ok {
		return tag
	}
	if tag == "" {
		return Fallback
	}
	return c.signs.match(tag)
}

// Text returns the text of key in a language with {0}, {1} ... replaced by
// args. A text with plural forms takes the form of its first integer argument.
// Missing texts come from the fallback language; an unknown key is returned
// itself, so that it is seen.
func (c *Catalogue) Text(lang, key string, args ...any) string {
	m, ok := c.texts[lang][key]
	if !ok {
		if base, _, region := strings.Cut(lang, "-"); region {
			lang = base
			m, ok = c.texts[lang][key]
		}
	}
	if !ok {
		lang = Fallback
		if m, ok = c.texts[lang][key]; !ok {
			return key
		}
	}
	text := m.text
	if m.forms != nil {
		text = m.forms[plural.Other]
		for _, a := range args {
			if n, ok := a.(int); ok {
				if f, ok := m.forms[formOf(lang, n)]; ok {
					text = f
				}
				break
			}
		}
	}
	if len(args) == 0 || !strings.Contains(text, "{") {
		return text
	}
	return fillIn(text, args)
}

func formOf(lang string, n int) plural.Form {
	tag, err := language.Parse(lang)
	if err != nil {
		return plural.Other
	}
	if n < 0 {
		n = -n
	}
	return plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)
}

// fillIn replaces {n} in one pass: arguments are never searched again.
func fillIn(text string, args []any) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '{')
		if i < 0 {
			break
		}
		j := strings.IndexByte(text[i:], '}')
		if j < 0 {
			break
		}
		n, err := strconv.Atoi(text[i+1 : i+j])
		b.WriteString(text[:i])
		if err == nil && n >= 0 && n < len(args) {
			fmt.Fprint(&b, args[n])
		} else {
			b.WriteString(text[i : i+j+1])
		}
		text = text[i+j+1:]
	}
	b.WriteString(text)
	return b.String()
}
