package render

import (
	"bytes"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"doorleaf/render/mono"
)

var update = flag.Bool("update", false, "write the pictures below testdata anew")

// goldenFaces are the examples whose pictures are kept.
var goldenFaces = []string{"free", "free-all-day", "free-book", "soon", "booked", "booked-private", "booked-all-day", "booked-overlap", "check-in", "stale", "pairing"}

// Faces are drawn pixel for pixel as they were looked at.
func TestGolden(t *testing.T) {
	r := newRenderer(t)
	for _, l := range []string{"en", "de", "ru"} {
		for _, p := range []Panel{{296, 128, 112}, {400, 300, 120}, {800, 480, 125}, {128, 296, 112}} {
			for _, e := range Examples() {
				if !slices.Contains(goldenFaces, e.Name) {
					continue
				}
				name := fmt.Sprintf("%s-%dx%d-%s", e.Name, p.Width, p.Height, l)
				t.Run(name, func(t *testing.T) {
					d := e.Door
					d.Language = l
					got, err := r.Draw(nil, d, p)
					if err != nil {
						t.Fatal(err)
					}
					compareGolden(t, got, filepath.Join("testdata", name+".png"))
				})
			}
		}
	}
}

// compareGolden compares a picture with a file; where they differ it keeps
// both and their difference beside the test's artifacts.
func compareGolden(t *testing.T, got *mono.Image, file string) {
	t.Helper()
	if *update {
		writePNG(t, file, got)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := readPNG(t, b)
	if got.Equal(want) {
		return
	}
	diff := got.Clone()
	changed := 0
	if got.Rect == want.Rect {
		diff.Blit(want, want.Rect.Min, mono.Xor)
		for y := range diff.Rect.Dy() {
			for x := range diff.Rect.Dx() {
				if diff.At(x, y) {
					changed++
				}
			}
		}
	}
	dir := t.ArtifactDir()
	writePNG(t, filepath.Join(dir, "got.png"), got)
	writePNG(t, filepath.Join(dir, "want.png"), want)
	writePNG(t, filepath.Join(dir, "diff.png"), diff)
	t.Errorf("picture of %v differs from %s of %v in %d pixels; got.png, want.png and diff.png are in %s (kept with -artifacts; -update accepts the new picture)",
		got.Rect.Size(), file, want.Rect.Size(), changed, dir)
}

func writePNG(t *testing.T, file string, m *mono.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readPNG(t *testing.T, b []byte) *mono.Image {
	t.Helper()
	src, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	m := mono.New(src.Bounds().Dx(), src.Bounds().Dy())
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			m.Set(x, y, color.GrayModel.Convert(src.At(x, y)).(color.Gray).Y == 0)
		}
	}
	return m
}
