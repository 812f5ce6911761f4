package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"os"

	"doorleaf/firmware-protocol/wire"
	"doorleaf/render/mono"
)

// maxWireInput bounds what the wire command reads: the largest picture with
// its header.
const maxWireInput = wire.MaxDecoded + 1<<10

const wireUsage = `Usage:
  doorleaf wire encode [-v] [-ref old.pbm] [-o frame.bin] new.pbm
  doorleaf wire decode [-v] [-ref old.pbm] [-o out.pbm] frame.bin

encode packs a PBM (P4) picture as one object of firmware-protocol/SPEC.md, in
the smallest encoding there is; with -ref it may be a delta against the picture
a sign shows. decode undoes it. "-" is standard input or output.
`

// cmdWire encodes and decodes single pictures as they travel to signs.
func cmdWire(ctx context.Context, args []string, std stdio) error {
	if len(args) > 0 {
		switch args[0] {
		case "encode":
			return runWire(ctx, "encode", encodePicture, args[1:], std)
		case "decode":
			return runWire(ctx, "decode", decodePicture, args[1:], std)
		}
	}
	fmt.Fprint(std.err, wireUsage)
	return flag.ErrHelp
}

// wireJob turns one file into another; notes are what -v prints.
type wireJob func(in []byte, name string, ref *wire.Bitmap, notes io.Writer) ([]byte, error)

// runWire parses the flags that both directions share, reads, works, writes.
func runWire(ctx context.Context, verb string, job wireJob, args []string, std stdio) error {
	fs := flag.NewFlagSet("wire "+verb, flag.ContinueOnError)
	fs.SetOutput(std.err)
	fs.Usage = func() { fmt.Fprint(std.err, wireUsage) }
	refName := fs.String("ref", "", "PBM `file` with the picture the sign has")
	out := fs.String("o", "-", "output `file`")
	verbose := fs.Bool("v", false, "say which encodings there are and their bytes")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if fs.NArg() != 1 {
		fmt.Fprint(std.err, wireUsage)
		return flag.ErrHelp
	}
	name := fs.Arg(0)
	if name == "-" && *refName == "-" {
		return errors.New("only one of the input and -ref can be standard input: give the other a file name")
	}
	in, err := readWireFile(name, std.in)
	if err != nil {
		return err
	}
	var ref *wire.Bitmap
	if *refName != "" {
		if ref, err = readWirePicture(*refName, std.in); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	notes := io.Discard
	if *verbose {
		notes = std.err
	}
	result, err := job(in, name, ref, notes)
	if err != nil {
		return err
	}
	return writeWireFile(*out, result, std.out)
}

// encodePicture packs a PBM picture.
func encodePicture(in []byte, name string, ref *wire.Bitmap, notes io.Writer) ([]byte, error) {
	next, err := parseWirePicture(in, name)
	if err != nil {
		return nil, err
	}
	if ref != nil && (ref.Width != next.Width || ref.Height != next.Height) {
		return nil, fmt.Errorf("%s has %dx%d pixels, the reference %dx%d: both must be pictures of one panel",
			name, next.Width, next.Height, ref.Width, ref.Height)
	}
	e := wire.NewEncoder()
	e.TryAll = true
	object, err := e.Encode(nil, *next, ref, wire.CapAll)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, t := range e.Trials() {
		mark := ""
		if t.Parts > 1 {
			mark = fmt.Sprintf(", only what changed, in %d parts", t.Parts)
		}
		if t.Bytes == len(object) {
			mark += "  chosen"
		}
		fmt.Fprintf(notes, "%-12s %8d bytes%s\n", t.Encoding, t.Bytes, mark)
	}
	fmt.Fprintf(notes, "object %x\nglass  %x\n", wire.HashObject(object), next.Digest())
	return object, nil
}

// decodePicture unpacks an object to PBM.
func decodePicture(in []byte, name string, ref *wire.Bitmap, notes io.Writer) ([]byte, error) {
	var picture wire.Bitmap
	if err := wire.NewDecoder().Decode(&picture, in, ref); err != nil {
		return nil, wireProblem(name, ref, err)
	}
	h, err := wire.ParseHeader(in)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(notes, "%-12s %8d bytes, %dx%d pixels\n", h.Encoding, len(in), h.Width, h.Height)
	if h.Delta {
		fmt.Fprintf(notes, "base   %x...\n", h.Base)
	}
	fmt.Fprintf(notes, "object %x\nglass  %x\n", wire.HashObject(in), picture.Digest())
	var pbm bytes.Buffer
	m := mono.Image{Pix: picture.Pix, Stride: picture.Stride, Rect: image.Rect(0, 0, picture.Width, picture.Height)}
	if err := m.EncodePBM(&pbm); err != nil {
		return nil, err
	}
	return pbm.Bytes(), nil
}

// wireProblem adds to a decoder's error what the person can do about it.
func wireProblem(name string, ref *wire.Bitmap, err error) error {
	switch {
	case errors.Is(err, wire.ErrBase) && ref == nil:
		return fmt.Errorf("%s is a delta: give the picture it was made against with -ref (%w)", name, err)
	case errors.Is(err, wire.ErrBase):
		return fmt.Errorf("%s was made against another picture than the one given with -ref (%w)", name, err)
	case errors.Is(err, wire.ErrUnsupported):
		return fmt.Errorf("%s needs a newer doorleaf: %w", name, err)
	case errors.Is(err, wire.ErrChecksum):
		return fmt.Errorf("%s is damaged: transfer or encode it again (%w)", name, err)
	}
	return fmt.Errorf("%s is not an object of this protocol, or is damaged: %w", name, err)
}

// readWireFile reads a file or standard input, within bounds.
func readWireFile(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxWireInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxWireInput {
		return nil, fmt.Errorf("%s is larger than %d bytes, more than any picture of this protocol", name, maxWireInput)
	}
	return data, nil
}

func readWirePicture(name string, in io.Reader) (*wire.Bitmap, error) {
	data, err := readWireFile(name, in)
	if err != nil {
		return nil, err
	}
	return parseWirePicture(data, name)
}

func parseWirePicture(data []byte, name string) (*wire.Bitmap, error) {
	m, err := mono.DecodePBM(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; a raw PBM (P4) picture is needed, as \"doorleaf render -o out.pbm\" makes it", name, err)
	}
	return &wire.Bitmap{Width: m.Rect.Dx(), Height: m.Rect.Dy(), Stride: m.Stride, Pix: m.Pix}, nil
}

// writeWireFile writes a file or standard output.
func writeWireFile(name string, data []byte, out io.Writer) error {
	if name == "-" {
		_, err := out.Write(data)
		return err
	}
	return os.WriteFile(name, data, 0o644)
}
