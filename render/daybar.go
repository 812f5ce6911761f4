package render

import (
	"image"
	"strconv"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// dayBar draws the occupancy of the working hours: booked solid, held hatched,
// free white, a gap between neighbours, ticks and hours below. It has no mark
// for now: that would lie as soon as it was drawn.
func (pg *page) dayBar(r image.Rectangle) {
	m, day := &pg.m, pg.d.Day
	line := max(m.rule/2, 1)
	bar := image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+m.bar)
	pg.img.Fill(bar, true)
	pg.img.Fill(bar.Inset(line), false)
	length := int(day.End - day.Start)
	at := func(c Clock) int {
		return bar.Min.X + (bar.Dx()-1)*(int(min(max(c, day.Start), day.End)-day.Start))/length
	}
	for _, b := range day.Blocks {
		block := image.Rect(at(b.Start), bar.Min.Y, at(b.End), bar.Max.Y)
		if block.Dx() < 1 {
			continue
		}
		if b.Start > day.Start {
			block.Min.X++
		}
		if b.End < day.End {
			block.Max.X--
		}
		if b.Tentative {
			pg.img.Hatch(block.Intersect(bar.Inset(line)), 2*line, 2*line)
		} else {
			pg.img.Fill(block, true)
		}
	}
	pg.hours(bar, at, line)
}

// hours draws ticks and labels: every second hour on large signs, the ends and
// the middle on medium ones.
func (pg *page) hours(bar image.Rectangle, at func(Clock) int, line int) {
	m, day := &pg.m, pg.d.Day
	f := pg.face(typeset.Regular, m.barLabel)
	first, last := (int(day.Start)+59)/60, int(day.End)/60
	step := 2
	if m.class == medium {
		step = max((last-first+1)/2, 1)
	}
	for h := first; h <= last; h += step {
		x := at(Clock(h * 60))
		pg.img.Fill(image.Rect(x, bar.Max.Y, x+line, bar.Max.Y+m.tick), true)
		label := strconv.Itoa(h)
		if pg.d.Hour12 {
			label = strconv.Itoa((h+11)%12 + 1)
		}
		w := f.Measure(label)
		left := min(max(x-w/2, bar.Min.X), bar.Max.X-w)
		pg.put(f, left, bar.Max.Y+m.tick+2+f.Cap, label, mono.Or)
	}
}
