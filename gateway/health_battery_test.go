package gateway

import (
	"testing"
	"time"

	"doorleaf/devices/energy"
)

// history is one reading a day, the voltage as given.
func history(days int, millivolts func(day int) int) []BatteryDay {
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	var list []BatteryDay
	for i := range days {
		mv := millivolts(i)
		list = append(list, BatteryDay{Day: start.AddDate(0, 0, i), LowMillivolts: mv - 60, LastMillivolts: mv, Celsius: 21, Contacts: 17, Pictures: 6})
	}
	return list
}

// A pair of lithium AA cells reads full for a year and a half and then dies. A
// straight line says 80 % the week before; ours warns weeks ahead, by counting.
func TestFullUntilDeadIsSeenComing(t *testing.T) {
	// What the model makes of 17 contacts a day: so many days from 3000 mAh.
	perDay := energy.Spend(energy.WiFi(), energy.Boards()[1], energy.Use{Contacts: 17, Pictures: 6, FlipsAwake: 6, FlipsAlone: usualFlips}).Total()
	whole := int(3000 / perDay)
	volts := func(day int) int {
		left := 1 - float64(day)/float64(whole)
		switch {
		case left > 0.97:
			return 3300
		case left > 0.1:
			return 2960 + int(left*150)
		}
		return 2000 + int(left*9500) // the cliff
	}
	site := DefaultSite()
	first := map[energy.Warning]int{}
	for n := 30; n < whole; n += 3 {
		life := forecast(site, history(n, volts))
		if life.Cell != "two lithium AA" {
			t.Fatalf("day %d: taken for %q", n, life.Cell)
		}
		if _, seen := first[life.Warning()]; !seen {
			first[life.Warning()] = whole - n
		}
	}
	if soon := first[energy.Soon]; soon < 21 || soon > 200 {
		t.Errorf("the first warning came %d days before the end (of %d)", soon, whole)
	}
	if first[energy.Now] < 5 || first[energy.Dying] < 1 {
		t.Errorf("warnings so many days before the end: %v", first)
	}
	straight := float64(volts(whole-8)-2000) / 1200
	t.Logf("%d days; warnings %v days before the end; a straight line from 2.0 to 3.2 V said %.0f %% eight days before it", whole, first, 100*straight)
}

func TestBatteryKinds(t *testing.T) {
	flat := func(mv int) func(int) int { return func(int) int { return mv } }
	for _, tc := range []struct {
		name    string
		setting string
		days    []BatteryDay
		want    string
	}{
		{"nothing seen", GuessBattery, nil, ""},
		{"above what a pair of cells gives", GuessBattery, history(5, flat(3900)), "lithium-ion"},
		{"once above it", GuessBattery, history(50, func(d int) int { return 3700 - 8*d }), "lithium-ion"},
		{"fresh AA or a rechargeable cell near its end: nothing is said", GuessBattery, history(5, flat(3500)), ""},
		{"it was a fresh pair of AA", GuessBattery, history(30, func(d int) int { return 3500 - 20*min(d, 15) }), "two lithium AA"},
		{"alkaline", GuessBattery, history(5, flat(3050)), "two alkaline AA"},
		{"as the office says", LithiumIonCell, history(5, flat(3500)), "lithium-ion"},
		{"a setting of a later version", "nuclear", history(5, flat(3900)), "lithium-ion"},
	} {
		if got := forecast(DefaultSiteWith(tc.setting), tc.days); got.Cell != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got.Cell, tc.want)
		}
	}
}

// DefaultSiteWith is the default site with a kind of battery.
func DefaultSiteWith(battery string) Site {
	s := DefaultSite()
	s.Battery = battery
	return s
}

// A rechargeable cell at 3.5 V is at its end, and said to be if we know it.
func TestARechargeableCellNearItsEndIsNeverCalledFull(t *testing.T) {
	days := history(20, func(d int) int { return 3560 - 5*d })
	if life := forecast(DefaultSiteWith(LithiumIonCell), days); life.Warning() != energy.Dying {
		t.Errorf("left %.2f, warning %d, want dying", life.Left, life.Warning())
	}
	if life := forecast(DefaultSite(), days); life.Known && life.Left > 0.3 {
		t.Errorf("guessed %.0f %% left of %q", 100*life.Left, life.Cell)
	}
}
