package simsign_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
)

// A day of a sleeping sign in virtual time: it polls when promised, flips by
// its own clock with the gateway gone, and says so when its pictures run out.
func TestSleepingDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		d := s.door(func(o *simsign.Options) { o.ClockSkew = 3 * time.Hour; o.MaxRetry = 0 })
		id := d.claim()
		s.show(id, 250, 122, time.Hour, 1, 2, 3)
		time.Sleep(s.core.nextWake + time.Minute)
		s.confirmed(d, id, 1)
		if !s.broker.Connected(id) {
			// It polls and sleeps: nothing can be pushed now.
			s.show(id, 250, 122, time.Hour, 4, 5)
		} else {
			t.Fatal("a sleeping sign is connected a minute after its poll")
		}
		begin := time.Now().Truncate(time.Second)
		time.Sleep(s.core.nextWake + time.Minute)
		s.confirmed(d, id, 4)
		s.down()
		at := func(after time.Duration, n int) {
			t.Helper()
			time.Sleep(time.Until(begin.Add(after)))
			synctest.Wait()
			if got, want := d.Glass().Digest(), picture(250, 122, n).Digest(); got != want {
				t.Errorf("after %v: glass is not picture %d\n%s", after, n, d.log())
			}
		}
		at(time.Hour-time.Millisecond, 4)
		at(time.Hour+time.Millisecond, 5)
		at(2*time.Hour-time.Millisecond, 5)
		at(2*time.Hour+time.Millisecond, 999) // stale
		d.off()
	})
}

// An always-on sign reports what it drew by its own clock.
func TestFlipIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.core.wakes(5 * time.Hour) // no hello meanwhile
		d := s.door(alwaysOn)
		id := d.claim()
		s.show(id, 250, 122, time.Hour, 1, 2)
		s.confirmed(d, id, 1)
		time.Sleep(time.Hour)
		s.confirmed(d, id, 2)
		synctest.Wait()
		s.core.mu.Lock()
		if !slices.ContainsFunc(s.core.reports, func(r devices.Report) bool {
			return r.Kind == devices.ShownReport && r.WakeReason == devices.WakeFlip && r.Shown == picture(250, 122, 2).Digest()
		}) {
			t.Errorf("no report of the flip among %d", len(s.core.reports))
		}
		s.core.mu.Unlock()
		d.off()
	})
}

// A sign that slept through several flips still finds its way along the deltas.
func TestPowerOffOverFlips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		d := s.door(nil)
		id := d.claim()
		s.show(id, 250, 122, time.Hour, 1, 2, 3, 4, 5)
		d.Wake()
		s.confirmed(d, id, 1)
		time.Sleep(time.Minute) // the rest of the day follows
		d.off()
		s.down()
		time.Sleep(3*time.Hour + time.Minute)
		d = s.switchOn(d.opts)
		synctest.Wait()
		if got, want := d.Glass().Digest(), picture(250, 122, 4).Digest(); got != want {
			t.Errorf("glass is not picture 4 after a night without power\n%s", d.log())
		}
		d.off()
	})
}

// Every sign must be met within one wake: nothing waits for a second one.
func TestOneWakeIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		d := s.door(nil)
		id := d.claim()
		for n := range 10 {
			s.show(id, 250, 122, time.Hour, n, n+1, n+2)
			before := d.said("connected")
			time.Sleep(s.core.nextWake + time.Second)
			s.confirmed(d, id, n)
			if got := d.said("connected") - before; got != 1 {
				t.Errorf("connections for picture %d: got %d, want 1", n, got)
			}
		}
		d.off()
	})
}

// A wrong pixel is seen at the next contact and mended in the same.
func TestWrongPixelMends(t *testing.T) {
	for _, on := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			d := s.door(func(o *simsign.Options) { o.AlwaysOn = on })
			id := d.claim()
			s.show(id, 250, 122, time.Hour, 1, 2)
			d.Wake()
			s.confirmed(d, id, 1)
			if err := d.Flip(17, 4); err != nil {
				t.Fatal(err)
			}
			time.Sleep(s.core.nextWake + 30*time.Second)
			s.confirmed(d, id, 1)
			s.core.mu.Lock()
			if s.core.mismatch != 1 {
				t.Errorf("mismatches: got %d, want 1", s.core.mismatch)
			}
			s.core.mu.Unlock()
			d.off()
		})
	}
}

// A delta against a glass that went wrong cannot be drawn: the sign asks for
// everything anew by itself.
func TestWrongPixelBeforeFlip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		d := s.door(nil)
		id := d.claim()
		s.core.wakes(5 * time.Hour)
		s.show(id, 250, 122, time.Hour, 1)
		d.Wake()
		s.confirmed(d, id, 1)
		s.show(id, 250, 122, time.Hour, 1, 2) // 1 is on the glass: 1 and 2 are deltas
		d.Wake()
		time.Sleep(time.Minute)
		_ = d.Flip(17, 4)
		time.Sleep(time.Hour)
		s.confirmed(d, id, 2)
		d.off()
	})
}

func TestButtonsArriveOnce(t *testing.T) {
	for _, on := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			var lossy atomic.Int32
			d := s.door(func(o *simsign.Options) {
				o.AlwaysOn = on
				o.Traffic = func(up bool, name string) int {
					if name == "ack" || name == "ev" { // every third is lost, every other comes twice
						return []int{2, 1, 0}[lossy.Add(1)%3]
					}
					return 1
				}
			})
			id := d.claim()
			for b := 1; b <= 4; b++ {
				d.Press(b)
				time.Sleep(2 * time.Minute)
			}
			s.core.mu.Lock()
			var got []int
			for _, e := range s.core.events {
				if e.Sign == id {
					got = append(got, e.Button)
				}
			}
			s.core.mu.Unlock()
			if len(got) != 4 || got[0] != 1 || got[3] != 4 {
				t.Errorf("buttons: got %v, want 1 to 4 once each\n%s", got, d.log())
			}
			d.off()
		})
	}
}
