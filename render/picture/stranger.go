package picture

import "bytes"

// stranger says what a file is that cannot be read, as far as it can be told, and
// what to do.
func stranger(b []byte) error {
	what, remedy := "unknown kind of file", "Save it as PNG or JPEG."
	head := b[:min(len(b), 4096)]
	brand := ""
	if len(b) >= 12 && string(b[4:8]) == "ftyp" {
		brand = string(b[8:12])
	}
	switch {
	case len(b) == 0:
		what, remedy = "the file is empty", "Choose a PNG or JPEG file."
	case isSVG(head):
		what, remedy = "SVG drawings can load other files and are not read", "Export it as PNG, twice as wide as it shall be on the sign."
	case bytes.HasPrefix(b, []byte("\x1f\x8b")):
		what, remedy = "the file is compressed (gzip, perhaps SVGZ)", "Export the drawing as PNG."
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		what, remedy = "the file is a ZIP archive", "Unpack it and choose the PNG or JPEG in it."
	case bytes.HasPrefix(b, []byte("%PDF")):
		what, remedy = "the file is a PDF", "Export its page as PNG."
	case brand == "heic" || brand == "heix" || brand == "mif1" || brand == "msf1":
		what, remedy = "HEIC photos are not read", "Save it as JPEG: on an iPhone, Settings, Camera, Formats, Most Compatible."
	case brand == "avif":
		what = "AVIF pictures are not read"
	case bytes.HasPrefix(b, []byte("II*\x00")) || bytes.HasPrefix(b, []byte("MM\x00*")):
		what = "TIFF pictures are not read"
	case bytes.HasPrefix(b, []byte("\xff\x0a")) || bytes.HasPrefix(b, []byte("\x00\x00\x00\x0cJXL ")):
		what = "JPEG XL pictures are not read"
	case bytes.HasPrefix(b, []byte("\x00\x00\x01\x00")):
		what = "ICO files are not read"
	case bytes.HasPrefix(b, []byte("8BPS")):
		what, remedy = "the file is a Photoshop document", "Export it as PNG."
	}
	return &RefusedError{ErrFormat, what, remedy}
}

// isSVG looks for the root of an SVG or the head of another XML document.
func isSVG(head []byte) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return bytes.HasPrefix(text, []byte("<")) && (bytes.Contains(text, []byte("<svg")) || bytes.HasPrefix(text, []byte("<?xml")))
}
