package sqlite

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// LoadKey reads the 32-byte master key at path. When the file is missing and no
// database (*.db) lies in its folder, it creates the key for the owner alone;
// beside a database a missing key is ErrKeyMissing, because a new one would not
// open what is sealed there.
func LoadKey(path string) ([32]byte, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = createKey(path)
	}
	if err != nil {
		return [32]byte{}, fmt.Errorf("sqlite: load key: %w", err)
	}
	return key, nil
}

func readKey(path string) (key [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return key, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(len(key))+1))
	if err != nil {
		return key, err
	}
	if len(b) != len(key) {
		return key, fmt.Errorf("%s does not hold a key of %d bytes; restore it from your backup", path, len(key))
	}
	return [32]byte(b), nil
}

// createKey holds a lock on the folder, so that two processes that start
// together end with the same key.
func createKey(path string) (key [32]byte, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return key, err
	}
	d, err := os.Open(dir)
	if err != nil {
		return key, err
	}
	defer d.Close() // gives the lock back
	if err := flock(d, syscall.LOCK_EX); err != nil {
		return key, err
	}
	if key, err := readKey(path); !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if name, err := databaseIn(dir); err != nil || name != "" {
		return key, errors.Join(err, fmt.Errorf("%s, database %s: %w", path, name, ErrKeyMissing))
	}
	rand.Read(key[:]) // never fails since Go 1.24
	return key, writeKey(path, key)
}

// databaseIn returns the name of a database with content in dir, "" for none.
func databaseIn(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".db" {
			continue
		}
		if info, err := e.Info(); err != nil || info.Size() > 0 {
			return e.Name(), nil
		}
	}
	return "", nil
}

func writeKey(path string, key [32]byte) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(key[:])
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
