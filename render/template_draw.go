package render

import (
	"fmt"
	"image"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"

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

// line draws a straight line with a square pen.
func (pg *page) line(it *item) {
	from, to := it.block.Min, it.block.Max
	steps := max(abs(to.X-from.X), abs(to.Y-from.Y), 1)
	for i := range steps + 1 {
		p := image.Pt(from.X+(to.X-from.X)*i/steps, from.Y+(to.Y-from.Y)*i/steps)
		pen := image.Rect(p.X-it.stroke/2, p.Y-it.stroke/2, p.X-it.stroke/2+it.stroke, p.Y-it.stroke/2+it.stroke)
		if pen.Overlaps(pg.img.Rect) {
			pg.shade(pen, it.ink)
		}
	}
}

func abs(n int) int { return max(n, -n) }

// circle draws the ellipse that fills the block.
func (pg *page) circle(it *item) {
	b := it.block.Intersect(pg.img.Rect)
	w, h := it.block.Dx(), it.block.Dy()
	inside := func(x, y, inset int) bool {
		rw, rh := w-2*inset, h-2*inset
		if rw <= 0 || rh <= 0 {
			return false
		}
		dx, dy := 2*(x-it.block.Min.X)+1-w, 2*(y-it.block.Min.Y)+1-h
		return dx*dx*rh*rh+dy*dy*rw*rw <= rw*rw*rh*rh
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			s := none
			if inside(x, y, 0) {
				if s = it.ink; inside(x, y, it.stroke) {
					s = it.paper
				}
			}
			if s != none {
				pg.img.Set(x, y, s == black)
			}
		}
	}
}

func (pg *page) qrItem(it *item) {
	text := pg.expand(it.text, typeset.Clean)
	if text == "" || it.id == "BOOKING" {
		text = pg.d.QR
	}
	if text == "" {
		return
	}
	c, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return
	}
	n := c.Bounds().Dx()
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

// fitItem breaks a text at the largest size, down to three fifths, at which it
// fits whole; where none does, at the smallest.
func (pg *page) fitItem(it *item, text string, r image.Rectangle) (f *typeset.Face, lines []string, pitch int) {
	for size := it.size; ; size -= max(size/8, 1) {
		smallest := size-max(size/8, 1) < max(it.size*3/5, 12)
		f = pg.face(it.weight, size)
		pitch = size*9/8 + it.pitch
		most := max((r.Dy()+pitch-size)/pitch, 1)
		whole := true
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
		if whole || smallest || it.id == "UPCOMING" {
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
