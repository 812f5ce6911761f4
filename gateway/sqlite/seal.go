package sqlite

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// A sealed value is a version byte, the key id (8 bytes), a random nonce (24
// bytes) and the XChaCha20-Poly1305 ciphertext. Its associated data is
// "table|column|row key|key id", so that a value moved to another place does
// not open.
const (
	sealVersion = 1
	keyIDSize   = 8
	sealHead    = 1 + keyIDSize + chacha20poly1305.NonceSizeX
)

var errSealed = errors.New("a sealed value does not open: the row was damaged or sealed with another key")

type sealer struct {
	aead  cipher.AEAD
	keyID [keyIDSize]byte
}

func newSealer(key [32]byte) (sealer, error) {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return sealer{}, fmt.Errorf("sqlite: seal: %w", err)
	}
	sum := sha256.Sum256(append([]byte("doorleaf master key id|"), key[:]...))
	return sealer{aead, [keyIDSize]byte(sum[:])}, nil
}

func (s sealer) id() string { return hex.EncodeToString(s.keyID[:]) }

func (s sealer) data(table, column, row string) []byte {
	return []byte(table + "|" + column + "|" + row + "|" + s.id())
}

// seal seals plain for its place.
func (s sealer) seal(table, column, row string, plain []byte) []byte {
	out := make([]byte, sealHead, sealHead+len(plain)+s.aead.Overhead())
	out[0] = sealVersion
	copy(out[1:], s.keyID[:])
	rand.Read(out[1+keyIDSize:]) // never fails since Go 1.24
	return s.aead.Seal(out, out[1+keyIDSize:sealHead], plain, s.data(table, column, row))
}

// open returns the plain value of its place.
func (s sealer) open(table, column, row string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealHead || sealed[0] != sealVersion || [keyIDSize]byte(sealed[1:]) != s.keyID {
		return nil, errSealed
	}
	plain, err := s.aead.Open(nil, sealed[1+keyIDSize:sealHead], sealed[sealHead:], s.data(table, column, row))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// check notes the key in a new database and refuses another key later.
func (s sealer) check(ctx context.Context, conn *sql.Conn) error {
	const note = `INSERT INTO store (one, key_id) VALUES (1, ?) ON CONFLICT DO NOTHING`
	if _, err := conn.ExecContext(ctx, note, s.id()); err != nil {
		return failed("note key", err)
	}
	var id string
	if err := conn.QueryRowContext(ctx, `SELECT key_id FROM store`).Scan(&id); err != nil {
		return failed("check key", err)
	}
	if id != s.id() {
		return fmt.Errorf("sqlite: open: %w", ErrWrongKey)
	}
	return nil
}
