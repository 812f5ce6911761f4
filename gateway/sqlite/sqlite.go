// Package sqlite is gateway.Store on one SQLite file. Concurrent writes share
// a COMMIT, reads run beside the writer, secrets are sealed with a key that
// lives outside the file, pictures are kept once under their digest. It decides
// nothing about signs and rooms and never logs what a row holds. A Store is
// safe for concurrent use; one process at a time may open a data folder.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"doorleaf/gateway"
)

// Store is a gateway.Store. Each write method returns after the COMMIT that
// contains it reached the disk. A context that ends cancels a write only while
// it waits in the queue, so that an error always means that nothing was kept.
type Store struct {
	seal   sealer
	lock   *os.File
	reads  *readers
	writes *writer
	flates sync.Pool // of *flate.Writer

	closed  atomic.Bool
	lastNow atomic.Int64 // newest now that Session was asked with, unix ms
}

// Options says which file to open and how.
type Options struct {
	Path   string             // the database file; its folder is created when missing
	Key    [32]byte           // master key that seals secrets, see LoadKey
	Logger *slog.Logger       // nil discards
	Fault  func(point string) // nil; test hook around each COMMIT: "sqlite:before-commit:NAME", "sqlite:after-commit:NAME"
}

// Errors of opening and closing; all can be tested for with errors.Is.
var (
	ErrInUse      = errors.New("the data folder is in use by another process")
	ErrWrongKey   = errors.New("the master key is not the one this database was sealed with; restore the key file that belongs to it")
	ErrKeyMissing = errors.New("the master key file is missing beside an existing database; restore it from your backup, or move the database away to start anew")
	ErrForeign    = errors.New("the file is not a Doorleaf database")
	ErrClosed     = errors.New("the store is closed")
)

// Open opens or creates the database and brings its schema up to date. Before
// a migration the file is copied to Path.bak-N, N being its version. It fails
// with gateway.ErrNewSchema, ErrInUse, ErrWrongKey or ErrForeign.
func Open(ctx context.Context, o Options) (*Store, error) {
	return open(ctx, o, embedded)
}

func open(ctx context.Context, o Options, source migrations) (*Store, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Fault == nil {
		o.Fault = func(string) {}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	seal, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	s := &Store{seal: seal, lock: lock}
	if err := s.start(ctx, path, source, o); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// start opens the connections on a folder that is locked.
func (s *Store) start(ctx context.Context, path string, source migrations, o Options) error {
	if err := touch(path); err != nil {
		return fmt.Errorf("sqlite: open: %w", err)
	}
	db := sql.OpenDB(&connector{dsn: dsn(path, "rwc"), pragmas: writerPragmas})
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return errors.Join(failed("open", err), db.Close())
	}
	if err = migrate(ctx, conn, path, source, o); err == nil {
		err = s.seal.check(ctx, conn)
	}
	if err != nil {
		return errors.Join(err, conn.Close(), db.Close())
	}
	s.writes = startWriter(db, conn, o.Fault)
	s.reads = newReaders(path)
	return nil
}

// Close waits for the writes under way, refuses later ones with ErrClosed,
// folds the write-ahead log into the file and releases the data folder.
// Closing again does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.release()
}

func (s *Store) release() error {
	var errs []error
	if s.reads != nil {
		errs = append(errs, s.reads.close())
	}
	if s.writes != nil {
		errs = append(errs, s.writes.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// touch creates the file for the owner alone; SQLite gives its log the same
// permissions.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

var _ gateway.Store = (*Store)(nil)
