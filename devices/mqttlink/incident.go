package mqttlink

import (
	"time"

	"doorleaf/devices"
)

// strangeAllowed is how many objects that are not of its timeline a sign may ask
// for in an hour. A sign that is told of a newer timeline while it pulls asks for
// a few old ones; one that tries out hashes asks for many.
const strangeAllowed = 16

// incident counts something no sign of ours does.
func (l *Link) incident(kind devices.IncidentKind, id devices.SignID) {
	if l.opts.Incident == nil {
		return
	}
	now := time.Now()
	l.opts.Incident(devices.Incident{Kind: kind, Sign: id, Count: 1, First: now, Last: now})
}

// strange counts a question for an object that is not the sign's.
func (l *Link) strange(id devices.SignID) {
	s := l.sign(id)
	s.mu.Lock()
	now := time.Now()
	if now.Sub(s.strangeSince) > time.Hour {
		s.strangeSince, s.stranger = now, 0
	}
	s.stranger++
	many := s.stranger > strangeAllowed
	s.mu.Unlock()
	if many {
		l.incident(devices.ForeignFrame, id)
	}
}
