package gateway

import (
	"context"
	"errors"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/catalogue"
	"doorleaf/devices/refresh"
	"doorleaf/render/mono"
)

// moduleOf is what is known of a sign's panel.
func moduleOf(s Sign) catalogue.Panel {
	return catalogue.Of(s.Hardware.Model, s.Hardware.Width, s.Hardware.Height)
}

// space keeps the changes of a panel that has to rest apart: a picture comes
// later by less than the rest, or not at all when it is over by then.
func (d *drawing) space(steps []WantStep, have *Want, now time.Time, rest time.Duration) []WantStep {
	if rest <= 0 || len(steps) < 2 {
		return steps
	}
	drawn := steps[0].From
	if have != nil {
		if old := have.stepAt(now); old != nil && old.Digest == steps[0].Digest {
			drawn = old.From // on the glass since then, as far as we know
		}
	}
	spans := make([]refresh.Span, len(steps))
	for i, s := range steps {
		spans[i] = refresh.Span{From: s.From, Until: s.Until, Step: i}
	}
	var kept []WantStep
	var pictures []*mono.Image
	for _, s := range refresh.Space(spans, drawn, rest) {
		step := steps[s.Step]
		step.From, step.Until = s.From, s.Until
		kept, pictures = append(kept, step), append(pictures, d.pictures[s.Step])
	}
	d.pictures = pictures
	return kept
}

// glassNow is what a sign's panel has been through by now, as far as its last
// timeline tells: a sign that sleeps follows it by its own clock. After an error
// of the panel nothing is known.
func glassNow(have *Want, st Status, now time.Time) refresh.Glass {
	var g refresh.Glass
	if have == nil || st.LastError == devices.ErrPanel || st.LastSeen.IsZero() {
		return g
	}
	for _, s := range have.Steps {
		if s.From.After(now) {
			break
		}
		g = s.Glass
	}
	return g
}

// refreshes decides how the panel is asked to change at each step of w and notes
// it in w and t. t has its base already.
func (d *drawing) refreshes(w *Want, t *devices.Timeline, in planInputs, st Status, loc *time.Location) {
	steps := make([]refresh.Step, len(w.Steps))
	for i, s := range w.Steps {
		at := s.From
		if at.Before(w.At) {
			at = w.At
		}
		steps[i] = refresh.Step{At: at.Truncate(time.Second), Picture: d.pictures[i], Digest: s.Digest, Quiet: !in.site.works(at.In(loc))}
	}
	air := refresh.Air{Celsius: st.TemperatureC, Known: st.TemperatureC != 0}
	drawn := refresh.Walk(moduleOf(in.sign), glassNow(d.have, st, w.At), air, t.Base, steps)
	for i, how := range drawn {
		w.Steps[i].Refresh, w.Steps[i].Glass = how.Mode, how.After
		t.Steps[i].Refresh = how.Mode
	}
}

// restLeft is how long a connected sign's panel still has to rest before it is
// given another picture. A panel with a colour flashes for half a minute and
// wears out when it is changed at every stroke of somebody's edit.
func (c *Core) restLeft(ctx context.Context, id devices.SignID, now time.Time) time.Duration {
	e := c.signs.entry(id)
	e.mu.Lock()
	until, whole := e.restUntil, e.want == nil || !e.want.Partial
	e.mu.Unlock()
	if left := until.Sub(now); left > 0 && whole && ctx.Err() == nil {
		return left
	}
	return 0
}

// statusOf is the status of a sign, the zero one of a sign that never reported.
func (c *Core) statusOf(ctx context.Context, id devices.SignID) (Status, error) {
	st, err := c.store.Status(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Status{}, nil
	}
	return st, err
}
