// Package devices says what a door sign is: its identity, panel, reports,
// timeline of pictures and conditions. It performs no I/O and knows no wire
// format; packages below it (mqttlink, broker, simsign) do.
package devices

import (
	"errors"
	"time"

	"doorleaf/devices/refresh"
	"doorleaf/render/mono"
)

// SignID names a sign: 16 characters of lower-case base32 (a-z, 2-7), 80 random
// bits. It is also its MQTT user name and client id.
type SignID string

// Digest is a GlassDigest: SHA-256 over the decoded picture as SPEC.md defines.
type Digest = mono.Digest

// ObjectHash is the SHA-256 of an encoded object's bytes.
type ObjectHash [32]byte

// Capabilities is what a sign says it can decode, a bit set of SPEC.md.
type Capabilities uint32

// Hardware is what a sign says of itself when it joins; nothing in it is
// trusted. Strings are bounded to 64 bytes of printable text by the link.
type Hardware struct {
	Model        string // panel model, key of the catalogue
	Serial       string
	Firmware     string
	FirmwareNo   uint32 // number of the running release, 0 unknown
	Width        int    // pixels as mounted
	Height       int
	AlwaysOn     bool
	Capabilities Capabilities
}

// Report is what a sign told the gateway: one hello, shown or event message,
// whose MAC showed that Sign itself says it [DL-KEY-8].
type Report struct {
	Kind     ReportKind
	Sign     SignID
	Received time.Time
	Boot     uint32 // random per boot
	Counter  uint32 // rises by one per message of a boot
	Key      uint32 // number of the secret the sign connected with; HelloReport
	Epoch    uint32 // newest manifest accepted; 0, 0 for none
	Seq      uint32
	Shown    Digest // digest of the decoded planes on the glass
	Hardware Hardware

	BatteryMillivolts int // 0 unknown
	SignalDBm         int // 0 unknown, else negative
	TemperatureC      int
	TemperatureKnown  bool
	WakeReason        WakeReason
	LastError         ErrorCode
	Pins              uint32 // number of the set of server keys a HelloReport names
	Button            int    // 1..4 for EventReport
	AgeMillis         uint32
	InHello           bool   // an EventReport that a hello brought, whose Epoch and Seq it has
	HelloBoot         uint32 // of the hello that brought an EventReport
	HelloCounter      uint32
}

// ReportKind tells hello, shown and event apart.
type ReportKind uint8

// The kinds of reports.
const (
	HelloReport ReportKind = iota + 1
	ShownReport
	EventReport
)

// WakeReason is why a sign woke.
type WakeReason uint8

// The reasons of SPEC.md.
const (
	WakeUnknown WakeReason = iota
	WakeBoot
	WakeTimer
	WakeButton
	WakePush
	WakeFlip // drew a later step of its timeline by its own clock
)

// ErrorCode is the last thing that went wrong on a sign, 0 for nothing.
type ErrorCode uint16

// The error codes of SPEC.md.
const (
	NoError ErrorCode = iota
	ErrManifestAuth
	ErrManifestFormat
	ErrManifestOld
	ErrManifestConflict
	ErrObjectHash
	ErrObjectFormat
	ErrObjectBase
	ErrObjectSize
	ErrDigest
	ErrPanel
	ErrStorage
	ErrTimeout
	ErrFirmware        // signature, HMAC or image wrong
	ErrFirmwareRefused // other model, not newer, failed before, battery too low
	ErrFirmwareBack    // did not check in; the one before runs again
	ErrServerKeys      // set of server keys forged, malformed, old or without the server's
)

// Step is one picture of a timeline, to be on the glass in [From, Until).
type Step struct {
	From, Until time.Time // whole seconds, UTC
	Picture     *mono.Image
	Refresh     refresh.Mode // how the panel is asked to change
}

// Timeline is everything a sign needs for the next hours. Steps are in order
// and without gaps; Stale is the ready-made picture for the time after the last
// step. Base is the picture the sign is known to show, nil when unknown.
// (Epoch, Seq) rises with every Timeline of a sign.
type Timeline struct {
	Sign         SignID
	Epoch, Seq   uint32
	Steps        []Step
	Stale        *mono.Image
	Base         *mono.Image
	NextWake     time.Time     // promised next contact of a sleeping sign
	Jitter       time.Duration // the sign adds a random part of it
	Capabilities Capabilities
}

// Object is one encoded picture as it travels.
type Object struct {
	Hash  ObjectHash
	Bytes []byte
}

// Parcel is a Timeline packed for the wire: the body of its manifest, without
// server time and signature, and the objects it names. Opaque to all but the
// link; a store keeps it as bytes.
type Parcel struct {
	Body    []byte
	Objects []Object
}

// Delivery is a packed timeline on its way to a sign.
type Delivery struct {
	Sign       SignID
	Epoch, Seq uint32
	Body       []byte    // Parcel.Body
	NextWake   time.Time // may be later than when the body was packed
	Jitter     time.Duration
}

// Credential authenticates one sign.
type Credential struct {
	Sign         SignID
	PasswordHash [32]byte // SHA-256 of the MQTT password
	ManifestKey  []byte   // 32 bytes; signs manifests; sealed at rest
	Number       uint32   // of the secret it comes from, 0 for the one from pairing
	// NextPasswordHash is that of a newer secret on its way to the sign, which is
	// let in with either; zero for none.
	NextPasswordHash [32]byte
	NextManifestKey  []byte // of that newer secret, nil for none
	NextNumber       uint32 // and its number
	// Password is the MQTT password, only where it was just derived. A store
	// keeps it sealed for brokers that are not ours and never reads it back here.
	Password string
}

// Joining is a sign that wants to be paired: its transcript is complete, a
// person has to confirm the code it shows.
type Joining struct {
	Nonce    string // topic part of the attempt
	Code     string // 8 characters, computed from the transcript, never sent
	Hardware Hardware
	Address  string // peer's address, for the page
	Since    time.Time
	Expires  time.Time

	BatteryMillivolts int
	SignalDBm         int
}

// Sentinel errors of the device side.
var (
	ErrUnknownSign   = errors.New("unknown sign")
	ErrUnknownObject = errors.New("unknown object")
	ErrUnknownCode   = errors.New("no sign shows this code")
	// ErrReplayed is a report that came before, or is older than one that came.
	ErrReplayed     = errors.New("report was sent before")
	ErrNotConnected = errors.New("sign is not connected")
)
