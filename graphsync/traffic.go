package graphsync

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// Limits of traffic: Outlook refuses more than four requests at a time, and
// 10,000 in ten minutes per mailbox (learn.microsoft.com/graph/throttling-limits).
const (
	maxInFlight       = 4
	requestsPerSecond = 10
	requestBurst      = 10
)

func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 25 * time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   maxInFlight + 2,
		ForceAttemptHTTP2:     true,
	}
}

// closeIdle closes connections that nobody uses.
func (s *Service) closeIdle() {
	if t, ok := s.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// bounded reads answers whole and bounded, so that no parser sees more.
func bounded(next http.RoundTripper) http.RoundTripper { return msgraph.Guard{Next: next} }

// counted counts requests.
type counted struct {
	next     http.RoundTripper
	counters *counters
}

// RoundTrip implements http.RoundTripper.
func (c counted) RoundTrip(req *http.Request) (*http.Response, error) {
	c.counters.add("requests", 1)
	return c.next.RoundTrip(req)
}

// gate bounds the traffic to Graph: enter lets a few looks in at a time, in the
// order they came, and pace spaces the requests of those inside. A look keeps its
// place until it is done, so that a room whose doorbell rang is read at once.
type gate struct {
	interval time.Duration // a request's share of the bucket
	burst    time.Duration // the whole bucket

	mu      sync.Mutex
	free    int             // guarded by mu
	urgent  []chan struct{} // guarded by mu; wait before the others
	waiting []chan struct{} // guarded by mu
	next    time.Time       // guarded by mu: ahead of now by what the bucket lacks
}

func newGate(inFlight, perSecond, burst int) *gate {
	interval := time.Second / time.Duration(perSecond)
	interval += interval / 1000 // so that any long span stays under the limit
	return &gate{free: inFlight, interval: interval, burst: time.Duration(burst) * interval}
}

// enter waits for a place; leave gives it back. Who is inside makes one request
// at a time and does not enter again.
func (g *gate) enter(ctx context.Context) (leave func(), err error) { return g.queue(ctx, false, nil) }

// enterFirst is enter ahead of everybody who came through enter.
func (g *gate) enterFirst(ctx context.Context) (leave func(), err error) {
	return g.queue(ctx, true, nil)
}

// enterOr is enter, and from a value of hurry on enterFirst.
func (g *gate) enterOr(ctx context.Context, hurry <-chan struct{}) (leave func(), err error) {
	return g.queue(ctx, false, hurry)
}

func (g *gate) queue(ctx context.Context, first bool, hurry <-chan struct{}) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return g.leave, nil
	}
	turn := make(chan struct{})
	if first {
		g.urgent = append(g.urgent, turn)
	} else {
		g.waiting = append(g.waiting, turn)
	}
	g.mu.Unlock()
	for {
		select {
		case <-turn:
			return g.leave, nil
		case <-hurry:
			hurry = nil
			g.mu.Lock()
			if g.drop(turn) {
				g.urgent = append(g.urgent, turn)
			}
			g.mu.Unlock()
		case <-ctx.Done():
			g.mu.Lock()
			waited := g.drop(turn)
			g.mu.Unlock()
			if !waited { // the place was given at the same moment
				g.leave()
			}
			return nil, ctx.Err()
		}
	}
}

// drop takes who waits out of its line; false when it has its place. The caller
// holds mu.
func (g *gate) drop(turn chan struct{}) bool {
	for _, line := range []*[]chan struct{}{&g.urgent, &g.waiting} {
		if at := slices.Index(*line, turn); at >= 0 {
			*line = slices.Delete(*line, at, at+1)
			return true
		}
	}
	return false
}

// leave gives a place to who waits longest.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range []*[]chan struct{}{&g.urgent, &g.waiting} {
		if len(*line) > 0 {
			close((*line)[0])
			*line = slices.Delete(*line, 0, 1)
			return
		}
	}
	g.free++
}

// pace waits until one more request may be sent.
func (g *gate) pace(ctx context.Context) error {
	g.mu.Lock()
	now := time.Now()
	if floor := now.Add(-g.burst); g.next.Before(floor) {
		g.next = floor
	}
	g.next = g.next.Add(g.interval)
	wait := g.next.Sub(now)
	g.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	return sleep(ctx, wait)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// counters count by name.
type counters struct {
	mu sync.Mutex
	n  map[string]uint64 // guarded by mu
}

func newCounters() *counters { return &counters{n: map[string]uint64{}} }

func (c *counters) add(name string, n uint64) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	c.n[name] += n
	c.mu.Unlock()
}

func (c *counters) failure(k connection.Kind) {
	c.add("failures_"+string(k), 1)
	if k == connection.BadAnswer {
		c.add("malformed_answers", 1)
	}
}

func (c *counters) snapshot() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}
