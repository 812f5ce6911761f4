package gateway

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/rollout"
)

// silentAfter is how long after its promised contact a sign that was offered
// firmware counts as lost.
const silentAfter = time.Hour

// maxReleases is how many releases are kept.
const maxReleases = 16

// offering is one rollout with what is known of its signs.
type offering struct {
	r     rollout.Rollout
	marks map[devices.SignID]rollout.Mark
	count rollout.Count // as of the last look, and offers since
}

// offerings are all rollouts, the newest first. What is here is in the store.
type offerings struct {
	mu   sync.Mutex
	list []*offering
}

func (o *offerings) find(image devices.ObjectHash) *offering {
	for _, f := range o.list {
		if f.r.Release.Image == image {
			return f
		}
	}
	return nil
}

// loadOfferings reads the rollouts; call it once before any sign is answered.
func (c *Core) loadOfferings(ctx context.Context) error {
	list, err := c.store.Rollouts(ctx)
	if err != nil {
		return err
	}
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = nil
	for _, r := range list {
		marks, err := c.store.Marks(ctx, r.Release.Image)
		if err != nil {
			return err
		}
		f := &offering{r: r, marks: marks}
		if err := c.count(ctx, f, time.Now()); err != nil {
			return err
		}
		o.list = append(o.list, f)
	}
	return nil
}

// count counts the signs of f anew; the caller holds the lock.
func (c *Core) count(ctx context.Context, f *offering, now time.Time) error {
	signs, err := c.fleet(ctx, f, now)
	f.count = f.r.Count(signs)
	return err
}

// fleet is the signs of f's model that can be updated.
func (c *Core) fleet(ctx context.Context, f *offering, now time.Time) ([]rollout.Sign, error) {
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return nil, err
	}
	var list []rollout.Sign
	for _, s := range signs {
		if s.Hardware.Model != f.r.Release.Model || s.Hardware.Capabilities&devices.CanUpdate == 0 {
			continue
		}
		m := f.marks[s.ID]
		silent := false
		if !m.Offered.IsZero() && m.Runs.IsZero() {
			if silent, err = c.silent(ctx, s, now); err != nil {
				return nil, err
			}
		}
		list = append(list, rollout.Sign{ID: s.ID, Number: s.Hardware.FirmwareNo, Silent: silent, Mark: m})
	}
	return list, nil
}

// silent reports whether a sign was to call some time ago and did not.
func (c *Core) silent(ctx context.Context, s Sign, now time.Time) (bool, error) {
	st, err := c.store.Status(ctx, s.ID)
	if err != nil {
		return false, err
	}
	if s.Hardware.AlwaysOn {
		return !c.connected(s.ID) && now.Sub(st.LastSeen) > silentAfter, nil
	}
	e := c.signs.entry(s.ID)
	e.mu.Lock()
	due := e.promise
	e.mu.Unlock()
	if !due.After(st.LastSeen) { // made before a start: nobody knows any more
		due = st.LastSeen.Add(time.Hour)
	}
	return now.Sub(due) > silentAfter, nil
}

// Offer returns the release that a sign is to be offered after the hello r.
func (c *Core) Offer(ctx context.Context, id devices.SignID, r devices.Report) (devices.Release, bool, error) {
	if r.Hardware.Capabilities&devices.CanUpdate == 0 {
		return devices.Release{}, false, nil
	}
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.list {
		rel := f.r.Release
		if rel.Model != r.Hardware.Model || r.BatteryMillivolts > 0 && r.BatteryMillivolts < rel.MinMillivolts {
			continue
		}
		m := f.marks[id]
		if !f.r.Offers(rollout.Sign{ID: id, Number: r.Hardware.FirmwareNo, Mark: m}, f.count) {
			continue
		}
		if m.Offered.IsZero() {
			m.Offered = time.Now()
			if err := c.store.SetMark(ctx, rel.Image, id, m); err != nil {
				return devices.Release{}, false, err
			}
			f.marks[id] = m
			f.count.Offered++
			c.log.Info("firmware offered", "sign", id, "version", rel.Version, "number", rel.Number)
			c.watch.notify()
		}
		return rel, true, nil
	}
	return devices.Release{}, false, nil
}

// Image returns length bytes from offset of the firmware image that the sign is
// offered, and the image's size; any other is devices.ErrUnknownObject.
func (c *Core) Image(ctx context.Context, id devices.SignID, image devices.ObjectHash, offset, length int) ([]byte, int, error) {
	o := &c.offers
	o.mu.Lock()
	f := o.find(image)
	known := f != nil && (f.r.State == rollout.Running || f.r.State == rollout.Done) && !f.marks[id].Offered.IsZero() && f.marks[id].Failed.IsZero()
	size := 0
	if known {
		size = f.r.Release.Size
	}
	o.mu.Unlock()
	if !known || offset < 0 || offset >= size {
		return nil, 0, devices.ErrUnknownObject
	}
	b, err := c.store.ImagePart(ctx, image, offset, length)
	return b, size, err
}

// noteFirmware notes what a hello says of the releases the sign was offered.
func (c *Core) noteFirmware(ctx context.Context, r devices.Report) error {
	if r.Hardware.Capabilities&devices.CanUpdate == 0 {
		return nil
	}
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.list {
		m, ok := f.marks[r.Sign]
		// It may say a word with newer firmware and go back all the same.
		back := r.LastError == devices.ErrFirmwareBack && r.Hardware.FirmwareNo < f.r.Release.Number
		if !ok || m.Offered.IsZero() || !m.Runs.IsZero() && !back {
			continue
		}
		switch {
		case r.Hardware.FirmwareNo >= f.r.Release.Number:
			m.Runs, m.Failed, m.Code = r.Received, time.Time{}, devices.NoError
		case m.Failed.IsZero() && (r.LastError == devices.ErrFirmware || r.LastError == devices.ErrFirmwareBack || r.LastError == devices.ErrFirmwareRefused):
			m.Runs, m.Failed, m.Code = time.Time{}, r.Received, r.LastError
		default:
			continue
		}
		if err := c.store.SetMark(ctx, f.r.Release.Image, r.Sign, m); err != nil {
			return err
		}
		f.marks[r.Sign] = m
		c.log.Info("firmware", "sign", r.Sign, "number", f.r.Release.Number, "error", m.Code)
		if m.Failed.IsZero() {
			f.count.Runs++ // the next look counts anew
		} else if err := c.advance(ctx, f, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// advanceOfferings lets every running rollout go on or stop.
func (c *Core) advanceOfferings(ctx context.Context, now time.Time) {
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.list {
		if f.r.State != rollout.Running && f.r.State != rollout.Done {
			continue
		}
		if err := c.advance(ctx, f, now); err != nil && ctx.Err() == nil {
			c.log.Error("firmware rollout", "number", f.r.Release.Number, "err", err)
		}
	}
}

// advance counts anew and takes the next step; the caller holds the lock.
func (c *Core) advance(ctx context.Context, f *offering, now time.Time) error {
	if err := c.count(ctx, f, now); err != nil {
		return err
	}
	next, changed := f.r.Next(f.count, now)
	if !changed {
		return nil
	}
	return c.putRollout(ctx, f, next)
}

// putRollout stores a rollout's new state; the caller holds the lock.
func (c *Core) putRollout(ctx context.Context, f *offering, next rollout.Rollout) error {
	if err := c.store.UpdateRollout(ctx, next); err != nil {
		return err
	}
	f.r = next
	c.log.Info("firmware rollout", "model", next.Release.Model, "number", next.Release.Number, "state", next.State, "stage", next.Stage, "why", next.Why)
	c.watch.notify()
	return c.count(ctx, f, time.Now())
}

// AddRelease stores a file of firmware; it waits for StartRollout. It fails with
// ErrInvalid for what is no firmware or signed by none of the makers, with
// ErrConflict when the release is there already, with ErrTooMany when too many
// are kept.
func (c *Core) AddRelease(ctx context.Context, file []byte) (devices.Release, error) {
	if c.readRelease == nil {
		return devices.Release{}, fmt.Errorf("%w: no reader of firmware", ErrInvalid)
	}
	makers, err := c.store.Makers(ctx)
	if err != nil {
		return devices.Release{}, err
	}
	keys := make([]ed25519.PublicKey, len(makers))
	for i, m := range makers {
		keys[i] = m.Key
	}
	rel, image, err := c.readRelease(file, keys)
	if err != nil {
		return rel, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.list) >= maxReleases {
		return rel, ErrTooMany
	}
	r := rollout.Rollout{Release: rel, Added: time.Now(), State: rollout.Waiting}
	if err := c.store.AddRelease(ctx, r, image); err != nil {
		return rel, err
	}
	f := &offering{r: r, marks: map[devices.SignID]rollout.Mark{}}
	o.list = slices.Insert(o.list, 0, f)
	c.watch.notify()
	return rel, c.count(ctx, f, time.Now())
}

// StartRollout offers a release to the sign first, "" for the first that calls,
// and from there to all of its model; a stage lasts at least hold. What runs of
// the model is replaced.
func (c *Core) StartRollout(ctx context.Context, image devices.ObjectHash, first devices.SignID, hold time.Duration) error {
	if hold < 0 || hold > 30*24*time.Hour {
		return fmt.Errorf("%w: stages of %s", ErrInvalid, hold)
	}
	return c.steer(ctx, image, func(f *offering) (rollout.Rollout, error) {
		next := f.r
		if next.State != rollout.Waiting {
			return next, ErrConflict
		}
		if first != "" {
			s, err := c.store.Sign(ctx, first)
			if err != nil {
				return next, err
			}
			if s.Hardware.Model != next.Release.Model {
				return next, fmt.Errorf("%w: sign %s is a %s", ErrInvalid, first, s.Hardware.Model)
			}
		}
		for _, other := range c.offers.list {
			if other == f || other.r.Release.Model != next.Release.Model || other.r.State == rollout.Waiting || other.r.State == rollout.Stopped {
				continue
			}
			old := other.r
			old.State, old.Why = rollout.Stopped, rollout.Replaced
			if err := c.putRollout(ctx, other, old); err != nil {
				return next, err
			}
		}
		next.State, next.Stage, next.Since, next.First, next.Hold = rollout.Running, 0, time.Now(), first, hold
		return next, nil
	})
}

// PauseRollout ends offers of a release for now; a sign that is fetching it
// goes on when it is resumed.
func (c *Core) PauseRollout(ctx context.Context, image devices.ObjectHash) error {
	return c.steer(ctx, image, func(f *offering) (rollout.Rollout, error) {
		next := f.r
		if next.State != rollout.Running && next.State != rollout.Done {
			return next, ErrConflict
		}
		next.State = rollout.Paused
		return next, nil
	})
}

// ResumeRollout goes on with a rollout that a person paused or that stopped by
// itself. Signs that failed or fell silent may be offered the release again.
func (c *Core) ResumeRollout(ctx context.Context, image devices.ObjectHash) error {
	return c.steer(ctx, image, func(f *offering) (rollout.Rollout, error) {
		next := f.r
		if next.State != rollout.Paused && next.State != rollout.Stopped || next.Why == rollout.Replaced {
			return next, ErrConflict
		}
		for id, m := range f.marks {
			if !m.Runs.IsZero() {
				continue
			}
			if err := c.store.SetMark(ctx, image, id, rollout.Mark{}); err != nil && !errors.Is(err, ErrNotFound) {
				return next, err
			}
			delete(f.marks, id)
		}
		next.State, next.Why, next.Since = rollout.Running, "", time.Now()
		return next, nil
	})
}

// steer changes one rollout as next says.
func (c *Core) steer(ctx context.Context, image devices.ObjectHash, next func(f *offering) (rollout.Rollout, error)) error {
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.find(image)
	if f == nil {
		return ErrNotFound
	}
	r, err := next(f)
	if err != nil {
		return err
	}
	return c.putRollout(ctx, f, r)
}

// RemoveRelease forgets a release that nobody is offered.
func (c *Core) RemoveRelease(ctx context.Context, image devices.ObjectHash) error {
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.find(image)
	switch {
	case f == nil:
		return ErrNotFound
	case f.r.State == rollout.Running:
		return ErrConflict
	}
	if err := c.store.RemoveRelease(ctx, image); err != nil {
		return err
	}
	o.list = slices.DeleteFunc(o.list, func(other *offering) bool { return other == f })
	c.watch.notify()
	return nil
}

// RolloutView is everything a page may say about a rollout.
type RolloutView struct {
	rollout.Rollout
	Count rollout.Count
	Signs []RolloutSign // by name
}

// RolloutSign is one sign of a rollout's model.
type RolloutSign struct {
	ID     devices.SignID
	Name   string
	Number uint32 // of the firmware it runs
	Silent bool
	Mark   rollout.Mark
}

// Rollouts returns a view of every release, the newest first.
func (c *Core) Rollouts(ctx context.Context) ([]RolloutView, error) {
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return nil, err
	}
	names := map[devices.SignID]string{}
	for _, s := range signs {
		names[s.ID] = s.Name
	}
	o := &c.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	var views []RolloutView
	for _, f := range o.list {
		fleet, err := c.fleet(ctx, f, time.Now())
		if err != nil {
			return nil, err
		}
		v := RolloutView{Rollout: f.r, Count: f.r.Count(fleet)}
		for _, s := range fleet {
			v.Signs = append(v.Signs, RolloutSign{ID: s.ID, Name: names[s.ID], Number: s.Number, Silent: s.Silent, Mark: s.Mark})
		}
		slices.SortFunc(v.Signs, func(a, b RolloutSign) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.ID), string(b.ID)))
		})
		views = append(views, v)
	}
	return views, nil
}
