package storetest

import (
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

func testBatteryDays(s *suite) {
	ctx := s.Context()
	id, other := s.pair("one"), s.pair("two")
	counter := uint32(0)
	report := func(id devices.SignID, at time.Time, kind devices.ReportKind, millivolts, celsius int, known bool) {
		counter++
		s.report(devices.Report{Kind: kind, Sign: id, Received: at, Boot: 1, Counter: counter, BatteryMillivolts: millivolts, TemperatureC: celsius, TemperatureKnown: known})
	}
	midnight := noon.Truncate(24 * time.Hour)
	report(id, noon, devices.HelloReport, 3900, 19, true)
	report(id, noon.Add(time.Minute), devices.ShownReport, 3820, 0, false) // the panel pulls it down
	report(id, noon.Add(time.Hour), devices.HelloReport, 3890, 0, false)
	report(id, noon.Add(2*time.Hour), devices.EventReport, 3000, 0, false) // a press says nothing new
	report(id, noon.Add(3*time.Hour), devices.HelloReport, 0, 0, false)    // not known
	report(id, noon.AddDate(0, 0, 1), devices.HelloReport, 3880, 4, true)
	report(other, noon, devices.HelloReport, 3000, 0, false)
	got, err := s.BatteryDays(ctx, id)
	s.ok(err)
	s.equal("battery days", got, []gateway.BatteryDay{
		{Day: midnight, LowMillivolts: 3820, LastMillivolts: 3890, Celsius: 20, Contacts: 2, Pictures: 1},
		{Day: midnight.AddDate(0, 0, 1), LowMillivolts: 3880, LastMillivolts: 3880, Celsius: 4, Contacts: 1},
	})
	_, err = s.BatteryDays(ctx, "nobody")
	s.fails("unknown sign", err, gateway.ErrNotFound)

	// Two years later the history is short, and nothing that was counted is lost.
	at := noon.AddDate(0, 0, 1)
	for day := range 730 {
		report(id, at.AddDate(0, 0, day+1), devices.HelloReport, 3870-day/10, 20, true)
	}
	got, err = s.BatteryDays(ctx, id)
	s.ok(err)
	if len(got) > 90+106 {
		s.Errorf("%d rows for two years, at most 196", len(got))
	}
	contacts := 0
	for i, d := range got {
		contacts += d.Contacts
		if i > 0 && !d.Day.After(got[i-1].Day) {
			s.Errorf("day %v after %v", d.Day, got[i-1].Day)
		}
	}
	s.equal("contacts of two years", contacts, 733)
	s.equal("first low", got[0].LowMillivolts, 3820)

	// The clock was wrong for a while.
	report(id, at.AddDate(30, 0, 0), devices.HelloReport, 3000, 20, true)
	report(id, at.AddDate(2, 0, 5), devices.HelloReport, 3780, 20, true)
	got, err = s.BatteryDays(ctx, id)
	s.ok(err)
	s.equal("last row after a jump of the clock", got[len(got)-1].LastMillivolts, 3780)
}

func testConditions(s *suite) {
	ctx := s.Context()
	a, b := gateway.ConditionKey{Kind: "late", Subject: "one"}, gateway.ConditionKey{Kind: "broker"}
	for _, all := range []map[gateway.ConditionKey]time.Time{
		{a: noon, b: noon.Add(time.Hour)}, {a: noon.Add(time.Minute)}, {b: noon}, {},
	} {
		s.ok(s.SaveConditions(ctx, all))
		got, err := s.Conditions(ctx)
		s.ok(err)
		s.equal("conditions", got, all)
	}
}

func testPlaces(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	s.ok(s.SavePlaces(ctx, map[devices.SignID]string{id: "192.0.2.7", "nobody": "192.0.2.8"}))
	s.ok(s.SavePlaces(ctx, map[devices.SignID]string{id: "2001:db8::9"}))
	got, err := s.Places(ctx)
	s.ok(err)
	s.equal("places", got, map[devices.SignID]string{id: "2001:db8::9"})
	s.ok(s.RemoveSign(ctx, id))
	got, err = s.Places(ctx)
	s.ok(err)
	s.equal("places after the sign was removed", len(got), 0)
}
