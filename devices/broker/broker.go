// Package broker is the embedded MQTT 3.1.1 broker of the gateway: signs
// connect to it with a credential of their own and may use their own topics
// only. It wraps mochi-mqtt, which never sees a byte that was not checked here
// first: own listeners, own CONNECT and packet checks, own authentication, and
// everything denied that is not granted. Sessions are clean; there are no
// wills, no retained messages, no shared subscriptions and no QoS 2. It knows
// topics but no payloads, and keeps nothing on disk.
//
// All exported methods are safe for concurrent use.
package broker

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"doorleaf/devices"
)

// writesPending is the length of mochi's queue per client.
const writesPending = 128

// Authenticator looks up the credential of a sign. It returns an error that is
// devices.ErrUnknownSign for a sign that is not paired (any more); every other
// error is taken as temporary, and the sign is told to come back.
type Authenticator interface {
	Credential(ctx context.Context, id devices.SignID) (devices.Credential, error)
}

// Options configure a Broker.
type Options struct {
	// Listen holds URLs mqtt://HOST:PORT or mqtts://HOST:PORT. Empty: only
	// connections from inside the process.
	Listen []string
	// TLS is needed for mqtts. Its MinVersion may be TLS 1.2; 0 means 1.3.
	TLS *tls.Config
	// Tickets keeps the keys of session tickets over restarts of the gateway, for a
	// broker in a process of its own; nil: each start makes new ones.
	Tickets TicketStore
	// AllowPlain lets mqtt:// listen on more than the loopback.
	AllowPlain bool
	// Auth looks up credentials. Required.
	Auth Authenticator
	// Logger is required.
	Logger *slog.Logger
	// MaxConnections bounds all connections; 0 means 20,000, or fewer where the
	// process may not open so many descriptors.
	MaxConnections int
	// MaxPairing bounds the connections that want to pair, MaxPairingAddress
	// those of one address; 0 means 64 and 16.
	MaxPairing, MaxPairingAddress int
	// MaxEnteringAddress bounds the connections of one address that have not
	// said who they are, beside one for each sign that was there last; 0 means
	// 2,000.
	MaxEnteringAddress int
	// FailureDelay is how long a refused sign waits for the answer; 0 means 1 s.
	FailureDelay time.Duration

	// For a broker in a process of its own:
	sockets []socket // already open, instead of Listen
	secret  string   // password of the gateway, instead of a new one
	watch   watcher

	// open lets everybody do all that MQTT 3.1.1 has, and returns the client id of
	// a CONNECT. Only tests of the protocol itself set it.
	open func(packet) (clientID string, err error)
}

// Broker is a running broker.
type Broker struct {
	opts    Options
	log     *slog.Logger
	server  *mqtt.Server
	count   counters
	secret  string // password of the gateway, of this start only
	cancel  context.CancelFunc
	ctx     context.Context // ends with Close
	wg      sync.WaitGroup
	closing sync.Once
	noise   noise
	pending atomic.Int64 // bytes that wait for signs, of all sessions

	tls       *tls.Config // nil without TLS
	listeners []net.Listener
	addrs     []string

	mu           sync.Mutex
	closed       bool                        // guarded by mu
	kicks        int                         // guarded by mu, number of calls of Kick
	sessions     map[string]*session         // guarded by mu, by client id
	open         map[net.Conn]struct{}       // guarded by mu, every connection
	credentials  map[devices.SignID][32]byte // guarded by mu, password hashes
	addresses    map[string]*address         // guarded by mu, by host; only those in use
	kicked       map[devices.SignID]int      // guarded by mu, the number of its newest Kick
	kickedBefore map[devices.SignID]int      // guarded by mu, those before the last sweep
	records      map[devices.SignID]*record  // guarded by mu, of signs that were let in
	homes        map[string]int              // guarded by mu, how many of them were last in a network
	line         chan struct{}               // held while a peer says who it is

	begun     time.Time
	incidents devices.Incidents
	watch     watcher // nil in the gateway's own process
}

// Open starts a broker: it listens and serves when Open returns. Close it.
func Open(o Options) (*Broker, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	b := &Broker{
		opts: o, log: o.Logger, secret: o.secret, watch: o.watch,
		sessions: map[string]*session{}, open: map[net.Conn]struct{}{},
		credentials: map[devices.SignID][32]byte{}, addresses: map[string]*address{},
		kicked: map[devices.SignID]int{}, records: map[devices.SignID]*record{}, homes: map[string]int{}, line: make(chan struct{}, maxEntering), begun: time.Now(),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.server = newServer(capabilities(o.open != nil))
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := b.listen(); err != nil {
		b.closeListeners()
		return nil, err
	}
	if err := b.server.Serve(); err != nil {
		b.closeListeners()
		return nil, fmt.Errorf("broker: %w", err)
	}
	for i, l := range b.listeners {
		b.wg.Go(func() { b.accept(l, b.addrs[i]) })
	}
	b.wg.Go(b.sweep)
	return b, nil
}

// sweep forgets, now and then, what need not be remembered.
func (b *Broker) sweep() {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			b.forgetIdle()
		case <-b.ctx.Done():
			return
		}
	}
}

// watcher is told of the sessions that can be reached. Both are called in the
// order of events of each name; arrived returns when the word has arrived.
type watcher interface {
	arrived(name, host string, secure bool)
	left(name string)
}

// reachable tells the watcher of a session, before anything it sends is read.
func (b *Broker) reachable(s *session) {
	if b.watch == nil || s.role == roleGateway || s.told {
		return
	}
	s.told = true
	_, secure := s.conn.(*tls.Conn)
	b.watch.arrived(s.clientID, hostOf(s.conn), secure)
}

// complete fills in the defaults.
func (o *Options) complete() error {
	if o.Auth == nil || o.Logger == nil {
		return errors.New("broker: Auth and Logger are required")
	}
	setDefault(&o.MaxConnections, 20000)
	setDefault(&o.MaxPairing, 64)
	setDefault(&o.MaxPairingAddress, 16)
	setDefault(&o.MaxEnteringAddress, 2000)
	o.MaxConnections = min(o.MaxConnections, affordable())
	o.MaxEnteringAddress = min(o.MaxEnteringAddress, max(8, o.MaxConnections/4))
	if o.FailureDelay == 0 {
		o.FailureDelay = time.Second
	}
	if o.secret == "" {
		o.secret = rand.Text()
	}
	return nil
}

// spare is how many file descriptors are kept for all else.
const spare = 128

// affordable is how many connections the descriptors of this process allow:
// beyond that connections are closed at once instead of left waiting.
func affordable() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return max(int(limit.Cur)-spare, spare)
}

func setDefault(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

// capabilities turn everything of mochi off that the protocol does not use, or,
// with open, on what MQTT 3.1.1 has.
func capabilities(open bool) *mqtt.Capabilities {
	c := &mqtt.Capabilities{
		MaximumClients:             math.MaxInt64, // counted here
		MaximumClientWritesPending: writesPending,
		MaximumPacketSize:          maxFromGateway + 8,
		ReceiveMaximum:             1024,
		MaximumInflight:            8 << 10,
		MinimumProtocolVersion:     4,
		MaximumQos:                 1,
		WildcardSubAvailable:       1,
	}
	if open {
		c.MaximumQos, c.RetainAvailable, c.MaximumSessionExpiryInterval = 2, 1, math.MaxUint32
	}
	return c
}

// newServer returns mochi. Its log is off: it prints whole packets.
func newServer(c *mqtt.Capabilities) *mqtt.Server {
	return mqtt.New(&mqtt.Options{
		Capabilities:             c,
		ClientNetReadBufferSize:  64, // sessions buffer themselves
		ClientNetWriteBufferSize: 4 << 10,
		SysTopicResendInterval:   int64(100 * 365 * 24 * time.Hour / time.Second / 2),
		Logger:                   slog.New(slog.DiscardHandler),
	})
}

// Run serves until ctx ends, then closes the broker.
func (b *Broker) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-b.ctx.Done():
	}
	return b.Close()
}

// Close ends all connections and waits for them.
func (b *Broker) Close() error {
	b.closing.Do(func() {
		b.cancel()
		b.closeListeners()
		b.mu.Lock()
		b.closed = true
		for c := range b.open {
			hangUp(c)
		}
		b.mu.Unlock()
		b.wg.Wait()
		_ = b.server.Close()
	})
	return nil
}

// Addrs returns the URLs the broker listens on, with the real ports.
func (b *Broker) Addrs() []string { return append([]string(nil), b.addrs...) }

// Connected reports whether the sign is connected and has subscribed, so that
// what is published to it arrives.
func (b *Broker) Connected(id devices.SignID) bool {
	b.mu.Lock()
	s := b.sessions[string(id)]
	b.mu.Unlock()
	return s != nil && s.subscribed.Load()
}

// Kick forgets the sign's cached credential and closes its session.
func (b *Broker) Kick(id devices.SignID) {
	b.mu.Lock()
	b.kicks++
	b.kicked[id] = b.kicks
	delete(b.credentials, id)
	if r := b.records[id]; r != nil {
		b.moved(r.here, "")
		delete(b.records, id)
	}
	s := b.sessions[string(id)]
	b.mu.Unlock()
	if s != nil {
		_ = s.Close()
	}
}

// Forget makes the next login of the sign ask for its credential, whichever
// password was let in before. Its session stays open.
func (b *Broker) Forget(id devices.SignID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kicks++
	b.kicked[id] = b.kicks
	delete(b.credentials, id)
}

// Address returns the address of the peer that tries to pair under nonce, empty
// when there is none.
func (b *Broker) Address(nonce string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sessions[pairClient+nonce]; s != nil {
		return hostOf(s.conn)
	}
	return ""
}

// Secure reports whether the peer that tries to pair under nonce came over TLS.
func (b *Broker) Secure(nonce string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[pairClient+nonce]
	if s == nil {
		return false
	}
	_, ok := s.conn.(*tls.Conn)
	return ok
}

// GatewayCredential returns the user name and password of the gateway. They are
// new at each start and work only on a GatewayConn.
func (b *Broker) GatewayCredential() (username, password string) { return gatewayUser, b.secret }

// GatewayConn returns the client's end of a new connection inside the process,
// for the gateway alone.
func (b *Broker) GatewayConn() (net.Conn, error) { return b.pipe(true) }

// SignConn returns the client's end of a new connection inside the process that
// is treated like one from the network, for simulated signs and tests.
func (b *Broker) SignConn() (net.Conn, error) { return b.pipe(false) }

func (b *Broker) pipe(inside bool) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, net.ErrClosed
	}
	client, server := net.Pipe()
	b.wg.Go(func() { b.serve(server, inside) })
	return client, nil
}

// counters count what happened since the start.
type counters struct {
	accepted, refused, malformed, slow, failed, denied, dropped atomic.Int64
	overflowed, paced, takeovers, panics, acceptErrors          atomic.Int64
}

// Stats is a copy of the counters.
type Stats struct {
	Connected    int   // sessions now
	Accepted     int64 // connections taken
	Refused      int64 // connections closed because too many were open, in all or of one address
	Malformed    int64 // packets that MQTT or our rules forbid
	Slow         int64 // peers that sent no CONNECT in time
	Failed       int64 // wrong credentials
	Denied       int64 // publishes and subscriptions that are not granted
	Dropped      int64 // messages that found a full queue
	Overflowed   int64 // sessions closed because the peer did not read
	Paced        int64 // packets held back by the rate limit
	Takeovers    int64 // sessions replaced by a newer one of the same client
	Panics       int64 // recovered
	AcceptErrors int64 // failed accepts, for instance for want of descriptors
	Restarts     int64 // of a broker in a process of its own
}

// add adds all but Connected and Restarts.
func (s *Stats) add(o Stats) {
	s.Accepted += o.Accepted
	s.Refused += o.Refused
	s.Malformed += o.Malformed
	s.Slow += o.Slow
	s.Failed += o.Failed
	s.Denied += o.Denied
	s.Dropped += o.Dropped
	s.Overflowed += o.Overflowed
	s.Paced += o.Paced
	s.Takeovers += o.Takeovers
	s.Panics += o.Panics
	s.AcceptErrors += o.AcceptErrors
}

// Stats returns the counters.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	n := len(b.sessions)
	b.mu.Unlock()
	c := &b.count
	return Stats{
		Connected: n, Accepted: c.accepted.Load(), Refused: c.refused.Load(), Malformed: c.malformed.Load(),
		Slow: c.slow.Load(), Failed: c.failed.Load(), Denied: c.denied.Load(), Dropped: c.dropped.Load(),
		Overflowed: c.overflowed.Load(), Paced: c.paced.Load(), Takeovers: c.takeovers.Load(),
		Panics: c.panics.Load(), AcceptErrors: c.acceptErrors.Load(),
	}
}
