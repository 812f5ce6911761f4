// Package storetest is the conformance suite of gateway.Store: what every store
// has to do, whatever it is built on. It tests only what the interface promises;
// garbage collection, sealing and crash safety are each store's own to test.
// Only tests may import it.
package storetest

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"doorleaf/devices"
	"doorleaf/devices/refresh"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/render/mono"
)

// suite is one store under test.
type suite struct {
	*testing.T
	gateway.Store
	reopen func(t *testing.T, s gateway.Store) gateway.Store
}

// Test runs the suite. open returns a new, empty store that is closed when t
// ends; reopen closes a store and opens what it kept again.
func Test(t *testing.T, open func(t *testing.T) gateway.Store, reopen func(t *testing.T, s gateway.Store) gateway.Store) {
	tests := []struct {
		name string
		run  func(s *suite)
	}{
		{"rooms are replaced", testRooms},
		{"rooms keep what people chose", testRoomChoices},
		{"organisations are apart", testOrganisationsApart},
		{"agenda is compared and replaced", testAgenda},
		{"agenda differences are seen", testAgendaDifferences},
		{"agenda with strange content", testStrangeAgenda},
		{"agenda and cursor are one", testCursor},
		{"signs", testSigns},
		{"two signs swap rooms", testSwapRooms},
		{"removed sign leaves nothing", testRemoveSign},
		{"status follows reports", testStatus},
		{"reports are fresh once", testFreshness},
		{"what was recorded long ago is not believed", testReplays},
		{"recorded and held back reports are old", testOrder},
		{"the last boots are known", testManyBoots},
		{"a press is acted on once", testPresses},
		{"of very many presses the earliest stay old", testManyPresses},
		{"want is kept", testWant},
		{"older want is a conflict", testWantOrder},
		{"battery history is bounded", testBatteryDays},
		{"conditions keep their beginning", testConditions},
		{"places of signs", testPlaces},
		{"pictures live while needed", testPictures},
		{"objects belong to a sign", testObjects},
		{"decisions are folded", testDecisions},
		{"accounts", testAccounts},
		{"only one first account", testFirstAccount},
		{"sessions end", testSessions},
		{"site", testSite},
		{"connections", testConnections},
		{"second credential", testSpare},
		{"subscriptions", testSubscriptions},
		{"removed connection leaves its rooms", testRemoveConnection},
		{"makers", testMakers},
		{"releases and rollouts", testReleases},
		{"marks of signs", testMarks},
		{"secrets of signs are renewed", testKeys},
		{"removed sign leaves no secret", testRemovedKey},
		{"signs from a factory", testFactorySigns},
		{"server keys of signs", testPins},
		{"uploaded pictures", testAssets},
		{"uploaded pictures are bounded", testAssetBounds},
		{"token caches", testTokenCaches},
		{"secrets", testSecrets},
		{"cancelled calls keep nothing", testCancelled},
		{"concurrent wants", testConcurrentWants},
		{"concurrent reports", testConcurrentReports},
		{"everything survives reopening", testReopen},
		{"everything unknown is not found", testUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(&suite{t, open(t), reopen}) })
	}
}

// noon is the suite's instant; nothing depends on the clock.
var noon = time.Date(2031, 3, 4, 12, 0, 0, 0, time.UTC)

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) fails(what string, got, want error) {
	s.Helper()
	if !errors.Is(got, want) {
		s.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func (s *suite) equal(what string, got, want any) {
	s.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		s.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// connect makes a connection and returns its id.
func (s *suite) connect() connection.ID {
	s.Helper()
	id, err := s.SaveSettings(s.Context(), 0, connection.Settings{Cloud: connection.Global})
	s.ok(err)
	return id
}

func room(id, name string) calendar.Room {
	return calendar.Room{ID: calendar.RoomID(id), Name: name, Building: "North", Floor: "2", Capacity: 8, Zone: "Europe/Berlin", PlaceID: "place-" + id}
}

// list makes rooms the rooms of a new connection.
func (s *suite) list(rooms ...calendar.Room) {
	s.Helper()
	s.ok(s.ReplaceRooms(s.Context(), s.connect(), rooms))
}

func event(id string, start time.Time, subject string) calendar.Event {
	return calendar.Event{
		ID: id, ICalUID: "uid-" + id, SeriesID: "series", Subject: subject, OrganizerName: "Organizer", OrganizerAddress: "o@example.com",
		Start: start, End: start.Add(time.Hour), ShowAs: calendar.Busy, Sensitivity: calendar.Private, Response: calendar.Accepted,
		Created: start.Add(-24 * time.Hour), ChangeKey: "key-" + id, TransactionID: "transaction",
	}
}

func day() calendar.Window {
	return calendar.Window{From: noon.Add(-12 * time.Hour), To: noon.Add(36 * time.Hour)}
}

func hash(n byte) (h [32]byte) {
	for i := range h {
		h[i] = n
	}
	return h
}

func sign(id string) (gateway.Sign, devices.Credential) {
	sg := gateway.Sign{ID: devices.SignID(id), Name: "Door " + id, PairedAt: noon, Language: "de",
		Hardware: devices.Hardware{Model: "800x480", Serial: "S1", Firmware: "1.2", FirmwareNo: 12, Width: 800, Height: 480, AlwaysOn: true, Capabilities: 0xffffffff}}
	return sg, devices.Credential{Sign: sg.ID, PasswordHash: hash(7), ManifestKey: []byte("manifest key of 32 bytes, padded")}
}

// pair stores a sign without room and returns its id.
func (s *suite) pair(id string) devices.SignID {
	s.Helper()
	sg, c := sign(id)
	s.ok(s.AddSign(s.Context(), sg, c))
	return sg.ID
}

// picture returns a small picture of its own.
func picture(n int) *mono.Image {
	m := mono.New(32, 8)
	binary.LittleEndian.PutUint32(m.Pix, uint32(n)+1)
	return m
}

func object(n int) devices.Object {
	b := []byte{1, byte(n), byte(n >> 8)}
	return devices.Object{Hash: devices.ObjectHash(picture(n).Digest()), Bytes: b}
}

// want returns a want of two steps and a stale picture numbered from first,
// with the objects and pictures that go with it.
func want(id devices.SignID, epoch, seq uint32, first int) (gateway.Want, []devices.Object, []*mono.Image) {
	w := gateway.Want{Sign: id, Epoch: epoch, Seq: seq, Reason: gateway.Changed, At: noon, AgendaAsOf: noon.Add(-time.Minute), Partial: true,
		Stale: picture(first + 2).Digest(), NextWake: noon.Add(time.Hour), Jitter: 20 * time.Second, Body: []byte{0xa1, byte(seq)},
		PackedFor: gateway.Decoder{Width: 32, Height: 8, Capabilities: 479},
		Steps: []gateway.WantStep{
			{From: noon.Add(-time.Hour), Until: noon.Add(time.Hour), Digest: picture(first).Digest(), State: "booked", Summary: "Booked until 13:00",
				Refresh: refresh.Full, Glass: refresh.Glass{LastFull: noon, Last: noon}},
			{From: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour), Digest: picture(first + 1).Digest(), State: "free", Summary: "Free",
				Refresh: refresh.Partial, Glass: refresh.Glass{Partials: 3, Traces: 41, LastFull: noon.Add(-time.Hour), Last: noon.Add(time.Hour)}},
		}}
	return w, []devices.Object{object(first), object(first + 1), object(first + 2)},
		[]*mono.Image{picture(first), picture(first + 1), picture(first + 2)}
}

// send commits want(id, 1, seq, first).
func (s *suite) send(id devices.SignID, seq uint32, first int) {
	s.Helper()
	w, objects, pictures := want(id, 1, seq, first)
	s.ok(s.CommitWant(s.Context(), w, objects, pictures))
}

// hello is a report that shows picture n.
func hello(id devices.SignID, boot, counter uint32, n int) devices.Report {
	return devices.Report{Kind: devices.HelloReport, Sign: id, Received: noon.Add(time.Duration(counter) * time.Minute), Boot: boot, Counter: counter,
		Epoch: 1, Seq: counter, Shown: picture(n).Digest(), BatteryMillivolts: 2900, SignalDBm: -61, TemperatureC: 21, TemperatureKnown: true,
		WakeReason: devices.WakeTimer}
}

// report commits a report that has to be fresh.
func (s *suite) report(r devices.Report) {
	s.Helper()
	fresh, err := s.CommitReport(s.Context(), r)
	s.ok(err)
	if !fresh {
		s.Errorf("report %d of boot %d: got stale, want fresh", r.Counter, r.Boot)
	}
}
