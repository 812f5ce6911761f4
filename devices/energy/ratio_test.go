package energy

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// The issue asks for five times the life of a sign that polls every quarter of
// an hour round the clock, at a check-in every 30 minutes in office hours, with
// the same constants on both sides. This test does the sum in the open: what the
// counts alone allow, what sleep and drawing take of it, and at which sleep
// current the goal could be met. Three usual boards sleep above it; one that
// cuts its own power between wakes and leaves only its clock running sleeps far
// below, and there the goal is held.
func TestWhatIsPossibleWithEqualConstants(t *testing.T) {
	a, z := Simulate(ours(30*time.Minute), office, demand, 1, 1), Simulate(poll(15*time.Minute), office, demand, 1, 1)
	counts := z.Use.Contacts / a.Use.Contacts
	t.Logf("contacts in 30 days: polling %.0f, ours %.0f: %.2f times fewer. No constant can lift the ratio of lives above that.", 30*z.Use.Contacts, 30*a.Use.Contacts, counts)
	if counts < 5 || counts > 7 {
		t.Errorf("%.2f times fewer contacts, want 5 to 7", counts)
	}
	stock, tuned := StockWiFi(), WiFi()
	// A published room sign with a clock chip and a transistor in the supply: 5 µA
	// asleep, three alkaline AA (2 to 3 % of self-discharge a year).
	boards := append(Boards(), Board{"7.5 inch black/white that cuts its own power, three alkaline AA",
		Boards()[0].Panel, Range{4, 5, 8}, Range{0.95, 1, 1.05}, Range{2800, 2500, 2000}, Range{0.0017, 0.002, 0.0025}})
	for _, tc := range []struct {
		name  string
		radio Radio
		board int
		least float64 // ratio of the charge of a day
		most  float64
	}{
		{"both wake as signs in the field do", stock, 0, 3.6, 4.6},
		{"both wake as ours", tuned, 0, 2.6, 3.4},
		{"both wake as signs in the field do", stock, 1, 4.2, 5.2},
		{"both wake as ours", tuned, 1, 3.4, 4.4},
		{"both wake as signs in the field do", stock, 2, 3.4, 4.4},
		{"both wake as signs in the field do", stock, 3, 5, 5.85},
	} {
		b := boards[tc.board]
		p, q := Spend(tc.radio, b, z.Use), Spend(tc.radio, b, a.Use)
		charge, life := p.Total()/q.Total(), Life(tc.radio, b, a.Use)/Life(tc.radio, b, z.Use)
		t.Logf("%s; %s:\n  polling %.2f mAh a day = %s\n  ours    %.2f mAh a day = %s\n  charge %.2f to 1, life %.2f to 1 (%s)",
			b.Name, tc.name, p.Total(), parts(p), q.Total(), parts(q), charge, life, asleepFor(p, q, 5))
		if charge < tc.least || charge > tc.most {
			t.Errorf("%s, %s: %.2f times the charge, want %.1f to %.1f", b.Name, tc.name, charge, tc.least, tc.most)
		}
		if tc.least >= 5 && life < tc.least {
			t.Errorf("%s, %s: %.2f times the life, want %.1f", b.Name, tc.name, life, tc.least)
		}
		if charge > counts {
			t.Errorf("%s: the charge differs %.2f times, the contacts only %.2f", b.Name, charge, counts)
		}
	}
}

func parts(d Day) string {
	return fmt.Sprintf("radio %.2f + sleep %.2f + pictures %.2f + drawing %.2f", d.Radio, d.Sleep, d.Pictures, d.Drawing)
}

// asleepFor says at which sleep current, in µA at the battery, the ratio of two
// days would be so many to one: P + x = ratio * (Q + x) without sleep in P and Q.
func asleepFor(p, q Day, ratio float64) string {
	p.Sleep, q.Sleep = 0, 0
	x := (p.Total() - ratio*q.Total()) / (ratio - 1)
	if x <= 0 {
		return fmt.Sprintf("%g to 1 is out of reach even without any sleep current: %.2f to 1", ratio, p.Total()/q.Total())
	}
	return fmt.Sprintf("%g to 1 needs a board that sleeps below %.0f µA", ratio, x/0.024)
}

// What we promise, against the sign as it is published, and what it costs in
// lateness. A board that sleeps at 22 µA is the second of the list.
func TestPromise(t *testing.T) {
	for _, tc := range []struct {
		every time.Duration
		board int
		least float64
	}{
		{15 * time.Minute, 0, 3.6}, {30 * time.Minute, 0, 5}, {time.Hour, 0, 6}, {15 * time.Minute, 1, 5}, {30 * time.Minute, 1, 8}, {30 * time.Minute, 2, 4},
	} {
		b := Boards()[tc.board]
		a, z := Simulate(ours(tc.every), office, demand, 0.95, 1), Simulate(poll(15*time.Minute), office, demand, 1, 1) // the published wake has its handshake in it
		ratio := Life(WiFi(), b, a.Use) / Life(StockWiFi(), b, z.Use)
		spread := LifeSpread(WiFi(), b, a.Use, 4000, 1)
		t.Logf("%s, every %v: %.1f times the life of a published poller; %.0f days (%.0f to %.0f); unplanned changes late %v at the 95th percentile, %v at most; %.0f contacts, %.0f full handshakes, %.0f bytes a day",
			b.Name, tc.every, ratio, spread.P50, spread.P10, spread.P90, a.LateP95.Round(time.Second), a.LateMost.Round(time.Second), a.Use.Contacts, math.Ceil(a.Use.FullHandshakes), a.Bytes)
		if ratio < tc.least {
			t.Errorf("%s, every %v: %.1f times, promised %.1f", b.Name, tc.every, ratio, tc.least)
		}
		if a.LateMost > tc.every*7/6+time.Minute || a.Punctual != 1 {
			t.Errorf("every %v: an unplanned change waited %v; %.0f %% of the planned ones in time", tc.every, a.LateMost, 100*a.Punctual)
		}
	}
}
