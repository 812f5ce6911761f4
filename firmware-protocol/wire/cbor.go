package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// encMode writes shortest forms with sorted keys [DL-MSG-1].
var encMode = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// decMode refuses what no sign has reason to send [DL-MSG-2]. Keys it does not
// know are skipped, so that a later version may add some [DL-MSG-3].
var decMode = func() cbor.DecMode {
	var reject []func(*cbor.SimpleValueRegistry) error
	for v := range 256 {
		if v != 20 && v != 21 && (v < 24 || v > 31) { // all but false and true
			reject = append(reject, cbor.WithRejectedSimpleValue(cbor.SimpleValue(v)))
		}
	}
	simple, err := cbor.NewSimpleValueRegistryFromDefaults(reject...)
	if err != nil {
		panic(err)
	}
	m, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  maxDepth,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxPairs,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		UTF8:             cbor.UTF8RejectInvalid,
		SimpleValues:     simple,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// marshal encodes one message and holds it to its limit.
func marshal(name string, limit int, v any) ([]byte, error) {
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("wire: encode %s: %w", name, err)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("%w: %s of %d bytes, at most %d", ErrFormat, name, len(b), limit)
	}
	return b, nil
}

// unmarshal decodes one message after checking its size. The cause is not
// quoted: it may repeat what a stranger sent.
func unmarshal(name string, limit int, data []byte, v any) error {
	if len(data) > limit {
		return fmt.Errorf("%w: %s of %d bytes, at most %d", ErrFormat, name, len(data), limit)
	}
	if len(data) == 0 || data[0]>>5 != 5 {
		return fmt.Errorf("%w: %s is not a CBOR map", ErrFormat, name)
	}
	if !strict(data) {
		return fmt.Errorf("%w: %s has CBOR that no message may have", ErrFormat, name)
	}
	if err := decMode.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %s is not CBOR of that message", ErrFormat, name)
	}
	return nil
}

// fixed copies a byte string that must have exactly the length of dst.
func fixed(name string, dst []byte, src cbor.ByteString) error {
	if len(src) != len(dst) {
		return fmt.Errorf("%w: %s of %d bytes, want %d", ErrFormat, name, len(src), len(dst))
	}
	copy(dst, src)
	return nil
}

// checkText holds a text field to printable ASCII of at most MaxText bytes
// [DL-MSG-4].
func checkText(name, s string) error {
	if len(s) > MaxText {
		return fmt.Errorf("%w: %s of %d bytes, at most %d", ErrFormat, name, len(s), MaxText)
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return fmt.Errorf("%w: %s has a character that is not printable ASCII", ErrFormat, name)
		}
	}
	return nil
}
