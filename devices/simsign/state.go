package simsign

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Names in the Storage.
const (
	stateName    = "state.json"
	glassName    = "glass.bin"
	objectPrefix = "object-"
)

// state is what a sign remembers over a power cut, beside its glass and the
// objects. It is replaced as a whole.
type state struct {
	Sign   string  `json:"sign,omitempty"`   // id, empty until paired
	Secret []byte  `json:"secret,omitempty"` // preferred for connecting
	Key    uint32  `json:"key,omitempty"`    // its number
	Spare  *secret `json:"spare,omitempty"`  // the other one
	Untold bool    `json:"untold,omitempty"` // the other one is newer, and the gateway does not know that it is stored
	Tells  int     `json:"tells,omitempty"`  // connections on which that was said in vain

	Refused [2]int `json:"refused,omitzero"` // refusals of the preferred secret and of the other one that count, since a connection
	Pin     []byte `json:"pin,omitempty"`    // SHA-256 of the server's public key when it was paired

	Pins   [][]byte `json:"pins,omitempty"`   // the server keys that took the place of Pin
	PinSet uint32   `json:"pinSet,omitempty"` // number of that set, 0: there is none

	Epoch     uint32 `json:"epoch,omitempty"` // newest manifest accepted
	Seq       uint32 `json:"seq,omitempty"`
	Manifest  []byte `json:"manifest,omitempty"`  // its body
	OffsetMs  int64  `json:"offsetMs,omitempty"`  // server time minus own clock
	NextWake  int64  `json:"nextWake,omitempty"`  // Unix seconds of the server
	Drawn     []byte `json:"drawn,omitempty"`     // digest of the last picture drawn
	Drawing   bool   `json:"drawing,omitempty"`   // the panel was being updated: the glass is unknown
	LastError uint16 `json:"lastError,omitempty"` // reported until a manifest mends it
	ChargeUAh int64  `json:"chargeUAh"`           // left in the battery

	Events []pressed `json:"events,omitempty"` // buttons not acknowledged

	Firmware *firmware `json:"firmware,omitempty"`
}

// pressed is one press of a button.
type pressed struct {
	Boot    uint32 `json:"boot"`
	Counter uint32 `json:"counter"`
	Button  uint8  `json:"button"`
	AtMs    int64  `json:"at"`    // own clock, Unix milliseconds
	Wakes   int    `json:"wakes"` // contacts tried since
}

// load reads what an earlier life of the sign left behind.
func (s *Sign) load() error {
	b, err := s.store.Get(stateName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.st.ChargeUAh = fullCharge
	case err != nil:
		return fmt.Errorf("simsign: read state: %w", err)
	default:
		if err := json.Unmarshal(b, &s.st); err != nil {
			return fmt.Errorf("simsign: read state: %w", err)
		}
	}
	if s.st.Manifest != nil {
		body, err := wire.ParseBody(s.st.Manifest)
		if err != nil {
			return fmt.Errorf("simsign: stored manifest: %w", err)
		}
		s.body = &body
	}
	if s.st.Sign != "" {
		if s.keys, err = wire.DeriveKeys(s.st.Secret, s.st.Sign); err != nil {
			return fmt.Errorf("simsign: stored identity: %w", err)
		}
		s.keyNo = s.st.Key
	}
	return s.loadGlass()
}

func (s *Sign) loadGlass() error {
	b, err := s.store.Get(glassName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("simsign: read glass: %w", err)
	}
	w, h := s.opts.Panel.Width, s.opts.Panel.Height
	if len(b) != 4+len(s.glass.Pix) || int(binary.LittleEndian.Uint16(b)) != w || int(binary.LittleEndian.Uint16(b[2:])) != h {
		return fmt.Errorf("simsign: the state is that of another panel than %dx%d", w, h)
	}
	copy(s.glass.Pix, b[4:])
	return nil
}

// save replaces the stored state.
func (s *Sign) save() error {
	if m, ok := s.store.(*memory); ok && m.volatile {
		return nil
	}
	b, err := json.Marshal(&s.st)
	if err != nil {
		return err
	}
	if err := s.store.Put(stateName, b); err != nil {
		return fmt.Errorf("simsign: store state: %w", err)
	}
	s.cut("state.stored")
	return nil
}

// saveGlass keeps what the panel shows, as a real one does without power.
func (s *Sign) saveGlass() error {
	b := make([]byte, 4, 4+len(s.glass.Pix))
	binary.LittleEndian.PutUint16(b, uint16(s.glass.Width))
	binary.LittleEndian.PutUint16(b[2:], uint16(s.glass.Height))
	if err := s.store.Put(glassName, append(b, s.glass.Pix...)); err != nil {
		return fmt.Errorf("simsign: store glass: %w", err)
	}
	return nil
}

func objectName(h wire.ObjectHash) string { return fmt.Sprintf("%s%x", objectPrefix, h[:]) }

// object returns a stored object that is what its name says.
func (s *Sign) object(h wire.ObjectHash) ([]byte, bool) {
	b, err := s.store.Get(objectName(h))
	if err != nil || wire.HashObject(b) != h {
		return nil, false
	}
	return b, true
}

// dropObjects deletes the objects that the timeline no longer names.
func (s *Sign) dropObjects() error {
	keep := map[string]bool{}
	if s.body != nil {
		for _, st := range all(s.body) {
			keep[objectName(st.Object)] = true
		}
	}
	names, err := s.store.Names(objectPrefix)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !keep[n] {
			if err := s.store.Delete(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget makes the sign what it was in its box, but for its battery and glass.
func (s *Sign) forget() error {
	s.st = state{ChargeUAh: s.st.ChargeUAh, Firmware: s.st.Firmware}
	s.body, s.incoming, s.keys = nil, nil, wire.Keys{}
	s.keyNo, s.useSpare, s.question, s.download, s.ready = 0, false, nil, nil, nil
	s.parts, s.held, s.drawn = nil, nil, wire.Digest{}
	if err := s.save(); err != nil {
		return err
	}
	return s.dropObjects()
}

// Battery: a charge in microampere hours and a straight line to millivolts.
const (
	fullCharge   = 2_000_000 // µAh
	fullMV       = 3200
	emptyMV      = 2400
	wakeCost     = 30 // µAh for a wake with radio
	refreshCost  = 12 // µAh for a full refresh of the panel
	minMV, maxMV = 1000, 6000
)

// refreshUse is what a refresh takes: a short waveform takes less.
func refreshUse(r wire.Refresh) int64 {
	switch r {
	case wire.RefreshFast:
		return refreshCost / 3
	case wire.RefreshPartial:
		return refreshCost / 4
	}
	return refreshCost
}

func millivolts(charge int64) int {
	return int(emptyMV + (fullMV-emptyMV)*charge/fullCharge)
}

func chargeOf(mv int) int64 {
	return int64(mv-emptyMV) * fullCharge / (fullMV - emptyMV)
}

func (s *Sign) use(uah int64) {
	if s.opts.AlwaysOn {
		return
	}
	s.st.ChargeUAh = max(s.st.ChargeUAh-uah, chargeOf(minMV))
}

func (s *Sign) millivolts() uint16 {
	if s.opts.AlwaysOn {
		return 0 // mains
	}
	return uint16(min(max(millivolts(s.st.ChargeUAh), minMV), maxMV))
}

// remember sets an error for the next report and says so.
func (s *Sign) remember(code devices.ErrorCode, why error) {
	s.st.LastError = uint16(code)
	s.emit(Event{Event: "error", Code: errorName(code), Error: why.Error()})
}
