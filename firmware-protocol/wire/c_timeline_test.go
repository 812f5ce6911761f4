package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// cNow is when every contact of these tests is, in Unix seconds.
const cNow = 1700000000

// DL_WAKE_BOOT and DL_WAKE_FLIP.
const cWakeBoot, cWakeFlip = 1, 5

// cFrame is a picture, and an object that it can be decoded from.
type cFrame struct {
	Bitmap
	object []byte
}

// pictureOf makes one in full, with the waveform it asks for.
func pictureOf(n uint64, refresh Refresh) cFrame {
	b := noise(64, 16, 100+n)
	object := rawObject(b, []part{{encoding: EncodingRaw, w: 64, h: 16, payload: b.Pix}}, nil)
	object[5] |= byte(refresh) << refreshShift
	return cFrame{b, object}
}

// changed makes one that is a delta on p.
func (p cFrame) changed(t *testing.T, x int) cFrame {
	t.Helper()
	b := NewBitmap(64, 16)
	copy(b.Pix, p.Pix)
	b.box(x, 3, x+9, 7, true)
	object, err := NewEncoder().Encode(nil, b, &p.Bitmap, CapRaw|CapDeflateXor)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := ParseHeader(object); err != nil || !h.Delta {
		t.Fatalf("no delta, %v", err)
	}
	return cFrame{b, object}
}

func (p cFrame) step(from, until int64) Step {
	return Step{Object: sha256.Sum256(p.object), Size: uint32(len(p.object)), Glass: p.Digest(), From: from, Until: until}
}

func (p cFrame) on(base cFrame, from, until int64) Step {
	s := p.step(from, until)
	s.Base = base.Digest()
	return s
}

// tells makes the gateway have a timeline, and objects for it. What the sign asks
// for is listed in pulled; hold keeps an answer back.
func (w *world) tells(seq uint32, body Body, hold func(ObjectHash) bool, pictures ...cFrame) (pulled *[]ObjectHash) {
	w.t.Helper()
	body.Epoch, body.Seq, body.Width, body.Height = 1, seq, 64, 16
	var err error
	if w.body, err = body.Append(nil); err != nil {
		w.t.Fatal(err)
	}
	w.seq, w.stock, pulled = seq, map[ObjectHash][]byte{}, new([]ObjectHash)
	for _, p := range pictures {
		w.stock[sha256.Sum256(p.object)] = p.object
	}
	w.serve = func(g Get, b Block) []Block {
		*pulled = append(*pulled, g.Object)
		if hold != nil && hold(g.Object) {
			return nil
		}
		return []Block{b}
	}
	return pulled
}

// inForce is the number of the timeline that the sign has stored as in force.
func (w *world) inForce() uint32 {
	if b := w.record(2); len(b) > 12 {
		return uint32(b[8])
	}
	return 0
}

// sinceContact is how many milliseconds lie between what the gateway said last
// and a place in the log.
func (w *world) sinceContact(at int) (ms int) {
	for _, line := range w.log[:at] {
		var n int
		if strings.HasPrefix(line, "> message ack") || strings.HasPrefix(line, "> message want") {
			ms = 0
		} else if k, _ := fmt.Sscanf(line, "> time %d", &n); k == 1 {
			ms += n
		}
	}
	return ms
}

func hashes(pictures ...cFrame) (list []ObjectHash) {
	for _, p := range pictures {
		list = append(list, sha256.Sum256(p.object))
	}
	return list
}

// Pictures flip on the second without radio, with the waveform that each asks
// for, and the first one fully [DL-FLOW-6] [DL-PWR-2].
func testCTimeline(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, false, true)
	p := []cFrame{pictureOf(0, RefreshFast), pictureOf(1, RefreshFast), pictureOf(2, RefreshPartial), pictureOf(3, RefreshAny)}
	stale := p[3].step(0, 0)
	w.tells(1, Body{Steps: []Step{p[0].step(cNow, cNow+100), p[1].step(cNow+100, cNow+200), p[2].step(cNow+200, cNow+300)}, Stale: &stale}, nil, p...)
	w.insist(0, func() bool { return len(w.draws) == 4 })
	for i, want := range []struct {
		ms      int
		refresh string
	}{{0, "1"}, {100_000, "2"}, {200_000, "3"}, {300_000, "0"}} {
		d := w.draws[i]
		if ms := w.sinceContact(d.at); d.glass != p[i].Digest() || ms != want.ms || d.refresh != want.refresh {
			t.Errorf("picture %d: right %v, after %d ms, refresh %s; want %d ms, %s", i, d.glass == p[i].Digest(), ms, d.refresh, want.ms, want.refresh)
		}
	}
	if len(w.hellos) != 1 {
		t.Errorf("%d hellos", len(w.hellos))
	}
}

// What a timeline is drawn from comes in the order in which it is decoded, stays
// as long as a timeline in force names it, and no longer [DL-FLOW-3] [DL-FLOW-7].
func testCTimelineObjects(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, false, true)
	first, later, gone := pictureOf(0, 0), pictureOf(3, 0), pictureOf(4, 0)
	second := first.changed(t, 5)
	third := second.changed(t, 30)
	stale := gone.step(0, 0)
	all := []cFrame{first, second, third, later, gone}
	pulled := w.tells(1, Body{Steps: []Step{first.step(cNow-300, cNow-200), second.on(first, cNow-200, cNow-100), third.on(second, cNow-100, cNow+100),
		later.step(cNow+100, cNow+400)}, Stale: &stale}, nil, all...)
	w.insist(0, func() bool { return len(w.draws) == 2 })
	if want := hashes(all...); !slices.Equal(*pulled, want) {
		t.Errorf("it pulls %.2x, want %.2x", *pulled, want)
	}
	if w.draws[0].glass != third.Digest() || w.draws[1].glass != later.Digest() {
		t.Error("it draws other pictures")
	}
	next := func(seq uint32, want []cFrame, due cFrame, steps ...Step) {
		t.Helper()
		pulled := w.tells(seq, Body{Steps: steps, Stale: &stale}, nil, all...)
		w.insist(0, func() bool {
			return w.asleep() && w.inForce() == seq && w.draws[len(w.draws)-1].glass == due.Digest()
		})
		if list := hashes(want...); !slices.Equal(*pulled, list) {
			t.Errorf("timeline %d: it pulls %.2x, want %.2x", seq, *pulled, list)
		}
	}
	next(2, nil, later, later.step(cNow-1, cNow+300))
	next(3, []cFrame{first}, first, first.step(cNow-1, cNow+300))
	next(4, []cFrame{second}, second, pictureOf(0, RefreshFast).step(cNow-300, cNow-200), second.on(first, cNow-200, cNow+300))
}

// The timeline before stays in force until the due picture of the newer one can be
// drawn; one whose due picture is on the glass takes over at once [DL-FLOW-5].
func testCTimelineTakesOver(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, true, true)
	p := []cFrame{pictureOf(0, 0), pictureOf(1, 0), pictureOf(2, 0), pictureOf(2, RefreshFast)}
	w.tells(1, Body{Steps: []Step{p[0].step(cNow, cNow+5), p[1].step(cNow+5, cNow+1000)}}, nil, p...)
	w.insist(0, func() bool { return len(w.draws) == 1 && w.said("shown") > 0 && len(w.queue) == 0 })
	if s := w.shows[0]; s.Wake != cWakeBoot || s.DrawMillis != 0 { // no time passes
		t.Errorf("it drew for %d within %d ms", s.Wake, s.DrawMillis)
	}
	answers := false
	w.tells(2, Body{Steps: []Step{p[2].step(cNow, cNow+1000)}}, func(ObjectHash) bool { return !answers }, p...)
	w.insist(0, func() bool { return len(w.draws) == 2 })
	if w.draws[1].glass != p[1].Digest() || w.inForce() != 1 {
		t.Errorf("timeline %d is in force, without its picture", w.inForce())
	}
	answers = true
	w.run(func() bool { return w.draws[len(w.draws)-1].glass == p[2].Digest() })
	if w.inForce() != 2 {
		t.Errorf("timeline %d is in force", w.inForce())
	}
	drawn := len(w.draws)
	const glassRecord = 4
	w.do(fmt.Sprintf("record %d 00", glassRecord)) // that it is on the glass is all it knows
	w.tells(3, Body{Steps: []Step{p[3].step(cNow, cNow+1000)}}, func(ObjectHash) bool { return true }, p...)
	hellos, gets := len(w.hellos), w.said("get")
	w.insist(0, func() bool { return len(w.hellos) > hellos && len(w.queue) == 0 && w.said("get") > gets })
	if w.inForce() != 3 || len(w.draws) != drawn {
		t.Errorf("timeline %d is in force after %d more pictures", w.inForce(), len(w.draws)-drawn)
	}
}

// said counts the messages of that name that the sign sent.
func (w *world) said(name string) (n int) {
	for _, line := range w.log {
		if strings.HasPrefix(line, "publish ") && strings.Contains(line, "/u/"+name+" ") {
			n++
		}
	}
	return n
}

// A picture that comes damaged, or that is not the one named, is reported and not
// pulled for ever; the glass stays, and when it is due the sign asks again.
func testCTimelineFails(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, false, true)
	p := []cFrame{pictureOf(0, 0), pictureOf(1, 0), pictureOf(2, 0)}
	pulled := w.tells(1, Body{Steps: []Step{p[0].step(cNow, cNow+100), p[1].step(cNow+100, cNow+1000)}}, nil, p...)
	w.stock[hashes(p[1])[0]] = p[0].object
	w.insist(0, w.asleep)
	if want := hashes(p[0], p[1]); !slices.Equal(*pulled, want) || len(w.draws) != 1 {
		t.Errorf("it pulls %.2x, want %.2x; %d pictures", *pulled, want, len(w.draws))
	}
	w.wantErrors(0, 5)
	w.run(func() bool { return len(w.hellos) > 1 })
	if ms := w.sinceContact(lastOf(w.log, "connect ")); w.last().Wake != cWakeFlip || ms != 100_000 {
		t.Errorf("it wakes for %d after %d ms", w.last().Wake, ms)
	}
	w.errors = nil
	wrong := p[1].step(cNow, cNow+1000)
	wrong.Glass = p[2].Digest()
	w.tells(2, Body{Steps: []Step{wrong}}, nil, p...)
	hellos := len(w.hellos)
	w.insist(0, w.asleep)
	if len(w.draws) != 1 || len(w.hellos) > hellos+4 || !slices.Contains(w.errors, 9) {
		t.Errorf("%d pictures, %d hellos, errors %v", len(w.draws), len(w.hellos)-hellos, w.errors)
	}
	w.tells(3, Body{Steps: []Step{p[1].step(cNow, cNow+1000)}}, nil, p...)
	w.insist(0, func() bool { return len(w.draws) == 2 })
	if w.draws[1].glass != p[1].Digest() {
		t.Error("it draws another picture")
	}
}

// Whenever the power is cut, the sign knows what is on its glass, or that it does
// not know; then it draws fully [DL-PWR-2] [DL-PWR-3].
func testCTimelinePower(t *testing.T, runner string) {
	t.Parallel()
	p := []cFrame{pictureOf(0, RefreshFast), pictureOf(1, RefreshFast)}
	torn := 0
	for cut, ended := 1, false; !ended; cut++ {
		w := openWorld(t, runner, true, true)
		w.tells(1, Body{Steps: []Step{p[0].step(cNow, cNow+1000)}}, nil, p...)
		w.insist(0, func() bool { return len(w.draws) == 1 && w.said("shown") == 1 && len(w.queue) == 0 })
		w.tells(2, Body{Steps: []Step{p[1].step(cNow, cNow+1000)}}, nil, p...)
		if ended = w.boot(cut) && w.run(func() bool { return len(w.draws) == 2 && w.said("shown") > 1 }); !ended {
			inside := lastOf(w.log, "note 9 ") > lastOf(w.log, "note 10 ") // drawing, the panel is still
			drawn, hellos, cutAt := len(w.draws), len(w.hellos), len(w.log)
			w.insist(0, func() bool { return len(w.hellos) > hellos })
			shown, again := w.last().Shown, len(w.draws) > drawn
			if !shown.IsZero() && (shown != w.draws[len(w.draws)-1].glass || inside && !again) {
				t.Fatalf("cut %d: it says that it shows %.2x", cut, shown)
			}
			if drawn == 2 && lastOf(w.log[:cutAt], "note 11 ") > lastOf(w.log[:cutAt], "note 9 ") && shown.IsZero() {
				t.Errorf("cut %d: it forgot what it drew", cut)
			}
			unknown := inside || shown.IsZero()
			w.insist(0, func() bool {
				return w.draws[len(w.draws)-1].glass == p[1].Digest() && (!unknown || len(w.draws) > drawn) && w.inForce() == 2
			})
			if unknown && w.draws[drawn].refresh != "1" {
				t.Errorf("cut %d: refresh %s of a glass that is not known", cut, w.draws[drawn].refresh)
			}
			if inside {
				torn++
			}
		}
		w.close()
		if t.Failed() {
			return
		}
	}
	if torn < 2 {
		t.Errorf("the power was cut %d times within a drawing", torn)
	}
}

func lastOf(log []string, start string) int {
	for i, line := range slices.Backward(log) {
		if strings.HasPrefix(line, start) {
			return i
		}
	}
	return -1
}

// A stored timeline that would lead the sign astray counts as none.
func testCTimelineDamaged(t *testing.T, runner string) {
	t.Parallel()
	for name, spoil := range map[string]func([]byte) []byte{
		"a step on itself":  func(b []byte) []byte { b[18+76] = 2; return b },
		"another height":    func(b []byte) []byte { b[14]++; return b },
		"another width":     func(b []byte) []byte { b[12]++; return b },
		"no steps":          func(b []byte) []byte { b[16] = 0; return b },
		"more steps":        func(b []byte) []byte { b[16] = 2; return b },
		"too many steps":    func(b []byte) []byte { b[16] = 100; return append(b[:18:18], bytes.Repeat(b[18:], 100)...) },
		"another beginning": func(b []byte) []byte { b[0]++; return b },
	} {
		t.Run(name, func(t *testing.T) {
			w := openWorld(t, runner, true, true)
			p := pictureOf(0, 0)
			w.tells(1, Body{Steps: []Step{p.step(cNow, cNow+1000)}}, nil, p)
			w.insist(0, func() bool { return len(w.draws) == 1 && len(w.queue) == 0 })
			b := spoil(w.record(2))
			w.do("record 2 " + hex.EncodeToString(b))
			hellos := len(w.hellos)
			w.insist(0, func() bool { return len(w.hellos) > hellos })
			if w.last().Seq != 0 {
				t.Errorf("it has timeline %d", w.last().Seq)
			}
		})
	}
}
