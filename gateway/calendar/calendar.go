// Package calendar is the vocabulary of room calendars: Room, Event, Agenda and
// the pure functions on them. It performs no I/O, knows no clock and no vendor;
// values may be shared between goroutines as long as nobody changes them.
package calendar

import (
	"strings"
	"time"
)

// RoomID names a room for good: the lower-cased primary e-mail address of its
// mailbox (Microsoft's place ids are not immutable, addresses are what people
// and calendars use).
type RoomID string

// NewRoomID returns the RoomID of an e-mail address.
func NewRoomID(address string) RoomID {
	return RoomID(strings.ToLower(strings.TrimSpace(address)))
}

// Room is one bookable room.
type Room struct {
	ID       RoomID
	Name     string // display name, at most 256 bytes
	Building string // "" when unknown
	Floor    string // label or number, "" when unknown
	Capacity int    // persons, 0 when unknown
	Zone     string // IANA name of the room's time zone; "" means the site's zone
	PlaceID  string // vendor id, "" when unknown
	Gone     bool   // no longer listed by the calendar system; its binding is kept

	Source   int64    // number of the connection it is read through, 0 for none
	Kind     RoomKind // what the calendar belongs to
	Features []string // equipment in the words of the directory, at most 8 of 64 bytes
	Privacy  Privacy  // what people chose to show
}

// WheelchairAccessible is the one of Room.Features that is ours: signs and pages
// say it in their own language.
const WheelchairAccessible = "wheelchair accessible"

// RoomKind tells a room's mailbox from an ordinary one.
type RoomKind uint8

// The kinds of calendars a sign can be bound to.
const (
	RoomMailbox     RoomKind = iota // a bookable room
	PersonalMailbox                 // an office door or a shared desk: booked or free, never more
)

// Privacy is how much of a meeting a room's signs may show.
type Privacy uint8

// The choices per room.
const (
	PrivacyAuto     Privacy = iota // title and organizer, less where the doctor found that the private flag is lost
	PrivacyShowAll                 // title and organizer although the private flag may be lost
	PrivacyTimeOnly                // booked or free
)

// Sensitivity is how private an event says it is.
type Sensitivity uint8

// The sensitivities of Microsoft Graph's event resource.
const (
	Normal Sensitivity = iota
	Personal
	Private
	Confidential
)

// ShowAs is the availability an event stands for.
type ShowAs uint8

// The availabilities of Microsoft Graph's event resource. UnknownShowAs counts
// as busy: a door must not promise a room that may be taken.
const (
	UnknownShowAs ShowAs = iota
	Free
	Tentative
	Busy
	OutOfOffice
	WorkingElsewhere
)

// Response is what the room's mailbox answered to an invitation.
type Response uint8

// The responses of Microsoft Graph's responseStatus resource.
const (
	NoResponse Response = iota
	Organizer
	TentativelyAccepted
	Accepted
	Declined
	NotResponded
)

// Event is one meeting (an occurrence, never a series master) in a room's
// calendar. Start is inclusive, End exclusive; both are instants in UTC. For an
// all-day event they carry floating dates as midnights in UTC and become
// instants only in a room's zone (see Agenda).
type Event struct {
	ID               string
	ICalUID          string
	SeriesID         string // id of the series master, "" for a single event
	Subject          string // as in the mailbox, bounded by the reader to 1 KiB
	OrganizerName    string
	OrganizerAddress string
	Start, End       time.Time
	AllDay           bool
	Cancelled        bool
	ShowAs           ShowAs
	Sensitivity      Sensitivity
	Response         Response
	Created          time.Time // zero when the source does not say
	ChangeKey        string
	TransactionID    string
}

// IsCancelled reports whether the event was called off: it says so, or it is a
// leftover whose subject begins with the word that calendar programs put before
// it.
func (e Event) IsCancelled() bool { return e.Cancelled || saysCancelled(e.Subject) }

// IsPrivate reports whether the event asks to hide its subject.
func (e Event) IsPrivate() bool { return e.Sensitivity != Normal }

// Occupies reports whether the event takes the room: not cancelled, not
// declined, not shown as free, and of some length. Every other availability
// takes it, also one that is not known. An all-day event that ends on the date
// it begins lasts that day.
func (e Event) Occupies() bool {
	return !e.IsCancelled() && e.Response != Declined && e.ShowAs != Free &&
		(e.End.After(e.Start) || e.AllDay && e.End.Equal(e.Start))
}

// IsTentative reports whether the event only holds the room.
func (e Event) IsTentative() bool {
	return e.ShowAs == Tentative || e.Response == TentativelyAccepted || e.Response == NotResponded
}

// Window is the half-open span of time [From, To) a calendar was read for.
type Window struct{ From, To time.Time }

// Contains reports whether t lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }
