package gateway_test

import (
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/sqlite"
)

// A sleeping sign lives through a week: it calls when it was told to, leaves each
// time with a timeline that reaches past its next call, and never counts as late.
func TestAWeekOfASleepingSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins on a Saturday at midnight
		b := newBenchOn(t, func(s *sqlite.Store) gateway.Store { return s }, false)
		room := b.room("Aalto")
		id := b.pairSleeper(room)
		start := time.Now()
		calls, working := 0, 0
		for time.Since(start) < 7*24*time.Hour {
			next, _ := b.core.NextWake(t.Context(), id)
			wait := time.Until(next)
			if wait < 50*time.Second || wait > 24*time.Hour {
				t.Fatalf("told at %v to call in %v", time.Now(), wait)
			}
			w, err := b.store.Want(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if end := w.Steps[len(w.Steps)-1].Until; end.Before(next.Add(3 * time.Hour)) {
				t.Errorf("a timeline until %v for a sign that calls at %v", end, next)
			}
			time.Sleep(wait)
			b.agenda(calendar.Room{ID: room, Name: "Aalto"}, time.Now())
			if v := b.door(id); v.Trust == gateway.Late {
				t.Errorf("late at %v, promised %v", time.Now(), v.NextContact)
			}
			calls++
			if d := time.Now().Weekday(); d != time.Saturday && d != time.Sunday {
				working++
			}
			w, err = b.store.Want(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if d := b.tell(id, devices.HelloReport, w.Epoch, w.Seq, shownAt(w, time.Now())); d != nil {
				b.follow(d)
			}
		}
		if calls < 150 || calls > 230 || calls-working > 4 {
			t.Errorf("%d calls in a week, %d on working days; a call every 15 minutes in ten hours of five days is wanted", calls, working)
		}
	})
}

// shownAt is what a sign that follows w shows.
func shownAt(w gateway.Want, at time.Time) devices.Digest {
	for _, s := range w.Steps {
		if !at.Before(s.From) && at.Before(s.Until) {
			return s.Digest
		}
	}
	return w.Stale
}
