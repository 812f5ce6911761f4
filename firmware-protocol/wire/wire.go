// Package wire is the Go codec of the sign protocol in firmware-protocol/SPEC.md:
// picture objects, the signed manifest, the CBOR messages, MQTT topics and the
// cryptography of pairing. Comments cite the clauses of SPEC.md in brackets.
//
// It opens no connection, reads no clock and keeps no state between calls; who
// may send what to whom is the business of its callers. Every parser bounds its
// input before it allocates. Functions are safe for concurrent use; an Encoder
// or a Decoder belongs to one goroutine at a time.
package wire

import "errors"

// Version is the version of the protocol this package speaks [DL-GEN-1]; it is
// in every topic and in the fourth byte of manifests.
const Version = 1

// ObjectVersion is the version of picture objects, in their fourth byte.
const ObjectVersion = 2

// Limits of the protocol [DL-LIM-1].
const (
	MaxSide            = 16384   // pixels, width and height of a picture
	MaxDecoded         = 8 << 20 // bytes of a decoded picture
	MaxSteps           = 64      // steps of a manifest
	MaxText            = 64      // bytes of a text field
	MaxMessage         = 1024    // bytes of any CBOR message but Block
	MaxBlockData       = 4096    // bytes of Block.Data
	MaxBlockMessage    = 4300    // bytes of a Block message
	MaxEvents          = 8       // events in one Hello
	MaxHardwareMessage = 512     // bytes of the hardware description in PairCommit
)

// Kinds of failure; test with errors.Is.
var (
	// ErrFormat: the bytes break a rule of SPEC.md.
	ErrFormat = errors.New("wire: malformed")
	// ErrUnsupported: well-formed as far as known, but of another version,
	// encoding or number of planes.
	ErrUnsupported = errors.New("wire: not supported")
	// ErrBase: a delta needs another base than the one at hand.
	ErrBase = errors.New("wire: wrong base picture")
	// ErrChecksum: decoded bytes do not have the promised checksum.
	ErrChecksum = errors.New("wire: checksum mismatch")
	// ErrMAC: a message is not signed with this sign's key, a release not with
	// its maker's, or a sealed secret does not open.
	ErrMAC = errors.New("wire: authentication failed")
	// ErrRefused: genuine, but not for this sign or not now.
	ErrRefused = errors.New("wire: not for this sign")
)

// Capabilities says what a sign can decode and do [DL-CAP-1].
type Capabilities uint32

// The bits of Capabilities. Every sign decodes EncodingRaw, set or not.
const (
	CapRaw        Capabilities = 1 << iota // EncodingRaw
	CapDeflate                             // EncodingDeflate, 512-byte window
	CapDeflateXor                          // EncodingDeflateXor, needs the base in memory
	CapSmall                               // EncodingSmall, decodes in 4 KB beside the picture
	CapSmallRef                            // EncodingSmallRef, needs the base in memory
	CapFull                                // EncodingFull, decodes in 16 KB beside the picture
	CapFullRef                             // EncodingFullRef, needs the base in memory
	CapParts                               // more than one part in an object, parts of the picture, bases they leave standing
	CapKeys                                // the secret is renewed [DL-KEY-1]
	CapFirmware                            // firmware is updated [DL-FW-2]
	CapPins                                // it believes a set of server keys [DL-PIN-1]

	CapMinimal = CapRaw
	CapAll     = CapParts<<1 - 1 // of pictures
)

// Encoding is how the payload of a part is coded [DL-PART-3].
type Encoding uint8

// The encodings.
const (
	EncodingRaw Encoding = iota
	EncodingDeflate
	EncodingDeflateXor
	EncodingSmall
	EncodingSmallRef
	EncodingFull
	EncodingFullRef
	encodings
)

// String returns the name that SPEC.md and the command line use.
func (e Encoding) String() string {
	if e >= encodings {
		return "unknown"
	}
	return [...]string{"raw", "deflate", "deflate-xor", "small", "small-ref", "full", "full-ref"}[e]
}

// hasReference reports whether e decodes only with another picture.
func (e Encoding) hasReference() bool {
	return e == EncodingDeflateXor || e == EncodingSmallRef || e == EncodingFullRef
}

// profile is the size of a context encoding's model.
func (e Encoding) profile() profile {
	if e >= EncodingFull {
		return full
	}
	return small
}

// allowed reports whether a sign with these capabilities can decode e.
func (e Encoding) allowed(caps Capabilities) bool {
	return e == EncodingRaw || caps>>e&1 != 0
}
