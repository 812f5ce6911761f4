package simsign

import (
	"context"
	"time"

	"doorleaf/devices"
)

const (
	answerWait   = 5 * time.Second  // for an ack, then the report is repeated
	manifestWait = 10 * time.Second // for a promised manifest
	repeats      = 3
	defaultWake  = 15 * time.Minute // when the gateway promised nothing
	forgetAfter  = 3                // refusals that count until the sign pairs anew
	refusalPause = 10 * time.Minute // between refusals that count [DL-PAIR-9]
)

// Run switches the sign on. It returns ctx.Err() when ctx ends, ErrPowerCut
// when a fault cut the power; a Sign runs once.
func (s *Sign) Run(ctx context.Context) (err error) {
	defer close(s.running)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(powerCut); !ok {
				panic(p)
			}
			err = ErrPowerCut
		}
		s.hangUp()
		if s.dialing { // its goroutine must not outlive Run
			cancel()
			if d := <-s.dialed; d.conn != nil {
				d.conn.close()
			}
		}
	}()
	s.rouse(devices.WakeBoot)
	s.emit(Event{Event: "boot", BatteryMillivolts: int(s.millivolts())})
	s.startFirmware()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		s.step(ctx)
		wait := time.Hour
		if at := s.next(); !at.IsZero() {
			wait = max(time.Until(at), 0)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case f := <-s.commands:
			f()
		case m := <-s.inbox:
			s.handle(m)
		case d := <-s.dialed:
			s.dialDone(d)
		case c := <-s.lost:
			s.hear()
			if c == s.conn {
				s.broken(errLost)
			}
		}
	}
	return ctx.Err()
}

// hear takes what came before a connection was lost: that it was removed, say, which
// a sign that is busy meanwhile must not miss.
func (s *Sign) hear() {
	for {
		select {
		case m := <-s.inbox:
			s.handle(m)
		default:
			return
		}
	}
}

// step does everything that can be done now.
func (s *Sign) step(ctx context.Context) {
	now := time.Now()
	if s.trialOver(now); s.dead() {
		return
	}
	if s.st.Sign == "" {
		s.pairStep(now)
	} else {
		s.adopt()
		s.flip()
		if s.conn == nil && !s.awake && !s.wakeAt().After(now) {
			s.rouse(devices.WakeTimer)
		}
		if s.conn != nil {
			s.converse(now)
		}
	}
	if s.conn == nil && !s.dialing && s.wantsRadio() && !s.nextTry.After(now) {
		s.dial(ctx)
	}
}

func (s *Sign) wantsRadio() bool { return s.st.Sign == "" || s.opts.AlwaysOn || s.awake }

// wakeAt is when a sleeping sign contacts its gateway by itself, and a
// connected one says hello again.
func (s *Sign) wakeAt() time.Time { return s.machine(s.st.NextWake) }

// next is when something is due without anything happening before; zero: never.
func (s *Sign) next() time.Time {
	var first time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	at(s.trialEnd)
	if s.dead() {
		return first
	}
	if s.st.Sign == "" {
		if s.conn != nil && s.pair != nil {
			at(s.pair.repeat)
			at(s.pair.until)
		}
	} else {
		at(s.nextFlip())
		if s.conn != nil {
			at(s.talk.next())
		}
		idle := s.conn == nil && !s.awake
		if idle || (s.opts.AlwaysOn && s.talk.greeted && s.talk.pending == nil) {
			at(s.wakeAt())
		}
	}
	if s.conn == nil && !s.dialing && s.wantsRadio() {
		if s.nextTry.IsZero() {
			return time.Now()
		}
		at(s.nextTry)
	}
	return first
}

// retryLater puts off the next connection: longer each time, and much longer
// for a sign that lives on a battery [DL-TIME-3].
func (s *Sign) retryLater() {
	s.fails++
	wait, limit := time.Second<<min(s.fails-1, 12), 30*time.Second
	if s.st.Sign != "" && !s.opts.AlwaysOn {
		wait, limit = time.Minute<<min(s.fails-1, 6), time.Hour
	}
	if s.opts.MaxRetry > 0 {
		limit = s.opts.MaxRetry
	}
	wait = min(wait, limit)
	s.nextTry = time.Now().Add(wait/2 + s.opts.Spread(wait/2+1))
}

// sleep switches the radio off until the promised contact.
func (s *Sign) sleep() {
	s.hangUp()
	s.awake = false
	if !s.wakeAt().After(time.Now()) {
		s.promise(0, 0)
		s.keep(s.save())
	}
	s.emit(Event{Event: "sleep", Wake: unixTime(s.st.NextWake), BatteryMillivolts: int(s.millivolts())})
}

// promise notes when the gateway expects the sign, with its jitter.
func (s *Sign) promise(wake uint32, jitter uint16) {
	d := time.Duration(wake) * time.Second
	if d <= 0 {
		d = defaultWake
	}
	if jitter > 0 {
		d += s.opts.Spread(time.Duration(jitter) * time.Second)
	}
	s.st.NextWake = s.now().Add(d).Unix()
}

// sync sets the clock by the server's time.
func (s *Sign) sync(serverMillis int64) {
	s.st.OffsetMs = serverMillis - s.own().UnixMilli()
}
