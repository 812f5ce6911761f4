package graphsync

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/gateway/connection"
)

// noConnection refuses a request as a name server does that has gone.
func noConnection() *http.Response { return &http.Response{StatusCode: 0} }

// TestThreeDays: Microsoft 365 is gone for three days. The agendas stay with
// their age, the log does not flood, the server is not hammered, and everything
// is right again within the longest pause, without anybody's help.
func TestThreeDays(t *testing.T) {
	const days = 3
	rooms := 2
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		rooms = 100
	}
	for _, tc := range []struct {
		name   string
		refuse func(*http.Request) *http.Response
		kind   connection.Kind
		lines  int // in the log, at most
	}{
		{"no token", func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, "/token") {
				return refusal503(503, "", 0)
			}
			return refusal503(401, "InvalidAuthenticationToken", 0)
		}, "", 25},
		{"no names", func(*http.Request) *http.Response { return noConnection() }, connection.Unreachable, 25},
		{"503", func(*http.Request) *http.Response { return refusal503(503, "ServiceUnavailable", 0) }, "", 25},
		{"503 with Retry-After", func(*http.Request) *http.Response { return refusal503(503, "ServiceUnavailable", 120) }, "", 25},
		{"everything in turn", turns(), "", 60},
	} {
		for _, notified := range []bool{false, true} {
			name := tc.name
			if notified {
				name += " with notifications"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					x := newSite(t, newSmall(rooms, 3), notified)
					stop := x.run()
					defer stop()
					time.Sleep(3 * time.Hour)
					before, lines := time.Now(), x.log.lines("")
					x.mu.Lock()
					x.refuse = tc.refuse
					x.mu.Unlock()
					time.Sleep(days * 24 * time.Hour)
					for i := range rooms {
						a := x.store.agenda(smallName(i))
						if len(a.Events) != 3 || a.AsOf.After(before.Add(time.Minute)) || before.Sub(a.AsOf) > 13*time.Minute {
							t.Fatalf("%s has %d events of %v, want 3 of about %v", smallName(i), len(a.Events), a.AsOf, before)
						}
					}
					p := x.store.state().Problem
					if p == nil || tc.kind != "" && p.Kind != tc.kind {
						t.Errorf("problem = %+v", p)
					}
					n := x.log.lines("") - lines
					if n > tc.lines || x.log.lines("still not readable") < days-1 {
						t.Errorf("%d lines in the log, want at most %d and a reminder a day:\n%s", n, tc.lines, x.log)
					}
					if rate := float64(x.requestsSince(before)) / (days * 24 * 3600); rate > 1 {
						t.Errorf("%.2f requests per second into the void", rate)
					}
					for i := range rooms {
						x.change(smallName(i), "meanwhile", "Moved", 0)
					}
					x.mu.Lock()
					x.refuse = nil
					x.mu.Unlock()
					time.Sleep(maxBackOff*6/5 + maxTokenWait*6/5 + 2*time.Duration(rooms)*perPolledRoom + time.Minute)
					for i := range rooms {
						if err := x.matches(smallName(i)); err != nil {
							t.Fatal(err)
						}
					}
					if p := x.store.state().Problem; p != nil {
						t.Errorf("problem = %+v after recovery", p)
					}
					if n := x.log.lines(""); n > lines+tc.lines+12 {
						t.Errorf("%d lines in the log after recovery:\n%s", n, x.log)
					}
					if strings.Contains(x.log.String(), "Topsecret") {
						t.Error("a message of the server is in the log")
					}
				})
			})
		}
	}
}

// turns fails in another way every ten minutes.
func turns() func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		switch time.Now().Unix() / 600 % 5 {
		case 0:
			return noConnection()
		case 1:
			return refusal503(503, "ServiceUnavailable", 30)
		case 2:
			return refusal503(429, "ApplicationThrottled", 7)
		case 3:
			return refusal503(500, "InternalServerError", 0)
		}
		return refusal503(504, "UnknownError", 0)
	}
}

// TestThrottledMailbox: one mailbox asks for a pause; it gets it, and the others
// are read on time.
func TestThrottledMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Time
		x := newSite(t, newSmall(5, 1), false)
		x.refuse = func(r *http.Request) *http.Response {
			if !strings.Contains(r.URL.Path, smallName(0)) {
				return nil
			}
			asked = append(asked, time.Now()) // one request at a time per room
			return refusal503(429, "ApplicationThrottled", 90)
		}
		stop := x.run()
		time.Sleep(time.Hour)
		stop()
		for i := 1; i < len(asked); i++ {
			if gap := asked[i].Sub(asked[i-1]); gap < 90*time.Second {
				t.Errorf("asked again after %v", gap)
			}
		}
		if len(asked) < 10 || x.service.Counters()["retry_after_honoured"] < 10 {
			t.Errorf("asked %d times in an hour; %v", len(asked), x.service.Counters())
		}
		if n := x.service.Counters()["delta_polls"]; n < 4*75 {
			t.Errorf("%d polls of the other rooms in an hour", n)
		}
	})
}
