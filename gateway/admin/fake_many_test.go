package admin

import (
	"fmt"
	"slices"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/health"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/rollout"
)

// fillMany makes an office a company: n rooms with a sign each, one in ten of
// them in trouble, in twenty houses.
func (o *office) fillMany(n int) {
	trusts := []gateway.Trust{gateway.Wrong, gateway.Late, gateway.Stale, gateway.Unknown, gateway.Pending}
	like := o.core.doors[2]
	for i := range n {
		r := calendar.Room{ID: calendar.NewRoomID(fmt.Sprintf("many%d@contoso.example", i)), Name: fmt.Sprintf("Meeting room %d", i),
			Building: fmt.Sprintf("House %d", i%20), Floor: fmt.Sprint(i % 7), Capacity: 2 + i%20, Source: 1}
		o.store.rooms = append(o.store.rooms, r)
		d := like
		d.Room, d.Sign.Room, d.Sign.Name, d.Sign.ID = r, r.ID, r.Name, devices.SignID(fmt.Sprintf("many%012d", i))
		d.Status.Sign = d.Sign.ID
		if i%10 == 0 {
			d.Trust = trusts[i/10%len(trusts)]
		}
		o.core.doors = append(o.core.doors, d)
	}
	slices.SortStableFunc(o.core.doors, func(a, b gateway.DoorView) int {
		return slices.Index(trusts, b.Trust) - slices.Index(trusts, a.Trust)
	})
	h := health.House{Now: o.now, Started: o.now.Add(-time.Hour), Signs: ailing(o.now, n/10)}
	o.health.report = health.Examine(h, nil)
	if len(o.firmware.list) < 2 {
		return
	}
	v := &o.firmware.list[1]
	for i := range n {
		v.Signs = append(v.Signs, gateway.RolloutSign{ID: devices.SignID(fmt.Sprintf("many%012d", i)), Name: fmt.Sprintf("Meeting room %d", i), Number: 8, Mark: rollout.Mark{}})
	}
}
