package broker

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"doorleaf/devices"
)

// Limits of the process towards the gateway.
const (
	maxLookups   = 256 // credentials asked for at once
	arrivalLimit = 2 * time.Second
	lessGarbage  = 50 // GOGC: its memory is mostly what sessions hold
	killMeFirst  = "500"
)

// ErrNoGateway is returned by RunProcess where no gateway started the process.
var ErrNoGateway = errors.New("broker: this command is started by the gateway, not by hand")

// process is the side of the broker in a process of its own.
type process struct {
	pipe    *pipe
	sockets *net.UnixConn
	broker  *Broker // nil before the orders came
	served  atomic.Pointer[tls.Certificate]
	lookups chan struct{}
	logs    io.Writer
	reports int64 // that were told; used by handle alone
}

// RunProcess is the whole life of a process that Start made: it serves until the
// gateway is gone. It opens no file and reads no variable; all it knows comes
// over inherited descriptors. Its log goes to logs as JSON.
func RunProcess(logs io.Writer) error {
	frames, err := inherited(fdFrames)
	if err != nil {
		return err
	}
	sockets, err := inherited(fdSockets)
	if err != nil {
		return err
	}
	debug.SetGCPercent(lessGarbage)
	// Where memory runs out the system shall take this process, not the gateway.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(killMeFirst), 0)
	p := &process{sockets: sockets, lookups: make(chan struct{}, maxLookups), logs: logs}
	p.pipe = newPipe(frames, p.handle)
	err = p.pipe.run()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

// inherited returns the socket at a descriptor.
func inherited(fd uintptr) (*net.UnixConn, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(fd), &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFSOCK {
		return nil, ErrNoGateway
	}
	f := os.NewFile(fd, "gateway")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, ErrNoGateway
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, ErrNoGateway
	}
	return u, nil
}

// handle carries out one order. The first starts the broker.
func (p *process) handle(kind byte, number uint32, body []byte) {
	var answer []byte
	if p.broker == nil { // asked while it starts: nobody is there to count or to kick
		switch kind {
		case kindOrders:
			answer = reason(p.open(body))
		case kindReport:
			answer, _ = json.Marshal(report{})
		}
		_ = p.pipe.send(kindAnswer, number, answer)
		return
	}
	switch kind {
	case kindKick:
		p.broker.Kick(devices.SignID(body))
	case kindForget:
		p.broker.Forget(devices.SignID(body))
	case kindCertificate:
		var c certificate
		err := json.Unmarshal(body, &c)
		if err == nil {
			err = p.renew(&c)
		}
		answer = reason(err)
	case kindReport:
		p.reports++
		answer, _ = json.Marshal(report{p.reports, p.broker.Stats(), p.broker.incidents.Drain(time.Now())})
	}
	_ = p.pipe.send(kindAnswer, number, answer)
}

// open starts the broker.
func (p *process) open(body []byte) error {
	var o orders
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(p.logs, &slog.HandlerOptions{Level: slog.Level(o.Level)}))
	opts := Options{
		Auth: p, Logger: log, MaxConnections: o.MaxConnections, MaxPairing: o.MaxPairing,
		MaxPairingAddress: o.MaxPairingAddress, MaxEnteringAddress: o.MaxEnteringAddress,
		FailureDelay: o.FailureDelay, secret: o.Secret, watch: p, sockets: []socket{},
	}
	if o.Certificate != nil {
		opts.TLS = &tls.Config{MinVersion: o.Certificate.Minimum, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return p.served.Load(), nil
		}}
		opts.TLS.SetSessionTicketKeys(o.Certificate.Tickets)
		served, err := o.Certificate.tls()
		if err != nil {
			return err
		}
		p.served.Store(served)
	}
	for i, url := range o.Listeners {
		f := os.NewFile(fdListeners+uintptr(i), "listener")
		l, err := net.FileListener(f)
		_ = f.Close()
		if err != nil {
			return fmt.Errorf("broker: listener %s: %w", url, err)
		}
		opts.sockets = append(opts.sockets, socket{l, url, len(url) > 6 && url[:6] == "mqtts:"})
	}
	b, err := Open(opts)
	if err != nil {
		return err
	}
	p.broker = b
	go p.take()
	return nil
}

// renew changes certificate and ticket keys.
func (p *process) renew(c *certificate) error {
	served, err := c.tls()
	if err != nil {
		return err
	}
	if p.broker.tls == nil {
		return errors.New("broker: a certificate without TLS")
	}
	p.served.Store(served)
	p.broker.tls.SetSessionTicketKeys(c.Tickets)
	return nil
}

// take serves the connections that the gateway hands over, each the end of a
// pair of sockets, for the gateway itself.
func (p *process) take() {
	buf, oob := make([]byte, 1), make([]byte, syscall.CmsgSpace(4))
	for {
		_, n, _, _, err := p.sockets.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		c, err := handedOver(oob[:n])
		if err != nil {
			p.broker.log.Error("broker: connection of the gateway", "err", err)
			continue
		}
		p.broker.wg.Go(func() { p.broker.serve(c, true) })
	}
}

// handedOver returns the connection whose descriptor came in a control message.
func handedOver(oob []byte) (net.Conn, error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	if len(messages) != 1 {
		return nil, errors.New("no descriptor came")
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	if len(fds) != 1 {
		return nil, errors.New("not one descriptor came")
	}
	f := os.NewFile(uintptr(fds[0]), "gateway")
	defer f.Close()
	return net.FileConn(f)
}

// Credential asks the gateway.
func (p *process) Credential(ctx context.Context, id devices.SignID) (devices.Credential, error) {
	select {
	case p.lookups <- struct{}{}:
		defer func() { <-p.lookups }()
	case <-ctx.Done():
		return devices.Credential{}, ctx.Err()
	}
	b, err := p.pipe.call(ctx, kindCredential, []byte(id))
	if err != nil {
		return devices.Credential{}, err
	}
	return unpackCredential(id, b)
}

// arrived tells the gateway that a sign can be reached, and waits until it knows:
// what the sign sends next goes another way and must not be there first.
func (p *process) arrived(name, host string, secure bool) {
	_, _ = p.pipe.callWithin(arrivalLimit, kindArrived, packArrived(name, host, secure))
}

// left tells the gateway that a session ended.
func (p *process) left(name string) { _ = p.pipe.send(kindLeft, 0, []byte(name)) }
