package wire

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// Domains keep the MACs and the seal of renewing a key apart [DL-KEY-2].
const (
	domainKeyAsk    = "doorleaf/1 key ask"
	domainKeyAnswer = "doorleaf/1 key answer"
	domainKeyStored = "doorleaf/1 key stored"
	domainKeySeal   = "doorleaf/1 key seal"
	domainKey       = "doorleaf/1 key"
)

// sealedLength is that of a sealed secret of a sign.
const sealedLength = SecretLength + sealOverhead

// Key comes from a sign that renews its secret: it asks for the secret with
// that number [DL-KEY-2], or says with Stored that it has stored it [DL-KEY-4].
type Key struct {
	Boot, Counter uint32
	Public        [32]byte // X25519, made for this question; zero with Stored
	Number        uint32   // 1 or more
	MAC           [macSize]byte
	Stored        bool
}

// NewKey is the gateway's answer to a question: the secret, sealed to the
// public key of the question [DL-KEY-3]. SealKey makes it, OpenKey opens it.
type NewKey struct {
	Sealed []byte // as PairIdentity.Sealed
	Number uint32 // 1 or more
	MAC    [macSize]byte
}

// Map keys are the same in all messages [DL-MSG-5].
type (
	keyFields struct {
		Boot    uint32          `cbor:"1,keyasint,omitempty"`
		Counter uint32          `cbor:"2,keyasint,omitempty"`
		Public  cbor.ByteString `cbor:"35,keyasint,omitempty"`
		Number  uint32          `cbor:"39,keyasint,omitempty"`
		MAC     cbor.ByteString `cbor:"40,keyasint"`
		Stored  bool            `cbor:"41,keyasint,omitempty"`
	}
	newKeyFields struct {
		Sealed cbor.ByteString `cbor:"38,keyasint"`
		Number uint32          `cbor:"39,keyasint,omitempty"`
		MAC    cbor.ByteString `cbor:"40,keyasint"`
	}
)

// checkNumber refuses the number of the secret from pairing, which nobody asks
// for.
func checkNumber(n uint32) error {
	if n == 0 {
		return fmt.Errorf("%w: key number 0", ErrFormat)
	}
	return nil
}

// Marshal encodes m; ErrFormat when it is outside its limits.
func (m *Key) Marshal() ([]byte, error) {
	if err := checkNumber(m.Number); err != nil {
		return nil, err
	}
	f := keyFields{Boot: m.Boot, Counter: m.Counter, Number: m.Number, MAC: cbor.ByteString(m.MAC[:]), Stored: m.Stored}
	if !m.Stored {
		f.Public = cbor.ByteString(m.Public[:])
	}
	return marshal("key", MaxMessage, f)
}

// UnmarshalKey reads a key; its MAC is not checked. The error is ErrFormat.
func UnmarshalKey(data []byte) (Key, error) {
	var f keyFields
	if err := unmarshal("key", MaxMessage, data, &f); err != nil {
		return Key{}, err
	}
	m := Key{Boot: f.Boot, Counter: f.Counter, Number: f.Number, Stored: f.Stored}
	if m.Stored && f.Public != "" {
		return Key{}, fmt.Errorf("%w: key that asks and says it is stored", ErrFormat)
	}
	if !m.Stored {
		if err := fixed("public key", m.Public[:], f.Public); err != nil {
			return Key{}, err
		}
	}
	if err := fixed("MAC", m.MAC[:], f.MAC); err != nil {
		return Key{}, err
	}
	return m, checkNumber(m.Number)
}

// Sign sets the MAC with the manifest key of the secret that the sign connected
// with or, with Stored, of the secret that is stored.
func (m *Key) Sign(key *[32]byte, sign string) { m.MAC = m.mac(key, sign) }

// Verify checks the MAC. The error is ErrMAC.
func (m *Key) Verify(key *[32]byte, sign string) error {
	if want := m.mac(key, sign); !hmac.Equal(want[:], m.MAC[:]) {
		return fmt.Errorf("%w: key", ErrMAC)
	}
	return nil
}

func (m *Key) mac(key *[32]byte, sign string) [macSize]byte {
	if m.Stored {
		return keyMAC(key, domainKeyStored, sign, m.Number)
	}
	return keyMAC(key, domainKeyAsk, sign, m.Number, m.Public[:])
}

// keyMAC is the first 16 bytes of HMAC-SHA-256 over domain, id, number and the
// rest.
func keyMAC(key *[32]byte, domain, sign string, number uint32, rest ...[]byte) [macSize]byte {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(domain))
	h.Write([]byte(sign))
	h.Write(binary.LittleEndian.AppendUint32(nil, number))
	for _, b := range rest {
		h.Write(b)
	}
	return [macSize]byte(h.Sum(nil))
}

func (m *NewKey) check() error {
	if len(m.Sealed) != sealedLength {
		return fmt.Errorf("%w: sealed secret of %d bytes", ErrFormat, len(m.Sealed))
	}
	return checkNumber(m.Number)
}

// Marshal encodes m; ErrFormat when it is outside its limits.
func (m *NewKey) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return marshal("new key", MaxMessage, newKeyFields{
		Sealed: cbor.ByteString(m.Sealed), Number: m.Number, MAC: cbor.ByteString(m.MAC[:]),
	})
}

// UnmarshalNewKey reads an answer; OpenKey checks it. The error is ErrFormat.
func UnmarshalNewKey(data []byte) (NewKey, error) {
	var f newKeyFields
	if err := unmarshal("new key", MaxMessage, data, &f); err != nil {
		return NewKey{}, err
	}
	m := NewKey{Sealed: []byte(f.Sealed), Number: f.Number}
	if err := fixed("MAC", m.MAC[:], f.MAC); err != nil {
		return NewKey{}, err
	}
	if err := m.check(); err != nil {
		return NewKey{}, err
	}
	return m, nil
}

// SealKey answers the question ask: secret, of SecretLength bytes, becomes the
// sign's secret with the number of the question. key is the manifest key of the
// secret the sign connected with. It reads 32 bytes from rand. Whether the
// question is genuine says Key.Verify. The error is ErrFormat or rand's.
func SealKey(rand io.Reader, key *[32]byte, sign string, ask Key, secret []byte) (NewKey, error) {
	if len(secret) != SecretLength {
		return NewKey{}, fmt.Errorf("%w: secret of %d bytes, want %d", ErrFormat, len(secret), SecretLength)
	}
	sealed, err := seal(rand, domainKeySeal, ask.Public[:], keyData(sign, ask.Number), secret)
	if err != nil {
		return NewKey{}, err
	}
	return NewKey{
		Sealed: sealed, Number: ask.Number,
		MAC: keyMAC(key, domainKeyAnswer, sign, ask.Number, ask.Public[:], sealed),
	}, nil
}

// OpenKey returns the secret in an answer to the question of priv for that
// number. It checks number and MAC before it opens the seal; the error is
// ErrRefused, ErrMAC or ErrFormat.
func OpenKey(priv *ecdh.PrivateKey, key *[32]byte, sign string, number uint32, answer NewKey) ([]byte, error) {
	if answer.Number != number {
		return nil, fmt.Errorf("%w: secret %d in answer to a question for %d", ErrRefused, answer.Number, number)
	}
	want := keyMAC(key, domainKeyAnswer, sign, number, priv.PublicKey().Bytes(), answer.Sealed)
	if !hmac.Equal(want[:], answer.MAC[:]) {
		return nil, fmt.Errorf("%w: new key", ErrMAC)
	}
	secret, err := open(domainKeySeal, priv, keyData(sign, number), answer.Sealed)
	if err != nil {
		return nil, err
	}
	if len(secret) != SecretLength {
		return nil, fmt.Errorf("%w: secret of %d bytes, want %d", ErrFormat, len(secret), SecretLength)
	}
	return secret, nil
}

// keyData is the associated data of a sealed new secret.
func keyData(sign string, number uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte(domainKey+sign), number)
}
