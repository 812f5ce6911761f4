package simsign

import (
	"crypto/tls"
	"sync"
)

// sessions keeps the TLS session of the sign's last connection, so that the next
// wake resumes it [DL-MQTT-1]. It lasts as long as the Sign; nothing is stored.
type sessions struct {
	mu    sync.Mutex
	last  *tls.ClientSessionState // guarded by mu, nil: none
	name  string                  // guarded by mu, which crypto/tls gave it
	proof [32]byte                // guarded by mu: the server key of its full handshake
}

// resumption is sessions as one connection may use them.
type resumption struct {
	all  *sessions
	conn *session
	// believes says whether the sign trusts a server with that key: a session of
	// any other is not resumed [DL-MQTT-3].
	believes func(key [32]byte) bool
}

// Get is called before the handshake.
func (r resumption) Get(name string) (*tls.ClientSessionState, bool) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if r.all.last == nil || r.all.name != name || !r.believes(r.all.proof) {
		return nil, false
	}
	return r.all.last, true
}

// Put is called when the connection's server key was verified; with nil when what
// Get returned is of no use any more.
func (r resumption) Put(name string, state *tls.ClientSessionState) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.all.last, r.all.name, r.all.proof = state, name, r.conn.spki
}
