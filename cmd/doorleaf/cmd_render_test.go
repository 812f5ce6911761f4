package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/devices"
	"doorleaf/render"
	"doorleaf/render/dither"
	"doorleaf/render/mono"
)

const freeDoor = `{"state":"free","room":"Aalto 2.14","date":"2026-11-23","until":"13:00"}`

type pictureCommand func(ctx context.Context, args []string, std stdio) error

// runPicture runs a command that draws and returns both outputs.
func runPicture(t *testing.T, cmd pictureCommand, in string, args ...string) (out []byte, notes string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = cmd(t.Context(), args, stdio{strings.NewReader(in), &stdout, &stderr})
	return stdout.Bytes(), stderr.String(), err
}

func decodedPNG(t *testing.T, b []byte) *mono.Image {
	t.Helper()
	p, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	m := mono.New(p.Bounds().Dx(), p.Bounds().Dy())
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			m.Set(x, y, color.GrayModel.Convert(p.At(x, y)).(color.Gray).Y == 0)
		}
	}
	return m
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// One door gives the same pixels as PNG and PBM, from a file and from standard
// input, and leaves no other file behind.
func TestRenderFormats(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("door.json"), []byte(freeDoor), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _, err := runPicture(t, cmdRender, freeDoor, "-panel", "296x128", "-")
	if err != nil {
		t.Fatal(err)
	}
	want := decodedPNG(t, stdout)
	if got := want.Rect.Size(); got != image.Pt(296, 128) {
		t.Fatalf("got %v", got)
	}
	for _, name := range []string{"out.png", "out.pbm", "OUT.PNG"} {
		if _, _, err := runPicture(t, cmdRender, "", "-panel", "296x128", "-o", file(name), file("door.json")); err != nil {
			t.Fatal(err)
		}
	}
	if !decodedPNG(t, readFile(t, file("out.png"))).Equal(want) {
		t.Error("the PNG file differs")
	}
	pbm, err := mono.DecodePBM(bytes.NewReader(readFile(t, file("out.pbm"))))
	if err != nil || !pbm.Equal(want) {
		t.Errorf("the PBM file differs, error %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("%d files, want 4, error %v", len(entries), err)
	}
}

func TestRenderResolution(t *testing.T) {
	draw := func(args ...string) string {
		out, _, err := runPicture(t, cmdRender, freeDoor, append(args, "-")...)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	usual := draw("-panel", "800x480")
	if usual != draw("-panel", "800x480", "-dpi", "125") {
		t.Error("the catalogue's resolution is not used")
	}
	if usual == draw("-panel", "800x480", "-dpi", "219") {
		t.Error("-dpi changes nothing")
	}
}

func TestRenderErrorsSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name, in string
		args     []string
		want     string
	}{
		{"panel", freeDoor, []string{"-panel", "big", "-"}, "-panel: panel \"big\": want WIDTHxHEIGHT"},
		{"panel too small", freeDoor, []string{"-panel", "16x16", "-"}, "16x16"},
		{"resolution", freeDoor, []string{"-panel", "800x480", "-dpi", "5", "-"}, "-dpi 5: want 20 to 1200"},
		{"format", freeDoor, []string{"-panel", "800x480", "-o", filepath.Join(dir, "x.bmp"), "-"}, ".png or .pbm"},
		{"field", `{"state":"free","until":"9"}`, []string{"-panel", "800x480", "-"}, "standard input: not a door: until:"},
		{"no file", "", []string{"-panel", "800x480", filepath.Join(dir, "none.json")}, "none.json"},
		{"no folder", freeDoor, []string{"-panel", "800x480", "-o", filepath.Join(dir, "none", "x.png"), "-"}, "none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := runPicture(t, cmdRender, tc.in, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
	for _, args := range [][]string{{}, {"-panel", "800x480"}, {"-"}, {"-panel", "800x480", "a", "b"}} {
		if _, notes, err := runPicture(t, cmdRender, "", args...); !errors.Is(err, flag.ErrHelp) || !strings.Contains(notes, "Usage") {
			t.Errorf("%q: got %v and %q, want the usage", args, err, notes)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("failures left %d files, error %v", len(entries), err)
	}
}

func TestDitherCommand(t *testing.T) {
	dir := t.TempDir()
	src := image.NewGray(image.Rect(0, 0, 33, 20))
	for i := range src.Pix {
		src.Pix[i] = byte(i)
	}
	pgm := "P5 33 20 255\n" + string(src.Pix)
	seen := map[string]string{}
	for _, method := range append(dither.Methods(), "") {
		args := []string{"-"}
		if method != "" {
			args = []string{"-method", method, "-"}
		}
		out, _, err := runPicture(t, cmdDither, pgm, args...)
		if err != nil {
			t.Fatal(err)
		}
		want := mono.New(33, 20)
		if err := dither.Gray(want, src, method); err != nil {
			t.Fatal(err)
		}
		if got, err := mono.DecodePBM(bytes.NewReader(out)); err != nil || !got.Equal(want) {
			t.Errorf("%q: another picture, error %v", method, err)
		}
		seen[method] = string(out)
	}
	if seen[""] != seen[dither.Default] {
		t.Error("the default is not the default method")
	}
	file := filepath.Join(dir, "x.png")
	if _, _, err := runPicture(t, cmdDither, pgm, "-o", file, "-"); err != nil {
		t.Fatal(err)
	}
	if b, err := mono.DecodePBM(strings.NewReader(seen[""])); err != nil || !decodedPNG(t, readFile(t, file)).Equal(b) {
		t.Errorf("PNG and PBM differ, error %v", err)
	}
	_, _, err := runPicture(t, cmdDither, pgm, "-method", "nice", "-")
	if err == nil || !strings.Contains(err.Error(), strings.Join(dither.Methods(), ", ")) {
		t.Errorf("got %v, want the list of methods", err)
	}
	if _, _, err := runPicture(t, cmdDither, "<svg>", "-"); err == nil || !strings.Contains(err.Error(), "standard input:") || !strings.Contains(err.Error(), "PNG") {
		t.Errorf("got %v, want the formats", err)
	}
}

func TestSheet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if _, notes, err := runPicture(t, cmdSheet, "", "-o", dir, "-panel", "296x128"); err != nil || !strings.Contains(notes, "index.html") {
		t.Fatalf("got %v, %q", err, notes)
	}
	page := string(readFile(t, filepath.Join(dir, "index.html")))
	for _, l := range []string{"en", "de", "ru"} {
		contact := "contact-" + l + "-296x128.png"
		for _, e := range render.Examples() {
			name := l + "-296x128/" + e.Name + ".png"
			if got := decodedPNG(t, readFile(t, filepath.Join(dir, name))).Rect.Size(); got != image.Pt(296, 128) {
				t.Errorf("%s has %v pixels", name, got)
			}
			if !strings.Contains(page, name) {
				t.Errorf("index.html does not show %s", name)
			}
		}
		if _, err := png.DecodeConfig(bytes.NewReader(readFile(t, filepath.Join(dir, contact)))); err != nil || !strings.Contains(page, contact) {
			t.Errorf("%s: %v", contact, err)
		}
	}
	if strings.Contains(page, "://") {
		t.Error("index.html asks the network for something")
	}
}

// Every panel of the catalogue is on the sheet, and two that hang upright.
func TestSheetPanels(t *testing.T) {
	panels := sheetPanels()
	if got, want := len(panels), len(devices.Panels())+2; got != want {
		t.Errorf("got %d panels, want %d", got, want)
	}
	upright := 0
	for _, p := range panels {
		if p.Height > p.Width {
			upright++
		}
		if p.DPI <= 0 {
			t.Errorf("%v has no resolution", p)
		}
	}
	if upright != 2 {
		t.Errorf("%d upright panels, want 2", upright)
	}
}
