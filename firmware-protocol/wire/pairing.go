package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// PairAlphabet holds the 32 glyphs of a pairing code [DL-PAIR-4]: no 0, O, 1
// or I, so that what a person reads off a coarse panel is what they type.
const PairAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// PairCodeLength is the number of glyphs of a code; 5 bits each.
const PairCodeLength = 8

// SecretLength is the length of a sign's secret in bytes.
const SecretLength = 32

// Domains keep the hashes of pairing apart [DL-PAIR-2].
const (
	domainCommitment = "doorleaf/1 pair commitment"
	domainTranscript = "doorleaf/1 pair transcript"
	domainSeal       = "doorleaf/1 pair seal"
	domainPassword   = "doorleaf/1 mqtt password"
	domainManifest   = "doorleaf/1 manifest key"
)

const sealOverhead = 32 + 16 // ephemeral public key and tag

// Keys are what a sign and the gateway derive from the sign's secret
// [DL-PAIR-7].
type Keys struct {
	Password string   // MQTT password, 48 characters 0-9 a-f
	Manifest [32]byte // key of the manifest's HMAC
}

// DeriveKeys splits a secret of SecretLength bytes for one sign. The error is
// ErrFormat.
func DeriveKeys(secret []byte, sign string) (Keys, error) {
	if len(secret) != SecretLength {
		return Keys{}, fmt.Errorf("%w: secret of %d bytes, want %d", ErrFormat, len(secret), SecretLength)
	}
	password, err := hkdf.Key(sha256.New, secret, []byte(sign), domainPassword, 24)
	if err != nil {
		return Keys{}, fmt.Errorf("wire: derive password: %w", err)
	}
	manifest, err := hkdf.Key(sha256.New, secret, []byte(sign), domainManifest, 32)
	if err != nil {
		return Keys{}, fmt.Errorf("wire: derive manifest key: %w", err)
	}
	return Keys{Password: hex.EncodeToString(password), Manifest: [32]byte(manifest)}, nil
}

// PairCommitment is what a sign publishes before it learns the gateway's nonce
// [DL-PAIR-2]. public is its X25519 key, 32 bytes.
func PairCommitment(public []byte, n1 [32]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(domainCommitment))
	h.Write(public)
	h.Write(n1[:])
	return [32]byte(h.Sum(nil))
}

// PairTranscript hashes all that both sides saw [DL-PAIR-3]: the SHA-256 of
// the server certificate's SubjectPublicKeyInfo (zero on plain TCP), the sign's
// public key, both nonces and the hardware description as it was sent.
func PairTranscript(spki [32]byte, public []byte, n1, n2 [32]byte, hardware []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(domainTranscript))
	h.Write(spki[:])
	h.Write(public)
	h.Write(n1[:])
	h.Write(n2[:])
	h.Write(hardware)
	return [32]byte(h.Sum(nil))
}

// PairCode is the code that the sign draws and a person types: the first 40
// bits of PairTranscript as 8 glyphs [DL-PAIR-4].
func PairCode(spki [32]byte, public []byte, n1, n2 [32]byte, hardware []byte) string {
	transcript := PairTranscript(spki, public, n1, n2, hardware)
	var bits uint64
	for _, b := range transcript[:5] {
		bits = bits<<8 | uint64(b)
	}
	var code [PairCodeLength]byte
	for i := range code {
		code[i] = PairAlphabet[bits>>(35-5*i)&31]
	}
	return string(code[:])
}

// NormalizePairCode turns what a person typed into a code: spaces and hyphens
// go, small letters become capitals, 1 and I are read as L. It reports false
// when what is left is no code.
func NormalizePairCode(typed string) (string, bool) {
	var code strings.Builder
	for _, r := range typed {
		switch {
		case r == ' ' || r == '-':
			continue
		case r == '1' || r == 'I' || r == 'i':
			r = 'L'
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		}
		if !strings.ContainsRune(PairAlphabet, r) || code.Len() == PairCodeLength {
			return "", false
		}
		code.WriteRune(r)
	}
	return code.String(), code.Len() == PairCodeLength
}

// SealSecret encrypts plain to the X25519 key public, bound to transcript
// [DL-PAIR-6]. It reads 32 bytes from rand. The result is the ephemeral public
// key, the AES-256-GCM ciphertext and its tag. For the secret of a sign use
// SealIdentity, which chooses transcript as the protocol says.
func SealSecret(rand io.Reader, public, transcript, plain []byte) ([]byte, error) {
	return seal(rand, domainSeal, public, transcript, plain)
}

// seal is SealSecret with a choice of domain; data is authenticated beside it.
func seal(rand io.Reader, domain string, public, data, plain []byte) ([]byte, error) {
	to, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("%w: public key of %d bytes", ErrFormat, len(public))
	}
	var seed [32]byte
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return nil, fmt.Errorf("wire: read randomness: %w", err)
	}
	ephemeral, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		return nil, fmt.Errorf("wire: make ephemeral key: %w", err)
	}
	shared, err := ephemeral.ECDH(to)
	if err != nil {
		return nil, fmt.Errorf("%w: public key of low order", ErrFormat)
	}
	aead, nonce, err := sealCipher(domain, shared, ephemeral.PublicKey().Bytes(), public)
	if err != nil {
		return nil, err
	}
	return aead.Seal(ephemeral.PublicKey().Bytes(), nonce, plain, data), nil
}

// OpenSecret undoes SealSecret. The error is ErrMAC or ErrFormat.
func OpenSecret(priv *ecdh.PrivateKey, transcript, sealed []byte) ([]byte, error) {
	return open(domainSeal, priv, transcript, sealed)
}

// open undoes seal.
func open(domain string, priv *ecdh.PrivateKey, data, sealed []byte) ([]byte, error) {
	if len(sealed) < sealOverhead || len(sealed) > MaxMessage {
		return nil, fmt.Errorf("%w: sealed secret of %d bytes", ErrFormat, len(sealed))
	}
	from, err := ecdh.X25519().NewPublicKey(sealed[:32])
	if err != nil {
		return nil, fmt.Errorf("%w: ephemeral key", ErrFormat)
	}
	shared, err := priv.ECDH(from)
	if err != nil {
		return nil, fmt.Errorf("%w: ephemeral key of low order", ErrFormat)
	}
	aead, nonce, err := sealCipher(domain, shared, sealed[:32], priv.PublicKey().Bytes())
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce, sealed[32:], data)
	if err != nil {
		return nil, fmt.Errorf("%w: sealed secret", ErrMAC)
	}
	return plain, nil
}

// sealCipher derives key and nonce; the ephemeral key is used once, so the
// nonce may be derived too.
func sealCipher(domain string, shared, ephemeral, public []byte) (cipher.AEAD, []byte, error) {
	salt := make([]byte, 0, 64)
	salt = append(append(salt, ephemeral...), public...)
	material, err := hkdf.Key(sha256.New, shared, salt, domain, 32+12)
	if err != nil {
		return nil, nil, fmt.Errorf("wire: derive seal key: %w", err)
	}
	block, err := aes.NewCipher(material[:32])
	if err != nil {
		return nil, nil, fmt.Errorf("wire: seal: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, fmt.Errorf("wire: seal: %w", err)
	}
	return aead, material[32:], nil
}

// SealIdentity makes the last message of a pairing: the sign's id and its
// secret, sealed to public and bound to the transcript and the id [DL-PAIR-6].
func SealIdentity(rand io.Reader, public []byte, transcript [32]byte, sign string, secret []byte) (PairIdentity, error) {
	if len(secret) != SecretLength {
		return PairIdentity{}, fmt.Errorf("%w: secret of %d bytes, want %d", ErrFormat, len(secret), SecretLength)
	}
	sealed, err := SealSecret(rand, public, identityData(transcript, sign), secret)
	if err != nil {
		return PairIdentity{}, err
	}
	return PairIdentity{Sign: sign, Sealed: sealed}, nil
}

// OpenIdentity returns the secret of an identity meant for priv and this
// transcript. The error is ErrMAC or ErrFormat.
func OpenIdentity(priv *ecdh.PrivateKey, transcript [32]byte, id PairIdentity) ([]byte, error) {
	secret, err := OpenSecret(priv, identityData(transcript, id.Sign), id.Sealed)
	if err != nil {
		return nil, err
	}
	if len(secret) != SecretLength {
		return nil, fmt.Errorf("%w: secret of %d bytes, want %d", ErrFormat, len(secret), SecretLength)
	}
	return secret, nil
}

// identityData is the associated data of a sealed identity.
func identityData(transcript [32]byte, sign string) []byte {
	return append(transcript[:len(transcript):len(transcript)], sign...)
}
