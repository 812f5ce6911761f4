// Package refresh decides how a panel is changed from one picture to the next:
// only what changed, quickly, or in full. Partial updates do not flash but leave
// traces and drive the panel one-sidedly, so they are counted, and a full update
// clears them in time, outside working hours if possible. It walks along whole
// timelines, since signs change their pictures without asking. Everything is a
// pure function of values; nothing is drawn and no clock is read here.
package refresh

import (
	"encoding/binary"
	"math/bits"
	"time"

	"doorleaf/devices/catalogue"
	"doorleaf/render/mono"
)

// Mode is how a panel is asked to change; the numbers are those of SPEC.md
// [DL-OBJ-7].
type Mode uint8

// The modes.
const (
	Any     Mode = iota // as the sign sees fit
	Full                // the whole panel, leaving no traces
	Fast                // the whole panel with a short waveform
	Partial             // only what changed
)

// Glass is what was done to a panel since it was last changed in full.
type Glass struct {
	Partials int       // changes that were not full
	Traces   int       // thousandths of the panel that turned from black to white in partial updates
	LastFull time.Time // zero: not known
	Last     time.Time // last change of any kind
}

// Change is one picture following another.
type Change struct {
	At       time.Time
	From, To *mono.Image // From is nil when nobody knows what the glass shows
	Quiet    bool        // nobody is there to see it flash
}

// Air is the temperature at the panel.
type Air struct {
	Celsius int
	Known   bool
}

// What is too much for a partial update, in thousandths of the panel's pixels,
// and when a full one is due.
const (
	// largeChange is where a partial update is no longer worth it: the band of
	// a face that turns from free to booked is 250 to 360, a hint on it 140.
	largeChange = 200
	// mostTraces is the ghosting budget: pixels that went from black to white
	// keep a shadow, and two such changes of a sixth of the panel add up.
	mostTraces = 300
	// After daily a quiet moment is used for a full update; after tooLong it is
	// made whenever the picture changes. Makers ask for one a day (Waveshare).
	daily   = 18 * time.Hour
	tooLong = 36 * time.Hour
)

// Next says how the panel makes a change, and what that leaves behind. A change
// of nothing is no change.
func Next(p catalogue.Panel, g Glass, air Air, c Change) (Mode, Glass) {
	known := c.From != nil && c.To != nil && c.From.Rect == c.To.Rect
	var differ, cleared int
	if known {
		differ, cleared = compare(c.From, c.To)
		if differ == 0 {
			return g.mode(p), g
		}
	}
	mode := choose(p, g, air, c, known, differ, cleared)
	g.Last = c.At
	switch mode {
	case Full:
		g.Partials, g.Traces, g.LastFull = 0, 0, c.At
	case Fast:
		g.Partials, g.Traces = g.Partials+1, 0
	default:
		g.Partials, g.Traces = g.Partials+1, g.Traces+cleared
	}
	return mode, g
}

// mode is what a picture that is on the glass already would be drawn with: it
// matters only to a sign that shows something else.
func (g Glass) mode(p catalogue.Panel) Mode {
	if p.HasPartial() {
		return Partial
	}
	return Full
}

func choose(p catalogue.Panel, g Glass, air Air, c Change, known bool, differ, cleared int) Mode {
	warm := !air.Known || air.Celsius >= p.Limits.PartialColdest && air.Celsius <= p.Limits.PartialWarmest
	age := c.At.Sub(g.LastFull)
	switch {
	case !p.HasPartial(), !known, !warm: // no partial without a known picture before
		return Full
	case g.LastFull.IsZero(), age > tooLong, age < 0, c.Quiet && age > daily:
		return Full
	case g.Partials >= p.Limits.Partials, g.Traces+cleared > mostTraces && differ <= largeChange:
		return Full
	case differ > largeChange && p.Fast > 0:
		return Fast
	case differ > largeChange:
		return Full
	}
	return Partial
}

// compare counts, in thousandths of the pixels and rounded up, what differs and
// what turns from black to white.
func compare(from, to *mono.Image) (differ, cleared int) {
	a, b := from.Pix, to.Pix
	var d, w int
	for ; len(a) >= 8 && len(b) >= 8; a, b = a[8:], b[8:] {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		d += bits.OnesCount64(x ^ y)
		w += bits.OnesCount64(x &^ y)
	}
	for i := range min(len(a), len(b)) {
		d += bits.OnesCount8(a[i] ^ b[i])
		w += bits.OnesCount8(a[i] &^ b[i])
	}
	pixels := max(from.Rect.Dx()*from.Rect.Dy(), 1)
	return (d*1000 + pixels - 1) / pixels, (w*1000 + pixels - 1) / pixels
}

// Step is one picture of a timeline.
type Step struct {
	At      time.Time
	Picture *mono.Image
	Digest  mono.Digest // of Picture
	Quiet   bool
}

// Drawn is how a step is drawn and what the panel has been through then.
type Drawn struct {
	Mode  Mode
	After Glass
}

// Walk decides for every step of a timeline, in order, beginning on a glass
// that shows from (nil: not known). A picture that comes more than once is drawn
// in one way, the most thorough that it needs anywhere, so that it travels once.
func Walk(p catalogue.Panel, g Glass, air Air, from *mono.Image, steps []Step) []Drawn {
	fixed := map[mono.Digest]Mode{}
	out := make([]Drawn, len(steps))
	// A fixed mode only makes later steps need less, so two rounds settle it.
	for range 2 {
		at, before := g, from
		for i, s := range steps {
			mode, after := Next(p, at, air, Change{At: s.At, From: before, To: s.Picture, Quiet: s.Quiet})
			if more, ok := fixed[s.Digest]; ok && more.thorough() > mode.thorough() {
				mode = more
				if more == Full && after != at {
					after = Glass{LastFull: s.At, Last: s.At}
				}
			}
			fixed[s.Digest] = mode
			out[i] = Drawn{mode, after}
			at, before = after, s.Picture
		}
	}
	for i, s := range steps {
		out[i].Mode = fixed[s.Digest]
	}
	return out
}

// thorough orders modes by how little they leave behind.
func (m Mode) thorough() int {
	switch m {
	case Full:
		return 3
	case Fast:
		return 2
	}
	return 1
}

// Span is a step of a timeline as time only; Step is its place in the list.
type Span struct {
	From, Until time.Time
	Step        int
}

// Space moves the steps of a timeline apart so that a panel rests between two
// changes; drawn is when the first picture came or comes to the glass. A step
// begins later by less than rest, and one that is over by then is left out; the
// first keeps its time. The result joins without gaps like what it is made from.
func Space(spans []Span, drawn time.Time, rest time.Duration) []Span {
	if rest <= 0 || len(spans) == 0 {
		return spans
	}
	out := []Span{spans[0]}
	for _, s := range spans[1:] {
		if earliest := drawn.Add(rest); s.From.Before(earliest) {
			s.From = earliest
		}
		last := &out[len(out)-1]
		if !s.From.Before(s.Until) {
			last.Until = s.Until
			continue
		}
		last.Until, drawn = s.From, s.From
		out = append(out, s)
	}
	return out
}
