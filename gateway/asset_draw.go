package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"sync"
	"time"

	"doorleaf/render"
	"doorleaf/render/dither"
	"doorleaf/render/picture"
)

// keptPictures is how many bytes of pixels of uploaded pictures are kept ready.
const keptPictures = 16 << 20

// assets is what the core knows of the uploaded pictures.
type assets struct {
	ready *picture.Cache // scaled and in black and white

	mu   sync.Mutex
	read bool    // guarded by mu; the list is what the store has
	list []Asset // guarded by mu; never written to

	judging sync.Mutex // held while an upload is decoded
}

// assetList returns the uploaded pictures; the list is only read.
func (c *Core) assetList(ctx context.Context) ([]Asset, error) {
	c.assets.mu.Lock()
	defer c.assets.mu.Unlock()
	if c.assets.read {
		return c.assets.list, nil
	}
	list, err := c.store.Assets(ctx)
	if err != nil {
		return nil, fmt.Errorf("pictures: %w", err)
	}
	c.assets.list, c.assets.read = list, true
	return list, nil
}

// Assets lists the uploaded pictures by name.
func (c *Core) Assets(ctx context.Context) ([]Asset, error) {
	list, err := c.assetList(ctx)
	return slices.Clone(list), err
}

// AddAsset keeps a picture under a name, in place of the one that had it, and
// has all signs planned again. An empty style is decided by looking at the
// picture. Errors are ErrInvalid for a name or style that cannot be, ErrTooMany,
// and those that PictureFault explains.
func (c *Core) AddAsset(ctx context.Context, name string, style AssetStyle, file []byte) (Asset, error) {
	a := Asset{Name: AssetName(name), Content: sha256.Sum256(file), Bytes: len(file), Style: style, Added: time.Now().UTC().Truncate(time.Millisecond)}
	if a.Name == "" || style != "" && style != DrawingStyle && style != PhotoStyle {
		return a, fmt.Errorf("picture %q in style %q: %w", name, style, ErrInvalid)
	}
	looks, size, err := c.judge(file)
	if err != nil {
		return a, err
	}
	a.Size, a.Ink = size, looks.Ink
	if style == "" {
		a.Style = PhotoStyle
		if looks.Drawing {
			a.Style = DrawingStyle
		}
	}
	if err := c.store.PutAsset(ctx, a, file); err != nil {
		return a, err
	}
	return a, c.assetsChanged(ctx)
}

// judge decodes an upload, one at a time.
func (c *Core) judge(file []byte) (l picture.Looks, size image.Point, err error) {
	if len(file) > MaxAssetBytes {
		return l, size, &picture.RefusedError{Kind: picture.ErrSize, What: fmt.Sprintf("the file has more than %d MB", MaxAssetBytes>>20),
			Remedy: "Scale it down to at most 2000 pixels a side and save it as PNG or JPEG."}
	}
	c.assets.judging.Lock()
	defer c.assets.judging.Unlock()
	p, err := picture.DecodeBytes(file)
	if err != nil {
		return l, size, err
	}
	if l = p.Looks(); l.Ink.Empty() {
		return l, size, &picture.RefusedError{Kind: picture.ErrBlank, What: "it is white, or white on a transparent ground", Remedy: "Choose the version that is made for white paper."}
	}
	return l, p.Size(), nil
}

// RemoveAsset forgets a picture and has all signs planned again.
func (c *Core) RemoveAsset(ctx context.Context, name string) error {
	if err := c.store.RemoveAsset(ctx, name); err != nil {
		return err
	}
	return c.assetsChanged(ctx)
}

func (c *Core) assetsChanged(ctx context.Context) error {
	c.assets.mu.Lock()
	c.assets.read = false
	c.assets.mu.Unlock()
	return c.SiteChanged(ctx)
}

// PictureFault explains why a picture was refused: a kind, "format", "size",
// "damaged" or "blank", and the particulars in English. ok is false for other
// errors.
func PictureFault(err error) (kind, particulars string, ok bool) {
	var refused *picture.RefusedError
	if !errors.As(err, &refused) {
		return "", "", false
	}
	switch refused.Kind {
	case picture.ErrSize:
		kind = "size"
	case picture.ErrDamaged:
		kind = "damaged"
	case picture.ErrBlank:
		kind = "blank"
	default:
		kind = "format"
	}
	return kind, refused.What, true
}

// AssetPNG returns a picture as signs draw it, in a box of so many pixels.
func (c *Core) AssetPNG(ctx context.Context, name string, box image.Point) ([]byte, error) {
	list, err := c.assetList(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(a Asset) bool { return a.Name == name })
	if i < 0 || box.X < 1 || box.Y < 1 || box.X > 1024 || box.Y > 1024 {
		return nil, fmt.Errorf("picture %q: %w", name, ErrNotFound)
	}
	m, err := c.picture(ctx, list[i], box, picture.Contain)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = m.Image.EncodePNG(&b)
	return b.Bytes(), err
}

// picture is an uploaded picture for a box, without the paper around it; a photo
// that fills its box is taken whole.
func (c *Core) picture(ctx context.Context, a Asset, box image.Point, fit picture.Fit) (render.Picture, error) {
	part, method := image.Rectangle{Max: a.Size}, dither.Default
	if a.Style == DrawingStyle {
		method = dither.Threshold
	}
	if a.Style == DrawingStyle || fit == picture.Contain {
		part = a.Ink
	}
	if fit == picture.Contain {
		box, fit = within(part.Size(), box), picture.Stretch
	}
	m, err := c.assets.ready.Stored(a.Content, picture.Options{Width: box.X, Height: box.Y, Fit: fit, Crop: part, Levels: true, Paper: a.Style == DrawingStyle}, method,
		func() ([]byte, error) { return c.store.AssetFile(ctx, a.Content) })
	if err != nil {
		return render.Picture{}, fmt.Errorf("picture %q: %w", a.Name, err)
	}
	return render.Picture{Image: m, Opaque: a.Style == PhotoStyle}, nil
}

// within is the largest size of that shape in a box.
func within(shape, box image.Point) image.Point {
	w, h := box.X, (shape.Y*box.X+shape.X/2)/shape.X
	if h > box.Y {
		w, h = (shape.X*box.Y+shape.Y/2)/shape.Y, box.Y
	}
	return image.Pt(min(max(w, 1), box.X), min(max(h, 1), box.Y))
}

// look is what a sign's faces show of the office's pictures.
type look struct{ of render.Door }

func (l look) dress(d *render.Door) { d.Logo, d.Pictures = l.of.Logo, l.of.Pictures }

// lookOf gets the pictures of a panel's faces ready. One that cannot be drawn is
// left out: the state of a room matters more.
func (c *Core) lookOf(ctx context.Context, t *render.Template, p render.Panel) (l look, err error) {
	list, err := c.assetList(ctx)
	if err != nil || len(list) == 0 {
		return l, err
	}
	byName := make(map[string]Asset, len(list))
	for _, a := range list {
		byName[a.Name] = a
	}
	draw := func(name string, box image.Point, fit picture.Fit) (render.Picture, bool) {
		a, ok := byName[name]
		if !ok || box.X < 1 || box.Y < 1 {
			return render.Picture{}, false
		}
		m, err := c.picture(ctx, a, box, fit)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("picture not drawn", "err", err)
		}
		return m, err == nil
	}
	if m, ok := draw(LogoName, render.LogoBox(p), picture.Contain); ok {
		l.of.Logo = m.Image
	}
	if t == nil {
		return l, ctx.Err()
	}
	l.of.Pictures = map[render.PictureKey]render.Picture{}
	for _, k := range t.PicturesOf(p) {
		if m, ok := draw(k.Name, k.Size, k.Fit); ok {
			l.of.Pictures[k] = m
		}
	}
	return l, ctx.Err()
}

// missingPictures notes what a template draws and nobody has uploaded.
func (c *Core) missingPictures(ctx context.Context, t *render.Template) ([]TemplateNote, error) {
	list, err := c.assetList(ctx)
	if err != nil {
		return nil, err
	}
	var notes []TemplateNote
	for _, u := range t.Pictures() {
		if !slices.ContainsFunc(list, func(a Asset) bool { return a.Name == u.Name }) {
			notes = append(notes, TemplateNote{u.Line, u.Path, fmt.Sprintf("no picture %q is uploaded", strings.ToValidUTF8(u.Name, "?"))})
		}
	}
	return notes, nil
}
