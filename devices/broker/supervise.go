package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"doorleaf/devices"
)

const (
	startLimit  = 20 * time.Second // from the start of a process to its answer
	orderLimit  = 5 * time.Second  // for one order
	deadLimit   = 30 * time.Second // without an answer a process is taken for dead
	watchEvery  = 2 * time.Second
	dialLimit   = 2 * time.Second // how long the gateway's connection waits for a process
	steadyAfter = time.Minute     // a process that lived so long was a good one

	firstRestart = 50 * time.Millisecond
	lastRestart  = 5 * time.Second

	lookupWorkers = 8

	portLimit = 3 * time.Second // until a port must be free
	portRetry = 50 * time.Millisecond
)

// errNotRunning is a broker's process that is being started again.
var errNotRunning = errors.New("broker: its process is being started again")

// Process is a broker that runs in a process of its own, so that its end is not
// the gateway's: it is started again, and meanwhile the listeners stay open and
// signs wait. It asks the gateway for credentials over a pipe and knows nothing
// else; Options.Auth answers. All methods are safe for concurrent use.
type Process struct {
	opts    Options
	command Command
	log     *slog.Logger
	sockets []socket
	lookups chan lookup

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	closing sync.Once
	fresh   time.Duration // how long a reader of the figures waits for the newest

	incidents devices.Incidents

	mu       sync.Mutex
	tickets  []ticketKey     // guarded by mu, newest first
	run      *running        // guarded by mu, nil while there is none
	ready    chan struct{}   // guarded by mu, closed when run serves
	peers    map[string]peer // guarded by mu, by client id
	before   Stats           // guarded by mu, of the processes that ended
	latest   Stats           // guarded by mu, of run
	reported int64           // guarded by mu, number of the report with latest
	restarts int64           // guarded by mu
}

// Command is how the process is started: a program that calls RunProcess, its
// arguments, its own name first, and the environment it gets.
type Command struct {
	Path string
	Args []string
	Env  []string
}

// peer is a session that can be reached.
type peer struct {
	host   string
	secure bool
}

// lookup is a credential that a process asked for.
type lookup struct {
	from   *running
	number uint32
	sign   devices.SignID
}

// Start opens the listeners and starts the process; it serves when Start
// returns. Close it.
func Start(o Options, c Command) (*Process, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	sockets, err := patiently(&o)
	if err != nil {
		return nil, err
	}
	p := &Process{
		opts: o, command: c, log: o.Logger, sockets: sockets, lookups: make(chan lookup, 4*maxLookups),
		ready: make(chan struct{}), peers: map[string]peer{}, fresh: freshLimit,
	}
	if err := p.openTickets(time.Now()); err != nil {
		closeSockets(sockets)
		return nil, err
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for range lookupWorkers {
		p.wg.Go(p.lookUp)
	}
	first, err := p.launch()
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	p.wg.Go(func() { p.supervise(first) })
	return p, nil
}

// patiently opens the listeners. Where a gateway was killed, the process that was
// its broker may hold them for a moment yet.
func patiently(o *Options) ([]socket, error) {
	for end := time.Now().Add(portLimit); ; time.Sleep(portRetry) {
		sockets, err := openSockets(o)
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(end) {
			return sockets, err
		}
	}
}

// Close ends the process and waits for it.
func (p *Process) Close() error {
	p.closing.Do(func() {
		p.cancel()
		p.mu.Lock()
		run := p.run
		p.mu.Unlock()
		if run != nil {
			run.stop()
		}
		p.wg.Wait()
		closeSockets(p.sockets)
	})
	return nil
}

// supervise starts a new process whenever one ended, with a wait that grows
// while they do not live long.
func (p *Process) supervise(run *running) {
	wait := firstRestart
	for {
		begun := time.Now()
		if run != nil {
			p.watchOver(run)
		}
		if p.ctx.Err() != nil {
			return
		}
		now := time.Now()
		p.incidents.Add(devices.Incident{Kind: devices.BrokerCrashed, Count: 1, First: now, Last: now})
		if now.Sub(begun) > steadyAfter {
			wait = firstRestart
		}
		p.log.Error("broker: process ended", "after", now.Sub(begun).Round(time.Millisecond), "restart", wait, "err", ended(run))
		select {
		case <-time.After(wait):
		case <-p.ctx.Done():
			return
		}
		wait = min(2*wait, lastRestart)
		var err error
		if run, err = p.launch(); err != nil {
			p.log.Error("broker: process not started", "err", err)
			run = nil
		}
	}
}

func ended(run *running) error {
	if run == nil {
		return errNotRunning
	}
	return run.err
}

// watchOver returns when the process has ended; one that does not answer is
// ended.
func (p *Process) watchOver(run *running) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-run.gone:
			p.bury(run)
			return
		case <-tick.C:
		}
		if err := p.collect(run, deadLimit); err != nil {
			if p.ctx.Err() == nil {
				p.log.Error("broker: process does not answer", "err", err)
			}
			run.kill()
			continue
		}
		if err := p.renewTLS(run); err != nil {
			p.log.Error("broker: certificate not renewed", "err", err)
		}
	}
}

// launch starts a process and waits until it serves.
func (p *Process) launch() (*running, error) {
	run, err := spawn(p.command, p.sockets, p.log)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	tickets := ticketBytes(p.tickets)
	p.run = run // from now on it hears of kicks
	p.restarts++
	p.mu.Unlock()
	p.wg.Go(func() { run.serve(func(kind byte, number uint32, body []byte) { p.handle(run, kind, number, body) }) })
	run.tls, err = certificateOf(p.opts.TLS, tickets)
	if err == nil {
		err = run.order(startLimit, kindOrders, p.orders(run.tls))
	}
	if err == nil && p.ctx.Err() != nil {
		err = p.ctx.Err()
	}
	if err != nil {
		run.kill()
		<-run.gone
		p.bury(run)
		return nil, fmt.Errorf("broker: start of its process: %w", errors.Join(err, run.err))
	}
	p.mu.Lock()
	close(p.ready)
	p.mu.Unlock()
	return run, nil
}

func (p *Process) orders(c *certificate) orders {
	o := orders{
		Certificate: c, Secret: p.opts.secret, MaxConnections: p.opts.MaxConnections, MaxPairing: p.opts.MaxPairing,
		MaxPairingAddress: p.opts.MaxPairingAddress, MaxEnteringAddress: p.opts.MaxEnteringAddress,
		FailureDelay: p.opts.FailureDelay, Level: int(slog.LevelError),
	}
	for _, l := range []slog.Level{slog.LevelWarn, slog.LevelInfo, slog.LevelDebug} {
		if p.log.Enabled(p.ctx, l) {
			o.Level = int(l)
		}
	}
	for _, s := range p.sockets {
		o.Listeners = append(o.Listeners, s.url)
	}
	return o
}

// bury forgets a process that has ended, and its sessions.
func (p *Process) bury(run *running) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != run {
		return
	}
	p.run = nil
	clear(p.peers)
	p.latest.Connected = 0
	p.before.add(p.latest)
	p.latest, p.reported = Stats{}, 0
	select {
	case <-p.ready:
		p.ready = make(chan struct{})
	default:
	}
}

// handle takes what the process tells; it does not block.
func (p *Process) handle(run *running, kind byte, number uint32, body []byte) {
	switch kind {
	case kindArrived:
		if name, host, secure, ok := unpackArrived(body); ok {
			p.mu.Lock()
			if p.run == run && len(p.peers) < 2*p.opts.MaxConnections {
				p.peers[name] = peer{host, secure}
			}
			p.mu.Unlock()
		}
		_ = run.pipe.send(kindAnswer, number, nil)
	case kindLeft:
		p.mu.Lock()
		if p.run == run {
			delete(p.peers, string(body))
		}
		p.mu.Unlock()
	case kindCredential:
		if len(body) == 16 {
			select {
			case p.lookups <- lookup{run, number, devices.SignID(body)}:
				return
			default:
			}
		}
		_ = run.pipe.send(kindAnswer, number, packCredential(devices.Credential{}, errNoCredential))
	}
}

// lookUp answers questions for credentials.
func (p *Process) lookUp() {
	for {
		select {
		case q := <-p.lookups:
			ctx, cancel := context.WithTimeout(p.ctx, lookupLimit)
			c, err := p.opts.Auth.Credential(ctx, q.sign)
			cancel()
			if err != nil && !errors.Is(err, devices.ErrUnknownSign) && p.ctx.Err() == nil {
				p.log.Error("broker: credential not readable", "sign", q.sign, "err", err)
			}
			_ = q.from.pipe.send(kindAnswer, q.number, packCredential(c, err))
		case <-p.ctx.Done():
			return
		}
	}
}

// collect takes over what the process has seen since it was last asked.
func (p *Process) collect(run *running, limit time.Duration) error {
	b, err := run.pipe.callWithin(limit, kindReport, nil)
	if err != nil {
		return err
	}
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("broker: report of its process: %w", err)
	}
	p.mu.Lock()
	if p.run == run && r.Number >= p.reported { // another may have been taken over meanwhile
		p.latest, p.reported = r.Stats, r.Number
	}
	p.mu.Unlock()
	for _, i := range r.Incidents {
		if i.Count > 0 && (i.Sign == "" || isName(string(i.Sign))) && len(i.Address) <= 64 {
			p.incidents.Add(i)
		}
	}
	return nil
}

// renewTLS sends the certificate where it is another one now, and a new ticket
// key each day.
func (p *Process) renewTLS(run *running) error {
	if p.opts.TLS == nil {
		return nil
	}
	tickets, err := p.turnTickets(time.Now())
	if err != nil {
		return err
	}
	c, err := certificateOf(p.opts.TLS, tickets)
	if err != nil {
		return err
	}
	if tickets[0] == run.tls.Tickets[0] && string(c.Chain[0]) == string(run.tls.Chain[0]) && string(c.Key) == string(run.tls.Key) {
		return nil
	}
	if err := run.order(orderLimit, kindCertificate, c); err != nil {
		return err
	}
	run.tls = c
	return nil
}

// serving returns the process, waiting for it as long as the gateway may wait.
func (p *Process) serving() (*running, error) {
	limit := time.NewTimer(dialLimit)
	defer limit.Stop()
	for {
		p.mu.Lock()
		run, ready := p.run, p.ready
		p.mu.Unlock()
		select {
		case <-ready:
			if run != nil {
				return run, nil
			}
		case <-limit.C:
			return nil, errNotRunning
		case <-p.ctx.Done():
			return nil, net.ErrClosed
		}
	}
}
