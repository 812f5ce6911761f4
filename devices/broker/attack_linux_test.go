package broker

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"doorleaf/devices"
)

// The attacker's addresses. Only Linux has the whole of 127/8 on its loopback.
const (
	attacker = "127.0.0.2"
	other    = "127.0.0.3"
)

// from connects from an address of the loopback.
func from(t testing.TB, b server, address string) net.Conn {
	t.Helper()
	u, err := url.Parse(b.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
	c, err := d.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// witness exchanges messages with the gateway while others attack.
type witness struct {
	mu    sync.Mutex
	worst time.Duration // guarded by mu
	turns int           // guarded by mu
	err   error         // guarded by mu
}

// witnessBound is how long one turn may take: a message to the gateway and one
// back. The machine is small and the attackers run on it too.
const witnessBound = 5 * time.Second

func (w *witness) run(g, s *client, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(25 * time.Millisecond): // below what is held back
		}
		begin := time.Now()
		err := w.turn(g, s, strconv.Itoa(n))
		w.mu.Lock()
		w.worst, w.turns = max(w.worst, time.Since(begin)), w.turns+1
		if err != nil {
			w.err = err
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}

// more waits until the witness went on after an attack.
func (w *witness) more(t *testing.T) {
	t.Helper()
	seen := -1
	waitFor(t, "the witness", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		if seen < 0 {
			seen = w.turns
		}
		return w.err != nil || w.turns >= seen+2
	})
}

func (w *witness) turn(g, s *client, text string) error {
	up, down := "dl/1/"+signB+"/u/hello", "dl/1/"+signB+"/d/want"
	for _, step := range []struct {
		send  []byte
		from  *client
		to    *client
		topic string
	}{{publishPacket(0, up, text), s, g, up}, {publishPacket(0, down, text), g, s, down}} {
		if err := step.from.write(step.send); err != nil {
			return err
		}
		for {
			p, err := step.to.read()
			if err != nil {
				return err
			}
			d := fields{rest: p.body}
			if topic := d.text(); p.kind == typePublish && topic == step.topic {
				if got := string(d.rest); got != text {
					return fmt.Errorf("got %q, want %q", got, text)
				}
				break
			}
		}
	}
	return nil
}

// scene is a broker in a process of its own, a witness and an attack.
type scene struct {
	*Process
	t *testing.T
}

// as connects as a sign from an address and subscribes where it may.
func (s scene) as(id, password, address string) *client {
	s.t.Helper()
	c := &client{t: s.t, conn: from(s.t, s, address)}
	c.r = bufioReaderOf(c.conn)
	if code := c.login(id, id, password); code != 0 {
		s.t.Fatalf("CONNACK %d", code)
	}
	if code := c.subscribe("dl/1/" + id + "/d/+"); code > 1 {
		s.t.Fatalf("SUBACK %#x", code)
	}
	return c
}

// strangers sends each of the packets on a connection of its own and waits for
// its end.
func (s scene) strangers(packets ...[]byte) {
	s.t.Helper()
	for _, p := range packets {
		c := from(s.t, s, attacker)
		_, _ = c.Write(p)
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
}

// insider sends packets as sign A until it is sent away.
func (s scene) insider(packets ...[]byte) {
	s.t.Helper()
	for _, p := range packets {
		c := s.as(signA, "password-a", attacker)
		_, _ = c.conn.Write(p)
		_, _ = io.Copy(io.Discard, c.conn)
		_ = c.conn.Close()
	}
}

// Everything a stranger on the network or a paired sign may try, against the
// process that serves. The witness goes on all the while, and each is counted
// and named.
func TestAttacks(t *testing.T) {
	own, foreign := "dl/1/"+signA, "dl/1/"+signB
	tests := []struct {
		name   string
		kind   devices.IncidentKind
		sign   devices.SignID // that it is counted with
		attack func(s scene)
	}{
		{"malformed", devices.MalformedPacket, "", func(s scene) {
			junk := [][]byte{[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), make([]byte, 64), {0x10, 0xff, 0xff, 0xff, 0xff, 0xff}}
			for n := range 40 {
				b := make([]byte, 8+n)
				_, _ = rand.Read(b)
				junk = append(junk, append([]byte{0xf0, 0}, b...))
			}
			s.strangers(junk...)
		}},
		{"malformed from a sign", devices.MalformedPacket, signA, func(s scene) {
			s.insider([]byte{0x82, 0x05, 0x00, 0x01, 0x02, 0x0b, 0x80}, []byte{0x62, 2, 0, 1}, []byte{0xf0, 0}, publishPacket(4, own+"/u/hello", "x"))
		}},
		{"huge", devices.OversizePacket, "", func(s scene) {
			for range 50 {
				s.strangers([]byte{0x10, 0xff, 0xff, 0xff, 0x7f})
			}
		}},
		{"huge from a sign", devices.OversizePacket, signA, func(s scene) {
			s.insider([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, publishPacket(0, own+"/u/hello", string(make([]byte, 1<<16))))
		}},
		{"slow connects", devices.SlowConnect, "", func(s scene) {
			var wg sync.WaitGroup
			for n := range 200 {
				c := from(s.t, s, attacker)
				wg.Go(func() {
					_, _ = c.Write(connectPacket(4, 0xc2, 30, signA, signA, "password-a")[:n%20])
					_, _ = io.Copy(io.Discard, c)
				})
			}
			wg.Wait()
		}},
		{"too many connects", devices.TooManyConnects, "", func(s scene) {
			for n := 1; n < 50_000 && (n%500 > 0 || !saw(s, devices.TooManyConnects, "")); n++ { // a slow machine makes room again meanwhile
				_ = from(s.t, s, attacker).Close()
			}
		}},
		{"one sign connects without end", devices.TooManyConnects, signA, func(s scene) {
			for n := 1; n < 5000 && (n%50 > 0 || !saw(s, devices.TooManyConnects, signA)); n++ {
				c := from(s.t, s, attacker)
				_, _ = c.Write(connectPacket(4, 0xc2, 30, signA, signA, "password-a"))
				_, _ = io.ReadFull(c, make([]byte, 4))
				_ = c.Close()
			}
		}},
		{"other protocol", devices.OtherProtocol, "", func(s scene) {
			s.strangers(connectPacket(5, 0xc2, 30, signA, signA, "password-a"), connectPacket(3, 0xc2, 30, signA, signA, "password-a"))
		}},
		{"foreign client id", devices.ForeignID, signA, func(s scene) {
			s.strangers(connectPacket(4, 0xc2, 30, signB, signA, "password-a"), connectPacket(4, 0xc2, 30, gatewayUser, signA, "password-a"))
		}},
		{"no client id", devices.ForeignID, "", func(s scene) { s.strangers(connectPacket(4, 0xc2, 30, "", signA, "password-a")) }},
		{"no user", devices.RefusedPassword, "", func(s scene) { s.strangers(connectPacket(4, 0x02, 30, signA)) }},
		{"gateway's user", devices.RefusedPassword, "", func(s scene) { s.strangers(connectPacket(4, 0xc2, 30, "gateway-1", gatewayUser, "guess")) }},
		{"wildcard and shared subscriptions", devices.ForeignSubscription, signA, func(s scene) {
			for _, filter := range []string{"#", "dl/1/+/d/+", foreign + "/d/+", "$share/g/" + own + "/d/+", "$SYS/#"} {
				c := s.as(signA, "password-a", attacker)
				if code := c.subscribe(filter); code != 0x80 {
					s.t.Errorf("SUBACK for %s: %#x", filter, code)
				}
			}
		}},
		{"subscriptions without end", devices.MessageFlood, signA, func(s scene) {
			s.insider(slices.Repeat(subscribePacket(own+"/d/+"), 2*subscribeBurst))
		}},
		{"will", devices.PlantedWill, "", func(s scene) {
			s.strangers(connectPacket(4, 0xe6, 30, signA, foreign+"/d/want", "planted", signA, "password-a"))
		}},
		{"kept session", devices.KeptSession, "", func(s scene) { s.strangers(connectPacket(4, 0xc0, 30, signA, signA, "password-a")) }},
		{"retain", devices.PlantedRetain, signA, func(s scene) { s.insider(publishPacket(3, own+"/u/hello", "planted")) }},
		{"foreign topics", devices.ForeignTopic, signA, func(s scene) {
			s.insider(publishPacket(2, foreign+"/d/want", "planted"), publishPacket(2, foreign+"/u/get", "x"), publishPacket(2, own+"/d/want", "planted"))
		}},
		{"flood", devices.MessageFlood, signA, func(s scene) {
			c := s.as(signA, "password-a", attacker)
			_ = c.conn.SetDeadline(time.Now().Add(1500 * time.Millisecond))
			_, _ = c.conn.Write(slices.Repeat(publishPacket(0, own+"/u/hello", "x"), 50_000))
		}},
		{"guessed passwords", devices.RefusedPassword, signA, func(s scene) {
			s.strangers(connectPacket(4, 0xc2, 30, signA, signA, "guess"), connectPacket(4, 0xc2, 30, signA, signA, ""))
		}},
		{"guesses at once", devices.TooManyTries, signA, func(s scene) {
			for range 20 { // a slow machine answers the first before the last has come
				var wg sync.WaitGroup
				var all []net.Conn
				for range 8 * maxWaiting {
					all = append(all, from(s.t, s, attacker))
				}
				for n, c := range all {
					wg.Go(func() {
						_, _ = c.Write(connectPacket(4, 0xc2, 30, signA, signA, strconv.Itoa(n)))
						_, _ = io.Copy(io.Discard, c)
						_ = c.Close()
					})
				}
				wg.Wait()
				if saw(s, devices.TooManyTries, signA) {
					break
				}
			}
		}},
		{"pairing flood", devices.PairingFlood, "", func(s scene) {
			for n := range 30 {
				c := from(s.t, s, attacker)
				_, _ = c.Write(connectPacket(4, 0x82, 30, fmt.Sprintf("pair-aaaaaaaaaaaaaa%c%c", 'a'+n%26, 'a'+n/26), pairUser))
				_, _ = io.ReadFull(c, make([]byte, 4))
			}
		}},
		{"cloned credential", devices.ClonedCredential, signA, func(s scene) {
			for n := range 8 {
				s.as(signA, "password-a", []string{attacker, other}[n%2])
			}
		}},
		{"cloned behind one address", devices.ClonedCredential, signA, func(s scene) {
			for range takeoversAllowed + 3 {
				s.as(signA, "password-a", attacker)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, _, _ := startProcess(t, func(o *Options) { o.FailureDelay = 300 * time.Millisecond })
			g, s := gateway(t, p), sign(t, p, signB, "password-b")
			w, stop := &witness{}, make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() { w.run(g, s, stop) })
			tt.attack(scene{p, t})
			waitFor(t, "the incident", func() bool { return saw(p, tt.kind, tt.sign) })
			w.more(t)
			close(stop)
			wg.Wait()
			t.Logf("witness at worst %v", w.worst)
			if w.err != nil || w.turns == 0 || w.worst > witnessBound {
				t.Errorf("witness: %v, %d turns, worst %v", w.err, w.turns, w.worst)
			}
			if mb := residentMB(p.PID()); mb > 160*racing {
				t.Errorf("the process holds %d MB", mb)
			}
			if st := p.Stats(); st.Restarts != 0 || st.Panics != 0 {
				t.Errorf("stats %+v", st)
			}
			for _, i := range p.Incidents() {
				if i.Sign == signB {
					t.Errorf("the witness is blamed: %+v", i)
				}
			}
		})
	}
}

// residentMB is the memory of a process, 0 where the system does not tell.
func residentMB(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), "VmRSS:")
	f := strings.Fields(after)
	if len(f) == 0 {
		return 0
	}
	kb, _ := strconv.Atoi(f[0])
	return kb >> 10
}

// The process may open few files only, and a stranger takes what there is: who
// is in stays in, and when the stranger is gone others come in again.
func TestDescriptorsRunOut(t *testing.T) {
	p, _, _ := startProcess(t, nil)
	g, s := gateway(t, p), sign(t, p, signB, "password-b")
	few := syscall.Rlimit{Cur: 48, Max: 48}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.PID()), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&few)), 0, 0, 0); e != 0 {
		t.Fatal(e)
	}
	w, stop := &witness{}, make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { w.run(g, s, stop) })
	var held []net.Conn
	for range 100 {
		held = append(held, from(t, p, attacker))
	}
	waitFor(t, "an accept without a descriptor", func() bool { return p.Stats().AcceptErrors > 0 })
	for _, c := range held {
		_ = c.Close()
	}
	a := sign(t, p, signA, "password-a")
	a.send(publishPacket(2, "dl/1/"+signA+"/u/hello", "x"))
	w.more(t)
	close(stop)
	wg.Wait()
	if w.err != nil || w.turns == 0 || w.worst > 2*witnessBound {
		t.Errorf("witness: %v, %d turns, worst %v", w.err, w.turns, w.worst)
	}
	if !saw(p, devices.TooManyConnects, "") {
		t.Errorf("incidents %+v", p.Incidents())
	}
	if st := p.Stats(); st.Restarts != 0 {
		t.Errorf("stats %+v", st)
	}
}

// A flood takes no more of the gateway than the sign's share, and a new connection
// is no new share.
func TestFloodIsPaced(t *testing.T) {
	b, _ := start(t, nil)
	g := gateway(t, b)
	begin := time.Now()
	n := 0
	flood := func(messages int) {
		t.Helper()
		s := sign(t, b, signA, "password-a")
		go func() { _, _ = s.conn.Write(slices.Repeat(publishPacket(0, "dl/1/"+signA+"/u/hello", "x"), 5000)) }()
		for range messages {
			g.message()
			n++
		}
		if share := messageBurst + int(messageRate*time.Since(begin).Seconds()) + 2; n > share {
			t.Errorf("the gateway got %d messages in %v, want at most %d", n, time.Since(begin), share)
		}
	}
	flood(messageBurst + messageRate)
	before := b.Stats().Paced
	if before == 0 {
		t.Error("no packet was held")
	}
	flood(messageRate)
	waitFor(t, "a held packet", func() bool { return b.Stats().Paced > before })
}

// Signs that take nothing of what is sent to them: one is sent away by itself, and
// when many do it together they hold no more than a fixed amount, whoever they are.
// The witness notices nothing.
func TestNobodyReads(t *testing.T) {
	p, auth, _ := startProcess(t, nil)
	g, s := gateway(t, p), sign(t, p, signB, "password-b")
	w, stop := &witness{}, make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { w.run(g, s, stop) })
	const n = 400
	var ids []string
	for i := range n {
		id := fmt.Sprintf("aaaaaaaaaaaaa%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/26/26)
		auth.mu.Lock()
		auth.pass[devices.SignID(id)] = "p"
		auth.mu.Unlock()
		c := scene{p, t}.as(id, "p", attacker)
		if err := c.conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	feed := gatewayAs(t, p, "gateway-2")
	block, peak, sent := string(make([]byte, 4<<10)), 0, 0
	notReading := func() (n int) { // most of them are counted together
		for _, i := range p.Incidents() {
			if i.Kind == devices.NotReading {
				n += i.Count
			}
		}
		return n
	}
	for round := 0; round < 400 && notReading() < n; round++ {
		for _, id := range ids {
			feed.send(publishPacket(0, "dl/1/"+id+"/d/blk", block))
			sent += len(block)
		}
		peak = max(peak, residentMB(p.PID()))
	}
	w.more(t)
	close(stop)
	wg.Wait()
	t.Logf("%d signs were sent %d MB; the process held %d MB at most; witness at worst %v; %+v", n, sent>>20, peak, w.worst, p.Stats())
	if w.err != nil || w.turns == 0 || w.worst > witnessBound {
		t.Errorf("witness: %v, %d turns, worst %v", w.err, w.turns, w.worst)
	}
	if got := notReading(); got < n {
		t.Errorf("%d of %d are named", got, n)
	}
	if peak > 200*racing {
		t.Errorf("the process held %d MB", peak)
	}
	if st := p.Stats(); st.Restarts != 0 || st.Panics != 0 {
		t.Errorf("stats %+v", st)
	}
}
