package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"doorleaf/graphsync/graphtest"
)

// TestDoctor lets Exchange treat a room's meetings as it does out of the box:
// the sign names nobody, the pages say why, a manager may decide otherwise, and
// when the room is mended the doctor notices by itself.
func TestDoctor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := openBrowser(t, o.graph)
	room := o.graph.Calendar(aurora)
	room.SetProcessing(graphtest.ExchangeProcessing())
	meet := func(subject string, from, to time.Duration) {
		now := time.Now().Truncate(time.Minute)
		room.Create(graphtest.Event{Subject: subject, Sensitivity: "private", Organizer: graphtest.Person{Name: "Kim Berg", Address: "kim@practice.example"},
			Start: now.Add(from), End: now.Add(to)})
	}
	meet("Warning for somebody", -10*time.Minute, 2*time.Hour)
	meet("Another warning", 3*time.Hour, 4*time.Hour)
	createAdministrator(b, o)
	registerValues(b, o, o.app.Secret, o.graph.TenantID())
	connect(b, o)
	listRooms(b)
	s := o.startSign(o.mqtt)
	pairAndBind(b, s)
	door := b.path()
	seen := "" // of the door's page
	named := func() bool {
		b.open(o.base + door)
		text := b.text("main") + b.evaluate("[...document.images].map((i) => i.alt).join()")
		if strings.Contains(text, "warning") || strings.Contains(text, "Warning") {
			t.Fatal("the page of the door has the title of a private meeting")
		}
		seen = text
		return strings.Contains(text, "Kim Berg")
	}
	page := o.base + "/m/rooms/room?id=" + url.QueryEscape(aurora)
	within(t, "the doctor finds it", func() bool {
		b.open(page)
		text := b.text("main")
		return strings.Contains(text, "Private meetings lose their private flag") && strings.Contains(text, "Titles are replaced by the organizer's name")
	})
	within(t, "the sign is booked", func() bool {
		if named() {
			t.Fatal("the sign names the organizer of a meeting whose private mark was lost")
		}
		return strings.Contains(seen, "Booked until")
	})
	b.open(page)
	b.mouse("choose to show all", queryOf(`input[name=privacy][value=all]`))
	b.press("form[action='/m/rooms/privacy'] button")
	within(t, "a manager chose to show all, and the organizer is named", named)

	room.SetProcessing(graphtest.Processing{})
	for i := range 2 {
		at := time.Duration(5+2*i) * time.Hour
		now := time.Now().Truncate(time.Minute)
		room.Create(graphtest.Event{Subject: "Budget", Organizer: graphtest.Person{Name: "Kim Berg", Address: "kim@practice.example"}, Start: now.Add(at), End: now.Add(at + time.Hour)})
	}
	within(t, "the doctor notices that the room is mended", func() bool {
		b.open(page)
		return !strings.Contains(b.text("main"), "lose their private flag")
	})
}
