package energy

import (
	"encoding/binary"
	"time"
)

// Call is what decides when a sleeping sign calls next.
type Call struct {
	Office   Office
	Zone     *time.Location // of the room; nil means UTC
	Interval time.Duration  // wanted between contacts in office hours
	Sign     uint64         // spreads signs: any number that differs between them
	Left     float64        // part of the battery that is left, 0 to 1; negative when unknown
	Busy     []time.Time    // moments of this day at which the calendar changes for sure; unused ones may be past
	Quiet    bool           // no change without notice was seen in this room for weeks
}

// The bounds of a call's interval.
const (
	shortest = time.Minute
	longest  = 24 * time.Hour
)

// Next returns when the sign should call after now, whole seconds, at least a
// minute and at most a day ahead. In office hours it is Interval, twice that for
// a quiet room, and longer for a battery that runs low; the last call of a day
// comes just after its end and fetches the evening. Outside working hours it is the call before the next opening, and at least one a day. Every
// sign has its own place in the interval, so that they never call together.
func (c Call) Next(now time.Time) time.Time {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	local := now.In(zone)
	every := c.interval()
	if c.Office.isOpen(local) {
		// The grid of this sign: multiples of the interval, shifted by its place.
		place := time.Duration(c.Sign % uint64(every/time.Second) * uint64(time.Second))
		next := now.Truncate(every).Add(place)
		for next.Sub(now) < max(every/2, shortest) {
			next = next.Add(every)
		}
		if c.Office.isOpen(next.In(zone)) {
			return next.Truncate(time.Second)
		}
		return c.closing(local).Add(c.early()).Truncate(time.Second)
	}
	open := c.opening(local)
	next := open.Add(-c.early())
	if next.Sub(now) < shortest {
		next = c.opening(open.Add(time.Minute)).Add(-c.early())
		if place := now.Add(every); place.Before(next) {
			next = place
		}
	}
	if next.Sub(now) > longest {
		next = now.Add(longest - c.early())
	}
	return next.Truncate(time.Second)
}

// interval stretches the wanted interval for quiet rooms and weak batteries.
func (c Call) interval() time.Duration {
	every := min(max(c.Interval, shortest), longest)
	if c.Quiet {
		every *= 2
	}
	switch {
	case c.Left < 0:
	case c.Left < 0.05:
		every *= 4
	case c.Left < 0.15:
		every *= 2
	}
	return min(every, longest)
}

// early is how far from a fixed moment this sign calls: 1 to 20 minutes.
func (c Call) early() time.Duration {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], c.Sign)
	h := uint64(14695981039346656037)
	for _, x := range b {
		h = (h ^ uint64(x)) * 1099511628211
	}
	return time.Minute + time.Duration(h%uint64(19*60))*time.Second
}

// opening is the next moment at which the office opens after t.
func (c Call) opening(t time.Time) time.Time {
	for day := range 8 {
		at := onDay(t, day, c.Office.Open)
		if c.Office.Days[at.Weekday()] && at.After(t) {
			return at
		}
	}
	return t.Add(longest)
}

func (c Call) closing(t time.Time) time.Time { return onDay(t, 0, c.Office.Close) }

// onDay is a clock time so many days after t's day; a clock time that the change
// to summer time skips is the moment after the gap.
func onDay(t time.Time, days int, clock time.Duration) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d+days, 0, int(clock/time.Minute), 0, 0, t.Location())
}

// Retry is how long a sign waits after its n-th failure in a row, from 1: it
// backs off to hours, because retries empty batteries faster than any plan. The
// place spreads signs over a quarter of the wait.
func Retry(n int, sign uint64) time.Duration {
	steps := []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour}
	wait := steps[min(max(n, 1), len(steps))-1]
	return wait + time.Duration(sign%1000)*(wait/4)/1000
}
