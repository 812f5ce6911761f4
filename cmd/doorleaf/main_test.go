package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
)

// TestMain lets the test binary be the program: with DOORLEAF_TEST_MAIN set it
// runs the command line it was given. The value "kill:N:FILE" ends the process
// as a power cut would at the Nth commit or network write after FILE exists;
// the values of childMode run simulated signs instead.
func TestMain(m *testing.M) {
	mode := os.Getenv(reservedVariable)
	if mode == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if rest, ok := strings.CutPrefix(mode, "kill:"); ok {
		number, arm, _ := strings.Cut(rest, ":")
		at, _ := strconv.Atoi(number)
		ctx = context.WithValue(ctx, faultKey{}, killer(at, arm))
	}
	if known, err := childMode(ctx, mode); known {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// killer returns the hook of a child that dies at its nth point.
func killer(at int, arm string) func(string) {
	var mu sync.Mutex
	armed, n := false, 0
	return func(point string) {
		mu.Lock()
		defer mu.Unlock()
		if !armed {
			_, err := os.Stat(arm)
			if armed = err == nil; !armed {
				fmt.Fprintf(os.Stderr, "before %s\n", point)
				return
			}
		}
		n++
		fmt.Fprintf(os.Stderr, "point %d %s\n", n, point)
		if n == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// child is a doorleaf process.
type child struct {
	t    testing.TB
	cmd  *exec.Cmd
	in   io.WriteCloser
	done chan struct{} // closed when the process has ended

	mu    sync.Mutex
	lines []string      // guarded by mu, of both outputs
	more  chan struct{} // guarded by mu, closed at the next line
}

// startChild runs the program with args; env are further variables. Only PATH
// and HOME are passed on. The process is killed when the test ends.
func startChild(t testing.TB, mode string, env []string, args ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(exe, args...), done: make(chan struct{}), more: make(chan struct{})}
	c.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), reservedVariable + "=" + mode}, env...)
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, r := range []io.Reader{out, stderr} {
		readers.Go(func() { c.read(r) })
	}
	go func() {
		readers.Wait()
		_ = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", args[0], c.output())
		}
	})
	return c
}

func (c *child) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		c.mu.Lock()
		c.lines = append(c.lines, s.Text())
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

// kill ends the process at once and waits for it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

func (c *child) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines, "\n")
}

// say writes one line to the process.
func (c *child) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatalf("say %q: %v", line, err)
	}
}

// waitFor returns the first line, beginning with number from, that matches, and
// its number.
func (c *child) waitFor(what string, from int, match func(line string) bool) (string, int) {
	c.t.Helper()
	limit := time.After(60 * time.Second)
	for i := from; ; {
		c.mu.Lock()
		lines, more := c.lines, c.more
		c.mu.Unlock()
		for ; i < len(lines); i++ {
			if match(lines[i]) {
				return lines[i], i
			}
		}
		select {
		case <-more:
		case <-c.done:
			c.mu.Lock()
			ended := i >= len(c.lines)
			c.mu.Unlock()
			if ended {
				c.t.Fatalf("%s: the process ended before", what)
			}
		case <-limit:
			c.t.Fatalf("%s: not within 60 s", what)
		}
	}
}

// freeAddress returns a loopback address nobody listens on now. Its port lies
// below those that systems give to connections and to listeners without a number
// of their own, so it stays free while the server behind it is away.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000)))
		if err == nil {
			_ = l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port found")
	return ""
}

// joins reports whether a gateway knows of a sign that shows a code. The sign shows
// it a moment before, and a code typed in that moment counts as a guess, of which
// there are few.
func joins(h *house, code string) bool {
	return slices.ContainsFunc(h.core.Joinings(context.Background()), func(j devices.Joining) bool { return j.Code == code })
}

// hang runs a simulated sign until the test ends.
func hang(t testing.TB, s *simsign.Sign) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}
