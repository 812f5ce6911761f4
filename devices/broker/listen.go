package broker

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"doorleaf/devices"
)

const (
	connectLimit = 3 * time.Second  // from accept to the whole CONNECT, TLS included
	pairingLimit = 10 * time.Minute // for one attempt to pair
	lookupLimit  = 5 * time.Second  // for one credential
	maxWaiting   = 32               // refused connections of one address that wait for their answer
)

// ErrPlain is returned by Open for mqtt:// on more than the loopback.
var ErrPlain = errors.New("plain MQTT is refused outside the loopback")

// listen opens the listeners of the options.
func (b *Broker) listen() error {
	for _, raw := range b.opts.Listen {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || (u.Path != "" && u.Path != "/") {
			return fmt.Errorf("broker: listen address %q: want mqtt://HOST:PORT or mqtts://HOST:PORT", raw)
		}
		secure := u.Scheme == "mqtts"
		switch {
		case !secure && u.Scheme != "mqtt":
			return fmt.Errorf("broker: listen address %q: want mqtt:// or mqtts://", raw)
		case secure && b.opts.TLS == nil:
			return fmt.Errorf("broker: %s needs a certificate", raw)
		case !secure && !b.opts.AllowPlain && !loopback(u.Hostname()):
			return fmt.Errorf("broker: %s: %w", raw, ErrPlain)
		}
		l, err := net.Listen("tcp", u.Host)
		if err != nil {
			return fmt.Errorf("broker: %w", err)
		}
		if secure {
			l = tlsListener{l, b.opts.TLS}
		}
		b.listeners = append(b.listeners, l)
		b.addrs = append(b.addrs, u.Scheme+"://"+l.Addr().String())
	}
	return nil
}

// tlsListener marks connections as TLS without a handshake in Accept.
type tlsListener struct {
	net.Listener
	config *tls.Config
}

func (l tlsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(c, l.config), nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (b *Broker) closeListeners() {
	for _, l := range b.listeners {
		_ = l.Close()
	}
}

// accept takes connections until the listener is closed. Errors such as a want
// of file descriptors make it wait, never end.
func (b *Broker) accept(l net.Listener, name string) {
	const first, last = 5 * time.Millisecond, time.Second
	wait := first
	for {
		c, err := l.Accept()
		if err == nil {
			wait = first
			b.wg.Go(func() { b.serve(c, false) })
			continue
		}
		if b.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		if b.count.acceptErrors.Add(1); wait == first {
			b.log.Error("broker: cannot accept connections", "listener", name, "err", err)
		}
		select {
		case <-time.After(wait):
		case <-b.ctx.Done():
			return
		}
		wait = min(2*wait, last)
	}
}

// serve owns one connection from accept to end.
func (b *Broker) serve(c net.Conn, inside bool) {
	defer c.Close()
	var s *session
	defer func() {
		if p := recover(); p != nil {
			b.count.panics.Add(1)
			b.log.Error("broker: recovered", "peer", hostOf(c), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		if s != nil {
			b.leave(s)
		}
		b.forget(c)
	}()
	if !b.remember(c, inside) {
		b.count.refused.Add(1)
		return
	}
	b.count.accepted.Add(1)
	if s = b.greet(c, inside); s == nil {
		return
	}
	if !b.enter(s) {
		return
	}
	_ = b.server.EstablishConnection("doorleaf", s)
}

// remember adds a connection to those Close ends.
func (b *Broker) remember(c net.Conn, inside bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || (!inside && len(b.open) >= b.opts.MaxConnections) {
		return false
	}
	b.open[c] = struct{}{}
	return true
}

func (b *Broker) forget(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
}

// greet is login for at most MaxEnteringAddress connections of an address at a
// time, so that silent peers of one machine do not take every place.
func (b *Broker) greet(c net.Conn, inside bool) *session {
	if inside {
		return b.login(c, inside)
	}
	host := hostOf(c)
	if !b.with(host, func(a *address) bool {
		if a.entering >= b.opts.MaxEnteringAddress {
			return false
		}
		a.entering++
		return true
	}) {
		b.count.refused.Add(1)
		return nil
	}
	defer b.with(host, func(a *address) bool { a.entering--; return true })
	return b.login(c, inside)
}

// login reads the CONNECT and checks who it is. It returns nil after it
// answered a refusal, if an answer is due.
func (b *Broker) login(c net.Conn, inside bool) *session {
	_ = c.SetDeadline(time.Now().Add(connectLimit))
	r := bufio.NewReaderSize(c, 512)
	pk, err := readPacket(r, maxConnect)
	var con connect
	if err == nil {
		con, err = parseConnect(pk)
	}
	if err != nil {
		b.badConnect(c, err)
		return nil
	}
	host := hostOf(c)
	g, ok := grantFor(con)
	if inside {
		g, ok = grant{role: roleGateway}, con.username == gatewayUser &&
			subtle.ConstantTimeCompare(con.password, []byte(b.secret)) == 1
	}
	if !ok {
		b.refuse(c, host, connackNotAuthorized)
		return nil
	}
	b.mu.Lock()
	kicks := b.kicks
	b.mu.Unlock()
	if g.role == roleSign {
		switch err := b.verify(g.sign(), con.password); {
		case errors.Is(err, devices.ErrUnknownSign):
			b.noise.warn(b.log, "broker: sign refused", "sign", g.sign(), "peer", host)
			b.refuse(c, host, connackNotAuthorized)
			return nil
		case err != nil:
			b.log.Error("broker: credential not readable", "sign", g.sign(), "err", err)
			answer(c, connackUnavailable)
			return nil
		}
	}
	_ = c.SetDeadline(time.Time{})
	s := newSession(g, con.clientID, c, r, pk.raw, &b.count)
	s.kicks = kicks
	return s
}

// badConnect counts why no CONNECT came and answers where MQTT has an answer.
func (b *Broker) badConnect(c net.Conn, err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, errVersion):
		b.count.malformed.Add(1)
		answer(c, connackVersion)
	case errors.Is(err, errMalformed):
		b.count.malformed.Add(1)
		b.noise.warn(b.log, "broker: connection refused", "peer", hostOf(c), "err", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		b.count.slow.Add(1)
	}
}

// errWrongPassword is told apart from an unknown sign by nobody outside.
var errWrongPassword = fmt.Errorf("wrong password: %w", devices.ErrUnknownSign)

// errKicked is a login that met a Kick; the sign may try again.
var errKicked = errors.New("credentials changed meanwhile")

// verify compares the password with the sign's credential, which is cached
// until Kick. A wrong password against the cache asks the authenticator again.
func (b *Broker) verify(id devices.SignID, password []byte) error {
	got := sha256.Sum256(password)
	b.mu.Lock()
	want, ok := b.credentials[id]
	kicks := b.kicks
	b.mu.Unlock()
	if ok && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(b.ctx, lookupLimit)
	defer cancel()
	cred, err := b.opts.Auth.Credential(ctx, id)
	if err != nil {
		return err
	}
	renewing := cred.NextPasswordHash != [32]byte{}
	if !same(got, cred.PasswordHash) && !same(got, cred.NextPasswordHash) {
		return errWrongPassword
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kicks != kicks {
		return errKicked
	}
	if renewing { // the older one may end at any moment
		delete(b.credentials, id)
	} else {
		b.credentials[id] = cred.PasswordHash
	}
	return nil
}

// same compares a hash with one that is known; zero stands for none.
func same(got, known [32]byte) bool {
	return known != [32]byte{} && subtle.ConstantTimeCompare(got[:], known[:]) == 1
}

// address counts what one address has under way.
type address struct{ pairing, waiting, entering int }

// with changes the counts of a host; false when a count would pass its limit.
func (b *Broker) with(host string, change func(*address) bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.addresses[host]
	if a == nil {
		a = &address{}
		b.addresses[host] = a
	}
	ok := change(a)
	if *a == (address{}) {
		delete(b.addresses, host)
	}
	return ok
}

// refuse answers a failed login after a delay, so that guessing is slow; an
// address with many of them is closed without an answer.
func (b *Broker) refuse(c net.Conn, host string, code byte) {
	b.count.failed.Add(1)
	if !b.with(host, func(a *address) bool {
		if a.waiting >= maxWaiting {
			return false
		}
		a.waiting++
		return true
	}) {
		return
	}
	defer b.with(host, func(a *address) bool { a.waiting--; return true })
	select {
	case <-time.After(b.opts.FailureDelay):
		answer(c, code)
	case <-b.ctx.Done():
	}
}

// answer sends a CONNACK that refuses.
func answer(c net.Conn, code byte) {
	_ = c.SetDeadline(time.Now().Add(connectLimit))
	_, _ = c.Write([]byte{typeConnack << 4, 2, 0, code})
}

// enter makes the session the one of its client id: an older one is closed, and
// its end awaited, before mochi sees the new one.
func (b *Broker) enter(s *session) bool {
	if s.role == rolePair && !b.enterPairing(s) {
		b.refuse(s.conn, hostOf(s.conn), connackUnavailable)
		return false
	}
	for {
		b.mu.Lock()
		if s.role == roleSign && s.kicks != b.kicks { // its credential may be gone since login
			b.mu.Unlock()
			answer(s.conn, connackUnavailable)
			return false
		}
		old := b.sessions[s.clientID]
		if old == nil {
			b.sessions[s.clientID] = s
			b.mu.Unlock()
			return true
		}
		b.mu.Unlock()
		b.count.takeovers.Add(1)
		_ = old.Close()
		select {
		case <-old.ended:
		case <-b.ctx.Done():
			return false
		}
	}
}

// enterPairing takes a place among those who want to pair and bounds its time.
func (b *Broker) enterPairing(s *session) bool {
	if !b.with("", func(all *address) bool {
		if all.pairing >= b.opts.MaxPairing {
			return false
		}
		all.pairing++
		return true
	}) {
		return false
	}
	if !b.with(hostOf(s.conn), func(a *address) bool {
		if a.pairing >= b.opts.MaxPairingAddress {
			return false
		}
		a.pairing++
		return true
	}) {
		b.with("", func(all *address) bool { all.pairing--; return true })
		return false
	}
	s.pairing = time.AfterFunc(pairingLimit, func() { _ = s.Close() })
	return true
}

// leave removes an ended session.
func (b *Broker) leave(s *session) {
	_ = s.Close()
	if s.pairing != nil {
		s.pairing.Stop()
		b.with("", func(all *address) bool { all.pairing--; return true })
		b.with(hostOf(s.conn), func(a *address) bool { a.pairing--; return true })
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions[s.clientID] == s {
		delete(b.sessions, s.clientID)
		if cl, ok := b.server.Clients.Get(s.clientID); ok && cl.Net.Conn == net.Conn(s) { // left over by a panic
			b.server.UnsubscribeClient(cl)
			b.server.Clients.Delete(s.clientID)
		}
	}
	close(s.ended)
}

// hostOf is the peer's address without port.
func hostOf(c net.Conn) string {
	a := c.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(a); err == nil {
		return host
	}
	return a
}

// hangUp closes a connection without waiting for the peer, as TLS would.
func hangUp(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_ = c.Close()
}

// noise keeps strangers from filling the log: ten lines at once, then one a
// second, each with the number of those left out before it.
type noise struct {
	mu     sync.Mutex
	left   float64   // guarded by mu, lines that may be written
	at     time.Time // guarded by mu
	hidden int       // guarded by mu
}

func (n *noise) warn(log *slog.Logger, msg string, args ...any) {
	n.mu.Lock()
	now := time.Now()
	if n.at.IsZero() {
		n.left = 10
	}
	n.left = min(10, n.left+now.Sub(n.at).Seconds())
	n.at = now
	if n.left < 1 {
		n.hidden++
		n.mu.Unlock()
		return
	}
	n.left--
	if n.hidden > 0 {
		args = append(args, "hidden", n.hidden)
		n.hidden = 0
	}
	n.mu.Unlock()
	log.Warn(msg, args...)
}
