package broker

import (
	"net"
	"time"

	"doorleaf/devices"
)

// Addrs returns the URLs the broker listens on, with the real ports.
func (p *Process) Addrs() []string {
	var list []string
	for _, s := range p.sockets {
		list = append(list, s.url)
	}
	return list
}

// Connected reports whether the sign is connected and has subscribed. It is
// known before anything the sign sends arrives.
func (p *Process) Connected(id devices.SignID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.peers[string(id)]
	return ok
}

// Kick makes the process forget the sign's credential and close its session, and
// waits until it has. A process that does not obey is ended: the next one knows
// nothing that the gateway does not know.
func (p *Process) Kick(id devices.SignID) {
	p.mu.Lock()
	run := p.run
	delete(p.peers, string(id))
	p.mu.Unlock()
	run.obey(kindKick, id)
}

// Forget is that of Broker; it ends a process that does not obey like Kick.
func (p *Process) Forget(id devices.SignID) {
	p.mu.Lock()
	run := p.run
	p.mu.Unlock()
	run.obey(kindForget, id)
}

// obey gives an order about a sign and waits until it is carried out.
func (r *running) obey(order byte, id devices.SignID) {
	if r == nil {
		return
	}
	<-r.begin
	if _, err := r.pipe.callWithin(orderLimit, order, []byte(id)); err != nil {
		r.kill()
		<-r.gone
	}
}

// Address returns the address of the peer that tries to pair under nonce, empty
// when there is none.
func (p *Process) Address(nonce string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers[pairClient+nonce].host
}

// Secure reports whether the peer that tries to pair under nonce came over TLS.
func (p *Process) Secure(nonce string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers[pairClient+nonce].secure
}

// GatewayCredential returns the user name and password of the gateway. They are
// new at each start and work only on a GatewayConn.
func (p *Process) GatewayCredential() (username, password string) {
	return gatewayUser, p.opts.secret
}

// GatewayConn returns the client's end of a new pair of sockets to the process,
// for the gateway alone. While the process is being started again it waits, at
// most two seconds.
func (p *Process) GatewayConn() (net.Conn, error) {
	for {
		run, err := p.serving()
		if err != nil {
			return nil, err
		}
		c, err := run.handOver()
		if err == nil {
			return c, nil
		}
		select {
		case <-run.gone: // it had ended and nobody had noticed
		case <-time.After(dialLimit):
			return nil, err
		}
		p.bury(run)
	}
}

// freshLimit is how long a reader of the figures waits for the newest; tests that
// hold them wait longer.
const freshLimit = 500 * time.Millisecond

// Stats returns the counters, of all processes since Start.
func (p *Process) Stats() Stats {
	p.refresh()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.before
	all.add(p.latest)
	all.Connected = p.latest.Connected
	all.Restarts = p.restarts - 1
	return all
}

// Incidents returns what peers did in the last 24 hours that no sign of ours
// does, newest first: at most 65 of each kind. The slice is the caller's.
func (p *Process) Incidents() []devices.Incident {
	p.refresh()
	return p.incidents.List(time.Now())
}

// PID returns the process, 0 while there is none.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return 0
	}
	return p.run.cmd.Process.Pid
}

// refresh asks the process for its newest figures; without an answer the last
// ones have to do. An answer that comes later is taken over all the same: what it
// tells of incidents is told once.
func (p *Process) refresh() {
	p.mu.Lock()
	run := p.run
	p.mu.Unlock()
	if run == nil {
		return
	}
	<-run.begin
	told := make(chan struct{})
	go func() {
		defer close(told)
		_ = p.collect(run, deadLimit)
	}()
	late := time.NewTimer(p.fresh)
	defer late.Stop()
	select {
	case <-told:
	case <-late.C:
	}
}
