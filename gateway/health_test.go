package gateway_test

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/health"
	"doorleaf/gateway"
	"doorleaf/gateway/sqlite"
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

// A round over a large house reads lists and memory, not one sign after another.
func TestHealthOfALargeHouse(t *testing.T) {
	n, most := 300, 2*time.Second
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		n, most = 10000, 5*time.Second
	}
	b := newBenchOn(t, func(s *sqlite.Store) gateway.Store { return s }, false)
	room := b.room("Aalto")
	now := time.Now()
	ids := make([]devices.SignID, n)
	errs := make(chan error, n)
	for i := range ids {
		ids[i] = devices.SignID(fmt.Sprintf("aaaaaaaaaa%06d", i))
		go func() {
			s := gateway.Sign{ID: ids[i], Name: fmt.Sprintf("Door %d", i), Room: room, PairedAt: now, Hardware: devices.Hardware{Model: "800x480", Width: 800, Height: 480}}
			err := b.store.AddSign(t.Context(), s, devices.Credential{Sign: s.ID, ManifestKey: []byte{1}})
			if err == nil {
				_, err = b.store.CommitReport(t.Context(), devices.Report{Kind: devices.HelloReport, Sign: s.ID, Received: now.Add(-48 * time.Hour), Boot: 1, Counter: 1,
					BatteryMillivolts: 3900, SignalDBm: -60})
			}
			errs <- err
		}()
	}
	for range ids {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	again := b.restarted(nil)
	again.core.SetConnected(func(devices.SignID) bool { return false })
	r := again.health() // the first round also finds out facts
	if len(r.Groups) != 1 || r.Groups[0].Cause != health.TheHouse || len(r.Groups[0].Members) != n {
		t.Fatalf("%d groups, %d alone, want one of %d", len(r.Groups), len(r.Conditions), n)
	}
	for range (n + 299) / 300 { // until all facts are there
		again.health()
	}
	start := time.Now()
	again.health()
	if took := time.Since(start); took > most {
		t.Errorf("a round over %d signs took %v, at most %v", n, took, most)
	} else {
		t.Logf("a round over %d signs took %v", n, took)
	}
}
