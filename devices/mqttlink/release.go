package mqttlink

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// ReadRelease reads a file of firmware [DL-FW-1]: a release that one of the
// makers signed, and its image. The error says what is wrong with the file. The
// results share file's memory.
func ReadRelease(file []byte, makers []ed25519.PublicKey) (devices.Release, []byte, error) {
	if len(file) <= wire.ReleaseSize || len(file) > wire.ReleaseSize+wire.MaxImage {
		return devices.Release{}, nil, fmt.Errorf("a file of %d bytes is no firmware", len(file))
	}
	r, err := wire.ParseRelease(file[:wire.ReleaseSize])
	if err != nil {
		return devices.Release{}, nil, err
	}
	known := false
	for _, m := range makers {
		known = known || r.Verify(m) == nil
	}
	image := file[wire.ReleaseSize:]
	switch {
	case !known:
		return devices.Release{}, nil, errors.New("the release is signed with none of the makers' keys")
	case int64(len(image)) != int64(r.Size):
		return devices.Release{}, nil, fmt.Errorf("the image has %d bytes, the release says %d", len(image), r.Size)
	case sha256.Sum256(image) != r.Image:
		return devices.Release{}, nil, errors.New("the image is not the one of the release")
	}
	return devices.Release{Model: r.Model, Version: r.Version, Number: r.Number, Size: len(image), Image: r.Image,
		MinMillivolts: int(r.MinMillivolts), Signed: file[:wire.ReleaseSize]}, image, nil
}
