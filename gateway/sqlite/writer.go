package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the calls that share a COMMIT, so that the first of them does not
// wait long for the others.
const (
	maxBatch  = 256
	maxGather = 50 * time.Millisecond
)

// A call is one write method waiting for its COMMIT.
type call struct {
	name  string
	run   func(t *tx) error
	taken atomic.Bool // by the writer, or by its own caller who gave up
	done  chan struct{}
	err   error // set before done is closed
}

// writer owns the only connection that writes. Calls that arrive while a
// COMMIT runs share the next one, each in a savepoint of its own: a failing
// call takes back its own rows and nobody else's.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts stmtCache
	fault func(point string)

	wake    chan struct{} // holds one token when pending is not empty
	stopped chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex // guards pending, closed
	pending []*call
	closed  bool
}

func startWriter(db *sql.DB, conn *sql.Conn, fault func(string)) *writer {
	w := &writer{db: db, conn: conn, fault: fault,
		wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	w.stmts = stmtCache{kept: make(map[string]*sql.Stmt), prep: conn.PrepareContext}
	go w.loop()
	return w
}

// write runs fn in the next transaction and returns after its COMMIT.
func (s *Store) write(ctx context.Context, name string, fn func(t *tx) error) error {
	return failed(name, s.writes.do(ctx, name, fn))
}

func (w *writer) do(ctx context.Context, name string, fn func(t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{name: name, run: fn, done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	w.pending = append(w.pending, c)
	w.mu.Unlock()
	w.signal()
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-c.done
	}
	return c.err
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take removes the next waiting call whose caller still waits, nil when there
// is none.
func (w *writer) take() (c *call, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending) > 0 {
		c := w.pending[0]
		w.pending[0] = nil
		w.pending = w.pending[1:]
		if c.taken.CompareAndSwap(false, true) {
			return c, w.closed
		}
	}
	return nil, w.closed
}

func (w *writer) loop() {
	defer close(w.stopped)
	for {
		c, closed := w.take()
		switch {
		case c != nil:
			w.commit(c)
		case closed:
			return
		default:
			<-w.wake
		}
	}
}

// commit runs the call, and those that wait or arrive meanwhile, in one
// transaction.
func (w *writer) commit(first *call) {
	t := &tx{w: w}
	began := time.Now()
	batch := []*call{first}
	err := t.exec("BEGIN IMMEDIATE")
	for ran := 0; err == nil && ran < len(batch); {
		err = t.inSavepoint(batch[ran])
		ran++
		if ran < maxBatch && time.Since(began) < maxGather {
			if c, _ := w.take(); c != nil {
				batch = append(batch, c)
			}
		}
	}
	if err == nil {
		w.at("before", batch)
		err = t.exec("COMMIT")
	}
	if err == nil {
		w.at("after", batch)
	} else {
		t.exec("ROLLBACK") // fails when SQLite has rolled back already
	}
	for _, c := range batch {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
}

// at calls the fault hook once for each name in the batch.
func (w *writer) at(when string, batch []*call) {
	seen := make(map[string]bool, 4)
	for _, c := range batch {
		if c.err == nil && !seen[c.name] {
			seen[c.name] = true
			w.fault("sqlite:" + when + "-commit:" + c.name)
		}
	}
}

func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.stopped
	w.stmts.close()
	return errors.Join(w.conn.Close(), w.db.Close())
}

// tx is the writer's transaction. Statements run to their end whatever the
// callers' contexts do.
type tx struct{ w *writer }

// inSavepoint runs the call; its own failure is kept in c.err, the returned
// error is the transaction's.
func (t *tx) inSavepoint(c *call) error {
	if err := t.exec("SAVEPOINT c"); err != nil {
		return err
	}
	if c.err = c.run(t); c.err == nil {
		return t.exec("RELEASE c")
	}
	if err := t.exec("ROLLBACK TO c"); err != nil {
		return errors.Join(c.err, err) // SQLite gave up the whole transaction
	}
	return t.exec("RELEASE c")
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.affect(query, args...)
	return err
}

// affect is exec that returns the number of rows changed.
func (t *tx) affect(query string, args ...any) (int64, error) {
	res, err := t.result(query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert is exec that returns the new row's integer key.
func (t *tx) insert(query string, args ...any) (int64, error) {
	res, err := t.result(query, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

func (t *tx) result(query string, args ...any) (sql.Result, error) {
	st, err := t.w.stmts.get(query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(context.Background(), args...)
}

func (t *tx) get(query string, args []any, dest ...any) error {
	st, err := t.w.stmts.get(query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(context.Background(), args...).Scan(dest...)
}

func (t *tx) each(query string, args []any, scan func(rowScanner) error) error {
	st, err := t.w.stmts.get(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}
