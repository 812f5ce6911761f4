package gateway_test

import (
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/sqlite"
	"doorleaf/render"
)

// Signs follow what happens to their room: another name, another privacy, a
// zone, a room that vanished or came back, a connection that was removed.
func TestSignsFollowTheirRoom(t *testing.T) {
	b := newBench(t)
	var store gateway.Watched
	room := b.room("Aalto", meeting("Plan", -time.Hour, time.Hour))
	other := b.room("Other")
	id, idle := b.pair("ABCDEFGH", room), b.pair("BCDEFGHI", other)
	store = gateway.Watched{Store: b.store, Changed: b.core.AgendaChanged}
	b.run()
	follow := func(id devices.SignID) gateway.DoorView {
		t.Helper()
		if w := b.door(id).Want; w != nil && len(w.Steps) > 0 {
			b.tell(id, devices.ShownReport, w.Epoch, w.Seq, w.Steps[0].Digest)
		}
		return b.door(id)
	}
	b.eventually("first timelines", func() bool { return allFull(b, []devices.SignID{id, idle}) })
	idleSeq := b.door(idle).Want.Seq
	becomes := func(what, state string, change func() error) {
		t.Helper()
		seq := follow(id).Want.Seq
		if err := change(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		b.eventually(what, func() bool {
			v := b.door(id)
			return v.Want.Seq > seq && !v.Want.Partial && v.ExpectedStep != nil && v.ExpectedStep.State == state
		})
	}
	list := func(rooms ...calendar.Room) func() error {
		return func() error { return store.ReplaceRooms(t.Context(), 1, rooms) }
	}
	aalto, rest := calendar.Room{ID: room, Name: "Aalto"}, calendar.Room{ID: other, Name: "Other"}
	renamed := aalto
	renamed.Name = "Alvar"
	becomes("a new name", string(render.Booked), list(renamed, rest))
	becomes("times only", string(render.Booked), func() error { return store.SetRoomPrivacy(t.Context(), room, calendar.PrivacyTimeOnly) })
	becomes("a zone", string(render.Booked), func() error { return store.SetRoomZone(t.Context(), room, "Asia/Kathmandu") })
	becomes("a room that vanished", string(render.NotSetUp), list(rest))
	becomes("a room that came back", string(render.Booked), list(renamed, rest))
	becomes("an ordinary mailbox", string(render.Booked), func() error {
		if err := store.SetRoomPrivacy(t.Context(), room, calendar.PrivacyAuto); err != nil {
			return err
		}
		personal := renamed
		personal.Kind, personal.Name = calendar.PersonalMailbox, "Alvar's desk"
		return list(personal, rest)()
	})
	b.eventually("confirmation", func() bool { return follow(id).Trust == gateway.Right })
	if v := b.door(id); v.Room.Name != "Alvar's desk" {
		t.Errorf("room %q", v.Room.Name)
	}
	if got := b.door(idle).Want.Seq; got != idleSeq {
		t.Errorf("a sign of another room got %d timelines more", got-idleSeq)
	}
	becomes("a connection that was removed", string(render.NotSetUp), func() error { return store.RemoveConnection(t.Context(), 1) })
	if v := b.door(id); v.Chain[0].Key != "chain.calendar.gone" {
		t.Errorf("the chain says %s, want that the room is gone", v.Chain[0].Key)
	}
}

// A list that changes nothing tells nobody.
func TestWatchedTellsOnlyOfChanges(t *testing.T) {
	var told []calendar.RoomID
	var store gateway.Store
	newBenchOn(t, func(s *sqlite.Store) gateway.Store {
		store = gateway.Watched{Store: s, Changed: func(id calendar.RoomID) { told = append(told, id) }}
		return s
	}, true)
	ctx := t.Context()
	a, b := calendar.Room{ID: "a@x", Name: "A", Features: []string{"Screen"}}, calendar.Room{ID: "b@x", Name: "B"}
	for _, step := range []struct {
		name string
		do   func() error
		want int
	}{
		{"two new rooms", func() error { return store.ReplaceRooms(ctx, 1, []calendar.Room{a, b}) }, 2},
		{"the same", func() error { return store.ReplaceRooms(ctx, 1, []calendar.Room{b, a}) }, 0},
		{"one gone", func() error { return store.ReplaceRooms(ctx, 1, []calendar.Room{a}) }, 1},
		{"still gone", func() error { return store.ReplaceRooms(ctx, 1, []calendar.Room{a}) }, 0},
		{"removed", func() error { return store.RemoveConnection(ctx, 1) }, 2},
	} {
		told = nil
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if len(told) != step.want {
			t.Errorf("%s: told of %v, want of %d rooms", step.name, told, step.want)
		}
	}
	told = nil
	if err := store.SetRoomPrivacy(ctx, "unknown", calendar.PrivacyAuto); err == nil || told != nil {
		t.Errorf("an unknown room: got %v, told of %v", err, told)
	}
}
