package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pinsVector is what pins.json has: sets of server keys, and which a sign takes.
type (
	pinsVector struct {
		Sign     string          `json:"sign"`
		Manifest hexBytes        `json:"manifestKey"`
		Set      hexBytes        `json:"set"` // d/pins
		Number   uint32          `json:"number"`
		Keys     []hexBytes      `json:"keys"`
		MAC      hexBytes        `json:"mac"`
		Cases    []pinCaseVector `json:"cases"`
	}
	// pinCaseVector is a set that came to a sign with that number in force, over a
	// connection to that server.
	pinCaseVector struct {
		Name    string   `json:"name"`
		Message hexBytes `json:"message"`
		InForce uint32   `json:"inForce,omitempty"`
		Server  hexBytes `json:"server"`
		Number  uint32   `json:"number,omitempty"` // in force afterwards, where there is no error
		Error   string   `json:"error,omitempty"`
		Code    uint16   `json:"code,omitempty"` // that the sign reports
	}
)

func pinKey(b byte) [32]byte { return [32]byte(bytes.Repeat([]byte{b}, 32)) }

func newPinsVector(t testing.TB) pinsVector {
	keys := must[Keys](t)(DeriveKeys(bytes.Repeat([]byte{0x5a}, 32), testSign))
	other := must[Keys](t)(DeriveKeys(bytes.Repeat([]byte{0x33}, 32), testSign))
	a, b, c := pinKey(0xa1), pinKey(0xb2), pinKey(0xc3)
	signed := func(number uint32, all ...[32]byte) Pins {
		return must[Pins](t)(SignPins(&keys.Manifest, testSign, number, all...))
	}
	message := func(m Pins) []byte { return must[[]byte](t)(m.Marshal()) }
	set := signed(7, a, b)
	v := pinsVector{Sign: testSign, Manifest: keys.Manifest[:], Set: message(set), Number: 7, Keys: []hexBytes{a[:], b[:]}, MAC: set.MAC[:]}
	add := func(name string, data []byte, inForce uint32, server [32]byte, number uint32, kind string) {
		c := pinCaseVector{Name: name, Message: data, InForce: inForce, Server: server[:], Number: number, Error: kind}
		if kind != "" {
			c.Code = 16
		}
		v.Cases = append(v.Cases, c)
	}
	add("first set", v.Set, 0, a, 7, "")
	add("newer set, to the backup", message(signed(8, b, c)), 7, b, 8, "")
	add("one key", message(signed(8, a)), 7, a, 8, "")
	add("four keys, the last is the server's", message(signed(8, b, c, pinKey(4), a)), 7, a, 8, "")
	add("the greatest number", message(signed(1<<32-1, a)), 7, a, 1<<32-1, "")
	add("the set in force again", v.Set, 7, a, 7, "")
	add("an older set", message(signed(6, a, b)), 7, a, 0, "refused")
	add("without the server's key", message(signed(8, b, c)), 7, a, 0, "refused")
	edited := func(name string, edit func(*Pins)) {
		m := signed(8, a, b)
		edit(&m)
		add(name, message(m), 7, a, 0, "mac")
	}
	edited("wrong MAC", func(m *Pins) { m.MAC[15] ^= 1 })
	edited("number changed", func(m *Pins) { m.Number = 9 })
	edited("key changed", func(m *Pins) { m.Keys[1][0] ^= 1 })
	edited("key added", func(m *Pins) { m.Keys = append(m.Keys, c) })
	edited("key left out", func(m *Pins) { m.Keys = m.Keys[:1] })
	edited("keys in another order", func(m *Pins) { m.Keys[0], m.Keys[1] = m.Keys[1], m.Keys[0] })
	add("signed with another key", message(must[Pins](t)(SignPins(&other.Manifest, testSign, 8, a, b))), 7, a, 0, "mac")
	add("of another sign", message(must[Pins](t)(SignPins(&keys.Manifest, "aaaaaaaaaaaaaaaa", 8, a, b))), 7, a, 0, "mac")
	raw := func(name string, data []byte) { add(name, data, 7, a, 0, "format") }
	good := message(signed(8, a, b))
	mac := signed(8, a, b).MAC
	fields := func(m map[int]any) []byte { return must[[]byte](t)(encMode.Marshal(m)) }
	five := [][]byte{a[:], b[:], a[:], b[:], a[:]}
	raw("cut short", good[:len(good)-1])
	raw("byte too many", append(bytes.Clone(good), 0))
	raw("no keys", fields(map[int]any{40: mac[:], 43: [][]byte{}, 44: 8}))
	raw("without keys", fields(map[int]any{40: mac[:], 44: 8}))
	raw("five keys", fields(map[int]any{40: mac[:], 43: five, 44: 8}))
	raw("key of 31 bytes", fields(map[int]any{40: mac[:], 43: [][]byte{a[:31], b[:]}, 44: 8}))
	raw("key as text", fields(map[int]any{40: mac[:], 43: []string{string(bytes.Repeat([]byte{'a'}, 32))}, 44: 8}))
	raw("keys in an inner array", fields(map[int]any{40: mac[:], 43: [][][]byte{{a[:]}}, 44: 8}))
	raw("keys as one string", fields(map[int]any{40: mac[:], 43: a[:], 44: 8}))
	raw("MAC of 15 bytes", fields(map[int]any{40: mac[:15], 43: [][]byte{a[:], b[:]}, 44: 8}))
	raw("without MAC", fields(map[int]any{43: [][]byte{a[:], b[:]}, 44: 8}))
	raw("number 0", fields(map[int]any{40: mac[:], 43: [][]byte{a[:], b[:]}}))
	raw("number beyond 32 bits", fields(map[int]any{40: mac[:], 43: [][]byte{a[:], b[:]}, 44: uint64(1) << 32}))
	return v
}

func TestVectorsPins(t *testing.T) {
	v := vectors(t, "pins.json", func() pinsVector { return newPinsVector(t) })
	if diff := cmp.Diff(newPinsVector(t), v); diff != "" {
		t.Errorf("server keys differ (-computed +vector):\n%s", diff)
	}
	key := (*[32]byte)(v.Manifest)
	for _, c := range v.Cases {
		m, err := UnmarshalPins(c.Message)
		taken := false
		if err == nil {
			taken, err = m.Take(key, v.Sign, c.InForce, [32]byte(c.Server))
		}
		if kind := kindOf(err); kind != c.Error {
			t.Errorf("%s: error %q, want %q", c.Name, kind, c.Error)
		}
		if want := err == nil && c.Number != c.InForce; taken != want {
			t.Errorf("%s: taken %t, want %t", c.Name, taken, want)
		}
	}
}

// FuzzPins: what is read is written the same, and nobody makes a set for a sign
// without its key.
func FuzzPins(f *testing.F) {
	v := newPinsVector(f)
	for _, c := range v.Cases {
		f.Add([]byte(c.Message))
	}
	key := testKey()
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := UnmarshalPins(data)
		if err != nil {
			if kindOf(err) != "format" {
				t.Fatal(err)
			}
			return
		}
		again, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := UnmarshalPins(again); err != nil || !cmp.Equal(got, m) {
			t.Fatalf("%+v becomes %+v, %v", m, got, err)
		}
		if _, err := m.Take(key, testSign, 0, m.Keys[0]); kindOf(err) != "mac" {
			t.Fatalf("forged set taken: %v", err)
		}
	})
}
