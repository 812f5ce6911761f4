package graphtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestMetadata(t *testing.T) {
	w := newWorld(t, false)
	for _, c := range []struct {
		name, tenant string
		status       int
		issuer       string
	}{
		{"by id", w.s.TenantID(), 200, w.s.LoginURL() + "/" + w.s.TenantID() + "/v2.0"},
		{"by domain", w.s.Domain(), 200, w.s.LoginURL() + "/" + w.s.TenantID() + "/v2.0"},
		{"organizations", "organizations", 200, w.s.LoginURL() + "/{tenantid}/v2.0"},
		{"unknown", "nobody.example", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.do(w.client, "GET", w.s.LoginURL()+"/"+c.tenant+"/v2.0/.well-known/openid-configuration", nil)
			doc := r.doc(t)
			if got, _ := doc["issuer"].(string); r.status != c.status || got != c.issuer {
				t.Errorf("got %d %q, want %d %q", r.status, got, c.status, c.issuer)
			}
			if c.status == 400 && (doc["error"] != "invalid_tenant" || fmt.Sprint(doc["error_codes"]) != "[90002]") {
				t.Errorf("got %v", doc)
			}
		})
	}
}

func TestInstanceDiscovery(t *testing.T) {
	w := newWorld(t, false)
	at := w.s.LoginURL() + "/common/discovery/instance?api-version=1.1&authorization_endpoint="
	r := w.do(w.client, "GET", at+url.QueryEscape(w.s.LoginURL()+"/"+w.s.TenantID()+"/oauth2/v2.0/authorize"), nil)
	if want := w.s.LoginURL() + "/" + w.s.TenantID() + "/v2.0/.well-known/openid-configuration"; r.doc(t)["tenant_discovery_endpoint"] != want {
		t.Errorf("got %s", r.body)
	}
	r = w.do(w.client, "GET", at+"https%3A%2F%2Flogin.other.example%2Fx", nil)
	if r.status != 400 || r.doc(t)["error"] != "invalid_instance" {
		t.Errorf("foreign host: got %d %s", r.status, r.body)
	}
}

// TestCodeFlow does the whole sign-in and looks at everything that comes back.
func TestCodeFlow(t *testing.T) {
	w := newWorld(t, false)
	browser := w.browser()
	page := w.do(browser, "GET", w.authorizeURL(w.authorizeQuery()), nil)
	for _, id := range []string{`id="email"`, `id="password"`, `id="signin"`, "Doorleaf practice tenant"} {
		if !strings.Contains(string(page.body), id) {
			t.Errorf("sign-in page lacks %s", id)
		}
	}
	email, password := robin()
	wrong := w.signIn(browser, page, email, "not the password")
	if wrong.status != 200 || !strings.Contains(string(wrong.body), "AADSTS50126") {
		t.Errorf("wrong password: got %d, want the page with AADSTS50126", wrong.status)
	}
	if strings.Contains(string(wrong.body), "not the password") {
		t.Error("the page repeats the password")
	}
	consent := w.signIn(browser, wrong, email, password)
	for _, part := range []string{`id="accept"`, `id="cancel"`, `data-permission="Calendars.Read.Shared"`, `data-permission="offline_access"`, "Door signs"} {
		if !strings.Contains(string(consent.body), part) {
			t.Errorf("consent page lacks %s", part)
		}
	}
	back := w.back(w.decide(browser, consent, "accept"))
	if back.Get("state") != "the-state" || back.Get("code") == "" || back.Get("error") != "" {
		t.Fatalf("got %v", back)
	}
	r := w.post(w.client, w.tokenURL(), w.codeForm(back.Get("code")))
	doc := r.doc(t)
	if r.status != 200 || doc["token_type"] != "Bearer" || doc["refresh_token"] == nil || doc["client_info"] == nil {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if r.header.Get("Cache-Control") == "" {
		t.Error("a token answer without Cache-Control")
	}
	scope := " " + doc["scope"].(string) + " "
	if !strings.Contains(scope, " "+w.s.GraphURL()+"/Calendars.Read.Shared ") || strings.Contains(scope, "offline_access") {
		t.Errorf("scope %q does not echo what was asked", scope)
	}
	id := w.verify(doc["id_token"].(string))
	for name, want := range map[string]any{
		"aud": w.app.ClientID, "iss": w.s.LoginURL() + "/" + w.s.TenantID() + "/v2.0", "tid": w.s.TenantID(),
		"nonce": "the-nonce", "ver": "2.0", "preferred_username": email, "name": "Robin Lake",
	} {
		if id[name] != want {
			t.Errorf("id token %s: got %v, want %v", name, id[name], want)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(doc["client_info"].(string))
	if err != nil || !strings.Contains(string(raw), id["oid"].(string)) {
		t.Errorf("client_info %s, want the oid", raw)
	}
	access := w.verify(doc["access_token"].(string))
	if access["aud"] != w.s.GraphURL() || !strings.Contains(access["scp"].(string), "Calendars.Read.Shared") || access["roles"] != nil {
		t.Errorf("access token: got %v", access)
	}
	// The browser is signed in and has consented: the next time goes straight through.
	again := w.back(w.do(browser, "GET", w.authorizeURL(w.authorizeQuery()), nil))
	if again.Get("code") == "" {
		t.Errorf("got %v", again)
	}
}

// verify checks a token against the published keys, as a stranger would.
func (w *world) verify(token string) map[string]any {
	w.Helper()
	var set struct{ Keys []struct{ Kid, N, E string } }
	r := w.do(w.client, "GET", w.s.LoginURL()+"/"+w.s.TenantID()+"/discovery/v2.0/keys", nil)
	if err := json.Unmarshal(r.body, &set); err != nil || len(set.Keys) != 1 {
		w.Fatalf("keys: %v %s", err, r.body)
	}
	n, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	e, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].E)
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	p := strings.Split(token, ".")
	sig, _ := base64.RawURLEncoding.DecodeString(p[2])
	sum := sha256.Sum256([]byte(p[0] + "." + p[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
		w.Fatal(err)
	}
	head, _ := base64.RawURLEncoding.DecodeString(p[0])
	if !strings.Contains(string(head), set.Keys[0].Kid) || !strings.Contains(string(head), "RS256") {
		w.Errorf("header %s", head)
	}
	body, _ := base64.RawURLEncoding.DecodeString(p[1])
	var c map[string]any
	if err := json.Unmarshal(body, &c); err != nil {
		w.Fatal(err)
	}
	return c
}

// TestAuthorizeStrictness changes one thing of a right request.
func TestAuthorizeStrictness(t *testing.T) {
	w := newWorld(t, false)
	other := w.s.RegisterApp(AppRegistration{Name: "No address"})
	disabled := w.s.RegisterApp(AppRegistration{Name: "Off", RedirectURIs: []string{redirect}})
	if err := w.s.DisableApp(disabled.ClientID, true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, parameter, value string
		tenant                 string // "" is the right one
		page                   string // code on an error page, without redirect
		err, code              string // error and code at the redirect URI
	}{
		{name: "redirect with slash", parameter: "redirect_uri", value: redirect + "/", page: "AADSTS50011"},
		{name: "redirect in capitals", parameter: "redirect_uri", value: "https://doors.example/M", page: "AADSTS50011"},
		{name: "redirect over http", parameter: "redirect_uri", value: "http://doors.example/m", page: "AADSTS50011"},
		{name: "redirect with query", parameter: "redirect_uri", value: redirect + "?x=1", page: "AADSTS50011"},
		{name: "unknown app", parameter: "client_id", value: newID(), page: "AADSTS700016"},
		{name: "app without address", parameter: "client_id", value: other.ClientID, page: "AADSTS500113"},
		{name: "disabled app", parameter: "client_id", value: disabled.ClientID, page: "AADSTS7000112"},
		{name: "unknown tenant", tenant: "nobody.example", page: "AADSTS90002"},
		{name: "common for a single tenant", tenant: "common", page: "AADSTS50194"},
		{name: "id token from authorize", parameter: "response_type", value: "id_token", err: "unsupported_response_type", code: "AADSTS700054"},
		{name: "no scope", parameter: "scope", value: "", err: "invalid_request", code: "AADSTS900144"},
		{name: "made-up scope", parameter: "scope", value: "Doors.Open", err: "invalid_client", code: "AADSTS650053"},
		{name: "application permission as scope", parameter: "scope", value: "Calendars.ReadBasic.All", err: "invalid_client", code: "AADSTS650053"},
		{name: "foreign resource", parameter: "scope", value: "https://api.other.example/Read", err: "invalid_resource", code: "AADSTS500011"},
		{name: "short challenge", parameter: "code_challenge", value: "abc", err: "invalid_request", code: "AADSTS9002313"},
		{name: "silent without session", parameter: "prompt", value: "none", err: "login_required", code: "AADSTS50058"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{T: t, s: w.s, clock: w.clock, app: w.app, client: w.client}
			q := w.authorizeQuery()
			if c.parameter != "" {
				q.Set(c.parameter, c.value)
			}
			tenant := c.tenant
			if tenant == "" {
				tenant = w.s.TenantID()
			}
			r := w.do(w.browser(), "GET", w.s.LoginURL()+"/"+tenant+"/oauth2/v2.0/authorize?"+q.Encode(), nil)
			if c.page != "" {
				if r.status != 400 || r.header.Get("Location") != "" || !strings.Contains(string(r.body), c.page) {
					t.Errorf("got %d %q, want a page with %s", r.status, r.header.Get("Location"), c.page)
				}
				return
			}
			back := w.back(r)
			if back.Get("error") != c.err || !strings.HasPrefix(back.Get("error_description"), c.code+":") || back.Get("state") != "the-state" {
				t.Errorf("got %v, want %s %s", back, c.err, c.code)
			}
		})
	}
}

func TestPeople(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddUser(User{Address: "guest@other.example", Name: "Guest", Password: "Foreign-1", Foreign: true})
	for _, c := range []struct{ name, email, password, want string }{
		{"unknown name", "nobody@" + domainName, "x", "AADSTS50034"},
		{"account of another tenant", "guest@other.example", "Foreign-1", "AADSTS50020"},
		{"unheard-of domain", "someone@elsewhere.example", "x", "AADSTS50020"},
	} {
		t.Run(c.name, func(t *testing.T) {
			browser := w.browser()
			page := w.do(browser, "GET", w.authorizeURL(w.authorizeQuery()), nil)
			if r := w.signIn(browser, page, c.email, c.password); !strings.Contains(string(r.body), c.want) {
				t.Errorf("got %d without %s", r.status, c.want)
			}
		})
	}
}

func TestConsentDeclined(t *testing.T) {
	w := newWorld(t, false)
	browser := w.browser()
	page := w.do(browser, "GET", w.authorizeURL(w.authorizeQuery()), nil)
	email, password := robin()
	back := w.back(w.decide(browser, w.signIn(browser, page, email, password), "cancel"))
	if back.Get("error") != "access_denied" || !strings.HasPrefix(back.Get("error_description"), "AADSTS65004:") || back.Get("code") != "" {
		t.Errorf("got %v", back)
	}
}

// TestAdminOnlyPermission: an ordinary user cannot consent to Place.Read.All.
func TestAdminOnlyPermission(t *testing.T) {
	w := newWorld(t, false)
	q := w.authorizeQuery()
	q.Set("scope", "openid Place.Read.All")
	browser := w.browser()
	email, password := robin()
	r := w.signIn(browser, w.do(browser, "GET", w.authorizeURL(q), nil), email, password)
	if !strings.Contains(string(r.body), "Need admin approval") || strings.Contains(string(r.body), `id="accept"`) {
		t.Fatalf("got %.300s", r.body)
	}
	// Not even by a hand-made request.
	if back := w.back(w.decide(browser, r, "accept")); back.Get("error") != "consent_required" || back.Get("code") != "" {
		t.Errorf("got %v", back)
	}
}

// TestTokenErrors changes one thing of a right request at the token endpoint.
func TestTokenErrors(t *testing.T) {
	w := newWorld(t, false)
	expired := w.s.RegisterApp(AppRegistration{Name: "Expired"})
	off := w.s.RegisterApp(AppRegistration{Name: "Off"})
	if err := w.s.SetSecretExpiry(expired.ClientID, w.clock.now()); err != nil {
		t.Fatal(err)
	}
	if err := w.s.DisableApp(off.ClientID, true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change url.Values
		tenant string
		status int
		err    string
		code   int
	}{
		{name: "wrong secret", change: url.Values{"client_secret": {"nonsense"}}, status: 401, err: "invalid_client", code: 7000215},
		{name: "secret id instead of value", change: url.Values{"client_secret": {w.app.SecretID}}, status: 401, err: "invalid_client", code: 7000215},
		{name: "no secret", change: url.Values{"client_secret": nil}, status: 401, err: "invalid_client", code: 7000218},
		{name: "expired secret", change: url.Values{"client_id": {expired.ClientID}, "client_secret": {expired.Secret}}, status: 401, err: "invalid_client", code: 7000222},
		{name: "disabled app", change: url.Values{"client_id": {off.ClientID}, "client_secret": {off.Secret}}, status: 400, err: "unauthorized_client", code: 7000112},
		{name: "unknown app", change: url.Values{"client_id": {newID()}}, status: 400, err: "unauthorized_client", code: 700016},
		{name: "unknown tenant", tenant: newID(), status: 400, err: "invalid_request", code: 90002},
		{name: "common", tenant: "common", status: 400, err: "invalid_request", code: 50194},
		{name: "single permission", change: url.Values{"scope": {"https://graph.microsoft.com/Calendars.Read"}}, status: 400, err: "invalid_scope", code: 1002012},
		{name: "foreign resource", change: url.Values{"scope": {"https://vault.other.example/.default"}}, status: 400, err: "invalid_resource", code: 500011},
		{name: "no scope", change: url.Values{"scope": nil}, status: 400, err: "invalid_request", code: 900144},
		{name: "odd grant", change: url.Values{"grant_type": {"password"}}, status: 400, err: "unsupported_grant_type", code: 70003},
		{name: "no grant", change: url.Values{"grant_type": nil}, status: 400, err: "invalid_request", code: 900144},
		{name: "repeated parameter", change: url.Values{"scope": {"a", "b"}}, status: 400, err: "invalid_request", code: 9002313},
		{name: "unknown code", change: url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {redirect}}, status: 400, err: "invalid_grant", code: 9002313},
	} {
		t.Run(c.name, func(t *testing.T) {
			form := w.appForm()
			for k, v := range c.change {
				form[k] = v
			}
			address := w.tokenURL()
			if c.tenant != "" {
				address = w.s.LoginURL() + "/" + c.tenant + "/oauth2/v2.0/token"
			}
			r := w.post(w.client, address, form)
			doc := r.doc(t)
			if r.status != c.status || doc["error"] != c.err || fmt.Sprint(doc["error_codes"]) != fmt.Sprintf("[%v]", float64(c.code)) {
				t.Errorf("got %d %v %v, want %d %s %d", r.status, doc["error"], doc["error_codes"], c.status, c.err, c.code)
			}
			text, _ := doc["error_description"].(string)
			if !strings.HasPrefix(text, fmt.Sprintf("AADSTS%d: ", c.code)) || !strings.Contains(text, "\r\nTrace ID: ") {
				t.Errorf("description %q", text)
			}
			for _, name := range []string{"timestamp", "trace_id", "correlation_id", "error_uri"} {
				if doc[name] == nil {
					t.Errorf("no %s", name)
				}
			}
		})
	}
	r := w.do(w.client, "GET", w.tokenURL(), nil)
	if fmt.Sprint(r.doc(t)["error_codes"]) != "[900561]" {
		t.Errorf("GET: got %s", r.body)
	}
}

func TestCodeStrictness(t *testing.T) {
	w := newWorld(t, false)
	stranger := w.s.RegisterApp(AppRegistration{Name: "Stranger", RedirectURIs: []string{redirect}})
	email, password := robin()
	for _, c := range []struct {
		name   string
		change url.Values
		wait   time.Duration
		twice  bool
		err    string
		code   int
	}{
		{name: "used twice", twice: true, err: "invalid_grant", code: 54005},
		{name: "too late", wait: 11 * time.Minute, err: "invalid_grant", code: 70008},
		{name: "wrong verifier", change: url.Values{"code_verifier": {strings.Repeat("x", 50)}}, err: "invalid_grant", code: 501481},
		{name: "no verifier", change: url.Values{"code_verifier": nil}, err: "invalid_grant", code: 501481},
		{name: "other redirect", change: url.Values{"redirect_uri": {redirect + "/"}}, err: "invalid_client", code: 500112},
		{name: "somebody else's", change: url.Values{"client_id": {stranger.ClientID}, "client_secret": {stranger.Secret}}, err: "invalid_grant", code: 9002313},
		{name: "more than consented", change: url.Values{"scope": {"Calendars.ReadWrite"}}, err: "invalid_grant", code: 65001},
	} {
		t.Run(c.name, func(t *testing.T) {
			form := w.codeForm(w.connect(w.browser(), w.authorizeQuery(), email, password))
			for k, v := range c.change {
				form[k] = v
			}
			w.clock.add(c.wait)
			if c.twice {
				if r := w.post(w.client, w.tokenURL(), form); r.status != 200 {
					t.Fatalf("first use: %s", r.body)
				}
			}
			doc := w.post(w.client, w.tokenURL(), form).doc(t)
			if doc["error"] != c.err || fmt.Sprint(doc["error_codes"]) != fmt.Sprintf("[%v]", float64(c.code)) {
				t.Errorf("got %v %v, want %s %d", doc["error"], doc["error_codes"], c.err, c.code)
			}
		})
	}
}

func TestRefresh(t *testing.T) {
	w := newWorld(t, false)
	email, password := robin()
	first := w.personToken(email, password)["refresh_token"].(string)
	form := func(token string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {w.app.ClientID}, "client_secret": {w.app.Secret},
			"refresh_token": {token}, "scope": {w.s.GraphURL() + "/Calendars.Read.Shared openid profile offline_access"}}
	}
	renew := func(token string) (string, string) {
		doc := w.post(w.client, w.tokenURL(), form(token)).doc(t)
		next, _ := doc["refresh_token"].(string)
		return next, fmt.Sprint(doc["error_codes"])
	}
	second, _ := renew(first)
	if second == "" || second == first {
		t.Fatal("the refresh token does not rotate")
	}
	if again, _ := renew(first); again == "" {
		t.Error("the old refresh token died with its use")
	}
	if _, codes := renew("nonsense"); codes != "[9.002313e+06]" {
		t.Errorf("unknown token: got %s", codes)
	}
	w.clock.add(89 * 24 * time.Hour)
	third, _ := renew(second)
	if third == "" {
		t.Fatal("a token used within 90 days is refused")
	}
	if _, codes := renew(first); codes != "<nil>" {
		t.Errorf("the first one, 89 days old: got %s", codes)
	}
	w.clock.add(48 * time.Hour)
	if _, codes := renew(first); codes != "[700082]" {
		t.Errorf("after 91 days: got %s, want 700082", codes)
	}
	if err := w.s.RevokeSessions(email); err != nil {
		t.Fatal(err)
	}
	if _, codes := renew(third); codes != "[50173]" {
		t.Errorf("after revocation: got %s, want 50173", codes)
	}
	w.clock.add(time.Minute)
	fresh := w.personToken(email, password)["refresh_token"].(string)
	if err := w.s.RevokeConsent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if _, codes := renew(fresh); codes != "[65001]" {
		t.Errorf("without consent: got %s, want 65001", codes)
	}
}

func TestScopeSpellings(t *testing.T) {
	w := newWorld(t, false)
	email, password := robin()
	q := w.authorizeQuery()
	for _, c := range []struct {
		name, asked string
		urls        bool
		want        string
	}{
		{"short", "Calendars.Read.Shared", false, "Calendars.Read.Shared"},
		{"Microsoft's resource", "https://graph.microsoft.com/Calendars.Read.Shared", false, "https://graph.microsoft.com/Calendars.Read.Shared"},
		{"other case", "calendars.read.shared", false, "calendars.read.shared"},
		{"short, answered with the resource", "Calendars.Read.Shared", true, "https://graph.microsoft.com/Calendars.Read.Shared"},
		{"default", "https://graph.microsoft.com/.default", false, "https://graph.microsoft.com/.default"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.s.SpellScopesWithResource(c.urls)
			q.Set("scope", "openid offline_access "+c.asked)
			form := w.codeForm(w.connect(w.browser(), q, email, password))
			form.Set("scope", c.asked+" openid offline_access profile")
			doc := w.post(w.client, w.tokenURL(), form).doc(t)
			if got, _ := doc["scope"].(string); !strings.Contains(" "+got+" ", " "+c.want+" ") {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}

func TestAdminConsent(t *testing.T) {
	w := newWorld(t, false)
	q := url.Values{"client_id": {w.app.ClientID}, "redirect_uri": {redirect}, "state": {"s1"}, "scope": {"https://graph.microsoft.com/.default"}}
	at := w.s.LoginURL() + "/" + w.s.TenantID() + "/v2.0/adminconsent?" + q.Encode()
	roles := func() any { return w.verify(w.appToken())["roles"] }
	if got := roles(); got != nil {
		t.Fatalf("roles before consent: %v", got)
	}
	browser := w.browser()
	email, password := robin()
	if r := w.signIn(browser, w.do(browser, "GET", at, nil), email, password); !strings.Contains(string(r.body), "Need admin approval") {
		t.Errorf("an ordinary user: got %.200s", r.body)
	}
	browser = w.browser()
	email, password = admin()
	page := w.signIn(browser, w.do(browser, "GET", at, nil), email, password)
	for _, name := range []string{"Place.Read.All", "Calendars.Read", "Calendars.Read.Shared"} {
		if !strings.Contains(string(page.body), `data-permission="`+name+`"`) {
			t.Errorf("the page does not list %s", name)
		}
	}
	back := w.back(w.decide(browser, page, "cancel"))
	if back.Get("admin_consent") != "True" || back.Get("error") != "consent_required" || !strings.HasPrefix(back.Get("error_description"), "AADSTS65004") {
		t.Errorf("declined: got %v", back)
	}
	if got := roles(); got != nil {
		t.Errorf("roles after declining: %v", got)
	}
	back = w.back(w.decide(browser, w.do(browser, "GET", at, nil), "accept"))
	if back.Get("admin_consent") != "True" || back.Get("tenant") != w.s.TenantID() || back.Get("state") != "s1" || back.Get("error") != "" {
		t.Errorf("accepted: got %v", back)
	}
	if got := fmt.Sprint(roles()); got != "[Calendars.Read Place.Read.All]" {
		t.Errorf("roles: got %s", got)
	}
	q.Set("redirect_uri", "https://evil.example/m")
	r := w.do(browser, http.MethodGet, w.s.LoginURL()+"/"+w.s.TenantID()+"/v2.0/adminconsent?"+q.Encode(), nil)
	if r.status != 400 || !strings.Contains(string(r.body), "AADSTS50011") {
		t.Errorf("foreign redirect: got %d", r.status)
	}
}
