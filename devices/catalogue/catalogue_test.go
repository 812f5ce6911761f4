package catalogue

import (
	"math"
	"testing"
	"time"

	"doorleaf/render/mono"
)

func TestPanelsArePlausible(t *testing.T) {
	seen := map[string]bool{}
	inks, families := map[mono.Inks]bool{}, map[Family]bool{}
	smallest, largest := math.MaxInt, 0
	for _, p := range Panels() {
		if seen[p.Model] {
			t.Errorf("%s is listed twice", p.Model)
		}
		seen[p.Model] = true
		inks[p.Inks], inks[p.Greys], families[p.Family] = true, true, true
		smallest, largest = min(smallest, p.DiagonalTenth), max(largest, p.DiagonalTenth)
		l := p.Limits
		switch {
		case p.Width < p.Height || p.Height < 100 || p.Width > 2000:
			t.Errorf("%s: %dx%d pixels", p.Model, p.Width, p.Height)
		case p.AlignX%8 != 0 || p.AlignX == 0 || p.AlignY < 1 || p.Buttons < 1 || p.Buttons > 4:
			t.Errorf("%s: grid %d,%d, %d buttons", p.Model, p.AlignX, p.AlignY, p.Buttons)
		case p.Full < 500*time.Millisecond || p.Full > 40*time.Second || p.Partial > p.Full || p.Fast > p.Full:
			t.Errorf("%s: full %v, fast %v, partial %v", p.Model, p.Full, p.Fast, p.Partial)
		case p.Colour() && (p.HasPartial() || l.Rest < 2*time.Minute || p.Full < 10*time.Second):
			t.Errorf("%s: a colour panel with partial %v, rest %v, full %v", p.Model, p.Partial, l.Rest, p.Full)
		case l.Coldest >= l.Warmest || p.HasPartial() && (l.PartialColdest < l.Coldest || l.PartialWarmest > l.Warmest || l.Partials > 30):
			t.Errorf("%s: limits %+v", p.Model, l)
		}
		// The diagonal follows from pixels and pitch, give or take rounding.
		inch := math.Hypot(float64(p.Width), float64(p.Height)) / float64(p.DPI)
		if math.Abs(inch-float64(p.DiagonalTenth)/10) > 0.35 {
			t.Errorf("%s: %d dpi make %.1f inch, listed %d tenths", p.Model, p.DPI, inch, p.DiagonalTenth)
		}
	}
	for _, k := range []mono.Inks{mono.BlackWhite, mono.BlackWhiteRed, mono.BlackWhiteYellow, mono.BlackWhiteRedYellow, mono.Grey4, mono.Grey16} {
		if !inks[k] {
			t.Errorf("no panel of kind %d", k)
		}
	}
	if smallest > 29 || largest < 133 || len(families) != 6 {
		t.Errorf("from %d to %d tenths of an inch in %d families", smallest, largest, len(families))
	}
}

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		name          string
		model         string
		width, height int
		want          string
		partial       bool
	}{
		{"by part number", "gdey075z08", 800, 480, "GDEY075Z08", false},
		{"by size", "800x480", 800, 480, "GDEY075T7", true},
		{"upright", "", 480, 800, "GDEY075T7", true},
		{"a part number of another size is not believed", "GDEY029T94", 800, 480, "GDEY075T7", true},
		{"unknown size", "Sign 9000", 333, 222, "333x222", false},
		{"nonsense", "", -1, 1 << 30, "-1x1073741824", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Of(tc.model, tc.width, tc.height)
			if got.Model != tc.want || got.HasPartial() != tc.partial {
				t.Errorf("got %s, partial %v, want %s, %v", got.Model, got.HasPartial(), tc.want, tc.partial)
			}
		})
	}
}

func TestPanelsAreTheCallers(t *testing.T) {
	Panels()[0].Model = "changed"
	if _, found := Find("changed"); found {
		t.Error("a caller changed the catalogue")
	}
}
