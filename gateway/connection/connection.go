// Package connection is the vocabulary of a connection to a calendar system:
// settings, mode, permissions, state, error kinds and sync cursors. It does no
// I/O; the sentences people read live in the text catalogue under the keys that
// Kind and Permission name.
package connection

import (
	"fmt"
	"time"
)

// ID numbers a connection in the store; the first one is 1.
type ID int64

// Cloud names a Microsoft cloud; Custom takes the two URLs from Settings.
type Cloud string

// The clouds with published login and Graph addresses
// (learn.microsoft.com/graph/deployments).
const (
	Global  Cloud = "global"
	USGovL4 Cloud = "usgov-l4"
	USGovL5 Cloud = "usgov-l5"
	China   Cloud = "china"
	Custom  Cloud = "custom"
)

// Clouds lists every cloud in the order of the page.
func Clouds() []Cloud { return []Cloud{Global, USGovL4, USGovL5, China, Custom} }

// Endpoints are the base URLs of a cloud: scheme, host and port, no path.
type Endpoints struct{ Login, Graph string }

// Endpoints returns the base URLs of a known cloud; ok is false for Custom and
// for unknown names.
func (c Cloud) Endpoints() (e Endpoints, ok bool) {
	switch c {
	case Global:
		return Endpoints{"https://login.microsoftonline.com", "https://graph.microsoft.com"}, true
	case USGovL4:
		return Endpoints{"https://login.microsoftonline.us", "https://graph.microsoft.us"}, true
	case USGovL5:
		return Endpoints{"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"}, true
	case China:
		return Endpoints{"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"}, true
	}
	return Endpoints{}, false
}

// Settings are what an administrator enters. ClientSecret and KeyPEM are
// write-only in the interface and sealed at rest. Settings are comparable.
type Settings struct {
	Name     string // what people call the organisation; "" means its tenant
	Cloud    Cloud
	LoginURL string // for Custom
	GraphURL string // for Custom
	Tenant   string // GUID or verified domain; "" only before the first delegated sign-in
	ClientID string // GUID

	// ClientSecret is used unless CertPEM and KeyPEM hold a certificate.
	ClientSecret  string
	SecretExpires string // date as 2006-01-02 that the portal showed; "" unknown
	CertPEM       string // X.509 certificate whose public part is uploaded at Microsoft
	KeyPEM        string // its private key, PKCS #8

	Access Mode // AppOnly, or Delegated for reading as a person; "" means AppOnly
	Book   bool // also ask for the right to write into room calendars
	Find   bool // also ask for the right to list rooms
}

// Credential is how the gateway proves to be the registered application: a
// client secret, or a certificate with its key. It is comparable.
type Credential struct {
	Secret  string
	Expires string // date as 2006-01-02 for a secret; a certificate carries its own
	CertPEM string
	KeyPEM  string
}

// IsZero reports whether there is no credential.
func (c Credential) IsZero() bool { return c == Credential{} }

// String never shows a secret or a key.
func (c Credential) String() string {
	switch {
	case c.KeyPEM != "":
		return "certificate"
	case c.Secret != "":
		return "secret"
	}
	return "none"
}

// GoString never shows a secret or a key.
func (c Credential) GoString() string { return c.String() }

// Credential returns the credential in use.
func (s Settings) Credential() Credential {
	return Credential{Secret: s.ClientSecret, Expires: s.SecretExpires, CertPEM: s.CertPEM, KeyPEM: s.KeyPEM}
}

// With returns the settings with another credential in use.
func (s Settings) With(c Credential) Settings {
	s.ClientSecret, s.SecretExpires, s.CertPEM, s.KeyPEM = c.Secret, c.Expires, c.CertPEM, c.KeyPEM
	return s
}

// String never shows the secret.
func (s Settings) String() string {
	return fmt.Sprintf("cloud=%s tenant=%s client=%s", s.Cloud, s.Tenant, s.ClientID)
}

// GoString never shows the secret.
func (s Settings) GoString() string { return s.String() }

// Mode is how the gateway reads calendars.
type Mode string

// AppOnly uses the application's own rights; Delegated borrows those of the
// person who signed in and loses delta queries, notifications and rooms that
// person may not open.
const (
	NotConnected Mode = ""
	AppOnly      Mode = "app"
	Delegated    Mode = "delegated"
)

// Permission is a Microsoft Graph permission by its published name.
type Permission string

// The permissions the gateway may ask for.
const (
	PlaceReadAll        Permission = "Place.Read.All"
	CalendarsRead       Permission = "Calendars.Read"
	CalendarsReadShared Permission = "Calendars.Read.Shared"
	CalendarsReadWrite  Permission = "Calendars.ReadWrite"

	CalendarsReadWriteShared Permission = "Calendars.ReadWrite.Shared"
)

// State is what the gateway knows about a connection.
type State struct {
	Mode        Mode
	TenantID    string // GUID from the id token
	Account     string // sign-in name of the person who connected; shown in /m only
	AccountID   string // MSAL home account id, for delegated tokens
	ConnectedAt time.Time
	CheckedAt   time.Time    // last call that succeeded
	RefreshedAt time.Time    // last time a delegated refresh token was renewed
	Lost        []Permission // what the mode in use lacks, for the page
	Problem     *Problem     // nil when healthy
}

// Connection is one connection as stored.
type Connection struct {
	ID       ID
	Settings Settings
	Spare    Credential // second slot: tested before it takes over
	State    State
}

// Problem is an error as kept for the page: no message of the server, no secret.
type Problem struct {
	Kind  Kind
	Code  string // "AADSTS7000215", "ErrorAccessDenied", "HTTP 503" ...
	Since time.Time
}

// Kind classifies what went wrong, for program logic and for the sentence
// "error.<kind>" in the text catalogue.
type Kind string

// The kinds of errors.
const (
	BadClientID      Kind = "bad-client-id"      // not a GUID, or unknown in the tenant
	BadSecret        Kind = "bad-secret"         // AADSTS7000215
	SecretIsID       Kind = "secret-is-id"       // looks like a Secret ID
	SecretExpired    Kind = "secret-expired"     // AADSTS7000222
	SecretMissing    Kind = "secret-missing"     // AADSTS7000218
	BadCertificate   Kind = "bad-certificate"    // AADSTS700027, 50012, or certificate and key do not match
	CertificateEnded Kind = "certificate-ended"  // its end date is past
	TenantNotAllowed Kind = "tenant-not-allowed" // not on the gateway's list
	NotAssigned      Kind = "not-assigned"       // AADSTS50105
	ConsumerAccount  Kind = "consumer-account"   // a personal Microsoft account
	BadTenant        Kind = "bad-tenant"         // AADSTS90002, 50194 and relatives
	WrongCloud       Kind = "wrong-cloud"        // AADSTS90038, 900382, 900432
	RedirectMismatch Kind = "redirect-mismatch"  // AADSTS50011
	ConsentDeclined  Kind = "consent-declined"   // AADSTS65004, access_denied
	ConsentRequired  Kind = "consent-required"   // AADSTS65001, 90094
	WrongAccount     Kind = "wrong-account"      // AADSTS50020, consumer account, other tenant
	CodeReused       Kind = "code-reused"        // AADSTS54005, bad verifier
	SignInAgain      Kind = "sign-in-again"      // grant expired or revoked
	NeedsMFA         Kind = "needs-mfa"          // AADSTS50076 and relatives
	BlockedByPolicy  Kind = "blocked-by-policy"  // AADSTS53003 and relatives
	AppDisabled      Kind = "app-disabled"       // AADSTS7000112
	AccessDenied     Kind = "access-denied"      // Graph 403
	PlacesDenied     Kind = "places-denied"      // Graph 403 on places
	NotFound         Kind = "not-found"          // Graph 404, mailbox or room
	SyncReset        Kind = "sync-reset"         // Graph 410, delta state lost
	Throttled        Kind = "throttled"          // 429, 503 with Retry-After
	ServerFault      Kind = "server-fault"       // 5xx
	BadAnswer        Kind = "bad-answer"         // not JSON, wrong types, too large
	Unreachable      Kind = "unreachable"        // DNS, TCP, TLS, proxy
	UntrustedServer  Kind = "untrusted-server"   // TLS certificate not trusted
	StateMismatch    Kind = "state-mismatch"     // unknown or expired sign-in attempt
	NotConfigured    Kind = "not-configured"     // settings missing
	InternalFault    Kind = "internal-fault"     // a defect of ours
)

// Error is an error of a calendar connection. Its text names operation, kind
// and code only: never a token, secret, subject, organizer or server message.
type Error struct {
	Kind       Kind
	Op         string // "token", "list rooms", "read calendar" ...
	Code       string
	Status     int           // HTTP status, 0 when none
	RetryAfter time.Duration // 0 when the server named none
	Room       string        // room address when the call was about one
	Err        error         // cause that is safe to print, may be nil
}

func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Kind)
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Room != "" {
		s += " room " + e.Room
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Cursor is where the sync of one room stands; DeltaLink is opaque and empty in
// delegated mode or before the first round.
type Cursor struct {
	DeltaLink string
	TruthAt   time.Time // last full read
}

// Check is one line of a connection test.
type Check struct {
	Name    string // catalogue key "check.<name>"; the names are constants below
	Room    string // room address for per-room lines
	OK      bool
	Skipped bool // not tried, Problem says why
	Problem *Problem
	Excess  []Permission // of CheckRights: granted, but not needed by what is switched on
	Missing []Permission // of CheckRights: needed, but not granted
}

// The lines of a connection test.
const (
	CheckToken        = "token"        // a token was issued
	CheckRights       = "rights"       // the permissions in the token match what is switched on
	CheckPlaces       = "places"       // rooms can be listed
	CheckCalendar     = "calendar"     // one room's calendar can be read
	CheckForbidden    = "forbidden"    // a mailbox that must be refused was refused
	CheckSubscription = "subscription" // a change notification made the round trip
)

// ProbeOptions choose the optional lines of a connection test.
type ProbeOptions struct {
	Forbidden    string // address of a mailbox that must be refused; "" leaves the line out
	Subscription bool   // try a subscription round trip
}

// Subscription is a change notification subscription of one room.
type Subscription struct {
	ID          string // Microsoft's id
	Connection  ID
	Room        string // room address
	ClientState string // secret that every notification must carry; sealed at rest
	Expires     time.Time
}

// Lifetime is something of a connection that ends.
type Lifetime struct {
	What  LifetimeKind
	Label string    // certificate subject or room address; "" when What says it all
	Ends  time.Time // zero when unknown
	Spare bool      // of the second credential slot
	Auto  bool      // renewed by the gateway; nobody has to act unless Problem is set
	Count int       // how many share this line, at least 1
}

// LifetimeKind names what ends; the sentence is "lifetime.<kind>".
type LifetimeKind string

// The things that end.
const (
	LifeSecret       LifetimeKind = "secret"
	LifeCertificate  LifetimeKind = "certificate"
	LifeRefreshToken LifetimeKind = "refresh-token"
	LifeSubscription LifetimeKind = "subscriptions"
	LifeTLS          LifetimeKind = "tls"
)
