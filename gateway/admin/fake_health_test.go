package admin

import (
	"context"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/energy"
	"doorleaf/devices/health"
	"doorleaf/gateway"
)

// fakeHealth is a Health that was found out before.
type fakeHealth struct {
	report health.Report
	lives  map[devices.SignID]gateway.BatteryLife
	err    error
}

func (f *fakeHealth) Health(context.Context) (health.Report, error) { return f.report, f.err }

func (f *fakeHealth) Battery(_ context.Context, id devices.SignID) (gateway.BatteryLife, error) {
	return f.lives[id], nil
}

// fillHealth makes an office ill: signs of a floor are silent, and there is
// something of every kind.
func (o *office) fillHealth(many int) {
	h := health.House{Now: o.now, Started: o.now.Add(-time.Hour)}
	h.Signs = ailing(o.now, many)
	for n, kind := range devices.IncidentKinds() {
		h.Incidents = append(h.Incidents, devices.Incident{Kind: kind, Address: "10.1.7.99", Count: n + 1, First: o.now.Add(-time.Hour), Last: o.now})
	}
	h.Incidents = append(h.Incidents, devices.Incident{Kind: devices.ClonedCredential, Sign: "well00", Address: "10.1.7.98", Count: 2, First: o.now.Add(-time.Hour), Last: o.now})
	h.Calendars = []health.Calendar{{Subject: "1", Problem: "unreachable", Since: o.now.Add(-time.Hour)}}
	o.health.report = health.Examine(h, nil)
	o.health.lives = map[devices.SignID]gateway.BatteryLife{}
	for _, d := range o.core.doors {
		if !d.Sign.Hardware.AlwaysOn {
			o.health.lives[d.Sign.ID] = wearing(o.now)
		}
	}
}

// wearing is a battery with half a year behind it.
func wearing(now time.Time) gateway.BatteryLife {
	life := gateway.BatteryLife{Cell: "lithium-ion", Forecast: energy.Forecast{Left: 0.4, LeftError: 0.1, Days: 100, DaysLow: 70, DaysHigh: 140, Known: true}}
	for day := range 180 {
		volts := 4100 - 2*day + day%5
		life.History = append(life.History, gateway.BatteryDay{Day: now.AddDate(0, 0, day-180), LowMillivolts: volts - 60 - day%7*6, LastMillivolts: volts})
	}
	return life
}
