// Package graphtest is a stand-in for Microsoft 365: Entra ID (sign-in,
// consent, tokens) and Microsoft Graph v1.0 (places, calendars, delta queries)
// over TLS, for tests and for the demo.
//
// It plays the outside world. It is written from Microsoft's documentation and
// public reports, not from the client: it expands recurrences itself, is strict
// where Microsoft is strict (redirect URIs, PKCE, single-use codes, client
// assertions, query parameters, permissions, validation of notification
// addresses) and awkward where Microsoft is awkward (places without nextLink,
// bare occurrences in delta pages, empty pages, short-lived sync states).
// Clients reach it over HTTPS only. It holds any number of tenants; methods of
// Server that a Tenant has, too, act on the one it starts with. Everything is in
// memory; no mail, no groups, no notifications with resource data.
//
// A Server and its Calendars may be used from any number of goroutines.
package graphtest

import (
	"context"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Server.
type Options struct {
	Clock   func() time.Time // nil: time.Now
	Address string           // "" means 127.0.0.1:0
	Logger  *slog.Logger     // nil: silent; never receives secrets, tokens or subjects
	Office  bool             // fill the tenant with the office of 12 rooms

	// NotificationCA are certificates, in PEM, trusted beside the system's when
	// change notifications are sent.
	NotificationCA []byte
	// NotificationTransport carries change notifications instead of the network,
	// when it is given; NotificationCA is not used then.
	NotificationTransport http.RoundTripper
}

// graphResource is the resource identifier of Graph in the worldwide cloud,
// which is accepted beside the server's own address.
const (
	graphResource = "https://graph.microsoft.com"
	graphAppID    = "00000003-0000-0000-c000-000000000000"
)

// Server is one running stand-in. Make it with New, stop it with Close.
type Server struct {
	clock  func() time.Time
	log    *slog.Logger
	base   string // https://host:port
	caPEM  []byte
	key    *rsa.PrivateKey // signs every token
	keyID  string
	http   *http.Server
	done   chan struct{} // closed when Serve has returned
	closed chan struct{} // closed by Close, releases hanging faults
	once   sync.Once

	outward atomic.Pointer[http.Client] // calls the addresses of subscriptions
	carrier http.RoundTripper           // Options.NotificationTransport
	hangUp  context.CancelFunc          // ends the courier
	gone    chan struct{}               // closed when the courier has returned
	awake   chan struct{}               // wakes the courier

	mu            sync.Mutex               // guards everything below
	*home                                  // the tenant it starts with
	tenants       []*Tenant                // in order of addition, home first
	consumers     *Tenant                  // of personal accounts; not among the tenants
	registrations map[string]*registration // by client id
	users         map[string]*user         // by address, over all tenants
	byID          map[string]*Calendar     // by object id of mailbox or person
	signIns       signIns
	byName        map[string]*Calendar
	office        *office // nil unless Options.Office
	faults        []*activeFault
	unrest        *unrest // nil: none
	requests      []Request
	counts        map[string]int
	rate          int // requests allowed per application and mailbox in rateWindow, 0: any number
	rateWindow    time.Duration
	rates         map[string]*spent
	limit         int            // concurrent requests allowed per mailbox, 0: any number
	busy          map[string]int // requests in work per mailbox

	subscriptions       []*subscription // oldest first
	subscriptionLife    time.Duration   // longest; 0: Microsoft's
	scopedSubscriptions bool
	roots               *x509.CertPool // trusted for notifications
	rings               []*ring        // notifications that wait
	rung                int            // notifications so far
	delivery            Delivery
	dice                *rand.Rand
	deliveries          []Delivered
}

// New starts a server on its own certificate authority. Both LoginURL and
// GraphURL are served by one listener.
func New(o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	roots, err := notificationRoots(o.NotificationCA)
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("graphtest: token key: %w", err)
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("graphtest: listen: %w", err)
	}
	cert, caPEM, err := makeCertificates(listener.Addr().(*net.TCPAddr).IP, o.Clock())
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("graphtest: certificates: %w", err)
	}
	s := &Server{
		clock: o.Clock, log: o.Logger, caPEM: caPEM, key: key, keyID: newID(),
		base:   "https://" + hostPort(listener.Addr().(*net.TCPAddr)),
		done:   make(chan struct{}),
		closed: make(chan struct{}),
		gone:   make(chan struct{}), awake: make(chan struct{}, 1),
		roots: roots, carrier: o.NotificationTransport, dice: rand.New(rand.NewPCG(0, 11)),
		byName: map[string]*Calendar{}, byID: map[string]*Calendar{},
		registrations: map[string]*registration{}, users: map[string]*user{},
		counts: map[string]int{},
		busy:   map[string]int{},
	}
	s.outward.Store(outwardClient(roots, o.NotificationTransport))
	s.signIns = newSignIns()
	s.home = s.newTenant(newID(), "Doorleaf practice tenant", domainName)
	s.consumers = &Tenant{s: s, id: consumerTenant, name: "Microsoft accounts", domain: "consumers", apps: map[string]*app{}}
	if o.Office {
		s.openOffice()
	}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(discard{}, "", 0), // TLS complaints of probing clients
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}
	ctx, hangUp := context.WithCancel(context.Background())
	s.hangUp = hangUp
	go func() {
		defer close(s.gone)
		s.courier(ctx)
	}()
	go func() {
		defer close(s.done)
		if err := s.http.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("stand-in stopped", "error", err)
		}
	}()
	return s, nil
}

// LoginURL is the base of the Entra side: scheme, host and port.
func (s *Server) LoginURL() string { return s.base }

// GraphURL is the base of the Graph side: scheme, host and port, no version.
func (s *Server) GraphURL() string { return s.base }

// CAPEM is the certificate, in PEM, that a client has to trust.
func (s *Server) CAPEM() []byte { return append([]byte(nil), s.caPEM...) }

// Close stops listening, ends open connections and waits for the listener.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		s.hangUp()
		<-s.gone
		s.outward.Load().CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err = s.http.Shutdown(ctx); err != nil {
			err = s.http.Close()
		}
		<-s.done
	})
	return err
}

// serve sends a request to the Entra or the Graph side, through the faults.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<20)
	leave, full := s.enter(r)
	defer leave()
	if full != nil {
		s.interfere(w, r, full)
		return
	}
	fault := s.takeFault(r)
	if fault != nil && s.interfere(w, r, fault) {
		return
	}
	a := &answer{header: http.Header{}}
	if isGraph(r.URL.Path) {
		s.serveGraph(a, r)
	} else {
		s.serveLogin(a, r)
	}
	if fault != nil && fault.Mangle != nil {
		a.body = fault.Mangle(a.body)
	}
	s.record(r, a.status, fault != nil && !fault.harmless)
	a.send(w, r)
}

// isGraph tells the two halves of the shared listener apart.
func isGraph(path string) bool {
	return strings.HasPrefix(path, "/v1.0/") || strings.HasPrefix(path, "/beta/") || strings.HasPrefix(path, "/oidc/")
}

func hostPort(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}

// discard drops what is written to it.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
