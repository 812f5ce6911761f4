package gateway

import (
	"time"

	"doorleaf/devices"
)

// clockTolerance is how far a sign's clock may be off around a flip before its
// picture counts as wrong.
const clockTolerance = 90 * time.Second

// stepAt returns the step of w that is due at t, nil before the first and after
// the last.
func (w *Want) stepAt(t time.Time) *WantStep {
	for i := range w.Steps {
		if s := &w.Steps[i]; !t.Before(s.From) && t.Before(s.Until) {
			return s
		}
	}
	return nil
}

// end is when the timeline runs out.
func (w *Want) end() time.Time {
	if len(w.Steps) == 0 {
		return time.Time{}
	}
	return w.Steps[len(w.Steps)-1].Until
}

// startsAfter reports whether the first step of w is later than t.
func (w *Want) startsAfter(t time.Time) bool { return len(w.Steps) > 0 && w.Steps[0].From.After(t) }

// dueAt returns the digest that should be on the glass at t, the stale picture
// after the end.
func (w *Want) dueAt(t time.Time) devices.Digest {
	if s := w.stepAt(t); s != nil {
		return s.Digest
	}
	if t.Before(w.end()) && len(w.Steps) > 0 {
		return w.Steps[0].Digest
	}
	if w.Stale.IsZero() && len(w.Steps) > 0 {
		return w.Steps[len(w.Steps)-1].Digest
	}
	return w.Stale
}

// fits reports whether a sign that follows w may show d at t, give or take the
// tolerance of its clock.
func (w *Want) fits(d devices.Digest, t time.Time) bool {
	return d == w.dueAt(t) || d == w.dueAt(t.Add(-clockTolerance)) || d == w.dueAt(t.Add(clockTolerance))
}

// newer reports whether (e, s) comes after (e2, s2).
func newer(e, s, e2, s2 uint32) bool { return e > e2 || (e == e2 && s > s2) }

// decide says whether a sign that was given have must be given next, and why.
// It compares pictures only where both say something, from now on.
func decide(have *Want, next []WantStep, now time.Time) Reason {
	if have == nil || len(have.Steps) == 0 {
		return First
	}
	for _, s := range next {
		if !s.Until.After(now) {
			continue
		}
		at := s.From
		if at.Before(now) {
			at = now
		}
		for at.Before(s.Until) && at.Before(have.end()) {
			old := have.stepAt(at)
			if old == nil || old.Digest != s.Digest {
				return Changed
			}
			at = old.Until
		}
	}
	last := next[len(next)-1].Until
	switch {
	case have.Partial:
		return TimelineStep
	case !have.end().After(now):
		return TimelineStep
	case have.end().Sub(now) < minHorizon && last.After(have.end()):
		return TimelineStep
	}
	return NothingToDo
}
