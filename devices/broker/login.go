package broker

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"doorleaf/devices"
)

const (
	connectLimit = 3 * time.Second  // from accept to the whole CONNECT, TLS included
	pairingLimit = 10 * time.Minute // for one attempt to pair
	lookupLimit  = 5 * time.Second  // for one credential
	maxWaiting   = 32               // refused connections of one address that wait for their answer
)

// login reads the CONNECT and checks who it is. It returns nil after it
// answered a refusal, if an answer is due.
func (b *Broker) login(c net.Conn, inside bool) *session {
	_ = c.SetDeadline(time.Now().Add(connectLimit))
	if t, ok := c.(*tls.Conn); ok {
		if err := t.HandshakeContext(b.ctx); err != nil {
			b.badHandshake(c, err)
			return nil
		}
	}
	r := bufio.NewReaderSize(c, 512)
	pk, err := readPacket(r, maxConnect)
	if err == nil && b.opts.open != nil {
		return b.loginOpen(c, r, pk)
	}
	var con connect
	if err == nil {
		con, err = parseConnect(pk)
	}
	if err != nil {
		b.badConnect(c, err)
		return nil
	}
	g, ok := grantFor(con)
	if inside {
		g, ok = grant{role: roleGateway}, con.username == gatewayUser &&
			subtle.ConstantTimeCompare(con.password, []byte(b.secret)) == 1
	}
	if !ok {
		b.badGrant(c, con)
		return nil
	}
	b.mu.Lock()
	kicks := b.kicks
	b.mu.Unlock()
	if g.role == roleSign && !b.admit(c, g.sign(), con.password) {
		return nil
	}
	_ = c.SetDeadline(time.Time{})
	s := newSession(g, con.clientID, c, r, con.forServer(), b)
	s.kicks = kicks
	return s
}

// loginOpen is login where everybody may do everything.
func (b *Broker) loginOpen(c net.Conn, r *bufio.Reader, pk packet) *session {
	id, err := b.opts.open(pk)
	if err != nil {
		return nil
	}
	_ = c.SetDeadline(time.Time{})
	return newSession(grant{role: roleOpen}, id, c, r, pk.raw, b)
}

// admit checks a sign's password and how often it connects; it answers where
// that fails.
func (b *Broker) admit(c net.Conn, id devices.SignID, password []byte) bool {
	host := hostOf(c)
	switch err := b.verify(id, password); {
	case errors.Is(err, devices.ErrUnknownSign):
		b.noise.warn(b.log, "broker: sign refused", "sign", id, "peer", host)
		b.note(devices.RefusedPassword, id, host)
		b.count.failed.Add(1)
		b.refuse(c, id, connackNotAuthorized)
		return false
	case err != nil:
		b.log.Error("broker: credential not readable", "sign", id, "err", err)
		answer(c, connackUnavailable)
		return false
	}
	b.mu.Lock()
	r, now := b.recordOf(id), b.clock()
	often := !r.connects.take(now, 1, signConnectRate, signConnectBurst)
	b.moved(r.here, host)
	cloned := r.cloned(host, now)
	b.mu.Unlock()
	if cloned {
		b.note(devices.ClonedCredential, id, host)
	}
	if often {
		b.note(devices.TooManyConnects, id, host)
		b.refuse(c, id, connackUnavailable)
	}
	return !often
}

// badGrant answers a CONNECT that asks for something nobody is given.
func (b *Broker) badGrant(c net.Conn, con connect) {
	kind := devices.RefusedPassword
	claimed := devices.SignID("")
	if isName(con.username) {
		kind, claimed = devices.ForeignID, devices.SignID(con.username)
	}
	b.note(kind, claimed, hostOf(c))
	b.count.failed.Add(1)
	b.refuse(c, claimed, connackNotAuthorized)
}

// badHandshake counts why no TLS came about. What the peer did not like about
// our certificate is its own affair, and an old version is counted already.
func (b *Broker) badHandshake(c net.Conn, err error) {
	var timeout net.Error
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		b.count.malformed.Add(1)
		b.note(devices.MalformedPacket, "", hostOf(c))
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		b.count.slow.Add(1)
		b.note(devices.SlowConnect, "", hostOf(c))
	default:
		b.noise.warn(b.log, "broker: no TLS", "peer", hostOf(c), "err", err)
	}
}

// badConnect counts why no CONNECT came and answers where MQTT has an answer.
func (b *Broker) badConnect(c net.Conn, err error) {
	var timeout net.Error
	var o *offence
	switch {
	case errors.Is(err, errVersion):
		b.count.malformed.Add(1)
		b.note(devices.OtherProtocol, "", hostOf(c))
		answer(c, connackVersion)
	case errors.As(err, &o):
		b.count.malformed.Add(1)
		b.note(o.kind, "", hostOf(c))
		b.noise.warn(b.log, "broker: connection refused", "peer", hostOf(c), "err", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		b.count.slow.Add(1)
		b.note(devices.SlowConnect, "", hostOf(c))
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
	if b.kickedSince(id, kicks) {
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

// refuse answers a failed login after a delay, so that guessing is slow; an
// address with many of them is closed without an answer. claimed may be empty.
func (b *Broker) refuse(c net.Conn, claimed devices.SignID, code byte) {
	host := hostOf(c)
	here := b.with(host, func(a *address, _ time.Duration) bool {
		if a.waiting >= maxWaiting {
			return false
		}
		a.waiting++
		return true
	})
	if here == nil {
		b.note(devices.TooManyTries, claimed, host)
		return
	}
	defer b.undo(here, func(a *address) { a.waiting-- })
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
		b.note(devices.PairingFlood, "", hostOf(s.conn))
		b.refuse(s.conn, "", connackUnavailable)
		return false
	}
	for {
		b.mu.Lock()
		if s.role == roleSign && b.kickedSince(s.sign(), s.kicks) { // its credential may be gone since login
			b.mu.Unlock()
			answer(s.conn, connackUnavailable)
			return false
		}
		old := b.sessions[s.clientID]
		if old == nil {
			b.sessions[s.clientID] = s
			if s.role == roleSign {
				s.quota = b.recordOf(s.sign()).quota
			}
			b.mu.Unlock()
			return true
		}
		pushed := s.role == roleSign && b.recordOf(s.sign()).pushed(b.clock())
		b.mu.Unlock()
		b.count.takeovers.Add(1)
		if pushed {
			s.note(devices.ClonedCredential)
		}
		_ = old.Close()
		select {
		case <-old.ended:
		case <-b.ctx.Done():
			return false
		}
	}
}

// everywhere is the key under which all addresses together are counted.
const everywhere = ""

// enterPairing takes a place among those who want to pair and bounds its time.
func (b *Broker) enterPairing(s *session) bool {
	all := b.with(everywhere, func(a *address, _ time.Duration) bool {
		if a.pairing >= b.opts.MaxPairing {
			return false
		}
		a.pairing++
		return true
	})
	if all == nil {
		return false
	}
	here := b.with(hostOf(s.conn), func(a *address, now time.Duration) bool {
		if a.pairing >= b.opts.MaxPairingAddress || !a.attempts.take(now, 1, pairingRate, pairingBurst) {
			return false
		}
		a.pairing++
		return true
	})
	if here == nil {
		b.undo(all, func(a *address) { a.pairing-- })
		return false
	}
	s.places = []*address{all, here}
	s.pairing = time.AfterFunc(pairingLimit, func() { _ = s.Close() })
	return true
}

// leave removes an ended session.
func (b *Broker) leave(s *session) {
	_ = s.Close()
	if s.pairing != nil {
		s.pairing.Stop()
	}
	for _, place := range s.places {
		b.undo(place, func(a *address) { a.pairing-- })
	}
	if s.told {
		b.watch.left(s.clientID)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions[s.clientID] == s {
		delete(b.sessions, s.clientID)
		if s.role == roleOpen { // sessions are mochi's
			close(s.ended)
			return
		}
		if cl, ok := b.server.Clients.Get(s.clientID); ok && cl.Net.Conn == net.Conn(s) { // left over by a panic
			b.server.UnsubscribeClient(cl)
			b.server.Clients.Delete(s.clientID)
		}
	}
	close(s.ended)
}
