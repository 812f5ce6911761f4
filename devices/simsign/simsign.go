// Package simsign is a simulated door sign: it speaks MQTT like the firmware
// would, decodes pictures into a framebuffer, flips them by its own clock, has
// a battery and buttons, pairs like a new sign out of its box and keeps its
// state over power cuts. It is written from firmware-protocol/SPEC.md and
// shares the codec with the gateway, but nothing of its decisions: no gateway,
// no renderer. Its pairing face is drawn in a small font of its own.
//
// A Sign is driven by one goroutine, Run; the other methods may be called from
// anywhere. It reads the time only through package time, so that tests can run
// it inside testing/synctest.
package simsign

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/render/mono"
)

// Options describe one sign. Panel and one of Gateway and Dial are required.
type Options struct {
	Gateway string         // mqtt://HOST:PORT or mqtts://HOST:PORT
	CA      *x509.CertPool // for mqtts; nil: the key seen while pairing is pinned
	// Dial opens the connection instead of Gateway.
	Dial func(ctx context.Context) (net.Conn, error)

	Panel    devices.Panel
	Serial   string // printable ASCII, at most 64 bytes
	Firmware string // "" means "simsign 1"
	// Maker makes the sign take firmware that the holder of this key signed; any
	// bytes are an image. FirmwareNumber is that of what it was made with.
	Maker          ed25519.PublicKey
	FirmwareNumber uint32
	// Broken reports whether a firmware on trial does not work: it does nothing
	// until the sign goes back to the one before. Nil: all work.
	Broken func(number uint32) bool

	AlwaysOn     bool // stays connected; otherwise it sleeps between wakes
	Capabilities wire.Capabilities
	Minimal      bool // no capability but the raw encoding

	// Identity makes a sign that was never paired one that was; nil: it pairs.
	Identity *Identity

	Storage   Storage       // nil: nothing outlives the Sign
	ClockSkew time.Duration // how wrong the sign's own clock is
	Chunk     int           // bytes asked for at once, 256 to 4096; 0 means 4096
	// RefusalPause is how far refusals of a password lie apart to count for
	// forgetting the identity [DL-PAIR-9]; 0: 10 minutes.
	RefusalPause time.Duration
	MaxRetry     time.Duration // longest wait between tries to connect; 0: 30 s, asleep 1 h
	// Spread returns a random time below its argument, which is positive; nil:
	// one nobody can foresee. Tests that want to be repeated bring their own.
	Spread func(time.Duration) time.Duration

	Emit func(Event) // called by Run for each thing the sign does; may be nil
	// Fault is asked at every step that matters; true cuts the power there: Run
	// returns ErrPowerCut. May be nil.
	Fault func(point string) bool
	// Traffic is asked how often a message is to be delivered: 1 as it should
	// be, 0 lost, 2 twice. May be nil.
	Traffic func(up bool, name string) int
}

// Identity is what pairing gives a sign.
type Identity struct {
	ID     devices.SignID
	Secret []byte // 32 bytes
}

// ErrPowerCut is returned by Run when Fault cut the power.
var ErrPowerCut = errors.New("power cut")

// Sign is one simulated sign.
type Sign struct {
	opts  Options
	store Storage

	mu     sync.Mutex
	glass  wire.Bitmap // guarded by mu, what the panel shows
	digest wire.Digest // guarded by mu, of the glass; zero when not computed

	commands chan func()
	running  chan struct{} // closed when Run has ended
	sessions sessions      // of TLS

	// All below belongs to Run.
	st      state
	body    *wire.Body // the timeline in force
	keys    wire.Keys
	boot    uint32
	counter uint32
	wake    devices.WakeReason
	awake   bool // a sleeping sign wants its radio
	drawn   wire.Digest
	nextTry time.Time    // no connection before
	fails   int          // connections failed in a row
	counted [2]time.Time // when a refusal of the preferred secret and of the other one counted last; zero: the next one does

	keyNo    uint32    // of the secret it connected with
	useSpare bool      // the next connection tries the other secret
	question *question // for a newer secret, nil for none

	download *download // nil for none
	trialEnd time.Time // the running firmware goes back then, zero: not on trial
	ready    *drawing  // the due picture of an incoming timeline, decoded

	failed   string // body of the timeline that failed last
	failedAt time.Time
	stuckAt  time.Time // when a due picture could not be drawn last

	incoming   *incoming
	parts      map[wire.ObjectHash]*part
	held       map[wire.ObjectHash]bool // objects known to be stored
	unknown    int                      // objects of incoming the gateway did not have
	bad        map[wire.ObjectHash]bool // objects that do not decode
	fresh      bool                     // a timeline was adopted in this step
	why        devices.WakeReason       // why the last picture was drawn
	drawMillis uint32

	inbox   chan message
	dialed  chan dialed
	lost    chan *session
	dialing bool
	conn    *session
	talk    talk
	pair    *pairing
}

// New returns a sign in the state its storage holds; Run switches it on.
func New(o Options) (*Sign, error) {
	if o.Panel.Width < 1 || o.Panel.Height < 1 || o.Panel.Width > wire.MaxSide || o.Panel.Height > wire.MaxSide {
		return nil, fmt.Errorf("simsign: panel of %dx%d pixels", o.Panel.Width, o.Panel.Height)
	}
	if o.Dial == nil {
		u, err := url.Parse(o.Gateway)
		if err != nil || u.Host == "" || (u.Scheme != "mqtt" && u.Scheme != "mqtts") {
			return nil, errors.New("simsign: gateway must be mqtt://HOST:PORT or mqtts://HOST:PORT")
		}
	}
	if err := makerOption(&o); err != nil {
		return nil, err
	}
	if o.Firmware == "" {
		o.Firmware = "simsign 1"
	}
	if o.Panel.Model == "" {
		o.Panel.Model = fmt.Sprintf("%dx%d", o.Panel.Width, o.Panel.Height)
	}
	if o.Capabilities == 0 {
		o.Capabilities = wire.CapAll | wire.CapKeys | wire.CapPins
		if o.Maker != nil {
			o.Capabilities |= wire.CapFirmware
		}
	}
	if o.Minimal {
		o.Capabilities = wire.CapMinimal
	}
	if o.Chunk == 0 {
		o.Chunk = wire.MaxBlockData
	}
	o.Chunk = min(max(o.Chunk, 256), wire.MaxBlockData)
	if o.RefusalPause == 0 {
		o.RefusalPause = refusalPause
	}
	if o.Spread == nil {
		o.Spread = rand.N[time.Duration]
	}
	s := &Sign{
		opts: o, store: o.Storage, glass: wire.NewBitmap(o.Panel.Width, o.Panel.Height),
		commands: make(chan func()), running: make(chan struct{}),
		inbox: make(chan message, 16), dialed: make(chan dialed, 1), lost: make(chan *session, 4),
	}
	if s.store == nil {
		s.store = &memory{m: map[string][]byte{}, volatile: true}
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if id := o.Identity; id != nil && s.st.Sign == "" {
		keys, err := wire.DeriveKeys(id.Secret, string(id.ID))
		if err != nil {
			return nil, fmt.Errorf("simsign: identity: %w", err)
		}
		s.st.Sign, s.st.Secret, s.keys = string(id.ID), id.Secret, keys
	}
	s.drawn = wire.Digest(s.st.Drawn32())
	s.boot = newBoot()
	s.factoryFirmware()
	return s, nil
}

func newBoot() uint32 {
	var seed [4]byte
	_, _ = crand.Read(seed[:])
	return binary.LittleEndian.Uint32(seed[:])
}

// Drawn32 is Drawn with a fixed length; zero when nothing was drawn.
func (st *state) Drawn32() (d [32]byte) {
	copy(d[:], st.Drawn)
	return d
}

// ID returns the identity the sign has now, empty while it is not paired. It
// waits for Run.
func (s *Sign) ID() devices.SignID {
	var id string
	s.command(func() { id = s.st.Sign })
	return devices.SignID(id)
}

// Wake makes a sleeping sign contact its gateway, and a connected one report.
func (s *Sign) Wake() { s.command(func() { s.rouse(devices.WakeTimer) }) }

// Press presses a button, 1 to 4.
func (s *Sign) Press(button int) {
	s.command(func() {
		s.counted = [2]time.Time{} // somebody is here
		if button < 1 || button > 4 || s.st.Sign == "" || len(s.st.Events) >= wire.MaxEvents {
			return
		}
		s.counter++
		s.st.Events = append(s.st.Events, pressed{Boot: s.boot, Counter: s.counter, Button: uint8(button), AtMs: s.own().UnixMilli()})
		s.emit(Event{Event: "button", Button: button})
		if s.keep(s.save()) && !s.talk.greeted {
			s.rouse(devices.WakeButton)
		}
	})
}

// SetClock makes the sign's own clock as wrong as said, at once.
func (s *Sign) SetClock(skew time.Duration) { s.command(func() { s.opts.ClockSkew = skew }) }

// SetBattery charges or drains the battery to a voltage.
func (s *Sign) SetBattery(millivolts int) {
	s.command(func() {
		s.st.ChargeUAh = chargeOf(min(max(millivolts, minMV), maxMV))
		s.keep(s.save())
	})
}

// command runs f in the goroutine of Run; nothing happens when Run has ended.
func (s *Sign) command(f func()) {
	done := make(chan struct{})
	select {
	case s.commands <- func() { defer close(done); f() }:
	case <-s.running:
		return
	}
	select {
	case <-done:
	case <-s.running:
	}
}

// Glass returns a copy of what the panel shows.
func (s *Sign) Glass() *mono.Image {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &mono.Image{
		Pix: append([]byte(nil), s.glass.Pix...), Stride: s.glass.Stride,
		Rect: image.Rect(0, 0, s.glass.Width, s.glass.Height),
	}
}

// Flip turns one pixel of the panel over, as a fault of it would; the sign does
// not notice.
func (s *Sign) Flip(x, y int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x < 0 || y < 0 || x >= s.glass.Width || y >= s.glass.Height {
		return fmt.Errorf("simsign: no pixel %d, %d", x, y)
	}
	s.glass.Pix[y*s.glass.Stride+x/8] ^= 0x80 >> (x % 8)
	s.digest = wire.Digest{}
	return s.saveGlass()
}

// own is what the sign's own clock says, now what it makes of it.
func (s *Sign) own() time.Time { return time.Now().Add(s.opts.ClockSkew) }
func (s *Sign) now() time.Time {
	return s.own().Add(time.Duration(s.st.OffsetMs) * time.Millisecond)
}

// machine turns a time of the server into one of this machine, for timers.
func (s *Sign) machine(unix int64) time.Time {
	return time.Unix(unix, 0).Add(-time.Duration(s.st.OffsetMs) * time.Millisecond).Add(-s.opts.ClockSkew)
}

// rouse makes the sign talk to its gateway soon.
func (s *Sign) rouse(why devices.WakeReason) {
	s.wake, s.awake = why, true
	s.nextTry = time.Time{}
	s.talk.greeted, s.talk.hailed = false, false
}

// cut ends Run at a fault point.
func (s *Sign) cut(point string) {
	if s.opts.Fault != nil && s.opts.Fault(point) {
		panic(powerCut{})
	}
}

type powerCut struct{}

// keep reports whether err is nil, and otherwise remembers a storage error.
func (s *Sign) keep(err error) bool {
	if err != nil {
		s.remember(devices.ErrStorage, err)
	}
	return err == nil
}
