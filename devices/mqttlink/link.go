// Package mqttlink is the gateway's side of the sign protocol over MQTT 3.1.1:
// it packs timelines, publishes manifests, answers chunk requests, pairs new
// signs and turns what signs send into devices.Report values. It decides
// nothing and stores nothing: what a sign should show comes from the Gateway,
// which is also asked again whenever something may have been lost. The MQTT
// client is never used as a queue. Nothing here depends on retained messages,
// kept sessions, wills or shared subscriptions.
//
// All exported methods are safe for concurrent use.
package mqttlink

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Gateway is what the link needs of the gateway.
type Gateway interface {
	// Report takes what a sign told. A nil delivery means that there is nothing
	// newer. An error means that nothing was kept: the sign gets no answer and
	// tells it again. One that is devices.ErrReplayed means that the sign told this
	// before, or more since; a hello is answered all the same.
	Report(ctx context.Context, r devices.Report) (*devices.Delivery, error)
	// Object returns an object of that sign's timeline, or an error that is
	// devices.ErrUnknownObject.
	Object(ctx context.Context, id devices.SignID, h devices.ObjectHash) ([]byte, error)
	// Credential returns the sign's credential, or an error that is
	// devices.ErrUnknownSign.
	Credential(ctx context.Context, id devices.SignID) (devices.Credential, error)
	// Joining notes a sign that shows a code; a person must confirm it.
	Joining(ctx context.Context, j devices.Joining) error
	// NextWake returns the promised next contact and its jitter.
	NextWake(ctx context.Context, id devices.SignID) (time.Time, time.Duration)
}

// Options configure a Link. Gateway, Logger and one of BrokerURL and Dial are
// required.
type Options struct {
	BrokerURL          string // mqtt[s]://HOST:PORT or ws[s]://HOST:PORT/PATH
	Username, Password string
	ClientID           string      // prefix of the client id; "" means "gateway"
	TLS                *tls.Config // for mqtts and wss
	// Dial opens the connection instead of BrokerURL, for an embedded broker.
	Dial func() (net.Conn, error)
	// ServerSPKI is the SHA-256 of the public key of the certificate signs see,
	// where that is known; otherwise Door is asked, and without one either signs
	// use plain MQTT.
	ServerSPKI [32]byte
	// Door is where signs connect to an external broker; the zero one means the
	// BrokerURL.
	Door Door
	// Secure reports whether the pairing attempt came over TLS, where a broker
	// serves both; nil: ServerSPKI holds for all.
	Secure  func(nonce string) bool
	Gateway Gateway
	Logger  *slog.Logger
	// Keys renews the secrets of signs; nil: they stay as they are.
	Keys Keys
	// Firmware updates signs; nil: they stay as they are.
	Firmware Firmware
	// Pins tells signs which servers to believe; nil: they know one key alone.
	Pins Pins
	// Connected reports whether a sign is connected now. Nil: nobody knows, and
	// every delivery is published.
	Connected func(devices.SignID) bool
	// AlwaysOn reports whether a sign stays connected, for one that has not said
	// hello since the link began; may be nil.
	AlwaysOn func(context.Context, devices.SignID) bool
	// PairPage is the address of the page where a person types the code of a
	// sign, without the code; signs show it as a QR code [DL-PAIR-11]. "" for
	// none; New refuses what is no such address.
	PairPage string
	// Address returns the peer's address of a pairing attempt; may be nil.
	Address func(nonce string) string
	// Incident is told of what no sign of ours does; may be nil.
	Incident func(devices.Incident)
	// KickSession closes a sign's session; may be nil.
	KickSession func(devices.SignID)
	// Fault is called with the name of a point right before and right after each
	// network write that matters, for tests that kill the process; may be nil.
	Fault func(point string)
}

// Link is one gateway's connection to the broker.
type Link struct {
	opts    Options
	log     *slog.Logger
	inbox   *inbox
	objects *objectCache
	pairs   pairTable
	count   counters
	noisy   rateLog
	ready   atomic.Bool
	state   stateOf
	doorKey doorKey

	mu     sync.Mutex
	client mqtt.Client                   // guarded by mu, nil while not subscribed
	signs  map[devices.SignID]*signState // guarded by mu
}

// Limits and times of the link.
const (
	workers        = 16 // most of them wait for the store, which gathers their commits
	connectTimeout = 5 * time.Second
	writeTimeout   = 5 * time.Second
	handleTimeout  = 15 * time.Second
	firstRetry     = 100 * time.Millisecond
	lastRetry      = 5 * time.Second
	objectMemory   = 8 << 20 // bytes of objects kept for chunk answers
)

// goodbye is how many milliseconds a client has to send its DISCONNECT. Not 0:
// then chance decides whether it is sent, and two timers fire at once, which
// synctest and the race detector of Go 1.26 do not survive together
// (golang/go#78156).
const goodbye = 1

// New returns a Link; Run makes it work.
func New(o Options) (*Link, error) {
	if o.Gateway == nil || o.Logger == nil || (o.BrokerURL == "" && o.Dial == nil) {
		return nil, errors.New("mqttlink: Gateway, Logger and a way to the broker are required")
	}
	if o.Dial == nil {
		u, err := url.Parse(o.BrokerURL)
		if err != nil || u.Host == "" || !slices.Contains(schemes(), u.Scheme) {
			return nil, errors.New("mqttlink: broker URL must be mqtt[s]://HOST:PORT or ws[s]://HOST:PORT/PATH")
		}
		if o.Door.URL == "" {
			o.Door = Door{URL: o.BrokerURL, TLS: o.TLS}
		}
	}
	if _, ok := wire.PairAddressHost(o.PairPage); !ok && o.PairPage != "" {
		return nil, fmt.Errorf("mqttlink: %q is no address of a pairing page", o.PairPage)
	}
	if o.Fault == nil {
		o.Fault = func(string) {}
	}
	if o.ClientID == "" {
		o.ClientID = "gateway"
	}
	l := &Link{opts: o, log: o.Logger, inbox: newInbox(), objects: newObjectCache(objectMemory), signs: map[devices.SignID]*signState{}}
	l.pairs.attempts = map[string]*attempt{}
	l.noisy.last = map[string]time.Time{}
	return l, nil
}

// Ready reports whether the link is connected and subscribed.
func (l *Link) Ready() bool { return l.ready.Load() }

// Connected reports whether the sign is, as far as known, connected now: the
// broker's word, or else an always-on sign heard of since the link is up.
func (l *Link) Connected(id devices.SignID) bool {
	if l.opts.Connected != nil {
		return l.opts.Connected(id)
	}
	s := l.sign(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.Ready() && s.alwaysOn && time.Since(s.heard) < presence
}

// Run connects, and connects again after a loss, until ctx ends.
func (l *Link) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	work, stop := context.WithCancel(ctx)
	defer stop()
	for range workers {
		wg.Go(func() { l.work(work) })
	}
	context.AfterFunc(work, l.inbox.close)
	wg.Go(func() { l.resend(work) })
	wait := firstRetry
	for ctx.Err() == nil {
		begin := time.Now()
		err := l.connection(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(begin) > time.Minute {
			wait = firstRetry
		}
		l.state.down(err, time.Now())
		l.log.Warn("mqtt: no connection to the broker", "why", TroubleOf(err).String(), "err", err, "retry", wait)
		sleep(ctx, wait)
		wait = min(2*wait, lastRetry)
	}
	return ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// connection makes one connection and serves it until it is lost. A new client
// for each: nothing that one held back can reach a sign through the next.
func (l *Link) connection(ctx context.Context) error {
	lost := make(chan error, 1)
	c := mqtt.NewClient(l.clientOptions(lost))
	defer c.Disconnect(goodbye)
	if err := await(ctx, c.Connect(), 2*connectTimeout); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, err)
	}
	if err := l.subscribe(ctx, c); err != nil {
		return err
	}
	l.mu.Lock()
	l.client = c
	l.mu.Unlock()
	l.ready.Store(true)
	l.state.up(time.Now())
	defer func() {
		l.ready.Store(false)
		l.mu.Lock()
		l.client = nil
		l.mu.Unlock()
	}()
	l.log.Info("mqtt: connected to the broker")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-lost:
		return err
	}
}

func (l *Link) clientOptions(lost chan<- error) *mqtt.ClientOptions {
	server := l.opts.BrokerURL
	if l.opts.Dial != nil {
		server = "mqtt://embedded"
	}
	o := mqtt.NewClientOptions().AddBroker(server).
		SetClientID(l.opts.ClientID + "-" + strings.ToLower(rand.Text()[:16])).
		SetUsername(l.opts.Username).SetPassword(l.opts.Password).
		SetProtocolVersion(4).SetCleanSession(true).
		SetAutoReconnect(false).SetConnectRetry(false). // Run does both
		SetConnectTimeout(connectTimeout).SetWriteTimeout(writeTimeout).
		SetKeepAlive(20 * time.Second).SetPingTimeout(10 * time.Second).
		// In order, because receive never blocks and each sign's messages must
		// be handled in the order they were sent.
		SetOrderMatters(true).
		SetDefaultPublishHandler(l.receive).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case lost <- err:
			default:
			}
		})
	if l.opts.Dial == nil && l.opts.TLS != nil {
		o.SetTLSConfig(l.opts.TLS)
	}
	if l.opts.Dial != nil {
		o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return l.opts.Dial() })
	}
	return o
}

// subscribe repeats until the broker grants both filters.
func (l *Link) subscribe(ctx context.Context, c mqtt.Client) error {
	filters := map[string]byte{wire.GatewayFilter: 1, wire.GatewayPairFilter: 1}
	for tries := 0; ; tries++ {
		t := c.SubscribeMultiple(filters, nil)
		err := await(ctx, t, connectTimeout)
		if err == nil {
			if st, ok := t.(*mqtt.SubscribeToken); ok {
				for f, code := range st.Result() {
					if code > 2 {
						err = fmt.Errorf("%w: %s", ErrRights, f)
					}
				}
			}
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !c.IsConnectionOpen() || tries >= 10 {
			return fmt.Errorf("subscribe: %w", err)
		}
		sleep(ctx, time.Second)
	}
}

// await waits for a token at most d.
func await(ctx context.Context, t mqtt.Token, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errTimeout
	}
}

var errTimeout = errors.New("no answer from the broker in time")
