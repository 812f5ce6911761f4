package provision

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
)

// Rounds of PBKDF2. A sign's password holds 192 random bits, so that stretching
// adds nothing and each login of a sleeping sign stays cheap; a person's does
// not.
const (
	signRounds   = 101
	personRounds = 20000
)

// mosquittoHash is a line's value in a mosquitto password file: PBKDF2 with
// SHA-512, as mosquitto 1.6 and later read it.
func mosquittoHash(password string, salt []byte, rounds int) (string, error) {
	key, err := pbkdf2.Key(sha512.New, password, salt, rounds, sha512.Size)
	if err != nil {
		return "", fmt.Errorf("hash for mosquitto: %w", err)
	}
	return fmt.Sprintf("$7$%d$%s$%s", rounds, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(key)), nil
}

func sha256Of(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// rabbitAlgorithm names the hash that rabbitHash makes.
const rabbitAlgorithm = "rabbit_password_hashing_sha256"

// rabbitHash is RabbitMQ's: base64(salt || SHA-256(salt || password)), with 4
// bytes of salt (rabbitmq.com/docs/passwords).
func rabbitHash(password string, salt [4]byte) string {
	sum := sha256.Sum256(append(salt[:], password...))
	return base64.StdEncoding.EncodeToString(append(salt[:], sum[:]...))
}

// isRabbitHash reports whether hash is one of password.
func isRabbitHash(hash, algorithm, password string) bool {
	b, err := base64.StdEncoding.DecodeString(hash)
	if err != nil || len(b) != 4+sha256.Size || algorithm != rabbitAlgorithm {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(rabbitHash(password, [4]byte(b))), []byte(hash)) == 1
}
