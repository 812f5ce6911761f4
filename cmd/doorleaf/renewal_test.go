package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/devices/broker"
	"doorleaf/devices/mqttlink"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
	"doorleaf/gateway/sqlite"
	"doorleaf/render"
	"doorleaf/render/mono"
)

// soak reports whether there is time for everything.
func soak() bool { return os.Getenv("DOORLEAF_SOAK") == "1" }

// lives are the kinds of signs, always-on or not, that long tests try: the
// sleeping one does all that the other does.
func lives() []bool {
	if soak() {
		return []bool{false, true}
	}
	return []bool{false}
}

// digestPainter draws a face as the digest of what it says.
type digestPainter struct{}

func (digestPainter) DrawTemplate(_ *mono.Image, d render.Door, _ *render.Template, p render.Panel) (*mono.Image, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	img := mono.New(p.Width, p.Height)
	sum := sha256.Sum256(b)
	for y := range p.Height {
		copy(img.Pix[y*img.Stride:(y+1)*img.Stride-1], sum[:])
	}
	return img, nil
}

func (digestPainter) Describe(d render.Door) string { return string(d.State) }

const (
	renewalSign  = devices.SignID("aaaaaaaaaaaaaaab")
	renewalModel = "250x122"
	renewalLimit = 10 * time.Hour
)

func firstSecret() []byte {
	s := sha256.Sum256([]byte("the secret from pairing"))
	return s[:]
}

// rig is a real gateway with one sign in one bubble of time: store, core,
// broker and link, as the program wires them.
type rig struct {
	t     *testing.T
	dir   string
	house *rigHouse
	sign  *simsign.Sign
	off   func() error // ends the sign

	mu     sync.Mutex
	die    string          // point of the gateway to die at, "" for none
	cut    string          // point of the sign to cut the power at, "" for none
	points map[string]bool // that were passed, with how often: "sign:key.sent#2"
	passes map[string]int  // how often each was passed
	copies map[string]int  // how often a message is to be delivered, "true key#2" is the second one up
	deaf   bool            // the sign hears nothing
	events []simsign.Event
	opts   simsign.Options
	change func(*gateway.Options, *mqttlink.Options)
}

// rigHouse is one life of the gateway.
type rigHouse struct {
	store  *sqlite.Store
	core   *gateway.Core
	broker *broker.Broker
	link   *mqttlink.Link
	gone   chan struct{} // closed when nothing of it can be seen any more
	killed chan struct{} // closed when it is to die
	stop   func()
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, dir: t.TempDir(), points: map[string]bool{}, passes: map[string]int{}, copies: map[string]int{}}
	r.opts = simsign.Options{
		Panel: devices.Panel{Model: renewalModel, Width: 250, Height: 122}, Serial: "S-1", Storage: simsign.Memory(),
		Identity: &simsign.Identity{ID: renewalSign, Secret: firstSecret()}, MaxRetry: time.Minute,
		Dial:  func(context.Context) (net.Conn, error) { return r.dial() },
		Fault: func(p string) bool { return r.pass("sign:"+p, &r.cut) },
		Traffic: func(up bool, name string) int {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.deaf && !up {
				return 0
			}
			if n, ok := r.copies[r.count(fmt.Sprint(up, " ", name))]; ok {
				return n
			}
			return 1
		},
		Emit: func(e simsign.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	return r
}

func (r *rig) dial() (net.Conn, error) {
	r.mu.Lock()
	h := r.house
	r.mu.Unlock()
	if h == nil {
		return nil, errors.New("no gateway")
	}
	return h.broker.SignConn()
}

// count numbers how often something happened; the caller holds mu.
func (r *rig) count(what string) string {
	r.passes[what]++
	return fmt.Sprintf("%s#%d", what, r.passes[what])
}

// pass notes a point and reports whether it is the one, once.
func (r *rig) pass(point string, want *string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	point = r.count(point)
	r.points[point] = true
	if *want != point {
		return false
	}
	*want = ""
	return true
}

func (r *rig) file() string { return filepath.Join(r.dir, "d.db") }

// up starts the gateway on what it stored before.
func (r *rig) up() *rigHouse {
	r.t.Helper()
	log := slog.New(slog.DiscardHandler)
	h := &rigHouse{gone: make(chan struct{}), killed: make(chan struct{})}
	store, err := sqlite.Open(context.Background(), sqlite.Options{Path: r.file(), Logger: log})
	if err != nil {
		r.t.Fatal(err)
	}
	h.store = store
	co := gateway.Options{Store: store, Renderer: digestPainter{}, Logger: log, ReadRelease: mqttlink.ReadRelease,
		Connected:     func(id devices.SignID) bool { return h.broker.Connected(id) },
		PasswordEnded: func(id devices.SignID) { h.broker.Forget(id) }}
	lo := mqttlink.Options{Logger: log, Fault: func(p string) {
		if r.pass("gateway:"+p, &r.die) {
			close(h.killed)
			<-h.gone
		}
	}}
	if r.change != nil {
		r.change(&co, &lo)
	}
	h.core = gateway.New(co)
	if h.broker, err = broker.Open(broker.Options{Auth: h.core, Logger: log, FailureDelay: time.Millisecond}); err != nil {
		r.t.Fatal(err)
	}
	lo.Gateway, lo.Keys, lo.Firmware = h.core, h.core, h.core
	lo.Dial, lo.Connected, lo.KickSession, lo.Secure = h.broker.GatewayConn, h.broker.Connected, h.broker.Kick, h.broker.Secure
	lo.Username, lo.Password = h.broker.GatewayCredential()
	if h.link, err = mqttlink.New(lo); err != nil {
		r.t.Fatal(err)
	}
	h.core.SetWire(h.link)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = h.core.Run(ctx) })
	wg.Go(func() { _ = h.link.Run(ctx) })
	var once sync.Once
	h.stop = func() {
		once.Do(func() {
			cancel()
			_ = h.broker.Close()
			close(h.gone)
			wg.Wait()
			_ = store.Close()
		})
	}
	r.mu.Lock()
	r.house = h
	r.mu.Unlock()
	return h
}

// again ends the gateway, killed or not, and starts another.
func (r *rig) again() *rigHouse {
	r.mu.Lock()
	h := r.house
	r.house = nil
	r.mu.Unlock()
	h.stop()
	return r.up()
}

// switchOn starts the sign on its storage.
func (r *rig) switchOn() {
	r.t.Helper()
	sign, err := simsign.New(r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sign.Run(ctx) }()
	r.sign = sign
	r.off = func() error { cancel(); err := <-done; done <- err; return err }
}

// pair stores the sign as pairing does.
func (r *rig) pair() {
	r.t.Helper()
	s := gateway.Sign{ID: renewalSign, Name: "Door", PairedAt: time.Now(), Hardware: devices.Hardware{Model: renewalModel, Width: 250, Height: 122}}
	if err := r.house.store.AddSign(r.t.Context(), s, r.house.link.Credential(renewalSign, firstSecret())); err != nil {
		r.t.Fatal(err)
	}
}

// keys is where the renewal stands.
func (r *rig) keys() gateway.SignKeys {
	r.t.Helper()
	k, err := r.house.store.SignKeys(context.Background(), renewalSign)
	if err != nil {
		r.t.Fatal(err)
	}
	return k
}

// until lets time pass, starts anew what died, and fails after a limit.
func (r *rig) until(what string, limit time.Duration, ok func() bool) {
	r.t.Helper()
	step := time.Second
	for begin, end := time.Now(), time.Now().Add(limit); ; {
		synctest.Wait()
		switch d := time.Since(begin); {
		case d > time.Hour:
			step = 10 * time.Minute
		case d > time.Minute:
			step = time.Minute
		}
		select {
		case <-r.house.killed:
			r.again()
		default:
		}
		select {
		case <-r.power():
			r.switchOn()
		default:
		}
		if ok() {
			return
		}
		if time.Now().After(end) {
			r.mu.Lock()
			defer r.mu.Unlock()
			var log bytes.Buffer
			for _, e := range r.events[max(0, len(r.events)-40):] {
				fmt.Fprintf(&log, "%s %s %s %s %d %s\n", e.Time.Format(time.TimeOnly), e.Event, e.Code, e.Reason, e.Number, e.Error)
			}
			r.t.Fatalf("not within %s: %s; keys %+v\n%s", limit, what, r.keys(), log.String())
		}
		time.Sleep(step)
	}
}

// power is ready when the sign's power was cut.
func (r *rig) power() <-chan struct{} {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) > 0 && r.points["cut"] {
		delete(r.points, "cut")
		c <- struct{}{}
	}
	return c
}

// end stops everything before the bubble ends.
func (r *rig) end() {
	_ = r.off()
	r.house.stop()
}

// right reports whether the gateway knows the glass to be as it should be.
func (r *rig) right() bool {
	w, err := r.house.store.Want(context.Background(), renewalSign)
	if err != nil {
		return false
	}
	st, err := r.house.store.Status(context.Background(), renewalSign)
	if err != nil || st.Epoch != w.Epoch || st.Seq != w.Seq {
		return false
	}
	g := r.sign.Glass()
	return g.Digest() == st.Shown
}

// login tries a password; true when it is let in.
func (r *rig) login(secret []byte) bool {
	r.t.Helper()
	c, err := r.connect(secret)
	if err == nil {
		c.Disconnect(1)
	}
	return err == nil
}

func (r *rig) connect(secret []byte) (mqtt.Client, error) {
	k, err := wire.DeriveKeys(secret, string(renewalSign))
	if err != nil {
		r.t.Fatal(err)
	}
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("mqtt://x").SetClientID(string(renewalSign)).SetUsername(string(renewalSign)).
		SetPassword(k.Password).SetProtocolVersion(4).SetAutoReconnect(false).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return r.dial() }))
	tok := c.Connect()
	tok.WaitTimeout(10 * time.Second)
	return c, tok.Error()
}

// keep copies the database as a backup does; the gateway is not running.
func (r *rig) keep() string {
	r.t.Helper()
	to := filepath.Join(r.dir, "backup.db")
	copyFile(r.t, r.file(), to)
	return to
}

// down ends the gateway.
func (r *rig) down() {
	r.mu.Lock()
	h := r.house
	r.house = nil
	r.mu.Unlock()
	h.stop()
}

// publish sends something as the sign, over a connection of its own, and gives
// the gateway time.
func (r *rig) publish(secret []byte, name wire.Name, m interface{ Marshal() ([]byte, error) }) {
	r.t.Helper()
	c, err := r.connect(secret)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Disconnect(1)
	b, err := m.Marshal()
	if err != nil {
		r.t.Fatal(err)
	}
	if tok := c.Publish(wire.SignTopic(string(renewalSign), name), 1, false, b); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		r.t.Fatal(tok.Error())
	}
	synctest.Wait()
}

// inject publishes to the sign as the broker's owner could.
func (r *rig) inject(topic string, payload []byte) {
	r.t.Helper()
	user, password := r.house.broker.GatewayCredential()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("mqtt://x").SetClientID("injector").SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetAutoReconnect(false).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return r.house.broker.GatewayConn() }))
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		r.t.Fatal(tok.Error())
	}
	defer c.Disconnect(1)
	if tok := c.Publish(topic, 1, false, payload); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		r.t.Fatal(tok.Error())
	}
}

func manifestKey(t *testing.T, secret []byte) *[32]byte {
	t.Helper()
	k, err := wire.DeriveKeys(secret, string(renewalSign))
	if err != nil {
		t.Fatal(err)
	}
	return &k.Manifest
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// untilMonday waits for a morning on which signs call often: a bubble begins on
// a Saturday.
func untilMonday() { time.Sleep((2*24 + 9) * time.Hour) }

// renewal runs one renewal in which something goes wrong, and holds its end:
// the sign is in, with the newer secret alone, and shows what it should.
func renewal(t *testing.T, alwaysOn bool, wrong func(*rig)) (passed []string) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.opts.AlwaysOn = alwaysOn
		untilMonday()
		r.up()
		r.pair()
		fault := r.opts.Fault
		r.opts.Fault = func(p string) bool {
			if !fault(p) {
				return false
			}
			r.mu.Lock()
			r.points["cut"] = true
			r.mu.Unlock()
			return true
		}
		r.switchOn()
		defer r.end()
		r.until("first picture", time.Hour, r.right)
		if err := r.house.core.RenewKey(t.Context(), renewalSign); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		clear(r.points)
		clear(r.passes)
		r.mu.Unlock()
		wrong(r)
		r.sign.Wake()
		r.until("renewed", renewalLimit, func() bool { k := r.keys(); return k.Number >= 1 && k.Next == nil && k.Wanted == 0 })
		r.mu.Lock()
		for p := range r.points {
			passed = append(passed, p)
		}
		r.mu.Unlock()
		r.until("right picture", renewalLimit, r.right)
		if r.login(firstSecret()) {
			t.Error("the password before is still let in")
		}
		r.mu.Lock()
		n := slices.IndexFunc(r.events, func(e simsign.Event) bool { return e.Event == "unpaired" })
		r.mu.Unlock()
		if n >= 0 {
			t.Error("the sign forgot its identity")
		}
	})
	slices.Sort(passed)
	return passed
}
