package gateway

import (
	"context"
	"crypto/ed25519"

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
