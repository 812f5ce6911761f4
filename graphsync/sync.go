package graphsync

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// The clock of the sync.
const (
	truthEvery     = time.Hour        // a full read at least this often
	blindEvery     = time.Minute      // between looks without a doorbell, at least
	deltaPause     = 10 * time.Minute // no delta query after it failed
	maxBackOff     = 5 * time.Minute
	perPolledRoom  = time.Second / requestsPerSecond
	firstBackOff   = 5 * time.Second
	maxTokenWait   = time.Minute // of a room that lacks a token
	goneFactor     = 10          // rooms that are no longer listed are looked at less often
	listEvery      = time.Hour
	chooseEvery    = 10 * time.Minute // tries of a delegated connection to read on its own rights
	superviseEvery = 20 * time.Second
	lookTime       = 2 * time.Minute // one look, once it has its turn
	rolloverSpread = 20 * time.Minute
)

// blind reports whether the room has no doorbell at the moment.
func (r *roomSync) blind(ctx context.Context, now time.Time) bool {
	if !r.enter(ctx) {
		return true
	}
	defer r.leave()
	return now.Before(r.noDelta)
}

// watch looks at one room for ever. It never gives up: failures only make the
// looks rarer, down to one in five minutes.
func (s *Service) watch(ctx context.Context, at place) {
	r := s.roomSync(at.room)
	failures, storeDown := 0, false
	for {
		rung := r.rung.Swap(false)
		err := s.look(ctx, at, rung)
		if ctx.Err() != nil {
			return
		}
		if failures++; err == nil {
			failures = 0
		}
		if down := err != nil && kindOf(err) == ""; down != storeDown {
			if storeDown = down; down {
				s.lines.fault(lineKey{at.conn, "store"}, "room not stored", "room", at.room, "err", err)
			}
		}
		if rung {
			s.counters.add("rings", 1)
			if err != nil {
				r.rung.Store(true)
			}
		}
		if err = s.rest(ctx, at, r, rung, failures, err); err != nil {
			return
		}
	}
}

// rest waits until the next look is due, or the room's bell rings. After a
// failure the bell waits too: the server may have asked for the pause. After a
// ring the next one waits a little, so that a burst costs two reads and not one
// for each of its changes.
func (s *Service) rest(ctx context.Context, at place, r *roomSync, rung bool, failures int, err error) error {
	pause := s.pause(ctx, at, r, failures, err)
	if err != nil {
		s.counters.add("back_offs", 1)
		if e, ok := err.(*connection.Error); ok && e.RetryAfter > 0 {
			s.counters.add("retry_after_honoured", 1)
		}
		return sleep(ctx, pause)
	}
	if rung {
		if err := sleep(ctx, gatherTime); err != nil {
			return err
		}
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	case <-r.bell:
	}
	return nil
}

// pause is the time to the next look.
func (s *Service) pause(ctx context.Context, at place, r *roomSync, failures int, err error) time.Duration {
	if err != nil {
		return backOff(failures, err)
	}
	if s.suspects(ctx, r) {
		return notificationLate
	}
	if s.announced(at) {
		return jitter(safetyEvery)
	}
	every := max(s.poll, time.Duration(s.polled.Load())*perPolledRoom)
	if r.blind(ctx, s.now()) {
		every = max(every, blindEvery)
	}
	if c, err := s.store.Connection(ctx, at.conn); err == nil && c.State.Mode == connection.Delegated {
		every = max(every, blindEvery)
	}
	if room, err := s.store.Room(ctx, at.room); err == nil && room.Gone {
		every *= goneFactor
	}
	return every
}

// suspects reports whether a notification is waited for that should have come.
func (s *Service) suspects(ctx context.Context, r *roomSync) bool {
	if !r.enter(ctx) {
		return false
	}
	defer r.leave()
	return !r.unrung.IsZero()
}

// Sync reads the truth about a room now, whatever the clock says.
func (s *Service) Sync(ctx context.Context, room calendar.RoomID) error {
	conns, err := s.store.Connections(ctx)
	if err != nil {
		return err
	}
	r, err := s.store.Room(ctx, room)
	if err != nil {
		return err
	}
	return s.look(ctx, place{conn: s.owner(r, conns), room: room}, true)
}

// look takes one look at a room: rings the doorbell, reads the truth when it has
// to, commits, and reports. With force it reads the truth at once, ahead of the
// looks that the clock asked for.
func (s *Service) look(parent context.Context, at place, force bool) error {
	r := s.roomSync(at.room)
	waited := &connection.Error{Kind: connection.Unreachable, Op: "read calendar", Room: string(at.room)}
	if force {
		r.keen.Add(1)
		r.press()
	}
	mine := r.enter(parent)
	if force {
		r.keen.Add(-1)
	}
	if !mine {
		return waited
	}
	defer r.leave()
	leave, err := r.pass(parent, s.gate, force)
	if err != nil {
		return waited
	}
	term := s.health.term(at.conn)
	ctx, cancel := context.WithTimeout(parent, lookTime)
	changed, err := s.lookOnce(ctx, at, r, force)
	cancel()
	leave()
	if err != nil {
		if kindOf(err) == "" {
			r.loaded = false // the store may have kept it or not
		}
		s.report(parent, at, term, err)
		return err
	}
	r.read.Store(true)
	s.report(parent, at, term, nil)
	if changed {
		s.changed(at.room)
	} else {
		s.refreshed(at.room)
	}
	return nil
}

// lookOnce is look without its frame.
func (s *Service) lookOnce(ctx context.Context, at place, r *roomSync, force bool) (changed bool, err error) {
	ses, err := s.session(ctx, at.conn)
	if err != nil {
		return false, err
	}
	room, err := s.store.Room(ctx, at.room)
	if err != nil {
		return false, err
	}
	if err := s.load(ctx, at.room, r); err != nil {
		return false, err
	}
	start := s.now()
	want := s.window(room, start)
	due := force || r.window.From.IsZero() || start.Sub(r.cursor.TruthAt) >= truthEvery
	cur := connection.Cursor{TruthAt: r.cursor.TruthAt}
	switch {
	case ses.key.mode == connection.Delegated:
		due = true
	case (force || due && !s.announced(at)) && r.cursor.DeltaLink != "" && sameWindow(r.window, want) && !start.Before(r.noDelta):
		// The link stays where it is: what it will tell is older than this truth.
		cur.DeltaLink, r.behind = r.cursor.DeltaLink, true
	default:
		var rang bool
		if cur.DeltaLink, rang, err = s.ask(ctx, ses, at, r, want); err != nil {
			return false, err
		}
		due = due || rang
	}
	if !due {
		if err := s.store.TouchAgenda(ctx, at.room, start, cur); err != nil {
			return false, err
		}
		r.cursor = cur
		return false, nil
	}
	return s.truth(ctx, ses, r, room, want, cur)
}

// truth reads the whole window and commits it with the cursor.
func (s *Service) truth(ctx context.Context, ses *session, r *roomSync, room calendar.Room, want calendar.Window, cur connection.Cursor) (bool, error) {
	const op = "read calendar"
	start := s.now()
	s.counters.add("truth_reads", 1)
	raw, err := withToken(ctx, ses, func() ([]msgraph.Event, error) {
		return ses.graph.View(ctx, string(room.ID), want.From, want.To)
	})
	if err != nil {
		return false, graphError(op, string(room.ID), err)
	}
	events, n, err := readEvents(raw)
	if err != nil {
		return false, &connection.Error{Kind: connection.BadAnswer, Op: op, Room: string(room.ID), Status: 200}
	}
	s.counters.add("events_dropped", n.dropped)
	s.counters.add("subjects_cut", n.cut)
	cur.TruthAt = start
	changed, err := s.store.CommitAgenda(ctx, calendar.Agenda{Room: room, Events: events, Window: want, AsOf: start}, cur)
	if err != nil {
		return false, err
	}
	r.window, r.cursor = want, cur
	return changed, nil
}

// checkBell compares what the delta query found with what notifications said.
// A change that none announces in time means that they do not arrive.
func (s *Service) checkBell(at place, r *roomSync, moved bool) {
	now := s.now()
	since, rings := s.bells.rings(at)
	announced := r.behind || r.rung.Load() || r.linkAt.Before(since) || r.linkAt.IsZero()
	switch {
	case !rings || r.behind || r.rung.Load():
		r.unrung = time.Time{}
	case !r.unrung.IsZero() && now.Sub(r.unrung) >= notificationLate:
		s.counters.add("rings_missed", 1)
		if s.bells.missed(at, r.unrung) {
			s.lines.warn(lineKey{at.conn, "missed"}, "change notifications do not arrive, rooms are polled", "connection", at.conn)
			s.nudgeAll(at.conn)
		}
		r.unrung = time.Time{}
	case moved && !announced && r.unrung.IsZero():
		r.unrung = now
	}
	r.behind, r.linkAt = false, now
}

// announced reports whether notifications tell of a room's changes.
func (s *Service) announced(at place) bool {
	_, ok := s.bells.rings(at)
	return ok
}

// nudgeAll has every room of a connection looked at.
func (s *Service) nudgeAll(id connection.ID) {
	for _, at := range s.bells.hung(id) {
		s.roomSync(at.room).nudge()
	}
}

// ask asks the delta query whether anything moved; rang is true when the truth
// has to be read. A new round begins when the window rolled on or Graph lost its
// state; it is finished before the truth is read, so that nothing falls between
// the two. While delta queries are in trouble the link is empty and it always
// rings: then nothing but a truth read confirms what is stored.
func (s *Service) ask(ctx context.Context, ses *session, at place, r *roomSync, want calendar.Window) (link string, rang bool, err error) {
	const op = "ask for changes"
	now := s.now()
	if now.Before(r.noDelta) {
		return "", true, nil
	}
	var ch msgraph.Changes
	if link = r.cursor.DeltaLink; link != "" && sameWindow(r.window, want) {
		s.counters.add("delta_polls", 1)
		ch, err = withToken(ctx, ses, func() (msgraph.Changes, error) { return ses.graph.DeltaFrom(ctx, link) })
		if err = graphError(op, string(at.room), err); err == nil {
			s.deltaWorks(at, r)
			s.checkBell(at, r, ch.Items > 0)
			return ch.DeltaLink, ch.Items > 0, nil
		}
	}
	if link == "" || !sameWindow(r.window, want) || lostState(err) {
		if err != nil {
			s.counters.failure(kindOf(err))
		}
		s.counters.add("delta_rounds", 1)
		ch, err = withToken(ctx, ses, func() (msgraph.Changes, error) {
			return ses.graph.Delta(ctx, string(at.room), want.From, want.To)
		})
		if err = graphError(op, string(at.room), err); err == nil {
			s.deltaWorks(at, r)
			r.behind, r.linkAt = false, now
			return ch.DeltaLink, true, nil
		}
	}
	if !deltaOnly(err) {
		return "", false, err
	}
	s.counters.failure(kindOf(err))
	r.noDelta = now.Add(deltaPause)
	if !r.deltaDown {
		r.deltaDown = true
		s.lines.warn(lineKey{at.conn, "delta"}, "changes are not told apart, reading by the clock", "room", at.room, "kind", kindOf(err), "code", err.(*connection.Error).Code)
	}
	return "", true, nil
}

func (s *Service) deltaWorks(at place, r *roomSync) {
	if r.deltaDown {
		r.deltaDown = false
		s.lines.info(lineKey{at.conn, "delta works"}, "changes are told apart again", "room", at.room)
	}
}

// lostState reports whether a delta link is of no use any more: Graph forgot
// it, does not understand it, or it leads to a server that is not ours.
func lostState(err error) bool {
	k := kindOf(err)
	e, ok := err.(*connection.Error)
	return k == connection.SyncReset || (ok && e.Op != tokenOp && (k == connection.BadAnswer && e.Status == 0 ||
		e.Status == http.StatusBadRequest || strings.HasPrefix(strings.ToLower(e.Code), "resync")))
}

// deltaOnly reports whether a failed delta query says nothing about the truth
// read: then that is tried.
func deltaOnly(err error) bool {
	switch kindOf(err) {
	case connection.BadAnswer, connection.AccessDenied, connection.NotFound, connection.ServerFault,
		connection.InternalFault, connection.SyncReset:
		e, ok := err.(*connection.Error)
		return ok && e.Op != tokenOp
	}
	return false
}

// load reads window and cursor of a room once from the store.
func (s *Service) load(ctx context.Context, id calendar.RoomID, r *roomSync) error {
	if r.loaded {
		return nil
	}
	a, err := s.store.Agenda(ctx, id)
	if err != nil && !s.missing(err) {
		return err
	}
	cur, err := s.store.Cursor(ctx, id)
	if err != nil && !s.missing(err) {
		return err
	}
	r.window, r.cursor, r.loaded = a.Window, cur, true
	return nil
}

// window is the span to read at now: from yesterday's local midnight to the end
// of the eighth day. Each room rolls on within minutes after its midnight, not
// all at once.
func (s *Service) window(room calendar.Room, now time.Time) calendar.Window {
	loc := calendar.Agenda{Room: room}.Location(s.siteZone())
	h := fnv.New32a()
	_, _ = h.Write([]byte(room.ID))
	late := time.Duration(h.Sum32()%uint32(rolloverSpread/time.Second)) * time.Second
	y, m, d := now.Add(-late).In(loc).Date()
	return calendar.Window{
		From: time.Date(y, m, d-1, 0, 0, 0, 0, loc).UTC(),
		To:   time.Date(y, m, d+8, 0, 0, 0, 0, loc).UTC(),
	}
}

func sameWindow(a, b calendar.Window) bool { return a.From.Equal(b.From) && a.To.Equal(b.To) }

// backOff is the pause after the nth failure in a row; it never ends the looks.
func backOff(n int, err error) time.Duration {
	d := jitter(min(firstBackOff<<min(n-1, 10), maxBackOff))
	e, ok := err.(*connection.Error)
	switch {
	case ok && e.Op == tokenOp:
		// Asking again costs no request, the session itself holds back; both
		// pauses in a row would be twice as long as the longest.
		return min(d, jitter(maxTokenWait))
	case ok && e.RetryAfter > d:
		return min(e.RetryAfter, time.Hour)
	}
	return d
}

// jitter varies d by a fifth in both directions, so that rooms do not march in
// step.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5+1)
}
