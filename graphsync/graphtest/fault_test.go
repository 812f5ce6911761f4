package graphtest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	w := newWorld(t, false)
	start := utc(t, "2026-11-24T10:00:00Z")
	for _, name := range []string{"one", "two"} {
		w.s.AddRoom(Room{Email: name, Name: name}).Create(Event{Subject: "Plan", Start: start, End: start.Add(time.Hour)})
	}
	view := func(room string) string { return "/users/" + room + "@" + domainName + "/calendarView" + window }
	get := func(path string) reply { return w.graph(path) }

	t.Run("counted, one room only", func(t *testing.T) {
		f := Throttled(7 * time.Second)
		f.Room, f.Count, f.Skip = "one", 2, 1
		defer w.s.Inject(f)()
		var got []int
		for range 4 {
			got = append(got, get(view("one")).status, get(view("two")).status)
		}
		if want := []int{200, 200, 429, 200, 429, 200, 200, 200}; !equalInts(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	t.Run("retry after", func(t *testing.T) {
		defer w.s.Inject(Throttled(7 * time.Second))()
		r := w.as("x", "GET", view("one"), nil)
		if status, code := failure(t, r); status != 429 || code != "ApplicationThrottled" || r.header.Get("Retry-After") != "7" {
			t.Errorf("got %d %s %q", status, code, r.header.Get("Retry-After"))
		}
	})
	for _, c := range []struct {
		name   string
		fault  Fault
		status int
		judge  func(body []byte) bool
	}{
		{"truncated", Truncated(), 200, func(b []byte) bool { return len(b) > 50 && !json.Valid(b) && b[0] == '{' }},
		{"HTML", HTMLPage(), 200, func(b []byte) bool { return bytes.HasPrefix(b, []byte("<!DOCTYPE html>")) }},
		{"wrong types", WrongTypes(), 200, func(b []byte) bool { return json.Valid(b) && bytes.Contains(b, []byte(`"subject":17`)) }},
		{"huge subject", HugeSubject(500 << 10), 200, func(b []byte) bool { return json.Valid(b) && len(b) > 500<<10 }},
		{"denied", AccessDenied(), 403, func(b []byte) bool { return bytes.Contains(b, []byte("ErrorAccessDenied")) }},
		{"busy", Unavailable(0), 503, func(b []byte) bool { return bytes.Contains(b, []byte("ErrorServerBusy")) }},
		{"expired", TokenExpired(), 401, func(b []byte) bool { return bytes.Contains(b, []byte("InvalidAuthenticationToken")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.fault
			f.Path = "calendarView"
			remove := w.s.Inject(f)
			r := get(view("one"))
			if r.status != c.status || !c.judge(r.body) {
				t.Errorf("got %d %.120s", r.status, r.body)
			}
			remove()
			if r := get(view("one")); r.status != 200 || !json.Valid(r.body) {
				t.Errorf("after removal: got %d", r.status)
			}
		})
	}
	t.Run("Entra refuses", func(t *testing.T) {
		defer w.s.Inject(EntraError(50076, "interaction_required"))()
		r := w.post(w.client, w.tokenURL(), w.appForm())
		if doc := r.doc(t); r.status != 400 || doc["error"] != "interaction_required" || !strings.HasPrefix(doc["error_description"].(string), "AADSTS50076:") {
			t.Errorf("got %d %s", r.status, r.body)
		}
	})
	t.Run("claims challenge", func(t *testing.T) {
		defer w.s.Inject(ClaimsChallenge())()
		r := get(view("one"))
		if r.status != 401 || !strings.Contains(r.header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`) {
			t.Errorf("got %d %q", r.status, r.header.Get("WWW-Authenticate"))
		}
	})
	t.Run("sync state lost", func(t *testing.T) {
		_, link := w.round("/users/one@" + domainName + "/calendarView/delta" + window)
		defer w.s.Inject(SyncStateLost())()
		if status, code := failure(t, get(link)); status != 410 || code != "SyncStateNotFound" {
			t.Errorf("got %d %s", status, code)
		}
		if _, link := w.round("/users/one@" + domainName + "/calendarView/delta" + window); link == "" {
			t.Error("a new round fails")
		}
	})
	t.Run("closed connection", func(t *testing.T) {
		defer w.s.Inject(Fault{Path: "/places", Close: true})()
		if res, err := w.client.Get(w.s.GraphURL() + "/v1.0/places/graph.room"); err == nil {
			res.Body.Close()
			t.Errorf("got %d, want a broken connection", res.StatusCode)
		}
	})
	t.Run("hang", func(t *testing.T) {
		defer w.s.Inject(Fault{Path: "/places", Hang: true})()
		impatient := *w.client
		impatient.Timeout = 50 * time.Millisecond
		if res, err := impatient.Get(w.s.GraphURL() + "/v1.0/places/graph.room"); err == nil {
			res.Body.Close()
			t.Errorf("got %d, want no answer", res.StatusCode)
		}
	})
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestCloseReleasesHangs: a server with a hanging request still closes.
func TestCloseReleasesHangs(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, s: s, clock: &testClock{at: time.Now()}}
	client := w.browser()
	s.Inject(Fault{Hang: true})
	var wg sync.WaitGroup
	wg.Go(func() {
		if res, err := client.Get(s.LoginURL() + "/x"); err == nil {
			res.Body.Close()
			t.Error("a hanging request was answered")
		}
	})
	for s.Count("other") == 0 { // the request is in the server's hands
		time.Sleep(time.Millisecond)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func TestConcurrencyLimit(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddRoom(Room{Email: "room", Name: "Room"})
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	token := w.appToken()
	w.s.LimitConcurrency(4)
	refused := make(chan struct{}) // closed when one was
	w.s.Inject(Fault{Path: "calendarView", Mangle: func(b []byte) []byte { <-refused; return b }})
	var once sync.Once
	var mu sync.Mutex
	got := map[int]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			req, err := http.NewRequest("GET", w.s.GraphURL()+"/v1.0/users/room@"+domainName+"/calendarView"+window, nil)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer "+token)
			res, err := w.client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK { // else those that are under way wait for ever
				once.Do(func() { close(refused) })
			}
			mu.Lock()
			defer mu.Unlock()
			got[res.StatusCode]++
		})
	}
	wg.Wait()
	if got[429] == 0 || got[200] < 4 || got[200]+got[429] != 8 {
		t.Errorf("got %v, want four or more of 200 and the rest 429", got)
	}
}

// TestNoSecretsInLogs runs a whole sign-in and looks for secrets in both logs.
func TestNoSecretsInLogs(t *testing.T) {
	var text bytes.Buffer
	var mu sync.Mutex
	clock := &testClock{at: time.Date(2026, 11, 24, 7, 30, 0, 0, time.UTC)}
	s, err := New(Options{Clock: clock.now, Office: true, Logger: slog.New(slog.NewTextHandler(lockedWriter{&mu, &text}, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := &world{T: t, s: s, clock: clock}
	w.client = w.browser()
	w.app = s.RegisterApp(AppRegistration{Name: "Door signs", RedirectURIs: []string{redirect}, Application: []string{"Calendars.Read"}})
	email, password := admin()
	code := w.connect(w.browser(), w.authorizeQuery(), email, password)
	doc := w.post(w.client, w.tokenURL(), w.codeForm(code)).doc(t)
	w.do(w.client, "GET", w.s.LoginURL()+"/x?code="+url.QueryEscape(code)+"&$deltatoken=the-delta-token", nil)
	w.graph("/users/" + s.Rooms()[0].Email + "/calendarView" + window)
	seen, err := json.Marshal(s.Requests())
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	all := text.String() + string(seen)
	mu.Unlock()
	if !strings.Contains(all, "/oauth2/v2.0/token") || !strings.Contains(all, "startDateTime") {
		t.Fatal("the logs do not show the requests at all")
	}
	for name, secret := range map[string]string{
		"password": password, "client secret": w.app.Secret, "code": code, "verifier": verifier, "delta token": "the-delta-token", "state": "the-state",
		"access token": doc["access_token"].(string), "refresh token": doc["refresh_token"].(string), "subject": "Team sync",
	} {
		if strings.Contains(all, secret) {
			t.Errorf("the log shows the %s", name)
		}
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
