package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorleaf/devices/simsign"
	"doorleaf/render/mono"
)

// signProcess is a running cmdSign with its commands and its lines.
type signProcess struct {
	in  *io.PipeWriter
	out chan simsign.Event
	end chan error
}

func startSign(t *testing.T, args ...string) *signProcess {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	p := &signProcess{in: inW, out: make(chan simsign.Event, 1000), end: make(chan error, 1)}
	go func() {
		defer close(p.out)
		for lines := json.NewDecoder(outR); ; {
			var e simsign.Event
			if lines.Decode(&e) != nil {
				return
			}
			p.out <- e
		}
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.end <- cmdSign(t.Context(), args, stdio{inR, outW, io.Discard})
		_ = outW.Close()
	}()
	t.Cleanup(func() { // it writes into the test's folder until it has ended
		_ = inW.Close()
		_ = outR.Close()
		<-ended
	})
	return p
}

// next returns the next line of that event.
func (p *signProcess) next(t *testing.T, event string) simsign.Event {
	t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case e, ok := <-p.out:
			if !ok {
				t.Fatalf("the sign ended, waiting for %s", event)
			}
			if e.Event == event {
				return e
			}
		case <-deadline:
			t.Fatalf("no %s", event)
		}
	}
}

func (p *signProcess) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func readGlass(t *testing.T, file string) image.Image {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The console without any gateway: glass, faults, mistakes, and what survives.
func TestSignConsole(t *testing.T) {
	dir := t.TempDir()
	glass := filepath.Join(dir, "glass.png")
	args := []string{"-gateway", "mqtt://127.0.0.1:1", "-panel", "250x122", "-state", filepath.Join(dir, "door"), "-glass", glass}
	p := startSign(t, args...)
	if e := p.next(t, "boot"); e.Serial != "SIM-DOOR" || e.BatteryMillivolts != 3200 || time.Since(e.Time) > time.Minute {
		t.Errorf("boot: got %+v", e)
	}
	p.say(t, "flip 7 3")
	p.say(t, "battery 2800")
	p.say(t, "glass "+filepath.Join(dir, "asked.png"))
	e := p.next(t, "glass")
	want := mono.New(250, 122)
	want.Pix[3*want.Stride] |= 1
	if d := want.Digest(); e.Digest != hex.EncodeToString(d[:]) {
		t.Errorf("digest: got %s", e.Digest)
	}
	for _, file := range []string{"asked.png", "glass.png"} {
		m := readGlass(t, filepath.Join(dir, file))
		if m.Bounds() != image.Rect(0, 0, 250, 122) {
			t.Errorf("%s: bounds %v", file, m.Bounds())
		}
		if r, _, _, _ := m.At(7, 3).RGBA(); r != 0 {
			t.Errorf("%s: the flipped pixel is not black", file)
		}
	}
	for _, line := range []string{"flip 250 0", "flip 1", "button x", "nonsense", "glass"} {
		p.say(t, line)
		if e := p.next(t, "error"); e.Code != "console" {
			t.Errorf("%q: got %+v", line, e)
		}
	}
	p.say(t, "quit")
	if err := <-p.end; err != nil {
		t.Errorf("quit: got %v", err)
	}
	if e := startSign(t, args...).next(t, "boot"); e.BatteryMillivolts != 2800 {
		t.Errorf("battery after a restart: got %d, want 2800", e.BatteryMillivolts)
	}
}

func TestSignFlags(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"no gateway":     {"-state", dir},
		"no state":       {"-gateway", "mqtt://127.0.0.1:1"},
		"bad scheme":     {"-gateway", "http://127.0.0.1:1", "-state", dir},
		"bad panel":      {"-gateway", "mqtt://127.0.0.1:1", "-state", dir, "-panel", "big"},
		"zero panel":     {"-gateway", "mqtt://127.0.0.1:1", "-state", dir, "-panel", "0x480"},
		"no such file":   {"-gateway", "mqtt://127.0.0.1:1", "-state", dir, "-ca", filepath.Join(dir, "none.pem")},
		"left-over word": {"-gateway", "mqtt://127.0.0.1:1", "-state", dir, "now"},
	} {
		if err := cmdSign(context.Background(), args, stdio{strings.NewReader(""), io.Discard, io.Discard}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
