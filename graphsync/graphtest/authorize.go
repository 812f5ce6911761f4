package graphtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	sessionCookie = "practice_session"
	codeLife      = 10 * time.Minute
	flowLife      = 15 * time.Minute
	refreshLife   = 90 * 24 * time.Hour
	keptGrants    = 4096 // flows, codes and refresh tokens remembered at most
)

// flow is a sign-in or consent under way in a browser.
type flow struct {
	id         string
	app        *app
	tenant     *Tenant // nil: whichever the person belongs to
	workOnly   bool    // "organizations": no personal accounts
	user       *user   // nil before sign-in
	scopes     *scopes
	redirect   string
	state      string
	nonce      string
	challenge  string
	method     string
	fragment   bool // response_mode=fragment
	clientInfo bool
	admin      bool // admin consent instead of a sign-in
	version1   bool // admin consent by the older address
	force      bool // prompt=consent
	started    time.Time
}

// grant is an authorization code or a refresh token.
type grant struct {
	app       *app
	user      *user
	scopes    *scopes
	redirect  string
	nonce     string
	challenge string
	method    string
	at        time.Time
	used      bool
}

// checkApp runs the checks that come before the redirect URI may be trusted.
//
// The application is that of the tenant named, or of its home tenant until it is
// known who signs in.
func (s *Server) checkApp(name, clientID, redirect string) (*app, *aadsts) {
	t, e := s.resolve(name)
	if e != nil {
		return nil, e
	}
	if clientID == "" {
		return nil, errMissing("client_id")
	}
	reg := s.registrations[strings.ToLower(clientID)]
	if reg == nil {
		return nil, errUnknownApp(clientID)
	}
	if t == s.consumers && !reg.takesPersonal() {
		return nil, errWorkOnly(reg)
	}
	at := t
	if t == nil {
		at = reg.home
	}
	a := at.enterprise(clientID)
	switch {
	case a == nil:
		return nil, errUnknownApp(clientID)
	case a.disabled:
		return nil, errAppDisabled(a)
	case t == nil && !reg.MultiTenant:
		return nil, errSingleTenant(reg)
	case len(a.reg.RedirectURIs) == 0:
		return nil, errNoRedirect()
	case !slices.Contains(a.reg.RedirectURIs, redirect):
		return nil, errRedirectMismatch(redirect, a)
	}
	return a, nil
}

// authorize starts an authorization code flow.
func (s *Server) authorize(a *answer, r *http.Request, name string) {
	q, ok := a.form(r)
	if !ok {
		s.errorPage(a, errMalformed())
		return
	}
	registered, e := s.checkApp(name, q.Get("client_id"), q.Get("redirect_uri"))
	if e != nil {
		s.errorPage(a, e)
		return
	}
	f := &flow{
		app: registered, redirect: q.Get("redirect_uri"), state: q.Get("state"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"),
		clientInfo: q.Get("client_info") == "1", fragment: q.Get("response_mode") == "fragment",
		force: q.Get("prompt") == "consent", workOnly: strings.EqualFold(name, "organizations"),
	}
	f.tenant, _ = s.resolve(name) // checkApp has done it before
	if e := s.checkFlow(f, q); e != nil {
		s.redirectError(a, f, e)
		return
	}
	u := s.session(r)
	if u != nil && (s.settle(f, u) != nil || f.tenant != nil && f.tenant != u.tenant) {
		u = nil // somebody else has to sign in here
	}
	if u == nil && q.Get("prompt") == "none" {
		s.redirectError(a, f, errSignInNeeded())
		return
	}
	s.keepFlow(f)
	switch q.Get("prompt") {
	case "login", "select_account":
		u = nil
	case "none":
		if len(f.wanting(u)) > 0 {
			s.redirectError(a, f, errConsentNeeded(registered))
			return
		}
	}
	if u == nil {
		a.page(http.StatusOK, "signin", pageData{Title: "Sign in", App: registered.Name, Flow: f.id, Email: q.Get("login_hint")})
		return
	}
	f.user = u
	s.proceed(a, f)
}

// checkFlow checks the rest of an authorize request; its errors travel to the
// redirect URI.
func (s *Server) checkFlow(f *flow, q url.Values) *aadsts {
	if mode := q.Get("response_mode"); mode != "" && mode != "query" && mode != "fragment" {
		return errMalformed()
	}
	switch kind := q.Get("response_type"); kind {
	case "":
		return errMissing("response_type")
	case "code":
	default:
		return errResponseType(kind)
	}
	if f.challenge != "" {
		if f.method == "" {
			f.method = "plain"
		}
		if (f.method != "S256" && f.method != "plain") || len(f.challenge) < 43 || len(f.challenge) > 128 {
			return errMalformed()
		}
	}
	var e *aadsts
	f.scopes, e = s.parseScopes(f.app, q.Get("scope"))
	return e
}

// adminConsent starts a consent for the whole organization.
func (s *Server) adminConsent(a *answer, r *http.Request, name string, version1 bool) {
	q, ok := a.form(r)
	if !ok {
		s.errorPage(a, errMalformed())
		return
	}
	registered, e := s.checkApp(name, q.Get("client_id"), q.Get("redirect_uri"))
	if e != nil && e.code == 50194 && strings.EqualFold(name, "organizations") {
		// The admin consent page takes "organizations" for any application.
		registered, e = s.checkApp(s.registrations[strings.ToLower(q.Get("client_id"))].home.id, q.Get("client_id"), q.Get("redirect_uri"))
		name = s.ownTenant(registered)
	}
	if e != nil {
		s.errorPage(a, e)
		return
	}
	f := &flow{app: registered, redirect: q.Get("redirect_uri"), state: q.Get("state"), admin: true, version1: version1, workOnly: true}
	f.tenant, _ = s.resolve(name) // checkApp has done it before
	text := q.Get("scope")
	if version1 {
		text = graphResource + "/.default"
	}
	if f.scopes, e = s.parseScopes(registered, text); e != nil {
		s.redirectError(a, f, e)
		return
	}
	s.keepFlow(f)
	if u := s.session(r); u != nil && s.settle(f, u) == nil {
		f.user = u
	}
	if f.user == nil {
		a.page(http.StatusOK, "signin", pageData{Title: "Sign in", App: registered.Name, Flow: f.id})
		return
	}
	s.proceed(a, f)
}

// signIn takes the sign-in form.
func (s *Server) signIn(a *answer, r *http.Request) {
	q, ok := a.form(r)
	f := s.signIns.flows[q.Get("flow")]
	if !ok || r.Method != http.MethodPost || f == nil || s.clock().After(f.started.Add(flowLife)) {
		s.errorPage(a, errMalformed())
		return
	}
	email := strings.ToLower(strings.TrimSpace(q.Get("email")))
	u := s.users[email]
	data := pageData{Title: "Sign in", App: f.app.Name, Flow: f.id, Email: email}
	switch {
	case u == nil && s.hosts(email):
		data.Code, data.Error = "AADSTS50034", "We could not find an account with that user name."
	case u == nil && strings.Contains(email, "@"):
		s.errorPage(a, errForeignAccount(email))
		return
	case u == nil:
		data.Error = "Enter a valid e-mail address."
	case u.Password != q.Get("password"):
		data.Code, data.Error = "AADSTS50126", "Your account or password is incorrect."
	}
	if data.Error != "" {
		a.page(http.StatusOK, "signin", data)
		return
	}
	session := newSecret()
	s.signIns.sessions[session] = u
	cookie := http.Cookie{Name: sessionCookie, Value: session, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	a.header.Add("Set-Cookie", cookie.String())
	f.user = u
	s.proceed(a, f)
}

// proceed goes on after sign-in: refusal, consent page, or back to the app.
func (s *Server) proceed(a *answer, f *flow) {
	if e := s.settle(f, f.user); e != nil {
		s.errorPage(a, e)
		return
	}
	data := pageData{Title: "Permissions requested", App: f.app.Name, Flow: f.id, Email: f.user.Address, Organization: f.user.Admin}
	if f.admin {
		if !f.user.Admin {
			a.page(http.StatusOK, "approval", data)
			return
		}
		data.Everyone = true
		data.Permissions = f.everything()
		a.page(http.StatusOK, "consent", data)
		return
	}
	wanting := f.wanting(f.user)
	if len(wanting) == 0 && !f.force {
		s.finish(a, f)
		return
	}
	if f.force {
		wanting = f.scopes.all()
	}
	for _, name := range wanting {
		p, _ := findPermission(name)
		if p.adminOnly && !f.user.Admin && !f.app.consented(f.user, name) {
			a.page(http.StatusOK, "approval", data)
			return
		}
		data.Permissions = append(data.Permissions, permissionLine{p.name, p.text})
	}
	a.page(http.StatusOK, "consent", data)
}

// wanting lists the asked permissions that nobody consented to yet.
func (f *flow) wanting(u *user) []string {
	var names []string
	for _, name := range f.scopes.all() {
		if !f.app.consented(u, name) {
			names = append(names, name)
		}
	}
	return names
}

// everything lists what an administrator consents to for the organization.
func (f *flow) everything() []permissionLine {
	var lines []permissionLine
	for _, name := range f.scopes.all() {
		p, _ := findPermission(name)
		lines = append(lines, permissionLine{p.name, p.text})
	}
	if f.scopes.standard {
		for _, name := range f.app.reg.Application {
			if p, ok := findPermission(name); ok && p.app {
				lines = append(lines, permissionLine{p.name, p.text + ", without a signed-in user"})
			}
		}
	}
	return lines
}

// decide takes the consent form.
func (s *Server) decide(a *answer, r *http.Request) {
	q, ok := a.form(r)
	f := s.signIns.flows[q.Get("flow")]
	if !ok || r.Method != http.MethodPost || f == nil || f.user == nil || s.clock().After(f.started.Add(flowLife)) {
		s.errorPage(a, errMalformed())
		return
	}
	if q.Get("decision") == "accept" && (!f.admin || f.user.Admin) {
		f.install()
	}
	switch {
	case q.Get("decision") == "approval":
		delete(s.signIns.flows, f.id)
		s.redirectError(a, f, errAdminNeeded())
		return
	case q.Get("decision") != "accept":
		delete(s.signIns.flows, f.id)
		s.redirectError(a, f, errDeclined())
		return
	case f.admin && f.user.Admin:
		for _, name := range f.scopes.names {
			f.app.orgScopes[strings.ToLower(name)] = true
		}
		if f.scopes.standard {
			f.app.consentRoles()
		}
	case f.admin:
		s.errorPage(a, errAdminNeeded())
		return
	default:
		if e := f.consentAsPerson(q.Get("organization") != ""); e != nil {
			s.redirectError(a, f, e)
			return
		}
	}
	s.finish(a, f)
}

// consentAsPerson records what the signed-in person accepted.
func (f *flow) consentAsPerson(everyone bool) *aadsts {
	own := f.app.userScopes[f.user.id]
	if own == nil {
		own = map[string]bool{}
	}
	for _, name := range f.scopes.all() {
		if p, _ := findPermission(name); p.adminOnly && !f.user.Admin && !f.app.consented(f.user, name) {
			return errAdminNeeded()
		}
	}
	for _, name := range f.scopes.all() {
		own[strings.ToLower(name)] = true
		if everyone && f.user.Admin {
			f.app.orgScopes[strings.ToLower(name)] = true
		}
	}
	f.app.userScopes[f.user.id] = own
	return nil
}

// finish sends the browser back with what it came for.
func (s *Server) finish(a *answer, f *flow) {
	delete(s.signIns.flows, f.id)
	q := url.Values{}
	if f.admin {
		q.Set("admin_consent", "True")
		q.Set("tenant", f.app.tenant.id)
		if !f.version1 {
			var words []string
			for _, name := range f.scopes.names {
				words = append(words, f.scopes.resource+"/"+name)
			}
			if f.scopes.standard {
				words = append(words, f.scopes.resource+"/.default")
			}
			q.Set("scope", strings.Join(words, " "))
		}
		s.back(a, f, q)
		return
	}
	code := "1." + newSecret() + newSecret()
	s.signIns.codes[code] = &grant{
		app: f.app, user: f.user, scopes: f.scopes, redirect: f.redirect, nonce: f.nonce,
		challenge: f.challenge, method: f.method, at: s.clock(),
	}
	s.remember("code", code)
	q.Set("code", code)
	q.Set("session_state", newID())
	if f.clientInfo {
		q.Set("client_info", s.clientInfo(f.user))
	}
	s.back(a, f, q)
}

// redirectError sends the browser back with an error.
func (s *Server) redirectError(a *answer, f *flow, e *aadsts) {
	q := url.Values{}
	word := e.err
	if f.admin {
		q.Set("admin_consent", "True") // also on failure
		if e.code == 65004 {
			word = "consent_required"
		}
	}
	q.Set("error", word)
	q.Set("error_description", s.describe(e, newID(), newID()))
	q.Set("error_uri", fmt.Sprintf("%s/error?code=%d", s.base, e.code))
	s.back(a, f, q)
}

func (s *Server) back(a *answer, f *flow, q url.Values) {
	if f.state != "" {
		q.Set("state", f.state)
	}
	u, err := url.Parse(f.redirect)
	if err != nil {
		s.errorPage(a, errMalformed())
		return
	}
	target := u.String() + "#" + q.Encode()
	if !f.fragment {
		have := u.Query()
		for k, v := range q {
			have[k] = v
		}
		u.RawQuery = have.Encode()
		target = u.String()
	}
	a.header.Set("Location", target)
	a.header.Set("Cache-Control", "no-store, no-cache")
	a.status = http.StatusFound
}

// session finds the person a browser is signed in as.
func (s *Server) session(r *http.Request) *user {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	return s.signIns.sessions[c.Value]
}

func (s *Server) keepFlow(f *flow) {
	f.id, f.started = newSecret(), s.clock()
	s.signIns.flows[f.id] = f
	s.remember("flow", f.id)
}

// remember bounds the number of flows, codes and refresh tokens kept.
func (s *Server) remember(kind, key string) {
	t := &s.signIns
	t.order = append(t.order, kind+" "+key)
	for len(t.order) > keptGrants {
		kind, key, _ := strings.Cut(t.order[0], " ")
		t.order = t.order[1:]
		switch kind {
		case "flow":
			delete(t.flows, key)
		case "code":
			delete(t.codes, key)
		case "refresh":
			delete(t.refresh, key)
		}
	}
}
