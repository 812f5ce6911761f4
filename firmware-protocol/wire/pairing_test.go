package wire

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// constant is a source of "random" bytes for tests.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

func testPrivate(t testing.TB, seed byte) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestPairAlphabet(t *testing.T) {
	if got := len(PairAlphabet); got != 32 {
		t.Fatalf("%d glyphs, want 32", got)
	}
	for i, r := range PairAlphabet {
		if strings.ContainsRune("0O1I", r) || strings.LastIndexByte(PairAlphabet, byte(r)) != i {
			t.Errorf("glyph %q", r)
		}
	}
}

// Whatever differs in what the two sides saw gives another code, so that a
// relay in between is noticed.
func TestPairCode(t *testing.T) {
	public := testPrivate(t, 7).PublicKey().Bytes()
	hardware := []byte("hardware")
	spki, n1, n2 := [32]byte{1}, [32]byte{2}, [32]byte{3}
	want := PairCode(spki, public, n1, n2, hardware)
	if len(want) != PairCodeLength || strings.Trim(want, PairAlphabet) != "" {
		t.Fatalf("code %q", want)
	}
	if got := PairCode(spki, public, n1, n2, hardware); got != want {
		t.Errorf("same transcript: %q, want %q", got, want)
	}
	others := map[string]string{
		"certificate": PairCode([32]byte{9}, public, n1, n2, hardware),
		"public key":  PairCode(spki, testPrivate(t, 8).PublicKey().Bytes(), n1, n2, hardware),
		"sign nonce":  PairCode(spki, public, [32]byte{9}, n2, hardware),
		"our nonce":   PairCode(spki, public, n1, [32]byte{9}, hardware),
		"nonces":      PairCode(spki, public, n2, n1, hardware),
		"hardware":    PairCode(spki, public, n1, n2, []byte("hardwarf")),
		"no hardware": PairCode(spki, public, n1, n2, nil),
	}
	for name, got := range others {
		if got == want {
			t.Errorf("other %s, same code", name)
		}
	}
}

// The first 40 bits are the glyphs, most significant bits first.
func TestPairCodeBits(t *testing.T) {
	public := testPrivate(t, 7).PublicKey().Bytes()
	transcript := PairTranscript([32]byte{}, public, [32]byte{}, [32]byte{}, nil)
	code := PairCode([32]byte{}, public, [32]byte{}, [32]byte{}, nil)
	var bits uint64
	for i := range code {
		bits = bits<<5 | uint64(strings.IndexByte(PairAlphabet, code[i]))
	}
	for i := range 5 {
		if got, want := byte(bits>>(32-8*i)), transcript[i]; got != want {
			t.Errorf("byte %d of the code is %02x, want %02x", i, got, want)
		}
	}
}

func TestPairCommitment(t *testing.T) {
	a, b := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	want := PairCommitment(a, [32]byte{3})
	if PairCommitment(b, [32]byte{3}) == want || PairCommitment(a, [32]byte{4}) == want {
		t.Error("commitment does not depend on all it commits to")
	}
	if PairTranscript([32]byte{}, a, [32]byte{3}, [32]byte{}, nil) == want {
		t.Error("commitment and transcript share a domain")
	}
}

func TestNormalizePairCode(t *testing.T) {
	cases := []struct {
		typed, want string
		ok          bool
	}{
		{"K7QF2M4P", "K7QF2M4P", true},
		{" k7qf-2m4p ", "K7QF2M4P", true},
		{"K7QF 1M4i", "K7QFLM4L", true},
		{"K7QF2M4", "", false},
		{"K7QF2M4PP", "", false},
		{"K7QF2M40", "", false},
		{"K7QF2M4O", "", false},
		{"K7QF2M4ß", "", false},
		{"", "", false},
	}
	for _, c := range cases {
		got, ok := NormalizePairCode(c.typed)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %q, %t, want %q, %t", c.typed, got, ok, c.want, c.ok)
		}
	}
}

func TestIdentity(t *testing.T) {
	priv, secret := testPrivate(t, 7), bytes.Repeat([]byte{0x5a}, 32)
	public, transcript := priv.PublicKey().Bytes(), [32]byte{1, 2, 3}
	id, err := SealIdentity(constant(9), public, transcript, testSign, secret)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(id.Sealed, secret[:8]) {
		t.Fatal("the secret is in the clear")
	}
	got, err := OpenIdentity(priv, transcript, id)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, secret) {
		t.Errorf("got %x, want %x", got, secret)
	}
	other := id
	other.Sign = "aaaaaaaaaaaaaaaa"
	for name, open := range map[string]func() ([]byte, error){
		"other key":        func() ([]byte, error) { return OpenIdentity(testPrivate(t, 8), transcript, id) },
		"other transcript": func() ([]byte, error) { return OpenIdentity(priv, [32]byte{}, id) },
		"other id":         func() ([]byte, error) { return OpenIdentity(priv, transcript, other) },
	} {
		if secret, err := open(); !errors.Is(err, ErrMAC) {
			t.Errorf("%s: %x, %v, want ErrMAC", name, secret, err)
		}
	}
	for i := range id.Sealed {
		forged := PairIdentity{testSign, bytes.Clone(id.Sealed)}
		forged.Sealed[i] ^= 1
		if _, err := OpenIdentity(priv, transcript, forged); err == nil {
			t.Errorf("byte %d changed and still opened", i)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	priv := testPrivate(t, 7)
	public := priv.PublicKey().Bytes()
	seal := func(public, secret []byte) error {
		_, err := SealIdentity(constant(9), public, [32]byte{}, testSign, secret)
		return err
	}
	for name, err := range map[string]error{
		"short key":      seal(public[:31], make([]byte, 32)),
		"zero key":       seal(make([]byte, 32), make([]byte, 32)),
		"short secret":   seal(public, make([]byte, 31)),
		"short sealed":   second(OpenSecret(priv, nil, make([]byte, 47))),
		"long sealed":    second(OpenSecret(priv, nil, make([]byte, 2000))),
		"zero ephemeral": second(OpenSecret(priv, nil, make([]byte, 80))),
	} {
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	if _, err := SealSecret(bytes.NewReader(nil), public, nil, nil); err == nil {
		t.Error("sealed without randomness")
	}
}

func second[T any](_ T, err error) error { return err }

func TestDeriveKeys(t *testing.T) {
	secret := bytes.Repeat([]byte{0x5a}, 32)
	keys, err := DeriveKeys(secret, testSign)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := hex.DecodeString(keys.Password); err != nil || len(raw) != 24 {
		t.Errorf("password %q, want 48 hexadecimal characters", keys.Password)
	}
	if strings.HasPrefix(hex.EncodeToString(keys.Manifest[:]), keys.Password) {
		t.Error("password and manifest key are the same")
	}
	other, err := DeriveKeys(secret, "aaaaaaaaaaaaaaaa")
	if err != nil {
		t.Fatal(err)
	}
	if other.Password == keys.Password || other.Manifest == keys.Manifest {
		t.Error("another sign, same keys")
	}
	if _, err := DeriveKeys(secret[:16], testSign); !errors.Is(err, ErrFormat) {
		t.Errorf("short secret: %v, want ErrFormat", err)
	}
}
