package devices

import (
	"slices"
	"sync"
	"time"
)

// Bounds of the table of incidents, so that strangers cannot fill the memory nor
// push what one peer did out by what another does.
const (
	maxIncidents = 64             // of each kind; the rest are counted together
	incidentLife = 24 * time.Hour // after the last of its kind and peer
)

// Incidents is a bounded table of what peers did, equal incidents as one. The zero
// value is an empty one; all methods are safe for concurrent use.
type Incidents struct {
	mu    sync.Mutex
	kinds map[IncidentKind]map[culprit]*Incident // guarded by mu
}

// culprit tells incidents of one kind apart. Both empty: all that found no room.
type culprit struct {
	sign    SignID
	address string
}

// of says by what an incident is told apart: a sign by its credential, wherever
// it is; a stranger by its address and the sign it claims to be.
func of(i Incident) culprit {
	switch i.Kind {
	case RefusedPassword, ForeignID, TooManyTries:
		return culprit{i.Sign, i.Address}
	}
	if i.Sign != "" {
		return culprit{sign: i.Sign}
	}
	return culprit{address: i.Address}
}

// Add counts i.Count incidents. One of no known kind is left out.
func (t *Incidents) Add(i Incident) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[IncidentKind]map[culprit]*Incident{}
	}
	all := t.kinds[i.Kind]
	if all == nil {
		if !slices.Contains(IncidentKinds(), i.Kind) {
			return
		}
		all = map[culprit]*Incident{}
		t.kinds[i.Kind] = all
	}
	who := of(i)
	if all[who] == nil && len(all) >= maxIncidents {
		expire(all, i.Last)
		if len(all) >= maxIncidents {
			who, i.Sign, i.Address = culprit{}, "", ""
		}
	}
	known := all[who]
	if known == nil {
		all[who] = &i
		return
	}
	known.Count += i.Count
	if i.Last.After(known.Last) {
		known.Last, known.Address = i.Last, i.Address
	}
	if i.First.Before(known.First) {
		known.First = i.First
	}
}

func expire(all map[culprit]*Incident, now time.Time) {
	for who, i := range all {
		if now.Sub(i.Last) > incidentLife {
			delete(all, who)
		}
	}
}

// List returns the incidents of the last 24 hours, newest first, at most 65 of
// each kind. The slice is the caller's.
func (t *Incidents) List(now time.Time) []Incident {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sorted(now)
}

// sorted is List; the caller holds mu.
func (t *Incidents) sorted(now time.Time) []Incident {
	var list []Incident
	for _, all := range t.kinds {
		expire(all, now)
		for _, i := range all {
			list = append(list, *i)
		}
	}
	slices.SortFunc(list, func(a, b Incident) int { return b.Last.Compare(a.Last) })
	return list
}

// Drain is List, and forgets them.
func (t *Incidents) Drain(now time.Time) []Incident {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.sorted(now)
	t.kinds = nil
	return list
}
