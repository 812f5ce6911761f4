package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestLoadKeyCreatesOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "doorleaf.key")
	keys := make([][32]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = LoadKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, k := range keys {
		if k != keys[0] || k == [32]byte{} {
			t.Errorf("caller %d: got another key than caller 0, or none", i)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode(), os.FileMode(0o600); got != want {
		t.Errorf("mode: got %v, want %v", got, want)
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 1 {
		t.Errorf("got %d files, want the key alone", len(names))
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	tests := []struct {
		name string
		file string
		size int
		want error // nil: any
	}{
		{"database without key", "doorleaf.db", 4096, ErrKeyMissing},
		{"short key", "doorleaf.key", 31, nil},
		{"long key", "doorleaf.key", 33, nil},
		{"empty key", "doorleaf.key", 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), make([]byte, tt.size), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadKey(filepath.Join(dir, "doorleaf.key"))
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
			if names, _ := os.ReadDir(dir); len(names) != 1 {
				t.Errorf("got %d files, want the one that was there", len(names))
			}
		})
	}
}

func TestLoadKeyBesideEmptyDatabase(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "doorleaf.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(filepath.Join(dir, "doorleaf.key")); err != nil {
		t.Errorf("a file without content holds nothing to lose: got %v", err)
	}
}
