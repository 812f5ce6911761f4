package graphsync

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// settle lets a site read its rooms and make its subscriptions.
func settle(x *site, rooms int) {
	x.t.Helper()
	for range 60 {
		time.Sleep(30 * time.Second)
		x.mu.Lock()
		n := len(x.subs)
		x.mu.Unlock()
		if n >= rooms {
			time.Sleep(25 * time.Minute) // also over the roll of the window, virtual time begins at midnight
			return
		}
	}
	x.t.Fatalf("no %d subscriptions in half an hour\n%s", rooms, x.log)
}

// TestRingIsReadAtOnce: a change is on the agenda within a second of the first
// ring of a burst, though four rooms hang on slow answers, and the whole burst
// costs two reads.
func TestRingIsReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite(t, newSmall(40, 3), true)
		defer x.run()()
		settle(x, 40)
		for i := range 10 {
			room := smallName(i * 4)
			before, rung := x.service.Counters()["rings"], time.Now()
			go func() {
				x.change(room, fmt.Sprintf("new%d", i), "Moved", 12)
			}()
			var took time.Duration
			for x.matches(room) != nil {
				time.Sleep(10 * time.Millisecond)
				if took = time.Since(rung); took > time.Second {
					t.Fatalf("%s not read %v after the first ring", room, took)
				}
			}
			time.Sleep(30 * time.Second)
			if n := x.service.Counters()["rings"] - before; n > 2 {
				t.Errorf("%d reads for one burst, want at most 2", n)
			}
		}
		if c := x.service.Counters(); c["notifications"] != 120 || c["rings"] < 10 || c["rings_missed"] != 0 {
			t.Errorf("counters = %v", c)
		}
	})
}

// TestRingGoesFirst: while a thousand rooms are read for the first time, a ring
// does not wait behind them, nor a person who asks for a room, also where that
// room's own look stands in line already.
func TestRingGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite(t, newSmall(10, 3), true)
		stop := x.run()
		settle(x, 10)
		for i := 10; i < 1000; i++ {
			x.mu.Lock()
			x.rooms[smallName(i)] = &smallRoom{events: map[string]string{}, changed: map[string]int{}}
			x.mu.Unlock()
			done := x.store.locked()
			x.store.rooms[calendar.RoomID(smallName(i))] = calendar.Room{ID: calendar.RoomID(smallName(i))}
			done()
		}
		x.service.wake()
		time.Sleep(time.Minute) // in the middle of it
		for _, tt := range []struct {
			room    string
			asked   func(room string) // what has the room read
			waiting bool              // its own look is in line already
			within  time.Duration
		}{
			{smallName(3), func(room string) { x.change(room, "new", "Moved", 1) }, false, time.Second},
			{smallName(4), func(room string) { x.change(room, "new", "Moved", 1) }, true, time.Second},
			{smallName(5), func(room string) {
				x.mu.Lock()
				x.rooms[room].put("new", "Moved", time.Now(), time.Now().Add(time.Hour))
				x.mu.Unlock()
				if err := x.service.Sync(t.Context(), calendar.RoomID(room)); err != nil {
					t.Error(err)
				}
			}, true, 2 * time.Second}, // that look, and the one asked for
		} {
			if tt.waiting {
				x.service.roomSync(calendar.RoomID(tt.room)).nudge()
				time.Sleep(10 * time.Millisecond)
			}
			start := time.Now()
			tt.asked(tt.room)
			for x.matches(tt.room) != nil && time.Since(start) < time.Minute {
				time.Sleep(10 * time.Millisecond)
			}
			if took := time.Since(start); took > tt.within {
				t.Errorf("%s, in line %t, waited %v", tt.room, tt.waiting, took)
			}
		}
		stop()
	})
}

// TestSubscriptionsLive: over more than a life no subscription lapses, none is made
// twice, renewals are spread, and the traffic stays under 0.15 requests per room
// and minute although every room has ten changes a day.
func TestSubscriptionsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rooms, days := 4, 9
		if os.Getenv("DOORLEAF_SOAK") == "1" {
			rooms, days = 20, 22
		}
		x := newSite(t, newSmall(rooms, 3), true)
		defer x.run()()
		settle(x, rooms)
		start := time.Now()
		for day := range days {
			for n := range 10 {
				for i := range rooms {
					x.change(smallName(i), fmt.Sprint("d", day%3, "n", n), "Talk", 1)
					time.Sleep(24 * time.Hour / 10 / time.Duration(rooms))
				}
			}
		}
		minutes := time.Since(start).Minutes()
		rate := float64(x.requestsSince(start)) / minutes / float64(rooms)
		t.Logf("%.3f requests per room and minute, ten changes per room and day included", rate)
		if rate >= 0.15 {
			t.Errorf("%.3f requests per room and minute", rate)
		}
		c := x.service.Counters()
		if x.made != rooms || x.lapsed != 0 || c["rings_missed"] != 0 {
			t.Errorf("%d subscriptions made, %d changes without one; %v", x.made, x.lapsed, c)
		}
		if n := int(c["subscriptions_renewed"]); n < rooms*(days/7) || n > rooms*(days/4+1) {
			t.Errorf("%d renewals for %d rooms in %d days", n, rooms, days)
		}
		if x.mutable != 0 {
			t.Errorf("%d requests without immutable ids", x.mutable)
		}
		for i := range rooms {
			if err := x.matches(smallName(i)); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSilence: notifications cease without a word. The first change is found by
// the safety poll, then all rooms are polled again; when notifications return,
// polling ends.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite(t, newSmall(10, 1), true)
		defer x.run()()
		settle(x, 10)
		x.mu.Lock()
		x.deliver = func(string) bool { return false }
		x.mu.Unlock()
		x.change(smallName(1), "lost", "Moved", 1)
		time.Sleep(20 * time.Minute)
		if err := x.matches(smallName(1)); err != nil {
			t.Error(err)
		}
		if c := x.service.Counters(); c["rings_missed"] == 0 {
			t.Fatalf("nothing noticed: %v\n%s", c, x.log)
		}
		for i := range 10 {
			start := time.Now()
			x.change(smallName(i), "poll", "Moved", 1)
			time.Sleep(46 * time.Second)
			if err := x.matches(smallName(i)); err != nil {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		}
		if n := x.log.lines("do not arrive"); n != 1 {
			t.Errorf("%d lines in the log:\n%s", n, x.log)
		}
		x.mu.Lock()
		x.deliver = nil
		x.mu.Unlock()
		time.Sleep(2 * time.Hour) // made again within an hour
		start := time.Now()
		for i := range 10 {
			x.change(smallName(i), "back", "Moved", 1)
		}
		time.Sleep(time.Hour)
		if rate := float64(x.requestsSince(start)) / 60 / 10; rate > 0.2 {
			t.Errorf("%.2f requests per room and minute after notifications returned\n%v", rate, x.service.Counters())
		}
	})
}

// TestLifecycle: each lifecycle event of Microsoft is answered.
func TestLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite(t, newSmall(3, 1), true)
		defer x.run()()
		settle(x, 3)
		room := smallName(0)
		before := *x.subOf(room)
		time.Sleep(time.Hour)
		if code := x.post(&before, `"lifecycleEvent":"reauthorizationRequired"`); code != http.StatusAccepted {
			t.Errorf("status %d", code)
		}
		time.Sleep(10 * time.Second)
		if got := x.subOf(room); got.id != before.id || !got.expires.After(before.expires) {
			t.Errorf("not renewed: %v, was %v", got.expires, before.expires)
		}
		reads := x.service.Counters()["rings"]
		x.post(&before, `"lifecycleEvent":"missed"`)
		time.Sleep(10 * time.Second)
		if n := x.service.Counters()["rings"]; n != reads+1 {
			t.Errorf("%d reads after missed, want 1", n-reads)
		}
		x.mu.Lock()
		delete(x.subs, before.id)
		x.rooms[room].put("unseen", "Moved", time.Now(), time.Now().Add(time.Hour))
		x.mu.Unlock()
		x.post(&before, `"lifecycleEvent":"subscriptionRemoved"`)
		time.Sleep(10 * time.Second)
		if got := x.subOf(room); got == nil || got.id == before.id || got.state == before.state {
			t.Errorf("no new subscription: %+v", got)
		}
		if err := x.matches(room); err != nil {
			t.Error(err)
		}
		if n := len(x.store.subs); n != 3 {
			t.Errorf("%d stored subscriptions, want 3", n)
		}
	})
}

// TestNotReachable: Microsoft does not reach the endpoint, or refuses. Rooms are
// polled, it is tried again every hour, and the log says so once.
func TestNotReachable(t *testing.T) {
	for name, refuse := range map[string]func(*http.Request) *http.Response{
		"closed network": nil,
		"forbidden": func(r *http.Request) *http.Response {
			if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "subscriptions") {
				return refusal503(403, "ErrorAccessDenied", 0)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newSite(t, newSmall(5, 1), true)
				handler := x.small.handler
				x.refuse = refuse
				if refuse == nil {
					x.small.handler = nil
				}
				stop := x.run()
				time.Sleep(10 * time.Hour)
				if n := x.count("POST subscriptions"); n < 9 || n > 60 {
					t.Errorf("%d tries in ten hours", n)
				}
				if n := x.log.lines("not possible"); n != 1 {
					t.Errorf("%d lines in the log:\n%s", n, x.log)
				}
				x.change(smallName(4), "polled", "Moved", 0)
				time.Sleep(46 * time.Second)
				if err := x.matches(smallName(4)); err != nil {
					t.Error(err)
				}
				if p := x.store.state().Problem; p != nil {
					t.Errorf("problem = %+v", p)
				}
				x.mu.Lock()
				x.small.handler, x.refuse = handler, nil
				x.mu.Unlock()
				time.Sleep(2 * time.Hour)
				if n := x.watched(); n != 5 {
					t.Errorf("%d subscriptions after the way was opened, want 5\n%v", n, x.service.Counters())
				}
				stop()
			})
		})
	}
}

// TestSubscriptionsAfterRestart: a new process goes on with the stored ones, and
// ends those that nobody needs; what it does not know of is cleared away.
func TestSubscriptionsAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite(t, newSmall(4, 1), true)
		stop := x.run()
		settle(x, 4)
		stop()
		orphan, kept := x.subOf(smallName(0)), x.subOf(smallName(1))
		delete(x.store.subs, orphan.id) // killed before it was stored
		gone := x.store.rooms[calendar.RoomID(smallName(2))]
		gone.Gone = true
		x.store.rooms[gone.ID] = gone
		x.open()
		stop = x.run()
		time.Sleep(10 * time.Minute)
		if got := x.subOf(smallName(1)); got == nil || got.id != kept.id {
			t.Errorf("%+v, want the one before", got)
		}
		if got := x.subOf(smallName(0)); got == nil || got.id == orphan.id {
			t.Errorf("%+v, want a new one", got)
		}
		if got := x.subOf(smallName(2)); got != nil {
			t.Errorf("a room that is gone has %+v", got)
		}
		start := time.Now()
		x.change(smallName(1), "new", "Moved", 1)
		time.Sleep(time.Second)
		if err := x.matches(smallName(1)); err != nil {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		stop()
		x.options.NotificationURL = "https://elsewhere.example/graph/notifications"
		x.open()
		stop = x.run()
		time.Sleep(10 * time.Minute)
		if got := x.subOf(smallName(1)); got == nil || got.id == kept.id {
			t.Errorf("%+v, want one for the new address", got)
		}
		if err := x.service.unsubscribeAll(t.Context(), 1); err != nil || len(x.subs)+len(x.store.subs) != 0 {
			t.Errorf("%d subscriptions, %d stored: %v", len(x.subs), len(x.store.subs), err)
		}
		stop()
	})
}

// TestNotificationHandler: what a stranger may send, and what comes of it.
func TestNotificationHandler(t *testing.T) {
	s := newService(Options{Store: newMemory(connection.Settings{}), NotificationURL: smallURL}, nil)
	at := place{1, "aspen@contoso.com"}
	s.bells.hang(at, connection.Subscription{ID: "sub-1", Connection: 1, Room: "aspen@contoso.com", ClientState: "Topsecret", Expires: time.Now().Add(time.Hour)}, true)
	good := `{"subscriptionId":"sub-1","clientState":"Topsecret","changeType":"updated"}`
	many := `{"value":[` + strings.Repeat(good+",", maxNotifications) + good + `]}`
	for _, tc := range []struct {
		name, method, query, body string
		status                    int
		answer                    string
		rings                     bool
	}{
		{"change", "POST", "", `{"value":[` + good + `]}`, 202, "", true},
		{"among others", "POST", "", `{"value":[{"subscriptionId":"x"},` + good + `]}`, 202, "", true},
		{"wrong secret", "POST", "", `{"value":[{"subscriptionId":"sub-1","clientState":"topsecret"}]}`, 202, "", false},
		{"no secret", "POST", "", `{"value":[{"subscriptionId":"sub-1"}]}`, 202, "", false},
		{"unknown subscription without secret", "POST", "", `{"value":[{"subscriptionId":"x","clientState":""}]}`, 202, "", false},
		{"missed", "POST", "", `{"value":[{"subscriptionId":"sub-1","clientState":"Topsecret","lifecycleEvent":"missed"}]}`, 202, "", true},
		{"unknown event", "POST", "", `{"value":[{"subscriptionId":"sub-1","clientState":"Topsecret","lifecycleEvent":"party"}]}`, 202, "", false},
		{"handshake", "POST", "?validationToken=a%2Bb%20%3Cb%3E", "", 200, "a+b <b>", false},
		{"empty handshake", "POST", "?validationToken=", "", 400, "", false},
		{"long handshake", "POST", "?validationToken=" + strings.Repeat("a", maxValidationToken+1), "", 400, "", false},
		{"long query", "POST", "?a=" + strings.Repeat("a", maxNotificationQuery), "", 414, "", false},
		{"handshake by GET", "GET", "?validationToken=a", "", 405, "", false},
		{"not JSON", "POST", "", "hello", 400, "", false},
		{"no value", "POST", "", "{}", 400, "", false},
		{"wrong type", "POST", "", `{"value":[{"subscriptionId":7}]}`, 400, "", false},
		{"too many", "POST", "", many, 413, "", false},
		{"too large", "POST", "", `{"value":[{"subscriptionId":"` + strings.Repeat("x", maxNotificationBytes) + `"}]}`, 413, "", false},
		{"too deep", "POST", "", `{"value":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, 413, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := s.roomSync(at.room)
			r.rung.Store(false)
			w := httptest.NewRecorder()
			s.Notifications().ServeHTTP(w, httptest.NewRequest(tc.method, "/graph/notifications"+tc.query, strings.NewReader(tc.body)))
			if w.Code != tc.status || tc.answer != "" && w.Body.String() != tc.answer {
				t.Errorf("answer = %d %q, want %d %q", w.Code, w.Body, tc.status, tc.answer)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || tc.answer != "" && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
				t.Errorf("header = %v", w.Header())
			}
			if got := r.rung.Load(); got != tc.rings {
				t.Errorf("rings %v, want %v", got, tc.rings)
			}
			if strings.Contains(w.Body.String(), "Topsecret") {
				t.Error("the secret is in the answer")
			}
		})
	}
	flood := 0
	for range 3 * notificationBurst {
		w := httptest.NewRecorder()
		s.Notifications().ServeHTTP(w, httptest.NewRequest("POST", "/graph/notifications", strings.NewReader("{}")))
		if w.Code == http.StatusServiceUnavailable {
			flood++
		}
	}
	if flood < notificationBurst || s.Counters()["notifications_too_many"] == 0 {
		t.Errorf("%d of a flood refused", flood)
	}
}

func FuzzNotifications(f *testing.F) {
	f.Add([]byte(`{"value":[{"subscriptionId":"a","clientState":"b","lifecycleEvent":"missed"}]}`))
	f.Add([]byte(`{"value":[null,{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newService(Options{Store: newMemory(connection.Settings{})}, nil)
		s.bells.hang(place{1, "a@b.cc"}, connection.Subscription{ID: "a", ClientState: "Top3ecretTop3ecret", Expires: time.Now().Add(time.Hour)}, true)
		entries, err := parseNotifications(body)
		if err != nil {
			return
		}
		if len(entries) > maxNotifications {
			t.Fatalf("%d entries", len(entries))
		}
		s.believe(entries)
		if s.roomSync("a@b.cc").rung.Load() && !bytes.Contains(body, []byte("Top3ecret")) && !bytes.Contains(body, []byte(`\u`)) {
			t.Fatalf("%q rang", body)
		}
	})
}
