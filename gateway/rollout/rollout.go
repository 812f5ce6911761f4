// Package rollout decides which signs are offered a firmware release, when the
// next stage begins and when to stop by itself: one sign, one in twenty, one in
// four, all. It is pure: no clock, no I/O, nothing kept. Callers may use it from
// several goroutines.
package rollout

import (
	"time"

	"doorleaf/devices"
)

// State says whether signs are offered the release.
type State string

// The states of a rollout.
const (
	Waiting State = "waiting" // uploaded, not started
	Running State = "running"
	Paused  State = "paused"  // by a person
	Stopped State = "stopped" // by itself, Why says why
	Done    State = "done"    // every sign runs it; one that comes later is offered it
)

// Why is why a rollout stopped by itself.
type Why string

// The reasons.
const (
	Failed   Why = "failed"   // signs refused the image or went back to the firmware before
	Silent   Why = "silent"   // signs that were offered it did not call again
	Replaced Why = "replaced" // a newer release of the model was started
)

// Stages is how many there are; Rollout.Stage counts from 0.
const Stages = 4

// share is the part of the signs that a stage may reach, in percent; the first
// stage is one sign.
func share(stage int) int { return [Stages]int{0, 5, 25, 100}[stage] }

// Rollout is one release on its way to the signs of its model.
type Rollout struct {
	Release devices.Release
	Added   time.Time
	State   State
	Why     Why
	Stage   int            // 0 to Stages-1
	Since   time.Time      // the stage began
	Hold    time.Duration  // least time of a stage before the next
	First   devices.SignID // the sign to try it on, "" for the first that calls
}

// Mark is what one sign did with a release. Zero times mean never.
type Mark struct {
	Offered time.Time
	Runs    time.Time // said that it runs this release or a newer one
	Failed  time.Time
	Code    devices.ErrorCode // of Failed; ErrFirmwareRefused does not count against the release
}

// Sign is one sign of the release's model that can be updated.
type Sign struct {
	ID     devices.SignID
	Number uint32 // of the firmware it runs, 0 unknown
	Silent bool   // was to call and did not
	Mark   Mark
}

// Count is where a rollout stands.
type Count struct {
	Signs   int // of the model that can be updated
	Quota   int // that the stage may reach
	Offered int // runs, failed and silent ones included, not those that refused
	Runs    int
	Failed  int
	Refused int // battery too low, or it failed there before
	Silent  int // offered, and not heard of since
}

// Count counts the signs of a rollout.
func (r Rollout) Count(signs []Sign) Count {
	c := Count{Signs: len(signs)}
	for _, s := range signs {
		runs := s.Number >= r.Release.Number
		refused := !runs && s.Mark.Code == devices.ErrFirmwareRefused
		if !refused && (runs || !s.Mark.Offered.IsZero()) {
			c.Offered++
		}
		switch {
		case runs:
			c.Runs++
		case refused:
			c.Refused++
		case !s.Mark.Failed.IsZero():
			c.Failed++
		case !s.Mark.Offered.IsZero() && s.Silent:
			c.Silent++
		}
	}
	c.Quota = c.Signs
	switch r.Stage {
	case 0:
		c.Quota = min(1, c.Signs)
	case Stages - 1:
	default:
		c.Quota = max(1, (c.Signs*share(r.Stage)+99)/100)
	}
	return c
}

// Offers reports whether s is offered the release now, when c counts the signs.
func (r Rollout) Offers(s Sign, c Count) bool {
	switch {
	case r.State != Running && r.State != Done, s.Number >= r.Release.Number, !s.Mark.Failed.IsZero():
		return false
	case !s.Mark.Offered.IsZero():
		return true
	case r.Stage == 0 && r.First != "" && r.First != s.ID:
		return false
	}
	return c.Offered < c.Quota
}

// Next is the rollout as it stands at now, by the signs c counts: stopped when too much went wrong,
// one stage on when all that were offered the release run it and the stage
// lasted, done when every sign runs it. changed is false when it is r.
func (r Rollout) Next(c Count, now time.Time) (next Rollout, changed bool) {
	next = r.next(c, now)
	return next, next.State != r.State || next.Stage != r.Stage
}

func (r Rollout) next(c Count, now time.Time) Rollout {
	if r.State != Running && r.State != Done {
		return r
	}
	if bad := c.Failed + c.Silent; bad > r.tolerated(c) {
		r.State, r.Why = Stopped, Failed
		if c.Failed == 0 {
			r.Why = Silent
		}
		return r
	}
	if r.Stage == Stages-1 {
		if r.State = Running; c.Signs > 0 && c.Runs == c.Signs {
			r.State = Done
		}
		return r
	}
	held := now.Sub(r.Since) >= r.Hold
	if held && c.Runs > 0 && c.Offered >= c.Quota && c.Runs+c.Failed+c.Silent >= c.Offered {
		r.Stage, r.Since = r.Stage+1, now
	}
	return r
}

// tolerated is how many signs may fail: none in the first two stages, then one
// in twenty of those that were offered the release.
func (r Rollout) tolerated(c Count) int {
	if r.Stage < 2 {
		return 0
	}
	return max(1, c.Offered/20)
}
