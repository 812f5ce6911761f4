// Package render draws one Door onto a 1-bit picture. It has no clock, does no
// I/O and uses no randomness: the same Door, panel and build give the same
// bytes on every platform. Text comes from render/lang, glyphs from
// render/typeset, pixels from render/mono.
package render

import "doorleaf/render/mono"

// State is which face a door shows; docs/door.md has the table of states.
type State string

// The states of a door. Each has a band of its own shape.
const (
	Free         State = "free"
	Soon         State = "soon" // free, next meeting within the site's soon limit
	Booked       State = "booked"
	CheckIn      State = "check-in"
	Closed       State = "closed"
	OutOfOrder   State = "out-of-order"
	Stale        State = "stale"   // the calendar has not been readable since Since
	Offline      State = "offline" // drawn by the sign when the gateway is silent
	Pairing      State = "pairing"
	Ready        State = "ready" // paired, no room chosen
	NotSetUp     State = "not-set-up"
	BatteryEmpty State = "battery-empty"
	Identify     State = "identify" // somebody looks for this sign: black, with the end of its id
)

// Clock is a local time of day as minutes after midnight, 0 to 1440; it reads
// and writes JSON as "15:04" ("24:00" is the end of a day).
type Clock int

// Date is a local calendar date; JSON "2006-01-02".
type Date struct{ Year, Month, Day int }

// Door is everything a face may show, already decided by policy: nothing in it
// is hidden later, and what is not in it cannot leak. It is render's own input,
// in local civil time, so that pictures stay stable while the domain grows.
type Door struct {
	State    State  `json:"state"`
	Room     string `json:"room"`
	Language string `json:"language,omitempty"` // BCP 47, default "en"
	Hour12   bool   `json:"hour12,omitempty"`   // 12-hour clock
	Date     Date   `json:"date,omitzero"`      // zero: none in the header

	Until     *Clock `json:"until,omitempty"`     // end of the state; nil: no more change that day
	AllDay    bool   `json:"allDay,omitempty"`    // the state lasts all day
	Since     *Clock `json:"since,omitempty"`     // for Stale
	UntilDate *Date  `json:"untilDate,omitempty"` // when Until is on another day
	SinceDate *Date  `json:"sinceDate,omitempty"` // when Since is on another day

	Title     string `json:"title,omitempty"` // of the current or, when free, next meeting
	Organizer string `json:"organizer,omitempty"`
	Private   bool   `json:"private,omitempty"`   // "Private meeting" instead of Title
	Span      *Span  `json:"span,omitempty"`      // of the meeting that Title names
	LastKnown *Fact  `json:"lastKnown,omitempty"` // for Stale: what was true when last known
	More      int    `json:"more,omitempty"`      // further current meetings (double booking)

	Next []Row   `json:"next,omitempty"` // later meetings of the day in order
	Day  *DayBar `json:"day,omitempty"`
	Note string  `json:"note,omitempty"` // a manager's line, at most 80 characters

	QR         string `json:"qr,omitempty"`        // content of a QR code, "" for none
	QRCaption  string `json:"qrCaption,omitempty"` // catalogue key, e.g. "sign.book"
	Code       string `json:"code,omitempty"`      // pairing code, 8 characters
	SignID     string `json:"signId,omitempty"`    // last characters of the sign's id, on pairing faces
	Waiting    bool   `json:"waiting,omitempty"`   // for Ready: the room's calendar is still to be read
	Capacity   int    `json:"capacity,omitempty"`
	LowBattery bool   `json:"lowBattery,omitempty"`
	Sample     bool   `json:"sample,omitempty"` // marks sample data

	Features   []string `json:"features,omitempty"`   // equipment, shown with the capacity
	Accessible bool     `json:"accessible,omitempty"` // by wheelchair; shown with the equipment
	Released   *Clock   `json:"released,omitempty"`   // when a booking was ended early
	Updating   bool     `json:"updating,omitempty"`   // new firmware is being written
	Buttons    []string `json:"buttons,omitempty"`    // labels of the hardware buttons below the glass, from left to right; "" for none

	Logo     *mono.Image            `json:"-"` // drawn in the header of medium and large faces, at most LogoBox; never written to
	Pictures map[PictureKey]Picture `json:"-"` // what a template draws of the office's pictures; others are left out
}

// Fact is a state with its end, as last known.
type Fact struct {
	State State  `json:"state"`
	Until *Clock `json:"until,omitempty"`
}

// Span is a meeting's time on its day.
type Span struct {
	Start Clock `json:"start"`
	End   Clock `json:"end"`
}

// Row is one later meeting.
type Row struct {
	Span
	Title     string `json:"title,omitempty"`
	Organizer string `json:"organizer,omitempty"`
	Private   bool   `json:"private,omitempty"`
	Tentative bool   `json:"tentative,omitempty"`
}

// DayBar is the occupancy of the working hours.
type DayBar struct {
	Span
	Blocks []Block `json:"blocks,omitempty"`
}

// Block is one booked or held span of a DayBar.
type Block struct {
	Span
	Tentative bool `json:"tentative,omitempty"`
}

// stateKey is the key of a state's word in the text catalogue.
func stateKey(s State) string {
	switch s {
	case Free, Soon:
		return "sign.free"
	case Booked:
		return "sign.booked"
	case CheckIn:
		return "sign.check-in"
	case Closed:
		return "sign.closed"
	case OutOfOrder:
		return "sign.out-of-order"
	case Stale, Offline:
		return "sign.stale"
	case Ready:
		return "sign.ready"
	case NotSetUp:
		return "sign.not-set-up"
	case BatteryEmpty:
		return "sign.battery-empty"
	}
	return ""
}
