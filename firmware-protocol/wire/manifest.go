package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Sizes of the manifest in bytes [DL-MAN-2].
const (
	bodyHeadSize = 18
	stepSize     = 77 // without an explicit base
	tailSize     = 14
	macSize      = 16

	// MaxBody is the largest body: every step and the stale one with an
	// explicit base.
	MaxBody = bodyHeadSize + (MaxSteps+1)*(stepSize+32)
	// MaxManifest is the largest manifest.
	MaxManifest = MaxBody + tailSize + macSize
)

// The base byte of a step [DL-MAN-4]: none, explicit, or 2 + index of an
// earlier step whose picture is the base.
const (
	baseNone     = 0
	baseExplicit = 1
	baseStep     = 2
)

const flagStale = 0x01

// Step is one picture of a manifest, to be on the glass in [From, Until).
type Step struct {
	Object ObjectHash
	Size   uint32 // bytes of the object, 1 or more
	Glass  Digest // of the decoded picture
	Base   Digest // of the picture the object is a delta of; zero: a full picture
	From   int64  // Unix seconds, 0 to 2^32-1; both 0 in a stale step
	Until  int64
}

// Body is the part of a manifest that is packed once and sent as often as
// needed, byte for byte the same [DL-MAN-1].
type Body struct {
	Epoch, Seq    uint32 // 1 or more
	Width, Height uint16 // pixels
	Steps         []Step // 1 to MaxSteps, in order, without gaps
	Stale         *Step  // shown after the last step's Until; nil for none
}

// Manifest is a Body with what is true at the moment of sending.
type Manifest struct {
	Body
	ServerTime      int64  // Unix milliseconds
	NextWakeSeconds uint32 // from now
	JitterSeconds   uint16 // the sign adds a random part of it
}

// check holds b against the rules of the layout [DL-MAN-3].
func (b *Body) check() error {
	if err := checkSize(int(b.Width), int(b.Height), BlackWhite); err != nil {
		return err
	}
	if b.Epoch == 0 || b.Seq == 0 { // 0 stands for none
		return fmt.Errorf("%w: manifest (%d, %d)", ErrFormat, b.Epoch, b.Seq)
	}
	if len(b.Steps) < 1 || len(b.Steps) > MaxSteps {
		return fmt.Errorf("%w: manifest of %d steps", ErrFormat, len(b.Steps))
	}
	for i := range b.Steps {
		s := &b.Steps[i]
		if err := b.checkObject(s); err != nil {
			return err
		}
		if s.From < 0 || s.Until > 1<<32-1 || s.From >= s.Until {
			return fmt.Errorf("%w: step %d lasts from %d to %d", ErrFormat, i, s.From, s.Until)
		}
		if i > 0 && s.From != b.Steps[i-1].Until {
			return fmt.Errorf("%w: gap or overlap before step %d", ErrFormat, i)
		}
	}
	if b.Stale == nil {
		return nil
	}
	if b.Stale.From != 0 || b.Stale.Until != 0 {
		return fmt.Errorf("%w: stale step with times", ErrFormat)
	}
	return b.checkObject(b.Stale)
}

func (b *Body) checkObject(s *Step) error {
	if s.Size == 0 || int64(s.Size) > int64(maxObject(int(b.Width), int(b.Height), Grey16)) {
		return fmt.Errorf("%w: object of %d bytes for %dx%d pixels", ErrFormat, s.Size, b.Width, b.Height)
	}
	if s.Glass.IsZero() {
		return fmt.Errorf("%w: step without digest", ErrFormat)
	}
	return nil
}

// Append appends the body's bytes to dst. The error is ErrFormat: a body
// that no sign would accept is not packed.
func (b *Body) Append(dst []byte) ([]byte, error) {
	if err := b.check(); err != nil {
		return dst, err
	}
	var head [bodyHeadSize]byte
	copy(head[:], "DLM")
	head[3] = Version
	binary.LittleEndian.PutUint32(head[4:], b.Epoch)
	binary.LittleEndian.PutUint32(head[8:], b.Seq)
	binary.LittleEndian.PutUint16(head[12:], b.Width)
	binary.LittleEndian.PutUint16(head[14:], b.Height)
	head[16] = byte(len(b.Steps))
	if b.Stale != nil {
		head[17] = flagStale
	}
	dst = append(dst, head[:]...)
	for i := range b.Steps {
		dst = b.appendStep(dst, &b.Steps[i], i)
	}
	if b.Stale != nil {
		dst = b.appendStep(dst, b.Stale, len(b.Steps))
	}
	return dst, nil
}

// appendStep appends s, which follows the first earlier steps.
func (b *Body) appendStep(dst []byte, s *Step, earlier int) []byte {
	dst = append(dst, s.Object[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, s.Size)
	dst = append(dst, s.Glass[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s.From))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s.Until))
	if s.Base.IsZero() {
		return append(dst, baseNone)
	}
	if i := b.stepShowing(s.Base, earlier); i >= 0 {
		return append(dst, byte(baseStep+i))
	}
	dst = append(dst, baseExplicit)
	return append(dst, s.Base[:]...)
}

// stepShowing returns the index of the first of the earlier steps that shows
// glass, or -1.
func (b *Body) stepShowing(glass Digest, earlier int) int {
	for i := range earlier {
		if b.Steps[i].Glass == glass {
			return i
		}
	}
	return -1
}

// ParseBody reads a body. The error is ErrFormat or ErrUnsupported. The result
// keeps nothing of data, and its Append gives the same bytes.
func ParseBody(data []byte) (Body, error) {
	if len(data) < bodyHeadSize || len(data) > MaxBody || string(data[:3]) != "DLM" {
		return Body{}, fmt.Errorf("%w: not a manifest", ErrFormat)
	}
	if data[3] != Version {
		return Body{}, fmt.Errorf("%w: manifest version %d", ErrUnsupported, data[3])
	}
	b := Body{
		Epoch:  binary.LittleEndian.Uint32(data[4:]),
		Seq:    binary.LittleEndian.Uint32(data[8:]),
		Width:  binary.LittleEndian.Uint16(data[12:]),
		Height: binary.LittleEndian.Uint16(data[14:]),
	}
	steps, flags := int(data[16]), data[17]
	if flags&^flagStale != 0 {
		return Body{}, fmt.Errorf("%w: manifest flags %#02x", ErrUnsupported, flags)
	}
	rest := data[bodyHeadSize:]
	if steps < 1 || steps > MaxSteps || len(rest) < steps*stepSize {
		return Body{}, fmt.Errorf("%w: manifest of %d bytes promises %d steps", ErrFormat, len(data), steps)
	}
	b.Steps = make([]Step, steps)
	var err error
	for i := range b.Steps {
		if b.Steps[i], rest, err = b.parseStep(rest, i); err != nil {
			return Body{}, err
		}
	}
	if flags&flagStale != 0 {
		var stale Step
		if stale, rest, err = b.parseStep(rest, steps); err != nil {
			return Body{}, err
		}
		b.Stale = &stale
	}
	if len(rest) != 0 {
		return Body{}, fmt.Errorf("%w: %d bytes after the last step", ErrFormat, len(rest))
	}
	return b, b.check()
}

// parseStep reads the step that follows the first earlier steps.
func (b *Body) parseStep(data []byte, earlier int) (Step, []byte, error) {
	if len(data) < stepSize {
		return Step{}, nil, fmt.Errorf("%w: step %d is cut short", ErrFormat, earlier)
	}
	s := Step{
		Object: ObjectHash(data[0:32]),
		Size:   binary.LittleEndian.Uint32(data[32:]),
		Glass:  Digest(data[36:68]),
		From:   int64(binary.LittleEndian.Uint32(data[68:])),
		Until:  int64(binary.LittleEndian.Uint32(data[72:])),
	}
	base, rest := int(data[76]), data[stepSize:]
	switch {
	case base == baseNone:
	case base == baseExplicit:
		if len(rest) < len(s.Base) {
			return Step{}, nil, fmt.Errorf("%w: base of step %d is cut short", ErrFormat, earlier)
		}
		s.Base, rest = Digest(rest[:32]), rest[32:]
		if s.Base.IsZero() || b.stepShowing(s.Base, earlier) >= 0 {
			return Step{}, nil, fmt.Errorf("%w: base of step %d is not in its shortest form", ErrFormat, earlier)
		}
	case base-baseStep < earlier:
		s.Base = b.Steps[base-baseStep].Glass
		if b.stepShowing(s.Base, earlier) != base-baseStep {
			return Step{}, nil, fmt.Errorf("%w: base of step %d is not the first of its kind", ErrFormat, earlier)
		}
	default:
		return Step{}, nil, fmt.Errorf("%w: base of step %d is not an earlier step", ErrFormat, earlier)
	}
	return s, rest, nil
}

// AppendManifest appends a manifest to dst: body as Body.Append made it, the
// time, the next wake and the signature of the sign's key [DL-MAN-5].
// serverTime is in Unix milliseconds.
func AppendManifest(dst, body []byte, serverTime int64, nextWakeSeconds uint32, jitterSeconds uint16, key *[32]byte, sign string) ([]byte, error) {
	if len(body) < bodyHeadSize || len(body) > MaxBody || string(body[:3]) != "DLM" {
		return dst, fmt.Errorf("%w: not the body of a manifest", ErrFormat)
	}
	if serverTime < 0 {
		return dst, fmt.Errorf("%w: server time %d", ErrFormat, serverTime)
	}
	start := len(dst)
	dst = append(dst, body...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(serverTime))
	dst = binary.LittleEndian.AppendUint32(dst, nextWakeSeconds)
	dst = binary.LittleEndian.AppendUint16(dst, jitterSeconds)
	mac := manifestMAC(dst[start:], key, sign)
	return append(dst, mac[:macSize]...), nil
}

// ParseManifest checks the signature of msg first, then reads it. The error is
// ErrMAC, ErrFormat or ErrUnsupported.
func ParseManifest(msg []byte, key *[32]byte, sign string) (Manifest, error) {
	if len(msg) < bodyHeadSize+tailSize+macSize || len(msg) > MaxManifest {
		return Manifest{}, fmt.Errorf("%w: manifest of %d bytes", ErrFormat, len(msg))
	}
	signed, got := msg[:len(msg)-macSize], msg[len(msg)-macSize:]
	want := manifestMAC(signed, key, sign)
	if !hmac.Equal(got, want[:macSize]) {
		return Manifest{}, fmt.Errorf("%w: manifest", ErrMAC)
	}
	body, tail := signed[:len(signed)-tailSize], signed[len(signed)-tailSize:]
	serverTime := binary.LittleEndian.Uint64(tail)
	if serverTime >= 1<<63 {
		return Manifest{}, fmt.Errorf("%w: server time %d", ErrFormat, serverTime)
	}
	b, err := ParseBody(body)
	if err != nil {
		return Manifest{}, err
	}
	return Manifest{
		Body:            b,
		ServerTime:      int64(serverTime),
		NextWakeSeconds: binary.LittleEndian.Uint32(tail[8:]),
		JitterSeconds:   binary.LittleEndian.Uint16(tail[12:]),
	}, nil
}

// manifestMAC is HMAC-SHA-256 over sign id and message; 16 bytes are sent.
func manifestMAC(signed []byte, key *[32]byte, sign string) [sha256.Size]byte {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(sign))
	h.Write(signed)
	var mac [sha256.Size]byte
	h.Sum(mac[:0])
	return mac
}
