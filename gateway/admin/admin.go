// Package admin is the web under /m: the pages with which office managers and
// IT look after door signs, rooms and the connection to Microsoft 365. It draws
// nothing and decides nothing about signs; it asks the Core, the Calendars and
// the Store given to it. Pages are rendered on the server and work without
// JavaScript. The handler is safe for concurrent use and starts no goroutine of
// its own.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/render/lang"
)

// Core is what the pages need of the gateway. Implemented by gateway.Core.
type Core interface {
	// Doors returns one view per sign, the ones that need somebody first.
	Doors(ctx context.Context) ([]gateway.DoorView, error)
	Door(ctx context.Context, id devices.SignID) (gateway.DoorView, error)
	// Joinings lists signs that wait for pairing; their codes are never shown.
	Joinings(ctx context.Context) []devices.Joining
	// ShowsCode returns the one that shows code; errors are as with Pair, and a
	// gateway.SpentCodeError for a code of before.
	ShowsCode(ctx context.Context, code string) (devices.Joining, error)
	Pair(ctx context.Context, code, name string, room calendar.RoomID) (devices.SignID, error)
	Bind(ctx context.Context, id devices.SignID, room calendar.RoomID) error
	Rename(ctx context.Context, id devices.SignID, name string) error
	Unpair(ctx context.Context, id devices.SignID) error
	Refresh(ctx context.Context, id devices.SignID) error
	// Swap exchanges the rooms of two signs; Replace pairs the sign that shows
	// code in the place of old, which is forgotten.
	Swap(ctx context.Context, a, b devices.SignID) error
	Replace(ctx context.Context, old devices.SignID, code string) (devices.SignID, error)
	// RenewKey asks a sign to take a new secret at its next call.
	RenewKey(ctx context.Context, id devices.SignID) error
	// PreviewPNG returns "glass" or "wanted" as PNG with the digest of its pixels.
	PreviewPNG(ctx context.Context, id devices.SignID, which string) ([]byte, devices.Digest, error)
	// Watch returns a channel that receives when anything a page shows changed.
	Watch() (<-chan struct{}, func())
	SiteChanged(ctx context.Context) error
	Pictures
	// CheckTemplate reads a template of faces and says what is left out;
	// PreviewLook draws an example with it as PNG. Errors about the template
	// are gateway.ErrTemplate.
	CheckTemplate(ctx context.Context, text string) ([]gateway.TemplateNote, error)
	PreviewLook(ctx context.Context, site gateway.Site, example string, width, height int) ([]byte, error)
}

// Store is the part of gateway.Store that pages read and write directly.
type Store interface {
	Rooms(ctx context.Context) ([]calendar.Room, error)
	Room(ctx context.Context, id calendar.RoomID) (calendar.Room, error)
	SetRoomZone(ctx context.Context, id calendar.RoomID, zone string) error
	SetRoomPrivacy(ctx context.Context, id calendar.RoomID, p calendar.Privacy) error
	Agenda(ctx context.Context, room calendar.RoomID) (calendar.Agenda, error)

	Signs(ctx context.Context) ([]gateway.Sign, error)
	Decisions(ctx context.Context, id devices.SignID, limit int) ([]gateway.Decision, error)

	AddFirstAccount(ctx context.Context, a gateway.Account) (int64, error)
	AccountByName(ctx context.Context, name string) (gateway.Account, error)
	Account(ctx context.Context, id int64) (gateway.Account, error)
	UpdateAccount(ctx context.Context, a gateway.Account) error
	CountAccounts(ctx context.Context) (int, error)
	AddSession(ctx context.Context, s gateway.Session) error
	Session(ctx context.Context, tokenHash [32]byte, now time.Time) (gateway.Session, error)
	RemoveSession(ctx context.Context, tokenHash [32]byte) error
	ChangePassword(ctx context.Context, account int64, passwordHash string, keep [32]byte) error
	Site(ctx context.Context) (gateway.Site, error)
	SetSite(ctx context.Context, s gateway.Site) error

	Connections(ctx context.Context) ([]connection.Connection, error)
	Connection(ctx context.Context, id connection.ID) (connection.Connection, error)
	SaveSettings(ctx context.Context, id connection.ID, s connection.Settings) (connection.ID, error)
	SaveSpare(ctx context.Context, id connection.ID, c connection.Credential) error
}

// MQTTInfo is what the page about the signs' network shows.
type MQTTInfo struct {
	URLs          []string // mqtt[s]://HOST:PORT as signs enter it
	CAFingerprint string   // SHA-256 of the authority's certificate, hex; "" without TLS
	CAPEM         []byte   // certificate of the authority, for download; nil without TLS
	OldTLS        bool     // TLS 1.2 is let in
	// External tells how a broker that is not ours stands; nil with our own.
	External func() ExternalBroker
}

// Firmware is what the pages need to update signs. Implemented by gateway.Core.
type Firmware interface {
	Rollouts(ctx context.Context) ([]gateway.RolloutView, error)
	// AddRelease takes a file of firmware; gateway.ErrInvalid says what is wrong.
	AddRelease(ctx context.Context, file []byte) (devices.Release, error)
	StartRollout(ctx context.Context, image devices.ObjectHash, first devices.SignID, hold time.Duration) error
	PauseRollout(ctx context.Context, image devices.ObjectHash) error
	ResumeRollout(ctx context.Context, image devices.ObjectHash) error
	RemoveRelease(ctx context.Context, image devices.ObjectHash) error
	Makers(ctx context.Context) ([]gateway.Maker, error)
	// AddMaker takes a public key as hexadecimal digits, base64 or PEM.
	AddMaker(ctx context.Context, name, key string) error
	RemoveMaker(ctx context.Context, key string) error
}

// Options set up the pages. All fields but SetupToken, CustomCloud, MQTT, TLS and
// ServerKeys are required.
type Options struct {
	Core        Core
	Calendars   Calendars
	Firmware    Firmware
	Health      Health
	Lists       Lists
	Store       Store
	Catalogue   *lang.Catalogue
	Logger      *slog.Logger
	PublicURL   string // scheme://host[:port], no trailing slash
	Version     string
	SetupToken  string               // lets its holder create the first administrator; "" for nobody
	CustomCloud connection.Endpoints // addresses of cloud Custom from the environment
	MQTT        MQTTInfo
	TLS         func() []connection.Lifetime // the server's own certificates; nil for none
	ServerKeys  ServerKeys                   // nil where signs do not know the embedded broker by its key
}

// server holds what all handlers share.
type server struct {
	core      Core
	calendars Calendars
	firmware  Firmware
	health    Health
	lists     Lists
	store     Store
	texts     *lang.Catalogue
	log       *slog.Logger
	public    *url.URL
	version   string
	token     string
	custom    connection.Endpoints
	mqtt      MQTTInfo
	tls       func() []connection.Lifetime
	keys      ServerKeys

	assets    *assets
	templates templates
	hashing   chan struct{} // a token per password hash under way
	tries     *tries
	streams   chan struct{} // a token per open event stream

	notes  notes  // what was found out about connections since the start
	drafts drafts // templates that people try out
}

// New returns the handler of every path under /m and of /.
func New(o Options) (http.Handler, error) {
	if o.Core == nil || o.Calendars == nil || o.Firmware == nil || o.Health == nil || o.Lists == nil || o.Store == nil || o.Catalogue == nil || o.Logger == nil {
		return nil, errors.New("admin: Core, Calendars, Firmware, Health, Lists, Store, Catalogue and Logger are required")
	}
	public, err := url.Parse(strings.TrimRight(o.PublicURL, "/"))
	if err != nil || public.Host == "" || (public.Scheme != "https" && public.Scheme != "http") || public.Path != "" {
		return nil, fmt.Errorf("admin: public URL %q is not scheme://host", o.PublicURL)
	}
	s := &server{
		core: o.Core, calendars: o.Calendars, firmware: o.Firmware, health: o.Health, lists: o.Lists, store: o.Store, texts: o.Catalogue, log: o.Logger,
		public: public, version: o.Version, token: o.SetupToken, custom: o.CustomCloud, mqtt: o.MQTT, tls: o.TLS, keys: o.ServerKeys,
		hashing: make(chan struct{}, hashesAtOnce), tries: newTries(time.Now),
		streams: make(chan struct{}, maxStreams), notes: newNotes(),
	}
	built, err := embedded()
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	s.assets, s.templates = built.assets, built.templates
	return s.routes(), nil
}

// redirectURI is the address Microsoft sends people back to, exactly as it must
// be registered.
func (s *server) redirectURI() string { return s.public.String() + "/m" }

// secure reports whether browsers reach the pages over HTTPS.
func (s *server) secure() bool { return s.public.Scheme == "https" }
