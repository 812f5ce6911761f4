package devices

import "time"

// Incident is something a sign, or a peer that claims to be one, did that no
// sign of ours does, or that a broker had to defend itself against. Equal ones
// are counted together.
type Incident struct {
	Kind IncidentKind
	// Sign is set where the peer had proven to be that sign, or, for
	// RefusedPassword, ForeignID and TooManyTries, claimed to be. Empty for
	// strangers.
	Sign SignID
	// Address is the peer's address without port, the newest where there were
	// several. Sign and Address are both empty where so many peers did the same
	// that they are counted together.
	Address     string
	Count       int // at least 1
	First, Last time.Time
}

// IncidentKind names what happened. Values are stable: pages look up their
// sentences by them.
type IncidentKind string

// The kinds of incidents. Those up to CodeGuessing are seen by the broker, those
// after it by the link and the pages.
const (
	MalformedPacket     IncidentKind = "malformed"     // a packet MQTT forbids, or something else than MQTT
	OversizePacket      IncidentKind = "oversize"      // a packet larger than any sign sends
	OtherProtocol       IncidentKind = "protocol"      // another version of MQTT
	SlowConnect         IncidentKind = "slow"          // connected and did not say who it is in time
	RefusedPassword     IncidentKind = "password"      // wrong or missing password, or a sign that is not paired
	ForeignID           IncidentKind = "foreign-id"    // client id of another sign, or none
	ForeignTopic        IncidentKind = "foreign-topic" // published to a topic that is not its own
	ForeignSubscription IncidentKind = "subscription"  // subscribed to a wildcard, a shared or another's topic
	PlantedWill         IncidentKind = "will"          // asked the broker to keep a last will
	PlantedRetain       IncidentKind = "retain"        // asked the broker to keep a message
	KeptSession         IncidentKind = "session"       // asked the broker to keep its session
	MessageFlood        IncidentKind = "flood"         // more messages, bytes or subscriptions than its share
	NotReading          IncidentKind = "not-reading"   // did not take what was sent to it
	TooManyConnects     IncidentKind = "connects"      // connected more often, or more at once, than its share
	TooManyTries        IncidentKind = "tries"         // guessed passwords faster than they are answered
	ClonedCredential    IncidentKind = "cloned"        // one credential used from two places in turn
	OldTLS              IncidentKind = "tls"           // a TLS version that is too old, or a forced fallback to one
	PairingFlood        IncidentKind = "pairing"       // more attempts to pair at once than there are places
	BrokerCrashed       IncidentKind = "broker-crash"  // the broker's process ended and was started again
	CodeGuessing        IncidentKind = "code-guessing" // wrong pairing codes typed in the pages
	ForeignFrame        IncidentKind = "foreign-frame" // asked for a picture that is not its own
	GreedyRequests      IncidentKind = "requests"      // asked for more picture data than its share
	ReplayedMessage     IncidentKind = "replay"        // a message that was sent before
	ForgedMessage       IncidentKind = "forged"        // a message in a sign's name that the sign did not sign
	UnreadableMessage   IncidentKind = "unreadable"    // a message that is not of the protocol
	MessagesLost        IncidentKind = "lost"          // more messages at once than the gateway has places for
)

// IncidentKinds lists all kinds, so that a page can be checked for completeness.
// The slice is the caller's.
func IncidentKinds() []IncidentKind {
	return []IncidentKind{
		MalformedPacket, OversizePacket, OtherProtocol, SlowConnect, RefusedPassword, ForeignID, ForeignTopic,
		ForeignSubscription, PlantedWill, PlantedRetain, KeptSession, MessageFlood, NotReading, TooManyConnects,
		TooManyTries, ClonedCredential, OldTLS, PairingFlood, BrokerCrashed, CodeGuessing, ForeignFrame,
		GreedyRequests, ReplayedMessage, ForgedMessage, UnreadableMessage, MessagesLost,
	}
}
