package graphtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one Graph request.
type call struct {
	*Server
	r      *http.Request
	a      *answer
	id     string // request-id
	q      map[string]string
	prefer map[string]string // by lower-case name
	caller caller
}

// caller is whose token came with the request.
type caller struct {
	app    *app
	user   *user // nil: the application itself
	rights map[string]bool
}

// serveGraph answers the Graph side.
func (s *Server) serveGraph(a *answer, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceOffice()
	c := &call{Server: s, r: r, a: a, id: newID(), prefer: preferences(r.Header)}
	a.header.Set("request-id", c.id)
	a.header.Set("client-request-id", c.clientID())
	a.header.Set("Cache-Control", "private")
	a.header.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Practice","Slice":"E","Ring":"1","ScaleUnit":"000"}}`)
	if !c.authorized() || !c.parameters() {
		return
	}
	c.route()
}

func (c *call) clientID() string {
	if id := c.r.Header.Get("client-request-id"); id != "" && len(id) <= 64 {
		return id
	}
	return c.id
}

// route finds the resource; names in paths are matched without case.
func (c *call) route() {
	var parts []string
	for _, p := range strings.Split(strings.Trim(c.r.URL.EscapedPath(), "/"), "/") {
		p, err := url.PathUnescape(p)
		if err != nil {
			c.fail(http.StatusBadRequest, "BadRequest", "Bad request path.")
			return
		}
		parts = append(parts, p)
	}
	if parts[0] == "oidc" {
		c.userInfo()
		return
	}
	parts = parts[1:]
	if len(parts) == 0 {
		c.noSegment(c.r.URL.Path)
		return
	}
	switch strings.ToLower(parts[0]) {
	case "places":
		c.places(parts[1:])
	case "me":
		if c.caller.user == nil {
			c.fail(http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow.")
			return
		}
		c.mailboxOf(c.caller.user.Address, parts[1:])
	case "users":
		if len(parts) < 2 {
			c.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
			return
		}
		c.mailboxOf(parts[1], parts[2:])
	case "subscriptions":
		c.subscriptionsOf(parts[1:])
	case "$batch":
		c.batch()
	default:
		c.noSegment(parts[0])
	}
}

func (c *call) noSegment(name string) {
	c.fail(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+name+"'.")
}

// fail answers with Graph's error document
// (learn.microsoft.com/graph/errors).
func (c *call) fail(status int, code, message string) {
	c.a.json(status, map[string]any{"error": map[string]any{
		"code": code, "message": message,
		"innerError": map[string]any{
			"date":       c.clock().UTC().Format("2006-01-02T15:04:05"),
			"request-id": c.id, "client-request-id": c.clientID(),
		},
	}})
}

// ok answers with an OData document.
func (c *call) ok(status int, doc any) {
	c.a.header.Set("OData-Version", "4.0")
	c.a.header.Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	c.a.json(status, doc)
}

// authorized checks the bearer token.
func (c *call) authorized() bool {
	deny := func(message string) bool {
		c.a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+c.base+`/common/oauth2/authorize", client_id="`+graphAppID+`"`)
		c.fail(http.StatusUnauthorized, "InvalidAuthenticationToken", message)
		return false
	}
	kind, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") || token == "" {
		return deny("Access token is empty.")
	}
	t, err := parseJWT(token)
	if err != nil {
		return deny("JWT is not well formed.")
	}
	if t.header["alg"] != "RS256" || t.verify(&c.key.PublicKey) != nil {
		return deny("Access token validation failure. Invalid signature.")
	}
	if c.clock().Unix() >= t.claims.number("exp") {
		return deny("Lifetime validation failed, the token is expired.")
	}
	if aud := t.claims.text("aud"); aud != graphAppID && aud != graphResource && !strings.EqualFold(aud, c.base) {
		return deny("Access token validation failure. Invalid audience.")
	}
	who := caller{rights: map[string]bool{}}
	if home, e := c.resolve(t.claims.text("tid")); e == nil && home != nil {
		who.app = home.apps[t.claims.text("appid")]
	}
	if who.app == nil {
		return deny("Access token validation failure. Unknown application.")
	}
	if claims, yes := who.app.challenges(t); yes {
		c.a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+c.base+`/common/oauth2/authorize", error="insufficient_claims", claims="`+claims+`"`)
		c.fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp.")
		return false
	}
	words := t.claims.texts("roles")
	if t.claims.text("idtyp") == "user" {
		words = strings.Fields(t.claims.text("scp"))
		for _, u := range c.users {
			if u.id == t.claims.text("oid") {
				who.user = u
			}
		}
		if who.user == nil {
			return deny("Access token validation failure. Unknown user.")
		}
	}
	for _, w := range words {
		who.rights[w] = true
	}
	c.caller = who
	return true
}

// may tells whether the token carries one of the permissions.
func (w caller) may(names ...string) bool {
	for _, n := range names {
		if w.rights[n] {
			return true
		}
	}
	return false
}

// parameters reads the query; names count in any case and with or without an
// escaped dollar sign.
func (c *call) parameters() bool {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	c.q = map[string]string{}
	for k, v := range values {
		k = strings.ToLower(k)
		if _, twice := c.q[k]; twice || len(v) > 1 {
			c.fail(http.StatusBadRequest, "BadRequest", "Query option '"+k+"' was specified more than once, but it must be specified at most once.")
			return false
		}
		c.q[k] = v[0]
	}
	if err != nil {
		c.fail(http.StatusBadRequest, "BadRequest", "The query is malformed.")
		return false
	}
	return true
}

// whole reads a non-negative number option.
func (c *call) whole(name string, standard, most int) (int, bool) {
	text, given := c.q[name]
	if !given {
		return standard, true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		c.fail(http.StatusBadRequest, "BadRequest", "Invalid value '"+text+"' for "+name+" query option found. The "+name+" query option requires a non-negative integer value.")
		return 0, false
	}
	if n > most {
		c.fail(http.StatusBadRequest, "BadRequest", "The limit of '"+strconv.Itoa(most)+"' for "+strings.TrimPrefix(name, "$")+" query has been exceeded. The value from the incoming request is '"+text+"'.")
		return 0, false
	}
	return n, true
}

// options refuses system query options outside a list.
func (c *call) options(allowed ...string) bool {
next:
	for name := range c.q {
		if !strings.HasPrefix(name, "$") {
			continue
		}
		for _, a := range allowed {
			if name == a {
				continue next
			}
		}
		c.fail(http.StatusBadRequest, "BadRequest", "The query option '"+name+"' is not supported by this resource.")
		return false
	}
	return true
}

// preferences reads every Prefer line (RFC 7240).
func preferences(h http.Header) map[string]string {
	prefer := map[string]string{}
	for _, line := range h.Values("Prefer") {
		for _, p := range strings.Split(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			prefer[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return prefer
}

// applied confirms preferences.
func (c *call) applied(word string) { c.a.header.Add("Preference-Applied", word) }

// immutable tells which kind of id the client asked for.
func (c *call) immutable() bool { return strings.EqualFold(c.prefer["idtype"], "ImmutableId") }

// instant reads a DateTimeOffset of the query; without an offset it is UTC.
func instant(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", dateLayout} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// userInfo is the OpenID Connect userinfo address.
func (c *call) userInfo() {
	if c.caller.user == nil {
		c.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return
	}
	c.ok(http.StatusOK, map[string]any{
		"sub": stableID("sub", c.caller.app.ClientID, c.caller.user.id), "name": c.caller.user.Name,
	})
}
