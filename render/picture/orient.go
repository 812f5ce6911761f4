package picture

import (
	"bytes"
	"encoding/binary"
	"image"
)

// Cameras store photos as the sensor lies and note in EXIF how to turn them
// (Exif 2.32, tag 274 Orientation, 1 to 8). A picture is scaled as it is stored,
// with the options turned to match, and only the small result is turned.

// orientation is how the shown picture lies in the stored one: the pixel (x, y)
// shown is the stored (x, y), with axes swapped if swap, then mirrored.
type orientation struct {
	swap, mirrorX, mirrorY bool
}

func orientationOf(tag uint16) orientation {
	return orientation{
		swap:    tag >= 5 && tag <= 8,
		mirrorX: tag == 2 || tag == 3 || tag == 7 || tag == 8,
		mirrorY: tag == 3 || tag == 4 || tag == 6 || tag == 7,
	}
}

// stored returns the place of a shown pixel in a stored picture of a size.
func (o orientation) stored(x, y int, size image.Point) (int, int) {
	if o.swap {
		x, y = y, x
	}
	if o.mirrorX {
		x = size.X - 1 - x
	}
	if o.mirrorY {
		y = size.Y - 1 - y
	}
	return x, y
}

// shown returns the size shown of a stored one, and the other way round.
func (o orientation) shown(size image.Point) image.Point {
	if o.swap {
		return image.Pt(size.Y, size.X)
	}
	return size
}

// turnOptions turns options about the shown picture into such about the stored
// one of a size.
func (o orientation) turnOptions(p Options, size image.Point) Options {
	if o.swap {
		p.Width, p.Height = p.Height, p.Width
		p.Focus = image.Pt(p.Focus.Y, p.Focus.X)
		p.Crop = image.Rect(p.Crop.Min.Y, p.Crop.Min.X, p.Crop.Max.Y, p.Crop.Max.X)
	}
	if o.mirrorX {
		p.Focus.X = -p.Focus.X
		p.Crop.Min.X, p.Crop.Max.X = size.X-p.Crop.Max.X, size.X-p.Crop.Min.X
	}
	if o.mirrorY {
		p.Focus.Y = -p.Focus.Y
		p.Crop.Min.Y, p.Crop.Max.Y = size.Y-p.Crop.Max.Y, size.Y-p.Crop.Min.Y
	}
	return p
}

// turn returns pixels of `each` bytes and a size as they are shown.
func (o orientation) turn(pix []byte, size image.Point, each int) []byte {
	if o == (orientation{}) {
		return pix
	}
	out := make([]byte, 0, len(pix))
	shown := o.shown(size)
	for y := range shown.Y {
		for x := range shown.X {
			sx, sy := o.stored(x, y, size)
			at := (sy*size.X + sx) * each
			out = append(out, pix[at:at+each]...)
		}
	}
	return out
}

// orientationJPEG looks for the tag in the first EXIF segment of a JPEG; without
// one the picture lies as it is stored.
func orientationJPEG(b []byte) orientation {
	for i := 2; i+4 <= len(b) && b[i] == 0xff && b[i+1] != 0xda; {
		length := int(b[i+2])<<8 | int(b[i+3])
		end := i + 2 + length
		if length < 2 || end > len(b) {
			break
		}
		if exif, ok := bytes.CutPrefix(b[i+4:end], []byte("Exif\x00\x00")); ok && b[i+1] == 0xe1 {
			return orientationOf(orientationTag(exif))
		}
		i = end
	}
	return orientation{}
}

// orientationTag reads the first directory of a TIFF structure (TIFF 6.0,
// section 2); 0 is no tag.
func orientationTag(b []byte) uint16 {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case len(b) < 8:
		return 0
	case bytes.HasPrefix(b, []byte("MM")):
		order = binary.BigEndian
	case !bytes.HasPrefix(b, []byte("II")):
		return 0
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0
	}
	for entries := b[at+2:]; len(entries) >= 12; entries = entries[12:] {
		if at := order.Uint16(entries); at == 274 {
			return order.Uint16(entries[8:])
		}
	}
	return 0
}
