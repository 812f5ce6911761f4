package gateway

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"doorleaf/gateway/calendar"
	"doorleaf/render"
)

func TestCheckBooking(t *testing.T) {
	for _, p := range append(BookingPresets(), BookingPreset{"none", ""}, BookingPreset{"capitals", "HTTPS://GO.EXAMPLE.COM/{USER}"},
		BookingPreset{"http", "http://10.0.0.7:8080/book?room={address}"}, BookingPreset{"app", "ms-outlook://events/new?location={name}"},
		BookingPreset{"the same for all", "https://rooms.example.com/"}) {
		if err := CheckBooking(p.Pattern); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	for _, bad := range []string{"x", "rooms.example.com/{name}", "javascript:alert(1)", "data:text/html,{name}", "https://", "https:///{name}", "https://{user}.example.com/",
		"https://go.example.com/{subject}", "https://go.example.com/{", "https://go.example.com/ {name}", "https://gö.example.com/", "https://me:pw@example.com/",
		"https://go.example.com/%zz", "tel:{user}", "https://x/" + strings.Repeat("a", 200)} {
		if err := CheckBooking(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want %v", bad, err, ErrInvalid)
		}
	}
}

func TestBookingAddress(t *testing.T) {
	room := calendar.Room{ID: "aalto+2@example.com", Name: "Aalto & Söhne\u202e #2"}
	for _, tc := range []struct {
		name, pattern string
		room          calendar.Room
		want          string
	}{
		{"none", "", room, ""},
		{"Outlook", BookingPresets()[0].Pattern, room,
			"https://outlook.office.com/calendar/0/deeplink/compose?to=aalto%2B2%40example.com&location=Aalto%20%26%20S%C3%B6hne%20%232"},
		{"capitals", "HTTPS://GO.EXAMPLE.COM/{USER}", calendar.Room{ID: "aalto@example.com"}, "HTTPS://GO.EXAMPLE.COM/AALTO"},
		{"a name that looks like a placeholder", "https://x.example/{name}", calendar.Room{ID: "a@x", Name: "{address}"}, "https://x.example/%7Baddress%7D"},
		{"personal mailbox", BookingPresets()[0].Pattern, calendar.Room{ID: "a@x", Kind: calendar.PersonalMailbox}, ""},
		{"too long", BookingPresets()[0].Pattern, calendar.Room{ID: "a@x", Name: strings.Repeat("会", 60)}, ""},
	} {
		if got := bookingAddress(tc.pattern, tc.room); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

// The code is on faces of a room that can be booked now, and on no other; never
// with a word of a meeting.
func TestFaceOffersBooking(t *testing.T) {
	site := testSite
	site.Booking = "https://x.example/{address}"
	e := event(t, "1", "2026-11-23 09:00", "2026-11-23 10:00")
	e.Subject, e.OrganizerName = "SECRET", "NOBODY"
	a := calendar.Agenda{Room: calendar.Room{ID: "aalto@example.com", Name: "Aalto"}, Events: []calendar.Event{e}, AsOf: local(t, "2026-11-23 07:00")}
	for _, tc := range []struct {
		at    string
		stale bool
		state render.State
		code  bool
	}{
		{"2026-11-23 08:00", false, render.Free, true},
		{"2026-11-23 08:50", false, render.Soon, true},
		{"2026-11-23 09:30", false, render.Booked, false},
		{"2026-11-23 11:00", false, render.Free, true},
		{"2026-11-23 08:00", true, render.Stale, false},
	} {
		d := Face(a, Sign{}, site, local(t, tc.at), tc.stale)
		if d.State != tc.state || (d.QR == "https://x.example/aalto%40example.com") != tc.code || (d.QR != "") != tc.code {
			t.Errorf("%s: got %s with code %q, want %s, code %v", tc.at, d.State, d.QR, tc.state, tc.code)
		}
		if (d.QRCaption != "") != tc.code {
			t.Errorf("%s: caption %q", tc.at, d.QRCaption)
		}
	}
}

func TestFaceSaysWhatIsInTheRoom(t *testing.T) {
	a := calendar.Agenda{Room: calendar.Room{ID: "a@x", Features: []string{calendar.WheelchairAccessible, "Surface Hub"}}}
	d := Face(a, Sign{}, testSite, local(t, "2026-11-23 08:00"), false)
	if !d.Accessible || len(d.Features) != 1 || d.Features[0] != "Surface Hub" {
		t.Errorf("got accessible %v and %q", d.Accessible, d.Features)
	}
}

// Whatever a directory calls its rooms: the address stays one, with the same
// server, and fits a code.
func FuzzBooking(f *testing.F) {
	f.Add("https://x.example/{name}?to={address}", "a@x", "Room")
	f.Add("HTTPS://GO.EXAMPLE.COM/{USER}", "aalto@example.com", "\u202e/../@evil.example/")
	f.Add("ms-outlook://events/new?location={NAME}", "@", "#{address}\n")
	f.Fuzz(func(t *testing.T, pattern, address, name string) {
		if CheckBooking(pattern) != nil {
			return
		}
		got := bookingAddress(pattern, calendar.Room{ID: calendar.RoomID(address), Name: name})
		if got == "" {
			return
		}
		if len(got) > maxBookingAddress || !utf8.ValidString(got) || strings.ContainsAny(got, " \n\r\t\x00") {
			t.Errorf("%q for %q and %q: got %q", pattern, address, name, got)
		}
		u, err := url.Parse(got)
		want, werr := url.Parse(fillBooking(pattern, "a@b", "c"))
		if err != nil || werr != nil || u.Host != want.Host || u.Scheme != want.Scheme {
			t.Errorf("%q for %q and %q: got %q: %v", pattern, address, name, got, err)
		}
	})
}
