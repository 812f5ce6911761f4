package simsign

import (
	"encoding/hex"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Event is one thing a sign did; docs/sign.md lists them all. Fields that do
// not belong to an event are zero.
type Event struct {
	Time   time.Time `json:"time"` // of the machine, not of the simulated clock
	Event  string    `json:"event"`
	Serial string    `json:"serial,omitempty"`
	Sign   string    `json:"sign,omitempty"`
	Code   string    `json:"code,omitempty"`

	Epoch  uint32 `json:"epoch,omitempty"`
	Seq    uint32 `json:"seq,omitempty"`
	Steps  int    `json:"steps,omitempty"`
	Object string `json:"object,omitempty"` // hex
	Bytes  int    `json:"bytes,omitempty"`
	Digest string `json:"digest,omitempty"` // GlassDigest, hex

	From   *time.Time `json:"from,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	Wake   *time.Time `json:"wake,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Error  string     `json:"error,omitempty"`

	Number  uint32 `json:"number,omitempty"` // of a secret or a firmware
	Version string `json:"version,omitempty"`

	Refresh string `json:"refresh,omitempty"` // how the panel changed: full, fast or partial

	Button            int `json:"button,omitempty"`
	BatteryMillivolts int `json:"batteryMillivolts,omitempty"`
}

// emit hands an event to the owner.
func (s *Sign) emit(e Event) {
	if s.opts.Emit == nil {
		return
	}
	e.Time, e.Serial, e.Sign = time.Now().UTC(), s.opts.Serial, s.st.Sign
	s.opts.Emit(e)
}

func digestText(d wire.Digest) string { return hex.EncodeToString(d[:]) }

func unixTime(s int64) *time.Time {
	t := time.Unix(s, 0).UTC()
	return &t
}

// wakeName names a reason of waking for people.
func wakeName(w devices.WakeReason) string {
	switch w {
	case devices.WakeBoot:
		return "boot"
	case devices.WakeTimer:
		return "timer"
	case devices.WakeButton:
		return "button"
	case devices.WakePush:
		return "push"
	case devices.WakeFlip:
		return "flip"
	}
	return "unknown"
}

// errorName names an error code for people.
func errorName(c devices.ErrorCode) string {
	names := map[devices.ErrorCode]string{
		devices.ErrManifestAuth: "manifest-auth", devices.ErrManifestFormat: "manifest-format",
		devices.ErrManifestOld: "manifest-old", devices.ErrManifestConflict: "manifest-conflict",
		devices.ErrObjectHash: "object-hash", devices.ErrObjectFormat: "object-format",
		devices.ErrObjectBase: "object-base", devices.ErrObjectSize: "object-size",
		devices.ErrDigest: "digest", devices.ErrPanel: "panel", devices.ErrStorage: "storage", devices.ErrTimeout: "timeout",
		devices.ErrFirmware: "firmware", devices.ErrFirmwareRefused: "firmware-refused", devices.ErrFirmwareBack: "firmware-back",
		devices.ErrServerKeys: "server-keys",
	}
	return names[c]
}
