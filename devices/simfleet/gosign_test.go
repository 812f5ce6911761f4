package simfleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
)

// goSign is a sign in Go. It is its own flash, which outlives the power. Fields
// are guarded by world.mu.
type goSign struct {
	d     *door
	flash map[string][]byte
	skew  time.Duration

	steps   int  // hooks until the power is cut, 0: it is not
	atPanel bool // it is cut at the next drawing
	smudges bool // what is written to the panel now is no drawing
	dead    bool // without power: nothing it does is seen
	isFull  bool
	mistake mistake
	session *session

	sign   *simsign.Sign
	cancel context.CancelFunc
	done   chan struct{}
}

const goGlass = "glass.bin" // of simsign: the panel, which keeps its picture without power

var errFull = errors.New("flash is full")

// step passes a hook; true when the power is gone. The caller holds mu, and
// calls expire without it when the power went just now.
func (g *goSign) step() (gone bool) {
	if g.dead || g.steps == 0 {
		return g.dead
	}
	if g.steps--; g.steps > 0 {
		return false
	}
	g.dead, g.atPanel = true, false
	g.d.lostPower()
	return true
}

// expire lets what the sign said until its power went get away.
func (g *goSign) expire() {
	time.Sleep(200)
	g.d.w.mu.Lock()
	defer g.d.w.mu.Unlock()
	g.d.w.path.end(g.session)
	g.cancel()
}

func (g *goSign) Get(name string) ([]byte, error) {
	g.d.w.mu.Lock()
	defer g.d.w.mu.Unlock()
	b, ok := g.flash[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}

func (g *goSign) Put(name string, data []byte) error {
	gone, err := g.put(name, data)
	if gone {
		g.expire()
	}
	return err
}

// put replaces a value; gone when the power went over it.
func (g *goSign) put(name string, data []byte) (gone bool, err error) {
	g.d.w.mu.Lock()
	defer g.d.w.mu.Unlock()
	if g.dead {
		return false, nil
	}
	panel := name == goGlass
	if !panel && g.isFull {
		return false, errFull
	}
	if panel && g.atPanel && !g.smudges {
		g.steps = 1
	}
	gone = !g.smudges && g.step()
	switch {
	case panel && (gone || g.mistake == tornPanel): // the rows drawn until then
		rows := 4 + g.d.rng.IntN(panelHeight+1)*panelWidth/8
		data = append(bytes.Clone(data[:rows]), g.old(name, len(data))[rows:]...)
	case panel && g.mistake == blindPanel:
		return gone, nil
	case gone && g.d.rng.IntN(2) == 0, g.mistake == lostStorage && name == "state.json" && g.d.paired:
		return gone, nil // the old one is there
	}
	g.flash[name] = bytes.Clone(data)
	if panel {
		g.d.drew(data[4:], !gone && !g.smudges)
	}
	return gone, nil
}

func (g *goSign) old(name string, n int) []byte {
	if b := g.flash[name]; len(b) == n {
		return b
	}
	return make([]byte, n)
}

func (g *goSign) Delete(name string) error {
	g.d.w.mu.Lock()
	before := g.dead
	gone := g.step()
	if !gone {
		delete(g.flash, name)
	}
	g.d.w.mu.Unlock()
	if gone && !before {
		g.expire()
	}
	return nil
}

func (g *goSign) Names(prefix string) ([]string, error) {
	g.d.w.mu.Lock()
	defer g.d.w.mu.Unlock()
	var names []string
	for n := range g.flash {
		if strings.HasPrefix(n, prefix) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (g *goSign) boot() {
	w := g.d.w
	w.mu.Lock()
	last := g.done
	w.mu.Unlock()
	if last != nil {
		<-last
	}
	o := simsign.Options{
		Dial: g.dial, Panel: devices.Panel{Model: signModel, Width: panelWidth, Height: panelHeight}, Serial: g.d.name, AlwaysOn: g.d.alwaysOn,
		Storage: g, ClockSkew: g.skew, Chunk: 256, Capabilities: g.d.skills, Spread: g.spread, Emit: g.emit,
		Maker: maker().Public().(ed25519.PublicKey), FirmwareNumber: 1, Firmware: "1",
		Traffic: func(up bool, _ string) int {
			w.mu.Lock()
			defer w.mu.Unlock()
			if up && g.dead {
				return 0
			}
			return 1
		},
		Fault: func(string) bool {
			w.mu.Lock()
			before := g.dead
			gone := g.step()
			w.mu.Unlock()
			if gone && !before {
				g.expire()
			}
			return gone
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.mu.Lock()
	g.dead, g.cancel, g.done = false, cancel, make(chan struct{})
	done := g.done
	w.mu.Unlock()
	sign, err := simsign.New(o)
	if err != nil {
		w.violate("%s does not start: %v", g.d.name, err)
		close(done)
		return
	}
	w.mu.Lock()
	g.sign = sign
	w.mu.Unlock()
	go func() {
		defer close(done)
		if err := sign.Run(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, simsign.ErrPowerCut) {
			w.violate("%s ended: %v", g.d.name, err)
		}
	}()
}

func (g *goSign) cut() {
	w := g.d.w
	w.mu.Lock()
	g.dead = true
	w.path.end(g.session)
	cancel, done := g.cancel, g.done
	w.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

func (g *goSign) spread(below time.Duration) time.Duration {
	g.d.w.mu.Lock()
	defer g.d.w.mu.Unlock()
	return time.Duration(g.d.rng.Int64N(int64(below)))
}

func (g *goSign) emit(e simsign.Event) {
	w := g.d.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.dead {
		return
	}
	switch e.Event {
	case "pairing":
		g.d.code = e.Code
	case "paired":
		g.d.paired = true
	case "unpaired":
		w.violate("%s forgot who it is", g.d.name)
	case "firmware":
		if e.Reason != "good" && e.Reason != "trial" {
			w.violate("%s starts from a slot that is neither good nor on trial", g.d.name)
		}
		g.d.starts(e.Number, e.Reason == "good", g.image)
	case "error", "manifest", "drawn", "offline", "sleep":
		g.d.note("%s %s %d/%d %s", e.Event, e.Code, e.Epoch, e.Seq, e.Reason)
	}
}

// image is what one of the slots holds under a digest, nil when none does. The
// caller holds mu.
func (g *goSign) image(want [32]byte) []byte {
	for name, b := range g.flash {
		if strings.HasPrefix(name, "image-") && sha256.Sum256(b) == want {
			return b
		}
	}
	return nil
}

// dial is the sign's way to the broker.
func (g *goSign) dial(context.Context) (net.Conn, error) {
	w := g.d.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.dead || w.path.broken || g.d.faulty(g.d.rng, 0.05) {
		return nil, errNetwork
	}
	deaf := g.d.faulty(g.d.rng, 0.02) || g.d.fails(muteDud)
	near, far := net.Pipe()
	var c *client
	var s *session
	ready := make(chan struct{})
	c = serve(far, handler{
		connect: func(p *packets.ConnectPacket) int {
			<-ready
			if !w.admits(g.d, p.ClientIdentifier, string(p.Password)) {
				return refused
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if g.dead || deaf {
				return noAnswer
			}
			s = w.path.connect(g.d, p.ClientIdentifier, c.deliver, c.close)
			g.session = s
			return welcome
		},
		publish: func(topic string, payload []byte) {
			if s != nil {
				w.path.up(s, topic, payload)
			}
		},
		closed: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.path.end(s)
		},
	})
	close(ready)
	return near, nil
}

func (g *goSign) running() *simsign.Sign {
	g.d.w.mu.Lock()
	defer g.d.w.mu.Unlock()
	if g.dead {
		return nil
	}
	return g.sign
}

func (g *goSign) wake() {
	if s := g.running(); s != nil {
		s.Wake()
	}
}

func (g *goSign) press(button int) {
	if s := g.running(); s != nil {
		s.Press(button)
	}
}

func (g *goSign) jumpClock(minutes int) {
	g.d.w.mu.Lock()
	g.skew += time.Duration(minutes) * time.Minute
	skew := g.skew
	g.d.w.mu.Unlock()
	if s := g.running(); s != nil {
		s.SetClock(skew)
	}
}

// setEra keeps its clock what it was, when that of the gateway was set.
func (g *goSign) setEra(jump time.Duration) {
	g.skew -= jump
	g.cancel, g.done, g.sign, g.session = nil, nil, nil, nil
}

func (g *goSign) plan(steps int) { g.steps, g.atPanel = steps, false }
func (g *goSign) planDraw()      { g.atPanel = true }
func (g *goSign) full(on bool)   { g.isFull = on }

// panelFails turns some of its pixels over, which it does not notice.
func (g *goSign) panelFails(n int) {
	var at [][2]int
	for range n {
		at = append(at, [2]int{g.d.rng.IntN(panelWidth), g.d.rng.IntN(panelHeight)})
	}
	if n > 0 {
		time.AfterFunc(time.Millisecond, func() { g.smudge(at) })
	}
}

func (g *goSign) smudge(at [][2]int) {
	s := g.running()
	if s == nil {
		return
	}
	smudges := func(on bool) {
		g.d.w.mu.Lock()
		defer g.d.w.mu.Unlock()
		g.smudges = on
	}
	smudges(true)
	defer smudges(false)
	for _, p := range at {
		if err := s.Flip(p[0], p[1]); err != nil {
			g.d.w.violate("%s: %v", g.d.name, err)
		}
	}
}

func (g *goSign) misbehave(m mistake) { g.mistake = m }
