package simsign_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"doorleaf/devices/mqttlink"
	"doorleaf/devices/simsign"
)

// allowAll is a broker without any rules.
type allowAll struct{ mochi.HookBase }

func (*allowAll) ID() string { return "allow-all" }
func (*allowAll) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}
func (*allowAll) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }
func (*allowAll) OnACLCheck(*mochi.Client, string, bool) bool              { return true }

// Over TLS the link takes the code's key from what it sees of the broker.
func TestForeignBrokerOverTLS(t *testing.T) {
	cert, _, pool := certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	broker := foreign(t, l)
	defer func() { _ = broker.Close() }()
	s := &site{t: t, core: newCore(), patience: 20 * time.Second}
	link, err := mqttlink.New(mqttlink.Options{BrokerURL: "mqtts://" + l.Addr().String(), TLS: &tls.Config{RootCAs: pool},
		Gateway: s.core, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	s.link, s.core.link = link, link
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = link.Run(ctx) }()
	defer func() { cancel(); <-done }()
	s.eventually("link is ready", link.Ready)
	d := s.door(func(o *simsign.Options) { o.Dial, o.Gateway = nil, "mqtts://"+l.Addr().String() })
	d.claim()
}

// foreign starts a broker that is not ours.
func foreign(t *testing.T, l net.Listener) *mochi.Server {
	t.Helper()
	b := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := b.AddHook(new(allowAll), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.AddListener(listeners.NewNet("tcp", l)); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	return b
}

// steady listens on a port below those that systems give to connections and to
// listeners without a number of their own, so that nobody has it while the server
// behind it is away.
func steady(t *testing.T) net.Listener {
	t.Helper()
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))); err == nil {
			return l
		}
	}
	t.Fatal("no free port found")
	return nil
}

// Gateway and signs meet at a broker that is not ours and tells nobody who is
// connected. It restarts, and so does the gateway while the signs stay.
func TestForeignBroker(t *testing.T) {
	l := steady(t)
	address := l.Addr().String()
	broker := foreign(t, l)
	defer func() { _ = broker.Close() }()

	s := &site{t: t, core: newCore(), patience: 20 * time.Second}
	up := func() (stop func()) {
		link, err := mqttlink.New(mqttlink.Options{BrokerURL: "mqtt://" + address, Gateway: s.core, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		s.core.mu.Lock()
		s.core.link = link
		s.core.mu.Unlock()
		s.link = link
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = link.Run(ctx) }()
		s.eventually("link is ready", link.Ready)
		return func() { cancel(); <-done }
	}
	stop := up()
	d := s.door(func(o *simsign.Options) { o.Dial, o.Gateway, o.AlwaysOn = nil, "mqtt://"+address, true })
	id := d.claim()
	s.eventually("link knows that the sign is there", func() bool { return s.link.Connected(id) })
	s.show(id, 250, 122, time.Hour, 1)
	s.confirmed(d, id, 1)

	stop()
	stop = up()
	if s.link.Connected(id) {
		t.Error("a new link knows who is connected")
	}
	s.show(id, 250, 122, time.Hour, 2) // published all the same
	s.confirmed(d, id, 2)

	_ = broker.Close()
	s.eventually("link notices", func() bool { return !s.link.Ready() })
	s.show(id, 250, 122, time.Hour, 3) // cannot be published now
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	broker = foreign(t, l)
	s.confirmed(d, id, 3)
	stop()
}
