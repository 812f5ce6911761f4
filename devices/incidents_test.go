package devices

import (
	"fmt"
	"testing"
	"time"
)

// However many do something, the table stays small, and what one did is not
// pushed out by what others do.
func TestIncidentsAreBounded(t *testing.T) {
	var table Incidents
	now := time.Now()
	add := func(kind IncidentKind, address string, at time.Time) {
		table.Add(Incident{Kind: kind, Address: address, Count: 1, First: at, Last: at})
	}
	add(PlantedWill, "192.0.2.1", now)
	for n := range 10_000 {
		add(MalformedPacket, fmt.Sprintf("198.51.100.%d:%d", n%256, n), now)
	}
	add("no such kind", "192.0.2.1", now)
	list := table.List(now)
	if len(list) != maxIncidents+2 {
		t.Fatalf("%d incidents, want %d", len(list), maxIncidents+2)
	}
	all := 0
	for _, i := range list {
		if i.Kind == MalformedPacket {
			all += i.Count
		}
	}
	if all != 10_000 {
		t.Errorf("%d malformed packets counted, want 10000", all)
	}
	add(MalformedPacket, "203.0.113.9", now.Add(incidentLife+time.Minute)) // the old ones make room
	if list := table.List(now.Add(incidentLife + time.Minute)); len(list) != 1 || list[0].Address != "203.0.113.9" {
		t.Errorf("a day later: %+v", list)
	}
}
