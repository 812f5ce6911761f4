package energy

import (
	"fmt"
	"math"
	"testing"
	"time"
)

var (
	office = Weekdays(8*time.Hour, 18*time.Hour)
	demand = Demand{Flips: 12, Unplanned: 3}
)

func poll(every time.Duration) Scheme { return Scheme{Name: "poll", Interval: every, Always: true} }

func ours(every time.Duration) Scheme {
	return Scheme{Name: "timeline", Interval: every, Timeline: true}
}

// The model gives the lives that were published for a sign that polls every 15
// minutes: 101 days on the terms of our batteries, for 20.3 mAh a day.
func TestModelAgreesWithPublishedLives(t *testing.T) {
	r := StockWiFi()
	r.Join.Mid = 670
	b := Boards()[0]
	b.Sleep.Mid, b.Conversion.Mid = 100, 1
	u := Use{Contacts: 96}
	if got := Spend(r, b, u).Total(); math.Abs(got-20.3) > 0.1 {
		t.Errorf("%.2f mAh a day, published 20.3", got)
	}
	if got := Life(r, b, u); math.Abs(got-101) > 1.5 {
		t.Errorf("%.0f days, want 101", got)
	}
}

// A month of our plan against polling every quarter of an hour round the clock.
func TestMonth(t *testing.T) {
	for _, tc := range []struct {
		board  int
		every  time.Duration
		stock  bool    // the other sign wakes as signs in the field do, not as ours
		atMost float64 // ratio that must be reached
	}{
		{0, 30 * time.Minute, true, 5}, {0, 15 * time.Minute, true, 3.8}, {1, 30 * time.Minute, true, 5}, {1, 15 * time.Minute, true, 3},
		{0, 30 * time.Minute, false, 2.4}, {1, 30 * time.Minute, false, 3.5}, {0, 15 * time.Minute, false, 1.8},
	} {
		b := Boards()[tc.board]
		other := WiFi()
		if tc.stock {
			other = StockWiFi()
		}
		a, z := Simulate(ours(tc.every), office, demand, 1, 1), Simulate(poll(15*time.Minute), office, demand, 1, 1)
		if a.Punctual != 1 {
			t.Errorf("%.0f %% of the planned flips on their minute", 100*a.Punctual)
		}
		if a.LateMost > tc.every+20*time.Minute || a.LateP95 > tc.every {
			t.Errorf("an unplanned change waited %v (95 %%: %v), check-ins are every %v", a.LateMost, a.LateP95, tc.every)
		}
		ratio := Life(WiFi(), b, a.Use) / Life(other, b, z.Use)
		t.Logf("%s, every %v, other sign with stock wakes %v: %.1f times the life (%.0f days); late 95 %% %v, most %v; %.1f contacts, %.0f bytes a day",
			b.Name, tc.every, tc.stock, ratio, Life(WiFi(), b, a.Use), a.LateP95, a.LateMost, a.Use.Contacts, a.Bytes)
		if ratio < tc.atMost {
			t.Errorf("%s, every %v, stock %v: %.2f times, want %.1f", b.Name, tc.every, tc.stock, ratio, tc.atMost)
		}
	}
}

func TestSpreadsAreInOrder(t *testing.T) {
	u := Simulate(ours(30*time.Minute), office, demand, 0.9, 3).Use
	for _, b := range Boards() {
		s := LifeSpread(WiFi(), b, u, 2000, 7)
		if !(s.P10 < s.P50 && s.P50 < s.P90) || s.P50 < 100 || s.P90 > 6000 {
			t.Errorf("%s: %+v", b.Name, s)
		}
		if again := LifeSpread(WiFi(), b, u, 2000, 7); again != s {
			t.Error("the same seed gives another spread")
		}
	}
	if r := RatioSpread(WiFi(), Boards()[0], u, u, 100, 1); r != (Spread{1, 1, 1}) {
		t.Errorf("a use against itself: %+v", r)
	}
}

// 10,000 signs of one office never call together.
func TestSignsAreSpread(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	perSecond := map[time.Time]int{}
	for n := range uint64(10000) {
		next := Call{Office: office, Late: 30 * time.Minute, Sign: n, Left: -1}.Next(now)
		perSecond[next]++
	}
	most := 0
	for _, n := range perSecond {
		most = max(most, n)
	}
	if most > 45 {
		t.Errorf("%d signs call in one second; 10000 in the ten minutes before the half hour are 17 a second", most)
	}
}

// What all rooms have in common does not gather their signs: a meeting of the
// whole company, an opening, an evening, a weekend.
func TestSignsStaySpread(t *testing.T) {
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	allHands := []time.Time{monday.Add(10*time.Hour + 5*time.Minute)}
	for _, tc := range []struct {
		name string
		now  time.Duration
		most int // signs in one second
	}{
		{"before a common meeting", 9*time.Hour + 45*time.Minute, 80},
		{"before the opening", 5 * time.Hour, 25},
		{"after a power cut at noon", 12*time.Hour + 7*time.Minute, 45},
		{"in the evening", 17*time.Hour + 59*time.Minute, 25},
		{"over the weekend", -30 * time.Hour, 25},
	} {
		perSecond, most := map[time.Time]int{}, 0
		for n := range uint64(10000) {
			next := Call{Office: office, Late: 30 * time.Minute, Sign: n * 2654435761, Left: -1, Begins: allHands}.Next(monday.Add(tc.now))
			perSecond[next]++
			most = max(most, perSecond[next])
		}
		if most > tc.most {
			t.Errorf("%s: %d of 10000 signs call in one second, at most %d", tc.name, most, tc.most)
		}
	}
}

// A sign looks at the calendar shortly before meetings begin, at round times and
// at others.
func TestCallsComeBeforeMeetings(t *testing.T) {
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	kathmandu, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	for _, sign := range []uint64{1, 2, 3, 1 << 60} {
		for _, every := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour} {
			c := Call{Office: office, Late: every, Sign: sign, Left: -1, Zone: kathmandu}
			local := time.Date(2026, 11, 23, 9, 0, 0, 0, kathmandu)
			next := c.Next(local).In(kathmandu)
			into := time.Duration(next.Minute())*time.Minute%every + time.Duration(next.Second())*time.Second
			if until := every - into; until < time.Minute || until > every/3+time.Second {
				t.Errorf("sign %d, every %v: calls at %v", sign, every, next)
			}
		}
		c := Call{Office: office, Late: 30 * time.Minute, Sign: sign, Left: -1}
		plain := c.Next(monday.Add(9 * time.Hour))
		c.Begins = []time.Time{monday, plain.Add(4 * time.Minute), monday.Add(20 * time.Hour)}
		if got := c.Begins[1].Sub(c.Next(monday.Add(9 * time.Hour))); got < time.Minute || got > 5*time.Minute {
			t.Errorf("sign %d calls %v before the meeting", sign, got)
		}
	}
}

// Whatever the moment, a call is a minute to a day ahead, and working hours are
// never slept through.
func TestCallsFollowEachOther(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo"}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []uint64{0, 1, 99999, math.MaxUint64} {
			c := Call{Office: office, Zone: zone, Late: 30 * time.Minute, Sign: sign, Left: -1, Changes: -1}
			now := time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)
			end := now.AddDate(0, 0, 20)
			calls := 0
			for now.Before(end) {
				next := c.Next(now)
				if wait := next.Sub(now); wait < time.Minute-time.Second || wait > 24*time.Hour {
					t.Fatalf("%s: %v after %v", name, wait, now.In(zone))
				}
				if office.At(now.In(zone)) && office.At(next.In(zone)) && next.Sub(now) > 35*time.Minute {
					t.Errorf("%s: %v without a call in working hours from %v", name, next.Sub(now), now.In(zone))
				}
				now, calls = next, calls+1
			}
			if perDay := float64(calls) / 20; perDay < 14 || perDay > 17 {
				t.Errorf("%s: %.1f calls a day", name, perDay)
			}
		}
	}
}

func TestInterval(t *testing.T) {
	for _, tc := range []struct {
		name    string
		late    time.Duration
		left    float64
		changes float64
		want    time.Duration
	}{
		{"nothing known", 30 * time.Minute, -1, -1, 30 * time.Minute},
		{"quiet room", 30 * time.Minute, 0.8, 0, 30 * time.Minute},
		{"restless room", 30 * time.Minute, 0.8, 6, 15 * time.Minute},
		{"restless room, battery low", 30 * time.Minute, 0.2, 6, 30 * time.Minute},
		{"restless room, often already", 8 * time.Minute, 0.8, 6, 8 * time.Minute},
		{"weak battery", 15 * time.Minute, 0.1, 6, 30 * time.Minute},
		{"nearly empty", 15 * time.Minute, 0.04, 6, time.Hour},
		{"no interval set", 0, -1, -1, time.Minute},
		{"too long", 48 * time.Hour, 0.01, -1, 24 * time.Hour},
	} {
		if got := (Call{Late: tc.late, Left: tc.left, Changes: tc.changes}).Interval(); got != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

// A long weekend without a network costs a sign weeks of its life, not its
// battery.
func TestRetriesBackOff(t *testing.T) {
	const failedTry = 1000 // mC: ten seconds of looking for a network that is gone, at 100 mA
	for _, sign := range []uint64{0, 500, 999} {
		tries := 0
		for total := time.Duration(0); total < 4*24*time.Hour; total += Retry(tries, sign) {
			tries++
		}
		spent := float64(tries) * failedTry / 3600
		b := Boards()[0]
		normal := Spend(WiFi(), b, Simulate(ours(15*time.Minute), office, demand, 1, 1).Use).Total()
		t.Logf("place %d: %d tries in four days cost %.0f mAh, %.1f %% of the battery; a usual day %.1f mAh", sign, tries, spent, 100*spent/b.Usable.Mid, normal)
		if spent > 0.03*b.Usable.Mid {
			t.Errorf("place %d: four days without a network cost %.0f mAh of %.0f", sign, spent, b.Usable.Mid)
		}
	}
	for n, want := range map[int]time.Duration{-5: time.Second, 1: time.Second, 2: 2 * time.Second, 3: time.Minute, 5: 4 * time.Minute, 9: time.Hour, 1 << 30: time.Hour} {
		if got := Retry(n, 0); got != want {
			t.Errorf("after %d failures: %v, want %v", n, got, want)
		}
	}
	if got := Retry(9, 999); got < 30*time.Minute || got > 31*time.Minute {
		t.Errorf("shortened to %v", got)
	}
}

// discharge plays a battery: true life in days, the reading of every day.
func discharge(c Cell, days int, countedPerDay float64, noise func(i int) int) []Sample {
	start := time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)
	volts := func(left float64) float64 {
		for i := 1; i < len(c.curve); i++ {
			if a, b := c.curve[i-1], c.curve[i]; left <= b.left {
				return a.volts + (b.volts-a.volts)*(left-a.left)/(b.left-a.left)
			}
		}
		return c.curve[len(c.curve)-1].volts
	}
	var out []Sample
	for i := range days {
		left := 1 - float64(i)/float64(days)
		out = append(out, Sample{At: start.AddDate(0, 0, i), Millivolts: int(volts(left)*1000) + noise(i), Celsius: 21, Counted: countedPerDay * float64(i)})
	}
	return out
}

func jitter(i int) int { return (i*7919)%13 - 6 }

// Days left are right within the error they name, at half, a quarter and a tenth.
func TestForecastKeepsItsWord(t *testing.T) {
	for _, c := range []Cell{LithiumIon(), LithiumAA(), AlkalineAA()} {
		for _, cost := range []float64{0.75, 1, 1.3} { // the place costs less or more than is counted
			const days, usable = 600, 2125.0
			all := discharge(c, days, usable/days/cost, jitter)
			for _, left := range []float64{0.5, 0.25, 0.1} {
				n := int(days * (1 - left))
				h := History{Cell: c, Usable: usable, Scale: 0, Samples: all[:n]}
				f := h.Forecast()
				truth := float64(days - n)
				name := fmt.Sprintf("%s, cost %.2f, %.0f %% left", c.Name, cost, 100*left)
				if !f.Known || f.DaysLow > f.Days || f.Days > f.DaysHigh {
					t.Fatalf("%s: %+v", name, f)
				}
				if miss := math.Abs(f.Days-truth) / days; miss > 0.3 {
					t.Errorf("%s: %.0f days, truly %.0f: off by %.0f %% of a life", name, f.Days, truth, 100*miss)
				}
			}
		}
	}
}

// Readers that trust a straight line say "100 %" until a lithium AA is dead.
// Ours warns weeks before.
func TestLithiumWarnsWeeksBeforeItsCliff(t *testing.T) {
	const days, usable = 500, 3000.0
	c := LithiumAA()
	all := discharge(c, days, usable/days, jitter)
	first := map[Warning]int{}
	for n := 10; n < days; n++ {
		w := History{Cell: c, Usable: usable, Scale: 1, Samples: all[:n]}.Forecast().Warning()
		if _, seen := first[w]; !seen {
			first[w] = days - n
		}
	}
	if left := first[Soon]; left < 21 || left > 120 {
		t.Errorf("the first warning came %d days before the end", left)
	}
	if left := first[Now]; left < 5 || left > 60 {
		t.Errorf("the second warning came %d days before the end", left)
	}
	if left := first[Dying]; left < 1 {
		t.Error("no alarm before the end")
	}
	straight := (float64(all[days*85/100].Millivolts)/1000 - 2.0) / (3.2 - 2.0)
	t.Logf("with 15 %% left a straight line from 2.0 to 3.2 V says %.0f %%; warnings %v days before the end", 100*straight, first)
}

func TestNewBatteryStartsOver(t *testing.T) {
	c := LithiumIon()
	old := discharge(c, 100, 20, jitter)[:95]
	fresh := discharge(c, 100, 20, jitter)[:10]
	for i := range fresh {
		fresh[i].At = fresh[i].At.AddDate(0, 0, 95)
	}
	f := History{Cell: c, Usable: 2125, Samples: append(old, fresh...)}.Forecast()
	if f.Changed.IsZero() || f.Left < 0.8 || f.Warning() != Fine {
		t.Errorf("%+v, warning %d", f, f.Warning())
	}
}

func TestNothingSeenSaysNothing(t *testing.T) {
	f := History{Cell: LithiumIon(), Usable: 2125}.Forecast()
	if f.Known || f.Warning() != Fine {
		t.Errorf("%+v", f)
	}
	one := History{Cell: LithiumIon(), Usable: 2125, Samples: []Sample{{At: time.Now(), Millivolts: 3900}}}.Forecast()
	if one.Known || one.Left < 0.4 {
		t.Errorf("%+v", one)
	}
}
