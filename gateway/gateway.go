// Package gateway is the core: which sign shows what, when, and whether that
// was confirmed. It turns agendas into Doors, Doors into timelines of pictures,
// decides whether a sign must be repainted and keeps the reason. It knows
// neither HTTP nor SQL, MQTT or Microsoft Graph: it declares the interfaces it
// needs and others implement them. All exported methods of Core are safe for
// concurrent use.
package gateway

import (
	"errors"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/refresh"
	"doorleaf/gateway/calendar"
)

// Sign is one paired sign with what was decided for it.
type Sign struct {
	ID       devices.SignID
	Name     string
	Hardware devices.Hardware
	PairedAt time.Time
	Room     calendar.RoomID // "" when no room is chosen
	Language string          // "" means the site's
	Hour12   *bool           // nil means the language's habit
}

// Status is what a sign reported last.
type Status struct {
	Sign              devices.SignID
	LastSeen          time.Time // zero: never
	Shown             devices.Digest
	ShownAt           time.Time // when Shown was first reported
	Epoch, Seq        uint32    // newest manifest the sign accepted
	Boot, Counter     uint32
	BatteryMillivolts int
	SignalDBm         int
	TemperatureC      int
	WakeReason        devices.WakeReason
	LastError         devices.ErrorCode
	ErrorCount        int
}

// Reason is why a sign was or was not sent something.
type Reason string

// The reasons, as stored and shown.
const (
	First          Reason = "first"           // the sign shows nothing of ours yet
	Changed        Reason = "changed"         // the calendar or a setting changed a picture
	TimelineStep   Reason = "timeline step"   // the timeline was extended or rolled on
	DigestMismatch Reason = "digest mismatch" // the glass is not what it should be
	NothingToDo    Reason = "nothing to do"
)

// Want is what a sign should show: a committed, packed timeline.
type Want struct {
	Sign       devices.SignID
	Epoch, Seq uint32
	Reason     Reason
	At         time.Time // when it was decided
	AgendaAsOf time.Time // age of the calendar it was drawn from, zero without a room
	Partial    bool      // only the current picture; the rest follows
	Steps      []WantStep
	Stale      devices.Digest
	Base       devices.Digest // zero when the glass was unknown
	PackedFor  Decoder        // what the sign was known to be then
	NextWake   time.Time
	Jitter     time.Duration
	Body       []byte // devices.Parcel.Body
}

// Decoder is what of a sign its timelines are drawn and packed for.
type Decoder struct {
	Width, Height int // pixels as mounted
	Capabilities  devices.Capabilities
}

// WantStep is a step of a Want by digest; the pictures are kept beside it.
type WantStep struct {
	From, Until time.Time
	Digest      devices.Digest
	State       string // render.State of the step, for the pages
	Summary     string // face in words, for alternative texts; what policy allows
	Refresh     refresh.Mode
	Glass       refresh.Glass // what the panel has been through when the step is drawn
}

// Decision is one entry of a sign's history.
type Decision struct {
	Sign       devices.SignID
	At         time.Time
	Reason     Reason
	Epoch, Seq uint32
	Shows      devices.Digest // what should be on the glass at that moment
	Count      int            // how often in a row (NothingToDo is folded)
}

// Account is a person who may use /m.
type Account struct {
	ID           int64
	Name         string
	PasswordHash string // argon2id in PHC form
	Language     string
	Created      time.Time
}

// Session is one signed-in browser.
type Session struct {
	TokenHash [32]byte // SHA-256 of the cookie
	Account   int64
	Expires   time.Time
}

// Site holds the settings that hold for every sign.
type Site struct {
	Zone      string        `json:"zone"`     // IANA
	Language  string        `json:"language"` // BCP 47
	DayStart  int           `json:"dayStart"` // minutes after midnight
	DayEnd    int           `json:"dayEnd"`
	SoonLimit time.Duration `json:"soonLimit"`
	CheckIn   time.Duration `json:"checkIn"` // the most that an unplanned change may wait for a sleeping sign in working hours

	Days    []time.Weekday `json:"days,omitempty"`    // working days; empty: Monday to Friday
	Battery string         `json:"battery,omitempty"` // kind of the signs' batteries, see BatteryKinds; "" to guess

	// KeyDays is after how many days a sign's secret is renewed, 0 for never.
	KeyDays int `json:"keyDays"`

	// Template is the office's own design of the faces as JSON, "" for the
	// built-in ones; see docs/templates.md.
	Template string `json:"template,omitempty"`

	// Booking is the address behind the code on a free room's face, with
	// {address} and {name} of the room; "" for no code. See CheckBooking.
	Booking string `json:"booking,omitempty"`

	// Tenants are the GUIDs of the tenants that may be connected; empty: any.
	Tenants []string `json:"tenants,omitempty"`
}

// DefaultSite returns the settings of a new gateway.
func DefaultSite() Site {
	return Site{Zone: "UTC", Language: "en", DayStart: 8 * 60, DayEnd: 18 * 60, SoonLimit: 15 * time.Minute, CheckIn: 15 * time.Minute, KeyDays: 90}
}

// Sentinel errors; one map in admin turns them into status and sentence.
var (
	ErrNotFound  = errors.New("not found")
	ErrConflict  = errors.New("conflict") // lost a race or a uniqueness rule
	ErrInvalid   = errors.New("invalid")
	ErrTooMany   = errors.New("too many tries")
	ErrNewSchema = errors.New("database was written by a newer version")
	ErrDiskFull  = errors.New("no space left for the database: free some in the data folder")
	ErrLocked    = errors.New("another program holds the database file")
)
