package mqttlink

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Trouble is why there is no connection to a broker, as far as that can be told
// from outside. Its text names a sentence of the catalogue.
type Trouble string

// The kinds of trouble.
const (
	NoTrouble         Trouble = ""
	TroubleAddress    Trouble = "address"     // the name is unknown
	TroubleRefused    Trouble = "refused"     // nothing listens there
	TroubleSilent     Trouble = "silent"      // no answer in time
	TroubleAuthority  Trouble = "authority"   // the certificate is of an unknown authority
	TroubleName       Trouble = "name"        // the certificate is for another name
	TroubleExpired    Trouble = "expired"     // the certificate is out of date
	TroubleNoTLS      Trouble = "no-tls"      // mqtts, but no TLS there
	TroubleTLS        Trouble = "tls"         // TLS fails otherwise
	TroubleClosed     Trouble = "closed"      // it hangs up before an answer: often mqtt to the port of mqtts, or the other way
	TroubleLogin      Trouble = "login"       // user name or password
	TroubleID         Trouble = "id"          // the client id is refused
	TroubleVersion    Trouble = "version"     // no MQTT 3.1.1
	TroubleNotReady   Trouble = "unavailable" // it says so itself
	TroubleRights     Trouble = "rights"      // a subscription is refused
	TroubleConnection Trouble = "lost"        // the connection broke
)

// String says it in English, for logs.
func (t Trouble) String() string {
	switch t {
	case NoTrouble:
		return ""
	case TroubleAddress:
		return "the broker's name is not known to DNS"
	case TroubleRefused:
		return "nothing listens at the broker's address"
	case TroubleSilent:
		return "the broker does not answer"
	case TroubleAuthority:
		return "the broker's certificate is signed by an authority that is not trusted here: set DOORLEAF_CA_FILE"
	case TroubleName:
		return "the broker's certificate is for another name"
	case TroubleExpired:
		return "the broker's certificate is out of date, or the clock here is wrong"
	case TroubleNoTLS:
		return "the broker does not speak TLS at this port: mqtts:// needs its TLS port"
	case TroubleTLS:
		return "the broker's TLS does not work with this gateway"
	case TroubleClosed:
		return "the broker hangs up at once: mqtt:// and mqtts:// have different ports"
	case TroubleLogin:
		return "the broker refuses the user name or the password"
	case TroubleID:
		return "the broker refuses the client id"
	case TroubleVersion:
		return "the broker does not speak MQTT 3.1.1"
	case TroubleNotReady:
		return "the broker says that it is not available now"
	case TroubleRights:
		return "the broker does not let the gateway subscribe to the signs' topics"
	case TroubleConnection:
		return "the connection to the broker broke"
	}
	return "no connection to the broker"
}

// ErrRights is a subscription that the broker refuses.
var ErrRights = errors.New("subscription refused")

// TroubleOf names what an error of connecting or subscribing means.
func TroubleOf(err error) Trouble {
	var (
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		alert   *net.OpError
		verify  *tls.CertificateVerificationError
		timeout net.Error
	)
	switch {
	case err == nil:
		return NoTrouble
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return TroubleLogin
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return TroubleID
	case errors.Is(err, packets.ErrorRefusedBadProtocolVersion):
		return TroubleVersion
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return TroubleNotReady
	case errors.Is(err, ErrRights):
		return TroubleRights
	case errors.As(err, &unknown):
		return TroubleAuthority
	case errors.As(err, &name):
		return TroubleName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return TroubleExpired
	case errors.As(err, &record):
		return TroubleNoTLS
	case errors.As(err, &alert) && alert.Op == "remote error", errors.As(err, &verify), errors.As(err, &invalid):
		return TroubleTLS
	case errors.As(err, &dns) && dns.IsNotFound:
		return TroubleAddress
	case errors.Is(err, syscall.ECONNREFUSED):
		return TroubleRefused
	case errors.Is(err, errTimeout), errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return TroubleSilent
	case errors.Is(err, errAnswer) && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return TroubleClosed
	}
	return TroubleConnection
}

// errAnswer is a failure while the broker should answer CONNECT.
var errAnswer = errors.New("connect")

// State is how the connection to the broker stands.
type State struct {
	Connected bool
	Since     time.Time // connected since, or failing since; zero before the first try ended
	Trouble   Trouble   // why not
	Err       error     // as it was met; holds no secret
}

// stateOf keeps the State of a link.
type stateOf struct {
	mu      sync.Mutex
	state   State         // guarded by mu
	changed []func(State) // guarded by mu; called after each try
}

func (s *stateOf) get() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// set notes a state and tells who wants to know.
func (s *stateOf) set(change func(State) State) {
	s.mu.Lock()
	s.state = change(s.state)
	state, calls := s.state, s.changed
	s.mu.Unlock()
	for _, call := range calls {
		call(state)
	}
}

// up notes a connection.
func (s *stateOf) up(now time.Time) {
	s.set(func(State) State { return State{Connected: true, Since: now} })
}

// down notes a failure; Since stays that of the first in a row.
func (s *stateOf) down(err error, now time.Time) {
	s.set(func(before State) State {
		since := before.Since
		if before.Connected || since.IsZero() {
			since = now
		}
		return State{Since: since, Trouble: TroubleOf(err), Err: err}
	})
}

// State returns how the connection to the broker stands.
func (l *Link) State() State { return l.state.get() }

// OnTry has f called, shortly, after each try to connect and after each loss;
// call it before Run.
func (l *Link) OnTry(f func(State)) {
	l.state.mu.Lock()
	defer l.state.mu.Unlock()
	l.state.changed = append(l.state.changed, f)
}

// learn notes whether a sign that the link hears for the first time stays
// connected. Only Hello says so itself.
func (l *Link) learn(ctx context.Context, r devices.Report) {
	if l.opts.AlwaysOn == nil || r.Kind == devices.HelloReport {
		return
	}
	s := l.sign(r.Sign)
	s.mu.Lock()
	known := !s.heard.IsZero()
	s.mu.Unlock()
	if known {
		return
	}
	on := l.opts.AlwaysOn(ctx, r.Sign)
	s.mu.Lock()
	s.alwaysOn = on
	s.mu.Unlock()
}

// schemes are the ways to an external broker. Over WebSockets signs see another
// listener than the gateway, so the address of signs has to be given.
func schemes() []string { return []string{"mqtt", "mqtts", "ws", "wss"} }

// Door is the broker's listener for signs.
type Door struct {
	URL string // mqtt://HOST:PORT or mqtts://HOST:PORT
	TLS *tls.Config
}

// Secure reports whether signs see a certificate there.
func (d Door) Secure() bool { return strings.HasPrefix(d.URL, "mqtts:") }

// Key returns the SHA-256 of the public key of the certificate that signs see,
// zero for plain MQTT.
func (d Door) Key(ctx context.Context) (key [32]byte, err error) {
	if !d.Secure() {
		return key, nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.TLS != nil {
		conf = d.TLS.Clone()
	}
	c, err := (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", strings.TrimPrefix(d.URL, "mqtts://"))
	if err != nil {
		return key, fmt.Errorf("look at the broker's certificate: %w", err)
	}
	defer c.Close()
	leaf := c.(*tls.Conn).ConnectionState().PeerCertificates[0]
	return sha256.Sum256(leaf.RawSubjectPublicKeyInfo), nil
}

// doorKey keeps the key of the broker's certificate for a while.
type doorKey struct {
	mu  sync.Mutex
	key [32]byte  // guarded by mu
	at  time.Time // when it was looked at; guarded by mu
}

// doorKeyLife is how long a certificate is taken to stay: renewed ones keep
// their key or change it, and a pairing attempt with the wrong one fails.
const doorKeyLife = 30 * time.Second

// keySeen is the key that a pairing sign must have seen on its own connection.
func (l *Link) keySeen(ctx context.Context, nonce string) ([32]byte, error) {
	switch {
	case l.opts.Secure != nil && !l.opts.Secure(nonce):
		return [32]byte{}, nil
	case l.opts.ServerSPKI != [32]byte{} || !l.opts.Door.Secure():
		return l.opts.ServerSPKI, nil
	}
	k := &l.doorKey
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.at.IsZero() && time.Since(k.at) < doorKeyLife {
		return k.key, nil
	}
	key, err := l.opts.Door.Key(ctx)
	if err == nil {
		k.key, k.at = key, time.Now()
	}
	return key, err
}

// Admits logs in as a sign, subscribes as it would and hangs up. Nil means that
// the sign would be served. A sign that is connected is pushed out by it.
func (d Door) Admits(ctx context.Context, login devices.Login) error {
	o := mqtt.NewClientOptions().AddBroker(d.URL).SetClientID(string(login.Sign)).
		SetUsername(string(login.Sign)).SetPassword(login.Password).
		SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectTimeout(connectTimeout).SetWriteTimeout(writeTimeout)
	if d.TLS != nil && d.Secure() {
		o.SetTLSConfig(d.TLS)
	}
	c := mqtt.NewClient(o)
	defer c.Disconnect(goodbye)
	if err := await(ctx, c.Connect(), 2*connectTimeout); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, err)
	}
	filter := wire.SignFilter(string(login.Sign))
	t := c.Subscribe(filter, 1, nil)
	if err := await(ctx, t, connectTimeout); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if st, ok := t.(*mqtt.SubscribeToken); ok && st.Result()[filter] > 2 {
		return fmt.Errorf("subscribe: %w", ErrRights)
	}
	return nil
}
