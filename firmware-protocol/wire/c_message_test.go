package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
)

// cTalk is a conversation with ../c/test/message_runner.c: what it is told, and
// what its answer to each must be.
type cTalk struct {
	t     *testing.T
	in    []byte
	names []string
	want  [][]byte
}

func (c *cTalk) add(name string, in, want []byte) {
	c.in = append(c.in, in...)
	c.names, c.want = append(c.names, name), append(c.want, want)
}

// run compares all answers.
func (c *cTalk) run() {
	c.t.Helper()
	runner := filepath.Join(c.t.TempDir(), "message_runner")
	args := append([]string{need(c.t, "cc", "gcc"), "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", runner,
		"../c/test/message_runner.c"}, strictC...)
	compile(c.t, append(args, cSources(c.t)...)...)
	cmd := exec.Command(runner)
	cmd.Env = append(cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
	var out, report bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(c.in), &out, &report
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("C messages: %v\n%s", err, report.Bytes())
	}
	for i, want := range c.want {
		if got := out.Next(len(want)); !bytes.Equal(got, want) {
			c.t.Fatalf("%s: C answers %x, want %x", c.names[i], got, want)
		}
	}
	if out.Len() != 0 {
		c.t.Errorf("%d bytes of answer too many", out.Len())
	}
}

// status is the number of an error in enum dl_message_status.
func cStatus(err error) byte {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrUnsupported):
		return 2
	case errors.Is(err, ErrChecksum):
		return 4
	case errors.Is(err, ErrMAC):
		return 7
	}
	return 1
}

// toWrite is one message for C to write.
type toWrite struct {
	kind    byte
	numbers [22]uint32
	hash    *[32]byte
	mac     [16]byte
	events  []Event
	texts   [3]string
	room    int
}

func (w *toWrite) bytes() []byte {
	le := binary.LittleEndian
	b := []byte{w.kind}
	for _, n := range w.numbers {
		b = le.AppendUint32(b, n)
	}
	if w.hash != nil {
		b = append(append(b, 1), w.hash[:]...)
	} else {
		b = append(b, make([]byte, 33)...)
	}
	b = append(append(b, w.mac[:]...), byte(len(w.events)))
	for _, e := range w.events {
		for _, n := range [...]uint32{e.Boot, e.Counter, uint32(e.Button), e.AgeMillis} {
			b = le.AppendUint32(b, n)
		}
	}
	for _, text := range w.texts {
		b = append(append(b, byte(len(text))), text...)
	}
	return le.AppendUint16(b, uint16(w.room))
}

// writes adds a message with what Go writes, in enough room and in too little.
func (c *cTalk) writes(name string, w toWrite, m marshaler) {
	want, err := m.Marshal()
	if err != nil {
		want = nil
	}
	w.room = MaxMessage
	c.add(name, w.bytes(), append(binary.LittleEndian.AppendUint16(nil, uint16(len(want))), want...))
	if len(want) > 0 {
		w.room = len(want) - 1
		c.add(name+", too little room", w.bytes(), []byte{0, 0})
	}
}

func flag32(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// C writes the bytes that Go writes.
func TestCWritesMessages(t *testing.T) {
	c := &cTalk{t: t}
	r := rand.New(rand.NewPCG(3, 3))
	number := func(bits int) uint32 { return r.Uint32() >> (32 - bits) >> r.IntN(bits) }
	for n := range 300 {
		var hash [32]byte
		for i := range hash {
			hash[i] = byte(r.Uint32())
		}
		glass := Digest(hash)
		h := Hello{
			Boot: number(32), Counter: number(32), Epoch: number(32), Seq: number(32), Wake: uint8(number(8) % 6), LastError: uint16(number(16)) % 13,
			BatteryMillivolts: uint16(number(16)), SignalDBm: int8(-int32(number(7))), Model: "800x480", Serial: "~ s", Firmware: "",
			Width: uint16(number(14)) + 1, Height: 1, AlwaysOn: n%2 == 0, Capabilities: Capabilities(number(32)),
			KeyNumber: number(32), FirmwareNumber: number(32), PinsNumber: number(32),
		}
		w := toWrite{kind: 'h', texts: [3]string{h.Model, h.Serial, h.Firmware}}
		if n%3 > 0 {
			h.Shown, h.MAC, w.hash = glass, MAC(hash[8:]), &hash
		}
		if n%4 > 0 {
			celsius := int8(number(8))
			h.TemperatureC, h.TemperatureKnown = celsius, true
			w.numbers[8], w.numbers[9] = uint32(int32(celsius)), 1
		}
		for range n % 9 {
			h.Events = append(h.Events, Event{Boot: number(32), Counter: number(32), Button: uint8(r.IntN(4)) + 1, AgeMillis: number(32)})
		}
		w.events = h.Events
		for i, v := range map[int]uint32{0: h.Boot, 1: h.Counter, 2: h.Epoch, 3: h.Seq, 4: uint32(h.Wake), 5: uint32(h.LastError),
			6: uint32(h.BatteryMillivolts), 7: uint32(int32(h.SignalDBm)), 10: uint32(h.Width), 11: uint32(h.Height), 12: flag32(h.AlwaysOn), 13: uint32(h.Capabilities),
			19: h.KeyNumber, 20: h.FirmwareNumber, 21: h.PinsNumber} {
			w.numbers[i] = v
		}
		c.writes("hello", w, &h)
		s := Shown{Boot: h.Boot, Counter: h.Counter, Epoch: h.Epoch, Seq: h.Seq, Glass: glass, Wake: h.Wake, LastError: h.LastError,
			BatteryMillivolts: h.BatteryMillivolts, DrawMillis: number(32), MAC: MAC(hash[8:])}
		w.kind, w.hash, w.numbers[14] = 's', &hash, s.DrawMillis
		c.writes("shown", w, &s)
		e := Event{Boot: h.Boot, Counter: h.Counter, Button: uint8(r.IntN(4)) + 1, AgeMillis: number(32), MAC: MAC(hash[8:])}
		w.kind, w.numbers[17], w.numbers[18] = 'e', uint32(e.Button), e.AgeMillis
		c.writes("event", w, &e)
		g := Get{Object: ObjectHash(hash), Offset: number(32), Length: number(13)}
		w.kind, w.numbers[15], w.numbers[16] = 'g', g.Offset, g.Length
		c.writes("get", w, &g)
		k := Key{Boot: h.Boot, Counter: h.Counter, Number: h.KeyNumber, Stored: n%2 == 0, MAC: [16]byte(hash[8:])}
		if w.kind, w.mac, w.hash = 'k', k.MAC, nil; !k.Stored {
			k.Public, w.hash = hash, &hash
		}
		c.writes("key", w, &k)
	}
	c.run()
}

// reads adds a message to read with what Go reads.
func (c *cTalk) reads(name, kind string, data []byte) {
	le := binary.LittleEndian
	in := append(le.AppendUint16([]byte{kind[0]}, uint16(len(data))), data...)
	if kind == "ack" {
		m, err := UnmarshalAck(data)
		want := []byte{cStatus(err)}
		if err == nil {
			want = le.AppendUint64(le.AppendUint32(le.AppendUint32(want, m.Boot), m.Counter), uint64(m.ServerTime))
			want = le.AppendUint16(le.AppendUint32(append(want, byte(flag32(m.Manifest))), m.NextWakeSeconds), m.JitterSeconds)
			want = le.AppendUint32(want, m.KeyNumber)
		}
		c.add(name, in, want)
		return
	}
	if kind == "new key" {
		m, err := UnmarshalNewKey(data)
		want := []byte{cStatus(err)}
		if err == nil {
			want = append(le.AppendUint32(append(want, m.Sealed...), m.Number), m.MAC[:]...)
		}
		c.add(name, in, want)
		return
	}
	if kind == "server keys" {
		in[0] = 'p'
		m, err := UnmarshalPins(data)
		want := []byte{cStatus(err)}
		if err == nil {
			want = append(want, byte(len(m.Keys)))
			for _, k := range m.Keys {
				want = append(want, k[:]...)
			}
			want = append(le.AppendUint32(want, m.Number), m.MAC[:]...)
		}
		c.add(name, in, want)
		return
	}
	m, err := UnmarshalBlock(data)
	want := []byte{cStatus(err)}
	if err == nil {
		want = le.AppendUint32(le.AppendUint32(append(want, m.Object[:]...), m.Offset), m.Total)
		want = append(le.AppendUint16(want, uint16(len(m.Data))), m.Data...)
	}
	c.add(name, in, want)
}

// C reads what Go reads, of the vectors and of damaged messages.
func TestCReadsMessages(t *testing.T) {
	c := &cTalk{t: t}
	r := rand.New(rand.NewPCG(4, 4))
	for _, v := range vectors(t, "messages.json", func() []messageVector { return messageVectors(t) }) {
		if v.Kind != "ack" && v.Kind != "block" && v.Kind != "new key" && v.Kind != "server keys" {
			continue
		}
		c.reads(v.Name, v.Kind, v.CBOR)
		for range 300 {
			data := bytes.Clone(v.CBOR)
			for range 1 + r.IntN(2) {
				if len(data) > 0 {
					data[r.IntN(len(data))] ^= 1 << r.IntN(8)
				}
			}
			c.reads("damaged "+v.Name, v.Kind, data)
		}
	}
	for name, data := range map[string]string{
		"unknown keys":      "\xa4\x01\x05\x18\x63\x82\x01\xa1\x01\x02\x20\xf4\x61x\x40",
		"unknown key twice": "\xa2\x18\x63\x01\x18\x63\x02",
		"same text twice":   "\xa2\x61x\x01\x61x\x02",
		"key in long form":  "\xa1\x18\x01\x05",
		"flag as number":    "\xa1\x17\x01",
		"number as flag":    "\xa1\x01\xf5",
		"jitter too large":  "\xa1\x18\x19\x1a\x00\x01\x00\x00",
		"nested at limit":   "\xa1\x18\x63\x81\x81\x80",
		"nested beyond":     "\xa1\x18\x63\x81\x81\x81\x80",
		"long array":        "\xa1\x18\x63\x91" + string(make([]byte, 17)),
		"float":             "\xa1\x01\xf9\x3c\x00",
		"UTF-8":             "\xa2\x62\xc3\xa9\x01\x18\x63\x63\xe2\x82\xac",
		"last of Unicode":   "\xa1\x18\x63\x64\xf4\x8f\xbf\xbf",
	} {
		c.reads(name, "ack", []byte(data))
	}
	// In what it skips Go does not look for these.
	for name, data := range map[string]string{
		"half a letter":      "\xa1\x18\x63\x62\xe2\x82",
		"half a letter, key": "\xa1\x61\xc3\x01",
		"overlong":           "\xa1\x18\x63\x62\xc0\xaf",
		"surrogate":          "\xa1\x18\x63\x63\xed\xa0\x80",
		"inner key twice":    "\xa1\x18\x63\xa2\x01\x02\x01\x03",
		"beyond Unicode":     "\xa1\x18\x63\x64\xf4\x90\x80\x80",
	} {
		c.add(name, append([]byte{'a', byte(len(data)), 0}, data...), []byte{1})
	}
	c.run()
}

// C reads manifests as Go does, of the vectors and of damaged bodies.
func TestCReadsManifests(t *testing.T) {
	c := &cTalk{t: t}
	r := rand.New(rand.NewPCG(5, 5))
	for _, v := range vectors(t, "manifests.json", func() []manifestVector { return manifestVectors(t) }) {
		c.manifest(v.Name, v.Sign, (*[32]byte)(v.Key), v.Message, r.Uint32())
		if v.Error == "mac" || len(v.Message) < bodyHeadSize+tailSize+macSize {
			continue
		}
		for range 300 {
			body := bytes.Clone(v.Message[:len(v.Message)-macSize])
			body[r.IntN(len(body))] ^= 1 << r.IntN(8)
			if r.IntN(4) == 0 {
				body = append(body[:r.IntN(len(body))], body[len(body)-tailSize:]...)
			}
			mac := manifestMAC(body, (*[32]byte)(v.Key), v.Sign)
			c.manifest("damaged "+v.Name, v.Sign, (*[32]byte)(v.Key), append(body, mac[:macSize]...), r.Uint32())
		}
	}
	c.run()
}

func (c *cTalk) manifest(name, sign string, key *[32]byte, data []byte, now uint32) {
	le := binary.LittleEndian
	var mac [32]byte
	if len(data) >= macSize {
		mac = manifestMAC(data[:len(data)-macSize], key, sign)
	}
	m, err := ParseManifest(data, key, sign)
	want := []byte{cStatus(err)}
	if err == nil {
		if len(m.Steps) > 1 && now%2 == 0 {
			now = uint32(m.Steps[1].From)
		}
		want = le.AppendUint16(le.AppendUint16(le.AppendUint32(le.AppendUint32(want, m.Epoch), m.Seq), m.Width), m.Height)
		want = append(want, byte(len(m.Steps)), byte(flag32(m.Stale != nil)))
		want = le.AppendUint16(le.AppendUint32(le.AppendUint64(want, uint64(m.ServerTime)), m.NextWakeSeconds), m.JitterSeconds)
		want = le.AppendUint16(want, uint16(due(&m, now)))
		steps := m.Steps
		if m.Stale != nil {
			steps = append(steps[:len(steps):len(steps)], *m.Stale)
		}
		for _, s := range steps {
			want = append(append(want, s.Object[:]...), s.Glass[:]...)
			want = le.AppendUint32(le.AppendUint32(le.AppendUint32(want, s.Size), uint32(s.From)), uint32(s.Until))
			if s.Base.IsZero() {
				want = append(want, 0)
			} else {
				want = append(append(want, 1), s.Base[:]...)
			}
		}
	}
	in := append([]byte("m"), sign...)
	in = le.AppendUint32(append(in, mac[:]...), now)
	c.add(name, append(le.AppendUint16(in, uint16(len(data))), data...), want)
}

// due is [DL-FLOW-6].
func due(m *Manifest, now uint32) int {
	if int64(now) < m.Steps[0].From {
		return -1
	}
	for i, s := range m.Steps {
		if int64(now) < s.Until {
			return i
		}
	}
	if m.Stale != nil {
		return len(m.Steps)
	}
	return -1
}
