package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/sqlite"
	"doorleaf/graphsync/graphtest"
	"doorleaf/render/mono"
)

// killOffice is a tenant with one room.
type killOffice struct {
	graph  *graphtest.Server
	app    graphtest.App
	caFile string
}

const killRoom = "room1@practice.example"

// maxPoints bounds the enumeration; far fewer exist.
const maxPoints = 200

func newKillOffice(t *testing.T) *killOffice {
	t.Helper()
	graph, err := graphtest.New(graphtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { graph.Close() })
	graph.AddRoom(graphtest.Room{Email: killRoom, Name: "Room 1", Capacity: 4})
	o := &killOffice{graph: graph, caFile: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(o.caFile, graph.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	o.app = graph.RegisterApp(graphtest.AppRegistration{Name: "Doorleaf", RedirectURIs: []string{"http://localhost:1/m"},
		Application: []string{"Place.Read.All", "Calendars.Read"}})
	if err := graph.Consent(o.app.ClientID); err != nil {
		t.Fatal(err)
	}
	return o
}

// killCase is one gateway with one sign.
type killCase struct {
	t         *testing.T
	office    *killOffice
	dir       string
	room      calendar.RoomID
	web, mqtt string
	sign      *simsign.Sign
}

func beginKillCase(t *testing.T) *killCase {
	t.Helper()
	k := &killCase{t: t, office: newKillOffice(t), dir: t.TempDir(), room: killRoom, web: freeAddress(t), mqtt: freeAddress(t)}
	k.prepare()
	return k
}

// config is what serve gets, as flags.
func (k *killCase) flags() []string {
	return []string{"-data", filepath.Join(k.dir, "gateway"), "-listen", k.web, "-mqtt-listen", "mqtt://" + k.mqtt,
		"-login-url", k.office.graph.LoginURL(), "-graph-url", k.office.graph.GraphURL(), "-ca-file", k.office.caFile, "-poll-interval", "1s"}
}

// prepare connects the gateway to the tenant and pairs a sign, in this process.
func (k *killCase) prepare() {
	t := k.t
	conf, err := readConfig("serve", k.flags(), nil, stdio{err: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	h, err := openHouse(ctx, conf, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- h.run(ctx) }()
	defer func() {
		cancel()
		<-ended
		h.close()
	}()
	id, err := h.store.SaveSettings(ctx, 0, connection.Settings{Cloud: connection.Custom, LoginURL: k.office.graph.LoginURL(), GraphURL: k.office.graph.GraphURL(),
		Tenant: k.office.graph.TenantID(), ClientID: k.office.app.ClientID, ClientSecret: k.office.app.Secret})
	if err == nil {
		err = h.store.SaveState(ctx, id, connection.State{Mode: connection.AppOnly, TenantID: k.office.graph.TenantID()})
	}
	if err == nil {
		err = h.calendars.RefreshRooms(ctx, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	k.startSign(ctx)
	k.within("pairing", func() bool { return len(h.core.Joinings(ctx)) == 1 })
	sign, err := h.core.Pair(ctx, h.core.Joinings(ctx)[0].Code, "", k.room)
	if err != nil {
		t.Fatal(err)
	}
	var v gateway.DoorView
	defer func() {
		if t.Failed() {
			t.Logf("trust %s, room read %v, want %+v, status %+v, link %+v", v.Trust, v.AgendaAsOf, v.Want, v.Status, h.link.Stats())
		}
	}()
	k.within("first picture", func() bool {
		var err error
		v, err = h.core.Door(ctx, sign)
		return err == nil && v.Trust == gateway.Right && !v.Want.Partial && v.ExpectedStep != nil && v.ExpectedStep.State == "free"
	})
}

// startSign switches the sign on with the state it has; it ends with ctx.
func (k *killCase) startSign(ctx context.Context) {
	k.t.Helper()
	folder := filepath.Join(k.dir, "sign")
	storage, err := simsign.Directory(folder)
	if err != nil {
		k.t.Fatal(err)
	}
	sign, err := simsign.New(simsign.Options{Gateway: "mqtt://" + k.mqtt, Panel: devices.PanelBySize(296, 128), Serial: "S1", AlwaysOn: true,
		Storage: storage, MaxRetry: 500 * time.Millisecond})
	if err != nil {
		k.t.Fatal(err)
	}
	k.sign = sign
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := sign.Run(ctx); err != nil && ctx.Err() == nil {
			k.t.Errorf("sign: %v", err)
		}
	}()
	k.t.Cleanup(func() { <-done })
}

func (k *killCase) within(what string, ok func() bool) {
	k.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			k.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// patience is how long a test waits for something that must happen; CI machines
// are slow.
const patience = 60 * time.Second

// book changes the calendar: a meeting that is on now.
func (k *killCase) book() {
	now := time.Now().Truncate(time.Minute)
	k.office.graph.Calendar(string(k.room)).Create(graphtest.Event{Subject: "Changed", Start: now, End: now.Add(2 * time.Hour)})
}

// verify starts a gateway that nobody kills and checks that everything
// converges and nothing is lost or doubled.
func (k *killCase) verify(before *mono.Image) {
	k.t.Helper()
	var problem error
	for range 5 {
		c := startChild(k.t, "kill:0:-", nil, append([]string{"serve"}, k.flags()...)...)
		k.within("the glass shows the change", func() bool { return !k.sign.Glass().Equal(before) })
		c.waitFor("a report of the sign", 0, func(l string) bool { return strings.Contains(l, "after-commit:commit report") })
		if problem = k.compare(c, k.sign.ID()); problem == nil {
			return
		}
	}
	k.t.Error(problem)
}

// compare stops the gateway and checks its database against sign and calendar.
func (k *killCase) compare(c *child, id devices.SignID) error {
	c.kill()
	key, err := sqlite.LoadKey(filepath.Join(k.dir, "gateway", "master.key"))
	if err != nil {
		return err
	}
	store, err := sqlite.Open(k.t.Context(), sqlite.Options{Path: filepath.Join(k.dir, "gateway", "doorleaf.db"), Key: key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer store.Close()
	ctx := k.t.Context()
	signs, err := store.Signs(ctx)
	if err != nil || len(signs) != 1 || signs[0].ID != id || signs[0].Room != k.room {
		return fmt.Errorf("signs %+v, %v: want one, bound to %s", signs, err, k.room)
	}
	status, err := store.Status(ctx, id)
	if err != nil {
		return err
	}
	want, err := store.Want(ctx, id)
	if err != nil {
		return err
	}
	if glass := k.sign.Glass().Digest(); status.Shown != glass || status.Seq != want.Seq || status.Epoch != want.Epoch {
		return fmt.Errorf("stored: shown %x in (%d,%d) of (%d,%d); on the glass %x", status.Shown[:4], status.Epoch, status.Seq, want.Epoch, want.Seq, glass[:4])
	}
	a, err := store.Agenda(ctx, k.room)
	if err != nil {
		return err
	}
	if truth := k.office.graph.Truth(string(k.room), time.Now().Add(-time.Hour), time.Now().Add(3*time.Hour)); len(a.Events) != len(truth) || len(truth) != 1 {
		return fmt.Errorf("%d events stored, %d in the calendar", len(a.Events), len(truth))
	}
	for _, s := range want.Steps {
		if now := time.Now(); !now.Before(s.From) && now.Before(s.Until) && (s.State != "booked" || s.Digest != status.Shown) {
			return errors.New("the stored step of now is not what is shown")
		}
	}
	return nil
}

// TestKilledAtEveryPoint kills the gateway at every commit and every network
// write between a change of the calendar and its acknowledgement, one after the
// other, and at random moments.
func TestKilledAtEveryPoint(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a gateway per commit and network write")
	}
	t.Parallel()
	const lanes = 4
	last := make([]int, lanes) // first point that did not exist, per lane
	t.Run("points", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprintf("lane %d", lane), func(t *testing.T) {
				t.Parallel()
				for at := lane + 1; at < maxPoints; at += lanes {
					killed := false
					t.Run(fmt.Sprintf("point %d", at), func(t *testing.T) { killed = killAt(t, at) })
					if last[lane] = at; !killed || t.Failed() {
						return
					}
				}
			})
		}
	})
	points := min(last[0], last[1], last[2], last[3]) - 1
	t.Logf("killed at %d points", points)
	if points < 8 {
		t.Errorf("only %d commits and network writes were found between change and acknowledgement", points)
	}
	t.Run("moments", func(t *testing.T) {
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				k := beginKillCase(t)
				before := k.resume()
				c := startChild(t, "1", nil, append([]string{"serve"}, k.flags()...)...)
				c.waitFor("start", 0, func(l string) bool { return strings.Contains(l, "listening") })
				k.book()
				time.Sleep(time.Duration(rand.IntN(1800)) * time.Millisecond)
				c.kill()
				k.verify(before)
			})
		}
	})
}

// resume switches the sign on again and returns what it shows.
func (k *killCase) resume() *mono.Image {
	ctx, cancel := context.WithCancel(context.Background())
	k.startSign(ctx)
	k.t.Cleanup(cancel)
	return k.sign.Glass()
}

// killAt runs one case; it reports whether the point existed.
func killAt(t *testing.T, at int) bool {
	k := beginKillCase(t)
	before := k.resume()
	arm := filepath.Join(k.dir, "armed")
	c := startChild(t, fmt.Sprintf("kill:%d:%s", at, arm), nil, append([]string{"serve"}, k.flags()...)...)
	c.waitFor("start", 0, func(l string) bool { return strings.Contains(l, "listening") })
	c.waitFor("the sign is back", 0, func(l string) bool { return strings.Contains(l, "after-commit:commit report") })
	if err := os.WriteFile(arm, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k.book()
	killed := false
	k.within("killed or acknowledged", func() bool {
		select {
		case <-c.done:
			killed = true
			return true
		default:
		}
		return !k.sign.Glass().Equal(before) && strings.Count(c.output(), "commit report") >= 2
	})
	c.kill()
	k.verify(before)
	return killed
}
