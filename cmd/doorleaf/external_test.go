package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/devices/simsign"
	"doorleaf/gateway"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
	"doorleaf/render/mono"
)

// foreignBroker is a broker that is not ours, in a test.
type foreignBroker interface {
	start()
	kill()
	url() string
	forget() // everything but its administrator
}

// outsideCase is a gateway with a broker that is not ours and one sign.
type outsideCase struct {
	t      *testing.T
	office *killOffice
	broker foreignBroker
	dir    string
	caFile string
	flags  []string // about the broker

	house *house
	down  func() // ends the gateway
	sign  *simsign.Sign
	off   func() // ends the sign
	store simsign.Storage

	mu     sync.Mutex
	events []simsign.Event // guarded by mu
	log    strings.Builder // guarded by mu
}

func (c *outsideCase) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func newOutsideCase(t *testing.T, b foreignBroker, ca string, flags ...string) *outsideCase {
	t.Helper()
	c := &outsideCase{t: t, broker: b, office: newKillOffice(t), dir: t.TempDir(), store: simsign.Memory(),
		flags: append([]string{"-mqtt-url", b.url(), "-mqtt-user", "gateway"}, flags...)}
	graph, err := os.ReadFile(c.office.caFile)
	if err != nil {
		t.Fatal(err)
	}
	own := []byte{}
	if ca != "" {
		if own, err = os.ReadFile(ca); err != nil {
			t.Fatal(err)
		}
	}
	c.caFile = filepath.Join(c.dir, "ca.pem")
	if err := os.WriteFile(c.caFile, slices.Concat(graph, own), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.off != nil {
			c.off()
		}
		if c.down != nil {
			c.down()
		}
		if t.Failed() {
			c.mu.Lock()
			defer c.mu.Unlock()
			t.Logf("gateway: %s", c.log.String()[max(0, c.log.Len()-6000):])
			for _, e := range c.events[max(0, len(c.events)-40):] {
				t.Logf("sign: %+v", e)
			}
		}
	})
	return c
}

// up starts the gateway on what it stored before.
func (c *outsideCase) up() {
	c.t.Helper()
	o := c.office
	args := append([]string{"-data", filepath.Join(c.dir, "gateway"), "-listen", freeAddress(c.t), "-login-url", o.graph.LoginURL(),
		"-graph-url", o.graph.GraphURL(), "-ca-file", c.caFile, "-poll-interval", "1s"}, c.flags...)
	conf, err := readConfig("serve", args, nil, stdio{err: os.Stderr})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h, err := openHouse(ctx, conf, slog.New(slog.NewTextHandler(c, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	c.house = h
	ended := make(chan error, 1)
	go func() { ended <- h.run(ctx) }()
	c.down = func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			c.t.Errorf("gateway: %v", err)
		}
		h.close()
		c.down = nil
	}
	if list, err := h.store.Connections(ctx); err != nil || len(list) > 0 {
		return
	}
	id, err := h.store.SaveSettings(ctx, 0, connection.Settings{Cloud: connection.Custom, LoginURL: o.graph.LoginURL(), GraphURL: o.graph.GraphURL(),
		Tenant: o.graph.TenantID(), ClientID: o.app.ClientID, ClientSecret: o.app.Secret})
	if err == nil {
		err = h.store.SaveState(ctx, id, connection.State{Mode: connection.AppOnly, TenantID: o.graph.TenantID()})
	}
	if err == nil {
		err = h.calendars.RefreshRooms(ctx, id)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// switchOn starts the sign with what it stored.
func (c *outsideCase) switchOn() {
	c.t.Helper()
	s, err := simsign.New(simsign.Options{Gateway: c.broker.url(), Panel: devices.Panel{Model: "296x128", Width: 296, Height: 128},
		Serial: "S-1", AlwaysOn: true, Storage: c.store, MaxRetry: time.Second, RefusalPause: time.Second, Emit: func(e simsign.Event) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.events = append(c.events, e)
		}})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c.sign = s
	c.off = func() { cancel(); <-ended; c.off = nil }
}

func (c *outsideCase) within(what string, ok func() bool) {
	c.t.Helper()
	for end := time.Now().Add(2 * patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%s: not within %v", what, 2*patience)
		}
	}
}

// joining is the sign that shows a code.
func (c *outsideCase) joining() (j devices.Joining) {
	c.t.Helper()
	c.within("a sign shows a code", func() bool {
		all := c.house.core.Joinings(c.t.Context())
		if len(all) > 0 {
			j = all[0]
		}
		return len(all) > 0
	})
	return j
}

func (c *outsideCase) pair() devices.SignID {
	c.t.Helper()
	id, err := c.house.core.Pair(c.t.Context(), c.joining().Code, "", killRoom)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// right waits until the glass shows the state and the gateway knows it.
func (c *outsideCase) right(id devices.SignID, state string) {
	c.t.Helper()
	var v gateway.DoorView
	var glass *mono.Image
	defer func() {
		if c.t.Failed() {
			c.t.Logf("trust %v, status %+v, step %+v, link %+v %+v", v.Trust, v.Status, v.ExpectedStep, c.house.link.State(), c.house.link.Stats())
		}
	}()
	c.within("the glass shows "+state, func() bool {
		var err error
		v, err = c.house.core.Door(c.t.Context(), id)
		glass = c.sign.Glass()
		return err == nil && glass != nil && trusted(v) && v.ExpectedStep != nil && v.ExpectedStep.State == state && v.ExpectedStep.Digest == glass.Digest()
	})
}

// book makes a meeting that is on now; end ends all.
func (c *outsideCase) book(subject string) {
	now := time.Now().Truncate(time.Minute)
	c.office.graph.Calendar(killRoom).Create(graphtest.Event{Subject: subject, Start: now, End: now.Add(2 * time.Hour)})
}

// agreed waits until the broker's users are those of the gateway, as of now.
func (c *outsideCase) agreed(since time.Time) {
	c.t.Helper()
	c.within("the broker has its users", func() bool {
		s := c.house.outside.keeper.Status()
		return s.Done && s.Since.After(since)
	})
}

// client tries to connect to the broker.
func (c *outsideCase) client(id, user, password string) (mqtt.Client, error) {
	c.t.Helper()
	pem, err := os.ReadFile(c.caFile)
	if err != nil {
		c.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	o := mqtt.NewClientOptions().AddBroker(c.broker.url()).SetClientID(id).SetUsername(user).SetPassword(password).SetProtocolVersion(4).
		SetAutoReconnect(false).SetConnectTimeout(patience).SetTLSConfig(&tls.Config{RootCAs: pool})
	client := mqtt.NewClient(o)
	tok := client.Connect()
	if !tok.WaitTimeout(2 * patience) {
		c.t.Fatal("no answer to CONNECT")
	}
	c.t.Cleanup(func() { client.Disconnect(1) })
	return client, tok.Error()
}

// password is what the gateway has for a sign.
func (c *outsideCase) password(id devices.SignID) string {
	c.t.Helper()
	logins, err := c.house.store.Logins(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, l := range logins {
		if l.Sign == id {
			return l.Password
		}
	}
	return ""
}

// noSecrets checks that no password stands in the gateway's log.
func (c *outsideCase) noSecrets(secrets ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range append(secrets, brokerPassword) {
		if s != "" && strings.Contains(c.log.String(), s) {
			c.t.Error("a password stands in the gateway's log")
		}
	}
}

// life is what a gateway and a sign go through at any broker that the gateway
// keeps.
func (c *outsideCase) life() {
	t := c.t
	c.broker.start()
	c.up()
	c.agreed(time.Time{})
	c.switchOn()
	id := c.pair()
	c.right(id, "free")
	c.book("First")
	c.right(id, "booked")
	first := c.password(id)

	// A stranger who knows the pairing user sees nothing of a door.
	for _, filter := range []string{"dl/1/" + string(id) + "/d/+", "#"} {
		spy, err := c.client("pair-bbbbbbbbbbbbbbbb", "pair", "pair")
		if err != nil {
			t.Fatal(err)
		}
		tok := spy.Subscribe(filter, 1, nil)
		if tok.WaitTimeout(5*time.Second) && tok.Error() == nil && tok.(*mqtt.SubscribeToken).Result()[filter] < 3 {
			t.Errorf("a stranger may subscribe to %s", filter)
		}
		spy.Disconnect(1)
	}

	// The broker dies and comes back with its users; the calendar went on.
	glass := c.sign.Glass()
	c.broker.kill()
	c.within("the gateway sees that the broker is gone", func() bool { return !c.house.link.State().Connected })
	c.within("the trouble has a name", func() bool { return c.house.link.State().Trouble == mqttlink.TroubleRefused })
	if err := c.house.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing listens") {
		t.Errorf("ready: got %v, want why not", err)
	}
	c.office.graph.Calendar(killRoom).Delete(c.office.graph.Truth(killRoom, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))[0].ID)
	c.broker.start()
	c.right(id, "free")
	if c.sign.Glass().Equal(glass) {
		t.Error("the glass shows the meeting that was cancelled")
	}

	// It comes back without users: the gateway makes them again. The sign is off
	// meanwhile, three refusals would make it pair anew.
	c.off()
	c.broker.kill()
	c.within("the gateway sees that the broker is gone", func() bool { return !c.house.link.State().Connected })
	c.broker.forget()
	begin := time.Now()
	c.broker.start()
	c.within("the sign is let in again", func() bool {
		client, err := c.client(string(id), string(id), first)
		if err == nil {
			client.Disconnect(1)
		}
		return err == nil
	})
	t.Logf("users were back after %v", time.Since(begin).Round(time.Millisecond))
	c.book("Second")
	c.switchOn()
	c.right(id, "booked")

	// The gateway starts anew.
	c.down()
	c.up()
	c.right(id, "booked")

	// Unpaired: refused at once, and a new sign again.
	if err := c.house.core.Unpair(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client(string(id), string(id), first); err == nil {
		t.Error("an unpaired sign is let in")
	}
	second := c.pair()
	if second == id {
		t.Error("an id was given again")
	}
	c.right(second, "booked")
	c.noSecrets(first, c.password(second))
}

func TestDynamicSecurity(t *testing.T) {
	t.Parallel()
	m := dynamicSecurity(t)
	c := newOutsideCase(t, m, m.file("cert.pem"), "-mqtt-provision", "mosquitto", "-mqtt-password-file", m.secret("gateway", "the gateway's own"),
		"-mqtt-admin-user", "root", "-mqtt-admin-password-file", m.secret("root", brokerPassword))
	c.life()
	c.noSecrets("the gateway's own")
}
