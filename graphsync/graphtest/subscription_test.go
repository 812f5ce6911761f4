package graphtest

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// bell is a client's notification address.
type bell struct {
	*httptest.Server
	mu       sync.Mutex
	answer   func(w http.ResponseWriter, token string) // of the handshake; nil: right
	status   int                                       // of notifications; 0: 202
	asked    int
	posts    int // notifications taken, by the batch
	got      []map[string]any
	arrivals chan struct{}
}

func newBell(t *testing.T) *bell {
	b := &bell{arrivals: make(chan struct{}, 10000)}
	b.Server = httptest.NewTLSServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.Close)
	return b
}

func (b *bell) serve(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token := r.URL.Query().Get("validationToken"); token != "" {
		b.asked++
		if b.answer != nil {
			b.answer(w, token)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, token)
		return
	}
	if b.status != 0 {
		w.WriteHeader(b.status)
		b.arrivals <- struct{}{}
		return
	}
	var doc struct {
		Value []map[string]any `json:"value"`
	}
	if err := json.NewDecoder(r.Body).Decode(&doc); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.posts++
	b.got = append(b.got, doc.Value...)
	w.WriteHeader(http.StatusAccepted)
	for range doc.Value {
		b.arrivals <- struct{}{}
	}
}

// wait returns the next n notifications.
func (b *bell) wait(t *testing.T, n int) []map[string]any {
	t.Helper()
	for range n {
		select {
		case <-b.arrivals:
		case <-time.After(3 * time.Minute): // far longer than it takes on a slow machine
			t.Fatalf("no notification arrived")
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

func (b *bell) caPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw})
}

// subscriber is a world whose server trusts a bell.
func subscriber(t *testing.T) (*world, *bell, *Calendar, string) {
	b := newBell(t)
	w := newWorldWith(t, Options{NotificationCA: b.caPEM()})
	room := w.s.AddRoom(Room{Email: "oak", Name: "Oak"})
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	return w, b, room, w.appToken()
}

func (w *world) subscription(b *bell, change ...any) []byte {
	doc := map[string]any{
		"changeType": "created,updated,deleted", "notificationUrl": b.URL + "/graph/notifications?room=1",
		"lifecycleNotificationUrl": b.URL + "/lifecycle", "resource": "/users/oak@practice.example/events",
		"expirationDateTime": w.clock.now().Add(6 * 24 * time.Hour).Format(time.RFC3339), "clientState": "state-1",
		"latestSupportedTlsVersion": "v1_2",
	}
	for i := 0; i < len(change); i += 2 {
		doc[change[i].(string)] = change[i+1]
		if change[i+1] == nil {
			delete(doc, change[i].(string))
		}
	}
	body, err := json.Marshal(doc)
	if err != nil {
		w.Fatal(err)
	}
	return body
}

func TestSubscriptionRings(t *testing.T) {
	w, b, room, token := subscriber(t)
	made := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b), "Prefer", `IdType="ImmutableId"`)
	if made.status != http.StatusCreated {
		t.Fatalf("create: %d %s", made.status, made.body)
	}
	doc := made.doc(t)
	if doc["clientState"] != "state-1" || b.asked != 2 {
		t.Errorf("client state %v, handshakes %d: want state-1 and one for each address", doc["clientState"], b.asked)
	}
	id := doc["id"].(string)
	start := w.clock.now().Add(time.Hour)
	event := room.Create(Event{Subject: "secret", Start: start, End: start.Add(time.Hour)})
	b.wait(t, 1)
	if err := room.Move(event, start.Add(time.Hour), start.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.wait(t, 1)
	if err := room.Delete(event); err != nil {
		t.Fatal(err)
	}
	var changes []string
	for _, n := range b.wait(t, 1) {
		changes = append(changes, n["changeType"].(string))
		data := n["resourceData"].(map[string]any)
		if n["subscriptionId"] != id || n["clientState"] != "state-1" || n["tenantId"] != w.s.TenantID() || data["id"] != event {
			t.Errorf("wrong notification: %v", n)
		}
		if !strings.HasPrefix(n["resource"].(string), "Users/") || strings.Contains(n["resource"].(string), "secret") {
			t.Errorf("resource %v", n["resource"])
		}
	}
	if want := []string{"created", "updated", "deleted"}; !slices.Equal(changes, want) {
		t.Errorf("changes %v, want %v", changes, want)
	}
	if list := list(t, w.as(token, http.MethodGet, "/subscriptions", nil)); len(list) != 1 || list[0]["clientState"] != nil {
		t.Errorf("listed %v", list)
	}
	if r := w.as(token, http.MethodDelete, "/subscriptions/"+id, nil); r.status != http.StatusNoContent {
		t.Errorf("delete: %d", r.status)
	}
	if r := w.as(token, http.MethodGet, "/subscriptions/"+id, nil); r.status != http.StatusNotFound {
		t.Errorf("get of a deleted one: %d", r.status)
	}
}

func TestSubscriptionRefused(t *testing.T) {
	w, b, _, token := subscriber(t)
	w.s.AddRoom(Room{Email: "onprem", Name: "On premises", NoMailbox: true})
	now := w.clock.now()
	for _, c := range []struct {
		name   string
		change []any
		status int
		code   string
	}{
		{"http", []any{"notificationUrl", "http://doors.example/n"}, 400, "InvalidRequest"},
		{"lifecycle http", []any{"lifecycleNotificationUrl", "http://doors.example/n"}, 400, "InvalidRequest"},
		{"no resource", []any{"resource", nil}, 400, "InvalidRequest"},
		{"no expiry", []any{"expirationDateTime", nil}, 400, "InvalidRequest"},
		{"past", []any{"expirationDateTime", now.Add(-time.Hour).Format(time.RFC3339)}, 400, "InvalidRequest"},
		{"no offset", []any{"expirationDateTime", "2026-11-25T00:00:00"}, 400, "InvalidRequest"},
		{"too long", []any{"expirationDateTime", now.Add(8 * 24 * time.Hour).Format(time.RFC3339)}, 400, "ExtensionError"},
		{"calendar view", []any{"resource", "users/oak@practice.example/calendarView"}, 400, "InvalidRequest"},
		{"query", []any{"resource", "users/oak@practice.example/events?$select=id"}, 400, "InvalidRequest"},
		{"change type", []any{"changeType", "created,moved"}, 400, "InvalidRequest"},
		{"client state", []any{"clientState", strings.Repeat("x", 129)}, 400, "InvalidRequest"},
		{"unknown name", []any{"colour", "red"}, 400, "InvalidRequest"},
		{"wrong type", []any{"resource", 7}, 400, "InvalidRequest"},
		{"resource data", []any{"includeResourceData", true}, 400, "InvalidRequest"},
		{"me", []any{"resource", "me/events"}, 400, "BadRequest"},
		{"unknown room", []any{"resource", "users/none@practice.example/events"}, 404, "ExtensionError"},
		{"on premises", []any{"resource", "users/onprem@practice.example/events"}, 404, "ExtensionError"},
		{"unreachable", []any{"notificationUrl", "https://127.0.0.1:1/n"}, 400, "ValidationError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, code := failure(t, w.as(token, http.MethodPost, "/subscriptions", w.subscription(b, c.change...)))
			if status != c.status || code != c.code {
				t.Errorf("%d %s, want %d %s", status, code, c.status, c.code)
			}
		})
	}
	for name, answer := range map[string]func(http.ResponseWriter, string){
		"202":  func(w http.ResponseWriter, token string) { w.WriteHeader(http.StatusAccepted) },
		"html": func(w http.ResponseWriter, token string) { io.WriteString(w, "<html>"+token) },
		"other": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "ok")
		},
		"redirect": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
		},
		"not plain": func(w http.ResponseWriter, token string) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, token)
		},
	} {
		t.Run("handshake "+name, func(t *testing.T) {
			b.mu.Lock()
			b.answer = answer
			b.mu.Unlock()
			if status, code := failure(t, w.as(token, http.MethodPost, "/subscriptions", w.subscription(b))); status != 400 || code != "ValidationError" {
				t.Errorf("%d %s", status, code)
			}
		})
	}
	if n := len(w.s.Subscriptions()); n != 0 {
		t.Errorf("%d subscriptions were made", n)
	}
}

// TestTrustNotifications reaches a client whose certificate is known later.
func TestTrustNotifications(t *testing.T) {
	w, _, token := consented(t)
	b := newBell(t)
	if status, code := failure(t, w.as(token, http.MethodPost, "/subscriptions", w.subscription(b))); status != 400 || code != "ValidationError" {
		t.Errorf("before: %d %s", status, code)
	}
	if err := w.s.TrustNotifications([]byte("nothing")); err == nil {
		t.Error("nothing was taken for a certificate")
	}
	if err := w.s.TrustNotifications(b.caPEM()); err != nil {
		t.Fatal(err)
	}
	if r := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b)); r.status != http.StatusCreated {
		t.Errorf("after: %d %s", r.status, r.body)
	}
}

func TestSubscriptionTwice(t *testing.T) {
	w, b, _, token := subscriber(t)
	for i, want := range []int{http.StatusCreated, http.StatusConflict} {
		if r := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b)); r.status != want {
			t.Errorf("request %d: %d, want %d: %s", i, r.status, want, r.body)
		}
	}
	w.clock.add(7 * 24 * time.Hour)
	if n := len(w.s.Subscriptions()); n != 0 {
		t.Errorf("%d subscriptions outlived their end", n)
	}
}

func TestSubscriptionDelegated(t *testing.T) {
	w, b, room, _ := subscriber(t)
	address, password := robin()
	room.GrantFolder(address, false)
	if err := w.s.SetPermissions(w.app.ClientID, []string{"Calendars.Read.Shared", "Calendars.Read", "User.Read"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	token := w.personToken(address, password)["access_token"].(string)
	if status, code := failure(t, w.as(token, http.MethodPost, "/subscriptions", w.subscription(b))); status != 403 || code != "ExtensionError" {
		t.Errorf("another mailbox: %d %s", status, code)
	}
	if r := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b, "resource", "me/events")); r.status != http.StatusCreated {
		t.Errorf("own mailbox: %d %s", r.status, r.body)
	}
}

func TestSubscriptionScoped(t *testing.T) {
	w, b, _, _ := subscriber(t)
	if err := w.s.RevokeConsent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if err := w.s.ScopeApp(w.app.ClientID, "Calendars.Read", "oak@practice.example"); err != nil {
		t.Fatal(err)
	}
	token := w.appToken()
	for _, allowed := range []bool{false, true} {
		w.s.SubscribeWithScope(allowed)
		r := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b))
		if got := r.status == http.StatusCreated; got != allowed {
			t.Errorf("allowed %v: %d %s", allowed, r.status, r.body)
		}
	}
}

func TestLifecycle(t *testing.T) {
	w, b, room, token := subscriber(t)
	made := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b))
	id := made.doc(t)["id"].(string)
	if err := w.s.Lifecycle(id, LifecycleReauthorize); err != nil {
		t.Fatal(err)
	}
	if got := b.wait(t, 1); got[0]["lifecycleEvent"] != LifecycleReauthorize || got[0]["clientState"] != "state-1" {
		t.Errorf("lifecycle %v", got[0])
	}
	start := w.clock.now()
	room.Create(Event{Start: start, End: start.Add(time.Hour)})
	select {
	case <-b.arrivals:
		t.Error("rang without being authorized")
	case <-time.After(20 * time.Millisecond):
	}
	renew, err := json.Marshal(map[string]string{"expirationDateTime": start.Add(time.Minute).Format(time.RFC3339)})
	if err != nil {
		t.Fatal(err)
	}
	r := w.as(token, http.MethodPatch, "/subscriptions/"+id, renew)
	if r.status != http.StatusOK {
		t.Fatalf("renew: %d %s", r.status, r.body)
	}
	if got, want := w.s.Subscriptions()[0].Expires, start.Add(45*time.Minute); !got.Equal(want) {
		t.Errorf("expires %v, want at least 45 minutes: %v", got, want)
	}
	if got := b.wait(t, 1); got[1]["changeType"] != "created" {
		t.Errorf("what was held back: %v", got[1])
	}
	if r := w.as(token, http.MethodPost, "/subscriptions/"+id+"/reauthorize", nil); r.status != http.StatusNoContent {
		t.Errorf("reauthorize: %d %s", r.status, r.body)
	}
	if err := w.s.Lifecycle(id, LifecycleRemoved); err != nil {
		t.Fatal(err)
	}
	if got := b.wait(t, 1); got[2]["lifecycleEvent"] != LifecycleRemoved {
		t.Errorf("lifecycle %v", got[2])
	}
	if r := w.as(token, http.MethodGet, "/subscriptions/"+id, nil); r.status != http.StatusNotFound {
		t.Errorf("a removed one: %d", r.status)
	}
}

func TestDelivery(t *testing.T) {
	w, b, room, token := subscriber(t)
	if r := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b)); r.status != http.StatusCreated {
		t.Fatalf("create: %d %s", r.status, r.body)
	}
	start := w.clock.now()
	put := func(n int) {
		for range n {
			room.Create(Event{Start: start, End: start.Add(time.Hour)})
		}
	}
	t.Run("copies in one batch", func(t *testing.T) {
		w.s.SetDelivery(Delivery{Hold: true, Copies: 2})
		put(5)
		w.s.SetDelivery(Delivery{Copies: 2, Shuffle: true, Seed: 1})
		if got := b.wait(t, 15); len(got) != 15 {
			t.Errorf("%d notifications, want 15", len(got))
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.posts != 1 {
			t.Errorf("%d posts, want 1", b.posts)
		}
	})
	t.Run("lost", func(t *testing.T) {
		w.s.SetDelivery(Delivery{Lose: 2})
		put(4)
		b.wait(t, 2)
		select {
		case <-b.arrivals:
			t.Error("more than every other one arrived")
		case <-time.After(20 * time.Millisecond):
		}
	})
	t.Run("tried again", func(t *testing.T) {
		w.s.SetDelivery(Delivery{Retry: time.Millisecond})
		b.mu.Lock()
		b.status = http.StatusServiceUnavailable
		b.mu.Unlock()
		put(1)
		<-b.arrivals
		b.mu.Lock()
		b.status = 0
		before := len(b.got)
		b.mu.Unlock()
		for {
			<-b.arrivals
			b.mu.Lock()
			after := len(b.got)
			b.mu.Unlock()
			if after > before {
				break
			}
		}
	})
}
