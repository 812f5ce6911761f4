package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/render"
	"doorleaf/render/mono"
)

// smallPainter draws faces that differ in a few bytes.
type smallPainter struct{}

func (smallPainter) DrawTemplate(_ *mono.Image, d render.Door, _ *render.Template, p render.Panel) (*mono.Image, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	img := mono.New(p.Width, p.Height)
	sum := sha256.Sum256(b)
	copy(img.Pix, sum[:8])
	return img, nil
}

func (smallPainter) Describe(d render.Door) string { return string(d.State) }

// How a panel is to change comes from the gateway to the glass: the first
// picture in full, small changes in part, and a full one before the module has
// had too many of these.
func TestRefreshArrivesAtTheGlass(t *testing.T) {
	t.Parallel()
	const model, width, height, mostPartials = "GDEY029T94", 296, 128, 8 // of the catalogue
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.opts.Panel = devices.Panel{Model: model, Width: width, Height: height}
		r.change = func(o *gateway.Options, _ *mqttlink.Options) { o.Renderer = smallPainter{} }
		untilMonday()
		r.up()
		room := calendar.Room{ID: calendar.NewRoomID("aalto@example.com"), Name: "Aalto"}
		r.fill(room)
		s := gateway.Sign{ID: renewalSign, Name: "Door", Room: room.ID, PairedAt: time.Now(), Hardware: devices.Hardware{Model: model, Width: width, Height: height}}
		if err := r.house.store.AddSign(t.Context(), s, r.house.link.Credential(renewalSign, firstSecret())); err != nil {
			t.Fatal(err)
		}
		r.switchOn()
		defer r.end()
		for range 36 {
			time.Sleep(time.Hour)
			r.fill(room)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		var kinds []string
		partials, most := 0, 0
		for _, e := range r.events {
			if e.Event != "drawn" {
				continue
			}
			kinds = append(kinds, e.Refresh)
			switch e.Refresh {
			case "full":
				partials = 0
			case "partial":
				partials++
			default:
				t.Errorf("small change drawn %q", e.Refresh)
			}
			most = max(most, partials)
		}
		full := count(kinds, "full")
		if len(kinds) < 40 || kinds[0] != "full" || full < 3 || full > len(kinds)/4 {
			t.Errorf("%d of %d pictures drawn in full, the first %q", full, len(kinds), kinds[0])
		}
		if most == 0 || most > mostPartials {
			t.Errorf("%d partial changes in a row, at most %d", most, mostPartials)
		}
	})
}

func count(list []string, what string) (n int) {
	for _, s := range list {
		if s == what {
			n++
		}
	}
	return n
}

// fill reads a calendar with a meeting every other half hour.
func (r *rig) fill(room calendar.Room) {
	r.t.Helper()
	ctx, now := r.t.Context(), time.Now()
	if rooms, err := r.house.store.Rooms(ctx); err == nil && len(rooms) == 0 {
		conn, err := r.house.store.SaveSettings(ctx, 0, connection.Settings{Cloud: connection.Global})
		if err == nil {
			err = r.house.store.ReplaceRooms(ctx, conn, []calendar.Room{room})
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	day := now.UTC().Truncate(24 * time.Hour)
	a := calendar.Agenda{Room: room, AsOf: now, Window: calendar.Window{From: day.Add(-24 * time.Hour), To: day.Add(4 * 24 * time.Hour)}}
	for at := day; at.Before(day.Add(48 * time.Hour)); at = at.Add(time.Hour) {
		id := fmt.Sprint("m", at.Unix())
		a.Events = append(a.Events, calendar.Event{ID: id, Subject: id, Start: at, End: at.Add(30 * time.Minute), ShowAs: calendar.Busy})
	}
	changed, err := r.house.store.CommitAgenda(ctx, a, connection.Cursor{})
	if err != nil {
		r.t.Fatal(err)
	}
	if changed {
		r.house.core.AgendaChanged(room.ID)
	} else {
		r.house.core.AgendaConfirmed(room.ID, now)
	}
}
