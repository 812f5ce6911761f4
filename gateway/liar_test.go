package gateway_test

import (
	"math"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// TestLyingSign lets one sign say everything false about itself that its
// messages can hold; the other sign keeps its timeline, its pictures and its
// trust, and the liar is the only one that is doubted.
func TestLyingSign(t *testing.T) {
	b := newBench(t)
	room := b.room("Aalto", meeting("Plan", -time.Hour, time.Hour))
	honest, liar := b.pair("ABCDEFGH", room), b.pair("BCDEFGHJ", b.room("Breuer"))
	d := b.tell(honest, devices.HelloReport, 0, 0, devices.Digest{})
	b.follow(d)
	before := b.door(honest)
	shown := before.Status.Shown

	lies := []devices.Report{
		{Epoch: 1, Seq: 1, Shown: shown}, // the other sign's picture
		{Epoch: math.MaxUint32, Seq: math.MaxUint32, Shown: shown},
		{Epoch: 7, Seq: 0, Shown: devices.Digest{1}, LastError: devices.ErrDigest},
		{Epoch: 1, Seq: math.MaxUint32, LastError: math.MaxUint16},
		{Hardware: devices.Hardware{Model: "256x1", Serial: "ABCDEFGH", Width: 16384, Height: 16384, Capabilities: math.MaxUint32, FirmwareNo: math.MaxUint32}},
		{Hardware: devices.Hardware{Width: 1, Height: 1}, BatteryMillivolts: math.MaxUint16, SignalDBm: -128, TemperatureC: -128, TemperatureKnown: true},
		{Key: math.MaxUint32, Boot: math.MaxUint32, Counter: math.MaxUint32},
	}
	for i, r := range lies {
		for _, kind := range []devices.ReportKind{devices.HelloReport, devices.ShownReport, devices.EventReport} {
			r.Kind, r.Sign, r.Received = kind, liar, time.Now()
			if r.Boot == 0 {
				b.ctr++
				r.Boot, r.Counter = 9, b.ctr
			}
			_, _ = b.core.Report(t.Context(), r) // it may be refused
			if _, offered, err := b.core.Offer(t.Context(), liar, r); offered || err != nil {
				t.Errorf("lie %d: offered %v, error %v", i, offered, err)
			}
			after := b.door(honest)
			if after.Trust != gateway.Right || after.Status != before.Status || after.Want.Seq != before.Want.Seq || after.Believed != before.Believed {
				t.Fatalf("lie %d: the other sign is %s, shows %x", i, after.Trust, after.Believed[:4])
			}
		}
	}
	if v := b.door(liar); v.Trust == gateway.Right {
		t.Errorf("the liar is trusted")
	}
	if err := b.core.Unpair(t.Context(), liar); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Picture(t.Context(), shown); err != nil {
		t.Errorf("the picture of the other sign is gone with the liar: %v", err)
	}
	if again := b.tell(honest, devices.HelloReport, d.Epoch, d.Seq, shown); again != nil {
		t.Errorf("the other sign is sent %+v", again)
	}
}

// A sign that goes on saying that its picture is wrong is given a new one four
// times, and then ever more rarely, whatever it says it in.
func TestRepairsAreRationed(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	b.follow(d)
	for n, kind := range []devices.ReportKind{devices.ShownReport, devices.HelloReport, devices.ShownReport, devices.HelloReport, devices.HelloReport, devices.ShownReport} {
		w, err := b.store.Want(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		d, err := b.core.Report(t.Context(), devices.Report{Kind: kind, Sign: id, Received: time.Now(), Boot: 50, Counter: uint32(n + 1),
			Epoch: w.Epoch, Seq: w.Seq, Shown: devices.Digest{7}})
		if got, want := d != nil, n < 4; err != nil || got != want {
			t.Errorf("report %d: repaired %t, want %t; %v", n, got, want, err)
		}
	}
}
