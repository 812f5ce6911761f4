package graphtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong, for the requests it matches. Zero fields
// match everything and do nothing.
type Fault struct {
	Path   string // text the unescaped path contains, without case: "/token", "calendarView/delta"
	Room   string // address of a mailbox named in the path, with or without domain
	Method string // GET, POST ...
	Query  string // name of a query parameter that has to be there: "$deltatoken"
	Skip   int    // matching requests that pass unharmed first
	Count  int    // matching requests spoiled; 0: until removed

	Delay  time.Duration // wait before anything else
	Hang   bool          // never answer (until the client gives up or the server closes)
	Close  bool          // close the connection without an answer
	Status int           // answer with this status instead of the real answer
	Header http.Header   // sent with Status
	Body   []byte        // sent with Status; empty: Graph's error document with Code
	Code   string        // Graph error code, for example "ErrorAccessDenied"
	Text   string        // message of the error document

	Mangle func([]byte) []byte // spoils the body of the real answer

	harmless bool // Mangle only looks
}

// activeFault is a fault with its counters.
type activeFault struct {
	Fault
	seen, hit int
}

// Inject adds a fault and returns the function that removes it. Faults are
// tried in the order they were added.
func (s *Server) Inject(f Fault) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Header = f.Header.Clone()
	a := &activeFault{Fault: f}
	s.faults = append(s.faults, a)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(x *activeFault) bool { return x == a })
	}
}

// Throttled answers 429 as an overloaded mailbox does.
func Throttled(retryAfter time.Duration) Fault {
	return Fault{Status: http.StatusTooManyRequests, Code: "ApplicationThrottled",
		Text: "Application is over its MailboxConcurrency limit.", Header: retryHeader(retryAfter)}
}

// Unavailable answers 503.
func Unavailable(retryAfter time.Duration) Fault {
	return Fault{Status: http.StatusServiceUnavailable, Code: "ErrorServerBusy", Text: "The server is busy.", Header: retryHeader(retryAfter)}
}

// AccessDenied answers 403 as Exchange does.
func AccessDenied() Fault {
	return Fault{Status: http.StatusForbidden, Code: "ErrorAccessDenied", Text: "Access is denied. Check credentials and try again."}
}

// SyncStateLost answers 410 to the requests that carry a delta token.
func SyncStateLost() Fault {
	return Fault{Path: "/delta", Query: "$deltatoken", Status: http.StatusGone, Code: "SyncStateNotFound",
		Text: "The sync state generation is not found; generation=149;[highest=157][157][155][156]."}
}

// TokenExpired answers 401 as if the access token had just run out.
func TokenExpired() Fault {
	return Fault{Path: "/v1.0/", Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken",
		Text:   "Lifetime validation failed, the token is expired.",
		Header: http.Header{"Www-Authenticate": {`Bearer realm="", client_id="` + graphAppID + `"`}}}
}

// ClaimsChallenge answers 401 as continuous access evaluation does, with
// base64 claims that a new sign-in has to satisfy
// (learn.microsoft.com/entra/identity-platform/claims-challenge).
func ClaimsChallenge() Fault {
	asked := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`))
	return Fault{Path: "/v1.0/", Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken",
		Text:   "Continuous access evaluation resulted in challenge with result: InteractionRequired.",
		Header: http.Header{"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="` + asked + `"`}}}
}

// EntraError answers the token endpoint with an error of Entra, for example
// 50076, "interaction_required" (multi-factor sign-in needed) or 53003,
// "access_denied" (Conditional Access). Status is 400; set 401 where due.
func EntraError(number int, word string) Fault {
	body, err := json.Marshal(map[string]any{
		"error": word, "error_description": fmt.Sprintf("AADSTS%d: The request was refused.\r\nTrace ID: %s\r\nCorrelation ID: %s", number, newID(), newID()),
		"error_codes": []int{number}, "timestamp": "2026-11-21 02:02:12Z", "trace_id": newID(), "correlation_id": newID(),
	})
	if err != nil {
		panic(err) // plain values only
	}
	return Fault{Path: "/oauth2/v2.0/token", Status: http.StatusBadRequest, Body: body,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Cache-Control": {"no-store, no-cache"}}}
}

// HTMLPage answers 200 with a web page, as a proxy in between would.
func HTMLPage() Fault {
	return Fault{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}},
		Body: []byte("<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Please sign in to the proxy</h1></body></html>")}
}

// Truncated cuts the real answer in half.
func Truncated() Fault {
	return Fault{Mangle: func(b []byte) []byte { return b[:len(b)/2] }}
}

// WrongTypes turns texts, numbers and lists of the entities into others.
func WrongTypes() Fault {
	return Fault{Mangle: entities(func(e map[string]any) {
		for name, value := range e {
			switch value.(type) {
			case string:
				e[name] = 17
			case float64, bool:
				e[name] = []any{"x"}
			case map[string]any:
				e[name] = "text"
			case []any:
				e[name] = map[string]any{"a": nil}
			}
		}
	})}
}

// HugeSubject gives every event a subject of n bytes.
func HugeSubject(n int) Fault {
	return Fault{Mangle: entities(func(e map[string]any) {
		if _, ok := e["subject"]; ok {
			e["subject"] = strings.Repeat("long ", n/5+1)[:n]
		}
	})}
}

// entities makes a Mangle of a change to each entity of an answer's value.
func entities(change func(map[string]any)) func([]byte) []byte {
	return func(b []byte) []byte {
		var doc map[string]any
		if json.Unmarshal(b, &doc) != nil {
			return b
		}
		list, _ := doc["value"].([]any)
		for _, v := range list {
			if e, ok := v.(map[string]any); ok {
				change(e)
			}
		}
		out, err := json.Marshal(doc)
		if err != nil {
			return b
		}
		return out
	}
}

func retryHeader(d time.Duration) http.Header {
	if d <= 0 {
		return nil
	}
	// Microsoft sends fractions, too.
	return http.Header{"Retry-After": {strconv.FormatFloat(d.Seconds(), 'f', -1, 64)}}
}

// takeFault finds the fault a request runs into and counts it.
func (s *Server) takeFault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pickFault(r)
}

// pickFault is takeFault under the lock.
func (s *Server) pickFault(r *http.Request) *Fault {
	for _, f := range s.faults {
		if !f.matches(r) || (f.Count > 0 && f.hit >= f.Count) {
			continue
		}
		if f.seen++; f.seen <= f.Skip {
			continue
		}
		f.hit++
		return &f.Fault
	}
	return s.trouble(r)
}

func (f *activeFault) matches(r *http.Request) bool {
	path := strings.ToLower(r.URL.Path)
	if f.Path != "" && !strings.Contains(path, strings.ToLower(f.Path)) {
		return false
	}
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Query != "" && !hasParameter(r.URL, f.Query) {
		return false
	}
	return f.Room == "" || strings.EqualFold(roomOf(path), fullAddress(f.Room))
}

func hasParameter(u *url.URL, name string) bool {
	for k := range u.Query() {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// roomOf is the mailbox a Graph path names.
func roomOf(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.EqualFold(p, "users") && i+1 < len(parts) {
			return fullAddress(parts[i+1])
		}
	}
	return ""
}

func fullAddress(name string) string {
	if name != "" && !strings.Contains(name, "@") {
		name += "@" + domainName
	}
	return strings.ToLower(name)
}

// interfere carries a fault out; it tells whether the request is finished.
func (s *Server) interfere(w http.ResponseWriter, r *http.Request, f *Fault) bool {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		case <-s.closed:
		}
	}
	switch {
	case f.Hang:
		s.record(r, 0, true)
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		panic(http.ErrAbortHandler)
	case f.Close:
		s.record(r, 0, true)
		panic(http.ErrAbortHandler)
	case f.Status == 0:
		return false
	}
	a := &answer{status: f.Status, header: http.Header{}, body: bytes.Clone(f.Body)}
	if len(a.body) == 0 && f.Code != "" {
		c := &call{Server: s, r: r, a: a, id: newID()}
		c.fail(f.Status, f.Code, f.Text)
	}
	maps.Copy(a.header, f.Header)
	s.record(r, f.Status, true)
	a.send(w, r)
	return true
}
