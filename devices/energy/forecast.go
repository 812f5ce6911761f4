package energy

import (
	"math"
	"time"
)

// Cell is a kind of battery: what its rested voltage says of what is left.
type Cell struct {
	Name string
	// curve maps the part left to volts, both rising.
	curve []levelVolts
	// flat is the part of the curve in which voltage says little.
	flatFrom, flatTo float64
}

type levelVolts struct{ left, volts float64 }

// LithiumIon is one rechargeable cell (open-circuit table of a phone's gauge).
func LithiumIon() Cell {
	return Cell{"lithium-ion", []levelVolts{{0, 3.27}, {.03, 3.50}, {.05, 3.61}, {.10, 3.69}, {.15, 3.71}, {.2, 3.73}, {.25, 3.75}, {.3, 3.77}, {.35, 3.79},
		{.4, 3.80}, {.45, 3.82}, {.5, 3.84}, {.55, 3.85}, {.6, 3.87}, {.65, 3.91}, {.7, 3.95}, {.75, 3.98}, {.8, 4.02}, {.85, 4.08}, {.9, 4.11}, {.95, 4.15}, {1, 4.20}}, .15, .6}
}

// LithiumAA are two primary lithium AA cells in series: flat for most of their
// life, then a cliff.
func LithiumAA() Cell {
	return Cell{"two lithium AA", []levelVolts{{0, 2.0}, {.02, 2.6}, {.05, 2.86}, {.1, 2.93}, {.2, 2.98}, {.4, 3.02}, {.6, 3.05}, {.8, 3.10}, {.95, 3.20}, {1, 3.56}}, .1, .95}
}

// AlkalineAA are two alkaline AA cells in series.
func AlkalineAA() Cell {
	return Cell{"two alkaline AA", []levelVolts{{0, 2.0}, {.1, 2.3}, {.25, 2.45}, {.5, 2.6}, {.75, 2.8}, {.95, 3.0}, {1, 3.15}}, 1, 0}
}

// left is the part left that a rested voltage says.
func (c Cell) left(volts float64) float64 {
	t := c.curve
	if volts <= t[0].volts {
		return 0
	}
	for i := 1; i < len(t); i++ {
		if a, b := t[i-1], t[i]; volts <= b.volts {
			return a.left + (b.left-a.left)*(volts-a.volts)/(b.volts-a.volts)
		}
	}
	return 1
}

// slope is volts per whole battery around a part left.
func (c Cell) slope(left float64) float64 {
	t := c.curve
	for i := 1; i < len(t); i++ {
		if a, b := t[i-1], t[i]; left <= b.left {
			return (b.volts - a.volts) / (b.left - a.left)
		}
	}
	last := t[len(t)-1]
	return (last.volts - t[len(t)-2].volts) / (last.left - t[len(t)-2].left)
}

// Sample is one rested reading: taken at wake, before radio and panel.
type Sample struct {
	At         time.Time
	Millivolts int
	Celsius    int
	Counted    float64 // mAh used since this battery was put in, by the counts of the sign and Spend
}

// History is what is known of one battery, oldest first.
type History struct {
	Cell    Cell
	Usable  float64 // mAh
	Scale   float64 // true charge per counted charge, learned from earlier batteries; 0 when none was
	Samples []Sample
}

// Forecast is how long a battery will last.
type Forecast struct {
	Left      float64 // part left, 0 to 1
	LeftError float64 // standard error of Left
	Days      float64 // median
	DaysLow   float64 // nine of ten batteries last longer
	DaysHigh  float64
	Known     bool      // false: too little was seen to say anything
	Changed   time.Time // when the battery was last put in or charged
}

// Errors of the two views, as parts of a whole battery: what is counted drifts
// with the cost of a place, what is measured with the converter and the cell.
const (
	countError        = 0.30 // of the counted part, before a scale is learned
	countErrorLearned = 0.12
	voltError         = 0.015 // volts
	cellError         = 0.05
	minDays           = 0.5 // of history before days are named
)

// Forecast joins counted charge and rested voltage by their doubt: voltage
// decides at both ends, counting in the flat middle. A rise of the voltage by
// more than cold and rest explain begins a new battery.
func (h History) Forecast() Forecast {
	samples, changed := h.sinceChange()
	if len(samples) == 0 {
		return Forecast{}
	}
	first, last := samples[0], samples[len(samples)-1]
	volts := h.rested(samples)
	byVolts := h.Cell.left(volts)
	slope := math.Max(h.Cell.slope(byVolts), 0.02)
	varVolts := sq(voltError/slope) + sq(cellError)
	left, variance := byVolts, varVolts

	scale, part := h.Scale, countErrorLearned
	if scale == 0 {
		scale, part = 1, countError
	}
	used := scale * (last.Counted - first.Counted)
	if h.Usable > 0 && used > 0 {
		begin := 1.0
		if changed.IsZero() { // where we came in is only known by voltage
			begin = h.Cell.left(float64(first.Millivolts) / 1000)
		}
		byCount := begin - used/h.Usable
		varCount := sq(part*used/h.Usable) + sq(0.03)
		if changed.IsZero() {
			varCount += varVolts
		}
		left = (byVolts/varVolts + byCount/varCount) / (1/varVolts + 1/varCount)
		variance = 1 / (1/varVolts + 1/varCount)
		if gap := math.Abs(byVolts - byCount); gap > 2*math.Sqrt(varVolts+varCount) {
			left, variance = math.Min(byVolts, byCount), sq(gap)/4 // they disagree: believe the worse
		}
	}
	f := Forecast{Left: clamp(left), LeftError: math.Sqrt(variance), Changed: changed}
	days := last.At.Sub(first.At).Hours() / 24
	if days < minDays {
		return f
	}
	rate, rateError := h.rate(samples, scale, part)
	if rate <= 0 {
		return f
	}
	f.Known = true
	f.Days = f.Left / rate
	relative := math.Hypot(f.LeftError/math.Max(f.Left, 0.02), rateError)
	f.DaysLow, f.DaysHigh = f.Days*math.Exp(-1.2816*relative), f.Days*math.Exp(1.2816*relative)
	return f
}

// rate is the part of the battery that a day costs, and its relative error: the
// counts of the last four weeks, or the fall of the voltage where nothing is
// counted.
func (h History) rate(samples []Sample, scale, part float64) (perDay, relative float64) {
	last := samples[len(samples)-1]
	from := samples[0]
	for _, s := range samples {
		if last.At.Sub(s.At) <= 28*24*time.Hour {
			from = s
			break
		}
	}
	days := last.At.Sub(from.At).Hours() / 24
	if days < minDays {
		from, days = samples[0], last.At.Sub(samples[0].At).Hours()/24
	}
	if h.Usable > 0 && last.Counted > from.Counted {
		return scale * (last.Counted - from.Counted) / h.Usable / days, part
	}
	fell := h.Cell.left(float64(samples[0].Millivolts)/1000) - h.Cell.left(h.rested(samples))
	whole := last.At.Sub(samples[0].At).Hours() / 24
	return fell / whole, math.Max(0.5, cellError/math.Max(fell, 0.01))
}

// rested is the median of the last readings in volts, each put right for cold.
func (h History) rested(samples []Sample) float64 {
	tail := samples[max(0, len(samples)-9):]
	v := make([]float64, 0, len(tail))
	for _, s := range tail {
		volts := float64(s.Millivolts) / 1000
		if s.Celsius < 20 && s.Celsius > -40 {
			volts += 0.0015 * float64(20-s.Celsius)
		}
		v = append(v, volts)
	}
	for i := 1; i < len(v); i++ { // insertion sort of at most nine
		for j := i; j > 0 && v[j] < v[j-1]; j-- {
			v[j], v[j-1] = v[j-1], v[j]
		}
	}
	return v[len(v)/2]
}

// sinceChange returns the samples of the battery in use and when it was put in;
// zero when that was before the first sample.
func (h History) sinceChange() ([]Sample, time.Time) {
	begin, changed := 0, time.Time{}
	for i := 1; i < len(h.Samples); i++ {
		a, b := h.Samples[i-1], h.Samples[i]
		rise := h.Cell.left(float64(b.Millivolts)/1000) - h.Cell.left(float64(a.Millivolts)/1000)
		if b.Millivolts-a.Millivolts > 120 && rise > 0.15 || b.Counted < a.Counted {
			begin, changed = i, b.At
		}
	}
	return h.Samples[begin:], changed
}

func sq(x float64) float64 { return x * x }

func clamp(x float64) float64 { return math.Min(1, math.Max(0, x)) }

// Warning is what a forecast asks for.
type Warning uint8

// The warnings, each weeks or days before the sign goes dark.
const (
	Fine  Warning = iota
	Soon          // plan a new battery: within five weeks, or under 15 %
	Now           // change it this week
	Dying         // the next picture may be the last
)

// Warning says whether somebody has to act. It looks at the cautious end of the
// forecast, so that a battery of unknown history warns early rather than late.
func (f Forecast) Warning() Warning {
	switch {
	case f.Changed.IsZero() && !f.Known && f.LeftError == 0:
		return Fine // nothing seen
	case f.Left < 0.03 || f.Known && f.DaysLow < 2:
		return Dying
	case f.Left < 0.07 || f.Known && f.DaysLow < 9:
		return Now
	case f.Left < 0.15 || f.Known && f.DaysLow < 35:
		return Soon
	}
	return Fine
}
