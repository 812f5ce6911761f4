package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"doorleaf/devices"
)

// BenchmarkIntroductions measures how fast the workers that read messages answer
// 1,000 signs of a factory's file that are switched on at once: each says for the
// first time what it can decode. Packing is real, nothing is sent. It is done
// once, whatever -benchtime says.
func BenchmarkIntroductions(b *testing.B) {
	const readers = 16 // as devices/mqttlink has workers
	f := &fleet{b: b, n: benchSigns, data: filepath.Join(b.TempDir(), "gateway")}
	conf, err := readConfig("serve", []string{"-data", f.data, "-listen", freeAddress(b), "-mqtt-listen", "mqtt://" + freeAddress(b)}, nil, stdio{err: b.Output()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if f.h, err = openHouse(ctx, conf, slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	f.provision(ctx, devices.Hardware{Model: "800x480", Width: 800, Height: 480})
	var wg sync.WaitGroup
	wg.Go(func() { _ = f.h.core.Run(ctx) })
	b.Cleanup(func() { cancel(); wg.Wait(); f.h.close() })
	f.whole(1)
	begin := time.Now()
	hellos := make(chan int)
	var mu sync.Mutex
	var worst time.Duration // guarded by mu
	var read sync.WaitGroup
	for range readers {
		read.Go(func() {
			for i := range hellos {
				at := time.Now()
				d, err := f.h.core.Report(ctx, devices.Report{Kind: devices.HelloReport, Sign: f.ids[i], Received: at, Boot: 1, Counter: 1,
					Hardware: devices.Hardware{Model: "800x480", Width: 800, Height: 480, AlwaysOn: true, Capabilities: 479}})
				if err != nil || d == nil {
					b.Errorf("hello of sign %d: %v, %v", i, d, err)
				}
				mu.Lock()
				worst = max(worst, time.Since(at))
				mu.Unlock()
			}
		})
	}
	for i := range f.n {
		hellos <- i
	}
	close(hellos)
	read.Wait()
	b.ReportMetric(float64(f.n)/time.Since(begin).Seconds(), "hellos/s")
	b.ReportMetric(float64(worst.Milliseconds()), "ms/worst")
	f.whole(2)
	b.ReportMetric(time.Since(begin).Seconds(), "s/timelines")
}

// whole waits until every sign has its day, as the nth timeline or a later one.
func (f *fleet) whole(nth uint32) {
	f.b.Helper()
	end := time.Now().Add(5 * time.Minute)
	for left := slices.Clone(f.ids); len(left) > 0; time.Sleep(200 * time.Millisecond) {
		for len(left) > 0 { // the rest is asked when this one has its day
			w, err := f.h.store.Want(context.Background(), left[0])
			if err != nil || w.Partial || w.Seq < nth {
				break
			}
			left = left[1:]
		}
		if time.Now().After(end) {
			f.b.Fatalf("%d of %d signs have no day", len(left), f.n)
		}
	}
}
