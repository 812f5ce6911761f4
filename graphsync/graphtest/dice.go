package graphtest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	diceSingles = 40 // single events kept at most
	diceSeries  = 6
	diceMargin  = 3 // days around the window that events are put into, too
)

// Dice makes random changes in one calendar, for tests that compare a client's
// agenda with Truth afterwards: the same seed, window and clock make the same
// changes. It is meant for an empty calendar that nothing else changes. One
// goroutine at a time.
type Dice struct {
	c        *Calendar
	rng      *rand.Rand
	from, to time.Time // the window that matters
	singles  []string
	series   []string
	made     int
}

// NewDice makes dice for a calendar and a window, an hour long at least. Events
// lie in the window, at its edges and around it. It panics on a shorter window.
func NewDice(c *Calendar, seed uint64, from, to time.Time) *Dice {
	if to.Sub(from) < time.Hour {
		panic("graphtest: the window of the dice is too short")
	}
	return &Dice{c: c, rng: rand.New(rand.NewPCG(seed, 3)), from: from, to: to}
}

// SetWindow moves the window, as a client does day by day.
func (d *Dice) SetWindow(from, to time.Time) { d.from, d.to = from, to }

// Roll makes one change and returns its name, for example "create all-day" or
// "move occurrence". Subjects are numbered, never real.
func (d *Dice) Roll() (string, error) {
	// The first step needs something to work on; a full calendar needs room.
	if len(d.singles) == 0 {
		return d.createSingle()
	}
	if len(d.singles) >= diceSingles {
		return d.deleteSingle()
	}
	switch n := d.rng.IntN(100); {
	case n < 22:
		return d.createSingle()
	case n < 28:
		return d.createSeries()
	case n < 40:
		return d.moveSingle()
	case n < 48:
		return d.awayAndBack()
	case n < 58:
		return d.editSingle()
	case n < 63:
		return "cancel", d.c.Cancel(d.single())
	case n < 72:
		return d.deleteSingle()
	case n < 97 && len(d.series) > 0:
		return d.changeOccurrence()
	case len(d.series) > 0:
		return d.changeSeries()
	}
	return d.editSingle()
}

func (d *Dice) single() string { return d.singles[d.rng.IntN(len(d.singles))] }

// spot draws a time: mostly in the window, at night as often as by day so that
// the days clocks change are met, sometimes across an edge or outside.
func (d *Dice) spot() (start, end time.Time) {
	days := int(d.to.Sub(d.from)/(24*time.Hour)) + 1
	day := dayOf(d.from, d.c.zone).AddDate(0, 0, d.rng.IntN(days+2*diceMargin)-diceMargin)
	at := time.Duration(d.rng.IntN(96)) * 15 * time.Minute
	length := time.Duration(1+d.rng.IntN(12)) * 15 * time.Minute
	switch d.rng.IntN(12) {
	case 0: // across an edge of the window
		edge := d.from
		if d.rng.IntN(2) == 0 {
			edge = d.to
		}
		start = edge.Add(-length / 2)
		return start, start.Add(length)
	case 1: // ends or begins exactly there
		if d.rng.IntN(2) == 0 {
			return d.from.Add(-length), d.from
		}
		return d.to, d.to.Add(length)
	case 2: // an hour that a zone may not have, or have twice
		at = time.Duration(d.rng.IntN(8))*30*time.Minute + 30*time.Minute
	case 3: // over days
		length += time.Duration(d.rng.IntN(3)) * 24 * time.Hour
	case 4: // without length
		length = 0
	}
	start = wall(day, at, d.c.zone).UTC()
	return start, start.Add(length)
}

// event draws everything but the time.
func (d *Dice) event() Event {
	d.made++
	e := Event{Subject: fmt.Sprint("Meeting ", d.made)}
	if d.rng.IntN(4) > 0 {
		n := d.rng.IntN(5)
		e.Organizer = Person{fmt.Sprint("Person ", n), fmt.Sprint("person", n, "@", domainName)}
	}
	d.look(&e)
	return e
}

// look draws status and privacy.
func (d *Dice) look(e *Event) {
	e.ShowAs = []string{"busy", "busy", "busy", "tentative", "free", "oof", "workingElsewhere"}[d.rng.IntN(7)]
	e.Sensitivity = []string{"normal", "normal", "normal", "private", "personal", "confidential"}[d.rng.IntN(6)]
	e.Response = []string{"accepted", "accepted", "tentativelyAccepted", "notResponded", "declined"}[d.rng.IntN(5)]
}

func (d *Dice) createSingle() (string, error) {
	e := d.event()
	e.Start, e.End = d.spot()
	name := "create"
	if d.rng.IntN(6) == 0 {
		e.AllDay, name = true, "create all-day"
		e.End = e.Start.Add(time.Duration(1+d.rng.IntN(3)) * 24 * time.Hour)
	}
	id, err := d.c.tryCreate(e)
	d.singles = append(d.singles, id)
	return name, err
}

func (d *Dice) createSeries() (string, error) {
	if len(d.series) >= diceSeries {
		return "delete series", d.drop(&d.series)
	}
	e := d.event()
	// It begins before the window, in it, or so that it ends in it.
	first := dayOf(d.from, d.c.zone).AddDate(0, 0, d.rng.IntN(16)-12)
	start := wall(first, time.Duration(d.rng.IntN(96))*15*time.Minute, d.c.zone)
	e.Start, e.End = start, start.Add(time.Duration(1+d.rng.IntN(8))*15*time.Minute)
	if d.rng.IntN(8) == 0 {
		e.AllDay, e.End = true, start.AddDate(0, 0, 1)
	}
	days := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	pattern := Pattern{Type: "daily", Interval: 1 + d.rng.IntN(3)}
	switch d.rng.IntN(3) {
	case 0:
		pattern = Pattern{Type: "weekly", Interval: 1, DaysOfWeek: []string{days[first.Weekday()]}, FirstDayOfWeek: "monday"}
	case 1:
		pattern = Pattern{Type: "weekly", Interval: 1 + d.rng.IntN(2), DaysOfWeek: []string{"monday", "wednesday", "friday"}, FirstDayOfWeek: "sunday"}
	}
	e.Recurrence = &Recurrence{Pattern: pattern, Range: Range{Type: "noEnd"}}
	switch d.rng.IntN(3) {
	case 0:
		e.Recurrence.Range = Range{Type: "numbered", NumberOfOccurrences: 1 + d.rng.IntN(20)}
	case 1:
		e.Recurrence.Range = Range{Type: "endDate", EndDate: first.AddDate(0, 0, 7+d.rng.IntN(20)).Format(dateLayout)}
	}
	id, err := d.c.tryCreate(e)
	d.series = append(d.series, id)
	return "create series", err
}

func (d *Dice) moveSingle() (string, error) {
	start, end := d.spot()
	return "move", d.c.Update(d.single(), func(e *Event) { e.AllDay, e.Start, e.End = false, start, end })
}

// awayAndBack moves an event far out of the window, or the one that is there
// into the window again.
func (d *Dice) awayAndBack() (string, error) {
	id := d.single()
	e, err := d.c.Get(id)
	if err != nil {
		return "", err
	}
	far := d.to.Add(30 * 24 * time.Hour)
	if e.Start.After(far) {
		start := d.from.Add(time.Duration(d.rng.IntN(int(d.to.Sub(d.from)/time.Minute))) * time.Minute)
		return "move back", d.c.Move(id, start, start.Add(time.Hour))
	}
	start := far.Add(time.Duration(1+d.rng.IntN(1000)) * time.Hour)
	return "move away", d.c.Update(id, func(e *Event) { e.AllDay, e.Start, e.End = false, start, start.Add(time.Hour) })
}

func (d *Dice) editSingle() (string, error) {
	d.made++
	return "edit", d.c.Update(d.single(), func(e *Event) {
		e.Subject = fmt.Sprint("Meeting ", d.made)
		d.look(e)
	})
}

func (d *Dice) deleteSingle() (string, error) { return "delete", d.drop(&d.singles) }

// drop deletes one of a list.
func (d *Dice) drop(list *[]string) error {
	i := d.rng.IntN(len(*list))
	id := (*list)[i]
	(*list)[i] = (*list)[len(*list)-1]
	*list = (*list)[:len(*list)-1]
	return d.c.Delete(id)
}

// changeOccurrence edits, moves, cancels or deletes one day of a series.
func (d *Dice) changeOccurrence() (string, error) {
	id := d.series[d.rng.IntN(len(d.series))]
	first, days := dayOf(d.from, d.c.zone), int(d.to.Sub(d.from)/(24*time.Hour))+2
	for range days {
		day := first.AddDate(0, 0, d.rng.IntN(days)-1).Format(dateLayout)
		occurrence, err := d.c.OccurrenceID(id, day)
		if err != nil {
			continue // the series does not take place then
		}
		return d.touchDay(id, occurrence)
	}
	return d.editSingle()
}

// touchDay changes one occurrence. Moves stay on its side of the neighbouring
// occurrences, as Exchange demands: within the day in a dense series, up to
// days away in a weekly one.
func (d *Dice) touchDay(series, occurrence string) (string, error) {
	switch d.rng.IntN(5) {
	case 0:
		return "delete occurrence", d.c.Delete(occurrence)
	case 1:
		return "cancel occurrence", d.c.Cancel(occurrence)
	case 2:
		d.made++
		return "edit occurrence", d.c.Update(occurrence, func(e *Event) {
			e.Subject = fmt.Sprint("Meeting ", d.made)
			d.look(e)
		})
	}
	master, err := d.c.Get(series)
	if err != nil {
		return "", err
	}
	shift := time.Duration(d.rng.IntN(9)-4) * 15 * time.Minute
	if p := master.Recurrence.Pattern; p.Type == "weekly" && len(p.DaysOfWeek) == 1 && !master.AllDay {
		shift += time.Duration(d.rng.IntN(11)-5) * 24 * time.Hour
	}
	original, err := d.c.original(occurrence)
	if err != nil {
		return "", err
	}
	return "move occurrence", d.c.Update(occurrence, func(e *Event) {
		e.AllDay, e.Start, e.End = false, original.Start.Add(shift), original.End.Add(shift)
	})
}

// changeSeries edits, moves or deletes a whole series; moving drops exceptions.
func (d *Dice) changeSeries() (string, error) {
	id := d.series[d.rng.IntN(len(d.series))]
	switch d.rng.IntN(3) {
	case 0:
		return "delete series", d.drop(&d.series)
	case 1:
		d.made++
		return "edit series", d.c.Update(id, func(e *Event) { e.Subject = fmt.Sprint("Meeting ", d.made) })
	}
	return "move series", d.c.Update(id, func(e *Event) {
		if !e.AllDay {
			shift := time.Duration(1+d.rng.IntN(8)) * 15 * time.Minute
			e.Start, e.End = e.Start.Add(shift), e.End.Add(shift)
		}
	})
}

// original is an occurrence as its series has it.
func (c *Calendar) original(id string) (Event, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	it, day := c.find(id)
	if it == nil || day == "" {
		return Event{}, c.unknown(id)
	}
	date, err := time.Parse(dateLayout, day)
	if err != nil {
		return Event{}, c.unknown(id)
	}
	return it.on(date, it.zone).event, nil
}

// tryCreate is Create with an error instead of a panic.
func (c *Calendar) tryCreate(e Event) (string, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	it, err := c.add(e)
	if err != nil {
		return "", err
	}
	return idOf(it.key, "", true), nil
}
