package graphsync

import (
	"context"
	"sync"
	"time"

	"doorleaf/gateway/connection"
)

// Run keeps all rooms of all connections in step until ctx ends; then it waits
// for what is under way and returns nil.
func (s *Service) Run(ctx context.Context) error {
	defer s.closeIdle()
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	crew := &crew{ctx: ctx, wg: &wg, rooms: map[place]context.CancelFunc{}, lists: map[connection.ID]context.CancelFunc{}, bells: map[connection.ID]context.CancelFunc{}}
	tick := time.NewTicker(superviseEvery)
	defer tick.Stop()
	down := false
	for {
		err := s.supervise(ctx, crew)
		if err != nil && !down && ctx.Err() == nil {
			s.log.Error("rooms not read from the store", "err", err)
		}
		down = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		case <-tick.C:
		}
	}
}

// crew are the goroutines of Run; only Run's own goroutine touches it.
type crew struct {
	ctx   context.Context // of Run; a crew does not outlive it
	wg    *sync.WaitGroup
	rooms map[place]context.CancelFunc
	lists map[connection.ID]context.CancelFunc
	bells map[connection.ID]context.CancelFunc
}

// start runs f until its cancel function is called or Run ends.
func (c *crew) start(f func(context.Context)) context.CancelFunc {
	ctx, cancel := context.WithCancel(c.ctx)
	c.wg.Go(func() { f(ctx) })
	return cancel
}

// supervise gives every connection and room its goroutine, and ends those of
// what is no longer there.
func (s *Service) supervise(ctx context.Context, crew *crew) error {
	conns, err := s.store.Connections(ctx)
	if err != nil {
		return err
	}
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return err
	}
	count := map[connection.ID]int{} // rooms of connections in use
	for _, c := range conns {
		if c.State.Mode != connection.NotConnected {
			count[c.ID] = 0
		}
	}
	wanted, polled := map[place]bool{}, 0
	for _, r := range rooms {
		at := place{conn: s.owner(r, conns), room: r.ID}
		if _, live := count[at.conn]; live {
			wanted[at] = true
			count[at.conn]++
			if !r.Gone && !s.announced(at) {
				polled++
			}
		}
	}
	s.polled.Store(int64(polled))
	for id, n := range count {
		s.health.watching(id, n)
		if crew.lists[id] == nil {
			crew.lists[id] = crew.start(func(ctx context.Context) { s.keepList(ctx, id) })
		}
		if s.bells.url != "" && crew.bells[id] == nil {
			crew.bells[id] = crew.start(func(ctx context.Context) { s.keepBells(ctx, id) })
		}
	}
	for at := range wanted {
		if crew.rooms[at] == nil {
			crew.rooms[at] = crew.start(func(ctx context.Context) { s.watch(ctx, at) })
		}
	}
	for at, cancel := range crew.rooms {
		if !wanted[at] {
			cancel()
			delete(crew.rooms, at)
			s.health.forgetRoom(at.conn, at.room)
		}
	}
	for _, keepers := range []map[connection.ID]context.CancelFunc{crew.lists, crew.bells} {
		for id, cancel := range keepers {
			if _, live := count[id]; !live {
				cancel()
				delete(keepers, id)
			}
		}
	}
	return nil
}

// keepList lists the rooms now and then, and looks whether a delegated
// connection may use the application's own rights by now.
func (s *Service) keepList(ctx context.Context, id connection.ID) {
	failures := 0
	for {
		every := listEvery
		c, err := s.store.Connection(ctx, id)
		if err == nil && c.State.Mode == connection.Delegated {
			every = chooseEvery
			_, err = s.choose(ctx, id, 1)
		}
		if err == nil {
			err = s.RefreshRooms(ctx, id)
		}
		pause := jitter(every)
		if err != nil && kindOf(err) != connection.PlacesDenied {
			failures++
			pause = backOff(failures, err)
			if kindOf(err) == "" && failures == 1 && ctx.Err() == nil {
				s.log.Error("room list not stored", "connection", id, "err", err)
			}
		} else {
			failures = 0
		}
		if sleep(ctx, pause) != nil {
			return
		}
	}
}
