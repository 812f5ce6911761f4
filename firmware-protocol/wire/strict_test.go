package wire

import (
	"errors"
	"reflect"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// A message may have keys that nobody knows yet, with values that are CBOR as
// messages have it.
func TestStrictSkips(t *testing.T) {
	for name, data := range map[string]string{
		"empty":                        "a0",
		"every kind of value":          "a61863001864201865401866601867801868f5",
		"texts in nested maps":         "a11863a2616101416102",
		"UTF-8":                        "a118636ae282acf09f9880c3a961",
		"number, text and bytes alike": "a11863a3186100616101416102",
		"array of 16":                  "a118639000000000000000000000000000000000",
		"as deep as it may be":         "a11863818180",
		"negative beyond 64 bits":      "a118633bffffffffffffffff",
	} {
		b := unhex(data)
		if !strict(b) {
			t.Errorf("%s: %x is refused", name, b)
		}
		if _, err := UnmarshalAck(b); err != nil {
			t.Errorf("%s: %x: %v", name, b, err)
		}
	}
}

// FuzzStrict: what is let through has no duplicate key and no invalid UTF-8
// anywhere, says a library that decodes all of it.
func FuzzStrict(f *testing.F) {
	for _, v := range []string{"a0", "a1186381a2616100616101", "a118635bffffffffffffffff", "a11863a201010102", "a1186362c328", "a6186300186420186540186660186780186af5"} {
		f.Add(unhex(v))
	}
	whole, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: maxDepth, MaxArrayElements: maxElements, MaxMapPairs: maxPairs,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden, UTF8: cbor.UTF8RejectInvalid,
		DefaultByteStringType: reflect.TypeFor[cbor.ByteString](),
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > MaxMessage || !strict(data) {
			return
		}
		var v any
		var big *cbor.InvalidMapKeyTypeError // a key below -2^63: no map of Go's can have it
		if err := whole.Unmarshal(data, &v); err != nil && !errors.As(err, &big) {
			t.Fatalf("%x is let through: %v", data, err)
		}
	})
}
