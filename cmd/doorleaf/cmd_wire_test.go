package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/firmware-protocol/wire"
	"doorleaf/render"
	"doorleaf/render/lang"
	"doorleaf/render/mono"
)

// wireCommand runs the command and returns both outputs.
func wireCommand(t *testing.T, in []byte, args ...string) (out []byte, notes string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = cmdWire(t.Context(), args, stdio{bytes.NewReader(in), &stdout, &stderr})
	return stdout.Bytes(), stderr.String(), err
}

// pbm is a picture of noise with a black box, as a file's bytes.
func pbm(t *testing.T, w, h int, box image.Rectangle) []byte {
	t.Helper()
	m := mono.New(w, h)
	r := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			m.Set(x, y, r.IntN(2) == 0)
		}
	}
	m.Fill(box, true)
	var b bytes.Buffer
	if err := m.EncodePBM(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWireFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	old, next := pbm(t, 99, 40, image.Rect(3, 3, 50, 20)), pbm(t, 99, 40, image.Rect(3, 3, 51, 20))
	for name, data := range map[string][]byte{"old.pbm": old, "new.pbm": next} {
		if err := os.WriteFile(file(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, ref := range [][]string{nil, {"-ref", file("old.pbm")}} {
		_, notes, err := wireCommand(t, nil, append(append([]string{"encode", "-v", "-o", file("frame.bin")}, ref...), file("new.pbm"))...)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"raw ", "small ", "full ", "deflate ", "chosen", "glass "} {
			if !strings.Contains(notes, want) {
				t.Errorf("notes lack %q:\n%s", want, notes)
			}
		}
		if got, want := strings.Contains(notes, "full-ref"), ref != nil; got != want {
			t.Errorf("tried a delta: %t, want %t", got, want)
		}
		if _, _, err := wireCommand(t, nil, append(append([]string{"decode", "-o", file("out.pbm")}, ref...), file("frame.bin"))...); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file("out.pbm"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, next) {
			t.Error("decoded picture differs")
		}
	}
}

func TestWireStandardStreams(t *testing.T) {
	picture := pbm(t, 16, 16, image.Rect(0, 0, 5, 5))
	object, _, err := wireCommand(t, picture, "encode", "-")
	if err != nil {
		t.Fatal(err)
	}
	got, notes, err := wireCommand(t, object, "decode", "-v", "-o", "-", "-")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, picture) {
		t.Error("decoded picture differs")
	}
	if !strings.Contains(notes, "16x16 pixels") {
		t.Errorf("notes: %s", notes)
	}
}

func TestWireProblems(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	old := file("old.pbm", pbm(t, 99, 40, image.Rect(3, 3, 50, 20)))
	next := file("new.pbm", pbm(t, 99, 40, image.Rect(3, 3, 51, 20)))
	small := file("small.pbm", pbm(t, 9, 9, image.Rect(0, 0, 1, 1)))
	delta, _, err := wireCommand(t, nil, "encode", "-ref", old, next)
	if err != nil {
		t.Fatal(err)
	}
	frame := file("frame.bin", delta)
	damaged := bytes.Clone(delta)
	damaged[10] ^= 1
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"no such file", []string{"encode", filepath.Join(dir, "nothing.pbm")}, "nothing.pbm"},
		{"not a picture", []string{"encode", frame}, "raw PBM (P4)"},
		{"reference is no picture", []string{"encode", "-ref", frame, next}, "frame.bin"},
		{"reference of another size", []string{"encode", "-ref", small, next}, "one panel"},
		{"both from standard input", []string{"encode", "-ref", "-", "-"}, "standard input"},
		{"not an object", []string{"decode", next}, "not an object"},
		{"delta without reference", []string{"decode", frame}, "-ref"},
		{"delta with another reference", []string{"decode", "-ref", next, frame}, "another picture"},
		{"damaged", []string{"decode", "-ref", old, file("damaged.bin", damaged)}, "damaged"},
		{"output folder is missing", []string{"encode", "-o", filepath.Join(dir, "no", "x"), next}, "no"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := wireCommand(t, nil, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if len(out) > 0 {
				t.Error("wrote output all the same")
			}
		})
	}
	for _, args := range [][]string{nil, {"pack"}, {"encode"}, {"encode", "a", "b"}, {"encode", "-x", "a"}} {
		if _, notes, err := wireCommand(t, nil, args...); !errors.Is(err, flag.ErrHelp) || !strings.Contains(notes, "Usage") {
			t.Errorf("%q: %v, %q, want the usage", args, err, notes)
		}
	}
}

// wireFaces are the changes that matter on a door: the first picture, a
// meeting that moved by a quarter of an hour, the flip from free to booked, and
// back.
func wireFaces(b *testing.B, p render.Panel) map[string][2]*wire.Bitmap {
	b.Helper()
	texts, err := lang.Load()
	if err != nil {
		b.Fatal(err)
	}
	r, err := render.NewRenderer(texts)
	if err != nil {
		b.Fatal(err)
	}
	draw := func(d render.Door) *wire.Bitmap {
		m, err := r.Draw(nil, d, p)
		if err != nil {
			b.Fatal(err)
		}
		return &wire.Bitmap{Width: m.Rect.Dx(), Height: m.Rect.Dy(), Stride: m.Stride, Pix: m.Pix}
	}
	doors := map[string]render.Door{}
	for _, e := range render.Examples() {
		doors[e.Name] = e.Door
	}
	moved := doors["booked"]
	until := *moved.Until + 15
	moved.Until, moved.Span = &until, &render.Span{Start: moved.Span.Start, End: until}
	return map[string][2]*wire.Bitmap{
		"first":   {draw(doors["booked"]), nil},
		"quarter": {draw(moved), draw(doors["booked"])},
		"booked":  {draw(doors["booked"]), draw(doors["free"])},
		"free":    {draw(doors["free"]), draw(doors["booked"])},
	}
}

// BenchmarkWire encodes what the renderer draws, and reports the bytes.
func BenchmarkWire(b *testing.B) {
	for _, p := range []render.Panel{{Width: 296, Height: 128, DPI: 112}, {Width: 800, Height: 480, DPI: 125}} {
		for name, f := range wireFaces(b, p) {
			b.Run(fmt.Sprintf("%dx%d/%s", p.Width, p.Height, name), func(b *testing.B) {
				e := wire.NewEncoder()
				var object []byte
				for b.Loop() {
					var err error
					if object, err = e.Encode(object[:0], *f[0], f[1], wire.CapAll); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(object)), "bytes")
			})
		}
	}
}
