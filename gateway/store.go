package gateway

import (
	"context"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/render/mono"
)

// Store keeps everything that must outlive the process. Each method is one
// transaction: after it returned nil the effect survives a power cut, after an
// error nothing of it is kept. Missing rows give ErrNotFound, lost races
// ErrConflict. Returned slices are the caller's. gateway/storetest is its
// conformance suite.
type Store interface {
	RoomStore
	SignStore
	WantStore
	AccountStore
	ConnectionStore
	HealthStore
	FirmwareStore
	KeyStore
	PinStore
	AssetStore
}

// RoomStore keeps rooms, their events and where their sync stands.
type RoomStore interface {
	// ReplaceRooms makes rooms the list of the connection: known ones are
	// updated (Zone is kept when the new one is empty, Privacy always), missing
	// ones marked Gone. A room that another connection lists is left untouched:
	// organisations are strictly apart. Source is conn whatever the rooms say;
	// the first 8 features are kept, cut to 64 bytes each.
	ReplaceRooms(ctx context.Context, conn connection.ID, rooms []calendar.Room) error
	Rooms(ctx context.Context) ([]calendar.Room, error)
	Room(ctx context.Context, id calendar.RoomID) (calendar.Room, error)
	SetRoomZone(ctx context.Context, id calendar.RoomID, zone string) error
	SetRoomPrivacy(ctx context.Context, id calendar.RoomID, p calendar.Privacy) error
	// CommitAgenda replaces the room's events, window, age and cursor in one
	// transaction and reports whether events or window differ from before.
	CommitAgenda(ctx context.Context, a calendar.Agenda, cur connection.Cursor) (changed bool, err error)
	// TouchAgenda says the source confirmed the stored events at asOf.
	TouchAgenda(ctx context.Context, room calendar.RoomID, asOf time.Time, cur connection.Cursor) error
	// Agenda returns the stored agenda; AsOf is zero when never read.
	Agenda(ctx context.Context, room calendar.RoomID) (calendar.Agenda, error)
	// AgendaTimes says for each room when its stored agenda was true last; rooms
	// that were never read are left out.
	AgendaTimes(ctx context.Context) (map[calendar.RoomID]time.Time, error)
	Cursor(ctx context.Context, room calendar.RoomID) (connection.Cursor, error)
}

// SignStore keeps signs, their credentials and what they report.
type SignStore interface {
	// AddSign stores a new sign and its credential together.
	AddSign(ctx context.Context, s Sign, c devices.Credential) error
	Signs(ctx context.Context) ([]Sign, error)
	Sign(ctx context.Context, id devices.SignID) (Sign, error)
	// UpdateSign stores name, room, language and clock of a known sign.
	UpdateSign(ctx context.Context, s Sign) error
	// SwapRooms exchanges the rooms of two signs.
	SwapRooms(ctx context.Context, a, b devices.SignID) error
	// RemoveSign deletes the sign, its credential and everything kept for it.
	RemoveSign(ctx context.Context, id devices.SignID) error
	Credential(ctx context.Context, id devices.SignID) (devices.Credential, error)
	// CommitReport stores what a sign reported. fresh is false for the newest
	// report once more. It fails with devices.ErrReplayed for one that is older:
	// of a boot that came further, or of another boot and naming an older manifest
	// than the sign had. Nothing is changed in either case. A press is fresh once,
	// whatever came before it; one that was acted on is known by boot and counter.
	CommitReport(ctx context.Context, r devices.Report) (fresh bool, err error)
	Status(ctx context.Context, id devices.SignID) (Status, error)
	Statuses(ctx context.Context) (map[devices.SignID]Status, error)
}

// WantStore keeps the outbox: the latest wanted timeline per sign.
type WantStore interface {
	// CommitWant stores the want with its objects and pictures and appends the
	// decision. It fails with ErrConflict unless (w.Epoch, w.Seq) is greater
	// than the stored one. Objects and pictures of older wants may be dropped,
	// except the picture the sign reported last.
	CommitWant(ctx context.Context, w Want, objects []devices.Object, pictures []*mono.Image) error
	// Want returns the latest want; ErrNotFound when there is none.
	Want(ctx context.Context, id devices.SignID) (Want, error)
	Object(ctx context.Context, id devices.SignID, h devices.ObjectHash) ([]byte, error)
	Picture(ctx context.Context, d devices.Digest) (*mono.Image, error)
	HasPicture(ctx context.Context, d devices.Digest) (bool, error)
	// AddDecision records a decision without a want; equal ones in a row are
	// folded into one with a count.
	AddDecision(ctx context.Context, d Decision) error
	Decisions(ctx context.Context, id devices.SignID, limit int) ([]Decision, error)
}

// AccountStore keeps people, their sessions and the site's settings.
type AccountStore interface {
	AddAccount(ctx context.Context, a Account) (int64, error)
	// AddFirstAccount is AddAccount that fails with ErrConflict when one exists.
	AddFirstAccount(ctx context.Context, a Account) (int64, error)
	AccountByName(ctx context.Context, name string) (Account, error)
	Account(ctx context.Context, id int64) (Account, error)
	UpdateAccount(ctx context.Context, a Account) error
	CountAccounts(ctx context.Context) (int, error)
	AddSession(ctx context.Context, s Session) error
	Session(ctx context.Context, tokenHash [32]byte, now time.Time) (Session, error)
	RemoveSession(ctx context.Context, tokenHash [32]byte) error
	// ChangePassword stores an account's new password hash and ends its sessions
	// except keep.
	ChangePassword(ctx context.Context, account int64, passwordHash string, keep [32]byte) error
	Site(ctx context.Context) (Site, error) // DefaultSite when never set
	SetSite(ctx context.Context, s Site) error
}

// ConnectionStore keeps calendar connections. Secrets are sealed at rest.
type ConnectionStore interface {
	Connections(ctx context.Context) ([]connection.Connection, error)
	Connection(ctx context.Context, id connection.ID) (connection.Connection, error)
	// SaveSettings creates (id 0) or updates a connection's settings; the second
	// credential is kept.
	SaveSettings(ctx context.Context, id connection.ID, s connection.Settings) (connection.ID, error)
	// SaveSpare stores the second credential; the zero one empties the slot.
	SaveSpare(ctx context.Context, id connection.ID, c connection.Credential) error
	// SwapCredential puts the second credential into use and the one in use
	// into the slot. ErrConflict when the slot is empty.
	SwapCredential(ctx context.Context, id connection.ID) error
	// RemoveConnection deletes a connection with its tokens and subscriptions;
	// its rooms are kept, Gone and without a connection.
	RemoveConnection(ctx context.Context, id connection.ID) error
	Subscriptions(ctx context.Context, id connection.ID) ([]connection.Subscription, error)
	// SaveSubscription creates or updates a subscription by its ID.
	SaveSubscription(ctx context.Context, s connection.Subscription) error
	// RemoveSubscription forgets a subscription; an unknown one is no error.
	RemoveSubscription(ctx context.Context, id string) error
	SaveState(ctx context.Context, id connection.ID, s connection.State) error
	// TokenCache and SetTokenCache keep one opaque sealed blob per partition.
	TokenCache(ctx context.Context, id connection.ID, partition string) ([]byte, error)
	SetTokenCache(ctx context.Context, id connection.ID, partition string, blob []byte) error
	ClearTokenCache(ctx context.Context, id connection.ID) error
	// Secret keeps small sealed values of the process by name (keys, CA).
	Secret(ctx context.Context, name string) ([]byte, error)
	SetSecret(ctx context.Context, name string, value []byte) error
}
