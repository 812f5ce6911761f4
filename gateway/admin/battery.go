package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorleaf/devices/energy"
	"doorleaf/gateway"
)

const powerPage = "/m/settings/power"

// lateChoices are how late a change at short notice may be.
func lateChoices() []time.Duration {
	return []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}
}

type powerView struct {
	*page
	Late      string // minutes
	Choices   []lateChoice
	Boards    []string
	Days      []dayChoice
	Hours     string
	Batteries []option
	Battery   string
	Inputs    []string
	Problems  problems
}

// lateChoice is one choice with what it costs, by board.
type lateChoice struct {
	Value, Label, Of string
	Lives            []string
}

// dayChoice is one day of the week.
type dayChoice struct {
	Value, Label string
	On           bool
}

// demand is what is reckoned to happen to a room on a working day.
var demand = energy.Demand{Flips: 12, Unplanned: 3}

// modelDraws is how many signs are drawn from the doubt of the inputs.
const modelDraws = 1000

func (s *server) editPower(w http.ResponseWriter, v *visit) error {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	return s.renderPower(w, v, http.StatusOK, site, nil)
}

func (s *server) renderPower(w http.ResponseWriter, v *visit, status int, site gateway.Site, found problems) error {
	p := s.newPage(v, "power.title", "settings")
	view := &powerView{page: p, Late: strconv.Itoa(int(site.CheckIn / time.Minute)), Battery: site.Battery, Problems: found}
	view.Hours = p.T("power.hours", p.clockOfDay(site.DayStart), p.clockOfDay(site.DayEnd))
	boards := energy.Boards()
	for i, b := range boards {
		name := p.T("power.board." + strconv.Itoa(i))
		view.Boards = append(view.Boards, name)
		r := energy.WiFi()
		low, high := contactRange(r)
		view.Inputs = append(view.Inputs, name+": "+p.T("power.inputs.text", int(r.Contact()), low, high,
			int(b.Sleep.Mid), int(b.Sleep.Low), int(b.Sleep.High), int(b.Panel.Mid), int(b.Panel.Low), int(b.Panel.High), int(b.Usable.Mid)))
	}
	choices := lateChoices()
	if !slices.Contains(choices, site.CheckIn) {
		choices = append(choices, site.CheckIn)
		slices.Sort(choices)
	}
	for _, late := range choices {
		view.Choices = append(view.Choices, p.lateChoice(site, late, boards))
	}
	days := site.Days
	if len(days) == 0 {
		days = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	}
	for i := range 7 {
		d := time.Weekday((i + 1) % 7) // from Monday
		view.Days = append(view.Days, dayChoice{strconv.Itoa(int(d)), p.srv.texts.Weekday(p.v.language, d), slices.Contains(days, d)})
	}
	for _, b := range gateway.BatteryKinds() {
		key := b
		if b == gateway.GuessBattery {
			key = "guess"
		}
		view.Batteries = append(view.Batteries, option{b, p.T("power.battery." + key)})
	}
	return s.render(w, v, status, "power", view)
}

// lateChoice reckons what a choice costs.
func (p *page) lateChoice(site gateway.Site, late time.Duration, boards []energy.Board) lateChoice {
	office := energy.Weekdays(time.Duration(site.DayStart)*time.Minute, time.Duration(site.DayEnd)*time.Minute)
	m := energy.Simulate(energy.Scheme{Interval: late, Timeline: true}, office, demand, 0.95, 1)
	c := lateChoice{Value: strconv.Itoa(int(late / time.Minute)), Label: p.T("power.late.choice", int(late/time.Minute)),
		Of: p.T("power.late.of", p.T("power.minutes", int((m.LateP95+time.Minute-1)/time.Minute)))}
	for _, b := range boards {
		c.Lives = append(c.Lives, p.life(energy.LifeSpread(energy.WiFi(), b, m.Use, modelDraws, 1)))
	}
	return c
}

// life is a battery's life as a range of months. Beyond two years cells age in
// ways that no model knows.
func (p *page) life(s energy.Spread) string {
	const month, years = 30.4, 24
	low, high := int(s.P10/month), int(s.P90/month+0.5)
	switch {
	case low >= years:
		return p.T("power.more")
	case high > years:
		return p.T("power.months.more", max(low, 1))
	}
	return p.T("power.months", max(low, 1), max(high, low+1, 2))
}

// contactRange is what one contact costs at the two ends of its doubt.
func contactRange(r energy.Radio) (low, high int) {
	at := func(pick func(energy.Range) float64) int {
		return int((pick(r.Boot) + pick(r.Join) + pick(r.Address) + pick(r.TLS) + pick(r.Exchange)) * pick(r.Field))
	}
	return at(func(x energy.Range) float64 { return x.Low }), at(func(x energy.Range) float64 { return x.High })
}

func (p *page) clockOfDay(minutes int) string {
	return p.srv.texts.ClockText(p.v.language, minutes, p.srv.texts.Hour12(p.v.language))
}

// savePower stores how late changes may be, the working days and the kind of
// battery, and has all signs planned again.
func (s *server) savePower(w http.ResponseWriter, v *visit) error {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	p := s.newPage(v, "", "")
	found := problems{}
	late, err := strconv.Atoi(v.field("late"))
	if next := time.Duration(late) * time.Minute; err == nil && (slices.Contains(lateChoices(), next) || next == site.CheckIn) {
		site.CheckIn = next
	} else {
		found.add(p, "late", "problem.late")
	}
	site.Days = nil
	for day := time.Sunday; day <= time.Saturday; day++ {
		if v.field("day-"+strconv.Itoa(int(day))) != "" {
			site.Days = append(site.Days, day)
		}
	}
	if len(site.Days) == 0 {
		found.add(p, "days", "problem.days")
	}
	if site.Battery = v.field("battery"); !slices.Contains(gateway.BatteryKinds(), site.Battery) {
		site.Battery = gateway.GuessBattery
		found.add(p, "battery", "problem.battery")
	}
	if len(found) > 0 {
		return s.renderPower(w, v, http.StatusUnprocessableEntity, site, found)
	}
	if err := s.saveSiteSettings(v.Context(), site); err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, powerPage)
}

// batteryView is what a door's page says of its sign's battery.
type batteryView struct {
	Sentence string
	Guess    bool // the kind of battery has to be told
	Chart    *batteryChart
}

// batteryChart is a curve for an SVG of 300 by 60 units.
type batteryChart struct {
	Label     string
	Low, Last string // points
}

// batteryOf says how a sign's battery is, nil when nothing is known of one.
func (p *page) batteryOf(life gateway.BatteryLife) *batteryView {
	if len(life.History) == 0 {
		return nil
	}
	view := &batteryView{Chart: p.batteryChart(life.History)}
	const twoYears = 730
	switch {
	case life.Cell == "":
		view.Sentence, view.Guess = p.T("door.battery.kind"), true
	case life.Known && life.DaysLow > twoYears:
		view.Sentence = p.T("door.battery.years")
	case life.Known:
		view.Sentence = p.T("door.battery.left", int(life.DaysLow), int(min(life.DaysHigh, 2*twoYears)+0.5))
	case life.LeftError > 0:
		view.Sentence = p.T("door.battery.part", int(100*life.Left+0.5), int(100*life.LeftError+0.5))
	default:
		view.Sentence = p.T("door.battery.unknown")
	}
	return view
}

// batteryChart draws the voltages of a history, nil when there is no line yet.
func (p *page) batteryChart(days []gateway.BatteryDay) *batteryChart {
	if len(days) < 3 {
		return nil
	}
	first, span := days[0].Day, days[len(days)-1].Day.Sub(days[0].Day).Hours()
	least, most := days[0].LowMillivolts, 0
	for _, d := range days {
		least, most = min(least, d.LowMillivolts), max(most, d.LastMillivolts, d.LowMillivolts)
	}
	room := max(most-least, 100)
	var low, last []string
	for _, d := range days {
		x := 300 * d.Day.Sub(first).Hours() / span
		y := func(millivolts int) float64 { return 58 - 56*float64(millivolts-least)/float64(room) }
		low, last = append(low, fmt.Sprintf("%.1f,%.1f", x, y(d.LowMillivolts))), append(last, fmt.Sprintf("%.1f,%.1f", x, y(d.LastMillivolts)))
	}
	volts := func(millivolts int) string { return fmt.Sprintf("%.2f", float64(millivolts)/1000) }
	return &batteryChart{p.T("door.battery.chart", volts(least), volts(most)), strings.Join(low, " "), strings.Join(last, " ")}
}
