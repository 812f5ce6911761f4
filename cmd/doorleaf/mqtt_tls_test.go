package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/gateway"
)

// tlsHouse is a gateway with one sign, started anew on the same data and ports
// as often as wanted.
type tlsHouse struct {
	t    *testing.T
	args []string
	h    *house
	down func()
}

func (c *tlsHouse) up(more ...string) {
	c.t.Helper()
	if c.down != nil {
		c.down()
	}
	conf, err := readConfig("serve", slices.Concat(c.args, more), nil, stdio{err: os.Stderr})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h, err := openHouse(ctx, conf, slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.run(ctx) }()
	c.h = h
	c.down = func() {
		cancel()
		<-done
		h.close()
		c.down = nil
	}
}

// ticketBox keeps the tickets of sessions and says when one has come.
type ticketBox struct {
	tls.ClientSessionCache
	put chan struct{}
}

func (b ticketBox) Put(key string, s *tls.ClientSessionState) {
	b.ClientSessionCache.Put(key, s)
	if s != nil {
		b.put <- struct{}{}
	}
}

// A client that speaks TLS 1.2 at most is refused and named by a gateway that was
// told nothing, and let in where it was told so. A session is resumed with the next
// gateway on the same data. A sign is right all the while.
func TestTLSOfTheGateway(t *testing.T) {
	dir, mqtt := t.TempDir(), freeAddress(t)
	c := &tlsHouse{t: t, args: []string{"-data", filepath.Join(dir, "gateway"), "-listen", freeAddress(t), "-mqtt-listen", "mqtts://" + mqtt}}
	t.Cleanup(func() {
		if c.down != nil {
			c.down()
		}
	})
	c.up()
	id, secret := benchIdentity(0)
	if err := c.h.store.AddSign(t.Context(), gateway.Sign{ID: id, Name: "1", PairedAt: time.Now(), Hardware: devices.Hardware{Model: "296x128", Width: 296, Height: 128, AlwaysOn: true}}, c.h.link.Credential(id, secret)); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "gateway", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	sign, err := simsign.New(simsign.Options{Gateway: "mqtts://" + mqtt, CA: pool, Panel: devices.PanelBySize(296, 128), Serial: "T", AlwaysOn: true,
		Identity: &simsign.Identity{ID: id, Secret: secret}, MaxRetry: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	hang(t, sign)
	right := func() bool {
		v, err := c.h.core.Door(t.Context(), id)
		return err == nil && v.Want != nil && v.Status.Seq == v.Want.Seq && v.Status.Shown == sign.Glass().Digest() && c.h.connected(id)
	}
	sessions := ticketBox{tls.NewLRUClientSessionCache(4), make(chan struct{}, 64)}
	dial := func(newest uint16) (tls.ConnectionState, error) {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", mqtt, &tls.Config{RootCAs: pool, MaxVersion: newest, ClientSessionCache: sessions})
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		if newest >= tls.VersionTLS13 { // the ticket comes after the handshake, when it comes
			go func() { _, _ = conn.Read(make([]byte, 1)) }()
			select {
			case <-sessions.put:
			case <-time.After(patience):
				return tls.ConnectionState{}, errors.New("no ticket")
			}
		}
		return conn.ConnectionState(), nil
	}
	soon(t, "the sign is right", right)
	if _, err := dial(tls.VersionTLS12); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("TLS 1.2: %v", err)
	}
	soon(t, "it is named", func() bool {
		return slices.ContainsFunc(c.h.around().Incidents, func(i devices.Incident) bool { return i.Kind == devices.OldTLS })
	})
	if st, err := dial(tls.VersionTLS13); err != nil || st.DidResume {
		t.Errorf("first session: resumed %v, %v", st.DidResume, err)
	}
	c.up()
	if st, err := dial(tls.VersionTLS13); err != nil || !st.DidResume {
		t.Errorf("session with the next gateway: resumed %v, %v", st.DidResume, err)
	}
	soon(t, "the sign is right again", right)
	c.up("-mqtt-tls-min", "1.2")
	if st, err := dial(tls.VersionTLS12); err != nil || st.Version != tls.VersionTLS12 {
		t.Errorf("TLS 1.2 where it may: %s, %v", tls.VersionName(st.Version), err)
	}
	soon(t, "the sign is right once more", right)
	if _, err := readConfig("serve", []string{"-mqtt-tls-min", "1.1"}, nil, stdio{err: os.Stderr}); err == nil {
		t.Error("1.1 is taken as a setting")
	}
}
