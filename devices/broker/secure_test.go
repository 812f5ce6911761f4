package broker

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"slices"
	"sync"
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

// startSecure is a broker's process with TLS from a version on, 0 for its
// default; the certificate can be changed.
func startSecure(t *testing.T, version uint16) (*Process, *atomic.Pointer[tls.Certificate]) {
	t.Helper()
	served := &atomic.Pointer[tls.Certificate]{}
	served.Store(selfSigned(t))
	return startServing(t, served, version, nil), served
}

func startServing(t *testing.T, served *atomic.Pointer[tls.Certificate], version uint16, tickets TicketStore) *Process {
	t.Helper()
	p, _, _ := startProcess(t, func(o *Options) {
		o.Listen, o.Tickets = []string{"mqtts://127.0.0.1:0"}, tickets
		o.TLS = &tls.Config{MinVersion: version, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return served.Load(), nil }}
	})
	return p
}

// secureSign connects over TLS as sign A and exchanges a message.
func secureSign(t *testing.T, p *Process, c *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	u, err := url.Parse(p.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", u.Host, c)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
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
	p, served := startSecure(t, tls.VersionTLS12)
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

// Versions before TLS 1.3 are refused where nothing else is said, and before 1.2
// always, with ciphers that are too weak; so is a fallback that somebody in
// between forced. All are counted.
func TestOldTLS(t *testing.T) {
	strict, _ := startSecure(t, 0)
	p, _ := startSecure(t, tls.VersionTLS12)
	weak := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA,
		tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	for _, tt := range []struct {
		name    string
		to      *Process
		version uint16
		ciphers []uint16
		want    bool
	}{
		{"1.0", strict, tls.VersionTLS10, nil, false},
		{"1.1", strict, tls.VersionTLS11, nil, false},
		{"1.2", strict, tls.VersionTLS12, nil, false},
		{"1.3", strict, tls.VersionTLS13, nil, true},
		{"1.0 where 1.2 may", p, tls.VersionTLS10, nil, false},
		{"1.1 where 1.2 may", p, tls.VersionTLS11, nil, false},
		{"1.2 where it may", p, tls.VersionTLS12, nil, true},
		{"1.2 with weak ciphers", p, tls.VersionTLS12, weak, false},
		{"1.2 with one good cipher", p, tls.VersionTLS12, append(weak, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), true},
	} {
		before := oldTLS(tt.to)
		st, err := secureSign(t, tt.to, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tt.version, CipherSuites: tt.ciphers})
		if (err == nil) != tt.want || (tt.want && st.Version != tt.version) {
			t.Errorf("%s: %s, %v, want it let in: %v", tt.name, tls.VersionName(st.Version), err, tt.want)
		}
		if counted := oldTLS(tt.to) - before; (counted == 1) == tt.want {
			t.Errorf("%s: %d counted", tt.name, counted)
		}
	}
	for _, b := range []*Process{strict, p} {
		fallbacks(t, b)
	}
}

// oldTLS is how many old versions a broker counted.
func oldTLS(p *Process) (n int) {
	for _, i := range p.Incidents() {
		if i.Kind == devices.OldTLS {
			n += i.Count
		}
	}
	return n
}

// fallbacks tries to make a broker talk worse than it can.
func fallbacks(t *testing.T, p *Process) {
	t.Helper()
	count := func() int { return oldTLS(p) }
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
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write(b)
		answer := make([]byte, 7)
		n, _ := c.Read(answer)
		return answer[:n]
	}
	before := count()
	if got := raw(fallbackHello()); len(got) != 7 || got[0] != 21 || (got[6] != 86 && got[6] != 70) { // alert: inappropriate fallback, or version
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

// kept is a TicketStore in memory.
type kept struct {
	mu sync.Mutex
	b  []byte // guarded by mu
}

func (k *kept) Tickets() ([]byte, error) { k.mu.Lock(); defer k.mu.Unlock(); return k.b, nil }

func (k *kept) KeepTickets(b []byte) error { k.mu.Lock(); defer k.mu.Unlock(); k.b = b; return nil }

// Tickets are good with the next gateway, unless its certificate has another key;
// what its store has of them may be anything.
func TestTicketsOutliveTheGateway(t *testing.T) {
	served, store := &atomic.Pointer[tls.Certificate]{}, &kept{}
	served.Store(selfSigned(t))
	c := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: &oneSession{}}
	connect := func(name string, resumed bool) {
		t.Helper()
		p := startServing(t, served, 0, store)
		st, err := secureSign(t, p, c)
		if err != nil || st.DidResume != resumed {
			t.Errorf("%s: resumed %v, want %v; %v", name, st.DidResume, resumed, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	connect("first", false)
	connect("next gateway", true)
	connect("and the next", true)
	for _, junk := range []string{"", "null", "[]", "{}", `[{"Key":[]}]`, "\x00\x01", `[{"Made":"9999-01-01T00:00:00Z"}]`} {
		store.b = []byte(junk)
		connect("store with "+junk, false)
	}
	connect("kept again", true)
	served.Store(selfSigned(t))
	connect("another key", false)
}

// oneSession remembers the newest session, whatever the port.
type oneSession struct {
	mu sync.Mutex
	s  *tls.ClientSessionState // guarded by mu
}

func (o *oneSession) Get(string) (*tls.ClientSessionState, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.s, o.s != nil
}

func (o *oneSession) Put(_ string, s *tls.ClientSessionState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s != nil {
		o.s = s
	}
}

// A ticket is no credential: who stole a sign's session still needs its password,
// and a ticket of another server, or a damaged one, is as good as none.
func TestForeignTickets(t *testing.T) {
	p, served := startSecure(t, 0)
	u, err := url.Parse(p.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	stolen := &oneSession{}
	if _, err := secureSign(t, p, &tls.Config{InsecureSkipVerify: true, ClientSessionCache: stolen}); err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true, ClientSessionCache: stolen})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !conn.ConnectionState().DidResume {
		t.Error("the stolen session is not resumed: the test looks at nothing")
	}
	thief := &client{t: t, conn: conn, r: bufio.NewReader(conn)}
	if code := thief.login(signA, signA, "guess"); code != connackNotAuthorized {
		t.Errorf("CONNACK %d with a stolen ticket and no password", code)
	}
	waitFor(t, "the guess", func() bool { return saw(p, devices.RefusedPassword, signA) })

	foreign := &oneSession{}
	if _, err := secureSign(t, startServing(t, served, 0, nil), &tls.Config{InsecureSkipVerify: true, ClientSessionCache: foreign}); err != nil {
		t.Fatal(err)
	}
	ticket, state, err := stolen.s.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(ticket)
	damaged[len(damaged)/2] ^= 1
	torn, err := tls.NewResumptionState(damaged, state)
	if err != nil {
		t.Fatal(err)
	}
	long, err := tls.NewResumptionState(bytes.Repeat([]byte{7}, 16<<10), state)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*tls.ClientSessionState{"of another server": foreign.s, "damaged": torn, "long": long} {
		st, err := secureSign(t, p, &tls.Config{InsecureSkipVerify: true, ClientSessionCache: &oneSession{s: s}})
		if err != nil || st.DidResume {
			t.Errorf("ticket %s: resumed %v, %v", name, st.DidResume, err)
		}
	}
	if n := p.Stats(); n.Panics != 0 || n.Restarts != 0 {
		t.Errorf("stats %+v", n)
	}
}
