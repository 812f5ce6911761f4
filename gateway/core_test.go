package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/sqlite"
	"doorleaf/render"
	"doorleaf/render/mono"
)

// stubRenderer draws a Door as the bits of its hash: equal faces, equal
// pictures.
type stubRenderer struct{}

func (stubRenderer) DrawTemplate(_ *mono.Image, d render.Door, _ *render.Template, _ render.Panel) (*mono.Image, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	img := mono.New(256, 1)
	sum := sha256.Sum256(b)
	copy(img.Pix, sum[:])
	return img, nil
}

func (stubRenderer) Describe(d render.Door) string { return string(d.State) + " " + d.Title }

// stubWire records what is pushed; a body is the timeline's seq and digests.
type stubWire struct {
	mu     sync.Mutex
	pushed []devices.Delivery        // guarded by mu
	claims map[devices.SignID][]byte // guarded by mu
	fail   error                     // for Claim
}

func (w *stubWire) Pack(t devices.Timeline) (devices.Parcel, error) {
	body := binary.LittleEndian.AppendUint32(nil, t.Seq)
	for _, s := range t.Steps {
		d := s.Picture.Digest()
		body = append(body, d[:]...)
	}
	return devices.Parcel{Body: body}, nil
}

func (w *stubWire) Push(_ context.Context, d devices.Delivery) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pushed = append(w.pushed, d)
	return nil
}

func (w *stubWire) last(id devices.SignID) (devices.Delivery, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.pushed) - 1; i >= 0; i-- {
		if w.pushed[i].Sign == id {
			return w.pushed[i], true
		}
	}
	return devices.Delivery{}, false
}

func (w *stubWire) Claim(_ context.Context, _ devices.Joining, id devices.SignID, secret []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.claims[id] = secret
	return w.fail
}

func (w *stubWire) Kick(context.Context, devices.SignID) error       { return nil }
func (w *stubWire) Remove(context.Context, devices.Credential) error { return nil }

func (w *stubWire) Credential(id devices.SignID, secret []byte) devices.Credential {
	return devices.Credential{Sign: id, PasswordHash: sha256.Sum256(secret), ManifestKey: secret}
}

// bench is a core on a real store with a stub renderer and wire.
type bench struct {
	t     *testing.T
	core  *gateway.Core
	store *sqlite.Store
	wire  *stubWire
	ctr   uint32
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, func(s *sqlite.Store) gateway.Store { return s }, true)
}

// newBenchOn puts something between core and store, and says whether signs
// count as connected.
func newBenchOn(t *testing.T, between func(*sqlite.Store) gateway.Store, connected bool) *bench {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "d.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, err := store.SaveSettings(t.Context(), 0, connection.Settings{Cloud: connection.Global}); err != nil {
		t.Fatal(err)
	}
	w := &stubWire{claims: map[devices.SignID][]byte{}}
	core := gateway.New(gateway.Options{Store: between(store), Renderer: stubRenderer{}, Logger: slog.New(slog.DiscardHandler),
		Connected: func(devices.SignID) bool { return connected }})
	core.SetWire(w)
	return &bench{t: t, core: core, store: store, wire: w}
}

func (b *bench) run() {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.core.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); <-done })
}

func (b *bench) room(name string, events ...calendar.Event) calendar.RoomID {
	b.t.Helper()
	r := calendar.Room{ID: calendar.NewRoomID(name + "@example.com"), Name: name}
	rooms, err := b.store.Rooms(b.t.Context())
	if err == nil {
		err = b.store.ReplaceRooms(b.t.Context(), 1, append(rooms, r))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.agenda(r, time.Now(), events...)
	return r.ID
}

func (b *bench) agenda(r calendar.Room, asOf time.Time, events ...calendar.Event) {
	b.t.Helper()
	now := time.Now()
	a := calendar.Agenda{Room: r, Events: events, AsOf: asOf, Window: calendar.Window{From: now.Add(-48 * time.Hour), To: now.Add(8 * 24 * time.Hour)}}
	if _, err := b.store.CommitAgenda(b.t.Context(), a, connection.Cursor{}); err != nil {
		b.t.Fatal(err)
	}
	b.core.AgendaChanged(r.ID)
}

func (b *bench) pair(code string, room calendar.RoomID) devices.SignID {
	b.t.Helper()
	serial := code
	code = strings.NewReplacer("1", "L", "I", "L").Replace(code) // no code has these glyphs
	j := devices.Joining{Nonce: "n" + code, Code: code, Hardware: devices.Hardware{Model: "256x1", Serial: serial, Width: 256, Height: 1, AlwaysOn: true},
		Since: time.Now(), Expires: time.Now().Add(time.Minute)}
	if err := b.core.Joining(b.t.Context(), j); err != nil {
		b.t.Fatal(err)
	}
	id, err := b.core.Pair(b.t.Context(), code, "", room)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// tell reports as the sign would and returns the delivery.
func (b *bench) tell(id devices.SignID, kind devices.ReportKind, epoch, seq uint32, shown devices.Digest) *devices.Delivery {
	b.t.Helper()
	b.ctr++
	d, err := b.core.Report(b.t.Context(), devices.Report{Kind: kind, Sign: id, Received: time.Now(), Boot: 1, Counter: b.ctr, Epoch: epoch, Seq: seq, Shown: shown})
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) door(id devices.SignID) gateway.DoorView {
	b.t.Helper()
	v, err := b.core.Door(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// patience is how long a test waits for what must come: far longer than it takes
// on a slow machine that does other work beside.
const patience = 3 * time.Minute

func (b *bench) eventually(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		ch, stop := b.core.Watch()
		if ok() {
			stop()
			return
		}
		select {
		case <-ch:
		case <-time.After(20 * time.Millisecond):
		}
		stop()
	}
	b.t.Fatalf("%s: not within %v", what, patience)
}

func digestAt(body []byte, i int) (d devices.Digest) {
	copy(d[:], body[4+32*i:])
	return d
}

// follow answers the delivery as a sign that drew it.
func (b *bench) follow(d *devices.Delivery) {
	b.t.Helper()
	b.tell(d.Sign, devices.ShownReport, d.Epoch, d.Seq, digestAt(d.Body, 0))
}

func meeting(id string, from, to time.Duration) calendar.Event {
	now := time.Now().Truncate(time.Minute)
	return calendar.Event{ID: id, Subject: id, Start: now.Add(from).UTC(), End: now.Add(to).UTC(), ShowAs: calendar.Busy}
}

func TestSignConvergesAndReasonsAreKept(t *testing.T) {
	b := newBench(t)
	room := b.room("Aalto", meeting("Plan", -time.Hour, time.Hour))
	id := b.pair("ABCDEFGH", room)
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	if d == nil || d.Seq != 1 {
		t.Fatalf("a new sign got %+v, want its first timeline", d)
	}
	b.follow(d)
	if v := b.door(id); v.Trust != gateway.Right || v.ExpectedStep == nil || v.Believed != v.ExpectedStep.Digest || v.ExpectedStep.State != "booked" {
		t.Fatalf("trust %s, step %+v, want right and booked", v.Trust, v.ExpectedStep)
	}
	if again := b.tell(id, devices.HelloReport, 1, 1, digestAt(d.Body, 0)); again != nil {
		t.Errorf("a sign that is right got %+v", again)
	}
	// One bit is wrong on the glass.
	wrong := digestAt(d.Body, 0)
	wrong[0] ^= 1
	fix := b.tell(id, devices.HelloReport, 1, 1, wrong)
	if fix == nil || fix.Seq != 2 {
		t.Fatalf("a wrong picture was answered with %+v", fix)
	}
	if v := b.door(id); v.Trust != gateway.Wrong {
		t.Errorf("trust %s, want wrong", v.Trust)
	}
	b.follow(fix)
	if v := b.door(id); v.Trust != gateway.Right {
		t.Errorf("trust %s after the repair, want right", v.Trust)
	}
	list, err := b.store.Decisions(t.Context(), id, 10)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []gateway.Reason
	for _, x := range list {
		reasons = append(reasons, x.Reason)
	}
	want := fmt.Sprint([]gateway.Reason{gateway.DigestMismatch, gateway.NothingToDo, gateway.First})
	if fmt.Sprint(reasons) != want {
		t.Errorf("reasons %v, want %s", reasons, want)
	}
}

func TestChangedCalendarIsPushed(t *testing.T) {
	b := newBench(t)
	room := b.room("Aalto")
	id := b.pair("ABCDEFGH", room)
	b.run()
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	if d == nil {
		got, _ := b.wire.last(id)
		d = &got
	}
	b.follow(d)
	b.agenda(calendar.Room{ID: room, Name: "Aalto"}, time.Now(), meeting("New", -time.Minute, time.Hour))
	b.eventually("push", func() bool { last, ok := b.wire.last(id); return ok && last.Seq > d.Seq })
	last, _ := b.wire.last(id)
	b.follow(&last)
	if v := b.door(id); v.Want.Reason != gateway.Changed || v.ExpectedStep.State != "booked" || v.Trust != gateway.Right {
		t.Errorf("reason %s state %s trust %s", v.Want.Reason, v.ExpectedStep.State, v.Trust)
	}
}

// A gateway that starts anew sends what no sign confirmed: behind an external
// broker the sign is connected and has nothing to say.
func TestStartPushesWhatWasNotConfirmed(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	b.run() // the sign never confirmed d
	b.eventually("push", func() bool { last, ok := b.wire.last(id); return ok && last.Seq >= d.Seq })
}

func TestAFailingPanelIsNotDrivenToDeath(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	d := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	repairs := 0
	for range 50 {
		if next := b.tell(id, devices.HelloReport, d.Epoch, d.Seq, devices.Digest{0xbad & 0xff}); next != nil {
			repairs++
			d = next
		}
	}
	if repairs < 1 || repairs > 5 {
		t.Errorf("%d repairs in a row, want 1 to 5", repairs)
	}
	if v := b.door(id); v.Trust != gateway.Wrong {
		t.Errorf("trust %s, want wrong", v.Trust)
	}
}

// A sign that refuses every manifest is not answered for ever.
func TestARefusingSignIsGivenUpForAWhile(t *testing.T) {
	b := newBench(t)
	id := b.pair("ABCDEFGH", b.room("Aalto"))
	b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	answers := 0
	for range 50 {
		b.ctr++
		d, err := b.core.Report(t.Context(), devices.Report{Kind: devices.ShownReport, Sign: id, Received: time.Now(), Boot: 1, Counter: b.ctr, LastError: devices.ErrManifestFormat})
		if err != nil {
			t.Fatal(err)
		}
		if d != nil {
			answers++
		}
	}
	if answers < 1 || answers > 5 {
		t.Errorf("%d answers in a row, want 1 to 5", answers)
	}
}

// heldWants is a store that commits no want while the test holds it.
type heldWants struct {
	gateway.Store
	held *sync.RWMutex
}

func (s heldWants) CommitWant(ctx context.Context, w gateway.Want, o []devices.Object, p []*mono.Image) error {
	s.held.RLock()
	defer s.held.RUnlock()
	return s.Store.CommitWant(ctx, w, o, p)
}

func TestManyChangesSendThePictureOfTheMomentFirst(t *testing.T) {
	var held sync.RWMutex
	b := newBenchOn(t, func(s *sqlite.Store) gateway.Store { return heldWants{s, &held} }, true)
	const n = 40
	var ids []devices.SignID
	var rooms []calendar.RoomID
	for i := range n {
		r := b.room(fmt.Sprintf("R%02d", i))
		rooms = append(rooms, r)
		ids = append(ids, b.pair(fmt.Sprintf("CODE%04d", i), r))
	}
	b.run()
	b.eventually("first timelines", func() bool { return allFull(b, ids) })
	b.wire.mu.Lock()
	before := len(b.wire.pushed)
	b.wire.mu.Unlock()
	held.Lock() // until all have changed
	for _, r := range rooms {
		b.agenda(calendar.Room{ID: r, Name: string(r)}, time.Now(), meeting("All hands", -time.Minute, time.Hour))
	}
	held.Unlock()
	b.eventually("full timelines", func() bool {
		for _, id := range ids {
			if v := b.door(id); v.Want == nil || v.Want.Partial || v.ExpectedStep == nil || v.ExpectedStep.State != "booked" {
				return false
			}
		}
		return true
	})
	partial := 0
	b.wire.mu.Lock()
	defer b.wire.mu.Unlock()
	for _, p := range b.wire.pushed[before:] {
		if len(p.Body) == 4+32 {
			partial++
		}
	}
	if partial == 0 {
		t.Error("no picture of the moment went ahead")
	}
}

func allFull(b *bench, ids []devices.SignID) bool {
	for _, id := range ids {
		if v := b.door(id); v.Want == nil || v.Want.Partial {
			return false
		}
	}
	return true
}

func TestOldCalendarIsShownAsNotCurrent(t *testing.T) {
	b := newBench(t)
	room := b.room("Aalto")
	id := b.pair("ABCDEFGH", room)
	b.agenda(calendar.Room{ID: room, Name: "Aalto"}, time.Now().Add(-time.Hour), meeting("Plan", -2*time.Hour, time.Hour))
	b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
	if v := b.door(id); v.ExpectedStep.State != string(render.Stale) {
		t.Errorf("state %s, want stale", v.ExpectedStep.State)
	}
}

func TestPairing(t *testing.T) {
	t.Run("blanks, dashes and case do not matter", func(t *testing.T) {
		b := newBench(t)
		_ = b.core.Joining(t.Context(), devices.Joining{Nonce: "n", Code: "K7QF2M9P", Expires: time.Now().Add(time.Minute)})
		if _, err := b.core.Pair(t.Context(), " k7qf-2m9p ", "", ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("wrong codes are counted", func(t *testing.T) {
		b := newBench(t)
		_ = b.core.Joining(t.Context(), devices.Joining{Nonce: "n", Code: "K7QF2M9P", Expires: time.Now().Add(time.Minute)})
		for range 8 {
			if _, err := b.core.Pair(t.Context(), "AAAAAAAA", "", ""); !errors.Is(err, devices.ErrUnknownCode) {
				t.Fatalf("got %v, want ErrUnknownCode", err)
			}
		}
		if _, err := b.core.Pair(t.Context(), "K7QF2M9P", "", ""); !errors.Is(err, gateway.ErrTooMany) {
			t.Errorf("got %v, want ErrTooMany", err)
		}
	})
	t.Run("two signs with one code pair with nobody", func(t *testing.T) {
		b := newBench(t)
		for _, n := range []string{"a", "b"} {
			_ = b.core.Joining(t.Context(), devices.Joining{Nonce: n, Code: "K7QF2M9P", Expires: time.Now().Add(time.Minute)})
		}
		if _, err := b.core.Pair(t.Context(), "K7QF2M9P", "", ""); !errors.Is(err, devices.ErrUnknownCode) {
			t.Errorf("got %v, want ErrUnknownCode", err)
		}
	})
	t.Run("an unknown room pairs nothing", func(t *testing.T) {
		b := newBench(t)
		_ = b.core.Joining(t.Context(), devices.Joining{Nonce: "n", Code: "K7QF2M9P", Expires: time.Now().Add(time.Minute)})
		if _, err := b.core.Pair(t.Context(), "K7QF2M9P", "", "nobody@example.com"); !errors.Is(err, gateway.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if signs, _ := b.store.Signs(t.Context()); len(signs) != 0 {
			t.Errorf("%d signs are stored", len(signs))
		}
	})
	t.Run("a sign that could not be told is forgotten", func(t *testing.T) {
		b := newBench(t)
		b.wire.fail = errors.New("gone")
		_ = b.core.Joining(t.Context(), devices.Joining{Nonce: "n", Code: "K7QF2M9P", Expires: time.Now().Add(time.Minute)})
		if _, err := b.core.Pair(t.Context(), "K7QF2M9P", "", ""); err == nil {
			t.Error("pairing succeeded")
		}
		if signs, _ := b.store.Signs(t.Context()); len(signs) != 0 {
			t.Errorf("%d signs are stored", len(signs))
		}
	})
	t.Run("a broken-off pairing leaves no second sign", func(t *testing.T) {
		b := newBench(t)
		b.pair("AAAAAAAA", "")
		for _, code := range []string{"BBBBBBBB"} { // the same hardware shows a new code
			j := devices.Joining{Nonce: "x", Code: code, Hardware: devices.Hardware{Model: "256x1", Serial: "AAAAAAAA", Width: 256, Height: 1}, Expires: time.Now().Add(time.Minute)}
			_ = b.core.Joining(t.Context(), j)
			if _, err := b.core.Pair(t.Context(), code, "", ""); err != nil {
				t.Fatal(err)
			}
		}
		if signs, _ := b.store.Signs(t.Context()); len(signs) != 1 {
			t.Errorf("%d signs are stored, want 1", len(signs))
		}
	})
}
