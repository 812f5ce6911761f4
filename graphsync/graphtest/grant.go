package graphtest

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// issue is the token endpoint.
func (s *Server) issue(a *answer, r *http.Request, name string) {
	if r.Method != http.MethodPost {
		s.refuse(a, r, errPostOnly(r.Method))
		return
	}
	q, ok := a.form(r)
	if !ok {
		s.refuse(a, r, errMalformed())
		return
	}
	if id, secret, ok := r.BasicAuth(); ok {
		// RFC 6749 2.3.1: both parts are form-encoded before base64.
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		q.Set("client_id", id)
		q.Set("client_secret", secret)
	}
	t, e := s.resolve(name)
	if e != nil {
		s.refuse(a, r, e)
		return
	}
	client, e := s.authenticate(t, q)
	if e != nil {
		s.refuse(a, r, e)
		return
	}
	asked, e := readClaims(q.Get("claims"))
	if e != nil {
		s.refuse(a, r, e)
		return
	}
	var doc map[string]any
	switch kind := q.Get("grant_type"); kind {
	case "authorization_code":
		doc, e = s.redeem(client, t, asked, q)
	case "refresh_token":
		doc, e = s.renew(client, t, asked, q)
	case "client_credentials":
		doc, e = s.credentials(client, t, asked, q)
	default:
		e = errGrantType(kind)
	}
	if e != nil {
		s.refuse(a, r, e)
		return
	}
	a.header.Set("Cache-Control", "no-store, no-cache")
	a.header.Set("Pragma", "no-cache")
	a.json(http.StatusOK, doc)
}

// redeem exchanges an authorization code.
func (s *Server) redeem(client *registration, t *Tenant, want wanted, q url.Values) (map[string]any, *aadsts) {
	for _, p := range []string{"code", "redirect_uri"} {
		if q.Get(p) == "" {
			return nil, errMissing(p)
		}
	}
	g := s.signIns.codes[q.Get("code")]
	switch {
	case g == nil || g.app.reg != client:
		return nil, errMalformedGrant()
	case t != nil && g.app.tenant != t:
		return nil, errOtherTenant()
	case g.app.disabled:
		return nil, errAppDisabled(g.app)
	case g.used:
		return nil, errCodeUsed()
	case s.clock().After(g.at.Add(codeLife)):
		return nil, errGrantExpired()
	case g.redirect != q.Get("redirect_uri"):
		return nil, errReplyChanged()
	}
	g.used = true
	if !verified(g, q.Get("code_verifier")) {
		return nil, errBadVerifier()
	}
	if text := q.Get("scope"); text != "" {
		asked, e := s.parseScopes(g.app, text)
		if e != nil {
			return nil, e
		}
		// The OpenID scopes count from either request.
		for _, name := range g.scopes.oidc {
			if !asked.has(name) {
				asked.oidc = append(asked.oidc, name)
			}
		}
		g = &grant{app: g.app, user: g.user, scopes: asked, nonce: g.nonce, at: g.at}
	}
	return s.personal(g, want, q)
}

// verified checks PKCE (RFC 7636): a challenge needs its verifier, and a
// verifier without a challenge is no better than a wrong one.
func verified(g *grant, verifier string) bool {
	if g.challenge == "" || verifier == "" {
		return g.challenge == verifier
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	if g.method == "plain" {
		return g.challenge == verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	return g.challenge == encode(sum[:])
}

// renew takes a refresh token and gives the next one; the old one stays good.
func (s *Server) renew(client *registration, t *Tenant, want wanted, q url.Values) (map[string]any, *aadsts) {
	if q.Get("refresh_token") == "" {
		return nil, errMissing("refresh_token")
	}
	g := s.signIns.refresh[q.Get("refresh_token")]
	switch {
	case g == nil || g.app.reg != client:
		return nil, errMalformedGrant()
	case t != nil && g.app.tenant != t:
		return nil, errOtherTenant()
	case g.app.disabled:
		return nil, errAppDisabled(g.app)
	case !g.at.After(g.user.revokedBefore):
		return nil, errRevoked()
	case s.clock().After(g.at.Add(refreshLife)):
		return nil, errGrantUnused()
	}
	if text := q.Get("scope"); text != "" {
		asked, e := s.parseScopes(g.app, text)
		if e != nil {
			return nil, e
		}
		for _, name := range g.scopes.oidc {
			if !asked.has(name) {
				asked.oidc = append(asked.oidc, name)
			}
		}
		g = &grant{app: g.app, user: g.user, scopes: asked, at: g.at}
	}
	return s.personal(g, want, q)
}

// personal makes the answer for a signed-in person.
func (s *Server) personal(g *grant, want wanted, q url.Values) (map[string]any, *aadsts) {
	for _, name := range g.scopes.all() {
		if !g.app.consented(g.user, name) {
			return nil, errNoConsent(g.app)
		}
	}
	now := s.clock()
	life := s.life(want)
	names := g.app.granted(g.user)
	doc := map[string]any{
		"token_type": "Bearer", "scope": s.echo(g.app, g.user, g.scopes),
		"expires_in": int(life/time.Second) - 1, "ext_expires_in": int(life/time.Second) - 1,
		"access_token": s.sign(want.add(claims{
			"aud": g.scopes.resource, "iss": s.base + "/" + g.app.tenant.id + "/",
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix(),
			"appid": g.app.ClientID, "app_displayname": g.app.Name, "idtyp": "user",
			"oid": g.user.id, "tid": g.app.tenant.id, "upn": g.user.Address, "name": g.user.Name,
			"scp": strings.Join(append(slices.Clone(names), g.scopes.open()...), " "), "ver": "1.0", "uti": newID(),
		})),
	}
	if g.scopes.has("offline_access") {
		token := "1.A" + newSecret() + newSecret()
		s.signIns.refresh[token] = &grant{app: g.app, user: g.user, scopes: g.scopes, at: now}
		s.remember("refresh", token)
		doc["refresh_token"] = token
	}
	if g.scopes.has("openid") {
		doc["id_token"] = s.identity(g, now)
	}
	if q.Get("client_info") == "1" {
		doc["client_info"] = s.clientInfo(g.user)
	}
	return doc, nil
}

// open lists the OpenID scopes an access token names.
func (c *scopes) open() []string {
	return slices.DeleteFunc(slices.Clone(c.oidc), func(n string) bool { return n == "offline_access" })
}

// identity makes the id_token.
func (s *Server) identity(g *grant, now time.Time) string {
	c := claims{
		"aud": g.app.ClientID, "iss": s.issuer(g.app.tenant.id), "tid": g.app.tenant.id, "ver": "2.0",
		"oid": g.user.id, "sub": encode([]byte(stableID("sub", g.app.ClientID, g.user.id))),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "uti": newID(),
	}
	if g.nonce != "" {
		c["nonce"] = g.nonce
	}
	if g.scopes.has("profile") {
		c["name"], c["preferred_username"] = g.user.Name, g.user.Address
	}
	if g.scopes.has("email") {
		c["email"] = g.user.Address
	}
	return s.sign(c)
}

// clientInfo is the account reference that MSAL builds its cache key from.
func (s *Server) clientInfo(u *user) string {
	b, _ := json.Marshal(map[string]string{"uid": u.id, "utid": u.tenant.id})
	return encode(b)
}

// credentials issues a token to the application itself. It is issued also when
// nothing is consented; it then carries no roles.
func (s *Server) credentials(reg *registration, t *Tenant, want wanted, q url.Values) (map[string]any, *aadsts) {
	if t == nil || t == s.consumers {
		return nil, errNoTenant()
	}
	var asked []string
	for _, word := range strings.Fields(q.Get("scope")) {
		switch strings.ToLower(word) {
		case "openid", "profile", "offline_access": // MSAL sends them along
		default:
			asked = append(asked, word)
		}
	}
	if len(asked) == 0 {
		return nil, errMissing("scope")
	}
	resource, name, known := s.splitScope(asked[0])
	switch {
	case len(asked) > 1 || name != ".default" || resource == "":
		return nil, errDefaultScope(strings.Join(asked, " "))
	case !known:
		return nil, errUnknownResource(resource)
	}
	client := t.apps[reg.clientID]
	if client == nil {
		return nil, errUnknownApp(reg.clientID)
	}
	now, life := s.clock(), s.life(want)
	c := claims{
		"aud": resource, "iss": s.base + "/" + t.id + "/",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix(),
		"appid": client.ClientID, "app_displayname": client.Name, "idtyp": "app",
		"oid": client.ObjectID, "sub": client.ObjectID, "tid": t.id, "ver": "1.0", "uti": newID(),
	}
	if len(client.roles) > 0 {
		var roles []string
		for name := range client.roles {
			roles = append(roles, name)
		}
		slices.Sort(roles)
		c["roles"] = roles
	}
	return map[string]any{
		"token_type": "Bearer", "access_token": s.sign(want.add(c)),
		"expires_in": int(life/time.Second) - 1, "ext_expires_in": int(life/time.Second) - 1,
	}, nil
}
