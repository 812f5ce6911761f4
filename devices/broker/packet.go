package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"doorleaf/devices"
)

// MQTT 3.1.1 control packet types (section 2.2.1).
const (
	typeConnect     = 1
	typeConnack     = 2
	typePublish     = 3
	typePuback      = 4
	typeSubscribe   = 8
	typeSuback      = 9
	typeUnsubscribe = 10
	typePingreq     = 12
	typeDisconnect  = 14
)

// CONNACK return codes (section 3.2.2.3).
const (
	connackVersion       = 1
	connackIdentifier    = 2
	connackUnavailable   = 3
	connackNotAuthorized = 5
)

// errMalformed is a packet that MQTT 3.1.1 or this broker's rules forbid; the
// connection is closed.
var errMalformed = errors.New("malformed packet")

// offence is an errMalformed with the kind of incident it is.
type offence struct {
	kind devices.IncidentKind
	what string
}

func (o *offence) Error() string { return errMalformed.Error() + ": " + o.what }

// Is makes every offence an errMalformed.
func (o *offence) Is(target error) bool { return target == errMalformed }

// malformed is the offence of a packet that MQTT forbids.
func malformed(what string) error { return &offence{devices.MalformedPacket, what} }

// packet is one whole control packet as it came.
type packet struct {
	raw  []byte // all of it
	body []byte // the part behind the fixed header
	kind byte
	flag byte // low four bits of the first byte
}

// readPacket reads one control packet of at most limit bytes of body. The
// length is checked before anything is allocated.
func readPacket(r *bufio.Reader, limit int) (packet, error) {
	first, err := r.ReadByte()
	if err != nil {
		return packet{}, err
	}
	length, shift := 0, 0
	var head [5]byte
	head[0] = first
	n := 1
	for {
		b, err := r.ReadByte()
		if err != nil {
			return packet{}, noEOF(err)
		}
		head[n] = b
		n++
		length |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
		if shift += 7; shift > 21 {
			return packet{}, malformed("length")
		}
	}
	if length > limit {
		return packet{}, &offence{devices.OversizePacket, fmt.Sprintf("%d bytes, at most %d", length, limit)}
	}
	raw := make([]byte, n+length)
	copy(raw, head[:n])
	if _, err := io.ReadFull(r, raw[n:]); err != nil {
		return packet{}, noEOF(err)
	}
	return packet{raw: raw, body: raw[n:], kind: first >> 4, flag: first & 0x0f}, nil
}

// noEOF makes an end inside a packet visible as one.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// connect is what a CONNECT packet says.
type connect struct {
	clientID  string
	username  string
	password  []byte // nil or empty without one
	keepalive uint16 // seconds
}

// errVersion is a CONNECT of another protocol version.
var errVersion = errors.New("not MQTT 3.1.1")

// parseConnect checks a CONNECT packet: version 4, clean session, no will, a
// user name, nothing missing and nothing left over.
func parseConnect(p packet) (connect, error) {
	refuse := func(kind devices.IncidentKind, what string) (connect, error) {
		return connect{}, &offence{kind, "CONNECT " + what}
	}
	bad := func(what string) (connect, error) { return refuse(devices.MalformedPacket, what) }
	if p.kind != typeConnect || p.flag != 0 {
		return bad("expected")
	}
	d := fields{rest: p.body}
	if name := d.text(); d.failed || name != "MQTT" {
		return bad("protocol name")
	}
	version := d.byte()
	if d.failed {
		return bad("version")
	}
	if version != 4 {
		return connect{}, errVersion
	}
	flags := d.byte()
	c := connect{keepalive: d.uint16()}
	const clean, user, pass = 0x02, 0x80, 0x40
	switch {
	case d.failed:
		return bad("flags")
	case flags&0x3c != 0:
		return refuse(devices.PlantedWill, "with a will")
	case flags&0x01 != 0:
		return bad("reserved flag")
	case flags&clean == 0:
		return refuse(devices.KeptSession, "without clean session")
	case flags&user == 0:
		return refuse(devices.RefusedPassword, "without user name")
	}
	c.clientID = d.text()
	c.username = d.text()
	if flags&pass != 0 {
		c.password = d.bytes()
	}
	if d.failed || len(d.rest) != 0 {
		return bad("payload")
	}
	if c.clientID == "" {
		return refuse(devices.ForeignID, "without client id")
	}
	return c, nil
}

// forServer is the CONNECT that mochi sees: as plain as one can be, and without
// the password.
func (c connect) forServer() []byte {
	body := []byte{0, 4, 'M', 'Q', 'T', 'T', 4, 0x82}
	body = binary.BigEndian.AppendUint16(body, c.keepalive)
	for _, s := range []string{c.clientID, c.username} {
		body = binary.BigEndian.AppendUint16(body, uint16(len(s)))
		body = append(body, s...)
	}
	// A CONNECT of at most maxConnect bytes came in, so two bytes hold the length.
	return append([]byte{typeConnect << 4, byte(len(body)&0x7f | 0x80), byte(len(body) >> 7)}, body...)
}

// check refuses every packet a client of ours has no reason to send after its
// CONNECT, and every one that is not well formed, before mochi parses it.
func check(p packet) error {
	bad := malformed
	d := fields{rest: p.body}
	switch p.kind {
	case typePublish:
		qos := p.flag >> 1 & 3
		if p.flag&1 != 0 {
			return &offence{devices.PlantedRetain, "PUBLISH to be retained"}
		}
		if qos > 1 || (qos == 0 && p.flag&8 != 0) {
			return bad("PUBLISH with QoS 2 or DUP")
		}
		topic := d.text()
		if qos == 1 && d.uint16() == 0 {
			return bad("PUBLISH without packet identifier")
		}
		if d.failed || topic == "" || topic[0] == '$' || strings.ContainsAny(topic, "+#") {
			return bad("PUBLISH topic")
		}
	case typePuback:
		if p.flag != 0 || len(p.body) != 2 || d.uint16() == 0 {
			return bad("PUBACK")
		}
	case typeSubscribe, typeUnsubscribe:
		if p.flag != 2 || d.uint16() == 0 {
			return bad("SUBSCRIBE")
		}
		n := 0
		for len(d.rest) > 0 && !d.failed {
			filter := d.text()
			if p.kind == typeSubscribe && d.byte() > 2 {
				return bad("SUBSCRIBE QoS")
			}
			if n++; filter == "" || n > 4 {
				return bad("SUBSCRIBE filter")
			}
		}
		if d.failed || n == 0 {
			return bad("SUBSCRIBE")
		}
	case typePingreq, typeDisconnect:
		if p.flag != 0 || len(p.body) != 0 {
			return bad("PINGREQ or DISCONNECT")
		}
	default:
		return bad(fmt.Sprintf("type %d", p.kind))
	}
	return nil
}

// fields takes the fields of a packet off its front; failed is set by the
// first that is not there, and all later ones are zero.
type fields struct {
	rest   []byte
	failed bool
}

func (f *fields) byte() byte {
	if f.failed || len(f.rest) < 1 {
		f.failed = true
		return 0
	}
	b := f.rest[0]
	f.rest = f.rest[1:]
	return b
}

func (f *fields) uint16() uint16 {
	if f.failed || len(f.rest) < 2 {
		f.failed = true
		return 0
	}
	v := binary.BigEndian.Uint16(f.rest)
	f.rest = f.rest[2:]
	return v
}

func (f *fields) bytes() []byte {
	n := int(f.uint16())
	if f.failed || len(f.rest) < n {
		f.failed = true
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

// text is a UTF-8 string without control characters (section 1.5.3).
func (f *fields) text() string {
	b := f.bytes()
	if !utf8.Valid(b) {
		f.failed = true
		return ""
	}
	for _, c := range b {
		if c < 0x20 || c == 0x7f {
			f.failed = true
			return ""
		}
	}
	return string(b)
}
