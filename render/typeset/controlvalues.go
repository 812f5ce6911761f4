package typeset

import (
	"encoding/binary"
	"errors"
)

// Instructions of TrueType used here.
const (
	opPop, opCIndex         = 0x21, 0x25
	opWriteControl, opPpem  = 0x44, 0x4b
	opAdd, opSub            = 0x60, 0x61
	opDivide, opMultiply    = 0x62, 0x63
	opPushByte, opPushWords = 0xb0, 0xb8
)

var errTables = errors.New("tables are damaged")

// withControlValues gives a TrueType font the control values FreeType works
// with. Programs ask for these distances by number, in 1/64 pixel. FreeType
// scales them with ten binary digits of the size's factor, golang/freetype
// exactly, and the last unit decides at a third of all sizes which way a whole
// stroke is rounded. The remedy is a program of TrueType that sets every value
// again, put before the font's own program for a size. A font without that
// program or without control values is returned as it is; data is not changed.
func withControlValues(data []byte) ([]byte, error) {
	controls, _, err := table(data, "cvt ")
	if err != nil {
		return nil, err
	}
	program, entry, err := table(data, "prep")
	if err != nil || controls == nil || program == nil {
		return data, err
	}
	head, _, err := table(data, "head")
	if err != nil || len(head) < 20 {
		return nil, errTables
	}
	program = append(scaleControls(controls, int(binary.BigEndian.Uint16(head[18:]))), program...)
	out := append(append([]byte(nil), data...), make([]byte, -len(data)&3)...)
	binary.BigEndian.PutUint32(out[entry+8:], uint32(len(out)))
	binary.BigEndian.PutUint32(out[entry+12:], uint32(len(program)))
	return append(out, program...), nil
}

// table finds a table of a font file and the place of its entry in the list of
// tables; nil for none.
func table(data []byte, tag string) (content []byte, entry int, err error) {
	if len(data) < 12 {
		return nil, 0, errTables
	}
	for i := range int(binary.BigEndian.Uint16(data[4:])) {
		entry = 12 + 16*i
		if len(data) < entry+16 {
			return nil, 0, errTables
		}
		if string(data[entry:entry+4]) != tag {
			continue
		}
		from, length := int(binary.BigEndian.Uint32(data[entry+8:])), int(binary.BigEndian.Uint32(data[entry+12:]))
		if from+length > len(data) {
			return nil, 0, errTables
		}
		return data[from : from+length], entry, nil
	}
	return nil, 0, nil
}

// scaleControls returns the program that sets the control values v, in font
// units, to v * f / 1024 rounded, where f = size * 65536 / upem, rounded to 1/64
// and cut to a whole number. The interpreter multiplies and divides numbers of
// six binary places, hence the factors of 64; it pushes 16 bits at once, hence
// the divisions in two steps.
func scaleControls(controls []byte, upem int) []byte {
	var p []byte
	push := func(v int) { p = append(p, opPushWords, byte(v>>8), byte(v)) }
	p = append(p, opPpem)
	for range 2 {
		push(256 << 6)
		p = append(p, opMultiply)
	}
	push(upem / 128)
	p = append(p, opAdd)
	for _, divisor := range []int{upem, 64 << 6} {
		push(divisor)
		p = append(p, opDivide)
	}
	push(64 << 6)
	p = append(p, opMultiply) // 64 f stays on the stack
	for i := range len(controls) / 2 {
		v := int(int16(binary.BigEndian.Uint16(controls[2*i:])))
		if v == 0 {
			continue
		}
		push(i)
		push(v)
		p = append(p, opPushByte, 3, opCIndex, opMultiply)
		push(512)
		if v > 0 {
			p = append(p, opAdd)
		} else {
			p = append(p, opSub)
		}
		for range 2 {
			push(32 << 6)
			p = append(p, opDivide)
		}
		p = append(p, opWriteControl)
	}
	return append(p, opPop)
}
