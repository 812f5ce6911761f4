package graphtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	deltaPage      = 10 // events a page holds unless Prefer: odata.maxpagesize says
	keptStates     = 4  // generations of one sync state that still answer
	keptChains     = 16 // sync states of one mailbox
	keptRounds     = 4  // rounds of one sync state whose pages can be fetched again
	deltaTokenHead = "R0usmc"
)

// chain is one sync state: a window, frozen in its tokens, and the
// generations that were handed out for it.
type chain struct {
	box      string // start of the mailbox id
	number   int
	from, to time.Time
	highest  int
	marks    map[int]int    // generation -> version of the calendar
	rounds   map[int]*round // by number
	last     int            // number of the newest round
}

// round is one answer over all its pages, fixed when it began.
type round struct {
	initial bool
	version int
	units   [][]change
}

// change is one member of a delta page.
type change struct {
	in      instance
	removed bool
}

// delta answers calendarView/delta
// (learn.microsoft.com/graph/api/event-delta).
func (c *call) delta(t target, h shape) {
	for name := range c.q {
		switch name {
		case "$select", "$expand", "$filter", "$orderby", "$search", "$top", "$skip", "$count":
			c.fail(http.StatusBadRequest, "ErrorInvalidUrlQuery", "The following parameters are not supported with change tracking over the 'CalendarView' resource: '$orderby, $filter, $select, $expand, $search, $top'.")
			return
		}
	}
	skip, more := c.q["$skiptoken"]
	mark, again := c.q["$deltatoken"]
	if (more || again) && c.caller.user != nil && !t.own {
		// Somebody else's calendar gives its first page only
		// (microsoft-graph-docs issue 3997).
		c.fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
		return
	}
	switch {
	case more:
		state, n, offset, ok := t.open(skip)
		if !ok || state.rounds[n] == nil {
			c.lost(t, state, n)
			return
		}
		c.page(t, h, state, n, offset)
	case again:
		state, generation, _, ok := t.open(mark)
		if !ok {
			c.lost(t, state, generation)
			return
		}
		version, kept := state.marks[generation]
		if !kept {
			c.lost(t, state, generation)
			return
		}
		c.page(t, h, state, state.begin(t.changes(version, state.from, state.to)), 0)
	default:
		from, to, ok := c.window()
		if !ok {
			return
		}
		state := t.newChain(from, to)
		c.page(t, h, state, state.begin(t.everything(from, to)), 0)
	}
}

// lost tells that a sync state is gone; the client has to start again.
func (c *call) lost(t target, state *chain, generation int) {
	message := "The sync state is not found."
	if state != nil {
		var kept strings.Builder
		for g := state.highest; g > 0; g-- {
			if _, ok := state.marks[g]; ok {
				fmt.Fprintf(&kept, "[%d]", g)
			}
		}
		message = fmt.Sprintf("The sync state generation is not found; generation=%d;[highest=%d]%s.", generation, state.highest, kept.String())
	}
	c.a.header.Set("Location", c.base+"/v1.0/"+t.path+"/calendarView/delta?$deltatoken=")
	c.fail(http.StatusGone, "SyncStateNotFound", message)
}

// page answers with one page of a round. A series is not split over pages. The
// first page of an initial round is followed by an empty one.
func (c *call) page(t target, h shape, state *chain, number, offset int) {
	size := deltaPage
	if n, err := strconv.Atoi(c.prefer["odata.maxpagesize"]); err == nil && n > 0 {
		size = min(n, viewPageMax)
		c.applied("odata.maxpagesize=" + strconv.Itoa(size))
	}
	r := state.rounds[number]
	pause := r.initial && offset < 0
	if pause {
		offset = -offset - 1
	}
	value := []any{}
	next := offset
	for next < len(r.units) && !pause {
		if len(value) > 0 && len(value)+len(r.units[next]) > size {
			break
		}
		for _, ch := range r.units[next] {
			value = append(value, c.member(t, h, ch))
		}
		next++
	}
	link := c.base + "/v1.0/" + t.path + "/calendarView/delta?"
	doc := map[string]any{"@odata.context": c.base + "/v1.0/$metadata#Collection(event)", "value": value}
	switch {
	case r.initial && offset == 0 && !pause:
		doc["@odata.nextLink"] = link + "$skiptoken=" + state.token(number, -next-1)
	case next < len(r.units):
		doc["@odata.nextLink"] = link + "$skiptoken=" + state.token(number, next)
	default:
		doc["@odata.deltaLink"] = link + "$deltatoken=" + state.token(state.advance(r.version), 0)
	}
	c.ok(http.StatusOK, doc)
}

// member is one entry of a page: occurrences bare, everything else whole.
func (c *call) member(t target, h shape, ch change) map[string]any {
	switch {
	case ch.removed:
		return h.removed(ch.in)
	case ch.in.kind == "occurrence":
		return h.bare(t.Calendar, ch.in)
	}
	doc := h.full(t.Calendar, ch.in)
	doc["@odata.type"] = "#microsoft.graph.event"
	return doc
}

// newChain starts a sync state.
func (c *Calendar) newChain(from, to time.Time) *chain {
	number := 1
	if n := len(c.chains); n > 0 {
		number = c.chains[n-1].number + 1
	}
	state := &chain{box: c.id[:8], number: number, from: from, to: to, marks: map[int]int{}, rounds: map[int]*round{}}
	c.chains = append(c.chains, state)
	if len(c.chains) > keptChains {
		c.chains = c.chains[len(c.chains)-keptChains:]
	}
	return state
}

// open reads a token; ok is false when it is not one of this mailbox.
func (c *Calendar) open(token string) (state *chain, n, offset int, ok bool) {
	rest, ok := strings.CutPrefix(token, deltaTokenHead)
	text, err := base64.RawURLEncoding.DecodeString(rest)
	if !ok || err != nil {
		return nil, 0, 0, false
	}
	var number int
	if got, err := fmt.Sscanf(string(text), c.id[:8]+":%d:%d:%d", &number, &n, &offset); err != nil || got != 3 {
		return nil, 0, 0, false
	}
	for _, s := range c.chains {
		if s.number == number {
			return s, n, offset, true
		}
	}
	return nil, n, offset, false
}

// begin stores a round and returns its number.
func (s *chain) begin(r *round) int {
	s.last++
	s.rounds[s.last] = r
	delete(s.rounds, s.last-keptRounds)
	return s.last
}

// advance hands out the next generation.
func (s *chain) advance(version int) int {
	s.highest++
	s.marks[s.highest] = version
	delete(s.marks, s.highest-keptStates)
	return s.highest
}

// everything is the first round: all that is in the window now. An event may
// come twice in a round; here the first one does when there are several.
func (c *Calendar) everything(from, to time.Time) *round {
	r := &round{initial: true, version: c.version}
	for _, it := range c.items {
		if unit := it.unit(from, to); len(unit) > 0 {
			r.units = append(r.units, unit)
		}
	}
	if len(r.units) > 1 {
		r.units = append(r.units, r.units[0])
	}
	return r
}

// changes is a later round: what changed since a version. Whatever changed and
// is not in the window is told as removed, even if it never was in it.
func (c *Calendar) changes(since int, from, to time.Time) *round {
	r := &round{version: c.version}
	for _, g := range c.graves {
		if g.version <= since {
			continue
		}
		unit := []change{{c.at(g.item, ""), true}}
		if g.item.event.Recurrence != nil {
			for _, in := range g.item.between(from, to) {
				unit = append(unit, change{in, true})
			}
		}
		r.units = append(r.units, unit)
	}
	for _, it := range c.items {
		if it.version <= since {
			continue
		}
		unit := it.unit(from, to)
		if len(unit) == 0 {
			unit = []change{{c.at(it, ""), true}}
		}
		r.units = append(r.units, unit)
	}
	return r
}

// unit is what an item puts into a round: a single event, or a series with its
// master first. A deleted occurrence is simply not there.
func (it *item) unit(from, to time.Time) []change {
	it = it.snapshot()
	list := it.between(from, to)
	if len(list) == 0 {
		return nil
	}
	var unit []change
	if it.event.Recurrence != nil {
		unit = append(unit, change{in: it.master()})
	}
	for _, in := range list {
		unit = append(unit, change{in: in})
	}
	return unit
}

// token names a page or a generation of the sync state.
func (s *chain) token(n, offset int) string {
	return deltaTokenHead + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d:%d:%d", s.box, s.number, n, offset))
}
