package simsign_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"doorleaf/devices/broker"
	"doorleaf/devices/mqttlink"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
)

// certificate makes a self-signed one for 127.0.0.1 and the hash of its key.
func certificate(t *testing.T) (tls.Certificate, [32]byte, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, sha256.Sum256(parsed.RawSubjectPublicKeyInfo), pool
}

// network is a site whose broker listens, plain and with TLS.
func network(t *testing.T, cert tls.Certificate, spki [32]byte) (s *site, plain, secure string) {
	t.Helper()
	s = &site{t: t, core: newCore(), patience: 20 * time.Second}
	b, err := broker.Open(broker.Options{Auth: s.core, Logger: quiet(), Listen: []string{"mqtt://127.0.0.1:0", "mqtts://127.0.0.1:0"},
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, FailureDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	user, password := b.GatewayCredential()
	l, err := mqttlink.New(mqttlink.Options{Gateway: s.core, Logger: quiet(), Dial: b.GatewayConn, Username: user, Password: password,
		Connected: b.Connected, Secure: b.Secure, Address: b.Address, KickSession: b.Kick, ServerSPKI: spki})
	if err != nil {
		t.Fatal(err)
	}
	s.broker, s.link, s.core.link = b, l, l
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; _ = b.Close() })
	s.eventually("link is ready", l.Ready)
	return s, b.Addrs()[0], b.Addrs()[1]
}

func TestTransports(t *testing.T) {
	cert, spki, pool := certificate(t)
	s, plain, secure := network(t, cert, spki)
	for _, tt := range []struct {
		name, url string
		change    func(*simsign.Options)
	}{
		{"plain", plain, func(*simsign.Options) {}},
		{"key pinned at pairing", secure, func(*simsign.Options) {}},
		{"authority given", secure, func(o *simsign.Options) { o.CA = pool }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := s.door(func(o *simsign.Options) {
				o.Dial, o.Gateway, o.AlwaysOn = nil, tt.url, true
				tt.change(o)
			})
			if j := d.code(); j.Address != "127.0.0.1" {
				t.Errorf("address: got %q", j.Address)
			}
			id := d.claim()
			s.show(id, 250, 122, time.Hour, 1)
			s.confirmed(d, id, 1)
		})
	}
}

// A sign that pinned a key does not talk to a server with another, and one that
// has an authority does not even pair there.
func TestForeignServer(t *testing.T) {
	cert, spki, _ := certificate(t)
	s, _, secure := network(t, cert, spki)
	d := s.door(func(o *simsign.Options) { o.Dial, o.Gateway = nil, secure })
	id := d.claim()
	d.off()
	otherCert, otherKey, otherPool := certificate(t)
	other, _, elsewhere := network(t, otherCert, otherKey)
	o := d.opts
	o.Gateway = elsewhere
	moved := other.switchOn(o)
	s.eventually("sign refuses the server", func() bool { return moved.said("offline") > 2 })
	if moved.said("connected") != 0 || moved.ID() != id {
		t.Errorf("sign gave itself to a foreign server\n%s", moved.log())
	}
	strict := other.door(func(o *simsign.Options) { o.Dial, o.Gateway, o.CA = nil, secure, otherPool })
	s.eventually("sign refuses the server", func() bool { return strict.said("offline") > 2 })
	if strict.said("pairing") != 0 {
		t.Error("sign pairs with a server its authority did not sign")
	}
}

// Somebody in between ends TLS with a certificate of his own: the gateway knows
// another code than the glass shows, so that nothing typed there matches.
func TestRelayShowsAnotherCode(t *testing.T) {
	cert, spki, _ := certificate(t)
	s, _, secure := network(t, cert, spki)
	relayCert, _, _ := certificate(t)
	relay, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{relayCert}})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	target, _ := url.Parse(secure)
	go func() {
		for {
			in, err := relay.Accept()
			if err != nil {
				return
			}
			out, err := tls.Dial("tcp", target.Host, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				_ = in.Close()
				continue
			}
			go pipe(in, out)
			go pipe(out, in)
		}
	}()
	d := s.door(func(o *simsign.Options) { o.Dial, o.Gateway = nil, "mqtts://"+relay.Addr().String() })
	s.eventually("both have a code", func() bool {
		s.core.mu.Lock()
		defer s.core.mu.Unlock()
		return len(s.core.joining) > 0 && d.said("pairing") > 0
	})
	e, _ := d.last("pairing")
	s.core.mu.Lock()
	_, known := s.core.joining[e.Code]
	s.core.mu.Unlock()
	if known || len(e.Code) != wire.PairCodeLength {
		t.Errorf("gateway knows the code %q that the relayed sign shows", e.Code)
	}
}

func pipe(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
