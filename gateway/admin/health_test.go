package admin

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/energy"
	"doorleaf/devices/health"
	"doorleaf/gateway"
)

// ailing is a house of signs with every trouble, and a floor that is silent.
func ailing(now time.Time, many int) []health.Sign {
	sign := func(kind string, n int) health.Sign {
		return health.Sign{ID: devices.SignID(fmt.Sprintf("%s%02d", kind, n)), Name: fmt.Sprintf("Meeting room %s %d", kind, n), Model: "800x480", FirmwareNo: 4, Firmware: "1.4.0",
			LastSeen: now.Add(-10 * time.Minute), LateSince: now.Add(time.Hour), SignalDBm: -60}
	}
	var list []health.Sign
	for n := range many {
		for _, t := range []struct {
			kind   string
			change func(*health.Sign)
		}{
			{"floor", func(s *health.Sign) {
				s.AlwaysOn, s.Floor, s.Address = true, "Head office · 5", fmt.Sprintf("10.1.5.%d", n%250)
			}},
			{"well", func(s *health.Sign) { s.Address = fmt.Sprintf("10.1.1.%d", n%250) }},
			{"wrong", func(s *health.Sign) { s.Wrong = true }},
			{"panel", func(s *health.Sign) { s.Error = devices.ErrPanel }},
			{"clock", func(s *health.Sign) { s.ClockOff = time.Duration(n%5-7) * time.Minute }},
			{"late", func(s *health.Sign) { s.LateSince = now.Add(-20 * time.Minute) }},
			{"weak", func(s *health.Sign) { s.SignalDBm = -88 }},
			{"old", func(s *health.Sign) { s.FirmwareNo, s.Firmware = 3, "1.3.9" }},
			{"low", func(s *health.Sign) {
				s.Battery = energy.Forecast{Left: 0.12, LeftError: 0.03, Days: 40, DaysLow: 21, DaysHigh: 60, Known: true}
			}},
			{"empty", func(s *health.Sign) { s.Battery = energy.Forecast{Left: 0.01, LeftError: 0.01, Known: true} }},
		} {
			s := sign(t.kind, n)
			t.change(&s)
			list = append(list, s)
		}
	}
	return list
}

func TestHealthPage(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(healthPage).want(t, http.StatusOK, "").says(t, "Nothing is wrong")
	o.fillHealth(3)
	page := b.get(healthPage).want(t, http.StatusOK, "")
	for _, text := range []string{"3 of 3 signs in the network 10.1.5.0/24 are silent", "Look at the access point or switch", "3 doors show a wrong picture", "3 signs missed their call",
		"3 panels fail", "about 7 min early", "3 batteries run low", "21 to 60 days left", "-88 dBm", "newest is 1.4.0", "credential is used twice", "2 times, last from 10.1.7.98",
		"wrong passwords", "Check that this machine may open outgoing HTTPS"} {
		page.says(t, text)
	}
	if !strings.Contains(page.body, `href="/m/doors/wrong00"`) {
		t.Error("no way to a door's page")
	}
	if i, j := strings.Index(page.body, "10.1.5.0/24"), strings.Index(page.body, "wrong picture"); i > j {
		t.Error("the group does not come first")
	}
	for _, forbidden := range []string{"<no value>", "%!", "health."} {
		if strings.Contains(page.body, forbidden) {
			t.Errorf("the page says %q", forbidden)
		}
	}
}

// 300 signs fit: a few of each kind are shown, the rest unfolds.
func TestHealthPageOfALargeHouse(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	o.fillHealth(300)
	page := b.get(healthPage).want(t, http.StatusOK, "").says(t, "300 of 300 signs").says(t, "296 more")
	if len(page.body) > 1<<20 {
		t.Errorf("%d bytes", len(page.body))
	}
	if n := strings.Count(page.body, "<details>"); n < 8 {
		t.Errorf("%d lists unfold", n)
	}
}

// The overview says a group once instead of its doors, and counts what misleads
// nobody.
func TestOverviewCountsHealth(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	late := o.core.doors[1]
	if late.Trust != gateway.Late {
		t.Fatalf("door 1 is %s", late.Trust)
	}
	before := b.get("/m").want(t, http.StatusOK, "").says(t, "should have called")
	o.health.report = health.Report{
		Groups: []health.Group{{Cause: health.TheFloor, What: "Head office · 2", Of: 4, Since: o.now, Members: []health.Condition{
			{Key: health.Key{Kind: health.Late, Subject: string(late.Sign.ID)}, Sign: late.Sign.ID, Name: late.Sign.Name, Since: o.now, Severity: health.Warning}}}},
		Conditions: []health.Condition{
			{Key: health.Key{Kind: health.ClockOff, Subject: "a"}, Severity: health.Warning, Since: o.now, Number: 3},
			{Key: health.Key{Kind: health.WeakSignal, Subject: "a"}, Severity: health.Note, Since: o.now, Number: -88},
		},
	}
	after := b.get("/m").want(t, http.StatusOK, "").says(t, "on floor Head office · 2").says(t, "1 more thing in Health")
	if strings.Count(after.body, "should have called") != strings.Count(before.body, "should have called")-1 {
		t.Error("a door that the group explains is listed by itself, too")
	}
}

func TestHealthSpeaksEveryLanguage(t *testing.T) {
	c := texts(t)
	for _, kind := range health.Kinds() {
		for _, key := range []string{"health." + string(kind), "health." + string(kind) + ".next"} {
			if !c.Has(key) {
				t.Errorf("no text %s", key)
			}
		}
	}
	for _, cause := range health.Causes() {
		if key := "health.group." + string(cause); !c.Has(key) || !c.Has(key+".next") {
			t.Errorf("no text %s", key)
		}
	}
	for _, kind := range devices.IncidentKinds() {
		if key := "health.attack." + string(kind); !c.Has(key) {
			t.Errorf("no text %s", key)
		}
	}
}

func TestPowerPage(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	page := b.get(powerPage).want(t, http.StatusOK, "").says(t, "Modelled, not measured").says(t, "months").says(t, "12 planned and 3 unplanned")
	if strings.Contains(page.body, "%!") || strings.Contains(page.body, "power.") {
		t.Error("a text is missing")
	}
	good := []string{"late", "60", "day-0", "on", "day-1", "on", "battery", "lithium-ion"}
	b.post(powerPage, good...).want(t, http.StatusSeeOther, powerPage)
	site := o.store.site
	if site.CheckIn != time.Hour || len(site.Days) != 2 || site.Days[0] != time.Sunday || site.Battery != gateway.LithiumIonCell {
		t.Errorf("stored %+v", site)
	}
	for _, tc := range []struct {
		name   string
		fields []string
		status int
	}{
		{"no time", []string{"day-1", "on", "battery", ""}, http.StatusUnprocessableEntity},
		{"a time that is not offered", []string{"late", "7", "day-1", "on", "battery", ""}, http.StatusUnprocessableEntity},
		{"no day", []string{"late", "30", "battery", ""}, http.StatusUnprocessableEntity},
		{"a day that is none", []string{"late", "30", "day-9", "on", "battery", ""}, http.StatusUnprocessableEntity},
		{"a battery that is none", []string{"late", "30", "day-1", "on", "battery", "nuclear"}, http.StatusUnprocessableEntity},
	} {
		b.post(powerPage, tc.fields...).want(t, tc.status, "")
		if o.store.site.CheckIn != time.Hour {
			t.Errorf("%s: stored %+v", tc.name, o.store.site)
		}
	}
}

// A longer wait never costs more.
func TestLaterIsCheaper(t *testing.T) {
	p := &page{srv: &server{texts: texts(t)}, v: &visit{language: "en"}}
	last := 0.0
	for _, late := range lateChoices() {
		m := energy.Simulate(energy.Scheme{Interval: late, Timeline: true}, energy.Weekdays(8*time.Hour, 18*time.Hour), demand, 0.95, 1)
		life := energy.Life(energy.WiFi(), energy.Boards()[0], m.Use)
		if life <= last {
			t.Errorf("%v: %.0f days, less than at a shorter time", late, life)
		}
		last = life
	}
	for _, tc := range []struct {
		s    energy.Spread
		want string
	}{
		{energy.Spread{P10: 100, P50: 200, P90: 300}, "3 to 10 months"}, {energy.Spread{P10: 400, P50: 700, P90: 900}, "13 months to over 2 years"},
		{energy.Spread{P10: 800, P50: 900, P90: 2000}, "over 2 years"}, {energy.Spread{P10: 5, P50: 9, P90: 12}, "1 to 2 months"},
	} {
		if got := p.life(tc.s); got != tc.want {
			t.Errorf("%+v: got %q, want %q", tc.s, got, tc.want)
		}
	}
}

func TestBatteryOnTheDoorsPage(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	var door gateway.DoorView
	for _, d := range o.core.doors {
		if !d.Sign.Hardware.AlwaysOn {
			door = d
			break
		}
	}
	path := "/m/doors/" + string(door.Sign.ID)
	if page := b.get(path).want(t, http.StatusOK, ""); strings.Contains(page.body, "polyline") {
		t.Error("a curve of nothing")
	}
	life := gateway.BatteryLife{Cell: "lithium-ion", Forecast: energy.Forecast{Left: 0.4, LeftError: 0.1, Days: 100, DaysLow: 70, DaysHigh: 140, Known: true}}
	for i := range 40 {
		life.History = append(life.History, gateway.BatteryDay{Day: o.now.AddDate(0, 0, i-40), LowMillivolts: 3700 - i, LastMillivolts: 3800 - i})
	}
	o.health.lives = map[devices.SignID]gateway.BatteryLife{door.Sign.ID: life}
	b.get(path).want(t, http.StatusOK, "").says(t, "About 70 to 140 days left").says(t, "3.66 to 3.80 V")
	life.Cell = ""
	o.health.lives[door.Sign.ID] = life
	page := b.get(path).want(t, http.StatusOK, "").says(t, "cannot be told from the voltage")
	if strings.Count(page.body, "<polyline") != 2 || !strings.Contains(page.body, `href="/m/settings/power#battery"`) {
		t.Error("no curves, or no way to say which battery it is")
	}
}
