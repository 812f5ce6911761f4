package picture

import (
	"container/list"
	"crypto/sha256"
	"sync"

	"doorleaf/render/dither"
	"doorleaf/render/mono"
)

// Cache keeps dithered pictures by their content: the bytes of the file, the
// options and the method. The least recently used go when it is full. It decodes
// one picture at a time, which bounds its memory to MaxMemory and what it keeps.
type Cache struct {
	most int // bytes of pixels to keep

	mu    sync.Mutex // guards the following
	bytes int
	byKey map[key]*list.Element
	order *list.List // of entries, the most recently used in front

	decoding sync.Mutex // held while a picture is decoded and dithered
}

type key struct {
	content [sha256.Size]byte
	options Options
	method  string
	inks    mono.Inks
}

type entry struct {
	key    key
	result *mono.Planes
	bytes  int
}

// NewCache returns a cache that keeps at most that many bytes of pixels.
func NewCache(most int) *Cache {
	return &Cache{most: most, byKey: map[key]*list.Element{}, order: list.New()}
}

// Image returns the picture of a file as a 1-bit image, dithered by a method of
// package dither. The image is shared: do not draw on it. Errors are those of
// DecodeBytes and dither.ErrMethod; they are not kept.
func (c *Cache) Image(file []byte, o Options, method string) (*mono.Image, error) {
	p, err := c.Planes(file, o, mono.BlackWhite, method)
	if err != nil {
		return nil, err
	}
	return p.Plane[0], nil
}

// Planes returns the picture of a file for a panel of other inks, as Image does.
func (c *Cache) Planes(file []byte, o Options, inks mono.Inks, method string) (*mono.Planes, error) {
	return c.planes(key{sha256.Sum256(file), o, method, inks}, func() ([]byte, error) { return file, nil })
}

// Stored is Image of a file that lies elsewhere under the SHA-256 of its bytes:
// load is asked for it only when nothing is kept. A file that is not the named
// one is refused as damaged.
func (c *Cache) Stored(content [sha256.Size]byte, o Options, method string, load func() ([]byte, error)) (*mono.Image, error) {
	p, err := c.planes(key{content, o, method, mono.BlackWhite}, func() ([]byte, error) {
		file, err := load()
		if err == nil && sha256.Sum256(file) != content {
			err = &RefusedError{ErrDamaged, "the stored file is not the one that was uploaded", "Upload it again."}
		}
		return file, err
	})
	if err != nil {
		return nil, err
	}
	return p.Plane[0], nil
}

func (c *Cache) planes(k key, load func() ([]byte, error)) (*mono.Planes, error) {
	if err := dither.Known(k.method); err != nil {
		return nil, err
	}
	if found := c.find(k); found != nil {
		return found, nil
	}
	c.decoding.Lock()
	defer c.decoding.Unlock()
	if found := c.find(k); found != nil { // another call was faster
		return found, nil
	}
	file, err := load()
	if err != nil {
		return nil, err
	}
	p, err := DecodeBytes(file)
	if err != nil {
		return nil, err
	}
	result, err := halftone(p, k.options, k.inks, k.method)
	if err != nil {
		return nil, err
	}
	c.keep(k, result)
	return result, nil
}

// halftone scales and dithers.
func halftone(p *Picture, o Options, inks mono.Inks, method string) (*mono.Planes, error) {
	switch inks {
	case mono.BlackWhite, mono.Grey4, mono.Grey16:
		src := p.Gray(o)
		dst := mono.NewPlanes(inks, src.Rect.Dx(), src.Rect.Dy())
		return dst, dither.Levels(dst, src, method)
	}
	src := p.RGBA(o)
	dst := mono.NewPlanes(inks, src.Rect.Dx(), src.Rect.Dy())
	return dst, dither.Colours(dst, src, dither.Measured(inks))
}

// find returns what is kept, or nil, and marks it as used.
func (c *Cache) find(k key) *mono.Planes {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.byKey[k]
	if !ok {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*entry).result
}

func (c *Cache) keep(k key, result *mono.Planes) {
	size := 512 // of key and bookkeeping
	for _, m := range result.Plane {
		size += len(m.Pix)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byKey[k] = c.order.PushFront(&entry{k, result, size})
	c.bytes += size
	for c.bytes > c.most {
		last := c.order.Back()
		e := last.Value.(*entry)
		c.order.Remove(last)
		delete(c.byKey, e.key)
		c.bytes -= e.bytes
	}
}
