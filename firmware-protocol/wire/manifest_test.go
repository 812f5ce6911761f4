package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testSign = "k7qf2m4pabcdefgh"

func testKey() *[32]byte { return &[32]byte{1, 2, 3, 31: 9} }

// testBody has every form of base: none, explicit, an earlier step, and the
// stale step on an earlier one.
func testBody() Body {
	step := func(n byte, base Digest, from int64) Step {
		return Step{Object: ObjectHash{n}, Size: 100 + uint32(n), Glass: Digest{n, 1}, Base: base, From: from, Until: from + 900}
	}
	return Body{
		Epoch: 3, Seq: 77, Width: 800, Height: 480,
		Steps: []Step{
			step(1, Digest{200}, 1_790_000_100),
			step(2, Digest{1, 1}, 1_790_001_000),
			step(3, Digest{}, 1_790_001_900),
		},
		Stale: &Step{Object: ObjectHash{9}, Size: 2000, Glass: Digest{9, 9}, Base: Digest{3, 1}},
	}
}

func TestManifest(t *testing.T) {
	want := Manifest{Body: testBody(), ServerTime: 1_790_000_000_123, NextWakeSeconds: 3600, JitterSeconds: 30}
	body, err := want.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := AppendManifest([]byte("kept"), body, want.ServerTime, want.NextWakeSeconds, want.JitterSeconds, testKey(), testSign)
	if err != nil {
		t.Fatal(err)
	}
	msg, ok := bytes.CutPrefix(msg, []byte("kept"))
	if !ok || !bytes.HasPrefix(msg, body) {
		t.Fatal("AppendManifest does not append, or changes the body")
	}
	got, err := ParseManifest(msg, testKey(), testSign)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest differs (-want +got):\n%s", diff)
	}
	if got, want := len(body), 18+4*77+32; got != want {
		t.Errorf("body of %d bytes, want %d", got, want)
	}
}

func TestManifestRefusesForgeries(t *testing.T) {
	b := testBody()
	body, err := b.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := AppendManifest(nil, body, 1, 2, 3, testKey(), testSign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseManifest(msg, &[32]byte{}, testSign); !errors.Is(err, ErrMAC) {
		t.Errorf("other key: %v, want ErrMAC", err)
	}
	if _, err := ParseManifest(msg, testKey(), "aaaaaaaaaaaaaaaa"); !errors.Is(err, ErrMAC) {
		t.Errorf("other sign: %v, want ErrMAC", err)
	}
	for i := range msg {
		forged := bytes.Clone(msg)
		forged[i] ^= 0x40
		if _, err := ParseManifest(forged, testKey(), testSign); !errors.Is(err, ErrMAC) {
			t.Fatalf("byte %d changed: %v, want ErrMAC", i, err)
		}
	}
	for n := range msg {
		if _, err := ParseManifest(msg[:n], testKey(), testSign); err == nil {
			t.Fatalf("accepted after %d bytes", n)
		}
	}
}

func TestBodyRefuses(t *testing.T) {
	cases := map[string]func(b *Body){
		"no steps":          func(b *Body) { b.Steps = nil },
		"too many steps":    func(b *Body) { b.Steps = make([]Step, MaxSteps+1) },
		"no size":           func(b *Body) { b.Width = 0 },
		"gap":               func(b *Body) { b.Steps[1].From++ },
		"overlap":           func(b *Body) { b.Steps[1].From-- },
		"empty step":        func(b *Body) { b.Steps[2].Until = b.Steps[2].From },
		"before 1970":       func(b *Body) { b.Steps[0].From = -1 },
		"after 2106":        func(b *Body) { b.Steps[2].Until = 1 << 32 },
		"empty object":      func(b *Body) { b.Steps[0].Size = 0 },
		"huge object":       func(b *Body) { b.Steps[0].Size = 4*48000 + 31 },
		"no digest":         func(b *Body) { b.Steps[0].Glass = Digest{} },
		"stale with time":   func(b *Body) { b.Stale.Until = 1 },
		"stale without all": func(b *Body) { b.Stale = &Step{} },
	}
	for name, breakIt := range cases {
		t.Run(name, func(t *testing.T) {
			b := testBody()
			breakIt(&b)
			if _, err := b.Append(nil); !errors.Is(err, ErrFormat) {
				t.Errorf("got %v, want ErrFormat", err)
			}
		})
	}
}

func TestParseBodyRefuses(t *testing.T) {
	b := testBody()
	body, err := b.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	const firstBase, secondBase = 18 + 76, 18 + 77 + 32 + 76
	cases := []struct {
		name string
		edit func(b []byte) []byte
		want error
	}{
		{"magic", func(b []byte) []byte { b[0]++; return b }, ErrFormat},
		{"version", func(b []byte) []byte { b[3]++; return b }, ErrUnsupported},
		{"flags", func(b []byte) []byte { b[17] |= 2; return b }, ErrUnsupported},
		{"no steps", func(b []byte) []byte { b[16] = 0; return b }, ErrFormat},
		{"more steps than bytes", func(b []byte) []byte { b[16] = 64; return b }, ErrFormat},
		{"too many steps", func(b []byte) []byte { b[16] = 255; return b }, ErrFormat},
		{"trailing byte", func(b []byte) []byte { return append(b, 0) }, ErrFormat},
		{"cut short", func(b []byte) []byte { return b[:len(b)-1] }, ErrFormat},
		{"base is a later step", func(b []byte) []byte { b[secondBase] = 3; return b }, ErrFormat},
		{"explicit base is zero", func(b []byte) []byte { b[firstBase+1] = 0; return b }, ErrFormat},
		{"explicit base cut short", func(b []byte) []byte { return b[:firstBase+20] }, ErrFormat},
		{"too large", func(b []byte) []byte { return make([]byte, MaxBody+1) }, ErrFormat},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ParseBody(c.edit(bytes.Clone(body))); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A base that is the picture of an earlier step has one form only.
func TestBaseHasOneForm(t *testing.T) {
	b := testBody()
	b.Steps[2].Glass, b.Steps[2].Base = b.Steps[0].Glass, Digest{}
	b.Stale.Base = b.Steps[0].Glass
	body, err := b.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := body[len(body)-1]; got != baseStep {
		t.Fatalf("base byte %d, want the first step", got)
	}
	body[len(body)-1] = baseStep + 2
	if _, err := ParseBody(body); !errors.Is(err, ErrFormat) {
		t.Errorf("base by its second step: %v, want ErrFormat", err)
	}
	body[len(body)-1] = baseExplicit
	body = append(body, b.Steps[0].Glass[:]...)
	if _, err := ParseBody(body); !errors.Is(err, ErrFormat) {
		t.Errorf("explicit base: %v, want ErrFormat", err)
	}
}

func TestAppendManifestRefuses(t *testing.T) {
	b := testBody()
	body, err := b.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AppendManifest(nil, []byte("no body"), 1, 1, 1, testKey(), testSign); !errors.Is(err, ErrFormat) {
		t.Errorf("no body: %v, want ErrFormat", err)
	}
	if _, err := AppendManifest(nil, body, -1, 1, 1, testKey(), testSign); !errors.Is(err, ErrFormat) {
		t.Errorf("time before 1970: %v, want ErrFormat", err)
	}
}

func FuzzBody(f *testing.F) {
	b := testBody()
	body, err := b.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add(body[:len(body)-40])
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBody(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("got %v", err)
			}
			return
		}
		again, err := b.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, data) {
			t.Fatal("a body has two encodings")
		}
	})
}

func FuzzManifest(f *testing.F) {
	b := testBody()
	body, err := b.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	msg, err := AppendManifest(nil, body, 1, 2, 3, testKey(), testSign)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg, false)
	f.Add(msg[:len(msg)-16], true)
	f.Fuzz(func(t *testing.T, msg []byte, sign bool) {
		if sign {
			mac := manifestMAC(msg, testKey(), testSign)
			msg = append(msg, mac[:macSize]...)
		}
		m, err := ParseManifest(msg, testKey(), testSign)
		if err != nil {
			return
		}
		body, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := AppendManifest(nil, body, m.ServerTime, m.NextWakeSeconds, m.JitterSeconds, testKey(), testSign)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, msg) {
			t.Fatal("a manifest has two encodings")
		}
	})
}
