package simsign

import (
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"doorleaf/firmware-protocol/wire"
)

const (
	qrQuiet    = 4 // modules around a QR code [DL-PAIR-12]
	qrSmallest = 2 // pixels to a module, and to a dot of the code beside it
	textRow    = glyphHeight + 2
	faceTitle  = "PAIR THIS SIGN"
)

// paper is the part of the glass that text is written on.
type paper struct{ x, y, width, height int }

// faceText is how the text beside a QR code is set, in pixels to a dot.
type faceText struct {
	code, lines int // the code, in one line or two
	text        int // title, host and serial number
	across      int // characters in a line of the host
	down        int // lines of the host
	spare       int // pixels left of the height
}

// drawPairingQR draws the code beside or above a QR code of address and code,
// with the host it leads to [DL-PAIR-12]. It reports false, and draws nothing,
// when there is no address or no room for what a camera can read.
func drawPairingQR(b *wire.Bitmap, code, serial, address string) bool {
	host, ok := wire.PairAddressHost(address)
	if !ok {
		return false
	}
	c, err := qr.Encode(address+code, qr.M, qr.Auto)
	if err != nil {
		return false
	}
	side := c.Bounds().Dx() + 2*qrQuiet
	beside, below := qrModule(side, b.Height, b.Width), qrModule(side, b.Width, b.Height)
	p, x, y, size := paper{0, 0, b.Width, b.Height}, 0, 0, max(beside, below)
	if beside > below || beside == below && b.Width >= b.Height {
		x, y = b.Width-side*size, (b.Height-side*size)/2
		p.width = x
	} else {
		x, y = (b.Width-side*size)/2, b.Height-side*size
		p.height = y
	}
	p.x, p.y = p.width/32+1, p.height/32+1
	p.width, p.height = p.width-2*p.x, p.height-2*p.y
	t, ok := p.fit(len(host))
	if size < qrSmallest || !ok {
		return false
	}
	clear(b.Pix)
	if len(serial) > 4 {
		serial = serial[len(serial)-4:]
	}
	p.write(b, t, code, host, serial)
	drawModules(b, c, x+qrQuiet*size, y+qrQuiet*size, size)
	return true
}

func drawModules(b *wire.Bitmap, c barcode.Barcode, x, y, size int) {
	for row := range c.Bounds().Dy() {
		for col := range c.Bounds().Dx() {
			if black, _, _, _ := c.At(col, row).RGBA(); black == 0 {
				square(b, x+col*size, y+row*size, size)
			}
		}
	}
}

// qrModule is how many pixels a module has where side of them have length
// pixels one way and half of other, when that is too little two thirds.
func qrModule(side, length, other int) int {
	size := other / 2 / side
	if size < qrSmallest && other*2/3/side >= qrSmallest {
		size = qrSmallest
	}
	return min(size, length/side)
}

// holds reports whether n characters fit into a line.
func (p paper) holds(n, size int) bool { return (n*glyphCell-1)*size <= p.width }

// fit finds the largest code that fits together with title, host and serial.
func (p paper) fit(host int) (faceText, bool) {
	for code := p.height / textRow; code >= qrSmallest; code-- {
		for lines := 1; lines <= 2; lines++ {
			if lines == 1 && !p.holds(9, code) || !p.holds(4, code) {
				continue
			}
			t := faceText{code: code, lines: lines, text: code*2/5 + 1}
			for t.text > max((code+2)/5, 1) && !p.holds(max(host, len(faceTitle)), t.text) {
				t.text--
			}
			t.across = (p.width + t.text) / (glyphCell * t.text)
			t.down = (host + t.across - 1) / t.across
			t.across = (host + t.down - 1) / t.down // lines of the same length
			t.spare = p.height - lines*textRow*code - (2+t.down)*textRow*t.text
			if t.spare >= 0 {
				return t, true
			}
		}
	}
	return faceText{}, false
}

// write writes title, code, host and serial, in the middle of the paper.
func (p paper) write(b *wire.Bitmap, t faceText, code, host, serial string) {
	gap := min(t.spare/3, 3*t.text)
	y := p.y + t.spare/2 - gap
	line := func(s string, size int) {
		if p.holds(len(s), size) {
			write(b, s, p.x+(p.width-(len(s)*glyphCell-1)*size)/2, y+size, size)
		}
		y += textRow * size
	}
	line(faceTitle, t.text)
	y += gap
	if t.lines == 2 {
		line(code[:4], t.code)
		line(code[4:], t.code)
	} else {
		line(code[:4]+" "+code[4:], t.code)
	}
	y += gap
	for ; host != ""; host = host[min(t.across, len(host)):] {
		line(strings.ToUpper(host[:min(t.across, len(host))]), t.text)
	}
	if serial != "" {
		line("SERIAL ..."+strings.ToUpper(serial), t.text)
	}
}
