package broker

import (
	"time"

	"doorleaf/devices"
)

// note counts one incident. sign is empty for strangers.
func (b *Broker) note(kind devices.IncidentKind, sign devices.SignID, address string) {
	now := time.Now()
	b.incidents.Add(devices.Incident{Kind: kind, Sign: sign, Address: address, Count: 1, First: now, Last: now})
}

// Incidents returns what peers did in the last 24 hours that no sign of ours
// does, newest first: at most 65 of each kind. The slice is the caller's.
func (b *Broker) Incidents() []devices.Incident { return b.incidents.List(time.Now()) }
