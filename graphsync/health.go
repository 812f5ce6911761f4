package graphsync

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// checkedEvery is how often State.CheckedAt is written while all is well.
const checkedEvery = time.Minute

// health knows what is wrong at the moment, by connection and by room.
type health struct {
	mu    sync.Mutex
	conns map[connection.ID]*connHealth // guarded by mu
	terms map[connection.ID]uint64      // guarded by mu, how often each began anew
}

// connHealth is the health of one connection.
type connHealth struct {
	token  *connection.Problem // no token: nothing works
	places *connection.Problem // rooms cannot be listed
	rooms  map[calendar.RoomID]*connection.Problem
	good   map[calendar.RoomID]bool // rooms whose last look succeeded
	watch  int                      // how many rooms there are, 0 before Run knows

	reminded time.Time // when the log last said what is wrong

	known   bool // shown and checked are what the store has, or is about to have
	shown   *connection.Problem
	checked time.Time
}

func newHealth() *health {
	return &health{conns: map[connection.ID]*connHealth{}, terms: map[connection.ID]uint64{}}
}

// of returns the health of a connection; the caller holds mu.
func (h *health) of(id connection.ID) *connHealth {
	c := h.conns[id]
	if c == nil {
		c = &connHealth{rooms: map[calendar.RoomID]*connection.Problem{}, good: map[calendar.RoomID]bool{}}
		h.conns[id] = c
	}
	return c
}

// forget starts a connection's health anew: after a sign-in, another secret, or
// rights of another kind.
func (h *health) forget(id connection.ID) {
	h.mu.Lock()
	delete(h.conns, id)
	h.terms[id]++
	h.mu.Unlock()
}

// term is which health of a connection is the present one. What began in an
// earlier term, with a sign-in that no longer counts, says nothing about this.
func (h *health) term(id connection.ID) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.terms[id]
}

// watching says how many rooms a connection has.
func (h *health) watching(id connection.ID, rooms int) {
	h.mu.Lock()
	h.of(id).watch = rooms
	h.mu.Unlock()
}

// forgetRoom drops a room that is no longer watched.
func (h *health) forgetRoom(id connection.ID, room calendar.RoomID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.conns[id]; c != nil {
		delete(c.rooms, room)
		delete(c.good, room)
	}
}

func (h *health) roomProblems() map[calendar.RoomID]connection.Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[calendar.RoomID]connection.Problem{}
	for _, c := range h.conns {
		for id, p := range c.rooms {
			all[id] = *p
		}
	}
	return all
}

// overall is the problem of the connection as a whole: no token; or no room
// list; or no room that can be read.
func (c *connHealth) overall() *connection.Problem {
	switch {
	case c.token != nil:
		return c.token
	case len(c.rooms) > 0 && len(c.good) == 0 && len(c.rooms) >= c.watch:
		return c.rooms[slices.Min(slices.Collect(maps.Keys(c.rooms)))]
	}
	return c.places
}

// problem keeps have when err says the same again, so that Since stays.
func problem(have *connection.Problem, err error, now time.Time) *connection.Problem {
	var e *connection.Error
	if !errors.As(err, &e) {
		return have
	}
	code := e.Code
	if code == "" && e.Status != 0 {
		code = "HTTP " + strconv.Itoa(e.Status)
	}
	if have != nil && have.Kind == e.Kind && have.Code == code {
		return have
	}
	return &connection.Problem{Kind: e.Kind, Code: code, Since: now}
}

// same reports whether two problems read the same.
func same(a, b *connection.Problem) bool {
	return a == b || (a != nil && b != nil && a.Kind == b.Kind && a.Code == b.Code)
}

// place says what a result was about.
type place struct {
	conn connection.ID
	room calendar.RoomID // "" for the room list
}

// report takes the result of a look at a room or of a room list: it counts,
// logs a change once, and keeps State.Problem and State.CheckedAt current.
// Errors of the store are not the connection's and are logged by the caller;
// what fails because ctx ended says nothing about Microsoft, and what began in
// an earlier term nothing about the connection as it is.
func (s *Service) report(ctx context.Context, at place, term uint64, err error) {
	kind := kindOf(err)
	if (err != nil && kind == "") || kind == connection.NotConfigured || ctx.Err() != nil {
		return
	}
	if err != nil {
		s.counters.failure(kind)
	}
	now := s.now()
	s.health.mu.Lock()
	if s.health.terms[at.conn] != term {
		s.health.mu.Unlock()
		return
	}
	c := s.health.of(at.conn)
	before, after := c.take(at, err, now)
	show := c.overall()
	stale := !c.known || !same(show, c.shown) || (err == nil && now.Sub(c.checked) >= checkedEvery)
	if stale {
		c.known, c.shown = true, show
		if err == nil {
			c.checked = now
		}
	}
	standing, rooms, due := c.remind(now)
	s.health.mu.Unlock()

	if !same(before, after) {
		s.logChange(at, after)
	}
	if due {
		s.log.Warn("Microsoft 365 still not readable", "connection", at.conn, "rooms", rooms,
			"kind", standing.Kind, "code", standing.Code, "since", standing.Since.UTC().Format(time.RFC3339))
	}
	if stale {
		s.showProblem(ctx, at.conn, err == nil)
	}
}

// take enters a result and returns the problem before and after it.
func (c *connHealth) take(at place, err error, now time.Time) (before, after *connection.Problem) {
	var e *connection.Error
	if err == nil {
		before, c.token = c.token, nil
		if at.room == "" {
			if before == nil {
				before = c.places
			}
			c.places = nil
			return before, nil
		}
		if before == nil {
			before = c.rooms[at.room]
		}
		delete(c.rooms, at.room)
		c.good[at.room] = true
		return before, nil
	}
	switch {
	case errors.As(err, &e) && e.Op == tokenOp:
		before, after = c.token, problem(c.token, err, now)
		c.token = after
	case at.room == "":
		before, after = c.places, problem(c.places, err, now)
		c.places = after
	default:
		before, after = c.rooms[at.room], problem(c.rooms[at.room], err, now)
		c.rooms[at.room] = after
		delete(c.good, at.room)
	}
	return before, after
}

// logChange writes one line when a problem begins, changes or ends.
func (s *Service) logChange(at place, p *connection.Problem) {
	args, what := []any{"connection", at.conn}, "rooms"
	if at.room != "" {
		args, what = append(args, "room", at.room), "calendar"
	}
	if p == nil {
		s.lines.info(lineKey{at.conn, what + " readable"}, "Microsoft 365 "+what+" readable again", args...)
		return
	}
	s.lines.warn(lineKey{at.conn, what + string(p.Kind)}, "Microsoft 365 "+what+" not readable", append(args, "kind", p.Kind, "code", p.Code)...)
}

// remind tells, once a day, what has been wrong for longer than that.
func (c *connHealth) remind(now time.Time) (p *connection.Problem, rooms int, due bool) {
	if p = c.overall(); p == nil {
		for _, q := range c.rooms {
			if p == nil || q.Since.Before(p.Since) {
				p = q
			}
		}
	}
	if p == nil {
		c.reminded = time.Time{}
		return nil, 0, false
	}
	if c.reminded.IsZero() { // the line about its beginning was the first
		c.reminded = now
	}
	if now.Sub(c.reminded) < linesEvery {
		return nil, 0, false
	}
	c.reminded = now
	return p, len(c.rooms), true
}

// showProblem writes what is wrong now into the connection's state. It asks
// again under the lock of the state, so that the last writer writes the newest.
func (s *Service) showProblem(ctx context.Context, id connection.ID, ok bool) {
	now := s.now()
	err := s.editState(ctx, id, func(_ connection.Connection, st *connection.State) error {
		if st.Mode == connection.NotConnected {
			return nil
		}
		if ok {
			st.CheckedAt = now
		}
		s.health.mu.Lock()
		defer s.health.mu.Unlock()
		if p := s.health.of(id).overall(); !same(st.Problem, p) {
			st.Problem = p
		}
		return nil
	})
	if err == nil {
		return
	}
	s.health.mu.Lock()
	s.health.of(id).known = false // try again with the next result
	s.health.mu.Unlock()
	if ctx.Err() == nil {
		s.log.Error("connection state not saved", "connection", id, "err", err)
	}
}

// failed counts and logs an error of something a person asked for.
func (s *Service) failed(op string, id connection.ID, err error) {
	var e *connection.Error
	if !errors.As(err, &e) {
		return
	}
	s.counters.failure(e.Kind)
	s.log.Warn("Microsoft 365 "+op+" failed", "connection", id, "kind", e.Kind, "code", e.Code)
}

// editState changes a connection's state; one writer at a time, so that no
// change is lost between reading and writing.
func (s *Service) editState(ctx context.Context, id connection.ID, edit func(connection.Connection, *connection.State) error) error {
	s.mu.Lock()
	lock := s.states[id]
	if lock == nil {
		lock = new(sync.Mutex)
		s.states[id] = lock
	}
	s.mu.Unlock()
	lock.Lock()
	defer lock.Unlock()
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return err
	}
	st := c.State
	if err := edit(c, &st); err != nil {
		return err
	}
	return s.store.SaveState(ctx, id, st)
}
