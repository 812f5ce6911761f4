// Package energy says what signs cost their batteries: the charge of a day from
// what a sign does, the life of a battery with its doubt, when a sign should
// call next, and how many days are left. Everything is a pure function of its
// inputs; the charges come from published measurements and are named with their
// spread, none was measured by us. Charges are in mC at the 3.3 V rail, currents
// in µA and capacities in mAh at the battery (1 mAh = 3600 mC).
package energy

import "math"

// Range is a value with its doubt: Low and High stand for the 5 % and 95 %
// points, Mid for the median. Low is always the cheap side.
type Range struct{ Low, Mid, High float64 }

// Radio is what one contact over Wi-Fi costs, and the work around it.
type Radio struct {
	Boot     Range // until the program runs
	Join     Range // association with a known access point
	Address  Range // DHCP, or nothing with a kept lease
	TLS      Range // resumed session; Full is what a whole handshake adds
	Full     Range
	Exchange Range // MQTT connect, hello, manifest, goodbye
	Field    Range // factor for retries, roaming and weak signal
	Picture  Range // receive and store one picture
	Push     Range // unpack a stored picture and hand it to the panel
}

// Wi-Fi as firmware does it that keeps channel, lease and TLS session
// (tve lp-wifi measurements, TRMNL and XIAO traces; see ARCHITECTURE.md).
func WiFi() Radio {
	return Radio{
		Boot: Range{6, 12, 40}, Join: Range{30, 60, 110}, Address: Range{0, 3, 60}, TLS: Range{8, 20, 80}, Full: Range{60, 90, 110},
		Exchange: Range{12, 25, 60}, Field: Range{1.15, 1.5, 3}, Picture: Range{8, 20, 60}, Push: Range{6, 12, 30},
	}
}

// StockWiFi is the wake of a sign that scans, asks for an address and shakes
// hands in full each time, as published for a cloud-polling sign: 0.67 C less
// picture and drawing.
func StockWiFi() Radio {
	r := WiFi()
	r.Join, r.Address, r.TLS, r.Exchange, r.Boot = Range{350, 550, 900}, Range{}, Range{}, Range{}, Range{}
	r.Field = Range{1, 1, 1}
	return r
}

// Board is a sign's electronics, panel and battery.
type Board struct {
	Name          string
	Panel         Range // one refresh
	Sleep         Range // µA of the whole board asleep
	Conversion    Range // battery current per rail current
	Usable        Range // mAh down to the voltage at which the board stops; Low is the large cell
	SelfDischarge Range // part per month
}

// Boards are three usual signs.
func Boards() []Board {
	return []Board{
		{"7.5 inch black/white, lithium cell of 2500 mAh", Range{30, 45, 130}, Range{18, 30, 100}, Range{0.95, 1, 1.05}, Range{2300, 2125, 1900}, Range{0.01, 0.025, 0.05}},
		{"4.2 inch black/white, two lithium AA", Range{12, 25, 60}, Range{12, 22, 45}, Range{1.2, 1.32, 1.45}, Range{3300, 3000, 2600}, Range{0.0003, 0.0005, 0.001}},
		{"7.5 inch three colours, lithium cell of 2500 mAh", Range{200, 300, 700}, Range{18, 30, 100}, Range{0.95, 1, 1.05}, Range{2300, 2125, 1900}, Range{0.01, 0.025, 0.05}},
	}
}

// Use is what a sign does on an average day.
type Use struct {
	Contacts       float64 // connections to the gateway
	FullHandshakes float64 // of them with a TLS handshake in full
	Pictures       float64 // fetched
	FlipsAwake     float64 // drawn during a contact
	FlipsAlone     float64 // drawn from a kept timeline without radio
}

// point is one set of values: the medians, or a draw from the spread.
type point struct {
	boot, join, address, tls, full, exchange, field, picture, push float64
	panel, sleep, conversion, usable, selfDischarge                float64
}

func at(r Radio, b Board, pick func(Range) float64) point {
	return point{pick(r.Boot), pick(r.Join), pick(r.Address), pick(r.TLS), pick(r.Full), pick(r.Exchange), pick(r.Field), pick(r.Picture), pick(r.Push),
		pick(b.Panel), pick(b.Sleep), pick(b.Conversion), pick(b.Usable), pick(b.SelfDischarge)}
}

func mid(r Range) float64 { return r.Mid }

// Contact is the median charge of one contact in mC at the rail.
func (r Radio) Contact() float64 { return at(r, Board{}, mid).contact() }

func (p point) contact() float64 { return (p.boot + p.join + p.address + p.tls + p.exchange) * p.field }

// Day is the charge of a day in mAh at the battery, by what it went into.
type Day struct{ Sleep, Radio, Pictures, Drawing float64 }

// Total is the charge of a day in mAh.
func (d Day) Total() float64 { return d.Sleep + d.Radio + d.Pictures + d.Drawing }

func (p point) day(u Use) Day {
	k := p.conversion / 3600
	return Day{
		Sleep:    0.024 * p.sleep,
		Radio:    (u.Contacts*p.contact() + u.FullHandshakes*p.full*p.field) * k,
		Pictures: u.Pictures * p.picture * k,
		Drawing:  (u.FlipsAlone*(p.boot+p.push+p.panel) + u.FlipsAwake*(p.push+p.panel)) * k,
	}
}

// life is the number of days a battery lasts: usable capacity against use and a
// self-discharge in proportion to what is left.
func (p point) life(u Use) float64 {
	q, s := p.day(u).Total(), p.selfDischarge/30.4
	if s < 1e-7 {
		return p.usable / q
	}
	return math.Log1p(s*p.usable/q) / s
}

// Spend is the median charge of a day.
func Spend(r Radio, b Board, u Use) Day { return at(r, b, mid).day(u) }

// Life is the median life of a battery in days.
func Life(r Radio, b Board, u Use) float64 { return at(r, b, mid).life(u) }

// Spread is a figure over the doubt of its inputs: a tenth of the signs do
// worse than P10, half worse than P50.
type Spread struct{ P10, P50, P90 float64 }

// LifeSpread is the life of a battery in days over n draws from the ranges,
// which are taken as independent. The seed makes it repeatable.
func LifeSpread(r Radio, b Board, u Use, n int, seed uint64) Spread {
	return spread(n, seed, func(pick func(Range) float64) float64 { return at(r, b, pick).life(u) })
}

// RatioSpread is how many times longer the battery lasts with one use than with
// another, each draw with the same electronics, place and battery.
func RatioSpread(r Radio, b Board, u, other Use, n int, seed uint64) Spread {
	return spread(n, seed, func(pick func(Range) float64) float64 {
		p := at(r, b, pick)
		return p.life(u) / p.life(other)
	})
}
