package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

func testHello() Hello {
	return Hello{
		Boot: 0xdeadbeef, Counter: 7, Epoch: 3, Seq: 77, Shown: Digest{1, 2, 3},
		Model: "800x480", Serial: "DL-000123", Firmware: "1.0.0", Width: 800, Height: 480,
		AlwaysOn: true, Capabilities: CapAll, BatteryMillivolts: 2950, SignalDBm: -67,
		TemperatureC: -5, TemperatureKnown: true, Wake: 3, LastError: 9,
		Events:    []Event{{Boot: 0xdeadbeef, Counter: 5, Button: 1, AgeMillis: 1200}, {Boot: 1, Counter: 6, Button: 4}},
		KeyNumber: 2, FirmwareNumber: 14, PinsNumber: 3,
	}
}

func testHardware() Hardware {
	return Hardware{
		Model: "800x480", Serial: "DL-000123", Firmware: "1.0.0", Width: 800, Height: 480,
		Capabilities: CapAll, BatteryMillivolts: 3000, SignalDBm: -60,
	}
}

// message is one kind of message with a full and an almost empty example.
type message struct {
	name   string
	values []any
	limit  int
	decode func([]byte) (any, error)
}

type marshaler interface{ Marshal() ([]byte, error) }

// decoder adapts an unmarshal function and returns a pointer, for Marshal.
func decoder[T any](f func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		v, err := f(b)
		return &v, err
	}
}

func messages(t testing.TB) []message {
	hardware := testHardware()
	description, err := hardware.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	digest := Digest{5}
	return []message{
		{"hello", []any{ptr(testHello()), &Hello{Width: 1, Height: 1}}, MaxMessage, decoder(UnmarshalHello)},
		{"shown", []any{&Shown{1, 2, 3, 4, digest, 5, 1234, 2900, 7, MAC{8}}, &Shown{}}, MaxMessage, decoder(UnmarshalShown)},
		{"event", []any{&Event{1, 2, 3, 4, MAC{5}}, &Event{Button: 1}}, MaxMessage, decoder(UnmarshalEvent)},
		{"ack", []any{&Ack{1, 2, 1_790_000_000_123, true, 3600, 30, 3}, &Ack{}}, MaxMessage, decoder(UnmarshalAck)},
		{"get", []any{&Get{ObjectHash(digest), 4096, 1024}, &Get{Length: 1}}, MaxMessage, decoder(UnmarshalGet)},
		{"block", []any{ptr(testBlock(MaxBlockData)), &Block{Data: []byte{}}}, MaxBlockMessage, decoder(UnmarshalBlock)},
		{"hardware", []any{&hardware, &Hardware{Width: 1, Height: 1}}, MaxHardwareMessage, decoder(UnmarshalHardware)},
		{"commit", []any{&PairCommit{[32]byte{1}, description}}, MaxMessage, decoder(UnmarshalPairCommit)},
		{"challenge", []any{&PairChallenge{N2: [32]byte{1}}, &PairChallenge{}, &PairChallenge{Address: "https://signs.example.com/m/pair?c="}}, MaxMessage, decoder(UnmarshalPairChallenge)},
		{"reveal", []any{&PairReveal{[32]byte{1}, [32]byte{2}}}, MaxMessage, decoder(UnmarshalPairReveal)},
		{"identity", []any{&PairIdentity{testSign, make([]byte, 80)}}, MaxMessage, decoder(UnmarshalPairIdentity)},
		{"key", []any{&Key{Boot: 1, Counter: 2, Public: [32]byte{1}, Number: 3, MAC: [16]byte{4}}, &Key{Number: 1, Stored: true}}, MaxMessage, decoder(UnmarshalKey)},
		{"new key", []any{&NewKey{make([]byte, 80), 3, [16]byte{4}}}, MaxMessage, decoder(UnmarshalNewKey)},
		{"server keys", []any{&Pins{[][32]byte{{1}, {2}}, 3, [16]byte{4}}, &Pins{Keys: make([][32]byte, MaxPins), Number: 1}}, MaxMessage, decoder(UnmarshalPins)},
	}
}

func testBlock(n int) Block {
	return Block{Object: [8]byte{1, 2}, Offset: 4096, Total: 10000, Data: bytes.Repeat([]byte{0xa5}, n)}
}

func TestMessages(t *testing.T) {
	for _, m := range messages(t) {
		t.Run(m.name, func(t *testing.T) {
			for _, want := range m.values {
				data, err := want.(marshaler).Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if len(data) > m.limit {
					t.Errorf("%d bytes, at most %d", len(data), m.limit)
				}
				got, err := m.decode(data)
				if err != nil {
					t.Fatalf("%x: %v", data, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("message differs (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// What no sign has reason to send is refused, in every message.
func TestMessagesRefuse(t *testing.T) {
	for _, m := range messages(t) {
		data, err := m.values[0].(marshaler).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		cases := map[string][]byte{
			"empty":             nil,
			"cut short":         data[:len(data)-1],
			"trailing byte":     append(bytes.Clone(data), 0),
			"not a map":         {0x80},
			"null":              {0xf6},
			"indefinite map":    append(append([]byte{0xbf}, data[1:]...), 0xff),
			"tagged":            append([]byte{0xd9, 0xd9, 0xf7}, data...),
			"too long":          make([]byte, m.limit+1),
			"duplicate key":     {0xa2, 0x01, 0x01, 0x01, 0x02},
			"deep":              unhex("a1186381818181818180"),
			"large array":       append(unhex("a1186391"), make([]byte, 17)...),
			"promises too much": unhex("bbffffffffffffffff"),
			"null field":        unhex("a101f6"),
			"undefined field":   unhex("a101f7"),
			"simple value":      unhex("a101f0"),
			"float":             unhex("a101f93c00"),
			"null skipped key":  unhex("a11863f6"),
		}
		for name, bad := range cases {
			t.Run(m.name+"/"+name, func(t *testing.T) {
				if _, err := m.decode(bad); !errors.Is(err, ErrFormat) {
					t.Errorf("%x: %v, want ErrFormat", bad, err)
				}
			})
		}
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Keys of a later version are skipped.
func TestMessagesSkipUnknownKeys(t *testing.T) {
	for _, m := range messages(t) {
		data, err := m.values[0].(marshaler).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if data[0]&0x1f > 22 {
			t.Fatalf("%s: too many keys for this test", m.name)
		}
		later := append([]byte{data[0] + 1}, data[1:]...)
		later = append(later, 0x19, 0x03, 0xe8, 0x82, 0x01, 0x61, 'x') // 1000: [1, "x"]
		if len(later) > m.limit {
			continue
		}
		got, err := m.decode(later)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if diff := cmp.Diff(m.values[0], got); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", m.name, diff)
		}
	}
}

// Fields outside their range are refused in both directions.
func TestFieldLimits(t *testing.T) {
	hello := func(edit func(*Hello)) *Hello { h := testHello(); edit(&h); return &h }
	hardware := func(edit func(*Hardware)) *Hardware { h := testHardware(); edit(&h); return &h }
	cases := map[string]marshaler{
		"hello without size":     hello(func(h *Hello) { h.Width = 0 }),
		"hello too high":         hello(func(h *Hello) { h.Height = MaxSide + 1 }),
		"hello long model":       hello(func(h *Hello) { h.Model = strings.Repeat("x", MaxText+1) }),
		"hello control":          hello(func(h *Hello) { h.Serial = "a\nb" }),
		"hello not ASCII":        hello(func(h *Hello) { h.Firmware = "ü" }),
		"hello signal":           hello(func(h *Hello) { h.SignalDBm = 1 }),
		"hello events":           hello(func(h *Hello) { h.Events = make([]Event, MaxEvents+1) }),
		"hello button":           hello(func(h *Hello) { h.Events[0].Button = 5 }),
		"event button":           &Event{},
		"ack time":               &Ack{ServerTime: -1},
		"get nothing":            &Get{},
		"get too much":           &Get{Length: MaxBlockData + 1},
		"block outside":          &Block{Offset: 10, Total: 11, Data: make([]byte, 2)},
		"block wraps":            &Block{Offset: 1<<32 - 1, Total: 1<<32 - 1, Data: make([]byte, 2)},
		"block empty":            &Block{Offset: 10, Total: 11},
		"block too long":         ptr(testBlock(MaxBlockData + 1)),
		"hardware size":          hardware(func(h *Hardware) { h.Height = 0 }),
		"hardware signal":        hardware(func(h *Hardware) { h.SignalDBm = 5 }),
		"hardware text":          hardware(func(h *Hardware) { h.Model = "\x7f" }),
		"commit without":         &PairCommit{},
		"identity without id":    &PairIdentity{Sealed: make([]byte, 80)},
		"identity with short id": &PairIdentity{"abc", make([]byte, 80)},
		"identity sealed":        &PairIdentity{testSign, make([]byte, 79)},
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			if data, err := m.Marshal(); !errors.Is(err, ErrFormat) {
				t.Errorf("Marshal: %x, %v, want ErrFormat", data, err)
			}
		})
	}
	// The same from outside, where Marshal does not stand in front.
	outside := map[string]struct {
		fields any
		decode func([]byte) (any, error)
	}{
		"hello glass":    {helloFields{Width: 1, Height: 1, Glass: "short"}, decoder(UnmarshalHello)},
		"hello model":    {helloFields{Width: 1, Height: 1, Model: strings.Repeat("x", MaxText+1)}, decoder(UnmarshalHello)},
		"hello events":   {helloFields{Width: 1, Height: 1, Events: make([]pressFields, 9)}, decoder(UnmarshalHello)},
		"hello MAC":      {helloFields{Width: 1, Height: 1, MAC: "short"}, decoder(UnmarshalHello)},
		"shown MAC":      {shownFields{Glass: cbor.ByteString(make([]byte, 32)), MAC: "short"}, decoder(UnmarshalShown)},
		"event MAC":      {eventFields{Button: 1, MAC: "short"}, decoder(UnmarshalEvent)},
		"shown glass":    {shownFields{Glass: "short"}, decoder(UnmarshalShown)},
		"get object":     {getFields{Object: "short", Length: 1}, decoder(UnmarshalGet)},
		"get length":     {getFields{Object: cbor.ByteString(make([]byte, 32))}, decoder(UnmarshalGet)},
		"ack time":       {ackFields{ServerTime: -1}, decoder(UnmarshalAck)},
		"block object":   {blockFields{Object: "short"}, decoder(UnmarshalBlock)},
		"commit hash":    {commitFields{Commitment: "short"}, decoder(UnmarshalPairCommit)},
		"challenge":      {challengeFields{N2: "short"}, decoder(UnmarshalPairChallenge)},
		"address":        {challengeFields{N2: cbor.ByteString(make([]byte, 32)), Address: "https://a@b.example/"}, decoder(UnmarshalPairChallenge)},
		"reveal key":     {revealFields{Public: "short"}, decoder(UnmarshalPairReveal)},
		"reveal nonce":   {revealFields{Public: cbor.ByteString(make([]byte, 32))}, decoder(UnmarshalPairReveal)},
		"number as text": {map[int]any{12: "1"}, decoder(UnmarshalEvent)},
		"number too big": {map[int]any{12: 256}, decoder(UnmarshalEvent)},
		"negative":       {map[int]any{1: -1, 12: 1}, decoder(UnmarshalEvent)},
		"bytes as array": {map[int]any{26: make([]int, 8)}, decoder(UnmarshalBlock)},
	}
	for name, c := range outside {
		t.Run("outside/"+name, func(t *testing.T) {
			data, err := cbor.Marshal(c.fields)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.decode(data); !errors.Is(err, ErrFormat) {
				t.Errorf("%x: %v, want ErrFormat", data, err)
			}
		})
	}
}

func TestBlockChecksum(t *testing.T) {
	b := testBlock(100)
	data, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.Index(data, []byte{0xa5, 0xa5})] ^= 1
	if _, err := UnmarshalBlock(data); !errors.Is(err, ErrChecksum) {
		t.Errorf("got %v, want ErrChecksum", err)
	}
}

// FuzzMessages gives every decoder the same bytes: whatever is accepted can be
// said again and means the same.
func FuzzMessages(f *testing.F) {
	all := messages(f)
	for i, m := range all {
		for _, v := range m.values {
			data, err := v.(marshaler).Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), data)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		m := all[int(kind)%len(all)]
		first, err := m.decode(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrChecksum) {
				t.Fatalf("%s: %v", m.name, err)
			}
			return
		}
		again, err := first.(marshaler).Marshal()
		if err != nil {
			t.Fatalf("%s: accepted, but cannot be said again: %v", m.name, err)
		}
		second, err := m.decode(again)
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("%s changes when said again:\n%s", m.name, diff)
		}
	})
}
