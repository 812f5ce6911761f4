package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
)

// maxBatch bounds how many calls share a COMMIT, so that one call never waits
// for more than that many others to run.
const maxBatch = 256

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
	stmts statements
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
	w.stmts = statements{kept: make(map[string]*sql.Stmt), prep: conn.PrepareContext}
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

// take removes up to n waiting calls whose callers still wait.
func (w *writer) take(n int) (calls []*call, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := 0
	for k < len(w.pending) && len(calls) < n {
		if c := w.pending[k]; c.taken.CompareAndSwap(false, true) {
			calls = append(calls, c)
		}
		k++
	}
	rest := copy(w.pending, w.pending[k:])
	clear(w.pending[rest:])
	w.pending = w.pending[:rest]
	return calls, w.closed
}

func (w *writer) loop() {
	defer close(w.stopped)
	for {
		calls, closed := w.take(maxBatch)
		if len(calls) > 0 {
			w.commit(calls)
			continue
		}
		if closed {
			return
		}
		<-w.wake
	}
}

// commit runs the calls, and those that arrive meanwhile, in one transaction.
func (w *writer) commit(calls []*call) {
	t := &tx{w: w}
	err := t.exec("BEGIN IMMEDIATE")
	var ran []*call
	for err == nil && len(calls) > 0 {
		for _, c := range calls {
			if err == nil {
				err = t.inSavepoint(c)
			}
			ran = append(ran, c)
		}
		if err != nil {
			break
		}
		calls, _ = w.take(maxBatch - len(ran))
	}
	if err == nil {
		w.at("before", ran)
		if err = t.exec("COMMIT"); err == nil {
			w.at("after", ran)
		}
	}
	if err != nil {
		t.exec("ROLLBACK") // fails when SQLite has rolled back already
		ran = append(ran, missing(calls, ran)...)
	}
	for _, c := range ran {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
}

// missing returns the calls that are not in ran.
func missing(calls, ran []*call) (rest []*call) {
	seen := make(map[*call]bool, len(ran))
	for _, c := range ran {
		seen[c] = true
	}
	for _, c := range calls {
		if !seen[c] {
			rest = append(rest, c)
		}
	}
	return rest
}

// at calls the fault hook once for each name in the batch.
func (w *writer) at(when string, ran []*call) {
	seen := make(map[string]bool, 4)
	for _, c := range ran {
		if c.err == nil && !seen[c.name] {
			seen[c.name] = true
			w.fault("sqlite:" + when + "-commit:" + c.name)
		}
	}
}

func (w *writer) close() error {
	w.mu.Lock()
	again := w.closed
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.stopped
	if again {
		return nil
	}
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

func (t *tx) each(query string, args []any, scan func(*sql.Rows) error) error {
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
