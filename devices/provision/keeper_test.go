package provision

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
)

// fakeBroker records what is asked of it and fails while err is set.
type fakeBroker struct {
	mu   sync.Mutex
	err  error    // guarded by mu
	done []string // guarded by mu
}

func (f *fakeBroker) note(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, what)
	return f.err
}

func (f *fakeBroker) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeBroker) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
}

func (f *fakeBroker) Reconcile(_ context.Context, l []devices.Login) (Changes, error) {
	return Changes{Unknown: len(l)}, f.note("reconcile")
}

func (f *fakeBroker) Put(_ context.Context, l devices.Login) error {
	return f.note("put " + string(l.Sign))
}

func (f *fakeBroker) Remove(_ context.Context, id devices.SignID) error {
	return f.note("remove " + string(id))
}

type fakeSource []devices.Login

func (s fakeSource) Logins(context.Context) ([]devices.Login, error) { return s, nil }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestKeeperRepeatsUntilTheBrokerAgrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{err: ErrUnreachable}
		k := NewKeeper(Options{Broker: b, Source: fakeSource{{Sign: signA}}, Logger: quiet()})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.Run(ctx) }()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := len(b.log()); n != 5 { // at 0, 1, 3, 7 and 15 s
			t.Errorf("got %d tries in 20 s, want 5", n)
		}
		if s := k.Status(); s.Done || !errors.Is(s.Err, ErrUnreachable) || time.Since(s.Since) != 20*time.Second {
			t.Errorf("while the broker is away: %+v", s)
		}
		b.fail(nil)
		k.Wake()
		synctest.Wait()
		if s := k.Status(); !s.Done || s.Err != nil || s.Unknown != 1 || time.Since(s.Since) != 0 {
			t.Errorf("after it came back: %+v", s)
		}
		n := len(b.log())
		time.Sleep(reconcileEvery + time.Second)
		synctest.Wait()
		if len(b.log()) != n+1 {
			t.Errorf("got %d reconciliations in the next %v, want 1", len(b.log())-n, reconcileEvery)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want cancelled", err)
		}
	})
}

func TestKeeperProvesBeforeASignIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		b, tries, good := &fakeBroker{}, 0, 3
		k := NewKeeper(Options{Broker: b, Logger: quiet(), Prove: func(_ context.Context, l devices.Login) error {
			if tries++; tries < good {
				return refused
			}
			return nil
		}})
		begin := time.Now()
		if err := k.Admit(t.Context(), devices.Login{Sign: signA, Password: "p"}); err != nil || time.Since(begin) != 2*proveEvery {
			t.Errorf("got %v after %v, want to be let in at the third try", err, time.Since(begin))
		}
		tries, good = 0, 1<<30
		if err := k.Admit(t.Context(), devices.Login{Sign: signA, Password: "p"}); !errors.Is(err, refused) {
			t.Errorf("got %v, want %v", err, refused)
		}
		b.fail(ErrRefused)
		if err := k.Admit(t.Context(), devices.Login{Sign: signA, Password: "p"}); !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "\"p\"") {
			t.Errorf("got %v, want %v", err, ErrRefused)
		}
		if err := k.Expel(t.Context(), signA); !errors.Is(err, ErrRefused) {
			t.Errorf("got %v, want %v", err, ErrRefused)
		}
		if len(k.wake) != 1 {
			t.Error("nobody tries again")
		}
		want := []string{"put " + signA, "put " + signA, "put " + signA, "remove " + signA}
		if !slices.Equal(b.log(), want) {
			t.Errorf("got %v, want %v", b.log(), want)
		}
	})
}
