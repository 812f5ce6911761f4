package graphsync

import (
	"slices"
	"strings"
	"testing"

	"doorleaf/graphsync/graphtest"
	"doorleaf/graphsync/internal/msgraph"
)

func TestEquipment(t *testing.T) {
	for _, tc := range []struct {
		name string
		room msgraph.Room
		want []string
	}{
		{"nothing", msgraph.Room{}, nil},
		{"all", msgraph.Room{Display: "Surface Hub", Video: "camera", Audio: "mics", Wheelchair: true, Tags: []string{"bean bags"}},
			[]string{"wheelchair accessible", "Surface Hub", "camera", "mics", "bean bags"}},
		{"one thing for all", msgraph.Room{Display: "Surface Hub", Video: "surface hub", Audio: " Surface  Hub", Tags: []string{"SURFACE HUB"}}, []string{"Surface Hub"}},
		{"strange", msgraph.Room{Display: " \x00", Video: "in\u202evisible", Tags: []string{"", "\n", "a\tb"}}, []string{"invisible", "a b"}},
		{"many", msgraph.Room{Wheelchair: true, Tags: strings.Split("a,b,c,d,e,f,g,h,i", ",")}, strings.Split("wheelchair accessible,a,b,c,d,e,f,g", ",")},
		{"long", msgraph.Room{Display: strings.Repeat("é", 100)}, []string{strings.Repeat("é", 32)}},
		{"a tag that says it too", msgraph.Room{Wheelchair: true, Tags: []string{"Wheelchair accessible"}}, []string{"wheelchair accessible"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := equipment(tc.room); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// What the directory says of a room arrives in the store, and what it says
// later replaces it.
func TestEquipmentIsRead(t *testing.T) {
	o := newOffice(t)
	o.graph.AddRoom(graphtest.Room{Email: "aspen", Name: "Aspen", Capacity: 12, Wheelchair: true, DisplayDevice: "Surface Hub", AudioDevice: "ceiling microphones", Tags: []string{"bean bags"}})
	o.connectAppOnly()
	rooms, err := o.store.Rooms(t.Context())
	if err != nil || len(rooms) != 1 {
		t.Fatalf("got %v, %v", rooms, err)
	}
	want := []string{"wheelchair accessible", "Surface Hub", "ceiling microphones", "bean bags"}
	if got := rooms[0]; got.Capacity != 12 || !slices.Equal(got.Features, want) {
		t.Errorf("got %d seats and %q, want 12 and %q", got.Capacity, got.Features, want)
	}
}
