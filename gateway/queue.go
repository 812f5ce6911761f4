package gateway

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
)

// job is one sign to be planned.
type job struct {
	sign   devices.SignID
	force  Reason
	urgent bool
	first  bool // the first look after a start
	waits  int  // how often it made way for a rush
}

// queue holds the signs that wait for planning, each at most once per lane;
// urgent ones first. What is asked of a sign that waits already is added to its
// job.
type queue struct {
	mu     sync.Mutex
	cond   *sync.Cond
	lanes  [2][]devices.SignID       // guarded by mu; 0 urgent
	queued [2]map[devices.SignID]job // guarded by mu; the jobs of the lane
	rush   time.Time                 // guarded by mu, when the queue was pressed last
	second time.Time                 // guarded by mu, since when asks counts
	asks   int                       // guarded by mu, signs that were planned to answer them
	closed bool
}

func (q *queue) init() {
	q.cond = sync.NewCond(&q.mu)
	q.queued = [2]map[devices.SignID]job{{}, {}}
}

func (q *queue) put(j job, urgent bool) {
	lane := 1
	if j.urgent = urgent; urgent {
		lane = 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if waits, ok := q.queued[lane][j.sign]; ok {
		if waits.force == "" {
			waits.force = j.force
		}
		waits.first = waits.first || j.first
		waits.waits = max(waits.waits, j.waits)
		q.queued[lane][j.sign] = waits
		return
	}
	q.queued[lane][j.sign] = j
	q.lanes[lane] = append(q.lanes[lane], j.sign)
	q.cond.Signal()
}

func (q *queue) putLater(j job, d time.Duration) {
	time.AfterFunc(d, func() { q.put(j, false) })
}

func (q *queue) take() (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.closed {
			return job{}, false
		}
		for lane := range q.lanes {
			if len(q.lanes[lane]) > 0 {
				id := q.lanes[lane][0]
				q.lanes[lane] = q.lanes[lane][1:]
				j := q.queued[lane][id]
				delete(q.queued[lane], id)
				return j, true
			}
		}
		q.cond.Wait()
	}
}

// pressed reports whether more urgent signs wait than can be planned whole
// without anybody noticing.
func (q *queue) pressed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	many := len(q.lanes[0]) > rushOf
	if many {
		q.rush = time.Now()
	}
	return many
}

// rushOf is how many signs at once are a rush.
const rushOf = 3

// asked notes that a sign is planned while it waits for an answer, and reports
// whether more are than can be planned whole without anybody noticing.
func (q *queue) asked(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d := now.Sub(q.second); d > time.Second || d < 0 {
		q.second, q.asks = now, 0
	}
	q.asks++
	if q.asks > rushOf {
		q.rush = now
	}
	return time.Since(q.rush) < rushEnds
}

// yields reports whether a job makes way for a rush that is not over: urgent
// signs may be still to come, and the answers of others. No job waits for ever.
func (q *queue) yields(j job) bool {
	if j.urgent || j.first || j.force != "" || j.waits >= mostWaits {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return time.Since(q.rush) < rushEnds
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Broadcast()
}

// signEntry is what the core remembers of one sign between store reads. plan
// is held for a whole planning, so that a sign is planned by one goroutine at a
// time; mu guards the fields and is held for moments only.
type signEntry struct {
	plan sync.Mutex

	mu       sync.Mutex
	want     *Want     // never changed once stored here
	asOf     time.Time // age of the agenda the want was drawn from
	stale    bool      // whether it was drawn as stale
	promise  time.Time // next contact promised to a sleeping sign
	mismatch int       // wrong pictures in a row
	retryAt  time.Time // no repair before

	repacks    int       // times the sign said that it was another, in a row
	repackedAt time.Time // the last of them

	kickedFor uint32 // number of the secret its session was closed for

	restUntil time.Time // a connected sign's panel is not changed again before
	facts     callFacts // for planning its calls
	clock     clockSeen // how far its clock was off
}

// current is the newest want that is known here, nil for none.
func (e *signEntry) current() *Want {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.want
}

// promised notes when the sign was told to call again.
func (e *signEntry) promised(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.promise = at
}

// signTable knows every sign and which signs hang at which room.
type signTable struct {
	mu    sync.Mutex
	m     map[devices.SignID]*signEntry                   // guarded by mu
	room  map[devices.SignID]calendar.RoomID              // guarded by mu
	signs map[calendar.RoomID]map[devices.SignID]struct{} // guarded by mu
}

func (t *signTable) init() {
	t.m = map[devices.SignID]*signEntry{}
	t.room = map[devices.SignID]calendar.RoomID{}
	t.signs = map[calendar.RoomID]map[devices.SignID]struct{}{}
}

func (t *signTable) entry(id devices.SignID) *signEntry {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.m[id]
	if e == nil {
		e = &signEntry{}
		t.m[id] = e
	}
	return e
}

// bind notes the room of a sign, "" for none.
func (t *signTable) bind(id devices.SignID, room calendar.RoomID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, ok := t.room[id]; ok {
		if old == room {
			return
		}
		delete(t.signs[old], id)
	}
	t.room[id] = room
	if t.signs[room] == nil {
		t.signs[room] = map[devices.SignID]struct{}{}
	}
	t.signs[room][id] = struct{}{}
}

func (t *signTable) remove(id devices.SignID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, id)
	delete(t.signs[t.room[id]], id)
	delete(t.room, id)
}

// all walks over a copy.
func (t *signTable) all() iter.Seq2[devices.SignID, *signEntry] {
	t.mu.Lock()
	list := maps.Clone(t.m)
	t.mu.Unlock()
	return maps.All(list)
}

func (t *signTable) ofRoom(room calendar.RoomID) []devices.SignID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.signs[room]))
}

// watchers tells pages that something changed; slow ones miss repeats only.
type watchers struct {
	mu sync.Mutex
	m  map[chan struct{}]bool // guarded by mu
}

func (w *watchers) init() { w.m = map[chan struct{}]bool{} }

func (w *watchers) notify() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.m {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (w *watchers) add() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.m[ch] = true
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.m, ch)
	}
}
