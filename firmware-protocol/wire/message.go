package wire

import (
	"fmt"
	"hash/crc32"

	"github.com/fxamacker/cbor/v2"
)

// Event is a press of a button [DL-MSG-12]. Boot and Counter make it unique:
// a sign repeats it until it is acknowledged, the gateway acts once.
type Event struct {
	Boot      uint32 // random per boot
	Counter   uint32 // of this event within Boot
	Button    uint8  // 1 to 4
	AgeMillis uint32 // since the press, when sent
	MAC       MAC    // of the whole message; zero in a Hello, whose own covers it
}

// Hello is the first message of every connection [DL-MSG-10].
type Hello struct {
	Boot, Counter uint32 // random per boot; rises with every message of a boot
	Epoch, Seq    uint32 // newest manifest accepted; 0, 0 for none
	Shown         Digest // of the glass; zero when nothing is known to be there

	Model, Serial, Firmware string // printable ASCII, at most MaxText bytes
	Width, Height           uint16 // pixels as mounted
	AlwaysOn                bool
	Capabilities            Capabilities

	BatteryMillivolts uint16 // 0 unknown
	SignalDBm         int8   // 0 unknown, else negative
	TemperatureC      int8
	TemperatureKnown  bool
	Wake              uint8   // reason of waking [DL-ERR-2]
	LastError         uint16  // [DL-ERR-1]
	Events            []Event // not acknowledged yet, oldest first, at most MaxEvents

	KeyNumber      uint32 // of the secret it connected with [DL-KEY-1]
	MAC            MAC    // of the whole message
	FirmwareNumber uint32 // of the release it runs, 0 unknown
	PinsNumber     uint32 // of the set of server keys in force, 0 for that of pairing [DL-PIN-1]
}

// Shown says that a picture was drawn completely [DL-MSG-11].
type Shown struct {
	Boot, Counter     uint32
	Epoch, Seq        uint32
	Glass             Digest // of what is on the glass now
	Wake              uint8
	DrawMillis        uint32 // from the first byte to the panel until it was still
	BatteryMillivolts uint16
	LastError         uint16
	MAC               MAC // of the whole message
}

// Ack answers Hello, Shown, Event and a Key that is stored [DL-MSG-13]: what
// the message with that Boot and Counter said is safe in the gateway's store.
type Ack struct {
	Boot, Counter   uint32
	ServerTime      int64 // Unix milliseconds
	Manifest        bool  // a manifest follows on this connection
	NextWakeSeconds uint32
	JitterSeconds   uint16
	KeyNumber       uint32 // of the secret the sign shall ask for, 0 for none [DL-KEY-1]
}

// Get asks for a part of an object [DL-MSG-14].
type Get struct {
	Object ObjectHash
	Offset uint32 // bytes from the start of the object
	Length uint32 // bytes, 1 to MaxBlockData
}

// Block answers Get [DL-MSG-15]. Total is the length of the whole object; 0
// says that the gateway does not have it for this sign, and Data is empty.
type Block struct {
	Object [8]byte // first bytes of the object's hash
	Offset uint32
	Total  uint32
	Data   []byte // at most MaxBlockData
	CRC32  uint32 // CRC-32 (IEEE) of Data
}

// Map keys are the same in all messages [DL-MSG-5]; 0 is never used.
type (
	pressFields struct { // of an event in a hello
		Boot    uint32 `cbor:"1,keyasint,omitempty"`
		Counter uint32 `cbor:"2,keyasint,omitempty"`
		Button  uint8  `cbor:"12,keyasint,omitempty"`
		Age     uint32 `cbor:"13,keyasint,omitempty"`
	}
	eventFields struct {
		Boot    uint32          `cbor:"1,keyasint,omitempty"`
		Counter uint32          `cbor:"2,keyasint,omitempty"`
		Button  uint8           `cbor:"12,keyasint,omitempty"`
		Age     uint32          `cbor:"13,keyasint,omitempty"`
		MAC     cbor.ByteString `cbor:"40,keyasint,omitempty"`
	}
	helloFields struct {
		Boot         uint32          `cbor:"1,keyasint,omitempty"`
		Counter      uint32          `cbor:"2,keyasint,omitempty"`
		Epoch        uint32          `cbor:"3,keyasint,omitempty"`
		Seq          uint32          `cbor:"4,keyasint,omitempty"`
		Glass        cbor.ByteString `cbor:"5,keyasint,omitempty"`
		Wake         uint8           `cbor:"6,keyasint,omitempty"`
		LastError    uint16          `cbor:"7,keyasint,omitempty"`
		Battery      uint16          `cbor:"8,keyasint,omitempty"`
		Signal       int8            `cbor:"9,keyasint,omitempty"`
		Temperature  *int8           `cbor:"10,keyasint,omitempty"`
		Events       []pressFields   `cbor:"14,keyasint,omitempty"`
		Model        string          `cbor:"15,keyasint,omitempty"`
		Serial       string          `cbor:"16,keyasint,omitempty"`
		Firmware     string          `cbor:"17,keyasint,omitempty"`
		Width        uint16          `cbor:"18,keyasint,omitempty"`
		Height       uint16          `cbor:"19,keyasint,omitempty"`
		AlwaysOn     bool            `cbor:"20,keyasint,omitempty"`
		Capabilities uint32          `cbor:"21,keyasint,omitempty"`
		Key          uint32          `cbor:"39,keyasint,omitempty"`
		MAC          cbor.ByteString `cbor:"40,keyasint,omitempty"`
		FirmwareNo   uint32          `cbor:"42,keyasint,omitempty"`
		Pins         uint32          `cbor:"44,keyasint,omitempty"`
	}
	shownFields struct {
		Boot       uint32          `cbor:"1,keyasint,omitempty"`
		Counter    uint32          `cbor:"2,keyasint,omitempty"`
		Epoch      uint32          `cbor:"3,keyasint,omitempty"`
		Seq        uint32          `cbor:"4,keyasint,omitempty"`
		Glass      cbor.ByteString `cbor:"5,keyasint"`
		Wake       uint8           `cbor:"6,keyasint,omitempty"`
		LastError  uint16          `cbor:"7,keyasint,omitempty"`
		Battery    uint16          `cbor:"8,keyasint,omitempty"`
		DrawMillis uint32          `cbor:"11,keyasint,omitempty"`
		MAC        cbor.ByteString `cbor:"40,keyasint,omitempty"`
	}
	ackFields struct {
		Boot       uint32 `cbor:"1,keyasint,omitempty"`
		Counter    uint32 `cbor:"2,keyasint,omitempty"`
		ServerTime int64  `cbor:"22,keyasint,omitempty"`
		Manifest   bool   `cbor:"23,keyasint,omitempty"`
		NextWake   uint32 `cbor:"24,keyasint,omitempty"`
		Jitter     uint16 `cbor:"25,keyasint,omitempty"`
		Key        uint32 `cbor:"39,keyasint,omitempty"`
	}
	getFields struct {
		Object cbor.ByteString `cbor:"26,keyasint"`
		Offset uint32          `cbor:"27,keyasint,omitempty"`
		Length uint32          `cbor:"28,keyasint,omitempty"`
	}
	blockFields struct {
		Object cbor.ByteString `cbor:"26,keyasint"`
		Offset uint32          `cbor:"27,keyasint,omitempty"`
		Total  uint32          `cbor:"29,keyasint,omitempty"`
		Data   cbor.ByteString `cbor:"30,keyasint,omitempty"`
		CRC32  uint32          `cbor:"31,keyasint,omitempty"`
	}
)

// check holds m against its limits.
func (m *Hello) check() error {
	if err := checkSize(int(m.Width), int(m.Height), BlackWhite); err != nil {
		return err
	}
	if m.SignalDBm > 0 {
		return fmt.Errorf("%w: signal of %d dBm", ErrFormat, m.SignalDBm)
	}
	if len(m.Events) > MaxEvents {
		return fmt.Errorf("%w: %d events in one hello, at most %d", ErrFormat, len(m.Events), MaxEvents)
	}
	for i := range m.Events {
		if err := m.Events[i].check(); err != nil {
			return err
		}
	}
	return checkTexts(m.Model, m.Serial, m.Firmware)
}

// checkTexts checks the three texts a sign says of itself.
func checkTexts(model, serial, firmware string) error {
	if err := checkText("model", model); err != nil {
		return err
	}
	if err := checkText("serial", serial); err != nil {
		return err
	}
	return checkText("firmware", firmware)
}

// Marshal encodes m; ErrFormat when it is outside its limits.
func (m *Hello) Marshal() ([]byte, error) { return m.encode(m.MAC.field()) }

func (m *Hello) encode(mac cbor.ByteString) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	f := helloFields{
		Boot: m.Boot, Counter: m.Counter, Epoch: m.Epoch, Seq: m.Seq,
		Wake: m.Wake, LastError: m.LastError, Battery: m.BatteryMillivolts, Signal: m.SignalDBm,
		Model: m.Model, Serial: m.Serial, Firmware: m.Firmware,
		Width: m.Width, Height: m.Height, AlwaysOn: m.AlwaysOn, Capabilities: uint32(m.Capabilities),
		Key: m.KeyNumber, MAC: mac, FirmwareNo: m.FirmwareNumber, Pins: m.PinsNumber,
	}
	if !m.Shown.IsZero() {
		f.Glass = cbor.ByteString(m.Shown[:])
	}
	if m.TemperatureKnown {
		f.Temperature = &m.TemperatureC
	}
	for _, e := range m.Events {
		f.Events = append(f.Events, pressFields{Boot: e.Boot, Counter: e.Counter, Button: e.Button, Age: e.AgeMillis})
	}
	return marshal("hello", MaxMessage, f)
}

// UnmarshalHello reads a hello; its MAC is not checked. The error is ErrFormat.
func UnmarshalHello(data []byte) (Hello, error) {
	var f helloFields
	if err := unmarshal("hello", MaxMessage, data, &f); err != nil {
		return Hello{}, err
	}
	m := Hello{
		Boot: f.Boot, Counter: f.Counter, Epoch: f.Epoch, Seq: f.Seq,
		Wake: f.Wake, LastError: f.LastError, BatteryMillivolts: f.Battery, SignalDBm: f.Signal,
		Model: f.Model, Serial: f.Serial, Firmware: f.Firmware,
		Width: f.Width, Height: f.Height, AlwaysOn: f.AlwaysOn, Capabilities: Capabilities(f.Capabilities),
		KeyNumber: f.Key, FirmwareNumber: f.FirmwareNo, PinsNumber: f.Pins,
	}
	if f.Glass != "" {
		if err := fixed("glass digest", m.Shown[:], f.Glass); err != nil {
			return Hello{}, err
		}
	}
	if err := m.MAC.read(f.MAC); err != nil {
		return Hello{}, err
	}
	if f.Temperature != nil {
		m.TemperatureC, m.TemperatureKnown = *f.Temperature, true
	}
	for _, e := range f.Events {
		m.Events = append(m.Events, Event{Boot: e.Boot, Counter: e.Counter, Button: e.Button, AgeMillis: e.Age})
	}
	if err := m.check(); err != nil {
		return Hello{}, err
	}
	return m, nil
}

// Marshal encodes m.
func (m *Shown) Marshal() ([]byte, error) { return m.encode(m.MAC.field()) }

func (m *Shown) encode(mac cbor.ByteString) ([]byte, error) {
	return marshal("shown", MaxMessage, shownFields{
		Boot: m.Boot, Counter: m.Counter, Epoch: m.Epoch, Seq: m.Seq, Glass: cbor.ByteString(m.Glass[:]),
		Wake: m.Wake, LastError: m.LastError, Battery: m.BatteryMillivolts, DrawMillis: m.DrawMillis, MAC: mac,
	})
}

// UnmarshalShown reads a shown; its MAC is not checked. The error is ErrFormat.
func UnmarshalShown(data []byte) (Shown, error) {
	var f shownFields
	if err := unmarshal("shown", MaxMessage, data, &f); err != nil {
		return Shown{}, err
	}
	m := Shown{
		Boot: f.Boot, Counter: f.Counter, Epoch: f.Epoch, Seq: f.Seq,
		Wake: f.Wake, LastError: f.LastError, BatteryMillivolts: f.Battery, DrawMillis: f.DrawMillis,
	}
	if err := fixed("glass digest", m.Glass[:], f.Glass); err != nil {
		return Shown{}, err
	}
	return m, m.MAC.read(f.MAC)
}

func (m *Event) check() error {
	if m.Button < 1 || m.Button > 4 {
		return fmt.Errorf("%w: button %d, want 1 to 4", ErrFormat, m.Button)
	}
	return nil
}

// Marshal encodes m; ErrFormat when the button does not exist.
func (m *Event) Marshal() ([]byte, error) { return m.encode(m.MAC.field()) }

func (m *Event) encode(mac cbor.ByteString) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return marshal("event", MaxMessage, eventFields{Boot: m.Boot, Counter: m.Counter, Button: m.Button, Age: m.AgeMillis, MAC: mac})
}

// UnmarshalEvent reads an event; its MAC is not checked. The error is ErrFormat.
func UnmarshalEvent(data []byte) (Event, error) {
	var f eventFields
	if err := unmarshal("event", MaxMessage, data, &f); err != nil {
		return Event{}, err
	}
	m := Event{Boot: f.Boot, Counter: f.Counter, Button: f.Button, AgeMillis: f.Age}
	if err := m.check(); err != nil {
		return Event{}, err
	}
	return m, m.MAC.read(f.MAC)
}

// Marshal encodes m; ErrFormat when the time is before 1970.
func (m *Ack) Marshal() ([]byte, error) {
	if m.ServerTime < 0 {
		return nil, fmt.Errorf("%w: server time %d", ErrFormat, m.ServerTime)
	}
	return marshal("ack", MaxMessage, ackFields{
		Boot: m.Boot, Counter: m.Counter, ServerTime: m.ServerTime, Manifest: m.Manifest,
		NextWake: m.NextWakeSeconds, Jitter: m.JitterSeconds, Key: m.KeyNumber,
	})
}

// UnmarshalAck reads an ack. The error is ErrFormat.
func UnmarshalAck(data []byte) (Ack, error) {
	var f ackFields
	if err := unmarshal("ack", MaxMessage, data, &f); err != nil {
		return Ack{}, err
	}
	if f.ServerTime < 0 {
		return Ack{}, fmt.Errorf("%w: server time %d", ErrFormat, f.ServerTime)
	}
	return Ack{
		Boot: f.Boot, Counter: f.Counter, ServerTime: f.ServerTime, Manifest: f.Manifest,
		NextWakeSeconds: f.NextWake, JitterSeconds: f.Jitter, KeyNumber: f.Key,
	}, nil
}

func (m *Get) check() error {
	if m.Length < 1 || m.Length > MaxBlockData {
		return fmt.Errorf("%w: get of %d bytes, want 1 to %d", ErrFormat, m.Length, MaxBlockData)
	}
	return nil
}

// Marshal encodes m; ErrFormat when Length is outside its limits.
func (m *Get) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return marshal("get", MaxMessage, getFields{
		Object: cbor.ByteString(m.Object[:]), Offset: m.Offset, Length: m.Length,
	})
}

// UnmarshalGet reads a get. The error is ErrFormat.
func UnmarshalGet(data []byte) (Get, error) {
	var f getFields
	if err := unmarshal("get", MaxMessage, data, &f); err != nil {
		return Get{}, err
	}
	m := Get{Offset: f.Offset, Length: f.Length}
	if err := fixed("object hash", m.Object[:], f.Object); err != nil {
		return Get{}, err
	}
	if err := m.check(); err != nil {
		return Get{}, err
	}
	return m, nil
}

func (m *Block) check() error {
	if len(m.Data) > MaxBlockData || uint64(m.Offset)+uint64(len(m.Data)) > uint64(m.Total) {
		return fmt.Errorf("%w: block of %d bytes at %d of %d", ErrFormat, len(m.Data), m.Offset, m.Total)
	}
	if m.Total > 0 && len(m.Data) == 0 {
		return fmt.Errorf("%w: empty block", ErrFormat)
	}
	return nil
}

// Marshal encodes m and sets CRC32; ErrFormat when Data lies outside the object.
func (m *Block) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	m.CRC32 = crc32.ChecksumIEEE(m.Data)
	return marshal("block", MaxBlockMessage, blockFields{
		Object: cbor.ByteString(m.Object[:]), Offset: m.Offset, Total: m.Total,
		Data: cbor.ByteString(m.Data), CRC32: m.CRC32,
	})
}

// UnmarshalBlock reads a block and checks its CRC. The error is ErrFormat or
// ErrChecksum. Data is the caller's.
func UnmarshalBlock(data []byte) (Block, error) {
	var f blockFields
	if err := unmarshal("block", MaxBlockMessage, data, &f); err != nil {
		return Block{}, err
	}
	m := Block{Offset: f.Offset, Total: f.Total, Data: []byte(f.Data), CRC32: f.CRC32}
	if err := fixed("object hash", m.Object[:], f.Object); err != nil {
		return Block{}, err
	}
	if err := m.check(); err != nil {
		return Block{}, err
	}
	if crc32.ChecksumIEEE(m.Data) != m.CRC32 {
		return Block{}, fmt.Errorf("%w: block at %d", ErrChecksum, m.Offset)
	}
	return m, nil
}
