package graphsync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/graphsync/graphtest"
)

// dial is a clock that the test turns.
type dial struct {
	mu sync.Mutex
	at time.Time
}

func (d *dial) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *dial) turn(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = d.at.Add(by)
}

// modelled is a room of the model-based test with its dice.
type modelled struct {
	name string
	at   place
	dice *graphtest.Dice
}

// TestAgendaIsTheCalendar is the model-based test: random changes in three
// rooms, on a connection in trouble, with processes that are killed at any
// moment. Whatever happened, once a look succeeded the store holds what the
// stand-in says is true.
func TestAgendaIsTheCalendar(t *testing.T) {
	operations := 400
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		operations = 12_000
	}
	seed := uint64(operations)
	rng := rand.New(rand.NewPCG(seed, 77))
	clock := &dial{at: time.Now().Truncate(time.Second)}
	o := newOfficeWith(t, graphtest.Options{Clock: clock.now}, "aspen", "birch", "cedar")
	o.graph.SetTokenLife(10 * 365 * 24 * time.Hour) // MSAL keeps its own clock
	o.options.Now = clock.now
	o.reopen()
	o.connectAppOnly()
	var rooms []*modelled
	for i, name := range []string{"aspen", "birch", "cedar"} {
		id := calendar.NewRoomID(o.address(name))
		w := o.service.window(calendar.Room{ID: id}, clock.now())
		rooms = append(rooms, &modelled{name, place{1, id}, graphtest.NewDice(o.graph.Calendar(name), seed+uint64(i), w.From, w.To)})
	}
	o.graph.SetUnrest(graphtest.Unrest{Seed: seed, Throttled: 30, Busy: 30, Gone: 40, Cut: 20, Closed: 20, Repeat: 50, Replay: 50})
	kinds := map[string]int{}
	for n := range operations {
		m := rooms[rng.IntN(len(rooms))]
		var did []string
		for range 1 + rng.IntN(3) {
			kind, err := m.dice.Roll()
			if err != nil {
				t.Fatalf("operation %d: %s: %v", n, kind, err)
			}
			did = append(did, kind)
			kinds[kind]++
		}
		switch rng.IntN(12) {
		case 0: // killed while it looks
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.IntN(4000))*time.Microsecond)
			_ = o.service.look(ctx, m.at, rng.IntN(2) == 0)
			cancel()
			o.reopen()
			kinds["kill"]++
		case 1: // killed while another change is made
			done := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer close(done)
				_ = o.service.look(ctx, m.at, false)
			}()
			if kind, err := m.dice.Roll(); err != nil {
				t.Fatalf("operation %d: %s: %v", n, kind, err)
			}
			cancel()
			<-done
			o.reopen()
			kinds["kill in a change"]++
		case 2: // the store fails
			unlock := o.store.locked()
			o.store.fail = errNotFound
			unlock()
			_ = o.service.look(t.Context(), m.at, false)
			unlock = o.store.locked()
			o.store.fail = nil
			unlock()
			kinds["store failure"]++
		case 3: // a notification, and the link stays behind
			_ = o.service.look(t.Context(), m.at, true)
			kinds["ring"]++
		case 4:
			clock.turn(time.Duration(rng.IntN(26)) * time.Hour)
			kinds["hours pass"]++
		default:
			clock.turn(time.Duration(rng.IntN(120)) * time.Second)
		}
		w := o.service.window(calendar.Room{ID: m.at.room}, clock.now())
		m.dice.SetWindow(w.From, w.To)
		if err := o.agrees(m, clock); err != nil {
			t.Fatalf("operation %d after %q: %v\n%s", n, did, err, o.log)
		}
	}
	o.graph.SetUnrest(graphtest.Unrest{})
	for _, m := range rooms {
		if err := o.agrees(m, clock); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d operations: %v; %v", operations, kinds, o.service.Counters())
}

// agrees looks until a look succeeds and compares the agenda with the truth.
func (o *office) agrees(m *modelled, clock *dial) error {
	var err error
	for range 60 {
		if err = o.service.look(o.t.Context(), m.at, false); err == nil {
			break
		}
		clock.turn(10 * time.Second)
	}
	if err != nil {
		return fmt.Errorf("no look succeeded: %w", err)
	}
	a := o.store.agenda(string(m.at.room))
	if w := o.service.window(a.Room, clock.now()); !sameWindow(a.Window, w) {
		return fmt.Errorf("window of %s is %v, want %v", m.name, a.Window, w)
	}
	if a.AsOf.Before(clock.now().Add(-time.Minute)) {
		return fmt.Errorf("agenda of %s says it is from %v", m.name, a.AsOf)
	}
	return o.matches(m.name)
}

// newOfficeWith is newOffice with options of the stand-in.
func newOfficeWith(t *testing.T, opts graphtest.Options, rooms ...string) *office {
	t.Helper()
	o := newTenant(t, opts)
	o.graph.AddUser(graphtest.User{Address: "admin", Name: "Ada Admin", Password: "pass-1", Admin: true})
	for _, r := range rooms {
		o.graph.AddRoom(graphtest.Room{Email: r, Name: "Room " + r, TimeZone: "Europe/Berlin"})
	}
	return o
}

// reopen is a new process on the same store, without the limit of requests per
// second.
func (o *office) reopen() {
	o.t.Helper()
	o.service.closeIdle()
	o.changed, o.refreshed = make(chan calendar.RoomID, 1), make(chan calendar.RoomID, 1)
	o.options.Changed, o.options.Refreshed = nil, nil
	s, err := New(o.options)
	if err != nil {
		o.t.Fatal(err)
	}
	s.gate = newGate(maxInFlight, 1_000_000, 1_000_000)
	o.service = s
	o.t.Cleanup(s.closeIdle)
}
