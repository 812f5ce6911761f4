package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/sqlite"
	"doorleaf/render"
	"doorleaf/render/lang"
)

// studio is a core that draws for real, on a store that can be opened again.
type studio struct {
	*gateway.Core
	t     *testing.T
	path  string
	store *sqlite.Store
	wire  *stubWire
}

func newStudio(t *testing.T, path string) *studio {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	texts, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.NewRenderer(texts)
	if err != nil {
		t.Fatal(err)
	}
	w := &stubWire{claims: map[devices.SignID][]byte{}}
	core := gateway.New(gateway.Options{Store: store, Renderer: r, Logger: slog.New(slog.DiscardHandler)})
	core.SetWire(w)
	return &studio{core, t, path, store, w}
}

func (o *studio) again() *studio {
	o.t.Helper()
	if err := o.store.Close(); err != nil {
		o.t.Fatal(err)
	}
	return newStudio(o.t, o.path)
}

// face is the "free" example on glass of 800x480.
func (o *studio) face(site gateway.Site) image.Image {
	o.t.Helper()
	b, err := o.PreviewLook(o.t.Context(), site, "free", 800, 480)
	if err != nil {
		o.t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		o.t.Fatal(err)
	}
	return m
}

// upload is a PNG with a bar of some colour on a transparent ground.
func upload(t *testing.T, c color.Color, bar image.Rectangle) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 400, 200))
	draw.Draw(m, bar, image.NewUniform(c), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// inked counts the black pixels of a part.
func inked(m image.Image, r image.Rectangle) (n int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if v, _, _, _ := m.At(x, y).RGBA(); v == 0 {
				n++
			}
		}
	}
	return n
}

func same(a, b image.Image) bool {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if av, _, _, _ := a.At(x, y).RGBA(); av != firstOf(b.At(x, y).RGBA()) {
				return false
			}
		}
	}
	return true
}

func firstOf(v, _, _, _ uint32) uint32 { return v }

// A logo is uploaded, drawn without its margins, survives a restart, and leaves
// no trace when it is removed.
func TestLogo(t *testing.T) {
	o := newStudio(t, filepath.Join(t.TempDir(), "d.db"))
	site := gateway.DefaultSite()
	bare := o.face(site)
	a, err := o.AddAsset(t.Context(), " LOGO ", "", upload(t, color.NRGBA{255, 200, 0, 255}, image.Rect(100, 50, 300, 150)))
	if err != nil || a.Name != "logo" || a.Style != gateway.DrawingStyle || a.Ink != image.Rect(100, 50, 300, 150) {
		t.Fatalf("got %+v, %v", a, err)
	}
	with := o.face(site)
	box := render.LogoBox(render.Panel{Width: 800, Height: 480, DPI: 125})
	corner := image.Rect(800-24-2*box.Y, (64-box.Y)/2, 800-24, (64+box.Y)/2)
	if got, want := inked(with, corner), corner.Dx()*corner.Dy(); got != want {
		t.Errorf("the logo's place %v has %d black pixels, want all %d", corner, got, want)
	}
	o = o.again()
	if !same(o.face(site), with) {
		t.Error("after a restart the face differs")
	}
	if err := o.RemoveAsset(t.Context(), "logo"); err != nil {
		t.Fatal(err)
	}
	if !same(o.face(site), bare) {
		t.Error("after removal the face is not what it was")
	}
	if err := o.RemoveAsset(t.Context(), "logo"); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("removed again: %v", err)
	}
}

// A new logo changes the pictures of signs, with the reason; one that is
// uploaded again does not.
func TestLogoRedrawsSigns(t *testing.T) {
	o := newStudio(t, filepath.Join(t.TempDir(), "d.db"))
	b := &bench{t: t, core: o.Core, store: o.store, wire: o.wire}
	j := devices.Joining{Nonce: "n", Code: "7KQF2M9P", Hardware: devices.Hardware{Model: "800x480", Serial: "s", Width: 800, Height: 480, AlwaysOn: true},
		Since: time.Now(), Expires: time.Now().Add(time.Minute)}
	if err := o.Joining(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	b.run()
	id, err := o.Pair(t.Context(), j.Code, "Door", "")
	if err != nil {
		t.Fatal(err)
	}
	b.eventually("a first want", func() bool { return b.door(id).Want != nil })
	before := *b.door(id).Want
	file := upload(t, color.Black, image.Rect(0, 0, 400, 200))
	if _, err := o.AddAsset(t.Context(), "logo", "", file); err != nil {
		t.Fatal(err)
	}
	b.eventually("a want with the logo", func() bool { return b.door(id).Want.Seq > before.Seq })
	after := *b.door(id).Want
	if after.Reason != gateway.Changed || after.Steps[0].Digest == before.Steps[0].Digest {
		t.Errorf("got %s, digest %v before and %v after", after.Reason, before.Steps[0].Digest, after.Steps[0].Digest)
	}
	if after.Stale == before.Stale {
		t.Error("the picture for afterwards has no logo")
	}
}

// A photo is dithered and covers; a template names it, and notes what is missing.
func TestPhotoInATemplate(t *testing.T) {
	o := newStudio(t, filepath.Join(t.TempDir(), "d.db"))
	file, err := os.ReadFile("../testdata/photos/coffee.jpg")
	if err != nil {
		t.Fatal(err)
	}
	site := gateway.DefaultSite()
	site.Template = `{"items":[{"type":"RECTANGLE","data":{"fillColor":"BLACK","block":{"w":800,"h":480}}},
		{"type":"IMAGE","data":{"name":"Coffee","fit":"COVER","block":{"x":80,"y":40,"w":320,"h":320}}}]}`
	notes, err := o.CheckTemplate(t.Context(), site.Template)
	if err != nil || len(notes) != 1 || notes[0].Line != 2 || !strings.Contains(notes[0].Reason, `"coffee"`) {
		t.Errorf("before the upload: got %v, %v", notes, err)
	}
	place := image.Rect(80, 40, 400, 360)
	if got, want := inked(o.face(site), place), 320*320; got != want {
		t.Errorf("before the upload: %d black pixels, want %d", got, want)
	}
	if a, err := o.AddAsset(t.Context(), "coffee", "", file); err != nil || a.Style != gateway.PhotoStyle {
		t.Fatalf("got %+v, %v", a, err)
	}
	if notes, err := o.CheckTemplate(t.Context(), site.Template); err != nil || len(notes) > 0 {
		t.Errorf("after the upload: got %v, %v", notes, err)
	}
	m := o.face(site)
	if n := inked(m, place); n < 320*320/5 || n > 320*320*4/5 {
		t.Errorf("the photo has %d black pixels of %d", n, 320*320)
	}
	if got := inked(m, image.Rect(0, 0, 800, 40)); got != 800*40 {
		t.Errorf("around the photo %d pixels are black, want all", got)
	}
	if _, err := o.AssetPNG(t.Context(), "coffee", image.Pt(240, 120)); err != nil {
		t.Error(err)
	}
	for name, box := range map[string]image.Point{"nothing": image.Pt(8, 8), "coffee": image.Pt(0, 8)} {
		if _, err := o.AssetPNG(t.Context(), name, box); !errors.Is(err, gateway.ErrNotFound) {
			t.Errorf("%s in %v: got %v", name, box, err)
		}
	}
}

// What cannot be drawn is refused with a reason, and nothing of it is kept.
func TestPicturesAreRefused(t *testing.T) {
	o := newStudio(t, filepath.Join(t.TempDir(), "d.db"))
	good := upload(t, color.Black, image.Rect(0, 0, 9, 90))
	for _, tc := range []struct {
		name, as string
		style    gateway.AssetStyle
		file     []byte
		fault    string
	}{
		{"SVG", "logo", "", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><image href="http://192.0.2.1/"/></svg>`), "format"},
		{"text", "logo", "", []byte("hello"), "format"},
		{"empty", "logo", "", nil, "format"},
		{"torn", "logo", "", good[:len(good)/2], "damaged"},
		{"too many bytes", "logo", "", append(slices.Clone(good), make([]byte, gateway.MaxAssetBytes)...), "size"},
		{"white on transparent", "logo", "", upload(t, color.White, image.Rect(10, 10, 90, 90)), "blank"},
		{"no name", " ", "", good, ""},
		{"long name", strings.Repeat("x", gateway.MaxAssetName+1), "", good, ""},
		{"path", "../etc", "", good, ""},
		{"style", "logo", "sepia", good, ""},
	} {
		_, err := o.AddAsset(t.Context(), tc.as, tc.style, tc.file)
		kind, _, ok := gateway.PictureFault(err)
		if kind != tc.fault || ok != (tc.fault != "") || !ok && !errors.Is(err, gateway.ErrInvalid) {
			t.Errorf("%s: got %v, fault %q, want %q", tc.name, err, kind, tc.fault)
		}
	}
	if list, err := o.Assets(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("kept %v, %v", list, err)
	}
}

// A picture whose file is gone or changed is left out; the face is drawn.
func TestLostPictureLeavesTheFace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.db")
	o := newStudio(t, path)
	site := gateway.DefaultSite()
	bare := o.face(site)
	if _, err := o.AddAsset(t.Context(), "logo", "", upload(t, color.Black, image.Rect(0, 0, 90, 90))); err != nil {
		t.Fatal(err)
	}
	core := gateway.New(gateway.Options{Store: lostFiles{o.store}, Renderer: o.renderer(), Logger: slog.New(slog.DiscardHandler)})
	b, err := core.PreviewLook(t.Context(), site, "free", 800, 480)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := png.Decode(bytes.NewReader(b)); err != nil || !same(m, bare) {
		t.Errorf("the face differs from one without a logo, error %v", err)
	}
}

// lostFiles is a store whose pictures have other files than they say.
type lostFiles struct{ gateway.Store }

func (lostFiles) AssetFile(context.Context, [32]byte) ([]byte, error) { return []byte("lost"), nil }

func (o *studio) renderer() gateway.Renderer {
	o.t.Helper()
	texts, err := lang.Load()
	if err != nil {
		o.t.Fatal(err)
	}
	r, err := render.NewRenderer(texts)
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}
