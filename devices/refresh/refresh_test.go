package refresh

import (
	"math/rand/v2"
	"testing"
	"time"

	"doorleaf/devices/catalogue"
	"doorleaf/render/mono"
)

// nine is a working day's nine o'clock.
func nine() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

func panel(t *testing.T, model string) catalogue.Panel {
	t.Helper()
	p, ok := catalogue.Find(model)
	if !ok {
		t.Fatalf("no panel %s", model)
	}
	return p
}

// step is a step of a timeline.
func step(at time.Time, picture *mono.Image, quiet bool) Step {
	return Step{At: at, Picture: picture, Digest: picture.Digest(), Quiet: quiet}
}

// face is a picture of 1000 pixels, the first so many black.
func face(black int) *mono.Image { return faceFrom(0, black) }

func faceFrom(from, to int) *mono.Image {
	m := mono.New(40, 25)
	for i := from; i < to; i++ {
		m.Pix[i/40*m.Stride+i%40/8] |= 0x80 >> (i % 40 % 8)
	}
	return m
}

func TestNext(t *testing.T) {
	used := Glass{Partials: 2, Traces: 100, LastFull: nine().Add(-2 * time.Hour), Last: nine().Add(-time.Hour)}
	for _, tc := range []struct {
		name  string
		panel string
		glass Glass
		air   Air
		from  *mono.Image
		to    *mono.Image
		quiet bool
		want  Mode
	}{
		{"a small change", "GDEY029T94", used, Air{}, face(100), face(150), false, Partial},
		{"what the glass shows is not known", "GDEY029T94", used, Air{}, nil, face(150), false, Full},
		{"a picture of another size before", "GDEY029T94", used, Air{}, mono.New(8, 8), face(150), false, Full},
		{"never drawn in full as far as we know", "GDEY029T94", Glass{}, Air{}, face(100), face(150), false, Full},
		{"free to booked", "GDEY029T94", used, Air{}, face(100), face(400), false, Full},
		{"free to booked on a panel with a fast waveform", "GDEY075T7", used, Air{}, face(100), face(400), false, Fast},
		{"too many in a row", "GDEY029T94", Glass{Partials: 8, LastFull: used.LastFull}, Air{}, face(100), face(110), false, Full},
		{"too many in a row, fast ones count", "GDEY075T7", Glass{Partials: 8, LastFull: used.LastFull}, Air{}, face(100), face(400), false, Full},
		{"one more would be too many traces", "GDEY029T94", Glass{Traces: 250, LastFull: used.LastFull}, Air{}, face(160), face(60), false, Full},
		{"turning black leaves no traces", "GDEY029T94", Glass{Traces: 250, LastFull: used.LastFull}, Air{}, face(60), face(160), false, Partial},
		{"the day's full one at night", "GDEY029T94", Glass{LastFull: nine().Add(-20 * time.Hour)}, Air{}, face(100), face(110), true, Full},
		{"not while people look", "GDEY029T94", Glass{LastFull: nine().Add(-20 * time.Hour)}, Air{}, face(100), face(110), false, Partial},
		{"overdue", "GDEY029T94", Glass{LastFull: nine().Add(-40 * time.Hour)}, Air{}, face(100), face(110), false, Full},
		{"the clock was set back", "GDEY029T94", Glass{LastFull: nine().Add(time.Hour)}, Air{}, face(100), face(110), false, Full},
		{"in the cold", "GDEY029T94", used, Air{4, true}, face(100), face(110), false, Full},
		{"in the heat", "GDEY029T94", used, Air{45, true}, face(100), face(110), false, Full},
		{"at room temperature", "GDEY029T94", used, Air{22, true}, face(100), face(110), false, Partial},
		{"three colours", "GDEY075Z08", used, Air{}, face(100), face(110), false, Full},
		{"no partial waveform", "GDEW075T8", used, Air{}, face(100), face(110), false, Full},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, after := Next(panel(t, tc.panel), tc.glass, tc.air, Change{At: nine(), From: tc.from, To: tc.to, Quiet: tc.quiet})
			if got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
			if clean := after.Partials == 0 && after.Traces == 0 && after.LastFull.Equal(nine()); clean != (tc.want == Full) || !after.Last.Equal(nine()) {
				t.Errorf("glass afterwards %+v", after)
			}
		})
	}
}

func TestNothingChanged(t *testing.T) {
	g := Glass{Partials: 8, LastFull: nine().Add(-100 * time.Hour)}
	if mode, after := Next(panel(t, "GDEY029T94"), g, Air{}, Change{At: nine(), From: face(5), To: face(5)}); mode != Partial || after != g {
		t.Errorf("mode %d, glass %+v", mode, after)
	}
}

// A week of a door: whatever is drawn, the panel's limits hold, and it is
// cleared at least once a day while people are away.
func TestWalkKeepsThePanelsLimits(t *testing.T) {
	for _, p := range catalogue.Panels() {
		rnd := rand.New(rand.NewPCG(7, 7))
		var steps []Step
		for day := range 5 {
			midnight := nine().Add(-9*time.Hour).AddDate(0, 0, day)
			steps = append(steps, step(midnight, face(rnd.IntN(900)), true))
			for h := 8; h < 18; h++ {
				steps = append(steps, step(midnight.Add(time.Duration(h)*time.Hour), face(rnd.IntN(900)), false))
				steps = append(steps, step(midnight.Add(time.Duration(h)*time.Hour+45*time.Minute), face(rnd.IntN(900)), false))
			}
		}
		drawn := Walk(p, Glass{}, Air{}, nil, steps)
		if drawn[0].Mode != Full {
			t.Errorf("%s: begins with mode %d on an unknown glass", p.Model, drawn[0].Mode)
		}
		row, last := 0, steps[0].At
		for i, d := range drawn {
			if d.Mode == Full {
				row, last = 0, steps[i].At
			} else if row++; !p.HasPartial() || row > p.Limits.Partials {
				t.Fatalf("%s: step %d is the %d. that is not full", p.Model, i, row)
			}
			if steps[i].At.Sub(last) > tooLong {
				t.Errorf("%s: %v without a full update", p.Model, steps[i].At.Sub(last))
			}
			if d.After.Traces > mostTraces {
				t.Errorf("%s: %d traces", p.Model, d.After.Traces)
			}
			if p.Limits.Partials > 0 && steps[i].Quiet && i > 0 && d.Mode != Full && steps[i].At.Sub(last) > daily {
				t.Errorf("%s: the night was not used", p.Model)
			}
		}
	}
}

// A picture that comes twice has one mode, so that it is sent once.
func TestWalkDrawsEqualPicturesAlike(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	p := panel(t, "GDEY029T94")
	for range 200 {
		var steps []Step
		for i := range 30 {
			at := rnd.IntN(6) * 60
			steps = append(steps, step(nine().Add(time.Duration(i)*time.Hour), faceFrom(at, at+rnd.IntN(2)*150+50), i%24 < 8))
		}
		modes := map[mono.Digest]Mode{}
		full := 0
		for i, d := range Walk(p, Glass{}, Air{}, nil, steps) {
			digest := steps[i].Picture.Digest()
			if before, ok := modes[digest]; ok && before != d.Mode {
				t.Fatalf("step %d: mode %d, before %d", i, d.Mode, before)
			}
			modes[digest] = d.Mode
			if d.Mode == Full {
				full++
			}
		}
		if full == 0 {
			t.Fatal("nothing was drawn in full")
		}
	}
}

func TestSpace(t *testing.T) {
	at := func(minutes ...int) []Span {
		var out []Span
		for i, m := range minutes[:len(minutes)-1] {
			out = append(out, Span{nine().Add(time.Duration(m) * time.Minute), nine().Add(time.Duration(minutes[i+1]) * time.Minute), i})
		}
		return out
	}
	for _, tc := range []struct {
		name  string
		spans []Span
		rest  time.Duration
		want  []int // minutes of the beginnings
		steps []int
	}{
		{"wide apart", at(0, 30, 60, 90), 3 * time.Minute, []int{0, 30, 60}, []int{0, 1, 2}},
		{"no rest needed", at(0, 1, 2, 90), 0, []int{0, 1, 2}, []int{0, 1, 2}},
		{"one too early", at(0, 2, 60), 3 * time.Minute, []int{0, 3}, []int{0, 1}},
		{"one over before its time", at(0, 1, 2, 60), 3 * time.Minute, []int{0, 3}, []int{0, 2}},
		{"a meeting of a minute", at(0, 30, 31, 60), 3 * time.Minute, []int{0, 30, 33}, []int{0, 1, 2}},
		{"a hostile calendar", at(0, 1, 2, 3, 4, 5, 6, 7, 8), 3 * time.Minute, []int{0, 3, 6}, []int{0, 3, 6}},
		{"the last one is short", at(0, 30, 31), 3 * time.Minute, []int{0, 30}, []int{0, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Space(tc.spans, tc.spans[0].From, tc.rest)
			if len(got) != len(tc.want) {
				t.Fatalf("got %v", got)
			}
			for i, s := range got {
				if !s.From.Equal(nine().Add(time.Duration(tc.want[i])*time.Minute)) || s.Step != tc.steps[i] {
					t.Errorf("%d: from %v, step %d, want minute %d, step %d", i, s.From, s.Step, tc.want[i], tc.steps[i])
				}
				if i > 0 && !got[i-1].Until.Equal(s.From) {
					t.Errorf("a gap before %d", i)
				}
			}
			if last := got[len(got)-1]; !last.Until.Equal(tc.spans[len(tc.spans)-1].Until) {
				t.Errorf("ends %v", last.Until)
			}
		})
	}
}
