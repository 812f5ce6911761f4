package mqttlink

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"doorleaf/devices"
)

// certificate makes one for 127.0.0.1 or another name that ends after life.
func certificate(t *testing.T, name string, life time.Duration) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(life)}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// oddBroker serves connections one by one as a broker of strange habits would.
type oddBroker struct {
	connack byte
	granted byte
}

func (b *oddBroker) serve(c net.Conn) {
	defer c.Close()
	for {
		p, err := packets.ReadPacket(c)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			a := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
			a.ReturnCode = b.connack
			_ = a.Write(c)
		case *packets.SubscribePacket:
			a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			a.MessageID = p.MessageID
			for range p.Topics {
				a.ReturnCodes = append(a.ReturnCodes, b.granted)
			}
			_ = a.Write(c)
		}
	}
}

// listen serves each connection with f until the test ends.
func listen(t *testing.T, conf *tls.Config, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	var wg sync.WaitGroup
	ended := make(chan struct{})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { <-ended; c.Close() })
			wg.Go(func() { f(c) })
		}
	})
	t.Cleanup(func() { l.Close(); close(ended); wg.Wait() })
	return addr
}

// external is a link to a broker that is not ours.
func external(t *testing.T, o Options) *Link {
	t.Helper()
	o.Gateway, o.Logger = &nobody{}, slog.New(slog.DiscardHandler)
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// unheard is a loopback address that is taken, so that no other test gets it,
// and that nobody listens on.
func unheard(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
}

func TestTroubleIsNamed(t *testing.T) {
	t.Parallel()
	good, pool := certificate(t, "127.0.0.1", time.Hour)
	other, otherPool := certificate(t, "broker.example.com", time.Hour)
	old, oldPool := certificate(t, "127.0.0.1", -time.Hour)
	fine := func(c net.Conn) { (&oddBroker{}).serve(c) }
	connack := func(code byte) func(net.Conn) { return func(c net.Conn) { (&oddBroker{connack: code}).serve(c) } }
	server := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	vacant := unheard(t)
	for _, tt := range []struct {
		name, url string
		pool      *x509.CertPool
		want      Trouble
	}{
		{"nothing listens", "mqtt://" + vacant, nil, TroubleRefused},
		{"unknown name", "mqtt://broker.invalid:1883", nil, TroubleAddress},
		{"silent", "mqtt://" + listen(t, nil, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), nil, TroubleSilent},
		{"hangs up", "mqtt://" + listen(t, nil, func(c net.Conn) { _, _ = packets.ReadPacket(c); c.Close() }), nil, TroubleClosed},
		{"no TLS there", "mqtts://" + listen(t, nil, func(c net.Conn) { _, _ = c.Write([]byte("220 this is no broker\r\n")) }), nil, TroubleNoTLS},
		{"unknown authority", "mqtts://" + listen(t, server(good), fine), otherPool, TroubleAuthority},
		{"another name", "mqtts://" + listen(t, server(other), fine), otherPool, TroubleName},
		{"out of date", "mqtts://" + listen(t, server(old), fine), oldPool, TroubleExpired},
		{"old TLS", "mqtts://" + listen(t, &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, fine), pool, TroubleTLS},
		{"password", "mqtt://" + listen(t, nil, connack(4)), nil, TroubleLogin},
		{"not authorised", "mqtts://" + listen(t, server(good), connack(5)), pool, TroubleLogin},
		{"client id", "mqtt://" + listen(t, nil, connack(2)), nil, TroubleID},
		{"version", "mqtt://" + listen(t, nil, connack(1)), nil, TroubleVersion},
		{"not ready", "mqtt://" + listen(t, nil, connack(3)), nil, TroubleNotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := external(t, Options{BrokerURL: tt.url, Username: "u", Password: "hush hush",
				TLS: &tls.Config{RootCAs: tt.pool, MinVersion: tls.VersionTLS12}})
			err := l.connection(t.Context())
			if got := TroubleOf(err); got != tt.want {
				t.Errorf("got %q, want %q: %v", got, tt.want, err)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the password stands in %v", err)
			}
			if tt.want.String() == Trouble("something else").String() {
				t.Errorf("%q has no sentence", tt.want)
			}
		})
	}
}

// A subscription that is refused keeps the link from being ready and says so;
// one that is granted with less is enough.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		granted byte
		ready   bool
	}{{"refused", 0x80, false}, {"granted with QoS 0", 0, true}, {"granted", 1, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &oddBroker{granted: tt.granted}
			l := external(t, Options{BrokerURL: "mqtt://" + listen(t, nil, b.serve)})
			up := make(chan struct{}, 1)
			l.OnTry(func(s State) {
				if s.Connected {
					up <- struct{}{}
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			begin := time.Now()
			go func() { ended <- l.Run(ctx) }()
			if tt.ready {
				select {
				case <-up:
				case <-time.After(30 * time.Second):
					t.Fatalf("not connected: %+v", l.State())
				}
				if s := l.State(); !s.Connected || s.Since.Before(begin) || s.Trouble != NoTrouble || !l.Ready() {
					t.Errorf("got %+v", s)
				}
			} else {
				for end := time.Now().Add(30 * time.Second); l.State().Trouble != TroubleRights; time.Sleep(10 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("got %+v", l.State())
					}
				}
				if l.Ready() || l.State().Connected {
					t.Error("ready without subscriptions")
				}
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestStateKeepsWhenItBegan(t *testing.T) {
	var s stateOf
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	s.down(io.EOF, at)
	s.down(errTimeout, at.Add(time.Minute))
	if got := s.get(); got.Connected || !got.Since.Equal(at) || got.Trouble != TroubleSilent {
		t.Errorf("failing: %+v", got)
	}
	s.up(at.Add(2 * time.Minute))
	if got := s.get(); !got.Connected || !got.Since.Equal(at.Add(2*time.Minute)) || got.Err != nil {
		t.Errorf("connected: %+v", got)
	}
	s.down(io.EOF, at.Add(time.Hour))
	if got := s.get(); got.Connected || !got.Since.Equal(at.Add(time.Hour)) || got.Trouble != TroubleConnection {
		t.Errorf("lost: %+v", got)
	}
}

// Signs see the certificate of their own listener, also when it is renewed and
// when the gateway itself comes another way.
func TestKeyThatSignsSee(t *testing.T) {
	t.Parallel()
	first, pool := certificate(t, "127.0.0.1", time.Hour)
	door := listen(t, &tls.Config{Certificates: []tls.Certificate{first}}, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	l := external(t, Options{BrokerURL: "mqtt://127.0.0.1:1", Door: Door{URL: "mqtts://" + door, TLS: &tls.Config{RootCAs: pool}}})
	for range 2 {
		got, err := l.keySeen(t.Context(), "n")
		if want := sha256.Sum256(first.Leaf.RawSubjectPublicKeyInfo); err != nil || got != want {
			t.Errorf("got %x, %v, want %x", got, err, want)
		}
	}
	plain := external(t, Options{BrokerURL: "mqtt://127.0.0.1:1"})
	if got, err := plain.keySeen(t.Context(), "n"); err != nil || got != [32]byte{} {
		t.Errorf("plain: got %x, %v", got, err)
	}
	_, foreign := certificate(t, "127.0.0.1", time.Hour)
	wrong := external(t, Options{BrokerURL: "mqtts://" + door, TLS: &tls.Config{RootCAs: foreign}})
	if _, err := wrong.keySeen(t.Context(), "n"); TroubleOf(err) != TroubleAuthority {
		t.Errorf("got %v, want an unknown authority", err)
	}
}

func TestDoorAdmits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		broker *oddBroker
		want   Trouble
	}{{"served", &oddBroker{granted: 1}, NoTrouble}, {"refused", &oddBroker{connack: 5}, TroubleLogin},
		{"let in but not served", &oddBroker{granted: 0x80}, TroubleRights}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := Door{URL: "mqtt://" + listen(t, nil, tt.broker.serve)}
			err := d.Admits(t.Context(), devices.Login{Sign: signID, Password: "p"})
			if got := TroubleOf(err); got != tt.want {
				t.Errorf("got %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}
