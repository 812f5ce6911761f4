package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

const firstDoor = "/m/doors/abcdefghijklmna2" // Wrong, 800x480

func TestPicturesAreTheGlass(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	d := o.core.doors[0]
	for _, tc := range []struct {
		which  string
		digest devices.Digest
	}{{"glass", d.Believed}, {"wanted", d.ExpectedStep.Digest}} {
		t.Run(tc.which, func(t *testing.T) {
			got := b.get(firstDoor+"/"+tc.which+".png").want(t, http.StatusOK, "")
			if !bytes.Equal([]byte(got.body), o.core.pictures[tc.digest]) {
				t.Error("the PNG is not the core's, byte for byte")
			}
			if got.Header.Get("Content-Type") != "image/png" || got.Header.Get("Content-Disposition") != "" {
				t.Errorf("headers = %v", got.Header)
			}
			tag := got.Header.Get("ETag")
			if tag != `"`+hex.EncodeToString(tc.digest[:])+`"` {
				t.Errorf("ETag = %s", tag)
			}
			b.header.Set("If-None-Match", tag)
			if again := b.get(firstDoor + "/" + tc.which + ".png"); again.StatusCode != http.StatusNotModified || again.body != "" {
				t.Errorf("unchanged picture = %d", again.StatusCode)
			}
			b.header.Del("If-None-Match")
			got = b.get(firstDoor + "/" + tc.which + ".png?download=1")
			if !strings.HasPrefix(got.Header.Get("Content-Disposition"), `attachment; filename="`+tc.which+`-`) {
				t.Errorf("download is %q", got.Header.Get("Content-Disposition"))
			}
		})
	}
	b.get("/m/doors/abcdefghijklmnh3/glass.png").want(t, http.StatusNotFound, "")
}

func TestDoorPage(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	d := o.core.doors[0]
	got := b.get(firstDoor).want(t, http.StatusOK, "")
	got.says(t, "Wrong picture").says(t, "On the glass").says(t, "Should be on the glass").
		says(t, hex.EncodeToString(d.Believed[:])).says(t, hex.EncodeToString(d.Believed[:4])).
		says(t, "The sign says Aalto 2.14, Booked until 12:30").says(t, "It should say Aalto 2.14, Free until 13:00.").
		says(t, "The sign reports picture 8f3a1c07, which is the wrong one.").says(t, "Wrong picture on the glass, sent again").says(t, "5 times")
	for _, want := range []string{`width="800" height="480"`, `alt="Aalto 2.14, Booked until 12:30`, `hop hop--open`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if n := strings.Count(got.body, `class="hop`); n != 5 {
		t.Errorf("the chain has %d links", n)
	}
	same := b.get("/m/doors/abcdefghijklmnc4")
	if strings.Contains(plain(same.body), "All times in") {
		t.Error("a door in the site's zone names its zone")
	}
	tokyo := time.FixedZone("Asia/Tokyo", 9*3600)
	o.core.doors[2].Zone = tokyo
	b.get("/m/doors/abcdefghijklmnc4").says(t, "All times in Asia/Tokyo").says(t, d.Status.ShownAt.In(tokyo).Format("15:04"))
	if strings.Contains(plain(same.body), "Should be on the glass") {
		t.Error("a door that agrees shows two pictures")
	}
	b.get("/m/doors/zzzzzzzzzzzzzzzz").want(t, http.StatusNotFound, "").says(t, "does not exist")
}

func TestDoorPageNamesCauseAndCure(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	d := &o.core.doors[0]
	d.Trust = gateway.Stale
	d.Chain[0] = gateway.ChainLink{Name: "calendar", State: gateway.LinkBad, At: o.now.Add(-time.Hour), Key: "chain.calendar.stale", Args: []any{o.now.Add(-time.Hour)}}
	b.get(firstDoor).says(t, "too long ago to trust. See the connection")

	o.calendars.problems[d.Sign.Room] = connection.Problem{Kind: connection.NotFound, Code: "ErrorItemNotFound"}
	b.get(firstDoor).says(t, "Microsoft does not know this room or mailbox.").says(t, "ErrorItemNotFound")

	c := o.store.conns[1]
	c.State.Problem = &connection.Problem{Kind: connection.SecretExpired, Code: "AADSTS7000222", Since: o.now}
	o.store.conns[1] = c
	b.get(firstDoor).says(t, "The Client Secret has expired.")

	got := b.get("/m/doors/abcdefghijklmnh3").says(t, "No room is chosen")
	if !strings.Contains(got.body, `href="#room"`) {
		t.Error("the page of a sign without a room does not lead to the choice")
	}
}

func TestDoorActions(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.post(firstDoor+"/bind", "room", "Room2@contoso.example").want(t, http.StatusSeeOther, firstDoor)
	if got := o.core.doors[0].Sign.Room; got != "room2@contoso.example" {
		t.Errorf("room = %q", got)
	}
	b.get(firstDoor).says(t, "Room chosen.")
	b.post(firstDoor+"/bind", "room", "").want(t, http.StatusSeeOther, firstDoor)
	b.post(firstDoor+"/rename", "name", "  Lobby ").want(t, http.StatusSeeOther, firstDoor)
	if got := o.core.doors[0].Sign.Name; got != "Lobby" {
		t.Errorf("name = %q", got)
	}
	for _, bad := range []string{"", "   ", strings.Repeat("ä", 81)} {
		b.post(firstDoor+"/rename", "name", bad).want(t, http.StatusUnprocessableEntity, "").says(t, "at most 80 characters")
	}
	b.post(firstDoor+"/refresh").want(t, http.StatusSeeOther, firstDoor)
	b.get(firstDoor+"/unpair").want(t, http.StatusOK, "").says(t, "Unpair “Lobby”?")
	if len(o.core.doors) != 8 {
		t.Fatal("asking unpaired the sign")
	}
	b.post(firstDoor+"/unpair").want(t, http.StatusSeeOther, "/m/doors")
	b.get("/m/doors").says(t, "Unpaired.")
	b.get(firstDoor).want(t, http.StatusNotFound, "")
	b.post(firstDoor+"/refresh").want(t, http.StatusNotFound, "")
}

func TestDoorFilters(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for _, tc := range []struct {
		query string
		want  int
	}{
		{"", 8}, {"?state=attention", 2}, {"?state=late", 1}, {"?state=nonsense", 0}, {"?building=Berlin", 3},
		{"?state=right&building=Berlin", 1}, {"?q=aalto", 1}, {"?q=LIBRARY", 1}, {"?q=abcdefghijklmnh", 1}, {"?q=nowhere", 0},
	} {
		got := b.get("/m/doors"+tc.query).want(t, http.StatusOK, "")
		if n := strings.Count(got.body, `class="door"`); n != tc.want {
			t.Errorf("%s shows %d doors, want %d", tc.query, n, tc.want)
		}
	}
}

func TestOverviewSaysWhatNeedsSomebody(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get("/m").says(t, "Client secret ends").says(t, "Certificate of this server has ended")
	o.calendars.lifetimes = nil
	b.get("/m").says(t, "2 doors need you").says(t, "1 sign waits to be paired").says(t, "Paired, but no room is chosen yet.")

	c := o.store.conns[1]
	c.State.Problem = &connection.Problem{Kind: connection.SecretExpired, Code: "AADSTS7000222", Since: o.now}
	o.store.conns[1] = c
	for i := range o.core.doors {
		if o.core.doors[i].Sign.Room != "" {
			o.core.doors[i].Trust = gateway.Stale
		}
	}
	got := b.get("/m").says(t, "Office 365 cannot be read").says(t, "The Client Secret has expired").says(t, "AADSTS7000222")
	if n := strings.Count(got.body, `class="need"`); n != 3 {
		t.Errorf("%d items: doors behind one broken connection must be one, beside a sign without room and one to pair", n)
	}

	for i := range o.core.doors {
		if o.core.doors[i].Sign.Room != "" {
			o.core.doors[i].Trust = gateway.Right
		}
	}
	c.State.Problem = nil
	b.get("/m").says(t, "1 door has not called yet")
	for i := range o.core.doors {
		o.core.doors[i].Trust = gateway.Right
	}
	o.store.conns[1] = c
	b.get("/m").says(t, "All 8 doors are fine")
}

func TestPair(t *testing.T) {
	for _, tc := range []struct {
		name, code string
		err        error
		status     int
		says       string
	}{
		{"as shown", "K7F39Q2M", nil, http.StatusSeeOther, ""},
		{"as typed", " k7f3-9q2m ", nil, http.StatusSeeOther, ""},
		{"with blanks", "K7F3 9Q 2M", nil, http.StatusSeeOther, ""},
		{"too short", "K7F3", nil, http.StatusUnprocessableEntity, "A code has eight characters"},
		{"empty", "", nil, http.StatusUnprocessableEntity, "A code has eight characters"},
		{"of nobody", "AAAAAAAA", nil, http.StatusUnprocessableEntity, "No waiting sign shows this code"},
		{"guessed", "K7F39Q2M", gateway.ErrTooMany, http.StatusTooManyRequests, "Too many wrong codes"},
		{"sign went away", "K7F39Q2M", devices.ErrNotConnected, http.StatusConflict, "not connected any more"},
		{"store fails", "K7F39Q2M", errors.New("disk"), http.StatusInternalServerError, "fault of its own"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOffice(time.Now())
			o.core.pairErr = tc.err
			b := open(t, o).enter(o)
			got := b.post("/m/pair", "code", tc.code, "room", "room9@contoso.example", "name", "Focus")
			if got.StatusCode != tc.status {
				t.Fatalf("status = %d, want %d", got.StatusCode, tc.status)
			}
			if tc.status == http.StatusSeeOther {
				last := o.core.doors[len(o.core.doors)-1].Sign
				if got.Header.Get("Location") != "/m/doors/pppppppppppppppp" || last.Room != "room9@contoso.example" || last.Name != "Focus" {
					t.Errorf("paired %+v, leads to %s", last, got.Header.Get("Location"))
				}
				return
			}
			got.says(t, tc.says)
		})
	}
}

func TestPairPageHidesCodes(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	got := b.get("/m/pair").want(t, http.StatusOK, "").says(t, "DL-4200-A41C").says(t, "10.1.7.33")
	if strings.Contains(got.body, "K7F3") {
		t.Error("the page tells the code of a waiting sign")
	}
	free, taken := strings.Index(got.body, "Without a sign"), strings.Index(got.body, "Already on a sign")
	if free < 0 || taken < free {
		t.Error("rooms without a sign do not come first")
	}
	if strings.Contains(got.body, "Old lab") {
		t.Error("a room that is gone can be chosen")
	}
	if got := b.get("/m/pair?c=k7f39q2m"); !strings.Contains(got.body, `value="K7F39Q2M"`) {
		t.Error("the code of the address is not filled in")
	}
}

func TestRoomZone(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.post("/m/rooms/zone", "room", "room0@contoso.example", "zone", "Asia/Tokyo").want(t, http.StatusSeeOther, "/m/rooms/room?id=room0%40contoso.example")
	if o.store.rooms[0].Zone != "Asia/Tokyo" || o.core.writes != 1 {
		t.Errorf("zone = %q, signs planned again %d times", o.store.rooms[0].Zone, o.core.writes)
	}
	b.post("/m/rooms/zone", "room", "room0@contoso.example", "zone", "../../etc/passwd").want(t, http.StatusUnprocessableEntity, "").says(t, "time zone is unknown")
	b.post("/m/rooms/zone", "room", "room0@contoso.example", "zone", "").want(t, http.StatusSeeOther, "/m/rooms/room?id=room0%40contoso.example")
	b.get("/m/rooms").says(t, "Microsoft refuses to open the calendar").says(t, "No longer under this address. It is room9@contoso.example now.")
}

func TestSite(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	good := []string{"zone", "Asia/Tokyo", "language", "de", "day-start", "07:30", "day-end", "19:00", "soon", "10", "check-in", "20"}
	b.post("/m/settings/site", good...).want(t, http.StatusSeeOther, "/m/settings/site")
	want := gateway.DefaultSite()
	want.Zone, want.Language, want.DayStart, want.DayEnd, want.SoonLimit, want.CheckIn = "Asia/Tokyo", "de", 450, 1140, 10*time.Minute, 20*time.Minute
	if !reflect.DeepEqual(o.store.site, want) || o.core.writes != 1 {
		t.Errorf("site = %+v, want %+v", o.store.site, want)
	}
	for _, tc := range []struct{ name, field, value string }{
		{"zone", "zone", "Moon"}, {"language", "language", "tlh"}, {"start after end", "day-start", "20:00"}, {"no clock", "day-end", "late"},
		{"soon", "soon", "61"}, {"no number", "soon", "ten"}, {"check-in", "check-in", "0"}, {"rare check-in", "check-in", "1441"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b.post("/m/settings/site", append(append([]string{}, good...), tc.field, tc.value)...).want(t, http.StatusUnprocessableEntity, "").says(t, "Nothing was saved yet")
			if !reflect.DeepEqual(o.store.site, want) {
				t.Error("a bad value was stored")
			}
		})
	}
	b.post("/m/settings/site", append(append([]string{}, good...), "day-start", "00:00", "day-end", "00:00")...).want(t, http.StatusSeeOther, "/m/settings/site")
	if o.store.site.DayStart != 0 || o.store.site.DayEnd != 1440 {
		t.Errorf("a whole day = %d-%d", o.store.site.DayStart, o.store.site.DayEnd)
	}
}

func TestEvents(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // far longer than it takes on a slow machine
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base.String()+"/m/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("type = %q", got)
	}
	lines := bufio.NewScanner(res.Body)
	expect := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}
	expect("event: hello")
	o.core.watch <- struct{}{}
	expect("event: change")
	cancel()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the stream survived its request")
	}
}

func TestAssets(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o)
	a, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	for name, limit := range map[string]int{"admin.css": 40 << 10, "admin.js": 10 << 10, "icons.svg": 10 << 10, "favicon.svg": 1 << 10} {
		got := b.get(a.url(name)).want(t, http.StatusOK, "")
		if len(got.body) > limit {
			t.Errorf("%s has %d bytes, more than %d", name, len(got.body), limit)
		}
		if cc := got.Header.Get("Cache-Control"); !strings.Contains(cc, "immutable") {
			t.Errorf("%s: Cache-Control = %q", name, cc)
		}
	}
	b.get("/m/assets/0000000000000000/admin.css").want(t, http.StatusNotFound, "")
}

// Every icon a page names is in the sprite.
func TestIconsExist(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	a, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	sprite := string(a.files["icons.svg"].body)
	for _, r := range routesOf(t) {
		if r.method != http.MethodGet || r.path == "/m/events" {
			continue
		}
		for _, part := range strings.Split(b.get(r.path).body, "icons.svg#")[1:] {
			if name, _, _ := strings.Cut(part, `"`); !strings.Contains(sprite, `id="`+name+`"`) {
				t.Errorf("%s names icon %q", r.path, name)
			}
		}
	}
}

func TestStoreFaultIsAPage(t *testing.T) {
	o := newOffice(time.Now())
	o.core.err = errors.New("disk on fire: secret detail")
	b := open(t, o).enter(o)
	got := b.get("/m/doors").want(t, http.StatusInternalServerError, "").says(t, "fault of its own")
	if strings.Contains(got.body, "secret detail") {
		t.Error("the page shows an inner error")
	}
}

func TestNewRefusesHalfOptions(t *testing.T) {
	o := newOffice(time.Now())
	for name, spoil := range map[string]func(*Options){
		"no core": func(x *Options) { x.Core = nil }, "no store": func(x *Options) { x.Store = nil }, "no texts": func(x *Options) { x.Catalogue = nil },
		"no URL": func(x *Options) { x.PublicURL = "" }, "path in URL": func(x *Options) { x.PublicURL = "https://signs.example/m" }, "odd scheme": func(x *Options) { x.PublicURL = "ftp://signs.example" },
	} {
		t.Run(name, func(t *testing.T) {
			options := o.options(texts(t), "https://signs.example")
			spoil(&options)
			if _, err := New(options); err == nil {
				t.Error("New accepted it")
			}
		})
	}
}
