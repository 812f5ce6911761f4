package main

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
)

// A paired sign that turned hostile, and a person who guesses codes, against the
// whole gateway: they get nothing of another sign, cost little, are counted and
// named, and the other sign goes on showing its room.
func TestHostileSignAtTheGateway(t *testing.T) {
	f := newFleetOf(t, 2, "mqtt", true)
	evil, secret := benchIdentity(0)
	victim, victimSecret := benchIdentity(1)

	var mu sync.Mutex
	var foreign []wire.ObjectHash // that the victim pulls
	user, password := f.h.broker.GatewayCredential()
	observer := dialMQTT(t, mqtt.NewClientOptions().AddBroker("mqtt://x").SetClientID("observer").SetUsername(user).SetPassword(password).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return f.h.broker.GatewayConn() }))
	subscribeMQTT(t, observer, wire.GatewayFilter, func(m mqtt.Message) {
		if g, err := wire.UnmarshalGet(m.Payload()); err == nil && m.Topic() == wire.SignTopic(string(victim), wire.NameGet) {
			mu.Lock()
			foreign = append(foreign, g.Object)
			mu.Unlock()
		}
	})

	sign, err := simsign.New(simsign.Options{Gateway: "mqtt://" + f.mqtt, Panel: devices.PanelBySize(800, 480), Serial: "V", AlwaysOn: true,
		Identity: &simsign.Identity{ID: victim, Secret: victimSecret}})
	if err != nil {
		t.Fatal(err)
	}
	hang(t, sign)
	shows := func() bool {
		v, err := f.h.core.Door(t.Context(), victim)
		return err == nil && v.Trust == gateway.Right && v.Want != nil && !v.Want.Partial && v.ExpectedStep != nil && v.Status.Shown == v.ExpectedStep.Digest
	}
	soon(t, "the victim's first timeline", shows)

	keys, err := wire.DeriveKeys(secret, string(evil))
	if err != nil {
		t.Fatal(err)
	}
	attacker := dialMQTT(t, mqtt.NewClientOptions().AddBroker("mqtt://"+f.mqtt).SetClientID(string(evil)).SetUsername(string(evil)).SetPassword(keys.Password))
	var served, refused int // blocks with and without data
	subscribeMQTT(t, attacker, "dl/1/"+string(evil)+"/d/+", func(m mqtt.Message) {
		b, err := wire.UnmarshalBlock(m.Payload())
		if err != nil || !strings.HasSuffix(m.Topic(), "/blk") {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if b.Total > 0 || len(b.Data) > 0 {
			served++
			return
		}
		refused++
	})
	say := func(name wire.Name, payload []byte) {
		t.Helper()
		if tok := attacker.Publish(wire.SignTopic(string(evil), name), 0, false, payload); !tok.WaitTimeout(patience) || tok.Error() != nil {
			t.Fatalf("publish: %v", tok.Error())
		}
	}
	ask := func(object wire.ObjectHash, times int) {
		t.Helper()
		g := wire.Get{Object: object, Length: wire.MaxBlockData}
		msg, err := g.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for range times {
			say(wire.NameGet, msg)
		}
	}

	var objects []wire.ObjectHash
	soon(t, "the observer hears what the victim pulls", func() bool {
		mu.Lock()
		defer mu.Unlock()
		objects = slices.Clone(foreign)
		return len(objects) > 0
	})
	for _, o := range objects[:min(len(objects), 20)] {
		ask(o, 1)
	}
	ask(objects[0], 20)
	soon(t, "foreign pictures are named", func() bool { return named(f.h, devices.ForeignFrame, evil) })

	ask(objects[0], 200) // small questions for large answers, more than its share
	soon(t, "greed is named", func() bool { return named(f.h, devices.GreedyRequests, evil) })

	for _, junk := range [][]byte{nil, {0xff}, bytes.Repeat([]byte{0x81}, 900), bytes.Repeat([]byte{0xa1, 0x01}, 400), []byte("<script>alert(1)</script>")} {
		say(wire.NameHello, junk)
		say(wire.NameShown, junk)
		say(wire.NameEvent, junk)
	}
	soon(t, "unreadable messages are named", func() bool { return named(f.h, devices.UnreadableMessage, evil) })

	for range 9 {
		if _, err := f.h.core.Pair(t.Context(), "K7QF2M9P", "", ""); err == nil {
			t.Fatal("a guessed code was taken")
		} else if errors.Is(err, gateway.ErrTooMany) {
			break
		}
	}
	soon(t, "guessed codes are named", func() bool {
		r, err := f.h.core.Health(t.Context())
		for _, c := range r.All() {
			if err == nil && c.Key.Kind == "attack" && c.Key.Subject == string(devices.CodeGuessing) {
				return true
			}
		}
		return false
	})

	f.round++
	if err := f.commit(1, f.day(1, f.round)); err != nil {
		t.Fatal(err)
	}
	before := sign.Glass().Digest()
	f.h.core.AgendaChanged(f.rooms[1].ID)
	soon(t, "the victim's picture changes", func() bool { return sign.Glass().Digest() != before && shows() })
	mu.Lock()
	defer mu.Unlock()
	if served != 0 || refused == 0 {
		t.Errorf("of the victim's objects %d blocks were served, %d refused", served, refused)
	}
	if p := f.h.broker.Stats(); p.Restarts != 0 || p.Panics != 0 {
		t.Errorf("broker %+v", p)
	}
	if named(f.h, devices.UnreadableMessage, victim) || named(f.h, devices.ForeignFrame, victim) {
		t.Error("the victim is blamed")
	}
}

// named reports whether the gateway knows of such an incident of a sign.
func named(h *house, kind devices.IncidentKind, id devices.SignID) bool {
	for _, i := range h.around().Incidents {
		if i.Kind == kind && i.Sign == id && i.Count > 0 {
			return true
		}
	}
	return false
}

func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func dialMQTT(t *testing.T, o *mqtt.ClientOptions) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(o.SetProtocolVersion(4).SetAutoReconnect(false))
	if tok := c.Connect(); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatalf("connect: %v", tok.Error())
	}
	t.Cleanup(func() { c.Disconnect(1) })
	return c
}

func subscribeMQTT(t *testing.T, c mqtt.Client, filter string, take func(mqtt.Message)) {
	t.Helper()
	if tok := c.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { take(m) }); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatalf("subscribe: %v", tok.Error())
	}
}
