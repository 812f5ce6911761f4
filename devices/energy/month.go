package energy

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Scheme is when a sign calls.
type Scheme struct {
	Name     string
	Interval time.Duration // between contacts
	Always   bool          // round the clock; else as Call plans
	Timeline bool          // flips that are known in advance happen without a contact
}

// Office is when people are there.
type Office struct {
	Open, Close time.Duration // after local midnight
	Days        [7]bool       // from Sunday
}

// Weekdays is an office from Monday to Friday.
func Weekdays(open, closes time.Duration) Office {
	return Office{open, closes, [7]bool{1: true, 2: true, 3: true, 4: true, 5: true}}
}

// At reports whether people are there at a local time.
func (o Office) At(t time.Time) bool {
	at := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	return o.Days[t.Weekday()] && at >= o.Open && at < o.Close
}

// Demand is what happens to a room on a working day.
type Demand struct {
	Flips     int // pictures that change at minutes known since the night before
	Unplanned int // changes nobody knew of: bookings and cancellations, at random times
}

// Month is what a month of a sign came to. It counts what a fleet simulator can
// prove; charges follow from it.
type Month struct {
	Days      int
	Use       Use // per day
	Bytes     float64
	Punctual  float64 // share of the planned flips on their minute
	LateP95   time.Duration
	LateMost  time.Duration
	Unplanned int
}

// Sizes of what travels, in bytes: TLS and MQTT with hello, manifest and shown,
// and one picture patch (figures of the wire benchmarks).
const (
	contactBytes   = 2200
	handshakeBytes = 2600
	pictureBytes   = 1500
)

// Simulate runs one month of 30 days from a Monday, minute by minute where
// something happens. Resumed is the share of contacts that resume their TLS
// session. The seed makes it repeatable.
func Simulate(s Scheme, o Office, d Demand, resumed float64, seed uint64) Month {
	rnd := rand.New(rand.NewPCG(seed, 2))
	start := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	const days = 30
	contacts := s.contacts(o, start, days, rnd)
	m := Month{Days: days}
	var late []time.Duration
	var planned, onTime, fetched, awake, alone float64
	next := func(t time.Time) time.Time {
		i, _ := slices.BinarySearchFunc(contacts, t, time.Time.Compare)
		if i == len(contacts) {
			return start.AddDate(0, 0, days)
		}
		return contacts[i]
	}
	for day := range days {
		midnight := start.AddDate(0, 0, day)
		if !o.Days[midnight.Weekday()] {
			continue
		}
		for range d.Flips {
			at := midnight.Add(o.Open + time.Duration(rnd.Int64N(int64((o.Close-o.Open)/(15*time.Minute))))*15*time.Minute)
			planned++
			if s.Timeline {
				alone, onTime, fetched = alone+1, onTime+1, fetched+1
				continue
			}
			awake, fetched = awake+1, fetched+1
			if next(at).Sub(at) < time.Minute {
				onTime++
			}
		}
		for range d.Unplanned {
			at := midnight.Add(o.Open + time.Duration(rnd.Int64N(int64(o.Close-o.Open))))
			late = append(late, next(at).Sub(at))
			awake, fetched = awake+1, fetched+1
			if s.Timeline {
				fetched += 0.5 // what was kept for later is worth less: half of it is sent again
			}
		}
	}
	slices.Sort(late)
	m.Unplanned = len(late)
	if len(late) > 0 {
		m.LateP95, m.LateMost = late[len(late)*95/100], late[len(late)-1]
	}
	if planned > 0 {
		m.Punctual = onTime / planned
	}
	n := float64(len(contacts))
	m.Use = Use{Contacts: n / days, FullHandshakes: n * (1 - resumed) / days, Pictures: fetched / days, FlipsAwake: awake / days, FlipsAlone: alone / days}
	m.Bytes = m.Use.Contacts*contactBytes + m.Use.FullHandshakes*handshakeBytes + m.Use.Pictures*pictureBytes
	return m
}

// contacts are the moments at which a sign calls: every interval round the
// clock, or as Call plans them.
func (s Scheme) contacts(o Office, start time.Time, days int, rnd *rand.Rand) []time.Time {
	end := start.AddDate(0, 0, days)
	var out []time.Time
	if s.Always {
		for t := start.Add(time.Duration(rnd.Int64N(int64(s.Interval)))); t.Before(end); t = t.Add(s.Interval) {
			out = append(out, t)
		}
		return out
	}
	c := Call{Office: o, Late: s.Interval, Sign: rnd.Uint64(), Left: -1, Changes: -1}
	for t := c.Next(start); t.Before(end); t = c.Next(t) {
		out = append(out, t)
	}
	return out
}
