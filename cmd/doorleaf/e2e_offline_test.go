package main

import (
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/gateway"
	"doorleaf/gateway/sqlite"
	"doorleaf/graphsync/graphtest"
)

// TestOffline kills the gateway before a short meeting: the sign has to turn to
// booked and back to free at the right minutes, alone.
func TestOffline(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := openBrowser(t, o.graph)
	createAdministrator(b, o)
	registerValues(b, o, o.app.Secret, o.graph.TenantID())
	connect(b, o)
	s := o.startSign(o.mqtt)
	pairAndBind(b, s)
	free := s.next("shown", nil)

	// Calendars know whole minutes only; leave time to hear of the meeting.
	begin := time.Now().Add(20 * time.Second).Truncate(time.Minute).Add(time.Minute)
	end := begin.Add(time.Minute)
	o.graph.Calendar(aurora).Create(graphtest.Event{Subject: "Short call", Start: begin, End: end})
	s.next("manifest", func(e simsign.Event) bool { return e.Seq > free.Seq })
	<-time.After(time.Until(begin.Add(-10 * time.Second)))
	o.gateway.kill()

	for _, edge := range []struct {
		at    time.Time
		state string
	}{{begin, "booked"}, {end, "free"}} {
		step := o.planned(devices.SignID(free.Sign), edge.at)
		if step.State != edge.state {
			t.Fatalf("planned for %s: got %s, want %s", edge.at.Format(time.TimeOnly), step.State, edge.state)
		}
		<-time.After(time.Until(edge.at.Add(-5 * time.Second)))
		e := s.next("drawn", func(e simsign.Event) bool { return e.Digest == hex.EncodeToString(step.Digest[:]) })
		if late := e.Time.Sub(edge.at); late < 0 || late > 5*time.Second {
			t.Errorf("%s: drawn %v after the minute, want 0 to 5 s", edge.state, late)
		}
	}
}

// planned reads from the stopped gateway's store what it gave the sign for a
// moment.
func (o *office) planned(id devices.SignID, at time.Time) gateway.WantStep {
	o.t.Helper()
	key, err := sqlite.LoadKey(filepath.Join(o.data, "master.key"))
	if err != nil {
		o.t.Fatal(err)
	}
	store, err := sqlite.Open(o.t.Context(), sqlite.Options{Path: filepath.Join(o.data, "doorleaf.db"), Key: key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		o.t.Fatal(err)
	}
	defer store.Close()
	want, err := store.Want(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, s := range want.Steps {
		if !at.Before(s.From) && at.Before(s.Until) {
			return s
		}
	}
	o.t.Fatalf("nothing planned for %s in %d steps", at, len(want.Steps))
	return gateway.WantStep{}
}
