package graphtest

import (
	"net/http"
	"strings"
	"time"
)

// spent counts the requests of a mailbox in a window of time.
type spent struct {
	since time.Time
	count int
}

// LimitConcurrency makes a mailbox answer 429 when more than n requests for it
// are in work at once; 0, the start, allows any number. Microsoft documents 4
// (learn.microsoft.com/graph/throttling-limits). Delays of faults count as work.
func (s *Server) LimitConcurrency(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = n
}

// LimitRate makes an application that sends more than n requests for a mailbox
// within a window be answered 429 until the window ends, refused requests
// included; 0, the start, allows any number. Microsoft documents 10,000 in 10
// minutes.
func (s *Server) LimitRate(n int, window time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate, s.rateWindow, s.rates = n, window, map[string]*spent{}
}

// enter counts a request for a mailbox in; a fault is what it runs into when
// there are too many already.
func (s *Server) enter(r *http.Request) (leave func(), full *Fault) {
	room := roomOf(r.URL.Path)
	if room == "" {
		return func() {}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[room]++
	leave = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.busy[room]--; s.busy[room] == 0 {
			delete(s.busy, room)
		}
	}
	if s.limit > 0 && s.busy[room] > s.limit {
		f := Throttled(time.Second)
		return leave, &f
	}
	return leave, s.spend(r, room)
}

// spend counts a request against the rate of its application and mailbox. Whose
// token it is matters, not whether the token is good.
func (s *Server) spend(r *http.Request, room string) *Fault {
	if s.rate == 0 || room == "" {
		return nil
	}
	owner := ""
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if t, err := parseJWT(token); err == nil {
		owner = t.claims.text("appid")
	}
	now, key := s.clock(), owner+" "+room
	x := s.rates[key]
	if x == nil || !now.Before(x.since.Add(s.rateWindow)) {
		x = &spent{since: now}
		s.rates[key] = x
	}
	if x.count++; x.count <= s.rate {
		return nil
	}
	f := Throttled(max(x.since.Add(s.rateWindow).Sub(now), time.Second))
	f.Text = "Application is over its request limit for the mailbox."
	return &f
}
