package wire

import (
	"fmt"
	"math/rand/v2"
)

// The colours of the glass of an emulated panel.
const (
	glassWhite = iota
	glassBlack
	glassRed
	glassUnknown
)

// panelChip is what the controllers of panels have in common: pins, time, the
// glass. It refuses what a data sheet forbids, by the first error it met.
type panelChip struct {
	width, height int
	red           bool
	glass         []uint8 // as scanned
	err           error

	now, busyUntil  int // milliseconds
	stuck           bool
	low, up, asleep bool // RST is low; was reset; deep sleep
	then            func()
	command         byte
	open            bool // a command waits for its data
	data            []byte

	fulls, fasts, inRow, bytes int // updates since the start, fast ones since a full one, bytes of data
	random                     *rand.Rand
}

// panelController is one kind of controller.
type panelController interface {
	begin(command byte)  // a command without its data
	finish(command byte) // with all of it
	byteOf(b byte)       // one byte of data more
	wipe(memory bool)    // registers after a reset; memory too without power
	chip() *panelChip
}

func newChip(width, height int, red bool) panelChip {
	c := panelChip{width: width, height: height, red: red, glass: make([]uint8, width*height), random: rand.New(rand.NewPCG(1, 2))}
	for i := range c.glass {
		c.glass[i] = glassUnknown
	}
	return c
}

func (c *panelChip) chip() *panelChip { return c }

func (c *panelChip) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("at %d ms: "+format, append([]any{c.now}, args...)...)
	}
}

// noise is what memory holds after the power came.
func (c *panelChip) noise(b []byte) {
	for i := range b {
		b[i] = byte(c.random.Uint32())
	}
}

// busyFor ends with what then does.
func (c *panelChip) busyFor(milliseconds int, then func()) {
	c.busyUntil, c.then = c.now+milliseconds, then
}

func (c *panelChip) isBusy() bool { return c.stuck || c.now < c.busyUntil }

func (c *panelChip) pass(milliseconds int) {
	c.now += milliseconds
	if c.then != nil && !c.isBusy() {
		then := c.then
		c.then = nil
		then()
	}
}

// usable reports whether the controller may be spoken to.
func (c *panelChip) usable(what string) bool {
	switch {
	case c.err != nil: // what it does after an error nobody knows
		return false
	case !c.up:
		c.fail("%s before a reset", what)
	case c.low:
		c.fail("%s during a reset", what)
	case c.asleep:
		c.fail("%s in deep sleep", what)
	case c.isBusy():
		c.fail("%s while busy", what)
	default:
		return true
	}
	return false
}

// panelCommand is what the wires bring.
func panelCommand(p panelController, command byte) {
	c := p.chip()
	if !c.usable(fmt.Sprintf("command %#02x", command)) {
		return
	}
	panelEnd(p)
	c.command, c.open, c.data = command, true, nil
	if c.err == nil {
		p.begin(command)
	}
}

// panelEnd ends the command before, of which all data has come.
func panelEnd(p panelController) {
	if c := p.chip(); c.open {
		c.open = false
		p.finish(c.command)
	}
}

func panelData(p panelController, data []byte) {
	c := p.chip()
	if !c.usable("data") {
		return
	}
	if !c.open {
		c.fail("data without a command")
	}
	c.bytes += len(data)
	for _, b := range data {
		p.byteOf(b)
	}
}

func panelReset(p panelController, low bool) {
	c := p.chip()
	if low {
		if c.then != nil && c.isBusy() {
			c.shatter()
		}
		panelEnd(p)
		c.then, c.asleep = nil, false
		c.busyUntil = c.now
	} else if c.low {
		c.up = true
		p.wipe(false)
		c.busyFor(5, nil)
	}
	c.low = low
}

// shatter leaves the glass between two pictures.
func (c *panelChip) shatter() {
	for i := range c.glass {
		c.glass[i] = glassUnknown
	}
}

// want checks the number of parameters.
func (c *panelChip) want(n int) bool {
	if len(c.data) != n {
		c.fail("command %#02x with %d parameters, not %d", c.command, len(c.data), n)
	}
	return len(c.data) == n
}

// updated counts an update.
func (c *panelChip) updated(fast bool) {
	if !fast {
		c.fulls++
		c.inRow = 0
		return
	}
	c.fasts++
	if c.inRow++; c.inRow > 8 {
		c.fail("%d fast updates in a row", c.inRow)
	}
	if c.red {
		c.fail("a fast update with red")
	}
}

// ssd is an SSD1680 or SSD1683.
type ssd struct {
	panelChip
	ram, other             []byte
	x0, x1, y0, y1, x, y   int
	entry, update, control byte
	count                  int
}

func newSSD(width, height int, red bool) *ssd {
	s := &ssd{panelChip: newChip(width, height, red)}
	s.ram, s.other = make([]byte, s.stride()*height), make([]byte, s.stride()*height)
	s.wipe(true)
	return s
}

func (s *ssd) stride() int { return (s.width + 7) / 8 }

func (s *ssd) wipe(memory bool) {
	if memory {
		s.noise(s.ram)
		s.noise(s.other)
	}
	s.x0, s.x1, s.y0, s.y1, s.x, s.y = 0, s.stride()-1, 0, s.height-1, 0, 0
	s.entry, s.update, s.control = 3, 0xff, 0
}

func (s *ssd) begin(command byte) {
	s.count = 0
	switch command {
	case 0x12:
		s.wipe(false)
		s.busyFor(10, nil)
	case 0x20:
		s.activate()
	case 0x24, 0x26:
		if s.x < s.x0 || s.x > s.x1 || s.y < s.y0 || s.y > s.y1 {
			s.fail("counters %d, %d outside of the window", s.x, s.y)
		}
	case 0x01, 0x10, 0x11, 0x18, 0x21, 0x22, 0x3c, 0x44, 0x45, 0x4e, 0x4f:
	default:
		s.fail("command %#02x is not one of SSD16xx", command)
	}
}

func (s *ssd) byteOf(b byte) {
	memory := s.ram
	switch s.command {
	case 0x24:
	case 0x26:
		memory = s.other
	default:
		if s.data = append(s.data, b); len(s.data) > 4 {
			s.fail("too much data for command %#02x", s.command)
		}
		if s.command == 0x10 { // it sleeps at once
			s.open = false
			s.finish(0x10)
		}
		return
	}
	s.count++
	if s.err != nil {
		return
	}
	memory[s.y*s.stride()+s.x] = b
	if s.entry&4 == 0 {
		if s.stepX() {
			s.stepY()
		}
	} else if s.stepY() {
		s.stepX()
	}
}

// step moves a counter within its window and reports whether it began anew.
func step(at *int, first, last int, up bool) bool {
	if up {
		if *at++; *at > last {
			*at = first
			return true
		}
		return false
	}
	if *at--; *at < first {
		*at = last
		return true
	}
	return false
}

func (s *ssd) stepX() bool { return step(&s.x, s.x0, s.x1, s.entry&1 != 0) }
func (s *ssd) stepY() bool { return step(&s.y, s.y0, s.y1, s.entry&2 != 0) }

func (s *ssd) finish(command byte) {
	d := s.data
	switch command {
	case 0x24, 0x26:
		if size := (s.x1 - s.x0 + 1) * (s.y1 - s.y0 + 1); s.count != size {
			s.fail("%d bytes into a window of %d", s.count, size)
		}
	case 0x12, 0x20:
		s.want(0)
	case 0x01:
		if s.want(3) && (int(d[0])|int(d[1])<<8) != s.height-1 {
			s.fail("%d gates on a panel of %d", int(d[0])|int(d[1])<<8, s.height)
		}
	case 0x10:
		if s.want(1) && d[0] != 0 {
			s.asleep = true
			if d[0] == 3 {
				s.noise(s.ram)
				s.noise(s.other)
			}
		}
	case 0x11:
		if s.want(1) {
			s.entry = d[0]
		}
	case 0x18, 0x3c:
		s.want(1)
	case 0x21:
		if s.want(2) {
			s.control = d[0]
		}
	case 0x22:
		if s.want(1) {
			s.update = d[0]
		}
	case 0x44:
		if s.want(2) {
			s.x0, s.x1 = int(d[0]), int(d[1])
		}
		s.window(s.x0, s.x1, s.stride())
	case 0x45:
		if s.want(4) {
			s.y0, s.y1 = int(d[0])|int(d[1])<<8, int(d[2])|int(d[3])<<8
		}
		s.window(s.y0, s.y1, s.height)
	case 0x4e:
		if s.want(1) {
			s.x = int(d[0])
		}
	case 0x4f:
		if s.want(2) {
			s.y = int(d[0]) | int(d[1])<<8
		}
	}
}

func (s *ssd) window(first, last, size int) {
	if first > last || last >= size {
		s.fail("window %d to %d of %d", first, last, size)
	}
}

// option is what the update takes a bit of memory for.
func option(bit bool, how byte) bool {
	switch how {
	case 4:
		return false
	case 8:
		return !bit
	}
	return bit
}

func (s *ssd) activate() {
	if s.update&0xd4 != 0xd4 {
		s.fail("update sequence %#02x shows nothing", s.update)
		return
	}
	fast := s.update&0x08 != 0
	s.updated(fast)
	next := append([]uint8(nil), s.glass...)
	for y := range s.height {
		for x := range s.width {
			at, mask := y*s.stride()+x/8, byte(0x80)>>(x%8)
			bit, other := option(s.ram[at]&mask != 0, s.control&15), option(s.other[at]&mask != 0, s.control>>4)
			colour := uint8(glassBlack)
			if bit {
				colour = glassWhite
			}
			switch {
			case fast && bit == other:
				continue
			case !fast && other && !s.red:
				s.fail("red at %d, %d of a panel without", x, y)
			case !fast && other:
				colour = glassRed
			}
			next[y*s.width+x] = colour
		}
	}
	took := 1700
	if fast {
		took = 360
	} else if s.red {
		took = 15000
	}
	s.busyFor(took, func() { s.glass = next })
}

// uc is a UC8179.
type uc struct {
	panelChip
	memory                         [2][]byte // old and new, or black and red
	setting, interval, cascade     byte
	temperature                    byte
	sized, powered, windowed       bool
	left, right, top, bottom, x, y int
	count                          int
}

func newUC(width, height int, red bool) *uc {
	u := &uc{panelChip: newChip(width, height, red)}
	u.memory[0], u.memory[1] = make([]byte, width/8*height), make([]byte, width/8*height)
	u.wipe(true)
	return u
}

func (u *uc) wipe(memory bool) {
	if memory {
		u.noise(u.memory[0])
		u.noise(u.memory[1])
	}
	u.setting, u.interval, u.cascade, u.temperature = 0x0f, 0x31, 0, 0
	u.sized, u.powered, u.windowed = false, false, false
}

// ucParameters is how many bytes each command has; -1 stands for a picture.
var ucParameters = map[byte]int{0x00: 1, 0x01: 4, 0x02: 0, 0x04: 0, 0x06: 4, 0x07: 1, 0x10: -1, 0x12: 0, 0x13: -1, 0x15: 1, 0x50: 2, 0x60: 1, 0x61: 4,
	0x90: 9, 0x91: 0, 0x92: 0, 0xe0: 1, 0xe5: 1}

func (u *uc) begin(command byte) {
	u.count = 0
	if _, ok := ucParameters[command]; !ok {
		u.fail("command %#02x is not one of UC8179", command)
	}
	switch command {
	case 0x02:
		u.busyFor(30, func() { u.powered = false })
	case 0x04:
		u.busyFor(80, func() { u.powered = true })
	case 0x10, 0x13:
		u.start()
	case 0x12:
		u.refresh()
	case 0x91, 0x92:
		u.windowed = command == 0x91
	}
}

// start puts the counters at the beginning of the window.
func (u *uc) start() {
	if !u.sized {
		u.fail("a picture before the resolution")
	}
	if !u.windowed {
		u.left, u.right, u.top, u.bottom = 0, u.width-1, 0, u.height-1
	}
	u.x, u.y = u.left/8, u.top
}

func (u *uc) byteOf(b byte) {
	if u.command != 0x10 && u.command != 0x13 {
		u.data = append(u.data, b)
		if len(u.data) > max(0, ucParameters[u.command]) {
			u.fail("too much data for command %#02x", u.command)
		}
		if u.command == 0x07 {
			u.open = false
			u.finish(0x07)
		}
		return
	}
	u.count++
	if u.err != nil || u.y > u.bottom {
		u.fail("more than the window holds")
		return
	}
	which := 0
	if u.command == 0x13 {
		which = 1
	}
	u.memory[which][u.y*u.width/8+u.x] = b
	if step(&u.x, u.left/8, u.right/8, true) {
		u.y++
	}
}

func (u *uc) finish(command byte) {
	d := u.data
	if n := ucParameters[command]; n >= 0 && !u.want(n) {
		return
	}
	switch command {
	case 0x00:
		u.setting = d[0]
		if d[0]&0x2f != 0x0f || (d[0]&0x10 == 0) != u.red {
			u.fail("panel setting %#02x", d[0])
		}
	case 0x07:
		if d[0] != 0xa5 || u.powered {
			u.fail("deep sleep with %#02x, power %v", d[0], u.powered)
		}
		u.asleep = true
		u.noise(u.memory[0])
		u.noise(u.memory[1])
	case 0x10, 0x13:
		if size := (u.right/8 - u.left/8 + 1) * (u.bottom - u.top + 1); u.count != size {
			u.fail("%d bytes into a window of %d", u.count, size)
		}
	case 0x50:
		u.interval = d[0]
	case 0x61:
		u.sized = true
		if w, h := int(d[0])<<8|int(d[1]), int(d[2])<<8|int(d[3]); w != u.width || h != u.height {
			u.fail("resolution %dx%d", w, h)
		}
	case 0x90:
		u.left, u.right = int(d[0])<<8|int(d[1]), int(d[2])<<8|int(d[3])
		u.top, u.bottom = int(d[4])<<8|int(d[5]), int(d[6])<<8|int(d[7])
		if u.left&7 != 0 || u.right&7 != 7 || u.left > u.right || u.right >= u.width || u.top > u.bottom || u.bottom >= u.height || !u.windowed {
			u.fail("window %d to %d, %d to %d, on %v", u.left, u.right, u.top, u.bottom, u.windowed)
		}
	case 0xe0:
		u.cascade = d[0]
	case 0xe5:
		u.temperature = d[0]
	}
}

func (u *uc) refresh() {
	if !u.powered {
		u.fail("a refresh without power")
		return
	}
	if !u.windowed {
		u.left, u.right, u.top, u.bottom = 0, u.width-1, 0, u.height-1
	}
	fast := u.cascade&2 != 0 && u.temperature == 0x6e
	u.updated(fast)
	next := append([]uint8(nil), u.glass...)
	flip := u.interval&1 != 0
	for y := u.top; y <= u.bottom; y++ {
		for x := u.left; x <= u.right; x++ {
			at, mask := y*u.width/8+x/8, byte(0x80)>>(x%8)
			first, second := u.memory[0][at]&mask != 0, u.memory[1][at]&mask != 0
			colour := uint8(glassWhite)
			switch {
			case u.red && second == (u.interval&2 == 0):
				colour = glassRed
			case u.red && first != flip, !u.red && second != flip:
				colour = glassBlack
			}
			if u.red || first != second {
				next[y*u.width+x] = colour
			}
		}
	}
	took := 4000
	if fast {
		took = 450
	} else if u.red {
		took = 20000
	}
	copies := u.interval&8 != 0
	u.busyFor(took, func() {
		u.glass = next
		if copies {
			copy(u.memory[0], u.memory[1])
		}
	})
}
