package gateway

import (
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
)

// Trust says in one word whether a door can be believed.
type Trust string

// The trust marks, worst first.
const (
	Wrong    Trust = "wrong"    // the glass was reported different from what it should be
	Late     Trust = "late"     // the sign missed its promised contact
	Stale    Trust = "stale"    // the calendar cannot be read; the sign says so
	Unknown  Trust = "unknown"  // never heard of
	Pending  Trust = "pending"  // a newer picture is on its way
	Right    Trust = "right"    // confirmed
	Sleeping Trust = "sleeping" // confirmed, and asleep until its next contact
)

// LinkState is the state of one link of the chain from calendar to glass.
type LinkState string

// The states of a chain link.
const (
	LinkOK      LinkState = "ok"
	LinkWait    LinkState = "wait"
	LinkBad     LinkState = "bad"
	LinkUnknown LinkState = "unknown"
)

// ChainLink is one link of the chain: the page shows Name, a mark for State,
// At, and the catalogue text Key with Args.
type ChainLink struct {
	Name  string // "calendar", "decision", "picture", "delivery", "glass"
	State LinkState
	At    time.Time
	Key   string // catalogue key "chain.<...>"
	Args  []any  // strings, ints and time.Time
}

// DoorView is everything a page may say about one sign's door.
type DoorView struct {
	Sign         Sign
	Status       Status
	Room         calendar.Room // zero when none is chosen
	Zone         *time.Location
	AgendaAsOf   time.Time
	Want         *Want
	ExpectedStep *WantStep      // what should be on the glass now; nil: nothing yet
	Believed     devices.Digest // what is on the glass as far as the gateway knows; zero: unknown
	Drawn        bool           // the picture named by Believed is kept, so it can be shown
	Connected    bool
	NextContact  time.Time // promised by a sleeping sign; zero for always-on signs
	Trust        Trust
	Chain        [5]ChainLink
}
