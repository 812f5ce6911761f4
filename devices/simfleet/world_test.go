package simfleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
)

// plan says what a world is made of.
type plan struct {
	seed     uint64
	goSigns  int
	cSigns   int
	rowSigns int      // in C, without a frame
	harness  *harness // of the signs in C
	rows     *harness // of those without a frame
	eras     int      // times the whole site goes off and the clock is set
	rounds   int      // of faults and calm per era
	actions  int      // things that happen in a round
	mistake  mistake  // of the first sign
	firmware bool     // releases are rolled out
	windows  bool     // pictures change in a few rows, and some signs take them in parts
	trace    string   // file to write all to that happens, "" for none
}

// world is one site in virtual time: a gateway, a broker and some doors. All
// that happens follows from the seed.
type world struct {
	t    *testing.T
	plan plan
	seed uint64
	dir  string
	rng  *rand.Rand // of the main loop

	embedded bool // the broker tells the gateway who is connected
	floor    uint32
	backedUp bool

	mu       sync.Mutex
	chaos    bool
	over     bool // the era ends: nobody is switched on any more
	path     *path
	house    *house
	doors    []*door
	wakes    int
	parts    int            // pictures of several parts that were sent
	broken   string         // the first thing that must not be
	releases []wire.Release // that were rolled out, oldest first
	duds     map[uint32]dud // firmware by number that never checks in

	log struct {
		sync.Mutex
		lines []string // of the last things that happened
		file  *os.File // for all of them, if it is asked for
	}
}

// Lines of what happened: shown when it came out wrong, and kept at most.
const tailLines, keptLines = 250, 1_000

// live runs a world and returns it when all is over.
func live(t *testing.T, p plan) *world {
	t.Helper()
	w := &world{t: t, plan: p, seed: p.seed, rng: rand.New(rand.NewPCG(p.seed, 0)), dir: t.TempDir(), duds: map[uint32]dud{}}
	if p.trace != "" {
		file, err := os.OpenFile(p.trace, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		w.log.file = file
	}
	if shm, err := os.MkdirTemp("/dev/shm", "simfleet"); err == nil { // a disk is slow
		t.Cleanup(func() { _ = os.RemoveAll(shm) })
		w.dir = shm
	}
	if err := os.Mkdir(w.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	cryptotest.SetGlobalRandom(t, p.seed)
	w.embedded = p.seed%3 != 0
	for n := range p.goSigns + p.cSigns + p.rowSigns {
		random := func(k int) *rand.Rand { return rand.New(rand.NewPCG(p.seed, uint64(4*n+k))) }
		d := &door{w: w, n: n, name: fmt.Sprintf("D%d", n), rng: random(1), upRng: random(2), downRng: random(3), alwaysOn: w.rng.IntN(3) == 0,
			skills: skillsOf(w.rng, p.windows) | updates(p), glass: make([]byte, panelBytes), spoken: map[[2]uint32]bool{}}
		switch {
		case n < p.goSigns:
			d.body = &goSign{d: d, flash: map[string][]byte{}}
		case n < p.goSigns+p.cSigns:
			d.body = newCSign(d, p.harness)
		default:
			d.skills &^= withFrame
			d.body = newCSign(d, p.rows)
		}
		w.doors = append(w.doors, d)
	}
	start := 72 * time.Hour // of the gateway's clock, after that of every world
	for era := range p.eras {
		synctest.Test(t, func(*testing.T) {
			begin := time.Now()
			time.Sleep(start)
			w.note("era %d", era)
			w.era(era == 0)
			jump := time.Duration(w.rng.IntN(16*60)-8*60) * time.Minute
			start = max(time.Since(begin)+jump, 0)
			for _, d := range w.doors {
				d.body.setEra(jump)
			}
		})
		if w.violated() {
			break
		}
	}
	return w
}

// era is the time from switching all on to switching all off.
func (w *world) era(first bool) {
	w.mu.Lock()
	w.path = &path{w: w, sessions: map[string]*session{}}
	w.over = false
	w.mu.Unlock()
	if first {
		w.begin()
	} else {
		for _, d := range w.doors { // it may be before all that was known
			d.diary.change(time.Now(), w.rng)
		}
		w.open()
		for _, d := range w.doors {
			d.powerOn(d.life)
			time.Sleep(time.Millisecond) // one after the other, so that all is the same again
		}
	}
	for range w.plan.rounds {
		if w.violated() {
			break
		}
		w.setChaos(true)
		if w.plan.firmware {
			w.ship(noDud)
		}
		for range w.plan.actions {
			w.act()
			if w.violated() {
				break
			}
		}
		w.calm()
	}
	w.mu.Lock()
	w.over, w.chaos = true, false
	w.mu.Unlock()
	for _, d := range w.doors {
		d.powerOff()
	}
	w.house.close()
	time.Sleep(3 * time.Hour) // what was delayed or put off comes to nothing
}

// begin is the first day: rooms, signs out of their boxes, pairing.
func (w *world) begin() {
	for _, d := range w.doors {
		d.diary.change(time.Now(), w.rng)
	}
	w.settle()
	for _, d := range w.doors {
		d.powerOn(0)
		time.Sleep(time.Millisecond)
	}
	for _, d := range w.doors {
		for tries := 0; ; tries++ {
			time.Sleep(2 * time.Second)
			w.mu.Lock()
			code := d.code
			w.mu.Unlock()
			id, err := w.house.core.Pair(context.Background(), code, d.name, d.room)
			if err == nil {
				w.mu.Lock()
				d.id = id
				w.mu.Unlock()
				break
			}
			if tries == 20 {
				w.t.Fatalf("seed %d: %s is not paired: %v\n%s", w.seed, d.name, err, w.tail())
			}
		}
	}
	time.Sleep(time.Minute)
	if w.plan.mistake != noMistake {
		w.mu.Lock()
		w.doors[0].body.misbehave(w.plan.mistake)
		w.doors[0].isDeaf = w.plan.mistake == deaf
		w.mu.Unlock()
	}
}

// setChaos lets faults happen, or ends them all.
func (w *world) setChaos(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chaos = on
	if on {
		return
	}
	w.path.broken = false
	w.house.die = ""
	for _, d := range w.doors {
		d.body.plan(0)
		d.body.full(false)
		d.body.panelFails(0)
	}
}

// act makes one thing happen, and waits.
func (w *world) act() {
	d := w.doors[w.rng.IntN(len(w.doors))]
	r := w.rng.IntN(100)
	locked := func(f func()) { w.mu.Lock(); defer w.mu.Unlock(); f() }
	switch {
	case r < 25:
		locked(func() { d.diary.change(time.Now(), w.rng) })
		w.note("calendar of %s changes to v%d", d.name, d.diary.version)
		w.read(w.house)
	case r < 55:
		w.wake(d)
	case r < 70:
		draw := w.rng.IntN(3) == 0
		locked(func() {
			if draw {
				d.body.planDraw()
				d.diary.change(time.Now(), w.rng)
			} else {
				d.body.plan(1 + w.rng.IntN(30))
			}
		})
		if draw {
			w.read(w.house)
		}
		w.wake(d)
	case r < 73:
		d.powerOff()
		d.powerOn(d.life)
	case r < 75:
		if w.plan.firmware && w.rng.IntN(2) == 0 {
			w.ship(dud(w.rng.IntN(2 * int(duds))))
		} else {
			w.renew(d)
		}
	case r < 77:
		d.note("a button is pressed")
		d.body.press(1 + w.rng.IntN(4))
	case r < 81:
		minutes := w.rng.IntN(20*60) - 10*60
		d.note("its clock jumps by %d minutes", minutes)
		d.body.jumpClock(minutes)
	case r < 83:
		full := w.rng.IntN(3) > 0
		d.note("flash is full: %v", full)
		locked(func() { d.body.full(full) })
	case r < 85:
		locked(func() { d.body.panelFails(1 + w.rng.IntN(3)) })
	case r < 88:
		locked(func() {
			if s := w.path.sessions[w.topics(d)]; s != nil {
				w.path.send(s, s.topics+"d/want", d.oldManifest())
			}
		})
	case r < 91:
		points := []string{"link.want.before", "link.want.after", "link.ack.before", "link.ack.after", "link.blk.before", "link.blk.after"}
		locked(func() { w.house.die = points[w.rng.IntN(len(points))] })
	case r < 94:
		w.restart(false)
	case r < 96:
		w.backup()
	case r < 97 && w.backedUp:
		w.restart(true)
	default:
		w.pathBreaks()
	}
	wait := time.Duration(w.rng.IntN(4000)) * time.Millisecond
	switch w.rng.IntN(4) {
	case 0:
		wait = time.Duration(w.rng.IntN(300)) * time.Second
	case 1:
		wait = time.Duration(w.rng.IntN(40)) * time.Second
	}
	if w.rng.IntN(60) == 0 {
		wait += time.Duration(w.rng.IntN(8*60)) * time.Minute
	}
	w.rest(wait)
}

// rest lets time pass; the calendar is read every five minutes and a gateway
// that died is started again.
func (w *world) rest(d time.Duration) {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, 5*time.Minute))
		if w.house.dead.Load() {
			w.restart(false)
		}
		w.read(w.house)
	}
}

// wake makes a sign contact the gateway; one that stays connected says hello.
func (w *world) wake(d *door) {
	w.mu.Lock()
	if w.chaos && w.path.sessions[w.topics(d)] != nil {
		w.wakes++
	}
	w.mu.Unlock()
	d.note("wakes")
	d.body.wake()
}

func (w *world) topics(d *door) string { return "dl/1/" + string(d.id) + "/" }

// byTopics returns the door whose topics begin so; the caller holds mu.
func (w *world) byTopics(topics string) *door {
	for _, d := range w.doors {
		if d.id != "" && w.topics(d) == topics {
			return d
		}
	}
	if s := w.path.sessions[topics]; s != nil {
		return s.d
	}
	return nil
}

// restart kills the gateway and starts it again, sometimes after a while, and if
// asked for from the backup.
func (w *world) restart(restored bool) {
	w.note("gateway is killed")
	w.house.close()
	if restored {
		w.restore()
	}
	if w.chaos && w.rng.IntN(4) == 0 {
		time.Sleep(time.Duration(w.rng.IntN(600)) * time.Second)
	}
	w.open()
}

// pathBreaks is a restart of the broker: all connections are gone, and nobody
// gets in for a while.
func (w *world) pathBreaks() {
	w.mu.Lock()
	w.trace("broker is restarted")
	w.path.broken = true
	topics := make([]string, 0, len(w.path.sessions))
	for name := range w.path.sessions {
		topics = append(topics, name)
	}
	slices.Sort(topics)
	for _, name := range topics {
		w.path.end(w.path.sessions[name])
	}
	if w.path.gateway != nil {
		w.path.gateway.close()
	}
	w.mu.Unlock()
	time.Sleep(time.Duration(w.rng.IntN(20)) * time.Second)
	w.mu.Lock()
	w.path.broken = false
	w.mu.Unlock()
}

// calm ends all faults, wakes every sign twice and looks at the glasses.
func (w *world) calm() {
	w.setChaos(false)
	w.note("calm")
	w.rest(45 * time.Second) // what is under way still fails
	if w.house.dead.Load() {
		w.restart(false)
	}
	for _, d := range w.doors {
		w.mu.Lock()
		life := d.life
		w.mu.Unlock()
		d.powerOn(life)
		time.Sleep(time.Millisecond)
	}
	w.rest(2 * time.Second)
	w.pauseDuds()
	w.fallBack()
	for range 2 {
		w.wakeAll()
	}
	w.look("after two wakes")
	if w.plan.firmware && !w.violated() && w.rng.IntN(2) == 0 {
		w.shipDud()
	}
	if w.plan.firmware && !w.violated() {
		w.update()
	}
	if w.rng.IntN(4) > 0 || w.violated() {
		return
	}
	for range 3 { // the pictures go on by the signs' own clocks
		w.rest(time.Duration(20+w.rng.IntN(120)) * time.Minute)
		w.look("later")
	}
}

// wakeAll wakes every sign and waits until they have nothing to say any more.
func (w *world) wakeAll() {
	for _, d := range w.doors {
		w.wake(d)
		time.Sleep(time.Millisecond)
	}
	w.rest(100 * time.Second)
}

// look holds every glass against the diary and what the gateway believes
// against the glass.
func (w *world) look(when string) {
	for range 200 { // not around a flip: the gateway gives clocks 90 seconds
		near := false
		for _, d := range w.doors {
			v, err := w.house.core.Door(context.Background(), d.id)
			near = near || err != nil || v.ExpectedStep == nil || time.Since(v.ExpectedStep.From) < 95*time.Second || time.Until(v.ExpectedStep.Until) < 2*time.Second
		}
		if !near {
			break
		}
		w.rest(time.Second)
	}
	now := time.Now()
	for _, d := range w.doors {
		v, err := w.house.core.Door(context.Background(), d.id)
		if err != nil {
			w.t.Fatalf("seed %d: %v", w.seed, err)
		}
		title, booked := d.diary.at(now)
		w.mu.Lock()
		glass := d.glass
		w.mu.Unlock()
		f, ok := read(glass)
		switch {
		case !ok:
			w.violate("%s %s: the glass shows no picture", when, d.name)
		case f.Room != d.name || f.Title != title || (f.State == "booked") != booked:
			w.violate("%s %s: the glass shows %v, want %s, booked %v", when, d.name, f, title, booked)
		case v.ExpectedStep == nil || v.ExpectedStep.Digest != digestOf(glass):
			w.violate("%s %s: the glass is not what the gateway wants", when, d.name)
		case v.Believed != digestOf(glass):
			w.violate("%s %s: the gateway believes %.4x, the glass shows %.4x", when, d.name, v.Believed, digestOf(glass))
		case v.Trust == gateway.Pending && when == "later": // the day went on: it will be told when it calls
		case v.Trust != gateway.Right && v.Trust != gateway.Sleeping:
			w.violate("%s %s: the glass is right, the gateway says %s", when, d.name, v.Trust)
		}
	}
	w.note("all is right")
}

// trace adds a line to what happened. It may be called with or without mu.
func (w *world) trace(format string, args ...any) {
	w.log.Lock()
	defer w.log.Unlock()
	line := time.Now().UTC().Format("02 15:04:05.000000 ") + fmt.Sprintf(format, args...)
	if w.log.file != nil {
		fmt.Fprintln(w.log.file, line)
	}
	if w.log.lines = append(w.log.lines, line); len(w.log.lines) > keptLines {
		w.log.lines = slices.Delete(w.log.lines, 0, keptLines/2)
	}
}

func (w *world) note(format string, args ...any) { w.trace(format, args...) }

func (w *world) tail() string {
	w.log.Lock()
	defer w.log.Unlock()
	return strings.Join(w.log.lines[max(0, len(w.log.lines)-tailLines):], "\n")
}

// violate notes that something is as it must never be. It may be called with or
// without mu; only the first one counts.
func (w *world) violate(format string, args ...any) {
	w.trace("WRONG: "+format, args...)
	w.log.Lock()
	defer w.log.Unlock()
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

func (w *world) violated() bool {
	w.log.Lock()
	defer w.log.Unlock()
	return w.broken != ""
}
