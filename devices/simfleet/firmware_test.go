package simfleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
	"doorleaf/gateway/rollout"
)

// signModel is the model of all signs here, firmwareBytes the size of their
// images, factoryNumber that of the firmware they come with.
const (
	signModel     = "simulated"
	firmwareBytes = 1500
	factoryNumber = 1
)

// maker signs the firmware.
func maker() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)) }

// updates is the skill of signs whose firmware is updated in this world.
func updates(p plan) wire.Capabilities {
	if p.firmware {
		return wire.CapFirmware
	}
	return 0
}

// dud is why a firmware never makes a good check-in.
type dud int

const (
	noDud   dud = iota
	deafDud     // it hears nothing
	muteDud     // it gets no connection
	sickDud     // nor that, and it ends again and again
	duds
)

// fails reports whether the firmware that runs is on trial and has that defect, or
// a worse one. The caller holds mu.
func (d *door) fails(how dud) bool {
	return !d.trusted && (d.w.duds[d.runs] == how || how == muteDud && d.w.duds[d.runs] == sickDud)
}

// ship makes a newer release and offers it to all signs; it is a dud when how
// says so.
func (w *world) ship(how dud) {
	if how >= duds {
		how = noDud
	}
	ctx, core := context.Background(), w.house.core
	number := uint32(factoryNumber + 1 + len(w.releases))
	w.mu.Lock()
	w.duds[number] = how
	w.mu.Unlock()
	image := make([]byte, firmwareBytes)
	for i := range image {
		image[i] = byte(i>>3) ^ byte(i) ^ byte(number)
	}
	r := wire.Release{Model: signModel, Version: fmt.Sprint(number), Number: number, Size: firmwareBytes, Image: sha256.Sum256(image)}
	err := r.Sign(maker())
	var head []byte
	if err == nil {
		head, err = r.Marshal()
	}
	if err == nil {
		err = core.AddMaker(ctx, "Signs", hex.EncodeToString(maker().Public().(ed25519.PublicKey)))
	}
	if err == nil {
		for _, old := range w.releases { // a few are kept
			_ = core.RemoveRelease(ctx, devices.ObjectHash(old.Image))
		}
		_, err = core.AddRelease(ctx, append(head, image...))
	}
	if err == nil {
		err = core.StartRollout(ctx, devices.ObjectHash(r.Image), "", 0)
	}
	if w.house.dead.Load() {
		return // whatever it came to
	}
	if err != nil {
		w.violate("release %d: %v", number, err)
		return
	}
	w.mu.Lock()
	w.releases = append(w.releases, r)
	w.mu.Unlock()
	w.note("firmware %d is rolled out, dud %d", number, how)
}

// starts takes what firmware a sign started, or that it had its good check-in:
// image returns what its slots hold under a digest, nil with nothing started.
// The caller holds mu.
func (d *door) starts(number uint32, good bool, image func([32]byte) []byte) {
	d.note("firmware %d, good %v", number, good)
	how, before := d.w.duds[number], d.w.duds[d.runs]
	d.runs, d.trusted = number, good
	switch {
	case how != noDud && good:
		d.w.violate("%s takes firmware %d for good, which never checked in", d.name, number)
	case how == sickDud:
		d.body.plan(1 + d.rng.IntN(20))
	case before == sickDud:
		d.body.plan(0)
	}
	if how != noDud {
		d.tries++
	}
	if image == nil || number == factoryNumber {
		return
	}
	for _, r := range d.w.releases {
		if r.Number == number {
			if b := image(r.Image); sha256.Sum256(b) != r.Image {
				d.w.violate("%s starts firmware %d from an image that is not whole", d.name, number)
			}
			return
		}
	}
	d.w.violate("%s starts firmware %d, which nobody released", d.name, number)
}

// update rolls a release out while nothing goes wrong: all signs run it soon,
// whatever happened to those before, and their glasses stay right.
func (w *world) update() {
	w.ship(noDud)
	newest := uint32(factoryNumber + len(w.releases))
	behind := func() *door {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, d := range w.doors {
			if d.runs != newest || !d.trusted {
				return d
			}
		}
		return nil
	}
	for range 12 {
		if behind() == nil {
			break
		}
		w.wakeAll()
	}
	if d := behind(); d != nil {
		w.violate("%s runs firmware %d, good %v, while %d is offered", d.name, d.runs, d.trusted, newest)
		return
	}
	w.wakeAll()
	w.look("after an update")
}

// longestTrial is how long a sign may stay with a firmware that never checks in:
// three starts of 15 minutes, and the time without power between them.
const longestTrial = 6 * time.Hour

// fallBack waits until no sign runs a firmware that never checks in.
func (w *world) fallBack() {
	on := func() *door {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, d := range w.doors {
			if w.duds[d.runs] != noDud {
				return d
			}
		}
		return nil
	}
	for end := time.Now().Add(longestTrial); on() != nil && !w.violated(); w.rest(time.Minute) {
		if time.Now().After(end) {
			w.violate("%s stays with firmware %d, which never checks in", on().name, on().runs)
		}
	}
}

// pauseDuds ends offers of firmware that never checks in: who takes it later would
// not be seen within two wakes.
func (w *world) pauseDuds() {
	for _, r := range w.releases {
		if w.duds[r.Number] == noDud {
			continue
		}
		err := w.house.core.PauseRollout(context.Background(), devices.ObjectHash(r.Image))
		if err != nil && !errors.Is(err, gateway.ErrConflict) && !errors.Is(err, gateway.ErrNotFound) {
			w.violate("release %d is not paused: %v", r.Number, err)
		}
	}
}

// shipDud rolls a firmware out that never checks in: one sign tries it and goes
// back, the rollout stops by itself, and all glasses are right.
func (w *world) shipDud() {
	w.ship(dud(1 + w.rng.IntN(int(duds)-1)))
	w.mu.Lock()
	number := uint32(factoryNumber + len(w.releases))
	for _, d := range w.doors {
		d.tries = 0
	}
	w.mu.Unlock()
	stopped := func() bool {
		list, err := w.house.core.Rollouts(context.Background())
		if err != nil {
			w.t.Fatalf("seed %d: %v", w.seed, err)
		}
		for _, r := range list {
			if r.Rollout.Release.Number == number {
				return r.Rollout.State == rollout.Stopped
			}
		}
		return false
	}
	for end := time.Now().Add(longestTrial); !stopped() && !w.violated(); w.wakeAll() {
		if time.Now().After(end) {
			w.violate("the rollout of firmware %d goes on, which never checks in", number)
		}
	}
	w.fallBack()
	for range 2 {
		w.wakeAll()
	}
	w.mu.Lock()
	tried := 0
	for _, d := range w.doors {
		tried += min(d.tries, 1)
	}
	w.mu.Unlock()
	if tried != 1 {
		w.violate("%d signs tried firmware %d, which never checks in", tried, number)
	}
	w.look("after a bad update")
}
