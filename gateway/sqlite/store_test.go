package sqlite

import (
	"path/filepath"
	"testing"

	"doorleaf/gateway"
	"doorleaf/gateway/storetest"
)

func TestStore(t *testing.T) {
	options := make(map[gateway.Store]Options)
	open := func(t *testing.T, o Options) gateway.Store {
		t.Helper()
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		options[s] = o
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	storetest.Test(t,
		func(t *testing.T) gateway.Store {
			return open(t, Options{Path: filepath.Join(t.TempDir(), "doorleaf.db"), Key: [32]byte{7}})
		},
		func(t *testing.T, s gateway.Store) gateway.Store {
			if err := s.(*Store).Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, options[s])
		})
}
