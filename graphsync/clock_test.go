package graphsync

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

const memoryTenant = "0f4e7a56-43e1-4c3b-9a35-31f7ad1f6a63"

// clocked is a Graph in memory on virtual time. Every answer takes a while;
// what it saw is what the tests are about.
type clocked struct {
	takes time.Duration
	fail  func(room, path string) (status int, body string) // status 0: no fault
	hang  func(room string) bool

	mu       sync.Mutex
	inFlight int
	most     int
	perRoom  map[string]int // in flight
	overlap  bool           // two requests of a room at a time
	times    map[string][]time.Time
	all      []time.Time
}

func (c *clocked) answer(r *http.Request) (int, string) {
	const login, graph = "https://login.example", "https://graph.example"
	switch {
	case strings.HasSuffix(r.URL.Path, "openid-configuration"):
		at := login + "/" + memoryTenant
		return 200, fmt.Sprintf(`{"issuer":"%s/v2.0","token_endpoint":"%s/oauth2/v2.0/token","authorization_endpoint":"%s/oauth2/v2.0/authorize"}`, at, at, at)
	case strings.HasSuffix(r.URL.Path, "/token"):
		return 200, `{"token_type":"Bearer","access_token":"a.b.c","expires_in":3599}`
	}
	room := ""
	if parts := strings.Split(r.URL.Path, "/"); len(parts) > 3 && parts[2] == "users" {
		room = parts[3]
	}
	c.mu.Lock()
	c.inFlight++
	c.most = max(c.most, c.inFlight)
	c.perRoom[room]++
	c.overlap = c.overlap || (room != "" && c.perRoom[room] > 1)
	c.times[room] = append(c.times[room], time.Now())
	c.all = append(c.all, time.Now())
	c.mu.Unlock()
	time.Sleep(c.takes)
	c.mu.Lock()
	c.inFlight--
	c.perRoom[room]--
	c.mu.Unlock()
	if c.hang != nil && c.hang(room) {
		return 0, ""
	}
	if c.fail != nil {
		if status, body := c.fail(room, r.URL.Path); status != 0 {
			return status, body
		}
	}
	switch {
	case strings.Contains(r.URL.Path, "delta"):
		return 200, fmt.Sprintf(`{"value":[],"@odata.deltaLink":"%s/v1.0/users/%s/calendarView/delta?$deltatoken=1"}`, graph, room)
	case strings.HasSuffix(r.URL.Path, "graph.room"):
		return 403, `{"error":{"code":"Authorization_RequestDenied"}}`
	}
	return 200, `{"value":[]}`
}

// runClocked runs a service over n rooms for a span of virtual time.
func runClocked(t *testing.T, c *clocked, mode connection.Mode, n int, span time.Duration) *memory {
	t.Helper()
	store := newMemory(connection.Settings{
		Cloud: connection.Custom, LoginURL: "https://login.example", GraphURL: "https://graph.example",
		Tenant: memoryTenant, ClientID: "11111111-2222-3333-4444-555555555555", ClientSecret: "practice",
	})
	if err := store.SaveState(t.Context(), 1, connection.State{Mode: mode, TenantID: memoryTenant, AccountID: "a.b"}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		id := calendar.RoomID(fmt.Sprintf("room%03d@contoso.com", i))
		store.rooms[id] = calendar.Room{ID: id, Name: string(id)}
	}
	c.perRoom, c.times = map[string]int{}, map[string][]time.Time{}
	s := newService(Options{Store: store, RedirectURI: redirectURI, NotFound: errNotFound}, inMemory(c.answer))
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
	return store
}

// TestPace: a site of sixty rooms stays within Microsoft's limits, and every
// room is looked at in time.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clocked{takes: 50 * time.Millisecond}
		store := runClocked(t, c, connection.AppOnly, 60, 30*time.Minute)
		if c.most > maxInFlight || c.overlap {
			t.Errorf("%d requests at a time, two for one room %v", c.most, c.overlap)
		}
		const span = 10 * time.Second
		for i := range c.all {
			if j := i + requestBurst + requestsPerSecond*int(span/time.Second); j < len(c.all) && c.all[j].Sub(c.all[i]) < span {
				t.Fatalf("%d requests in %v", j-i+1, c.all[j].Sub(c.all[i]))
			}
		}
		for room, times := range c.times {
			for i := 3; i < len(times) && room != ""; i++ { // after the first round and truth
				if gap := times[i].Sub(times[i-1]); gap > 70*time.Second {
					t.Errorf("%s was not looked at for %v", room, gap)
				}
			}
		}
		for id, a := range store.agendas {
			if age := time.Since(a.AsOf); age > 70*time.Second {
				t.Errorf("%s was confirmed %v ago", id, age)
			}
		}
		if len(store.agendas) != 60 {
			t.Errorf("%d agendas, want 60", len(store.agendas))
		}
	})
}

// TestManyRooms: a thousand rooms start at once. The last ones wait minutes for
// their turn, and none of them fails for that.
func TestManyRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clocked{takes: 50 * time.Millisecond}
		store := runClocked(t, c, connection.AppOnly, 1000, 8*time.Minute)
		if n := len(store.agendas); n != 1000 {
			t.Errorf("%d agendas, want 1000", n)
		}
		if p := store.state().Problem; p != nil {
			t.Errorf("problem = %+v", *p)
		}
	})
}

// TestBackOff: a room that fails is tried less and less often, down to once in
// five minutes, and for ever; the other one keeps its pace.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clocked{takes: time.Millisecond, fail: func(room, _ string) (int, string) {
			if room == "room000@contoso.com" {
				return 429, `{"error":{"code":"ApplicationThrottled"}}`
			}
			return 0, ""
		}}
		store := runClocked(t, c, connection.AppOnly, 2, 12*time.Hour)
		bad, good := c.times["room000@contoso.com"], c.times["room001@contoso.com"]
		if n := len(bad); n < 120 || n > 180 { // 144 in twelve hours, and the first ones
			t.Errorf("%d tries of the failing room in twelve hours", n)
		}
		for i := 1; i < len(bad); i++ {
			if gap := bad[i].Sub(bad[i-1]); gap > maxBackOff*6/5+time.Second || gap < firstBackOff*4/5 {
				t.Errorf("try %d after %v", i, gap)
			}
		}
		if n := len(good); n < 12*60 {
			t.Errorf("%d requests of the healthy room in twelve hours", n)
		}
		if p := store.state().Problem; p != nil {
			t.Errorf("problem = %+v, want none while one room works", *p)
		}
	})
}

// TestHangingRooms: more rooms than may be under way get no answer at all; the
// others are read all the same.
func TestHangingRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(room string) bool { return room != "" && room < "room006" }
		c := &clocked{takes: time.Millisecond, hang: hangs}
		store := runClocked(t, c, connection.AppOnly, 12, 2*time.Hour)
		for room, times := range c.times {
			if room == "" || hangs(room) {
				continue
			}
			worst := time.Duration(0)
			for i := 1; i < len(times); i++ {
				worst = max(worst, times[i].Sub(times[i-1]))
			}
			if worst > 2*time.Minute || len(times) < 100 {
				t.Errorf("%s: %d requests, once none for %v", room, len(times), worst)
			}
		}
		if n := len(store.agendas); n != 6 {
			t.Errorf("%d agendas, want 6", n)
		}
	})
}

// TestNoTokenStorm: with a wrong secret the rooms share few requests for a
// token, and the connection says what is wrong.
func TestNoTokenStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := 0
		c := &clocked{takes: time.Millisecond}
		store := newMemory(connection.Settings{
			Cloud: connection.Custom, LoginURL: "https://login.example", GraphURL: "https://graph.example",
			Tenant: memoryTenant, ClientID: "11111111-2222-3333-4444-555555555555", ClientSecret: "practice",
		})
		_ = store.SaveState(t.Context(), 1, connection.State{Mode: connection.AppOnly})
		for i := range 50 {
			id := calendar.RoomID(fmt.Sprintf("room%03d@contoso.com", i))
			store.rooms[id] = calendar.Room{ID: id}
		}
		c.perRoom, c.times = map[string]int{}, map[string][]time.Time{}
		log := new(journal)
		s := newService(Options{Store: store, RedirectURI: redirectURI, NotFound: errNotFound, Logger: logger(log)}, inMemory(func(r *http.Request) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/token") {
				tokens++
				return 401, `{"error":"invalid_client","error_codes":[7000222],"error_description":"AADSTS7000222: Topsecret"}`
			}
			return c.answer(r)
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
		if tokens < 10 || tokens > 30 {
			t.Errorf("%d token requests in an hour for 50 rooms", tokens)
		}
		if p := store.state().Problem; p == nil || p.Kind != connection.SecretExpired || p.Code != "AADSTS7000222" {
			t.Errorf("problem = %+v", p)
		}
		if n := log.lines("level=WARN"); n != 1 {
			t.Errorf("%d warnings, want 1:\n%s", n, log)
		}
	})
}

// TestRetryAfter: the server's wish is honoured.
func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		n          int
		retryAfter time.Duration
		min, max   time.Duration
	}{
		{1, 0, 4 * time.Second, 6 * time.Second},
		{3, 0, 16 * time.Second, 24 * time.Second},
		{100, 0, 4 * time.Minute, 6 * time.Minute},
		{1, 30 * time.Second, 30 * time.Second, 30 * time.Second},
		{1, 3 * time.Hour, time.Hour, time.Hour},
	} {
		got := backOff(tc.n, &connection.Error{Kind: connection.Throttled, RetryAfter: tc.retryAfter})
		if got < tc.min || got > tc.max {
			t.Errorf("backOff(%d, Retry-After %v) = %v, want %v to %v", tc.n, tc.retryAfter, got, tc.min, tc.max)
		}
	}
}

// TestWindow: nine local days, also around a change of the clocks, rolled on
// within twenty minutes after midnight.
func TestWindow(t *testing.T) {
	s := newService(Options{Store: newMemory(connection.Settings{})}, nil)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	room := calendar.Room{ID: "aspen@contoso.com", Zone: "Europe/Berlin"}
	for _, tc := range []struct {
		name string
		now  time.Time
		from time.Time
	}{
		{"at noon", time.Date(2026, 11, 21, 12, 0, 0, 0, berlin), time.Date(2026, 11, 20, 0, 0, 0, 0, berlin)},
		{"before midnight", time.Date(2026, 11, 21, 23, 59, 0, 0, berlin), time.Date(2026, 11, 20, 0, 0, 0, 0, berlin)},
		{"at midnight", time.Date(2026, 11, 22, 0, 0, 0, 0, berlin), time.Date(2026, 11, 20, 0, 0, 0, 0, berlin)},
		{"well after midnight", time.Date(2026, 11, 22, 0, 20, 0, 0, berlin), time.Date(2026, 11, 21, 0, 0, 0, 0, berlin)},
		{"over the change of the clocks", time.Date(2026, 10, 24, 12, 0, 0, 0, berlin), time.Date(2026, 10, 23, 0, 0, 0, 0, berlin)},
	} {
		w := s.window(room, tc.now)
		if !w.From.Equal(tc.from) || !w.To.Equal(tc.from.AddDate(0, 0, 9)) {
			t.Errorf("%s: window = %v to %v, want from %v", tc.name, w.From.In(berlin), w.To.In(berlin), tc.from)
		}
		if w.From.Location() != time.UTC {
			t.Errorf("%s: window is not in UTC", tc.name)
		}
	}
}

// TestZones: every Windows name leads to a zone that exists.
func TestZones(t *testing.T) {
	for name, want := range map[string]string{
		"Pacific Standard Time": "America/Los_Angeles", "W. Europe Standard Time": "Europe/Berlin",
		"UTC": "UTC", "": "UTC", "tzone://Microsoft/Utc": "UTC", "Asia/Tokyo": "Asia/Tokyo",
	} {
		loc, ok := zone(name)
		if !ok || loc.String() != want {
			t.Errorf("zone(%q) = %v, %v, want %s", name, loc, ok, want)
		}
	}
	for _, name := range []string{"Local", "/etc/passwd", "../x", "tzone://Microsoft/Custom", "Mars"} {
		if loc, ok := zone(name); ok {
			t.Errorf("zone(%q) = %v, want none", name, loc)
		}
	}
}
