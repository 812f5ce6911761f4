package simsign_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/devices/broker"
	"doorleaf/devices/mqttlink"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/render/mono"
)

// core is a gateway in memory: it knows what each sign should show and believes
// only what signs report.
type core struct {
	mu        sync.Mutex
	link      *mqttlink.Link
	creds     map[devices.SignID]devices.Credential
	wants     map[devices.SignID]*want
	hardware  map[devices.SignID]devices.Hardware
	shown     map[devices.SignID]devices.Report
	counted   map[devices.SignID][2]uint32
	joining   map[string]devices.Joining
	passwords map[devices.SignID]string
	events    []devices.Report
	reports   []devices.Report
	nextWake  time.Duration
	mismatch  int
	changed   chan struct{}
}

type want struct {
	timeline devices.Timeline
	delivery devices.Delivery
	objects  map[devices.ObjectHash][]byte
}

func newCore() *core {
	return &core{
		creds: map[devices.SignID]devices.Credential{}, wants: map[devices.SignID]*want{},
		hardware: map[devices.SignID]devices.Hardware{}, shown: map[devices.SignID]devices.Report{},
		counted: map[devices.SignID][2]uint32{}, joining: map[string]devices.Joining{},
		passwords: map[devices.SignID]string{},
		nextWake:  10 * time.Minute, changed: make(chan struct{}, 1),
	}
}

func (c *core) note() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *core) Report(_ context.Context, r devices.Report) (*devices.Delivery, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.note()
	if _, ok := c.creds[r.Sign]; !ok {
		return nil, devices.ErrUnknownSign
	}
	last := c.counted[r.Sign]
	fresh := last[0] != r.Boot || r.Counter > last[1]
	c.counted[r.Sign] = [2]uint32{r.Boot, max(r.Counter, last[1])}
	if fresh {
		c.reports = append(c.reports, r)
	}
	if r.Kind == devices.EventReport {
		if fresh {
			c.events = append(c.events, r)
		}
		return nil, nil
	}
	if r.Kind == devices.HelloReport {
		c.hardware[r.Sign] = r.Hardware
	}
	c.shown[r.Sign] = r
	w := c.wants[r.Sign]
	if w == nil {
		return nil, nil
	}
	d := w.delivery
	if d.Epoch > r.Epoch || (d.Epoch == r.Epoch && d.Seq > r.Seq) {
		return &d, nil
	}
	if w.due(r.Received) != r.Shown || r.LastError == devices.ErrObjectBase || r.LastError == devices.ErrObjectHash {
		c.mismatch++
		t := w.timeline
		t.Seq++
		t.Base = nil
		nw, err := c.pack(t)
		if err != nil {
			return nil, err
		}
		c.wants[r.Sign] = nw
		return &nw.delivery, nil
	}
	return nil, nil
}

func (w *want) due(at time.Time) devices.Digest {
	for _, s := range w.timeline.Steps {
		if at.Before(s.Until) {
			return s.Picture.Digest()
		}
	}
	return w.timeline.Stale.Digest()
}

func (c *core) pack(t devices.Timeline) (*want, error) {
	p, err := c.link.Pack(t)
	if err != nil {
		return nil, err
	}
	w := &want{timeline: t, objects: map[devices.ObjectHash][]byte{}}
	for _, o := range p.Objects {
		w.objects[o.Hash] = o.Bytes
	}
	w.delivery = devices.Delivery{Sign: t.Sign, Epoch: t.Epoch, Seq: t.Seq, Body: p.Body, NextWake: t.NextWake}
	return w, nil
}

func (c *core) Object(_ context.Context, id devices.SignID, h devices.ObjectHash) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.wants[id]; w != nil {
		if b, ok := w.objects[h]; ok {
			return b, nil
		}
	}
	return nil, devices.ErrUnknownObject
}

func (c *core) Credential(_ context.Context, id devices.SignID) (devices.Credential, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cr, ok := c.creds[id]
	if !ok {
		return cr, devices.ErrUnknownSign
	}
	return cr, nil
}

func (c *core) Joining(_ context.Context, j devices.Joining) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joining[j.Code] = j
	c.note()
	return nil
}

func (c *core) NextWake(context.Context, devices.SignID) (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.nextWake), 0
}

// wakes sets how soon signs are asked to come back.
func (c *core) wakes(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextWake = d
}

// site is a whole installation in one process.
type site struct {
	t      *testing.T
	core   *core
	broker *broker.Broker
	link   *mqttlink.Link
	stop   func()

	patience time.Duration // of eventually and confirmed

	mu     sync.Mutex
	change func(*mqttlink.Options)
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, core: newCore(), patience: 20 * time.Second}
	s.up()
	t.Cleanup(func() { s.down() })
	return s
}

// up starts broker and link, as a start of the gateway does.
func (s *site) up() {
	s.t.Helper()
	b, err := broker.Open(broker.Options{Auth: s.core, Logger: quiet(), FailureDelay: time.Millisecond, MaxPairing: 2000, MaxPairingAddress: 2000})
	if err != nil {
		s.t.Fatal(err)
	}
	o := mqttlink.Options{Gateway: s.core, Logger: quiet(), Dial: b.GatewayConn, Connected: b.Connected, Address: b.Address,
		Secure: b.Secure, KickSession: b.Kick}
	o.Username, o.Password = b.GatewayCredential()
	if s.change != nil {
		s.change(&o)
	}
	l, err := mqttlink.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.core.mu.Lock()
	s.core.link = l
	s.core.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	s.mu.Lock()
	s.broker, s.link = b, l
	s.mu.Unlock()
	s.stop = func() { cancel(); <-done; _ = b.Close() }
	s.eventually("link is ready", l.Ready)
}

func (s *site) down() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

func (s *site) dial(context.Context) (net.Conn, error) {
	s.mu.Lock()
	b := s.broker
	s.mu.Unlock()
	return b.SignConn()
}

// eventually waits for a condition that other goroutines bring about.
func (s *site) eventually(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(s.patience)
	for !ok() {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within %v: %s", s.patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// door is a running sign with what it said.
type door struct {
	*simsign.Sign
	site   *site
	opts   simsign.Options
	cancel context.CancelFunc
	ended  chan error

	mu     sync.Mutex
	events []simsign.Event
}

func (s *site) door(change func(*simsign.Options)) *door {
	s.t.Helper()
	o := simsign.Options{
		Dial: s.dial, Panel: devices.PanelBySize(250, 122), Serial: "SN-0042", Storage: simsign.Memory(),
		MaxRetry: 50 * time.Millisecond, RefusalPause: 50 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	return s.switchOn(o)
}

// switchOn starts a sign on the storage of o.
func (s *site) switchOn(o simsign.Options) *door {
	s.t.Helper()
	d := &door{site: s, opts: o, ended: make(chan error, 1)}
	o.Emit = func(e simsign.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.events = append(d.events, e)
	}
	sign, err := simsign.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	d.Sign = sign
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go func() { d.ended <- sign.Run(ctx) }()
	s.t.Cleanup(d.off)
	return d
}

func (d *door) off() {
	d.cancel()
	if err := <-d.ended; err != nil {
		d.ended <- err // again for the next who asks
	}
}

// said counts the events of a name.
func (d *door) said(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, e := range d.events {
		if e.Event == name {
			n++
		}
	}
	return n
}

func (d *door) last(name string) (simsign.Event, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.events) - 1; i >= 0; i-- {
		if d.events[i].Event == name {
			return d.events[i], true
		}
	}
	return simsign.Event{}, false
}

func (d *door) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, e := range d.events {
		fmt.Fprintf(&b, "%s %s %s %d/%d %.8s %s\n", e.Event, e.Code, e.Reason, e.Epoch, e.Seq, e.Digest, e.Error)
	}
	return b.String()
}

// code waits until the sign shows a code that the gateway knows.
func (d *door) code() devices.Joining {
	d.site.t.Helper()
	var j devices.Joining
	d.site.eventually("sign shows a known code", func() bool {
		e, _ := d.last("pairing")
		d.site.core.mu.Lock()
		defer d.site.core.mu.Unlock()
		var ok bool
		j, ok = d.site.core.joining[e.Code]
		return ok && e.Code != ""
	})
	return j
}

func newID() devices.SignID { return devices.SignID(strings.ToLower(rand.Text()[:16])) }

// claim confirms the code on the glass, as a person in /m does.
func (d *door) claim() devices.SignID {
	d.site.t.Helper()
	j := d.code()
	id := newID()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	c := d.site.core
	c.mu.Lock()
	c.creds[id] = c.link.Credential(id, secret)
	if k, err := wire.DeriveKeys(secret, string(id)); err == nil {
		c.passwords[id] = k.Password
	}
	c.mu.Unlock()
	if err := c.link.Claim(d.site.t.Context(), j, id, secret); err != nil {
		d.site.t.Fatal(err)
	}
	d.site.eventually("gateway hears from the sign", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, ok := c.shown[id]
		return ok
	})
	return id
}

// picture draws something different for each n, much alike as two faces are.
func picture(w, h, n int) *mono.Image {
	m := mono.New(w, h)
	for y := range h {
		for x := range w {
			if x*y%7 == 0 && y > h/2 {
				m.Pix[y*m.Stride+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	for i := range 40 {
		x, y := (n*37+i*11)%w, (n*13+i*3)%(h/2)
		m.Pix[y*m.Stride+x/8] |= 0x80 >> (x % 8)
	}
	return m
}

// show makes the gateway want pictures one after the other, each for d, and
// pushes them. It returns the want's number.
func (s *site) show(id devices.SignID, w, h int, each time.Duration, pictures ...int) uint32 {
	s.t.Helper()
	c := s.core
	c.mu.Lock()
	t := devices.Timeline{Sign: id, Epoch: 1, Seq: 1, Stale: picture(w, h, 999), NextWake: time.Now().Add(c.nextWake), Capabilities: c.hardware[id].Capabilities}
	if old := c.wants[id]; old != nil {
		t.Epoch, t.Seq = old.timeline.Epoch, old.timeline.Seq+1
		for _, st := range old.timeline.Steps {
			if st.Picture.Digest() == c.shown[id].Shown {
				t.Base = st.Picture
			}
		}
	}
	from := time.Now().Truncate(time.Second)
	for _, n := range pictures {
		t.Steps = append(t.Steps, devices.Step{From: from, Until: from.Add(each), Picture: picture(w, h, n)})
		from = from.Add(each)
	}
	wa, err := c.pack(t)
	if err == nil {
		c.wants[id] = wa
	}
	link := c.link
	c.mu.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := link.Push(s.t.Context(), wa.delivery); err != nil && !errors.Is(err, devices.ErrNotConnected) {
		s.t.Logf("push: %v", err)
	}
	return t.Seq
}

// confirmed waits until the gateway knows that picture n is on the glass, and
// that it really is.
func (s *site) confirmed(d *door, id devices.SignID, n int) {
	s.t.Helper()
	b := d.Glass().Rect
	want := picture(b.Dx(), b.Dy(), n).Digest()
	deadline := time.Now().Add(s.patience)
	for {
		s.core.mu.Lock()
		got := s.core.shown[id].Shown
		s.core.mu.Unlock()
		if got == want {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("gateway knows %x, want %x\n%s%+v", got[:4], want[:4], d.log(), s.link.Stats())
		}
		time.Sleep(2 * time.Millisecond)
	}
	if got := d.Glass().Digest(); got != want {
		s.t.Fatalf("glass shows %x, want %x", got[:4], want[:4])
	}
}

// dialAs connects with a sign's own credential, instead of the sign.
func (s *site) dialAs(id devices.SignID) (mqtt.Client, error) {
	s.core.mu.Lock()
	password := s.core.passwords[id]
	s.core.mu.Unlock()
	o := mqtt.NewClientOptions().AddBroker("mqtt://x").SetClientID(string(id)).SetUsername(string(id)).SetPassword(password).
		SetProtocolVersion(4).SetAutoReconnect(false).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return s.dial(context.Background()) })
	c := mqtt.NewClient(o)
	t := c.Connect()
	t.WaitTimeout(10 * time.Second)
	return c, t.Error()
}

func subscribe(t *testing.T, c mqtt.Client, id devices.SignID, got chan<- wire.Block) {
	t.Helper()
	tok := c.Subscribe(wire.SignFilter(string(id)), 1, func(_ mqtt.Client, m mqtt.Message) {
		if b, err := wire.UnmarshalBlock(m.Payload()); err == nil {
			got <- b
		}
	})
	if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatalf("subscribe: %v", tok.Error())
	}
}

// inject publishes as the gateway would, whatever it is.
func (s *site) inject(topic string, payload []byte) {
	s.t.Helper()
	user, password := s.broker.GatewayCredential()
	o := mqtt.NewClientOptions().AddBroker("mqtt://x").SetClientID("injector").SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetAutoReconnect(false).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return s.broker.GatewayConn() })
	c := mqtt.NewClient(o)
	if t := c.Connect(); !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		s.t.Fatalf("connect: %v", t.Error())
	}
	defer c.Disconnect(1)
	if t := c.Publish(topic, 1, false, payload); !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		s.t.Fatalf("publish: %v", t.Error())
	}
}
