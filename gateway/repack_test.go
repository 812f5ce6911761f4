package gateway_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"doorleaf/devices"
)

// packingWire notes for which capabilities timelines are packed.
type packingWire struct {
	*stubWire
	mu   sync.Mutex
	caps []devices.Capabilities // guarded by mu
}

func (w *packingWire) Pack(t devices.Timeline) (devices.Parcel, error) {
	w.mu.Lock()
	w.caps = append(w.caps, t.Capabilities)
	w.mu.Unlock()
	return w.stubWire.Pack(t)
}

func (w *packingWire) packed() []devices.Capabilities {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]devices.Capabilities(nil), w.caps...)
}

// A sign from a factory's file is known by its size alone. What its first hello
// says that it can decode counts for the very timeline it is given then.
func TestATimelineIsPackedForWhatTheSignIs(t *testing.T) {
	b := newBench(t)
	w := &packingWire{stubWire: b.wire}
	b.core.SetWire(w)
	b.run()
	const id = devices.SignID("baaaaaaaaaaaaaaa")
	file := fmt.Sprintf("id,secret,model,serial,width,height\n%s,%x,256x1,SN-1,256,1\n", id, sha256.Sum256([]byte(id)))
	if n, problems, err := b.core.ImportFactory(t.Context(), strings.NewReader(file)); n != 1 || err != nil {
		t.Fatalf("%d imported, %v, %v", n, problems, err)
	}
	b.eventually("a timeline before the first contact", func() bool { _, err := b.store.Want(t.Context(), id); return err == nil })
	if got := w.packed(); len(got) != 1 || got[0] != 0 {
		t.Fatalf("packed for %v, want once for nothing", got)
	}
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
		{"it decodes less", 1, 256, true, 1, true},
		{"still so", 1, 256, true, 0, false},
		{"another size", 1, 200, true, 1, true},
		{"still that", 1, 200, true, 0, false},
		{"no size is no news", 0, 0, true, 0, false},
	}
	for _, s := range steps {
		before := len(w.packed())
		was, err := b.store.Want(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		b.ctr++
		d, err := b.core.Report(t.Context(), devices.Report{Kind: devices.HelloReport, Sign: id, Received: time.Now(), Boot: 1, Counter: b.ctr,
			Epoch: has.epoch, Seq: has.seq, Shown: shown, Hardware: devices.Hardware{Model: "256x1", Serial: "SN-1", Width: s.width, Height: min(s.width, 1), Capabilities: s.caps}})
		if err != nil {
			t.Fatal(err)
		}
		packs := w.packed()[before:]
		if len(packs) != s.packs {
			t.Errorf("%s: packed %d times, want %d", s.name, len(packs), s.packs)
		}
		if len(packs) > 0 && packs[0] != s.caps {
			t.Errorf("%s: packed for %d, want %d", s.name, packs[0], s.caps)
		}
		now, err := b.store.Want(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
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
