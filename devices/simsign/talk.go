package simsign

import (
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// talk is where the conversation on one connection stands.
type talk struct {
	hailed   bool      // hello was sent
	greeted  bool      // and acknowledged
	began    time.Time // of the first hello
	pending  *report   // not acknowledged yet
	promised time.Time // a manifest must have come by then
	missed   int       // promised manifests that did not come
	reported *snapshot // what the gateway acknowledged last
	gets     map[chunk]time.Time
	silent   int  // rounds of requests without any answer
	gaveUp   bool // no more pulling of pictures on this connection
	asking   bool // for a newer secret
	newPins  bool // that the gateway does not know of
	tried    bool // a hello did not name the firmware that runs

	keyGivenUp bool // nobody answered about secrets
}

// longTalk ends a session of a sleeping sign that leads nowhere.
const longTalk = 2 * time.Minute

// report is a message that is repeated until it is acknowledged.
type report struct {
	name     wire.Name
	counter  uint32
	boot     uint32
	payload  []byte
	snap     snapshot
	events   int       // how many of the oldest events it carries
	asks     bool      // for a newer secret: its answer is no ack
	named    [2]uint32 // epoch and seq that it names
	overtook bool      // a manifest newer than that came before the ack
	deadline time.Time
	tries    int
}

// snapshot is what a report is about.
type snapshot struct {
	epoch, seq uint32
	drawn      wire.Digest
	err        uint16
}

func (s *Sign) snapshot() snapshot {
	sn := snapshot{drawn: s.drawn, err: s.st.LastError}
	if s.body != nil {
		sn.epoch, sn.seq = s.body.Epoch, s.body.Seq
	}
	return sn
}

// next is when the conversation needs attention without a message.
func (t *talk) next() time.Time {
	var first time.Time
	at := func(d time.Time) {
		if !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	if t.pending != nil {
		at(t.pending.deadline)
	}
	at(t.promised)
	if t.greeted { // only then converse looks at them
		for _, d := range t.gets {
			at(d)
		}
	}
	return first
}

// converse does the next thing on the open connection.
func (s *Sign) converse(now time.Time) {
	t := &s.talk
	if t.began.IsZero() {
		t.began = now
	}
	if !s.opts.AlwaysOn && now.Sub(t.began) > longTalk && !s.fetching() {
		s.broken(errEndless)
		return
	}
	if !t.promised.IsZero() && !t.promised.After(now) {
		t.promised = time.Time{}
		if t.missed++; t.missed >= repeats {
			s.broken(errNoManifest)
			return
		}
		t.hailed, t.greeted = false, false
	}
	if s.opts.AlwaysOn && t.greeted && t.pending == nil && (t.newPins || !s.wakeAt().After(now)) {
		t.hailed, t.greeted, t.newPins = false, false, false // a regular hello, or one that says so
		s.wake = devices.WakeTimer
	}
	if !s.speak(now) {
		return
	}
	if t.greeted && !s.pull(now) {
		return
	}
	if !s.opts.AlwaysOn && s.satisfied() {
		s.sleep()
	}
}

// speak sends or repeats the report that is due; false when it gave up.
func (s *Sign) speak(now time.Time) bool {
	t := &s.talk
	if p := t.pending; p != nil {
		if p.deadline.After(now) {
			return true
		}
		if p.tries++; p.tries >= repeats {
			if p.name == wire.NameKey {
				s.unheard(p)
				return true
			}
			s.broken(errNoAnswer)
			return false
		}
		p.deadline = now.Add(answerWait)
		s.publish(wire.SignTopic(s.st.Sign, p.name), p.name, 1, p.payload)
		return true
	}
	var p *report
	switch {
	case !t.hailed:
		p = s.hello()
		t.hailed = true
	case !t.greeted:
		return true
	case len(s.st.Events) > 0:
		p = s.event()
	case s.mustReport():
		p = s.shown()
	default:
		p = s.keyReport()
	}
	if p == nil {
		return true
	}
	p.deadline = now.Add(answerWait)
	t.pending = p
	s.publish(wire.SignTopic(s.st.Sign, p.name), p.name, 1, p.payload)
	return true
}

// mustReport reports whether the gateway does not know yet what is on the glass.
func (s *Sign) mustReport() bool {
	now, r := s.snapshot(), s.talk.reported
	return r == nil || now != *r
}

// satisfied reports whether nothing is left to do on this connection.
func (s *Sign) satisfied() bool {
	t := &s.talk
	return t.greeted && t.pending == nil && t.promised.IsZero() && s.incoming == nil &&
		len(s.st.Events) == 0 && !s.mustReport() && !t.asking && (t.keyGivenUp || !s.st.Untold) && (t.gaveUp || len(s.missing()) == 0) && !s.fetching()
}

// next counter of this boot.
func (s *Sign) count() uint32 {
	s.counter++
	return s.counter
}

func (s *Sign) hello() *report {
	sn := s.snapshot()
	m := wire.Hello{
		Boot: s.boot, Counter: s.count(), Epoch: sn.epoch, Seq: sn.seq, Shown: s.actual(),
		Model: s.opts.Panel.Model, Serial: s.opts.Serial, Firmware: s.runs().Version,
		Width: uint16(s.opts.Panel.Width), Height: uint16(s.opts.Panel.Height), AlwaysOn: s.opts.AlwaysOn,
		Capabilities: s.opts.Capabilities, BatteryMillivolts: s.millivolts(), SignalDBm: -61,
		TemperatureC: 21, TemperatureKnown: true, Wake: uint8(s.wake), LastError: sn.err,
		KeyNumber: s.keyNo, FirmwareNumber: s.provenFirmware(),
	}
	if s.pinning() {
		m.PinsNumber = s.st.PinSet
	} else {
		m.Capabilities &^= wire.CapPins
	}
	s.talk.tried = s.talk.tried || s.onTrial()
	if s.onTrial() && s.conn.spki == [32]byte{} { // so that something signed comes [DL-FW-5]
		m.Epoch, m.Seq = 0, 0
	}
	if s.st.Drawing {
		m.Shown = wire.Digest{}
	}
	for _, e := range s.st.Events {
		m.Events = append(m.Events, s.pressMessage(e))
	}
	m.Sign(&s.keys.Manifest, s.st.Sign)
	b, err := m.Marshal()
	if !s.keep(err) {
		return nil
	}
	return &report{name: wire.NameHello, counter: m.Counter, boot: m.Boot, payload: b, snap: sn, events: len(m.Events), named: [2]uint32{m.Epoch, m.Seq}}
}

func (s *Sign) shown() *report {
	sn := s.snapshot()
	m := wire.Shown{
		Boot: s.boot, Counter: s.count(), Epoch: sn.epoch, Seq: sn.seq, Glass: s.actual(), Wake: uint8(s.why),
		DrawMillis: s.drawMillis, BatteryMillivolts: s.millivolts(), LastError: sn.err,
	}
	m.Sign(&s.keys.Manifest, s.st.Sign)
	b, err := m.Marshal()
	if !s.keep(err) {
		return nil
	}
	return &report{name: wire.NameShown, counter: m.Counter, boot: m.Boot, payload: b, snap: sn, named: [2]uint32{m.Epoch, m.Seq}}
}

func (s *Sign) event() *report {
	m := s.pressMessage(s.st.Events[0])
	m.Sign(&s.keys.Manifest, s.st.Sign)
	b, err := m.Marshal()
	if !s.keep(err) {
		s.st.Events = s.st.Events[1:]
		return nil
	}
	return &report{name: wire.NameEvent, counter: m.Counter, boot: m.Boot, payload: b, events: 1}
}

func (s *Sign) pressMessage(p pressed) wire.Event {
	age := max(s.own().UnixMilli()-p.AtMs, 0)
	return wire.Event{Boot: p.Boot, Counter: p.Counter, Button: p.Button, AgeMillis: uint32(min(age, 1<<31))}
}

// handle takes one message of the gateway.
func (s *Sign) handle(m message) {
	if m.conn != s.conn || s.conn == nil {
		return
	}
	if s.st.Sign == "" {
		s.handlePairing(m)
		return
	}
	switch m.topic.Name {
	case wire.NameWant:
		s.manifest(m.payload)
	case wire.NameBlock:
		s.block(m.payload)
	case wire.NameAck:
		s.acknowledged(m.payload)
	case wire.NameOffer:
		s.offer(m.payload)
	case wire.NamePins:
		s.serverKeys(m.payload)
	case wire.NameGone:
		s.removed(m.payload)
	case wire.NameNewKey:
		s.newKey(m.payload)
	}
}

// acknowledged takes an ack; one for another report than the pending one is
// late or repeated and says nothing new.
func (s *Sign) acknowledged(payload []byte) {
	a, err := wire.UnmarshalAck(payload)
	p := s.talk.pending
	if err != nil || p == nil || p.asks || a.Boot != p.boot || a.Counter != p.counter {
		return
	}
	s.talk.pending = nil
	s.sync(a.ServerTime)
	s.promise(a.NextWakeSeconds, a.JitterSeconds)
	s.st.Events = s.st.Events[min(p.events, len(s.st.Events)):]
	if p.name == wire.NameHello || p.name == wire.NameShown {
		if s.st.LastError == p.snap.err {
			s.st.LastError, p.snap.err = 0, 0
		}
		s.talk.reported = &p.snap
	}
	if a.Manifest && !p.overtook {
		s.talk.promised = time.Now().Add(manifestWait)
	}
	if !s.keep(s.save()) && s.talk.reported != nil {
		s.talk.reported.err = s.st.LastError // told with the next report: no storm of them
	}
	switch p.name {
	case wire.NameHello:
		s.talk.greeted = true
		if s.conn.spki != [32]byte{} {
			s.checkedIn()
		}
		s.wanted(a.KeyNumber)
	case wire.NameKey:
		s.told()
	case wire.NameShown:
		s.emit(Event{Event: "shown", Epoch: p.snap.epoch, Seq: p.snap.seq, Digest: digestText(p.snap.drawn), Reason: wakeName(s.why)})
	}
}

// manifest takes a manifest: only a newer one counts.
func (s *Sign) manifest(payload []byte) {
	m, err := wire.ParseManifest(payload, &s.keys.Manifest, s.st.Sign)
	switch {
	case isMAC(err):
		s.remember(devices.ErrManifestAuth, err)
		return
	case err != nil:
		s.remember(devices.ErrManifestFormat, err)
		return
	case int(m.Width) != s.opts.Panel.Width || int(m.Height) != s.opts.Panel.Height:
		s.remember(devices.ErrPanel, errPanel)
		return
	}
	if s.conn.spki == [32]byte{} {
		s.checkedIn()
	}
	raw, err := m.Body.Append(nil)
	if err != nil {
		s.remember(devices.ErrManifestFormat, err)
		return
	}
	if s.body == nil || !newer(s.body, &m.Body) {
		s.talk.promised = time.Time{}
	}
	if p := s.talk.pending; p != nil && newer(&m.Body, &wire.Body{Epoch: p.named[0], Seq: p.named[1]}) {
		p.overtook = true // the ack says that it follows [DL-FLOW-1]
	}
	switch {
	case s.failed == string(raw) && time.Since(s.failedAt) < time.Minute:
		// It failed just now: said at once again, it would fail again.
	case s.incoming != nil && !newer(&m.Body, &s.incoming.body) && (s.body == nil || newer(&m.Body, s.body)):
		// It is on its way already, or was overtaken by what is.
	case s.body == nil || newer(&m.Body, s.body):
		s.incoming = &incoming{body: m.Body, raw: raw}
		s.talk.gets, s.talk.gaveUp, s.unknown = nil, false, 0
		s.sync(m.ServerTime)
		s.promise(m.NextWakeSeconds, m.JitterSeconds)
		s.emit(Event{Event: "manifest", Epoch: m.Epoch, Seq: m.Seq, Steps: len(m.Steps), Bytes: len(payload),
			From: unixTime(m.Steps[0].From), Until: unixTime(m.Steps[len(m.Steps)-1].Until)})
	case m.Epoch == s.body.Epoch && m.Seq == s.body.Seq && string(raw) == string(s.st.Manifest):
		s.talk.reported = nil // acknowledge again
	case m.Epoch == s.body.Epoch && m.Seq == s.body.Seq:
		s.remember(devices.ErrManifestConflict, errConflict)
	default:
		s.remember(devices.ErrManifestOld, errOld)
	}
}

// newer reports whether a comes after b.
func newer(a, b *wire.Body) bool {
	return a.Epoch > b.Epoch || (a.Epoch == b.Epoch && a.Seq > b.Seq)
}
