package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
	"doorleaf/render"
	"doorleaf/render/mono"
)

// replanOptions steer one planning of a sign.
type replanOptions struct {
	quick bool           // only the picture of the moment
	force Reason         // commit a new want whatever decide says, "" for not
	shown devices.Digest // what the sign just reported, zero: use what is stored
	bare  bool           // the first picture is drawn on nothing, whatever the sign shows
	epoch uint32         // at least this epoch
}

// replan draws the sign's next hours, compares them with what it was given and
// commits a new want when needed. The caller holds e.plan. The returned want is
// the current one, new or not.
func (c *Core) replan(ctx context.Context, e *signEntry, id devices.SignID, o replanOptions) (*Want, Reason, error) {
	in, err := c.inputs(ctx, id)
	if err != nil {
		return nil, "", err
	}
	have, err := c.want(ctx, e, id)
	if err != nil {
		return nil, "", err
	}
	now := time.Now()
	stale := in.bound && !in.agenda.AsOf.IsZero() && isStale(in.agenda.AsOf, now)
	c.signs.bind(id, in.sign.Room)
	e.mu.Lock()
	e.asOf, e.stale = in.agenda.AsOf, stale
	e.mu.Unlock()
	d := &drawing{core: c, panel: panelOf(in.sign), template: c.templates.of(in.site), have: have}
	if d.look, err = c.lookOf(ctx, d.template, d.panel); err != nil {
		return nil, "", err
	}
	most := maxSteps
	if o.quick {
		most = 2 // the second tells how long the first is true
	}
	faces := in.faces(now, stale, most)
	if o.quick {
		faces = faces[:1]
	}
	release, err := c.takeDrawing(ctx, o.quick)
	if err != nil {
		return nil, "", err
	}
	defer release()
	steps, err := d.steps(faces)
	if err != nil {
		return nil, "", err
	}
	module := moduleOf(in.sign)
	steps = d.space(steps, have, now, module.Limits.Rest)
	reason := decide(have, steps, now)
	if o.quick && o.force == "" && (reason == NothingToDo || reason == TimelineStep && have.stepAt(now) != nil) {
		return have, NothingToDo, nil // the whole plan follows and decides
	}
	if o.force != "" {
		reason = o.force
	}
	if have != nil && have.Epoch < c.floor {
		reason = First
	}
	if reason == NothingToDo {
		release()
		return have, reason, c.store.AddDecision(ctx, Decision{Sign: id, At: now, Reason: reason, Epoch: have.Epoch, Seq: have.Seq, Shows: have.dueAt(now)})
	}
	w := &Want{Sign: id, Epoch: 1, Seq: 1, Reason: reason, At: now, AgendaAsOf: in.agenda.AsOf, Partial: o.quick, Steps: steps,
		PackedFor: decoderOf(in.sign.Hardware)}
	if have != nil {
		w.Epoch, w.Seq = have.Epoch, have.Seq+1
	}
	if least := max(o.epoch, c.floor); least > w.Epoch {
		w.Epoch, w.Seq = least, 1
	}
	loc := in.agenda.Location(in.site.Location())
	w.NextWake, w.Jitter = c.nextCall(ctx, in.sign, in.site, loc, w, now), wakeJitter
	objects, err := c.pack(ctx, w, d, in, loc, o)
	if err != nil {
		return nil, "", err
	}
	release()
	if err := c.store.CommitWant(ctx, *w, objects, d.pictures); err != nil {
		return nil, "", err
	}
	e.mu.Lock()
	e.want = w
	if in.sign.Hardware.AlwaysOn && (have == nil || have.dueAt(now) != w.dueAt(now)) {
		e.restUntil = now.Add(module.Limits.Rest)
	}
	e.mu.Unlock()
	return w, reason, nil
}

// wakeJitter spreads the contacts of sleeping signs.
const wakeJitter = 20 * time.Second

// takeDrawing waits for a turn to draw; release may be called more than once.
// Whole days wait for one another first, so that what is quick finds no line of
// them before it.
func (c *Core) takeDrawing(ctx context.Context, quick bool) (release func(), err error) {
	turns := []chan struct{}{c.days, c.drawing}
	if quick {
		turns = turns[1:]
	}
	for i, turn := range turns {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			for _, taken := range turns[:i] {
				<-taken
			}
			return nil, ctx.Err()
		}
	}
	return sync.OnceFunc(func() {
		for _, turn := range turns {
			<-turn
		}
	}), nil
}

// pack completes the want: it draws the picture for afterwards, chooses the
// base and encodes everything.
func (c *Core) pack(ctx context.Context, w *Want, d *drawing, in planInputs, loc *time.Location, o replanOptions) ([]devices.Object, error) {
	t := devices.Timeline{Sign: w.Sign, Epoch: w.Epoch, Seq: w.Seq, NextWake: w.NextWake, Jitter: w.Jitter, Capabilities: in.sign.Hardware.Capabilities}
	for i, s := range w.Steps {
		t.Steps = append(t.Steps, devices.Step{From: s.From, Until: s.Until, Picture: d.pictures[i]})
	}
	if !w.Partial {
		img, err := d.draw(OfflineFace(in.faceRoom(), in.sign, in.site, loc, w.end()))
		if err != nil {
			return nil, err
		}
		t.Stale, w.Stale = img, img.Digest()
		d.pictures = append(d.pictures, img)
	}
	st, err := c.statusOf(ctx, w.Sign)
	if err != nil {
		return nil, err
	}
	shown := o.shown
	if shown.IsZero() {
		shown = st.Shown
	}
	if !shown.IsZero() && !o.bare {
		base, err := c.store.Picture(ctx, shown)
		switch {
		case err == nil && base.Rect == d.pictures[0].Rect:
			t.Base, w.Base = base, shown
		case err != nil && !errors.Is(err, ErrNotFound):
			return nil, err
		}
	}
	d.refreshes(w, &t, in, st, loc)
	parcel, err := c.wire.Pack(t)
	if err != nil {
		return nil, fmt.Errorf("pack timeline of sign %s: %w", w.Sign, err)
	}
	w.Body = parcel.Body
	return parcel.Objects, nil
}

// want returns the latest want of a sign, nil when there is none. It stays the
// latest while the caller holds e.plan.
func (c *Core) want(ctx context.Context, e *signEntry, id devices.SignID) (*Want, error) {
	e.mu.Lock()
	have := e.want
	e.mu.Unlock()
	if have != nil {
		return have, nil
	}
	w, err := c.store.Want(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.want == nil || newer(w.Epoch, w.Seq, e.want.Epoch, e.want.Seq) {
		e.want = &w // else a newer one was committed since it was read
	}
	if e.promise.IsZero() {
		e.promise = e.want.NextWake
	}
	return e.want, nil
}

// planInputs is everything a plan is made from.
type planInputs struct {
	sign   Sign
	site   Site
	agenda calendar.Agenda
	bound  bool // a room is chosen, it is listed, and its calendar was read at least once
}

func (c *Core) inputs(ctx context.Context, id devices.SignID) (in planInputs, err error) {
	if in.sign, err = c.store.Sign(ctx, id); err != nil {
		return in, fmt.Errorf("sign %s: %w", id, err)
	}
	if in.site, err = c.store.Site(ctx); err != nil {
		return in, fmt.Errorf("site: %w", err)
	}
	if in.sign.Room == "" {
		return in, nil
	}
	in.agenda, err = c.store.Agenda(ctx, in.sign.Room)
	if errors.Is(err, ErrNotFound) {
		return in, nil
	}
	in.bound = err == nil && !in.agenda.AsOf.IsZero() && !in.agenda.Room.Gone
	return in, err
}

// faceRoom is the name a face carries when no agenda is drawn.
func (in planInputs) faceRoom() string {
	if in.agenda.Room.Name != "" {
		return in.agenda.Room.Name
	}
	return in.sign.Name
}

// faces plans the faces from now on, as many as most of a calendar.
func (in planInputs) faces(now time.Time, stale bool, most int) []plannedStep {
	if in.bound {
		return plan(in.agenda, in.sign, in.site, now, stale, most)
	}
	room := ""
	if in.agenda.Room.ID != "" {
		room = roomName(in.agenda.Room)
	}
	door := ReadyFace(room, in.sign, in.site, now)
	if in.sign.Room != "" && (room == "" || in.agenda.Room.Gone) {
		door = NotSetUpFace(room, in.sign, in.site, now)
	}
	from := now.Truncate(time.Minute)
	day := dayOf(from.In(in.site.Location()))
	tomorrow := door
	y, m, d := day.end.Date()
	tomorrow.Date = render.Date{Year: y, Month: int(m), Day: d}
	return []plannedStep{{from, day.end, door}, {day.end, day.end.Add(24 * time.Hour), tomorrow}}
}

func panelOf(s Sign) render.Panel {
	p := devices.PanelOf(s.Hardware)
	return render.Panel{Width: p.Width, Height: p.Height, DPI: p.DPI}
}

func hardwareOf(width, height int) devices.Hardware {
	return devices.Hardware{Width: width, Height: height}
}

// drawing draws the faces of one timeline, equal ones once.
type drawing struct {
	core     *Core
	panel    render.Panel
	template *render.Template
	look     look
	have     *Want         // given to the sign before, nil for none
	pictures []*mono.Image // one per step
}

func (d *drawing) draw(door render.Door) (*mono.Image, error) {
	d.look.dress(&door)
	img, err := d.core.renderer.DrawTemplate(nil, door, d.template, d.panel)
	if err != nil {
		return nil, fmt.Errorf("draw %dx%d %s: %w", d.panel.Width, d.panel.Height, door.State, err)
	}
	return img, nil
}

// steps draws the planned faces; neighbours with the same picture become one
// step.
func (d *drawing) steps(faces []plannedStep) ([]WantStep, error) {
	var steps []WantStep
	for _, f := range faces {
		img, err := d.draw(f.door)
		if err != nil {
			return nil, err
		}
		digest := img.Digest()
		if n := len(steps); n > 0 && steps[n-1].Digest == digest {
			steps[n-1].Until = f.until
			continue
		}
		steps = append(steps, WantStep{From: f.from.UTC(), Until: f.until.UTC(), Digest: digest,
			State: string(f.door.State), Summary: d.core.renderer.Describe(f.door)})
		d.pictures = append(d.pictures, img)
	}
	return steps, nil
}
