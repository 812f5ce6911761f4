// Package graphsync keeps room agendas in step with Microsoft 365: it connects
// (authorization code with PKCE, client credentials, admin consent), lists rooms
// and reads calendars through Microsoft Graph. A truth read of the calendar view
// is the only source of an agenda; delta queries and timers are doorbells that
// say when to read. What was read and where the sync stands are committed to the
// Store in one transaction.
//
// It does not decide what a sign shows, keeps nothing itself that must outlive
// the process, and writes nothing to calendars. It reaches Microsoft only over
// HTTPS, through graphsync/internal/msgraph and MSAL. Subjects, organizers,
// tokens, secrets and server messages reach neither its logs nor its errors; all
// errors about the connection are *connection.Error.
//
// A Service is safe for concurrent use. Run owns every goroutine; at most one
// request per room and four in all are under way at any time.
package graphsync

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// Store is what the service keeps elsewhere; the gateway's store has these
// methods. Each is one transaction.
type Store interface {
	ReplaceRooms(ctx context.Context, conn connection.ID, rooms []calendar.Room) error
	Rooms(ctx context.Context) ([]calendar.Room, error)
	Room(ctx context.Context, id calendar.RoomID) (calendar.Room, error)
	CommitAgenda(ctx context.Context, a calendar.Agenda, cur connection.Cursor) (changed bool, err error)
	TouchAgenda(ctx context.Context, room calendar.RoomID, asOf time.Time, cur connection.Cursor) error
	Agenda(ctx context.Context, room calendar.RoomID) (calendar.Agenda, error)
	Cursor(ctx context.Context, room calendar.RoomID) (connection.Cursor, error)

	Connections(ctx context.Context) ([]connection.Connection, error)
	Connection(ctx context.Context, id connection.ID) (connection.Connection, error)
	SaveState(ctx context.Context, id connection.ID, s connection.State) error
	SaveSpare(ctx context.Context, id connection.ID, c connection.Credential) error
	SwapCredential(ctx context.Context, id connection.ID) error
	RemoveConnection(ctx context.Context, id connection.ID) error
	TokenCache(ctx context.Context, id connection.ID, partition string) ([]byte, error)
	SetTokenCache(ctx context.Context, id connection.ID, partition string, blob []byte) error
	ClearTokenCache(ctx context.Context, id connection.ID) error

	Subscriptions(ctx context.Context, id connection.ID) ([]connection.Subscription, error)
	SaveSubscription(ctx context.Context, s connection.Subscription) error
	RemoveSubscription(ctx context.Context, id string) error
}

// Options set up a Service.
type Options struct {
	Store       Store
	Logger      *slog.Logger   // nil discards
	RedirectURI string         // absolute URL of /m, exactly as registered at Microsoft
	RootCAs     *x509.CertPool // nil means the system's

	// PollInterval is the time between two looks at a room, at least a tenth of
	// a second for each room that is polled; 0 means 45 s. Delegated reads are
	// at least 60 s apart.
	PollInterval time.Duration

	// NotificationURL is the absolute https URL at which Microsoft reaches the
	// handler of Notifications; "" means that rooms are only polled.
	NotificationURL string

	// Changed is called after a commit that changed a room's agenda, Refreshed
	// after a successful look that changed nothing. Both are called from the
	// room's goroutine and hold up only that room. Either may be nil.
	Changed   func(calendar.RoomID)
	Refreshed func(calendar.RoomID)

	// LoginURL and GraphURL serve cloud Custom where the settings name none:
	// scheme, host and port.
	LoginURL, GraphURL string

	// SiteZone gives the zone of rooms that name none; nil means UTC. It only
	// places the window of days that is read.
	SiteZone func() *time.Location

	// Tenants lists the tenants (GUIDs) that may be connected; nil, or an empty
	// list, means any.
	Tenants func() []string

	// NotFound is the error by which the store says that a row is missing. When
	// nil, every failed read of a cursor or token counts as missing.
	NotFound error

	Now func() time.Time // nil means time.Now
}

// Service synchronizes all rooms of all connections.
type Service struct {
	store     Store
	log       *slog.Logger
	redirect  string
	poll      time.Duration
	changed   func(calendar.RoomID)
	refreshed func(calendar.RoomID)
	custom    connection.Endpoints
	siteZone  func() *time.Location
	tenants   func() []string
	notFound  error
	now       func() time.Time

	base      http.RoundTripper // as given, for pages
	transport http.RoundTripper // bounded and counted
	gate      *gate
	counters  *counters
	attempts  *attempts
	claims    claimsAsked
	health    *health
	kick      chan struct{} // wakes the supervisor
	bells     *bells
	lines     *lines
	polled    atomic.Int64 // rooms that are looked at by the clock

	mu       sync.Mutex
	sessions map[connection.ID]*session        // guarded by mu
	rooms    map[calendar.RoomID]*roomSync     // guarded by mu
	owners   map[calendar.RoomID]connection.ID // guarded by mu
	states   map[connection.ID]*sync.Mutex     // guarded by mu; one writer of a State
}

// New returns a service; it opens no connection and starts nothing.
func New(o Options) (*Service, error) {
	if o.Store == nil {
		return nil, errors.New("graphsync: a store is required")
	}
	if u, err := url.Parse(o.RedirectURI); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("graphsync: redirect URI %q is not an absolute URL", o.RedirectURI)
	}
	if o.NotificationURL != "" && !isNotificationURL(o.NotificationURL) {
		return nil, fmt.Errorf("graphsync: notification URL %q is not an absolute https URL", o.NotificationURL)
	}
	for _, u := range []string{o.LoginURL, o.GraphURL} {
		if u != "" && !isBaseURL(u) {
			return nil, fmt.Errorf("graphsync: %q is not https://host[:port]", u)
		}
	}
	return newService(o, newTransport(o.RootCAs)), nil
}

// newService completes the options; base carries all requests.
func newService(o Options, base http.RoundTripper) *Service {
	s := &Service{
		store: o.Store, log: o.Logger, redirect: o.RedirectURI, poll: o.PollInterval,
		changed: o.Changed, refreshed: o.Refreshed,
		custom:   connection.Endpoints{Login: o.LoginURL, Graph: o.GraphURL},
		siteZone: o.SiteZone, tenants: o.Tenants, notFound: o.NotFound, now: o.Now,
		counters: newCounters(), health: newHealth(), gate: newGate(maxInFlight, requestsPerSecond, requestBurst),
		kick:     make(chan struct{}, 1),
		sessions: map[connection.ID]*session{},
		rooms:    map[calendar.RoomID]*roomSync{},
		owners:   map[calendar.RoomID]connection.ID{},
		states:   map[connection.ID]*sync.Mutex{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.poll <= 0 {
		s.poll = 45 * time.Second
	}
	if s.changed == nil {
		s.changed = func(calendar.RoomID) {}
	}
	if s.refreshed == nil {
		s.refreshed = func(calendar.RoomID) {}
	}
	if s.siteZone == nil {
		s.siteZone = func() *time.Location { return time.UTC }
	}
	if s.tenants == nil {
		s.tenants = func() []string { return nil }
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.attempts = newAttempts(s.now)
	s.bells = newBells(o.NotificationURL, s.now)
	s.lines = newLines(s.log, s.counters, s.now)
	s.base = base
	s.transport = counted{next: bounded(base), counters: s.counters}
	return s
}

// Counters returns how often things happened since the start: "requests",
// "malformed_answers", "failures_<kind>" for every kind of connection.Kind that
// occurred, "truth_reads", "delta_polls", "delta_rounds", "rooms_dropped" (no
// usable address), "events_dropped" (end before begin), "subjects_cut" (over
// 1 KiB), "back_offs", "retry_after_honoured", "log_lines_folded"; of change
// notifications "notifications" (believed), "notifications_refused",
// "notifications_too_many", "notification_handshakes", "lifecycle_<event>",
// "rings" (reads that a notification asked for), "rings_missed" (changes found
// without one), "subscriptions_created", "subscriptions_renewed",
// "subscriptions_ended", "subscriptions_failed". The map is the caller's.
func (s *Service) Counters() map[string]uint64 { return s.counters.snapshot() }

// RoomProblems returns the rooms that could not be read at their last look and
// why. The map is the caller's.
func (s *Service) RoomProblems() map[calendar.RoomID]connection.Problem {
	return s.health.roomProblems()
}

// wake makes the supervisor look at connections and rooms now.
func (s *Service) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// missing reports whether a store error only says that a row is not there.
func (s *Service) missing(err error) bool {
	return err != nil && (s.notFound == nil || errors.Is(err, s.notFound))
}

// ends returns the base URLs for the settings.
func (s *Service) ends(set connection.Settings) (connection.Endpoints, error) {
	if set.Cloud == connection.Custom {
		e := connection.Endpoints{Login: set.LoginURL, Graph: set.GraphURL}
		if e.Login == "" {
			e.Login = s.custom.Login
		}
		if e.Graph == "" {
			e.Graph = s.custom.Graph
		}
		if !isBaseURL(e.Login) || !isBaseURL(e.Graph) {
			return e, &connection.Error{Kind: connection.WrongCloud, Op: "settings"}
		}
		return connection.Endpoints{Login: trimSlash(e.Login), Graph: trimSlash(e.Graph)}, nil
	}
	e, ok := set.Cloud.Endpoints()
	if !ok {
		return e, &connection.Error{Kind: connection.WrongCloud, Op: "settings"}
	}
	return e, nil
}
