package simsign_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
)

// The power is cut once at every step that matters, from unpacking to the
// second picture; the sign must end up right without help.
func TestPowerCutAnywhere(t *testing.T) {
	for _, on := range []bool{false, true} {
		points := map[string]bool{}
		var mu sync.Mutex
		life := func(t *testing.T, cut string) {
			s := newSite(t)
			used := false
			store := simsign.Memory()
			o := simsign.Options{
				Dial: s.dial, Panel: devices.PanelBySize(250, 122), Serial: "SN-1", AlwaysOn: on, Storage: store,
				MaxRetry: 20 * time.Millisecond,
				Fault: func(point string) bool {
					mu.Lock()
					defer mu.Unlock()
					points[point] = true
					if point == cut && !used {
						used = true
						return true
					}
					return false
				},
			}
			d := s.switchOn(o)
			var id devices.SignID
			var claimed string // the code it was given for
			s.eventually("paired, over cuts of the power", func() bool {
				d = s.again(d)
				e, _ := d.last("pairing")
				s.core.mu.Lock()
				j, known := s.core.joining[e.Code]
				link := s.core.link
				s.core.mu.Unlock()
				if e.Code != "" && e.Code != claimed {
					id = "" // it never learned its name: once more with its new code
				}
				if known && id == "" {
					id, claimed = newID(), e.Code
					s.core.mu.Lock()
					s.core.creds[id] = link.Credential(id, make([]byte, 32))
					s.core.mu.Unlock()
					if err := link.Claim(t.Context(), j, id, make([]byte, 32)); err != nil {
						id = ""
					}
				}
				s.core.mu.Lock()
				defer s.core.mu.Unlock()
				r, heard := s.core.shown[id]
				return heard && r.Kind != 0
			})
			for n := 1; n <= 2; n++ {
				s.show(id, 250, 122, time.Hour, n, n+1)
				want := picture(250, 122, n).Digest()
				d.Wake()
				s.eventually("picture confirmed", func() bool {
					if next := s.again(d); next != d {
						d = next
						d.Wake()
					}
					s.core.mu.Lock()
					defer s.core.mu.Unlock()
					return s.core.shown[id].Shown == want
				})
				if got := d.Glass().Digest(); got != want {
					t.Errorf("glass shows %x, want %x", got[:4], want[:4])
				}
			}
			d.off()
			s.down()
			if cut != "" && !used {
				t.Errorf("the power was never cut at %s", cut)
			}
		}
		life(t, "")
		for _, point := range slices.Sorted(maps.Keys(points)) {
			t.Run(point, func(t *testing.T) { life(t, point) })
		}
	}
}

// again switches a sign on that lost its power.
func (s *site) again(d *door) *door {
	select {
	case err := <-d.ended:
		if !errors.Is(err, simsign.ErrPowerCut) {
			s.t.Fatalf("sign ended with %v", err)
		}
		d.ended <- err
		return s.switchOn(d.opts)
	default:
		return d
	}
}

// The gateway restarts between any two writes to the network.
func TestGatewayRestartsAnywhere(t *testing.T) {
	var mu sync.Mutex
	points := map[string]bool{}
	life := func(t *testing.T, at string) {
		s := newSite(t)
		d := s.door(alwaysOn)
		id := d.claim()
		crash := make(chan struct{}, 1)
		armed := true
		s.down()
		s.change = func(o *mqttlink.Options) {
			o.Fault = func(point string) {
				mu.Lock()
				defer mu.Unlock()
				points[point] = true
				if armed && point == at {
					armed = false
					crash <- struct{}{}
				}
			}
		}
		s.up()
		s.eventually("sign is back", func() bool { return s.broker.Connected(id) })
		s.show(id, 250, 122, time.Hour, 1, 2)
		if at != "" {
			select {
			case <-crash:
			case <-time.After(20 * time.Second):
				t.Fatalf("%s was never passed", at)
			}
			s.down()
			s.up()
		}
		s.confirmed(d, id, 1)
		d.off()
		s.down() // nothing runs on into the next life
	}
	life(t, "")
	if len(points) < 6 {
		t.Fatalf("fault points: got %v", slices.Sorted(maps.Keys(points)))
	}
	for _, point := range slices.Sorted(maps.Keys(points)) {
		t.Run(point, func(t *testing.T) { life(t, point) })
	}
}

// Messages are lost and doubled at random in both directions; once that ends,
// two wakes are enough.
func TestLossyNetwork(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			s.patience = 30 * time.Minute
			var mu sync.Mutex
			rnd := rand.New(rand.NewPCG(seed, 7))
			calm := false
			d := s.door(func(o *simsign.Options) {
				o.AlwaysOn, o.Minimal, o.Chunk, o.MaxRetry = seed%2 == 0, true, 1024, 0
				o.Traffic = func(bool, string) int {
					mu.Lock()
					defer mu.Unlock()
					switch n := rnd.IntN(20); {
					case calm:
						return 1
					case n < 2:
						return 0
					case n < 5:
						return 2
					}
					return 1
				}
			})
			id := d.claim()
			for n := range 6 {
				s.show(id, 250, 122, 4*time.Hour, n, n+1, n+2)
				d.Wake()
				time.Sleep(time.Duration(n*7) * time.Second)
			}
			mu.Lock()
			calm = true
			mu.Unlock()
			d.Wake()
			time.Sleep(time.Minute)
			d.Wake()
			time.Sleep(10 * time.Second)
			s.patience = time.Second
			s.confirmed(d, id, 5)
			d.off()
		})
	}
}

func TestForgottenSignPairsAnew(t *testing.T) {
	s := newSite(t)
	d := s.door(alwaysOn)
	id := d.claim()
	first, _ := d.last("pairing")
	s.core.mu.Lock()
	delete(s.core.creds, id)
	s.core.mu.Unlock()
	if err := s.link.Kick(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.eventually("sign shows another code", func() bool {
		e, _ := d.last("pairing")
		return e.Code != first.Code
	})
	if d.said("unpaired") != 1 {
		t.Errorf("unpaired: got %d, want 1\n%s", d.said("unpaired"), d.log())
	}
	id = d.claim()
	s.show(id, 250, 122, time.Hour, 3)
	s.confirmed(d, id, 3)
}

// A sign that is told that it was removed does not wait for refusals. Nobody but
// the gateway can tell it.
func TestRemovedSignIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the gateway waits a moment only for a sign to take it
		s := newSite(t)
		d := s.door(func(o *simsign.Options) { o.AlwaysOn, o.RefusalPause = true, 0 })
		id := d.claim()
		s.show(id, 250, 122, time.Hour, 1)
		s.confirmed(d, id, 1)
		other := wire.SignRemoved(&[32]byte{1}, string(id))
		forged, err := other.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, payload := range [][]byte{forged, forged[:7], nil} {
			s.inject(wire.SignTopic(string(id), wire.NameGone), payload)
		}
		s.show(id, 250, 122, time.Hour, 2)
		s.confirmed(d, id, 2)
		if d.said("unpaired") != 0 {
			t.Fatal("a forged message removes the sign")
		}
		first, _ := d.last("pairing")
		s.core.mu.Lock()
		delete(s.core.creds, id)
		s.core.mu.Unlock()
		if err := s.link.Kick(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if s.broker.Connected(id) {
			t.Error("the session is still open")
		}
		s.eventually("sign shows another code", func() bool {
			e, _ := d.last("pairing")
			return e.Code != first.Code && d.said("unpaired") == 1
		})
		d.off()
	})
}

// A gateway that only cannot answer now must not make signs forget it.
func TestUnavailableIsNotRefused(t *testing.T) {
	s := newSite(t)
	d := s.door(alwaysOn)
	id := d.claim()
	s.down()
	s.eventually("sign tried some times", func() bool { return d.said("offline") > 6 })
	s.up()
	s.eventually("sign is back", func() bool { return s.broker.Connected(id) })
	if got := d.said("unpaired"); got != 0 {
		t.Errorf("unpaired: got %d, want 0", got)
	}
}

// Manifests that are replayed, forged or meant for others change nothing.
func TestForgedManifests(t *testing.T) {
	s := newSite(t)
	d := s.door(alwaysOn)
	id := d.claim()
	s.show(id, 250, 122, time.Hour, 1)
	s.confirmed(d, id, 1)
	s.core.mu.Lock()
	old := s.core.wants[id].delivery
	key := (*[32]byte)(s.core.creds[id].ManifestKey)
	s.core.mu.Unlock()
	s.show(id, 250, 122, time.Hour, 2)
	s.confirmed(d, id, 2)
	wrong := [32]byte{1}
	forged := func(body []byte, key *[32]byte) []byte {
		m, err := wire.AppendManifest(nil, body, time.Now().UnixMilli(), 60, 0, key, string(id))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	other := wire.Body{Epoch: 9, Seq: 9, Width: 400, Height: 300, Steps: []wire.Step{{Size: 30, Glass: wire.Digest{1}, From: 1, Until: 1 << 31}}}
	otherBody, err := other.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		msg  []byte
		code string
	}{
		{"wrong key", forged(old.Body, &wrong), "manifest-auth"},
		{"garbage", []byte("DLM\x01 this is no manifest at all, by any measure of the word, it is prose"), "manifest-auth"},
		{"empty", nil, "manifest-format"},
		{"replayed", forged(old.Body, key), "manifest-old"},
		{"other panel", forged(otherBody, key), "panel"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := d.said("error")
			s.inject(wire.SignTopic(string(id), wire.NameWant), tt.msg)
			s.eventually("sign complains", func() bool { return d.said("error") > before })
			if e, _ := d.last("error"); e.Code != tt.code {
				t.Errorf("got error %s (%s), want %s", e.Code, e.Error, tt.code)
			}
			if got, want := d.Glass().Digest(), picture(250, 122, 2).Digest(); got != want {
				t.Error("the glass changed")
			}
		})
	}
	for _, name := range []wire.Name{wire.NameAck, wire.NameBlock, wire.NameWant} {
		for range 50 {
			junk := make([]byte, rand.IntN(200))
			for i := range junk {
				junk[i] = byte(rand.Uint32())
			}
			s.inject(wire.SignTopic(string(id), name), junk)
		}
	}
	s.show(id, 250, 122, time.Hour, 4)
	s.confirmed(d, id, 4)
}

// What signs send wrongly never stops the gateway and is counted.
func TestMalformedFromSign(t *testing.T) {
	s := newSite(t)
	d := s.door(alwaysOn)
	id := d.claim()
	d.off() // it would take its place back
	c, err := s.dialAs(id)
	if err != nil {
		t.Fatal(err)
	}
	before := s.link.Stats().Malformed
	n := 0
	for _, name := range []wire.Name{wire.NameHello, wire.NameShown, wire.NameEvent, wire.NameGet} {
		for _, junk := range [][]byte{nil, {0}, {0xa1}, {0xbf, 0xff}, []byte("{\"json\":1}"), make([]byte, 1500), {0xa2, 1, 1, 1, 1}} {
			if tok := c.Publish(wire.SignTopic(string(id), name), 1, false, junk); !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
				t.Fatalf("publish: %v", tok.Error())
			}
			n++
		}
	}
	c.Disconnect(1)
	s.eventually("every one is counted", func() bool { return s.link.Stats().Malformed >= before+int64(n) })
	d = s.switchOn(d.opts)
	s.show(id, 250, 122, time.Hour, 1)
	s.confirmed(d, id, 1)
}

// One sign cannot read another's pictures.
func TestForeignObjects(t *testing.T) {
	s := newSite(t)
	a, b := s.door(alwaysOn), s.door(func(o *simsign.Options) { o.AlwaysOn, o.Serial = true, "SN-2" })
	ida, idb := a.claim(), b.claim()
	s.show(ida, 250, 122, time.Hour, 1)
	s.show(idb, 250, 122, time.Hour, 2)
	s.confirmed(a, ida, 1)
	s.confirmed(b, idb, 2)
	s.core.mu.Lock()
	var hash devices.ObjectHash
	for h := range s.core.wants[ida].objects {
		if _, shared := s.core.wants[idb].objects[h]; !shared {
			hash = h
		}
	}
	s.core.mu.Unlock()
	got := make(chan wire.Block, 4)
	b.off()
	c, err := s.dialAs(idb)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect(1)
	subscribe(t, c, idb, got)
	m := wire.Get{Object: wire.ObjectHash(hash), Length: 64}
	p, _ := m.Marshal()
	c.Publish(wire.SignTopic(string(idb), wire.NameGet), 1, false, p)
	for deadline := time.After(10 * time.Second); ; {
		var blk wire.Block
		select {
		case blk = <-got:
		case <-deadline:
			t.Fatal("no answer")
		}
		if blk.Object != [8]byte(hash[:8]) {
			continue // what the sign itself had asked for
		}
		if blk.Total != 0 || len(blk.Data) != 0 {
			t.Errorf("got %d bytes of another sign's picture", len(blk.Data))
		}
		return
	}
}
