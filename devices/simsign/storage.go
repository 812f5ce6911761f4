package simsign

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Storage is the flash of a sign: small named values, each replaced whole or
// not at all. What Put returned nil for survives a power cut.
type Storage interface {
	// Get returns a copy; the error is fs.ErrNotExist for a name never put.
	Get(name string) ([]byte, error)
	Put(name string, data []byte) error
	// Delete of a name that does not exist is no error.
	Delete(name string) error
	// Names lists the names that begin with prefix.
	Names(prefix string) ([]string, error)
}

// Directory keeps the values as files in one folder, which is made when needed.
func Directory(path string) (Storage, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("simsign: %w", err)
	}
	return directory(path), nil
}

type directory string

func (d directory) Get(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(d), name))
}

// Put writes a temporary file, syncs it, renames it and syncs the folder.
func (d directory) Put(name string, data []byte) error {
	f, err := os.CreateTemp(string(d), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(string(d), name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return d.sync()
}

func (d directory) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d directory) Delete(name string) error {
	err := os.Remove(filepath.Join(string(d), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d directory) Names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Memory keeps the values in memory; a Storage that outlives its Sign lets
// tests cut the power.
func Memory() Storage { return &memory{m: map[string][]byte{}} }

type memory struct {
	mu       sync.Mutex
	m        map[string][]byte // guarded by mu
	volatile bool              // the glass is not kept twice
}

func (s *memory) Get(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(b), nil
}

func (s *memory) Put(name string, data []byte) error {
	if s.volatile && name == glassName {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[name] = slices.Clone(data)
	return nil
}

func (s *memory) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, name)
	return nil
}

func (s *memory) Names(prefix string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for n := range s.m {
		if strings.HasPrefix(n, prefix) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names, nil
}
