package gateway_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/sqlite"
	"doorleaf/render"
	"doorleaf/render/mono"
)

// rememberingRenderer draws as stubRenderer and knows which face a picture is.
type rememberingRenderer struct {
	stubRenderer
	mu    sync.Mutex
	faces map[devices.Digest]render.Door // guarded by mu
}

func (r *rememberingRenderer) DrawTemplate(dst *mono.Image, d render.Door, tpl *render.Template, p render.Panel) (*mono.Image, error) {
	img, err := r.stubRenderer.DrawTemplate(dst, d, tpl, p)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.faces[img.Digest()] = d
	}
	return img, err
}

func (r *rememberingRenderer) face(d devices.Digest) render.Door {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faces[d]
}

// TestThreeDaysWithoutCalendar takes Microsoft 365 away for three days of
// virtual time. The sign keeps its timeline, says what was last known and since
// when it is stale, is not sent picture after picture, the log stays short, and
// when the calendar is back nobody has to do anything.
func TestThreeDaysWithoutCalendar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "d.db"), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if _, err := store.SaveSettings(t.Context(), 0, connection.Settings{Cloud: connection.Global}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Hour) // to 07:00
		var log bytes.Buffer
		renderer := &rememberingRenderer{faces: map[devices.Digest]render.Door{}}
		wire := &stubWire{claims: map[devices.SignID][]byte{}}
		core := gateway.New(gateway.Options{Store: store, Renderer: renderer, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Connected: func(devices.SignID) bool { return true }})
		core.SetWire(wire)
		b := &bench{t: t, core: core, store: store, wire: wire}
		lost := time.Now()
		var events []calendar.Event
		for day := range 6 {
			events = append(events, meeting("Daily", time.Duration(day*24+2)*time.Hour, time.Duration(day*24+3)*time.Hour)) // 09:00 to 10:00
			events[day].ID += string(rune('a' + day))
		}
		room := b.room("Aalto", events...)
		id := b.pair("ABCDEFGH", room)
		b.run()
		synctest.Wait()

		for time.Since(lost) < 72*time.Hour {
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			now := time.Now()
			v := b.door(id)
			if v.ExpectedStep == nil {
				t.Fatalf("%v: no picture for the moment", now)
			}
			b.tell(id, devices.ShownReport, v.Want.Epoch, v.Want.Seq, v.ExpectedStep.Digest)
			d := renderer.face(v.ExpectedStep.Digest)
			if now.Sub(lost) <= 16*time.Minute {
				continue
			}
			state := render.Free
			if now.Hour() == 9 {
				state = render.Booked
			}
			if d.State != render.Stale || d.LastKnown == nil || d.LastKnown.State != state {
				t.Fatalf("%v: got %s, last known %+v, want stale, last known %s", now, d.State, d.LastKnown, state)
			}
			if *d.Since != 7*60 || (d.SinceDate == nil) != (now.Day() == lost.Day()) || d.SinceDate != nil && d.SinceDate.Day != lost.Day() {
				t.Fatalf("%v: stale since %v on %v, want 07:00 on day %d", now, d.Since, d.SinceDate, lost.Day())
			}
			if got := b.door(id).Trust; got != gateway.Stale {
				t.Fatalf("%v: trust %s, want stale", now, got)
			}
		}
		if seq := b.door(id).Want.Seq; seq > 20 {
			t.Errorf("%d timelines in three days, want few", seq)
		}
		if n := bytes.Count(log.Bytes(), []byte("\n")); n > 5 {
			t.Errorf("%d lines in the log of three days:\n%s", n, log.Bytes())
		}

		back := time.Now()
		if err := store.TouchAgenda(t.Context(), room, back, connection.Cursor{}); err != nil {
			t.Fatal(err)
		}
		core.AgendaConfirmed(room, back)
		time.Sleep(time.Second)
		synctest.Wait()
		v := b.door(id)
		if d := renderer.face(v.ExpectedStep.Digest); d.State != render.Free || d.Since != nil {
			t.Errorf("a second after the calendar is back: got %s since %v, want free", d.State, d.Since)
		}
		if last, ok := wire.last(id); !ok || last.Seq != v.Want.Seq {
			t.Error("the picture of a calendar that is back was not sent")
		}
	})
}
