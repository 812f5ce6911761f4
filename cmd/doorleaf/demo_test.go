package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
)

func newWall(t *testing.T) (*demo, *httptest.Server) {
	t.Helper()
	d := &demo{log: slog.New(slog.DiscardHandler), signs: demoSigns()}
	if err := d.openOffice(t.TempDir(), "127.0.0.1:1", "mqtt://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.graph.Close() })
	for i, s := range d.signs {
		sign, err := simsign.New(simsign.Options{Gateway: "mqtt://127.0.0.1:1", Panel: devices.PanelBySize(s.Width, s.Height)})
		if err != nil {
			t.Fatal(err)
		}
		s.Number, s.sign = i+1, sign
	}
	srv := httptest.NewServer(d.wall())
	t.Cleanup(srv.Close)
	return d, srv
}

func fetch(t *testing.T, res *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", res.Status, err)
	}
	return string(b)
}

// The practice page shows every sign and what to type, and what is done there
// happens in the calendar.
func TestWall(t *testing.T) {
	d, srv := newWall(t)
	res, err := http.Get(srv.URL)
	page := fetch(t, res, err)
	for _, want := range []string{d.app.ClientID, d.graph.TenantID(), `/glass/6.png`, `data-glass="1"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	res, err = http.Get(srv.URL + "/glass/1.png")
	if png := fetch(t, res, err); !strings.HasPrefix(png, "\x89PNG") {
		t.Error("the glass is no PNG")
	}
	room := d.graph.Rooms()[0]
	res, err = http.PostForm(srv.URL+"/book", url.Values{"room": {room.Email}, "minutes": {"30"}, "subject": {"<b>Lunch</b>"}})
	if page := fetch(t, res, err); !strings.Contains(page, "&lt;b&gt;Lunch&lt;/b&gt;") {
		t.Error("the booking is not on the page, or not escaped")
	}
	id := ""
	for _, o := range d.graph.Truth(room.Email, time.Now(), time.Now().Add(time.Minute)) {
		if o.Subject == "<b>Lunch</b>" {
			id = o.ID
		}
	}
	if id == "" {
		t.Fatal("nothing was booked")
	}
	res, err = http.PostForm(srv.URL+"/move", url.Values{"room": {room.Email}, "id": {id}, "by": {"60"}})
	fetch(t, res, err)
	for _, o := range d.graph.Truth(room.Email, time.Now(), time.Now().Add(30*time.Second)) {
		if o.ID == id {
			t.Error("the meeting was not moved")
		}
	}
}
