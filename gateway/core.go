package gateway

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
	"doorleaf/render"
	"doorleaf/render/mono"
	"doorleaf/render/picture"
)

// Renderer draws faces and says them in words. Implemented by render.Renderer.
type Renderer interface {
	// DrawTemplate draws as the template says, nil for the built-in faces.
	DrawTemplate(dst *mono.Image, d render.Door, t *render.Template, p render.Panel) (*mono.Image, error)
	Describe(d render.Door) string
}

// Options are what a Core needs. Store, Renderer and Logger are required, the
// way to the signs follows with SetWire.
type Options struct {
	Store     Store
	Renderer  Renderer
	Logger    *slog.Logger
	Connected func(devices.SignID) bool // nil: nobody is known to be connected
	Drawing   int                       // pictures drawn and packed at a time, 0 means one per processor

	// ReadRelease reads a file of firmware, release and image, that one of the
	// makers signed. Implemented by devices/mqttlink; nil takes no firmware.
	ReadRelease func(file []byte, makers []ed25519.PublicKey) (r devices.Release, image []byte, err error)

	// NewPassword tells a broker that is not ours the password of a newer secret,
	// when its sign has it; the one before ends. An error makes the sign say it
	// again. Nil for the embedded broker.
	NewPassword func(ctx context.Context, l devices.Login) error
	// PasswordEnded tells the embedded broker that a sign's newer secret is in use,
	// so that it lets the password before in no more. May be nil.
	PasswordEnded func(devices.SignID)
	// FixedPasswords: the broker's passwords are kept by hand, so that no secret
	// can be renewed.
	FixedPasswords bool

	// Address returns from where a sign is connected now, "" when that is not
	// known; Around returns what is seen of the surroundings. Both may be nil.
	Address func(devices.SignID) string
	Around  func() Around
	// Plain reports whether a sign is connected without TLS now; nil for never.
	Plain func(devices.SignID) bool

	// EpochFloor is the least epoch of a timeline: after a restore it is above
	// everything the lost gateway sent.
	EpochFloor uint32

	// ServerKeys are the keys of servers that signs shall believe, at most 4; the
	// embedded broker's is one of them. Signs are told none when it is nil.
	ServerKeys []devices.ServerKey
	// NextKey is the one of them that is to be used next, nil for none.
	NextKey *devices.ServerKey
}

// Core decides what each sign shows, hands it out and keeps track of what was
// confirmed.
type Core struct {
	store      Store
	renderer   Renderer
	log        *slog.Logger
	connected  func(devices.SignID) bool
	address    func(devices.SignID) string
	around     func() Around
	floor      uint32 // least epoch
	serverKeys []devices.ServerKey
	nextKey    *devices.ServerKey
	plain      plainSigns
	drawing    chan struct{} // a token per timeline being drawn
	days       chan struct{} // a token per whole day being drawn or about to be
	wire       Wire

	templates templates
	assets    assets

	newPassword    func(context.Context, devices.Login) error
	passwordEnded  func(devices.SignID)
	fixedPasswords bool

	readRelease func([]byte, []ed25519.PublicKey) (devices.Release, []byte, error)
	offers      offerings

	queue   queue
	watch   watchers
	joining joinings
	signs   signTable
	health  healthState
	edit    sync.Mutex // one change of a sign's settings at a time
}

// New returns a Core; Run makes it work.
func New(o Options) *Core {
	if o.Connected == nil {
		o.Connected = func(devices.SignID) bool { return false }
	}
	if o.Address == nil {
		o.Address = func(devices.SignID) string { return "" }
	}
	if o.Around == nil {
		o.Around = func() Around { return Around{} }
	}
	if o.Drawing <= 0 {
		o.Drawing = runtime.GOMAXPROCS(0)
	}
	c := &Core{store: o.Store, renderer: o.Renderer,
		log: o.Logger, connected: o.Connected, address: o.Address, around: o.Around,
		readRelease: o.ReadRelease, floor: o.EpochFloor, drawing: make(chan struct{}, o.Drawing), days: make(chan struct{}, o.Drawing)}
	c.newPassword, c.fixedPasswords, c.serverKeys = o.NewPassword, o.FixedPasswords, o.ServerKeys
	c.nextKey, c.passwordEnded = o.NextKey, o.PasswordEnded
	c.plain.now = o.Plain
	c.assets.ready = picture.NewCache(keptPictures)
	c.queue.init()
	c.watch.init()
	c.joining.init()
	c.signs.init()
	c.health.init()
	return c
}

// SetWire gives the core its way to the signs; call it once, before Run and
// before any sign is let in.
func (c *Core) SetWire(w Wire) { c.wire = w }

// afterRush is how long the rest of a day waits when many signs change at once,
// so that drawing it does not hold up the pictures of the moment.
const (
	afterRush = 2 * time.Second
	rushEnds  = time.Second // after no more than a few waited
	mostWaits = 15          // of one sign's day, half a minute
)

// planners is how many signs are planned at a time: most of them wait for the
// store, which gathers their commits; drawing is limited separately.
const planners = 16

// Run plans every sign once, then works until ctx ends: changed agendas at
// once, extensions and ageing once a minute. It returns ctx.Err().
func (c *Core) Run(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return fmt.Errorf("load signs: %w", err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.queue.close()
	for range planners {
		wg.Go(func() {
			for {
				j, ok := c.queue.take()
				if !ok {
					return
				}
				c.work(ctx, j)
			}
		})
	}
	wg.Go(func() { c.watchHealth(ctx) })
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			c.look(time.Now())
			c.advanceOfferings(ctx, time.Now())
		}
	}
}

// load reads the signs and queues each for a first look.
func (c *Core) load(ctx context.Context) error {
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return err
	}
	for _, s := range signs {
		c.signs.entry(s.ID)
		c.signs.bind(s.ID, s.Room)
		c.queue.put(job{sign: s.ID, first: true}, false)
	}
	if err := c.loadPlain(ctx); err != nil {
		return err
	}
	return c.loadOfferings(ctx)
}

// look queues the signs whose timeline must be extended or whose calendar
// became stale or current again. It reads memory only.
func (c *Core) look(now time.Time) {
	for id, e := range c.signs.all() {
		e.mu.Lock()
		due := e.want == nil || e.want.Partial || e.want.end().Sub(now) < minHorizon ||
			e.want.startsAfter(now.Add(clockTolerance)) || // the clock was set back
			(!e.asOf.IsZero() && isStale(e.asOf, now) != e.stale)
		e.mu.Unlock()
		if due {
			c.queue.put(job{sign: id}, false)
		}
	}
}

// AgendaChanged queues every sign of the room; call it after CommitAgenda said
// that something changed.
func (c *Core) AgendaChanged(room calendar.RoomID) {
	for _, id := range c.signs.ofRoom(room) {
		c.queue.put(job{sign: id}, true)
	}
	c.watch.notify()
}

// AgendaConfirmed notes that the source confirmed the room's agenda unchanged.
func (c *Core) AgendaConfirmed(room calendar.RoomID, asOf time.Time) {
	for _, id := range c.signs.ofRoom(room) {
		e := c.signs.entry(id)
		e.mu.Lock()
		e.asOf = asOf
		again := e.stale
		e.mu.Unlock()
		if again {
			c.queue.put(job{sign: id}, true)
		}
	}
}

// SiteChanged plans every sign again.
func (c *Core) SiteChanged(context.Context) error {
	for id := range c.signs.all() {
		c.queue.put(job{sign: id}, false)
	}
	c.watch.notify()
	return nil
}

// work plans one sign and delivers what came of it. When many signs wait, the
// picture of the moment goes out first and the rest of the day follows.
func (c *Core) work(ctx context.Context, j job) {
	if left := c.restLeft(ctx, j.sign, time.Now()); left > 0 && j.force == "" && !j.first {
		c.queue.putLater(j, left)
		return
	}
	if c.queue.yields(j) {
		j.waits++
		c.queue.putLater(j, afterRush)
		return
	}
	quick := j.urgent && j.force == "" && c.queue.pressed()
	e := c.signs.entry(j.sign)
	e.plan.Lock()
	w, reason, err := c.replan(ctx, e, j.sign, replanOptions{quick: quick, force: j.force})
	e.plan.Unlock()
	if errors.Is(err, ErrNotFound) {
		c.signs.remove(j.sign)
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			c.log.Error("plan sign", "sign", j.sign, "err", err)
			c.queue.putLater(j, 5*time.Second)
		}
		return
	}
	if quick || w.Partial {
		c.queue.putLater(job{sign: j.sign}, afterRush)
	}
	if reason == NothingToDo && !(j.first && (c.unconfirmed(ctx, w) || c.alwaysOn(ctx, j.sign))) {
		return
	}
	c.push(ctx, w)
	c.watch.notify()
}

// unconfirmed reports whether the sign has not said that it accepted w. Behind
// an external broker it may be connected all along and say nothing when the
// gateway starts anew.
func (c *Core) unconfirmed(ctx context.Context, w *Want) bool {
	st, err := c.store.Status(ctx, w.Sign)
	return err == nil && newer(w.Epoch, w.Seq, st.Epoch, st.Seq)
}

// alwaysOn reports whether the sign stays connected. Sent again what it has, it
// answers, so that a gateway that starts anew behind an external broker learns
// that it is there.
func (c *Core) alwaysOn(ctx context.Context, id devices.SignID) bool {
	s, err := c.store.Sign(ctx, id)
	return err == nil && s.Hardware.AlwaysOn
}

func (c *Core) push(ctx context.Context, w *Want) {
	err := c.wire.Push(ctx, c.delivery(w))
	if err == nil && c.connected(w.Sign) {
		c.signs.entry(w.Sign).promised(w.NextWake)
	}
	if err != nil && !errors.Is(err, devices.ErrNotConnected) && ctx.Err() == nil {
		c.log.Warn("push", "sign", w.Sign, "err", err)
	}
}

func (c *Core) delivery(w *Want) devices.Delivery {
	return devices.Delivery{Sign: w.Sign, Epoch: w.Epoch, Seq: w.Seq, Body: w.Body, NextWake: w.NextWake, Jitter: w.Jitter}
}
