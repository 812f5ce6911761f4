package graphsync

import (
	"context"
	"sync/atomic"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// roomSync is where the sync of one room stands in this process.
type roomSync struct {
	turn chan struct{} // holds a value when free; guards what follows

	loaded    bool // window and cursor are what the store has
	window    calendar.Window
	cursor    connection.Cursor
	noDelta   time.Time // no delta query before
	deltaDown bool      // said so in the log
	behind    bool      // the truth is newer than the delta link
	linkAt    time.Time // when the delta link was given, zero before this process
	unrung    time.Time // when a change was found that no notification announced

	bell  chan struct{} // holds a value when the room is to be looked at now
	rung  atomic.Bool   // and its truth is to be read
	read  atomic.Bool   // the truth was read, or confirmed, in this process
	hurry chan struct{} // holds a value when a look in line is to go ahead
	keen  atomic.Int32  // how many wait for the room's turn to read its truth
}

// enter waits for the room's turn; false when ctx ended first.
func (r *roomSync) enter(ctx context.Context) bool {
	select {
	case <-r.turn:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave gives the turn back.
func (r *roomSync) leave() { r.turn <- struct{}{} }

// nudge has the room looked at now.
func (r *roomSync) nudge() {
	select {
	case r.bell <- struct{}{}:
	default:
	}
}

// ringBell has the room's truth read now.
func (r *roomSync) ringBell() {
	r.rung.Store(true)
	r.nudge()
	r.press()
}

// press has a look that is in line go ahead: a ring, or a person, waits for it.
func (r *roomSync) press() {
	select {
	case r.hurry <- struct{}{}:
	default:
	}
}

// pass brings a look through the gate: with force ahead of the looks that the
// clock asked for, and else ahead of them as soon as the truth is asked for. The
// caller has the room's turn.
func (r *roomSync) pass(ctx context.Context, g *gate, force bool) (leave func(), err error) {
	select {
	case <-r.hurry: // of a look that is over; who hurries now shows below
	default:
	}
	if force || r.rung.Load() || r.keen.Load() > 0 {
		return g.enterFirst(ctx)
	}
	return g.enterOr(ctx, r.hurry)
}

// roomSync returns the state of a room.
func (s *Service) roomSync(id calendar.RoomID) *roomSync {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[id]
	if r == nil {
		r = &roomSync{turn: make(chan struct{}, 1), bell: make(chan struct{}, 1), hurry: make(chan struct{}, 1)}
		r.turn <- struct{}{}
		s.rooms[id] = r
	}
	return r
}
