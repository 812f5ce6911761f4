package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
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
			return packet{}, fmt.Errorf("%w: length", errMalformed)
		}
	}
	if length > limit {
		return packet{}, fmt.Errorf("%w: %d bytes, at most %d", errMalformed, length, limit)
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
	password  []byte
	keepalive uint16 // seconds
}

// errVersion is a CONNECT of another protocol version.
var errVersion = errors.New("not MQTT 3.1.1")

// parseConnect checks a CONNECT packet: version 4, clean session, no will, a
// user name, nothing missing and nothing left over.
func parseConnect(p packet) (connect, error) {
	bad := func(what string) (connect, error) {
		return connect{}, fmt.Errorf("%w: CONNECT %s", errMalformed, what)
	}
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
		return bad("with a will")
	case flags&clean == 0 || flags&0x01 != 0:
		return bad("without clean session")
	case flags&user == 0:
		return bad("without user name")
	}
	c.clientID = d.text()
	c.username = d.text()
	if flags&pass != 0 {
		c.password = d.bytes()
	}
	if d.failed || len(d.rest) != 0 || c.clientID == "" {
		return bad("payload")
	}
	return c, nil
}

// check refuses every packet a client of ours has no reason to send after its
// CONNECT, and every one that is not well formed, before mochi parses it.
func check(p packet) error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", errMalformed, what) }
	d := fields{rest: p.body}
	switch p.kind {
	case typePublish:
		qos := p.flag >> 1 & 3
		if qos > 1 || p.flag&1 != 0 || (qos == 0 && p.flag&8 != 0) {
			return bad("PUBLISH with QoS 2, retain or DUP")
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
