package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"path/filepath"
	"runtime"
	"sync"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// The pragmas run in this order on every new connection, busy_timeout first.
var (
	writerPragmas = []string{
		"PRAGMA busy_timeout = 10000",
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = FULL",
		"PRAGMA foreign_keys = ON",
		"PRAGMA trusted_schema = OFF",
		"PRAGMA secure_delete = FAST",
		"PRAGMA temp_store = MEMORY",
		"PRAGMA cache_size = -16384",
		"PRAGMA wal_autocheckpoint = 4000",
		"PRAGMA journal_size_limit = 67108864",
	}
	readerPragmas = []string{
		"PRAGMA busy_timeout = 10000",
		"PRAGMA query_only = ON",
		"PRAGMA trusted_schema = OFF",
		"PRAGMA temp_store = MEMORY",
		"PRAGMA cache_size = -4096",
	}
)

// connector opens connections with their pragmas set, without registering a
// driver name.
type connector struct {
	dsn     string
	pragmas []string
}

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(c.dsn)
}

func (c *connector) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		for _, p := range c.pragmas {
			if _, err := conn.Exec(p, nil); err != nil {
				return err
			}
		}
		return nil
	}}
}

// dsn is the address by which SQLite opens the file at path. It is absolute: what
// follows file:// in a relative one would be taken for a host.
func dsn(path, mode string) string {
	if abs, err := filepath.Abs(path); err == nil { // without a working folder opening fails
		path = abs
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "mode=" + mode}
	return u.String()
}

// rowScanner is the row a query stands on.
type rowScanner interface{ Scan(dest ...any) error }

// querier runs statements that are prepared once and kept. Both the writer's
// transaction and a reader's snapshot are queriers.
type querier interface {
	// get scans the first row; sql.ErrNoRows when there is none.
	get(query string, args []any, dest ...any) error
	// each calls scan for every row.
	each(query string, args []any, scan func(row rowScanner) error) error
}

// stmtCache prepares each text once and keeps it.
type stmtCache struct {
	mu   sync.RWMutex // guards kept
	kept map[string]*sql.Stmt
	prep func(ctx context.Context, query string) (*sql.Stmt, error)
}

func (s *stmtCache) get(query string) (*sql.Stmt, error) {
	s.mu.RLock()
	st := s.kept[query]
	s.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.kept[query]; st != nil {
		return st, nil
	}
	st, err := s.prep(context.Background(), query)
	if err == nil {
		s.kept[query] = st
	}
	return st, err
}

func (s *stmtCache) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.kept {
		st.Close() // a statement's close reports the error of its last run again
	}
	clear(s.kept)
}

func each(rows *sql.Rows, scan func(rowScanner) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// readers is the pool of read-only connections. A snapshot keeps its connection
// while a statement may still have to be prepared on another one, so there is
// always one connection more than snapshots.
type readers struct {
	db        *sql.DB
	stmts     stmtCache
	snapshots chan struct{} // holds one token per open snapshot
}

func newReaders(path string) *readers {
	db := sql.OpenDB(&connector{dsn: dsn(path, "ro"), pragmas: readerPragmas})
	n := 1 + max(4, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return &readers{db: db, snapshots: make(chan struct{}, n-1),
		stmts: stmtCache{kept: make(map[string]*sql.Stmt), prep: db.PrepareContext}}
}

func (r *readers) close() error {
	r.stmts.close()
	return r.db.Close()
}

// A view runs queries for one call; it is a querier.
type view func(query string, args []any) (*sql.Rows, error)

func (v view) get(query string, args []any, dest ...any) error {
	rows, err := v(query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

func (v view) each(query string, args []any, scan func(rowScanner) error) error {
	rows, err := v(query, args)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// view returns a view whose queries see each its own newest commit.
func (r *readers) view(ctx context.Context) view {
	return func(query string, args []any) (*sql.Rows, error) {
		st, err := r.stmts.get(query)
		if err != nil {
			return nil, err
		}
		return st.QueryContext(ctx, args...)
	}
}

// snapshot returns a view whose queries all see the same commit.
func (r *readers) snapshot(ctx context.Context, tx *sql.Tx) view {
	return func(query string, args []any) (*sql.Rows, error) {
		st, err := r.stmts.get(query)
		if err != nil {
			return nil, err
		}
		return tx.StmtContext(ctx, st).QueryContext(ctx, args...)
	}
}

// read runs fn, which makes a single query.
func (s *Store) read(ctx context.Context, name string, fn func(q querier) error) error {
	return failed(name, fn(s.reads.view(ctx)))
}

// readMany runs fn in one snapshot.
func (s *Store) readMany(ctx context.Context, name string, fn func(q querier) error) error {
	select {
	case s.reads.snapshots <- struct{}{}:
		defer func() { <-s.reads.snapshots }()
	case <-ctx.Done():
		return failed(name, ctx.Err())
	}
	tx, err := s.reads.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return failed(name, err)
	}
	defer tx.Rollback() // nothing was written
	return failed(name, fn(s.reads.snapshot(ctx, tx)))
}
