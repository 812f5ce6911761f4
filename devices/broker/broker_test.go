package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
)

func TestMessagesGoBothWays(t *testing.T) {
	b, _ := start(t, nil)
	g, s := gateway(t, b), sign(t, b, signA, "password-a")
	if !b.Connected(signA) || b.Connected(signB) {
		t.Fatalf("Connected: got %v %v, want true false", b.Connected(signA), b.Connected(signB))
	}
	for _, leaf := range []string{"hello", "get", "shown", "ev", "key"} {
		s.send(publishPacket(2, "dl/1/"+signA+"/u/"+leaf, leaf))
		if p := s.next(); p.kind != typePuback {
			t.Fatalf("got packet type %d, want PUBACK", p.kind)
		}
		if topic, payload := g.message(); topic != "dl/1/"+signA+"/u/"+leaf || payload != leaf {
			t.Errorf("gateway got %s %q", topic, payload)
		}
	}
	for _, leaf := range []string{"want", "blk", "ack", "key", "fw", "pins", "gone"} {
		g.send(publishPacket(2, "dl/1/"+signA+"/d/"+leaf, leaf))
		if topic, payload := s.message(); topic != "dl/1/"+signA+"/d/"+leaf || payload != leaf {
			t.Errorf("sign got %s %q", topic, payload)
		}
	}
}

// What a stranger may send instead of a proper CONNECT.
func TestBadConnect(t *testing.T) {
	tests := []struct {
		name string
		send []byte
		code byte // CONNACK code; 0 means closed without a word
	}{
		{"version 5", connectPacket(5, 0xc2, 30, signA, signA, "password-a"), connackVersion},
		{"version 3", connectPacket(3, 0xc2, 30, signA, signA, "password-a"), connackVersion},
		{"will on another's topic", connectPacket(4, 0xc6, 30, signA, "dl/1/"+signB+"/d/want", "x", signA, "password-a"), 0},
		{"retained will", connectPacket(4, 0xe6, 30, signA, "dl/1/"+signA+"/d/want", "x", signA, "password-a"), 0},
		{"session kept", connectPacket(4, 0xc0, 30, signA, signA, "password-a"), 0},
		{"reserved bit", connectPacket(4, 0xc3, 30, signA, signA, "password-a"), 0},
		{"no user", connectPacket(4, 0x02, 30, signA), 0},
		{"no client id", connectPacket(4, 0xc2, 30, "", signA, "password-a"), 0},
		{"foreign client id", connectPacket(4, 0xc2, 30, signB, signA, "password-a"), connackNotAuthorized},
		{"wrong password", connectPacket(4, 0xc2, 30, signA, signA, "password-b"), connackNotAuthorized},
		{"no password", connectPacket(4, 0x82, 30, signA, signA), connackNotAuthorized},
		{"unknown sign", connectPacket(4, 0xc2, 30, "cccccccccccccccc", "cccccccccccccccc", "x"), connackNotAuthorized},
		{"gateway from outside", connectPacket(4, 0xc2, 30, "gateway-9", gatewayUser, "guess"), connackNotAuthorized},
		{"pairing with a password", connectPacket(4, 0xc2, 30, "pair-aaaaaaaaaaaaaaaa", pairUser, "x"), connackNotAuthorized},
		{"pairing with a bad nonce", connectPacket(4, 0x82, 30, "pair-a/+", pairUser), connackNotAuthorized},
		{"wildcard as id", connectPacket(4, 0xc2, 30, "+", "+", "x"), connackNotAuthorized},
		{"left-over bytes", connectPacket(4, 0x82, 30, signA, signA, "extra"), 0},
		{"not CONNECT", subscribePacket("#"), 0},
		{"huge length", []byte{0x10, 0xff, 0xff, 0xff, 0x7f}, 0},
		{"endless length", []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0xff}, 0},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), 0},
		{"zeros", make([]byte, 64), 0},
	}
	b, _ := start(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, b)
			c.send(tt.send)
			if tt.code != 0 {
				if p := c.next(); p.kind != typeConnack || p.body[1] != tt.code {
					t.Fatalf("got type %d %v, want CONNACK %d", p.kind, p.body, tt.code)
				}
			}
			c.closed()
		})
	}
	alive(t, b)
}

// What a paired sign may try once it is in.
func TestHostileSign(t *testing.T) {
	big := make([]byte, maxFromSign)
	tests := []struct {
		name string
		send []byte
	}{
		{"foreign topic, QoS 1", publishPacket(2, "dl/1/"+signB+"/u/shown", "forged")},
		{"command to another", publishPacket(2, "dl/1/"+signB+"/d/want", "forged")},
		{"own d topic", publishPacket(2, "dl/1/"+signA+"/d/want", "forged")},
		{"unknown leaf", publishPacket(2, "dl/1/"+signA+"/u/other", "x")},
		{"deeper topic", publishPacket(2, "dl/1/"+signA+"/u/hello/x", "x")},
		{"wildcard topic", publishPacket(0, "dl/1/+/u/hello", "x")},
		{"system topic", publishPacket(2, "$SYS/broker/version", "x")},
		{"retain", publishPacket(3, "dl/1/"+signA+"/u/hello", "x")},
		{"QoS 2", publishPacket(4, "dl/1/"+signA+"/u/hello", "x")},
		{"QoS 3", publishPacket(6, "dl/1/"+signA+"/u/hello", "x")},
		{"too big", publishPacket(2, "dl/1/"+signA+"/u/hello", string(big))},
		{"huge length", []byte{0x30, 0xff, 0xff, 0xff, 0x7f}},
		{"second CONNECT", connectPacket(4, 0xc2, 30, signA, signA, "password-a")},
		{"truncated v5 SUBSCRIBE", []byte{0x82, 0x05, 0x00, 0x01, 0x02, 0x0b, 0x80}},
		{"SUBSCRIBE without filter", frame(0x82, []byte{0, 1})},
		{"SUBSCRIBE without QoS", frame(0x82, append([]byte{0, 1}, field("a")...))},
		{"SUBSCRIBE flags", frame(0x80, append([]byte{0, 1}, append(field("a"), 0)...))},
		{"PUBLISH of nothing", []byte{0x30, 0}},
		{"PUBREL", []byte{0x62, 2, 0, 1}},
		{"AUTH", []byte{0xf0, 0}},
		{"CONNACK", []byte{0x20, 2, 0, 0}},
		{"NUL in topic", publishPacket(0, "dl/1/\x00", "x")},
	}
	b, _ := start(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, victim := gateway(t, b), sign(t, b, signB, "password-b")
			c := sign(t, b, signA, "password-a")
			c.send(tt.send)
			c.drainUntilClosed()
			// Neither gateway nor victim saw anything before this message.
			g.send(publishPacket(2, "dl/1/"+signB+"/d/ack", "proof"))
			if topic, payload := victim.message(); payload != "proof" {
				t.Errorf("victim got %s %q", topic, payload)
			}
			victim.send(publishPacket(2, "dl/1/"+signB+"/u/hello", "proof"))
			if topic, payload := g.message(); payload != "proof" {
				t.Errorf("gateway got %s %q", topic, payload)
			}
		})
	}
	if got := b.Stats().Panics; got != 0 {
		t.Errorf("recovered panics: got %d, want 0", got)
	}
}

func (c *client) drainUntilClosed() {
	c.t.Helper()
	for range 4 {
		p, err := c.read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return
		}
		if p.kind == typePublish {
			c.t.Fatal("got a message")
		}
	}
	c.t.Fatal("connection still open")
}

func TestSubscriptions(t *testing.T) {
	b, _ := start(t, nil)
	for _, filter := range []string{
		"#", "+", "dl/#", "dl/1/+/d/+", "dl/1/" + signB + "/d/+", "dl/1/" + signA + "/d/#", "dl/1/" + signA + "/+/+",
		"dl/1/" + signA + "/d/want", "dl/1/" + signA + "/u/+", "$SYS/#", "$share/g/dl/1/" + signA + "/d/+", "$share/g/#",
	} {
		c := dial(t, b)
		if code := c.login(signA, signA, "password-a"); code != 0 {
			t.Fatalf("CONNACK %d", code)
		}
		if code := c.subscribe(filter); code != 0x80 {
			t.Errorf("SUBACK for %s: got %#x, want 0x80", filter, code)
		}
		if b.Connected(signA) {
			t.Errorf("%s counts as subscribed", filter)
		}
		_ = c.conn.Close()
	}
}

func TestPairingUser(t *testing.T) {
	b, _ := start(t, func(o *Options) { o.MaxPairing = 2 })
	g := gateway(t, b)
	nonce := func(i int) string { return fmt.Sprintf("aaaaaaaaaaaaaaa%c", 'a'+i) }
	pair := func(i int) (*client, byte) {
		c := dial(t, b)
		c.send(connectPacket(4, 0x82, 30, pairClient+nonce(i), pairUser))
		return c, c.next().body[1]
	}
	first, code := pair(0)
	if code != 0 {
		t.Fatalf("CONNACK %d", code)
	}
	for _, f := range []string{"dl/1/pair/" + nonce(1) + "/d/+", "dl/1/pair/+/d/+", "dl/1/" + signA + "/d/+", "dl/1/+/d/+"} {
		if code := first.subscribe(f); code != 0x80 {
			t.Errorf("SUBACK for %s: got %#x, want 0x80", f, code)
		}
	}
	if code := first.subscribe("dl/1/pair/" + nonce(0) + "/d/+"); code > 1 {
		t.Fatalf("SUBACK %#x", code)
	}
	first.send(publishPacket(2, "dl/1/pair/"+nonce(0)+"/u/commit", "c"))
	if topic, _ := g.message(); topic != "dl/1/pair/"+nonce(0)+"/u/commit" {
		t.Errorf("gateway got %s", topic)
	}
	g.send(publishPacket(2, "dl/1/pair/"+nonce(0)+"/d/challenge", "n2"))
	if _, payload := first.message(); payload != "n2" {
		t.Errorf("got %q, want n2", payload)
	}
	if b.Address(nonce(0)) != "127.0.0.1" {
		t.Errorf("Address: got %q", b.Address(nonce(0)))
	}
	for _, password := range []string{"", "pair"} { // as good as none
		c := dial(t, b)
		c.send(connectPacket(4, 0xc2, 30, pairClient+nonce(4), pairUser, password))
		if code := c.next().body[1]; code != 0 {
			t.Errorf("password %q: CONNACK %d", password, code)
		}
		_ = c.conn.Close()
		waitFor(t, "its end", func() bool { return b.Address(nonce(4)) == "" })
	}
	second, code := pair(1)
	if code != 0 {
		t.Fatalf("CONNACK %d", code)
	}
	third, code := pair(2)
	if code != connackUnavailable {
		t.Errorf("third that pairs: CONNACK %d, want %d", code, connackUnavailable)
	}
	third.closed()
	second.send(publishPacket(2, "dl/1/"+signA+"/u/hello", "forged"))
	second.drainUntilClosed()
	// A place is free again once the second is gone.
	for {
		c, code := pair(3)
		if code == 0 {
			break
		}
		c.closed()
	}
}

func TestNewestConnectionWins(t *testing.T) {
	b, _ := start(t, nil)
	g := gateway(t, b)
	old := sign(t, b, signA, "password-a")
	for i := range 20 {
		fresh := sign(t, b, signA, "password-a")
		old.drainUntilClosed()
		want := fmt.Sprint("message ", i)
		g.send(publishPacket(2, "dl/1/"+signA+"/d/want", want))
		if _, got := fresh.message(); got != want {
			t.Fatalf("newest got %q, want %q", got, want)
		}
		old = fresh
	}
	if got := b.Stats().Takeovers; got < 20 {
		t.Errorf("takeovers: got %d, want 20", got)
	}
}

func TestKick(t *testing.T) {
	b, auth := start(t, nil)
	c := sign(t, b, signA, "password-a")
	auth.mu.Lock()
	delete(auth.pass, signA)
	auth.mu.Unlock()
	b.Kick(signA)
	c.drainUntilClosed()
	if code := dial(t, b).login(signA, signA, "password-a"); code != connackNotAuthorized {
		t.Errorf("CONNACK after Kick: got %d, want %d", code, connackNotAuthorized)
	}
}

func TestStoreFailureIsNotARefusal(t *testing.T) {
	b, auth := start(t, nil)
	auth.mu.Lock()
	auth.err = errors.New("database is locked")
	auth.mu.Unlock()
	if code := dial(t, b).login(signA, signA, "password-a"); code != connackUnavailable {
		t.Errorf("CONNACK: got %d, want %d", code, connackUnavailable)
	}
}

func TestCredentialIsCached(t *testing.T) {
	b, auth := start(t, nil)
	for range 3 {
		sign(t, b, signA, "password-a")
	}
	auth.mu.Lock()
	defer auth.mu.Unlock()
	if auth.asks != 1 {
		t.Errorf("lookups: got %d, want 1", auth.asks)
	}
}

// A sign that does not read must not hold up the others: not even for as long as
// one write to it may take.
func TestStuckSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := start(t, func(o *Options) { o.Listen = nil })
		g := gateway(t, b)
		enter := func(id, password string) *client {
			conn, err := b.SignConn() // a pipe has no buffer at all
			if err != nil {
				t.Fatal(err)
			}
			c := wrap(t, conn)
			if code := c.login(id, id, password); code != 0 {
				t.Fatalf("CONNACK %d", code)
			}
			if code := c.subscribe("dl/1/" + id + "/d/+"); code > 1 {
				t.Fatalf("SUBACK %#x", code)
			}
			return c
		}
		enter(signA, "password-a")
		well := enter(signB, "password-b")
		payload := string(make([]byte, 4<<10))
		begin := time.Now()
		go func() {
			for range 200 {
				p := publishPacket(0, "dl/1/"+signA+"/d/blk", payload)
				if _, err := g.conn.Write(p); err != nil {
					return
				}
			}
			_, _ = g.conn.Write(publishPacket(2, "dl/1/"+signB+"/d/want", "through"))
		}()
		if _, got := well.message(); got != "through" {
			t.Errorf("got %q", got)
		}
		if d := time.Since(begin); d > 0 {
			t.Errorf("the other sign waited %v", d)
		}
		_ = b.Close()
	})
}

// A connection that is open at one end only: what waits for the sign ends it, and
// it is named.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	b, _ := start(t, nil)
	g := gateway(t, b)
	conn, err := b.SignConn() // a pipe has no buffer at all
	if err != nil {
		t.Fatal(err)
	}
	gone := wrap(t, conn)
	if code := gone.login(signA, signA, "password-a"); code != 0 {
		t.Fatalf("CONNACK %d", code)
	}
	if code := gone.subscribe("dl/1/" + signA + "/d/+"); code > 1 {
		t.Fatalf("SUBACK %#x", code)
	}
	g.send(publishPacket(0, "dl/1/"+signA+"/d/blk", "nobody reads this"))
	waitFor(t, "its end", func() bool { return !b.Connected(signA) && saw(b, devices.NotReading, signA) })
}

// A burst of signs must not lose a message on its way to the gateway.
func TestBurstToGateway(t *testing.T) {
	b, _ := start(t, nil)
	g := gateway(t, b)
	const n, each = 8, 60
	for i := range n {
		conn, err := b.SignConn()
		if err != nil {
			t.Fatal(err)
		}
		c := wrap(t, conn)
		c.send(connectPacket(4, 0x82, 30, pairClient+fmt.Sprintf("aaaaaaaaaaaaaaa%c", 'a'+i), pairUser))
		if code := c.next().body[1]; code != 0 {
			t.Fatalf("CONNACK %d", code)
		}
		go func() {
			for range each {
				topic := fmt.Sprintf("dl/1/pair/aaaaaaaaaaaaaaa%c/u/commit", 'a'+i)
				_, _ = conn.Write(publishPacket(0, topic, "x"))
			}
		}()
	}
	for range n * each {
		g.message()
	}
	if got := b.Stats().Dropped; got != 0 {
		t.Errorf("dropped: got %d, want 0", got)
	}
}

func TestSilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := start(t, func(o *Options) { o.Listen = nil })
		conn, err := b.SignConn()
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := conn.Write([]byte{0x10, 0x20, 0}); err != nil { // begins, then nothing
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("got an answer, want the connection closed")
		}
		if d := time.Since(begin); d != connectLimit {
			t.Errorf("closed after %v, want %v", d, connectLimit)
		}
		_ = b.Close()
	})
}

// Who waits in line is not slow: the time to say who one is begins with the turn.
func TestWaitingInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := start(t, func(o *Options) { o.Listen = nil })
		enter := func() *client {
			conn, err := b.SignConn()
			if err != nil {
				t.Fatal(err)
			}
			return wrap(t, conn)
		}
		for range maxEnteringAddress {
			enter()
		}
		synctest.Wait()
		begin, c, hello := time.Now(), enter(), connectPacket(4, 0xc2, 30, signA, signA, "password-a")
		c.send(hello[:5]) // nobody takes it before the turn
		if d := time.Since(begin); d != connectLimit {
			t.Errorf("the turn came after %v, want %v", d, connectLimit)
		}
		time.Sleep(connectLimit - time.Second)
		c.send(hello[5:])
		if p := c.next(); p.kind != typeConnack || p.body[1] != 0 {
			t.Errorf("got type %d %v, want to be let in", p.kind, p.body)
		}
		if st := b.Stats(); st.Slow != maxEnteringAddress || st.Refused != 0 {
			t.Errorf("stats %+v, want %d slow", st, maxEnteringAddress)
		}
		_ = b.Close()
	})
}

// A fleet behind one address that comes back at once is in after some tries, and
// nothing that it does is what attackers do.
func TestFleetIsNoAttacker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fleet, places = 800, 80
		b, auth := start(t, func(o *Options) { o.Listen, o.MaxEnteringAddress = nil, places })
		all := make([]struct {
			id   string
			conn net.Conn
			in   bool
		}, fleet)
		for i := range all {
			all[i].id = fmt.Sprintf("aaaaaaaaaaaaa%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/26/26)
			auth.pass[devices.SignID(all[i].id)] = "p"
		}
		for in, turn := 0, 1; in < fleet; turn++ {
			if turn > 10 {
				t.Fatalf("%d of %d are in after %d turns", in, fleet, turn)
			}
			for i := range all {
				var err error
				if !all[i].in {
					if all[i].conn, err = b.SignConn(); err != nil {
						t.Fatal(err)
					}
				}
			}
			synctest.Wait() // each has its place, or none
			if want := int64(fleet - places); turn == 1 && b.Stats().Refused != want {
				t.Errorf("%d found no place at first, want %d", b.Stats().Refused, want)
			}
			var wg sync.WaitGroup
			for i := range all {
				s := &all[i]
				if s.in {
					continue
				}
				wg.Go(func() {
					_, err := s.conn.Write(connectPacket(4, 0xc2, 600, s.id, s.id, "p"))
					answer := make([]byte, 4)
					if err == nil {
						_, err = io.ReadFull(s.conn, answer)
					}
					if s.in = err == nil && answer[3] == 0; !s.in {
						_ = s.conn.Close()
					}
				})
			}
			wg.Wait()
			in = 0
			for i := range all {
				if all[i].in {
					in++
				}
			}
			time.Sleep(time.Second)
		}
		if list := b.Incidents(); len(list) > 0 {
			t.Errorf("a good fleet is named: %+v", list)
		}
		for _, s := range all {
			_ = s.conn.Close()
		}
		_ = b.Close()
	})
}

func TestPlainOutsideLoopback(t *testing.T) {
	o := Options{Listen: []string{"mqtt://0.0.0.0:0"}, Auth: &signs{}, Logger: discard()}
	if b, err := Open(o); !errors.Is(err, ErrPlain) {
		if err == nil {
			_ = b.Close()
		}
		t.Errorf("got %v, want %v", err, ErrPlain)
	}
}

// flaky is a listener that fails like one without file descriptors.
type flaky struct {
	net.Listener
	fails int
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.fails--; f.fails >= 0 {
		return nil, errors.New("accept: too many open files")
	}
	return f.Listener.Accept()
}

func TestAcceptSurvivesErrors(t *testing.T) {
	b, _ := start(t, func(o *Options) { o.Listen = nil })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.listeners = append(b.listeners, l)
	b.addrs = append(b.addrs, "mqtt://"+l.Addr().String())
	b.wg.Go(func() { b.accept(&flaky{l, 3}, "test") })
	sign(t, b, signA, "password-a")
	if got := b.Stats().AcceptErrors; got != 3 {
		t.Errorf("accept errors: got %d, want 3", got)
	}
}

func TestRunEndsWithContext(t *testing.T) {
	b, _ := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	c := sign(t, b, signA, "password-a")
	cancel()
	if err := b.Run(ctx); err != nil {
		t.Fatal(err)
	}
	c.drainUntilClosed()
	if _, err := b.SignConn(); err == nil {
		t.Error("a closed broker takes connections")
	}
}

// Random bytes from a paired sign never stop the broker.
func TestGarbage(t *testing.T) {
	b, _ := start(t, nil)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		c := sign(t, b, signA, "password-a")
		junk := make([]byte, 1+rnd.IntN(40))
		for i := range junk {
			junk[i] = byte(rnd.Uint32())
		}
		_, _ = c.conn.Write(junk)
		_ = c.conn.Close()
	}
	alive(t, b)
}

func FuzzPacket(f *testing.F) {
	f.Add(connectPacket(4, 0xc2, 30, signA, signA, "password-a"))
	f.Add(subscribePacket("dl/1/" + signA + "/d/+"))
	f.Add(publishPacket(2, "dl/1/"+signA+"/u/hello", "x"))
	f.Add([]byte{0x82, 0x05, 0x00, 0x01, 0x02, 0x0b, 0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readPacket(bufioReader(data), maxConnect)
		if err != nil {
			return
		}
		if c, err := parseConnect(p); err == nil {
			if g, ok := grantFor(c); ok && g.role == roleGateway {
				t.Errorf("%q became a gateway", c.username)
			}
		}
		_ = check(p)
	})
}

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		signA: true, "234567abcdefghij": true, "aaaaaaaaaaaaaaa": false, "aaaaaaaaaaaaaaaaa": false,
		"aaaaaaaaaaaaaaa/": false, "aaaaaaaaaaaaaaa+": false, "aaaaaaaaaaaaaaa1": false, "AAAAAAAAAAAAAAAA": false,
	} {
		if got := isName(name); got != want {
			t.Errorf("isName(%q): got %v, want %v", name, got, want)
		}
	}
}

var _ Authenticator = (*signs)(nil)

// Strangers cannot fill the log.
func TestNoiseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		log := slog.New(slog.NewTextHandler(&lines, nil))
		var n noise
		for range 1000 {
			n.warn(log, "x")
		}
		if got := bytes.Count(lines.Bytes(), []byte("\n")); got != 10 {
			t.Errorf("at once: got %d lines, want 10", got)
		}
		time.Sleep(time.Second)
		n.warn(log, "y")
		if !bytes.Contains(lines.Bytes(), []byte("msg=y hidden=990")) {
			t.Errorf("got %s, want the number of hidden lines", lines.Bytes())
		}
	})
}
