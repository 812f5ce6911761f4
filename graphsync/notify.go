package graphsync

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// Bounds of what a stranger can send to the notification endpoint. Microsoft
// packs many notifications into one request; what is too much is sent again.
const (
	maxNotificationBytes  = 1 << 20
	maxNotificationValues = 60_000
	maxNotificationDepth  = 16
	maxNotifications      = 1000 // per request; a room needs only one of them
	maxValidationToken    = 4 << 10
	maxNotificationQuery  = 16 << 10
	notificationsAtOnce   = 16
	notificationPosts     = 100 // per second, on average
	notificationBurst     = 400
	notificationReadTime  = 5 * time.Second
)

// isNotificationURL reports whether Microsoft would take u.
func isNotificationURL(u string) bool {
	p, err := url.Parse(u)
	return err == nil && p.Scheme == "https" && p.Hostname() != "" && p.User == nil && p.Fragment == "" && len(u) <= 1024
}

// bells knows which rooms announce their changes. A bell is one subscription.
type bells struct {
	url    string
	now    func() time.Time
	inside chan struct{} // a value for each request that is read at the moment

	mu    sync.Mutex
	level float64   // guarded by mu: of the bucket of requests
	drawn time.Time // guarded by mu: when level was worked out
	byID  map[string]*bell
	rooms map[place]*bell
	conns map[connection.ID]*belfry
}

// bell is a subscription in use.
type bell struct {
	sub     connection.Subscription
	at      place
	since   time.Time // when it began to be listened to
	silent  bool      // a change was found that it did not announce
	renew   bool      // Microsoft asks for a renewal
	removed bool      // Microsoft has dropped it
}

// belfry is what all bells of a connection have in common.
type belfry struct {
	rang  time.Time     // last time one of them was heard
	doubt bool          // none may be trusted until one is heard
	wake  chan struct{} // wakes its keeper
}

func newBells(url string, now func() time.Time) *bells {
	return &bells{
		url: url, now: now, inside: make(chan struct{}, notificationsAtOnce), level: notificationBurst,
		byID: map[string]*bell{}, rooms: map[place]*bell{}, conns: map[connection.ID]*belfry{},
	}
}

// of returns the belfry of a connection; the caller holds mu.
func (b *bells) of(id connection.ID) *belfry {
	f := b.conns[id]
	if f == nil {
		f = &belfry{wake: make(chan struct{}, 1)}
		b.conns[id] = f
	}
	return f
}

// woken is where the keeper of a connection waits.
func (b *bells) woken(id connection.ID) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.of(id).wake
}

// call wakes the keeper; the caller holds mu.
func (f *belfry) call() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// hang puts a subscription into use, in place of an earlier one of its room.
// tested says that Microsoft has just reached the endpoint.
func (b *bells) hang(at place, sub connection.Subscription, tested bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if have := b.byID[sub.ID]; have != nil && have.at == at {
		have.sub, have.renew = sub, false
		return
	}
	if have := b.rooms[at]; have != nil {
		delete(b.byID, have.sub.ID)
	}
	x := &bell{sub: sub, at: at, since: b.now()}
	b.byID[sub.ID], b.rooms[at] = x, x
	if tested {
		b.of(at.conn).doubt = false
	}
}

// take takes a subscription out of use.
func (b *bells) take(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x := b.byID[id]; x != nil {
		delete(b.byID, id)
		if b.rooms[x.at] == x {
			delete(b.rooms, x.at)
		}
	}
}

// takeAll forgets a connection.
func (b *bells) takeAll(id connection.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at, x := range b.rooms {
		if at.conn == id {
			delete(b.rooms, at)
			delete(b.byID, x.sub.ID)
		}
	}
	delete(b.conns, id)
}

// get returns a copy of the bell with a subscription's id.
func (b *bells) get(id string) (bell, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x := b.byID[id]; x != nil {
		return *x, true
	}
	return bell{}, false
}

// rings reports whether a room's changes are announced, and since when.
func (b *bells) rings(at place) (since time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.rooms[at]
	if x == nil || x.silent || x.removed || !b.now().Before(x.sub.Expires) || b.of(at.conn).doubt {
		return time.Time{}, false
	}
	return x.since, true
}

// hung lists where the bells of a connection hang.
func (b *bells) hung(id connection.ID) []place {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []place
	for at := range b.rooms {
		if at.conn == id {
			all = append(all, at)
		}
	}
	return all
}

// missed says that a change which was noticed at found has not been announced.
// all is true when no bell of the connection was heard since: then none of them
// is trusted before one is heard again.
func (b *bells) missed(at place, found time.Time) (all bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x := b.rooms[at]; x != nil {
		x.silent = true
	}
	f := b.of(at.conn)
	if f.rang.Before(found) && !f.doubt {
		f.doubt = true
		return true
	}
	return false
}

// admit takes one request out of the bucket.
func (b *bells) admit() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.drawn.IsZero() {
		b.level = min(notificationBurst, b.level+now.Sub(b.drawn).Seconds()*notificationPosts)
	}
	b.drawn = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// notification is an entry of what Microsoft sends: a change, or a lifecycle
// event of the subscription.
type notification struct {
	SubscriptionID string `json:"subscriptionId"`
	ClientState    string `json:"clientState"`
	Lifecycle      string `json:"lifecycleEvent"`
}

// Notifications returns the handler behind Options.NotificationURL. It needs no
// session: a notification is believed when it carries the secret of its
// subscription, and all it can do is have a room read. It answers Microsoft's
// validation handshake, takes POST only, and bounds size, number and rate.
func (s *Service) Notifications() http.Handler { return http.HandlerFunc(s.takeNotifications) }

func (s *Service) takeNotifications(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'")
	if r.Method != http.MethodPost {
		h.Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	if !s.bells.admit() {
		s.tooMany(w)
		return
	}
	if len(r.URL.RawQuery) > maxNotificationQuery {
		http.Error(w, "query too long", http.StatusRequestURITooLong)
		return
	}
	if q := r.URL.Query(); q.Has("validationToken") {
		s.shakeHands(w, q.Get("validationToken"))
		return
	}
	select {
	case s.bells.inside <- struct{}{}:
		defer func() { <-s.bells.inside }()
	default:
		s.tooMany(w)
		return
	}
	entries, err := readNotifications(w, r)
	if err != nil {
		s.counters.add("notifications_refused", 1)
		status := http.StatusBadRequest
		if errors.Is(err, errTooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	s.believe(entries)
	w.WriteHeader(http.StatusAccepted)
}

func (s *Service) tooMany(w http.ResponseWriter) {
	s.counters.add("notifications_too_many", 1)
	w.Header().Set("Retry-After", "10")
	http.Error(w, "too many requests", http.StatusServiceUnavailable)
}

// shakeHands gives the token back that Microsoft sends before it makes a
// subscription.
func (s *Service) shakeHands(w http.ResponseWriter, token string) {
	if token == "" || len(token) > maxValidationToken {
		http.Error(w, "bad validation token", http.StatusBadRequest)
		return
	}
	s.counters.add("notification_handshakes", 1)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, token) // nobody is told when Microsoft hangs up
}

var errTooLarge = errors.New("graphsync: notification too large")

// readNotifications reads a request's body within its bounds.
func readNotifications(w http.ResponseWriter, r *http.Request) ([]notification, error) {
	if r.ContentLength > maxNotificationBytes {
		return nil, errTooLarge
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(notificationReadTime)) // not every writer can
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotificationBytes))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errors.New("graphsync: notification cut short")
	}
	return parseNotifications(body)
}

// parseNotifications takes a body apart.
func parseNotifications(body []byte) ([]notification, error) {
	if !msgraph.Fits(body, maxNotificationValues, maxNotificationDepth) {
		return nil, errTooLarge
	}
	var doc struct {
		Value []notification `json:"value"`
	}
	if json.Unmarshal(body, &doc) != nil || doc.Value == nil {
		return nil, errors.New("graphsync: not a notification")
	}
	if len(doc.Value) > maxNotifications {
		return nil, errTooLarge
	}
	return doc.Value, nil
}

// believe acts on the entries that carry the secret of their subscription.
func (s *Service) believe(entries []notification) {
	heard := map[place]bool{}
	for _, n := range entries {
		at, ok := s.bells.hear(n)
		if !ok {
			s.counters.add("notifications_refused", 1)
			continue
		}
		s.counters.add("notifications", 1)
		if n.Lifecycle != "" {
			s.counters.add("lifecycle_"+lifecycleName(n.Lifecycle), 1)
		}
		if n.Lifecycle == "" || strings.EqualFold(n.Lifecycle, "missed") {
			heard[at] = true
		}
	}
	for at := range heard {
		s.roomSync(at.room).ringBell()
	}
}

// hear checks an entry, whatever it costs in the same time whether the
// subscription is known or not, and enters what it says.
func (b *bells) hear(n notification) (at place, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.byID[n.SubscriptionID]
	var want string
	if x != nil {
		want = x.sub.ClientState
	}
	have, expected := sha256.Sum256([]byte(n.ClientState)), sha256.Sum256([]byte(want))
	if subtle.ConstantTimeCompare(have[:], expected[:]) != 1 || x == nil || want == "" {
		return place{}, false
	}
	f := b.of(x.at.conn)
	switch lifecycleName(n.Lifecycle) {
	case "removed":
		x.removed = true
		f.call()
	case "reauthorize":
		x.renew = true
		f.call()
	case "":
		x.silent, f.doubt, f.rang = false, false, b.now()
	}
	return x.at, true
}

// lifecycleName is what counters call a lifecycle event; "" for a change.
func lifecycleName(event string) string {
	switch strings.ToLower(event) {
	case "":
		return ""
	case "subscriptionremoved":
		return "removed"
	case "reauthorizationrequired":
		return "reauthorize"
	case "missed":
		return "missed"
	}
	return "unknown"
}
