package sqlite

import (
	"path/filepath"
	"testing"
)

func openTemp(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "doorleaf.db"), Key: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOpensEmpty(t *testing.T) {
	s := openTemp(t)
	if n, err := s.CountAccounts(t.Context()); n != 0 || err != nil {
		t.Fatalf("CountAccounts: got %d, %v, want 0", n, err)
	}
}
