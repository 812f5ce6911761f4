package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"doorleaf/devices"
)

// Source knows what every paired sign logs in with.
type Source interface {
	Logins(ctx context.Context) ([]devices.Login, error)
}

// Options configure a Keeper; Broker, Source and Logger are required.
type Options struct {
	Broker Broker
	Source Source
	Logger *slog.Logger
	// Prove logs in as the sign and fails while the broker does not let it in;
	// nil: the broker is believed.
	Prove func(context.Context, devices.Login) error
}

// Keeper makes a broker agree with the paired signs: at the start, when woken,
// and every few minutes, so that a broker that lost its users gets them again.
type Keeper struct {
	opts Options
	turn chan struct{} // held while something is done at the broker
	wake chan struct{}

	mu     sync.Mutex
	status Status // guarded by mu
}

// Status says how keeping the broker's users goes.
type Status struct {
	Done    bool      // the last reconciliation went well
	Since   time.Time // for how long that has been so; zero before the first
	Err     error     // why not
	Unknown int       // signs that must be paired again to be known at this broker
}

// Times of a Keeper.
const (
	reconcileEvery = 10 * time.Minute
	reconcileLimit = 10 * time.Minute
	removeLimit    = 10 * time.Second // a person waits for it
	firstWait      = time.Second
	lastWait       = time.Minute
	proveLimit     = 25 * time.Second
	proveEvery     = 300 * time.Millisecond
)

// NewKeeper returns a Keeper; Run makes it work.
func NewKeeper(o Options) *Keeper {
	return &Keeper{opts: o, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
}

// Status returns how it goes.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// Wake makes Run reconcile soon: the broker is back, or a password changed.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run reconciles until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	wait := firstWait
	for {
		next := reconcileEvery
		if err := k.Reconcile(ctx); err != nil {
			next = wait
			wait = min(2*wait, lastWait)
		} else {
			wait = firstWait
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-k.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// take waits for the turn; release gives it back.
func (k *Keeper) take(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keeper) release() { <-k.turn }

// Reconcile makes the broker agree now. It logs and keeps the outcome.
func (k *Keeper) Reconcile(ctx context.Context) error {
	if err := k.take(ctx); err != nil {
		return err
	}
	defer k.release()
	ctx, cancel := context.WithTimeout(ctx, reconcileLimit)
	defer cancel()
	logins, err := k.opts.Source.Logins(ctx)
	var ch Changes
	if err == nil {
		ch, err = k.opts.Broker.Reconcile(ctx, logins)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if !ch.none() {
		k.opts.Logger.Info("broker: users of signs", "added", ch.Added, "updated", ch.Updated, "removed", ch.Removed)
	}
	k.note(err, ch.Unknown)
	return err
}

// note keeps an outcome and logs when it differs from the one before.
func (k *Keeper) note(err error, unknown int) {
	k.mu.Lock()
	before := k.status
	s := Status{Done: err == nil, Since: before.Since, Err: err, Unknown: unknown}
	if before.Done != s.Done || before.Since.IsZero() {
		s.Since = time.Now()
	}
	if err != nil {
		s.Unknown = before.Unknown
	}
	k.status = s
	k.mu.Unlock()
	switch {
	case err != nil && (before.Err == nil || before.Err.Error() != err.Error()):
		k.opts.Logger.Warn("broker: users of signs cannot be kept", "err", err)
	case err == nil && unknown > before.Unknown:
		k.opts.Logger.Warn("broker: signs whose password is not known have to be paired again", "signs", unknown)
	}
}

// Admit makes the broker let a sign in and proves that it does, before the sign
// is told who it is: one that is refused three times forgets that again.
func (k *Keeper) Admit(ctx context.Context, l devices.Login) error {
	if err := k.Put(ctx, l); err != nil {
		return fmt.Errorf("let sign %s in at the broker: %w", l.Sign, err)
	}
	if k.opts.Prove == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, proveLimit)
	defer cancel()
	for {
		err := k.opts.Prove(ctx, l)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(proveEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("sign %s at the broker: %w", l.Sign, err)
		case <-timer.C:
		}
	}
}

// Put lets a sign in, or changes its password, and believes the broker.
func (k *Keeper) Put(ctx context.Context, l devices.Login) error {
	if err := k.take(ctx); err != nil {
		return err
	}
	defer k.release()
	return k.opts.Broker.Put(ctx, l)
}

// Expel takes a sign's rights away. What cannot be done now is done by the next
// reconciliation, which follows soon.
func (k *Keeper) Expel(ctx context.Context, id devices.SignID) error {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	err := k.take(ctx)
	if err == nil {
		err = k.opts.Broker.Remove(ctx, id)
		k.release()
	}
	if err != nil {
		k.Wake()
		return fmt.Errorf("shut sign %s out at the broker: %w", id, err)
	}
	return nil
}
