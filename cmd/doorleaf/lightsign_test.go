package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// lightSign is a sign of 800x480 for crowds: it speaks MQTT by itself, checks
// and decodes what it gets and reports the digest of its glass, but keeps no
// storage.
type lightSign struct {
	id       devices.SignID
	keys     wire.Keys
	boot     uint32
	counter  uint32
	alwaysOn bool

	epoch, seq uint32
	glass      wire.Bitmap // no pixels before the first picture
	shown      wire.Digest
	steps      []wire.Step // of the manifest in force
	pictures   map[wire.Digest]wire.Bitmap

	unheard wire.Name // hello or shown without an ack, empty for none
	report  []byte    // that message

	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	packet uint16
}

func newLightSign(n int, alwaysOn bool) (*lightSign, error) {
	id, secret := benchIdentity(n)
	keys, err := wire.DeriveKeys(secret, string(id))
	return &lightSign{id: id, keys: keys, boot: uint32(n + 1), alwaysOn: alwaysOn}, err
}

func (s *lightSign) start(kind byte) { s.out = append(s.out[:0], kind, 0, 0) }

// end puts the length of the packet in two bytes, which every packet here fits.
func (s *lightSign) end() error {
	n := len(s.out) - 3
	s.out[1], s.out[2] = byte(n&0x7f)|0x80, byte(n>>7)
	_, err := s.conn.Write(s.out)
	return err
}

func (s *lightSign) text(t string) {
	s.out = binary.BigEndian.AppendUint16(s.out, uint16(len(t)))
	s.out = append(s.out, t...)
}

func (s *lightSign) publish(name wire.Name, payload []byte) error {
	s.packet++
	s.start(0x32) // QoS 1
	s.text(wire.SignTopic(string(s.id), name))
	s.out = binary.BigEndian.AppendUint16(s.out, s.packet|1<<15)
	s.out = append(s.out, payload...)
	return s.end()
}

// open connects, subscribes and says hello.
func (s *lightSign) open(address string, config *tls.Config) error {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	s.conn = conn
	if s.in == nil {
		s.in = bufio.NewReaderSize(conn, 1024)
	}
	s.in.Reset(conn)
	s.start(0x10)
	s.text("MQTT")
	s.out = append(s.out, 4, 0xc2, 0x0e, 0x10) // level 4; user, password, clean session; an hour
	for _, t := range []string{string(s.id), string(s.id), s.keys.Password} {
		s.text(t)
	}
	if err := s.end(); err != nil {
		return err
	}
	if head, body, err := s.read(); err != nil || head != 0x20 || len(body) != 2 || body[1] != 0 {
		return fmt.Errorf("CONNECT answered with %x %x: %w", head, body, errors.Join(err, io.ErrUnexpectedEOF))
	}
	s.start(0x82)
	s.out = append(s.out, 0, 1)
	s.text(wire.SignFilter(string(s.id)))
	s.out = append(s.out, 1)
	if err := s.end(); err != nil {
		return err
	}
	return s.hello()
}

func (s *lightSign) hello() error {
	s.counter++
	m := wire.Hello{Boot: s.boot, Counter: s.counter, Epoch: s.epoch, Seq: s.seq, Shown: s.shown, Model: "800x480", Firmware: "1", Width: 800, Height: 480,
		AlwaysOn: s.alwaysOn, Capabilities: 255, BatteryMillivolts: 2950, SignalDBm: -60, Wake: 2}
	m.Sign(&s.keys.Manifest, string(s.id))
	b, err := m.Marshal()
	if err != nil {
		return err
	}
	s.unheard, s.report = wire.NameHello, b
	return s.publish(wire.NameHello, b)
}

// Repeats of a sign [DL-FLOW-2, DL-FLOW-4].
const (
	reportAgain = 5 * time.Second
	getAgain    = 3 * time.Second
)

// comes reports whether the next message begins to come before a moment; zero
// means that it waits for ever.
func (s *lightSign) comes(before time.Time) (bool, error) {
	if err := s.conn.SetReadDeadline(before); err != nil {
		return false, err
	}
	_, err := s.in.Peek(1)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return false, nil
	}
	return err == nil, errors.Join(err, s.conn.SetReadDeadline(time.Time{}))
}

// read returns the next packet: its first byte and what follows its length.
func (s *lightSign) read() (head byte, body []byte, err error) {
	if head, err = s.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(s.in)
	if err != nil || n > 1<<20 {
		return 0, nil, fmt.Errorf("packet of %d bytes: %w", n, errors.Join(err, io.ErrUnexpectedEOF))
	}
	body = make([]byte, n)
	_, err = io.ReadFull(s.in, body)
	return head, body, err
}

// message waits for the next message to the sign and acknowledges it.
func (s *lightSign) message() (wire.Name, []byte, error) {
	for {
		head, body, err := s.read()
		if err != nil {
			return "", nil, err
		}
		if head>>4 != 3 || len(body) < 2 {
			continue // SUBACK, PUBACK
		}
		n := int(binary.BigEndian.Uint16(body))
		if len(body) < n+2 {
			return "", nil, io.ErrUnexpectedEOF
		}
		topic, payload := string(body[2:2+n]), body[2+n:]
		if head&0x06 != 0 {
			if len(payload) < 2 {
				return "", nil, io.ErrUnexpectedEOF
			}
			if _, err := s.conn.Write([]byte{0x40, 2, payload[0], payload[1]}); err != nil {
				return "", nil, err
			}
			payload = payload[2:]
		}
		name := wire.Name(topic[strings.LastIndexByte(topic, '/')+1:])
		if name == wire.NameAck {
			if a, err := wire.UnmarshalAck(payload); err == nil && a.Boot == s.boot && a.Counter == s.counter {
				s.unheard = ""
			}
		}
		return name, payload, nil
	}
}

// wake is one cycle of a sleeping sign that has lost its timeline: it counts
// only with the acknowledgement of the stored hello and the signed manifest.
func (s *lightSign) wake(address string, config *tls.Config) error {
	if err := s.open(address, config); err != nil {
		return err
	}
	defer s.conn.Close()
	if err := s.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	for acked, told := false, false; !acked || !told; {
		name, payload, err := s.message()
		if err != nil {
			return err
		}
		switch name {
		case wire.NameAck:
			ack, err := wire.UnmarshalAck(payload)
			if err != nil {
				return err
			}
			acked = acked || ack.Boot == s.boot && ack.Counter == s.counter && ack.Manifest
		case wire.NameWant:
			if _, err := wire.ParseManifest(payload, &s.keys.Manifest, string(s.id)); err != nil {
				return err
			}
			told = true
		}
	}
	_, err := s.conn.Write([]byte{0xe0, 0})
	return err
}

// live stays connected until ctx ends: it takes each timeline, shows the picture
// of the moment, reports it, and fetches and decodes the others.
func (s *lightSign) live(ctx context.Context, address string, config *tls.Config, d *decoders) error {
	if err := s.open(address, config); err != nil {
		return err
	}
	defer s.conn.Close()
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	defer stop()
	var next []byte
	for {
		name, payload, err := wire.NameWant, next, error(nil)
		if next = nil; payload == nil {
			if err := s.flipUntilMessage(); err != nil {
				return err
			}
			if name, payload, err = s.message(); err != nil {
				return err
			}
		}
		if name != wire.NameWant {
			continue
		}
		m, err := wire.ParseManifest(payload, &s.keys.Manifest, string(s.id))
		if err != nil {
			return err
		}
		if m.Epoch < s.epoch || m.Epoch == s.epoch && m.Seq <= s.seq {
			continue
		}
		if next, err = s.take(&m, d); err != nil {
			return err
		}
	}
}

// flipUntilMessage turns the pictures of the timeline by the clock until a
// message comes.
func (s *lightSign) flipUntilMessage() error {
	for {
		now := time.Now().Unix()
		var edge time.Time
		for _, step := range s.steps {
			if step.From <= now && now < step.Until {
				edge = time.Unix(step.Until, 0)
				if pic, ok := s.pictures[step.Glass]; ok && step.Glass != s.shown {
					s.glass, s.shown = pic, step.Glass
					if err := s.tellShown(5); err != nil {
						return err
					}
				}
			}
		}
		if again := time.Now().Add(reportAgain); s.unheard != "" && (edge.IsZero() || again.Before(edge)) {
			edge = again
		}
		if come, err := s.comes(edge); come || err != nil {
			return err
		}
		if s.unheard != "" {
			if err := s.publish(s.unheard, s.report); err != nil {
				return err
			}
		}
	}
}

func (s *lightSign) tellShown(wake uint8) error {
	s.counter++
	m := wire.Shown{Boot: s.boot, Counter: s.counter, Epoch: s.epoch, Seq: s.seq, Glass: s.glass.Digest(), Wake: wake}
	m.Sign(&s.keys.Manifest, string(s.id))
	b, err := m.Marshal()
	if err != nil {
		return err
	}
	s.unheard, s.report = wire.NameShown, b
	return s.publish(wire.NameShown, b)
}

// take shows the picture that is due and fetches the rest. It returns a newer
// manifest that came meanwhile.
func (s *lightSign) take(m *wire.Manifest, d *decoders) (next []byte, err error) {
	due := 0
	for i, step := range m.Steps {
		if now := m.ServerTime / 1000; step.From <= now && now < step.Until {
			due = i
		}
	}
	steps := append([]wire.Step{m.Steps[due]}, m.Steps...)
	if m.Stale != nil {
		steps = append(steps, *m.Stale)
	}
	at := map[wire.Digest]wire.Bitmap{}
	if s.glass.Pix != nil {
		at[s.shown] = s.glass
	}
	for i, step := range steps {
		pic, have := at[step.Glass]
		if !have {
			object, newer, err := s.pull(step)
			if err != nil || newer != nil {
				return newer, err
			}
			if pic, err = d.decode(object, at, step); err != nil {
				return nil, err
			}
			at[step.Glass] = pic
		}
		if i > 0 {
			continue
		}
		s.epoch, s.seq, s.glass, s.shown = m.Epoch, m.Seq, pic, step.Glass
		s.steps, s.pictures = m.Steps, at
		if err := s.tellShown(4); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// pull fetches one object; newer is a manifest that came instead.
func (s *lightSign) pull(step wire.Step) (object, newer []byte, err error) {
	for uint32(len(object)) < step.Size {
		b, err := (&wire.Get{Object: step.Object, Offset: uint32(len(object)), Length: min(4096, step.Size-uint32(len(object)))}).Marshal()
		if err != nil {
			return nil, nil, err
		}
		if err := s.publish(wire.NameGet, b); err != nil {
			return nil, nil, err
		}
		for got := false; !got; {
			if come, err := s.comes(time.Now().Add(getAgain)); err != nil {
				return nil, nil, err
			} else if !come {
				if err := s.publish(wire.NameGet, b); err != nil {
					return nil, nil, err
				}
				continue
			}
			name, payload, err := s.message()
			if err != nil || name == wire.NameWant {
				return nil, payload, err
			}
			if name != wire.NameBlock {
				continue
			}
			blk, err := wire.UnmarshalBlock(payload)
			if err != nil {
				return nil, nil, err
			}
			if [8]byte(step.Object[:8]) != blk.Object || blk.Offset != uint32(len(object)) {
				continue
			}
			if blk.Total == 0 || crc32.ChecksumIEEE(blk.Data) != blk.CRC32 {
				return nil, nil, fmt.Errorf("block from %d of object %x is damaged or not to be had", blk.Offset, step.Object[:4])
			}
			object, got = append(object, blk.Data...), true
		}
	}
	if wire.HashObject(object) != step.Object {
		return nil, nil, fmt.Errorf("object %x is not its hash", step.Object[:4])
	}
	return object, nil, nil
}

// decoders are a few decoders for many signs.
type decoders struct{ free chan *wire.Decoder }

func newDecoders(n int) *decoders {
	d := &decoders{free: make(chan *wire.Decoder, n)}
	for range n {
		d.free <- wire.NewDecoder()
	}
	return d
}

func (d *decoders) decode(object []byte, at map[wire.Digest]wire.Bitmap, step wire.Step) (wire.Bitmap, error) {
	dec := <-d.free
	defer func() { d.free <- dec }()
	pic := wire.NewBitmap(800, 480)
	var base *wire.Bitmap
	if b, ok := at[step.Base]; ok {
		base = &b
	}
	if err := dec.Decode(&pic, object, base); err != nil {
		return pic, err
	}
	if got := pic.Digest(); !bytes.Equal(got[:], step.Glass[:]) {
		return pic, fmt.Errorf("picture %x, want %x", got[:4], step.Glass[:4])
	}
	return pic, nil
}
