package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"doorleaf/firmware-protocol/wire"
)

// cmdFirmware is for makers of signs: it makes their key and signs releases. It
// needs no network, and is best used where there is none.
func cmdFirmware(_ context.Context, args []string, std stdio) error {
	if len(args) > 0 {
		switch args[0] {
		case "key":
			return firmwareKey(args[1:], std)
		case "sign":
			return firmwareSign(args[1:], std)
		case "show":
			return firmwareShow(args[1:], std)
		}
	}
	fmt.Fprint(std.err, `usage:
  doorleaf firmware key -out NAME                  make NAME.key (keep it secret) and NAME.pub
  doorleaf firmware sign -key FILE -model M -version V -number N -image FILE -out FILE.dlf
  doorleaf firmware show [-maker NAME.pub] FILE.dlf  say what a release is, and check it
`)
	return flag.ErrHelp
}

// firmwareKey makes a maker's pair of keys.
func firmwareKey(args []string, std stdio) error {
	fs := flag.NewFlagSet("firmware key", flag.ContinueOnError)
	fs.SetOutput(std.err)
	out := fs.String("out", "", "beginning of the names of both files (required)")
	if err := fs.Parse(args); err != nil || *out == "" || fs.NArg() > 0 {
		fs.Usage()
		return flag.ErrHelp
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	if err := writeNew(*out+".key", 0o600, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil {
		return err
	}
	if err := writeNew(*out+".pub", 0o644, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open})); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s\n", hex.EncodeToString(public))
	return nil
}

// firmwareSign makes a file for upload of an image.
func firmwareSign(args []string, std stdio) error {
	fs := flag.NewFlagSet("firmware sign", flag.ContinueOnError)
	fs.SetOutput(std.err)
	key := fs.String("key", "", "the maker's secret `file` (required)")
	model := fs.String("model", "", "model of the signs, as they say it, at most 32 characters (required)")
	version := fs.String("version", "", "version to show, at most 16 characters (required)")
	number := fs.Uint("number", 0, "number of the release: greater than all before of that model (required)")
	least := fs.Uint("min-mv", 0, "least battery voltage for the update in millivolts, 0 for any")
	image := fs.String("image", "", "`file` with the image (required)")
	out := fs.String("out", "", "`file` to write, which must not be there yet (required)")
	if err := fs.Parse(args); err != nil || *key == "" || *model == "" || *version == "" || *number == 0 || *image == "" || *out == "" || fs.NArg() > 0 {
		fs.Usage()
		return flag.ErrHelp
	}
	maker, err := readMakerSecret(*key)
	if err != nil {
		return err
	}
	b, err := readLimited(*image, wire.MaxImage)
	if err != nil {
		return err
	}
	if *number > 1<<32-1 || *least > 1<<16-1 {
		return errors.New("-number or -min-mv is too large")
	}
	r := wire.Release{Model: *model, Version: *version, Number: uint32(*number), Size: uint32(len(b)), Image: sha256.Sum256(b), MinMillivolts: uint16(*least)}
	if err := r.Sign(maker); err != nil {
		return err
	}
	head, err := r.Marshal()
	if err != nil {
		return err
	}
	if err := writeNew(*out, 0o644, append(head, b...)); err != nil {
		return err
	}
	return describeRelease(std.out, &r)
}

// firmwareShow says what is in a file for upload.
func firmwareShow(args []string, std stdio) error {
	fs := flag.NewFlagSet("firmware show", flag.ContinueOnError)
	fs.SetOutput(std.err)
	maker := fs.String("maker", "", "the maker's public `file`: check the signature too")
	if err := fs.Parse(args); err != nil || fs.NArg() != 1 {
		fs.Usage()
		return flag.ErrHelp
	}
	b, err := readLimited(fs.Arg(0), wire.ReleaseSize+wire.MaxImage)
	if err != nil {
		return err
	}
	r, _, err := wire.ParseReleaseFile(b)
	if err != nil {
		return fmt.Errorf("%s: %w", fs.Arg(0), err)
	}
	if *maker != "" {
		key, err := readMaker(*maker)
		if err != nil {
			return err
		}
		if err := r.Verify(key); err != nil {
			return fmt.Errorf("%s: %w", fs.Arg(0), err)
		}
	}
	return describeRelease(std.out, &r)
}

func describeRelease(w io.Writer, r *wire.Release) error {
	_, err := fmt.Fprintf(w, "model %s\nversion %s\nnumber %d\nbytes %d\nsha256 %x\nleast battery %d mV\n", r.Model, r.Version, r.Number, r.Size, r.Image, r.MinMillivolts)
	return err
}

// readMaker reads a maker's public key.
func readMaker(file string) (ed25519.PublicKey, error) {
	block, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(block)
	if public, ok := key.(ed25519.PublicKey); err == nil && ok {
		return public, nil
	}
	return nil, fmt.Errorf("%s holds no public Ed25519 key", file)
}

func readMakerSecret(file string) (ed25519.PrivateKey, error) {
	block, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(block)
	if private, ok := key.(ed25519.PrivateKey); err == nil && ok {
		return private, nil
	}
	return nil, fmt.Errorf("%s holds no secret Ed25519 key", file)
}

func readPEM(file string) ([]byte, error) {
	b, err := readLimited(file, 64<<10)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", file)
	}
	return block.Bytes, nil
}

// readLimited reads a file of at most limit bytes.
func readLimited(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", file, limit)
	}
	return b, err
}

// writeNew writes a file that is not there yet.
func writeNew(file string, mode os.FileMode, b []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
