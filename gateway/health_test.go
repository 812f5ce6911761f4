package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/health"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/sqlite"
	"doorleaf/render/mono"
)

// health is what is wrong with the house.
func (b *bench) health() health.Report {
	b.t.Helper()
	r, err := b.core.HealthNow(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// restarted is a core that started an hour ago on the same store, so that the
// time for coming back is over.
func (b *bench) restarted(around func() gateway.Around) *bench {
	b.t.Helper()
	core := gateway.New(gateway.Options{Store: b.store, Renderer: stubRenderer{}, Logger: slog.New(slog.DiscardHandler),
		Connected: func(devices.SignID) bool { return true }, Around: around})
	core.SetWire(b.wire)
	again := &bench{t: b.t, core: core, store: b.store, wire: b.wire}
	again.core.SetStarted(time.Now().Add(-time.Hour))
	return again
}

func only(t *testing.T, r health.Report) health.Condition {
	t.Helper()
	if len(r.Groups) != 0 || len(r.Conditions) != 1 {
		t.Fatalf("got %+v, want one condition", r)
	}
	return r.Conditions[0]
}

func TestHealthOfASignWithAWrongPicture(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	w, err := b.store.Want(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b.tell(id, devices.ShownReport, d.Epoch, d.Seq, w.Steps[0].Digest)
	if r := b.health(); r.Count(health.Note) != 0 {
		t.Fatalf("a sign that is right: %+v", r)
	}
	b.tell(id, devices.ShownReport, d.Epoch, d.Seq, devices.Digest{7})
	c := only(t, b.health())
	if c.Kind != health.WrongPicture || c.Sign != id || c.Severity != health.Alarm {
		t.Errorf("got %+v", c)
	}
	// Another start later it is still wrong since then, not since the start.
	time.Sleep(20 * time.Millisecond)
	if again := only(t, b.restarted(nil).health()); again.Since.UnixMilli() != c.Since.UnixMilli() {
		t.Errorf("since %v, before the start %v", again.Since, c.Since)
	}
}

func TestHealthOfTheSurroundings(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	now := time.Now()
	b = b.restarted(func() gateway.Around {
		return gateway.Around{BrokerDown: true, Incidents: []devices.Incident{
			{Kind: devices.ClonedCredential, Sign: id, Address: "192.0.2.1", Count: 2, First: now, Last: now}}}
	})
	var got []health.Kind
	for _, c := range b.health().Conditions {
		got = append(got, c.Kind)
	}
	if len(got) != 2 || got[0] != health.BrokerDown || got[1] != health.Cloned {
		t.Errorf("got %v", got)
	}
}

// Where signs came from is remembered: a silent one is not connected.
func TestSilentNetworkIsOneGroup(t *testing.T) {
	b := newBench(t)
	room := b.room("Aalto")
	addresses := map[devices.SignID]string{}
	b.core.SetAddress(func(id devices.SignID) string { return addresses[id] })
	var ids []devices.SignID
	for i, code := range []string{"AAAAAAAA", "BBBBBBBB", "CCCCCCCC", "DDDDDDDD", "EEEEEEEE"} {
		id := b.pair(code, room)
		ids = append(ids, id)
		addresses[id] = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1", "198.51.100.2"}[i]
		b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	}
	b.health()
	again := newBenchOn(t, func(*sqlite.Store) gateway.Store { return b.store }, false)
	again.core.SetStarted(time.Now().Add(-time.Hour))
	again.core.SetConnected(func(id devices.SignID) bool { return id == ids[3] || id == ids[4] })
	r := again.health()
	if len(r.Groups) != 1 || r.Groups[0].Cause != health.TheNetwork || r.Groups[0].What != "192.0.2.0/24" || len(r.Groups[0].Members) != 3 {
		t.Errorf("got %+v", r.Groups)
	}
}

// A battery's readings end in a forecast on the next day's round.
func TestHealthWarnsOfABattery(t *testing.T) {
	b := newBenchOn(t, func(s *sqlite.Store) gateway.Store { return s }, false)
	id := b.pairSleeper(b.room("Aalto"))
	site := gateway.DefaultSite()
	site.Battery = gateway.LithiumIonCell
	if err := b.store.SetSite(t.Context(), site); err != nil {
		t.Fatal(err)
	}
	start := time.Now().AddDate(0, 0, -60)
	for day := range 60 {
		b.ctr++
		_, err := b.store.CommitReport(t.Context(), devices.Report{Kind: devices.HelloReport, Sign: id, Received: start.AddDate(0, 0, day), Boot: 1, Counter: b.ctr,
			BatteryMillivolts: 3790 - 2*day})
		if err != nil {
			t.Fatal(err)
		}
	}
	life, err := b.core.Battery(t.Context(), id)
	if err != nil || !life.Known || life.Left > 0.12 || life.DaysLow > life.Days {
		t.Errorf("%+v, %v", life.Forecast, err)
	}
	found := false
	for _, c := range b.restarted(nil).health().All() {
		found = found || c.Sign == id && (c.Kind == health.BatteryLow || c.Kind == health.BatteryEmpty)
	}
	if !found {
		t.Error("nothing was said of the battery")
	}
}

// countingStore counts what is read of one sign or room alone.
type countingStore struct {
	gateway.Store
	single atomic.Int64
}

func (s *countingStore) Room(ctx context.Context, id calendar.RoomID) (calendar.Room, error) {
	s.single.Add(1)
	return s.Store.Room(ctx, id)
}

func (s *countingStore) Agenda(ctx context.Context, id calendar.RoomID) (calendar.Agenda, error) {
	s.single.Add(1)
	return s.Store.Agenda(ctx, id)
}

func (s *countingStore) Sign(ctx context.Context, id devices.SignID) (gateway.Sign, error) {
	s.single.Add(1)
	return s.Store.Sign(ctx, id)
}

func (s *countingStore) Credential(ctx context.Context, id devices.SignID) (devices.Credential, error) {
	s.single.Add(1)
	return s.Store.Credential(ctx, id)
}

func (s *countingStore) Status(ctx context.Context, id devices.SignID) (gateway.Status, error) {
	s.single.Add(1)
	return s.Store.Status(ctx, id)
}

func (s *countingStore) Want(ctx context.Context, id devices.SignID) (gateway.Want, error) {
	s.single.Add(1)
	return s.Store.Want(ctx, id)
}

func (s *countingStore) Decisions(ctx context.Context, id devices.SignID, limit int) ([]gateway.Decision, error) {
	s.single.Add(1)
	return s.Store.Decisions(ctx, id, limit)
}

func (s *countingStore) BatteryDays(ctx context.Context, id devices.SignID) ([]gateway.BatteryDay, error) {
	s.single.Add(1)
	return s.Store.BatteryDays(ctx, id)
}

func (s *countingStore) SignKeys(ctx context.Context, id devices.SignID) (gateway.SignKeys, error) {
	s.single.Add(1)
	return s.Store.SignKeys(ctx, id)
}

func (s *countingStore) SignPins(ctx context.Context, id devices.SignID) (gateway.SignPins, error) {
	s.single.Add(1)
	return s.Store.SignPins(ctx, id)
}

// A round over a large house reads lists and memory, not one sign after another.
func TestHealthOfALargeHouse(t *testing.T) {
	n := 300
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		n = 10000
	}
	b := newBenchOn(t, func(s *sqlite.Store) gateway.Store { return s }, false)
	room := b.room("Aalto")
	now := time.Now()
	face := mono.New(800, 480)
	ids := make([]devices.SignID, n)
	errs := make(chan error, n)
	for i := range ids {
		ids[i] = devices.SignID(fmt.Sprintf("aaaaaaaaaa%06d", i))
		go func() { errs <- b.silent(ids[i], room, now.Add(-48*time.Hour), face) }()
	}
	for range ids {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	store := &countingStore{Store: b.store}
	again := newBenchOn(t, func(*sqlite.Store) gateway.Store { return store }, false)
	again.core.SetStarted(now.Add(-time.Hour))
	r := again.health() // the first round also finds out facts
	if len(r.Groups) != 1 || r.Groups[0].Cause != health.TheHouse || len(r.Groups[0].Members) != n {
		t.Fatalf("%d groups, %d alone, want one of %d", len(r.Groups), len(r.Conditions), n)
	}
	if store.single.Load() < int64(n) {
		t.Errorf("%d reads of single signs in the first round, want one of each at least", store.single.Load())
	}
	for range (n + 299) / 300 { // until all facts are there
		again.health()
	}
	var singles []int64
	for range 2 { // facts are of a day: one of two rounds may meet midnight
		store.single.Store(0)
		again.health()
		singles = append(singles, store.single.Load())
	}
	if slices.Min(singles) != 0 {
		t.Errorf("%d reads of single signs in rounds over %d signs, want none", singles, n)
	}
}

// silent adds a sign that has a timeline and was heard of last at that time.
func (b *bench) silent(id devices.SignID, room calendar.RoomID, at time.Time, face *mono.Image) error {
	s := gateway.Sign{ID: id, Name: "Door " + string(id), Room: room, PairedAt: at, Hardware: devices.Hardware{Model: "800x480", Width: 800, Height: 480}}
	if err := b.store.AddSign(b.t.Context(), s, devices.Credential{Sign: id, ManifestKey: []byte{1}}); err != nil {
		return err
	}
	w := gateway.Want{Sign: id, Epoch: 1, Seq: 1, Reason: gateway.First, At: at, Steps: []gateway.WantStep{{From: at, Until: at.Add(24 * time.Hour), Digest: face.Digest()}}}
	if err := b.store.CommitWant(b.t.Context(), w, nil, []*mono.Image{face}); err != nil {
		return err
	}
	_, err := b.store.CommitReport(b.t.Context(), devices.Report{Kind: devices.HelloReport, Sign: id, Received: at, Boot: 1, Counter: 1,
		BatteryMillivolts: 3900, SignalDBm: -60})
	return err
}
