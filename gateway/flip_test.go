package gateway_test

import (
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/gateway/calendar"
)

// TestFlipsCostNothing lets eight meetings begin and end: the signs hold all of
// it, so nothing is pushed, whatever the calendar's confirmations.
func TestFlipsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 1)
		defer func() { o.stop() }()
		time.Sleep(8 * time.Hour)
		var events []calendar.Event
		for i := range 8 {
			from := time.Duration(i) * time.Hour
			m := meeting("Plan", from+10*time.Minute, from+50*time.Minute)
			m.ID += string(rune('a' + i))
			events = append(events, m)
		}
		room := o.room("Aalto", events...)
		id := o.ids[0]
		if err := o.core.Bind(t.Context(), id, room); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		d, ok := o.wire.last(id)
		if !ok {
			t.Fatal("nothing was pushed")
		}
		o.follow(&d)
		synctest.Wait()
		o.wire.mu.Lock()
		before := len(o.wire.pushed)
		o.wire.mu.Unlock()
		faces := map[string]bool{}
		for range 8 * 6 {
			time.Sleep(10 * time.Minute)
			o.core.AgendaConfirmed(room, time.Now())
			synctest.Wait()
			if step := o.door(id).ExpectedStep; step != nil {
				faces[step.State] = true
			}
		}
		o.wire.mu.Lock()
		defer o.wire.mu.Unlock()
		if n := len(o.wire.pushed) - before; n != 0 {
			t.Errorf("%d timelines were pushed while meetings began and ended", n)
		}
		if len(faces) < 2 {
			t.Errorf("the door showed %v in eight hours, want meetings and pauses", faces)
		}
	})
}
