package simsign

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Times and counts of a firmware on trial [DL-FW-5].
const (
	trialLength = 15 * time.Minute
	trialStarts = 3
)

// imagePart is how much of an image is written to the slot at once.
const imagePart = 64 << 10

// Marks of a slot; an empty one holds nothing that may start.
const (
	markGood  = "good"
	markTrial = "trial"
)

// slot is one of the two places for firmware.
type slot struct {
	Number  uint32 `json:"number,omitempty"`
	Version string `json:"version,omitempty"`
	Mark    string `json:"mark,omitempty"`
	Starts  int    `json:"starts,omitempty"` // on trial
}

// firmware is what a sign remembers about its firmware.
type firmware struct {
	Slots   [2]slot `json:"slots"`
	Running int     `json:"running"`
	Failed  uint32  `json:"failed,omitempty"` // number it went back from
}

// download is a release on its way into the slot that does not run.
type download struct {
	release wire.Release
	slot    int
	part    []byte // that is being filled
	have    map[uint32]bool
	stored  uint32 // bytes in parts before it
}

var (
	errImage   = errors.New("the image is not the one of its release")
	errNoCheck = errors.New("the newer firmware did not check in")
)

// factoryFirmware makes a new sign run what it was made with.
func (s *Sign) factoryFirmware() {
	if s.st.Firmware == nil {
		s.st.Firmware = &firmware{Slots: [2]slot{{Number: s.opts.FirmwareNumber, Version: s.opts.Firmware, Mark: markGood}}}
	}
}

// runs is the slot the sign runs from.
func (s *Sign) runs() *slot { return &s.st.Firmware.Slots[s.st.Firmware.Running] }

// onTrial reports whether the running firmware has not had a good check-in.
func (s *Sign) onTrial() bool { return s.runs().Mark == markTrial }

// provenFirmware is the number that Hello names: on trial that of the slot
// behind, so that nobody counts the update as done too early [DL-FW-5].
func (s *Sign) provenFirmware() uint32 {
	if s.onTrial() {
		return s.st.Firmware.Slots[1-s.st.Firmware.Running].Number
	}
	return s.runs().Number
}

// startFirmware is the boot loader: a slot on trial starts at most three times,
// of two good ones the one with the greater number does [DL-FW-6].
func (s *Sign) startFirmware() {
	f := s.st.Firmware
	f.Running = 0
	if a, b := f.Slots[0], f.Slots[1]; b.Mark == markGood && (a.Mark != markGood || b.Number > a.Number) {
		f.Running = 1
	}
	for i := range f.Slots {
		t := &f.Slots[i]
		if t.Mark != markTrial {
			continue
		}
		if t.Starts >= trialStarts {
			s.goBack(i)
			break
		}
		t.Starts++
		f.Running = i
		s.keep(s.save())
		s.cut("firmware.started")
		s.trialEnd = time.Now().Add(trialLength)
	}
	s.emit(Event{Event: "firmware", Number: s.runs().Number, Version: s.runs().Version, Reason: s.runs().Mark})
}

// goBack gives the slot on trial up; the other one runs on.
func (s *Sign) goBack(i int) {
	f := s.st.Firmware
	f.Failed, f.Running = f.Slots[i].Number, 1-i
	f.Slots[i] = slot{}
	s.st.LastError = uint16(devices.ErrFirmwareBack)
	s.trialEnd = time.Time{}
	s.emit(Event{Event: "error", Code: errorName(devices.ErrFirmwareBack), Error: errNoCheck.Error(), Number: f.Failed})
	s.keep(s.save())
	s.cut("firmware.back")
}

// checkedIn is a good check-in of the running firmware [DL-FW-5].
func (s *Sign) checkedIn() {
	if !s.onTrial() || s.dead() {
		return
	}
	s.runs().Mark, s.runs().Starts = markGood, 0
	s.trialEnd = time.Time{}
	s.talk.hailed, s.talk.greeted = false, false // it names the number now
	if s.keep(s.save()) {
		s.cut("firmware.good")
		s.emit(Event{Event: "firmware", Number: s.runs().Number, Version: s.runs().Version, Reason: markGood})
	}
}

// dead reports whether the running firmware is one that does not work.
func (s *Sign) dead() bool {
	return s.opts.Broken != nil && s.onTrial() && s.opts.Broken(s.runs().Number)
}

// trialOver starts anew with the other slot when the trial took too long.
func (s *Sign) trialOver(now time.Time) {
	if s.trialEnd.IsZero() || s.trialEnd.After(now) || !s.onTrial() {
		return
	}
	s.goBack(s.st.Firmware.Running)
	s.restart()
}

// restart begins anew, as a reset does.
func (s *Sign) restart() {
	s.hangUp()
	s.boot = newBoot()
	s.counter, s.fails = 0, 0
	s.question, s.incoming, s.parts, s.download = nil, nil, nil, nil
	s.emit(Event{Event: "boot", BatteryMillivolts: int(s.millivolts())})
	s.startFirmware()
	s.rouse(devices.WakeBoot)
}

// offer takes an offer of firmware [DL-FW-3].
func (s *Sign) offer(payload []byte) {
	if s.opts.Maker == nil || s.opts.Capabilities&wire.CapFirmware == 0 {
		return
	}
	r, err := wire.ParseOffer(payload, &s.keys.Manifest, s.st.Sign, s.opts.Maker)
	if err != nil {
		s.remember(devices.ErrFirmware, err)
		return
	}
	trial := s.onTrial()
	if s.conn.spki == [32]byte{} {
		s.checkedIn()
	}
	if trial || s.talk.tried && r.Number == s.runs().Number { // Hello did not name it [DL-FW-5]
		return
	}
	err = r.For(wire.Target{Model: s.opts.Panel.Model, Running: s.runs().Number, Failed: s.st.Firmware.Failed, Millivolts: s.millivolts()})
	if err != nil {
		s.remember(devices.ErrFirmwareRefused, err)
		return
	}
	if s.download != nil && s.download.release == r {
		return
	}
	s.download = &download{release: r, slot: 1 - s.st.Firmware.Running}
	if !s.keep(s.findParts()) {
		s.download = nil
		return
	}
	s.emit(Event{Event: "offer", Number: r.Number, Version: r.Version, Bytes: int(r.Size)})
}

// partPrefix begins the names of the parts in a slot, partName is that of one of
// this release's.
func (d *download) partPrefix() string { return fmt.Sprintf("image-%d-", d.slot) }
func (d *download) partName(offset uint32) string {
	return fmt.Sprintf("%s%s-%08x", d.partPrefix(), hex.EncodeToString(d.release.Image[:8]), offset)
}

// findParts goes on where an earlier pull of the same release stopped, and
// empties the slot of anything else.
func (s *Sign) findParts() error {
	d := s.download
	if s.st.Firmware.Slots[d.slot] != (slot{}) { // what starts is no longer whole from here on
		s.st.Firmware.Slots[d.slot] = slot{}
		if err := s.save(); err != nil {
			return err
		}
		s.cut("firmware.emptied")
	}
	names, err := s.store.Names(d.partPrefix())
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
	}
	for d.stored < d.release.Size && have[d.partName(d.stored)] {
		delete(have, d.partName(d.stored))
		d.stored += min(imagePart, d.release.Size-d.stored)
	}
	for n := range have {
		if err := s.store.Delete(n); err != nil {
			return err
		}
	}
	d.begin()
	return nil
}

// begin begins the part after what is stored.
func (d *download) begin() {
	d.part, d.have = make([]byte, min(imagePart, d.release.Size-d.stored)), map[uint32]bool{}
}

// pullImage asks for what is missing of the image, after everything the glass
// needs.
func (s *Sign) pullImage(now time.Time) {
	d := s.download
	if d == nil || s.incoming != nil || !s.talk.gaveUp && len(s.missing()) > 0 {
		return
	}
	if d.stored == d.release.Size {
		s.imageComplete()
		return
	}
	chunkSize := uint32(s.opts.Chunk)
	for off := uint32(0); off < uint32(len(d.part)) && len(s.talk.gets) < window; off += chunkSize {
		c := chunk{d.release.Image, d.stored + off}
		if _, asked := s.talk.gets[c]; asked || d.have[off] {
			continue
		}
		if !s.get(c, min(chunkSize, uint32(len(d.part))-off), now) {
			return
		}
	}
}

// imageBlock takes a block of the image.
func (s *Sign) imageBlock(c chunk, b wire.Block) {
	d := s.download
	if b.Total == 0 || b.Total != d.release.Size { // not offered any more
		s.download, s.talk.gets = nil, nil
		return
	}
	off := b.Offset - d.stored
	want := min(uint32(s.opts.Chunk), uint32(len(d.part))-min(off, uint32(len(d.part))))
	if b.Offset < d.stored || d.have[off] || len(b.Data) != int(want) || c.offset != b.Offset {
		return
	}
	copy(d.part[off:], b.Data)
	d.have[off] = true
	if len(d.have)*s.opts.Chunk < len(d.part) {
		return
	}
	if !s.keep(s.store.Put(d.partName(d.stored), d.part)) {
		s.download = nil
		return
	}
	s.cut("image.part")
	d.stored += uint32(len(d.part))
	d.begin()
	if d.stored == d.release.Size {
		s.imageComplete()
	}
}

// imageComplete checks the image and puts it on trial, or throws it away.
func (s *Sign) imageComplete() {
	d := s.download
	s.download = nil
	sum := sha256.New()
	for off := uint32(0); off < d.release.Size; off += imagePart {
		b, err := s.store.Get(d.partName(off))
		if !s.keep(err) {
			return
		}
		sum.Write(b)
	}
	if [32]byte(sum.Sum(nil)) != d.release.Image {
		names, err := s.store.Names(d.partPrefix())
		for _, n := range names {
			err = errors.Join(err, s.store.Delete(n))
		}
		s.keep(err)
		s.remember(devices.ErrFirmware, errImage)
		return
	}
	s.st.Firmware.Slots[d.slot] = slot{Number: d.release.Number, Version: d.release.Version, Mark: markTrial}
	if !s.keep(s.save()) {
		s.st.Firmware.Slots[d.slot] = slot{}
		return
	}
	s.cut("firmware.trial")
	s.restart()
}

// fetching reports whether an image is on its way on this connection.
func (s *Sign) fetching() bool { return s.download != nil }

// makerOption checks the options that belong together.
func makerOption(o *Options) error {
	if o.Maker != nil && len(o.Maker) != ed25519.PublicKeySize {
		return fmt.Errorf("simsign: the maker's key has %d bytes, want %d", len(o.Maker), ed25519.PublicKeySize)
	}
	return nil
}
