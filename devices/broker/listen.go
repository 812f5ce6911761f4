package broker

import (
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

// ErrPlain is returned by Open for mqtt:// on more than the loopback.
var ErrPlain = errors.New("plain MQTT is refused outside the loopback")

// socket is one listener, without TLS.
type socket struct {
	net.Listener
	url    string // mqtt:// or mqtts:// with the real port
	secure bool
}

// openSockets opens the listeners of the options. On an error nothing is left
// open.
func openSockets(o *Options) (list []socket, err error) {
	defer func() {
		if err != nil {
			closeSockets(list)
		}
	}()
	for _, raw := range o.Listen {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || (u.Path != "" && u.Path != "/") {
			return list, fmt.Errorf("broker: listen address %q: want mqtt://HOST:PORT or mqtts://HOST:PORT", raw)
		}
		secure := u.Scheme == "mqtts"
		switch {
		case !secure && u.Scheme != "mqtt":
			return list, fmt.Errorf("broker: listen address %q: want mqtt:// or mqtts://", raw)
		case secure && o.TLS == nil:
			return list, fmt.Errorf("broker: %s needs a certificate", raw)
		case !secure && !o.AllowPlain && !loopback(u.Hostname()):
			return list, fmt.Errorf("broker: %s: %w", raw, ErrPlain)
		}
		l, err := net.Listen("tcp", u.Host)
		if err != nil {
			return list, fmt.Errorf("broker: %w", err)
		}
		list = append(list, socket{l, u.Scheme + "://" + l.Addr().String(), secure})
	}
	return list, nil
}

func closeSockets(list []socket) {
	for _, s := range list {
		_ = s.Close()
	}
}

// listen makes the sockets ready for accept.
func (b *Broker) listen() error {
	sockets := b.opts.sockets
	if sockets == nil {
		var err error
		if sockets, err = openSockets(&b.opts); err != nil {
			return err
		}
	}
	if b.opts.TLS != nil { // one for all: a ticket of one listener is good at the others
		b.tls = b.secured(b.opts.TLS)
	}
	for _, s := range sockets {
		l := s.Listener
		if s.secure {
			l = tlsListener{l, b.tls}
		}
		b.listeners = append(b.listeners, l)
		b.addrs = append(b.addrs, s.url)
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
			narrow(c)
			b.wg.Go(func() { b.serve(c, false) })
			continue
		}
		if b.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		b.note(devices.TooManyConnects, "", "")
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

// What the kernel may keep of one connection: by itself it keeps megabytes for a
// peer that reads nothing, or that sends while it is held back.
const (
	kernelUnsent = 64 << 10
	kernelUnread = 32 << 10
)

// narrow bounds the kernel's buffers.
func narrow(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok { // an error leaves the kernel's own bounds
		_ = t.SetWriteBuffer(kernelUnsent)
		_ = t.SetReadBuffer(kernelUnread)
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
		b.note(devices.TooManyConnects, "", "")
		return
	}
	b.count.accepted.Add(1)
	if s = b.greet(c, inside); s == nil {
		return
	}
	if !b.enter(s) {
		return
	}
	if s.role == rolePair { // its address is asked for before it subscribes
		b.reachable(s)
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
