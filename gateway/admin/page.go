package admin

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages by name, each with the frame around it.
type templates map[string]*template.Template

// embedded are the pages and what belongs to them, the same for every server. They
// are parsed once: that takes a while, and a gateway opens its pages anew when
// its key changes.
var embedded = sync.OnceValues(func() (*pages, error) {
	a, err := loadAssets()
	if err != nil {
		return nil, err
	}
	t, err := loadTemplates(a)
	return &pages{a, t}, err
})

// pages is what is built into the program; nobody changes it.
type pages struct {
	assets    *assets
	templates templates
}

func loadTemplates(a *assets) (templates, error) {
	base, err := template.New("").Funcs(template.FuncMap{"asset": a.url}).ParseFS(templateFiles, "templates/frame/*.html")
	if err != nil {
		return nil, err
	}
	pages, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	t := templates{}
	for _, name := range pages {
		clone, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if clone, err = clone.ParseFS(templateFiles, name); err != nil {
			return nil, err
		}
		t[strings.TrimSuffix(path.Base(name), ".html")] = clone
	}
	return t, nil
}

// page is what every page has: who looks at it, in which language, and the
// words. Views embed it.
type page struct {
	srv *server
	v   *visit

	Title   string
	Section string // part of the navigation that is lit, "" for none
	Bare    bool   // without navigation, before sign-in
	Live    bool   // refreshes its parts when something changes
	Flash   *flash
	Problem string // sentence about what was just tried, "" for none
	Need    int    // things that need somebody, where the page knows
}

// pager is a view; every view embeds *page.
type pager interface{ base() *page }

func (p *page) base() *page { return p }

// newPage begins a page with a title from the catalogue, "" for one set later.
func (s *server) newPage(v *visit, titleKey, section string) *page {
	p := &page{srv: s, v: v, Section: section}
	if titleKey != "" {
		p.Title = p.T(titleKey)
	}
	return p
}

// render writes a view once it is complete.
func (s *server) render(w http.ResponseWriter, v *visit, status int, name string, view pager) error {
	t, ok := s.templates[name]
	if !ok {
		return fmt.Errorf("no template %q", name)
	}
	p := view.base()
	p.Flash = s.takeFlash(w, v, p)
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "frame", view); err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if v.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the browser went away
	}
	return nil
}

// T returns a text of the catalogue in the visitor's language.
func (p *page) T(key string, args ...any) string { return p.srv.texts.Text(p.v.language, key, args...) }

// N returns a text with plural forms for n, which is also its first argument.
func (p *page) N(key string, n int, args ...any) string {
	return p.T(key, append([]any{n}, args...)...)
}

// knows reports whether the catalogue has a key.
func (p *page) knows(key string) bool { return p.srv.texts.Has(key) }

// Lang is the language of the page.
func (p *page) Lang() string { return p.v.language }

// SignedIn reports whether somebody is signed in.
func (p *page) SignedIn() bool { return p.v.signedIn() }

// Who is the name of the person who is signed in.
func (p *page) Who() string { return p.v.account.Name }

// Here is the address of the page, for links that come back to it.
func (p *page) Here() string { return p.v.URL.Path }

// Version is the version of the program.
func (p *page) Version() string { return p.srv.version }

// Languages are the languages of the catalogue by their own names.
func (p *page) Languages() []option {
	var list []option
	for _, l := range p.srv.texts.Languages() {
		list = append(list, option{Value: l, Label: p.srv.texts.Text(l, "language.name")})
	}
	return list
}

// option is one choice of a list.
type option struct{ Value, Label string }

// speaks reports whether the catalogue has a language.
func (s *server) speaks(language string) bool {
	return slices.Contains(s.texts.Languages(), language)
}

// mark is a status: a shape, a word and a colour, never a colour alone.
type mark struct {
	Shape string // icon of the sprite
	Class string // colour: ok, warn, bad, info or muted
	Text  string
}

// mark returns a mark by name; "link-" ones are those of the chain.
func (p *page) mark(name string) mark {
	m := mark{Text: p.T("mark." + name)}
	switch name {
	case "right", "done", "link-ok", "ok", "lasting", "rollout-done":
		m.Shape, m.Class = "right", "ok"
	case "late":
		m.Shape, m.Class = "late", "warn"
	case "stale":
		m.Shape, m.Class = "stale", "warn"
	case "ends-soon", "health-2":
		m.Shape, m.Class = "late", "warn"
	case "limited", "rollout-paused":
		m.Shape, m.Class = "limited", "warn"
	case "wrong", "link-bad", "bad", "ends-close", "ended", "rollout-stopped", "health-3":
		m.Shape, m.Class = "wrong", "bad"
	case "sleeping":
		m.Shape, m.Class = "sleeping", "muted"
	case "pending", "link-wait", "rollout-running":
		m.Shape, m.Class = "pending", "info"
	case "new":
		m.Shape, m.Class = "new", "info"
	case "todo", "skipped", "rollout-waiting", "health-1":
		m.Shape, m.Class = "todo", "muted"
	default:
		m.Shape, m.Class = "unknown", "muted"
	}
	return m
}

// timeText is a moment for a <time> element; the zero value shows nothing.
type timeText struct {
	ISO  string // RFC 3339 with the zone of the page
	Text string // "11:02" today, else with the date
	Full string // with weekday and zone
}

// Time puts a moment into the page's zone and language.
func (p *page) Time(t time.Time) timeText {
	if t.IsZero() {
		return timeText{}
	}
	local := t.In(p.v.zone)
	y, m, d := local.Date()
	full := fmt.Sprintf("%s %d, %s:%02d %s", p.srv.texts.Date(p.v.language, y, m, d), y, p.Clock(t), local.Second(), local.Format("MST"))
	return timeText{ISO: local.Format(time.RFC3339), Text: p.When(t), Full: full}
}

// Clock is the time of day of t.
func (p *page) Clock(t time.Time) string {
	if t.IsZero() {
		return p.T("time.never")
	}
	local := t.In(p.v.zone)
	return p.srv.texts.ClockText(p.v.language, local.Hour()*60+local.Minute(), p.srv.texts.Hour12(p.v.language))
}

// When is Clock with the date unless t is today.
func (p *page) When(t time.Time) string {
	if t.IsZero() {
		return p.T("time.never")
	}
	local, now := t.In(p.v.zone), p.v.now.In(p.v.zone)
	y, m, d := local.Date()
	if ny, nm, nd := now.Date(); y == ny && m == nm && d == nd {
		return p.Clock(t)
	}
	date := p.srv.texts.ShortDate(p.v.language, y, m, d)
	if y != now.Year() {
		date += fmt.Sprintf(" %d", y)
	}
	return p.T("time.date", date, p.Clock(t))
}

// Date is the day of t in the page's zone.
func (p *page) Date(t time.Time) string {
	y, m, d := t.In(p.v.zone).Date()
	date := p.srv.texts.ShortDate(p.v.language, y, m, d)
	if y != p.v.now.In(p.v.zone).Year() {
		date += fmt.Sprintf(" %d", y)
	}
	return date
}

// problems are the faults of a form: field name to sentence.
type problems map[string]string

func (pr problems) add(p *page, field, key string) { pr[field] = p.T(key) }

// Of returns the sentence about a field, "" for none.
func (pr problems) Of(field string) string { return pr[field] }
