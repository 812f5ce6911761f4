// Command strikegen makes the strikes of the bundled Latin, Greek and Cyrillic
// fonts: every glyph as FreeType draws it in black and white, for the sizes
// where each pixel counts. It needs gcc, pkg-config and libfreetype-dev, and
// runs by hand after fonts/make.sh:
//
//	go run ./render/typeset/strikegen render/typeset/strikegen/freetype/strikes.c render/typeset/fonts
//
// A strikes file is "DLS1", the number of strikes (u16), then for each its size
// in pixels per em (u16), offset and length (u32 each) of its data, a deflate
// stream of: the number of glyphs (u16), five lists of one i16 per glyph
// (advance, left, top, width, height), and the rows of all glyphs, each row in
// whole bytes. Numbers are big endian.
package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// sizes are the strikes made: every size up to 48, and the steps of the type
// scale above; the largest are set in bold alone.
func sizes(weight string) []int {
	var out []int
	for size := 10; size <= 48; size++ {
		out = append(out, size)
	}
	out = append(out, 52, 56, 64, 72, 80)
	if weight == "Bold" {
		out = append(out, 96, 112, 128)
	}
	return out
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: strikegen STRIKES.C FONTS")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "strikegen:", err)
		os.Exit(1)
	}
}

func generate(source, fonts string) error {
	work, err := os.MkdirTemp("", "strikegen")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	program := filepath.Join(work, "strikes")
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "freetype2").Output()
	if err != nil {
		return fmt.Errorf("pkg-config freetype2: %w", err)
	}
	args := append([]string{"-O2", "-Wall", "-Werror", "-o", program, source}, strings.Fields(string(flags))...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("gcc: %w: %s", err, out)
	}
	for _, weight := range []string{"Regular", "Bold"} {
		name := filepath.Join(fonts, "NotoSans-"+weight)
		if err := pack(program, name+".ttf", name+".strikes", sizes(weight)); err != nil {
			return fmt.Errorf("%s: %w", weight, err)
		}
	}
	return nil
}

// pack draws a font in all sizes and writes its strikes file.
func pack(program, font, file string, sizes []int) error {
	n := len(sizes)
	head := binary.BigEndian.AppendUint16([]byte("DLS1"), uint16(n))
	var data []byte
	for _, size := range sizes {
		raw, err := exec.Command(program, font, strconv.Itoa(size)).Output()
		if err != nil {
			return err
		}
		strike, err := repack(raw, size)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, flate.BestCompression)
		if err != nil {
			return err
		}
		if _, err := w.Write(strike); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		head = binary.BigEndian.AppendUint16(head, uint16(size))
		head = binary.BigEndian.AppendUint32(head, uint32(6+10*n+len(data)))
		head = binary.BigEndian.AppendUint32(head, uint32(b.Len()))
		data = append(data, b.Bytes()...)
	}
	return os.WriteFile(file, append(head, data...), 0o644)
}

// repack turns the list of glyphs into lists of their properties.
func repack(raw []byte, size int) ([]byte, error) {
	if len(raw) < 5 || raw[0] != 'S' || int(binary.BigEndian.Uint16(raw[1:])) != size {
		return nil, errors.New("not a strike")
	}
	n := int(binary.BigEndian.Uint16(raw[3:]))
	out := binary.BigEndian.AppendUint16(nil, uint16(n))
	out = append(out, make([]byte, 10*n)...)
	raw = raw[5:]
	for g := range n {
		for k := range 5 {
			copy(out[2+2*(k*n+g):], raw[2*k:2*k+2])
		}
		w, h := int(binary.BigEndian.Uint16(raw[6:])), int(binary.BigEndian.Uint16(raw[8:]))
		rows := (w + 7) / 8 * h
		out = append(out, raw[10:10+rows]...)
		raw = raw[10+rows:]
	}
	return out, nil
}
