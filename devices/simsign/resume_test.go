package simsign

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"
)

// tlsServer is a server with a key of its own, and the keys of session tickets
// that it was given.
type tlsServer struct {
	config *tls.Config
	key    [32]byte
	roots  *x509.CertPool
}

func newTLSServer(t *testing.T, tickets byte, version uint16) *tlsServer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"gateway"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err == nil {
		c, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &tlsServer{key: sha256.Sum256(c.RawSubjectPublicKeyInfo), roots: x509.NewCertPool()}
	s.roots.AddCert(c)
	s.config = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}, MaxVersion: version}
	s.config.SetSessionTicketKeys([][32]byte{{tickets}})
	return s
}

// meet connects a sign to a server, which says one byte.
func meet(s *Sign, server *tlsServer, paired bool, pins ...[32]byte) (key [32]byte, resumed bool, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return key, false, err
	}
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return key, false, errors.Join(err, l.Close())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		far, err := l.Accept()
		if err != nil {
			return
		}
		defer far.Close()
		c := tls.Server(far, server.config)
		if c.Handshake() == nil {
			_, _ = c.Write([]byte{1})
		}
	}()
	var list [][]byte
	for _, p := range pins {
		list = append(list, p[:])
	}
	session := &session{done: make(chan struct{})}
	c := tls.Client(near, s.trust("gateway", session, paired, list))
	if _, err = c.Read(make([]byte, 1)); err == nil { // behind it comes the ticket
		resumed = c.ConnectionState().DidResume
	}
	_ = near.Close()
	<-done
	_ = l.Close()
	return session.spki, resumed, err
}

// A sign resumes its session with a server whose key it believes, and no other:
// neither with one that has another key, nor when it was told other keys since.
func TestResume(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			first, other, sibling := newTLSServer(t, 1, version), newTLSServer(t, 2, version), newTLSServer(t, 1, version)
			s := &Sign{}
			for _, tt := range []struct {
				name    string
				server  *tlsServer
				paired  bool
				pins    [][32]byte
				key     [32]byte
				resumed bool
				refused bool
			}{
				{"pairing", first, false, nil, first.key, false, false},
				{"the first wake", first, true, [][32]byte{first.key}, first.key, true, false},
				{"the second wake", first, true, [][32]byte{first.key}, first.key, true, false},
				{"a stranger", other, true, [][32]byte{first.key}, other.key, false, true},
				{"the server again, when a failure has ended the session", first, true, [][32]byte{first.key}, first.key, false, false},
				{"and again", first, true, [][32]byte{first.key}, first.key, true, false},
				{"the server, not believed any more", first, true, [][32]byte{other.key}, first.key, false, true},
				{"another key, with the tickets of the one not believed any more", sibling, true, [][32]byte{sibling.key}, sibling.key, false, false},
				{"the other key again", sibling, true, [][32]byte{first.key, sibling.key}, sibling.key, true, false},
				{"a server that another sign of the site knows", other, true, [][32]byte{other.key, sibling.key}, other.key, false, false},
			} {
				key, resumed, err := meet(s, tt.server, tt.paired, tt.pins...)
				if key != tt.key || resumed != tt.resumed || errors.Is(err, errPin) != tt.refused || (err != nil) != tt.refused {
					t.Errorf("%s: key as expected %v, resumed %v, %v; want resumed %v, refused %v", tt.name, key == tt.key, resumed, err, tt.resumed, tt.refused)
				}
			}
		})
	}
}

// A sign that was given an authority resumes too, and not with a server that the
// authority did not sign.
func TestResumeWithAuthority(t *testing.T) {
	first, other := newTLSServer(t, 1, 0), newTLSServer(t, 2, 0)
	s := &Sign{opts: Options{CA: first.roots}}
	for i, want := range []bool{false, true} {
		if _, resumed, err := meet(s, first, true); err != nil || resumed != want {
			t.Errorf("wake %d: resumed %v, %v", i, resumed, err)
		}
	}
	var unknown *tls.CertificateVerificationError
	if _, _, err := meet(s, other, true); !errors.As(err, &unknown) {
		t.Errorf("another server: %v", err)
	}
	for i, want := range []bool{false, true} { // a failure ends the session
		if _, resumed, err := meet(s, first, true); err != nil || resumed != want {
			t.Errorf("the first one again, wake %d: resumed %v, %v", i, resumed, err)
		}
	}
}

// Two signs share no session.
func TestResumeAlone(t *testing.T) {
	server := newTLSServer(t, 1, 0)
	for range 2 {
		if _, resumed, err := meet(&Sign{}, server, true, server.key); err != nil || resumed {
			t.Errorf("resumed %v, %v", resumed, err)
		}
	}
}
