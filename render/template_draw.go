package render

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// DrawTemplate draws the face of d as the template says, and as Draw does where
// the template has nothing for the state. dst is used as by Draw.
func (r *Renderer) DrawTemplate(dst *mono.Image, d Door, t *Template, p Panel) (*mono.Image, error) {
	var b *block
	if t != nil {
		b = t.find(d.State, p)
	}
	if b == nil {
		return r.Draw(dst, d, p)
	}
	dst, err := r.canvas(dst, d, p)
	if err != nil {
		return nil, err
	}
	pg := r.page(dst, d, p)
	pg.rtl = false // a template says itself where things stand
	if b.black {
		dst.Fill(dst.Rect, true)
	}
	if g := b.ground; g.kind != "" {
		r := g.block
		r = image.Rect(r.Min.X*p.Width/100, r.Min.Y*p.Height/100, r.Max.X*p.Width/100, r.Max.Y*p.Height/100)
		pg.shade(r, g.paper)
		pg.outline(r, g.stroke, g.ink)
	}
	for i := range b.items {
		pg.item(&b.items[i])
	}
	r.pages.Put(pg)
	return dst, nil
}

func (pg *page) item(it *item) {
	switch it.kind {
	case "TEXT":
		pg.textItem(it)
	case "RECTANGLE":
		pg.shade(it.block, it.paper)
		pg.outline(it.block, it.stroke, it.ink)
	case "LINE":
		pg.line(it)
	case "CIRCLE":
		pg.circle(it)
	case "QRCODE":
		pg.qrItem(it)
	case "IMAGE":
		pg.pictureItem(it)
	case "BITMAP_URI":
		pg.img.Blit(it.picture, it.block.Min, mono.Or)
	case "DAY_BAR":
		pg.barItem(it)
	case "BUTTONS":
		pg.d.Buttons = it.labels
		pg.buttons()
	}
}

func (pg *page) shade(r image.Rectangle, s shade) {
	if s != none {
		pg.img.Fill(r, s == black)
	}
}

func (pg *page) outline(r image.Rectangle, stroke int, s shade) {
	if s == none || stroke == 0 || r.Empty() {
		return
	}
	stroke = min(stroke, (min(r.Dx(), r.Dy())+1)/2)
	pg.shade(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+stroke), s)
	pg.shade(image.Rect(r.Min.X, r.Max.Y-stroke, r.Max.X, r.Max.Y), s)
	pg.shade(image.Rect(r.Min.X, r.Min.Y, r.Min.X+stroke, r.Max.Y), s)
	pg.shade(image.Rect(r.Max.X-stroke, r.Min.Y, r.Max.X, r.Max.Y), s)
}

// line draws a straight line with a square pen, row by row: the pens that cover
// a row follow each other.
func (pg *page) line(it *item) {
	from, to := it.block.Min, it.block.Max
	if from.Y > to.Y {
		from, to = to, from
	}
	steps := max(abs(to.X-from.X), to.Y-from.Y, 1)
	pen := func(i int) image.Rectangle {
		p := image.Pt(from.X+(to.X-from.X)*i/steps-it.stroke/2, from.Y+(to.Y-from.Y)*i/steps-it.stroke/2)
		return image.Rect(p.X, p.Y, p.X+it.stroke, p.Y+it.stroke)
	}
	top := max(pen(0).Min.Y, pg.img.Rect.Min.Y)
	first, last := 0, 0
	for y := top; y < min(pen(steps).Max.Y, pg.img.Rect.Max.Y); y++ {
		for first < steps && pen(first).Max.Y <= y {
			first++
		}
		for last = max(last, first); last < steps && pen(last+1).Min.Y <= y; {
			last++
		}
		row := pen(first).Union(pen(last))
		pg.shade(image.Rect(row.Min.X, y, row.Max.X, y+1), it.ink)
	}
}

func abs(n int) int { return max(n, -n) }

// circle draws the ellipse that fills the block.
func (pg *page) circle(it *item) {
	for y := max(it.block.Min.Y, pg.img.Rect.Min.Y); y < min(it.block.Max.Y, pg.img.Rect.Max.Y); y++ {
		outer := ellipseRow(it.block, 0, y)
		inner := ellipseRow(it.block, it.stroke, y)
		if inner.Empty() {
			pg.shade(outer, it.ink)
			continue
		}
		pg.shade(inner, it.paper)
		pg.shade(image.Rect(outer.Min.X, y, inner.Min.X, y+1), it.ink)
		pg.shade(image.Rect(inner.Max.X, y, outer.Max.X, y+1), it.ink)
	}
}

// ellipseRow is the part of a row whose middles lie in the ellipse that fills a
// block less inset on every side.
func ellipseRow(block image.Rectangle, inset, y int) image.Rectangle {
	w, h := block.Dx()-2*inset, block.Dy()-2*inset
	dy := 2*(y-block.Min.Y) + 1 - block.Dy()
	if w <= 0 || h <= 0 || dy*dy > h*h {
		return image.Rectangle{}
	}
	square := w * w * (h*h - dy*dy) / (h * h) // of the largest distance, in half pixels
	reach := int(math.Sqrt(float64(square)))
	for reach*reach > square {
		reach--
	}
	for (reach+1)*(reach+1) <= square {
		reach++
	}
	middle := block.Dx() - 1 // of the block, in half pixels
	first, last := (middle-reach+1)>>1, (middle+reach)>>1
	return image.Rect(block.Min.X+first, y, block.Min.X+last+1, y+1)
}

func (pg *page) qrItem(it *item) {
	text := pg.expand(it.text, typeset.Clean)
	if text == "" || it.id == "BOOKING" {
		text = pg.d.QR
	}
	if text == "" {
		return
	}
	c := pg.r.qrCode(text)
	if c == nil {
		return
	}
	n := c.Rect.Dx()
	module := it.scale
	if module == 0 {
		module = max(min(it.block.Dx(), it.block.Dy())/n, 1)
	}
	square := image.Rect(0, 0, n*module, n*module).Add(it.block.Min)
	pg.img.Fill(square.Inset(-2*module), false) // part of the quiet zone, on any ground
	pg.modules(c, square, module)
}

func (pg *page) barItem(it *item) {
	if pg.d.Day == nil || it.block.Dx() < 20 {
		return
	}
	if pg.m.barLabel == 0 {
		pg.m.barLabel = 13
	}
	pg.m.tick = max(pg.m.tick, 3)
	pg.m.bar = max(it.block.Dy()-pg.m.tick-pg.m.barLabel, 6)
	pg.dayBar(it.block)
}

// textItem draws a text into its block: as many lines as fit, aligned. A text
// that is too long becomes smaller before it is cut, because the fonts of other
// makers are narrower than ours. A block without size is one line to the edge.
func (pg *page) textItem(it *item) {
	text := pg.itemText(it)
	r := it.block
	if r.Dx() == 0 {
		r.Max.X = pg.m.w
	}
	if r.Dy() < it.size {
		r.Max.Y = r.Min.Y + it.size
	}
	pg.shade(it.block, it.paper)
	if text == "" || it.ink == none || r.Dx() <= 0 {
		return
	}
	if pg.set > maxFrameText {
		return
	}
	f, lines, pitch := pg.fitItem(it, text, r)
	mode := mono.Or
	if it.ink == white {
		mode = mono.AndNot
	}
	baseline := r.Min.Y + f.Size*7/8
	for _, l := range lines {
		l = f.Cut(l, r.Dx())
		x := r.Min.X
		switch it.align {
		case "RIGHT":
			x = r.Max.X - f.Measure(l)
		case "CENTER":
			x = r.Min.X + (r.Dx()-f.Measure(l))/2
		}
		pg.put(f, x, baseline, l, mode)
		baseline += pitch
	}
}

// Bounds of the bytes of text that the items of one face set, each try at a size
// counted: from the first on no smaller size is tried, from the second on items
// stay empty.
const (
	maxTriedText = 6 << 10
	maxFrameText = 8 << 10
)

// fitItem breaks a text at the largest size, down to three fifths, at which it
// fits whole; where none does, at the smallest.
func (pg *page) fitItem(it *item, text string, r image.Rectangle) (f *typeset.Face, lines []string, pitch int) {
	for size := it.size; ; size -= max(size/8, 1) {
		smallest := size-max(size/8, 1) < max(it.size*3/5, 12)
		f = pg.face(it.weight, size)
		pitch = size*9/8 + it.pitch
		most := max((r.Dy()+pitch-size)/pitch, 1)
		whole := true
		pg.set += len(text)
		lines = lines[:0]
		for part := range strings.SplitSeq(text, "\n") {
			if len(lines) == most {
				whole = false
				break
			}
			if it.id == "UPCOMING" { // a line for each meeting
				lines = append(lines, f.Cut(part, r.Dx()))
				continue
			}
			broken, ok := f.Break(part, r.Dx(), most-len(lines))
			lines, whole = append(lines, broken...), whole && ok
		}
		if whole || smallest || it.id == "UPCOMING" || pg.set > maxTriedText {
			return f, lines, pitch
		}
	}
}

// itemText is what a text item says: the value of its id where that is a name
// of the calendar, else its own text with {NAMES} replaced.
func (pg *page) itemText(it *item) string {
	if v, ok := pg.value(it.id); ok {
		return v
	}
	if !strings.Contains(it.text, "{") {
		return typeset.Clean(it.text)
	}
	parts := pg.expand(typeset.Clean(it.text), func(v string) string { return pg.isolate(typeset.Clean(v)) })
	return strings.Join(strings.Fields(parts), " ")
}

// expand replaces {NAME} in one pass by what with makes of the value, which is
// never searched again.
func (pg *page) expand(s string, with func(string) string) string {
	if !strings.Contains(s, "{") {
		return s
	}
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(s, "{")
		b.WriteString(head)
		if !ok {
			return b.String()
		}
		name, tail, ok := strings.Cut(rest, "}")
		v, known := pg.value(name)
		if !ok || !known {
			b.WriteString("{")
			s = rest
			continue
		}
		b.WriteString(with(v))
		s = tail
	}
}

// value is the value of a placeholder. Names of attendees and addresses are
// known and empty: signs do not have them.
func (pg *page) value(name string) (v string, known bool) {
	d := &pg.d
	name = strings.TrimSuffix(name, "_WITH_YEAR") // of older templates; no year is shown
	switch name {
	case "ROOM_NAME":
		return d.Room, true
	case "STATE":
		return pg.bandText().word, true
	case "NOTE_AVAILABLE":
		if d.State == Free || d.State == Soon {
			return pg.text("sign.free"), true
		}
		return "", true
	case "NOTE_UNTIL":
		b := pg.bandText()
		return strings.TrimSpace(b.label + " " + b.time), true
	case "UNTIL":
		return pg.bandText().time, true
	case "DATE":
		if d.Date == (Date{}) {
			return "", true
		}
		return pg.date(d.Date, true), true
	case "NOTE":
		return d.Note, true
	case "CAPACITY":
		if d.Capacity == 0 {
			return "", true
		}
		return pg.textCount("sign.seats", d.Capacity), true
	case "FEATURES":
		return strings.Join(pg.features(), separator), true
	case "SIGN_ID":
		return pg.r.clean(d.SignID), true
	case "UPCOMING":
		var lines []string
		for _, row := range pg.upcoming() {
			lines = append(lines, pg.span(row.Span)+"  "+pg.isolate(pg.rowTitle(row)))
		}
		return strings.Join(lines, "\n"), true
	}
	if field, ok := strings.CutPrefix(name, "ONGOING_"); ok {
		if d.State != Booked && d.State != CheckIn {
			return "", fieldKnown(field)
		}
		row := Row{Title: d.Title, Organizer: d.Organizer, Private: d.Private}
		if d.Span != nil {
			row.Span = *d.Span
		}
		return pg.rowField(row, d.Span != nil, strings.TrimPrefix(field, "EVENT_"))
	}
	if field, ok := strings.CutPrefix(name, "UPCOMING_"); ok {
		number, field, ok := strings.Cut(field, "_")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 || n > 64 {
			return "", false
		}
		if rows := pg.upcoming(); n <= len(rows) {
			return pg.rowField(rows[n-1], true, field)
		}
		return "", fieldKnown(field)
	}
	return "", false
}

// upcoming is the list of later meetings; a free room's next one stands first.
func (pg *page) upcoming() []Row {
	d := &pg.d
	if (d.State == Free || d.State == Soon) && d.Span != nil {
		return append([]Row{{Span: *d.Span, Title: d.Title, Organizer: d.Organizer, Private: d.Private}}, d.Next...)
	}
	return d.Next
}

func fieldKnown(field string) bool {
	switch strings.TrimPrefix(field, "EVENT_") {
	case "SUMMARY", "TIME", "CREATOR", "CREATOR_EMAIL", "ATTENDEES", "ATTENDEES_LIST":
		return true
	}
	return false
}

func (pg *page) rowField(row Row, timed bool, field string) (string, bool) {
	switch field {
	case "SUMMARY":
		return pg.rowTitle(row), true
	case "TIME":
		if !timed {
			return "", true
		}
		return pg.span(row.Span), true
	case "CREATOR":
		if row.Private {
			return "", true
		}
		return pg.r.clean(row.Organizer), true
	}
	return "", fieldKnown(field)
}

// canvas returns dst cleared, or a new picture of the panel's size.
func (r *Renderer) canvas(dst *mono.Image, d Door, p Panel) (*mono.Image, error) {
	if p.Width < minWidth || p.Height < minHeight || p.Width > maxPanelSide || p.Height > maxPanelSide {
		return nil, fmt.Errorf("render: panel of %dx%d pixels: sides of %d to %d are drawn", p.Width, p.Height, minWidth, maxPanelSide)
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if dst == nil || dst.Rect != image.Rect(0, 0, p.Width, p.Height) {
		return mono.New(p.Width, p.Height), nil
	}
	dst.Clear()
	return dst, nil
}
