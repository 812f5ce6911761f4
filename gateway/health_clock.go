package gateway

import (
	"time"

	"doorleaf/devices"
)

// clockSeen is how far a sign's clock was off when it could be told.
type clockSeen struct {
	off   time.Duration // positive: late
	times int           // in a row
}

// How a clock is judged. A sign that follows its timeline flips on the minute,
// and one that sleeps calls when it was told to; drawing and connecting take
// their time, and one late call may be a bad network.
const (
	drawTime     = 45 * time.Second // the slowest panels take half a minute
	connectTime  = 60 * time.Second
	clockOffBy   = time.Minute
	clockOffMost = 3 * time.Hour // more is a missed call, not a clock
	clockTimes   = 3             // in a row until it counts
)

// seeClock learns from a report how far the sign's clock is off, if it tells.
func (e *signEntry) seeClock(r devices.Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	off, told := clockOff(r, e.want, e.promise)
	switch {
	case !told:
	case off == 0:
		e.clock = clockSeen{}
	default:
		if e.clock.times > 0 && (e.clock.off > 0) != (off > 0) {
			e.clock.times = 0 // now this way, now that: not a clock that runs wrong
		}
		e.clock.off, e.clock.times = off, e.clock.times+1
	}
}

// isOff is how far the clock is off, 0 when it is right or not known.
func (s clockSeen) isOff() time.Duration {
	if s.times < clockTimes {
		return 0
	}
	return s.off
}

// clockOff reads one report: told is false when it says nothing of the clock, off
// is 0 within what drawing, connecting and the jitter explain.
func clockOff(r devices.Report, w *Want, promise time.Time) (off time.Duration, told bool) {
	switch {
	case r.Kind == devices.ShownReport && r.WakeReason == devices.WakeFlip && w != nil && r.Epoch == w.Epoch && r.Seq == w.Seq:
		for _, s := range w.Steps {
			d := r.Received.Sub(s.From)
			if s.Digest == r.Shown && d > -clockOffMost && d < clockOffMost && (!told || d.Abs() < off.Abs()) {
				off, told = d, true
			}
		}
		if off > 0 {
			off = max(off-drawTime, 0)
		}
	case r.Kind == devices.HelloReport && r.WakeReason == devices.WakeTimer && !r.Hardware.AlwaysOn && !promise.IsZero():
		off = r.Received.Sub(promise)
		if off > 0 {
			off = max(off-wakeJitter-connectTime, 0)
		}
		told = off.Abs() < clockOffMost
	}
	if !told || off.Abs() < clockOffBy {
		return 0, told
	}
	return off, true
}
