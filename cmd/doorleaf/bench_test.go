package main

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// benchSigns is how many signs the fleet of the benchmark has.
const benchSigns = 1000

// benchIdentity is the identity of the nth sign of the benchmark.
func benchIdentity(n int) (devices.SignID, []byte) {
	sum := sha256.Sum256(fmt.Appendf(nil, "bench sign %d", n))
	secret := sha256.Sum256(sum[:])
	return devices.SignID(strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))), secret[:]
}

// runFleet is a child process with n always-connected signs of 800x480. Each
// decodes what it is sent and reports the digest of its framebuffer.
func runFleet(ctx context.Context, gateway string, n int) error {
	var wg sync.WaitGroup
	for i := range n {
		id, secret := benchIdentity(i)
		s, err := simsign.New(simsign.Options{Gateway: gateway, Panel: devices.PanelBySize(800, 480), Serial: strconv.Itoa(i), AlwaysOn: true,
			Identity: &simsign.Identity{ID: id, Secret: secret}})
		if err != nil {
			return err
		}
		wg.Go(func() { _ = s.Run(ctx) })
	}
	wg.Wait()
	return nil
}

// fleet is a gateway in this process with a thousand rooms, and a thousand
// signs in another.
type fleet struct {
	b     testing.TB
	n     int // signs
	h     *house
	mqtt  string // address of the broker
	data  string // folder
	rooms []calendar.Room
	ids   []devices.SignID
	round int

	signs *child           // nil where they are started elsewhere
	spent [3]time.Duration // of processor by gateway, broker and signs for the last pictures
}

func newFleet(b *testing.B) *fleet {
	b.Helper()
	f := newFleetOf(b, benchSigns, "mqtt", true)
	f.signs = startChild(b, fmt.Sprintf("fleet:%d:mqtt://%s", f.n, f.mqtt), nil, "fleet")
	return f
}

// newFleetOf is a gateway with n signs that are still to be started; scheme is
// mqtt or mqtts.
func newFleetOf(b testing.TB, n int, scheme string, alwaysOn bool) *fleet {
	b.Helper()
	keepLessGarbage()
	f := &fleet{b: b, n: n, mqtt: freeAddress(b), data: filepath.Join(b.TempDir(), "gateway")}
	conf, err := readConfig("serve", []string{"-data", f.data, "-listen", freeAddress(b), "-mqtt-listen", scheme + "://" + f.mqtt}, nil, stdio{err: os.Stderr})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h, err := openHouse(ctx, conf, slog.New(slog.NewTextHandler(b.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		b.Fatal(err)
	}
	f.h = h
	f.provision(ctx, devices.Hardware{Model: "800x480", Width: 800, Height: 480, AlwaysOn: alwaysOn, Capabilities: 255})
	done := make(chan error, 1)
	go func() { done <- h.run(ctx) }()
	b.Cleanup(func() {
		cancel()
		<-done
		h.close()
	})
	return f
}

// provision hangs every sign, known as that hardware, at a room of its own.
func (f *fleet) provision(ctx context.Context, hardware devices.Hardware) {
	id, err := f.h.store.SaveSettings(ctx, 0, connection.Settings{Cloud: connection.Global})
	if err != nil {
		f.b.Fatal(err)
	}
	for i := range f.n {
		f.rooms = append(f.rooms, calendar.Room{ID: calendar.NewRoomID(fmt.Sprintf("room%d@example.com", i)), Name: fmt.Sprintf("Room %d", i), Capacity: 8})
	}
	if err := f.h.store.ReplaceRooms(ctx, id, f.rooms); err != nil {
		f.b.Fatal(err)
	}
	f.each(func(i int) error {
		sign, secret := benchIdentity(i)
		if err := f.commit(i, f.day(i, 0)); err != nil {
			return err
		}
		return f.h.store.AddSign(ctx, gateway.Sign{ID: sign, Name: strconv.Itoa(i), Room: f.rooms[i].ID, PairedAt: time.Now(),
			Hardware: hardware}, f.h.link.Credential(sign, secret))
	})
	for i := range f.n {
		sign, _ := benchIdentity(i)
		f.ids = append(f.ids, sign)
	}
}

// each runs do for every sign, some at a time.
func (f *fleet) each(do func(i int) error) {
	var wg sync.WaitGroup
	for lane := range 64 {
		wg.Go(func() {
			for i := lane; i < f.n; i += 64 {
				if err := do(i); err != nil {
					f.b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if f.b.Failed() {
		f.b.FailNow()
	}
}

// day is a room's calendar: eight meetings around now, the current one named by
// round, so that each round changes every picture of the day.
func (f *fleet) day(room, round int) []calendar.Event {
	var events []calendar.Event
	start := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for i := range 8 {
		from := start.Add(time.Duration(i) * 90 * time.Minute)
		events = append(events, calendar.Event{ID: fmt.Sprintf("%d-%d", room, i), Subject: fmt.Sprintf("Project %d meeting %d, round %d", room, i, round),
			OrganizerName: fmt.Sprintf("Organizer %d", (room+i)%97), OrganizerAddress: "o@example.com", Start: from, End: from.Add(75 * time.Minute), ShowAs: calendar.Busy})
	}
	return events
}

// commit is the calendar's answer for one room.
func (f *fleet) commit(i int, events []calendar.Event) error {
	now := time.Now()
	_, err := f.h.store.CommitAgenda(context.Background(), calendar.Agenda{Room: f.rooms[i], Events: events, AsOf: now,
		Window: calendar.Window{From: now.Add(-24 * time.Hour), To: now.Add(8 * 24 * time.Hour)}}, connection.Cursor{TruthAt: now})
	return err
}

// settled waits until every sign confirmed its newest timeline and nobody pulls
// pictures any more; it returns how long that took.
func (f *fleet) settled(limit time.Duration) time.Duration {
	f.b.Helper()
	begin, quiet := time.Now(), time.Now()
	for blocks := int64(-1); time.Since(begin) < limit; time.Sleep(250 * time.Millisecond) {
		if n := f.h.link.Stats().Blocks; n != blocks {
			blocks, quiet = n, time.Now()
		}
		if time.Since(quiet) > 2*time.Second && f.unsettled() == 0 {
			return quiet.Sub(begin)
		}
	}
	f.b.Fatalf("%d signs have not confirmed their timelines after %v", f.unsettled(), limit)
	return 0
}

func (f *fleet) unsettled() int {
	doors, err := f.h.core.Doors(context.Background())
	if err != nil {
		f.b.Fatal(err)
	}
	n := f.n - len(doors)
	for _, d := range doors {
		if d.Want == nil || d.Want.Partial || d.Trust != gateway.Right || d.ExpectedStep == nil || d.Status.Shown != d.ExpectedStep.Digest {
			n++
		}
	}
	return n
}

// BenchmarkFleet measures the way from the calendar's answer to the
// acknowledged picture with 1,000 connected signs of 800x480 on this machine,
// the simulated signs included.
func BenchmarkFleet(b *testing.B) {
	f := newFleet(b)
	b.Logf("first timelines of %d signs: %v", benchSigns, f.settled(3*time.Minute))
	b.Run("one", func(b *testing.B) {
		var all []time.Duration
		for b.Loop() {
			all = append(all, f.changeOne())
		}
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "ms/median")
		b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "ms/worst")
	})
	f.settled(time.Minute)
	b.Run("all", func(b *testing.B) {
		var last, whole time.Duration
		for b.Loop() {
			l, w := f.changeAll()
			last, whole = max(last, l), max(whole, w)
		}
		b.ReportMetric(last.Seconds(), "s/last-picture")
		b.ReportMetric(whole.Seconds(), "s/timelines")
		b.ReportMetric(memoryMB(b, "VmRSS:"), "MB/now")
		b.ReportMetric(memoryMB(b, "VmHWM:"), "MB/most")
	})
}

func (f *fleet) changeOne() time.Duration {
	f.round++
	i := f.round % f.n
	ctx := context.Background()
	before, err := f.h.store.Status(ctx, f.ids[i])
	if err != nil {
		f.b.Fatal(err)
	}
	events := f.day(i, f.round)
	begin := time.Now()
	if err := f.commit(i, events); err != nil {
		f.b.Fatal(err)
	}
	f.h.core.AgendaChanged(f.rooms[i].ID)
	for time.Since(begin) < 10*time.Second {
		st, err := f.h.store.Status(ctx, f.ids[i])
		if err != nil {
			f.b.Fatal(err)
		}
		if st.Shown != before.Shown {
			return time.Since(begin)
		}
		time.Sleep(time.Millisecond)
	}
	f.b.Fatal("the picture of one sign was not confirmed in 10 s")
	return 0
}

func (f *fleet) changeAll() (last, whole time.Duration) {
	f.round++
	ctx := context.Background()
	before, err := f.h.store.Statuses(ctx)
	if err != nil {
		f.b.Fatal(err)
	}
	begin, spent := time.Now(), f.cpu()
	f.each(func(i int) error {
		if err := f.commit(i, f.day(i, f.round)); err != nil {
			return err
		}
		f.h.core.AgendaChanged(f.rooms[i].ID)
		return nil
	})
	for {
		now, err := f.h.store.Statuses(ctx)
		if err != nil {
			f.b.Fatal(err)
		}
		left := 0
		for id, st := range before {
			if now[id].Shown == st.Shown {
				left++
			}
		}
		if left == 0 {
			break
		}
		if time.Since(begin) > 2*time.Minute {
			f.b.Fatalf("%d pictures were not confirmed in 2 min", left)
		}
		time.Sleep(max(100*time.Millisecond, time.Duration(f.n)*50*time.Microsecond)) // to look costs time, too
	}
	last = time.Since(begin)
	for i, now := range f.cpu() {
		f.spent[i] = now - spent[i]
	}
	f.b.Logf("pictures of the moment: %v", last)
	return last, last + f.settled(10*time.Minute)
}

// memoryMB reads a line of this process's memory from the kernel.
func memoryMB(b *testing.B, name string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1024
		}
	}
	b.Fatalf("no %s", name)
	return 0
}
