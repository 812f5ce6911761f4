package render

import (
	"image"
	"strings"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// separator stands between facts of one line.
const separator = " · "

// headline is the body's title and the facts below it.
func (pg *page) headline() (title string, facts []string) {
	d := &pg.d
	switch d.State {
	case Stale, Offline:
		if known := pg.lastKnown(); known != "" {
			return known, []string{pg.text("sign.ask")}
		}
		return pg.text("sign.ask"), nil
	case Pairing:
		return pg.text("sign.pair"), []string{pg.text("sign.pair.how")}
	case Ready:
		if d.Waiting {
			return pg.text("sign.waiting"), nil
		}
		if d.SignID != "" {
			return pg.text("sign.choose-room"), []string{typeset.Clean(d.SignID)}
		}
		return pg.text("sign.choose-room"), nil
	case NotSetUp:
		return pg.text("sign.no-room"), []string{pg.text("sign.choose-room")}
	case BatteryEmpty:
		return pg.text("sign.charge"), []string{pg.text("sign.ask")}
	case OutOfOrder:
		return d.Note, nil
	}
	if d.Span == nil && d.Title == "" && !d.Private {
		if d.Capacity > 0 {
			return pg.text("sign.no-more"), []string{pg.text("sign.seats", d.Capacity)}
		}
		return pg.text("sign.no-more"), nil
	}
	title = d.Title
	if d.Private {
		title = pg.text("sign.private")
	}
	if d.Span != nil && d.State != Booked {
		facts = append(facts, pg.span(*d.Span))
	}
	if d.More > 0 {
		facts = append(facts, pg.text("sign.more", d.More))
	}
	if d.Organizer != "" && !d.Private {
		facts = append(facts, d.Organizer)
	}
	return title, facts
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
		pg.dayBar(image.Rect(area.Min.X, area.Max.Y+m.gap, area.Max.X, m.h-m.gap/2))
	}
	if pg.d.QR != "" {
		area = pg.code(area)
	}
	rows := pg.d.Next
	if m.class == large && !m.portrait && len(rows) > 0 && !pg.quiet() {
		left := image.Rect(area.Min.X, area.Min.Y, area.Min.X+area.Dx()*58/100/8*8-m.gap, area.Max.Y)
		if pg.wordsFit(left.Dx()) {
			right := image.Rect(left.Max.X+2*m.gap, area.Min.Y, area.Max.X, area.Max.Y)
			rule := max(m.rule/2, 2)
			pg.img.Fill(image.Rect(left.Max.X+m.gap/2, area.Min.Y, left.Max.X+m.gap/2+rule, area.Max.Y-m.gap), true)
			pg.headlines(left, false)
			pg.rows(right)
			return
		}
	}
	y := pg.headlines(area, true)
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

// rise is how far below the top of the body the first base line stands.
func (pg *page) rise(f *typeset.Face) int {
	if pg.m.class == small {
		return f.Cap
	}
	return f.Size * 7 / 8
}

// headlines draws title and facts from the top and returns where they end.
// rowsBelow says that the list of later meetings is to stand below them.
func (pg *page) headlines(r image.Rectangle, rowsBelow bool) int {
	m := &pg.m
	title, facts := pg.headline()
	y := r.Min.Y
	if title != "" {
		lines, f := pg.fitTitle(title, r, len(facts) > 0)
		for i, l := range lines {
			x := r.Min.X
			if i == 0 && pg.locked() {
				x = pg.lock(x, y+pg.rise(f), f.Cap)
			}
			pg.put(f, x, y+pg.rise(f), l, mono.Or)
			y += f.Size * 6 / 5
		}
		if m.class != small {
			y += m.gap / 2
		}
	}
	f := pg.face(typeset.Regular, m.organizer)
	pitch := f.Size * 5 / 4
	room := (r.Max.Y - y - pg.rise(f) + pitch) / pitch
	if m.class != small {
		room = (r.Max.Y - y) / pitch
	}
	if pg.d.State == Booked && len(pg.d.Next) > 0 && rowsBelow {
		end := y + len(packFacts(f, facts, r.Dx(), min(room, 3)))*pitch
		next := pg.text("sign.next", pg.clock(pg.d.Next[0].Start))
		if !pg.rowFits(end+m.gap/2, r) && f.Measure(next) <= r.Dx() { // no list: say when the next one begins
			facts = append(facts, next)
		}
	}
	for _, line := range packFacts(f, facts, r.Dx(), min(room, 3)) {
		pg.put(f, r.Min.X, y+pg.rise(f), line, mono.Or)
		y += pitch
	}
	return y
}

// locked reports whether the title stands for a private meeting.
func (pg *page) locked() bool { return pg.d.Private && !pg.quiet() }

// packFacts sets facts on at most lines lines, as few as they need. Where a
// line must take too much, an early fact is shortened and the last, which says
// what comes next, kept.
func packFacts(f *typeset.Face, facts []string, width, lines int) []string {
	var out []string
	for len(facts) > 0 && len(out) < lines {
		n := len(facts)
		for n > 1 && f.Measure(strings.Join(facts[:n], separator)) > width {
			n--
		}
		if len(out) == lines-1 && n < len(facts) {
			return append(out, squeeze(f, facts, width))
		}
		line := strings.Join(facts[:n], separator)
		if f.Measure(line) > width { // one long fact
			most := lines - len(out) - (len(facts) - 1)
			broken, _ := f.Break(line, width, max(most, 1))
			out = append(out, broken...)
		} else {
			out = append(out, line)
		}
		facts = facts[n:]
	}
	return out
}

// squeeze sets facts that are too long on one line: the last whole and what
// fits of the others, or the others alone.
func squeeze(f *typeset.Face, facts []string, width int) string {
	last := separator + facts[len(facts)-1]
	if room := width - f.Measure(last); room > width/3 {
		for n := len(facts) - 1; n > 0; n-- {
			head := strings.Join(facts[:n], separator)
			if n == 1 || f.Measure(head) <= room {
				return f.Cut(head, room) + last
			}
		}
	}
	return f.Cut(strings.Join(facts[:len(facts)-1], separator), width)
}

// fitTitle chooses the largest size at which the title fits the lines without
// breaking a word, then the smallest with an ellipsis. below asks for room for
// a line of facts.
func (pg *page) fitTitle(title string, r image.Rectangle, below bool) ([]string, *typeset.Face) {
	m := &pg.m
	width, height := r.Dx(), r.Dy()
	if pg.locked() {
		width -= m.titles[0]
	}
	if below {
		height -= m.organizer * 4 / 3
	}
	if m.class == small {
		height += m.titles[0] / 4 // nothing hangs below a base line but descenders
	}
	var f *typeset.Face
	var lines []string
	for _, size := range m.titles {
		f = pg.face(typeset.Bold, size)
		most := max(min(m.titleLines, height/(size*6/5)), 1)
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

// rowFits reports whether a row whose top is y ends above the foot of r.
func (pg *page) rowFits(y int, r image.Rectangle) bool { return y+pg.m.row*5/4 <= r.Max.Y }

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
		if !pg.rowFits(y, r) {
			break
		}
		pg.put(start, r.Min.X, y+m.row, pg.clock(n.Start), mono.Or)
		x := r.Min.X + column + m.row/2
		pg.put(title, x, y+m.row, title.Cut(pg.rowTitle(n), r.Max.X-x), mono.Or)
		y += m.rowPitch
	}
}
