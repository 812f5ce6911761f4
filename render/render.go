package render

import (
	"image"
	"slices"
	"strings"
	"sync"
	"time"

	"doorleaf/render/lang"
	"doorleaf/render/memo"
	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// Bounds of a panel in pixels.
const (
	minWidth, minHeight = 96, 96
	maxPanelSide        = 4096
)

// Renderer draws faces. It is safe for concurrent use.
type Renderer struct {
	texts *lang.Catalogue
	fonts *typeset.Fonts
	pages sync.Pool // of *page

	panels   memo.Memo[Panel, metrics] // the metrics' slices are never written to
	joined   memo.Memo[[4]string, string]
	phrases  memo.Memo[[3]string, string]
	codes    memo.Memo[string, *mono.Image] // never written to
	isolated memo.Memo[string, string]
	cleaned  memo.Memo[string, string]
	matched  memo.Memo[string, string] // languages
}

// NewRenderer returns a Renderer with the bundled fonts.
func NewRenderer(texts *lang.Catalogue) (*Renderer, error) {
	fonts, err := typeset.Load()
	if err != nil {
		return nil, err
	}
	return &Renderer{texts: texts, fonts: fonts}, nil
}

// Draw draws the face of d. It draws into dst when that has the panel's size,
// otherwise into a new image, and returns the image.
func (r *Renderer) Draw(dst *mono.Image, d Door, p Panel) (*mono.Image, error) {
	dst, err := r.canvas(dst, d, p)
	if err != nil {
		return nil, err
	}
	pg := r.page(dst, d, p)
	pg.draw()
	r.pages.Put(pg)
	return dst, nil
}

// page is one face being drawn.
type page struct {
	r    *Renderer
	img  *mono.Image
	d    Door
	lang string
	tall bool // the script needs more height than Latin does
	rtl  bool // everything but glyphs, codes and pictures is mirrored
	m    metrics

	factBuf, lineBuf []string // memory for facts and their lines, used again
	stackBuf         [2]string
	set              int // bytes of text set by items of a template

	// trace, when set, hears of every text drawn: for the test that nothing
	// leaves its box or meets another.
	trace func(s string, ink image.Rectangle)
}

func (r *Renderer) page(img *mono.Image, d Door, p Panel) *page {
	pg, _ := r.pages.Get().(*page)
	if pg == nil {
		pg = &page{}
	}
	*pg = page{r: r, img: img, d: d, lang: r.language(d.Language), m: r.panels.Get(p, measure), factBuf: pg.factBuf[:0], lineBuf: pg.lineBuf[:0]}
	pg.rtl = r.texts.RightToLeft(pg.lang)
	pg.tall = pg.lang == "ar"
	in := &pg.d
	in.Room, in.Title, in.Organizer, in.Note = r.clean(d.Room), r.clean(d.Title), r.clean(d.Organizer), r.clean(d.Note)
	return pg
}

const (
	maxRemembered = 1024 // bytes of a text or language; longer ones are not remembered
	maxField      = 256  // characters of a name or subject; Exchange takes 255
)

// clean makes a name or a subject safe to set, as typeset.Clean does, and bounds
// it; it remembers what it made.
func (r *Renderer) clean(s string) string {
	switch {
	case len(s) <= maxField && typeset.IsClean(s):
		return s
	case len(s) > maxRemembered:
		return cleanField(s)
	}
	return r.cleaned.Get(s, cleanField)
}

func cleanField(s string) string {
	s = typeset.Clean(s)
	n := 0
	for i := range s {
		if n == maxField {
			return strings.TrimRight(s[:i], " ")
		}
		n++
	}
	return s
}

// language is the language of a face that asks for one.
func (r *Renderer) language(tag string) string {
	if len(tag) > maxRemembered {
		return lang.Fallback
	}
	return r.matched.Get(tag, r.texts.MatchSign)
}

// isolate makes a text from outside safe to join to others on a line: one that
// reads in the other direction than the face's language does not turn them.
func (pg *page) isolate(s string) string {
	if !typeset.Turns(s, pg.r.texts.RightToLeft(pg.lang)) {
		return s
	}
	return pg.r.isolated.Get(s, typeset.Isolate)
}

// phrase is two or three parts of a line, one after another.
func (pg *page) phrase(parts ...string) string {
	var key [3]string
	copy(key[:], parts)
	return pg.r.phrases.Get(key, func(key [3]string) string { return key[0] + key[1] + key[2] })
}

// join is the facts with separators between them.
func (pg *page) join(facts []string) string {
	if len(facts) == 1 {
		return facts[0]
	}
	var key [4]string
	if copy(key[:], facts) < len(facts) {
		return strings.Join(facts, separator)
	}
	return pg.r.joined.Get(key, joinKey)
}

func joinKey(key [4]string) string {
	n := 0
	for n < len(key) && key[n] != "" {
		n++
	}
	return strings.Join(key[:n], separator)
}

func (pg *page) draw() {
	if pg.d.State == Identify {
		pg.identify()
		return
	}
	pg.header()
	pg.buttons()
	pg.tallCode()
	pg.band()
	pg.body()
}

// text returns a catalogue text of the face's language, with a word or a number
// filled in.
func (pg *page) text(key string) string             { return pg.r.texts.Text(pg.lang, key) }
func (pg *page) textWith(key, arg string) string    { return pg.r.texts.TextWith(pg.lang, key, arg) }
func (pg *page) textCount(key string, n int) string { return pg.r.texts.Count(pg.lang, key, n) }

func (pg *page) face(w typeset.Weight, size int) *typeset.Face {
	if pg.tall {
		size = size * 13 / 16
	}
	return pg.r.fonts.FaceFor(w, sharpest(w, size), pg.lang)
}

// lead is n eighths of an em between lines; scripts that reach further above and
// below are smaller by as much, so that a line keeps its height.
func (pg *page) lead(f *typeset.Face, eighths int) int {
	if pg.tall {
		return f.Size * eighths * 16 / 13 / 8
	}
	return f.Size * eighths / 8
}

// sharpest is the size to draw at: above 48 px the nearest smaller one for which
// there are strikes by FreeType, where it is not much smaller.
func sharpest(w typeset.Weight, size int) int {
	best := size
	if size > 48 && size <= 128 {
		for _, s := range []int{52, 56, 64, 72, 80, 96, 112, 128} {
			if s <= size && s*100 >= size*88 && (s <= 80 || w == typeset.Bold) {
				best = s
			}
		}
	}
	return best
}

// Where a language is written from right to left the whole face is mirrored:
// code that draws thinks from left to right, and the next four functions are the
// only ones that know better.

// put draws a line that begins at x and returns where it ends.
func (pg *page) put(f *typeset.Face, x, baseline int, s string, mode mono.Mode) int {
	if s == "" {
		return x
	}
	end := x + f.Measure(s)
	if pg.rtl {
		x = pg.m.w - end
	}
	if pg.trace != nil {
		pg.trace(s, f.Bounds(s).Add(image.Pt(x, baseline)))
	}
	f.Draw(pg.img, x, baseline, s, mode)
	return end
}

// putRight draws a line that ends at x and returns where it begins.
func (pg *page) putRight(f *typeset.Face, x, baseline int, s string, mode mono.Mode) int {
	x -= f.Measure(s)
	pg.put(f, x, baseline, s, mode)
	return x
}

// fill fills a rectangle.
func (pg *page) fill(r image.Rectangle, black bool) { pg.img.Fill(pg.at(r), black) }

// at is where a rectangle lies on the glass.
func (pg *page) at(r image.Rectangle) image.Rectangle {
	if pg.rtl {
		r.Min.X, r.Max.X = pg.m.w-r.Max.X, pg.m.w-r.Min.X
	}
	return r
}

// clock writes a time of day as on this face.
func (pg *page) clock(c Clock) string {
	return pg.r.texts.ClockText(pg.lang, int(c), pg.d.Hour12)
}

func (pg *page) span(s Span) string {
	return pg.r.texts.SpanText(pg.lang, int(s.Start), int(s.End), pg.d.Hour12)
}

func (pg *page) date(d Date, long bool) string {
	if long {
		return pg.r.texts.Date(pg.lang, d.Year, time.Month(d.Month), d.Day)
	}
	return pg.r.texts.ShortDate(pg.lang, d.Year, time.Month(d.Month), d.Day)
}

// header draws the room's name, the service marks, the date and the logo. What
// does not fit beside the whole name is left out, from the logo to the sample's
// mark; an empty battery is always told.
func (pg *page) header() {
	m, d := &pg.m, &pg.d
	name, date := pg.face(typeset.Bold, m.name), pg.face(typeset.Regular, m.date)
	baseline, right := (m.header+name.Cap+1)/2, m.w-m.margin
	if stacked := m.portrait && m.class == small; stacked { // the name above the date
		upper := m.header/4 + (name.Cap+1)/2
		lower := m.header*3/4 + (name.Cap+1)/2 - 1
		pg.put(name, m.margin, upper, name.Cut(d.Room, pg.marks(right, upper, name)-m.margin), mono.Or)
		pg.putRight(date, right, lower, pg.when(date, right-m.margin), mono.Or)
		return
	}
	right = pg.logo(right, name.Measure(d.Room))
	text := pg.when(date, right-m.margin-name.Measure(d.Room)-pg.marksWidth(date)-3*m.gap)
	if text != "" {
		right = pg.putRight(date, right, baseline, text, mono.Or) - m.gap*2
	}
	right = pg.marks(right, baseline, name)
	pg.put(name, m.margin, baseline, name.Cut(d.Room, right-m.margin), mono.Or)
}

// when is what stands at the end of the header, in at most so many pixels: the
// date, long or short, that the sign is being updated, or its id while it pairs;
// empty where nothing fits.
func (pg *page) when(f *typeset.Face, room int) string {
	d := &pg.d
	var text string
	switch {
	case d.Updating:
		text = pg.text("sign.updating")
	case d.Date != (Date{}):
		text = pg.date(d.Date, pg.m.class != small)
		if f.Measure(text) > room {
			text = pg.date(d.Date, false)
		}
	case d.State == Pairing:
		text = pg.r.clean(d.SignID)
	}
	if f.Measure(text) > room {
		return ""
	}
	return text
}

// marksWidth is what the service marks take of the header with their gaps,
// without words beside the battery.
func (pg *page) marksWidth(date *typeset.Face) (width int) {
	if pg.d.Sample {
		width += pg.face(typeset.Bold, pg.m.date).Measure(pg.text("sign.sample")) + 2*pg.m.gap
	}
	if pg.d.LowBattery {
		width += date.Cap*2 + 2*pg.m.gap
	}
	return width
}

// marks draws the service marks, which end at right, and returns where the name
// ends.
func (pg *page) marks(right, baseline int, name *typeset.Face) int {
	m, d := &pg.m, &pg.d
	bold, date := pg.face(typeset.Bold, m.date), pg.face(typeset.Regular, m.date)
	need := m.margin + name.Measure(d.Room)
	if d.Sample && need+pg.marksWidth(date) <= right {
		right = pg.putRight(bold, right, baseline, pg.text("sign.sample"), mono.Or) - m.gap*2
	}
	if !d.LowBattery {
		return right
	}
	word := pg.text("sign.battery-low")
	if m.class != small && need+date.Measure(word)+date.Cap*4+3*m.gap < right {
		right = pg.putRight(date, right, baseline, word, mono.Or) - m.gap
	}
	return pg.batteryMark(right, baseline, date.Cap) - m.gap*2
}

// batteryMark draws an empty battery with its right edge at x and returns its
// left edge.
func (pg *page) batteryMark(x, baseline, height int) int {
	t := max(pg.m.rule/2, 1)
	w := height * 2
	body := image.Rect(x-w, baseline-height, x-2*t, baseline)
	pg.fill(body, true)
	pg.fill(body.Inset(t), false)
	pg.fill(image.Rect(body.Max.X, baseline-height*3/4, x, baseline-height/4), true)
	pg.fill(image.Rect(body.Min.X+2*t, baseline-height+2*t, body.Min.X+2*t+max(w/8, 1), baseline-2*t), true)
	return body.Min.X
}

// buttons labels the hardware buttons below the glass, each above its own.
func (pg *page) buttons() {
	m := &pg.m
	if !slices.ContainsFunc(pg.d.Buttons, func(s string) bool { return pg.r.clean(s) != "" }) {
		return
	}
	f := pg.face(typeset.Bold, m.row)
	arrow := max(f.Cap/3, 3)
	m.foot -= f.Cap + arrow + m.gap
	slot := m.w / len(pg.d.Buttons)
	for i, label := range pg.d.Buttons {
		if label = pg.r.clean(label); label == "" {
			continue
		}
		label = f.Cut(label, slot-m.gap)
		middle := i*slot + slot/2 // buttons do not move with the direction of writing
		if pg.rtl {
			middle = m.w - middle
		}
		pg.put(f, middle-f.Measure(label)/2, m.foot+m.gap/2+f.Cap, label, mono.Or)
		for y := range arrow {
			pg.fill(image.Rect(middle-arrow+y, m.h-arrow+y, middle+arrow-y, m.h-arrow+y+1), true)
		}
	}
}

// identify draws the whole glass black with the end of the sign's id.
func (pg *page) identify() {
	m := &pg.m
	pg.fill(image.Rect(0, 0, m.w, m.h), true)
	inner := image.Rect(m.margin, m.header, m.w-m.margin, m.h-m.header)
	id := strings.ToUpper(pg.r.clean(pg.d.SignID))
	sizes := append([]int{m.words[0] * 2, m.words[0] * 3 / 2}, m.words...)
	f := pg.largest(id, inner, sizes)
	pg.put(f, (m.w-f.Measure(id))/2, middleLine(inner, f.Cap), id, mono.AndNot)
	name := pg.face(typeset.Bold, m.name)
	pg.put(name, m.margin, (m.header+name.Cap+1)/2, name.Cut(pg.d.Room, m.w-2*m.margin), mono.AndNot)
}

// Describe says a face in words, for people who do not see it: what is drawn
// and nothing else.
func (r *Renderer) Describe(d Door) string {
	pg := r.page(nil, d, Panel{800, 480, 125})
	d = pg.d
	out := pg.isolate(d.Room)
	add := func(sep, s string) {
		if s != "" {
			if out != "" {
				out += sep
			}
			out += s
		}
	}
	b := pg.bandText()
	add(", ", b.word)
	add(" ", b.label)
	add(" ", b.time)
	title, facts := pg.headline()
	add(", ", pg.isolate(title))
	add(", ", strings.Join(facts, separator))
	for i, n := range d.Next {
		if i == 2 {
			break
		}
		add("; ", pg.clock(n.Start)+" "+pg.isolate(pg.rowTitle(n)))
	}
	return out
}
