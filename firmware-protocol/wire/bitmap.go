package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// Colours says which planes a picture has [DL-PIC-3].
type Colours uint8

// The kinds of pictures; on the wire they are one higher.
const (
	BlackWhite Colours = iota
	WithRed            // a black and a red plane
	WithYellow         // a black and a yellow plane
	RedYellow          // a black, a red and a yellow plane
	Grey4              // 2 bits per pixel: a plane of the upper and one of the lower bits
	Grey16             // 4 bits per pixel, a plane each, the uppermost first
	colourKinds
)

// Planes returns the number of planes, 1 to 4.
func (c Colours) Planes() int {
	if c >= colourKinds {
		return 0
	}
	return [...]int{1, 2, 2, 3, 2, 4}[c]
}

// Bitmap is a picture [DL-PIC-1]: planes one after another, each Height rows of
// Stride bytes, most significant bit leftmost, 1 is black, bits right of the
// width are 0. Stride is always (Width+7)/8 and len(Pix) is Stride*Height times
// the number of planes. With BlackWhite the layout is that of render/mono, so
// that Pix can be shared without copying.
type Bitmap struct {
	Width, Height int // pixels, 1 to MaxSide
	Stride        int // bytes per row of a plane
	Colours       Colours
	Pix           []byte
}

// plane returns the rows of one plane.
func (b *Bitmap) plane(n int) []byte {
	size := b.Stride * b.Height
	return b.Pix[n*size : (n+1)*size : (n+1)*size]
}

// Digest is a GlassDigest [DL-PIC-2]; the zero value names nothing.
type Digest [32]byte

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// ObjectHash is the SHA-256 of an encoded object [DL-OBJ-1].
type ObjectHash [32]byte

// NewBitmap returns a white picture of one plane. It panics when a side is
// outside 1 to MaxSide or the picture is larger than MaxDecoded: sizes from
// outside must be checked before.
func NewBitmap(w, h int) Bitmap { return NewPicture(w, h, BlackWhite) }

// NewPicture returns a white picture, with the panics of NewBitmap.
func NewPicture(w, h int, c Colours) Bitmap {
	if err := checkSize(w, h, c); err != nil {
		panic(err)
	}
	stride := (w + 7) / 8
	return Bitmap{Width: w, Height: h, Stride: stride, Colours: c, Pix: make([]byte, stride*h*c.Planes())}
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
	d.head[8] = byte(b.Colours) + 1
	d.hash.Reset()
	d.hash.Write(d.head[:])
	d.hash.Write(b.Pix)
	d.hash.Sum(d.sum[:0])
	return d.sum
}

// HashObject names an encoded object.
func HashObject(object []byte) ObjectHash { return sha256.Sum256(object) }

// checkSize bounds a picture before anything is allocated for it [DL-LIM-1].
func checkSize(w, h int, c Colours) error {
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide {
		return fmt.Errorf("%w: picture of %dx%d pixels, sides must be 1 to %d", ErrFormat, w, h, MaxSide)
	}
	if c >= colourKinds {
		return fmt.Errorf("%w: colours %d", ErrUnsupported, c)
	}
	if (w+7)/8*h*c.Planes() > MaxDecoded {
		return fmt.Errorf("%w: picture of %dx%d pixels exceeds %d bytes", ErrFormat, w, h, MaxDecoded)
	}
	return nil
}

// check holds b against its own rules, padding bits included.
func (b *Bitmap) check() error {
	if err := checkSize(b.Width, b.Height, b.Colours); err != nil {
		return err
	}
	if b.Stride != (b.Width+7)/8 || len(b.Pix) != b.Stride*b.Height*b.Colours.Planes() {
		return fmt.Errorf("%w: %d bytes of stride %d for %dx%d pixels", ErrFormat, len(b.Pix), b.Stride, b.Width, b.Height)
	}
	return b.checkPadding()
}

// checkPadding refuses black bits right of the picture [DL-PIC-1].
func (b *Bitmap) checkPadding() error { return checkPadding(b.Pix, b.Width) }

// checkPadding does that in rows of pixels.
func checkPadding(pix []byte, width int) error {
	if width&7 == 0 {
		return nil
	}
	stride, padding := (width+7)/8, byte(0xff)>>(width&7)
	for i := stride - 1; i < len(pix); i += stride {
		if pix[i]&padding != 0 {
			return fmt.Errorf("%w: padding bits are not 0", ErrFormat)
		}
	}
	return nil
}

// same reports whether the pictures have the same size and planes.
func (b *Bitmap) same(o *Bitmap) bool {
	return b.Width == o.Width && b.Height == o.Height && b.Colours == o.Colours
}
