package gateway_test

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// hello tells a hello and returns what the sign must have.
func (b *bench) hello(id devices.SignID, edit func(*devices.Report)) *devices.Delivery {
	b.t.Helper()
	b.ctr++
	r := devices.Report{Kind: devices.HelloReport, Sign: id, Received: time.Now(), Boot: 1, Counter: b.ctr}
	edit(&r)
	d, err := b.core.Report(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

// A sign that knows more than the gateway gave raises the epoch, up to the last
// one [DL-EPO-3].
func TestSignRaisesTheEpoch(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*devices.Report)
		want uint32 // epoch of the next manifest
	}{
		{"hello", func(*devices.Report) {}, 8},
		{"the same epoch", func(r *devices.Report) { r.Epoch = 1 }, 2},
		{"shown", func(r *devices.Report) { r.Kind = devices.ShownReport }, 8},
		{"the last but one", func(r *devices.Report) { r.Epoch = math.MaxUint32 - 1 }, math.MaxUint32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			id := b.pair("ABCDEFGH", b.room("Aalto"))
			b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
			d := b.hello(id, func(r *devices.Report) {
				r.Epoch, r.Seq, r.Shown = 7, 123, devices.Digest{1}
				tt.edit(r)
			})
			if raised := d != nil; raised != (tt.want > 1) {
				t.Errorf("got %+v, want epoch %d", d, tt.want)
			}
			if got := b.door(id).Want.Epoch; got != tt.want {
				t.Errorf("epoch %d, want %d", got, tt.want)
			}
		})
	}
}

// A restored gateway gives no manifest below its floor, also to a sign that
// knows nothing newer: what the lost gateway gave to others may come again.
func TestEpochFloor(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	b.core = gateway.New(gateway.Options{Store: b.store, Renderer: stubRenderer{}, Logger: slog.New(slog.DiscardHandler),
		Connected: func(devices.SignID) bool { return true }, EpochFloor: 9})
	b.core.SetWire(b.wire)
	for _, at := range [][2]uint32{{d.Epoch, d.Seq}, {0, 0}} {
		got := b.tell(id, devices.HelloReport, at[0], at[1], devices.Digest{1})
		if got == nil || got.Epoch != 9 {
			t.Errorf("to a sign with %d: got %+v, want epoch 9", at, got)
		}
	}
}

// A restored gateway raises the epoch also where the picture is right: without a
// word of the sign.
func TestEpochFloorIsGivenAtOnce(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	b.follow(d)
	b.core = gateway.New(gateway.Options{Store: b.store, Renderer: stubRenderer{}, Logger: slog.New(slog.DiscardHandler),
		Connected: func(devices.SignID) bool { return true }, EpochFloor: 9})
	b.core.SetWire(b.wire)
	b.run()
	b.eventually("push above the floor", func() bool { last, ok := b.wire.last(id); return ok && last.Epoch == 9 })
}
