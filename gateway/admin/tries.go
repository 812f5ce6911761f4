package admin

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of failed sign-ins within tryWindow. An address that is a proxy's
// stands for many people, hence the third, wide limit.
const (
	tryWindow     = 10 * time.Minute
	maxPerPair    = 6  // one name from one address
	maxPerName    = 40 // one name from anywhere
	maxPerAddress = 60 // any name from one address
	maxTriesKept  = 4096
)

// tries counts failed sign-ins.
type tries struct {
	now func() time.Time
	mu  sync.Mutex
	at  map[string][]time.Time // guarded by mu
}

func newTries(now func() time.Time) *tries {
	return &tries{now: now, at: map[string][]time.Time{}}
}

// keys are what a try is counted under, with their limits.
func (t *tries) keys(name, address string) map[string]int {
	name = strings.ToLower(name)
	return map[string]int{"p " + name + " " + address: maxPerPair, "n " + name: maxPerName, "a " + address: maxPerAddress}
}

// begin counts a try as failed until succeeded takes it back, so that tries
// made at the same time count too. It reports false when none may be made.
func (t *tries) begin(name, address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := t.keys(name, address)
	for key, limit := range keys {
		if t.recent(key) >= limit {
			return false
		}
	}
	if len(t.at) > maxTriesKept {
		for key := range t.at {
			t.recent(key)
		}
		if len(t.at) > maxTriesKept {
			return false // thousands of names from many addresses: wait for the window
		}
	}
	for key := range keys {
		t.at[key] = append(t.at[key], t.now())
	}
	return true
}

// succeeded forgets the failures of a name from an address.
func (t *tries) succeeded(name, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.keys(name, address) {
		if n := len(t.at[key]); n > 0 && !strings.HasPrefix(key, "p ") {
			t.at[key] = t.at[key][:n-1]
			continue
		}
		delete(t.at, key)
	}
}

// recent drops what is older than the window and counts the rest; the caller
// holds mu.
func (t *tries) recent(key string) int {
	since := t.now().Add(-tryWindow)
	list := slices.DeleteFunc(t.at[key], func(at time.Time) bool { return at.Before(since) })
	if len(list) == 0 {
		delete(t.at, key)
		return 0
	}
	t.at[key] = list
	return len(list)
}

// addressOf is the peer's address without its port.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
