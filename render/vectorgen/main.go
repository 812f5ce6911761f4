// Command vectorgen writes the vector routines of render/dither and render/mono
// for amd64 as Go assembly, with avo: -of names the package. A test of each
// package holds the files in the repository against it, go generate writes them
// anew. It is no part of the program.
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func main() {
	of := flag.String("of", "dither", "`package` to write for: dither or mono")
	flag.Parse()
	ConstraintExpr("!purego")
	switch *of {
	case "mono":
		differences()
	default:
		wave("waveRight", false)
		wave("waveLeft", true)
		ordered()
	}
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
