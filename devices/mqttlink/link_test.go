package mqttlink

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/devices/broker"
	"doorleaf/firmware-protocol/wire"
)

// nobody is a gateway that knows one sign at most and keeps what it is told.
type nobody struct {
	mu      sync.Mutex
	cred    devices.Credential
	reports []devices.Report
	joined  []devices.Joining
	object  []byte
	err     error
}

func (n *nobody) Report(_ context.Context, r devices.Report) (*devices.Delivery, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reports = append(n.reports, r)
	return nil, n.err
}

func (n *nobody) Object(_ context.Context, _ devices.SignID, h devices.ObjectHash) ([]byte, error) {
	if devices.ObjectHash(wire.HashObject(n.object)) == h {
		return n.object, nil
	}
	return nil, devices.ErrUnknownObject
}

func (n *nobody) Credential(_ context.Context, id devices.SignID) (devices.Credential, error) {
	if id != n.cred.Sign {
		return devices.Credential{}, devices.ErrUnknownSign
	}
	return n.cred, nil
}

func (n *nobody) Joining(_ context.Context, j devices.Joining) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.joined = append(n.joined, j)
	return nil
}

func (n *nobody) NextWake(context.Context, devices.SignID) (time.Time, time.Duration) {
	return time.Now().Add(time.Hour), 10 * time.Second
}

const signID = "aaaaaaaaaaaaaaaa"

// pair of a running broker and link, with a client that is the sign.
type installation struct {
	*Link
	gw   *nobody
	b    *broker.Broker
	sign mqtt.Client
	got  chan mqtt.Message
}

func install(t *testing.T, o Options) *installation {
	t.Helper()
	in := &installation{gw: &nobody{}, got: make(chan mqtt.Message, 1000)}
	in.gw.cred = devices.Credential{Sign: signID, PasswordHash: sha256.Sum256([]byte("p")), ManifestKey: make([]byte, 32)}
	var err error
	in.b, err = broker.Open(broker.Options{Auth: in.gw, Logger: slog.New(slog.DiscardHandler), FailureDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	o.Gateway, o.Dial, o.Connected, o.KickSession = in.gw, in.b.GatewayConn, in.b.Connected, in.b.Kick
	o.Username, o.Password = in.b.GatewayCredential()
	in.Link = testLink(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = in.Run(ctx) }()
	t.Cleanup(func() {
		if in.sign != nil {
			in.sign.Disconnect(goodbye)
		}
		cancel()
		<-done
		_ = in.b.Close()
	})
	for !in.Ready() {
		time.Sleep(time.Millisecond)
	}
	return in
}

// connect makes the sign connect and subscribe.
func (in *installation) connect(t *testing.T, id, user, password, filter string) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("mqtt://x").SetClientID(id).SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetAutoReconnect(false).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return in.b.SignConn() }))
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatalf("connect: %v", tok.Error())
	}
	if tok := c.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { in.got <- m }); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatalf("subscribe: %v", tok.Error())
	}
	in.sign = c
	return c
}

func (in *installation) next(t *testing.T) (wire.Topic, []byte) {
	t.Helper()
	select {
	case m := <-in.got:
		topic, err := wire.ParseTopic(m.Topic())
		if err != nil {
			t.Fatal(err)
		}
		return topic, m.Payload()
	case <-time.After(20 * time.Second):
		t.Fatal("no message")
	}
	panic("unreachable")
}

func delivery(t *testing.T, l *Link, seq uint32) devices.Delivery {
	t.Helper()
	tl := timeline(1)
	tl.Seq = seq
	p, err := l.Pack(tl)
	if err != nil {
		t.Fatal(err)
	}
	return devices.Delivery{Sign: signID, Epoch: tl.Epoch, Seq: seq, Body: p.Body, NextWake: time.Now().Add(time.Hour)}
}

// A manifest that is not confirmed is published again, a few times; a newer one
// takes its place; a confirmed one is left alone.
func TestManifestIsRepeatedUntilConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := install(t, Options{})
		d := delivery(t, in.Link, 1)
		if err := in.Push(t.Context(), d); !errors.Is(err, devices.ErrNotConnected) {
			t.Fatalf("push to nobody: got %v, want %v", err, devices.ErrNotConnected)
		}
		c := in.connect(t, signID, signID, "p", wire.SignFilter(signID))
		if err := in.Push(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if got := len(in.got); got != resendTimes {
			t.Errorf("unconfirmed manifest: published %d times, want %d", got, resendTimes)
		}
		for len(in.got) > 0 {
			topic, msg := in.next(t)
			m, err := wire.ParseManifest(msg, new([32]byte), signID)
			if err != nil || topic.Name != wire.NameWant || m.Seq != 1 || m.NextWakeSeconds > 3600 {
				t.Errorf("got %s, %d, %v", topic.Name, m.Seq, err)
			}
		}
		if err := in.Push(t.Context(), delivery(t, in.Link, 2)); err != nil {
			t.Fatal(err)
		}
		s := wire.Shown{Boot: 1, Counter: 1, Epoch: d.Epoch, Seq: 2}
		s.Sign(new([32]byte), signID)
		b, _ := s.Marshal()
		c.Publish(wire.SignTopic(signID, wire.NameShown), 1, false, b)
		time.Sleep(10 * time.Minute)
		names := map[wire.Name]int{}
		for len(in.got) > 0 {
			topic, _ := in.next(t)
			names[topic.Name]++
		}
		if names[wire.NameWant] != 1 || names[wire.NameAck] != 1 {
			t.Errorf("after the confirmation: got %v, want one manifest and one ack", names)
		}
		c.Disconnect(goodbye)
		time.Sleep(time.Second)
	})
}

// An older delivery never follows a newer one.
func TestLatestWins(t *testing.T) {
	in := install(t, Options{})
	in.connect(t, signID, signID, "p", wire.SignFilter(signID))
	var ds []devices.Delivery
	for seq := range uint32(40) {
		ds = append(ds, delivery(t, in.Link, seq+1))
	}
	var wg sync.WaitGroup
	for _, d := range ds {
		wg.Go(func() { _ = in.Push(t.Context(), d) })
	}
	wg.Wait()
	last := uint32(0)
	for last < 40 {
		_, msg := in.next(t)
		m, err := wire.ParseManifest(msg, new([32]byte), signID)
		if err != nil {
			t.Fatal(err)
		}
		if m.Seq < last {
			t.Errorf("manifest %d came after %d", m.Seq, last)
		}
		last = m.Seq
	}
}

// A sign cannot make the gateway send without end.
func TestBlocksAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // what a sign may have grows with time
		in := install(t, Options{})
		in.gw.object = make([]byte, 60<<10)
		c := in.connect(t, signID, signID, "p", wire.SignFilter(signID))
		get := wire.Get{Object: wire.HashObject(in.gw.object), Length: wire.MaxBlockData}
		b, _ := get.Marshal()
		begin := time.Now()
		for i := range 200 {
			if tok := c.Publish(wire.SignTopic(signID, wire.NameGet), 1, false, b); !tok.WaitTimeout(20*time.Second) || tok.Error() != nil {
				t.Fatal(tok.Error())
			}
			for int64(len(in.got))+in.Stats().Limited < int64(i+1) { // read before asking on, else the broker hangs up
				time.Sleep(100 * time.Microsecond)
			}
		}
		share := blockBurst + int64(time.Since(begin).Seconds()*blockRate)
		if st := in.Stats(); st.Limited == 0 || st.BytesServed > share {
			t.Errorf("got %d refused and %d bytes served, want some and at most %d", st.Limited, st.BytesServed, share)
		}
		c.Disconnect(goodbye)
		time.Sleep(time.Second)
	})
}

// A gateway that cannot store a report gives no answer: the sign keeps it.
func TestNoAckWithoutStore(t *testing.T) {
	in := install(t, Options{})
	in.gw.err = errors.New("disk is full")
	c := in.connect(t, signID, signID, "p", wire.SignFilter(signID))
	e := wire.Event{Boot: 1, Counter: 1, Button: 2}
	e.Sign(new([32]byte), signID)
	b, _ := e.Marshal()
	c.Publish(wire.SignTopic(signID, wire.NameEvent), 1, false, b)
	for in.Stats().Failed == 0 {
		time.Sleep(time.Millisecond)
	}
	if len(in.got) != 0 {
		t.Error("an unstored report was acknowledged")
	}
}

func TestKickedSignIsOut(t *testing.T) {
	in := install(t, Options{})
	c := in.connect(t, signID, signID, "p", wire.SignFilter(signID))
	in.gw.mu.Lock()
	in.gw.err = devices.ErrUnknownSign
	in.gw.mu.Unlock()
	e := wire.Event{Boot: 1, Counter: 1, Button: 2}
	e.Sign(new([32]byte), signID)
	b, _ := e.Marshal()
	c.Publish(wire.SignTopic(signID, wire.NameEvent), 1, false, b)
	for c.IsConnectionOpen() {
		time.Sleep(time.Millisecond)
	}
}

func TestClaimNeedsTheCode(t *testing.T) {
	const page = "https://signs.example.com/m/pair?c="
	in := install(t, Options{PairPage: page})
	if err := in.Claim(t.Context(), devices.Joining{Nonce: "aaaaaaaaaaaaaaaa", Code: "ABCDEFGH"}, signID, make([]byte, 32)); !errors.Is(err, devices.ErrUnknownCode) {
		t.Errorf("claim of nobody: got %v, want %v", err, devices.ErrUnknownCode)
	}
	nonce := "bbbbbbbbbbbbbbbb"
	c := in.connect(t, wire.PairClientPrefix+nonce, wire.PairUser, "", wire.PairFilter(nonce))
	hw, _ := (&wire.Hardware{Width: 250, Height: 122}).Marshal()
	send := func(name wire.Name, m interface{ Marshal() ([]byte, error) }) {
		t.Helper()
		b, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if tok := c.Publish(wire.PairTopic(nonce, name), 1, false, b); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	}
	public, n1 := [32]byte{9}, [32]byte{1}
	send(wire.NameCommit, &wire.PairCommit{Commitment: wire.PairCommitment(public[:], n1), Hardware: hw})
	topic, payload := in.next(t)
	if topic.Name != wire.NameChallenge {
		t.Fatalf("got %s, want challenge", topic.Name)
	}
	if m, err := wire.UnmarshalPairChallenge(payload); err != nil || m.Address != page {
		t.Errorf("the challenge leads to %q, want %q: %v", m.Address, page, err)
	}
	send(wire.NameCommit, &wire.PairCommit{Commitment: [32]byte{1}, Hardware: hw}) // a second thought
	send(wire.NameReveal, &wire.PairReveal{Public: public, N1: [32]byte{2}})       // does not open it
	for in.Stats().Malformed < 2 {
		time.Sleep(time.Millisecond)
	}
	in.gw.mu.Lock()
	defer in.gw.mu.Unlock()
	if len(in.gw.joined) != 0 {
		t.Error("a commitment that was not opened led to a code")
	}
}
