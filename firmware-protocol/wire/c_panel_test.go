package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// cPanel is a kind of panel as ../c/panel knows it.
type cPanel struct {
	name          string
	width, height int // as scanned
	colours       Colours
	emulator      func(width, height int, red bool) panelController
}

func emulateSSD(w, h int, red bool) panelController { return newSSD(w, h, red) }
func emulateUC(w, h int, red bool) panelController  { return newUC(w, h, red) }

func cPanels() []cPanel {
	return []cPanel{
		{"ssd1680-2.9", 128, 296, BlackWhite, emulateSSD},
		{"ssd1683-4.2", 400, 300, BlackWhite, emulateSSD},
		{"ssd1680-2.13", 122, 250, BlackWhite, emulateSSD},
		{"ssd1680-2.9-red", 128, 296, WithRed, emulateSSD},
		{"ssd1683-4.2-red", 400, 300, WithRed, emulateSSD},
		{"uc8179-7.5", 800, 480, BlackWhite, emulateUC},
		{"uc8179-7.5-red", 800, 480, WithRed, emulateUC},
	}
}

// panelRun is a driver in C whose wires end in an emulated controller.
type panelRun struct {
	panel   cPanel
	turn    int
	colours Colours // of the pictures
	chip    panelController
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	report  bytes.Buffer
}

// buildPanel compiles the drivers, of which one file may be replaced; then
// without the sanitizers.
func buildPanel(t *testing.T, dir, replaced, source string) (runner string) {
	t.Helper()
	runner = filepath.Join(dir, "panel_runner")
	args := append([]string{need(t, "cc", "gcc"), "-I../c/panel", "-o", runner, "../c/panel/test/panel_runner.c",
		"../c/panel/test/jobs.c", "../c/panel/test/wires.c"}, strictC...)
	if replaced == "" {
		args = append(args, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	}
	for _, name := range []string{"dl_panel.c", "dl_ssd16xx.c", "dl_uc81xx.c"} {
		if name == replaced {
			args = append(args, source)
			continue
		}
		args = append(args, "../c/panel/"+name)
	}
	compile(t, args...)
	return runner
}

func startPanel(runner string, p cPanel, turn int, colours Colours) (*panelRun, error) {
	r := &panelRun{panel: p, turn: turn, colours: colours, chip: p.emulator(p.width, p.height, p.colours != BlackWhite)}
	r.cmd = exec.Command(runner, p.name, strconv.Itoa(int(colours)+1), strconv.Itoa(turn))
	r.cmd.Env = append(r.cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
	r.cmd.Stderr = &r.report
	out, err := r.cmd.StdoutPipe()
	if err == nil {
		r.in, err = r.cmd.StdinPipe()
	}
	if err == nil {
		err = r.cmd.Start()
	}
	r.out = bufio.NewReader(out)
	return r, err
}

// close ends the driver, which must not have complained.
func (r *panelRun) close() error {
	_ = r.in.Close()
	_, _ = io.Copy(io.Discard, r.out)
	if err := r.cmd.Wait(); err != nil || r.report.Len() > 0 {
		return fmt.Errorf("driver: %w\n%s", err, r.report.Bytes())
	}
	return nil
}

// job does one thing and returns the driver's status.
func (r *panelRun) job(job []byte) (status int, err error) {
	if _, err := r.in.Write(job); err != nil {
		return 0, err
	}
	for c := r.chip.chip(); ; {
		kind, err := r.out.ReadByte()
		if err != nil {
			return 0, err
		}
		switch kind {
		case 'B':
			level := byte(0)
			if _, low := r.chip.(*uc); c.isBusy() != low {
				level = 1
			}
			if _, err := r.in.Write([]byte{level}); err != nil {
				return 0, err
			}
		case 'C', 'R', 'E':
			b, err := r.out.ReadByte()
			switch {
			case err != nil:
				return 0, err
			case kind == 'E':
				if b != 0 {
					c.open = false // a wire broke within a command
				}
				panelEnd(r.chip)
				return int(b), c.err
			case kind == 'C':
				panelCommand(r.chip, b)
			default:
				panelReset(r.chip, b == 0)
			}
		case 'D', 'W':
			var n uint16
			if err := binary.Read(r.out, binary.LittleEndian, &n); err != nil {
				return 0, err
			}
			if kind == 'W' {
				c.pass(int(n))
				continue
			}
			data := make([]byte, n)
			if _, err := io.ReadFull(r.out, data); err != nil {
				return 0, err
			}
			panelData(r.chip, data)
		default:
			return 0, fmt.Errorf("the driver says %q", kind)
		}
	}
}

// draw draws a picture; old is nil when the driver must do without.
func (r *panelRun) draw(refresh byte, frame, old *Bitmap, failing uint32) (status int, err error) {
	job := []byte{'d', refresh, 0}
	if old != nil {
		job[2] = 1
	}
	job = binary.LittleEndian.AppendUint32(job, failing)
	job = append(job, frame.Pix...)
	if old != nil {
		job = append(job, old.Pix...)
	}
	return r.job(job)
}

// mounted is the size of the pictures.
func (r *panelRun) mounted() (w, h int) {
	if r.turn%2 == 1 {
		return r.panel.height, r.panel.width
	}
	return r.panel.width, r.panel.height
}

// compare holds the glass, seen as the panel hangs, against a picture.
func (r *panelRun) compare(b *Bitmap) error {
	c := r.chip.chip()
	plane := b.Stride * b.Height
	for y := range b.Height {
		for x := range b.Width {
			sx, sy := x, y
			switch r.turn {
			case 1:
				sx, sy = c.width-1-y, x
			case 2:
				sx, sy = c.width-1-x, c.height-1-y
			case 3:
				sx, sy = y, c.height-1-x
			}
			want := uint8(glassWhite)
			at, mask := y*b.Stride+x/8, byte(0x80)>>(x%8)
			if b.Pix[at]&mask != 0 {
				want = glassBlack
			}
			if b.Colours != BlackWhite && b.Pix[plane+at]&mask != 0 {
				want = glassRed
			}
			if got := c.glass[sy*c.width+sx]; got != want {
				return fmt.Errorf("the glass is %d at %d, %d, want %d", got, x, y, want)
			}
		}
	}
	return nil
}

// try draws decoded pictures of all kinds and holds each against the glass.
func (r *panelRun) try(random *rand.Rand, pictures int) error {
	w, h := r.mounted()
	e, d := NewEncoder(), NewDecoder()
	var shown *Bitmap // what is on the glass, nil when that is not known
	for n := range pictures {
		next := panelPicture(random, w, h, r.colours, shown)
		object, err := e.Encode(nil, next, shown, CapAll)
		if err != nil {
			return err
		}
		var frame Bitmap
		if err := d.Decode(&frame, object, shown); err != nil {
			return err
		}
		refresh, old := byte(random.IntN(4)), shown
		if random.IntN(3) == 0 {
			old = nil
		}
		if n > pictures/2 && random.IntN(4) > 0 {
			refresh = 3
		}
		if status, err := r.draw(refresh, &frame, old, 0); err != nil || status != 0 {
			return fmt.Errorf("picture %d, refresh %d, old %v: status %d, %w", n, refresh, old != nil, status, err)
		}
		if err := r.compare(&frame); err != nil {
			return fmt.Errorf("picture %d, refresh %d, old %v: %w", n, refresh, old != nil, err)
		}
		shown = &frame
		switch random.IntN(6) {
		case 0: // the power was away
			if _, err := r.job([]byte{'n'}); err != nil {
				return err
			}
			r.chip.chip().up = false
			r.chip.wipe(true)
		case 1, 2:
			if status, err := r.job([]byte{'s'}); err != nil || status != 0 {
				return fmt.Errorf("sleep: status %d, %w", status, err)
			}
			if !r.chip.chip().asleep {
				return fmt.Errorf("picture %d: it does not sleep", n)
			}
			r.chip.chip().pass(60000)
		}
	}
	c := r.chip.chip()
	if c.fulls == 0 || (c.fasts == 0) != c.red {
		return fmt.Errorf("%d full updates, %d fast ones", c.fulls, c.fasts)
	}
	return nil
}

// panelPicture makes a picture, most often one that differs a little.
func panelPicture(random *rand.Rand, w, h int, kind Colours, before *Bitmap) Bitmap {
	if before == nil || random.IntN(4) == 0 {
		if kind != BlackWhite {
			return coloured(w, h, kind, random.Uint64())
		}
		return noise(w, h, random.Uint64())
	}
	next := before.clone()
	x, y := random.IntN(w), random.IntN(h)
	for range 1 + random.IntN(40) {
		next.set(min(w-1, x+random.IntN(30)), min(h-1, y+random.IntN(50)), random.IntN(2) == 0)
	}
	return next
}

// panelTry runs one panel from its start.
func panelTry(runner string, p cPanel, turn int, colours Colours, pictures int) error {
	r, err := startPanel(runner, p, turn, colours)
	if err != nil {
		return err
	}
	err = r.try(rand.New(rand.NewPCG(uint64(turn), 9)), pictures)
	if ended := r.close(); err == nil {
		err = ended
	}
	return err
}

// The drivers show on an emulated controller what was decoded, mounted each way,
// with and without the picture before, after sleep and after loss of memory.
func TestCPanels(t *testing.T) {
	t.Parallel()
	runner := buildPanel(t, t.TempDir(), "", "")
	pictures := 14
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		pictures = 300
	}
	for _, p := range cPanels() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for turn := range 4 {
				if err := panelTry(runner, p, turn, p.colours, pictures); err != nil {
					t.Errorf("%d quarter turns: %v", turn, err)
				}
			}
			if p.colours == BlackWhite {
				return
			}
			if err := panelTry(runner, p, 1, BlackWhite, 4); err != nil {
				t.Errorf("black and white alone: %v", err)
			}
		})
	}
}

// A change of a few pixels writes a few bytes; a picture that is on the glass
// already writes none.
func TestCPanelWindows(t *testing.T) {
	t.Parallel()
	runner := buildPanel(t, t.TempDir(), "", "")
	for _, p := range cPanels() {
		if p.colours != BlackWhite {
			continue
		}
		r, err := startPanel(runner, p, 3, BlackWhite)
		if err != nil {
			t.Fatal(err)
		}
		w, h := r.mounted()
		a := noise(w, h, 4)
		b := a.clone()
		b.box(w-40, 3, w-31, 24, true)
		draw := func(frame, old *Bitmap) int {
			before := r.chip.chip().bytes
			status, err := r.draw(3, frame, old, 0)
			if err == nil {
				err = r.compare(frame)
			}
			if status != 0 || err != nil {
				t.Fatalf("%s: status %d, %v", p.name, status, err)
			}
			return r.chip.chip().bytes - before
		}
		if n := draw(&a, nil); n < len(a.Pix) {
			t.Errorf("%s: the first picture took %d bytes", p.name, n)
		}
		if n := draw(&b, &a); n > 300 {
			t.Errorf("%s: a small change took %d bytes", p.name, n)
		}
		if n := draw(&b, &b); n != 0 {
			t.Errorf("%s: no change took %d bytes", p.name, n)
		}
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}
}

// A wire that breaks at any call and a controller that stays busy are reported,
// and a full update puts everything right.
func TestCPanelFails(t *testing.T) {
	t.Parallel()
	runner := buildPanel(t, t.TempDir(), "", "")
	for _, p := range []cPanel{cPanels()[0], cPanels()[5]} {
		r, err := startPanel(runner, p, 0, BlackWhite)
		if err != nil {
			t.Fatal(err)
		}
		w, h := r.mounted()
		a := noise(w, h, 1)
		right := func(what string) {
			t.Helper()
			status, err := r.draw(1, &a, nil, 0)
			if err == nil {
				err = r.compare(&a)
			}
			if status != 0 || err != nil {
				t.Fatalf("%s, %s: status %d, %v", p.name, what, status, err)
			}
		}
		b := a.clone()
		b.box(8, 8, 24, 24, true)
		for call := uint32(1); ; call += 1 + call/30 {
			right("full")
			status, err := r.draw(3, &b, &a, call)
			if err != nil {
				t.Fatalf("%s, call %d: %v", p.name, call, err)
			}
			if status == 0 {
				if call < 20 {
					t.Errorf("%s: only %d calls", p.name, call)
				}
				break
			}
			if status != 1 {
				t.Errorf("%s, call %d: status %d", p.name, call, status)
			}
		}
		r.chip.chip().stuck = true
		began := r.chip.chip().now
		if status, err := r.draw(1, &a, nil, 0); err != nil || status != 2 || r.chip.chip().now-began > 11000 {
			t.Errorf("%s, stuck: status %d after %d ms, %v", p.name, status, r.chip.chip().now-began, err)
		}
		r.chip.chip().stuck = false
		if status, err := r.draw(3, &b, &a, 0); err != nil || status != 0 || r.chip.chip().inRow != 0 {
			t.Errorf("%s: after an error it is not full: status %d, %v", p.name, status, err)
		}
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}
}

// Drivers with a mistake are found out.
func TestCPanelMutants(t *testing.T) {
	t.Parallel()
	need(t, "cc", "gcc")
	panels := cPanels()
	for _, m := range []struct{ file, from, to string }{
		{"dl_ssd16xx.c", "RIGHT_DOWN = 0x03", "RIGHT_DOWN = 0x02"},
		{"dl_ssd16xx.c", "RIGHT_DOWN = 0x03", "RIGHT_DOWN = 0x07"},
		{"dl_ssd16xx.c", "return fill(p, OTHER_RAM, frame, w, 0xff);", "return 0;"},
		{"dl_ssd16xx.c", "return status;\n\treturn fill(p, OTHER_RAM, frame, &w, 0xff);", "return status;\n\treturn 0;"},
		{"dl_ssd16xx.c", "w->x + w->width - 1", "w->x + w->width"},
		{"dl_ssd16xx.c", "one(p, AT_X, w->x)", "one(p, AT_X, 0)"},
		{"dl_ssd16xx.c", "dl_panel_command(p, AT_Y, y, 2)", "dl_panel_command(p, AT_Y, y + 2, 2)"},
		{"dl_ssd16xx.c", "red ? 0 : IGNORE_OTHER", "0"},
		{"dl_ssd16xx.c", "dl_panel_command(p, ACTIVATE, NULL, 0)) != 0)\n\t\treturn status;\n\treturn dl_panel_wait(p, BUSY);",
			"dl_panel_command(p, ACTIVATE, NULL, 0)) != 0)\n\t\treturn status;\n\treturn 0;"},
		{"dl_ssd16xx.c", "MODE_2 = 0xff", "MODE_2 = 0xf7"},
		{"dl_ssd16xx.c", "(status = fill(p, OTHER_RAM, old, &whole, 0xff)) != 0", "0"},
		{"dl_ssd16xx.c", "(status = fill(p, RAM, old, &whole, 0xff)) != 0 || ", ""},
		{"dl_uc81xx.c", "BORDER_STAYS | COPY_NEW", "BORDER_STAYS"},
		{"dl_uc81xx.c", "BORDER_WHITE | COPY_NEW", "BORDER_WHITE"},
		{"dl_uc81xx.c", "frame, &w, red ? 0 : 0xff", "frame, &w, 0"},
		{"dl_uc81xx.c", "w->width * 8 - 1", "w->width * 8"},
		{"dl_uc81xx.c", "one(p, CASCADE, 0)", "0"},
		{"dl_uc81xx.c", "return dl_panel_command(p, WINDOW_OUT, NULL, 0);", "return 0;"},
		{"dl_uc81xx.c", "POWER_ON, REFRESH, POWER_OFF", "REFRESH, POWER_ON, POWER_OFF"},
		{"dl_uc81xx.c", "POWER_ON, REFRESH, POWER_OFF", "POWER_ON, REFRESH"},
		{"dl_uc81xx.c", "p->synced = 0;\n\treturn one(p, DEEP_SLEEP, SLEEP);", "return one(p, DEEP_SLEEP, SLEEP);"},
		{"dl_uc81xx.c", "SLEEP = 0xa5", "SLEEP = 0xa4"},
		{"dl_panel.c", "p->fasts < p->model->fasts && ", ""},
		{"dl_panel.c", "p->synced ? NULL : old", "NULL"},
		{"dl_panel.c", " && (p->synced || old != NULL)", ""},
		{"dl_panel.c", "width - 1 - i : width - 1 - y", "width - 1 - i : y"},
		{"dl_panel.c", "height - 1 - i", "i"},
		{"dl_panel.c", "w.height = y - w.y + 1", "w.height = y - w.y"},
		{"dl_panel.c", "if (x > last)\n\t\t\t\tlast = x;", "last = x;"},
	} {
		t.Run(m.file+": "+m.from, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile("../c/panel/" + m.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.from); n != 1 {
				t.Fatalf("%q stands there %d times", m.from, n)
			}
			dir := t.TempDir()
			mutant := filepath.Join(dir, m.file)
			source = bytes.Replace(source, []byte(m.from), []byte(m.to), 1)
			if err := os.WriteFile(mutant, source, 0o600); err != nil {
				t.Fatal(err)
			}
			runner := buildPanel(t, dir, m.file, mutant)
			for turn := range 4 {
				for _, p := range []cPanel{panels[0], panels[5], panels[3]} {
					if m.file == "dl_uc81xx.c" && !strings.HasPrefix(p.name, "uc") || m.file == "dl_ssd16xx.c" && !strings.HasPrefix(p.name, "ssd") {
						continue
					}
					if panelTry(runner, p, turn, p.colours, 14) != nil {
						return
					}
				}
			}
			t.Errorf("nobody notices %q", m.to)
		})
	}
}
