package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"doorleaf/devices"
	"doorleaf/gateway/rollout"
)

// Maker is somebody whose signature on firmware is taken.
type Maker struct {
	Name string
	Key  ed25519.PublicKey
}

// FirmwareStore keeps firmware and its rollouts.
type FirmwareStore interface {
	Makers(ctx context.Context) ([]Maker, error)
	// AddMaker stores a maker by its key; a known key gets the new name.
	AddMaker(ctx context.Context, m Maker) error
	RemoveMaker(ctx context.Context, key ed25519.PublicKey) error
	// AddRelease stores a release and its image as a rollout. ErrConflict when
	// there is one with this image, or with this model and number.
	AddRelease(ctx context.Context, r rollout.Rollout, image []byte) error
	// Rollouts lists what AddRelease stored, the newest first.
	Rollouts(ctx context.Context) ([]rollout.Rollout, error)
	// UpdateRollout stores state, reason, stage, since, hold and first of the
	// rollout with r's image.
	UpdateRollout(ctx context.Context, r rollout.Rollout) error
	// RemoveRelease deletes a release, its image and marks.
	RemoveRelease(ctx context.Context, image devices.ObjectHash) error
	// ImagePart returns length bytes of an image from offset, fewer at its end.
	ImagePart(ctx context.Context, image devices.ObjectHash, offset, length int) ([]byte, error)
	// Marks returns what signs did with a release; an unknown one has none.
	Marks(ctx context.Context, image devices.ObjectHash) (map[devices.SignID]rollout.Mark, error)
	// SetMark stores what one sign did with a release.
	SetMark(ctx context.Context, image devices.ObjectHash, id devices.SignID, m rollout.Mark) error
}

// Makers lists whose firmware is taken.
func (c *Core) Makers(ctx context.Context) ([]Maker, error) { return c.store.Makers(ctx) }

// AddMaker takes firmware that the holder of a public key signed: 64 hexadecimal
// digits, base64 or PEM. It fails with ErrInvalid for anything else.
func (c *Core) AddMaker(ctx context.Context, name, key string) error {
	k, err := makerKey(key)
	if err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 80 {
		return fmt.Errorf("name of a maker: 1 to 80 characters: %w", ErrInvalid)
	}
	return c.store.AddMaker(ctx, Maker{Name: name, Key: k})
}

// RemoveMaker takes no more firmware signed with a key. Releases that are here
// already stay.
func (c *Core) RemoveMaker(ctx context.Context, key string) error {
	k, err := makerKey(key)
	if err != nil {
		return err
	}
	return c.store.RemoveMaker(ctx, k)
}

func makerKey(text string) (ed25519.PublicKey, error) {
	text = strings.TrimSpace(text)
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if k, ok := key.(ed25519.PublicKey); ok {
				return k, nil
			}
		}
	}
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		if b, err := decode(text); err == nil && len(b) == ed25519.PublicKeySize {
			return b, nil
		}
	}
	return nil, fmt.Errorf("public key: want the 32 bytes of an Ed25519 key as hexadecimal digits, base64 or PEM: %w", ErrInvalid)
}
