package broker

import (
	"slices"
	"sync"
	"time"

	"doorleaf/devices"
)

// Bounds of the table of incidents, so that strangers cannot fill the memory nor
// push what one peer did out by what another does.
const (
	maxIncidents = 64             // of each kind; the rest are counted together
	incidentLife = 24 * time.Hour // after the last of its kind and peer
)

// incidents is a bounded table of what peers did, equal incidents as one.
type incidents struct {
	mu    sync.Mutex
	kinds map[devices.IncidentKind]map[culprit]*devices.Incident // guarded by mu
}

// culprit tells incidents of one kind apart. Both empty: all that found no room.
type culprit struct {
	sign    devices.SignID
	address string
}

// of says by what an incident is told apart: a sign by its credential, wherever
// it is; a stranger by its address and the sign it claims to be.
func of(i devices.Incident) culprit {
	switch i.Kind {
	case devices.RefusedPassword, devices.ForeignID, devices.TooManyTries:
		return culprit{i.Sign, i.Address}
	}
	if i.Sign != "" {
		return culprit{sign: i.Sign}
	}
	return culprit{address: i.Address}
}

// add counts i.Count incidents.
func (t *incidents) add(i devices.Incident) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[devices.IncidentKind]map[culprit]*devices.Incident{}
	}
	all := t.kinds[i.Kind]
	if all == nil {
		if !slices.Contains(devices.IncidentKinds(), i.Kind) {
			return
		}
		all = map[culprit]*devices.Incident{}
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

func expire(all map[culprit]*devices.Incident, now time.Time) {
	for who, i := range all {
		if now.Sub(i.Last) > incidentLife {
			delete(all, who)
		}
	}
}

// list returns the incidents of the last day, newest first.
func (t *incidents) list(now time.Time) []devices.Incident {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sorted(now)
}

// sorted is list; the caller holds mu.
func (t *incidents) sorted(now time.Time) []devices.Incident {
	var list []devices.Incident
	for _, all := range t.kinds {
		expire(all, now)
		for _, i := range all {
			list = append(list, *i)
		}
	}
	slices.SortFunc(list, func(a, b devices.Incident) int { return b.Last.Compare(a.Last) })
	return list
}

// drain is list, and forgets them.
func (t *incidents) drain(now time.Time) []devices.Incident {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.sorted(now)
	t.kinds = nil
	return list
}

// note counts one incident. sign is empty for strangers.
func (b *Broker) note(kind devices.IncidentKind, sign devices.SignID, address string) {
	now := time.Now()
	b.incidents.add(devices.Incident{Kind: kind, Sign: sign, Address: address, Count: 1, First: now, Last: now})
}

// Incidents returns what peers did in the last 24 hours that no sign of ours
// does, newest first: at most 65 of each kind. The slice is the caller's.
func (b *Broker) Incidents() []devices.Incident { return b.incidents.list(time.Now()) }
