package graphsync

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// The life of subscriptions. Microsoft gives events of Outlook seven days and
// gave less than three before; what is longer is refused with 400
// (learn.microsoft.com/graph/api/resources/subscription).
const (
	subscriptionLife   = 10_000 * time.Minute
	subscriptionShort  = 4_200 * time.Minute
	renewBefore        = 24 * time.Hour // before the end, and up to renewSpread earlier
	renewSpread        = 24 * time.Hour
	subscribeAgain     = time.Hour // after Microsoft refused
	tendEvery          = time.Minute
	firstReads         = 10 * time.Minute // no new subscription while rooms are read for the first time
	refusalsToStop     = 3                // in a row: it is not the room
	unsubscribeTime    = 20 * time.Second
	safetyEvery        = 10 * time.Minute // between looks at a room that rings
	gatherTime         = 2 * time.Second  // rings after a read are answered together
	notificationLate   = 4 * time.Minute  // Microsoft promises three minutes at most
	clientStateEntropy = 32
)

// keeper looks after the subscriptions of one connection; only its own
// goroutine touches it.
type keeper struct {
	id       connection.ID
	life     time.Duration
	later    map[calendar.RoomID]time.Time // no try before
	blocked  time.Time                     // no new subscription before
	failures int                           // passes in a row that Microsoft did not answer
	told     connection.Kind               // what the log said last
	began    time.Time
}

// keepBells gives every room of a connection a subscription and renews it, until
// ctx ends. Whatever fails, rooms without one are polled.
func (s *Service) keepBells(ctx context.Context, id connection.ID) {
	defer s.bells.takeAll(id)
	k := &keeper{id: id, told: "nothing", began: s.now(), life: subscriptionLife, later: map[calendar.RoomID]time.Time{}}
	woken := s.bells.woken(id)
	for {
		pause := tendEvery
		if err := s.tend(ctx, k); err != nil {
			k.failures++
			pause = min(max(backOff(k.failures, err), firstBackOff), subscribeAgain)
			s.tellBells(ctx, k, err)
		} else {
			k.failures = 0
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-woken:
		}
		t.Stop()
		if ctx.Err() != nil {
			return
		}
		if k.failures > 0 && sleep(ctx, firstBackOff) != nil { // a wake-up does not undo the back-off
			return
		}
	}
}

// tellBells writes one line when notifications begin or cease to be possible.
func (s *Service) tellBells(ctx context.Context, k *keeper, err error) {
	kind := kindOf(err)
	if ctx.Err() != nil || k.told == kind {
		return
	}
	k.told = kind
	if err == nil {
		s.lines.info(lineKey{k.id, "subscribed"}, "change notifications work", "connection", k.id)
		return
	}
	code := ""
	if e, ok := err.(*connection.Error); ok {
		code = e.Code
	}
	s.lines.warn(lineKey{k.id, "subscribe " + string(kind)}, "change notifications not possible, rooms are polled", "connection", k.id, "kind", kind, "code", code)
}

// tend makes one pass over the subscriptions. An error means that Microsoft, or
// the store, does not answer.
func (s *Service) tend(ctx context.Context, k *keeper) error {
	c, err := s.store.Connection(ctx, k.id)
	if err != nil || c.State.Mode != connection.AppOnly {
		return err
	}
	subs, err := s.store.Subscriptions(ctx, k.id)
	if err != nil {
		return err
	}
	rooms, err := s.roomsOf(ctx, k.id)
	if err != nil {
		return err
	}
	rooms = slices.DeleteFunc(rooms, func(r calendar.Room) bool { return r.Gone })
	ses, err := s.session(ctx, k.id)
	if err != nil {
		return err
	}
	have := map[calendar.RoomID]bool{}
	for _, sub := range subs {
		id := calendar.NewRoomID(sub.Room)
		wanted := !have[id] && slices.ContainsFunc(rooms, func(r calendar.Room) bool { return r.ID == id })
		kept, err := s.keepSubscription(ctx, k, ses, sub, wanted)
		if err != nil {
			return err
		}
		have[id] = have[id] || kept
	}
	if s.now().Sub(k.began) < firstReads && slices.ContainsFunc(rooms, func(r calendar.Room) bool { return !s.roomSync(r.ID).read.Load() }) {
		return nil // reading comes first
	}
	refused := 0
	for _, r := range rooms {
		now := s.now()
		if have[r.ID] || now.Before(k.later[r.ID]) || now.Before(k.blocked) || !s.roomSync(r.ID).read.Load() {
			continue
		}
		err := s.subscribe(ctx, k, ses, r.ID)
		if err == nil {
			refused = 0
			s.tellBells(ctx, k, nil)
			continue
		}
		if passing(err) {
			return err
		}
		k.later[r.ID] = now.Add(subscribeAgain)
		if refused++; refused >= refusalsToStop || endpointRefused(err) {
			k.blocked = now.Add(subscribeAgain)
			s.tellBells(ctx, k, err)
		}
	}
	return nil
}

// passing reports whether an error says nothing about the subscription.
func passing(err error) bool {
	switch kindOf(err) {
	case connection.AccessDenied, connection.NotFound, connection.InternalFault, connection.BadAnswer:
		e, ok := err.(*connection.Error)
		return !ok || e.Op == tokenOp
	}
	return true
}

// endpointRefused reports whether Microsoft refused more than one room: it does
// not reach the endpoint, or does not take the request.
func endpointRefused(err error) bool {
	e, ok := err.(*connection.Error)
	return ok && e.Status == http.StatusBadRequest
}

// keepSubscription renews, drops or keeps one stored subscription.
func (s *Service) keepSubscription(ctx context.Context, k *keeper, ses *session, sub connection.Subscription, wanted bool) (kept bool, err error) {
	at, now := place{conn: k.id, room: calendar.NewRoomID(sub.Room)}, s.now()
	b, hangs := s.bells.get(sub.ID)
	switch {
	case !wanted || !s.bells.ours(sub.ClientState):
		if err := s.called(ctx, at.room, func(ctx context.Context) error { return ses.graph.Unsubscribe(ctx, sub.ID) }); err != nil && passing(err) {
			return false, err
		}
		return false, s.dropSubscription(ctx, sub)
	case b.removed || !now.Before(sub.Expires):
		if err := s.dropSubscription(ctx, sub); err != nil {
			return false, err
		}
		s.roomSync(at.room).ringBell() // whatever happened meanwhile was not announced
		return false, nil
	case hangs && b.silent && !now.Before(k.later[at.room]) && now.Sub(b.since) >= subscribeAgain:
		if err := s.called(ctx, at.room, func(ctx context.Context) error { return ses.graph.Unsubscribe(ctx, sub.ID) }); err != nil {
			return true, err
		}
		return false, s.dropSubscription(ctx, sub)
	}
	if !hangs {
		s.bells.hang(at, sub, false)
	}
	if !b.renew && now.Before(renewAt(sub)) || now.Before(k.later[at.room]) {
		return true, nil
	}
	return s.renew(ctx, k, ses, at, sub)
}

// renew gives a subscription a later end.
func (s *Service) renew(ctx context.Context, k *keeper, ses *session, at place, sub connection.Subscription) (kept bool, err error) {
	var got msgraph.Subscription
	for {
		err = s.called(ctx, at.room, func(ctx context.Context) (err error) {
			got, err = withToken(ctx, ses, func() (msgraph.Subscription, error) { return ses.graph.Renew(ctx, sub.ID, s.now().Add(k.life)) })
			return err
		})
		if !endpointRefused(err) || k.life == subscriptionShort {
			break
		}
		k.life = subscriptionShort
	}
	switch {
	case err == nil:
		sub.Expires = got.Expires
		if err := s.store.SaveSubscription(ctx, sub); err != nil {
			return true, err
		}
		s.bells.hang(at, sub, false)
		s.counters.add("subscriptions_renewed", 1)
		return true, nil
	case passing(err):
		return true, err
	case kindOf(err) == connection.NotFound:
		if err := s.dropSubscription(ctx, sub); err != nil {
			return false, err
		}
		s.roomSync(at.room).ringBell()
		return false, nil
	}
	k.later[at.room] = s.now().Add(subscribeAgain)
	return true, nil
}

// renewAt is when a subscription is renewed: well before its end, each at its
// own time.
func renewAt(sub connection.Subscription) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(sub.ID))
	return sub.Expires.Add(-renewBefore - time.Duration(h.Sum32()%uint32(renewSpread/time.Second))*time.Second)
}

// dropSubscription forgets a subscription.
func (s *Service) dropSubscription(ctx context.Context, sub connection.Subscription) error {
	s.bells.take(sub.ID)
	s.counters.add("subscriptions_ended", 1)
	return s.store.RemoveSubscription(ctx, sub.ID)
}

// subscribe makes a subscription for a room and then has the room looked at, so
// that nothing falls between.
func (s *Service) subscribe(ctx context.Context, k *keeper, ses *session, room calendar.RoomID) error {
	state, err := s.bells.secret()
	if err != nil {
		return &connection.Error{Kind: connection.InternalFault, Op: "subscribe", Room: string(room)}
	}
	cleared := false
	for {
		var got msgraph.Subscription
		err := s.called(ctx, room, func(ctx context.Context) (err error) {
			got, err = withToken(ctx, ses, func() (msgraph.Subscription, error) {
				return ses.graph.Subscribe(ctx, msgraph.Watch{
					Mailbox: string(room), URL: s.bells.url, ClientState: state, Expires: s.now().Add(k.life),
				})
			})
			return err
		})
		e, _ := err.(*connection.Error)
		switch {
		case err == nil:
			sub := connection.Subscription{ID: got.ID, Connection: k.id, Room: string(room), ClientState: state, Expires: got.Expires}
			if err := s.store.SaveSubscription(ctx, sub); err != nil {
				return err // Microsoft keeps it: the next try clears it away
			}
			s.counters.add("subscriptions_created", 1)
			s.bells.hang(place{conn: k.id, room: room}, sub, true)
			s.roomSync(room).nudge()
			return nil
		case e != nil && e.Status == http.StatusConflict && !cleared:
			if err := s.clearAway(ctx, ses, room); err != nil {
				return err
			}
			cleared = true
		case endpointRefused(err) && k.life != subscriptionShort && !strings.Contains(strings.ToLower(e.Code), "validation"):
			k.life = subscriptionShort
		default:
			s.counters.add("subscriptions_failed", 1)
			return err
		}
	}
}

// clearAway ends subscriptions of a room to this endpoint that the store does
// not know.
func (s *Service) clearAway(ctx context.Context, ses *session, room calendar.RoomID) error {
	var found []msgraph.Subscription
	err := s.called(ctx, room, func(ctx context.Context) (err error) {
		found, err = ses.graph.Subscriptions(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, sub := range found {
		if sub.NotificationURL != s.bells.url || !sub.Watches(string(room)) {
			continue
		}
		if err := s.called(ctx, room, func(ctx context.Context) error { return ses.graph.Unsubscribe(ctx, sub.ID) }); err != nil {
			return err
		}
	}
	return nil
}

// called makes a call about a room's subscription when it is its turn.
func (s *Service) called(ctx context.Context, room calendar.RoomID, call func(context.Context) error) error {
	const op = "subscribe"
	waited := &connection.Error{Kind: connection.Unreachable, Op: op, Room: string(room)}
	r := s.roomSync(room)
	if !r.enter(ctx) {
		return waited
	}
	defer r.leave()
	leave, err := s.gate.enterFirst(ctx) // one at a time: three places stay
	if err != nil {
		return waited
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return graphError(op, string(room), call(ctx))
}

// unsubscribeAll ends every subscription of a connection, as far as Microsoft
// answers; what is left runs out by itself.
func (s *Service) unsubscribeAll(ctx context.Context, id connection.ID) error {
	subs, err := s.store.Subscriptions(ctx, id)
	if err != nil {
		return err
	}
	ses, err := s.session(ctx, id)
	calls, cancel := context.WithTimeout(ctx, unsubscribeTime)
	defer cancel()
	for _, sub := range subs {
		if err == nil && calls.Err() == nil {
			_ = s.called(calls, calendar.NewRoomID(sub.Room), func(ctx context.Context) error { return ses.graph.Unsubscribe(ctx, sub.ID) })
		}
		if err := s.dropSubscription(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

// trySubscription makes a subscription for a room and ends it again: a round
// trip through Microsoft to the endpoint. A room that has one proves the same.
func (s *Service) trySubscription(ctx context.Context, id connection.ID, ses *session, room calendar.RoomID) error {
	if s.bells.url == "" {
		return &connection.Error{Kind: connection.NotConfigured, Op: "subscribe", Room: string(room)}
	}
	if _, ok := s.bells.rings(place{conn: id, room: room}); ok {
		return nil
	}
	state, err := s.bells.secret()
	if err != nil {
		return &connection.Error{Kind: connection.InternalFault, Op: "subscribe", Room: string(room)}
	}
	return s.called(ctx, room, func(ctx context.Context) error {
		got, err := withToken(ctx, ses, func() (msgraph.Subscription, error) {
			return ses.graph.Subscribe(ctx, msgraph.Watch{
				Mailbox: string(room), URL: s.bells.url, ClientState: state, Expires: s.now().Add(time.Hour),
			})
		})
		if err != nil {
			return err
		}
		return ses.graph.Unsubscribe(ctx, got.ID)
	})
}

// secret makes a client state: random, and marked with the endpoint, so that
// subscriptions to an earlier endpoint are known.
func (b *bells) secret() (string, error) {
	raw := make([]byte, clientStateEntropy)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw) + "." + b.mark(), nil
}

// ours reports whether a client state was made for this endpoint.
func (b *bells) ours(state string) bool { return strings.HasSuffix(state, "."+b.mark()) }

func (b *bells) mark() string {
	h := sha256.Sum256([]byte(b.url))
	return base64.RawURLEncoding.EncodeToString(h[:9])
}
