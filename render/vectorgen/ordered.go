package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// ordered writes the comparison of rows of pixels with rows of 64 limits. A
// pixel is black where it is below its limit, that is where the greater of both
// is not the pixel.
func ordered() {
	TEXT("orderedRow", 4, "func(out, in, limits *byte, blocks int)")
	Pragma("noescape")
	Doc("orderedRow compares blocks of 64 pixels with 64 limits, see ordered_amd64.go.")
	out, in, limits := Load(Param("out"), GP64()), Load(Param("in"), GP64()), Load(Param("limits"), GP64())
	blocks := Load(Param("blocks"), GP64())
	turn := YMM() // the first pixel is the highest bit of a byte
	VMOVDQU(bytesOf("orderedTurn", turnTable()), turn)
	low, high := YMM(), YMM()
	VMOVDQU(Mem{Base: limits}, low)
	VMOVDQU(Mem{Base: limits, Disp: 32}, high)
	VPSHUFB(turn, low, low)
	VPSHUFB(turn, high, high)
	Label("orderedBlock")
	for i, limit := range []Op{low, high} {
		g, most := YMM(), YMM()
		VMOVDQU(Mem{Base: in, Disp: 32 * i}, g)
		VPSHUFB(turn, g, g)
		VPMAXUB(limit, g, most)
		VPCMPEQB(g, most, most)
		mask := GP32()
		VPMOVMSKB(most, mask)
		NOTL(mask)
		MOVL(mask, Mem{Base: out, Disp: 4 * i})
	}
	ADDQ(Imm(64), in)
	ADDQ(Imm(8), out)
	DECQ(blocks)
	JNZ(LabelRef("orderedBlock"))
	VZEROUPPER()
	RET()
}

// turnTable reverses the bytes of each eight.
func turnTable() []byte {
	var b []byte
	for i := range byte(32) {
		b = append(b, i%16^7)
	}
	return b
}
