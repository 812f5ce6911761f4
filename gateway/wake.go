package gateway

import (
	"context"
	"hash/fnv"
	"slices"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/energy"
	"doorleaf/render"
)

// sleepHorizon is how far the timeline of a sleeping sign reaches: past the
// longest sleep of a day, and half a day more in case the next call fails.
const sleepHorizon = 36 * time.Hour

// sleepReserve is how much of a timeline must be left when a sign calls next.
const sleepReserve = 6 * time.Hour

// reach is how far a sign's timeline is planned ahead.
func reach(s Sign) time.Duration {
	if s.Hardware.AlwaysOn {
		return horizon
	}
	return sleepHorizon
}

// office is when people are there, by the site's settings.
func (s Site) office() energy.Office {
	o := energy.Weekdays(time.Duration(s.DayStart)*time.Minute, time.Duration(s.DayEnd)*time.Minute)
	if len(s.Days) > 0 {
		o.Days = [7]bool{}
		for _, d := range s.Days {
			o.Days[d] = true
		}
	}
	return o
}

// works reports whether people are in the office at a local time.
func (s Site) works(local time.Time) bool { return s.office().At(local) }

// callFacts is what is remembered of a sign for planning its calls; it is found
// out once a day.
type callFacts struct {
	day     int64   // days since 1970, 0 for never
	left    float64 // part of the battery that is left, negative when unknown
	changes float64 // unplanned changes of its room on a working day
	life    energy.Forecast
}

// changesOver is how far back changes of a room are counted.
const changesOver = 14 * 24 * time.Hour

// factsOf returns what is known for planning a sign's calls.
func (c *Core) factsOf(ctx context.Context, id devices.SignID, now time.Time) callFacts {
	e := c.signs.entry(id)
	e.mu.Lock()
	f := e.facts
	e.mu.Unlock()
	today := now.Unix() / 86400
	if f.day >= today { // a call of an earlier day is reckoned with what is known now
		return f
	}
	f = callFacts{day: today, left: -1, changes: -1}
	if list, err := c.store.Decisions(ctx, id, 500); err == nil {
		f.changes = changesADay(list, now)
	}
	if life, err := c.batteryOf(ctx, id); err == nil && life.LeftError > 0 {
		f.left, f.life = life.Left, life.Forecast
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.facts = f
	return f
}

// changesADay counts how often a sign's calendar changed on a working day, from
// its decisions, newest first; negative when less than a week is known.
func changesADay(list []Decision, now time.Time) float64 {
	if len(list) == 0 {
		return -1
	}
	known := min(now.Sub(list[len(list)-1].At), changesOver)
	if known < changesOver/2 {
		return -1
	}
	n := 0
	for _, d := range list {
		if d.Reason == Changed && now.Sub(d.At) < known {
			n++
		}
	}
	return float64(n) / (known.Hours() / 24 * 5 / 7)
}

// nextCall is when a sign should call after now. Signs that are always on say
// hello at fixed intervals; those that sleep are planned, each in a place of its
// own. w is the timeline they leave with, nil when there is none.
func (c *Core) nextCall(ctx context.Context, s Sign, site Site, loc *time.Location, w *Want, now time.Time) time.Time {
	if s.Hardware.AlwaysOn {
		return checkIn(site, loc, now)
	}
	if w != nil && w.Partial && !w.At.After(now) {
		return w.callForRest(now)
	}
	facts := c.factsOf(ctx, s.ID, now)
	return energy.Call{
		Office: site.office(), Zone: loc, Late: site.CheckIn, Sign: place(s.ID),
		Left: facts.left, Begins: begins(w), Changes: facts.changes,
	}.Next(now)
}

// place spreads signs: a number that differs between them.
func place(id devices.SignID) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id)) // never fails
	return h.Sum64()
}

// begins are the moments at which meetings begin in a timeline.
func begins(w *Want) []time.Time {
	if w == nil {
		return nil
	}
	var list []time.Time
	for _, s := range w.Steps {
		if s.State == string(render.Booked) {
			list = append(list, s.From)
		}
	}
	return slices.CompactFunc(list, time.Time.Equal)
}

// callOf is nextCall for a sign that is known by its name only.
func (c *Core) callOf(ctx context.Context, id devices.SignID, site Site, w *Want, now time.Time) time.Time {
	s, err := c.store.Sign(ctx, id)
	if err != nil {
		return checkIn(site, site.Location(), now)
	}
	return c.nextCall(ctx, s, site, c.zoneAt(ctx, s.Room, site), w, now)
}

// lateSince is when a sleeping sign counts as late: after its promised contact,
// the jitter it was given, and what its clock may be off after a long sleep. A
// clock without a crystal is off by a hundredth or two.
func lateSince(v DoorView) time.Time {
	slept := max(v.NextContact.Sub(v.Status.LastSeen), 0)
	return v.NextContact.Add(wakeJitter + lateGrace + slept/50)
}
