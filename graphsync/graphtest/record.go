package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const keptRequests = 5000

// Request is one line of the server's log. Secrets, codes, states and sync
// tokens are replaced by "*".
type Request struct {
	At     time.Time
	Method string
	Path   string // unescaped
	Query  string // sorted by name
	Room   string // mailbox the path names, lower case
	Prefer []string
	Status int  // 0: never answered
	Fault  bool // spoiled by a fault
}

// Requests returns the newest 5000 requests, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ClearRequests empties the log and the counters.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
	clear(s.counts)
}

// Count is how many requests were answered under one of these names: "token",
// "authorize", "adminconsent", "places", "calendarView", "delta", "events", "subscriptions", "other".
func (s *Server) Count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[name]
}

// record logs a request. The text logger sees no query at all.
func (s *Server) record(r *http.Request, status int, fault bool) {
	s.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", status, "fault", fault)
	q := r.URL.Query()
	for name := range q {
		if !openParameter(name) {
			q.Set(name, "*")
		}
	}
	// Encode sorts; the text is for people, so it is unescaped again.
	query, err := url.QueryUnescape(q.Encode())
	if err != nil {
		query = q.Encode()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[kindOf(r.URL.Path)]++
	s.requests = append(s.requests, Request{
		At: s.clock(), Method: r.Method, Path: r.URL.Path, Query: query, Room: roomOf(r.URL.Path),
		Prefer: slices.Clone(r.Header.Values("Prefer")), Status: status, Fault: fault,
	})
	if n := len(s.requests); n > keptRequests+500 {
		s.requests = slices.Clone(s.requests[n-keptRequests:])
	}
}

// openParameter tells which query parameters may be shown.
func openParameter(name string) bool {
	switch strings.ToLower(name) {
	case "startdatetime", "enddatetime", "$select", "$top", "$skip", "$count", "$orderby",
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "prompt", "code_challenge_method":
		return true
	}
	return false
}

func kindOf(path string) string {
	p := strings.ToLower(path)
	for _, k := range []struct{ part, name string }{
		{"/oauth2/v2.0/token", "token"}, {"/oauth2/v2.0/authorize", "authorize"}, {"adminconsent", "adminconsent"},
		{"/v1.0/places", "places"}, {"calendarview/delta", "delta"}, {"/calendarview", "calendarView"}, {"/events", "events"},
		{"/subscriptions", "subscriptions"},
	} {
		if strings.Contains(p, k.part) {
			return k.name
		}
	}
	return "other"
}
