package sqlite

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/render/mono"
)

// face returns an 800x480 picture of its own with some structure.
func face(sign, n int) *mono.Image {
	m := mono.New(800, 480)
	for y := 40; y < 440; y += 8 {
		for x := 10; x < 60; x++ {
			m.Pix[y*m.Stride+x] = byte(x*y + sign*31 + n)
		}
	}
	binary.LittleEndian.PutUint32(m.Pix, uint32(sign*1000+n))
	return m
}

// faces returns a want of n pictures, all of the sign's own and new with seq.
func faces(sign int, seq uint32, n int) (gateway.Want, []devices.Object, []*mono.Image) {
	w := gateway.Want{Sign: devices.SignID(fmt.Sprint("sign", sign)), Epoch: 1, Seq: seq, Reason: gateway.Changed, At: noon, Body: make([]byte, 1500)}
	var objects []devices.Object
	var pictures []*mono.Image
	for i := range n {
		m := face(sign, int(seq)*n+i)
		from := noon.Add(time.Duration(i) * time.Hour)
		w.Steps = append(w.Steps, gateway.WantStep{From: from, Until: from.Add(time.Hour), Digest: m.Digest(), State: "booked", Summary: "Booked"})
		objects = append(objects, devices.Object{Hash: devices.ObjectHash(m.Digest()), Bytes: m.Pix[:2000]})
		pictures = append(pictures, m)
	}
	return w, objects, pictures
}

// concurrently runs b.N calls from 64 goroutines, each with a sign of its own.
func concurrently(b *testing.B, run func(s *Store, sign, n int) error) {
	var commits atomic.Int64
	o := temp(b)
	o.Fault = func(point string) {
		if len(point) > 12 && point[7:12] == "after" {
			commits.Add(1)
		}
	}
	s := opened(b, o)
	const callers = 64
	for i := range callers {
		pair(b, s, devices.SignID(fmt.Sprint("sign", i)))
	}
	commits.Store(0)
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := run(s, i, int(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/max(1, float64(commits.Load())), "calls/commit")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func BenchmarkCommitReport64(b *testing.B) {
	concurrently(b, func(s *Store, sign, n int) error {
		_, err := s.CommitReport(b.Context(), devices.Report{Kind: devices.HelloReport, Sign: devices.SignID(fmt.Sprint("sign", sign)),
			Received: noon, Boot: 1, Counter: uint32(n), Shown: devices.Digest{1}, BatteryMillivolts: 2900, SignalDBm: -60})
		return err
	})
}

func BenchmarkCommitWant64(b *testing.B) {
	for _, pictures := range []int{1, 20} {
		b.Run(fmt.Sprint(pictures, "pictures"), func(b *testing.B) {
			concurrently(b, func(s *Store, sign, n int) error {
				w, objects, pictures := faces(sign, uint32(n), pictures)
				return s.CommitWant(b.Context(), w, objects, pictures)
			})
		})
	}
}

func BenchmarkCommitReportAlone(b *testing.B) {
	s := opened(b, temp(b))
	pair(b, s, "sign0")
	for n := 1; b.Loop(); n++ {
		if _, err := s.CommitReport(b.Context(), devices.Report{Kind: devices.HelloReport, Sign: "sign0", Boot: 1, Counter: uint32(n)}); err != nil {
			b.Fatal(err)
		}
	}
}
