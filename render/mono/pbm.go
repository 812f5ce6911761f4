package mono

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Bounds of a picture read from outside.
const (
	MaxSide  = 16384    // pixels
	maxBytes = 32 << 20 // of pixels
)

// ErrFormat is wrapped by every error about a file that is not a picture this
// package reads.
var ErrFormat = errors.New("not a raw PBM (P4)")

// EncodePBM writes the picture as raw PBM (P4), where 1 is black as here.
func (m *Image) EncodePBM(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "P4\n%d %d\n", m.Rect.Dx(), m.Rect.Dy()); err != nil {
		return err
	}
	_, err := w.Write(m.Pix)
	return err
}

// DecodePBM reads a raw PBM (P4) of at most 16384 pixels a side. Padding bits
// are cleared.
func DecodePBM(r io.Reader) (*Image, error) {
	br := bufio.NewReader(r)
	var magic [2]byte
	if _, err := io.ReadFull(br, magic[:]); err != nil || string(magic[:]) != "P4" {
		return nil, ErrFormat
	}
	w, err := readNumber(br)
	if err != nil {
		return nil, fmt.Errorf("width: %w", err)
	}
	h, err := readNumber(br)
	if err != nil {
		return nil, fmt.Errorf("height: %w", err)
	}
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide || (w+7)/8*h > maxBytes {
		return nil, fmt.Errorf("%w: %d x %d pixels", ErrFormat, w, h)
	}
	m := New(w, h)
	if _, err := io.ReadFull(br, m.Pix); err != nil {
		return nil, fmt.Errorf("%w: pixels end early", ErrFormat)
	}
	if pad := w & 7; pad != 0 {
		for y := range h {
			m.Pix[(y+1)*m.Stride-1] &= 0xff << (8 - pad)
		}
	}
	return m, nil
}

// readNumber reads a decimal number after white space and comments, and the
// one white space character behind it.
func readNumber(br *bufio.Reader) (int, error) {
	n, digits := 0, 0
	for range 4096 {
		c, err := br.ReadByte()
		if err != nil {
			return 0, fmt.Errorf("%w: header ends early", ErrFormat)
		}
		switch {
		case c >= '0' && c <= '9' && digits < 6:
			n, digits = n*10+int(c-'0'), digits+1
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if digits > 0 {
				return n, nil
			}
		case c == '#' && digits == 0:
			if err := skipComment(br); err != nil {
				return 0, err
			}
		default:
			return 0, fmt.Errorf("%w: %q in the header", ErrFormat, c)
		}
	}
	return 0, fmt.Errorf("%w: header too long", ErrFormat)
}

func skipComment(br *bufio.Reader) error {
	for range 4096 {
		c, err := br.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: header ends early", ErrFormat)
		}
		if c == '\n' {
			return nil
		}
	}
	return fmt.Errorf("%w: comment too long", ErrFormat)
}
