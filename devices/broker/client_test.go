package broker

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"doorleaf/devices"
)

// signs is an Authenticator in memory.
type signs struct {
	mu   sync.Mutex
	pass map[devices.SignID]string
	next map[devices.SignID]string // of secrets that are being renewed
	err  error
	asks int
}

func (s *signs) Credential(_ context.Context, id devices.SignID) (devices.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++
	if s.err != nil {
		return devices.Credential{}, s.err
	}
	p, ok := s.pass[id]
	if !ok {
		return devices.Credential{}, devices.ErrUnknownSign
	}
	c := devices.Credential{Sign: id, PasswordHash: sha256.Sum256([]byte(p))}
	if next, ok := s.next[id]; ok {
		c.NextPasswordHash = sha256.Sum256([]byte(next))
	}
	return c, nil
}

const (
	signA = "aaaaaaaaaaaaaaaa"
	signB = "bbbbbbbbbbbbbbbb"
)

func start(t *testing.T, change func(*Options)) (*Broker, *signs) {
	t.Helper()
	auth := &signs{pass: map[devices.SignID]string{signA: "password-a", signB: "password-b"}}
	o := Options{
		Listen: []string{"mqtt://127.0.0.1:0"}, Auth: auth, Logger: slog.New(slog.DiscardHandler),
		FailureDelay: time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, auth
}

// patience is how long a test waits for one thing that must come. Only a test
// that fails waits so long, and a machine that is busy with others may need much
// of it.
const patience = time.Minute

// server is a broker in this process or in one of its own.
type server interface {
	Addrs() []string
	GatewayConn() (net.Conn, error)
	GatewayCredential() (username, password string)
	Connected(devices.SignID) bool
	Kick(devices.SignID)
	Address(nonce string) string
	Secure(nonce string) bool
	Stats() Stats
	Incidents() []devices.Incident
	Close() error
}

var _, _ server = (*Broker)(nil), (*Process)(nil)

// client speaks raw MQTT, well or badly.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	come chan packet // read meanwhile, closed when the connection ended; nil: read from r
}

func dial(t *testing.T, b server) *client {
	t.Helper()
	u, err := url.Parse(b.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	return wrap(t, c)
}

func wrap(t *testing.T, c net.Conn) *client {
	t.Cleanup(func() { _ = c.Close() })
	return &client{t: t, conn: c, r: bufio.NewReader(c)}
}

// listens makes the client take what comes at once, as the gateway does: what
// nobody takes out of a pipe would end its session after writeLimit.
func (c *client) listens() {
	c.come = make(chan packet, 1<<14)
	go func() {
		defer close(c.come)
		for {
			p, err := readPacket(c.r, 1<<20)
			if err != nil {
				return
			}
			c.come <- p
		}
	}()
}

func (c *client) write(p []byte) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.conn.Write(p)
	return err
}

// read waits for one packet.
func (c *client) read() (packet, error) {
	if c.come == nil {
		_ = c.conn.SetReadDeadline(time.Now().Add(patience))
		return readPacket(c.r, 1<<20)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case p, open := <-c.come:
		if !open {
			return packet{}, io.EOF
		}
		return p, nil
	case <-late.C:
		return packet{}, os.ErrDeadlineExceeded
	}
}

func (c *client) send(p []byte) {
	c.t.Helper()
	if err := c.write(p); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// next reads one packet.
func (c *client) next() packet {
	c.t.Helper()
	p, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return p
}

// closed asserts that the broker ends the connection.
func (c *client) closed() {
	c.t.Helper()
	if p, err := c.read(); err == nil {
		c.t.Fatalf("got packet type %d, want the connection closed", p.kind)
	} else if errors.Is(err, errMalformed) {
		c.t.Fatal(err)
	} else if n := net.Error(nil); errors.As(err, &n) && n.Timeout() {
		c.t.Fatal("connection still open")
	}
}

func field(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func frame(first byte, body []byte) []byte {
	out := []byte{first}
	n := len(body)
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			out = append(out, b|0x80)
			continue
		}
		return append(append(out, b), body...)
	}
}

func connectPacket(version, flags byte, keepalive uint16, fields ...string) []byte {
	body := join(field("MQTT"), []byte{version, flags}, binary.BigEndian.AppendUint16(nil, keepalive))
	for _, f := range fields {
		body = append(body, field(f)...)
	}
	return frame(typeConnect<<4, body)
}

func subscribePacket(filter string) []byte {
	return frame(typeSubscribe<<4|2, join([]byte{0, 7}, field(filter), []byte{1}))
}

func publishPacket(flags byte, topic, payload string) []byte {
	body := field(topic)
	if flags&6 != 0 {
		body = append(body, 0, 9)
	}
	return frame(typePublish<<4|flags, append(body, payload...))
}

// login connects and returns the CONNACK code.
func (c *client) login(id, user, pass string) byte {
	c.t.Helper()
	c.send(connectPacket(4, 0xc2, 30, id, user, pass))
	p := c.next()
	if p.kind != typeConnack || len(p.body) != 2 {
		c.t.Fatalf("got packet type %d, want CONNACK", p.kind)
	}
	return p.body[1]
}

func (c *client) subscribe(filter string) byte {
	c.t.Helper()
	c.send(subscribePacket(filter))
	p := c.next()
	if p.kind != 9 || len(p.body) != 3 {
		c.t.Fatalf("got packet type %d, want SUBACK", p.kind)
	}
	return p.body[2]
}

// sign connects and subscribes as the sign does.
func sign(t *testing.T, b server, id, pass string) *client {
	t.Helper()
	c := dial(t, b)
	if code := c.login(id, id, pass); code != 0 {
		t.Fatalf("CONNACK %d, want 0", code)
	}
	if code := c.subscribe("dl/1/" + id + "/d/+"); code > 1 {
		t.Fatalf("SUBACK %#x, want granted", code)
	}
	return c
}

// gatewayAs is one connection of the gateway. A process that is being started
// may take longer than GatewayConn waits: the gateway tries again.
func gatewayAs(t *testing.T, b server, id string) *client {
	t.Helper()
	var conn net.Conn
	for end := time.Now().Add(patience); ; {
		var err error
		if conn, err = b.GatewayConn(); err == nil {
			break
		}
		if !errors.Is(err, errNotRunning) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	c := wrap(t, conn)
	c.listens()
	user, pass := b.GatewayCredential()
	if code := c.login(id, user, pass); code != 0 {
		t.Fatalf("CONNACK %d, want 0", code)
	}
	return c
}

// gateway connects as the gateway does and reads what signs send.
func gateway(t *testing.T, b server) *client {
	t.Helper()
	c := gatewayAs(t, b, "gateway-1")
	for _, f := range []string{gatewaySigns, gatewayPaired} {
		if code := c.subscribe(f); code > 1 {
			t.Fatalf("SUBACK %#x for %s, want granted", code, f)
		}
	}
	return c
}

// message reads the next PUBLISH, answering it when its QoS asks for that.
func (c *client) message() (topic, payload string) {
	c.t.Helper()
	for {
		p := c.next()
		if p.kind != typePublish {
			continue
		}
		d := fields{rest: p.body}
		topic = d.text()
		if p.flag>>1&3 == 1 {
			id := d.uint16()
			c.send([]byte{typePuback << 4, 2, byte(id >> 8), byte(id)})
		}
		if p.flag&1 != 0 {
			c.t.Fatalf("%s came retained", topic)
		}
		return topic, string(d.rest)
	}
}

// alive asserts that a new pair of sign and gateway still exchange messages.
func alive(t *testing.T, b server) {
	t.Helper()
	g, s := gateway(t, b), sign(t, b, signB, "password-b")
	s.send(publishPacket(2, "dl/1/"+signB+"/u/hello", "still here"))
	if topic, payload := g.message(); topic != "dl/1/"+signB+"/u/hello" || payload != "still here" {
		t.Fatalf("gateway got %s %q", topic, payload)
	}
	_ = s.conn.Close()
	_ = g.conn.Close()
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func bufioReader(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

func bufioReaderOf(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }
