package graphsync

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
	"doorleaf/graphsync/internal/msgraph"
)

// listed shows the stored rooms as "name" or "name gone".
func (o *office) listed() []string {
	rooms, err := o.store.Rooms(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	var out []string
	for _, r := range rooms {
		name, _, _ := strings.Cut(string(r.ID), "@")
		if r.Gone {
			name += " gone"
		}
		out = append(out, name)
	}
	return out
}

// TestRoomList follows the list: rooms come, go and come back; typed ones stay.
func TestRoomList(t *testing.T) {
	o := newOffice(t, "aspen", "birch")
	o.connectAppOnly()
	check := func(step string, want ...string) {
		t.Helper()
		if got := o.listed(); !slices.Equal(got, want) {
			t.Errorf("%s: rooms = %q, want %q", step, got, want)
		}
	}
	refresh := func() {
		t.Helper()
		if err := o.service.RefreshRooms(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	check("connected", "aspen", "birch")
	if err := o.service.AddRooms(t.Context(), 1, []string{o.address("cedar"), o.address("aspen")}); err != nil {
		t.Fatal(err)
	}
	check("one typed", "aspen", "birch", "cedar")
	o.graph.AddRoom(graphtest.Room{Email: "dogwood", Name: "Dogwood"})
	refresh()
	check("one more listed", "aspen", "birch", "cedar", "dogwood")

	remove := o.graph.Inject(graphtest.Fault{Path: "/places", Mangle: func(b []byte) []byte {
		var page struct {
			Value []map[string]any `json:"value"`
		}
		if json.Unmarshal(b, &page) != nil {
			return b
		}
		page.Value = slices.DeleteFunc(page.Value, func(r map[string]any) bool { return r["emailAddress"] == o.address("birch") })
		b, _ = json.Marshal(page)
		return b
	}})
	refresh()
	check("one no longer listed", "aspen", "birch gone", "cedar", "dogwood")
	if err := o.service.AddRooms(t.Context(), 1, []string{o.address("elm")}); err != nil {
		t.Fatal(err)
	}
	check("another typed", "aspen", "birch gone", "cedar", "dogwood", "elm")
	remove()
	refresh()
	check("listed again", "aspen", "birch", "cedar", "dogwood", "elm")

	for _, bad := range []string{"elm", "elm@", "e l m@practice.example", "elm@practice.example/calendar", "a@b@c.example", "elm@-x", strings.Repeat("e", 70) + "@practice.example"} {
		err := o.service.AddRooms(t.Context(), 1, []string{o.address("fir"), bad})
		wantKind(t, err, connection.NotFound)
	}
	check("nonsense typed", "aspen", "birch", "cedar", "dogwood", "elm")
	wantKind(t, o.service.Sync(t.Context(), calendar.NewRoomID(o.address("elm"))), connection.NotFound)
	if p, ok := o.service.RoomProblems()[calendar.NewRoomID(o.address("elm"))]; !ok || p.Kind != connection.NotFound {
		t.Errorf("problem of a room that does not exist = %+v", p)
	}
}

// TestRoomAddedWhileRunning: a new room is read at once.
func TestRoomAddedWhileRunning(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	o.run()
	o.soon("first agenda", func() bool { return !o.store.agenda(o.address("aspen")).AsOf.IsZero() })
	o.graph.AddRoom(graphtest.Room{Email: "birch", Name: "Birch"}).Create(graphtest.Event{Subject: "Planning", Start: at(9, 0), End: at(10, 0)})
	if err := o.service.RefreshRooms(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	o.soon("agenda of the new room", func() bool { return len(o.store.agenda(o.address("birch")).Events) == 1 })
}

// TestMalformedRoomList: a broken list changes no stored room.
func TestMalformedRoomList(t *testing.T) {
	for name, f := range map[string]graphtest.Fault{
		"truncated": graphtest.Truncated(), "HTML": graphtest.HTMLPage(),
		"address a number": {Mangle: func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"emailAddress":"`), []byte(`"emailAddress":7,"x":"`))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, "aspen", "birch")
			o.connectAppOnly()
			f.Path = "/places"
			remove := o.graph.Inject(f)
			wantKind(t, o.service.RefreshRooms(t.Context(), 1), connection.BadAnswer)
			if got, want := o.listed(), []string{"aspen", "birch"}; !slices.Equal(got, want) {
				t.Errorf("rooms = %q, want %q", got, want)
			}
			if p := o.store.state().Problem; p == nil || p.Kind != connection.BadAnswer {
				t.Errorf("problem = %+v, want %s", p, connection.BadAnswer)
			}
			if n := o.service.Counters()["malformed_answers"]; n != 1 {
				t.Errorf("malformed_answers = %d, want 1", n)
			}
			remove()
			if err := o.service.RefreshRooms(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if p := o.store.state().Problem; p != nil {
				t.Errorf("problem = %+v after a good list", *p)
			}
		})
	}
}

func TestReadRooms(t *testing.T) {
	got, dropped := readRooms([]msgraph.Room{
		{ID: "2", Name: " Board\x00room ", Address: "Board@Contoso.com", Building: "HQ", FloorNumber: 0, HasFloor: true, Capacity: -3},
		{ID: "1", PlaceID: "p1", Name: strings.Repeat("ä", 200), Address: "attic@contoso.com", FloorLabel: "Attic", FloorNumber: 9, HasFloor: true, Capacity: 4},
		{ID: "3", Name: "Nowhere"},
		{ID: "4", Name: "Path", Address: "a/../b@contoso.com"},
		{ID: "2", Name: "Twice", Address: "board@contoso.com"},
		{Address: "bare@contoso.com"},
	})
	want := []calendar.Room{
		{ID: "attic@contoso.com", Name: strings.Repeat("ä", 128), Floor: "Attic", Capacity: 4, PlaceID: "p1"},
		{ID: "bare@contoso.com", Name: "bare@contoso.com", PlaceID: "bare@contoso.com"},
		{ID: "board@contoso.com", Name: "Boardroom", Building: "HQ", Floor: "0", PlaceID: "2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rooms differ (-want +got):\n%s", diff)
	}
	if dropped != 2 {
		t.Errorf("%d dropped, want 2", dropped)
	}
}
