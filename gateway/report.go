package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
)

// Report takes what a sign told: it is stored first, then judged. The delivery
// is what the sign must have next, nil when it has everything. The newest report
// once more changes nothing and is answered again. An older one is
// devices.ErrReplayed: nothing of it is believed, and for a hello the delivery is
// what the sign has been given already, for one that lost it.
func (c *Core) Report(ctx context.Context, r devices.Report) (*devices.Delivery, error) {
	fresh, err := c.store.CommitReport(ctx, r)
	if errors.Is(err, devices.ErrReplayed) {
		return c.given(ctx, r), fmt.Errorf("report of sign %s: %w", r.Sign, err)
	}
	if err != nil {
		return nil, fmt.Errorf("report of sign %s: %w", r.Sign, err)
	}
	if r.Kind == devices.EventReport {
		if fresh {
			c.log.Info("button pressed", "sign", r.Sign, "button", r.Button, "age", time.Duration(r.AgeMillis)*time.Millisecond)
			c.watch.notify()
		}
		return nil, nil
	}
	if r.Kind == devices.HelloReport {
		if err := c.noteKey(ctx, r); err != nil {
			return nil, fmt.Errorf("report of sign %s: %w", r.Sign, err)
		}
		if err := c.noteFirmware(ctx, r); err != nil {
			return nil, fmt.Errorf("report of sign %s: %w", r.Sign, err)
		}
	}
	c.seePlace(r.Sign)
	e := c.signs.entry(r.Sign)
	e.plan.Lock()
	defer e.plan.Unlock()
	defer c.watch.notify()
	c.seePlain(ctx, r)
	if fresh {
		e.seeClock(r)
	}
	w, err := c.answer(ctx, e, r)
	if w != nil && w.Partial {
		c.queue.put(job{sign: r.Sign}, false) // the rest of the day
	}
	if err != nil || w == nil {
		return nil, err
	}
	e.promised(w.NextWake)
	d := c.delivery(w)
	return &d, nil
}

// given is the want that the sign has been given, when a hello names an older
// one. Nothing is drawn or packed for that: who sends old messages must not cost
// more than they do.
func (c *Core) given(ctx context.Context, r devices.Report) *devices.Delivery {
	if r.Kind != devices.HelloReport {
		return nil
	}
	e := c.signs.entry(r.Sign)
	e.plan.Lock()
	defer e.plan.Unlock()
	w, err := c.want(ctx, e, r.Sign)
	if err != nil || w == nil || !newer(w.Epoch, w.Seq, r.Epoch, r.Seq) {
		return nil
	}
	d := c.delivery(w)
	return &d
}

// answer judges a report: the want the sign still needs, or nil.
func (c *Core) answer(ctx context.Context, e *signEntry, r devices.Report) (*Want, error) {
	now := time.Now()
	w, err := c.want(ctx, e, r.Sign)
	if err != nil {
		return nil, err
	}
	again := func(o replanOptions) (*Want, error) {
		if o.shown.IsZero() {
			o.shown = r.Shown
		}
		rush := c.queue.asked(now)
		o.quick = o.quick || rush
		w, _, err := c.replan(ctx, e, r.Sign, o)
		return w, err
	}
	switch {
	case w == nil:
		return again(replanOptions{force: First})
	case newer(r.Epoch, r.Seq, w.Epoch, w.Seq):
		// The sign knows more than the store: a restored backup. Start above it.
		return again(replanOptions{force: First, epoch: r.Epoch + 1})
	case w.outgrown(r) && e.mayRepack(now):
		return again(replanOptions{force: w.Reason, quick: true})
	case newer(w.Epoch, w.Seq, r.Epoch, r.Seq) && r.Kind == devices.ShownReport && r.LastError != devices.NoError:
		return c.repair(ctx, e, w, r, now) // it refuses what it is given: not for ever
	case newer(w.Epoch, w.Seq, r.Epoch, r.Seq):
		if c.canDecode(w, r) {
			return c.current(ctx, e, w, r)
		}
		return again(replanOptions{force: w.Reason})
	case r.LastError == devices.ErrObjectBase || r.LastError == devices.ErrObjectHash || r.LastError == devices.ErrDigest:
		return c.repair(ctx, e, w, r, now)
	case !w.fits(r.Shown, r.Received):
		return c.repair(ctx, e, w, r, now)
	}
	e.mu.Lock()
	e.mismatch, e.retryAt = 0, time.Time{}
	e.mu.Unlock()
	if r.Kind != devices.HelloReport {
		return nil, nil
	}
	next, err := c.current(ctx, e, w, r)
	if err != nil || next == w {
		return nil, err
	}
	return next, nil
}

// current replans when the want is about to run out, so that a sleeping sign
// leaves with a full day; otherwise it promises the next contact. The rest of a
// want of the moment is not waited for.
func (c *Core) current(ctx context.Context, e *signEntry, w *Want, r devices.Report) (*Want, error) {
	if !w.Partial && time.Until(w.end()) < minHorizon {
		next, _, err := c.replan(ctx, e, r.Sign, replanOptions{shown: r.Shown})
		return next, err
	}
	if r.Kind != devices.HelloReport {
		return w, nil
	}
	site, err := c.store.Site(ctx)
	if err != nil {
		return nil, err
	}
	fresh, now := *w, time.Now()
	fresh.NextWake, fresh.Jitter = c.callOf(ctx, r.Sign, site, w, now), wakeJitter
	if !w.Partial && w.end().Before(fresh.NextWake.Add(sleepReserve)) && now.Sub(w.At) > sleepReserve { // it would wake up too late
		next, _, err := c.replan(ctx, e, r.Sign, replanOptions{force: TimelineStep, shown: r.Shown})
		return next, err
	}
	e.mu.Lock()
	e.promise = fresh.NextWake
	e.mu.Unlock()
	if newer(w.Epoch, w.Seq, r.Epoch, r.Seq) {
		return &fresh, nil
	}
	err = c.store.AddDecision(ctx, Decision{Sign: r.Sign, At: time.Now(), Reason: NothingToDo, Epoch: w.Epoch, Seq: w.Seq, Shows: r.Shown})
	return w, err
}

// canDecode reports whether a sign that shows what r says can decode the want:
// its first picture is drawn on nothing, or on what the sign shows.
func (c *Core) canDecode(w *Want, r devices.Report) bool {
	return w.Base.IsZero() || w.Base == r.Shown
}

// repair gives a sign with a wrong picture everything anew, at most a few times
// in a row and then ever more rarely: a failing panel must not be driven to
// death.
func (c *Core) repair(ctx context.Context, e *signEntry, w *Want, r devices.Report, now time.Time) (*Want, error) {
	e.mu.Lock()
	wait := now.Before(e.retryAt)
	if !wait {
		e.mismatch++
		e.retryAt = repairPause(e.mismatch, now)
	}
	n := e.mismatch
	e.mu.Unlock()
	if wait {
		return nil, nil
	}
	c.log.Warn("wrong picture on sign", "sign", r.Sign, "shown", hex8(r.Shown), "want", hex8(w.dueAt(r.Received)), "error", r.LastError, "times", n)
	// A sign may know what it shows and have lost the pixels.
	bare := r.LastError == devices.ErrObjectBase || r.LastError == devices.ErrDigest
	next, _, err := c.replan(ctx, e, r.Sign, replanOptions{force: DigestMismatch, shown: r.Shown, bare: bare})
	return next, err
}

// repairPause is until when nothing is repaired after so many in a row.
func repairPause(mismatches int, now time.Time) time.Time {
	if mismatches <= 3 {
		return time.Time{}
	}
	return now.Add(min(time.Minute<<min(mismatches-3, 6), time.Hour))
}

func hex8(d devices.Digest) string { return fmt.Sprintf("%x", d[:4]) }

// zoneAt is the zone of a room, the site's where there is none.
func (c *Core) zoneAt(ctx context.Context, id calendar.RoomID, site Site) *time.Location {
	if id == "" {
		return site.Location()
	}
	room, err := c.store.Room(ctx, id)
	if err != nil {
		return site.Location()
	}
	return zoneOf(room, site)
}

func zoneOf(room calendar.Room, site Site) *time.Location {
	if room.Zone == "" {
		return site.Location()
	}
	loc, err := time.LoadLocation(room.Zone)
	if err != nil {
		return site.Location()
	}
	return loc
}

// NextWake is the next contact promised to a sign.
func (c *Core) NextWake(ctx context.Context, id devices.SignID) (time.Time, time.Duration) {
	e := c.signs.entry(id)
	e.mu.Lock()
	at := e.promise
	e.mu.Unlock()
	if now := time.Now(); !at.After(now) {
		site, err := c.store.Site(ctx)
		if err != nil {
			site = DefaultSite()
		}
		at = c.callOf(ctx, id, site, e.current(), now)
		e.mu.Lock()
		e.promise = at
		e.mu.Unlock()
	}
	return at, wakeJitter
}

// Object returns an encoded object that the sign's timeline names; another
// sign's objects are devices.ErrUnknownObject.
func (c *Core) Object(ctx context.Context, id devices.SignID, h devices.ObjectHash) ([]byte, error) {
	b, err := c.store.Object(ctx, id, h)
	if errors.Is(err, ErrNotFound) {
		return nil, devices.ErrUnknownObject
	}
	return b, err
}

// Credential returns what authenticates a sign, devices.ErrUnknownSign for one
// that is not paired.
func (c *Core) Credential(ctx context.Context, id devices.SignID) (devices.Credential, error) {
	cred, err := c.store.Credential(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return cred, devices.ErrUnknownSign
	}
	return cred, err
}
