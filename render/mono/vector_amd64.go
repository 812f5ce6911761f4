//go:build !purego

package mono

import "golang.org/x/sys/cpu"

// vectors says whether the vector routine runs on this machine.
var vectors = cpu.X86.HasAVX2

// changed fills cells with what differs in each cell of a band and returns how
// many it did, from the left.
func changed(a, b []byte, stride, rows int, cells *[maxCells]uint64) int {
	blocks := stride / 32
	if !vectors || blocks == 0 || blocks*4 > maxCells || len(a) < stride*rows || len(b) < stride*rows {
		return 0
	}
	differences(&a[0], &b[0], stride, rows, blocks, &cells[0])
	return blocks * 4
}
