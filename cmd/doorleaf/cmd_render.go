package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"doorleaf/render"
	"doorleaf/render/lang"
	"doorleaf/render/mono"
)

const renderUsage = `Usage:
  doorleaf render -panel 800x480 [-dpi N] [-o out.png] door.json

Draws the face of one Door, as docs/door.md describes its JSON, on a panel. "-"
is standard input. The picture is a PNG, or a PBM when -o ends in .pbm; without
-o it goes to standard output.

`

// cmdRender draws one Door.
func cmdRender(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("render", flag.ContinueOnError)
	fs.SetOutput(std.err)
	fs.Usage = func() { fmt.Fprint(std.err, renderUsage); fs.PrintDefaults() }
	size := fs.String("panel", "", "panel `size` in pixels, for instance 800x480 (required)")
	dpi := fs.Int("dpi", 0, "dots per inch of the glass (default: the catalogue's panel of that size)")
	out := fs.String("o", "-", "output `file`, .png or .pbm")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *size == "" || fs.NArg() != 1 {
		fmt.Fprintln(std.err, "doorleaf render: -panel and one door.json are required")
		fs.Usage()
		return flag.ErrHelp
	}
	p, err := renderPanel(*size, *dpi)
	if err != nil {
		return err
	}
	encode, err := pictureFormat(*out, (*mono.Image).EncodePNG)
	if err != nil {
		return err
	}
	d, err := readDoor(fs.Arg(0), std.in)
	if err != nil {
		return err
	}
	r, err := newRenderer()
	if err != nil {
		return err
	}
	m, err := r.Draw(nil, d, p)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return writePicture(*out, m, encode, std.out)
}

func newRenderer() (*render.Renderer, error) {
	texts, err := lang.Load()
	if err != nil {
		return nil, err
	}
	return render.NewRenderer(texts)
}

// renderPanel reads the flags -panel and -dpi.
func renderPanel(size string, dpi int) (render.Panel, error) {
	p, err := parsePanel(size)
	if err != nil {
		return render.Panel{}, fmt.Errorf("-panel: %w", err)
	}
	if dpi != 0 && (dpi < 20 || dpi > 1200) {
		return render.Panel{}, fmt.Errorf("-dpi %d: want 20 to 1200 dots per inch", dpi)
	}
	if dpi == 0 {
		dpi = p.DPI
	}
	return render.Panel{Width: p.Width, Height: p.Height, DPI: dpi}, nil
}

func readDoor(name string, in io.Reader) (render.Door, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return render.Door{}, err
		}
		defer f.Close()
		in = f
	} else {
		name = "standard input"
	}
	d, err := render.ReadDoor(in)
	if err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// pictureEncoder writes a picture in a file format.
type pictureEncoder func(*mono.Image, io.Writer) error

// pictureFormat chooses the format of -o by its extension.
func pictureFormat(name string, standard pictureEncoder) (pictureEncoder, error) {
	if name == "-" {
		return standard, nil
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png":
		return (*mono.Image).EncodePNG, nil
	case ".pbm":
		return (*mono.Image).EncodePBM, nil
	}
	return nil, fmt.Errorf("-o %s: end the name in .png or .pbm to choose the format", name)
}

// writePicture writes a picture to a file as a whole, or to standard output.
func writePicture(name string, m *mono.Image, encode pictureEncoder, out io.Writer) error {
	var b bytes.Buffer
	if err := encode(m, &b); err != nil {
		return err
	}
	if name == "-" {
		_, err := out.Write(b.Bytes())
		return err
	}
	return writeWhole(name, b.Bytes())
}

// writeWhole replaces a file as a whole, so that nobody reads half of it.
func writeWhole(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".doorleaf-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
