package graphsync

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/gateway/calendar"
)

// thousand is what a run over many rooms showed.
type thousand struct {
	cold      time.Duration // until every room was read
	perSecond float64       // requests, in steady state
	peak      float64       // of any ten seconds of it
	most      int           // requests in flight
	perRoom   float64       // requests per room and minute, in steady state
	detect    time.Duration // slowest of the changes: until it was on the agenda
	interval  time.Duration // poll interval
	heap      uint64        // bytes in use after the run, at most
	sys       uint64        // bytes from the system for the heap and stacks
}

// runThousand runs a service over rooms with events each on virtual time: each
// answer of the stand-in takes 150 ms of it, delta pages hold fifty events.
func runThousand(tb testing.TB, rooms, events int, notified bool, steady time.Duration) thousand {
	var out thousand
	x := newSite(tb, newSmall(rooms, events), notified)
	x.takes, x.page = 150*time.Millisecond, 50
	start := time.Now()
	stop := x.run()
	defer stop()
	for x.store.agendasRead() < rooms {
		time.Sleep(time.Second)
		if time.Since(start) > time.Hour {
			tb.Fatalf("%d of %d rooms read in an hour", x.store.agendasRead(), rooms)
		}
	}
	out.cold = time.Since(start)
	time.Sleep(45*time.Minute - out.cold) // subscriptions are made; the window has rolled, it began at midnight
	x.mu.Lock()
	x.most = 0
	x.mu.Unlock()
	from := time.Now()
	for n := 0; time.Since(from) < steady; n++ {
		name, at := smallName(n*37%rooms), time.Now()
		x.change(name, "change", "Moved", 1)
		for x.matches(name) != nil && time.Since(at) < time.Hour {
			time.Sleep(50 * time.Millisecond)
		}
		out.detect = max(out.detect, time.Since(at))
		time.Sleep(time.Minute)
	}
	span := time.Since(from)
	out.interval = max(x.service.poll, time.Duration(x.service.polled.Load())*perPolledRoom)
	n := x.requestsSince(from)
	out.perSecond, out.perRoom, out.most = float64(n)/span.Seconds(), float64(n)/span.Minutes()/float64(rooms), x.most
	for i := len(x.all) - n; i < len(x.all); i++ {
		j := i
		for j < len(x.all) && x.all[j].Sub(x.all[i]) < 10*time.Second {
			j++
		}
		out.peak = max(out.peak, float64(j-i)/10)
		i += 10
	}
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	out.heap, out.sys = mem.HeapInuse, mem.Sys
	return out
}

// residentPeak is the most memory the process had, in bytes; 0 where the system
// does not say.
func residentPeak() uint64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// TestThousandRooms holds the figures of a site: a hundred rooms, with
// DOORLEAF_SOAK=1 a thousand.
func TestThousandRooms(t *testing.T) {
	rooms, steady := 100, 5*time.Minute
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		rooms, steady = 1000, time.Hour
	}
	for _, notified := range []bool{false, true} {
		name := "polled"
		if notified {
			name = "notified"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := runThousand(t, rooms, 72, notified, steady)
				t.Logf("cold sync %v; steady %.2f requests/s (%.1f in the worst ten seconds), %d in flight, %.3f per room and minute; change seen within %v of an interval of %v; heap %d MB, %d MB from the system, resident at most %d MB with the stand-in",
					got.cold.Round(time.Second), got.perSecond, got.peak, got.most, got.perRoom, got.detect, got.interval, got.heap>>20, got.sys>>20, residentPeak()>>20)
				if got.cold >= 7*time.Minute {
					t.Errorf("cold sync took %v", got.cold)
				}
				if got.perSecond >= 10 || got.most > maxInFlight {
					t.Errorf("%.2f requests/s, %d in flight", got.perSecond, got.most)
				}
				if got.heap > 200<<20 {
					t.Errorf("%d MB of heap", got.heap>>20)
				}
				limit := got.interval + time.Second
				if notified {
					limit = time.Second
					if got.perRoom >= 0.15 {
						t.Errorf("%.3f requests per room and minute", got.perRoom)
					}
				}
				if got.detect > limit {
					t.Errorf("a change was on the agenda after %v, want %v", got.detect, limit)
				}
			})
		})
	}
}

// agendasRead is how many rooms have an agenda.
func (m *memory) agendasRead() int {
	defer m.locked()()
	return len(m.agendas)
}

// BenchmarkLook is the work of one look at a room of 72 events, without the
// network: a delta query that found nothing, and a truth read.
func BenchmarkLook(b *testing.B) {
	for name, force := range map[string]bool{"poll": false, "truth": true} {
		b.Run(name, func(b *testing.B) {
			x := newSite(b, newSmall(1, 72), false)
			x.takes = 0
			x.service.gate = newGate(maxInFlight, 1_000_000, 1_000_000)
			at := place{1, calendar.RoomID(smallName(0))}
			if err := x.service.look(b.Context(), at, true); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := x.service.look(b.Context(), at, force); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
