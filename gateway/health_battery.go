package gateway

import (
	"context"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/energy"
)

// BatteryDay is what one day, or one week long ago, said of a sign's battery.
type BatteryDay struct {
	Day            time.Time // midnight in UTC, the first one of a week
	LowMillivolts  int       // lowest of the day
	LastMillivolts int       // at the last contact, before radio and panel did their work
	Celsius        int       // at that contact, 20 where not known
	Contacts       int
	Pictures       int // reported as drawn
}

// HealthStore keeps what is known of the fleet's health over time.
type HealthStore interface {
	// BatteryDays returns the battery's history, oldest first: the last 90 days
	// one by one, up to three years before them by weeks. CommitReport writes it.
	BatteryDays(ctx context.Context, id devices.SignID) ([]BatteryDay, error)
	// Conditions returns since when what is wrong has been so.
	Conditions(ctx context.Context) (map[ConditionKey]time.Time, error)
	// SaveConditions replaces them all.
	SaveConditions(ctx context.Context, all map[ConditionKey]time.Time) error
	// Places returns where signs connected from last, as far as that was seen.
	Places(ctx context.Context) (map[devices.SignID]string, error)
	// SavePlaces stores some of them; unknown signs are left out.
	SavePlaces(ctx context.Context, places map[devices.SignID]string) error
}

// ConditionKey names something that is wrong: its kind, and what it is about.
type ConditionKey struct{ Kind, Subject string }

// Kinds of batteries for Site.Battery.
const (
	GuessBattery    = ""
	LithiumIonCell  = "lithium-ion"
	LithiumAACells  = "lithium-aa"
	AlkalineAACells = "alkaline-aa"
)

// BatteryKinds are the values of Site.Battery.
func BatteryKinds() []string {
	return []string{GuessBattery, LithiumIonCell, LithiumAACells, AlkalineAACells}
}

// battery is a kind of battery with the board that usually goes with it.
type battery struct {
	cell  energy.Cell
	board energy.Board
}

// batteryOf is the battery of the site's signs; ok is false when the history
// does not tell. A rechargeable cell is never as low as a fresh pair of AA
// cells, except shortly before its end: then nothing is said rather than "full".
func (s Site) batteryKind(days []BatteryDay) (b battery, ok bool) {
	boards := energy.Boards()
	ion, pair := battery{energy.LithiumIon(), boards[0]}, battery{energy.LithiumAA(), boards[1]}
	alkaline := battery{energy.AlkalineAA(), boards[1]}
	alkaline.board.Usable = energy.Range{Low: 2000, Mid: 1700, High: 1400}
	switch s.Battery {
	case LithiumIonCell:
		return ion, true
	case LithiumAACells:
		return pair, true
	case AlkalineAACells:
		return alkaline, true
	}
	most, last := 0, 0
	for _, d := range days {
		most, last = max(most, d.LastMillivolts), d.LastMillivolts
	}
	switch {
	case most >= 3650:
		return ion, true
	case most > 3300 && last > 3300:
		return battery{}, false // a rechargeable cell near its end, or fresh AA cells
	case most > 3160:
		return pair, true
	case most > 0:
		return alkaline, true
	}
	return battery{}, false
}

// usualFlips is how many pictures a sign draws by itself on an average day; they
// are a tenth of its charge.
const usualFlips = 8

// BatteryLife is what is known of one sign's battery.
type BatteryLife struct {
	energy.Forecast
	Cell    string // its kind, "" when it is not known
	History []BatteryDay
}

// forecast says how long a battery lasts from its history. What a sign did is
// counted and priced by the model; voltage decides at the ends.
func forecast(site Site, days []BatteryDay) BatteryLife {
	life := BatteryLife{History: days}
	b, ok := site.batteryKind(days)
	if !ok {
		return life
	}
	life.Cell = b.cell.Name
	h := energy.History{Cell: b.cell, Usable: b.board.Usable.Mid}
	counted := 0.0
	for i, d := range days {
		span := 1.0
		if i > 0 {
			span = min(max(d.Day.Sub(days[i-1].Day).Hours()/24, 1), 31)
		}
		use := energy.Use{Contacts: float64(d.Contacts) / span, Pictures: float64(d.Pictures) / span, FlipsAwake: float64(d.Pictures) / span, FlipsAlone: usualFlips}
		counted += energy.Spend(energy.WiFi(), b.board, use).Total() * span
		h.Samples = append(h.Samples, energy.Sample{At: d.Day, Millivolts: d.LastMillivolts, Celsius: d.Celsius, Counted: counted})
	}
	life.Forecast = h.Forecast()
	return life
}

// batteryOf is the forecast for one sign; it says nothing of signs on mains.
func (c *Core) batteryOf(ctx context.Context, id devices.SignID) (BatteryLife, error) {
	site, err := c.store.Site(ctx)
	if err != nil {
		return BatteryLife{}, err
	}
	days, err := c.store.BatteryDays(ctx, id)
	if err != nil {
		return BatteryLife{}, err
	}
	return forecast(site, days), nil
}

// Battery is what is known of a sign's battery: its history and a forecast.
func (c *Core) Battery(ctx context.Context, id devices.SignID) (BatteryLife, error) {
	return c.batteryOf(ctx, id)
}
