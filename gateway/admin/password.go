package admin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of a password hash: the second recommended choice of RFC 9106 section 4
// is too heavy for small machines, this is the one of OWASP's password storage
// cheat sheet for argon2id.
const (
	hashMemoryKiB = 19 << 10
	hashPasses    = 2
	hashLanes     = 1
	hashBytes     = 32
	saltBytes     = 16
	hashesAtOnce  = 2 // more would let strangers use up memory and processors
)

// Limits of a password in characters and bytes.
const (
	minPassword = 8
	maxPassword = 1024
)

// ErrWeakPassword says that a password is shorter than 8 characters or longer
// than 1024 bytes.
var ErrWeakPassword = errors.New("password: 8 characters to 1024 bytes")

// HashPassword returns the argon2id hash of a password in PHC form. It fails
// with ErrWeakPassword.
func HashPassword(password string) (string, error) {
	if len([]rune(password)) < minPassword || len(password) > maxPassword {
		return "", ErrWeakPassword
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails, by its contract
	sum := argon2.IDKey([]byte(password), salt, hashPasses, hashMemoryKiB, hashLanes, hashBytes)
	return phc(salt, sum), nil
}

// phc writes a hash in PHC string form.
func phc(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemoryKiB, hashPasses, hashLanes,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// decoyHash is a hash of no password. Unknown names are checked against it, so
// that they cost as much time as known ones.
func decoyHash() string { return phc(make([]byte, saltBytes), make([]byte, hashBytes)) }

// matches reports whether password has the PHC hash. The hash comes from our
// own store; costs beyond sane limits are refused all the same.
func matches(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || len(password) > maxPassword {
		return false
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil ||
		memory > 256<<10 || passes == 0 || passes > 16 || lanes == 0 || lanes > 8 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) < 16 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

// hash runs work that costs memory, a few at a time.
func (s *server) hash(ctx context.Context, work func()) error {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
		work()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
