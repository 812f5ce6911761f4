package dither

import (
	"encoding/hex"
	"image"
	"testing"

	"doorleaf/render/mono"
)

// TestGolden holds every method to exact pictures of a synthetic scene: the same
// on every platform, by vectors or not.
func TestGolden(t *testing.T) {
	src := scene()
	for _, tc := range []struct{ method, want string }{
		{SierraLite, "2eb841b32290b7fb"},
		{Wave, "36f1238914514e89"},
		{Ostromoukhov, "bfa86aceeef02d21"},
		{FloydSteinberg, "a92c89598f0b5354"},
		{Atkinson, "e2a324a462cde0b2"},
		{BlueNoise, "859d1f4a4f64599f"},
		{Threshold, "cb02336e6d5d6339"},
	} {
		m := mono.New(src.Rect.Dx(), src.Rect.Dy())
		if err := Gray(m, src, tc.method); err != nil {
			t.Fatal(err)
		}
		if got := short(m.Digest()); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.method, got, tc.want)
		}
	}
	part := src.SubImage(image.Rect(600, 300, 1400, 780)).(*image.Gray)
	for _, tc := range []struct {
		inks mono.Inks
		want string
	}{
		{mono.Grey4, "86c54da20c99da24"},
		{mono.Grey16, "493f135526c8d393"},
	} {
		p := mono.NewPlanes(tc.inks, 800, 480)
		if err := Levels(p, part, Default); err != nil {
			t.Fatal(err)
		}
		if got := short(p.Digest()); got != tc.want {
			t.Errorf("%d levels: got %s, want %s", tc.inks.Colours(), got, tc.want)
		}
	}
	colour := image.NewRGBA(image.Rect(0, 0, 300, 200))
	for i := range colour.Pix {
		colour.Pix[i] = byte(i * 7 / 3)
	}
	p := mono.NewPlanes(mono.BlackWhiteRedYellow, 300, 200)
	if err := Colours(p, colour, Measured(mono.BlackWhiteRedYellow)); err != nil {
		t.Fatal(err)
	}
	if got, want := short(p.Digest()), "3d257f67c0c044a8"; got != want {
		t.Errorf("colours: got %s, want %s", got, want)
	}
}

// TestPeerGolden holds the peer of TestQuality to what Pillow 9.4 gave for a
// photo; BenchmarkPeers compares it with the Pillow that is installed.
func TestPeerGolden(t *testing.T) {
	for _, p := range photos(t) {
		if p.name != "astronaut" {
			continue
		}
		if got, want := short(pillow(p.gray).Digest()), "01d64306e6841efa"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func short(d mono.Digest) string { return hex.EncodeToString(d[:8]) }
