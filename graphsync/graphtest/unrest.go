package graphtest

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Unrest is trouble that strikes calendar reads at random, for tests that run
// long: each number is how many of 1000 requests it strikes. The same seed and
// order of requests give the same trouble.
type Unrest struct {
	Seed       uint64
	Throttled  int           // 429
	Busy       int           // 503
	Gone       int           // 410 to requests with a delta or skip token, also in the middle of a round
	Cut        int           // half of the answer, then its end
	Closed     int           // the connection ends without an answer
	Repeat     int           // delta pages whose entries come twice, in another order
	Replay     int           // delta pages that bring the entries of the page before again
	RetryAfter time.Duration // told with 429 and 503; 0: not told
}

// unrest is trouble with its dice; guarded by Server.mu.
type unrest struct {
	Unrest
	dice *rand.Rand
	last map[string][]any // entries of the newest delta page by mailbox
}

// SetUnrest starts trouble; the zero value ends it.
func (s *Server) SetUnrest(u Unrest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unrest = nil
	if u != (Unrest{Seed: u.Seed, RetryAfter: u.RetryAfter}) {
		s.unrest = &unrest{u, rand.New(rand.NewPCG(u.Seed, 5)), map[string][]any{}}
	}
}

// trouble draws what happens to a request; s.mu is held.
func (s *Server) trouble(r *http.Request) *Fault {
	u, path := s.unrest, strings.ToLower(r.URL.Path)
	if u == nil || !strings.Contains(path, "calendarview") {
		return nil
	}
	delta := strings.Contains(path, "calendarview/delta")
	token := delta && (hasParameter(r.URL, "$deltatoken") || hasParameter(r.URL, "$skiptoken"))
	roll := u.dice.IntN(1000)
	for _, x := range []struct {
		share int
		make  func() Fault
	}{
		{u.Throttled, func() Fault { return Throttled(u.RetryAfter) }},
		{u.Busy, func() Fault { return Unavailable(u.RetryAfter) }},
		{onlyIf(token, u.Gone), func() Fault { f := SyncStateLost(); f.Path, f.Query = "", ""; return f }},
		{u.Cut, Truncated},
		{u.Closed, func() Fault { return Fault{Close: true} }},
		{onlyIf(delta, u.Repeat), func() Fault { return Fault{Mangle: repeated(u.dice.Uint64())} }},
		{onlyIf(delta, u.Replay), func() Fault { return Fault{Mangle: s.replay(u, roomOf(path))} }},
	} {
		if roll -= x.share; roll < 0 {
			f := x.make()
			return &f
		}
	}
	if delta && u.Replay > 0 {
		return &Fault{Mangle: s.note(u, roomOf(path)), harmless: true}
	}
	return nil
}

func onlyIf(yes bool, n int) int {
	if yes {
		return n
	}
	return 0
}

// pageOf changes the entries of a page; an answer that is none is left alone.
func pageOf(change func([]any) []any) func([]byte) []byte {
	return func(b []byte) []byte {
		var doc map[string]any
		if json.Unmarshal(b, &doc) != nil {
			return b
		}
		list, ok := doc["value"].([]any)
		if !ok {
			return b
		}
		doc["value"] = change(list)
		out, err := json.Marshal(doc)
		if err != nil {
			return b
		}
		return out
	}
}

// repeated sends every entry twice and mixes them.
func repeated(seed uint64) func([]byte) []byte {
	return pageOf(func(list []any) []any {
		twice := append(slices.Clone(list), list...)
		rand.New(rand.NewPCG(seed, 6)).Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
		return twice
	})
}

// note remembers a page's entries, for a later replay.
func (s *Server) note(u *unrest, room string) func([]byte) []byte {
	return pageOf(func(list []any) []any {
		s.mu.Lock()
		defer s.mu.Unlock()
		u.last[room] = list
		return list
	})
}

// replay puts the entries of the page before in front.
func (s *Server) replay(u *unrest, room string) func([]byte) []byte {
	return pageOf(func(list []any) []any {
		s.mu.Lock()
		defer s.mu.Unlock()
		both := append(slices.Clone(u.last[room]), list...)
		u.last[room] = list
		return both
	})
}
