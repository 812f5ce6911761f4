package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"testing"
)

// The numbers of the context coder are the same in Go, in C and in the
// vectors; -update writes the others from those of Go.
func TestTables(t *testing.T) {
	var squash []byte
	for _, p := range squashTable {
		squash = binary.LittleEndian.AppendUint16(squash, p)
	}
	for file, want := range map[string][]byte{
		"../vectors/start-small.bin": []byte(startSmall),
		"../vectors/start-full.bin":  []byte(startFull),
		"../vectors/squash.bin":      squash,
		"../c/dl_tables.c":           cTables(),
	} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: not the numbers of Go, %v", file, err)
		}
	}
}

// cTables is the source of the tables in C.
func cTables() []byte {
	var b bytes.Buffer
	list := func(head string, n int, number func(i int) int) {
		fmt.Fprintf(&b, "\nconst %s = {", head)
		for i := range n {
			if i%16 == 0 {
				b.WriteString("\n\t")
			} else {
				b.WriteString(" ")
			}
			fmt.Fprintf(&b, "%d,", number(i))
		}
		b.WriteString("\n};\n")
	}
	b.WriteString("/*\n * Trained start weights [DL-TAB-1] and probabilities [DL-MIX-2]. Written by\n" +
		" * wire/tables_test.go. Licence: Apache-2.0.\n */\n#include \"dl_internal.h\"\n")
	list("uint16_t dl_squash[160]", len(squashTable), func(i int) int { return int(squashTable[i]) })
	list("int8_t dl_start_small[DL_SMALL_WEIGHTS]", len(startSmall), func(i int) int { return int(int8(startSmall[i])) })
	b.WriteString("\n#ifndef DL_SMALL")
	list("int8_t dl_start_full[DL_FULL_WEIGHTS]", len(startFull), func(i int) int { return int(int8(startFull[i])) })
	b.WriteString("#endif\n")
	return b.Bytes()
}
