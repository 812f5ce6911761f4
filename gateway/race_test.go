package gateway_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/sqlite"
)

// slowStore holds an answer back after it was read, once.
type slowStore struct {
	*sqlite.Store
	want, sign hold
}

// hold stops the first caller after it was armed until it is released.
type hold struct {
	mu      sync.Mutex
	reached chan struct{} // guarded by mu; nil: not armed
	release chan struct{}
}

func (h *hold) arm() (reached, release chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reached, h.release = make(chan struct{}), make(chan struct{})
	return h.reached, h.release
}

func (h *hold) pass() {
	h.mu.Lock()
	reached, release := h.reached, h.release
	h.reached = nil
	h.mu.Unlock()
	if reached != nil {
		close(reached)
		<-release
	}
}

func (s *slowStore) Want(ctx context.Context, id devices.SignID) (gateway.Want, error) {
	w, err := s.Store.Want(ctx, id)
	s.want.pass()
	return w, err
}

func (s *slowStore) Sign(ctx context.Context, id devices.SignID) (gateway.Sign, error) {
	v, err := s.Store.Sign(ctx, id)
	s.sign.pass()
	return v, err
}

func newSlowBench(t *testing.T) (*bench, *slowStore) {
	t.Helper()
	slow := &slowStore{}
	return newBenchOn(t, func(s *sqlite.Store) gateway.Store { slow.Store = s; return slow }, true), slow
}

// A page that is opened while the gateway starts reads a want that is replaced
// meanwhile; the core must not fall back to it.
func TestPageAtStartDoesNotBringAnOldWantBack(t *testing.T) {
	first := newBench(t)
	room := first.room("Aalto")
	id := first.pair("ABCDEFGH", room)
	d := first.tell(id, devices.HelloReport, 0, 0, devices.Digest{})

	slow := &slowStore{Store: first.store}
	b := newBenchOn(t, func(*sqlite.Store) gateway.Store { return slow }, true) // started anew
	b.store, b.ctr = first.store, first.ctr
	reached, release := slow.want.arm()
	page := make(chan error, 1)
	go func() { _, err := b.core.Door(context.WithoutCancel(t.Context()), id); page <- err }()
	<-reached
	b.agenda(calendar.Room{ID: room, Name: "Aalto"}, time.Now(), meeting("New", -time.Minute, time.Hour))
	wrong := digestAt(d.Body, 0)
	wrong[0] ^= 1
	fix := b.tell(id, devices.HelloReport, d.Epoch, d.Seq, wrong)
	close(release)
	if err := <-page; err != nil {
		t.Fatal(err)
	}
	if fix == nil || fix.Seq != d.Seq+1 {
		t.Fatalf("got %+v, want seq %d", fix, d.Seq+1)
	}
	if v := b.door(id); v.Want.Seq != fix.Seq {
		t.Errorf("the page has seq %d, want %d", v.Want.Seq, fix.Seq)
	}
	wrong = digestAt(fix.Body, 0)
	wrong[0] ^= 1
	if next := b.tell(id, devices.HelloReport, fix.Epoch, fix.Seq, wrong); next == nil || next.Seq != fix.Seq+1 {
		t.Errorf("then got %+v, want seq %d", next, fix.Seq+1)
	}
}

func TestTwoEditsOfASignAreBothKept(t *testing.T) {
	b, slow := newSlowBench(t)
	room := b.room("Aalto")
	id := b.pair("ABCDEFGH", "")
	reached, release := slow.sign.arm()
	done := make(chan error, 2)
	go func() { done <- b.core.Rename(t.Context(), id, "Door 7") }()
	<-reached
	go func() { done <- b.core.Bind(t.Context(), id, room) }()
	select {
	case err := <-done: // the second edit did not wait for the first
		done <- err
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if v := b.door(id); v.Sign.Name != "Door 7" || v.Sign.Room != room {
		t.Errorf("name %q, room %q, want Door 7 and %q", v.Sign.Name, v.Sign.Room, room)
	}
}

// pairSleeper pairs a sign that sleeps and lets it take its first timeline.
func (b *bench) pairSleeper(room calendar.RoomID) devices.SignID {
	b.t.Helper()
	j := devices.Joining{Nonce: "s", Code: "ABCDEFGH", Hardware: devices.Hardware{Model: "256x1", Serial: "s", Width: 256, Height: 1},
		Since: time.Now(), Expires: time.Now().Add(time.Minute)}
	if err := b.core.Joining(b.t.Context(), j); err != nil {
		b.t.Fatal(err)
	}
	id, err := b.core.Pair(b.t.Context(), j.Code, "", room)
	if err != nil {
		b.t.Fatal(err)
	}
	b.follow(b.tell(id, devices.HelloReport, 0, 0, devices.Digest{}))
	return id
}

// What is planned while a sign sleeps does not change when it was told to call:
// otherwise a dead sign at a busy room would never count as late.
func TestPlanningForASleepingSignMovesNoPromise(t *testing.T) {
	b := newBenchOn(t, func(s *sqlite.Store) gateway.Store { return s }, false)
	room := b.room("Aalto")
	id := b.pairSleeper(room)
	told := b.door(id)
	b.run()
	b.agenda(calendar.Room{ID: room, Name: "Aalto"}, time.Now(), meeting("New", -time.Minute, time.Hour))
	b.eventually("plan", func() bool { return b.door(id).Want.Seq > told.Want.Seq })
	if got := b.door(id).NextContact; !got.Equal(told.NextContact) {
		t.Errorf("next contact %v, want %v as promised", got, told.NextContact)
	}
}

// After a start the promise is lost; the stored timeline may be older than the
// last contact.
func TestSleepingSignIsNotLateAfterAStart(t *testing.T) {
	b := newBenchOn(t, func(s *sqlite.Store) gateway.Store { return s }, false)
	id := b.pairSleeper(b.room("Aalto"))
	w, err := b.store.Want(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w.Seq++
	w.NextWake = time.Now().Add(-3 * time.Hour) // a timeline of hours ago, confirmed ever since
	if err := b.store.CommitWant(t.Context(), w, nil, nil); err != nil {
		t.Fatal(err)
	}
	b.ctr++
	if _, err := b.store.CommitReport(t.Context(), devices.Report{Kind: devices.ShownReport, Sign: id, Received: time.Now(), Boot: 1,
		Counter: b.ctr, Epoch: w.Epoch, Seq: w.Seq, Shown: w.Steps[0].Digest}); err != nil {
		t.Fatal(err)
	}
	again := newBenchOn(t, func(*sqlite.Store) gateway.Store { return b.store }, false)
	v := again.door(id)
	if v.Trust != gateway.Sleeping || !v.NextContact.After(time.Now()) {
		t.Errorf("trust %s, next contact %v, want sleeping and to come", v.Trust, v.NextContact)
	}
}
