package render

import (
	"image"
	"strings"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// shape is how a band looks; every state has its own, so that the state can be
// told from where no word can be read.
type shape uint8

const (
	ruled  shape = iota // white between two rules
	solid               // black
	split               // white, the right block black
	framed              // black frame, white inside
	dashed              // dashed rules
)

// bandText is what stands in a band: a word on one side, a label above a time
// on the other.
type bandText struct {
	shape       shape
	word        string
	label, time string
	code        bool // word is a pairing code: wide, fixed steps
}

func (pg *page) bandText() bandText {
	d := &pg.d
	b := bandText{word: pg.text(stateKey(d.State))}
	switch d.State {
	case Booked:
		b.shape, b.label = solid, "sign.until"
	case Soon:
		b.shape, b.label, b.word = split, "sign.booked-from", pg.text("sign.free")
	case CheckIn:
		b.shape, b.label = framed, "sign.by"
	case Stale, Offline:
		b.shape, b.word = dashed, pg.text("sign.stale")
		if d.Since != nil {
			b.label, b.time = pg.text("sign.since"), pg.clock(*d.Since)
			if d.SinceDate != nil && *d.SinceDate != d.Date {
				b.label = pg.phrase(b.label, " ", pg.date(*d.SinceDate, false))
			}
		}
		return b
	case NotSetUp, BatteryEmpty:
		b.shape = dashed
		return b
	case Closed, OutOfOrder:
		b.label = "sign.until"
		if d.State == Closed {
			b.label = "sign.opens"
		}
	case Pairing:
		b.word, b.code = d.Code[:4]+" "+d.Code[4:], true
		return b
	case Ready:
		return b
	default:
		b.label = "sign.until"
	}
	switch {
	case d.AllDay:
		b.label, b.time = "", pg.text("sign.all-day")
	case d.Until == nil:
		b.label = ""
	default:
		b.label, b.time = pg.text(b.label), pg.clock(*d.Until)
		if d.UntilDate != nil && *d.UntilDate != d.Date {
			b.label = pg.phrase(b.label, " ", pg.date(*d.UntilDate, false))
		}
	}
	return b
}

// band draws the full-width state band.
func (pg *page) band() {
	m := &pg.m
	b := pg.bandText()
	r := image.Rect(0, m.header, m.edge, m.header+m.band)
	pg.bandShape(r, b.shape)
	mode := mono.Or
	if b.shape == solid {
		mode = mono.AndNot
	}
	inner := image.Rect(m.margin, r.Min.Y, m.edge-m.margin, r.Max.Y)
	if m.edge < m.w {
		inner.Max.X = m.edge
	}
	switch b.shape {
	case framed:
		inner = inner.Inset(m.frame)
		inner.Min.X, inner.Max.X = inner.Min.X+m.frame/2, inner.Max.X-m.frame/2
	case dashed:
		inner.Min.Y, inner.Max.Y = inner.Min.Y+2*m.rule, inner.Max.Y-2*m.rule
	default:
		inner.Min.Y, inner.Max.Y = inner.Min.Y+m.rule, inner.Max.Y-m.rule
	}
	block := pg.timeBlock(b, inner)
	beside := block.width
	left := (inner.Max.X - block.width - m.margin) / 8 * 8 // of the black part of a split band
	if b.shape == split && b.time != "" {
		beside = inner.Max.X - left
	}
	var word *typeset.Face // nil: word and time above each other
	if !m.portrait && m.edge == m.w || b.code && m.class != small {
		word = pg.wordFace(b, inner, beside)
	}
	if word == nil {
		pg.stackedBand(inner, b, mode)
		return
	}
	if b.shape == split && b.time != "" {
		pg.fill(image.Rect(left, r.Min.Y, m.edge, r.Max.Y), true)
		pg.drawBlock(block, inner, mono.AndNot)
	} else {
		pg.drawBlock(block, inner, mode)
	}
	pg.word(word, inner, inner.Dx()-beside, b, mode)
}

// word puts the state's word, after its icon where there is room for one: on
// large and medium faces the word becomes a step smaller for it.
func (pg *page) word(f *typeset.Face, r image.Rectangle, width int, b bandText, mode mono.Mode) {
	x := r.Min.X
	if in := stateIcon(pg.d.State); in != nil && mode == mono.Or {
		for _, size := range pg.m.words {
			g := pg.face(typeset.Bold, size)
			side := g.Cap * 9 / 8
			if g.Size > f.Size || side+g.Cap/3+g.Measure(b.word)+2*pg.m.gap > width || g.Size < f.Size*2/3 {
				continue
			}
			f = g
			line := middleLine(r, f.Cap)
			pg.icon(image.Rect(x, line-f.Cap/2-side/2, x+side, line-f.Cap/2-side/2+side), in, true)
			x += side + f.Cap/3
			break
		}
	}
	pg.put(f, x, middleLine(r, f.Cap), b.word, mode)
}

// middleLine is the base line that centres capitals in a rectangle.
func middleLine(r image.Rectangle, capHeight int) int {
	return (r.Min.Y + r.Max.Y + capHeight + 1) / 2
}

func (pg *page) bandShape(r image.Rectangle, s shape) {
	m := &pg.m
	top := image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+m.rule)
	bottom := image.Rect(r.Min.X, r.Max.Y-m.rule, r.Max.X, r.Max.Y)
	switch s {
	case solid:
		pg.fill(r, true)
	case framed:
		pg.fill(r, true)
		pg.fill(r.Inset(m.frame), false)
	case dashed:
		dash := max(m.margin, 8)
		top.Max.Y, bottom.Min.Y = top.Max.Y+m.rule, bottom.Min.Y-m.rule
		for x := r.Min.X; x < r.Max.X; x += 2 * dash {
			for _, line := range []image.Rectangle{top, bottom} {
				line.Min.X, line.Max.X = x, x+dash
				pg.fill(line, true)
			}
		}
	default:
		pg.fill(top, true)
		pg.fill(bottom, true)
	}
}

// timeBlock is the right part of a band, measured.
type timeBlock struct {
	label, time          string
	labelFace, timeFace  *typeset.Face
	width, labelW, timeW int
}

// timeBlock measures the label above the time; a time in words may become
// smaller until it takes at most half of the band.
func (pg *page) timeBlock(b bandText, r image.Rectangle) timeBlock {
	m, width := &pg.m, r.Dx()
	t := timeBlock{label: b.label, time: b.time}
	if b.time == "" {
		return t
	}
	labelWeight := typeset.Regular
	if m.class == small && (b.shape == solid || b.shape == split) {
		labelWeight = typeset.Bold // thin white strokes fill in
	}
	t.labelFace = pg.face(labelWeight, m.label)
	air := m.air()
	if b.shape == framed {
		air = 1 // the frame is black enough to stand off
	}
	size := m.time
	for {
		t.timeFace = pg.face(typeset.Bold, size)
		t.timeW = t.timeFace.Measure(b.time)
		if t.timeW <= width/2 && (b.label == "" || pg.blockHeight(&t)+2*air <= r.Dy()) || size <= m.label {
			break
		}
		size = max(size*7/8, m.label)
	}
	t.labelW = t.labelFace.Measure(b.label)
	t.width = max(t.labelW, t.timeW)
	return t
}

// labelGap is the space between label and time: a label may have descenders. On
// small signs it is no more than these need.
func (pg *page) labelGap(t *timeBlock) int {
	under := max(t.labelFace.Bounds(t.label).Max.Y, 0)
	over := max(-t.timeFace.Bounds(t.time).Min.Y-t.timeFace.Cap, 0) // scripts that rise above our capitals
	gap := t.labelFace.Size * 2 / 5
	if pg.m.class == small {
		gap = 4
	}
	return max(gap, under+over+2)
}

// blockHeight is the height of label and time from cap to base line.
func (pg *page) blockHeight(t *timeBlock) int {
	return t.labelFace.Cap + pg.labelGap(t) + t.timeFace.Cap
}

// drawBlock draws label and time right-aligned, centred as one in height.
func (pg *page) drawBlock(t timeBlock, r image.Rectangle, mode mono.Mode) {
	if t.time == "" {
		return
	}
	if t.label == "" {
		pg.putRight(t.timeFace, r.Max.X, middleLine(r, t.timeFace.Cap), t.time, mode)
		return
	}
	height := pg.blockHeight(&t)
	top := (r.Min.Y + r.Max.Y - height + 1) / 2
	pg.putRight(t.labelFace, r.Max.X, top+t.labelFace.Cap, t.label, mode)
	pg.putRight(t.timeFace, r.Max.X, top+height, t.time, mode)
}

// wordFace chooses the size of the state word: the largest at which free and
// booked both fit beside a time, so that the word does not jump between states,
// and at which this word fits. Nil when no size fits.
func (pg *page) wordFace(b bandText, r image.Rectangle, block int) *typeset.Face {
	m, width := &pg.m, r.Dx()
	gap := 2 * m.gap
	usual := pg.face(typeset.Bold, m.time).Measure(pg.clock(13*60 + 30))
	for _, size := range m.words {
		f := pg.face(typeset.Bold, size)
		if ink := f.Bounds(b.word).Add(image.Pt(0, middleLine(r, f.Cap))); ink.Min.Y < r.Min.Y+m.rule || ink.Max.Y > r.Max.Y-m.rule {
			continue
		}
		fits := func(s string, beside int) bool {
			if beside > 0 {
				beside += gap
			}
			return f.Measure(s)+beside <= width
		}
		if !b.code && (!fits(pg.text("sign.free"), usual) || !fits(pg.text("sign.booked"), usual)) && size > m.words[len(m.words)-1] {
			continue
		}
		if fits(b.word, block) {
			return f
		}
	}
	return nil
}

// stackedBand puts the word above "until 13:00": for narrow panels. A time is
// never cut: the line becomes smaller, or label and time take a line each.
func (pg *page) stackedBand(r image.Rectangle, b bandText, mode mono.Mode) {
	m := &pg.m
	upper, lower := r, r
	upper.Max.Y = r.Min.Y + r.Dy()*9/16
	if b.time == "" && b.label == "" {
		upper.Max.Y = r.Max.Y
	}
	lines := pg.stackLines(b, r.Dx())
	if len(lines) == 2 {
		upper.Max.Y = r.Min.Y + r.Dy()*2/5
	}
	lower.Min.Y = upper.Max.Y
	if b.code {
		pg.stackedCode(r, b.word)
		return
	}
	if m.edge < m.w && len(lines) == 1 {
		pg.tightBand(r, b, lines[0], mode)
		return
	}
	word := pg.largest(b.word, upper, m.words)
	if b.shape == split {
		lower.Min.Y = lower.Min.Y / 4 * 4
		pg.fill(image.Rect(0, lower.Min.Y, m.edge, r.Max.Y), true)
		mode = mono.Or
	}
	pg.word(word, upper, upper.Dx(), b, mode)
	if b.shape == split {
		mode = mono.AndNot
	}
	height := lower.Dy() / max(len(lines), 1)
	for i, line := range lines {
		part := image.Rect(r.Min.X, lower.Min.Y+i*height, r.Max.X, lower.Min.Y+(i+1)*height)
		sizes := []int{m.time, m.time * 7 / 8, m.time * 3 / 4, m.time * 5 / 8, m.label}
		if i < len(lines)-1 {
			sizes = sizes[len(sizes)-1:] // a label alone
		}
		f := pg.largest(line, part, sizes)
		pg.putRight(f, r.Max.X, middleLine(part, f.Cap), line, mode)
	}
}

// tightBand puts the word above "until 13:00" where a code takes the rest of a
// small sign: only capitals are centred, a descender may reach between the lines.
func (pg *page) tightBand(r image.Rectangle, b bandText, line string, mode mono.Mode) {
	m := &pg.m
	below := pg.face(typeset.Bold, m.label)
	air := m.air()
	upper := image.Rect(r.Min.X, r.Min.Y+air, r.Max.X, r.Max.Y-2*air-below.Cap)
	word := below
	for _, size := range m.words {
		f := pg.face(typeset.Bold, size)
		ink := f.Bounds(b.word).Add(image.Pt(r.Min.X, middleLine(upper, f.Cap)))
		under := below.Bounds(line).Add(image.Pt(r.Max.X-below.Measure(line), r.Max.Y-air))
		if f.Cap <= upper.Dy()-2*air && f.Measure(b.word) <= upper.Dx() && !ink.Overlaps(under) {
			word = f
			break
		}
	}
	pg.put(word, r.Min.X, middleLine(upper, word.Cap), b.word, mode)
	if b.shape == split {
		pg.fill(image.Rect(0, upper.Max.Y, m.edge, r.Max.Y+m.rule), true)
		mode = mono.AndNot
	}
	pg.putRight(below, r.Max.X, r.Max.Y-air, line, mode)
}

// stackedCode puts the two halves of a pairing code above each other.
func (pg *page) stackedCode(r image.Rectangle, code string) {
	upper, lower := r, r
	upper.Max.Y = (r.Min.Y + r.Max.Y) / 2
	lower.Min.Y = upper.Max.Y
	first, second, _ := strings.Cut(code, " ")
	f := pg.largest(first, upper, pg.m.words)
	if g := pg.largest(second, lower, pg.m.words); g.Size < f.Size {
		f = g
	}
	pg.put(f, r.Min.X, middleLine(upper, f.Cap), first, mono.Or)
	pg.put(f, r.Min.X, middleLine(lower, f.Cap), second, mono.Or)
}

// stackLines is the label with the time, or one line each where they do not fit
// one at the size of labels.
func (pg *page) stackLines(b bandText, width int) []string {
	out := pg.stackBuf[:0]
	switch {
	case b.time == "":
		return nil
	case b.label == "":
		return append(out, b.time)
	}
	line := pg.phrase(b.label, " ", b.time)
	if pg.face(typeset.Bold, pg.m.label).Measure(line) <= width {
		return append(out, line)
	}
	return append(out, b.label, b.time)
}

// largest returns the first bold face of sizes at which a line fits a
// rectangle, or a smaller one that is made to fit its width. There is room for
// a descender even in a line without, so that words do not differ in size.
func (pg *page) largest(s string, r image.Rectangle, sizes []int) *typeset.Face {
	var f *typeset.Face
	for _, size := range sizes {
		f = pg.face(typeset.Bold, size)
		ink := f.Bounds("Hg").Union(f.Bounds(s)).Add(image.Pt(0, middleLine(r, f.Cap)))
		if f.Measure(s) <= r.Dx() && ink.Min.Y >= r.Min.Y+pg.m.air() && ink.Max.Y <= r.Max.Y-pg.m.air()/2 {
			return f
		}
	}
	for size := f.Size; (f.Measure(s) > r.Dx() || f.Bounds(s).Dy() > r.Dy()-2) && size > typeset.MinSize; size-- {
		f = pg.face(typeset.Bold, size)
	}
	return f
}
