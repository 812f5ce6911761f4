package simfleet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway/calendar"
)

// body is the sign itself, in Go or in C. Its power is cut at any of its hooks:
// whenever it writes to flash or panel, or sends, or does what it tells about.
type body interface {
	boot()                     // the power comes; not called twice without cut
	cut()                      // the power goes, at once; returns when nothing runs any more
	wake()                     // it contacts the gateway now
	press(button int)          //
	plan(steps int)            // the power is cut at that hook from now on; 0: no more
	planDraw()                 // the power is cut while it draws the next time
	full(bool)                 // its flash takes nothing
	jumpClock(int)             // its own clock jumps by so many minutes
	panelFails(n int)          // its panel breaks down the next n times it draws, or shows wrong pixels at once
	misbehave(mistake)         // it does wrong on purpose
	setEra(jump time.Duration) // it is without power; the clock of the gateway was set
}

// mistake is something that this test must notice.
type mistake int

const (
	noMistake   mistake = iota
	anyEpoch            // it accepts older manifests
	blindPanel          // it says Shown though nothing was drawn
	tornPanel           // it stops drawing half way and says nothing
	lostStorage         // what it stored is gone after a cut
	deaf                // it hears no manifest any more
)

// door is one sign on its door with what the test knows of it. Fields are
// guarded by world.mu.
type door struct {
	w    *world
	n    int
	name string
	// What goes wrong with the sign, with its messages and with those to it: each
	// drawn from in an order that is always the same.
	rng, upRng, downRng *rand.Rand
	alwaysOn            bool
	skills              wire.Capabilities
	body                body
	room                calendar.RoomID
	diary               diary
	id                  devices.SignID
	code                string // on the glass, while it is not paired

	isDeaf    bool        // no manifest reaches it
	passwords [2][32]byte // that the broker lets in, hashed
	renewals  int         // of its secret since the backup; of the main loop

	runs    uint32 // firmware that was started last
	trusted bool   // which had its good check-in
	tries   int    // starts of firmware that never checks in

	powered bool
	life    int // counts cuts, so that a late boot is not for another one
	paired  bool

	glass, before []byte // what the panel shows, and showed before changed
	changed       time.Time
	newest        int // version of the newest picture that was on the glass
	spoken        map[[2]uint32]bool
	epoch, seq    uint32    // it said last that it has
	given         [2]uint32 // newest that the gateway sent
	manifests     [][]byte  // that the gateway sent, oldest first
}

// withFrame is what a sign without a frame cannot decode.
const withFrame = wire.CapDeflateXor | wire.CapSmallRef | wire.CapFullRef | wire.CapParts

// skillsOf is what a sign can decode: often little, because encoding in every way
// takes the time of this test. With windows it often takes pictures in parts.
func skillsOf(r *rand.Rand, windows bool) wire.Capabilities {
	if windows && r.IntN(3) > 0 {
		return wire.CapRaw | wire.CapParts | wire.CapKeys
	}
	switch r.IntN(8) {
	case 0:
		return wire.CapAll | wire.CapKeys
	case 1, 2, 3:
		return wire.CapMinimal | wire.CapKeys
	case 4:
		return wire.CapRaw | wire.CapDeflate | wire.CapDeflateXor
	}
	return wire.CapRaw | wire.CapSmall | wire.CapSmallRef
}

func (d *door) note(format string, args ...any) {
	d.w.trace(d.name+" "+format, args...)
}

// faulty says whether something goes wrong now, which it may with chance p. The
// caller holds mu.
func (d *door) faulty(from *rand.Rand, p float64) bool { return d.w.chaos && from.Float64() < p }

// connected counts a wake. The caller holds mu.
func (d *door) connected() {
	d.note("connects")
	if d.w.chaos {
		d.w.wakes++
	}
}

// drew takes what the panel shows now; whole is false when it broke down or lost
// its power while it drew. The caller holds mu.
func (d *door) drew(glass []byte, whole bool) {
	now := time.Now()
	if d.changed != now {
		d.before, d.changed = d.glass, now
	}
	d.glass = bytes.Clone(glass)
	f, ok := read(glass)
	d.note("glass: %v, whole %v", f, whole)
	switch {
	case !whole || !d.paired:
		return
	case !ok:
		d.w.violate("%s drew what is no picture", d.name)
	case f.Room != d.name:
		d.w.violate("%s drew the picture of %s", d.name, f.Room)
	case f.version() == 0 && f.State != "offline":
		d.w.violate("%s drew a picture that nobody wanted: %v", d.name, f)
	case f.version() == 0:
	case f.version() < d.newest:
		d.w.violate("%s drew v%d after v%d", d.name, f.version(), d.newest)
	default:
		d.newest = f.version()
	}
}

// said looks at a message as the sign sends it: it must not tell what is not
// true. A repeated one may be older than the glass. The caller holds mu.
func (d *door) said(topic string, payload []byte) {
	var glass wire.Digest
	var at [2]uint32
	var epoch, seq uint32
	switch topic[strings.LastIndexByte(topic, '/')+1:] {
	case "hello":
		m, err := wire.UnmarshalHello(payload)
		if err != nil {
			d.w.violate("%s said hello wrongly: %v", d.name, err)
			return
		}
		if m.MAC == [len(m.MAC)]byte{} {
			d.w.violate("%s said hello without a proof", d.name)
		}
		glass, at, epoch, seq = m.Shown, [2]uint32{m.Boot, m.Counter}, m.Epoch, m.Seq
		d.note("hello %d/%d glass %.4x error %d wake %d, %08x/%d", epoch, seq, glass, m.LastError, m.Wake, m.Boot, m.Counter)
	case "shown":
		m, err := wire.UnmarshalShown(payload)
		if err != nil {
			d.w.violate("%s said shown wrongly: %v", d.name, err)
			return
		}
		glass, at, epoch, seq = m.Glass, [2]uint32{m.Boot, m.Counter}, m.Epoch, m.Seq
		d.note("shown %d/%d glass %.4x error %d", epoch, seq, glass, m.LastError)
	default:
		return
	}
	if d.spoken[at] {
		return
	}
	d.spoken[at] = true
	if !glass.IsZero() && glass != wire.Digest(digestOf(d.glass)) &&
		(d.changed != time.Now() || glass != wire.Digest(digestOf(d.before))) {
		f, _ := read(d.glass)
		d.w.violate("%s says that its glass shows %.4x, it shows %.4x, %v", d.name, glass, digestOf(d.glass), f)
	}
	if epoch == 0 && seq == 0 && !d.trusted && d.w.plan.firmware {
		return // on trial, it asks for something signed
	}
	if epoch < d.epoch || epoch == d.epoch && seq < d.seq {
		d.w.violate("%s went back from manifest %d/%d to %d/%d", d.name, d.epoch, d.seq, epoch, seq)
	}
	if epoch > d.given[0] || epoch == d.given[0] && seq > d.given[1] {
		d.w.violate("%s has manifest %d/%d, the newest given is %v", d.name, epoch, seq, d.given)
	}
	d.epoch, d.seq = epoch, seq
}

// sentBlock counts pictures of several parts. The caller holds mu.
func (d *door) sentBlock(payload []byte) {
	const head, base, flags, hasBase, more = 14, 8, 5, 1, 8 // [DL-OBJ-2] [DL-PART-2]
	b, err := wire.UnmarshalBlock(payload)
	if err != nil || b.Offset > 0 || len(b.Data) <= head+base || string(b.Data[:3]) != "DLO" {
		return
	}
	part := b.Data[head]
	if b.Data[flags]&hasBase != 0 {
		part = b.Data[head+base]
	}
	if part&more != 0 {
		d.w.parts++
	}
}

// sent notes a manifest of the gateway. The caller holds mu.
func (d *door) sent(manifest []byte) {
	d.manifests = append(d.manifests, manifest)
	e, s := binary.LittleEndian.Uint32(manifest[4:]), binary.LittleEndian.Uint32(manifest[8:])
	d.note("gateway sends %d/%d", e, s)
	if e > d.given[0] || e == d.given[0] && s > d.given[1] {
		d.given = [2]uint32{e, s}
	}
}

// oldManifest is one that must change nothing any more: of before, or another
// sign's. The caller holds mu.
func (d *door) oldManifest() []byte {
	from := d
	if d.downRng.IntN(3) == 0 {
		from = d.w.doors[d.downRng.IntN(len(d.w.doors))]
	}
	if len(from.manifests) == 0 {
		return nil
	}
	d.note("is sent an old manifest of %s", from.name)
	return from.manifests[d.downRng.IntN(len(from.manifests))]
}

// corrupt changes a message on its way, sometimes. The caller holds mu.
func (d *door) corrupt(name string, payload []byte) []byte {
	if !d.faulty(d.downRng, 0.04) {
		return payload
	}
	d.note("%s is corrupted", name)
	if name == "d/blk" && d.downRng.IntN(2) == 0 { // by somebody who makes the checksum fit
		if b, err := wire.UnmarshalBlock(payload); err == nil && len(b.Data) > 0 {
			b.Data = bytes.Clone(b.Data)
			b.Data[d.downRng.IntN(len(b.Data))] ^= 1 << d.downRng.IntN(8)
			if again, err := b.Marshal(); err == nil {
				return again
			}
		}
	}
	if name == "d/ack" && d.downRng.IntN(2) == 0 { // the clock of the gateway is wrong
		if a, err := wire.UnmarshalAck(payload); err == nil {
			a.ServerTime += int64(d.downRng.IntN(12*3600)-6*3600) * 1000
			if again, err := a.Marshal(); err == nil {
				return again
			}
		}
	}
	if d.downRng.IntN(3) == 0 {
		return payload[:d.downRng.IntN(len(payload))]
	}
	payload = bytes.Clone(payload)
	payload[d.downRng.IntN(len(payload))] ^= 1 << d.downRng.IntN(8)
	return payload
}

// lostPower is called by the body when its power was cut as planned. The caller
// holds mu.
func (d *door) lostPower() {
	d.note("power is cut")
	d.powered = false
	d.life++
	life, off := d.life, time.Duration(1+d.rng.IntN(20))*time.Second
	if d.rng.IntN(8) == 0 {
		off = time.Duration(1+d.rng.IntN(90)) * time.Minute
	}
	time.AfterFunc(off, func() { d.powerOn(life) })
}

// powerOn switches the sign on, if that is not done since.
func (d *door) powerOn(life int) {
	d.w.mu.Lock()
	off := !d.powered && d.life == life && !d.w.over
	if off {
		d.powered = true
		if d.faulty(d.rng, 0.4) {
			d.body.plan(1 + d.rng.IntN(40))
		}
	}
	d.w.mu.Unlock()
	if off {
		d.note("boots")
		d.body.boot()
	}
}

// powerOff cuts the power, and does not switch it on again.
func (d *door) powerOff() {
	d.w.mu.Lock()
	if d.powered {
		d.note("power goes")
	}
	d.powered = false
	d.life++
	d.w.mu.Unlock()
	d.body.cut()
}
