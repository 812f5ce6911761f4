package gateway

import (
	"context"

	"doorleaf/devices"
)

// Packer turns a timeline of pictures into what travels. It is deterministic:
// equal timelines give equal parcels. Implemented by devices/mqttlink.
type Packer interface {
	Pack(t devices.Timeline) (devices.Parcel, error)
}

// Link delivers to signs that are connected now. Implemented by
// devices/mqttlink.
type Link interface {
	// Push sends the delivery if the sign is connected, otherwise it returns
	// devices.ErrNotConnected; a nil error means only that the broker has it.
	Push(ctx context.Context, d devices.Delivery) error
	// Claim tells the joining sign its identity and secret (32 bytes).
	Claim(ctx context.Context, j devices.Joining, id devices.SignID, secret []byte) error
	// Kick closes the sign's session, so that it connects anew.
	Kick(ctx context.Context, id devices.SignID) error
	// Remove tells a sign that is connected that it was removed, closes its session
	// and lets it in no more. c is the credential that it had; the store knows it
	// no more.
	Remove(ctx context.Context, c devices.Credential) error
}

// Secrets derives a sign's credential from its 32-byte secret, as SPEC.md says.
// Implemented by devices/mqttlink.
type Secrets interface {
	Credential(id devices.SignID, secret []byte) devices.Credential
}

// Wire is everything the core needs of the way to the signs.
type Wire interface {
	Packer
	Link
	Secrets
}
