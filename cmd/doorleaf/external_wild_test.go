package main

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// wildBroker stands before a mosquitto that lets everybody in, and behaves as
// brokers may that MQTT 3.1.1 allows or that exist all the same: it delivers late,
// overtakes between topics (section 4.6 orders only one topic), lets few messages be
// under way, repeats some and loses the repetitions of others, forgets some of QoS
// 0, and hangs up without a word.
type wildBroker struct {
	t            *testing.T
	dir          string
	behind, addr string
	listener     net.Listener
	cmd          *exec.Cmd
	wg           sync.WaitGroup

	calm              atomic.Bool // no more hanging up
	late, lost, twice atomic.Int64
	cut               atomic.Int64

	mu   sync.Mutex
	open map[net.Conn]bool // guarded by mu
}

const (
	wildInflight = 10
	wildDelay    = 150 * time.Millisecond
	wildLife     = 6 * time.Second
)

func newWildBroker(t *testing.T) *wildBroker {
	t.Helper()
	if _, err := os.Stat("/usr/sbin/mosquitto"); err != nil {
		t.Skip("mosquitto is missing: install mosquitto")
	}
	b := &wildBroker{t: t, dir: t.TempDir(), behind: freeAddress(t), open: map[net.Conn]bool{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.listener, b.addr = l, l.Addr().String()
	t.Cleanup(func() {
		_ = l.Close()
		b.hangUp()
		b.wg.Wait()
		b.kill()
	})
	b.wg.Go(b.serve)
	return b
}

func (b *wildBroker) start() {
	b.t.Helper()
	host, port, _ := net.SplitHostPort(b.behind)
	conf := filepath.Join(b.dir, "mosquitto.conf")
	text := strings.Join([]string{"listener " + port + " " + host, "allow_anonymous true", "user root", "max_inflight_messages 10", "set_tcp_nodelay true", ""}, "\n")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.cmd = exec.Command("/usr/sbin/mosquitto", "-c", conf)
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	awaitPort(b.t, b.behind)
}

func (b *wildBroker) kill() {
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		b.cmd = nil
	}
}

// wasWild says whether it has misbehaved in each way; dice decide when.
func (b *wildBroker) wasWild() bool {
	return b.late.Load() > 0 && b.lost.Load() > 0 && b.twice.Load() > 0 && b.cut.Load() >= 4
}

func (b *wildBroker) url() string { return "mqtt://" + b.addr }
func (b *wildBroker) forget()     {}

// hangUp closes all connections.
func (b *wildBroker) hangUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		_ = c.Close()
	}
}

func (b *wildBroker) serve() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		d, err := net.Dial("tcp", b.behind)
		if err != nil {
			_ = c.Close()
			continue
		}
		b.mu.Lock()
		b.open[c], b.open[d] = true, true
		b.mu.Unlock()
		life := time.AfterFunc(wildLife/2+rand.N(wildLife), func() {
			if !b.calm.Load() {
				b.cut.Add(1)
				_ = c.Close()
			}
		})
		room := make(chan struct{}, wildInflight)
		done := make(chan struct{})
		var ends sync.WaitGroup
		ends.Go(func() { b.carry(c, d, nil, room, done) })
		ends.Go(func() { b.carry(d, c, room, nil, done) })
		b.wg.Go(func() {
			ends.Wait()
			life.Stop()
			b.mu.Lock()
			delete(b.open, c)
			delete(b.open, d)
			b.mu.Unlock()
		})
	}
}

// carry passes packets on. take is held by messages under way to the client, give
// is freed by the client's acknowledgements.
func (b *wildBroker) carry(from, to net.Conn, take, give chan struct{}, done chan struct{}) {
	defer from.Close()
	defer to.Close()
	var write sync.Mutex
	var wg sync.WaitGroup
	defer wg.Wait()
	topics := map[string]chan *packets.PublishPacket{}
	defer func() {
		for _, q := range topics {
			close(q)
		}
	}()
	send := func(pk packets.ControlPacket) {
		write.Lock()
		defer write.Unlock()
		_ = pk.Write(to)
	}
	for {
		pk, err := packets.ReadPacket(from)
		if err != nil {
			return
		}
		m, ok := pk.(*packets.PublishPacket)
		if !ok {
			if _, ack := pk.(*packets.PubackPacket); ack && give != nil {
				select {
				case <-give:
				default:
				}
			}
			send(pk)
			continue
		}
		dice := rand.N(100)
		if (m.Dup && dice < 50) || (m.Qos == 0 && dice < 5) {
			b.lost.Add(1)
			continue
		}
		q := topics[m.TopicName]
		if q == nil {
			q = make(chan *packets.PublishPacket, 1024)
			topics[m.TopicName] = q
			wg.Go(func() {
				for m := range q {
					b.late.Add(1)
					time.Sleep(rand.N(wildDelay))
					if take != nil && m.Qos == 1 {
						select {
						case take <- struct{}{}:
						case <-time.After(5 * time.Second): // the client acknowledges nothing
						}
					}
					send(m)
					if m.Qos == 1 && rand.N(10) == 0 {
						b.twice.Add(1)
						again := *m
						again.Dup = true
						send(&again)
					}
				}
			})
		}
		select {
		case q <- m:
		default:
			b.lost.Add(1)
		}
	}
}

// A gateway and a sign at such a broker: the sign pairs and the calendar changes until
// it has misbehaved in each way; when it is calm the glass is right within
// the usual time, and nobody is blamed.
func TestWildBroker(t *testing.T) {
	t.Parallel()
	b := newWildBroker(t)
	c := newOutsideCase(t, b, "")
	b.start()
	c.up()
	c.switchOn()
	id := c.pair()
	c.right(id, "free")
	for n := 0; n < 3 || !b.wasWild() && n < 30; n++ {
		c.book("Round")
		c.right(id, "booked")
		c.office.graph.Calendar(killRoom).Delete(c.office.graph.Truth(killRoom, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))[0].ID)
		c.right(id, "free")
	}
	if !b.wasWild() {
		t.Error("the broker was tame")
	}
	b.calm.Store(true)
	c.book("Last")
	c.right(id, "booked")
	t.Logf("%d messages came late, %d were lost, %d came twice, %d connections were cut; link %+v", b.late.Load(), b.lost.Load(), b.twice.Load(), b.cut.Load(), c.house.link.Stats())
	for _, i := range c.house.around().Incidents {
		t.Errorf("named for what the broker did: %+v", i)
	}
}
