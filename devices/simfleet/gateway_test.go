package simfleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/sqlite"
)

// house is a running gateway: store, core and link as the program wires them.
type house struct {
	w      *world
	store  *sqlite.Store
	core   *gateway.Core
	link   *mqttlink.Link
	dead   atomic.Bool // nothing it does is seen any more
	cancel context.CancelFunc
	ended  chan struct{}
	die    string // a point of the link at which it dies, "" for none; guarded by world.mu
}

// data is the folder of the database.
func (w *world) data() string { return filepath.Join(w.dir, "data") }

// open starts a gateway on what an earlier one stored.
func (w *world) open() *house {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	store, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(w.data(), "d.db")})
	if err != nil {
		w.t.Fatalf("seed %d: %v", w.seed, err)
	}
	h := &house{w: w, store: store, cancel: cancel, ended: make(chan struct{})}
	alive := func() bool { return !h.dead.Load() }
	h.core = gateway.New(gateway.Options{Store: store, Renderer: painter{w.plan.windows}, Logger: slog.New(slog.DiscardHandler),
		Connected: func(id devices.SignID) bool { return h.link.Connected(id) }, EpochFloor: w.floor, ReadRelease: mqttlink.ReadRelease})
	lo := mqttlink.Options{Gateway: h.core, Keys: h.core, Firmware: h.core, Logger: slog.New(slog.DiscardHandler), Fault: h.passed,
		Dial: func() (net.Conn, error) { return w.path.dialGateway(alive) }}
	if w.embedded {
		lo.Connected = w.path.isConnected
	}
	if h.link, err = mqttlink.New(lo); err != nil {
		w.t.Fatal(err)
	}
	h.core.SetWire(h.link)
	w.mu.Lock()
	w.house = h
	w.mu.Unlock()
	w.read(h) // the calendar is read before signs are let in
	running := make(chan struct{}, 2)
	parts := []func(context.Context) error{h.core.Run, h.link.Run}
	if w.rng.IntN(2) == 0 {
		slices.Reverse(parts)
	}
	for _, run := range parts {
		go func() { _ = run(ctx); running <- struct{}{} }()
		time.Sleep(5 * time.Millisecond) // nothing else happens now, so that all is the same again
	}
	go func() {
		<-running
		<-running
		_ = store.Close()
		close(h.ended)
	}()
	w.note("gateway starts, epochs from %d", w.floor)
	return h
}

// admits is the broker's look at a password: the gateway knows it, and while
// that is off, what it said last holds.
func (w *world) admits(d *door, client, password string) bool {
	if strings.HasPrefix(client, wire.PairClientPrefix) {
		return true
	}
	w.mu.Lock()
	h := w.house
	w.mu.Unlock()
	c, err := h.store.Credential(context.Background(), devices.SignID(client))
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		d.passwords = [2][32]byte{c.PasswordHash, c.NextPasswordHash}
	}
	sum := sha256.Sum256([]byte(password))
	if sum != d.passwords[0] && sum != d.passwords[1] {
		d.note("is refused")
		return false
	}
	return true
}

// renew makes a sign ask for another secret. Only one renewal may be lost with
// the database: a sign keeps the secret before and no more.
func (w *world) renew(d *door) {
	err := w.house.core.RenewKey(context.Background(), d.id)
	if err != nil {
		return // it cannot, or one is under way
	}
	d.note("is to renew its secret")
	if d.renewals++; d.renewals > 1 {
		w.backedUp = false
	}
}

// passed kills the gateway where it is to die.
func (h *house) passed(point string) {
	h.w.mu.Lock()
	hit := h.die == point
	if hit {
		h.die = ""
	}
	h.w.mu.Unlock()
	if hit {
		h.dead.Store(true)
		h.cancel()
		h.w.note("gateway dies at %s", point)
	}
}

// close kills the gateway and waits for its remains.
func (h *house) close() {
	h.dead.Store(true)
	h.cancel()
	<-h.ended
}

// read is the sync with the calendar: every room as the diaries have it now.
func (w *world) read(h *house) {
	now := time.Now()
	day := now.UTC().Truncate(24 * time.Hour)
	for _, d := range w.doors {
		w.mu.Lock()
		events, version := d.diary.events(), d.diary.version
		w.mu.Unlock()
		if d.room == "" {
			continue
		}
		a := calendar.Agenda{Room: calendar.Room{ID: d.room, Name: d.name}, Events: events, AsOf: now,
			Window: calendar.Window{From: day.Add(-48 * time.Hour), To: day.Add(8 * 24 * time.Hour)}}
		changed, err := h.store.CommitAgenda(context.Background(), a, connection.Cursor{})
		switch {
		case err != nil && h.dead.Load():
			return
		case err != nil:
			w.t.Fatalf("seed %d: %v", w.seed, err)
		case changed:
			d.note("calendar v%d is read", version)
			h.core.AgendaChanged(d.room)
		default:
			h.core.AgendaConfirmed(d.room, now)
		}
	}
}

// settle makes the rooms and the site of a new database.
func (w *world) settle() {
	h := w.open()
	ctx := context.Background()
	conn, err := h.store.SaveSettings(ctx, 0, connection.Settings{Cloud: connection.Global})
	var rooms []calendar.Room
	for _, d := range w.doors {
		rooms = append(rooms, calendar.Room{ID: calendar.NewRoomID(d.name + "@example.com"), Name: d.name})
	}
	if err == nil {
		err = h.store.ReplaceRooms(ctx, conn, rooms)
	}
	site := gateway.DefaultSite()
	site.DayStart, site.DayEnd, site.CheckIn = 0, 24*60, 30*time.Minute
	if err == nil {
		err = h.store.SetSite(ctx, site)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for i, d := range w.doors {
		d.room = rooms[i].ID
	}
	w.read(h)
}

// backup copies the database as `doorleaf backup` does.
func (w *world) backup() {
	file := filepath.Join(w.dir, "backup")
	err := os.Remove(file)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = sqlite.Backup(context.Background(), filepath.Join(w.data(), "d.db"), file)
	}
	if err != nil {
		w.t.Fatalf("seed %d: backup: %v", w.seed, err)
	}
	w.backedUp = true
	for _, d := range w.doors {
		d.renewals = 0
	}
	w.note("backup")
}

// restore puts the backup in place of the database of a gateway that is off. The
// epoch rises above all that the lost one can have given.
func (w *world) restore() {
	err := os.RemoveAll(w.data())
	if err == nil {
		err = os.Mkdir(w.data(), 0o700)
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(filepath.Join(w.dir, "backup"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(w.data(), "d.db"), b, 0o600)
	}
	if err != nil {
		w.t.Fatalf("seed %d: restore: %v", w.seed, err)
	}
	w.floor = max(w.floor+1, uint32(time.Now().Unix()/60))
	w.note("backup restored")
}
