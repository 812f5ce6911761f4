package render

import "math"

// class is the size class of a panel by its diagonal.
type class uint8

const (
	small  class = iota // below 4 inches
	medium              // below 6.5 inches
	large
)

// metrics are the sizes of one panel's face in pixels. The base sheets (small
// 296x128, medium 400x300, large 800x480) are scaled in eighths and raised until
// an agenda row can be read at arm's length.
type metrics struct {
	class    class
	portrait bool
	w, h     int
	edge     int // right end of band and body; left of w where a code takes the whole height
	foot     int // lower end of the body

	margin, gap         int
	header, band, rule  int // heights; rule is the thickness of a band's rules
	name, date          int // type sizes in px per em
	words               []int
	label, time         int
	titles              []int
	titleLines          int
	organizer, row      int
	rowPitch            int
	bar, tick, barLabel int // the day bar's parts; bar 0 for none
	frame               int // of the check-in band
	qrModule, qrMinimum int // pixels per module of a QR code
}

// measure chooses the sizes for a panel.
func measure(p Panel) metrics {
	dpi := p.DPI
	if dpi <= 0 {
		dpi = 125
	}
	m := metrics{w: p.Width, h: p.Height, edge: p.Width, foot: p.Height, portrait: p.Height > p.Width}
	inches := math.Hypot(float64(p.Width), float64(p.Height)) / float64(dpi)
	switch {
	case inches < 4:
		m.class = small
	case inches < 6.5:
		m.class = medium
	default:
		m.class = large
	}
	base := m.base()
	m.fill(base, m.scale(base, dpi))
	m.qrModule = max((dpi*9+253)/254, 3) // 0.9 mm
	m.qrMinimum = max((dpi*6+253)/254, 3)
	return m
}

// sheet is a base sheet: sizes at scale 1.
type sheet struct {
	w, h, margin, gap, header, band, rule, frame   int
	name, date, label, time, organizer, row, pitch int
	words, titles                                  []int
	titleLines, bar, tick, barLabel                int
	capTenthMM                                     int // smallest height of a row's capital in 1/10 mm
}

func (m *metrics) base() sheet {
	switch m.class {
	case small:
		return sheet{w: 296, h: 128, margin: 8, gap: 4, header: 20, band: 56, rule: 2, frame: 6, name: 16, date: 16, label: 16, time: 32,
			organizer: 16, row: 16, pitch: 20, words: []int{44, 40, 36, 32, 28, 24, 20}, titles: []int{20, 18, 16}, titleLines: 3, capTenthMM: 25}
	case medium:
		return sheet{w: 400, h: 300, margin: 16, gap: 8, header: 40, band: 96, rule: 3, frame: 8, name: 24, date: 18, label: 20, time: 48,
			organizer: 20, row: 20, pitch: 26, words: []int{72, 64, 56, 48, 40, 34, 28}, titles: []int{26, 22}, titleLines: 2, bar: 12, tick: 4, barLabel: 13, capTenthMM: 29}
	default:
		return sheet{w: 800, h: 480, margin: 24, gap: 16, header: 64, band: 160, rule: 4, frame: 16, name: 36, date: 24, label: 28, time: 80,
			organizer: 28, row: 26, pitch: 40, words: []int{128, 112, 96, 80, 64, 52, 44}, titles: []int{40, 34, 30, 26}, titleLines: 3, bar: 20, tick: 4, barLabel: 18, capTenthMM: 33}
	}
}

// scale returns the scale in eighths.
func (m *metrics) scale(b sheet, dpi int) int {
	bw, bh := b.w, b.h
	if m.portrait {
		bw, bh = bh*9/8, bw*3/4 // the blocks stand above each other
	}
	s := max(min(8*m.w/bw, 8*m.h/bh), 4)
	most := max(8*m.h*10/(bh*9), s) // the body may become tighter, not vanish
	for s < most && b.row*s*714*254 < b.capTenthMM*8*1000*dpi {
		s++
	}
	return s
}

func (m *metrics) fill(b sheet, s int) {
	px := func(v int) int { return (v*s + 4) / 8 }
	grid := func(v int) int { return max((v*s/8+4)/8*8, 8) }
	all := func(vs []int) []int {
		out := make([]int, len(vs))
		for i, v := range vs {
			out[i] = px(v)
		}
		return out
	}
	m.margin, m.gap = grid(b.margin), max(px(b.gap), 4)
	m.header, m.rule, m.frame = (px(b.header)+3)/4*4, max(px(b.rule), 2), grid(b.frame)
	m.band = grid(b.band)
	if m.portrait {
		m.band = m.band * 5 / 4 / 8 * 8
		if m.class == small { // three lines in the band, two in the header
			m.band, m.header = m.band*3/2/8*8, m.header*2
		}
	}
	m.name, m.date, m.label, m.time = px(b.name), px(b.date), px(b.label), px(b.time)
	m.words, m.titles, m.titleLines = all(b.words), all(b.titles), b.titleLines
	if m.portrait && m.class == small {
		m.titleLines++
	}
	m.organizer, m.row, m.rowPitch = px(b.organizer), px(b.row), px(b.pitch)
	m.bar, m.tick, m.barLabel = px(b.bar), px(b.tick), max(px(b.barLabel), 13)
	if b.bar == 0 {
		m.barLabel = 0
	}
}

// air is the least white between a band's rules and what stands in it.
func (m *metrics) air() int { return max(m.rule, 3) }

// barBlock is the height of the day bar with ticks and labels, 0 for none.
func (m *metrics) barBlock() int {
	if m.bar == 0 {
		return 0
	}
	return m.bar + m.tick + m.barLabel + m.gap/2
}
