package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/sqlite"
)

const backupUsage = `Usage:
  doorleaf backup [-data DIR] [-master-key-file FILE] -o FILE

Copies the database and the master key of a gateway, which may be running, into
one file (tar). Whoever has this file can read the stored secrets: keep it like
a password.

`

const restoreUsage = `Usage:
  doorleaf restore [-data DIR] [-master-key-file FILE] FILE

Fills an empty data folder from a file that "doorleaf backup" made. Signs accept
what the restored gateway sends them although they have seen newer timelines of
the lost one; signs paired after the backup have to be paired again.

`

// The files of a backup and their bounds in bytes.
const (
	backupDatabase = "doorleaf.db"
	backupKey      = "master.key"
	maxDatabase    = 64 << 30
)

// epochFloorSecret names the store's value that keeps epochs rising over a
// restore: four bytes, big endian.
const epochFloorSecret = "epoch-floor"

func cmdBackup(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("backup", flag.ContinueOnError)
	fs.SetOutput(std.err)
	fs.Usage = func() { fmt.Fprint(std.err, backupUsage); fs.PrintDefaults() }
	data, key := dataFlags(fs)
	out := fs.String("o", "", "`file` to write (required)")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *out == "" || fs.NArg() > 0 {
		fmt.Fprintln(std.err, "doorleaf backup: -o is required")
		fs.Usage()
		return flag.ErrHelp
	}
	if _, err := os.Stat(*out); err == nil {
		return fmt.Errorf("%s exists already; choose another name", *out)
	}
	size, err := backup(ctx, *data, keyFile(*data, *key), *out)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.err, "%s: %d bytes\n", *out, size)
	return nil
}

// dataFlags adds the flags that say where a gateway keeps its things; the
// environment gives their defaults.
func dataFlags(fs *flag.FlagSet) (data, key *string) {
	folder := os.Getenv("DOORLEAF_DATA")
	if folder == "" {
		folder = "doorleaf-data" // that of serve
	}
	return fs.String("data", folder, "data `folder` (DOORLEAF_DATA)"),
		fs.String("master-key-file", os.Getenv("DOORLEAF_MASTER_KEY_FILE"), "`file` of the master key (DOORLEAF_MASTER_KEY_FILE); default DATA/master.key")
}

func keyFile(data, key string) string {
	if key != "" {
		return key
	}
	return filepath.Join(data, backupKey)
}

// backup writes the file beside its final name first: there is a whole backup
// or none.
func backup(ctx context.Context, data, key, out string) (size int64, err error) {
	temp, err := os.MkdirTemp(filepath.Dir(out), ".doorleaf-backup-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(temp)
	copied := filepath.Join(temp, backupDatabase)
	if err := sqlite.Backup(ctx, filepath.Join(data, backupDatabase), copied); err != nil {
		return 0, err
	}
	if err := sqlite.Verify(ctx, copied); err != nil {
		return 0, err
	}
	secret, err := os.ReadFile(key)
	if err != nil {
		return 0, fmt.Errorf("master key: %w", err)
	}
	archive := filepath.Join(temp, "backup.tar")
	if err := writeArchive(archive, copied, secret); err != nil {
		return 0, err
	}
	info, err := os.Stat(archive)
	if err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(archive, out)
}

func writeArchive(file, database string, key []byte) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	db, err := os.Open(database)
	if err != nil {
		return err
	}
	defer db.Close()
	info, err := db.Stat()
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		size int64
		r    io.Reader
	}{{backupKey, int64(len(key)), bytes.NewReader(key)}, {backupDatabase, info.Size(), db}} {
		if err := w.WriteHeader(&tar.Header{Name: part.name, Mode: 0o600, Size: part.size, ModTime: time.Now(), Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
			return err
		}
		if _, err := io.Copy(w, part.r); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), f.Sync())
}

func cmdRestore(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("restore", flag.ContinueOnError)
	fs.SetOutput(std.err)
	fs.Usage = func() { fmt.Fprint(std.err, restoreUsage); fs.PrintDefaults() }
	data, key := dataFlags(fs)
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if fs.NArg() != 1 {
		fmt.Fprintln(std.err, "doorleaf restore: name one backup file")
		fs.Usage()
		return flag.ErrHelp
	}
	if err := restore(ctx, fs.Arg(0), *data, keyFile(*data, *key), time.Now()); err != nil {
		return err
	}
	fmt.Fprintf(std.err, "restored to %s; start the gateway as usual\n", *data)
	return nil
}

// restore unpacks beside the final names, checks everything, then moves the key
// and last the database into place: an interrupted restore leaves no database.
func restore(ctx context.Context, file, data, key string, now time.Time) error {
	for _, name := range []string{filepath.Join(data, backupDatabase), key} {
		if _, err := os.Stat(name); err == nil {
			return fmt.Errorf("%s exists already; restore into an empty data folder", name)
		}
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(data, ".restore-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := readArchive(file, temp); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	database := filepath.Join(temp, backupDatabase)
	if err := sqlite.Verify(ctx, database); err != nil {
		return err
	}
	secret, err := sqlite.LoadKey(filepath.Join(temp, backupKey))
	if err != nil {
		return err
	}
	if err := raiseEpochs(ctx, database, secret, now); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		return err
	}
	if err := moveFile(filepath.Join(temp, backupKey), key); err != nil {
		return err
	}
	return os.Rename(database, filepath.Join(data, backupDatabase))
}

// moveFile renames, and copies where the two names lie on different disks.
func moveFile(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return unpack(to, bytes.NewReader(b), int64(len(b)))
}

// raiseEpochs makes everything that the restored gateway sends newer than what
// the lost one sent. Minutes of the clock rise from restore to restore.
func raiseEpochs(ctx context.Context, database string, key [32]byte, now time.Time) error {
	store, err := sqlite.Open(ctx, sqlite.Options{Path: database, Key: key})
	if err != nil {
		return err
	}
	floor := uint32(max(now.Unix()/60, 2))
	if have, err := epochFloor(ctx, store); err == nil {
		floor = max(floor, have+1)
	}
	err = store.SetSecret(ctx, epochFloorSecret, binary.BigEndian.AppendUint32(nil, floor))
	return errors.Join(err, store.Close())
}

// epochFloor returns the least epoch of a new timeline, 0 on a gateway that was
// never restored.
func epochFloor(ctx context.Context, store gateway.ConnectionStore) (uint32, error) {
	b, err := store.Secret(ctx, epochFloorSecret)
	if errors.Is(err, gateway.ErrNotFound) {
		return 0, nil
	}
	if err != nil || len(b) != 4 {
		return 0, errors.Join(err, fmt.Errorf("secret %s of %d bytes", epochFloorSecret, len(b)))
	}
	return binary.BigEndian.Uint32(b), nil
}

// readArchive unpacks the two files of a backup, and nothing else, into dir.
func readArchive(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r := tar.NewReader(f)
	seen := map[string]bool{}
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("not a backup: %w", err)
		}
		limit := int64(32)
		if h.Name == backupDatabase {
			limit = maxDatabase
		}
		if h.Name != backupDatabase && h.Name != backupKey || seen[h.Name] || h.Typeflag != tar.TypeReg || h.Size > limit {
			return fmt.Errorf("not a backup: it holds %q", h.Name)
		}
		seen[h.Name] = true
		if err := unpack(filepath.Join(dir, h.Name), r, h.Size); err != nil {
			return err
		}
	}
	if !seen[backupDatabase] || !seen[backupKey] {
		return errors.New("not a backup: the database or the key is missing")
	}
	return nil
}

func unpack(file string, r io.Reader, size int64) (err error) {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if n, err := io.Copy(out, io.LimitReader(r, size)); err != nil || n != size {
		return errors.Join(err, fmt.Errorf("%s: %d of %d bytes", filepath.Base(file), n, size))
	}
	return out.Sync()
}
