package admin

import (
	"context"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// Calendars connects to calendar systems. Implemented by graphsync.Service.
// Errors about the connection are *connection.Error.
type Calendars interface {
	CheckSettings(s connection.Settings) error
	// Connect checks what can be checked before anybody signs in and says where
	// to send the browser.
	Connect(ctx context.Context, id connection.ID) (connection.Redirect, error)
	AdminConsent(ctx context.Context, id connection.ID) (connection.Redirect, error)
	// ConsentLink is an address to mail to an administrator of Microsoft 365.
	ConsentLink(ctx context.Context, id connection.ID) (string, error)
	Answer(ctx context.Context, q connection.Query, cookie string) (connection.Redirect, error)
	Probe(ctx context.Context, id connection.ID, o connection.ProbeOptions) ([]connection.Check, error)
	Disconnect(ctx context.Context, id connection.ID) error
	Remove(ctx context.Context, id connection.ID) error

	// NewCertificate makes a key pair into the spare slot.
	NewCertificate(ctx context.Context, id connection.ID) (connection.Credential, error)
	TestSpare(ctx context.Context, id connection.ID) ([]connection.Check, error)
	// UseSpare tests the spare credential and uses it only when it works.
	UseSpare(ctx context.Context, id connection.ID) ([]connection.Check, error)
	Lifetimes(ctx context.Context, id connection.ID) ([]connection.Lifetime, error)

	RefreshRooms(ctx context.Context, id connection.ID) error
	AddRooms(ctx context.Context, id connection.ID, addresses []string) error
	// AddPersonal adds shared calendars of ordinary mailboxes.
	AddPersonal(ctx context.Context, id connection.ID, addresses []string) error
	RoomLists(ctx context.Context, id connection.ID) ([]connection.RoomList, error)
	// RoomProblems says which rooms could not be read at their last look.
	RoomProblems() map[calendar.RoomID]connection.Problem
	// Counters says how often things happened since the start, by name.
	Counters() map[string]uint64
}
