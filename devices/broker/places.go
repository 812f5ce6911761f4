package broker

import "doorleaf/devices"

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

// Place returns the address, without port, from which a sign is connected now,
// "" when it is not.
func (p *Process) Place(id devices.SignID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers[string(id)].host
}
