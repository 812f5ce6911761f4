package graphsync

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// small is a tenant in memory on virtual time: rooms with single meetings,
// delta queries and subscriptions, without a socket. It counts what it sees.
type small struct {
	takes   time.Duration // each answer
	page    int           // events on a page of a delta round; 0: all
	refuse  func(*http.Request) *http.Response
	deliver func(room string) bool // nil: every notification arrives
	handler http.Handler           // where notifications go; nil: not reachable

	mu       sync.Mutex
	rooms    map[string]*smallRoom
	subs     map[string]*smallSub
	made     int
	inFlight int
	most     int
	perRoom  map[string]int
	overlap  bool
	all      []time.Time
	kinds    map[string]int
	lapsed   int // changes in rooms without a subscription
	mutable  int // requests without the wish for immutable ids
}

type smallRoom struct {
	version int
	events  map[string]string // id: JSON
	changed map[string]int    // id: version
}

type smallSub struct {
	id, room, state string
	expires         time.Time
}

const smallURL = "https://doors.example/graph/notifications"

func newSmall(rooms, events int) *small {
	m := &small{takes: 50 * time.Millisecond, rooms: map[string]*smallRoom{}, subs: map[string]*smallSub{}, perRoom: map[string]int{}, kinds: map[string]int{}}
	first := &smallRoom{events: map[string]string{}, changed: map[string]int{}}
	for n := range events {
		at := time.Now().UTC().Truncate(24 * time.Hour).Add(time.Duration(n) * 2 * time.Hour)
		first.put("first"+strconv.Itoa(n), "Weekly planning of the quarter", at, at.Add(time.Hour))
	}
	for i := range rooms { // the texts are shared: the stand-in's memory is nobody's figure
		m.rooms[smallName(i)] = &smallRoom{version: first.version, events: maps.Clone(first.events), changed: maps.Clone(first.changed)}
	}
	return m
}

func smallName(i int) string { return fmt.Sprintf("room%04d@contoso.com", i) }

func (r *smallRoom) put(id, subject string, start, end time.Time) {
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000") }
	r.version++
	r.changed[id] = r.version
	r.events[id] = fmt.Sprintf(`{"id":%q,"iCalUId":"040000008200E00074C5B7101A82E008%s","type":"singleInstance","subject":%q,"start":{"dateTime":%q,"timeZone":"UTC"},"end":{"dateTime":%q,"timeZone":"UTC"},"isAllDay":false,"isCancelled":false,"showAs":"busy","sensitivity":"normal","organizer":{"emailAddress":{"name":"Robin Reader","address":"robin@contoso.com"}},"responseStatus":{"response":"accepted"},"changeKey":"k%d"}`,
		id, id, subject, stamp(start), stamp(end), r.version)
}

// change puts a meeting into a room and rings n times, a tenth of a second apart.
func (m *small) change(room, id, subject string, rings int) {
	m.mu.Lock()
	now := time.Now()
	m.rooms[room].put(id, subject, now.Add(time.Hour).Truncate(time.Minute), now.Add(2*time.Hour).Truncate(time.Minute))
	var sub *smallSub
	for _, s := range m.subs {
		if s.room == room && now.Before(s.expires) {
			sub = s
		}
	}
	if sub == nil {
		m.lapsed++
	}
	m.mu.Unlock()
	if deliver := m.deliver; sub == nil || (deliver != nil && !deliver(room)) {
		return
	}
	for i := range rings {
		if i > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		m.post(sub, `"changeType":"updated","resource":"Users/x/Events/y"`)
	}
}

// post sends an entry about a subscription.
func (m *small) post(sub *smallSub, members string) int {
	body := fmt.Sprintf(`{"value":[{"subscriptionId":%q,"clientState":%q,%s}]}`, sub.id, sub.state, members)
	w := httptest.NewRecorder()
	m.door().ServeHTTP(w, httptest.NewRequest(http.MethodPost, smallURL, strings.NewReader(body)))
	return w.Code
}

func (m *small) subOf(room string) *smallSub {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.subs {
		if s.room == room {
			c := *s
			return &c
		}
	}
	return nil
}

// RoundTrip implements http.RoundTripper.
func (m *small) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	const login = "https://login.example"
	at := login + "/" + memoryTenant
	refuse := m.trouble()
	switch {
	case refuse != nil && strings.HasSuffix(r.URL.Path, "/token"):
		if res := refuse(r); res != nil {
			return reply(r, res)
		}
		fallthrough
	case strings.HasSuffix(r.URL.Path, "/token"):
		return said(r, 200, `{"token_type":"Bearer","access_token":"a.b.c","expires_in":3599}`)
	case strings.HasSuffix(r.URL.Path, "openid-configuration"):
		if refuse != nil {
			if res := refuse(r); res != nil {
				return reply(r, res)
			}
		}
		return said(r, 200, fmt.Sprintf(`{"issuer":"%s/v2.0","token_endpoint":"%s/oauth2/v2.0/token","authorization_endpoint":"%s/oauth2/v2.0/authorize"}`, at, at, at))
	}
	room := ""
	if parts := strings.Split(r.URL.Path, "/"); len(parts) > 3 && parts[2] == "users" {
		room = parts[3]
	}
	m.mu.Lock()
	m.inFlight++
	m.most = max(m.most, m.inFlight)
	m.perRoom[room]++
	m.overlap = m.overlap || room != "" && m.perRoom[room] > 1
	m.all = append(m.all, time.Now())
	m.kinds[r.Method+" "+kindOfPath(r.URL)]++
	if !strings.Contains(strings.Join(r.Header.Values("Prefer"), ","), `IdType="ImmutableId"`) {
		m.mutable++
	}
	m.mu.Unlock()
	time.Sleep(m.takes)
	m.mu.Lock()
	m.inFlight--
	m.perRoom[room]--
	m.mu.Unlock()
	if refuse = m.trouble(); refuse != nil {
		if res := refuse(r); res != nil {
			return reply(r, res)
		}
	}
	status, body := m.serve(r, room)
	return said(r, status, body)
}

func (m *small) trouble() func(*http.Request) *http.Response {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refuse
}

func (m *small) door() http.Handler {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.handler
}

// reply gives a refusal; status 0 means that there is no connection at all.
func reply(r *http.Request, res *http.Response) (*http.Response, error) {
	if res.StatusCode == 0 {
		return nil, &url.Error{Op: "Get", URL: "https://x.example", Err: context.DeadlineExceeded}
	}
	res.Request = r
	return res, nil
}

func refusal503(status int, code string, retryAfter int) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	if retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	body := fmt.Sprintf(`{"error":{"code":%q,"message":"Topsecret"}}`, code)
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func said(r *http.Request, status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

func kindOfPath(u *url.URL) string {
	switch {
	case strings.Contains(u.Path, "/subscriptions"):
		return "subscriptions"
	case strings.Contains(u.Path, "delta"):
		return "delta"
	case strings.HasSuffix(u.Path, "calendarView"):
		return "view"
	}
	return "other"
}

func (m *small) serve(r *http.Request, name string) (int, string) {
	switch kindOfPath(r.URL) {
	case "subscriptions":
		return m.subscriptions(r)
	case "other":
		return 403, `{"error":{"code":"Authorization_RequestDenied"}}`
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	room := m.rooms[name]
	if room == nil {
		return 404, `{"error":{"code":"ErrorInvalidUser"}}`
	}
	ids := slices.Sorted(maps.Keys(room.events))
	if kindOfPath(r.URL) == "view" {
		return 200, `{"value":[` + room.list(ids) + `]}`
	}
	base := "https://graph.example/v1.0/users/" + url.PathEscape(name) + "/calendarView/delta?"
	q := r.URL.Query()
	from, skip := -1, 0
	if t := q.Get("$deltatoken"); t != "" {
		from, _ = strconv.Atoi(t)
	}
	if t := q.Get("$skiptoken"); t != "" {
		_, _ = fmt.Sscanf(t, "%d.%d", &from, &skip)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return room.changed[id] <= from })
	if m.page > 0 && len(ids)-skip > m.page {
		return 200, fmt.Sprintf(`{"value":[%s],"@odata.nextLink":"%s$skiptoken=%d.%d"}`, room.list(ids[skip:skip+m.page]), base, from, skip+m.page)
	}
	return 200, fmt.Sprintf(`{"value":[%s],"@odata.deltaLink":"%s$deltatoken=%d"}`, room.list(ids[skip:]), base, room.version)
}

func (r *smallRoom) list(ids []string) string {
	var out []string
	for _, id := range ids {
		out = append(out, r.events[id])
	}
	return strings.Join(out, ",")
}

func (m *small) subscriptions(r *http.Request) (int, string) {
	var body struct {
		Resource, NotificationURL, LifecycleNotificationURL, ClientState string
		ExpirationDateTime                                               time.Time
	}
	if r.Body != nil {
		_ = json.NewDecoder(r.Body).Decode(&body)
	}
	id := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1.0/subscriptions"), "/")
	switch {
	case body.ExpirationDateTime.After(time.Now().Add(10080 * time.Minute)):
		return 400, `{"error":{"code":"ExtensionError"}}`
	case r.Method == http.MethodPost:
		if m.door() == nil || !m.handshake() {
			return 400, `{"error":{"code":"ValidationError"}}`
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	room := strings.TrimSuffix(strings.TrimPrefix(body.Resource, "/users/"), "/events")
	switch r.Method {
	case http.MethodPost:
		for _, s := range m.subs {
			if s.room == room && time.Now().Before(s.expires) {
				return 409, `{"error":{"code":"Conflict"}}`
			}
		}
		m.made++
		id = fmt.Sprintf("sub%06d", m.made)
		m.subs[id] = &smallSub{id: id, room: room, state: body.ClientState, expires: body.ExpirationDateTime}
	case http.MethodGet:
		var list []string
		for _, s := range m.subs {
			list = append(list, fmt.Sprintf(`{"id":%q,"resource":"/users/%s/events","notificationUrl":%q}`, s.id, s.room, smallURL))
		}
		return 200, `{"value":[` + strings.Join(list, ",") + `]}`
	case http.MethodDelete:
		delete(m.subs, id)
		return 204, ""
	default:
		if s := m.subs[id]; s == nil || !time.Now().Before(s.expires) {
			return 404, `{"error":{"code":"ResourceNotFound"}}`
		}
		m.subs[id].expires = body.ExpirationDateTime
	}
	return 201, fmt.Sprintf(`{"id":%q,"resource":"/users/%s/events","expirationDateTime":%q}`, id, room, m.subs[id].expires.Format(time.RFC3339))
}

func (m *small) handshake() bool {
	w := httptest.NewRecorder()
	m.door().ServeHTTP(w, httptest.NewRequest(http.MethodPost, smallURL+"?validationToken=Validation%3A%20a%2Bb", nil))
	return w.Code == 200 && w.Body.String() == "Validation: a+b" && strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain")
}

// site is a small tenant with a service on it.
type site struct {
	*small
	t       testing.TB
	store   *memory
	log     *journal
	service *Service
	options Options
}

// newSite connects a tenant of rooms; notified with a notification URL.
func newSite(t testing.TB, m *small, notified bool) *site {
	t.Helper()
	x := &site{small: m, t: t, log: new(journal), store: newMemory(connection.Settings{
		Cloud: connection.Custom, LoginURL: "https://login.example", GraphURL: "https://graph.example",
		Tenant: memoryTenant, ClientID: "11111111-2222-3333-4444-555555555555", ClientSecret: "practice",
	})}
	if err := x.store.SaveState(context.Background(), 1, connection.State{Mode: connection.AppOnly, TenantID: memoryTenant}); err != nil {
		t.Fatal(err)
	}
	for name := range m.rooms {
		x.store.rooms[calendar.RoomID(name)] = calendar.Room{ID: calendar.RoomID(name), Name: name}
	}
	x.options = Options{Store: x.store, RedirectURI: redirectURI, NotFound: errNotFound, Logger: logger(x.log)}
	if notified {
		x.options.NotificationURL = smallURL
	}
	x.open()
	return x
}

// open makes a new service on the same store.
func (x *site) open() {
	x.service = newService(x.options, x.small)
	if x.options.NotificationURL != "" {
		x.small.handler = x.service.Notifications()
	}
}

// run runs the service until the returned function is called.
func (x *site) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.service.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			x.t.Errorf("Run: %v", err)
		}
	}
}

// matches compares a stored agenda with the tenant.
func (x *site) matches(room string) error {
	x.mu.Lock()

	var ids, keys []string
	for _, id := range slices.Sorted(maps.Keys(x.rooms[room].events)) {
		ids = append(ids, id+" k"+strconv.Itoa(x.rooms[room].changed[id]))
	}
	x.mu.Unlock()
	for _, e := range x.store.agenda(room).Events {
		keys = append(keys, e.ID+" "+e.ChangeKey)
	}
	slices.Sort(keys)
	if !slices.Equal(ids, keys) {
		return fmt.Errorf("agenda of %s:\n got %q\nwant %q", room, keys, ids)
	}
	return nil
}

// requests is how many there were from then on.
func (m *small) requestsSince(from time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, t := range m.all {
		if !t.Before(from) {
			n++
		}
	}
	return n
}

// count is how many requests of a kind there were.
func (m *small) count(kind string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kinds[kind]
}

// watched is how many subscriptions there are.
func (m *small) watched() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.subs)
}
