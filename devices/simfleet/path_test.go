package simfleet

import (
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// path is the broker between the gateway and the signs. Within one session it
// keeps the order of messages, as MQTT does; sessions of one sign do not wait
// for each other, so that what was said in one may arrive after the next began.
// All fields are guarded by world.mu.
type path struct {
	w        *world
	gateway  *client             // nil while no gateway is subscribed
	sessions map[string]*session // by the start of their topics
	broken   bool                // nobody can connect
}

// session is one connection of a sign.
type session struct {
	d            *door
	topics       string // "dl/1/ID/"
	open         bool
	upDue, dnDue time.Time                          // of the last message each way
	take         func(topic string, payload []byte) // hands a message to the sign; does not wait
	drop         func()                             // breaks the sign's end; does not wait
}

var errNetwork = errors.New("network is down")

// lag is how long a message takes; now and then a whole session stalls.
func (p *path) lag(d *door, from *rand.Rand) time.Duration {
	t := 5*time.Millisecond + time.Duration(from.IntN(40_000))*time.Microsecond
	if d.faulty(from, 0.03) {
		t += time.Duration(from.IntN(30_000)) * time.Millisecond
	}
	return t
}

// after runs f when a message that is sent now has arrived, behind all that were
// sent before it.
func after(due *time.Time, lag time.Duration, f func()) {
	now := time.Now()
	at := now.Add(lag)
	if !at.After(*due) {
		at = due.Add(time.Microsecond)
	}
	*due = at
	time.AfterFunc(at.Sub(now), f)
}

// connect begins a session of a sign that says it is client; it replaces an
// older one. The caller holds mu.
func (p *path) connect(d *door, client string, take func(string, []byte), drop func()) *session {
	topics := wire.TopicPrefix + client + "/"
	if nonce, ok := strings.CutPrefix(client, wire.PairClientPrefix); ok {
		topics = wire.TopicPrefix + "pair/" + nonce + "/"
	}
	if old := p.sessions[topics]; old != nil {
		p.end(old)
	}
	s := &session{d: d, topics: topics, open: true, take: take, drop: drop}
	p.sessions[topics] = s
	d.connected()
	return s
}

// end closes a session; what the sign said before is still on its way. The
// caller holds mu.
func (p *path) end(s *session) {
	if s == nil || !s.open {
		return
	}
	s.open = false
	if p.sessions[s.topics] == s {
		delete(p.sessions, s.topics)
	}
	// When the sign has said what it says now, so that all is the same again.
	time.AfterFunc(time.Duration(300+10*s.d.n), s.drop)
}

// up takes a message of a sign.
func (p *path) up(s *session, topic string, payload []byte) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	d := s.d
	if !s.open || !strings.HasPrefix(topic, s.topics+"u/") {
		return
	}
	d.said(topic, payload)
	copies := 1
	switch {
	case d.faulty(d.upRng, 0.06):
		copies = 0
	case d.faulty(d.upRng, 0.06):
		copies = 2
	}
	d.note("up %s %d bytes x%d", topic[len(s.topics):], len(payload), copies)
	for range copies {
		after(&s.upDue, p.lag(d, d.upRng), func() { p.toGateway(topic, payload) })
	}
	if d.faulty(d.upRng, 0.03) {
		d.note("connection breaks")
		p.end(s)
	}
}

func (p *path) toGateway(topic string, payload []byte) {
	p.w.mu.Lock()
	g := p.gateway
	p.w.mu.Unlock()
	if g != nil {
		g.deliver(topic, payload)
	}
}

// down takes a message of the gateway.
func (p *path) down(topic string, payload []byte) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	cut := strings.LastIndex(topic, "d/")
	if cut < 0 {
		return
	}
	d := p.w.byTopics(topic[:cut])
	if d == nil {
		return
	}
	name := topic[cut:]
	switch name {
	case "d/want":
		d.sent(payload)
	case "d/blk":
		d.sentBlock(payload)
	}
	s := p.sessions[topic[:cut]]
	if s == nil {
		d.note("down %s: not connected", name)
		return
	}
	copies := 1
	switch {
	case d.faulty(d.downRng, 0.06):
		copies = 0
	case d.faulty(d.downRng, 0.06):
		copies = 2
	}
	d.note("down %s %d bytes x%d", name, len(payload), copies)
	for range copies {
		p.send(s, topic, d.corrupt(name, payload))
	}
	if d.faulty(d.downRng, 0.02) {
		p.send(s, s.topics+"d/want", d.oldManifest())
	}
	if d.faulty(d.downRng, 0.03) {
		d.note("connection breaks")
		p.end(s)
	}
}

// send puts a message on its way to a sign. The caller holds mu.
func (p *path) send(s *session, topic string, payload []byte) {
	if payload == nil || s.d.isDeaf && strings.HasSuffix(topic, "/want") || s.d.fails(deafDud) {
		return
	}
	after(&s.dnDue, p.lag(s.d, s.d.downRng), func() {
		p.w.mu.Lock()
		open, take := s.open, s.take
		p.w.mu.Unlock()
		if open {
			take(topic, payload)
		}
	})
}

// isConnected is what the broker tells the gateway.
func (p *path) isConnected(id devices.SignID) bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.sessions[wire.TopicPrefix+string(id)+"/"] != nil
}

// dialGateway opens the connection of a gateway.
func (p *path) dialGateway(alive func() bool) (net.Conn, error) {
	if !alive() {
		return nil, errNetwork
	}
	near, far := net.Pipe()
	var c *client
	ready := make(chan struct{})
	c = serve(far, handler{
		connect: func(*packets.ConnectPacket) int {
			<-ready
			p.w.mu.Lock()
			defer p.w.mu.Unlock()
			p.gateway = c
			return welcome
		},
		publish: func(topic string, payload []byte) {
			if alive() {
				p.down(topic, payload)
			}
		},
		closed: func() {
			p.w.mu.Lock()
			defer p.w.mu.Unlock()
			if p.gateway == c {
				p.gateway = nil
			}
		},
	})
	close(ready)
	return near, nil
}
