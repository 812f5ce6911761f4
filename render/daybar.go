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
	bar := image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+pg.m.bar)
	at := pg.along(bar.Min.X, bar.Max.X)
	pg.blocks(bar, at, func(from, to int) image.Rectangle { return image.Rect(from, bar.Min.Y, to, bar.Max.Y) })
	pg.hours(bar, at, max(pg.m.rule/2, 1))
}

// along maps the working hours to pixels from one to another.
func (pg *page) along(from, to int) func(Clock) int {
	day := pg.d.Day
	return func(c Clock) int {
		return from + (to-from-1)*(int(min(max(c, day.Start), day.End)-day.Start))/int(day.End-day.Start)
	}
}

// blocks fills a bar with the day's meetings.
func (pg *page) blocks(bar image.Rectangle, at func(Clock) int, piece func(from, to int) image.Rectangle) {
	day, line := pg.d.Day, max(pg.m.rule/2, 1)
	pg.fill(bar, true)
	pg.fill(bar.Inset(line), false)
	for _, b := range day.Blocks {
		from, to := at(b.Start), at(b.End)
		if to <= from {
			continue
		}
		if b.Start > day.Start {
			from++
		}
		if b.End < day.End {
			to--
		}
		if b.Tentative {
			pg.img.Hatch(pg.at(piece(from, to).Intersect(bar.Inset(line))), 2*line, 2*line)
		} else {
			pg.fill(piece(from, to), true)
		}
	}
}

// hour is the label of a full hour.
func (pg *page) hour(h int) string {
	if pg.d.Hour12 {
		h = (h+11)%12 + 1
	}
	return strconv.Itoa(h)
}

// hourWidth is the width of the widest label of an hour.
func (pg *page) hourWidth() int {
	return pg.face(typeset.Regular, pg.m.barLabel).Measure("00")
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
		pg.fill(image.Rect(x, bar.Max.Y, x+line, bar.Max.Y+m.tick), true)
		label := pg.hour(h)
		w := f.Measure(label)
		left := min(max(x-w/2, bar.Min.X), bar.Max.X-w)
		pg.put(f, left, bar.Max.Y+m.tick+2+f.Cap, label, mono.Or)
	}
}

// uprightDayBar draws the day from top to bottom, hours before it.
func (pg *page) uprightDayBar(bar image.Rectangle) {
	m, day, line := &pg.m, pg.d.Day, max(pg.m.rule/2, 1)
	at := pg.along(bar.Min.Y, bar.Max.Y)
	pg.blocks(bar, at, func(from, to int) image.Rectangle { return image.Rect(bar.Min.X, from, bar.Max.X, to) })
	f := pg.face(typeset.Regular, m.barLabel)
	for h := (int(day.Start) + 59) / 60; h <= int(day.End)/60; h += 2 {
		y := at(Clock(h * 60))
		pg.fill(image.Rect(bar.Min.X-m.tick, y, bar.Min.X, y+line), true)
		baseline := min(max(y+f.Cap/2, bar.Min.Y+f.Cap), bar.Max.Y)
		pg.putRight(f, bar.Min.X-m.tick-2, baseline, pg.hour(h), mono.Or)
	}
}
