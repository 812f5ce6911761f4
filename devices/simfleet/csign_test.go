package simfleet

import (
	"crypto/ed25519"
	"encoding/binary"
	"strings"
	"time"
)

// Marks of slots, of firmware-protocol/c/sign/dl_boot.h.
const (
	slotTrial = 1
	slotGood  = 2
)

// Numbers of firmware-protocol/c: dl_note, dl_link and reasons to wake.
const (
	noteCode = iota + 3
	notePaired
	noteUnpaired
	noteManifest
)
const (
	noteDrawn     = 11
	noteError     = 14
	noteSleep     = 15
	noteGood      = 21
	linkOpen      = 0
	linkFailed    = 1
	linkRefused   = 2
	wakeBoot      = 1
	cSignChunk    = 90
	cSignsAtATime = 16
)

// cSign is a sign in C: its firmware. Fields are guarded by world.mu, unless
// they say otherwise.
type cSign struct {
	d    *door
	h    *harness
	slot byte

	// Faults that the process is not told of yet.
	told    bool
	steps   uint32 // as it is: leave
	breaks  byte   // as it is: leave
	atDraw  byte   // as it is: leave
	isFull  bool
	mistake mistake

	own     uint64    // own clock in milliseconds, when it was last asked for
	ownAt   time.Time // and when that was
	back    bool      // its clock lost the time; it does so without power only
	session *session
	dialing int // counts tries to connect, so that a late outcome is not for another one

	dead    bool
	inbox   chan func() // for the goroutine that has the sign
	stop    chan struct{}
	stopped bool // stop is closed
	done    chan struct{}
}

// Values of faults that change nothing.
const (
	sameSteps = 1<<32 - 1
	same      = 255
)

func newCSign(d *door, h *harness) *cSign {
	c := &cSign{d: d, h: h, slot: byte(d.n % cSignsAtATime), own: uint64(1 + d.rng.IntN(1<<30)), steps: sameSteps, breaks: same, atDraw: same}
	p := binary.LittleEndian.AppendUint16(nil, panelWidth)
	p = binary.LittleEndian.AppendUint16(p, panelHeight)
	p = append(p, 0)
	if d.alwaysOn {
		p[4] = 1
	}
	p = binary.LittleEndian.AppendUint16(p, cSignChunk)
	p = binary.LittleEndian.AppendUint64(p, d.rng.Uint64())
	p = binary.LittleEndian.AppendUint32(p, uint32(d.skills))
	p = append(p, maker().Public().(ed25519.PublicKey)...)
	if _, _, err := h.command('N', c.slot, 0, append(p, d.name...)); err != nil {
		d.w.t.Fatal(err)
	}
	return c
}

// clock returns the sign's own time. The caller holds mu.
func (c *cSign) clock() uint64 {
	now := time.Now()
	if c.ownAt.IsZero() || now.Before(c.ownAt) { // another era
		c.ownAt = now
	}
	c.own += uint64(now.Sub(c.ownAt).Milliseconds())
	c.ownAt = c.ownAt.Add(time.Duration(now.Sub(c.ownAt).Milliseconds()) * time.Millisecond)
	return c.own
}

// do gives a command and does what the sign wants. Only the goroutine that has
// the sign calls it. It returns false when the power is gone.
func (c *cSign) do(what byte, payload ...byte) (int32, bool) {
	w := c.d.w
	w.mu.Lock()
	if c.dead {
		w.mu.Unlock()
		return 0, false
	}
	clock := c.clock()
	faults := binary.LittleEndian.AppendUint32(nil, c.steps)
	full := byte(0)
	if c.isFull {
		full = 1
	}
	faults = append(faults, full, c.breaks, byte(c.mistake), c.atDraw)
	told := c.told
	c.told, c.steps, c.breaks, c.atDraw = true, sameSteps, same, same
	w.mu.Unlock()
	if !told {
		if _, _, err := c.h.command('F', c.slot, clock, faults); err != nil {
			w.violate("%s: %v", c.d.name, err)
			return 0, false
		}
	}
	list, end, err := c.h.command(what, c.slot, clock, payload)
	if err != nil {
		w.violate("%s: %v", c.d.name, err)
		return 0, false
	}
	for _, r := range list {
		c.obey(r)
	}
	if end.cut {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !c.dead {
			c.dead = true
			c.halt()
			w.path.end(c.session)
			c.d.lostPower()
		}
		return 0, false
	}
	return end.result, true
}

func (c *cSign) obey(r record) {
	w := c.d.w
	if r.what == 'p' {
		topic := string(r.data[1 : 1+r.data[0]])
		w.mu.Lock()
		s := c.session
		w.mu.Unlock()
		if s != nil {
			w.path.up(s, topic, r.data[1+r.data[0]:])
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch r.what {
	case 'c':
		client, password, _ := strings.Cut(string(r.data), "\x00")
		c.connect(client, password)
	case 'd':
		c.dialing++
		w.path.end(c.session)
		c.session = nil
	case 'D':
		c.d.drew(r.data[1:], r.data[0] == 1)
	case 'b':
		image := r.data[5:]
		if r.data[0] != slotGood && r.data[0] != slotTrial {
			w.violate("%s starts from a slot that is neither good nor on trial", c.d.name)
		}
		c.d.starts(binary.LittleEndian.Uint32(r.data[1:]), r.data[0] == slotGood, func([32]byte) []byte { return image })
	case 'n':
		c.noted(r.data[0], binary.LittleEndian.Uint32(r.data[1:]), string(r.data[5:]))
	}
}

// noted is what the sign says that it does. The caller holds mu.
func (c *cSign) noted(what byte, number uint32, text string) {
	switch what {
	case noteCode:
		c.d.code = text
	case notePaired:
		c.d.paired = true
	case noteUnpaired:
		c.d.w.violate("%s forgot who it is", c.d.name)
	case noteManifest:
		c.d.note("manifest %d", number)
	case noteDrawn:
		c.d.note("drawn %d", number)
	case noteError:
		c.d.note("error %d", number)
	case noteSleep:
		c.d.note("sleep")
	case noteGood:
		c.d.starts(number, true, nil)
	}
}

// connect is the sign's way to the broker. The caller holds mu.
func (c *cSign) connect(client, password string) {
	d, w := c.d, c.d.w
	c.dialing++
	try := c.dialing
	outcome := func(after time.Duration, f func()) {
		inbox, stop := c.inbox, c.stop
		time.AfterFunc(after, func() {
			select {
			case inbox <- f:
			case <-stop:
			}
		})
	}
	if d.faulty(d.rng, 0.02) || d.fails(muteDud) {
		return // no answer at all
	}
	if w.path.broken || d.faulty(d.rng, 0.05) {
		outcome(50*time.Millisecond, func() {
			w.mu.Lock()
			late := try != c.dialing
			w.mu.Unlock()
			if !late {
				d.note("offline")
				c.do('C', linkFailed)
			}
		})
		return
	}
	outcome(20*time.Millisecond, func() {
		welcome := w.admits(d, client, password)
		w.mu.Lock()
		late := try != c.dialing || w.path.broken
		if !late && welcome {
			c.open(client)
		}
		w.mu.Unlock()
		switch {
		case !late && welcome:
			c.do('C', linkOpen)
		case !late:
			c.do('C', linkRefused)
		}
	})
}

// open begins the session. The caller holds mu.
func (c *cSign) open(client string) {
	inbox, stop := c.inbox, c.stop
	hand := func(f func()) {
		select {
		case inbox <- f:
		case <-stop:
		}
	}
	var s *session
	mine := func() bool {
		c.d.w.mu.Lock()
		defer c.d.w.mu.Unlock()
		return c.session == s
	}
	s = c.d.w.path.connect(c.d, client, func(topic string, payload []byte) {
		hand(func() {
			if mine() {
				c.do('M', append(append([]byte{byte(len(topic))}, topic...), payload...)...)
			}
		})
	}, func() {
		hand(func() {
			if mine() {
				c.d.note("connection is lost")
				c.do('L')
			}
		})
	})
	c.session = s
}

func (c *cSign) boot() {
	w := c.d.w
	w.mu.Lock()
	if c.done != nil {
		done := c.done
		w.mu.Unlock()
		<-done
		w.mu.Lock()
	}
	c.dead, c.stopped, c.told = false, false, false
	c.inbox, c.stop, c.done = make(chan func(), 64), make(chan struct{}), make(chan struct{})
	inbox, stop, done := c.inbox, c.stop, c.done
	kept := byte(1)
	if c.back || c.d.rng.IntN(2) == 0 {
		kept, c.own, c.ownAt, c.back = 0, uint64(1+c.d.rng.IntN(5000)), time.Now(), false
	}
	w.mu.Unlock()
	go func() {
		defer close(done)
		if result, on := c.do('B', wakeBoot, kept); on && result != 0 {
			w.violate("%s does not start", c.d.name)
			return
		}
		for {
			wait, on := c.do('S')
			if !on {
				return
			}
			timer := time.NewTimer(max(time.Duration(wait)*time.Millisecond, time.Millisecond))
			select {
			case <-stop:
				return
			case <-timer.C:
			case f := <-inbox:
				f()
			}
			timer.Stop()
		}
	}()
}

func (c *cSign) cut() {
	w := c.d.w
	w.mu.Lock()
	c.dead = true
	w.path.end(c.session)
	done := c.done
	if done != nil {
		c.halt()
	}
	w.mu.Unlock()
	if done == nil {
		return
	}
	<-done
	if _, _, err := c.h.command('X', c.slot, 0, nil); err != nil {
		w.violate("%s: %v", c.d.name, err)
	}
}

// halt ends the goroutine that has the sign. The caller holds mu.
func (c *cSign) halt() {
	if !c.stopped {
		c.stopped = true
		close(c.stop)
	}
}

// tell hands a command to the goroutine that has the sign.
func (c *cSign) tell(what byte, payload ...byte) {
	c.d.w.mu.Lock()
	inbox, stop, dead := c.inbox, c.stop, c.dead || c.stop == nil
	c.d.w.mu.Unlock()
	if dead {
		return
	}
	select {
	case inbox <- func() { c.do(what, payload...) }:
	case <-stop:
	}
}

func (c *cSign) wake()            { c.tell('W') }
func (c *cSign) press(button int) { c.tell('P', byte(button)) }

// jumpClock: while it runs, its clock may only go faster; without power it may
// lose the time.
func (c *cSign) jumpClock(minutes int) {
	c.d.w.mu.Lock()
	defer c.d.w.mu.Unlock()
	if minutes < 0 {
		c.back = true
		return
	}
	c.own = c.clock() + uint64(minutes)*60_000
}

// setEra: its clock does not care about that of the gateway.
func (c *cSign) setEra(time.Duration) {
	c.inbox, c.stop, c.done, c.session = nil, nil, nil, nil
}

func (c *cSign) plan(steps int)      { c.steps, c.atDraw, c.told = uint32(steps), 0, false }
func (c *cSign) planDraw()           { c.atDraw, c.told = 1, false }
func (c *cSign) full(on bool)        { c.isFull, c.told = on, false }
func (c *cSign) panelFails(n int)    { c.breaks, c.told = byte(n), false }
func (c *cSign) misbehave(m mistake) { c.mistake, c.told = m, false }
