package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// removedVector is what removed.json has: the removal of a sign, and messages
// that come to it.
type (
	removedVector struct {
		Sign     string              `json:"sign"`
		Manifest hexBytes            `json:"manifestKey"`
		Cases    []removedCaseVector `json:"cases"`
	}
	removedCaseVector struct {
		Name    string   `json:"name"`
		Message hexBytes `json:"message"`
		Error   string   `json:"error,omitempty"`
	}
)

func newRemovedVector(t testing.TB) removedVector {
	keys := must[Keys](t)(DeriveKeys(bytes.Repeat([]byte{0x5a}, 32), testSign))
	other := must[Keys](t)(DeriveKeys(bytes.Repeat([]byte{0x33}, 32), testSign))
	message := func(m Removed) []byte { return must[[]byte](t)(m.Marshal()) }
	fields := func(m map[int]any) []byte { return must[[]byte](t)(encMode.Marshal(m)) }
	good := SignRemoved(&keys.Manifest, testSign)
	wrong := good
	wrong.MAC[15] ^= 1
	return removedVector{Sign: testSign, Manifest: keys.Manifest[:], Cases: []removedCaseVector{
		{"removed", message(good), ""},
		{"with a key of later revisions", fields(map[int]any{40: good.MAC[:], 99: "later"}), ""},
		{"wrong MAC", message(wrong), "mac"},
		{"signed with another key", message(SignRemoved(&other.Manifest, testSign)), "mac"},
		{"of another sign", message(SignRemoved(&keys.Manifest, "aaaaaaaaaaaaaaaa")), "mac"},
		{"MAC of a hello", message(Removed{keyMAC(&keys.Manifest, domainHello, testSign, 0)}), "mac"},
		{"cut short", message(good)[:19], "format"},
		{"byte too many", append(message(good), 0), "format"},
		{"short MAC", fields(map[int]any{40: good.MAC[:15]}), "format"},
		{"MAC as text", fields(map[int]any{40: "0123456789abcdef"}), "format"},
		{"no MAC", fields(map[int]any{}), "format"},
		{"empty", nil, "format"},
	}}
}

func TestVectorsRemoved(t *testing.T) {
	v := vectors(t, "removed.json", func() removedVector { return newRemovedVector(t) })
	if diff := cmp.Diff(newRemovedVector(t), v, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("removals differ (-computed +vector):\n%s", diff)
	}
	for _, c := range v.Cases {
		m, err := UnmarshalRemoved(c.Message)
		if err == nil {
			err = m.Verify((*[32]byte)(v.Manifest), v.Sign)
		}
		if kind := kindOf(err); kind != c.Error {
			t.Errorf("%s: error %q, want %q", c.Name, kind, c.Error)
		}
	}
}

// FuzzRemoved: nobody is removed by bytes that were not made for that.
func FuzzRemoved(f *testing.F) {
	keys := must[Keys](f)(DeriveKeys(bytes.Repeat([]byte{0x5a}, 32), testSign))
	for _, c := range newRemovedVector(f).Cases {
		f.Add([]byte(c.Message))
	}
	good := SignRemoved(&keys.Manifest, testSign)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := UnmarshalRemoved(data)
		if err != nil {
			return
		}
		if err := m.Verify(&keys.Manifest, testSign); err == nil && m != good {
			t.Errorf("%x removes the sign", data)
		}
	})
}
