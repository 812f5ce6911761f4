package simsign

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

const (
	connectWait = 10 * time.Second
	eventWakes  = 3 // contacts that a button press waits for its acknowledgement [DL-FLOW-9]
)

// goodbye is how many milliseconds a client has to send its DISCONNECT. Not 0:
// then chance decides whether it is sent, and two timers fire at once, which
// synctest and the race detector of Go 1.26 do not survive together
// (golang/go#78156).
const goodbye = 1

// session is one connection to the broker.
type session struct {
	client mqtt.Client
	spki   [32]byte // of the server's certificate, zero on plain TCP
	done   chan struct{}
	once   sync.Once
}

func (c *session) close() {
	c.once.Do(func() { close(c.done) })
	c.client.Disconnect(goodbye)
}

// message is one that came over conn.
type message struct {
	conn    *session
	topic   wire.Topic
	payload []byte
}

// dialed is the outcome of a try to connect.
type dialed struct {
	conn    *session
	secret  secret // that it connected with
	keys    wire.Keys
	refused bool // the gateway does not know us
	err     error
}

// dial connects in a goroutine of its own, so that pictures still flip on time.
func (s *Sign) dial(ctx context.Context) {
	s.dialing = true
	s.use(wakeCost)
	for i := range s.st.Events {
		s.st.Events[i].Wakes++
	}
	s.st.Events = slices.DeleteFunc(s.st.Events, func(p pressed) bool { return p.Wakes > eventWakes })
	id, user := s.st.Sign, s.st.Sign
	filter := wire.SignFilter(id)
	var sec secret
	var keys wire.Keys
	if id == "" {
		p := s.pairNow()
		id, user = wire.PairClientPrefix+p.nonce, wire.PairUser
		filter, keys.Password = wire.PairFilter(p.nonce), wire.PairPassword
	} else {
		var err error
		sec, keys, err = s.password()
		s.keep(err)
	}
	pins := s.pinned()
	paired := s.st.Sign != ""
	go func() {
		ctx, cancel := context.WithTimeout(ctx, connectWait)
		defer cancel()
		d := s.connect(ctx, id, user, keys.Password, filter, paired, pins)
		d.secret, d.keys = sec, keys
		s.dialed <- d
	}()
}

// connect opens, logs in and subscribes.
func (s *Sign) connect(ctx context.Context, id, user, password, filter string, paired bool, pins [][]byte) dialed {
	c := &session{done: make(chan struct{})}
	conn, err := s.open(ctx, c, paired, pins)
	if err != nil {
		return dialed{err: err}
	}
	o := mqtt.NewClientOptions().AddBroker("mqtt://gateway").
		SetClientID(id).SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectTimeout(connectWait).SetWriteTimeout(answerWait).SetKeepAlive(30 * time.Second).
		SetMessageChannelDepth(8).SetOrderMatters(true).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return conn, nil }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { s.receive(c, m) }).
		SetConnectionLostHandler(func(mqtt.Client, error) {
			select {
			case s.lost <- c:
			case <-c.done:
			}
		})
	c.client = mqtt.NewClient(o)
	fail := func(err error) dialed {
		c.close()
		_ = conn.Close()
		refused := errors.Is(err, packets.ErrorRefusedNotAuthorised) || errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword)
		return dialed{refused: refused, err: err}
	}
	if err := wait(ctx, c.client.Connect()); err != nil {
		return fail(fmt.Errorf("connect: %w", err))
	}
	sub := c.client.Subscribe(filter, 1, nil)
	if err := wait(ctx, sub); err != nil {
		return fail(fmt.Errorf("subscribe: %w", err))
	}
	if t, ok := sub.(*mqtt.SubscribeToken); ok && t.Result()[filter] > 2 {
		return fail(errors.New("subscribe: refused"))
	}
	return dialed{conn: c}
}

func wait(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open makes the network connection and notes the server's key.
func (s *Sign) open(ctx context.Context, c *session, paired bool, pins [][]byte) (net.Conn, error) {
	if s.opts.Dial != nil {
		return s.opts.Dial(ctx)
	}
	u, err := url.Parse(s.opts.Gateway)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil || u.Scheme == "mqtt" {
		return conn, err
	}
	t := tls.Client(conn, s.trust(u.Hostname(), c, paired, pins))
	if err := t.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return t, nil
}

// Why a connection that was open is given up.
var (
	errLost       = errors.New("connection lost")
	errNoAnswer   = errors.New("no answer to a report")
	errNoBlocks   = errors.New("no answer to requests for a picture")
	errNoManifest = errors.New("a promised manifest did not come")
	errEndless    = errors.New("the conversation has no end")
)

var errPin = errors.New("server has a key that the sign does not know")

// trust says which server the sign believes: one whose certificate the given
// authorities signed, or one with a key that is pinned. Before it is
// paired it believes any, because the code on the glass covers the key.
func (s *Sign) trust(host string, c *session, paired bool, pins [][]byte) *tls.Config {
	believed := func(key [32]byte) bool { return s.opts.CA != nil || !paired || believes(pins, key) }
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: s.opts.CA,
		ClientSessionCache: resumption{&s.sessions, c, believed},
		InsecureSkipVerify: s.opts.CA == nil, // VerifyConnection below decides instead, of resumed sessions too
		VerifyConnection: func(st tls.ConnectionState) error {
			c.spki = sha256.Sum256(leaf(st).RawSubjectPublicKeyInfo)
			if !believed(c.spki) {
				return errPin
			}
			return nil
		},
	}
}

func leaf(st tls.ConnectionState) *x509.Certificate { return st.PeerCertificates[0] }

// receive hands a message to Run.
func (s *Sign) receive(c *session, m mqtt.Message) {
	t, err := wire.ParseTopic(m.Topic())
	if err != nil || t.Up() {
		return
	}
	in := message{conn: c, topic: t, payload: append([]byte(nil), m.Payload()...)}
	for range s.copies(false, t.Name) {
		select {
		case s.inbox <- in:
		case <-c.done:
			return
		}
	}
}

func (s *Sign) copies(up bool, name wire.Name) int {
	if s.opts.Traffic == nil {
		return 1
	}
	return s.opts.Traffic(up, string(name))
}

// publish sends one message of the conversation. It does not wait for the
// broker: only an answer of the gateway counts.
func (s *Sign) publish(topic string, name wire.Name, qos byte, payload []byte) {
	for range s.copies(true, name) {
		s.conn.client.Publish(topic, qos, false, payload)
	}
	s.cut(string(name) + ".sent")
}

// dialDone takes the outcome of a try to connect.
func (s *Sign) dialDone(d dialed) {
	s.dialing = false
	if d.err == nil {
		s.conn, s.fails = d.conn, 0
		s.talk = talk{}
		if s.st.Sign != "" {
			s.loggedIn(d)
		}
		s.emit(Event{Event: "connected", Reason: wakeName(s.wake)})
		s.cut("connected")
		if !s.conn.client.IsConnectionOpen() { // lost again before we knew that it was ours
			s.broken(errLost)
		}
		return
	}
	s.emit(Event{Event: "offline", Error: d.err.Error()})
	s.retryLater()
	if !d.refused || s.st.Sign == "" {
		return
	}
	now := time.Now()
	if s.turnedDown(now) {
		s.unpaired()
		return
	}
	s.afterRefusal(now)
}

// unpaired begins anew: the gateway does not know the sign any more [DL-PAIR-9].
func (s *Sign) unpaired() {
	s.fails, s.counted, s.useSpare = 0, [2]time.Time{}, false
	s.emit(Event{Event: "unpaired"})
	s.keep(s.forget())
	s.awake, s.nextTry = true, time.Time{}
}

// removed takes the word that somebody removed the sign in the gateway
// [DL-PAIR-13].
func (s *Sign) removed(payload []byte) {
	m, err := wire.UnmarshalRemoved(payload)
	if err != nil || m.Verify(&s.keys.Manifest, s.st.Sign) != nil {
		return
	}
	s.hangUp()
	s.unpaired()
}

// hangUp closes the connection.
func (s *Sign) hangUp() {
	if s.conn != nil {
		s.conn.close()
		s.conn = nil
	}
	s.talk = talk{}
}

// broken ends a connection that does not work and tries again later.
func (s *Sign) broken(why error) {
	s.hangUp()
	if why != errLost && s.st.LastError == 0 {
		s.st.LastError = uint16(devices.ErrTimeout)
	}
	s.emit(Event{Event: "offline", Error: why.Error()})
	s.awake = true
	s.retryLater()
}
