package gateway_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/rollout"
	"doorleaf/gateway/sqlite"
)

// readPlain reads a file whose first byte is the number of the release; a file
// of "forged" is signed by nobody.
func readPlain(file []byte, makers []ed25519.PublicKey) (devices.Release, []byte, error) {
	if len(makers) == 0 || string(file) == "forged" {
		return devices.Release{}, nil, errors.New("signed by nobody")
	}
	return devices.Release{Model: "256x1", Version: "2.0", Number: uint32(file[0]), Size: len(file), Image: sha256.Sum256(file), MinMillivolts: 2500, Signed: file[:1]}, file, nil
}

// office is signs of firmware 1 on a gateway that can be started anew.
type office struct {
	*bench
	path string
	ids  []devices.SignID
	stop func()
}

func newOffice(t *testing.T, signs int) *office {
	o := &office{bench: &bench{t: t, wire: &stubWire{claims: map[devices.SignID][]byte{}}}, path: filepath.Join(t.TempDir(), "d.db")}
	o.start()
	if _, err := o.store.SaveSettings(t.Context(), 0, connection.Settings{Cloud: connection.Global}); err != nil {
		t.Fatal(err)
	}
	for i := range signs {
		o.ids = append(o.ids, o.pair(fmt.Sprintf("SIGN%04d", i), ""))
	}
	return o
}

func (o *office) start() {
	o.t.Helper()
	var err error
	if o.store, err = sqlite.Open(o.t.Context(), sqlite.Options{Path: o.path, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		o.t.Fatal(err)
	}
	o.core = gateway.New(gateway.Options{Store: o.store, Renderer: stubRenderer{}, Logger: slog.New(slog.DiscardHandler), ReadRelease: readPlain})
	o.core.SetWire(o.wire)
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.core.Run(ctx) }()
	o.stop = func() { cancel(); <-done; o.store.Close() }
	synctest.Wait()
}

func (o *office) restart() { o.stop(); o.start() }

// hello is a sign's call with the firmware it runs; offered says whether it is
// offered a release.
func (o *office) hello(id devices.SignID, number uint32, e devices.ErrorCode, millivolts int) (offered bool) {
	o.t.Helper()
	o.ctr++
	r := devices.Report{Kind: devices.HelloReport, Sign: id, Received: time.Now(), Boot: 1, Counter: o.ctr, BatteryMillivolts: millivolts, LastError: e,
		Hardware: devices.Hardware{Model: "256x1", Serial: string(id), FirmwareNo: number, Width: 256, Height: 1, Capabilities: devices.CanUpdate}}
	if _, err := o.core.Report(o.t.Context(), r); err != nil {
		o.t.Fatal(err)
	}
	_, offered, err := o.core.Offer(o.t.Context(), id, r)
	if err != nil {
		o.t.Fatal(err)
	}
	return offered
}

// round lets every sign call; those that are offered the release run it at once
// and call again.
func (o *office) round(running map[devices.SignID]uint32) (offered int) {
	for _, id := range o.ids {
		if o.hello(id, max(1, running[id]), 0, 2900) {
			offered++
			running[id] = 7
			o.hello(id, 7, 0, 2900)
		}
	}
	return offered
}

func (o *office) rollout() gateway.RolloutView {
	o.t.Helper()
	list, err := o.core.Rollouts(o.t.Context())
	if err != nil || len(list) == 0 {
		o.t.Fatalf("rollouts: got %d, error %v", len(list), err)
	}
	return list[0]
}

func TestRolloutInStagesOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 40)
		defer func() { o.stop() }()
		ctx := t.Context()
		file := append([]byte{7}, bytes.Repeat([]byte("firmware"), 20_000)...)
		if _, err := o.core.AddRelease(ctx, file); !errors.Is(err, gateway.ErrInvalid) {
			t.Errorf("without a maker: got %v, want %v", err, gateway.ErrInvalid)
		}
		if err := o.store.AddMaker(ctx, gateway.Maker{Name: "M", Key: make([]byte, 32)}); err != nil {
			t.Fatal(err)
		}
		if _, err := o.core.AddRelease(ctx, []byte("forged")); !errors.Is(err, gateway.ErrInvalid) {
			t.Errorf("forged: got %v, want %v", err, gateway.ErrInvalid)
		}
		rel, err := o.core.AddRelease(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.core.AddRelease(ctx, file); !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("again: got %v, want %v", err, gateway.ErrConflict)
		}
		running := map[devices.SignID]uint32{}
		if n := o.round(running); n != 0 {
			t.Errorf("before the start: got %d offers", n)
		}
		first := o.ids[17]
		if err := o.core.StartRollout(ctx, rel.Image, first, time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.core.Image(ctx, first, rel.Image, 0, 4096); !errors.Is(err, devices.ErrUnknownObject) {
			t.Errorf("image before the offer: got %v, want %v", err, devices.ErrUnknownObject)
		}
		if o.hello(first, 1, 0, 2300) {
			t.Error("a sign with an empty battery is offered firmware")
		}
		for stage, want := range []int{1, 1, 8, 30} {
			o.restart()
			if r := o.rollout(); r.Stage != stage || r.State != rollout.Running {
				t.Fatalf("got stage %d %s, want %d running", r.Stage, r.State, stage)
			}
			if n := o.round(running); n != want {
				t.Errorf("stage %d: got %d offers, want %d", stage, n, want)
			}
			if stage == 0 && running[first] != 7 {
				t.Error("the first sign is not the chosen one")
			}
			time.Sleep(50 * time.Minute)
			if r := o.rollout(); stage < 3 && r.Stage != stage {
				t.Errorf("stage %d ended early", stage)
			}
			o.round(running)
			time.Sleep(12 * time.Minute)
		}
		if r := o.rollout(); r.State != rollout.Done || r.Count.Runs != 40 {
			t.Errorf("got %s with %+v, want done with 40", r.State, r.Count)
		}
		b, size, err := o.core.Image(ctx, first, rel.Image, 65_000, 4096)
		if err != nil || size != len(file) || !bytes.Equal(b, file[65_000:65_000+4096]) {
			t.Errorf("image: got %d bytes of %d, error %v", len(b), size, err)
		}
		if _, _, err := o.core.Image(ctx, first, rel.Image, len(file), 1); !errors.Is(err, devices.ErrUnknownObject) {
			t.Errorf("past the end: got %v", err)
		}
	})
}

func TestRolloutStopsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 5)
		defer func() { o.stop() }()
		ctx := t.Context()
		if err := o.store.AddMaker(ctx, gateway.Maker{Name: "M", Key: make([]byte, 32)}); err != nil {
			t.Fatal(err)
		}
		rel, err := o.core.AddRelease(ctx, []byte{7, 1, 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.core.StartRollout(ctx, rel.Image, "nobody", 0); !errors.Is(err, gateway.ErrNotFound) {
			t.Errorf("unknown first sign: got %v", err)
		}
		for _, id := range o.ids { // signs must have said what they can
			o.hello(id, 1, 0, 2900)
		}
		if err := o.core.StartRollout(ctx, rel.Image, "", 0); err != nil {
			t.Fatal(err)
		}
		if err := o.core.RemoveRelease(ctx, rel.Image); !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("remove while running: got %v", err)
		}
		if !o.hello(o.ids[0], 1, 0, 2900) || o.hello(o.ids[1], 1, 0, 2900) {
			t.Error("the first stage is not one sign")
		}
		if err := o.core.PauseRollout(ctx, rel.Image); err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.core.Image(ctx, o.ids[0], rel.Image, 0, 3); !errors.Is(err, devices.ErrUnknownObject) {
			t.Errorf("image while paused: got %v", err)
		}
		if err := o.core.ResumeRollout(ctx, rel.Image); err != nil {
			t.Fatal(err)
		}
		if !o.hello(o.ids[0], 1, 0, 2900) {
			t.Error("resumed: no offer")
		}
		o.hello(o.ids[0], 1, devices.ErrFirmwareBack, 2900)
		if r := o.rollout(); r.State != rollout.Stopped || r.Why != rollout.Failed {
			t.Errorf("after a failure: got %s %s", r.State, r.Why)
		}
		o.restart()
		if r := o.rollout(); r.State != rollout.Stopped || o.hello(o.ids[1], 1, 0, 2900) {
			t.Errorf("after a restart: got %s, want stopped without offers", r.State)
		}
		if err := o.core.ResumeRollout(ctx, rel.Image); err != nil {
			t.Fatal(err)
		}
		if !o.hello(o.ids[1], 1, 0, 2900) {
			t.Error("resumed after a failure: no offer")
		}
		time.Sleep(26 * time.Hour) // it was to call meanwhile, even on a weekend
		if r := o.rollout(); r.State != rollout.Stopped || r.Why != rollout.Silent {
			t.Errorf("after silence: got %s %s", r.State, r.Why)
		}

		// A newer release takes its place; the old one cannot be resumed.
		next, err := o.core.AddRelease(ctx, []byte{8, 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.core.ResumeRollout(ctx, rel.Image); err != nil {
			t.Fatal(err)
		}
		if err := o.core.StartRollout(ctx, next.Image, "", 0); err != nil {
			t.Fatal(err)
		}
		if err := o.core.ResumeRollout(ctx, rel.Image); !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("resume of a replaced one: got %v", err)
		}
		if err := o.core.RemoveRelease(ctx, rel.Image); err != nil {
			t.Error(err)
		}
		if err := o.core.Unpair(ctx, o.ids[0]); err != nil {
			t.Error(err)
		}
		if r := o.rollout(); r.Release.Number != 8 || r.Count.Signs != 4 {
			t.Errorf("got release %d with %d signs, want 8 with 4", r.Release.Number, r.Count.Signs)
		}
	})
}
