// Package catalogue lists the e-paper modules that door signs are built with:
// size, colours, how fast they change and what they bear. Its figures come from
// the makers' pages and from the measurements in the GxEPD2 driver library; each
// family says from where. It drives no panel and does not decide how one is
// refreshed; devices/refresh does. Everything is a value; there is no state.
package catalogue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorleaf/render/mono"
)

// Panel is one e-paper module. Pixels are as mounted in landscape. Times are at
// room temperature, from the start of a change until the glass is still.
type Panel struct {
	Model         string // the maker's part number, or the size as "800x480"
	Family        Family
	Width, Height int // pixels
	DPI           int // dots per inch
	DiagonalTenth int // diagonal in tenths of an inch

	Inks  mono.Inks // what it shows
	Greys mono.Inks // the greys a black and white panel can show besides: Grey4, or BlackWhite for none

	// AlignX and AlignY are the grid of the edges of a partial update in
	// pixels. A module whose own long side is its height counts bytes along the
	// side that is upright here.
	AlignX, AlignY int

	Full    time.Duration // the whole panel, leaving no traces
	Fast    time.Duration // the whole panel with a short waveform; 0 for none
	Partial time.Duration // only what changed; 0 for none

	Limits  Limits
	Buttons int // usual on signs of this size, 1 to 4
}

// Limits is what a panel bears.
type Limits struct {
	// Partials is how many partial updates may follow each other before a full
	// one, 0 where there are none.
	Partials int
	// Rest is the least time between two changes.
	Rest time.Duration
	// Coldest and Warmest are the range in which it may be changed, in degrees
	// Celsius. PartialColdest and PartialWarmest are that of partial updates.
	Coldest, Warmest               int
	PartialColdest, PartialWarmest int
}

// Colour reports whether the panel has an ink beside black.
func (p Panel) Colour() bool {
	return p.Inks == mono.BlackWhiteRed || p.Inks == mono.BlackWhiteYellow || p.Inks == mono.BlackWhiteRedYellow
}

// HasPartial reports whether the panel can change a part of itself without
// flashing.
func (p Panel) HasPartial() bool { return p.Partial > 0 && p.Limits.Partials > 0 }

// Family is a group of modules that are driven alike; each has a file.
type Family string

// The families.
const (
	SSD16xx   Family = "SSD16xx"
	UC81xx    Family = "UC81xx"
	UC8159    Family = "UC8159"
	ThreeInks Family = "three colours"
	FourInks  Family = "four colours"
	IT8951    Family = "IT8951"
	Unlisted  Family = "unlisted"
)

// usualRest is the least time between changes that Waveshare asks for in its
// manuals and data sheets (150 to 180 s).
const usualRest = 3 * time.Minute

// blackWhiteLimits are those of black and white modules: 0 to 50 °C by the
// makers' pages. Partial waveforms are made for room temperature only (GxEPD2
// asks to switch them off for the extended range), and leave more behind in the
// cold. The makers allow 5 to 10 partial updates in a row.
func blackWhiteLimits(partials int) Limits {
	return Limits{Partials: partials, Coldest: 0, Warmest: 50, PartialColdest: 10, PartialWarmest: 40}
}

// colourLimits are those of modules with a colour: 0 to 40 °C, not more often
// than every three minutes.
func colourLimits() Limits {
	return Limits{Rest: usualRest, Coldest: 0, Warmest: 40}
}

// Panels lists every module, smallest first; of one size the usual one comes
// first. The slice is the caller's.
func Panels() []Panel { return slices.Clone(modules) }

// modules are what Panels lists; never changed.
var modules = sorted()

func sorted() []Panel {
	all := slices.Concat(uc81xx(), ssd16xx(), uc8159(), it8951(), threeInks(), fourInks())
	slices.SortStableFunc(all, func(a, b Panel) int {
		return cmp.Or(cmp.Compare(a.Width*a.Height, b.Width*b.Height), cmp.Compare(a.Width, b.Width))
	})
	return all
}

// Find returns the module with that part number; case does not matter.
func Find(model string) (Panel, bool) {
	for _, p := range modules {
		if strings.EqualFold(p.Model, model) {
			return p, true
		}
	}
	return Panel{}, false
}

// BySize returns the usual module of that many pixels, mounted upright or
// across.
func BySize(width, height int) (Panel, bool) {
	for _, p := range modules {
		if p.Width == width && p.Height == height || p.Width == height && p.Height == width {
			return p, true
		}
	}
	return Panel{}, false
}

// Of returns what is known of a sign's panel: its module if the model is listed
// and the size fits, else the usual one of the size, else a careful guess that
// is changed in full always. Nothing that a sign says is trusted beyond that.
func Of(model string, width, height int) Panel {
	if p, ok := Find(model); ok && (p.Width == width && p.Height == height || p.Width == height && p.Height == width) {
		return p
	}
	if p, ok := BySize(width, height); ok {
		return p
	}
	return Panel{
		Model: fmt.Sprintf("%dx%d", width, height), Family: Unlisted, Width: width, Height: height, DPI: 125,
		AlignX: 8, AlignY: 8, Full: 5 * time.Second, Limits: Limits{Coldest: 0, Warmest: 40}, Buttons: 1,
	}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }
