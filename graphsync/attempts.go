package graphsync

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"time"

	"doorleaf/gateway/connection"
)

// Bounds of sign-ins that were begun and not answered.
const (
	maxAttempts = 64
	attemptLife = 15 * time.Minute
)

// purpose says what an attempt waits for.
type purpose int

const (
	signIn purpose = iota + 1
	adminConsent
)

// attempt is a sign-in under way. It lives in memory only: after a restart the
// person presses Connect again.
type attempt struct {
	purpose  purpose
	places   bool // the sign-in asks for the list of rooms as well
	conn     connection.ID
	settings connection.Settings // as they were when it began
	ends     connection.Endpoints
	tenant   string // in the authority
	meta     metadata
	nonce    string
	verifier string // PKCE
	cookie   [32]byte
	begun    time.Time
}

// attempts keeps the attempts by state.
type attempts struct {
	now func() time.Time

	mu      sync.Mutex
	byState map[string]attempt // guarded by mu
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, byState: map[string]attempt{}}
}

// add keeps a and returns the state for the URL and the cookie for the browser.
// The oldest attempts give way when there are too many.
func (t *attempts) add(a attempt) (state, cookie string) {
	state, cookie = secret(), secret()
	a.cookie = sha256.Sum256([]byte(cookie))
	a.begun = t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for s, old := range t.byState {
		if t.stale(old) {
			delete(t.byState, s)
		}
	}
	for len(t.byState) >= maxAttempts {
		oldest := ""
		for s, old := range t.byState {
			if oldest == "" || old.begun.Before(t.byState[oldest].begun) {
				oldest = s
			}
		}
		delete(t.byState, oldest)
	}
	t.byState[state] = a
	return state, cookie
}

// take returns the attempt of a state once, and only to the browser that began
// it: another browser's answer is refused without ending the attempt.
func (t *attempts) take(state, cookie string) (attempt, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.byState[state]
	if !ok {
		return attempt{}, false
	}
	sum := sha256.Sum256([]byte(cookie))
	if subtle.ConstantTimeCompare(sum[:], a.cookie[:]) != 1 {
		return attempt{}, false
	}
	delete(t.byState, state)
	return a, !t.stale(a)
}

// forget drops the attempts of a connection.
func (t *attempts) forget(id connection.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s, a := range t.byState {
		if a.conn == id {
			delete(t.byState, s)
		}
	}
}

func (t *attempts) stale(a attempt) bool { return t.now().Sub(a.begun) > attemptLife }

// secret returns 32 random bytes in base64url, 43 characters.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (package crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// challenge is the S256 code challenge of a verifier (RFC 7636, section 4.2).
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// claimsAsked are what Microsoft asked to be proved again about the person of a
// delegated connection; the next sign-in carries them. They live in memory: who
// asked will ask again.
type claimsAsked struct {
	mu sync.Mutex
	of map[connection.ID]string // guarded by mu
}

func (c *claimsAsked) put(id connection.ID, claims string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[connection.ID]string{}
	}
	c.of[id] = claims
}

func (c *claimsAsked) get(id connection.ID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[id]
}
