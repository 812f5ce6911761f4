package mqttlink

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// inbound is one message on its way to its worker.
type inbound struct {
	topic    wire.Topic
	payload  []byte
	received time.Time
}

// sender names who sent it.
func (in inbound) sender() string {
	if in.topic.Sign == "" {
		return "?" + in.topic.Nonce // no sign is named like that
	}
	return in.topic.Sign
}

// How much one sign may pull: a picture at once, then a steady trickle.
const (
	blockBurst = 512 << 10 // bytes
	blockRate  = 64 << 10  // bytes per second
)

// Stats counts what happened since the start.
type Stats struct {
	Received    int64 // messages from signs
	Malformed   int64 // that broke the protocol
	Dropped     int64 // because too many waited; the sign says it again
	Repeated    int64 // that were waiting already, and are answered once
	Failed      int64 // that the gateway could not take
	Manifests   int64 // published
	Blocks      int64 // published
	BytesServed int64 // of objects
	Limited     int64 // chunk requests refused for their amount
	Pairings    int64 // transcripts that became complete
	Forged      int64 // messages with a wrong MAC or none, among Malformed
	Keys        int64 // newer secrets published
	Offers      int64 // of firmware published
	Pins        int64 // sets of server keys published
	Replayed    int64 // messages that came before, or are older than one that came
}

type counters struct {
	received, malformed, dropped, repeated, failed, manifests, blocks, bytes, limited, pairings, forged, keys, offers, replayed, pins atomic.Int64
}

// Stats returns the counters.
func (l *Link) Stats() Stats {
	c := &l.count
	return Stats{
		Received: c.received.Load(), Malformed: c.malformed.Load(), Dropped: c.dropped.Load(), Repeated: c.repeated.Load(), Failed: c.failed.Load(),
		Manifests: c.manifests.Load(), Blocks: c.blocks.Load(), BytesServed: c.bytes.Load(),
		Limited: c.limited.Load(), Pairings: c.pairings.Load(),
		Forged: c.forged.Load(), Keys: c.keys.Load(), Offers: c.offers.Load(), Replayed: c.replayed.Load(), Pins: c.pins.Load(),
	}
}

// receive is called by the MQTT client for every message and must not block:
// it copies the message into the inbox. Where that has no place it is dropped; a
// sign repeats whatever is not answered.
func (l *Link) receive(_ mqtt.Client, m mqtt.Message) {
	l.count.received.Add(1)
	t, err := wire.ParseTopic(m.Topic())
	if err != nil || !t.Up() || len(m.Payload()) > wire.MaxMessage {
		l.malformed(t, errors.Join(err, errSize))
		return
	}
	in := inbound{topic: t, payload: append([]byte(nil), m.Payload()...), received: time.Now()}
	switch v := l.inbox.put(in); v {
	case taken:
	case repeated:
		l.count.repeated.Add(1)
	default:
		l.dropped(in, v)
	}
}

// dropped counts a message that found no place and names why.
func (l *Link) dropped(in inbound, v verdict) {
	n := l.count.dropped.Add(1)
	who := in.topic.Sign
	switch v {
	case overSender:
		kind := devices.MessageFlood
		if who == "" {
			kind = devices.PairingFlood
		}
		l.incident(kind, devices.SignID(who))
	case overStranger:
		who = "" // many
		l.incident(devices.PairingFlood, "")
	case overAll:
		who = ""
		l.incident(devices.MessagesLost, "")
	}
	if l.noisy.may("dropped "+who, in.received) {
		l.log.Warn("mqtt: messages come faster than they are handled", "sign", who, "dropped", n)
	}
}

var errSize = errors.New("message too large or of the wrong direction")

// malformed counts a message that breaks the protocol and names its sender in
// the log, at most once a minute each and never with content.
func (l *Link) malformed(t wire.Topic, err error) {
	l.count.malformed.Add(1)
	kind := devices.UnreadableMessage
	if errors.Is(err, wire.ErrMAC) {
		l.count.forged.Add(1)
		kind = devices.ForgedMessage
	}
	l.incident(kind, devices.SignID(t.Sign))
	who := t.Sign + t.Nonce
	if l.noisy.may(who, time.Now()) {
		l.log.Warn("mqtt: malformed message", "sign", who, "message", string(t.Name), "err", err)
	}
}

// rateLog lets each key through once a minute.
type rateLog struct {
	mu   sync.Mutex
	last map[string]time.Time // guarded by mu
}

func (r *rateLog) may(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.last[key]; ok && now.Sub(t) < time.Minute {
		return false
	}
	if len(r.last) >= 1024 {
		clear(r.last)
	}
	r.last[key] = now
	return true
}

// work handles messages until the inbox is closed.
func (l *Link) work(ctx context.Context) {
	for {
		in, done, ok := l.inbox.take()
		if !ok {
			return
		}
		c, cancel := context.WithTimeout(ctx, handleTimeout)
		err := l.handle(c, in)
		cancel()
		if err != nil && ctx.Err() == nil {
			l.failed(in.topic, err)
		}
		done()
	}
}

// failed sorts out why a message was not handled.
func (l *Link) failed(t wire.Topic, err error) {
	switch {
	case errors.Is(err, errSpent): // counted already
		return
	case errors.Is(err, wire.ErrMAC), errors.Is(err, devices.ErrKeyNumber), errors.Is(err, wire.ErrFormat), errors.Is(err, wire.ErrUnsupported), errors.Is(err, wire.ErrChecksum):
		l.malformed(t, err)
		return
	case errors.Is(err, devices.ErrUnknownSign) && t.Sign != "":
		// Unpaired while connected: out with it, it will be refused at the door.
		_ = l.Kick(context.Background(), devices.SignID(t.Sign))
	}
	l.count.failed.Add(1)
	if l.noisy.may("failed "+t.Sign+t.Nonce, time.Now()) {
		l.log.Warn("mqtt: message not handled", "sign", t.Sign+t.Nonce, "message", string(t.Name), "err", err)
	}
}

// handle decodes and answers one message.
func (l *Link) handle(ctx context.Context, in inbound) error {
	id := devices.SignID(in.topic.Sign)
	switch in.topic.Name {
	case wire.NameHello:
		m, err := wire.UnmarshalHello(in.payload)
		if err != nil {
			return err
		}
		if err := l.provenHello(ctx, id, m, in.payload); err != nil {
			return err
		}
		return l.hello(ctx, id, m, in.received)
	case wire.NameShown:
		m, err := wire.UnmarshalShown(in.payload)
		if err != nil {
			return err
		}
		if err := l.proven(ctx, id, func(key *[32]byte) error { return m.Verify(key, string(id), in.payload) }); err != nil {
			return err
		}
		return l.report(ctx, shownReport(id, m, in.received))
	case wire.NameEvent:
		m, err := wire.UnmarshalEvent(in.payload)
		if err != nil {
			return err
		}
		if err := l.proven(ctx, id, func(key *[32]byte) error { return m.Verify(key, string(id), in.payload) }); err != nil {
			return err
		}
		return l.report(ctx, eventReport(id, m, in.received))
	case wire.NameGet:
		m, err := wire.UnmarshalGet(in.payload)
		if err != nil {
			return err
		}
		return l.block(ctx, id, m)
	case wire.NameKey:
		m, err := wire.UnmarshalKey(in.payload)
		if err != nil {
			return err
		}
		return l.renew(ctx, id, m)
	case wire.NameCommit:
		m, err := wire.UnmarshalPairCommit(in.payload)
		if err != nil {
			return err
		}
		return l.commit(ctx, in.topic.Nonce, m, in.received)
	case wire.NameReveal:
		m, err := wire.UnmarshalPairReveal(in.payload)
		if err != nil {
			return err
		}
		return l.reveal(ctx, in.topic.Nonce, m)
	}
	return nil
}

// hello reports the button presses a sign brings along first: they happened
// before.
func (l *Link) hello(ctx context.Context, id devices.SignID, m wire.Hello, at time.Time) error {
	for _, e := range m.Events {
		r := eventReport(id, e, at)
		r.InHello, r.Epoch, r.Seq = true, m.Epoch, m.Seq
		r.HelloBoot, r.HelloCounter = m.Boot, m.Counter
		if _, err := l.opts.Gateway.Report(ctx, r); err != nil && !errors.Is(err, devices.ErrReplayed) {
			return err
		}
	}
	return l.report(ctx, helloReport(id, m, at))
}

// report hands a report to the gateway and answers: an offer of firmware, an
// ack, and the manifest when there is a newer one.
func (l *Link) report(ctx context.Context, r devices.Report) error {
	d, err := l.opts.Gateway.Report(ctx, r)
	if errors.Is(err, devices.ErrReplayed) {
		return l.old(ctx, r, d)
	}
	if err != nil {
		l.sign(r.Sign).forgetKey() // another may be in use by now
		return err
	}
	if r.LastError == devices.ErrManifestOld || r.LastError == devices.ErrManifestConflict { // somebody sends it old ones
		l.replayed(r.Sign, r.Received)
	}
	l.learn(ctx, r)
	l.sign(r.Sign).confirmed(r)
	if err := l.tellPins(ctx, r); err != nil {
		l.log.Warn("mqtt: server keys not told", "sign", r.Sign, "err", err)
	}
	if r.Kind == devices.HelloReport {
		if err := l.offer(ctx, r); err != nil { // the glass does not wait for that
			l.log.Warn("mqtt: firmware not offered", "sign", r.Sign, "err", err)
		}
	}
	if err := l.ack(ctx, r, d != nil); err != nil {
		return err
	}
	if d == nil {
		return nil
	}
	return l.deliver(ctx, *d)
}

// ack answers what the sign of r said; that of a hello may ask it to renew its
// secret.
func (l *Link) ack(ctx context.Context, r devices.Report, manifest bool) error {
	now := time.Now()
	at, jitter := l.opts.Gateway.NextWake(ctx, r.Sign)
	a := wire.Ack{Boot: r.Boot, Counter: r.Counter, ServerTime: now.UnixMilli(), Manifest: manifest}
	a.NextWakeSeconds, a.JitterSeconds = seconds(at, jitter, now)
	if r.Kind == devices.HelloReport && l.opts.Keys != nil {
		var err error
		if a.KeyNumber, err = l.opts.Keys.WantedKey(ctx, r); err != nil {
			return err
		}
	}
	msg, err := a.Marshal()
	if err != nil {
		return err
	}
	return l.publish(ctx, faultAck, wire.SignTopic(string(r.Sign), wire.NameAck), 0, msg)
}

// block answers a chunk request.
func (l *Link) block(ctx context.Context, id devices.SignID, m wire.Get) error {
	if !l.sign(id).spend(int(m.Length)) {
		l.count.limited.Add(1)
		l.incident(devices.GreedyRequests, id)
		return nil // the sign asks again later
	}
	data, total, err := l.part(ctx, id, m)
	if err != nil {
		return err
	}
	b := wire.Block{Object: [8]byte(m.Object[:8]), Offset: m.Offset, Total: total, Data: data}
	if total == 0 {
		l.strange(id)
		b.Offset = 0
	}
	msg, err := b.Marshal()
	if err != nil {
		return err
	}
	l.count.blocks.Add(1)
	l.count.bytes.Add(int64(len(b.Data)))
	return l.publish(ctx, faultBlock, wire.SignTopic(string(id), wire.NameBlock), 0, msg)
}

// spend takes n bytes off what the sign may pull now.
func (s *signState) spend(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.budget = min(blockBurst, s.budget+now.Sub(s.refilled).Seconds()*blockRate)
	s.refilled = now
	if s.budget < float64(n) {
		return false
	}
	s.budget -= float64(n)
	return true
}

func helloReport(id devices.SignID, m wire.Hello, at time.Time) devices.Report {
	return devices.Report{
		Kind: devices.HelloReport, Sign: id, Received: at,
		Boot: m.Boot, Counter: m.Counter, Epoch: m.Epoch, Seq: m.Seq, Shown: devices.Digest(m.Shown),
		Hardware: devices.Hardware{
			Model: m.Model, Serial: m.Serial, Firmware: m.Firmware, Width: int(m.Width), Height: int(m.Height),
			AlwaysOn: m.AlwaysOn, Capabilities: devices.Capabilities(m.Capabilities), FirmwareNo: m.FirmwareNumber,
		},
		Key: m.KeyNumber, Pins: m.PinsNumber,
		BatteryMillivolts: int(m.BatteryMillivolts), SignalDBm: int(m.SignalDBm),
		TemperatureC: int(m.TemperatureC), TemperatureKnown: m.TemperatureKnown,
		WakeReason: devices.WakeReason(m.Wake), LastError: devices.ErrorCode(m.LastError),
	}
}

func shownReport(id devices.SignID, m wire.Shown, at time.Time) devices.Report {
	return devices.Report{
		Kind: devices.ShownReport, Sign: id, Received: at,
		Boot: m.Boot, Counter: m.Counter, Epoch: m.Epoch, Seq: m.Seq, Shown: devices.Digest(m.Glass),
		BatteryMillivolts: int(m.BatteryMillivolts), WakeReason: devices.WakeReason(m.Wake), LastError: devices.ErrorCode(m.LastError),
	}
}

func eventReport(id devices.SignID, m wire.Event, at time.Time) devices.Report {
	return devices.Report{
		Kind: devices.EventReport, Sign: id, Received: at,
		Boot: m.Boot, Counter: m.Counter, Button: int(m.Button), AgeMillis: m.AgeMillis,
	}
}
