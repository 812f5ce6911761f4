package broker

import (
	"time"

	"doorleaf/devices"
)

// Limits of one address and one sign. Rates are per second; what is below a rate
// is never held back, and a burst may come at once.
const (
	maxAddresses = 4096 // that are told apart; further ones share their limits

	connectRate = 50 // connections of one address that lead to no login; the burst is that of failures

	pairingBurst = 64 // attempts to pair from one address
	pairingRate  = 1

	signConnectBurst = 300 // connections of one sign
	signConnectRate  = 1

	messageBurst = 128 // packets of one client
	messageRate  = 50

	octetBurst = 128 << 10 // bytes of one client
	octetRate  = 8 << 10

	subscribeBurst = 16 // SUBSCRIBE and UNSUBSCRIBE packets of one connection
	subscribeRate  = 1

	// One credential in two places: a sign that comes back from where it had
	// gone away from, and one that pushes its own connection out.
	turnsAllowed     = 2
	turnsPerHour     = 2
	takeoversAllowed = 6
	takeoversPerHour = 60
)

// bucket holds what is owed and sinks with time. The zero value owes nothing.
type bucket struct {
	owed float64
	at   time.Duration // since the broker's start
}

// settle lets the debt sink until now.
func (b *bucket) settle(now time.Duration, rate float64) {
	if passed := now - b.at; passed > 0 {
		b.owed = max(0, b.owed-passed.Seconds()*rate)
	}
	b.at = now
}

// take adds n and reports whether the debt is still within the burst; a debt
// beyond it is not taken.
func (b *bucket) take(now time.Duration, n, rate, burst float64) bool {
	b.settle(now, rate)
	if b.owed+n > burst {
		return false
	}
	b.owed += n
	return true
}

// wait adds n whatever is owed, and returns how long it takes until the debt is
// within the burst again.
func (b *bucket) wait(now time.Duration, n, rate, burst float64) time.Duration {
	b.settle(now, rate)
	b.owed += n
	if b.owed <= burst {
		return 0
	}
	return time.Duration((b.owed - burst) / rate * float64(time.Second))
}

// address is what one address has under way and has done lately.
type address struct {
	key                      string // in Broker.addresses
	pairing, waiting, queued int
	line                     chan struct{} // held while a peer says who it is

	arrivals bucket // connections that led to no login
	attempts bucket // to pair
}

// idle reports whether nothing is left to remember.
func (a *address) idle(now time.Duration) bool {
	a.arrivals.settle(now, connectRate)
	a.attempts.settle(now, pairingRate)
	return a.pairing == 0 && a.waiting == 0 && a.queued == 0 && a.arrivals.owed == 0 && a.attempts.owed == 0
}

// elsewhere is the key under which addresses are counted that found no room.
const elsewhere = "elsewhere"

// with changes what is known of a host. It returns nil when change says no.
func (b *Broker) with(host string, change func(a *address, now time.Duration) bool) *address {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.addresses[host]
	if a == nil && len(b.addresses) >= maxAddresses {
		host = elsewhere
		a = b.addresses[host]
	}
	if a == nil {
		a = &address{key: host, line: make(chan struct{}, min(maxEnteringAddress, b.opts.MaxEnteringAddress))}
		b.addresses[host] = a
	}
	now := b.clock()
	if !change(a, now) {
		b.dropIdle(a, now)
		return nil
	}
	return a
}

// undo changes what with returned.
func (b *Broker) undo(a *address, change func(*address)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(a)
	b.dropIdle(a, b.clock())
}

// dropIdle forgets an address that did nothing lately. The caller holds mu.
func (b *Broker) dropIdle(a *address, now time.Duration) {
	if a.idle(now) {
		delete(b.addresses, a.key)
	}
}

// clock is the time since the start; it never goes back.
func (b *Broker) clock() time.Duration { return time.Since(b.begun) }

// forgetIdle drops what is known of addresses that did nothing lately, and of
// kicks that no login under way can have missed.
func (b *Broker) forgetIdle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	for _, a := range b.addresses {
		b.dropIdle(a, now)
	}
	b.kickedBefore, b.kicked = b.kicked, map[devices.SignID]int{}
}

// kickedSince reports whether the sign was kicked after the count of kicks was
// that one, at most two minutes ago. The caller holds mu.
func (b *Broker) kickedSince(id devices.SignID, kicks int) bool {
	return b.kicked[id] > kicks || b.kickedBefore[id] > kicks
}

// record is what is remembered of one sign from connection to connection, so
// that connecting anew gives it no new share. Guarded by Broker.mu, but for
// quota.
type record struct {
	connects      bucket
	takeovers     bucket
	turns         bucket
	here, earlier string // newest address, and the one before it
	*quota
}

// quota is what one client may still send. Only the goroutine that reads from
// the client uses it; a sign has one connection at a time.
type quota struct{ messages, octets bucket }

// maxRecords is far above the signs one broker serves.
const maxRecords = 40_000

// recordOf returns the record of a sign that has shown its credential. The
// caller holds mu.
func (b *Broker) recordOf(id devices.SignID) *record {
	r := b.records[id]
	if r == nil {
		if len(b.records) >= maxRecords {
			clear(b.records)
			clear(b.homes)
		}
		r = &record{quota: &quota{}}
		b.records[id] = r
	}
	return r
}

// cloned notes where a sign connects from and reports whether its credential
// seems to be in two places: it comes from the address before the newest one,
// again and again. A sign that moves does not go back; one with two networks may,
// but not more than twice an hour. The caller holds mu.
func (r *record) cloned(host string, now time.Duration) bool {
	if host == r.here {
		return false
	}
	back := host == r.earlier && sameFamily(host, r.here)
	r.earlier, r.here = r.here, host
	return back && !r.turns.take(now, 1, turnsPerHour/3600.0, turnsAllowed)
}

// pushed notes that a sign's connection was replaced by a newer one and reports
// whether that happens too often for a sign that only lost its network.
func (r *record) pushed(now time.Duration) bool {
	return !r.takeovers.take(now, 1, takeoversPerHour/3600.0, takeoversAllowed)
}

// sameFamily reports whether both are IPv4 or both IPv6: a host with both may
// use them in turn.
func sameFamily(a, b string) bool { return isIPv6(a) == isIPv6(b) }

func isIPv6(host string) bool {
	for i := range len(host) {
		if host[i] == ':' {
			return true
		}
	}
	return false
}
