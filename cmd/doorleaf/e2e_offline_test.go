package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
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

	// Calendars know whole minutes only. Where the sign does not have all of it in
	// time the meeting is moved to a later minute.
	room := o.graph.Calendar(aurora)
	begin := nextMinute()
	end := begin.Add(time.Minute)
	meeting := room.Create(graphtest.Event{Subject: "Short call", Start: begin, End: end})
	for tries := 1; !s.hasMeeting(begin, end); time.Sleep(50 * time.Millisecond) {
		if time.Until(begin) > 10*time.Second {
			continue
		}
		if tries++; tries > 5 {
			t.Fatal("the sign does not hear of a meeting in a minute")
		}
		begin = nextMinute()
		end = begin.Add(time.Minute)
		if err := room.Move(meeting, begin, end); err != nil {
			t.Fatal(err)
		}
	}
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
		} else {
			t.Logf("%s: drawn %v after the minute", edge.state, late)
		}
	}
}

// nextMinute is a whole minute that leaves time to hear of it.
func nextMinute() time.Time {
	return time.Now().Add(20 * time.Second).Truncate(time.Minute).Add(time.Minute)
}

// hasMeeting reports whether the timeline that the sign follows has a step for
// exactly that time, and whether its storage holds every picture from then on.
func (s *sign) hasMeeting(begin, end time.Time) bool {
	s.t.Helper()
	folder := filepath.Join(filepath.Dir(s.glass), "state")
	var state struct{ Manifest []byte }
	b, err := os.ReadFile(filepath.Join(folder, "state.json"))
	if err == nil {
		err = json.Unmarshal(b, &state)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := wire.ParseBody(state.Manifest)
	if err != nil {
		return false // none yet
	}
	meeting := false
	now := time.Now().Unix()
	var due wire.ObjectHash // is on the glass
	for _, step := range body.Steps {
		if step.From <= now && now < step.Until {
			due = step.Object
		}
		meeting = meeting || step.From == begin.Unix() && step.Until == end.Unix()
		if step.From < begin.Unix() || step.Object == due {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, fmt.Sprintf("object-%x", step.Object[:]))); err != nil {
			return false
		}
	}
	return meeting
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
