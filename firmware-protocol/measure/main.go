// Command measure makes the start weights of the context coder that
// firmware-protocol/SPEC.md freezes: it draws training frames, which share no
// layout, text or photo with any face or benchmark, and lets package wire train
// on them. Its tests hold the sizes of objects against other encoders.
//
//	cd firmware-protocol/measure && go run .
//
// It is run by hand, never by go generate: other weights are another format,
// which signs that are in use could not read.
// The frames depend on the fonts and the dithering of package render, so that
// the weights come out the same only with the sources of their day.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "doorleaf-training-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fonts, err := typeset.Load()
	if err != nil {
		return err
	}
	t := &trainer{fonts, rand.New(rand.NewPCG(20261121, 5))}
	for i, f := range append(t.pages(66), t.photos(16)...) {
		name := filepath.Join(dir, fmt.Sprintf("t%03d", i))
		if err := write(name+".pbm", f.next); err != nil {
			return err
		}
		if f.base == nil {
			continue
		}
		if err := write(name+".base.pbm", f.base); err != nil {
			return err
		}
	}
	// Training first: the second run links the weights that the first has made.
	for _, args := range [][]string{{"-run=^TestTrain$", "-train=" + dir}, {"-run=^Test(Tables|Vectors)", "-update"}} {
		cmd := exec.Command("go", append([]string{"test", "-count=1", "doorleaf/firmware-protocol/wire"}, args...)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	return nil
}

func write(file string, m *mono.Image) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := m.EncodePBM(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
