package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// A thousand rooms are pages of fifty that filters make short.
func TestThousandRooms(t *testing.T) {
	o := newOffice(time.Now())
	o.store.rooms = nil
	for i := range 1000 {
		o.store.rooms = append(o.store.rooms, calendar.Room{ID: calendar.RoomID(fmt.Sprintf("r%03d@contoso.example", i)), Name: fmt.Sprintf("Room %03d", i),
			Building: fmt.Sprintf("House %d", i/100), Floor: fmt.Sprint(i / 10 % 10), Source: 1})
	}
	b := open(t, o).enter(o)
	b.post("/m/rooms/refresh").want(t, http.StatusSeeOther, "/m/rooms")
	first := b.get("/m/rooms").says(t, "1000 rooms from Microsoft 365").says(t, "1–50 of 1000")
	if n, size := strings.Count(first.body, `<th scope="row">`), len(first.body); n != 50 || size > 96<<10 {
		t.Errorf("%d rows in %d bytes", n, size)
	}
	for _, tc := range []struct {
		query, want string
		names       []string
	}{
		{"page=20", "951–1000 of 1000", []string{"Room 950", "Room 999"}},
		{"page=99", "951–1000 of 1000", []string{"Room 999"}},
		{"page=-1", "1–50 of 1000", []string{"Room 000"}},
		{"q=room+042", "1–1 of 1", []string{"Room 042"}},
		{"q=R500%40contoso", "1–1 of 1", []string{"Room 500"}},
		{"place=House+3", "1–50 of 100", []string{"Room 300"}},
		{"place=" + url.QueryEscape("House 3\n7"), "1–10 of 10", []string{"Room 370", "Room 379"}},
		{"state=none&place=House+9", "1–50 of 100", []string{"Room 900"}},
	} {
		got := b.get("/m/rooms?"+tc.query).says(t, tc.want)
		for _, n := range tc.names {
			got.says(t, n)
		}
	}
	b.get("/m/rooms?q=nowhere").says(t, "No room fits these filters.")
	// The next page keeps the filters.
	if body := b.get("/m/rooms?place=House+3&state=none").body; !strings.Contains(body, `href="/m/rooms?page=2&amp;place=House&#43;3&amp;state=none"`) && !strings.Contains(body, `href="/m/rooms?page=2&amp;place=House+3&amp;state=none"`) {
		t.Error("the next page loses the filters")
	}
}

func TestRoomLists(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	if strings.Contains(b.get("/m/rooms").body, `name="list"`) {
		t.Error("lists are offered before they were read")
	}
	b.post("/m/rooms/refresh")
	if want := []string{"refresh rooms", "room lists"}; !slices.Equal(o.calendars.calls, want) {
		t.Errorf("calls = %v, want %v", o.calendars.calls, want)
	}
	b.get("/m/rooms").says(t, "Room list")
	b.get("/m/rooms?list="+url.QueryEscape("Head office\nhq@contoso.example")).says(t, "1–2 of 2").says(t, "Aalto 2.14").says(t, "Saarinen 2.20")
	o.calendars.err = &connection.Error{Kind: connection.PlacesDenied}
	b.post("/m/rooms/refresh")
	b.get("/m/rooms").says(t, "Microsoft refuses to list the rooms.")
}

func TestRoomPage(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get("/m/rooms/room?id=Room0@contoso.example").says(t, "Aalto 2.14").says(t, "Surface Hub").
		says(t, "Titles are replaced by the organizer's name").says(t, "Seen in 6 of 6 meetings.").
		says(t, "-DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false").says(t, "'room0@contoso.example'").
		says(t, "Private meetings lose their private flag").says(t, "Until then:")
	b.get("/m/rooms/room?id=room2@contoso.example").says(t, "Cancelled meetings stay in the calendar").says(t, "-RemoveCanceledMeetings $true")
	b.get("/m/rooms/room?id=room3@contoso.example").says(t, "Meetings are only tentatively accepted").says(t, "-AutomateProcessing AutoAccept")
	b.get("/m/rooms/room?id=room5@contoso.example").says(t, "Nothing to mend")
	b.get("/m/rooms/room?id=room7@contoso.example").says(t, "Microsoft refuses to open the calendar")
	personal := b.get("/m/rooms/room?id=anna@contoso.example").says(t, "Personal calendar").says(t, "booked or free and nothing else; that cannot be changed")
	if strings.Contains(personal.body, `name="privacy"`) {
		t.Error("a personal calendar's privacy can be loosened")
	}
	b.get("/m/rooms/room?id=nobody@contoso.example").want(t, http.StatusNotFound, "")
	b.get("/m/rooms/room").want(t, http.StatusNotFound, "")
}

func TestRoomPrivacy(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for name, want := range privacyNames() {
		b.post("/m/rooms/privacy", "room", "room0@contoso.example", "privacy", name).want(t, http.StatusSeeOther, "/m/rooms/room?id=room0%40contoso.example")
		if got := o.store.rooms[0].Privacy; got != want {
			t.Errorf("%s: stored %d, want %d", name, got, want)
		}
		if body := b.get("/m/rooms/room?id=room0@contoso.example").body; !strings.Contains(body, `value="`+name+`" checked`) {
			t.Errorf("%s is not shown as chosen", name)
		}
	}
	if o.core.writes != 3 {
		t.Errorf("signs were planned %d times, want 3", o.core.writes)
	}
	b.post("/m/rooms/privacy", "room", "room0@contoso.example", "privacy", "everything").want(t, http.StatusBadRequest, "")
	b.post("/m/rooms/privacy", "room", "nobody@contoso.example", "privacy", "all").want(t, http.StatusNotFound, "")
}

// A room whose mailbox got another address is one that went and one that came;
// its signs move with a click.
func TestRenamedRoom(t *testing.T) {
	o := newOffice(time.Now())
	o.core.doors[0].Sign.Room = "room8@contoso.example"
	b := open(t, o).enter(o)
	b.get("/m/rooms/room?id=room8@contoso.example").says(t, "It is room9@contoso.example now.").says(t, "Move its signs to Focus 1")
	b.post("/m/rooms/move", "room", "room8@contoso.example", "to", "room9@contoso.example").want(t, http.StatusSeeOther, "/m/rooms/room?id=room9%40contoso.example")
	if got := o.core.doors[0].Sign.Room; got != "room9@contoso.example" {
		t.Errorf("the sign shows %s", got)
	}
	b.post("/m/rooms/move", "room", "room9@contoso.example", "to", "room8@contoso.example").want(t, http.StatusBadRequest, "")
	b.post("/m/rooms/move", "room", "room9@contoso.example", "to", "nobody@contoso.example").want(t, http.StatusNotFound, "")
}

func TestDoctor(t *testing.T) {
	o := newOffice(time.Now())
	o.store.agendas["room5@contoso.example"] = calendar.Agenda{}
	b := open(t, o).enter(o)
	page := b.get("/m/rooms/doctor").says(t, "8 rooms were looked at.").says(t, "1 room was never read.").says(t, "Library 3/6").says(t, "Aalto 2.14 6/6").
		says(t, "'room0@contoso.example', 'room1@contoso.example', 'room4@contoso.example'")
	text := plain(page.body)
	if strings.Index(text, "lose their private flag") > strings.Index(text, "replaced by the organizer") {
		t.Error("what leaks does not come first")
	}
	if strings.Contains(page.body, "Anna Schmidt") {
		t.Error("the page shows who meets")
	}
	for id := range o.store.agendas {
		a := o.store.agendas[id]
		a.Events = nil
		o.store.agendas[id] = a
	}
	b.get("/m/rooms/doctor").says(t, "Nothing to mend")
}

func TestLimitPage(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(office365Page+"/limit?object="+someObject+"&forbidden=boss@contoso.example").
		says(t, "$object = '"+someObject+"'").says(t, "-Resource 'boss@contoso.example' # InScope: False").says(t, "-Resource 'room0@contoso.example' # InScope: True").
		says(t, "'anna@contoso.example' | ForEach-Object { Set-Mailbox").says(t, "while the tenant-wide consent for Calendars stays, the limit does nothing")
	b.get(office365Page+"/limit?object=12").says(t, "An Object ID looks like").says(t, "Read-Host")
	for _, tc := range []struct {
		check connection.Check
		says  string
	}{
		{connection.Check{Name: connection.CheckForbidden, Room: "boss@contoso.example", OK: true}, "Proved: this mailbox is refused."},
		{connection.Check{Name: connection.CheckForbidden, Room: "boss@contoso.example"}, "This mailbox can be read. Follow “Only rooms”"},
	} {
		o.calendars.checks = []connection.Check{tc.check}
		b.post(office365Page+"/check", "forbidden", "boss@contoso.example", "back", "limit").want(t, http.StatusSeeOther, office365Page+"/limit#proof")
		b.get(office365Page+"/limit").says(t, tc.says)
	}
	b.post(office365Page+"/check", "forbidden", "Boss <boss@contoso.example>").want(t, http.StatusUnprocessableEntity, "").says(t, "Enter one e-mail address.")
}

func TestCheckLines(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	o.calendars.checks = []connection.Check{
		{Name: connection.CheckToken, OK: true},
		{Name: connection.CheckPlaces, Skipped: true, Problem: &connection.Problem{Kind: connection.PlacesDenied}},
		{Name: connection.CheckForbidden, Room: "boss@contoso.example", OK: true, Problem: &connection.Problem{Kind: connection.AccessDenied, Code: "ErrorAccessDenied"}},
		{Name: connection.CheckSubscription},
	}
	b.post(checkPage)
	page := b.get(checkPage).says(t, "1 thing needs you").says(t, "Not tried List of rooms Microsoft refuses to list the rooms.").
		says(t, "Change notification No notification came back.").says(t, "Works Refusal of boss@contoso.example")
	if strings.Contains(page.body, "Microsoft refuses to open the calendar") {
		t.Error("a refusal that was wanted reads like a fault")
	}
	// With rights that Exchange grants for rooms only, the token holds none.
	o.calendars.checks = []connection.Check{
		{Name: connection.CheckToken, OK: true}, {Name: connection.CheckCalendar, Room: "room0@contoso.example", OK: true},
		{Name: connection.CheckRights, Missing: []connection.Permission{connection.CalendarsRead, connection.CalendarsReadWrite}, Problem: &connection.Problem{Kind: connection.ConsentRequired}},
	}
	b.post(checkPage)
	b.get(checkPage).says(t, "3 checks, all well").says(t, "Works Permissions of the app Granted in Exchange for some mailboxes only: Calendars.Read Calendars.ReadWrite")
	o.calendars.checks = o.calendars.checks[:1]
	b.post(checkPage)
	b.get(checkPage).says(t, "1 check, all well").says(t, "Not shown yet: that other mailboxes are refused.")
}
