// Command vectorgen writes the vector routines of render/dither for amd64 as Go
// assembly, with avo. TestVectorsAreGenerated of render/dither holds the file in
// the repository against it. It is no part of the program.
//
//	go run ./render/dither/vectorgen -out render/dither/vector_amd64.s -stubs render/dither/stubs_amd64.go
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!purego")
	wave("waveRight", false)
	wave("waveLeft", true)
	ordered()
	Generate()
}

// bytesOf makes a table of read-only bytes.
func bytesOf(name string, b []byte) operand.Mem {
	m := GLOBL(name, 8|16) // RODATA, NOPTR
	for i, v := range b {
		DATA(i, operand.U8(v))
	}
	return m
}
