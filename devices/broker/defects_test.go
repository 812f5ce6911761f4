package broker

import (
	"fmt"
	"net"
	"net/url"
	"runtime"
	"slices"
	"testing"
	"time"
)

// Each test attacks a running broker with a defect that the library under it is
// known to have (mochi-mqtt v2.7.9).

// wherever attacks a broker in this process, and one in a process of its own as
// the gateway runs it.
func wherever(t *testing.T, change func(*Options), attack func(t *testing.T, b server)) {
	t.Helper()
	t.Run("inside", func(t *testing.T) {
		b, _ := start(t, change)
		attack(t, b)
	})
	t.Run("process", func(t *testing.T) {
		p, _, _ := startProcess(t, change)
		attack(t, p)
		if st := p.Stats(); st.Restarts != 0 || st.Panics != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

// 1: a truncated SUBSCRIBE of protocol 5 ended the whole process.
func TestDefectTruncatedSubscribe(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		c := dial(t, b)
		c.send(connectPacket(5, 0xc2, 30, signA, signA, "password-a"))
		if p := c.next(); p.kind != typeConnack || p.body[1] != connackVersion {
			t.Fatalf("got type %d %v, want protocol 5 refused", p.kind, p.body)
		}
		c.closed()
		for n := range 7 {
			c := sign(t, b, signA, "password-a")
			c.send([]byte{0x82, 0x05, 0x00, 0x01, 0x02, 0x0b, 0x80}[:n+1])
			_ = c.conn.Close()
		}
		alive(t, b)
		if got := b.Stats().Panics; got != 0 {
			t.Errorf("%d panics", got)
		}
	})
}

// 2: a will was published and retained without asking whether it may.
func TestDefectWill(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		victim := sign(t, b, signB, "password-b")
		evil := dial(t, b)
		evil.send(connectPacket(4, 0xe6, 30, signA, "dl/1/"+signB+"/d/want", "planted", signA, "password-a"))
		evil.closed()
		_ = victim.conn.Close()
		again := sign(t, b, signB, "password-b") // a retained will would be here now
		g := gateway(t, b)
		g.send(publishPacket(2, "dl/1/"+signB+"/d/ack", "proof"))
		if topic, payload := again.message(); payload != "proof" {
			t.Errorf("got %s %q", topic, payload)
		}
	})
}

// 3: who connects under another's client id got the messages waiting for it.
func TestDefectForeignSession(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		g := gateway(t, b)
		victim := sign(t, b, signB, "password-b")
		g.send(publishPacket(2, "dl/1/"+signB+"/d/want", "secret"))
		_ = victim.conn.Close() // with the message unacknowledged
		evil := dial(t, b)
		if code := evil.login(signB, signA, "password-a"); code != connackNotAuthorized {
			t.Errorf("CONNACK %d", code)
		}
		kept := dial(t, b)
		kept.send(connectPacket(4, 0xc0, 30, signB, signB, "password-b"))
		kept.closed() // a session that is kept is refused, also to its owner
	})
}

// 4: a SUBSCRIBE with the number of a message under way was refused with a code
// that MQTT 3.1.1 does not have.
func TestDefectPacketNumbers(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		g, s := gateway(t, b), sign(t, b, signA, "password-a")
		var ids []byte
		for range 8 {
			g.send(publishPacket(2, "dl/1/"+signA+"/d/blk", "x"))
			p := s.next() // not acknowledged
			d := fields{rest: p.body}
			d.text()
			ids = append(ids, byte(d.uint16()))
		}
		for _, id := range ids {
			s.send(frame(typeSubscribe<<4|2, join([]byte{0, id}, field("dl/1/"+signA+"/d/+"), []byte{1})))
			p := s.next()
			for p.kind == typePublish {
				p = s.next()
			}
			if p.kind != 9 || len(p.body) != 3 || p.body[1] != id || p.body[2] != 1 {
				t.Fatalf("SUBACK %v for number %d", p.body, id)
			}
		}
	})
}

// 5: messages that waited came in any order and marked as repeated. Nothing
// waits here: a sign that comes back asks for the newest itself.
func TestDefectOldMessagesFirst(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		g := gateway(t, b)
		s := sign(t, b, signA, "password-a")
		_ = s.conn.Close()
		waitFor(t, "the session's end", func() bool { return !b.Connected(signA) })
		for n := range 20 {
			g.send(publishPacket(2, "dl/1/"+signA+"/d/want", fmt.Sprint(n)))
		}
		// mochi acknowledges a message before it delivers it, and reads the next
		// packet after that: with this answer it is through with all of them.
		g.send([]byte{typePingreq << 4, 0})
		for g.next().kind != typePingreq+1 { // PINGRESP
		}
		s = sign(t, b, signA, "password-a")
		g.send(publishPacket(2, "dl/1/"+signA+"/d/want", "newest"))
		if _, payload := s.message(); payload != "newest" {
			t.Errorf("got %q first", payload)
		}
		var got []string
		for n := range 50 {
			g.send(publishPacket(2, "dl/1/"+signA+"/d/blk", fmt.Sprint(n)))
		}
		for range 50 {
			_, payload := s.message()
			got = append(got, payload)
		}
		for n, payload := range got {
			if payload != fmt.Sprint(n) {
				t.Fatalf("order %v", got)
			}
		}
	})
}

// 6: the announced length of a packet was allocated before anybody had said who
// they are.
func TestDefectAnnouncedLength(t *testing.T) {
	b, _ := start(t, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 200 {
		c := dial(t, b)
		c.send([]byte{0x10, 0xff, 0xff, 0xff, 0x7f})
		c.closed()
		_ = c.conn.Close()
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 20<<20 {
		t.Errorf("200 packets of 5 bytes cost %d MB", grown>>20)
	}
	alive(t, b)
}

// 7: a peer that says nothing was held for ever, and here one machine cannot
// take every place in the meantime.
func TestDefectSilentPeers(t *testing.T) {
	wherever(t, func(o *Options) { o.MaxEnteringAddress = 8 }, func(t *testing.T, b server) {
		u, err := url.Parse(b.Addrs()[0])
		if err != nil {
			t.Fatal(err)
		}
		// A machine may be so slow that the first of the eight has been sent away when
		// the ninth comes: then that says nothing, and there are eight again.
		for begin, silent := time.Now(), 0; ; {
			first := time.Now()
			for range 8 {
				c, err := net.Dial("tcp", u.Host)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
			}
			silent += 8
			waitFor(t, "eight silent peers", func() bool { return b.Stats().Accepted >= int64(silent) })
			late := dial(t, b)
			late.closed()
			if b.Stats().Refused > 0 {
				break
			}
			if time.Since(first) < connectLimit || time.Since(begin) > patience {
				t.Fatal("the ninth was not counted")
			}
			silent++ // it was let wait like the others
			waitFor(t, "their end", func() bool { return b.Stats().Slow >= int64(silent) })
		}
		waitFor(t, "their end", func() bool { return b.Stats().Slow >= 8 })
		alive(t, b)
	})
}

// 9: retained messages; signs may not plant any, and the gateway's are not kept.
func TestDefectRetained(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		evil := sign(t, b, signA, "password-a")
		evil.send(publishPacket(3, "dl/1/"+signA+"/u/hello", "planted"))
		evil.drainUntilClosed()
		g := gateway(t, b)
		g.send(publishPacket(2, "dl/1/"+signA+"/d/ack", "proof"))
		s := sign(t, b, signA, "password-a")
		g.send(publishPacket(2, "dl/1/"+signA+"/d/want", "now"))
		for {
			_, payload := s.message()
			if payload == "now" {
				break
			}
			if payload == "planted" {
				t.Fatal("a planted message was kept")
			}
		}
	})
}

// 10: rules about a topic also held for the topics below it, and everything
// without a rule was allowed.
func TestDefectPrefixRules(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		for _, topic := range []string{"dl", "dl/1", "dl/1/" + signA, "dl/1/" + signA + "/u", "dl/1/" + signA + "/u/hello/deeper", "free/for/all", "/", "dl/1/" + signA + "/u/hell"} {
			g := gateway(t, b)
			c := sign(t, b, signA, "password-a")
			c.send(publishPacket(2, topic, "x"))
			c.drainUntilClosed()
			_ = g.conn.Close()
		}
		if b.Stats().Denied == 0 {
			t.Error("nothing was counted")
		}
		alive(t, b)
	})
}

// 11: a full queue dropped the newest message and said nothing. A sign that does
// not read loses its session instead and asks again for the newest.
func TestDefectFullQueue(t *testing.T) {
	wherever(t, nil, func(t *testing.T, b server) {
		g := gateway(t, b)
		s := sign(t, b, signA, "password-a")
		payload := make([]byte, 4<<10)
		stop := time.Now().Add(patience)
		for b.Connected(signA) && time.Now().Before(stop) {
			g.send(publishPacket(0, "dl/1/"+signA+"/d/blk", string(payload)))
		}
		if b.Connected(signA) {
			t.Fatal("a sign that does not read is still connected")
		}
		st := b.Stats()
		if st.Overflowed+st.Dropped == 0 {
			t.Errorf("not counted: %+v", st)
		}
		_ = s.conn.Close()
		alive(t, b)
	})
}

// 12: ended sessions left their subscriptions behind.
func TestDefectSubscriptionsStay(t *testing.T) {
	b, _ := start(t, nil)
	for range 50 {
		c := sign(t, b, signA, "password-a")
		_ = c.conn.Close()
		waitFor(t, "the session's end", func() bool { return b.Stats().Connected == 0 })
	}
	left := b.server.Topics.Subscribers("dl/1/" + signA + "/d/want").Subscriptions
	if len(left) != 0 {
		t.Errorf("%d subscriptions are left", len(left))
	}
	if n := b.server.Info.Subscriptions; n < 0 || n > 2 {
		t.Errorf("%d subscriptions counted", n)
	}
}

// Descriptors run out: signs that are in stay in, and when there are some again
// new ones come in.
func TestFullHouse(t *testing.T) {
	b, _ := start(t, func(o *Options) { o.MaxConnections = 6 })
	g := gateway(t, b)
	s := sign(t, b, signA, "password-a")
	var others []*client
	for range 20 {
		others = append(others, dial(t, b))
	}
	waitFor(t, "refusals", func() bool { return b.Stats().Refused > 0 })
	g.send(publishPacket(2, "dl/1/"+signA+"/d/want", "still here"))
	if _, payload := s.message(); payload != "still here" {
		t.Errorf("got %q", payload)
	}
	for _, c := range slices.Backward(others) {
		_ = c.conn.Close()
	}
	waitFor(t, "room", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.open) <= 2
	})
	alive(t, b)
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for stop := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(stop) {
			t.Fatalf("%s did not come", what)
		}
	}
}
