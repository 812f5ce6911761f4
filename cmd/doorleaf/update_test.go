package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
)

// signMaker is the maker of the signs in these tests.
func signMaker() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)) }

// firmwareFile is a release with an image of that many bytes, signed.
func firmwareFile(t *testing.T, number uint32, size int) (file []byte, image devices.ObjectHash) {
	t.Helper()
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i) ^ byte(number)
	}
	r := wire.Release{Model: renewalModel, Version: fmt.Sprint("1.", number), Number: number, Size: uint32(size), Image: sha256.Sum256(b)}
	if err := r.Sign(signMaker()); err != nil {
		t.Fatal(err)
	}
	head, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append(head, b...), r.Image
}

// rollOut offers a release to all signs.
func (r *rig) rollOut(number uint32, size int) {
	r.t.Helper()
	ctx := context.Background()
	if err := r.house.core.AddMaker(ctx, "Signs and Sons", hex.EncodeToString(signMaker().Public().(ed25519.PublicKey))); err != nil {
		r.t.Fatal(err)
	}
	file, image := firmwareFile(r.t, number, size)
	if _, err := r.house.core.AddRelease(ctx, file); err != nil {
		r.t.Fatal(err)
	}
	if err := r.house.core.StartRollout(ctx, image, "", 0); err != nil {
		r.t.Fatal(err)
	}
}

// firmware is what the gateway knows to run on the sign.
func (r *rig) firmware() (uint32, string) {
	s, err := r.house.store.Sign(context.Background(), renewalSign)
	if err != nil {
		r.t.Fatal(err)
	}
	return s.Hardware.FirmwareNo, s.Hardware.Firmware
}

func (r *rig) said(event, code string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Event == event && (e.Code == code || e.Reason == code) {
			return true
		}
	}
	return false
}

func updatable(o *simsign.Options) {
	o.Maker, o.FirmwareNumber, o.Firmware = signMaker().Public().(ed25519.PublicKey), 3, "1.3"
}

const imageBytes = 70_000 // a whole part and a rest

// update rolls one release out while something goes wrong, and holds its end.
func update(t *testing.T, alwaysOn bool, wrong func(*rig)) (passed []string) {
	bubble(t, func(r *rig) {
		r.opts.AlwaysOn = alwaysOn
		updatable(&r.opts)
		fault := r.opts.Fault
		r.opts.Fault = func(p string) bool {
			if !fault(p) {
				return false
			}
			r.mu.Lock()
			r.points["cut"] = true
			r.mu.Unlock()
			return true
		}
	}, func(t *testing.T, r *rig) {
		r.rollOut(4, imageBytes)
		r.mu.Lock()
		clear(r.points)
		clear(r.passes)
		r.mu.Unlock()
		wrong(r)
		r.sign.Wake()
		r.until("newer firmware runs", renewalLimit, func() bool { n, _ := r.firmware(); return n == 4 && r.said("firmware", "good") })
		if n, version := r.firmware(); n != 4 || version != "1.4" {
			t.Errorf("firmware %d, %q", n, version)
		}
		r.mu.Lock()
		for p := range r.points {
			if !strings.HasPrefix(p, "sign:get.sent") || strings.HasSuffix(p, "0") || soak() {
				passed = append(passed, p)
			}
		}
		r.mu.Unlock()
		r.until("right picture", renewalLimit, r.right)
		if r.said("error", "firmware-back") || r.said("unpaired", "") {
			t.Error("the sign went back, or forgot its identity")
		}
	})
	return passed
}

// The power is cut, or the gateway killed, once at every point of an update.
func TestUpdateSurvivesCuts(t *testing.T) {
	for _, on := range lives() {
		for _, point := range update(t, on, func(*rig) {}) {
			if strings.HasPrefix(point, "gateway:link.blk") && !strings.HasSuffix(point, "7") && !soak() {
				continue // one in ten is enough
			}
			t.Run(fmt.Sprint(on, " ", point), func(t *testing.T) {
				t.Parallel()
				update(t, on, func(r *rig) { r.breakAt(point) })
			})
		}
	}
}

// A firmware that does not work is given back after 15 minutes, told, and not
// taken again; the sign goes on as before.
func TestBrokenFirmwareGoesBack(t *testing.T) {
	for _, on := range []bool{false, true} {
		bubble(t, func(r *rig) {
			r.opts.AlwaysOn = on
			updatable(&r.opts)
			r.opts.Broken = func(number uint32) bool { return number == 4 }
		}, func(t *testing.T, r *rig) {
			r.rollOut(4, 5000)
			r.sign.Wake()
			begin := time.Now()
			r.until("went back", renewalLimit, func() bool { return r.said("error", "firmware-back") })
			if d := time.Since(begin); d < 15*time.Minute {
				t.Errorf("went back after %s", d)
			}
			r.until("told", renewalLimit, func() bool {
				list, err := r.house.core.Rollouts(t.Context())
				return err == nil && len(list) == 1 && list[0].Count.Failed == 1
			})
			if n, _ := r.firmware(); n != 3 {
				t.Errorf("firmware %d runs, want 3", n)
			}
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			r.mu.Lock()
			trials := 0
			for _, e := range r.events {
				if e.Event == "firmware" && e.Reason == "trial" {
					trials++
				}
			}
			r.mu.Unlock()
			if trials != 1 {
				t.Errorf("tried %d times, want once", trials)
			}
			r.until("right picture", renewalLimit, r.right)
		})
	}
}

// A firmware that can say hello but hears nothing goes back too, and the gateway
// does not count it as running for having heard from it.
func TestDeafFirmwareGoesBack(t *testing.T) {
	bubble(t, func(r *rig) {
		r.opts.AlwaysOn = true
		updatable(&r.opts)
	}, func(t *testing.T, r *rig) {
		r.rollOut(4, 5000)
		deaf := func(is bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.deaf = is
		}
		emit := r.opts.Emit
		_ = r.off()
		r.opts.Emit = func(e simsign.Event) {
			emit(e)
			if e.Event == "firmware" {
				deaf(e.Reason == "trial")
			}
		}
		r.switchOn()
		r.until("newer firmware is heard of", renewalLimit, func() bool { _, version := r.firmware(); return version == "1.4" })
		if list, err := r.house.core.Rollouts(t.Context()); err != nil || list[0].Count.Runs != 0 || list[0].Count.Offered != 1 {
			t.Errorf("on trial: got %+v, %v, want one that was offered it and none that runs it", list[0].Count, err)
		}
		r.until("went back", renewalLimit, func() bool { return r.said("error", "firmware-back") })
		r.until("told", renewalLimit, func() bool {
			list, err := r.house.core.Rollouts(t.Context())
			return err == nil && len(list) == 1 && list[0].Count.Failed == 1 && list[0].Count.Runs == 0
		})
	})
}

// A firmware on trial that loses its power again and again is given back too.
func TestRestartingFirmwareGoesBack(t *testing.T) {
	bubble(t, func(r *rig) {
		updatable(&r.opts)
		r.opts.Broken = func(number uint32) bool { return number == 4 }
	}, func(t *testing.T, r *rig) {
		r.rollOut(4, 5000)
		r.sign.Wake()
		r.until("on trial", renewalLimit, func() bool { return r.said("firmware", "trial") })
		for range 2 {
			_ = r.off()
			r.switchOn()
			synctest.Wait()
			if r.said("error", "firmware-back") {
				t.Fatal("went back before the third start")
			}
		}
		_ = r.off()
		r.switchOn()
		synctest.Wait()
		if !r.said("error", "firmware-back") {
			t.Error("did not go back after three starts")
		}
	})
}

// A sign takes only what its maker signed, for its model and newer; what is
// forged changes nothing and is told.
func TestForgedOffers(t *testing.T) {
	bubble(t, func(r *rig) {
		r.opts.AlwaysOn = true
		updatable(&r.opts)
	}, func(t *testing.T, r *rig) {
		file, _ := firmwareFile(t, 4, 5000)
		release := file[:wire.ReleaseSize]
		key := manifestKey(t, firstSecret())
		offer := func(release []byte, key *[32]byte, id devices.SignID) []byte {
			b, err := wire.AppendOffer(nil, release, key, string(id))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		resigned := func(maker ed25519.PrivateKey, edit func(*wire.Release)) []byte {
			rel, err := wire.ParseRelease(release)
			if err != nil {
				t.Fatal(err)
			}
			edit(&rel)
			if err := rel.Sign(maker); err != nil {
				t.Fatal(err)
			}
			b, err := rel.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		stranger := ed25519.NewKeyFromSeed(make([]byte, 32))
		for _, c := range []struct {
			name, code string
			msg        []byte
		}{
			{"wrong key", "firmware", offer(release, &[32]byte{1}, renewalSign)},
			{"another sign", "firmware", offer(release, key, "aaaaaaaaaaaaaaac")},
			{"another maker", "firmware", offer(resigned(stranger, func(*wire.Release) {}), key, renewalSign)},
			{"cut short", "firmware", offer(release, key, renewalSign)[:100]},
			{"another model", "firmware-refused", offer(resigned(signMaker(), func(r *wire.Release) { r.Model = "other" }), key, renewalSign)},
			{"the running one", "firmware-refused", offer(resigned(signMaker(), func(r *wire.Release) { r.Number = 3 }), key, renewalSign)},
			{"an older one", "firmware-refused", offer(resigned(signMaker(), func(r *wire.Release) { r.Number = 2 }), key, renewalSign)},
		} {
			r.mu.Lock()
			r.events = nil
			r.mu.Unlock()
			r.inject(wire.SignTopic(string(renewalSign), wire.NameOffer), c.msg)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if !r.said("error", c.code) || r.said("offer", "") {
				t.Errorf("%s: want error %q and no more", c.name, c.code)
			}
		}
		// Genuine, but this gateway does not have the image: the sign lets it be.
		r.inject(wire.SignTopic(string(renewalSign), wire.NameOffer), offer(release, key, renewalSign))
		time.Sleep(time.Minute)
		if n, _ := r.firmware(); n != 3 || !r.right() {
			t.Errorf("firmware %d", n)
		}
	})
}
