package main

import (
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// around is what the gateway sees of its surroundings. It is asked once
// everything is open.
func (h *house) around() gateway.Around {
	a := gateway.Around{BrokerDown: h.link != nil && !h.link.Ready()}
	a.Incidents = h.incidents.List(time.Now())
	if h.broker != nil {
		a.Incidents = append(a.Incidents, h.broker.Incidents()...)
	}
	return a
}

// place is from where a sign is connected to the embedded broker; an external
// one tells nobody.
func (h *house) place(id devices.SignID) string {
	if h.broker == nil {
		return ""
	}
	return h.broker.Place(id)
}

// plain reports whether a sign is connected to the embedded broker without TLS.
func (h *house) plain(id devices.SignID) bool { return h.broker != nil && h.broker.Plain(id) }
