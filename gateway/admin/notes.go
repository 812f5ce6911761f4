package admin

import (
	"sync"
	"time"

	"doorleaf/gateway/connection"
)

// notes is what pages found out about connections since the start and show
// again: tests, consent links, room lists. None of it must outlive the process.
type notes struct {
	mu sync.Mutex
	of map[connection.ID]note // guarded by mu
}

// note is what was found out about one connection.
type note struct {
	probe probeResult
	app   probeResult // of the app registration and its redirect URI
	spare probeResult // of the credential in the second slot
	link  consentLink
	lists []connection.RoomList
}

// probeResult is a connection test and when it was made.
type probeResult struct {
	at     time.Time
	checks []connection.Check
}

// consentLink is an address made for somebody else's administrator.
type consentLink struct {
	at  time.Time
	url string
}

// How long pages show what was found out.
const (
	probeShown = time.Hour
	linkShown  = 7 * 24 * time.Hour // as long as it works
)

func newNotes() notes { return notes{of: map[connection.ID]note{}} }

// get returns what is known about a connection and not too old to be shown.
func (n *notes) get(id connection.ID, now time.Time) note {
	n.mu.Lock()
	defer n.mu.Unlock()
	found := n.of[id]
	for _, p := range []*probeResult{&found.probe, &found.app, &found.spare} {
		if now.Sub(p.at) >= probeShown {
			*p = probeResult{}
		}
	}
	if now.Sub(found.link.at) >= linkShown {
		found.link = consentLink{}
	}
	return found
}

// edit changes what is known about a connection.
func (n *notes) edit(id connection.ID, change func(*note)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	found := n.of[id]
	change(&found)
	n.of[id] = found
}

// forget drops everything about a connection.
func (n *notes) forget(id connection.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.of, id)
}
