package gateway_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/sqlite"
	"doorleaf/render/mono"
)

// packing is what a timeline was packed from.
type packing struct {
	caps  devices.Capabilities
	steps int
	whole bool // with the picture for afterwards
}

// packingWire notes what is packed.
type packingWire struct {
	*stubWire
	mu   sync.Mutex
	list []packing // guarded by mu
}

func (w *packingWire) Pack(t devices.Timeline) (devices.Parcel, error) {
	w.mu.Lock()
	w.list = append(w.list, packing{t.Capabilities, len(t.Steps), t.Stale != nil})
	w.mu.Unlock()
	return w.stubWire.Pack(t)
}

func (w *packingWire) packed() []packing {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]packing(nil), w.list...)
}

// packBench is a bench that notes what is packed.
func packBench(t *testing.T, between func(*sqlite.Store) gateway.Store) (*bench, *packingWire) {
	t.Helper()
	b := newBenchOn(t, between, true)
	w := &packingWire{stubWire: b.wire}
	b.core.SetWire(w)
	return b, w
}

func straight(s *sqlite.Store) gateway.Store { return s }

// intro is a hello of a sign of 256x1.
func (b *bench) intro(id devices.SignID, caps devices.Capabilities, alwaysOn bool) devices.Report {
	b.ctr++
	return devices.Report{Kind: devices.HelloReport, Sign: id, Received: time.Now(), Boot: 1, Counter: b.ctr,
		Hardware: devices.Hardware{Model: "256x1", Serial: "SN-1", Width: 256, Height: 1, Capabilities: caps, AlwaysOn: alwaysOn}}
}

func (b *bench) says(r devices.Report) *devices.Delivery {
	b.t.Helper()
	d, err := b.core.Report(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) want(id devices.SignID) gateway.Want {
	b.t.Helper()
	w, err := b.store.Want(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return w
}

// assumed is a sign in a room whose day has meetings, and whose timeline was
// packed whole for a sign that decodes nothing.
func (b *bench) assumed(alwaysOn bool) devices.SignID {
	b.t.Helper()
	room := b.room("Aalto", meeting("Plan", -time.Hour, time.Hour), meeting("Review", 2*time.Hour, 3*time.Hour))
	id := b.pair("ABCDEFGH", room)
	if d := b.says(b.intro(id, 0, alwaysOn)); d == nil || b.want(id).Partial {
		b.t.Fatalf("first given %v, partial %v", d, b.want(id).Partial)
	}
	return id
}

// anew is another core on the same store, as after a restart.
func (b *bench) anew(w gateway.Wire) *bench {
	core := gateway.New(gateway.Options{Store: b.store, Renderer: stubRenderer{}, Logger: slog.New(slog.DiscardHandler),
		Connected: func(devices.SignID) bool { return true }})
	core.SetWire(w)
	return &bench{t: b.t, core: core, store: b.store, wire: b.wire, ctr: b.ctr}
}

// What a hello says that its sign can decode counts for the very timeline it is
// given then; nothing is packed twice for the same.
func TestATimelineIsPackedForWhatTheSignIs(t *testing.T) {
	b, w := packBench(t, straight) // does not run: what hellos cause is all there is
	id := b.assumed(true)
	type at struct{ epoch, seq uint32 }
	var has at // what the sign has
	var shown devices.Digest
	steps := []struct {
		name  string
		caps  devices.Capabilities
		width int
		given bool // the sign accepts what it is given
		packs int
		moved bool // it is given another timeline
	}{
		{"first hello", 479, 256, false, 1, true},
		{"the same again, the manifest was lost", 479, 256, false, 0, false},
		{"new firmware that only renews its secret otherwise", 479 &^ devices.CanRenew, 256, false, 0, false},
		{"and takes it", 479, 256, true, 0, false},
		{"it has everything", 479, 256, true, 0, false},
		{"it decodes more, and has everything", 511, 256, true, 0, false},
		{"it decodes as before", 479, 256, true, 0, false},
		{"it decodes less", 1, 256, true, 1, true},
		{"still so", 1, 256, true, 0, false},
		{"another size", 1, 200, true, 1, true},
		{"still that", 1, 200, true, 0, false},
		{"no size is no news", 0, 0, true, 0, false},
	}
	for _, s := range steps {
		before, was := len(w.packed()), b.want(id)
		r := b.intro(id, s.caps, true)
		r.Epoch, r.Seq, r.Shown, r.Hardware.Width, r.Hardware.Height = has.epoch, has.seq, shown, s.width, min(s.width, 1)
		d := b.says(r)
		packs := w.packed()[before:]
		if len(packs) != s.packs {
			t.Errorf("%s: packed %d times, want %d", s.name, len(packs), s.packs)
		}
		if want := (packing{s.caps, 1, false}); len(packs) > 0 && packs[0] != want {
			t.Errorf("%s: packed %+v, want the moment alone: %+v", s.name, packs[0], want)
		}
		now := b.want(id)
		moved := now.Epoch > was.Epoch || now.Epoch == was.Epoch && now.Seq > was.Seq
		if moved != s.moved || !moved && string(now.Body) != string(was.Body) {
			t.Errorf("%s: timeline %d, %d after %d, %d", s.name, now.Epoch, now.Seq, was.Epoch, was.Seq)
		}
		if lacks := has != (at{now.Epoch, now.Seq}); lacks != (d != nil) || d != nil && (d.Seq != now.Seq || string(d.Body) != string(now.Body)) {
			t.Errorf("%s: answered with %v, and timeline %d, %d is the newest", s.name, d, now.Epoch, now.Seq)
		}
		if s.given && d != nil {
			has, shown = at{d.Epoch, d.Seq}, digestAt(d.Body, 0)
			b.follow(d)
		}
	}
}

// A sign from a factory's file is known by its size alone. Its first hello is
// answered with the moment; the rest of the day is packed once and follows.
func TestAFactorySignIsGivenTheMomentThenItsDay(t *testing.T) {
	b, w := packBench(t, straight)
	b.run()
	room := b.room("Aalto", meeting("Plan", -time.Hour, time.Hour), meeting("Review", 2*time.Hour, 3*time.Hour))
	const id = devices.SignID("baaaaaaaaaaaaaaa")
	file := fmt.Sprintf("id,secret,model,serial,width,height\n%s,%x,256x1,SN-1,256,1\n", id, sha256.Sum256([]byte(id)))
	if n, problems, err := b.core.ImportFactory(t.Context(), strings.NewReader(file)); n != 1 || err != nil {
		t.Fatalf("%d imported, %v, %v", n, problems, err)
	}
	if err := b.core.Bind(t.Context(), id, room); err != nil {
		t.Fatal(err)
	}
	b.eventually("the day before the first contact", func() bool {
		got, err := b.store.Want(t.Context(), id)
		return err == nil && len(got.Steps) > 3
	})
	before := len(w.packed())
	d := b.says(b.intro(id, 479, true))
	if d == nil || len(d.Body) != 4+32 {
		t.Fatalf("given %v, want a timeline of one picture", d)
	}
	b.follow(d)
	b.eventually("the rest", func() bool { last, ok := b.wire.last(id); return ok && last.Seq > d.Seq })
	last, _ := b.wire.last(id)
	b.follow(&last)
	got := b.want(id)
	if got.Partial || len(got.Steps) < 4 || got.Seq != last.Seq || got.Steps[0].Digest != digestAt(d.Body, 0) {
		t.Errorf("the rest: partial %v, %d steps, seq %d, pushed %d", got.Partial, len(got.Steps), got.Seq, last.Seq)
	}
	packs := w.packed()[before:]
	if len(packs) != 2 || packs[0] != (packing{479, 1, false}) || packs[1] != (packing{479, len(got.Steps), true}) {
		t.Errorf("packed %+v, want the moment and then %d steps, once each", packs, len(got.Steps))
	}
	if v := b.door(id); v.Trust != gateway.Right {
		t.Errorf("trust %s, want right", v.Trust)
	}
}

// Wherever the gateway is killed on the way, the next one ends what it began.
func TestARepackIsEndedAfterARestart(t *testing.T) {
	t.Run("before the moment was stored", func(t *testing.T) {
		var fails atomic.Bool
		b, w := packBench(t, func(s *sqlite.Store) gateway.Store { return failingWants{s, &fails} })
		id := b.assumed(true)
		fails.Store(true)
		if d, err := b.core.Report(t.Context(), b.intro(id, 479, true)); err == nil {
			t.Fatalf("given %v although nothing could be stored", d)
		}
		b = b.anew(w)
		if got := b.want(id); got.PackedFor.Capabilities != 0 {
			t.Fatalf("packed for %d", got.PackedFor.Capabilities)
		}
		d := b.says(b.intro(id, 479, true))
		if got := b.want(id); d == nil || d.Seq != got.Seq || got.PackedFor.Capabilities != 479 || !got.Partial {
			t.Errorf("given %v, packed for %+v, partial %v", d, got.PackedFor, got.Partial)
		}
	})
	t.Run("before the rest", func(t *testing.T) {
		b, w := packBench(t, straight) // does not run: the rest is not packed
		id := b.assumed(true)
		d := b.says(b.intro(id, 479, true))
		if d == nil || !b.want(id).Partial {
			t.Fatalf("given %v", d)
		}
		b = b.anew(w)
		b.run() // the sign has nothing more to say
		b.eventually("the rest", func() bool { last, ok := b.wire.last(id); return ok && last.Seq > d.Seq })
		if got := b.want(id); got.Partial || len(got.Steps) < 4 || got.PackedFor.Capabilities != 479 {
			t.Errorf("partial %v, %d steps, packed for %+v", got.Partial, len(got.Steps), got.PackedFor)
		}
	})
}

// failingWants is a store that loses wants, as a process that is killed does.
type failingWants struct {
	gateway.Store
	fails *atomic.Bool
}

func (s failingWants) CommitWant(ctx context.Context, w gateway.Want, o []devices.Object, p []*mono.Image) error {
	if s.fails.Load() {
		return errors.New("killed")
	}
	return s.Store.CommitWant(ctx, w, o, p)
}

// A sleeping sign that was given the moment only is told to call again soon, and
// not to wait for the day that was promised before.
func TestASleepingSignCallsForTheRest(t *testing.T) {
	b, _ := packBench(t, straight) // does not run: the rest takes long
	id := b.assumed(false)
	begin := time.Now()
	d := b.says(b.intro(id, 479, false))
	if d == nil || d.NextWake.Sub(begin) > 2*time.Minute {
		t.Fatalf("given the moment and told to call at %v", d)
	}
	b.follow(d)
	if at, _ := b.core.NextWake(t.Context(), id); time.Until(at) > 2*time.Minute {
		t.Errorf("told in the end to call in %v", time.Until(at))
	}
	r := b.intro(id, 479, false)
	r.Epoch, r.Seq, r.Shown = d.Epoch, d.Seq, digestAt(d.Body, 0)
	if again := b.says(r); again != nil {
		t.Errorf("called before the rest was there and was given %v", again)
	}
	b.run()
	b.eventually("the rest", func() bool { return !b.want(id).Partial })
	r = b.intro(id, 479, false)
	r.Epoch, r.Seq, r.Shown = d.Epoch, d.Seq, digestAt(d.Body, 0)
	rest := b.says(r)
	if rest == nil || rest.Seq != b.want(id).Seq {
		t.Errorf("called for the rest and was given %v", rest)
	}
}

// A sign that is another in every hello costs a few timelines, not one each.
func TestASignThatIsAlwaysAnother(t *testing.T) {
	b, w := packBench(t, straight)
	id := b.assumed(true)
	before := len(w.packed())
	for i := range 40 {
		b.says(b.intro(id, devices.Capabilities(1+i%2), true))
	}
	if n := len(w.packed()) - before; n < 2 || n > 5 {
		t.Errorf("packed %d times for 40 hellos, want a few", n)
	}
}

// While many signs introduce themselves, whole days are left to later, also of
// signs that have none.
func TestManyIntroductionsAreARush(t *testing.T) {
	synctest.Test(t, manyIntroductions) // all of them at one moment
}

func manyIntroductions(t *testing.T) {
	b, w := packBench(t, straight)
	room := b.room("Aalto", meeting("Plan", -time.Hour, time.Hour), meeting("Review", 2*time.Hour, 3*time.Hour))
	const many = 20
	var ids []devices.SignID
	for i := range many {
		ids = append(ids, b.pair(fmt.Sprintf("ABCDEF%c%c", 'A'+i/8, 'A'+i%8), room))
	}
	for _, id := range ids {
		if d := b.says(b.intro(id, 479, true)); d == nil {
			t.Fatal("a sign that has nothing was given nothing")
		}
	}
	whole := 0
	for _, p := range w.packed() {
		if p.whole {
			whole++
		}
	}
	if packs := len(w.packed()); packs != many || whole == 0 || whole == many {
		t.Errorf("%d packed, %d of them whole; want %d, the first few whole", packs, whole, many)
	}
	b.run()
	b.eventually("whole days of all", func() bool {
		for _, id := range ids {
			if b.want(id).Partial {
				return false
			}
		}
		return true
	})
}
