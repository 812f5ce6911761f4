package mqttlink

import (
	"bytes"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/refresh"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/render/mono"
)

func testLink(t *testing.T, o Options) *Link {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	if o.Gateway == nil {
		o.Gateway = &nobody{}
	}
	if o.Dial == nil {
		o.Dial = func() (net.Conn, error) { return nil, net.ErrClosed }
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// face draws a picture that differs from the next one in a corner only.
func face(w, h, n int) *mono.Image {
	m := mono.New(w, h)
	for i := range m.Pix {
		if i%m.Stride < (w/8)/2 && (i/m.Stride/9)%2 == 0 {
			m.Pix[i] = 0xf0
		}
	}
	for y := range 8 {
		m.Pix[y*m.Stride] = byte(n * (y + 3))
	}
	return m
}

func timeline(faces ...int) devices.Timeline {
	t := devices.Timeline{Sign: "aaaaaaaaaaaaaaaa", Epoch: 3, Seq: 9, Stale: face(250, 122, 200), Capabilities: devices.Capabilities(wire.CapAll)}
	at := time.Unix(1_800_000_000, 0)
	for _, n := range faces {
		t.Steps = append(t.Steps, devices.Step{From: at, Until: at.Add(time.Hour), Picture: face(250, 122, n)})
		at = at.Add(time.Hour)
	}
	return t
}

// unpack decodes every step of a parcel on the picture that the glass shows
// then, as a sign does that is awake all day.
func unpack(t *testing.T, tl devices.Timeline, p devices.Parcel) wire.Body {
	t.Helper()
	body, err := wire.ParseBody(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[wire.ObjectHash][]byte{}
	for _, o := range p.Objects {
		if devices.ObjectHash(wire.HashObject(o.Bytes)) != o.Hash {
			t.Fatal("object does not have its hash")
		}
		objects[wire.ObjectHash(o.Hash)] = o.Bytes
	}
	d := wire.NewDecoder()
	shown := map[wire.Digest]wire.Bitmap{}
	if tl.Base != nil {
		shown[wire.Digest(tl.Base.Digest())] = bitmap(tl.Base)
	}
	steps := append([]wire.Step(nil), body.Steps...)
	want := []*mono.Image{}
	for _, s := range tl.Steps {
		want = append(want, s.Picture)
	}
	if body.Stale != nil {
		steps, want = append(steps, *body.Stale), append(want, tl.Stale)
	}
	for i, s := range steps {
		o, ok := objects[s.Object]
		if !ok || int(s.Size) != len(o) {
			t.Fatalf("step %d names an object that is not in the parcel", i)
		}
		var ref *wire.Bitmap
		if !s.Base.IsZero() {
			b, ok := shown[s.Base]
			if !ok {
				t.Fatalf("step %d is a delta of a picture that no earlier step shows", i)
			}
			ref = &b
		}
		var got wire.Bitmap
		if err := d.Decode(&got, o, ref); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if !bytes.Equal(got.Pix, want[i].Pix) || s.Glass != wire.Digest(want[i].Digest()) {
			t.Errorf("step %d decodes to another picture", i)
		}
		shown[s.Glass] = got
	}
	return body
}

func TestPack(t *testing.T) {
	l := testLink(t, Options{})
	based := timeline(1, 2)
	based.Base = face(250, 122, 7)
	foreign := timeline(1, 2)
	foreign.Base = face(400, 300, 7)
	raw := timeline(1, 2, 1)
	raw.Capabilities = 0
	lasting := timeline(1)
	lasting.Stale = nil
	long := timeline()
	for n := range wire.MaxSteps {
		long.Steps = append(long.Steps, timeline(n).Steps[0])
		long.Steps[n].From = time.Unix(int64(1000*n), 0)
		long.Steps[n].Until = time.Unix(int64(1000*n+1000), 0)
	}
	for _, tt := range []struct {
		name string
		t    devices.Timeline
	}{
		{"one picture", timeline(1)}, {"three", timeline(1, 2, 3)}, {"one comes again", timeline(1, 2, 1, 3, 2)},
		{"on the glass", based}, {"base of another size", foreign}, {"raw only", raw}, {"no stale picture", lasting}, {"longest", long},
		{"same as the glass", func() devices.Timeline { t := timeline(7, 8); t.Base = face(250, 122, 7); return t }()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := l.Pack(tt.t)
			if err != nil {
				t.Fatal(err)
			}
			body := unpack(t, tt.t, p)
			if body.Epoch != tt.t.Epoch || body.Seq != tt.t.Seq {
				t.Errorf("number: got %d/%d, want %d/%d", body.Epoch, body.Seq, tt.t.Epoch, tt.t.Seq)
			}
			again, err := l.Pack(tt.t)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(p.Body, again.Body) || len(p.Objects) != len(again.Objects) {
				t.Error("two packings of one timeline differ")
			}
			for _, s := range body.Steps {
				o := p.Objects[0].Bytes
				if h, err := wire.ParseHeader(o); err == nil && tt.t.Capabilities == 0 && h.Encoding != wire.EncodingRaw {
					t.Errorf("%v for a sign that knows raw only (%x)", h.Encoding, s.Object[:4])
				}
			}
		})
	}
}

// A sign that missed all flips must not decode more than a few pictures, and
// every chain must end in the first base or in a full picture.
func TestPackChains(t *testing.T) {
	l := testLink(t, Options{})
	tl := timeline()
	tl.Base = face(250, 122, 99)
	for n := range 40 {
		tl.Steps = append(tl.Steps, timeline(n % 17).Steps[0])
		tl.Steps[n].From, tl.Steps[n].Until = time.Unix(int64(n*60), 0), time.Unix(int64(n*60+60), 0)
	}
	p, err := l.Pack(tl)
	if err != nil {
		t.Fatal(err)
	}
	body := unpack(t, tl, p)
	first := wire.Digest(tl.Base.Digest())
	byGlass := map[wire.Digest]wire.Step{}
	deltas := 0
	for i, s := range body.Steps {
		if _, ok := byGlass[s.Glass]; !ok {
			byGlass[s.Glass] = s
		}
		n := 0
		for at := s; !at.Base.IsZero() && at.Base != first; at = byGlass[at.Base] {
			if n++; n > maxChain {
				t.Fatalf("step %d hangs on a chain of more than %d", i, maxChain)
			}
			deltas++
		}
	}
	if deltas == 0 {
		t.Error("no deltas at all")
	}
}

func TestPackRefuses(t *testing.T) {
	l := testLink(t, Options{})
	mixed := timeline(1, 2)
	mixed.Steps[1].Picture = mono.New(16, 16)
	gap := timeline(1, 2)
	gap.Steps[1].From = gap.Steps[1].From.Add(time.Minute)
	for name, tl := range map[string]devices.Timeline{"empty": timeline(), "mixed sizes": mixed, "gap": gap} {
		if _, err := l.Pack(tl); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
}

func TestCredential(t *testing.T) {
	l := testLink(t, Options{})
	secret := bytes.Repeat([]byte{7}, 32)
	a, b := l.Credential("aaaaaaaaaaaaaaaa", secret), l.Credential("bbbbbbbbbbbbbbbb", secret)
	if a.PasswordHash == b.PasswordHash || bytes.Equal(a.ManifestKey, b.ManifestKey) {
		t.Error("two signs share a credential")
	}
	if c := l.Credential("aaaaaaaaaaaaaaaa", secret[:31]); c.PasswordHash != [32]byte{} || c.ManifestKey != nil {
		t.Error("a short secret gives a credential")
	}
}

func TestObjectCache(t *testing.T) {
	c := newObjectCache(100)
	key := func(sign devices.SignID, n byte) objectKey { return objectKey{sign, devices.ObjectHash{n}} }
	for n := range byte(10) {
		c.put(key("a", n), make([]byte, 20))
	}
	c.put(key("a", 99), make([]byte, 101))
	if c.size > 100 || len(c.byKey) != 5 {
		t.Errorf("got %d bytes in %d objects, want 100 in 5", c.size, len(c.byKey))
	}
	if _, ok := c.get(key("a", 9)); !ok {
		t.Error("newest is gone")
	}
	if _, ok := c.get(key("b", 9)); ok {
		t.Error("another sign gets it")
	}
	c.forget("a")
	if c.size != 0 || len(c.byKey) != 0 || c.order.Len() != 0 {
		t.Error("forgotten objects remain")
	}
}

// How a panel is asked to change stands in each object; a picture that comes
// again in the same way travels once.
func TestPackAsksForTheRefresh(t *testing.T) {
	l := testLink(t, Options{})
	tl := timeline(1, 2, 1)
	for i, mode := range []refresh.Mode{refresh.Full, refresh.Partial, refresh.Full} {
		tl.Steps[i].Refresh = mode
	}
	p, err := l.Pack(tl)
	if err != nil {
		t.Fatal(err)
	}
	var got []wire.Refresh
	for _, o := range p.Objects {
		h, err := wire.ParseHeader(o.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.Refresh)
	}
	if want := []wire.Refresh{wire.RefreshFull, wire.RefreshPartial, wire.RefreshAny}; !slices.Equal(got, want) {
		t.Errorf("objects ask for %v, want %v", got, want)
	}
	tl.Steps[2].Refresh = refresh.Fast
	if p, err = l.Pack(tl); err != nil || len(p.Objects) != 4 {
		t.Errorf("%d objects (%v), want 4: the same picture in two ways", len(p.Objects), err)
	}
	unpack(t, tl, p)
}
