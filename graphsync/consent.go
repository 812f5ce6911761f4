package graphsync

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"doorleaf/gateway/connection"
)

// consentLife is how long a mailed consent link works.
const consentLife = 7 * 24 * time.Hour

// consentPart is where the store keeps the state of a mailed link: beside the
// tokens, so that it is sealed and goes with them.
const consentPart = "mailed consent"

// mailedConsent is what is kept of a link: enough to know it again, not enough
// to make it.
type mailedConsent struct {
	State [32]byte  `json:"state"` // SHA-256
	Until time.Time `json:"until"`
}

// mailedPrefix begins the state of a mailed link; the connection's number and a
// secret follow.
const mailedPrefix = "mail."

// ConsentLink returns the address of Microsoft's page on which an administrator
// grants the application its rights for the whole organization. It can be
// mailed: who follows it needs no account here. It works for seven days and over
// restarts, until a newer one is made.
func (s *Service) ConsentLink(ctx context.Context, id connection.ID) (string, error) {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return "", err
	}
	a, err := s.begin(ctx, c, adminConsent)
	if err != nil {
		s.failed("consent link", id, err)
		return "", err
	}
	if a.meta.tenant == "" { // "any organization" is none that could consent
		return "", &connection.Error{Kind: connection.BadTenant, Op: "consent link"}
	}
	state := mailedPrefix + strconv.FormatInt(int64(id), 10) + "." + secret()
	blob, err := json.Marshal(mailedConsent{State: sha256.Sum256([]byte(state)), Until: s.now().Add(consentLife)})
	if err != nil {
		return "", &connection.Error{Kind: connection.InternalFault, Op: "consent link"}
	}
	if err := s.store.SetTokenCache(ctx, id, consentPart, blob); err != nil {
		return "", err
	}
	return s.consentURL(a, state), nil
}

func (s *Service) consentURL(a attempt, state string) string {
	q := url.Values{
		"client_id":    {a.settings.ClientID},
		"scope":        {a.ends.Graph + "/.default"}, // the only way to application permissions
		"redirect_uri": {s.redirect},
		"state":        {state},
	}
	return a.ends.Login + "/" + url.PathEscape(a.tenant) + "/v2.0/adminconsent?" + q.Encode()
}

// answerMailed takes the answer to a mailed link. Nothing in it is believed: it
// only has the application's own rights tried. It may come from anybody who
// knows the link, and more than once.
func (s *Service) answerMailed(ctx context.Context, q connection.Query) (connection.Redirect, error) {
	mailed := connection.Redirect{Mailed: true}
	id, err := s.mailedFor(ctx, q["state"])
	if err != nil {
		s.counters.failure(kindOf(err))
		return mailed, err
	}
	if q["error"] != "" {
		err := oauthError("admin consent", q["error"], q["error_description"], nil)
		s.failed("admin consent", id, err)
		return mailed, err
	}
	if err := s.adopt(ctx, id, 3); err != nil {
		s.failed("admin consent", id, err)
		return mailed, err
	}
	s.wake()
	return mailed, nil
}

// mailedFor returns the connection that a state was mailed for.
func (s *Service) mailedFor(ctx context.Context, state string) (connection.ID, error) {
	unknown := &connection.Error{Kind: connection.StateMismatch, Op: "admin consent"}
	number, _, ok := strings.Cut(strings.TrimPrefix(state, mailedPrefix), ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || len(state) > 128 {
		return 0, unknown
	}
	blob, err := s.store.TokenCache(ctx, connection.ID(n), consentPart)
	if err != nil && !s.missing(err) {
		return 0, err
	}
	var kept mailedConsent
	sum := sha256.Sum256([]byte(state))
	if json.Unmarshal(blob, &kept) != nil || subtle.ConstantTimeCompare(kept.State[:], sum[:]) != 1 || s.now().After(kept.Until) {
		return 0, unknown
	}
	return connection.ID(n), nil
}

// adopt tries the application's own rights and runs on them where they are
// granted, also where nobody has signed in.
func (s *Service) adopt(ctx context.Context, id connection.ID, tries int) error {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return err
	}
	if c.State.Mode != connection.NotConnected {
		return s.settle(ctx, id, tries)
	}
	if c.Settings.Access == connection.Delegated {
		return nil // waits for the person who signs in
	}
	a, err := s.begin(ctx, c, adminConsent)
	if err != nil {
		return err
	}
	var p probe
	for n := range tries {
		if n > 0 && sleep(ctx, time.Duration(n)*time.Second) != nil {
			break
		}
		if p, err = s.tryAppOnly(ctx, c, roomsToChoose, true); err != nil {
			return err
		}
		if p.granted() {
			break
		}
	}
	if !p.granted() {
		return &connection.Error{Kind: connection.ConsentRequired, Op: "admin consent"}
	}
	err = s.editState(ctx, id, func(now connection.Connection, st *connection.State) error {
		if now.Settings != c.Settings || st.Mode != connection.NotConnected {
			return nil
		}
		*st = connection.State{Mode: connection.AppOnly, TenantID: a.meta.tenant, ConnectedAt: s.now(), CheckedAt: s.now()}
		if !p.places {
			st.Lost = []connection.Permission{connection.PlaceReadAll}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.closeSession(id)
	s.health.forget(id)
	s.log.Info("connected to Microsoft 365 by an administrator's consent", "connection", id)
	err = s.RefreshRooms(ctx, id)
	var fault *connection.Error
	if errors.As(err, &fault) {
		return nil // Run tries again
	}
	return err
}
