package graphsync

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
)

const redirectURI = "https://doors.example/m"

// office is a stand-in for Microsoft 365 with one registered application, a
// store, and the service under test.
type office struct {
	t       *testing.T
	graph   *graphtest.Server
	app     graphtest.App
	store   *memory
	log     *journal
	service *Service
	options Options

	changed   chan calendar.RoomID
	refreshed chan calendar.RoomID
}

// newOffice opens a tenant with rooms but does not connect.
func newOffice(t *testing.T, rooms ...string) *office {
	t.Helper()
	o := newTenant(t, graphtest.Options{})
	o.graph.AddUser(graphtest.User{Address: "admin", Name: "Ada Admin", Password: "pass-1", Admin: true})
	o.graph.AddUser(graphtest.User{Address: "robin", Name: "Robin Reader", Password: "pass-2"})
	for _, r := range rooms {
		o.graph.AddRoom(graphtest.Room{Email: r, Name: "Room " + r, Building: "North", FloorLabel: "2", Capacity: 8, TimeZone: "Europe/Berlin"})
	}
	return o
}

// newTenant starts a stand-in with one registered application.
func newTenant(t *testing.T, opts graphtest.Options) *office {
	t.Helper()
	graph, err := graphtest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	app := graph.RegisterApp(graphtest.AppRegistration{
		Name: "Door signs", RedirectURIs: []string{redirectURI},
		Delegated:   []string{"Calendars.Read", "Calendars.Read.Shared"},
		Application: []string{"Calendars.Read", "Place.Read.All"},
	})
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(graph.CAPEM()) {
		t.Fatal("no certificate from the stand-in")
	}
	o := &office{
		t: t, graph: graph, app: app, log: new(journal),
		store: newMemory(connection.Settings{
			Cloud: connection.Custom, LoginURL: graph.LoginURL(), GraphURL: graph.GraphURL(),
			Tenant: graph.TenantID(), ClientID: app.ClientID, ClientSecret: app.Secret, Find: true,
		}),
		changed:   make(chan calendar.RoomID, 1000),
		refreshed: make(chan calendar.RoomID, 1000),
	}
	o.options = Options{
		Store: o.store, Logger: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		RedirectURI: redirectURI, RootCAs: roots, PollInterval: 100 * time.Millisecond, NotFound: errNotFound,
		Changed:   func(id calendar.RoomID) { o.changed <- id },
		Refreshed: func(id calendar.RoomID) { o.refreshed <- id },
	}
	o.open()
	return o
}

// open makes a new service on the same store, as after a restart.
func (o *office) open() {
	o.t.Helper()
	s, err := New(o.options)
	if err != nil {
		o.t.Fatal(err)
	}
	o.service = s
	o.t.Cleanup(s.closeIdle)
}

// run runs the service until the returned function is called.
func (o *office) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.service.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				o.t.Errorf("Run: %v", err)
			}
		})
	}
	o.t.Cleanup(stop)
	return stop
}

// browser follows the stand-in's pages like a person: it fills in forms, and
// stops when it is sent to the product.
type browser struct {
	t        *testing.T
	client   *http.Client
	user     string
	password string
	decision string // accept or cancel
	pages    []string
}

func (o *office) browser(user, password, decision string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: o.options.RootCAs}}
	o.t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: o.t, user: user, password: password, decision: decision, client: &http.Client{
		Jar:           jar,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var (
	hiddenFlow = regexp.MustCompile(`name="flow" value="([^"]+)"`)
	formAction = regexp.MustCompile(`<form id="([a-z]+)-form" method="post" action="([^"]+)"`)
)

// visit opens a page and goes on until the redirect URI is reached, whose query
// it returns; ok is false when it got stuck on a page.
func (b *browser) visit(at string) (q connection.Query, ok bool) {
	b.t.Helper()
	res, err := b.client.Get(at)
	for range 8 {
		if err != nil {
			b.t.Fatal(err)
		}
		body, rerr := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if rerr != nil {
			b.t.Fatal(rerr)
		}
		b.pages = append(b.pages, string(body))
		if to := res.Header.Get("Location"); to != "" {
			if !strings.HasPrefix(to, redirectURI) {
				b.t.Fatalf("sent to %q", to)
			}
			u, err := url.Parse(to)
			if err != nil {
				b.t.Fatal(err)
			}
			q = connection.Query{}
			for k := range u.Query() {
				q[k] = u.Query().Get(k)
			}
			return q, true
		}
		form, flow := formAction.FindSubmatch(body), hiddenFlow.FindSubmatch(body)
		if form == nil || flow == nil {
			return nil, false
		}
		values := url.Values{"flow": {string(flow[1])}}
		switch string(form[1]) {
		case "signin":
			values.Set("email", b.user)
			values.Set("password", b.password)
		case "consent":
			values.Set("decision", b.decision)
		case "approval":
			values.Set("decision", "approval")
		}
		res, err = b.client.PostForm(res.Request.URL.ResolveReference(&url.URL{Path: string(form[2])}).String(), values)
	}
	b.t.Fatal("the pages do not end")
	return nil, false
}

// signIn connects as a person and returns what Answer says.
func (o *office) signIn(user, password, decision string) error {
	o.t.Helper()
	to, err := o.service.Connect(o.t.Context(), 1)
	if err != nil {
		return err
	}
	b := o.browser(user+"@"+o.graph.Domain(), password, decision)
	for range 2 { // without the list of rooms, where that was refused
		q, ok := b.visit(to.URL)
		if !ok {
			o.t.Fatal("the browser is stuck at the stand-in")
		}
		if to, err = o.service.Answer(o.t.Context(), q, to.Cookie); err != nil || to.URL == "" {
			return err
		}
	}
	o.t.Fatal("asked to sign in for ever")
	return nil
}

// connectAppOnly connects with everything granted.
func (o *office) connectAppOnly() {
	o.t.Helper()
	if err := o.graph.Consent(o.app.ClientID); err != nil {
		o.t.Fatal(err)
	}
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		o.t.Fatal(err)
	}
	if got := o.store.state().Mode; got != connection.AppOnly {
		o.t.Fatalf("mode = %q, want %q", got, connection.AppOnly)
	}
}

// address is the full address of a room.
func (o *office) address(room string) string { return room + "@" + o.graph.Domain() }

// patience is how long a test waits for what must come: far longer than it takes
// on a slow machine that does other work beside.
const patience = 3 * time.Minute

// soon waits until ok.
func (o *office) soon(what string, ok func() bool) {
	o.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			o.t.Fatalf("not in time: %s\n%s", what, o.log)
		}
		select { // a look at any room is the time to ask again
		case <-o.changed:
		case <-o.refreshed:
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// subjects lists the subjects of a stored agenda by start.
func subjects(a calendar.Agenda) []string {
	var out []string
	for _, e := range a.Events {
		out = append(out, e.Subject)
	}
	return out
}

// journal is a log that may be read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// lines counts the log lines that hold every one of the words.
func (j *journal) lines(words ...string) int {
	n := 0
	for line := range strings.Lines(j.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

func wantKind(t *testing.T, err error, want connection.Kind) {
	t.Helper()
	var e *connection.Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Errorf("err = %v, want kind %q", err, want)
	}
}
