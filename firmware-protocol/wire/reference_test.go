package wire

import (
	"bytes"
	"errors"
	"math/big"
)

// errReference is any disagreement with SPEC.md that the slow decoder sees.
var errReference = errors.New("reference: malformed")

// referenceDecode is a second decoder for the two context encodings, written
// pixel by pixel from SPEC.md without looking after speed: arithmetic in big
// numbers on the whole code at once, pixels by coordinates, estimates in maps.
func referenceDecode(payload []byte, w, h int, ref *Bitmap) (Bitmap, error) {
	r := &reference{
		out: NewBitmap(w, h), ref: ref, code: payload,
		width: 1<<32 - 1, value: new(big.Int), estimates: map[string]*estimate{}, equal: map[[2]int]bool{},
	}
	// The value is code - low; it is kept as an exact integer scaled to all
	// bytes that were read.
	for range 4 {
		r.shift()
	}
	if r.value.Cmp(big.NewInt(r.width)) >= 0 {
		return Bitmap{}, errReference
	}
	sameHistory, aboveHistory := 0, 0
	for y := range h {
		if ref != nil {
			differs := r.bit("row same", sameHistory)
			sameHistory = (sameHistory*2 + differs) % 4
			if differs == 0 {
				r.copyRow(y, ref, y)
				continue
			}
		}
		aboveHistory = r.bit("row above", aboveHistory)
		if aboveHistory == 1 {
			r.copyRow(y, &r.out, y-1)
			continue
		}
		for x := 0; x < w; x += 8 {
			r.byteAt(x, y)
		}
	}
	if r.read < len(payload) || len(payload) > 0 && payload[len(payload)-1] == 0 {
		return Bitmap{}, errReference
	}
	return r.out, nil
}

type estimate struct{ p, n int64 }

type reference struct {
	out       Bitmap
	ref       *Bitmap
	code      []byte
	read      int
	width     int64
	value     *big.Int
	estimates map[string]*estimate
	equal     map[[2]int]bool // by first pixel of the byte
}

func (r *reference) shift() {
	b := byte(0)
	if r.read < len(r.code) {
		b = r.code[r.read]
	}
	r.read++
	r.value.Lsh(r.value, 8)
	r.value.Add(r.value, big.NewInt(int64(b)))
}

func (r *reference) bit(kind string, context int) int {
	key := kind + string(rune(context+1))
	e := r.estimates[key]
	if e == nil {
		e = &estimate{p: 32768}
		r.estimates[key] = e
	}
	bound := r.width / 65536 * e.p
	rate := int64(131072) / (2*e.n + 3)
	var bit int
	if r.value.Cmp(big.NewInt(bound)) < 0 {
		bit = 1
		r.width = bound
		e.p += (65536 - e.p) * rate / 65536
	} else {
		r.value.Sub(r.value, big.NewInt(bound))
		r.width -= bound
		e.p -= e.p * rate / 65536
	}
	e.n = min(e.n+1, 32)
	for r.width < 1<<24 {
		r.width *= 256
		r.shift()
	}
	return bit
}

func (r *reference) copyRow(y int, from *Bitmap, fy int) {
	for x := range r.out.Width {
		r.out.set(x, y, from.at(x, fy))
	}
	for x := 0; r.ref != nil && x < r.out.Width; x += 8 {
		r.equal[[2]int{x, y}] = bytesEqual(&r.out, y, r.ref, y, x)
	}
}

// bytesEqual compares the 8 pixels from x of row y of two pictures.
func bytesEqual(a *Bitmap, ay int, b *Bitmap, by, x int) bool {
	for i := range 8 {
		if a.at(x+i, ay) != b.at(x+i, by) {
			return false
		}
	}
	return true
}

// equalToBase is 1 where the new picture was decided to equal the base; above
// the picture it does, left and right of it it does not.
func (r *reference) equalToBase(x, y int) int {
	switch {
	case x < 0 || x >= r.out.Width:
		return 0
	case y < 0 || r.equal[[2]int{x, y}]:
		return 1
	}
	return 0
}

func number(bits ...bool) (n int) {
	for _, b := range bits {
		n *= 2
		if b {
			n++
		}
	}
	return n
}

// template lists the pixels that surround the 8 pixels from x of row y.
func (r *reference) template(x, y int) (t []bool) {
	for i := -1; i <= 8; i++ {
		t = append(t, r.out.at(x+i, y-2))
	}
	for i := -2; i <= 9; i++ {
		t = append(t, r.out.at(x+i, y-1))
	}
	return append(t, r.out.at(x-2, y), r.out.at(x-1, y))
}

// all8 reports whether 8 pixels from x are of one colour, where pixels right
// of the picture count as white.
func (r *reference) all8(x, y int, black bool) bool {
	for i := range 8 {
		if r.out.at(x+i, y) != black {
			return false
		}
	}
	return true
}

func (r *reference) byteAt(x, y int) {
	t := r.template(x, y)
	colour, uniform := t[0], true
	for _, black := range t {
		uniform = uniform && black == colour
	}
	basePlain := false
	if r.ref != nil {
		basePlain = uniform
		for i := 0; i < 8 && x+i < r.out.Width; i++ {
			basePlain = basePlain && r.ref.at(x+i, y) == colour
		}
		context := r.equalToBase(x-8, y)*8 + r.equalToBase(x-8, y-1)*4 + r.equalToBase(x, y-1)*2 + r.equalToBase(x+8, y-1)
		if bytesEqual(r.ref, y, &r.out, y-1, x) {
			context += 16
		}
		if uniform && basePlain {
			context += 32
		} else if uniform {
			context += 64
		}
		if r.bit("byte same", context) == 0 {
			r.equal[[2]int{x, y}] = true
			for i := 0; i < 8 && x+i < r.out.Width; i++ {
				r.out.set(x+i, y, r.ref.at(x+i, y))
			}
			return
		}
	}
	if uniform && !basePlain {
		context := number(colour, r.all8(x+8, y-1, colour), r.all8(x-8, y, colour), r.all8(x-8, y-1, colour))
		if r.bit("plain", context) == 0 {
			for i := 0; i < 8 && x+i < r.out.Width; i++ {
				r.out.set(x+i, y, colour)
			}
			return
		}
	}
	for i := x; i < min(x+8, r.out.Width); i++ {
		o := &r.out
		context := number(o.at(i-1, y-2), o.at(i, y-2), o.at(i+1, y-2),
			o.at(i-2, y-1), o.at(i-1, y-1), o.at(i, y-1), o.at(i+1, y-1), o.at(i+2, y-1),
			o.at(i-2, y), o.at(i-1, y))
		o.set(i, y, r.bit("pixel", context) == 1)
	}
}

// referenceAgrees compares the fast decoder with the slow one on one payload.
func referenceAgrees(payload []byte, w, h int, ref *Bitmap) (agrees bool) {
	fast := NewBitmap(w, h)
	var base []byte
	if ref != nil {
		base = ref.Pix
	}
	errFast := NewDecoder().decodeContext(&fast, payload, base)
	slow, errSlow := referenceDecode(payload, w, h, ref)
	if errFast != nil || errSlow != nil {
		return (errFast == nil) == (errSlow == nil)
	}
	return bytes.Equal(fast.Pix, slow.Pix)
}
