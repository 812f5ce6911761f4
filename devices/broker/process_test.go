package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
)

// asProcess makes the test binary the broker's process.
const asProcess = "BROKER_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		if err := RunProcess(os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// lines is a log that tests can read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startProcess is start for a broker in a process of its own.
func startProcess(t *testing.T, change func(*Options)) (*Process, *signs, *lines) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := &lines{}
	auth := &signs{pass: map[devices.SignID]string{signA: "password-a", signB: "password-b"}}
	o := Options{Listen: []string{"mqtt://127.0.0.1:0"}, Auth: auth, Logger: slog.New(slog.NewTextHandler(log, nil)), FailureDelay: time.Millisecond}
	if change != nil {
		change(&o)
	}
	p, err := Start(o, Command{Path: exe, Args: []string{"broker"}, Env: []string{asProcess + "=1", "PATH=" + os.Getenv("PATH")}})
	if err != nil {
		t.Fatal(err)
	}
	p.fresh = patience // what a test reads is what there is
	t.Cleanup(func() {
		_ = p.Close()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return p, auth, log
}

// A process that is asked for figures and told to part from signs while it starts
// goes on starting.
func TestAskedWhileStarting(t *testing.T) {
	p, _, _ := startProcess(t, nil)
	const deaths = 5
	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = p.Stats()
				p.Kick(signA)
			}
		}
	})
	for range deaths {
		pid := p.PID()
		if pid == 0 {
			t.Fatal("the process ended by itself")
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the next process", func() bool { return p.PID() != 0 && p.PID() != pid })
		alive(t, p)
	}
	close(stop)
	asking.Wait()
	if got := p.Stats().Restarts; got != deaths {
		t.Errorf("restarts: got %d, want %d", got, deaths)
	}
}

func TestProcess(t *testing.T) {
	p, auth, _ := startProcess(t, nil)
	g := gateway(t, p)
	s := sign(t, p, signA, "password-a")
	if !p.Connected(signA) || p.Connected(signB) {
		t.Fatalf("Connected: got %v %v, want true false", p.Connected(signA), p.Connected(signB))
	}
	s.send(publishPacket(2, "dl/1/"+signA+"/u/hello", "hello"))
	if topic, payload := g.message(); topic != "dl/1/"+signA+"/u/hello" || payload != "hello" {
		t.Errorf("gateway got %s %q", topic, payload)
	}
	g.send(publishPacket(2, "dl/1/"+signA+"/d/want", "want"))
	if _, payload := s.message(); payload != "want" {
		t.Errorf("sign got %q", payload)
	}
	if st := p.Stats(); st.Connected != 2 || st.Accepted < 2 || st.Restarts != 0 {
		t.Errorf("stats %+v", st)
	}
	t.Run("pairing", func(t *testing.T) {
		c := dial(t, p)
		c.send(connectPacket(4, 0x82, 30, "pair-aaaaaaaaaaaaaaaa", pairUser))
		if code := c.next().body[1]; code != 0 {
			t.Fatalf("CONNACK %d", code)
		}
		if got := p.Address("aaaaaaaaaaaaaaaa"); got != "127.0.0.1" || p.Secure("aaaaaaaaaaaaaaaa") {
			t.Errorf("address %q", got)
		}
		_ = c.conn.Close()
		waitFor(t, "the end of pairing", func() bool { return p.Address("aaaaaaaaaaaaaaaa") == "" })
	})
	t.Run("removed sign", func(t *testing.T) {
		auth.mu.Lock()
		delete(auth.pass, signA)
		auth.mu.Unlock()
		p.Kick(signA)
		if p.Connected(signA) {
			t.Error("still connected")
		}
		s.drainUntilClosed()
		if code := dial(t, p).login(signA, signA, "password-a"); code != connackNotAuthorized {
			t.Errorf("CONNACK %d, want %d", code, connackNotAuthorized)
		}
		if !saw(p, devices.RefusedPassword, signA) {
			t.Errorf("incidents %+v", p.Incidents())
		}
	})
	t.Run("database fails", func(t *testing.T) {
		auth.mu.Lock()
		auth.err = errors.New("database is locked")
		auth.mu.Unlock()
		if code := dial(t, p).login(signB, signB, "password-b"); code != connackUnavailable {
			t.Errorf("CONNACK %d, want %d", code, connackUnavailable)
		}
	})
}

// What a process tells too late for who asked is there for the next one: it tells
// of each incident once.
func TestLateReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const late = 3 * freshLimit
		ours, theirs := net.Pipe()
		run := &running{begin: make(chan struct{})}
		close(run.begin)
		p := &Process{run: run, peers: map[string]peer{}, fresh: freshLimit}
		run.pipe = newPipe(ours, func(byte, uint32, []byte) {})
		var seen devices.Incidents
		seen.Add(devices.Incident{Kind: devices.RefusedPassword, Sign: signA, Count: 3, First: time.Now(), Last: time.Now()})
		number := int64(0)
		var far *pipe
		far = newPipe(theirs, func(_ byte, call uint32, _ []byte) {
			number++
			answer, err := json.Marshal(report{number, Stats{Accepted: 10 * number}, seen.Drain(time.Now())})
			if err != nil {
				t.Error(err)
			}
			time.AfterFunc(late, func() { _ = far.send(kindAnswer, call, answer) })
		})
		go func() { _ = far.run() }()
		go func() { _ = run.pipe.run() }()
		begin := time.Now()
		if list := p.Incidents(); len(list) != 0 || time.Since(begin) != freshLimit {
			t.Errorf("before the answer: %+v after %v", list, time.Since(begin))
		}
		time.Sleep(late)
		if list := p.Incidents(); len(list) != 1 || list[0].Count != 3 {
			t.Errorf("after the answer: %+v", list)
		}
		time.Sleep(late)
		if st := p.Stats(); st.Accepted != 20 {
			t.Errorf("stats %+v, want those of the second report", st)
		}
		run.pipe.end(nil)
		far.end(nil)
		time.Sleep(late)
	})
}

// saw reports whether an incident of that kind and sign is in the table.
func saw(b server, kind devices.IncidentKind, sign devices.SignID) bool {
	for _, i := range b.Incidents() {
		if i.Kind == kind && i.Sign == sign && i.Count > 0 && !i.Last.Before(i.First) {
			return true
		}
	}
	return false
}

// However the process ends, the port stays, and signs and gateway come back to
// the next one.
func TestProcessDies(t *testing.T) {
	p, _, log := startProcess(t, nil)
	for i, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGABRT, syscall.SIGSEGV} {
		t.Run(sig.String(), func(t *testing.T) {
			g, s := gateway(t, p), sign(t, p, signA, "password-a")
			pid := p.PID()
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			s.drainUntilClosed()
			g.drainUntilClosed()
			early := dial(t, p) // while nobody accepts: the port is still there
			if code := early.login(signB, signB, "password-b"); code != 0 {
				t.Errorf("CONNACK %d", code)
			}
			if p.PID() == pid || p.Connected(signA) {
				t.Errorf("process %d, connected %v", p.PID(), p.Connected(signA))
			}
			alive(t, p)
			if st := p.Stats(); st.Restarts != int64(i+1) || st.Accepted < int64(2*i) {
				t.Errorf("stats %+v", st)
			}
		})
	}
	if !saw(p, devices.BrokerCrashed, "") {
		t.Errorf("incidents %+v", p.Incidents())
	}
	if got := log.String(); !strings.Contains(got, "process ended") || !strings.Contains(got, "SIGABRT") {
		t.Error("the log says nothing of the end")
	}
}

// A process that hangs is not waited for when a sign is removed.
func TestProcessHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a process that does not answer")
	}
	p, auth, _ := startProcess(t, nil)
	s := sign(t, p, signA, "password-a")
	pid := p.PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the stop", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || bytes.Contains(state, []byte(") T "))
	})
	auth.mu.Lock()
	delete(auth.pass, signA)
	auth.mu.Unlock()
	p.Kick(signA)
	s.drainUntilClosed()
	if code := dial(t, p).login(signA, signA, "password-a"); code != connackNotAuthorized {
		t.Errorf("CONNACK %d, want %d", code, connackNotAuthorized)
	}
	alive(t, p)
}

// The process has no file open and knows no variable, and it ends with the
// gateway: here with the pipe to it.
func TestProcessKnowsNothing(t *testing.T) {
	t.Setenv("DOORLEAF_SECRET_OF_THE_GATEWAY", "x")
	p, _, _ := startProcess(t, nil)
	s := sign(t, p, signA, "password-a")
	pid := p.PID()
	proc := fmt.Sprintf("/proc/%d", pid)
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		t.Skip("no /proc on this system")
	}
	for _, fd := range fds {
		to, err := os.Readlink(filepath.Join(proc, "fd", fd.Name()))
		if err == nil && !strings.HasPrefix(to, "socket:") && !strings.HasPrefix(to, "pipe:") && !strings.HasPrefix(to, "anon_inode:") &&
			!strings.HasPrefix(to, "/sys/fs/cgroup/") && to != "/dev/null" { // the runtime looks at its share of processors
			t.Errorf("the process has %s open", to)
		}
	}
	env, err := os.ReadFile(filepath.Join(proc, "environ"))
	if err != nil || bytes.Contains(env, []byte("SECRET_OF")) {
		t.Errorf("environment %q, %v", env, err)
	}
	if cmd, err := os.ReadFile(filepath.Join(proc, "cmdline")); err != nil || bytes.Contains(cmd, []byte("password")) {
		t.Errorf("command line %q, %v", cmd, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	s.drainUntilClosed()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process after Close: %v", err)
	}
	if _, err := p.GatewayConn(); err == nil {
		t.Error("a closed broker takes connections")
	}
}

// A process that cannot start is an error, not a loop.
func TestProcessNotStarted(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Command{{Path: "/nonexistent"}, {Path: exe, Args: []string{"broker", "-test.run=^$"}}} {
		p, err := Start(Options{Listen: []string{"mqtt://127.0.0.1:0"}, Auth: &signs{}, Logger: discard()}, c)
		if err == nil {
			_ = p.Close()
			t.Errorf("%v: no error", c)
		}
	}
	if err := RunProcess(io.Discard); !errors.Is(err, ErrNoGateway) {
		t.Errorf("by hand: got %v, want %v", err, ErrNoGateway)
	}
}

// Signs that come back all at once ask for their credentials all at once.
func TestProcessStorm(t *testing.T) {
	p, auth, _ := startProcess(t, nil)
	const n = 300
	var wg sync.WaitGroup
	codes := make(chan byte, 2*n)
	for i := range n {
		id := fmt.Sprintf("aaaaaaaaaaaaa%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/26/26)
		auth.mu.Lock()
		auth.pass[devices.SignID(id)] = "p"
		auth.mu.Unlock()
		c := dial(t, p)
		wg.Go(func() {
			if err := c.write(join(connectPacket(4, 0xc2, 30, id, id, "p"), subscribePacket("dl/1/"+id+"/d/+"))); err != nil {
				return
			}
			if pk, err := c.read(); err == nil {
				codes <- pk.body[1]
			}
			if pk, err := c.read(); err == nil && pk.kind == typeSuback && p.Connected(devices.SignID(id)) {
				codes <- 0
			}
		})
	}
	wg.Wait()
	close(codes)
	good := 0
	for c := range codes {
		if c == 0 {
			good++
		}
	}
	if good != 2*n {
		t.Errorf("%d of %d answers were good", good, 2*n)
	}
}

// Frames from the process are checked: a foreign one ends the pipe, not the
// gateway.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 5, kindLeft, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 9, kindArrived, 0, 0, 0, 1, 1, 2, 'a', 'b'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, kindArrived, 0, 0, 0, 1})
	f.Add([]byte{0, 0, 0, 21, kindCredential, 0, 0, 0, 1, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a'})
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p := &Process{opts: Options{MaxConnections: 4}, peers: map[string]peer{}, lookups: make(chan lookup, 1), ctx: ctx}
		run := &running{}
		p.run = run
		run.pipe = newPipe(ours, func(kind byte, number uint32, body []byte) { p.handle(run, kind, number, body) })
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		go func() {
			_, _ = theirs.Write(data)
			_ = theirs.Close()
		}()
		if err := run.pipe.run(); err == nil {
			t.Error("a closed pipe ended without an error")
		}
		if len(p.peers) > 8 {
			t.Errorf("%d peers", len(p.peers))
		}
	})
}
