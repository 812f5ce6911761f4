package health

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Cause is what signs that fell silent have in common.
type Cause string

// The causes, the widest first.
const (
	TheBroker  Cause = "broker"  // the gateway itself does not reach the broker
	TheHouse   Cause = "house"   // nearly all signs are silent
	TheNetwork Cause = "network" // nearly all signs of a part of the network
	TheFloor   Cause = "floor"   // nearly all signs of a floor
	TheMoment  Cause = "moment"  // they went away at the same moment
)

// Causes lists all causes, the widest first. The slice is the caller's.
func Causes() []Cause { return []Cause{TheBroker, TheHouse, TheNetwork, TheFloor, TheMoment} }

// Group is several signs that are silent for one reason.
type Group struct {
	Cause   Cause
	What    string // part of the network, or floor
	Since   time.Time
	Of      int // signs there, silent or not
	Members []Condition
}

// When silent signs are taken for one event.
const (
	together   = 3  // signs at least
	nearlyAll  = 80 // per cent of those that share something
	sameMoment = 90 * time.Second
)

// gather takes silent signs that share a cause out of the list.
func gather(h House, found []Condition) (groups []Group, rest []Condition) {
	var silent []Condition
	for _, c := range found {
		if c.Sign != "" && (c.Kind == Offline || c.Kind == Late) {
			silent = append(silent, c)
		} else {
			rest = append(rest, c)
		}
	}
	signs := map[string]Sign{}
	heard := 0
	for _, s := range h.Signs {
		signs[string(s.ID)] = s
		if !s.LastSeen.IsZero() {
			heard++
		}
	}
	take := func(cause Cause, what string, of int, members []Condition) {
		g := Group{Cause: cause, What: what, Of: of, Members: members, Since: members[0].Since}
		for _, m := range members {
			if m.Since.Before(g.Since) {
				g.Since = m.Since
			}
		}
		groups = append(groups, g)
	}
	switch {
	case h.Broker && len(silent) > 0:
		take(TheBroker, "", heard, silent)
		return groups, withoutBroker(rest)
	case len(silent) >= together && 100*len(silent) >= nearlyAll*heard:
		take(TheHouse, "", heard, silent)
		return groups, rest
	}
	for _, by := range []struct {
		cause Cause
		of    func(Sign) string
	}{{TheNetwork, func(s Sign) string { return network(s.Address) }}, {TheFloor, func(s Sign) string { return s.Floor }}} {

		left := silent
		for _, what := range shared(h.Signs, by.of) {
			of := 0
			for _, s := range h.Signs {
				if by.of(s) == what && !s.LastSeen.IsZero() {
					of++
				}
			}
			var in, out []Condition
			for _, c := range left {
				if by.of(signs[c.Subject]) == what {
					in = append(in, c)
				} else {
					out = append(out, c)
				}
			}
			if len(in) >= together && 100*len(in) >= nearlyAll*of {
				take(by.cause, what, of, in)
				left = out
			}
		}
		silent = left
	}
	silent = moments(signs, silent, func(members []Condition) { take(TheMoment, "", len(members), members) })
	return groups, append(rest, silent...)
}

// withoutBroker leaves out what the group about the broker says already.
func withoutBroker(list []Condition) []Condition {
	return slices.DeleteFunc(list, func(c Condition) bool { return c.Kind == BrokerDown })
}

// shared lists what signs have in common, sorted.
func shared(signs []Sign, of func(Sign) string) []string {
	var all []string
	for _, s := range signs {
		if what := of(s); what != "" {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// network is the part of the network of an address: 24 bits of an IPv4 address,
// 64 of an IPv6 one; "" for no address.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// moments takes out signs that are always on and went away together; it returns
// the others.
func moments(signs map[string]Sign, silent []Condition, take func([]Condition)) (rest []Condition) {
	var on []Condition
	for _, c := range silent {
		if signs[c.Subject].AlwaysOn {
			on = append(on, c)
		} else {
			rest = append(rest, c)
		}
	}
	slices.SortStableFunc(on, func(a, b Condition) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Subject, b.Subject))
	})
	for len(on) > 0 {
		n := 1
		for n < len(on) && on[n].Since.Sub(on[0].Since) <= sameMoment {
			n++
		}
		if n >= together {
			take(on[:n:n])
		} else {
			rest = append(rest, on[:n]...)
		}
		on = on[n:]
	}
	return rest
}
