package broker

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"doorleaf/devices"
)

// selfSigned is a certificate for 127.0.0.1.
func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// startSecure is a broker's process with TLS; the certificate can be changed.
func startSecure(t *testing.T) (*Process, *atomic.Pointer[tls.Certificate]) {
	t.Helper()
	var served atomic.Pointer[tls.Certificate]
	served.Store(selfSigned(t))
	p, _, _ := startProcess(t, func(o *Options) {
		o.Listen = []string{"mqtts://127.0.0.1:0"}
		o.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return served.Load(), nil }}
	})
	return p, &served
}

// secureSign connects over TLS as sign A and exchanges a message.
func secureSign(t *testing.T, p *Process, c *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	u, err := url.Parse(p.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", u.Host, c)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	s := &client{t: t, conn: conn, r: bufio.NewReader(conn)}
	if code := s.login(signA, signA, "password-a"); code != 0 {
		t.Fatalf("CONNACK %d", code)
	}
	if code := s.subscribe("dl/1/" + signA + "/d/+"); code > 1 {
		t.Fatalf("SUBACK %#x", code)
	}
	return conn.ConnectionState(), nil
}

// A sign that wakes resumes its TLS session, also with a process that was
// started since.
func TestTicketsOutliveTheProcess(t *testing.T) {
	p, served := startSecure(t)
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			c := &tls.Config{InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
			connect := func(resumed bool) {
				t.Helper()
				st, err := secureSign(t, p, c)
				if err != nil {
					t.Fatal(err)
				}
				if st.DidResume != resumed || st.Version != version {
					t.Errorf("resumed %v in %s, want %v", st.DidResume, tls.VersionName(st.Version), resumed)
				}
			}
			connect(false)
			connect(true)
			restarts := p.Stats().Restarts
			if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the next process", func() bool { return p.Stats().Restarts > restarts && p.Stats().Accepted > 0 })
			connect(true)
		})
	}
	t.Run("new certificate", func(t *testing.T) {
		next := selfSigned(t)
		served.Store(next)
		waitFor(t, "the new certificate", func() bool {
			st, err := secureSign(t, p, &tls.Config{InsecureSkipVerify: true})
			return err == nil && string(st.PeerCertificates[0].Raw) == string(next.Certificate[0])
		})
	})
}

// Versions before TLS 1.2 are refused, and so is a fallback that somebody in
// between forced; both are counted.
func TestOldTLS(t *testing.T) {
	p, _ := startSecure(t)
	count := func() int {
		for _, i := range p.Incidents() {
			if i.Kind == devices.OldTLS {
				return i.Count
			}
		}
		return 0
	}
	for n, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, err := secureSign(t, p, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version}); err == nil {
			t.Errorf("%s was let in", tls.VersionName(version))
		}
		if got := count(); got != n+1 {
			t.Errorf("%s: %d counted, want %d", tls.VersionName(version), got, n+1)
		}
	}
	u, err := url.Parse(p.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	raw := func(b []byte) []byte {
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = c.Write(b)
		answer := make([]byte, 7)
		n, _ := c.Read(answer)
		return answer[:n]
	}
	before := count()
	if got := raw(fallbackHello()); len(got) != 7 || got[0] != 21 || got[6] != 86 { // alert: inappropriate fallback
		t.Errorf("forced fallback: answer %v", got)
	}
	if got := count(); got != before+1 {
		t.Errorf("forced fallback: %d counted, want %d", got, before+1)
	}
	if got := raw(connectPacket(4, 0xc2, 30, signA, signA, "password-a")); len(got) > 0 && got[0] == typeConnack<<4 {
		t.Errorf("plain MQTT was answered on the TLS port: %v", got)
	}
	if !saw(p, devices.MalformedPacket, "") {
		t.Errorf("plain MQTT on the TLS port is not counted: %+v", p.Incidents())
	}
	if st, err := secureSign(t, p, &tls.Config{InsecureSkipVerify: true}); err != nil || st.Version != tls.VersionTLS13 {
		t.Errorf("got %s, %v, want TLS 1.3", tls.VersionName(st.Version), err)
	}
	if got := count(); got != before+1 {
		t.Errorf("a good sign is counted: %d", got)
	}
}

// fallbackHello is a client hello of TLS 1.2 that says it knows more.
func fallbackHello() []byte {
	hello := join([]byte{3, 3}, make([]byte, 32), []byte{0}, []byte{0, 4, 0xc0, 0x2b, fallback >> 8, fallback & 0xff}, []byte{1, 0},
		[]byte{0, 22, 0, 10, 0, 4, 0, 2, 0, 0x17, 0, 13, 0, 4, 0, 2, 4, 3, 0, 11, 0, 2, 1, 0}) // P-256, ECDSA
	hello = join([]byte{1, 0, 0, byte(len(hello))}, hello)
	return join([]byte{22, 3, 1, 0, byte(len(hello))}, hello)
}
