package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// differences writes the comparison of a band of rows: for each block of 32
// bytes across, the differences of all rows together.
func differences() {
	TEXT("differences", 4, "func(a, b *byte, stride, rows, blocks int, out *uint64)")
	Pragma("noescape")
	Doc("differences compares blocks of 32 bytes over rows, see vector_amd64.go.")
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	stride, rows := Load(Param("stride"), GP64()), Load(Param("rows"), GP64())
	blocks, out := Load(Param("blocks"), GP64()), Load(Param("out"), GP64())
	Label("block")
	at, row := GP64(), GP64()
	XORQ(at, at)
	MOVQ(rows, row)
	sum, x := YMM(), YMM()
	VPXOR(sum, sum, sum)
	Label("row")
	VMOVDQU(Mem{Base: a, Index: at, Scale: 1}, x)
	VPXOR(Mem{Base: b, Index: at, Scale: 1}, x, x)
	VPOR(x, sum, sum)
	ADDQ(stride, at)
	DECQ(row)
	JNZ(LabelRef("row"))
	VMOVDQU(sum, Mem{Base: out})
	ADDQ(Imm(32), a)
	ADDQ(Imm(32), b)
	ADDQ(Imm(32), out)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}
