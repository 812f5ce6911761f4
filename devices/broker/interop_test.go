package broker

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// The scenarios of Eclipse Paho's interoperability suite for MQTT 3.1.1, with
// everything allowed that this broker denies to signs: what is under it keeps the
// whole protocol.

const (
	typePubrec   = 5
	typePubrel   = 6
	typePubcomp  = 7
	typeUnsuback = 11
)

// startOpen is a broker on which everybody may do everything.
func startOpen(t *testing.T) *Broker {
	t.Helper()
	b, _ := start(t, func(o *Options) {
		o.open = func(p packet) (string, error) {
			if p.kind != typeConnect {
				return "", malformed("CONNECT expected")
			}
			d := fields{rest: p.body}
			d.text()
			d.byte()
			d.byte()
			d.uint16()
			if id := d.text(); id != "" {
				return id, nil
			}
			return rand.Text(), nil
		}
	})
	return b
}

// heard is one message that came.
type heard struct {
	topic, payload string
	qos            byte
	retained       bool
}

// peerOf is a client that does what MQTT asks for by itself.
type peerOf struct {
	t       *testing.T
	conn    net.Conn
	flags   byte          // of CONNACK
	answers chan packet   // SUBACK, UNSUBACK, PUBACK, PUBCOMP
	gone    chan struct{} // closed when the connection ended
	why     error         // of that end; for who saw gone closed

	mu   sync.Mutex
	got  []heard         // guarded by mu
	open map[uint16]bool // guarded by mu, QoS 2 messages under way
	mute bool            // guarded by mu
}

// how a client connects.
type how struct {
	id        string
	keep      bool // the session
	keepalive uint16
	will      string // topic
	protocol  string
}

// connectAs connects; ok is false when the broker refused.
func connectAs(t *testing.T, b *Broker, h how) (p *peerOf, ok bool) {
	t.Helper()
	u, err := url.Parse(b.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * patience)) // a scenario waits for several things
	flags, protocol := byte(2), "MQTT"
	if h.keep {
		flags = 0
	}
	if h.protocol != "" {
		protocol = h.protocol
	}
	parts := [][]byte{field(protocol), {4, flags}, binary.BigEndian.AppendUint16(nil, h.keepalive), field(h.id)}
	if h.will != "" {
		parts[1][1] |= 4 | 2<<3
		parts = append(parts, field(h.will), field("gone"))
	}
	p = &peerOf{t: t, conn: conn, answers: make(chan packet, 16), gone: make(chan struct{}), open: map[uint16]bool{}}
	p.write(frame(typeConnect<<4, join(parts...)))
	r := bufio.NewReader(conn)
	ack, err := readPacket(r, 1<<20)
	if err != nil || ack.kind != typeConnack || ack.body[1] != 0 {
		_ = conn.Close()
		return nil, false
	}
	p.flags = ack.body[0]
	go p.read(r)
	return p, true
}

// mustConnect is connectAs for a client that is let in.
func mustConnect(t *testing.T, b *Broker, h how) *peerOf {
	t.Helper()
	p, ok := connectAs(t, b, h)
	if !ok {
		t.Fatalf("%+v was refused", h)
	}
	return p
}

func (p *peerOf) write(b []byte) { _, _ = p.conn.Write(b) }

func (p *peerOf) read(r *bufio.Reader) {
	defer close(p.gone)
	for {
		pk, err := readPacket(r, 1<<20)
		if err != nil {
			p.why = err
			return
		}
		p.mu.Lock()
		mute := p.mute
		p.mu.Unlock()
		d := fields{rest: pk.body}
		switch pk.kind {
		case typePublish:
			p.message(pk, &d, mute)
		case typePubrec:
			p.write(append([]byte{typePubrel<<4 | 2, 2}, pk.body[:2]...))
		case typePubrel:
			p.mu.Lock()
			delete(p.open, d.uint16())
			p.mu.Unlock()
			p.write(append([]byte{typePubcomp << 4, 2}, pk.body[:2]...))
		default:
			p.answers <- pk
		}
	}
}

func (p *peerOf) message(pk packet, d *fields, mute bool) {
	m := heard{topic: d.text(), qos: pk.flag >> 1 & 3, retained: pk.flag&1 != 0}
	if mute {
		return
	}
	var id uint16
	if m.qos > 0 {
		id = d.uint16()
	}
	m.payload = string(d.rest)
	p.mu.Lock()
	again := m.qos == 2 && p.open[id]
	if !again {
		p.got = append(p.got, m)
	}
	if m.qos == 2 {
		p.open[id] = true
	}
	p.mu.Unlock()
	if m.qos > 0 {
		p.write([]byte{[]byte{0, typePuback << 4, typePubrec << 4}[m.qos], 2, byte(id >> 8), byte(id)})
	}
}

// answer waits for a packet of that kind.
func (p *peerOf) answer(kind byte) packet {
	p.t.Helper()
	select {
	case pk := <-p.answers:
		if pk.kind != kind {
			p.t.Fatalf("got packet type %d, want %d", pk.kind, kind)
		}
		return pk
	case <-p.gone:
		p.t.Fatalf("the connection ended before packet type %d", kind)
	case <-time.After(patience):
		p.t.Fatalf("packet type %d did not come", kind)
	}
	return packet{}
}

// publish sends a message and waits until the broker has it for good.
func (p *peerOf) publish(topic, payload string, qos byte, retain bool) {
	p.t.Helper()
	body := field(topic)
	if qos > 0 {
		body = append(body, 0, 100+qos)
	}
	first := byte(typePublish<<4) | qos<<1
	if retain {
		first |= 1
	}
	p.write(frame(first, append(body, payload...)))
	switch qos {
	case 1:
		p.answer(typePuback)
	case 2:
		p.answer(typePubcomp)
	}
}

// listen subscribes and returns the codes of the answer.
func (p *peerOf) listen(filters []string, qos ...byte) []byte {
	p.t.Helper()
	body := []byte{0, 50}
	for i, f := range filters {
		body = append(append(body, field(f)...), qos[i])
	}
	p.write(frame(typeSubscribe<<4|2, body))
	return p.answer(typeSuback).body[2:]
}

func (p *peerOf) disconnect() {
	p.write([]byte{typeDisconnect << 4, 0})
	<-p.gone
}

// hears waits for n messages, and a moment longer for one too many.
func (p *peerOf) hears(n int) []heard {
	p.t.Helper()
	count := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.got)
	}
	waitFor(p.t, fmt.Sprintf("message %d", n), func() bool { return count() >= n })
	time.Sleep(150 * time.Millisecond)
	if got := count(); got != n {
		p.t.Errorf("%d messages, want %d", got, n)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func topics() []string { return []string{"TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA"} }

func TestInteroperability(t *testing.T) {
	a, c := how{id: "myclientid"}, how{id: "myclientid2"}
	all := topics()
	tests := []struct {
		name string
		run  func(t *testing.T, b *Broker)
	}{
		{"basic", func(t *testing.T, b *Broker) {
			mustConnect(t, b, a).disconnect()
			p := mustConnect(t, b, a)
			if p.flags != 0 {
				t.Error("a clean session was there before")
			}
			p.listen(all[:1], 2)
			for qos := range byte(3) {
				p.publish(all[0], "x", qos, false)
			}
			for i, m := range p.hears(3) {
				if m.qos != byte(i) {
					t.Errorf("message %d came with QoS %d", i, m.qos)
				}
			}
			p.write(frame(typeConnect<<4, join(field("MQTT"), []byte{4, 2, 0, 0}, field(a.id)))) // the second on one connection
			<-p.gone
			if _, ok := connectAs(t, b, how{id: "x", protocol: "hj"}); ok {
				t.Error("another protocol was let in")
			}
		}},
		{"retained messages", func(t *testing.T, b *Broker) {
			p := mustConnect(t, b, a)
			for qos := range byte(3) {
				p.publish(all[1+qos], "kept", qos, true)
			}
			p.listen([]string{"#"}, 2)
			for _, m := range p.hears(3) {
				if !m.retained {
					t.Errorf("%+v", m)
				}
			}
			p.disconnect()
			p = mustConnect(t, b, a)
			for qos := range byte(3) {
				p.publish(all[1+qos], "", qos, true)
			}
			p.listen([]string{"#"}, 2)
			p.hears(0)
		}},
		{"will message", func(t *testing.T, b *Broker) {
			q := mustConnect(t, b, how{id: c.id, keep: true})
			q.listen([]string{all[2]}, 2)
			p := mustConnect(t, b, how{id: a.id, will: all[2], keepalive: 2})
			_ = p.conn.Close()
			if m := q.hears(1)[0]; m.payload != "gone" || m.qos != 2 {
				t.Errorf("will %+v", m)
			}
		}},
		{"empty client id", func(t *testing.T, b *Broker) {
			if _, ok := connectAs(t, b, how{keep: true}); ok {
				t.Error("let in with a session that is kept")
			}
			mustConnect(t, b, how{}).disconnect()
		}},
		{"messages for who is away", func(t *testing.T, b *Broker) {
			away := how{id: a.id, keep: true}
			p := mustConnect(t, b, away)
			p.listen([]string{"#"}, 2)
			p.disconnect()
			q := mustConnect(t, b, c)
			for qos := range byte(3) {
				q.publish(all[1+qos], "for later", qos, false)
			}
			q.disconnect()
			p = mustConnect(t, b, away)
			if p.flags != 1 {
				t.Error("no session was there")
			}
			for _, m := range p.hears(2) {
				if m.qos == 0 {
					t.Errorf("%+v", m)
				}
			}
		}},
		{"overlapping subscriptions", func(t *testing.T, b *Broker) {
			p := mustConnect(t, b, a)
			p.listen([]string{"TopicA/#", "TopicA/+"}, 2, 1)
			p.publish(all[3], "overlapping", 2, false)
			if m := p.hears(1)[0]; m.qos != 2 { // one for all, with the best of them
				t.Errorf("%+v", m)
			}
		}},
		{"keep-alive", func(t *testing.T, b *Broker) {
			q := mustConnect(t, b, c)
			q.listen([]string{all[4]}, 2)
			begin := time.Now()
			p := mustConnect(t, b, how{id: a.id, will: all[4], keepalive: 1})
			<-p.gone // nothing is sent
			if d := time.Since(begin); d < time.Second || errors.Is(p.why, os.ErrDeadlineExceeded) {
				t.Errorf("ended after %v: %v", d, p.why)
			}
			q.hears(1)
		}},
		{"once more after a break", func(t *testing.T, b *Broker) {
			kept := how{id: c.id, keep: true}
			q := mustConnect(t, b, kept)
			q.listen([]string{"TopicA/#"}, 2)
			q.mu.Lock()
			q.mute = true
			q.mu.Unlock()
			q.publish(all[1], "", 1, false)
			q.publish(all[3], "", 2, false)
			q.hears(0)
			q.disconnect()
			q = mustConnect(t, b, kept)
			q.hears(2)
		}},
		{"refused subscription", func(t *testing.T, b *Broker) {
			p := mustConnect(t, b, a)
			if codes := p.listen([]string{noSubscription, all[0]}, 2, 1); codes[0] != 0x80 || codes[1] != 1 {
				t.Errorf("codes %v", codes)
			}
		}},
		{"topics with a dollar", func(t *testing.T, b *Broker) {
			q := mustConnect(t, b, c)
			q.listen([]string{"#"}, 2)
			q.publish("$"+all[1], "", 1, false)
			q.hears(0)
		}},
		{"ended subscription", func(t *testing.T, b *Broker) {
			q := mustConnect(t, b, c)
			q.listen(all[:3], 2, 2, 2)
			q.write(frame(typeUnsubscribe<<4|2, join([]byte{0, 51}, field(all[0]))))
			q.answer(typeUnsuback)
			p := mustConnect(t, b, a)
			for _, topic := range all[:3] {
				p.publish(topic, "", 1, false)
			}
			q.hears(2)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, startOpen(t))
		})
	}
}
