package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/health"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/rollout"
)

// Around is what the gateway sees of its surroundings.
type Around struct {
	Incidents  []devices.Incident
	BrokerDown bool // the MQTT broker cannot be reached
}

const (
	healthEvery  = 30 * time.Second
	healthFresh  = 5 * time.Second // a report that old is shown as it is
	factsARound  = 300             // signs whose facts are found out in one round
	healthAtOnce = 1               // rounds at a time
)

// healthState is what is remembered of the house's health.
type healthState struct {
	round chan struct{} // held for a round

	mu      sync.Mutex
	started time.Time                 // guarded by mu
	report  health.Report             // guarded by mu
	at      time.Time                 // of the report, guarded by mu
	known   map[health.Key]time.Time  // guarded by mu; nil: not read yet
	places  map[devices.SignID]string // guarded by mu; nil: not read yet
	moved   map[devices.SignID]string // places that are not stored yet, guarded by mu
}

func (h *healthState) init() {
	h.round = make(chan struct{}, healthAtOnce)
	h.started, h.moved = time.Now(), map[devices.SignID]string{}
}

// younger returns the last report if it is younger than that.
func (h *healthState) younger(than time.Duration) (health.Report, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := time.Since(h.at)
	return h.report, age >= 0 && age < than
}

// Health says what is wrong with the house, worst first, at most a few seconds
// old.
func (c *Core) Health(ctx context.Context) (health.Report, error) {
	if report, ok := c.health.younger(healthFresh); ok {
		return report, nil
	}
	return c.examine(ctx, healthFresh)
}

// watchHealth looks at the house now and then, so that "since" is true also when
// nobody looks at a page.
func (c *Core) watchHealth(ctx context.Context) {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := c.examine(ctx, 0); err != nil && ctx.Err() == nil {
			c.log.Error("look at the health of the signs", "err", err)
		}
	}
}

// examine makes a round: it gathers the facts, judges them and stores since when
// what is wrong has been so. A report younger than fresh, which somebody else
// made meanwhile, will do.
func (c *Core) examine(ctx context.Context, fresh time.Duration) (health.Report, error) {
	h := &c.health
	select {
	case h.round <- struct{}{}:
		defer func() { <-h.round }()
	case <-ctx.Done():
		return health.Report{}, ctx.Err()
	}
	if report, ok := h.younger(fresh); ok {
		return report, nil
	}
	if err := c.recall(ctx); err != nil {
		return health.Report{}, err
	}
	house, err := c.house(ctx, time.Now())
	if err != nil {
		return health.Report{}, err
	}
	h.mu.Lock()
	known := h.known
	h.mu.Unlock()
	report := health.Examine(house, known)
	since, stored := map[health.Key]time.Time{}, map[ConditionKey]time.Time{}
	for _, cond := range report.All() {
		since[cond.Key] = cond.Since
		stored[ConditionKey{string(cond.Kind), cond.Subject}] = cond.Since
	}
	if !maps.EqualFunc(since, known, time.Time.Equal) {
		if err := c.store.SaveConditions(ctx, stored); err != nil {
			return health.Report{}, err
		}
		c.watch.notify()
	}
	h.mu.Lock()
	h.known, h.report, h.at = since, report, time.Now()
	h.mu.Unlock()
	return report, c.storePlaces(ctx)
}

// recall reads what was known before the start.
func (c *Core) recall(ctx context.Context) error {
	h := &c.health
	h.mu.Lock()
	done := h.known != nil
	h.mu.Unlock()
	if done {
		return nil
	}
	stored, err := c.store.Conditions(ctx)
	if err != nil {
		return fmt.Errorf("conditions: %w", err)
	}
	places, err := c.store.Places(ctx)
	if err != nil {
		return fmt.Errorf("places of signs: %w", err)
	}
	known := map[health.Key]time.Time{}
	for k, since := range stored {
		known[health.Key{Kind: health.Kind(k.Kind), Subject: k.Subject}] = since
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = known
	maps.Copy(places, h.places) // what was seen meanwhile is newer
	h.places = places
	return nil
}

// seePlace notes where a sign that reports is connected from.
func (c *Core) seePlace(id devices.SignID) {
	address := c.address(id)
	if address == "" {
		return
	}
	h := &c.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.places == nil {
		h.places = map[devices.SignID]string{}
	}
	if h.places[id] != address {
		h.places[id], h.moved[id] = address, address
	}
}

func (c *Core) storePlaces(ctx context.Context) error {
	h := &c.health
	h.mu.Lock()
	moved := h.moved
	h.moved = map[devices.SignID]string{}
	h.mu.Unlock()
	if len(moved) == 0 {
		return nil
	}
	if err := c.store.SavePlaces(ctx, moved); err != nil {
		h.mu.Lock()
		maps.Copy(moved, h.moved)
		h.moved = moved
		h.mu.Unlock()
		return fmt.Errorf("places of signs: %w", err)
	}
	return nil
}

// house gathers the facts. It reads lists, not one sign after another.
func (c *Core) house(ctx context.Context, now time.Time) (health.House, error) {
	c.health.mu.Lock()
	h := health.House{Now: now, Started: c.health.started}
	places, known := maps.Clone(c.health.places), c.health.known
	c.health.mu.Unlock()
	around := c.around()
	h.Incidents, h.Broker = append(around.Incidents, c.joining.guesses.List(now)...), around.BrokerDown
	var err error
	if h.Calendars, err = c.failingCalendars(ctx); err != nil {
		return h, err
	}
	if h.Target, err = c.rolledOut(ctx); err != nil {
		return h, err
	}
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return h, err
	}
	status, err := c.store.Statuses(ctx)
	if err != nil {
		return h, err
	}
	site, err := c.store.Site(ctx)
	if err != nil {
		return h, err
	}
	rooms, err := c.store.Rooms(ctx)
	if err != nil {
		return h, err
	}
	floors, zones := map[calendar.RoomID]string{}, map[calendar.RoomID]*time.Location{"": site.Location()}
	for _, r := range rooms {
		floors[r.ID], zones[r.ID] = floorOf(r), zoneOf(r, site)
	}
	lacking, err := c.lackingNext(ctx)
	if err != nil {
		return h, err
	}
	budget := factsARound
	for _, s := range signs {
		sign := c.glance(ctx, s, status[s.ID], planning{site, zones[s.Room], now}, &budget)
		sign.Floor, sign.Address, sign.UnknownKey = floors[s.Room], places[s.ID], lacking[s.ID]
		if _, was := known[health.Key{Kind: health.WrongPicture, Subject: string(s.ID)}]; was && !sign.Wrong {
			sign.Wrong = c.showsOther(s.ID, status[s.ID].Shown) // as it was before the start
		}
		h.Signs = append(h.Signs, sign)
	}
	return h, nil
}

// showsOther reports whether a picture is none of the sign's timeline.
func (c *Core) showsOther(id devices.SignID, shown devices.Digest) bool {
	w := c.signs.entry(id).current()
	if w == nil || shown == w.Stale {
		return false
	}
	return !slices.ContainsFunc(w.Steps, func(s WantStep) bool { return s.Digest == shown })
}

// floorOf is what people call the floor of a room, "" when it has none.
func floorOf(r calendar.Room) string {
	switch {
	case r.Floor == "":
		return ""
	case r.Building == "":
		return r.Floor
	}
	return r.Building + " · " + r.Floor
}

// failingCalendars are the connections that cannot be read.
func (c *Core) failingCalendars(ctx context.Context) ([]health.Calendar, error) {
	conns, err := c.store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	var list []health.Calendar
	for _, conn := range conns {
		if p := conn.State.Problem; p != nil && conn.State.Mode != connection.NotConnected {
			f := health.Calendar{Subject: strconv.FormatInt(int64(conn.ID), 10), Problem: string(p.Kind), Since: p.Since}
			if len(conns) > 1 {
				f.Name = conn.Settings.Name
			}
			list = append(list, f)
		}
	}
	return list, nil
}

// rolledOut is the firmware that every sign of a model should run by now.
func (c *Core) rolledOut(ctx context.Context) (map[string]uint32, error) {
	list, err := c.store.Rollouts(ctx)
	if err != nil {
		return nil, err
	}
	target := map[string]uint32{}
	for _, r := range list {
		if r.State == rollout.Done {
			target[r.Release.Model] = max(target[r.Release.Model], r.Release.Number)
		}
	}
	return target, nil
}

// planning is what the calls of a sign are planned by, beside the sign itself.
type planning struct {
	site Site
	zone *time.Location
	now  time.Time
}

// glance is what is known of a sign without reading its agenda and pictures.
// Facts that are a day old are found out anew while the budget lasts.
func (c *Core) glance(ctx context.Context, s Sign, st Status, in planning, budget *int) health.Sign {
	e := c.signs.entry(s.ID)
	if _, err := c.want(ctx, e, s.ID); err != nil && !errors.Is(err, ErrNotFound) {
		c.log.Warn("timeline of a sign not read", "sign", s.ID, "err", err)
	}
	out := health.Sign{
		ID: s.ID, Name: s.Name, Model: s.Hardware.Model, Firmware: s.Hardware.Firmware, FirmwareNo: s.Hardware.FirmwareNo,
		AlwaysOn: s.Hardware.AlwaysOn, Connected: c.connected(s.ID), LastSeen: st.LastSeen, SignalDBm: st.SignalDBm, Error: st.LastError,
	}
	if st.LastSeen.IsZero() {
		return out
	}
	e.mu.Lock()
	w, promise, mismatch, facts := e.want, e.promise, e.mismatch, e.facts
	out.ClockOff = e.clock.isOff()
	e.mu.Unlock()
	out.Mismatches = mismatch
	out.Wrong = mismatch > 0 || w != nil && st.Epoch == w.Epoch && st.Seq == w.Seq && !w.fits(st.Shown, st.LastSeen)
	if s.Hardware.AlwaysOn {
		return out
	}
	if facts.day != in.now.Unix()/86400 && *budget > 0 {
		*budget--
		facts = c.factsOf(ctx, s.ID, in.now)
	}
	out.Battery = facts.life
	v := DoorView{Status: st, NextContact: promise}
	if !promise.After(st.LastSeen) { // made before a start: reckon from the last contact
		v.NextContact = c.nextCall(ctx, s, in.site, in.zone, w, st.LastSeen)
	}
	out.LateSince = lateSince(v)
	return out
}
