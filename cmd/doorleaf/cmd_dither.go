package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"doorleaf/render/dither"
	"doorleaf/render/mono"
	"doorleaf/render/picture"
)

const ditherUsage = `Usage:
  doorleaf dither [-method NAME] [-o out.pbm] in.(png|jpg|gif|webp|bmp|pgm)

Turns a photo or logo into a 1-bit picture of the same size: a PBM, or a PNG when
-o ends in .png. "-" is standard input.

`

// cmdDither turns a grey or coloured picture into a 1-bit one.
func cmdDither(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("dither", flag.ContinueOnError)
	fs.SetOutput(std.err)
	fs.Usage = func() { fmt.Fprint(std.err, ditherUsage); fs.PrintDefaults() }
	method := fs.String("method", dither.Default, "`name` of the method: "+strings.Join(dither.Methods(), ", "))
	out := fs.String("o", "-", "output `file`, .pbm or .png")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if fs.NArg() != 1 {
		fs.Usage()
		return flag.ErrHelp
	}
	if err := dither.Known(*method); err != nil {
		return fmt.Errorf("-method: %w", err)
	}
	encode, err := pictureFormat(*out, (*mono.Image).EncodePBM)
	if err != nil {
		return err
	}
	m, err := ditherFile(fs.Arg(0), *method, std.in)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return writePicture(*out, m, encode, std.out)
}

func ditherFile(name, method string, in io.Reader) (*mono.Image, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	} else {
		name = "standard input"
	}
	p, err := picture.Decode(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	src := p.Gray(picture.Options{})
	m := mono.New(src.Rect.Dx(), src.Rect.Dy())
	return m, dither.Gray(m, src, method)
}
