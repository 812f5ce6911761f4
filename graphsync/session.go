package graphsync

import (
	"context"
	"slices"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// session is a connection in use: tokens and Graph for one set of settings and
// one mode. It is replaced when either changes.
type session struct {
	key    sessionKey
	tokens *tokens
	graph  *msgraph.Client
	cache  *sealed // nil when tokens are not stored
}

// sessionKey is what a session depends on.
type sessionKey struct {
	settings connection.Settings
	mode     connection.Mode
	tenant   string
	account  string
	places   bool // a delegated token may list rooms
}

// tokenOp is the Op of errors that concern every room of a connection.
const tokenOp = "token"

// session returns the session of a connection in the mode it is in. The error
// is NotConfigured when the connection is not connected.
func (s *Service) session(ctx context.Context, id connection.ID) (*session, error) {
	s.mu.Lock() // also while reading, so that closeSession ends what it must
	defer s.mu.Unlock()
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.State.Mode == connection.NotConnected {
		return nil, &connection.Error{Kind: connection.NotConfigured, Op: "connect"}
	}
	if c.State.TenantID != "" {
		if err := s.admitted(c.State.TenantID, tokenOp); err != nil {
			return nil, err
		}
	}
	key := sessionKey{settings: c.Settings, mode: c.State.Mode, tenant: tenantOf(c), account: c.State.AccountID}
	key.places = key.mode == connection.Delegated && !slices.Contains(c.State.Lost, connection.PlaceReadAll)
	if have := s.sessions[id]; have != nil && have.key == key {
		return have, nil
	}
	store := &sealed{s: s, id: id, last: map[string][]byte{}}
	made, err := s.open(key, store)
	if err != nil {
		return nil, err
	}
	if have := s.sessions[id]; have != nil {
		have.cache.close()
	}
	made.cache = store
	if key.mode == connection.Delegated {
		made.tokens.renewed = func(ctx context.Context) { s.noteRefresh(ctx, id) }
		made.tokens.asked = func(claims string) { s.claims.put(id, claims) }
	}
	s.sessions[id] = made
	return made, nil
}

// refreshNoted is how exact State.RefreshedAt is kept.
const refreshNoted = 12 * time.Hour

// noteRefresh keeps when the grant of a person was last used: unused for 90
// days it ends.
func (s *Service) noteRefresh(ctx context.Context, id connection.ID) {
	c, err := s.store.Connection(ctx, id)
	if err != nil || c.State.Mode != connection.Delegated || s.now().Sub(c.State.RefreshedAt) < refreshNoted {
		return
	}
	err = s.editState(ctx, id, func(_ connection.Connection, st *connection.State) error {
		st.RefreshedAt = s.now()
		return nil
	})
	if err != nil {
		s.log.Warn("use of the grant not noted", "connection", id, "err", err)
	}
}

// closeSession makes the next use start from the store again. When it returns,
// the session before writes no token any more.
func (s *Service) closeSession(id connection.ID) {
	s.mu.Lock()
	have := s.sessions[id]
	delete(s.sessions, id)
	s.mu.Unlock()
	if have != nil {
		have.cache.close()
	}
}

// open makes a session without asking anybody.
func (s *Service) open(key sessionKey, accessor cache.ExportReplace) (*session, error) {
	ends, err := s.ends(key.settings)
	if err != nil {
		return nil, err
	}
	client, err := s.msal(ends, key.tenant, key.settings, accessor)
	if err != nil {
		return nil, err
	}
	t := newTokens(s.now, func(ctx context.Context, challenge string, fresh bool) (confidential.AuthResult, error) {
		if key.mode == connection.Delegated {
			return delegatedToken(ctx, client, key.account, scopes(ends.Graph, key.places), challenge, fresh)
		}
		use := client
		if fresh { // MSAL would answer from its cache
			if use, err = s.msal(ends, key.tenant, key.settings, newHeld()); err != nil {
				return confidential.AuthResult{}, err
			}
		}
		var opts []confidential.AcquireByCredentialOption
		if challenge != "" {
			opts = append(opts, confidential.WithClaims(challenge))
		}
		return use.AcquireTokenByCredential(ctx, []string{ends.Graph + "/.default"}, opts...)
	})
	graph, err := msgraph.New(msgraph.Options{
		BaseURL:   ends.Graph,
		Transport: s.transport,
		Token:     t.get,
		Pace:      s.gate.pace,
	})
	if err != nil {
		return nil, &connection.Error{Kind: connection.WrongCloud, Op: "connect"}
	}
	return &session{key: key, tokens: t, graph: graph}, nil
}

// delegatedToken renews the token of the person who signed in. A claims
// challenge can only be answered by that person, so it ends the grant.
func delegatedToken(ctx context.Context, client confidential.Client, account string, scopes []string, challenge string, fresh bool) (confidential.AuthResult, error) {
	again := &connection.Error{Kind: connection.SignInAgain, Op: tokenOp}
	if challenge != "" || account == "" {
		return confidential.AuthResult{}, again
	}
	who, err := client.Account(ctx, account)
	if err != nil {
		return confidential.AuthResult{}, err
	}
	if who.IsZero() {
		return confidential.AuthResult{}, again
	}
	opts := []confidential.AcquireSilentOption{confidential.WithSilentAccount(who)}
	if fresh { // claims make MSAL use the refresh token
		opts = append(opts, confidential.WithClaims(`{"access_token":{}}`))
	}
	res, err := client.AcquireTokenSilent(ctx, scopes, opts...)
	if err != nil {
		err = tokenError(tokenOp, err)
		if kindOf(err) == connection.CodeReused { // a refresh token, not a code
			e := *err.(*connection.Error)
			e.Kind = connection.SignInAgain
			err = &e
		}
	}
	return res, err
}

// tokens hands out the access token of a session. One request for a token is
// under way at a time, and after a failure the next one waits, so that a wrong
// secret does not cost one request per room.
type tokens struct {
	now   func() time.Time
	fetch func(ctx context.Context, challenge string, fresh bool) (confidential.AuthResult, error)
	turn  chan struct{} // holds a value when free; guards what follows

	renewed func(context.Context) // called after each new token; nil for nothing
	asked   func(claims string)   // called with each claims challenge; nil for nothing

	value    string
	until    time.Time // when value is renewed
	since    time.Time // when value was given
	fresh    bool      // the cached token was refused
	failures int       // in a row
	failed   error     // the last failure
	retryAt  time.Time // no request before, after a failure
}

// Before its end a token is renewed this early; a token younger than
// freshToken is not thrown away because Graph refused it.
const (
	tokenMargin = 5 * time.Minute
	freshToken  = time.Minute
)

func newTokens(now func() time.Time, fetch func(context.Context, string, bool) (confidential.AuthResult, error)) *tokens {
	t := &tokens{now: now, fetch: fetch, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// get returns a token; challenge is empty or a base64 claims challenge. Errors
// are *connection.Error with Op "token".
func (t *tokens) get(ctx context.Context, challenge string) (string, error) {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return "", &connection.Error{Kind: connection.Unreachable, Op: tokenOp}
	}
	defer func() { t.turn <- struct{}{} }()
	now := t.now()
	if challenge == "" && t.value != "" && now.Before(t.until) {
		return t.value, nil
	}
	if t.failed != nil && now.Before(t.retryAt) {
		return "", t.failed
	}
	decoded, err := decodeChallenge(challenge)
	if err != nil {
		return "", err
	}
	if decoded != "" && t.asked != nil {
		t.asked(decoded)
	}
	res, err := unshaken(func() (confidential.AuthResult, error) { return t.fetch(ctx, decoded, t.fresh) })
	if err == nil && res.AccessToken == "" {
		err = &connection.Error{Kind: connection.BadAnswer, Op: tokenOp}
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", &connection.Error{Kind: connection.Unreachable, Op: tokenOp}
		}
		t.failures++
		t.failed = tokenError(tokenOp, err)
		t.retryAt = now.Add(tokenPause(t.failed, t.failures))
		return "", t.failed
	}
	t.failures, t.failed, t.fresh = 0, nil, false
	t.value, t.since = res.AccessToken, now
	if t.renewed != nil {
		t.renewed(ctx)
	}
	t.until = res.ExpiresOn.Add(-tokenMargin)
	if short := now.Add(freshToken); t.until.Before(short) {
		t.until = short
	}
	return t.value, nil
}

// drop throws away a token that Graph refused and reports whether asking again
// makes sense.
func (t *tokens) drop(ctx context.Context) bool {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return false
	}
	defer func() { t.turn <- struct{}{} }()
	if t.value == "" || t.now().Sub(t.since) < freshToken {
		return false
	}
	t.value, t.fresh = "", true
	return true
}

// tokenPause is how long no token is asked for after the nth failure in a row.
func tokenPause(err error, n int) time.Duration {
	pause := min(5*time.Second<<min(n-1, 6), 5*time.Minute)
	if e, ok := err.(*connection.Error); ok && e.RetryAfter > pause {
		return min(e.RetryAfter, time.Hour)
	}
	return pause
}
