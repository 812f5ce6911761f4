package broker

import (
	"bytes"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"doorleaf/devices"
)

// hook is the only hook of the embedded server: it lets in what this package
// has already authenticated and denies every topic that is not granted.
type hook struct {
	mqtt.HookBase
	broker *Broker
}

// ID names the hook.
func (*hook) ID() string { return "doorleaf" }

// Provides lists the calls this hook wants.
func (*hook) Provides(b byte) bool {
	return bytes.IndexByte([]byte{
		mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSubscribe, mqtt.OnSubscribed,
		mqtt.OnPacketSent, mqtt.OnPublishDropped, mqtt.OnPacketIDExhausted,
	}, b) >= 0
}

// of returns the session behind a client of mochi.
func (*hook) of(cl *mqtt.Client) *session {
	s, _ := cl.Net.Conn.(*session)
	return s
}

// OnConnectAuthenticate accepts only connections that went through login.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	s := h.of(cl)
	if s != nil && s.role == roleOpen {
		return true
	}
	return s != nil && cl.ID == s.clientID && cl.Properties.ProtocolVersion == 4 &&
		cl.Properties.Clean && !pk.Connect.WillFlag
}

// OnACLCheck is asked for every publish, every subscription and every delivery.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	s := h.of(cl)
	if s == nil {
		return false
	}
	if write {
		if s.mayPublish(topic) {
			return true
		}
		s.denied(devices.ForeignTopic)
		return false
	}
	if strings.ContainsAny(topic, "+#") {
		return s.maySubscribe(topic)
	}
	if !s.mayReceive(topic) {
		return false
	}
	if s.slots != nil { // a delivery to the gateway: wait for room instead of losing it
		return s.takeSlot()
	}
	return true
}

// OnSubscribe turns every filter that is not granted into one that mochi
// answers with 0x80, also those the delivery rule would let pass.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	s := h.of(cl)
	for i := range pk.Filters {
		if s == nil || !s.maySubscribe(pk.Filters[i].Filter) {
			if s != nil {
				s.denied(devices.ForeignSubscription)
			}
			pk.Filters[i].Filter = "" // not a valid filter
		}
	}
	return pk
}

// OnSubscribed marks the session as reachable.
func (h *hook) OnSubscribed(cl *mqtt.Client, _ packets.Packet, codes []byte) {
	s := h.of(cl)
	for _, c := range codes {
		if s != nil && c <= 2 && !s.subscribed.Swap(true) {
			h.broker.reachable(s)
		}
	}
}

// OnPacketSent frees the room a delivery to the gateway took.
func (h *hook) OnPacketSent(cl *mqtt.Client, pk packets.Packet, _ []byte) {
	if s := h.of(cl); s != nil && s.slots != nil && pk.FixedHeader.Type == packets.Publish {
		s.giveSlot()
	}
}

// OnPublishDropped counts a message that found a full queue.
func (h *hook) OnPublishDropped(cl *mqtt.Client, _ packets.Packet) { h.lost(cl) }

// OnPacketIDExhausted counts a message that found no packet identifier.
func (h *hook) OnPacketIDExhausted(cl *mqtt.Client, _ packets.Packet) { h.lost(cl) }

func (h *hook) lost(cl *mqtt.Client) {
	h.broker.count.dropped.Add(1)
	if s := h.of(cl); s != nil && s.slots != nil {
		s.giveSlot()
	}
}
