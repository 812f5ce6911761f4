package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
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

func dsn(path, mode string) string {
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

// readers is the pool of read-only connections.
type readers struct {
	db    *sql.DB
	stmts stmtCache
}

func newReaders(path string) *readers {
	db := sql.OpenDB(&connector{dsn: dsn(path, "ro"), pragmas: readerPragmas})
	n := max(4, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return &readers{db: db, stmts: stmtCache{kept: make(map[string]*sql.Stmt), prep: db.PrepareContext}}
}

func (r *readers) close() error {
	r.stmts.close()
	return r.db.Close()
}

// snapshot is one consistent view of the database.
type snapshot struct {
	ctx context.Context // lives as long as the call it serves
	r   *readers
	tx  *sql.Tx // nil for a single statement
}

func (v snapshot) stmt(query string) (*sql.Stmt, error) {
	st, err := v.r.stmts.get(query)
	if err == nil && v.tx != nil {
		st = v.tx.StmtContext(v.ctx, st)
	}
	return st, err
}

func (v snapshot) get(query string, args []any, dest ...any) error {
	st, err := v.stmt(query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(v.ctx, args...).Scan(dest...)
}

func (v snapshot) each(query string, args []any, scan func(rowScanner) error) error {
	st, err := v.stmt(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(v.ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// read runs fn, which makes a single query.
func (s *Store) read(ctx context.Context, name string, fn func(q querier) error) error {
	return failed(name, fn(snapshot{ctx: ctx, r: s.reads}))
}

// readMany runs fn in one snapshot.
func (s *Store) readMany(ctx context.Context, name string, fn func(q querier) error) error {
	tx, err := s.reads.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return failed(name, err)
	}
	defer tx.Rollback() // nothing was written
	return failed(name, fn(snapshot{ctx: ctx, r: s.reads, tx: tx}))
}
