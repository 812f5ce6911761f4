package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/render/mono"
)

// cmdSign runs one simulated sign; docs/sign.md documents its output and its
// commands.
func cmdSign(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("sign", flag.ContinueOnError)
	fs.SetOutput(std.err)
	gateway := fs.String("gateway", "", "address of the gateway, mqtt://HOST:PORT or mqtts://HOST:PORT")
	ca := fs.String("ca", "", "PEM `file` of the authority that signed the gateway's certificate; without it the key seen while pairing is trusted")
	panel := fs.String("panel", "800x480", "panel `size` in pixels")
	dir := fs.String("state", "", "`folder` that keeps the sign's state (required)")
	glass := fs.String("glass", "", "PNG `file` that always holds what the glass shows")
	always := fs.Bool("always-on", false, "stay connected instead of sleeping between wakes")
	factory := fs.String("factory", "", "CSV `file` of a factory with the sign's id and secret: it is not paired")
	maker := fs.String("maker", "", "public key `file` of the maker whose firmware the sign takes, see doorleaf firmware")
	model := fs.String("model", "", "model to say (default: the panel's size)")
	number := fs.Uint("firmware", 0, "number of the firmware the sign was made with")
	serial := fs.String("serial", "", "serial number (default: made from the name of the state folder)")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *gateway == "" || *dir == "" || fs.NArg() > 0 {
		fmt.Fprintln(std.err, "doorleaf sign: -gateway and -state are required")
		fs.Usage()
		return flag.ErrHelp
	}
	p, err := parsePanel(*panel)
	if err != nil {
		return err
	}
	o := simsign.Options{Gateway: *gateway, Panel: p, Serial: *serial, AlwaysOn: *always}
	if *factory != "" {
		given := false
		fs.Visit(func(f *flag.Flag) { given = given || f.Name == "panel" })
		if err := factoryIdentity(*factory, &o, given); err != nil {
			return err
		}
	}
	if *model != "" {
		o.Panel.Model = *model
	}
	if *maker != "" {
		if o.Maker, err = readMaker(*maker); err != nil {
			return err
		}
	}
	o.FirmwareNumber = uint32(min(*number, 1<<32-1))
	if o.Serial == "" {
		o.Serial = serialOf(*dir)
	}
	if *ca != "" {
		if o.CA, err = readAuthority(*ca); err != nil {
			return err
		}
	}
	if o.Storage, err = simsign.Directory(*dir); err != nil {
		return err
	}
	c := &signConsole{out: json.NewEncoder(std.out), glass: *glass}
	o.Emit = c.event
	if c.sign, err = simsign.New(o); err != nil {
		return err
	}
	return c.run(ctx, std.in)
}

// serialOf makes a serial number of the name of a folder.
func serialOf(dir string) string {
	name := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return '-'
	}, strings.ToUpper(filepath.Base(filepath.Clean(dir))))
	return "SIM-" + name[:min(len(name), 60)]
}

// parsePanel reads WIDTHxHEIGHT.
func parsePanel(s string) (devices.Panel, error) {
	ws, hs, ok := strings.Cut(s, "x")
	w, err1 := strconv.Atoi(ws)
	h, err2 := strconv.Atoi(hs)
	if !ok || err1 != nil || err2 != nil || w < 1 || h < 1 || w > 16384 || h > 16384 {
		return devices.Panel{}, fmt.Errorf("panel %q: want WIDTHxHEIGHT, for instance 800x480", s)
	}
	return devices.PanelBySize(w, h), nil
}

func readAuthority(file string) (*x509.CertPool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return pool, nil
}

// signConsole is the sign's lines on standard output and its commands from
// standard input.
type signConsole struct {
	sign  *simsign.Sign
	glass string

	mu  sync.Mutex
	out *json.Encoder // guarded by mu
}

// event prints one line and keeps the -glass file up to date.
func (c *signConsole) event(e simsign.Event) {
	if e.Event == "drawn" || e.Event == "pairing" || e.Event == "boot" {
		c.redraw()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.out.Encode(e) // who reads the lines may be gone; the sign goes on
}

func (c *signConsole) redraw() {
	if c.glass == "" {
		return
	}
	if err := writeGlass(c.glass, c.sign.Glass()); err != nil {
		c.complain(err)
	}
}

// complain prints an error of the console itself.
func (c *signConsole) complain(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.out.Encode(simsign.Event{Time: time.Now().UTC(), Event: "error", Code: "console", Error: err.Error()})
}

// run runs the sign until ctx ends or somebody types quit. The end of standard
// input only ends the commands.
func (c *signConsole) run(ctx context.Context, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if quit, err := c.command(strings.Fields(lines.Text())); err != nil {
				c.complain(err)
			} else if quit {
				cancel()
				return
			}
		}
	}()
	if err := c.sign.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// command does what one line says.
func (c *signConsole) command(words []string) (quit bool, err error) {
	if len(words) == 0 {
		return false, nil
	}
	numbers := make([]int, 0, 2)
	for _, w := range words[1:] {
		if n, err := strconv.Atoi(w); err == nil {
			numbers = append(numbers, n)
		}
	}
	switch name, args := words[0], len(words)-1; {
	case name == "quit" && args == 0:
		return true, nil
	case name == "wake" && args == 0:
		c.sign.Wake()
	case name == "glass" && args == 1:
		m := c.sign.Glass()
		if err := writeGlass(words[1], m); err != nil {
			return false, err
		}
		d := m.Digest()
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.out.Encode(simsign.Event{Time: time.Now().UTC(), Event: "glass", Digest: fmt.Sprintf("%x", d[:])})
	case name == "button" && args == 1 && len(numbers) == 1:
		c.sign.Press(numbers[0])
	case name == "battery" && args == 1 && len(numbers) == 1:
		c.sign.SetBattery(numbers[0])
	case name == "flip" && args == 2 && len(numbers) == 2:
		if err := c.sign.Flip(numbers[0], numbers[1]); err != nil {
			return false, err
		}
		c.redraw()
	default:
		return false, fmt.Errorf("command %q: want wake, button N, glass FILE, flip X Y, battery MV or quit", strings.Join(words, " "))
	}
	return false, nil
}

// writeGlass replaces a PNG as a whole, so that nobody reads half of it.
func writeGlass(file string, m *mono.Image) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".glass-*")
	if err != nil {
		return err
	}
	err = errors.Join(m.EncodePNG(f), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
