package gateway

import (
	"reflect"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/render"
)

// Limits of a timeline.
const (
	horizon    = 24 * time.Hour // how far a new timeline reaches
	minHorizon = 12 * time.Hour // a timeline is extended when less is left
	maxSteps   = 40             // at most 64 by SPEC.md
	staleGrace = 15 * time.Minute
)

// plannedStep is a face with the span it is true for.
type plannedStep struct {
	from, until time.Time
	door        render.Door
}

// plan lays out the faces of a door from now on, edge by edge, to the horizon
// or to the end of what is known of the calendar. Steps join without gaps;
// neighbours with equal faces are one step. stale draws every face as "not
// current". No more than most steps are laid out.
func plan(a calendar.Agenda, s Sign, site Site, now time.Time, stale bool, most int) []plannedStep {
	loc := a.Location(site.Location())
	end := now.Add(reach(s))
	if !stale && !a.Window.To.IsZero() && a.Window.To.Before(end) {
		end = a.Window.To
	}
	from := now.Truncate(time.Minute)
	if !end.After(from) {
		end = from.Add(time.Hour)
	}
	show := a.Showing()
	var steps []plannedStep
	for at := from; at.Before(end) && len(steps) < most; {
		until := nextChange(a, site, loc, at)
		if until.After(end) {
			until = end
		}
		door := face(a, show, s, site, at, stale)
		if n := len(steps); n > 0 && reflect.DeepEqual(steps[n-1].door, door) {
			steps[n-1].until = until
		} else {
			steps = append(steps, plannedStep{at, until, door})
		}
		at = until
	}
	return steps
}

// nextChange is the first instant after at when a face may change: an edge of a
// meeting, a local midnight, or the moment a free room becomes "soon booked".
func nextChange(a calendar.Agenda, site Site, loc *time.Location, at time.Time) time.Time {
	edge, _ := a.NextEdge(at, loc)
	for _, s := range a.Slots(loc) {
		if t := s.Start.Add(-site.SoonLimit); t.After(at) && t.Before(edge) {
			edge = t
		}
		if s.Start.After(edge) {
			break
		}
	}
	// A sign counts whole seconds.
	if r := edge.Truncate(time.Second); r.Before(edge) {
		edge = r.Add(time.Second)
	}
	return edge
}

// isStale reports whether an agenda last confirmed at asOf is too old to show
// without a mark. One from the future was read before the clock was set back:
// nobody knows how old it is.
func isStale(asOf, now time.Time) bool {
	age := now.Sub(asOf)
	return age > staleGrace || age < -staleGrace
}

// checkIn is when a sign that is always on should say hello next: often in
// working hours, hourly outside them.
func checkIn(site Site, loc *time.Location, now time.Time) time.Time {
	interval := site.CheckIn
	if interval <= 0 {
		interval = DefaultSite().CheckIn
	}
	local := now.In(loc)
	day := dayOf(local)
	open, shut := day.clock(site.DayStart-60), day.clock(site.DayEnd+60)
	weekend := local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	if (weekend || local.Before(open) || local.After(shut)) && interval < time.Hour {
		interval = time.Hour
		if !weekend && local.Before(open) && open.Before(local.Add(interval)) {
			return open
		}
	}
	return now.Add(interval)
}
