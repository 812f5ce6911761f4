package wire

import (
	"fmt"
	"strings"
)

// TopicPrefix begins every topic of this version [DL-TOP-1].
const TopicPrefix = "dl/1/"

// Lengths of the identifiers in topics [DL-TOP-2], characters a-z and 2-7.
const (
	SignIDLength = 16
	NonceLength  = 16
)

// PairUser and PairPassword are what a sign that is not paired yet logs in
// with; its client id is PairClientPrefix and the nonce [DL-PAIR-1].
const (
	PairUser         = "pair"
	PairPassword     = "pair"
	PairClientPrefix = "pair-"
)

// Filters the gateway subscribes to [DL-TOP-3].
const (
	GatewayFilter     = TopicPrefix + "+/u/+"
	GatewayPairFilter = TopicPrefix + "pair/+/u/+"
)

// Name is the last level of a topic: what kind of message it carries.
type Name string

// level is the last level of the topic.
func (n Name) level() string {
	if n == NameNewKey {
		return string(NameKey)
	}
	return string(n)
}

// The messages of a paired sign, with their direction.
const (
	NameWant  Name = "want"  // to the sign: manifest, QoS 1
	NameBlock Name = "blk"   // to the sign: part of an object, QoS 0
	NameAck   Name = "ack"   // to the sign: time and accepted counter
	NameHello Name = "hello" // from the sign
	NameGet   Name = "get"   // from the sign
	NameShown Name = "shown" // from the sign
	NameEvent Name = "ev"    // from the sign
	NameKey   Name = "key"   // from the sign: Key
	NameOffer Name = "fw"    // to the sign: firmware offer, QoS 1
	NamePins  Name = "pins"  // to the sign: Pins, QoS 1
	NameGone  Name = "gone"  // to the sign: Removed, QoS 1

	// NameNewKey is "key" to the sign: NewKey, QoS 1. Unlike the others it is not
	// the last level itself, which names two messages here.
	NameNewKey Name = "key, to the sign"
)

// The messages of pairing, with their direction.
const (
	NameCommit    Name = "commit"    // from the sign
	NameChallenge Name = "challenge" // to the sign
	NameReveal    Name = "reveal"    // from the sign
	NameIdentity  Name = "identity"  // to the sign
)

// Topic is a parsed topic. Exactly one of Sign and Nonce is set.
type Topic struct {
	Sign  string // of a paired sign
	Nonce string // of a pairing attempt
	Name  Name
}

// Up reports whether the topic leads from the sign to the gateway.
func (t Topic) Up() bool {
	switch t.Name {
	case NameHello, NameGet, NameShown, NameEvent, NameKey, NameCommit, NameReveal:
		return true
	}
	return false
}

// String returns the topic as MQTT carries it.
func (t Topic) String() string {
	direction := "/d/"
	if t.Up() {
		direction = "/u/"
	}
	if t.Nonce != "" {
		return TopicPrefix + "pair/" + t.Nonce + direction + t.Name.level()
	}
	return TopicPrefix + t.Sign + direction + t.Name.level()
}

// SignTopic returns the topic of one message of a paired sign.
func SignTopic(sign string, name Name) string { return Topic{Sign: sign, Name: name}.String() }

// PairTopic returns the topic of one message of a pairing attempt.
func PairTopic(nonce string, name Name) string { return Topic{Nonce: nonce, Name: name}.String() }

// SignFilter returns the one filter a paired sign subscribes to.
func SignFilter(sign string) string { return TopicPrefix + sign + "/d/+" }

// PairFilter returns the one filter a pairing sign subscribes to.
func PairFilter(nonce string) string { return TopicPrefix + "pair/" + nonce + "/d/+" }

// ParseTopic reads a topic of either direction. The error is ErrFormat.
func ParseTopic(topic string) (Topic, error) {
	rest, ok := strings.CutPrefix(topic, TopicPrefix)
	if !ok || len(topic) > 128 {
		return Topic{}, fmt.Errorf("%w: not a topic of this protocol", ErrFormat)
	}
	var t Topic
	id, rest, ok := strings.Cut(rest, "/")
	if ok && id == "pair" {
		id, rest, ok = strings.Cut(rest, "/")
		t.Nonce = id
	} else {
		t.Sign = id
	}
	direction, name, found := strings.Cut(rest, "/")
	t.Name = Name(name)
	switch {
	case t.Name == NameNewKey:
		ok = false
	case t.Name == NameKey && direction == "d":
		t.Name = NameNewKey
	}
	if !ok || !found || !ValidSignID(id) || !t.known() || (direction == "u") != t.Up() || direction != "u" && direction != "d" {
		return Topic{}, fmt.Errorf("%w: not a topic of this protocol", ErrFormat)
	}
	return t, nil
}

// known reports whether t.Name belongs to t's side of the protocol.
func (t Topic) known() bool {
	switch t.Name {
	case NameWant, NameBlock, NameAck, NameHello, NameGet, NameShown, NameEvent, NameKey, NameNewKey, NameOffer, NamePins, NameGone:
		return t.Nonce == ""
	case NameCommit, NameChallenge, NameReveal, NameIdentity:
		return t.Nonce != ""
	}
	return false
}

// ValidSignID reports whether id has the form of a sign's id, or of a pairing
// nonce, which is the same: 16 characters of a-z and 2-7 [DL-TOP-2].
func ValidSignID(id string) bool {
	if len(id) != SignIDLength {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
