package wire

import (
	"bytes"
	"errors"
	"math"
	"math/big"
)

// errReference is any disagreement with SPEC.md that the slow decoder sees.
var errReference = errors.New("reference: malformed")

// walker goes through a picture as [DL-CTX-2] says, pixel by pixel and without
// looking after speed. bit makes a decision from the numbers of its weights; in
// training, where the picture is known, want is what it must be.
type walker struct {
	profile profile
	out     Bitmap
	ref     *Bitmap
	known   *Bitmap
	bit     func(weights []int, want int) int
	equal   map[[2]int]bool // by first pixel of the byte
	list    [tables + 1]int
}

// run is one run of pixels of a row that a context takes [DL-CTX-4].
type run struct{ dy, from, to int }

// templates are the tables of [DL-CTX-4].
func (p profile) templates() [tables][]run {
	if p == full {
		return [tables][]run{
			{{0, -2, -1}, {-1, -2, 1}, {-2, -2, 1}},
			{{0, -6, -1}, {-1, -4, -1}},
			{{0, -1, -1}, {-1, -1, 0}, {-3, -1, 1}, {-4, -1, 2}},
			{{0, -1, -1}, {-1, 0, 3}, {-2, 1, 3}, {-3, 1, 2}},
			{{0, -8, -1}, {-1, 5, 6}},
		}
	}
	return [tables][]run{
		{{0, -2, -1}, {-1, -1, 1}, {-2, -1, 1}},
		{{0, -3, -1}, {-1, -4, 0}},
		{{0, -1, -1}, {-1, 0, 0}, {-2, 1, 1}, {-3, -1, 2}, {-4, 1, 1}},
		{{0, -1, -1}, {-1, 0, 3}, {-2, 1, 3}},
		{{0, -8, -1}},
	}
}

func (r *walker) walk() {
	r.equal = map[[2]int]bool{}
	templates := r.profile.templates()
	for y := range r.out.Height {
		for x := 0; x < r.out.Width; x += 8 {
			r.byteAt(x, y, &templates)
		}
	}
}

// number reads bits, most significant first.
func number(bits ...bool) (n int) {
	for _, b := range bits {
		n *= 2
		if b {
			n++
		}
	}
	return n
}

// all8 reports whether the 8 pixels from x of row y have that colour.
func (r *walker) all8(x, y int, colour bool) bool {
	for i := range 8 {
		if r.out.at(x+i, y) != colour {
			return false
		}
	}
	return true
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

// equalTo is E of [DL-CTX-2].
func (r *walker) equalTo(x, y int) bool {
	if x < 0 || x >= r.out.Width {
		return false
	}
	return y < 0 || r.equal[[2]int{x, y}]
}

// one makes a decision of a single weight.
func (r *walker) one(weight int, want bool) bool {
	r.list[0] = weight
	return r.bit(r.list[:1], number(want)) == 1
}

func (r *walker) byteAt(x, y int, templates *[tables][]run) {
	o := &r.out
	end := min(x+8, o.Width)
	colour := o.at(x-1, y)
	uniform := o.at(x-2, y) == colour
	for i := x - 1; i <= x+8; i++ {
		uniform = uniform && o.at(i, y-2) == colour
	}
	for i := x - 2; i <= x+9; i++ {
		uniform = uniform && o.at(i, y-1) == colour
	}
	allOf := func(b *Bitmap, colour bool) bool {
		for i := x; i < end; i++ {
			if b.at(i, y) != colour {
				return false
			}
		}
		return true
	}
	first := tables*r.profile.pixels() + refWeights
	refPlain := false
	if r.ref != nil {
		refPlain = uniform && allOf(r.ref, colour)
		context := number(uniform && !refPlain, refPlain, bytesEqual(r.ref, y, o, y-1, x),
			r.equalTo(x-8, y), r.equalTo(x-8, y-1), r.equalTo(x, y-1), r.equalTo(x+8, y-1))
		other := r.one(first+context, r.known != nil && !bytesEqual(r.known, y, r.ref, y, x))
		r.equal[[2]int{x, y}] = !other
		if !other {
			for i := x; i < end; i++ {
				o.set(i, y, r.ref.at(i, y))
			}
			return
		}
	}
	if uniform && !refPlain {
		context := number(colour, r.all8(x+8, y-1, colour), r.all8(x-8, y, colour), r.all8(x-8, y-1, colour))
		if !r.one(first+sameWeights+context, r.known != nil && !allOf(r.known, colour)) {
			for i := x; i < end; i++ {
				o.set(i, y, colour)
			}
			return
		}
	}
	for i := x; i < end; i++ {
		r.pixelAt(i, y, templates)
	}
}

func (r *walker) pixelAt(x, y int, templates *[tables][]run) {
	o := &r.out
	for t, runs := range templates {
		n := 0
		for _, run := range runs {
			for dx := run.from; dx <= run.to; dx++ {
				n = 2*n + number(o.at(x+dx, y+run.dy))
			}
		}
		r.list[t] = t*r.profile.pixels() + n
	}
	list := r.list[:tables]
	if b := r.ref; b != nil {
		r.list[tables] = tables*r.profile.pixels() + number(o.at(x-1, y), o.at(x, y-1), b.at(x, y), b.at(x+1, y), b.at(x, y+1),
			o.at(x-3, y) != b.at(x-3, y), o.at(x-2, y) != b.at(x-2, y), o.at(x-1, y) != b.at(x-1, y))
		list = r.list[:]
	}
	o.set(x, y, r.bit(list, number(r.known != nil && r.known.at(x, y))) == 1)
}

// reference is the slow decoder: arithmetic in big numbers on the whole code at
// once, squash by its formula.
type reference struct {
	weights []int64
	code    []byte
	read    int
	width   int64
	value   *big.Int // code - low
}

// referenceDecode decodes a payload of the context coder.
func referenceDecode(payload []byte, p profile, w, h int, ref *Bitmap) (Bitmap, error) {
	r := &reference{code: payload, width: 1<<32 - 1, value: new(big.Int)}
	for _, b := range []byte(p.start()) {
		r.weights = append(r.weights, int64(int8(b))*128)
	}
	for range 4 {
		r.shift()
	}
	if r.value.Cmp(big.NewInt(r.width)) >= 0 {
		return Bitmap{}, errReference
	}
	walk := walker{profile: p, out: NewBitmap(w, h), ref: ref, bit: func(weights []int, _ int) int { return r.bit(weights) }}
	walk.walk()
	if r.read < len(payload) || len(payload) > 0 && payload[len(payload)-1] == 0 {
		return Bitmap{}, errReference
	}
	return walk.out, nil
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

// chance is the probability of a 1 by the formula of [DL-MIX-2].
func chance(sum int64) int64 {
	k := sum
	if k < 0 {
		k = -k - 1
	}
	k = min(k/128, 159)
	p := int64(math.Round(65536 / (1 + math.Exp(-(float64(k)+0.5)/16))))
	if sum < 0 {
		return 65536 - p
	}
	return p
}

func (r *reference) bit(weights []int) int {
	sum := int64(0)
	for _, w := range weights {
		sum += r.weights[w]
	}
	if len(weights) == 1 {
		sum *= 2
	}
	p := chance(sum)
	bound := r.width / 65536 * p
	var bit int
	if r.value.Cmp(big.NewInt(bound)) < 0 {
		bit = 1
		r.width = bound
	} else {
		r.value.Sub(r.value, big.NewInt(bound))
		r.width -= bound
	}
	move := int64(math.Floor(float64(int64(bit)*65536-p+128) / 256))
	for _, w := range weights {
		r.weights[w] = int64(int16(r.weights[w] + move))
	}
	for r.width < 1<<24 {
		r.width *= 256
		r.shift()
	}
	return bit
}

// referenceAgrees compares the fast decoder with the slow one on one payload.
func referenceAgrees(payload []byte, p profile, w, h int, ref *Bitmap) (agrees bool) {
	fast := NewBitmap(w, h)
	var base []byte
	if ref != nil {
		base = ref.Pix
	}
	errFast := NewDecoder().decodeContext(fast.Pix, p, w, h, payload, base)
	slow, errSlow := referenceDecode(payload, p, w, h, ref)
	if errFast != nil || errSlow != nil {
		return (errFast == nil) == (errSlow == nil)
	}
	return bytes.Equal(fast.Pix, slow.Pix)
}
