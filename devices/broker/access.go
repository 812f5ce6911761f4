package broker

import (
	"strings"

	"doorleaf/devices"
)

// role is what a session may do; it follows from how it authenticated.
type role uint8

const (
	roleSign role = iota + 1
	rolePair
	roleGateway
	roleOpen // of Options.open: everything but noSubscription
)

// noSubscription is refused where everything else is open, so that there is a
// refusal to look at.
const noSubscription = "test/nosubscribe"

// The names of the protocol (SPEC.md, topics). They are restated here because
// this package does not know the wire format.
const (
	topicPrefix   = "dl/1/"
	pairPrefix    = topicPrefix + "pair/"
	pairUser      = "pair"
	pairPassword  = "pair" // no secret: brokers of others ask for one
	pairClient    = "pair-"
	gatewayUser   = "gateway"
	gatewaySigns  = topicPrefix + "+/u/+"
	gatewayPaired = pairPrefix + "+/u/+"
)

// grant says which topics one session may use. Everything not granted here is
// denied.
type grant struct {
	role role
	base string // "dl/1/{id}/" or "dl/1/pair/{nonce}/"; empty for a gateway
}

// mayPublish reports whether the session may publish to topic.
func (g grant) mayPublish(topic string) bool {
	switch g.role {
	case roleSign:
		leaf, ok := strings.CutPrefix(topic, g.base+"u/")
		return ok && oneOf(leaf, "hello", "get", "shown", "ev", "key")
	case rolePair:
		leaf, ok := strings.CutPrefix(topic, g.base+"u/")
		return ok && oneOf(leaf, "commit", "reveal")
	case roleGateway:
		if rest, ok := strings.CutPrefix(topic, pairPrefix); ok {
			nonce, leaf, ok := strings.Cut(rest, "/d/")
			return ok && isName(nonce) && oneOf(leaf, "challenge", "identity")
		}
		rest, ok := strings.CutPrefix(topic, topicPrefix)
		if !ok {
			return false
		}
		id, leaf, ok := strings.Cut(rest, "/d/")
		return ok && isName(id) && oneOf(leaf, "want", "blk", "ack", "key", "fw", "pins", "gone")
	case roleOpen:
		return true
	}
	return false
}

// maySubscribe reports whether the session may subscribe to filter. The filters
// are fixed; a narrower one is refused too.
func (g grant) maySubscribe(filter string) bool {
	switch g.role {
	case roleSign, rolePair:
		return filter == g.base+"d/+"
	case roleGateway:
		return filter == gatewaySigns || filter == gatewayPaired
	case roleOpen:
		return filter != noSubscription
	}
	return false
}

// mayReceive reports whether a message on topic may be delivered to the session.
func (g grant) mayReceive(topic string) bool {
	switch g.role {
	case roleSign, rolePair:
		leaf, ok := strings.CutPrefix(topic, g.base+"d/")
		return ok && leaf != "" && !strings.ContainsAny(leaf, "/+#")
	case roleGateway:
		return strings.HasPrefix(topic, topicPrefix) && strings.Contains(topic, "/u/") && !strings.ContainsAny(topic, "+#")
	case roleOpen:
		return true
	}
	return false
}

func oneOf(s string, all ...string) bool {
	for _, a := range all {
		if s == a {
			return true
		}
	}
	return false
}

// isName reports whether s is a SignID or a pairing nonce: 16 characters of
// lower-case base32.
func isName(s string) bool {
	if len(s) != 16 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '2' && c <= '7') {
			return false
		}
	}
	return true
}

// grantFor says what a CONNECT asks to be. The credentials are not checked here.
func grantFor(c connect) (grant, bool) {
	if c.username == pairUser {
		nonce, ok := strings.CutPrefix(c.clientID, pairClient)
		return grant{role: rolePair, base: pairPrefix + nonce + "/"}, ok && isName(nonce) && (len(c.password) == 0 || string(c.password) == pairPassword)
	}
	ok := isName(c.username) && c.clientID == c.username
	return grant{role: roleSign, base: topicPrefix + c.username + "/"}, ok
}

// sign returns the sign's id, empty for other roles.
func (g grant) sign() devices.SignID {
	if g.role != roleSign {
		return ""
	}
	return devices.SignID(strings.TrimSuffix(strings.TrimPrefix(g.base, topicPrefix), "/"))
}
