package broker

import (
	"crypto/tls"

	"doorleaf/devices"
)

// Place returns the address, without port, from which a sign is connected now,
// "" when it is not.
func (b *Broker) Place(id devices.SignID) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sessions[string(id)]; s != nil {
		return hostOf(s.conn)
	}
	return ""
}

// Plain reports whether a sign is connected without TLS now.
func (b *Broker) Plain(id devices.SignID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[string(id)]
	if s == nil {
		return false
	}
	_, secure := s.conn.(*tls.Conn)
	return !secure
}

// Place returns the address, without port, from which a sign is connected now,
// "" when it is not.
func (p *Process) Place(id devices.SignID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers[string(id)].host
}

// Plain reports whether a sign is connected without TLS now.
func (p *Process) Plain(id devices.SignID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, ok := p.peers[string(id)]
	return ok && !peer.secure
}
