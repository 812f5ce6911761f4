package wire

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyVector is a whole renewal of a key, as keys.json has it.
type (
	keyVector struct {
		Sign        string             `json:"sign"`
		Number      uint32             `json:"number"`
		OldSecret   hexBytes           `json:"oldSecret"`
		OldManifest hexBytes           `json:"oldManifestKey"`
		Private     hexBytes           `json:"privateKey"`
		Public      hexBytes           `json:"publicKey"`
		AskMAC      hexBytes           `json:"askMAC"`
		Ask         hexBytes           `json:"ask"` // u/key
		Ephemeral   hexBytes           `json:"ephemeralPrivateKey"`
		Secret      hexBytes           `json:"secret"`
		Sealed      hexBytes           `json:"sealed"`
		AnswerMAC   hexBytes           `json:"answerMAC"`
		Answer      hexBytes           `json:"answer"` // d/key
		StoredMAC   hexBytes           `json:"storedMAC"`
		Stored      hexBytes           `json:"stored"` // u/key
		HelloMAC    hexBytes           `json:"helloMAC"`
		Hello       hexBytes           `json:"hello"` // u/hello, of a connection with the new secret
		Password    string             `json:"password"`
		Manifest    hexBytes           `json:"manifestKey"`
		BadAnswers  []refusedKeyVector `json:"refusedAnswers"`
		BadAsks     []refusedKeyVector `json:"refusedQuestions"`
		BadHellos   []refusedKeyVector `json:"unprovenHellos"`
	}
	refusedKeyVector struct {
		Name    string   `json:"name"`
		Message hexBytes `json:"message"`
		Error   string   `json:"error"`
	}
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// testRenewal is the question, the answer and the word of the vectors.
type testRenewal struct {
	priv        *ecdh.PrivateKey
	old, fresh  Keys
	ask, stored Key
	hello       Hello // with the new secret
	answer      NewKey
	secret      []byte
}

func newRenewal(t testing.TB) testRenewal {
	r := testRenewal{priv: testPrivate(t, 7), secret: bytes.Repeat([]byte{0x33}, 32)}
	r.old = must[Keys](t)(DeriveKeys(bytes.Repeat([]byte{0x5a}, 32), testSign))
	r.fresh = must[Keys](t)(DeriveKeys(r.secret, testSign))
	r.ask = Key{Boot: 0xdeadbeef, Counter: 9, Public: [32]byte(r.priv.PublicKey().Bytes()), Number: 3}
	r.ask.Sign(&r.old.Manifest, testSign)
	r.answer = must[NewKey](t)(SealKey(constant(9), &r.old.Manifest, testSign, r.ask, r.secret))
	r.stored = Key{Boot: 0xdeadbeef, Counter: 10, Number: 3, Stored: true}
	r.stored.Sign(&r.fresh.Manifest, testSign)
	r.hello = Hello{Boot: 0xdeadbeef, Counter: 11, Epoch: 4, Seq: 77, Width: 800, Height: 480, Capabilities: CapMinimal | CapKeys, KeyNumber: 3}
	r.hello.Sign(&r.fresh.Manifest, testSign)
	return r
}

func newKeyVector(t testing.TB) keyVector {
	r := newRenewal(t)
	message := func(m marshaler) []byte { return must[[]byte](t)(m.Marshal()) }
	v := keyVector{
		Sign: testSign, Number: 3, OldSecret: bytes.Repeat([]byte{0x5a}, 32), OldManifest: r.old.Manifest[:],
		Private: bytes.Repeat([]byte{7}, 32), Public: r.ask.Public[:], AskMAC: r.ask.MAC[:], Ask: message(&r.ask),
		Ephemeral: bytes.Repeat([]byte{9}, 32), Secret: r.secret, Sealed: r.answer.Sealed, AnswerMAC: r.answer.MAC[:], Answer: message(&r.answer),
		StoredMAC: r.stored.MAC[:], Stored: message(&r.stored), HelloMAC: r.hello.MAC[:], Hello: message(&r.hello), Password: r.fresh.Password, Manifest: r.fresh.Manifest[:],
	}
	bad := func(name string, kind string, m NewKey) {
		v.BadAnswers = append(v.BadAnswers, refusedKeyVector{name, message(&m), kind})
	}
	signed := func(key *[32]byte, number uint32, sealed []byte) NewKey {
		return NewKey{sealed, number, keyMAC(key, domainKeyAnswer, testSign, number, r.ask.Public[:], sealed)}
	}
	sealedAs := func(domain, sign string, number uint32) []byte {
		return must[[]byte](t)(seal(constant(9), domain, r.ask.Public[:], keyData(sign, number), r.secret))
	}
	otherAsk := r.ask
	otherAsk.Public = [32]byte(testPrivate(t, 8).PublicKey().Bytes())
	wrongMAC := r.answer
	wrongMAC.MAC[15] ^= 1
	bad("wrong MAC", "mac", wrongMAC)
	bad("signed with the new key", "mac", signed(&r.fresh.Manifest, 3, r.answer.Sealed))
	bad("number changed", "refused", NewKey{r.answer.Sealed, 4, r.answer.MAC})
	bad("another number, signed", "refused", signed(&r.old.Manifest, 4, sealedAs(domainKeySeal, testSign, 4)))
	bad("answer to another public key", "mac", must[NewKey](t)(SealKey(constant(9), &r.old.Manifest, testSign, otherAsk, r.secret)))
	bad("sealed for another number", "mac", signed(&r.old.Manifest, 3, sealedAs(domainKeySeal, testSign, 2)))
	bad("sealed for another sign", "mac", signed(&r.old.Manifest, 3, sealedAs(domainKeySeal, "aaaaaaaaaaaaaaaa", 3)))
	bad("sealed as in pairing", "mac", signed(&r.old.Manifest, 3, sealedAs(domainSeal, testSign, 3)))
	bad("ephemeral key of low order", "format", signed(&r.old.Manifest, 3, append(make([]byte, 32), r.answer.Sealed[32:]...)))
	raw := func(name string, data []byte) {
		v.BadAnswers = append(v.BadAnswers, refusedKeyVector{name, data, "format"})
	}
	fields := func(sealed, mac []byte, number uint32) []byte {
		return must[[]byte](t)(encMode.Marshal(map[int]any{38: sealed, 39: number, 40: mac}))
	}
	raw("cut short", v.Answer[:len(v.Answer)-1])
	raw("byte too many", append(bytes.Clone(v.Answer), 0))
	raw("sealed secret of 79 bytes", fields(r.answer.Sealed[:79], r.answer.MAC[:], 3))
	raw("MAC of 15 bytes", fields(r.answer.Sealed, r.answer.MAC[:15], 3))
	raw("without MAC", must[[]byte](t)(encMode.Marshal(map[int]any{38: []byte(r.answer.Sealed), 39: 3})))
	raw("number 0", fields(r.answer.Sealed, r.answer.MAC[:], 0))
	v.BadAsks = badAsks(t, r)
	v.BadHellos = unprovenHellos(t, r)
	return v
}

// unprovenHellos prove neither the number of a secret nor the manifest in force.
func unprovenHellos(t testing.TB, r testRenewal) (out []refusedKeyVector) {
	add := func(name string, edit func(*Hello)) {
		m := r.hello
		edit(&m)
		out = append(out, refusedKeyVector{name, must[[]byte](t)(m.Marshal()), "mac"})
	}
	add("without MAC", func(m *Hello) { m.MAC = MAC{} })
	add("wrong MAC", func(m *Hello) { m.MAC[15] ^= 1 })
	add("another number", func(m *Hello) { m.KeyNumber++ })
	add("another boot", func(m *Hello) { m.Boot++ })
	add("another counter", func(m *Hello) { m.Counter++ })
	add("another epoch", func(m *Hello) { m.Epoch++ })
	add("another seq", func(m *Hello) { m.Seq++ })
	add("signed with the old key", func(m *Hello) { m.Sign(&r.old.Manifest, testSign) })
	add("of another sign", func(m *Hello) { m.Sign(&r.fresh.Manifest, "aaaaaaaaaaaaaaaa") })
	return out
}

// badAsks are what a gateway refuses on u/key.
func badAsks(t testing.TB, r testRenewal) (out []refusedKeyVector) {
	edited := func(name string, m Key, edit func(*Key)) {
		edit(&m)
		out = append(out, refusedKeyVector{name, must[[]byte](t)(m.Marshal()), "mac"})
	}
	edited("question with a wrong MAC", r.ask, func(m *Key) { m.MAC[0] ^= 1 })
	edited("question with another number", r.ask, func(m *Key) { m.Number = 4 })
	edited("question with another public key", r.ask, func(m *Key) { m.Public[3] ^= 1 })
	edited("question signed with the new key", r.ask, func(m *Key) { m.Sign(&r.fresh.Manifest, testSign) })
	edited("question of another sign", r.ask, func(m *Key) { m.Sign(&r.old.Manifest, "aaaaaaaaaaaaaaaa") })
	edited("question passed off as stored", r.ask, func(m *Key) { m.Stored = true })
	edited("stored with another number", r.stored, func(m *Key) { m.Number = 4 })
	edited("stored signed with the old key", r.stored, func(m *Key) { m.Sign(&r.old.Manifest, testSign) })
	raw := func(name string, fields map[int]any) {
		out = append(out, refusedKeyVector{name, must[[]byte](t)(encMode.Marshal(fields)), "format"})
	}
	raw("question without public key", map[int]any{1: 1, 2: 1, 39: 3, 40: r.ask.MAC[:]})
	raw("question and stored at once", map[int]any{1: 1, 2: 1, 35: r.ask.Public[:], 39: 3, 40: r.stored.MAC[:], 41: true})
	raw("public key of 31 bytes", map[int]any{1: 1, 2: 1, 35: r.ask.Public[:31], 39: 3, 40: r.ask.MAC[:]})
	raw("question for number 0", map[int]any{1: 1, 2: 1, 35: r.ask.Public[:], 40: r.ask.MAC[:]})
	raw("number beyond 32 bits", map[int]any{1: 1, 2: 1, 35: r.ask.Public[:], 39: uint64(1) << 32, 40: r.ask.MAC[:]})
	return out
}

func TestVectorsKeys(t *testing.T) {
	v := vectors(t, "keys.json", func() keyVector { return newKeyVector(t) })
	if diff := cmp.Diff(newKeyVector(t), v); diff != "" {
		t.Errorf("keys differ (-computed +vector):\n%s", diff)
	}
	priv, key := testPrivate(t, v.Private[0]), (*[32]byte)(v.OldManifest)
	answer, err := UnmarshalNewKey(v.Answer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenKey(priv, key, v.Sign, v.Number, answer)
	if err != nil || !bytes.Equal(got, v.Secret) {
		t.Errorf("new secret opens to %x, %v", got, err)
	}
	for _, f := range v.BadAnswers {
		answer, err := UnmarshalNewKey(f.Message)
		if err == nil {
			_, err = OpenKey(priv, key, v.Sign, v.Number, answer)
		}
		if kind := kindOf(err); kind != f.Error {
			t.Errorf("%s: error %q, want %q", f.Name, kind, f.Error)
		}
	}
	says := func(message []byte) error {
		m, err := UnmarshalKey(message)
		if err != nil {
			return err
		}
		if m.Stored {
			return m.Verify((*[32]byte)(v.Manifest), v.Sign)
		}
		return m.Verify(key, v.Sign)
	}
	for _, message := range []hexBytes{v.Ask, v.Stored} {
		if err := says(message); err != nil {
			t.Errorf("%x: %v", message, err)
		}
	}
	for _, f := range v.BadAsks {
		if kind := kindOf(says(f.Message)); kind != f.Error {
			t.Errorf("%s: error %q, want %q", f.Name, kind, f.Error)
		}
	}
	hello := func(message []byte) error {
		m, err := UnmarshalHello(message)
		if err != nil {
			return err
		}
		return m.Verify((*[32]byte)(v.Manifest), v.Sign, message)
	}
	if err := hello(v.Hello); err != nil {
		t.Errorf("hello: %v", err)
	}
	for _, f := range v.BadHellos {
		if kind := kindOf(hello(f.Message)); kind != f.Error {
			t.Errorf("hello %s: error %q, want %q", f.Name, kind, f.Error)
		}
	}
}

// What cannot be sealed is refused with the kind of its reason.
func TestSealKeyRefuses(t *testing.T) {
	r := newRenewal(t)
	if _, err := SealKey(constant(9), &r.old.Manifest, testSign, r.ask, make([]byte, 31)); !errors.Is(err, ErrFormat) {
		t.Errorf("secret of 31 bytes: %v", err)
	}
	low := r.ask
	low.Public = [32]byte{}
	if _, err := SealKey(constant(9), &r.old.Manifest, testSign, low, r.secret); !errors.Is(err, ErrFormat) {
		t.Errorf("public key of low order: %v", err)
	}
	if _, err := SealKey(bytes.NewReader(nil), &r.old.Manifest, testSign, r.ask, r.secret); err == nil {
		t.Error("sealed without randomness")
	}
	if _, err := (&Key{}).Marshal(); !errors.Is(err, ErrFormat) {
		t.Errorf("question for number 0: %v", err)
	}
}

// FuzzNewKey: an answer that was not made for this question opens never, and
// fails as documented.
func FuzzNewKey(f *testing.F) {
	v := newKeyVector(f)
	f.Add([]byte(v.Answer))
	for _, b := range v.BadAnswers {
		f.Add([]byte(b.Message))
	}
	r := newRenewal(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := UnmarshalNewKey(data)
		if err == nil {
			var secret []byte
			if secret, err = OpenKey(r.priv, &r.old.Manifest, testSign, 3, m); err == nil && !bytes.Equal(secret, r.secret) {
				t.Fatalf("forged answer opens to %x", secret)
			}
		}
		if err != nil && kindOf(err) != "format" && kindOf(err) != "mac" && kindOf(err) != "refused" {
			t.Fatal(err)
		}
	})
}
