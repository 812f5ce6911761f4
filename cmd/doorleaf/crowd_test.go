package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowdSigns is how many signs a large company has.
const crowdSigns = 10_000

// runCrowd is a child process with n signs that stay connected, each with
// little memory. They connect at 500 a second.
func runCrowd(ctx context.Context, address string, n int) error {
	debug.SetGCPercent(20) // a day of decoded pictures for each sign is all there is
	d := newDecoders(4)
	var wg sync.WaitGroup
	for i := range n {
		s, err := newLightSign(i, true)
		if err != nil {
			return err
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := s.live(ctx, address, nil, d); err != nil && ctx.Err() == nil {
					fmt.Fprintf(os.Stderr, "sign %s: %v\n", s.id, err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		})
		if i%50 == 49 {
			time.Sleep(100 * time.Millisecond)
		}
	}
	wg.Wait()
	return nil
}

// runWakes is a child process in which n sleeping signs wake one after another,
// some at a time, as fast as the gateway lets them. A ca file means TLS. It
// prints what it counted.
func runWakes(ctx context.Context, address string, n int, ca string, limit time.Duration) error {
	const atOnce = 64
	var config *tls.Config
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return errors.New("no certificate in " + ca)
		}
		config = &tls.Config{RootCAs: pool, ServerName: "localhost"}
	}
	signs := make(chan *lightSign, n)
	sessions := map[*lightSign]*tls.Config{}
	for i := range n {
		s, err := newLightSign(i, false)
		if err != nil {
			return err
		}
		if config != nil {
			c := config.Clone()
			c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			sessions[s] = c
		}
		signs <- s
	}
	round := func(until func() bool) (done, failed, resumed int64, err error) {
		var wg sync.WaitGroup
		var good, bad, again atomic.Int64
		var first atomic.Pointer[error]
		for range atOnce {
			wg.Go(func() {
				for !until() && ctx.Err() == nil {
					s := <-signs
					err := s.wake(address, sessions[s])
					if err == nil {
						good.Add(1)
					} else {
						bad.Add(1)
						first.CompareAndSwap(nil, &err)
					}
					if c, ok := s.conn.(*tls.Conn); ok && c.ConnectionState().DidResume {
						again.Add(1)
					}
					signs <- s
				}
			})
		}
		wg.Wait()
		if p := first.Load(); p != nil {
			err = *p
		}
		return good.Load(), bad.Load(), again.Load(), err
	}
	// Once around for tickets and caches, then the count.
	var left atomic.Int64
	left.Store(int64(n))
	if _, failed, _, err := round(func() bool { return left.Add(-1) < 0 }); failed > int64(n)/20 {
		return fmt.Errorf("%d of %d signs failed at first: %w", failed, n, err)
	}
	begin := time.Now()
	done, failed, resumed, err := round(func() bool { return time.Since(begin) > limit })
	fmt.Printf("cycles %d failed %d resumed %d seconds %.3f first error %v\n", done, failed, resumed, time.Since(begin).Seconds(), err)
	return nil
}

// childMode runs the simulated signs that a test starts as a process of their
// own: "fleet:N:URL", "crowd:N:HOST:PORT" or "wakes:N:CA:HOST:PORT".
func childMode(ctx context.Context, mode string) (known bool, err error) {
	kind, rest, _ := strings.Cut(mode, ":")
	number, rest, _ := strings.Cut(rest, ":")
	n, _ := strconv.Atoi(number)
	switch kind {
	case "fleet":
		return true, runFleet(ctx, rest, n)
	case "crowd":
		return true, runCrowd(ctx, rest, n)
	case "wakes":
		ca, address, _ := strings.Cut(rest, ":")
		return true, runWakes(ctx, address, n, ca, 20*time.Second)
	}
	return false, nil
}

// brokerStatus is what the kernel says of the broker that this process started,
// and its id; empty and 0 when it runs in this process.
func brokerStatus(b testing.TB) (status string, pid int) {
	b.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) {
			continue
		}
		dir := filepath.Dir(file)
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.Contains(string(args), "\x00"+brokerCommand) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		return string(status), pid
	}
	return "", 0
}

// cpuOf is the processor time a process has taken, in user and system mode.
func cpuOf(b testing.TB, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name in parentheses may hold spaces; utime and stime are the 12th and
	// 13th field after it, in hundredths of a second on every Linux.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// cpu is the processor time of the gateway, of its broker and of the signs.
func (f *fleet) cpu() [3]time.Duration {
	f.b.Helper()
	_, broker := brokerStatus(f.b)
	return [3]time.Duration{cpuOf(f.b, os.Getpid()), cpuOf(f.b, broker), cpuOf(f.b, f.signs.cmd.Process.Pid)}
}

// serverMB is the resident memory of this process and of a broker it started.
func serverMB(b *testing.B, name string) float64 {
	b.Helper()
	sum := memoryMB(b, name)
	status, _ := brokerStatus(b)
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			sum += float64(kb) / 1024
		}
	}
	return sum
}

// planned waits until the gateway has a whole timeline for every sign.
func (f *fleet) planned(limit time.Duration) time.Duration {
	f.b.Helper()
	begin := time.Now()
	for time.Since(begin) < limit {
		doors, err := f.h.core.Doors(context.Background())
		if err != nil {
			f.b.Fatal(err)
		}
		n := 0
		for _, d := range doors {
			if d.Want != nil && !d.Want.Partial {
				n++
			}
		}
		if n == f.n {
			return time.Since(begin)
		}
		time.Sleep(time.Second)
	}
	f.b.Fatalf("not every sign has a timeline after %v", limit)
	return 0
}

// BenchmarkCrowd measures 1,000, 5,000 and 10,000 connected signs of 800x480,
// the simulated signs included: first timelines, and a change of all of them.
// The processor time a sign costs until its picture is acknowledged says more
// than the clock on a machine that has other work.
func BenchmarkCrowd(b *testing.B) {
	for _, n := range []int{benchSigns, crowdSigns / 2, crowdSigns} {
		b.Run(strconv.Itoa(n), func(b *testing.B) { benchCrowd(b, n) })
	}
}

func benchCrowd(b *testing.B, n int) {
	f := newFleetOf(b, n, "mqtt", true)
	b.Logf("timelines of %d signs drawn and packed: %v", f.n, f.planned(15*time.Minute))
	f.signs = startChild(b, fmt.Sprintf("crowd:%d:%s", f.n, f.mqtt), nil, "crowd")
	b.Logf("first timelines of %d signs: %v", f.n, f.settled(15*time.Minute))
	connected := serverMB(b, "VmRSS:")
	for b.Loop() {
		last, whole := f.changeAll()
		b.ReportMetric(last.Seconds(), "s/last-picture")
		b.ReportMetric(whole.Seconds(), "s/timelines")
		for i, who := range [...]string{"gateway", "broker", "signs"} {
			b.ReportMetric(float64(f.spent[i].Microseconds())/1000/float64(n), "cpu-ms/sign-"+who)
		}
	}
	b.ReportMetric(connected, "MB/connected")
	b.ReportMetric(serverMB(b, "VmHWM:"), "MB/most")
}

// BenchmarkWakes measures whole wake cycles of sleeping signs: connection, hello
// stored, signed manifest received; the simulated signs included.
func BenchmarkWakes(b *testing.B) {
	for _, scheme := range []string{"mqtt", "mqtts"} {
		b.Run(scheme, func(b *testing.B) {
			f := newFleetOf(b, crowdSigns, scheme, false)
			f.planned(15 * time.Minute)
			sleeping := serverMB(b, "VmRSS:")
			ca := ""
			if scheme == "mqtts" {
				ca = filepath.Join(f.data, "ca.pem")
			}
			for b.Loop() {
				c := startChild(b, fmt.Sprintf("wakes:%d:%s:%s", f.n, ca, f.mqtt), nil, "wakes")
				<-c.done
				var done, failed, resumed int
				var seconds float64
				if _, err := fmt.Sscanf(c.output(), "cycles %d failed %d resumed %d seconds %f", &done, &failed, &resumed, &seconds); err != nil || done == 0 {
					b.Fatalf("%v in:\n%s", err, c.output())
				}
				b.ReportMetric(float64(done)/seconds, "wakes/s")
				b.ReportMetric(float64(failed), "failed")
				b.ReportMetric(100*float64(resumed)/float64(done), "%resumed")
			}
			b.ReportMetric(sleeping, "MB/sleeping")
			b.ReportMetric(serverMB(b, "VmRSS:"), "MB/after")
		})
	}
}
