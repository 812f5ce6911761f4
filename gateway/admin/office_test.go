package admin

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"sync"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/render/lang"
)

// office is an office of doors in every condition, for looking at pages.
type office struct {
	core      *fakeCore
	store     *fakeStore
	calendars *fakeCalendars
	firmware  fakeFirmware
	health    fakeHealth
	now       time.Time
}

// faces are those drawn before, by what they show: every office has the same.
var faces sync.Map

// face is the picture of a plausible sign, which nobody may change.
func face(w, h int, room, word, until, title string, booked bool) []byte {
	key := fmt.Sprint(w, h, room, word, until, title, booked)
	pic, ok := faces.Load(key)
	if !ok {
		pic, _ = faces.LoadOrStore(key, drawFace(w, h, room, word, until, title, booked))
	}
	return pic.([]byte)
}

// drawFace draws it: white, a black band when booked.
func drawFace(w, h int, room, word, until, title string, booked bool) []byte {
	ink := color.Palette{color.White, color.Black}
	img := image.NewPaletted(image.Rect(0, 0, w, h), ink)
	unit := float64(h) / 480
	fill := func(x0, y0, x1, y1 int, c uint8) {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				img.SetColorIndex(x, y, c)
			}
		}
	}
	write := func(ttf []byte, size float64, x, y int, s string, c uint8) {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(err)
		}
		drawn, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size * unit, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			panic(err)
		}
		mask := image.NewAlpha(img.Rect)
		d := font.Drawer{Dst: mask, Src: image.Opaque, Face: drawn, Dot: fixed.P(x, y)}
		if x < 0 {
			d.Dot = fixed.P(w+x, y)
			d.Dot.X -= d.MeasureString(s)
		}
		d.DrawString(s)
		for y := range h {
			for x := range w {
				if mask.AlphaAt(x, y).A > 127 {
					img.SetColorIndex(x, y, c)
				}
			}
		}
	}
	at := func(v int) int { return int(float64(v) * unit) }
	top, bottom, text := at(64), at(224), uint8(1)
	if booked {
		fill(0, top, w, bottom, 1)
		text = 0
	} else {
		fill(0, top, w, top+max(2, at(4)), 1)
		fill(0, bottom-max(2, at(4)), w, bottom, 1)
	}
	write(gobold.TTF, 40, at(24), at(46), room, 1)
	write(goregular.TTF, 28, -at(24), at(44), "Sat 21 Nov", 1)
	write(gobold.TTF, 120, at(24), at(186), word, text)
	write(gobold.TTF, 84, -at(24), at(186), until, text)
	write(gobold.TTF, 44, at(24), at(290), title, 1)
	write(goregular.TTF, 32, at(24), at(340), "Anna Schmidt", 1)
	fill(at(24), at(424), w-at(24), at(444), 1)
	fill(at(26), at(426), w-at(26), at(442), 0)
	fill(w/4, at(424), w/3, at(444), 1)
	fill(w/2, at(424), w*3/4, at(444), 1)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func newOffice(now time.Time) *office {
	o := &office{
		core:  &fakeCore{pictures: map[devices.Digest][]byte{}, watch: make(chan struct{}, 1)},
		store: newFakeStore(), calendars: &fakeCalendars{problems: map[calendar.RoomID]connection.Problem{}}, now: now,
	}
	o.store.site.Zone = "Europe/Helsinki"
	o.store.signs = o.core.signs
	for i, r := range []calendar.Room{
		{Name: "Aalto 2.14", Building: "Head office", Floor: "2", Capacity: 8}, {Name: "Saarinen 2.20", Building: "Head office", Floor: "2", Capacity: 14},
		{Name: "Library", Building: "Head office", Floor: "1", Capacity: 4}, {Name: "Board room", Building: "Head office", Floor: "5", Capacity: 22},
		{Name: "Werkstatt", Building: "Berlin", Floor: "EG", Capacity: 6, Zone: "Europe/Berlin"}, {Name: "Spree", Building: "Berlin", Floor: "3", Capacity: 10, Zone: "Europe/Berlin"},
		{Name: "Havel", Building: "Berlin", Floor: "3", Capacity: 4, Zone: "Europe/Berlin"}, {Name: "Wirtschaftsprüfungsgesellschaftszimmer", Building: "Berlin", Floor: "3", Capacity: 4, Zone: "Europe/Berlin"},
		{Name: "Old lab", Building: "Berlin", Floor: "1", Gone: true}, {Name: "Focus 1", Building: "Head office", Floor: "1", Capacity: 1},
	} {
		r.ID = calendar.NewRoomID(fmt.Sprintf("room%d@contoso.example", i))
		o.store.rooms = append(o.store.rooms, r)
	}
	o.calendars.problems["room7@contoso.example"] = connection.Problem{Kind: connection.AccessDenied, Code: "ErrorAccessDenied", Since: now.Add(-time.Hour)}
	o.addDoors()
	o.core.joinings = []devices.Joining{{Nonce: "n", Code: "K7F39Q2M", Hardware: devices.Hardware{Model: "400x300", Serial: "DL-4200-A41C", Width: 400, Height: 300},
		Address: "10.1.7.33", Since: now.Add(-2 * time.Minute), Expires: now.Add(8 * time.Minute), BatteryMillivolts: 2980, SignalDBm: -58}}
	o.store.conns[1] = connection.Connection{ID: 1,
		Settings: connection.Settings{Cloud: connection.Global, Tenant: "contoso.example", ClientID: "0a1b2c3d-1111-2222-3333-444455556666", ClientSecret: "very~secret~value"},
		State: connection.State{Mode: connection.Delegated, TenantID: "9f8e7d6c-0000-1111-2222-333344445555", Account: "facility@contoso.example",
			ConnectedAt: now.Add(-26 * time.Hour), CheckedAt: now.Add(-20 * time.Second), Lost: []connection.Permission{connection.CalendarsRead}}}
	o.calendars.checks = []connection.Check{{Name: "token", OK: true}, {Name: "rights", Excess: []connection.Permission{"Mail.Read"}, OK: true}, {Name: "places", OK: true}, {Name: "calendar", Room: "room0@contoso.example", OK: true},
		{Name: "calendar", Room: "room7@contoso.example", Problem: &connection.Problem{Kind: connection.AccessDenied, Code: "ErrorAccessDenied"}}}
	o.fillOffice365()
	for i, r := range []gateway.Reason{gateway.NothingToDo, gateway.Changed, gateway.NothingToDo, gateway.DigestMismatch, gateway.TimelineStep, gateway.First} {
		o.store.decisions = append(o.store.decisions, gateway.Decision{At: now.Add(-time.Duration(i*i*11) * time.Minute), Reason: r, Epoch: 1, Seq: uint32(9 - i), Shows: digestOf([]byte{byte(i / 2)}), Count: 1 + i%3*4})
	}
	return o
}

func (o *office) addDoors() {
	now := o.now
	for i, d := range []struct {
		trust  gateway.Trust
		w, h   int
		room   int
		word   string
		until  string
		title  string
		booked bool
	}{
		{gateway.Wrong, 800, 480, 0, "Booked", "12:30", "Quarterly planning", true},
		{gateway.Late, 400, 300, 1, "Free", "13:00", "Architecture round", false},
		{gateway.Right, 800, 480, 2, "Free", "13:00", "Book club", false},
		{gateway.Right, 1304, 984, 3, "Booked", "15:00", "Board meeting", true},
		{gateway.Sleeping, 296, 128, 4, "Booked", "12:30", "Sprint review", true},
		{gateway.Pending, 648, 480, 5, "Booked", "14:00", "Private meeting", true},
		{gateway.Right, 880, 528, 6, "Free", "16:30", "1:1", false},
		{gateway.Unknown, 250, 122, -1, "", "", "", false},
	} {
		v := gateway.DoorView{Trust: d.trust, Zone: o.store.site.Location(), Connected: i%2 == 0}
		v.Sign = gateway.Sign{ID: devices.SignID(fmt.Sprintf("%s%d", "abcdefghijklmno", 2+i%6)), PairedAt: now.Add(-72 * time.Hour),
			Hardware: devices.Hardware{Model: fmt.Sprintf("%dx%d", d.w, d.h), Serial: fmt.Sprintf("DL-%04d", 1000+i), Firmware: "1.4.2", Width: d.w, Height: d.h, AlwaysOn: i%2 == 0}}
		v.Sign.ID = devices.SignID(fmt.Sprintf("abcdefghijklmn%c%d", 'a'+i, 2+i%6))
		v.Status = gateway.Status{Sign: v.Sign.ID, LastSeen: now.Add(-7 * time.Minute), ShownAt: now.Add(-41 * time.Minute), SignalDBm: -55 - 6*i, BatteryMillivolts: 2950 - 40*i}
		if d.room >= 0 {
			v.Room = o.store.rooms[d.room]
			v.Sign.Room, v.Sign.Name = v.Room.ID, v.Room.Name
			v.AgendaAsOf = now.Add(-25 * time.Second)
			pic := face(d.w, d.h, v.Room.Name, d.word, d.until, d.title, d.booked)
			v.Believed, v.Drawn = digestOf(pic), true
			o.core.pictures[v.Believed] = pic
			summary := fmt.Sprintf("%s, %s until %s, %s, Anna Schmidt; next 14:30 Private meeting.", v.Room.Name, d.word, d.until, d.title)
			step := gateway.WantStep{From: now.Add(-time.Hour), Until: now.Add(time.Hour), Digest: v.Believed, State: "booked", Summary: summary}
			v.Want = &gateway.Want{Sign: v.Sign.ID, Epoch: 1, Seq: 9, Reason: gateway.Changed, At: now.Add(-41 * time.Minute), Steps: []gateway.WantStep{step}}
			if d.trust == gateway.Wrong || d.trust == gateway.Pending {
				other := face(d.w, d.h, v.Room.Name, "Free", "13:00", "Team sync", false)
				o.core.pictures[digestOf(other)] = other
				v.Want.Steps = append(v.Want.Steps, gateway.WantStep{Digest: digestOf(other), State: "free", Summary: v.Room.Name + ", Free until 13:00."})
				v.ExpectedStep = &v.Want.Steps[1]
			} else {
				v.ExpectedStep = &v.Want.Steps[0]
			}
		} else {
			v.Sign.Name = "Sign n47k"
			v.Status = gateway.Status{}
		}
		if !v.Sign.Hardware.AlwaysOn {
			v.NextContact = now.Add(11 * time.Minute)
			if d.trust == gateway.Late {
				v.NextContact = now.Add(-34 * time.Minute)
			}
		}
		v.Chain = fakeChain(v, now)
		o.core.doors = append(o.core.doors, v)
	}
}

func fakeChain(v gateway.DoorView, now time.Time) [5]gateway.ChainLink {
	c := [5]gateway.ChainLink{
		{Name: "calendar", State: gateway.LinkOK, At: now.Add(-25 * time.Second), Key: "chain.calendar.read", Args: []any{now.Add(-25 * time.Second)}},
		{Name: "decision", State: gateway.LinkOK, At: now.Add(-41 * time.Minute), Key: "chain.decision.shows", Args: []any{"Booked until 12:30, Quarterly planning", "changed"}},
		{Name: "picture", State: gateway.LinkOK, At: now.Add(-41 * time.Minute), Key: "chain.picture.drawn", Args: []any{7, 1, 9}},
		{Name: "delivery", State: gateway.LinkOK, At: now.Add(-7 * time.Minute), Key: "chain.delivery.done", Args: []any{now.Add(-7 * time.Minute)}},
		{Name: "glass", State: gateway.LinkOK, At: now.Add(-41 * time.Minute), Key: "chain.glass.confirmed", Args: []any{now.Add(-41 * time.Minute), "8f3a1c07"}},
	}
	switch v.Trust {
	case gateway.Wrong:
		c[4] = gateway.ChainLink{Name: "glass", State: gateway.LinkBad, At: now.Add(-time.Minute), Key: "chain.glass.wrong", Args: []any{"8f3a1c07"}}
	case gateway.Late:
		c[3] = gateway.ChainLink{Name: "delivery", State: gateway.LinkBad, At: v.Status.LastSeen, Key: "chain.delivery.late", Args: []any{v.NextContact}}
		c[4].State, c[4].Key = gateway.LinkWait, "chain.glass.old"
	case gateway.Unknown:
		c[0] = gateway.ChainLink{Name: "calendar", State: gateway.LinkUnknown, Key: "chain.calendar.no-room"}
		c[3] = gateway.ChainLink{Name: "delivery", State: gateway.LinkWait, Key: "chain.delivery.never"}
		c[4] = gateway.ChainLink{Name: "glass", State: gateway.LinkUnknown, Key: "chain.glass.never"}
	}
	return c
}

// catalogue is read once for all tests; nobody changes it.
var catalogue = sync.OnceValues(lang.Load)

func texts(t testing.TB) *lang.Catalogue {
	t.Helper()
	c, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (o *office) options(c *lang.Catalogue, publicURL string) Options {
	return Options{Core: o.core, Calendars: o.calendars, Firmware: &o.firmware, Health: &o.health, Lists: fakeLists{o.core}, Store: o.store, Catalogue: c, Logger: slog.New(slog.DiscardHandler),
		PublicURL: publicURL, Version: "1.0", SetupToken: "one-time",
		MQTT: MQTTInfo{URLs: []string{"mqtts://gateway.contoso.example:8883"}, CAFingerprint: "3f6d0c9e5b7a4d1288f0e6c2b1a49d775f3e0c8a9b6d4e2f1a0c8b7d6e5f4a3b", CAPEM: []byte("-----BEGIN CERTIFICATE-----\n")}}
}

// fillOffice365 gives the connection things that end, numbers, lists and
// calendars with everything that the doctor finds.
func (o *office) fillOffice365() {
	now := o.now
	o.calendars.store = o.store
	o.calendars.lifetimes = []connection.Lifetime{
		{What: connection.LifeSecret, Ends: now.Add(20*24*time.Hour + time.Hour), Count: 1},
		{What: connection.LifeCertificate, Label: "CN=Doorleaf", Ends: now.Add(729 * 24 * time.Hour), Spare: true, Count: 1},
		{What: connection.LifeRefreshToken, Ends: now.Add(89 * 24 * time.Hour), Auto: true, Count: 1},
		{What: connection.LifeSubscription, Ends: now.Add(31 * time.Hour), Auto: true, Count: 10},
		{What: connection.LifeTLS, Label: "CN=signs.contoso.example", Ends: now.Add(-50 * time.Hour), Count: 1},
	}
	o.calendars.counters = map[string]uint64{"requests": 18234, "malformed_answers": 1, "truth_reads": 912, "delta_polls": 16120, "delta_rounds": 402, "failures_throttled": 3, "failures_access-denied": 41}
	o.calendars.lists = []connection.RoomList{{Name: "Head office", Address: "hq@contoso.example", Rooms: []string{"room0@contoso.example", "Room1@contoso.example"}}}
	o.store.agendas = map[calendar.RoomID]calendar.Agenda{}
	for i := range o.store.rooms {
		r := &o.store.rooms[i]
		r.Source = 1
		a := calendar.Agenda{Room: *r, AsOf: now.Add(-30 * time.Second)}
		for n := range 6 {
			start := now.Truncate(time.Hour).Add(time.Duration(n) * time.Hour)
			e := calendar.Event{ID: fmt.Sprint(n), Subject: "Plan", OrganizerName: "Anna Schmidt", OrganizerAddress: "anna@contoso.example", Start: start, End: start.Add(time.Hour),
				ShowAs: calendar.Busy, Response: calendar.Accepted, Created: now.Add(-time.Duration(n) * time.Hour)}
			switch i {
			case 0, 1, 4:
				e.Subject = "Anna Schmidt"
			case 2:
				e.Cancelled = n%2 == 0
			case 3:
				e.Response, e.ShowAs = calendar.TentativelyAccepted, calendar.Tentative
			}
			a.Events = append(a.Events, e)
		}
		o.store.agendas[r.ID] = a
	}
	o.store.rooms[0].Features = []string{"Surface Hub", "whiteboard"}
	o.store.rooms[8].PlaceID, o.store.rooms[9].PlaceID = "p", "p"
	desk := calendar.Room{ID: "anna@contoso.example", Name: "Anna Schmidt", Source: 1, Kind: calendar.PersonalMailbox}
	o.store.rooms = append(o.store.rooms, desk)
}
