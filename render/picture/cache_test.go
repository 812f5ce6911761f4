package picture

import (
	"crypto/sha256"
	"errors"
	"image"
	"image/color"
	"io"
	"sync"
	"testing"

	"doorleaf/render/dither"
	"doorleaf/render/mono"
)

func TestCache(t *testing.T) {
	file := files(t)["PNG"]
	c := NewCache(1 << 20)
	o := Options{Width: 64, Height: 32}
	first, err := c.Image(file, o, "")
	if err != nil {
		t.Fatal(err)
	}
	if first.Rect != image.Rect(0, 0, 64, 32) {
		t.Errorf("got %v", first.Rect)
	}
	if again, err := c.Image(append([]byte(nil), file...), o, ""); err != nil || again != first {
		t.Errorf("the same content was dithered again, error %v", err)
	}
	for name, other := range map[string]func() (*mono.Image, error){
		"size":   func() (*mono.Image, error) { return c.Image(file, Options{Width: 63, Height: 32}, "") },
		"method": func() (*mono.Image, error) { return c.Image(file, o, dither.Threshold) },
		"file":   func() (*mono.Image, error) { return c.Image(files(t)["JPEG"], o, "") },
	} {
		m, err := other()
		if err != nil {
			t.Fatal(err)
		}
		if m == first {
			t.Errorf("another %s gave the same picture", name)
		}
	}
	if _, err := c.Image(file, o, "riemersma"); !errors.Is(err, dither.ErrMethod) {
		t.Errorf("got %v, want ErrMethod", err)
	}
	if _, err := c.Image([]byte("<svg/>"), o, ""); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
	for _, inks := range []mono.Inks{mono.BlackWhiteRed, mono.BlackWhiteYellow, mono.BlackWhiteRedYellow, mono.Grey4, mono.Grey16} {
		p, err := c.Planes(file, o, inks, "")
		if err != nil || p.Inks != inks || p.Rect() != first.Rect {
			t.Errorf("inks %d: got %v, error %v", inks, p, err)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	file := files(t)["PNG"]
	c := NewCache(20_000)
	first, err := c.Image(file, Options{Width: 200, Height: 100}, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, err := c.Image(file, Options{Width: 200, Height: 101 + i}, ""); err != nil {
			t.Fatal(err)
		}
		if c.bytes > 20_000 || c.bytes < 0 || c.order.Len() != len(c.byKey) {
			t.Fatalf("%d bytes in %d entries, %d keys", c.bytes, c.order.Len(), len(c.byKey))
		}
		if i < 3 { // in use, it stays
			if again, err := c.Image(file, Options{Width: 200, Height: 100}, ""); err != nil || again != first {
				t.Fatalf("round %d: lost although used, error %v", i, err)
			}
		}
	}
	if again, err := c.Image(file, Options{Width: 200, Height: 100}, ""); err != nil || again == first || !again.Equal(first) {
		t.Errorf("long unused it was kept, or comes back different, error %v", err)
	}
	if _, err := NewCache(10).Image(file, Options{}, ""); err != nil {
		t.Errorf("what does not fit the cache is served all the same: %v", err)
	}
}

func TestCacheDithersOnceForMany(t *testing.T) {
	file := files(t)["JPEG"]
	c := NewCache(1 << 20)
	var got [16]*mono.Image
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			m, err := c.Image(file, Options{Width: 100}, "")
			if err != nil {
				t.Error(err)
			}
			got[i] = m
		})
	}
	wg.Wait()
	for _, m := range got {
		if m != got[0] {
			t.Fatal("dithered more than once")
		}
	}
}

// A stored file is loaded once for each size, and must be the one that was named.
func TestStored(t *testing.T) {
	file := painted(t, 64, 32, func(m *image.NRGBA) { fillRect(m, image.Rect(0, 0, 32, 32), color.Black) })
	c, loads := NewCache(1<<20), 0
	load := func() ([]byte, error) { loads++; return file, nil }
	content := sha256.Sum256(file)
	for range 3 {
		m, err := c.Stored(content, Options{Width: 32}, dither.Threshold, load)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Rect.Size(), image.Pt(32, 16); got != want || !m.At(0, 0) || m.At(31, 15) {
			t.Errorf("got %v with %v, %v", got, m.At(0, 0), m.At(31, 15))
		}
	}
	if loads != 1 {
		t.Errorf("loaded %d times, want once", loads)
	}
	if _, err := c.Stored([32]byte{1}, Options{}, "", load); !errors.Is(err, ErrDamaged) {
		t.Errorf("another file: got %v, want %v", err, ErrDamaged)
	}
	if _, err := c.Stored(content, Options{Width: 8}, "", func() ([]byte, error) { return nil, io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that cannot be loaded: got %v", err)
	}
}
