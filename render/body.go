package render

import (
	"image"
	"strings"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// separator stands between facts of one line.
const separator = " · "

// headline is the body's title and the line below it.
func (pg *page) headline() (title, sub string) {
	d := &pg.d
	switch d.State {
	case Stale, Offline:
		if known := pg.lastKnown(); known != "" {
			return known, pg.text("sign.ask")
		}
		return pg.text("sign.ask"), ""
	case Pairing:
		return pg.text("sign.pair"), pg.text("sign.pair.how")
	case Ready:
		if d.Waiting {
			return pg.text("sign.waiting"), ""
		}
		return pg.text("sign.choose-room"), ""
	case NotSetUp:
		return pg.text("sign.no-room"), pg.text("sign.choose-room")
	case BatteryEmpty:
		return pg.text("sign.charge"), pg.text("sign.ask")
	case OutOfOrder:
		return d.Note, ""
	}
	if d.Span == nil && d.Title == "" && !d.Private {
		if d.Capacity > 0 {
			return pg.text("sign.no-more"), pg.text("sign.seats", d.Capacity)
		}
		return pg.text("sign.no-more"), ""
	}
	title = d.Title
	if d.Private {
		title = pg.text("sign.private")
	}
	var facts []string
	if d.Span != nil && d.State != Booked {
		facts = append(facts, pg.span(*d.Span))
	}
	if d.Organizer != "" && !d.Private {
		facts = append(facts, d.Organizer)
	}
	if d.More > 0 {
		facts = append(facts, pg.text("sign.more", d.More))
	}
	return title, strings.Join(facts, separator)
}

func (pg *page) lastKnown() string {
	k := pg.d.LastKnown
	if k == nil {
		return ""
	}
	key := "sign.last-known.free"
	if k.State == Booked {
		key = "sign.last-known.booked"
	}
	if k.Until == nil {
		return pg.text(key)
	}
	return pg.text(key+"-until", pg.clock(*k.Until))
}

func (pg *page) rowTitle(r Row) string {
	if r.Private {
		return pg.text("sign.private")
	}
	return typeset.Clean(r.Title)
}

// body lays out everything below the band: title, line, later meetings, QR code
// and day bar.
func (pg *page) body() {
	m := &pg.m
	area := image.Rect(m.margin, m.header+m.band+m.gap, m.w-m.margin, m.h-m.gap)
	if pg.d.Day != nil && m.bar > 0 && area.Dy() > m.barBlock()+m.rowPitch*2 && !pg.quiet() {
		area.Max.Y -= m.barBlock()
		pg.dayBar(image.Rect(area.Min.X, area.Max.Y+m.gap, area.Max.X, m.h-m.gap))
	}
	if pg.d.QR != "" {
		area = pg.code(area)
	}
	if m.class == small {
		pg.smallBody(area)
		return
	}
	rows := pg.d.Next
	if m.class == large && !m.portrait && len(rows) > 0 && !pg.quiet() {
		left := image.Rect(area.Min.X, area.Min.Y, area.Min.X+area.Dx()*58/100/8*8-m.gap, area.Max.Y)
		if pg.wordsFit(left.Dx()) {
			right := image.Rect(left.Max.X+2*m.gap, area.Min.Y, area.Max.X, area.Max.Y)
			rule := max(m.rule/2, 2)
			pg.img.Fill(image.Rect(left.Max.X+m.gap/2, area.Min.Y, left.Max.X+m.gap/2+rule, area.Max.Y-m.gap), true)
			pg.headlines(left)
			pg.rows(right)
			return
		}
	}
	y := pg.headlines(area)
	if !pg.quiet() {
		area.Min.Y = y + m.gap/2
		pg.rows(area)
	}
}

// quiet reports states whose face says one thing only.
func (pg *page) quiet() bool {
	switch pg.d.State {
	case Free, Soon, Booked, CheckIn:
		return false
	}
	return true
}

// wordsFit reports whether every word of the title fits a column at the second
// largest size; otherwise the list goes below the title.
func (pg *page) wordsFit(width int) bool {
	title, _ := pg.headline()
	f := pg.face(typeset.Bold, pg.m.titles[min(1, len(pg.m.titles)-1)])
	for w := range strings.FieldsSeq(title) {
		if f.Measure(w) > width {
			return false
		}
	}
	return true
}

// headlines draws title and line from the top and returns where they end.
func (pg *page) headlines(r image.Rectangle) int {
	m := &pg.m
	title, sub := pg.headline()
	y := r.Min.Y
	if title != "" {
		lines, f := pg.fitTitle(title, r)
		for _, l := range lines {
			x := r.Min.X
			if pg.d.Private && title == pg.text("sign.private") {
				x = pg.lock(x, y+f.Size, f.Cap)
			}
			pg.put(f, x, y+f.Size, l, mono.Or)
			y += f.Size * 6 / 5
		}
		y += m.gap / 2
	}
	if sub != "" {
		f := pg.face(typeset.Regular, m.organizer)
		if y+f.Size*5/4 <= r.Max.Y {
			pg.put(f, r.Min.X, y+f.Size, f.Cut(sub, r.Dx()), mono.Or)
			y += f.Size * 4 / 3
		}
	}
	return y
}

// fitTitle chooses the largest size at which the title fits the lines without
// breaking a word, then the smallest with an ellipsis.
func (pg *page) fitTitle(title string, r image.Rectangle) ([]string, *typeset.Face) {
	m := &pg.m
	width := r.Dx()
	if pg.d.Private {
		width -= m.titles[0]
	}
	var f *typeset.Face
	var lines []string
	for _, size := range m.titles {
		f = pg.face(typeset.Bold, size)
		most := max(min(m.titleLines, (r.Dy()-m.organizer*4/3)/(size*6/5)), 1)
		var ok bool
		if lines, ok = f.Break(title, width, most); ok {
			return lines, f
		}
	}
	if len(lines) == 0 {
		lines = []string{f.Cut(title, width)}
	}
	return lines, f
}

// lock draws a padlock as high as a capital and returns where text continues.
func (pg *page) lock(x, baseline, height int) int {
	w := max(height*3/4, 8)
	t := max(height/7, 2)
	body := image.Rect(x, baseline-height*5/9, x+w, baseline)
	bow := image.Rect(x+t, baseline-height, x+w-t, body.Min.Y)
	pg.img.Fill(bow, true)
	pg.img.Fill(image.Rect(bow.Min.X+t, bow.Min.Y+t, bow.Max.X-t, bow.Max.Y), false)
	pg.img.Fill(body, true)
	pg.img.Fill(image.Rect(x+w/2-t/2, body.Min.Y+2*t, x+w/2+(t+1)/2, body.Max.Y-t), false)
	return x + w + max(height/2, 6)
}

// rows draws later meetings: start bold, title regular, as many as fit.
func (pg *page) rows(r image.Rectangle) {
	m := &pg.m
	start, title := pg.face(typeset.Bold, m.row), pg.face(typeset.Regular, m.row)
	y := r.Min.Y
	column := 0
	for _, n := range pg.d.Next {
		column = max(column, start.Measure(pg.clock(n.Start)))
	}
	for _, n := range pg.d.Next {
		if y+m.row*5/4 > r.Max.Y {
			break
		}
		pg.put(start, r.Min.X, y+m.row, pg.clock(n.Start), mono.Or)
		x := r.Min.X + column + m.row/2
		pg.put(title, x, y+m.row, title.Cut(pg.rowTitle(n), r.Max.X-x), mono.Or)
		y += m.rowPitch
	}
}

// smallBody draws the two lines of a small sign: title, then organizer and next
// meeting.
func (pg *page) smallBody(r image.Rectangle) {
	m := &pg.m
	title, sub := pg.headline()
	y := r.Min.Y
	if title != "" {
		lines, f := pg.fitTitle(title, r)
		x := r.Min.X
		if pg.d.Private {
			x = pg.lock(x, y+f.Cap, f.Cap)
		}
		pg.put(f, x, y+f.Cap, lines[0], mono.Or)
		y += f.Size * 6 / 5
	}
	f := pg.face(typeset.Regular, m.organizer)
	if len(pg.d.Next) > 0 && pg.d.State == Booked {
		next := pg.text("sign.next", pg.clock(pg.d.Next[0].Start))
		if sub != "" {
			next = separator + next
		}
		if room := r.Dx() - f.Measure(next); room > r.Dx()/3 || sub == "" {
			sub = f.Cut(sub, room) + next
		}
	}
	if sub != "" && y+f.Cap <= r.Max.Y {
		pg.put(f, r.Min.X, y+f.Cap, f.Cut(sub, r.Dx()), mono.Or)
	}
}
