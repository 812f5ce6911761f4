package simsign_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
)

// doorman is a broker that lets nobody in, or nothing through.
type doorman struct {
	mu    sync.Mutex
	away  bool // no connection at all
	knows bool // lets everybody in
	tries int
}

func (b *doorman) set(away, knows bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away, b.knows = away, knows
}

func (b *doorman) dial(context.Context) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return nil, errors.New("nobody listens")
	}
	b.tries++
	code := byte(packets.ErrRefusedNotAuthorised)
	if b.knows {
		code = packets.Accepted
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		for {
			p, err := packets.ReadPacket(far)
			if err != nil {
				return
			}
			switch p := p.(type) {
			case *packets.ConnectPacket:
				a := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
				a.ReturnCode = code
				_ = a.Write(far)
			case *packets.SubscribePacket:
				a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
				a.MessageID, a.ReturnCodes = p.MessageID, []byte{1}
				_ = a.Write(far)
			}
		}
	}()
	return near, nil
}

// guest is a paired sign at the doorman's.
type guest struct {
	b        *doorman
	store    simsign.Storage
	alwaysOn bool
	sign     *simsign.Sign
	off      func()

	mu       sync.Mutex
	unpaired time.Time
}

func (g *guest) on(t *testing.T) {
	t.Helper()
	s, err := simsign.New(simsign.Options{Dial: g.b.dial, Panel: devices.PanelBySize(64, 48), Serial: "S", AlwaysOn: g.alwaysOn, Storage: g.store,
		Identity: &simsign.Identity{ID: "aaaaaaaaaaaaaaaa", Secret: make([]byte, 32)},
		Emit: func(e simsign.Event) {
			g.mu.Lock()
			defer g.mu.Unlock()
			if e.Event == "unpaired" {
				g.unpaired = e.Time
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	g.sign, g.off = s, func() { cancel(); <-done }
}

func (g *guest) forgot() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.unpaired.IsZero()
}

// Refusals cost the pairing only when they last [DL-PAIR-9].
func TestRefusals(t *testing.T) {
	const boot, press = 1, 2
	for _, tt := range []struct {
		name     string
		alwaysOn bool
		help     int           // somebody does that every minute
		mended   time.Duration // the broker knows the sign again, 0: never
		again    bool          // and forgets it once more
		earliest time.Duration // it pairs anew; 0: it does not
		latest   time.Duration
	}{
		{"removed", true, 0, 0, false, 20 * time.Minute, 21 * time.Minute},
		{"removed, asleep", false, 0, 0, false, 20 * time.Minute, 22 * time.Minute},
		{"removed, switched off and on", false, boot, 0, false, 2 * time.Minute, 2*time.Minute + 10*time.Second},
		{"removed, always on, switched off and on", true, boot, 0, false, 2 * time.Minute, 2*time.Minute + 10*time.Second},
		{"removed, button pressed", true, press, 0, false, time.Minute, 4 * time.Minute},
		{"removed, asleep, button pressed", false, press, 0, false, time.Minute, 4 * time.Minute},
		{"the broker's users are back after 19 minutes", true, 0, 19 * time.Minute, false, 0, 0},
		{"the broker's users are back, asleep", false, 0, 19 * time.Minute, false, 0, 0},
		{"lost twice", true, 0, 19 * time.Minute, true, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &guest{b: &doorman{}, store: simsign.Memory(), alwaysOn: tt.alwaysOn}
				begin := time.Now()
				g.on(t)
				defer func() { g.off() }()
				for n := 1; time.Since(begin) < time.Hour && !g.forgot(); n++ {
					time.Sleep(10 * time.Second)
					switch at := time.Since(begin); {
					case tt.mended > 0 && at == tt.mended:
						g.b.set(false, true)
					case tt.again && at == tt.mended+5*time.Minute:
						g.b.set(false, false)
						g.off()
						g.on(t)
					case tt.again && at == tt.mended+20*time.Minute:
						g.b.set(false, true)
					}
					if n%6 == 0 && tt.help == boot {
						g.off()
						time.Sleep(time.Millisecond)
						g.on(t)
					}
					if n%6 == 0 && tt.help == press {
						g.sign.Press(1)
					}
				}
				g.mu.Lock()
				at := g.unpaired
				g.mu.Unlock()
				g.b.mu.Lock() // it may be dialling at this very moment
				tries := g.b.tries
				g.b.mu.Unlock()
				switch took := at.Sub(begin.UTC()); {
				case tt.earliest == 0 && !at.IsZero():
					t.Errorf("it forgot who it is after %s", took)
				case tt.earliest > 0 && (at.IsZero() || took < tt.earliest || took > tt.latest):
					t.Errorf("it forgot who it is after %s, want %s to %s", took, tt.earliest, tt.latest)
				}
				if tries > 400 {
					t.Errorf("%d tries to connect", tries)
				}
			})
		})
	}
}

// A gateway that is away costs no pairing, however long.
func TestAwayIsNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guest{b: &doorman{away: true}, store: simsign.Memory(), alwaysOn: true}
		g.on(t)
		time.Sleep(24 * time.Hour)
		g.off()
		if g.forgot() {
			t.Error("it forgot who it is")
		}
	})
}
