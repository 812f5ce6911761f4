package render

import (
	"image"
	"slices"
	"strings"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// separator stands between facts of one line.
const separator = " · "

// headline is the body's title and the facts below it.
func (pg *page) headline() (title string, facts []string) {
	d := &pg.d
	facts = pg.factBuf[:0]
	switch d.State {
	case Stale, Offline:
		if known := pg.lastKnown(); known != "" {
			return known, append(facts, pg.text("sign.ask"))
		}
		return pg.text("sign.ask"), nil
	case Pairing:
		return pg.text("sign.pair"), append(facts, pg.text("sign.pair.how"))
	case Ready:
		if d.Waiting {
			return pg.text("sign.waiting"), nil
		}
		if d.SignID != "" {
			return pg.text("sign.choose-room"), append(facts, pg.r.clean(d.SignID))
		}
		return pg.text("sign.choose-room"), nil
	case NotSetUp:
		return pg.text("sign.no-room"), append(facts, pg.text("sign.choose-room"))
	case BatteryEmpty:
		return pg.text("sign.charge"), append(facts, pg.text("sign.ask"))
	case OutOfOrder:
		return d.Note, nil
	}
	if d.Released != nil && (d.State == Free || d.State == Soon) {
		facts = append(facts, pg.textWith("sign.released", pg.clock(*d.Released)))
	}
	if d.Span == nil && d.Title == "" && !d.Private {
		return pg.text("sign.no-more"), append(facts, pg.equipment()...)
	}
	title = d.Title
	if d.Private {
		title = pg.text("sign.private")
	}
	if d.Span != nil && d.State != Booked {
		facts = append(facts, pg.span(*d.Span))
	}
	if d.More > 0 {
		facts = append(facts, pg.textCount("sign.more", d.More))
	}
	if d.Organizer != "" && !d.Private {
		facts = append(facts, pg.isolate(d.Organizer))
	}
	pg.factBuf = facts
	return title, facts
}

// equipment says how many seats a room has and what is in it.
func (pg *page) equipment() (facts []string) {
	if pg.d.Capacity > 0 {
		facts = append(facts, pg.textCount("sign.seats", pg.d.Capacity))
	}
	return append(facts, pg.features()...)
}

// features are what is in the room, ready to be joined.
func (pg *page) features() (out []string) {
	if pg.d.Accessible {
		out = append(out, pg.text("sign.accessible"))
	}
	for _, f := range pg.d.Features {
		if f = pg.r.clean(f); f != "" {
			out = append(out, pg.isolate(f))
		}
	}
	return out
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
	return pg.textWith(key+"-until", pg.clock(*k.Until))
}

func (pg *page) rowTitle(r Row) string {
	if r.Private {
		return pg.text("sign.private")
	}
	return pg.r.clean(r.Title)
}

// body lays out everything below the band: title, line, later meetings, QR code
// and day bar.
func (pg *page) body() {
	m := &pg.m
	area := image.Rect(m.margin, m.header+m.band+m.gap, m.edge-m.margin, m.foot-m.gap)
	if m.edge < m.w {
		area.Max.X = m.edge
	}
	area = pg.occupancy(area)
	if pg.d.QR != "" && m.edge == m.w {
		area = pg.code(area)
	}
	rows := pg.d.Next
	if m.class == large && !m.portrait && len(rows) > 0 && !pg.quiet() {
		left := image.Rect(area.Min.X, area.Min.Y, area.Min.X+area.Dx()*58/100/8*8-m.gap, area.Max.Y)
		if pg.wordsFit(left.Dx()) {
			right := image.Rect(left.Max.X+2*m.gap, area.Min.Y, area.Max.X, area.Max.Y)
			rule := max(m.rule/2, 2)
			pg.fill(image.Rect(left.Max.X+m.gap/2, area.Min.Y, left.Max.X+m.gap/2+rule, area.Max.Y-m.gap), true)
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

// occupancy draws the day bar where the face has one, below the body or, on
// upright glass, beside it, and returns what is left of the area.
func (pg *page) occupancy(area image.Rectangle) image.Rectangle {
	m := &pg.m
	if pg.d.Day == nil || m.bar == 0 || pg.quiet() {
		return area
	}
	if m.portrait {
		width := m.bar + m.tick + pg.hourWidth() + 2
		bar := image.Rect(area.Max.X-m.bar, area.Min.Y+m.gap/2, area.Max.X, area.Max.Y-m.gap/2)
		pg.uprightDayBar(bar)
		area.Max.X -= width + m.gap
		return area
	}
	if area.Dy() <= m.barBlock()+m.rowPitch*2 {
		return area
	}
	area.Max.Y -= m.barBlock()
	pg.dayBar(image.Rect(area.Min.X, area.Max.Y+m.gap, area.Max.X, m.foot-m.gap/2))
	return area
}

// quiet reports states whose face says one thing only.
func (pg *page) quiet() bool {
	switch pg.d.State {
	case Free, Soon, Booked, CheckIn:
		return false
	}
	return true
}

// wordsFit reports whether the title fits a column at the second largest size
// without breaking a word; otherwise the list goes below the title.
func (pg *page) wordsFit(width int) bool {
	title, _ := pg.headline()
	f := pg.face(typeset.Bold, pg.m.titles[min(1, len(pg.m.titles)-1)])
	_, ok := f.Break(title, width, 64)
	return ok
}

// rise is how far below the top of the body the first base line stands.
func (pg *page) rise(f *typeset.Face) int {
	if pg.m.class == small && !pg.tall {
		return f.Cap
	}
	return pg.lead(f, 7)
}

// titlePitch is the height of a line of a title.
func (pg *page) titlePitch(size int) int {
	if pg.tall {
		return size * 6 / 5 * 16 / 13
	}
	return size * 6 / 5
}

// headlines draws title and facts from the top and returns where they end.
// rowsBelow says that the list of later meetings is to stand below them.
func (pg *page) headlines(r image.Rectangle, rowsBelow bool) int {
	m := &pg.m
	title, facts := pg.headline()
	y := r.Min.Y
	language := pg.tall
	defer func() { pg.tall = language }()
	if title != "" {
		pg.tall = language || isTall(title)
		lines, f := pg.fitTitle(title, r, len(facts) > 0)
		for i, l := range lines {
			x := r.Min.X
			if i == 0 && pg.locked() {
				x = pg.lock(x, y+pg.rise(f), f.Cap)
			}
			pg.put(f, x, y+pg.rise(f), l, mono.Or)
			y += pg.titlePitch(f.Size)
		}
		switch {
		case m.class != small:
			y += m.gap / 2
		case pg.tall: // letters reach down to those that reach up
			y += m.gap
		}
	}
	pg.tall = language || slices.ContainsFunc(facts, isTall)
	f := pg.face(typeset.Regular, m.organizer)
	pitch := pg.lead(f, 10)
	room := (r.Max.Y - y - pg.rise(f) + pitch) / pitch
	if m.class != small {
		room = (r.Max.Y - y) / pitch
	}
	if pg.d.State == Booked && len(pg.d.Next) > 0 && rowsBelow {
		end := y + len(pg.packFacts(f, facts, r.Dx(), min(room, 3)))*pitch
		next := pg.textWith("sign.next", pg.clock(pg.d.Next[0].Start))
		if !pg.rowFits(end+m.gap/2, r) && f.Measure(next) <= r.Dx() { // no list: say when the next one begins
			facts = append(facts, next)
			pg.factBuf = facts
		}
	}
	for _, line := range pg.packFacts(f, facts, r.Dx(), min(room, 3)) {
		pg.facts(f, r.Min.X, y+pg.rise(f), line)
		y += pitch
	}
	return y
}

// facts puts a line of facts one by one, so that the direction of one does not
// turn the others.
func (pg *page) facts(f *typeset.Face, x, baseline int, line string) {
	if !pg.rtl {
		pg.put(f, x, baseline, line, mono.Or)
		return
	}
	for {
		fact, rest, more := strings.Cut(line, separator)
		x = pg.put(f, x, baseline, fact, mono.Or)
		if !more {
			return
		}
		x = pg.put(f, x, baseline, separator, mono.Or)
		line = rest
	}
}

// locked reports whether the title stands for a private meeting.
func (pg *page) locked() bool { return pg.d.Private && !pg.quiet() }

// packFacts sets facts on at most lines lines, as few as they need. Where a
// line must take too much, an early fact is shortened and the last, which says
// what comes next, kept.
func (pg *page) packFacts(f *typeset.Face, facts []string, width, lines int) []string {
	out := pg.lineBuf[:0]
	defer func() { pg.lineBuf = out }()
	for len(facts) > 0 && len(out) < lines {
		n := len(facts)
		for n > 1 && f.Measure(pg.join(facts[:n])) > width {
			n--
		}
		if len(out) == lines-1 && n < len(facts) {
			return append(out, pg.squeeze(f, facts, width))
		}
		line := pg.join(facts[:n])
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
func (pg *page) squeeze(f *typeset.Face, facts []string, width int) string {
	last := pg.phrase(separator, facts[len(facts)-1])
	if room := width - f.Measure(last); room > width/3 {
		for n := len(facts) - 1; n > 0; n-- {
			head := pg.join(facts[:n])
			if n == 1 || f.Measure(head) <= room {
				return pg.phrase(f.Cut(head, room), last)
			}
		}
	}
	return f.Cut(pg.join(facts[:len(facts)-1]), width)
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
		most := max(min(m.titleLines, height/pg.titlePitch(f.Size)), 1)
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
	pg.fill(bow, true)
	pg.fill(image.Rect(bow.Min.X+t, bow.Min.Y+t, bow.Max.X-t, bow.Max.Y), false)
	pg.fill(body, true)
	pg.fill(image.Rect(x+w/2-t/2, body.Min.Y+2*t, x+w/2+(t+1)/2, body.Max.Y-t), false)
	return x + w + max(height/2, 6)
}

// isTall reports a text in a script that reaches further above and below the line
// than Latin does.
func isTall(s string) bool {
	for _, r := range s {
		if r >= 0x0600 && r < 0x0780 || r >= 0xfb50 && r < 0xfe00 || r >= 0xfe70 && r < 0xff00 {
			return true
		}
	}
	return false
}

// rowFits reports whether a row whose top is y ends above the foot of r.
func (pg *page) rowFits(y int, r image.Rectangle) bool { return y+pg.m.row*5/4 <= r.Max.Y }

// rows draws later meetings: start bold, title regular, as many as fit. Where
// there is room for two lines each, the first has the whole span and the second
// the title. A held meeting has the hatch of the day bar.
func (pg *page) rows(r image.Rectangle) {
	m := &pg.m
	start, title := pg.face(typeset.Bold, m.row), pg.face(typeset.Regular, m.row)
	column := 0
	for _, n := range pg.d.Next {
		column = max(column, start.Measure(pg.clock(n.Start)))
	}
	tall := (m.portrait || m.class == large) && m.class != small && r.Dy() >= min(len(pg.d.Next), 4)*m.rowPitch*9/4
	y := r.Min.Y
	for _, n := range pg.d.Next {
		need := m.row * 5 / 4
		if tall {
			need += m.rowPitch
		}
		if y+need > r.Max.Y {
			break
		}
		if tall {
			y += m.rowPitch / 4
			end := pg.put(start, r.Min.X, y+m.row, pg.span(n.Span), mono.Or)
			pg.held(n, end+m.row/2, y+m.row, start.Cap)
			y += m.rowPitch
			pg.put(title, r.Min.X, y+m.row-m.rowPitch/8, title.Cut(pg.rowTitle(n), r.Dx()), mono.Or)
			y += m.rowPitch
			continue
		}
		pg.put(start, r.Min.X, y+m.row, pg.clock(n.Start), mono.Or)
		x := pg.held(n, r.Min.X+column+m.row/2, y+m.row, start.Cap)
		pg.put(title, x, y+m.row, title.Cut(pg.rowTitle(n), r.Max.X-x), mono.Or)
		y += m.rowPitch
	}
}

// held marks a meeting that only holds the room and returns where text goes on.
func (pg *page) held(n Row, x, baseline, height int) int {
	if !n.Tentative {
		return x
	}
	line := max(pg.m.rule/2, 1)
	box := image.Rect(x, baseline-height, x+height, baseline)
	pg.fill(box, true)
	pg.fill(box.Inset(line), false)
	pg.img.Hatch(pg.at(box), 2*line, 2*line)
	return box.Max.X + pg.m.row/3
}
