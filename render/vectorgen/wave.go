package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Shape of the wave: 16 rows are the lanes of a vector of int16, each row lag
// pixels behind the one above it. At time t lane r works on pixel t - lag*r of
// its row, counted in the direction of the block. Chunks are 16 steps of time,
// so that a lag of 8 puts every lane's bits at a whole byte.
const (
	lanes = 16
	lag   = 8
	steps = 16
)

// wave writes one direction. A chunk is: 16 columns of the 16 rows, each row
// shifted by its lag, turned into columns in memory; 16 steps; 16 words of bits
// stored. The chunks of head and tail drop the errors of lanes that are not yet or
// no longer in their row; in the plain chunks between all are.
func wave(name string, left bool) {
	TEXT(name, 0, "func(in *byte, inStep int, out *byte, outStep int, above, below *int16, head, plain, tail, first, end int)")
	Pragma("noescape")
	Doc(name + " dithers one block of 16 rows, see wave_amd64.go.")
	w := &waver{left: left, swap: bytesOf(name+"Swap", swapTable())}
	w.in, w.inStep = Load(Param("in"), GP64()), Load(Param("inStep"), GP64())
	w.out, w.outStep = Load(Param("out"), GP64()), Load(Param("outStep"), GP64())
	w.above, w.below = Load(Param("above"), GP64()), Load(Param("below"), GP64())
	w.columns, w.ring = AllocLocal(lanes*steps), AllocLocal(steps*2*lanes)

	w.full, w.bias, w.half, w.one = words(name+"Full", 255), words(name+"Bias", 63), words(name+"Half", 2), words(name+"One", 1)
	VPXOR(y(errorsEven), y(errorsEven), y(errorsEven))
	for i := range steps {
		VMOVDQU(y(errorsEven), w.ring.Offset(i*32))
	}
	// Lane r begins at pixel -8r; its row goes from pixel first to end.
	count, plain, tail := GP64(), GP64(), GP64()
	Load(Param("end"), count)
	MOVQ(count, y(togo).AsX())
	VPBROADCASTW(y(togo).AsX(), y(togo))
	VPADDW(bytesOf(name+"Lag", lagTable()), y(togo), y(togo))
	VPSUBW(w.one, y(togo), y(togo))
	Load(Param("first"), count)
	NEGQ(count)
	MOVQ(count, y(gone).AsX())
	VPBROADCASTW(y(gone).AsX(), y(gone))
	VPSUBW(bytesOf(name+"Start", lagTable()), y(gone), y(gone))
	Load(Param("head"), count)
	Load(Param("plain"), plain)
	Load(Param("tail"), tail)

	Label(name + "Edge")
	w.chunk(true)
	DECQ(count)
	JNZ(LabelRef(name + "Edge"))
	TESTQ(plain, plain)
	JZ(LabelRef(name + "After"))
	passed := y(0)
	MOVQ(plain, passed.AsX())
	VPBROADCASTW(passed.AsX(), passed)
	VPSLLW(Imm(4), passed, passed)
	VPADDW(passed, y(gone), y(gone))
	VPSUBW(passed, y(togo), y(togo))
	Label(name + "Plain")
	w.chunk(false)
	DECQ(plain)
	JNZ(LabelRef(name + "Plain"))
	Label(name + "After")
	MOVQ(tail, count)
	XORQ(tail, tail)
	TESTQ(count, count)
	JNZ(LabelRef(name + "Edge"))
	VZEROUPPER()
	RET()
}

// lagTable is lag*r for each lane.
func lagTable() []byte {
	var b []byte
	for r := range lanes {
		b = append(b, byte(lag*r), 0)
	}
	return b
}

// swapTable swaps the bytes of each word.
func swapTable() []byte {
	var b []byte
	for range 2 {
		for i := range byte(8) {
			b = append(b, 2*i+1, 2*i)
		}
	}
	return b
}

type waver struct {
	left            bool
	in, out         reg.Register
	inStep, outStep reg.Register
	above, below    reg.Register
	columns, ring   Mem

	full, bias, half, one, swap Mem
}

// words is a vector of one word in memory.
func words(name string, v byte) Mem {
	var b []byte
	for range lanes {
		b = append(b, v, 0)
	}
	return bytesOf(name, b)
}

// Vector registers are given out by hand: there are just enough.
const (
	errorsEven = 15 // errors of the last step, by turns with errorsOdd
	errorsOdd  = 14
	togo       = 13 // pixels to a lane's last, negative beyond
	gone       = 12 // pixels since a lane's first, negative before
	bits       = 11 // bits of the chunk; those below are for the moment
)

// y is a vector register.
func y(i int) reg.VecPhysical {
	return [16]reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

func (w *waver) chunk(edge bool) {
	w.turn()
	VPXOR(y(bits), y(bits), y(bits))
	for i := range steps {
		w.step(i, edge)
	}
	w.store()
	advance := uint64(2 * steps)
	SUBQ(Imm(advance), w.above)
	ADDQ(Imm(advance), w.below)
	if w.left {
		SUBQ(Imm(steps), w.in)
		SUBQ(Imm(steps/8), w.out)
	} else {
		ADDQ(Imm(steps), w.in)
		ADDQ(Imm(steps/8), w.out)
	}
}

// turn puts the chunk's columns into memory, 16 bytes each, row 0 first.
func (w *waver) turn() {
	upper, lower := GP64(), GP64() // rows r and r+8
	MOVQ(w.in, upper)
	LEAQ(Mem{Base: w.in, Index: w.inStep, Scale: 8}, lower)
	for r := range 8 {
		VMOVDQU(Mem{Base: upper}, y(r).AsX())
		VINSERTI128(Imm(1), Mem{Base: lower}, y(r), y(r))
		if r < 7 {
			ADDQ(w.inStep, upper)
			ADDQ(w.inStep, lower)
		}
	}
	// Three rounds of interleaving pairs; the spare register goes round.
	spare := 8
	pair := func(lo, hi func(...Op), at *[8]int, i, j int) {
		lo(y(at[j]), y(at[i]), y(spare))
		hi(y(at[j]), y(at[i]), y(at[j]))
		at[i], spare = spare, at[i]
	}
	a := [8]int{0, 1, 2, 3, 4, 5, 6, 7}
	for i := range 4 { // rows 2i and 2i+1: columns 0-7, 8-15
		pair(VPUNPCKLBW, VPUNPCKHBW, &a, 2*i, 2*i+1)
	}
	for _, i := range [4]int{0, 1, 4, 5} { // rows i, i+1, ..: four columns each
		pair(VPUNPCKLWD, VPUNPCKHWD, &a, i, i+2)
	}
	for i := range 4 { // all eight rows: two columns each
		pair(VPUNPCKLDQ, VPUNPCKHDQ, &a, i, i+4)
	}
	for i, r := range [8]int{0, 4, 2, 6, 1, 5, 3, 7} {
		VPERMQ(Imm(0xd8), y(a[r]), y(a[r])) // columns 2i and 2i+1
		VMOVDQU(y(a[r]), w.columns.Offset(32*i))
	}
}

// step works on one pixel of every row.
func (w *waver) step(i int, edge bool) {
	column := i
	if w.left {
		column = steps - 1 - i
	}
	last, e := y(errorsEven), y(errorsOdd)
	if i%2 == 1 {
		last, e = e, last
	}
	// What the rows above hand over: their sums of step i-7, one lane down, and
	// in lane 0 what the block above left, which ran the other way.
	past := w.ring.Offset(32 * ((i - lag + 1 + steps) % steps))
	handed, sums := y(0), y(1)
	VPBROADCASTW(Mem{Base: w.above, Disp: -2 * i}, handed)
	VINSERTI128(Imm(1), past, handed, handed)
	VMOVDQU(past, sums)
	VPALIGNR(Imm(14), handed, sums, handed)

	g, v, limit, white := y(2), y(3), y(4), y(5)
	VPMOVZXBW(w.columns.Offset(16*column), g)
	VPSLLW(Imm(2), g, v)
	VPSRLW(Imm(1), g, limit)
	VPADDW(w.bias, limit, limit)
	VPADDW(w.half, handed, handed)
	VPADDW(handed, v, v)
	VPADDW(last, v, v)
	VPADDW(last, v, v)
	VPSRAW(Imm(2), v, v)
	VPCMPGTW(limit, v, white)
	VPAND(w.full, white, e)
	VPSUBW(e, v, e)
	if edge {
		outside := y(6)
		VPOR(y(togo), y(gone), outside)
		VPSRAW(Imm(15), outside, outside)
		VPANDN(e, outside, e)
		VPADDW(w.one, y(gone), y(gone))
		VPSUBW(w.one, y(togo), y(togo))
	}
	if w.left {
		bit := y(7)
		VPSRLW(Imm(1), y(bits), y(bits))
		VPSLLW(Imm(15), white, bit)
		VPOR(bit, y(bits), y(bits))
	} else {
		VPADDW(y(bits), y(bits), y(bits))
		VPSUBW(white, y(bits), y(bits))
	}
	sum, out := y(8), GP32()
	VPADDW(last, e, sum)
	VMOVDQU(sum, w.ring.Offset(32*i))
	MOVWLZX(w.ring.Offset(32*i+30), out)
	MOVW(out.As16(), Mem{Base: w.below, Disp: 2 * i})
}

// store puts each lane's 16 bits where they belong, black as 1.
func (w *waver) store() {
	VPSHUFB(w.swap, y(bits), y(bits))
	ones, high := y(0), y(1).AsX()
	VPCMPEQB(ones, ones, ones)
	VPXOR(ones, y(bits), y(bits))
	p := GP64()
	MOVQ(w.out, p)
	VEXTRACTI128(Imm(1), y(bits), high)
	for r := range lanes {
		if r < 8 {
			VPEXTRW(Imm(uint64(r)), y(bits).AsX(), Mem{Base: p})
		} else {
			VPEXTRW(Imm(uint64(r-8)), high, Mem{Base: p})
		}
		if r < lanes-1 {
			ADDQ(w.outStep, p)
		}
	}
}
