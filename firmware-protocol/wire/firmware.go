package wire

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// Sizes of firmware in bytes [DL-FW-1].
const (
	ReleaseSize = 160
	OfferSize   = ReleaseSize + macSize
	MaxImage    = 16 << 20

	// MaxModel and MaxVersion are shorter than other texts.
	MaxModel   = 32
	MaxVersion = 16

	releaseSigned = ReleaseSize - ed25519.SignatureSize
)

const (
	domainRelease = "doorleaf/1 firmware"
	domainOffer   = "doorleaf/1 firmware offer"
)

// Release says what a firmware image is and for which signs; its maker signed
// it [DL-FW-1].
type Release struct {
	Model         string   // of the signs it is for, as in Hello, 1 to MaxModel bytes
	Version       string   // to show, at most MaxVersion bytes
	Number        uint32   // 1 or more, rises with every release of a model
	Size          uint32   // of the image in bytes, 1 to MaxImage
	Image         [32]byte // SHA-256 of the image
	MinMillivolts uint16   // least battery voltage for the update, 0 for any
	Signature     [ed25519.SignatureSize]byte
}

func (r *Release) check() error {
	if r.Model == "" || len(r.Model) > MaxModel || len(r.Version) > MaxVersion {
		return fmt.Errorf("%w: model of %d bytes, version of %d", ErrFormat, len(r.Model), len(r.Version))
	}
	if err := checkTexts(r.Model, "", r.Version); err != nil {
		return err
	}
	if r.Number == 0 {
		return fmt.Errorf("%w: firmware number 0", ErrFormat)
	}
	if r.Size == 0 || r.Size > MaxImage {
		return fmt.Errorf("%w: image of %d bytes, want 1 to %d", ErrFormat, r.Size, MaxImage)
	}
	return nil
}

// Marshal returns the ReleaseSize bytes of r; ErrFormat when r is outside its
// limits.
func (r *Release) Marshal() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b := make([]byte, ReleaseSize)
	copy(b, "DLF")
	b[3] = Version
	copy(b[4:36], r.Model)
	copy(b[36:52], r.Version)
	binary.LittleEndian.PutUint32(b[52:], r.Number)
	binary.LittleEndian.PutUint32(b[56:], r.Size)
	copy(b[60:92], r.Image[:])
	binary.LittleEndian.PutUint16(b[92:], r.MinMillivolts)
	copy(b[releaseSigned:], r.Signature[:])
	return b, nil
}

// Sign signs r with its maker's private key.
func (r *Release) Sign(maker ed25519.PrivateKey) error {
	b, err := r.Marshal()
	if err != nil {
		return err
	}
	r.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(maker, signedRelease(b)))
	return nil
}

// Verify checks the signature of r. The error is ErrMAC.
func (r *Release) Verify(maker ed25519.PublicKey) error {
	b, err := r.Marshal()
	if err != nil {
		return err
	}
	return verifyRelease(b, maker)
}

// signedRelease is what the signature of a release is over.
func signedRelease(b []byte) []byte {
	return append([]byte(domainRelease), b[:releaseSigned]...)
}

func verifyRelease(b []byte, maker ed25519.PublicKey) error {
	if len(maker) != ed25519.PublicKeySize || !ed25519.Verify(maker, signedRelease(b), b[releaseSigned:ReleaseSize]) {
		return fmt.Errorf("%w: signature of a firmware release", ErrMAC)
	}
	return nil
}

// checkRelease checks what can be told before the signature: length, magic and
// version.
func checkRelease(b []byte) error {
	if len(b) != ReleaseSize || string(b[:3]) != "DLF" {
		return fmt.Errorf("%w: not a firmware release", ErrFormat)
	}
	if b[3] != Version {
		return fmt.Errorf("%w: firmware release of version %d", ErrUnsupported, b[3])
	}
	return nil
}

// ParseRelease reads a release of ReleaseSize bytes; its signature is not
// checked. The error is ErrFormat or ErrUnsupported. The result keeps nothing of
// data, and its Marshal gives the same bytes.
func ParseRelease(data []byte) (Release, error) {
	if err := checkRelease(data); err != nil {
		return Release{}, err
	}
	r := Release{
		Number:        binary.LittleEndian.Uint32(data[52:]),
		Size:          binary.LittleEndian.Uint32(data[56:]),
		Image:         [32]byte(data[60:92]),
		MinMillivolts: binary.LittleEndian.Uint16(data[92:]),
		Signature:     [ed25519.SignatureSize]byte(data[releaseSigned:]),
	}
	var ok, also bool
	r.Model, ok = filled(data[4:36])
	r.Version, also = filled(data[36:52])
	if !ok || !also || data[94] != 0 || data[95] != 0 {
		return Release{}, fmt.Errorf("%w: bytes of a firmware release that are to be 0", ErrFormat)
	}
	if err := r.check(); err != nil {
		return Release{}, err
	}
	return r, nil
}

// filled reads a text that is filled up with zeros, and reports whether nothing
// follows them.
func filled(b []byte) (string, bool) {
	s := strings.TrimRight(string(b), "\x00")
	return s, !strings.Contains(s, "\x00")
}

// ParseReleaseFile reads a file for upload: a release and its image, which is
// checked against size and SHA-256; the signature is not. The error is
// ErrFormat, ErrUnsupported or ErrChecksum. The image is a part of data.
func ParseReleaseFile(data []byte) (Release, []byte, error) {
	if len(data) < ReleaseSize {
		return Release{}, nil, fmt.Errorf("%w: firmware file of %d bytes", ErrFormat, len(data))
	}
	r, err := ParseRelease(data[:ReleaseSize])
	if err != nil {
		return Release{}, nil, err
	}
	image := data[ReleaseSize:]
	if err := r.CheckImage(image); err != nil {
		return Release{}, nil, err
	}
	return r, image, nil
}

// CheckImage checks a complete image against size and SHA-256. The error is
// ErrFormat or ErrChecksum.
func (r *Release) CheckImage(image []byte) error {
	if uint64(len(image)) != uint64(r.Size) {
		return fmt.Errorf("%w: image of %d bytes, want %d", ErrFormat, len(image), r.Size)
	}
	if sha256.Sum256(image) != r.Image {
		return fmt.Errorf("%w: firmware image", ErrChecksum)
	}
	return nil
}

// AppendOffer appends the offer of a release to one sign: release, of
// ReleaseSize bytes, and its HMAC [DL-FW-2].
func AppendOffer(dst, release []byte, key *[32]byte, sign string) ([]byte, error) {
	if err := checkRelease(release); err != nil {
		return dst, err
	}
	mac := offerMAC(release, key, sign)
	return append(append(dst, release...), mac[:]...), nil
}

// ParseOffer checks an offer as a sign does, up to the signature of maker: what
// else the sign asks for says Release.For [DL-FW-3]. The error is ErrFormat,
// ErrMAC or ErrUnsupported.
func ParseOffer(msg []byte, key *[32]byte, sign string, maker ed25519.PublicKey) (Release, error) {
	if len(msg) != OfferSize {
		return Release{}, fmt.Errorf("%w: firmware offer of %d bytes", ErrFormat, len(msg))
	}
	release := msg[:ReleaseSize]
	if want := offerMAC(release, key, sign); !hmac.Equal(want[:], msg[ReleaseSize:]) {
		return Release{}, fmt.Errorf("%w: firmware offer", ErrMAC)
	}
	if err := checkRelease(release); err != nil {
		return Release{}, err
	}
	if err := verifyRelease(release, maker); err != nil {
		return Release{}, err
	}
	return ParseRelease(release)
}

func offerMAC(release []byte, key *[32]byte, sign string) [macSize]byte {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(domainOffer))
	h.Write([]byte(sign))
	h.Write(release)
	return [macSize]byte(h.Sum(nil))
}

// Target is the sign that a release is held against.
type Target struct {
	Model      string
	Running    uint32 // number of the firmware it runs
	Failed     uint32 // number it went back from, 0 for none
	Millivolts uint16 // of its battery, 0 unknown
}

// For reports whether that sign takes r, whose signature is right. The error is
// ErrRefused.
func (r *Release) For(t Target) error {
	switch {
	case r.Model != t.Model:
		return fmt.Errorf("%w: firmware for another model", ErrRefused)
	case r.Number <= t.Running:
		return fmt.Errorf("%w: firmware %d, %d is running", ErrRefused, r.Number, t.Running)
	case r.Number == t.Failed:
		return fmt.Errorf("%w: firmware %d failed before", ErrRefused, r.Number)
	case t.Millivolts != 0 && t.Millivolts < r.MinMillivolts:
		return fmt.Errorf("%w: battery of %d mV, want %d", ErrRefused, t.Millivolts, r.MinMillivolts)
	}
	return nil
}
