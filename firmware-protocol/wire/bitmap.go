package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// Bitmap is a 1-bit picture [DL-PIC-1]: Height rows of Stride bytes, most
// significant bit leftmost, 1 is black, bits right of the width are 0. Stride
// is always (Width+7)/8 and len(Pix) is Stride*Height. The layout is that of
// render/mono, so that Pix can be shared without copying.
type Bitmap struct {
	Width, Height int // pixels, 1 to MaxSide
	Stride        int // bytes per row
	Pix           []byte
}

// Digest is a GlassDigest [DL-PIC-2]; the zero value names nothing.
type Digest [32]byte

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// ObjectHash is the SHA-256 of an encoded object [DL-OBJ-1].
type ObjectHash [32]byte

// NewBitmap returns a white picture. It panics when a side is outside 1 to
// MaxSide or the picture is larger than MaxDecoded: sizes from outside must be
// checked before.
func NewBitmap(w, h int) Bitmap {
	if err := checkSize(w, h); err != nil {
		panic(err)
	}
	stride := (w + 7) / 8
	return Bitmap{Width: w, Height: h, Stride: stride, Pix: make([]byte, stride*h)}
}

// Digest returns the GlassDigest of b: SHA-256 over "DLG1", width, height,
// number of planes and the rows [DL-PIC-2].
func (b Bitmap) Digest() Digest {
	return newDigester().digest(&b)
}

// digester computes GlassDigests without allocating.
type digester struct {
	hash hash.Hash
	head [9]byte
	sum  Digest
}

func newDigester() *digester { return &digester{hash: sha256.New()} }

func (d *digester) digest(b *Bitmap) Digest {
	copy(d.head[:], "DLG1")
	binary.LittleEndian.PutUint16(d.head[4:], uint16(b.Width))
	binary.LittleEndian.PutUint16(d.head[6:], uint16(b.Height))
	d.head[8] = 1
	d.hash.Reset()
	d.hash.Write(d.head[:])
	d.hash.Write(b.Pix)
	d.hash.Sum(d.sum[:0])
	return d.sum
}

// HashObject names an encoded object.
func HashObject(object []byte) ObjectHash { return sha256.Sum256(object) }

// checkSize bounds a picture before anything is allocated for it [DL-LIM-1].
func checkSize(w, h int) error {
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide {
		return fmt.Errorf("%w: picture of %dx%d pixels, sides must be 1 to %d", ErrFormat, w, h, MaxSide)
	}
	if (w+7)/8*h > MaxDecoded {
		return fmt.Errorf("%w: picture of %dx%d pixels exceeds %d bytes", ErrFormat, w, h, MaxDecoded)
	}
	return nil
}

// check holds b against its own rules, padding bits included.
func (b *Bitmap) check() error {
	if err := checkSize(b.Width, b.Height); err != nil {
		return err
	}
	if b.Stride != (b.Width+7)/8 || len(b.Pix) != b.Stride*b.Height {
		return fmt.Errorf("%w: %d bytes of stride %d for %dx%d pixels", ErrFormat, len(b.Pix), b.Stride, b.Width, b.Height)
	}
	return b.checkPadding()
}

// checkPadding refuses black bits right of the picture [DL-PIC-1].
func (b *Bitmap) checkPadding() error {
	if b.Width&7 == 0 {
		return nil
	}
	padding := byte(0xff) >> (b.Width & 7)
	for i := b.Stride - 1; i < len(b.Pix); i += b.Stride {
		if b.Pix[i]&padding != 0 {
			return fmt.Errorf("%w: padding bits are not 0", ErrFormat)
		}
	}
	return nil
}
