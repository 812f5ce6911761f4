// Package mono holds 1-bit images: packed bits, most significant bit leftmost,
// 1 is black. It draws, compares and names them; it decodes no file formats and
// knows no text. Images are plain values without locks: share them only while
// nobody draws.
package mono

import (
	"crypto/sha256"
	"encoding/binary"
	"image"
)

// Image is a 1-bit image. Pix holds rows of Stride bytes; the pixel (x, y) is
// bit 7-(x-Rect.Min.X)%8 of its byte, 1 is black. Bits right of the width are
// always 0. Rect.Min is (0, 0) for every image this package makes.
type Image struct {
	Pix    []byte
	Stride int // bytes per row, (width+7)/8
	Rect   image.Rectangle
}

// Digest names decoded pictures; see SPEC.md, GlassDigest.
type Digest [32]byte

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// New returns a white image of w by h pixels, 0 < w, h <= 16384.
func New(w, h int) *Image {
	stride := (w + 7) / 8
	return &Image{Pix: make([]byte, stride*h), Stride: stride, Rect: image.Rect(0, 0, w, h)}
}

// Digest returns the GlassDigest of the image: SHA-256 over "DLG1", width and
// height as little-endian uint16, the number of planes (1) as one byte, and the
// rows.
func (m *Image) Digest() Digest {
	h := sha256.New()
	var head [9]byte
	copy(head[:], "DLG1")
	binary.LittleEndian.PutUint16(head[4:], uint16(m.Rect.Dx()))
	binary.LittleEndian.PutUint16(head[6:], uint16(m.Rect.Dy()))
	head[8] = 1
	h.Write(head[:])
	h.Write(m.Pix)
	var d Digest
	h.Sum(d[:0])
	return d
}
