package gateway

import (
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"doorleaf/gateway/calendar"
)

// Bounds of what people may upload.
const (
	MaxAssets     = 16      // pictures kept
	MaxAssetBytes = 4 << 20 // of one file
	MaxAssetName  = 40      // characters
)

// LogoName is the name of the picture that stands in the header of the faces.
const LogoName = "logo"

// AssetStyle is how a picture is brought to black and white.
type AssetStyle string

// The styles. What people leave open is decided when the picture is uploaded.
const (
	DrawingStyle AssetStyle = "drawing" // black below half, paper is transparent: logos, plans
	PhotoStyle   AssetStyle = "photo"   // dithered, paper is white
)

// Asset is a picture that people uploaded, without its file.
type Asset struct {
	Name    string   // lower case, unique
	Content [32]byte // SHA-256 of the file
	Bytes   int      // of the file
	Style   AssetStyle
	Size    image.Point     // pixels as shown
	Ink     image.Rectangle // the part of Size that is not paper
	Added   time.Time
}

// AssetStore keeps uploaded pictures.
type AssetStore interface {
	// PutAsset stores a picture with its file under its name, in place of the one
	// that had it. ErrTooMany when MaxAssets others are kept; ErrInvalid when the
	// file is empty, longer than MaxAssetBytes or not the one that Content and
	// Bytes name.
	PutAsset(ctx context.Context, a Asset, file []byte) error
	// Assets lists the pictures by name.
	Assets(ctx context.Context) ([]Asset, error)
	// AssetFile returns a file by its content as long as a picture has it.
	AssetFile(ctx context.Context, content [32]byte) ([]byte, error)
	RemoveAsset(ctx context.Context, name string) error
}

// Check reports what a store may not keep: ErrInvalid.
func (a Asset) Check(file []byte) error {
	switch {
	case a.Name == "" || a.Name != AssetName(a.Name):
		return fmt.Errorf("%w: picture name %q", ErrInvalid, a.Name)
	case a.Style != DrawingStyle && a.Style != PhotoStyle:
		return fmt.Errorf("%w: picture style %q", ErrInvalid, a.Style)
	case len(file) == 0 || len(file) > MaxAssetBytes || len(file) != a.Bytes:
		return fmt.Errorf("%w: picture of %d bytes, named %d", ErrInvalid, len(file), a.Bytes)
	case sha256.Sum256(file) != a.Content:
		return fmt.Errorf("%w: picture is not the one that was named", ErrInvalid)
	}
	return nil
}

// AssetName brings a name of a picture to the form in which it is kept: small
// letters, digits and "-_." with single blanks; "" when there is none in s or it
// is too long.
func AssetName(s string) string {
	s = strings.ToLower(calendar.Words(s))
	if utf8.RuneCountInString(s) > MaxAssetName {
		return ""
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) && !strings.ContainsRune("-_. ", r) {
			return ""
		}
	}
	return s
}
