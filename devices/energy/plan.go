package energy

import (
	"encoding/binary"
	"time"
)

// Call is what decides when a sleeping sign calls next.
type Call struct {
	Office  Office
	Zone    *time.Location // of the room; nil means UTC
	Late    time.Duration  // the most that an unplanned change may wait in office hours
	Sign    uint64         // spreads signs: any number that differs between them
	Left    float64        // part of the battery that is left, 0 to 1; negative when unknown
	Begins  []time.Time    // moments at which meetings begin, in order; those past do not matter
	Changes float64        // unplanned changes of the room on a working day, of late; negative when unknown
}

// The bounds of a call's interval, and what stretches or shortens it.
const (
	shortest = time.Minute
	longest  = 24 * time.Hour

	restless = 4.0             // changes a day from which a room is looked after twice as often
	least    = 5 * time.Minute // but not more often than this
)

// Next returns when the sign should call after now, whole seconds, at least a
// minute and at most a day ahead.
//
// In office hours calls are c.Interval() apart. They come in the third of the
// interval before the round times at which meetings begin, or just before one
// that begins at another time nearby: what is seen last is what will be on the
// glass when people come. The last call of a day comes just after its end and
// fetches the night; outside office hours it is the call before the next
// opening, and one a day. Every sign has its own place, so that they never call
// together.
func (c Call) Next(now time.Time) time.Time {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	local := now.In(zone)
	every := c.Interval()
	if c.Office.At(local) {
		next := c.nearMeeting(c.onGrid(local, every), now, every)
		if c.Office.At(next.In(zone)) {
			return next.Truncate(time.Second)
		}
		return c.closing(local).Add(c.early()).Truncate(time.Second)
	}
	open := c.opening(local)
	next := open.Add(-c.early())
	if next.Sub(now) < shortest { // it called already: the next one is the first of the day
		next = c.onGrid(open.In(zone).Add(-shortest), every)
	}
	if next.Sub(now) > longest {
		next = now.Add(longest - c.early())
	}
	if next.Sub(now) < shortest {
		next = now.Add(shortest)
	}
	return next.Truncate(time.Second)
}

// Interval is the time between two calls in office hours. What may be late at
// most is kept, but for a battery that is almost empty: a sign that is dead
// helps nobody. Restless rooms are looked after twice as often while the battery
// is good.
func (c Call) Interval() time.Duration {
	every := min(max(c.Late, shortest), longest)
	switch {
	case c.Left >= 0 && c.Left < 0.05:
		every *= 4
	case c.Left >= 0 && c.Left < 0.15:
		every *= 2
	case c.Changes >= restless && every/2 >= least && (c.Left < 0 || c.Left > 0.3):
		every /= 2
	}
	return min(every, longest)
}

// onGrid is this sign's next place: multiples of the interval by the clock on
// the wall, less up to a third of it. A place that comes at once is left out.
func (c Call) onGrid(local time.Time, every time.Duration) time.Time {
	h, m, s := local.Clock()
	into := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	place := every - c.before(every)
	next := local.Truncate(time.Second).Add(place - into%every)
	for next.Sub(local) < max(every/6, shortest) {
		next = next.Add(every)
	}
	return next
}

// before is how long before a round time this sign calls: from a minute to a
// third of the interval.
func (c Call) before(every time.Duration) time.Duration {
	room := max(every/3-shortest, time.Second)
	return min(shortest, every/4) + time.Duration(c.hash()%uint64(room/time.Second+1))*time.Second
}

// nearMeeting moves a call to a few minutes before a meeting that begins soon
// before or after it.
func (c Call) nearMeeting(next, now time.Time, every time.Duration) time.Time {
	ahead := min(shortest+time.Duration(c.hash()/7%240)*time.Second, every/6) // 1 to 5 minutes
	for _, b := range c.Begins {
		at := b.Add(-ahead)
		if at.Before(next.Add(-every / 6)) {
			continue
		}
		if at.After(next.Add(every / 6)) {
			break
		}
		if at.Sub(now) >= shortest {
			return at
		}
	}
	return next
}

// early is how far from a fixed moment this sign calls: 1 to 20 minutes.
func (c Call) early() time.Duration {
	return shortest + time.Duration(c.hash()%uint64(19*60))*time.Second
}

// hash spreads numbers that follow each other (FNV-1a).
func (c Call) hash() uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], c.Sign)
	h := uint64(14695981039346656037)
	for _, x := range b {
		h = (h ^ uint64(x)) * 1099511628211
	}
	return h ^ h>>32
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

// Retry is how long a sleeping sign waits after its n-th failure in a row, from
// 1, as SPEC.md asks [DL-TIME-3]: 1 and 2 seconds, then minutes that double up
// to an hour, each shortened by up to half, by the sign's place.
func Retry(n int, sign uint64) time.Duration {
	var wait time.Duration
	if n = max(n, 1); n <= 2 {
		wait = time.Duration(n) * time.Second
	} else {
		wait = min(time.Minute<<min(n-3, 6), time.Hour)
	}
	return wait - time.Duration(sign%1000)*(wait/2)/1000
}
