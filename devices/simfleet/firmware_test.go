package simfleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
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

// ship makes a newer release and offers it to all signs.
func (w *world) ship() {
	ctx, core := context.Background(), w.house.core
	number := uint32(factoryNumber + 1 + len(w.releases))
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
	w.note("firmware %d is rolled out", number)
}

// starts takes what firmware a sign started, or that it had its good check-in:
// image returns what its slots hold under a digest, nil with nothing started.
// The caller holds mu.
func (d *door) starts(number uint32, good bool, image func([32]byte) []byte) {
	d.note("firmware %d, good %v", number, good)
	d.runs, d.trusted = number, good
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
	w.ship()
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
		for _, d := range w.doors {
			w.wake(d)
			time.Sleep(time.Millisecond)
		}
		w.rest(100 * time.Second)
	}
	if d := behind(); d != nil {
		w.violate("%s runs firmware %d, good %v, while %d is offered", d.name, d.runs, d.trusted, newest)
		return
	}
	for _, d := range w.doors {
		w.wake(d)
		time.Sleep(time.Millisecond)
	}
	w.rest(100 * time.Second)
	w.look("after an update")
}
