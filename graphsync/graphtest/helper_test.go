package graphtest

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// testClock is a clock that tests move.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a running server with an app and a client that trusts it.
type world struct {
	*testing.T
	s      *Server
	clock  *testClock
	app    App
	client *http.Client
}

const redirect = "https://doors.example/m"

func newWorld(t *testing.T, office bool) *world {
	t.Helper()
	return newWorldWith(t, Options{Office: office})
}

// newWorldWith sets the clock of the options; the rest is the caller's.
func newWorldWith(t *testing.T, o Options) *world {
	t.Helper()
	// A Tuesday, 09:30 in Helsinki.
	c := &testClock{at: time.Date(2026, 11, 24, 7, 30, 0, 0, time.UTC)}
	o.Clock = c.now
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if !o.Office {
		s.AddUser(User{Address: AdminName, Name: "Practice Admin", Password: AdminPassword, Admin: true})
		s.AddUser(User{Address: UserName, Name: "Robin Lake", Password: UserPassword})
	}
	w := &world{T: t, s: s, clock: c}
	w.app = s.RegisterApp(AppRegistration{
		Name: "Door signs", RedirectURIs: []string{redirect},
		Delegated:   []string{"Calendars.Read.Shared", "User.Read"},
		Application: []string{"Place.Read.All", "Calendars.Read"},
	})
	w.client = w.browser()
	return w
}

// browser is a client with cookies of its own that follows no redirect.
func (w *world) browser() *http.Client {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(w.s.CAPEM()) {
		w.Fatal("the CA certificate is not PEM")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Time: w.clock.now}}
	w.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is a whole response.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) doc(t *testing.T) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(r.body, &doc); err != nil {
		t.Fatalf("status %d, not JSON: %v: %.200s", r.status, err, r.body)
	}
	return doc
}

func (w *world) do(client *http.Client, method, address string, body []byte, header ...string) reply {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, b}
}

// post sends a form.
func (w *world) post(client *http.Client, address string, form url.Values) reply {
	w.Helper()
	return w.do(client, http.MethodPost, address, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

func (w *world) tokenURL() string {
	return w.s.LoginURL() + "/" + w.s.TenantID() + "/oauth2/v2.0/token"
}

// appToken gets a token of the application itself.
func (w *world) appToken() string {
	w.Helper()
	r := w.post(w.client, w.tokenURL(), w.appForm())
	if r.status != http.StatusOK {
		w.Fatalf("client credentials: %d %s", r.status, r.body)
	}
	return r.doc(w.T)["access_token"].(string)
}

func (w *world) appForm() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {w.app.ClientID}, "client_secret": {w.app.Secret},
		"scope": {w.s.GraphURL() + "/.default openid offline_access profile"},
	}
}

// graph gets a Graph path with the app's token, the app having all consents.
func (w *world) graph(path string, header ...string) reply {
	w.Helper()
	if err := w.s.Consent(w.app.ClientID); err != nil {
		w.Fatal(err)
	}
	return w.as(w.appToken(), http.MethodGet, path, nil, header...)
}

// as sends a Graph request with a token; path may be a whole link.
func (w *world) as(token, method, path string, body []byte, header ...string) reply {
	w.Helper()
	if !strings.HasPrefix(path, "https://") {
		path = w.s.GraphURL() + "/v1.0" + path
	}
	header = append([]string{"Authorization", "Bearer " + token}, header...)
	if body != nil {
		header = append(header, "Content-Type", "application/json")
	}
	return w.do(w.client, method, path, body, header...)
}

const verifier = "a-verifier-that-is-long-enough-for-rfc-7636-to-take"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return encode(sum[:])
}

// authorizeQuery is a right authorize request.
func (w *world) authorizeQuery() url.Values {
	return url.Values{
		"client_id": {w.app.ClientID}, "response_type": {"code"}, "redirect_uri": {redirect}, "response_mode": {"query"},
		"scope": {"openid profile offline_access " + w.s.GraphURL() + "/Calendars.Read.Shared"},
		"state": {"the-state"}, "nonce": {"the-nonce"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}
}

func (w *world) authorizeURL(q url.Values) string {
	return w.s.LoginURL() + "/" + w.s.TenantID() + "/oauth2/v2.0/authorize?" + q.Encode()
}

var flowField = regexp.MustCompile(`name="flow" value="([^"]+)"`)

// signIn types name and password into the page of r.
func (w *world) signIn(client *http.Client, page reply, email, password string) reply {
	w.Helper()
	return w.post(client, w.s.LoginURL()+"/common/login", url.Values{"flow": {w.flow(page)}, "email": {email}, "password": {password}})
}

// decide presses a button of the consent page.
func (w *world) decide(client *http.Client, page reply, decision string) reply {
	w.Helper()
	return w.post(client, w.s.LoginURL()+"/common/consent", url.Values{"flow": {w.flow(page)}, "decision": {decision}})
}

func (w *world) flow(page reply) string {
	w.Helper()
	m := flowField.FindSubmatch(page.body)
	if m == nil {
		w.Fatalf("no form on the page: %d %.600s", page.status, page.body)
	}
	// The field is HTML; its alphabet needs no unescaping but for "+".
	return strings.ReplaceAll(string(m[1]), "&#43;", "+")
}

// connect signs a person in, accepts and returns the code.
func (w *world) connect(client *http.Client, q url.Values, email, password string) string {
	w.Helper()
	page := w.do(client, http.MethodGet, w.authorizeURL(q), nil)
	page = w.signIn(client, page, email, password)
	if page.status == http.StatusOK {
		page = w.decide(client, page, "accept")
	}
	back := w.back(page)
	if back.Get("code") == "" {
		w.Fatalf("no code: %v", back)
	}
	return back.Get("code")
}

// back reads the query of a redirect to the app.
func (w *world) back(r reply) url.Values {
	w.Helper()
	u, err := url.Parse(r.header.Get("Location"))
	if r.status != http.StatusFound || err != nil || !strings.HasPrefix(u.String(), redirect+"?") {
		w.Fatalf("no redirect to the app: %d %q %.400s", r.status, r.header.Get("Location"), r.body)
	}
	return u.Query()
}

func (w *world) codeForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {w.app.ClientID}, "client_secret": {w.app.Secret},
		"code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}, "client_info": {"1"},
		"scope": {w.s.GraphURL() + "/Calendars.Read.Shared openid offline_access profile"},
	}
}

// personToken signs the person in and returns the whole token answer.
func (w *world) personToken(email, password string) map[string]any {
	w.Helper()
	r := w.post(w.client, w.tokenURL(), w.codeForm(w.connect(w.browser(), w.authorizeQuery(), email, password)))
	if r.status != http.StatusOK {
		w.Fatalf("code: %d %s", r.status, r.body)
	}
	return r.doc(w.T)
}

// list reads the value of a collection.
func list(t *testing.T, r reply) []map[string]any {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %.300s", r.status, r.body)
	}
	var out []map[string]any
	for _, v := range r.doc(t)["value"].([]any) {
		out = append(out, v.(map[string]any))
	}
	return out
}

// failure reads status and error code of a Graph answer.
func failure(t *testing.T, r reply) (int, string) {
	t.Helper()
	e, _ := r.doc(t)["error"].(map[string]any)
	code, _ := e["code"].(string)
	return r.status, code
}

// numbers writes the AADSTS numbers of an answer: "[7000215]", "<nil>" for none.
func numbers(t *testing.T, r reply) string {
	t.Helper()
	var doc struct {
		Codes *[]int `json:"error_codes"`
	}
	if err := json.Unmarshal(r.body, &doc); err != nil {
		t.Fatalf("status %d, not JSON: %v", r.status, err)
	}
	if doc.Codes == nil {
		return "<nil>"
	}
	return fmt.Sprint(*doc.Codes)
}

func admin() (string, string) { return AdminName + "@" + domainName, AdminPassword }
func robin() (string, string) { return UserName + "@" + domainName, UserPassword }

func oneOf(s string, list ...string) bool {
	for _, v := range list {
		if s == v {
			return true
		}
	}
	return false
}

// try sends a request whose answer may be spoiled: doc is nil then.
func (w *world) try(req *http.Request) (doc map[string]any, status int) {
	res, err := w.client.Do(req)
	if err != nil {
		return nil, 0
	}
	defer res.Body.Close()
	if json.NewDecoder(res.Body).Decode(&doc) != nil {
		return nil, res.StatusCode
	}
	return doc, res.StatusCode
}
