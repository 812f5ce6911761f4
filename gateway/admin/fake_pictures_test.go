package admin

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"slices"

	"doorleaf/gateway"
	uploaded "doorleaf/render/picture"
)

func (c *fakeCore) Assets(context.Context) ([]gateway.Asset, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.assets), nil
}

func (c *fakeCore) AddAsset(_ context.Context, name string, style gateway.AssetStyle, file []byte) (gateway.Asset, error) {
	a := gateway.Asset{Name: gateway.AssetName(name), Style: style, Bytes: len(file), Size: image.Pt(640, 200)}
	if style == "" {
		a.Style = gateway.DrawingStyle
	}
	switch {
	case a.Name == "":
		return a, gateway.ErrInvalid
	case len(c.assets) == gateway.MaxAssets:
		return a, gateway.ErrTooMany
	case bytes.HasPrefix(file, []byte("<svg")):
		return a, fmt.Errorf("judge: %w", &uploaded.RefusedError{Kind: uploaded.ErrFormat, What: "SVG drawings can load other files"})
	case bytes.HasPrefix(file, []byte("white")):
		return a, &uploaded.RefusedError{Kind: uploaded.ErrBlank, What: "it is white"}
	case bytes.HasPrefix(file, []byte("huge")):
		return a, &uploaded.RefusedError{Kind: uploaded.ErrSize, What: "100 megapixels"}
	case bytes.HasPrefix(file, []byte("torn")):
		return a, &uploaded.RefusedError{Kind: uploaded.ErrDamaged, What: "PNG: checksum"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	c.assets = append(slices.DeleteFunc(c.assets, func(b gateway.Asset) bool { return b.Name == a.Name }), a)
	return a, nil
}

func (c *fakeCore) RemoveAsset(_ context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.assets)
	if c.assets = slices.DeleteFunc(c.assets, func(a gateway.Asset) bool { return a.Name == name }); len(c.assets) == n {
		return gateway.ErrNotFound
	}
	c.writes++
	return nil
}

func (c *fakeCore) AssetPNG(_ context.Context, name string, box image.Point) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.assets, func(a gateway.Asset) bool { return a.Name == name }) {
		return nil, gateway.ErrNotFound
	}
	return fmt.Appendf(nil, "%s in %v", name, box), nil
}
