package graphsync

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// How many rooms a test reads: enough to find one that may be read, and to show
// the administrator the first ones.
const (
	roomsToChoose = 3
	roomsToShow   = 20
)

// settleTime bounds what a person waits for after signing in.
const settleTime = answerTime / 2

// Probe tests a connection with real calls and returns one line per call. A
// delegated connection also has the application's own rights tried, and goes
// over to them where they are granted. The error is NotConfigured without
// settings, or the store's; a failed call is a line, not an error.
func (s *Service) Probe(ctx context.Context, id connection.ID, o connection.ProbeOptions) ([]connection.Check, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Settings.ClientID == "" {
		return nil, &connection.Error{Kind: connection.NotConfigured, Op: "check connection"}
	}
	if c.State.Mode == connection.Delegated {
		promoted, err := s.choose(ctx, id, 1)
		if err != nil {
			return nil, err
		}
		if !promoted {
			ses, err := s.session(ctx, id)
			if err != nil {
				return nil, err
			}
			p, err := s.try(ctx, c, ses, roomsToShow, false)
			if err != nil {
				return p.checks, err
			}
			return s.probeMore(ctx, c, ses, p, o), nil
		}
	}
	key := sessionKey{settings: c.Settings, mode: connection.AppOnly, tenant: tenantOf(c)}
	ses, err := s.open(key, newHeld())
	if err != nil {
		var p probe
		p.add(connection.CheckToken, "", err, s.now())
		return p.checks, nil
	}
	p, err := s.try(ctx, c, ses, roomsToShow, false)
	if err != nil {
		return p.checks, err
	}
	return s.probeMore(ctx, c, ses, p, o), nil
}

// probeMore adds the lines about rights and the optional ones.
func (s *Service) probeMore(ctx context.Context, c connection.Connection, ses *session, p probe, o connection.ProbeOptions) []connection.Check {
	if len(p.checks) == 0 || !p.checks[0].OK {
		return p.checks
	}
	if line, ok := s.checkRights(ctx, c, ses); ok {
		p.checks = slices.Insert(p.checks, 1, line)
	}
	if o.Forbidden != "" {
		p.checks = append(p.checks, s.checkForbidden(ctx, ses, p, o.Forbidden))
	}
	if o.Subscription {
		p.checks = append(p.checks, s.checkSubscription(ctx, c, ses, p))
	}
	return p.checks
}

// checkRights compares the permissions in the token with those that are needed.
// A token that cannot be read gives no line: tokens are Microsoft's business.
func (s *Service) checkRights(ctx context.Context, c connection.Connection, ses *session) (connection.Check, bool) {
	token, err := ses.tokens.get(ctx, "")
	if err != nil {
		return connection.Check{}, false
	}
	granted, ok := rightsIn(token)
	if !ok {
		return connection.Check{}, false
	}
	set := c.Settings
	set.Access = ses.key.mode
	line := connection.Check{Name: connection.CheckRights}
	line.Excess, line.Missing = connection.CompareRights(granted, connection.Permissions(set))
	line.OK = len(line.Excess) == 0 && len(line.Missing) == 0
	return line, true
}

// rightsIn reads the permissions out of an access token: roles for the
// application's own, scp for a person's.
func rightsIn(token string) ([]connection.Permission, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > 64<<10 {
		return nil, false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Roles []string `json:"roles"`
		Scope string   `json:"scp"`
	}
	if err != nil || json.Unmarshal(body, &claims) != nil {
		return nil, false
	}
	var list []connection.Permission
	for _, name := range append(claims.Roles, strings.Fields(claims.Scope)...) {
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			name = name[i+1:]
		}
		if len(list) < 100 && len(name) <= 100 {
			list = append(list, connection.Permission(name))
		}
	}
	return list, true
}

// checkForbidden opens a mailbox that must be refused. The refusal proves
// something only while another calendar can be read.
func (s *Service) checkForbidden(ctx context.Context, ses *session, p probe, address string) connection.Check {
	id := string(calendar.NewRoomID(address))
	line := connection.Check{Name: connection.CheckForbidden, Room: tidy(id, maxAddress)}
	if !mailbox.MatchString(id) {
		line.Skipped, line.Problem = true, &connection.Problem{Kind: connection.NotFound, Since: s.now()}
		return line
	}
	leave, err := s.gate.enter(ctx)
	if err != nil {
		line.Skipped, line.Problem = true, &connection.Problem{Kind: connection.Unreachable, Since: s.now()}
		return line
	}
	defer leave()
	now := s.now()
	_, err = withToken(ctx, ses, func() ([]msgraph.Event, error) { return ses.graph.View(ctx, id, now, now.Add(time.Hour)) })
	err = graphError("read calendar", id, err)
	switch kindOf(err) {
	case connection.AccessDenied:
		if line.OK = p.calendar; !p.calendar {
			line.Skipped, line.Problem = true, problem(nil, err, now)
		}
	case "":
	default: // not found, or Microsoft did not answer: nothing is proved
		line.Skipped, line.Problem = true, problem(nil, err, now)
	}
	return line
}

// checkSubscription makes a change notification on the first room that can be
// read go round.
func (s *Service) checkSubscription(ctx context.Context, c connection.Connection, ses *session, p probe) connection.Check {
	line := connection.Check{Name: connection.CheckSubscription}
	for _, ch := range p.checks {
		if ch.Name == connection.CheckCalendar && ch.OK {
			line.Room = ch.Room
			break
		}
	}
	if line.Room == "" || s.bells.url == "" || ses.key.mode != connection.AppOnly {
		line.Skipped = true
		line.Problem = &connection.Problem{Kind: connection.NotConfigured, Since: s.now()}
		return line
	}
	err := s.trySubscription(ctx, c.ID, ses, calendar.RoomID(line.Room))
	if line.OK = err == nil; err != nil {
		line.Problem = problem(nil, err, s.now())
	}
	return line
}

// choose tries the application's own rights, up to tries times because grants
// arrive late, and lets the connection run on them where they are granted. The
// error is the store's.
func (s *Service) choose(ctx context.Context, id connection.ID, tries int) (appOnly bool, err error) {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return false, err
	}
	if c.Settings.Access == connection.Delegated {
		return false, nil // chosen by a person
	}
	for n := range tries {
		if n > 0 {
			if sleep(ctx, time.Duration(n)*time.Second) != nil {
				break
			}
		}
		p, err := s.tryAppOnly(ctx, c, roomsToChoose, true)
		if err != nil {
			return false, err
		}
		if !p.granted() {
			continue
		}
		appOnly = true
		err = s.editState(ctx, id, func(now connection.Connection, st *connection.State) error {
			if now.Settings != c.Settings || st.Mode == connection.NotConnected {
				return nil
			}
			st.Mode, st.Lost = connection.AppOnly, nil
			if !p.places {
				st.Lost = []connection.Permission{connection.PlaceReadAll}
			}
			return nil
		})
		if err != nil {
			return false, err
		}
		if c.State.Mode != connection.AppOnly {
			s.log.Info("Microsoft 365 is read with the application's own rights", "connection", id)
			s.health.forget(id)
		}
		break
	}
	return appOnly, nil
}

// settle chooses the mode after a sign-in or a grant and lists the rooms. That
// they cannot be listed, or that Graph takes too long, is no failure of the
// sign-in: Run tries again. The error is the store's.
func (s *Service) settle(parent context.Context, id connection.ID, tries int) error {
	ctx, cancel := context.WithTimeout(parent, settleTime)
	defer cancel()
	_, err := s.choose(ctx, id, tries)
	if err == nil {
		err = s.RefreshRooms(ctx, id)
	}
	if kindOf(err) != "" || (ctx.Err() != nil && parent.Err() == nil) {
		return nil
	}
	return err
}

// probe is the result of a test.
type probe struct {
	checks   []connection.Check
	places   bool // rooms may be listed
	calendar bool // at least one calendar may be read
	rooms    int  // calendars that were tried
}

// granted reports whether a mode is good enough to run on. Without any room
// there is no calendar to prove it on, and nothing to lose.
func (p probe) granted() bool { return p.calendar || (p.places && p.rooms == 0) }

func (p *probe) add(name, room string, err error, now time.Time) {
	ch := connection.Check{Name: name, Room: room, OK: err == nil}
	if err != nil {
		ch.Problem = problem(nil, err, now)
	}
	p.checks = append(p.checks, ch)
}

// tryAppOnly tests the application's own rights with a new token, because rights
// are fixed in a token when it is issued.
func (s *Service) tryAppOnly(ctx context.Context, c connection.Connection, rooms int, enough bool) (probe, error) {
	key := sessionKey{settings: c.Settings, mode: connection.AppOnly, tenant: tenantOf(c)}
	ses, err := s.open(key, newHeld())
	if err != nil {
		var p probe
		p.add("token", "", err, s.now())
		return p, nil
	}
	return s.try(ctx, c, ses, rooms, enough)
}

// try tests token, room list and calendars of a session: at most so many rooms,
// and with enough only until one could be read.
func (s *Service) try(ctx context.Context, c connection.Connection, ses *session, rooms int, enough bool) (probe, error) {
	var p probe
	leave, err := s.gate.enter(ctx)
	if err != nil {
		return p, &connection.Error{Kind: connection.Unreachable, Op: "check connection"}
	}
	defer leave()
	_, err = ses.tokens.get(ctx, "")
	p.add("token", "", err, s.now())
	if err != nil {
		return p, nil
	}
	listed, err := withToken(ctx, ses, func() ([]msgraph.Room, error) { return ses.graph.SomeRooms(ctx, rooms) })
	err = placesError(err)
	p.places = err == nil
	p.add("places", "", err, s.now())

	ids, err := s.roomsToTry(ctx, c.ID, listed)
	if err != nil {
		return p, err
	}
	for _, id := range ids[:min(len(ids), rooms)] {
		now := s.now()
		_, err := withToken(ctx, ses, func() ([]msgraph.Event, error) {
			return ses.graph.View(ctx, string(id), now, now.Add(time.Hour))
		})
		err = graphError("read calendar", string(id), err)
		p.rooms++
		p.add("calendar", string(id), err, now)
		if p.calendar = p.calendar || err == nil; p.calendar && enough {
			break
		}
	}
	return p, nil
}

// roomsToTry names rooms for a test: known ones first, they are the ones that
// matter.
func (s *Service) roomsToTry(ctx context.Context, id connection.ID, listed []msgraph.Room) ([]calendar.RoomID, error) {
	known, err := s.roomsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	var ids []calendar.RoomID
	seen := map[calendar.RoomID]bool{}
	add := func(room calendar.RoomID) {
		if !seen[room] {
			seen[room] = true
			ids = append(ids, room)
		}
	}
	for _, r := range known {
		if !r.Gone {
			add(r.ID)
		}
	}
	found, _ := readRooms(listed)
	for _, r := range found {
		add(r.ID)
	}
	return ids, nil
}

// withToken makes a call, and once more with a new token when Graph refused the
// one it had.
func withToken[T any](ctx context.Context, ses *session, call func() (T, error)) (T, error) {
	v, err := call()
	if e := graphError("", "", err); kindOf(e) == connection.SignInAgain && e.(*connection.Error).Op != tokenOp && ses.tokens.drop(ctx) {
		return call()
	}
	return v, err
}
