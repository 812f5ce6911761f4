package graphtest

import (
	"slices"
	"strings"
	"time"
)

// between lists the single events, occurrences and exceptions that overlap
// from..to, in no particular order (singles and series as created).
func (c *Calendar) between(from, to time.Time) []instance {
	var list []instance
	for _, it := range c.items {
		list = append(list, it.between(from, to)...)
	}
	return list
}

// between expands one item.
func (it *item) between(from, to time.Time) []instance {
	if it.event.Recurrence == nil {
		if !overlaps(it.event, from, to) {
			return nil
		}
		return []instance{{item: it, kind: "singleInstance", event: it.event.clone()}}
	}
	var list []instance
	zone := it.zone
	// Zones differ by less than a day from UTC, on either side.
	last := dayOf(to.Add(24*time.Hour), zone)
	for date := range it.event.Recurrence.dates(last) {
		day := date.Format(dateLayout)
		if _, edited := it.edits[day]; edited || it.gone[day] {
			continue
		}
		if in := it.on(date, zone); overlaps(in.event, from, to) {
			list = append(list, in)
		}
	}
	for day, e := range it.edits {
		if overlaps(e, from, to) {
			list = append(list, instance{item: it, day: day, kind: "exception", event: e.clone()})
		}
	}
	slices.SortFunc(list, func(a, b instance) int { return strings.Compare(a.day, b.day) })
	return list
}

// on is the plain occurrence of a day.
func (it *item) on(date time.Time, zone *time.Location) instance {
	e := it.event.clone()
	e.Recurrence = nil
	if e.AllDay {
		span := int(dayOf(e.End, zone).Sub(dayOf(e.Start, zone)) / (24 * time.Hour))
		e.Start, e.End = wall(date, 0, zone).UTC(), wall(date.AddDate(0, 0, span), 0, zone).UTC()
	} else {
		length := e.End.Sub(e.Start)
		e.Start = wall(date, clockOf(it.event.Start, zone), zone).UTC()
		e.End = e.Start.Add(length)
	}
	return instance{item: it, day: date.Format(dateLayout), kind: "occurrence", event: e}
}

// at is an item (day "") or one day of it.
func (c *Calendar) at(it *item, day string) instance {
	switch {
	case day == "" && it.event.Recurrence == nil:
		return instance{item: it, kind: "singleInstance", event: it.event.clone()}
	case day == "":
		return it.master()
	}
	if e, edited := it.edits[day]; edited {
		return instance{item: it, day: day, kind: "exception", event: e.clone()}
	}
	date, _ := time.Parse(dateLayout, day) // find has checked it
	return it.on(date, it.zone)
}

// master is the series itself, with the dates of its first occurrence.
func (it *item) master() instance {
	e := it.event.clone()
	zone := it.zone
	for date := range it.event.Recurrence.dates(dayOf(e.Start, zone).AddDate(10, 0, 0)) {
		first := it.on(date, zone).event
		e.Start, e.End = first.Start, first.End
		break
	}
	return instance{item: it, kind: "seriesMaster", event: e}
}

// takesPlace tells whether a series has an occurrence or exception on a day.
func (it *item) takesPlace(day string) bool {
	date, err := time.Parse(dateLayout, day)
	if err != nil || it.event.Recurrence == nil || it.gone[day] {
		return false
	}
	for d := range it.event.Recurrence.dates(date) {
		if d.Equal(date) {
			return true
		}
	}
	return false
}

// overlaps tells whether an event takes place in from..to; an event without
// length counts where it stands.
func overlaps(e Event, from, to time.Time) bool {
	if e.Start.Equal(e.End) {
		return !e.Start.Before(from) && e.Start.Before(to)
	}
	return e.Start.Before(to) && e.End.After(from)
}

// crosses tells whether a day of a series, changed to e, would overlap or pass
// its neighbours; Exchange refuses that.
func (it *item) crosses(day string, e Event) bool {
	date, err := time.Parse(dateLayout, day)
	if err != nil {
		return false
	}
	var before *Event
	for d := range it.event.Recurrence.dates(date.AddDate(2, 0, 0)) {
		key := d.Format(dateLayout)
		if key == day || it.gone[key] {
			continue
		}
		other, edited := it.edits[key]
		if !edited {
			other = it.on(d, it.zone).event
		}
		if d.After(date) {
			return e.End.After(other.Start) || before != nil && e.Start.Before(before.End)
		}
		before = &other
	}
	return before != nil && e.Start.Before(before.End)
}
