package graphsync

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"doorleaf/gateway/connection"
)

// answerTime bounds everything that the answer of a sign-in sets going.
const answerTime = 90 * time.Second

// Connect begins a sign-in: it checks with Microsoft what can be checked before
// anybody signs in (tenant, client id and secret, redirect URI) and returns
// where to send the browser. Errors are *connection.Error; nothing stored is
// changed.
func (s *Service) Connect(ctx context.Context, id connection.ID) (connection.Redirect, error) {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return connection.Redirect{}, err
	}
	a, err := s.begin(ctx, c, signIn)
	if err != nil {
		s.failed("connect", id, err)
		return connection.Redirect{}, err
	}
	a.places = c.Settings.Find || c.Settings.Access == "" // the latter: from before the choice
	to, err := s.askToSignIn(ctx, a)
	if err != nil {
		s.failed("connect", id, err)
	}
	return to, err
}

// askToSignIn makes the authorize URL of a sign-in and remembers the attempt.
func (s *Service) askToSignIn(ctx context.Context, a attempt) (connection.Redirect, error) {
	a.nonce, a.verifier = secret(), secret()
	q := url.Values{
		"client_id":             {a.settings.ClientID},
		"response_type":         {"code"},
		"redirect_uri":          {s.redirect},
		"response_mode":         {"query"}, // a Lax cookie does not ride along on form_post
		"scope":                 {"openid profile offline_access " + strings.Join(scopes(a.ends.Graph, a.places), " ")},
		"nonce":                 {a.nonce},
		"code_challenge":        {challenge(a.verifier)},
		"code_challenge_method": {"S256"},
		"prompt":                {"select_account"},
	}
	if claims := s.claims.get(a.conn); claims != "" {
		q.Set("claims", claims)
	}
	authorize := a.ends.Login + "/" + url.PathEscape(a.tenant) + "/oauth2/v2.0/authorize?"
	if err := s.tryAuthorize(ctx, authorize, q); err != nil {
		return connection.Redirect{}, err
	}
	state, cookie := s.attempts.add(a)
	q.Set("state", state)
	return connection.Redirect{URL: authorize + q.Encode(), Cookie: cookie}, nil
}

// AdminConsent begins the grant of application permissions for the whole tenant
// by an administrator. Its answer comes to Answer like that of a sign-in.
func (s *Service) AdminConsent(ctx context.Context, id connection.ID) (connection.Redirect, error) {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return connection.Redirect{}, err
	}
	a, err := s.begin(ctx, c, adminConsent)
	if err != nil {
		s.failed("admin consent", id, err)
		return connection.Redirect{}, err
	}
	state, cookie := s.attempts.add(a)
	return connection.Redirect{URL: s.consentURL(a, state), Cookie: cookie}, nil
}

// begin checks settings, tenant and secret.
func (s *Service) begin(ctx context.Context, c connection.Connection, p purpose) (attempt, error) {
	if c.Settings.ClientID == "" && c.Settings.Credential().IsZero() {
		return attempt{}, &connection.Error{Kind: connection.NotConfigured, Op: "connect"}
	}
	if err := CheckSettings(c.Settings); err != nil {
		return attempt{}, err
	}
	ends, err := s.ends(c.Settings)
	if err != nil {
		return attempt{}, err
	}
	a := attempt{purpose: p, conn: c.ID, settings: c.Settings, ends: ends, tenant: tenantOf(c)}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if a.meta, err = s.metadata(ctx, ends.Login, a.tenant); err != nil {
		return attempt{}, err
	}
	if a.meta.tenant == "" {
		return a, nil // any organization: client credentials need a tenant
	}
	if err := s.admitted(a.meta.tenant, "find tenant"); err != nil {
		return attempt{}, err
	}
	if err := s.trySecret(ctx, a); err != nil {
		return attempt{}, err
	}
	return a, nil
}

// trySecret asks for an application token, which Microsoft issues also without
// any permission.
func (s *Service) trySecret(ctx context.Context, a attempt) error {
	client, err := s.msal(a.ends, a.tenant, a.settings, newHeld())
	if err != nil {
		return err
	}
	_, err = unshaken(func() (confidential.AuthResult, error) {
		return client.AcquireTokenByCredential(ctx, []string{a.ends.Graph + "/.default"})
	})
	if err != nil {
		return tokenError("check client secret", err)
	}
	return nil
}

// tryAuthorize opens the authorize page as a browser without any session and
// without any prompt. Where the redirect URI or the client id is wrong,
// Microsoft shows an error page instead of coming back, and a person would be
// stuck on it; everything else is left to the real sign-in.
func (s *Service) tryAuthorize(ctx context.Context, authorize string, q url.Values) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	probe := url.Values{}
	for k, v := range q {
		probe[k] = v
	}
	probe.Set("prompt", "none")
	probe.Set("state", secret())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authorize+probe.Encode(), nil)
	if err != nil {
		return &connection.Error{Kind: connection.InternalFault, Op: "connect"}
	}
	res, err := s.pageClient().Do(req)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return nil
	}
	page, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil
	}
	for _, m := range aadsts.FindAllSubmatch(page, 4) {
		e := oauthError("connect", "", string(m[0]), nil)
		switch e.Kind {
		case connection.RedirectMismatch, connection.BadClientID, connection.BadTenant:
			e.Status = res.StatusCode
			return e
		}
	}
	return nil
}

// pageClient reads pages for people, which the guard for JSON does not fit.
func (s *Service) pageClient() *http.Client {
	return &http.Client{
		Transport:     counted{next: s.base, counters: s.counters},
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Answer takes what Microsoft sent to /m in the query, with the cookie of the
// browser. After a sign-in it keeps the delegated tokens, tries the
// application's own rights and runs on those where they are granted; otherwise
// it runs delegated and State.Lost says what is missing. An empty URL in the
// result means the flow is finished. Errors are *connection.Error or the
// store's; after an error nothing stored has changed.
func (s *Service) Answer(ctx context.Context, q connection.Query, cookie string) (connection.Redirect, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if strings.HasPrefix(q["state"], mailedPrefix) {
		return s.answerMailed(ctx, q)
	}
	a, ok := s.attempts.take(q["state"], cookie)
	if !ok {
		err := &connection.Error{Kind: connection.StateMismatch, Op: "sign in"}
		s.counters.failure(err.Kind)
		return connection.Redirect{}, err
	}
	var err error
	switch {
	case q["error"] != "":
		err = oauthError(a.op(), q["error"], q["error_description"], nil)
	case a.purpose == adminConsent:
		err = s.acceptConsent(ctx, a, q)
	default:
		err = s.acceptSignIn(ctx, a, q["code"])
	}
	if a.tooMuch(q, err) {
		a.places = false
		return s.askToSignIn(ctx, a)
	}
	if err != nil {
		s.failed(a.op(), a.conn, err)
		return connection.Redirect{}, err
	}
	s.wake()
	return connection.Redirect{}, nil
}

// tooMuch reports whether a sign-in failed because the person may not consent
// to the list of rooms; without it the sign-in is worth another try.
func (a attempt) tooMuch(q connection.Query, err error) bool {
	if a.purpose != signIn || !a.places {
		return false
	}
	switch kindOf(err) {
	case connection.ConsentRequired:
		return true
	case connection.ConsentDeclined: // a person who said no is not asked twice
		return q["error"] == ""
	}
	return false
}

func (a attempt) op() string {
	if a.purpose == adminConsent {
		return "admin consent"
	}
	return "sign in"
}

// acceptSignIn redeems the code, checks who signed in, and keeps the tokens.
func (s *Service) acceptSignIn(ctx context.Context, a attempt, code string) error {
	if code == "" || len(code) > 8<<10 {
		return &connection.Error{Kind: connection.BadAnswer, Op: a.op()}
	}
	tokens := newHeld()
	client, err := s.msal(a.ends, a.tenant, a.settings, tokens)
	if err != nil {
		return err
	}
	res, err := unshaken(func() (confidential.AuthResult, error) {
		return client.AcquireTokenByAuthCode(ctx, code, s.redirect, scopes(a.ends.Graph, a.places), confidential.WithChallenge(a.verifier))
	})
	if err != nil {
		return tokenError(a.op(), err)
	}
	who, err := readIDToken(res.IDToken.RawToken, expected{
		clientID: a.settings.ClientID, nonce: a.nonce, issuer: a.meta.issuer, tenant: a.meta.tenant, now: s.now(),
	})
	if err != nil {
		return err
	}
	if err := s.admitted(who.Tenant, a.op()); err != nil {
		return err
	}
	lost := []connection.Permission{connection.CalendarsRead}
	if !a.places {
		lost = append(lost, connection.PlaceReadAll)
	}
	var before string
	err = s.editState(ctx, a.conn, func(c connection.Connection, st *connection.State) error {
		if c.Settings != a.settings {
			return &connection.Error{Kind: connection.StateMismatch, Op: a.op()}
		}
		for partition, blob := range tokens.blobs {
			if err := s.store.SetTokenCache(ctx, a.conn, partition, blob); err != nil {
				return err
			}
		}
		before = st.AccountID
		*st = connection.State{
			Mode: connection.Delegated, TenantID: strings.ToLower(who.Tenant), Account: who.Name,
			AccountID: res.Account.HomeAccountID, ConnectedAt: s.now(), CheckedAt: s.now(), RefreshedAt: s.now(),
			Lost: lost,
		}
		return nil
	})
	if err != nil {
		return err
	}
	if before != "" && before != res.Account.HomeAccountID {
		if err := s.store.SetTokenCache(ctx, a.conn, before, nil); err != nil {
			return err
		}
	}
	s.claims.put(a.conn, "")
	s.closeSession(a.conn)
	s.health.forget(a.conn)
	s.log.Info("signed in to Microsoft 365", "connection", a.conn)
	return s.settle(ctx, a.conn, 1)
}

// acceptConsent tries the application's own rights after an administrator
// granted them; grants reach Graph with a delay.
func (s *Service) acceptConsent(ctx context.Context, a attempt, q connection.Query) error {
	if !strings.EqualFold(q["admin_consent"], "true") {
		return &connection.Error{Kind: connection.BadAnswer, Op: a.op()}
	}
	c, err := s.store.Connection(ctx, a.conn)
	if err != nil {
		return err
	}
	if c.Settings != a.settings {
		return &connection.Error{Kind: connection.StateMismatch, Op: a.op()}
	}
	return s.adopt(ctx, a.conn, 3)
}

// Disconnect forgets the sign-in and every token. Rooms and the last agendas
// stay.
func (s *Service) Disconnect(ctx context.Context, id connection.ID) error {
	s.attempts.forget(id)
	if err := s.unsubscribeAll(ctx, id); err != nil {
		s.log.Warn("subscriptions not ended", "connection", id, "kind", kindOf(err))
	}
	err := s.editState(ctx, id, func(_ connection.Connection, st *connection.State) error {
		*st = connection.State{}
		return nil
	})
	if err != nil {
		return err
	}
	s.closeSession(id)
	s.health.forget(id)
	s.log.Info("disconnected from Microsoft 365", "connection", id)
	s.wake()
	return s.store.ClearTokenCache(ctx, id)
}

// decodeChallenge turns the base64 claims of a 401 into their JSON.
func decodeChallenge(b64 string) (string, error) {
	if b64 == "" {
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(b64, "="))
	}
	if err != nil || len(raw) > 8<<10 || !json.Valid(raw) {
		return "", &connection.Error{Kind: connection.BadAnswer, Op: "token", Code: "claims"}
	}
	return string(raw), nil
}
