package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
)

// lateGrace is how long after its promised contact a sign counts as late.
const lateGrace = 2 * time.Minute

// Bind chooses the room of a sign, "" for none.
func (c *Core) Bind(ctx context.Context, id devices.SignID, room calendar.RoomID) error {
	if room != "" {
		if _, err := c.store.Room(ctx, room); err != nil {
			return fmt.Errorf("room %s: %w", room, err)
		}
	}
	return c.update(ctx, id, func(s *Sign) { s.Room = room })
}

// Rename gives a sign a name of 1 to 80 characters.
func (c *Core) Rename(ctx context.Context, id devices.SignID, name string) error {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 80 {
		return fmt.Errorf("name of a sign: 1 to 80 characters: %w", ErrInvalid)
	}
	return c.update(ctx, id, func(s *Sign) { s.Name = name })
}

func (c *Core) update(ctx context.Context, id devices.SignID, change func(*Sign)) error {
	c.edit.Lock()
	defer c.edit.Unlock()
	s, err := c.store.Sign(ctx, id)
	if err != nil {
		return err
	}
	change(&s)
	if err := c.store.UpdateSign(ctx, s); err != nil {
		return err
	}
	c.signs.entry(id)
	c.signs.bind(id, s.Room)
	c.queue.put(job{sign: id}, true)
	c.watch.notify()
	return nil
}

// Unpair forgets a sign: its credential dies at once.
func (c *Core) Unpair(ctx context.Context, id devices.SignID) error {
	cred, err := c.store.Credential(ctx, id) // with which the sign can be told
	if err != nil {
		cred = devices.Credential{Sign: id} // it is removed all the same
	}
	if err := c.store.RemoveSign(ctx, id); err != nil {
		return err
	}
	c.signs.remove(id)
	c.watch.notify()
	c.log.Info("sign unpaired", "sign", id)
	if err := c.wire.Remove(ctx, cred); err != nil && !errors.Is(err, devices.ErrNotConnected) {
		return fmt.Errorf("close the session of sign %s: %w", id, err)
	}
	return nil
}

// Refresh gives a sign its timeline anew as soon as it can be reached.
func (c *Core) Refresh(ctx context.Context, id devices.SignID) error {
	if _, err := c.store.Sign(ctx, id); err != nil {
		return err
	}
	c.queue.put(job{sign: id, force: Changed}, true)
	return nil
}

// Watch returns a channel that receives when anything changed that a page
// shows, and a function that ends it.
func (c *Core) Watch() (<-chan struct{}, func()) { return c.watch.add() }

// Preview returns a picture of the sign as PNG: "glass" is what the sign shows
// as far as the gateway knows, "wanted" what it should show now. The PNG's
// pixels are the glass's. It fails with ErrNotFound when there is none.
func (c *Core) PreviewPNG(ctx context.Context, id devices.SignID, which string) ([]byte, devices.Digest, error) {
	v, err := c.Door(ctx, id)
	if err != nil {
		return nil, devices.Digest{}, err
	}
	d := v.Believed
	if which == "wanted" {
		d = devices.Digest{}
		if v.ExpectedStep != nil {
			d = v.ExpectedStep.Digest
		}
	}
	if d.IsZero() {
		return nil, d, ErrNotFound
	}
	img, err := c.store.Picture(ctx, d)
	if err != nil {
		return nil, d, err
	}
	var b bytes.Buffer
	err = img.EncodePNG(&b)
	return b.Bytes(), d, err
}

// Doors returns a view of every sign, the ones that need somebody first.
func (c *Core) Doors(ctx context.Context) ([]DoorView, error) {
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return nil, err
	}
	status, err := c.store.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := c.settings(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]DoorView, 0, len(signs))
	for _, s := range signs {
		v, err := c.view(ctx, s, status[s.ID], settings(s.Room))
		if errors.Is(err, ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	slices.SortStableFunc(views, func(a, b DoorView) int {
		return cmp.Or(cmp.Compare(rank(a.Trust), rank(b.Trust)), strings.Compare(a.Sign.Name, b.Sign.Name))
	})
	return views, nil
}

func rank(t Trust) int {
	return slices.Index([]Trust{Wrong, Late, Stale, Unknown, Pending, Right, Sleeping}, t) / 5 // what needs somebody, then the rest
}

// Door returns the view of one sign; ErrNotFound for an unknown one.
func (c *Core) Door(ctx context.Context, id devices.SignID) (DoorView, error) {
	s, err := c.store.Sign(ctx, id)
	if err != nil {
		return DoorView{}, err
	}
	st, err := c.store.Status(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return DoorView{}, err
	}
	site, err := c.store.Site(ctx)
	if err != nil {
		return DoorView{}, err
	}
	in := setting{site: site, zone: site.Location()}
	if s.Room != "" {
		a, err := c.store.Agenda(ctx, s.Room)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return DoorView{}, err
		}
		in.room, in.asOf, in.zone = a.Room, a.AsOf, a.Location(in.zone)
	}
	return c.view(ctx, s, st, in)
}

// setting is what a view of a sign needs to know of its site and room.
type setting struct {
	site Site
	room calendar.Room  // zero without one
	asOf time.Time      // of the room's agenda
	zone *time.Location // of the door
}

// settings reads the settings of all rooms at once: ten thousand doors are
// looked at whenever somebody opens a list of them.
func (c *Core) settings(ctx context.Context) (of func(calendar.RoomID) setting, err error) {
	site, err := c.store.Site(ctx)
	if err != nil {
		return nil, err
	}
	rooms, err := c.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	asOf, err := c.store.AgendaTimes(ctx)
	if err != nil {
		return nil, err
	}
	zones := map[string]*time.Location{"": site.Location()}
	known := make(map[calendar.RoomID]setting, len(rooms))
	for _, r := range rooms {
		if zones[r.Zone] == nil {
			zones[r.Zone] = zoneOf(r, site)
		}
		known[r.ID] = setting{site: site, room: r, asOf: asOf[r.ID], zone: zones[r.Zone]}
	}
	return func(id calendar.RoomID) setting {
		if in, ok := known[id]; ok {
			return in
		}
		return setting{site: site, zone: zones[""]}
	}, nil
}

func (c *Core) view(ctx context.Context, s Sign, st Status, in setting) (v DoorView, err error) {
	v = DoorView{Sign: s, Status: st, Room: in.room, AgendaAsOf: in.asOf, Zone: in.zone, Connected: c.connected(s.ID)}
	e := c.signs.entry(s.ID)
	if v.Want, err = c.want(ctx, e, s.ID); err != nil {
		return v, err
	}
	e.mu.Lock()
	promise, mismatch := e.promise, e.mismatch
	e.mu.Unlock()
	if !s.Hardware.AlwaysOn {
		v.NextContact = promise
		if !st.LastSeen.IsZero() && !promise.After(st.LastSeen) { // made before a start: reckon from the last contact
			v.NextContact = c.nextCall(ctx, s, in.site, v.Zone, v.Want, st.LastSeen)
		}
	}
	now := time.Now()
	if v.Want != nil {
		v.ExpectedStep = v.Want.stepAt(now)
	}
	v.Believed = believed(v.Want, st, now)
	v.Drawn = !v.Believed.IsZero()
	if v.Drawn && !v.Want.draws(v.Believed) { // the pictures of a timeline are kept with it
		if v.Drawn, err = c.store.HasPicture(ctx, v.Believed); err != nil {
			return v, err
		}
	}
	v.Trust = trust(v, mismatch, now)
	v.Chain = chain(v, now)
	return v, nil
}

// draws reports whether a picture is one of the timeline's.
func (w *Want) draws(d devices.Digest) bool {
	return w != nil && slices.ContainsFunc(w.Steps, func(s WantStep) bool { return s.Digest == d })
}

// believed is what the glass shows as far as the gateway knows: a sign that
// confirmed the newest timeline follows it by its own clock.
func believed(w *Want, st Status, now time.Time) devices.Digest {
	if w == nil || st.Epoch != w.Epoch || st.Seq != w.Seq || !w.fits(st.Shown, st.LastSeen) {
		return st.Shown
	}
	if w.fits(st.Shown, now) {
		return st.Shown // confirmed, and within the tolerance of its clock
	}
	return w.dueAt(now)
}

func trust(v DoorView, mismatch int, now time.Time) Trust {
	st, w := v.Status, v.Want
	upToDate := w != nil && st.Epoch == w.Epoch && st.Seq == w.Seq
	switch {
	case st.LastSeen.IsZero():
		return Unknown
	case mismatch > 0 || (upToDate && !w.fits(st.Shown, st.LastSeen)):
		return Wrong
	case v.Sign.Hardware.AlwaysOn && !v.Connected:
		return Late
	case !v.Sign.Hardware.AlwaysOn && !v.NextContact.IsZero() && now.After(lateSince(v)):
		return Late
	case v.Sign.Room != "" && !v.AgendaAsOf.IsZero() && isStale(v.AgendaAsOf, now):
		return Stale
	case !upToDate:
		return Pending
	case !v.Sign.Hardware.AlwaysOn && !v.Connected:
		return Sleeping
	}
	return Right
}
