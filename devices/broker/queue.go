package broker

import (
	"net"
	"net/netip"
	"time"

	"doorleaf/devices"
)

// How many connections are let say who they are at a time, TLS included: what
// costs memory and processor. Others wait, which costs a descriptor.
const (
	maxEntering        = 512 // of all addresses
	maxEnteringAddress = 256 // of one
	queueLimit         = 10 * time.Second
)

// greet is login within the limits of the peer's address. A connection waits in
// line until it may say who it is. Those that lead to no login count against the
// address and those that do not do not, and every sign that was there last makes
// its line longer: a whole fleet may come from one address, at once.
func (b *Broker) greet(c net.Conn, inside bool) *session {
	if inside {
		return b.login(c, inside)
	}
	host := hostOf(c)
	key := network(host)
	blamed := false
	here := b.with(key, func(a *address, now time.Duration) bool {
		a.arrivals.settle(now, connectRate)
		blamed = a.arrivals.owed >= b.failures()/4
		if a.arrivals.owed+1 > b.failures() || a.queued >= b.opts.MaxEnteringAddress+b.homes[key] {
			return false
		}
		a.queued++
		return true
	})
	if here == nil {
		b.count.refused.Add(1)
		if blamed {
			b.note(devices.TooManyConnects, "", host)
		}
		return nil
	}
	s, tried := b.inTurn(here, c)
	b.undo(here, func(a *address) {
		a.queued--
		if tried && (s == nil || s.role != roleSign) {
			a.arrivals.settle(b.clock(), connectRate)
			a.arrivals.owed = min(a.arrivals.owed+1, b.failures())
		}
	})
	if !tried {
		b.count.refused.Add(1)
	}
	return s
}

// failures is how many connections of one address may lead to no login at once:
// all of a line may fail, and the next ones are let try.
func (b *Broker) failures() float64 { return float64(b.opts.MaxEnteringAddress + 64) }

// inTurn is login when it is this connection's turn; tried is false when that did
// not come.
func (b *Broker) inTurn(a *address, c net.Conn) (s *session, tried bool) {
	limit := time.NewTimer(queueLimit)
	defer limit.Stop()
	for _, line := range []chan struct{}{a.line, b.line} {
		select {
		case line <- struct{}{}:
			defer func() { <-line }()
		case <-limit.C:
			return nil, false
		case <-b.ctx.Done():
			return nil, false
		}
	}
	return b.login(c, false), true
}

// moved notes that a sign was last seen at another address. The caller holds mu.
func (b *Broker) moved(from, to string) {
	if from = network(from); from != "" {
		if b.homes[from]--; b.homes[from] <= 0 {
			delete(b.homes, from)
		}
	}
	if to = network(to); to != "" {
		b.homes[to]++
	}
}

// network is the key under which a peer's address is counted: a host has one of
// IPv4 and as many of IPv6 as it likes, 64 bits of them.
func network(host string) string {
	if !isIPv6(host) {
		return host
	}
	a, err := netip.ParseAddr(host)
	if err != nil || a.Is4In6() || a.IsLoopback() {
		return host
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return p.String()
}
