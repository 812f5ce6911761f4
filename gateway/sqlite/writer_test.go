package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// put is a call that writes one row under name.
func put(name string) func(t *tx) error {
	return func(t *tx) error {
		return t.exec(`INSERT INTO secrets (name, sealed_value) VALUES (?, x'')`, name)
	}
}

// hold occupies the writer until release is called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	running, gate, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- s.write(context.Background(), "hold", func(*tx) error {
			close(running)
			<-gate
			return errors.New("held long enough") // keeps nothing
		})
	}()
	<-running
	return func() { close(gate); <-done }
}

// waitQueued waits until n calls are in the queue.
func waitQueued(s *Store, n int) {
	for queued := -1; queued < n; {
		s.writes.mu.Lock()
		queued = len(s.writes.pending)
		s.writes.mu.Unlock()
	}
}

func TestConcurrentCallsShareCommits(t *testing.T) {
	var commits atomic.Int32
	o := temp(t)
	o.Fault = func(point string) {
		if point == "sqlite:after-commit:put" {
			commits.Add(1)
		}
	}
	s := opened(t, o)
	release := hold(t, s)
	const calls = 1000
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			errs[i] = s.write(t.Context(), "put", func(t *tx) error {
				if err := put(fmt.Sprint("first of ", i))(t); err != nil {
					return err
				}
				if i%10 == 0 {
					return put(fmt.Sprint("first of ", i))(t) // again: fails
				}
				return put(fmt.Sprint("second of ", i))(t)
			})
		})
	}
	waitQueued(s, calls)
	release()
	wg.Wait()
	for i, err := range errs {
		want := 2
		if i%10 == 0 {
			want = 0
			if !errors.Is(err, gateway.ErrConflict) {
				t.Errorf("call %d: got error %v, want %v", i, err, gateway.ErrConflict)
			}
		} else if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
		if got := count(t, s, "SELECT count(*) FROM secrets WHERE name IN (?, ?)", fmt.Sprint("first of ", i), fmt.Sprint("second of ", i)); got != want {
			t.Errorf("call %d: got %d rows, want %d", i, got, want)
		}
	}
	if got := commits.Load(); got > 50 {
		t.Errorf("%d calls took %d commits, want few", calls, got)
	}
	t.Logf("%d calls in %d commits", calls, commits.Load())
}

func TestLostTransactionFailsEveryCall(t *testing.T) {
	s := opened(t, temp(t))
	release := hold(t, s)
	var wg sync.WaitGroup
	errs := make([]error, 3)
	run := func(i int, fn func(t *tx) error) {
		wg.Go(func() { errs[i] = s.write(t.Context(), "call", fn) })
		waitQueued(s, i+1)
	}
	run(0, put("before"))
	run(1, func(t *tx) error { // what SQLite does on its own when the disk is full
		return errors.Join(t.exec("ROLLBACK"), errors.New("disk full"))
	})
	run(2, put("after"))
	release()
	wg.Wait()
	for i, err := range errs[:2] {
		if err == nil {
			t.Errorf("call %d: got no error", i)
		}
	}
	rows := count(t, s, "SELECT count(*) FROM secrets")
	if errs[2] == nil && rows != 1 || errs[2] != nil && rows != 0 {
		t.Errorf("got %d rows and errors %v, want acknowledged rows only", rows, errs)
	}
	if err := s.write(t.Context(), "call", put("later")); err != nil {
		t.Errorf("next call: %v", err)
	}
}

func TestCallLeavesTheQueueWithItsContext(t *testing.T) {
	s := opened(t, temp(t))
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.write(ctx, "put", put("a")) }()
	waitQueued(s, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	release()
	if err := s.write(t.Context(), "put", put("b")); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "SELECT count(*) FROM secrets"); got != 1 {
		t.Errorf("got %d rows, want the second call's alone", got)
	}
}

func TestCloseFinishesQueuedCalls(t *testing.T) {
	o := temp(t)
	s := opened(t, o)
	release := hold(t, s)
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if err := s.write(context.Background(), "put", put(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	waitQueued(s, 5)
	go release()
	closed(t, s)
	wg.Wait()
	if got := count(t, opened(t, o), "SELECT count(*) FROM secrets"); got != 5 {
		t.Errorf("got %d rows, want 5", got)
	}
}

func TestErrorsByCode(t *testing.T) {
	s := opened(t, temp(t))
	if err := s.write(t.Context(), "put", put("taken")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, query string
		want        error
	}{
		{"primary key", "INSERT INTO secrets VALUES ('taken', x'')", gateway.ErrConflict},
		{"unique", "INSERT INTO pictures VALUES (1, x'', 1, 1, x''), (2, x'', 1, 1, x'')", gateway.ErrConflict},
		{"row id", "INSERT INTO pictures VALUES (1, x'01', 1, 1, x''), (1, x'02', 1, 1, x'')", gateway.ErrConflict},
		{"foreign key", "INSERT INTO token_caches VALUES (99, '', x'')", gateway.ErrNotFound},
		{"not null", "INSERT INTO secrets VALUES ('a', NULL)", gateway.ErrInvalid},
		{"datatype", "INSERT INTO secrets VALUES ('a', 'text')", gateway.ErrInvalid},
		{"check", "INSERT INTO site VALUES (2, '')", gateway.ErrInvalid},
	} {
		err := s.write(t.Context(), "call", func(t *tx) error { return t.exec(tt.query) })
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got error %v, want %v", tt.name, err, tt.want)
		}
	}
	err := s.write(t.Context(), "call", func(t *tx) error { return t.exec("SELECT 1 FROM nothing") })
	for _, kind := range []error{gateway.ErrConflict, gateway.ErrNotFound, gateway.ErrInvalid} {
		if err == nil || errors.Is(err, kind) {
			t.Errorf("no such table: got error %v, want none of the kinds", err)
		}
	}
}

func TestReadsDoNotWaitForTheWriter(t *testing.T) {
	s := opened(t, temp(t))
	if _, err := s.SaveSettings(t.Context(), 0, connection.Settings{}); err != nil {
		t.Fatal(err)
	}
	release := hold(t, s)
	defer release()
	if _, err := s.Connection(t.Context(), 1); err != nil { // would wait for ever
		t.Error(err)
	}
}
