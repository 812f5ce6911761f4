package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"doorleaf/gateway"
)

// Versions of TLS that DOORLEAF_MQTT_TLS_MIN names.
const (
	tls13 = "1.3"
	tls12 = "1.2"
)

// tlsSettings are about the TLS of signs.
func tlsSettings() []setting {
	return []setting{
		{"DOORLEAF_MQTT_TLS_MIN", "mqtt-tls-min", tls13, "oldest TLS version of signs at the embedded broker, 1.3 or 1.2", func(c *config, v string) error {
			switch v {
			case tls13:
				c.mqttTLSMin = tls.VersionTLS13
			case tls12:
				c.mqttTLSMin = tls.VersionTLS12
			default:
				return fmt.Errorf("want %s or %s, got %q", tls13, tls12, v)
			}
			return nil
		}},
	}
}

// ticketSecret names the keys of TLS session tickets in the store.
const ticketSecret = "broker-tickets"

// ticketStore keeps them sealed.
type ticketStore struct{ secretStore }

// Tickets implements broker.TicketStore.
func (s ticketStore) Tickets() ([]byte, error) {
	b, err := s.Secret(context.Background(), ticketSecret)
	if errors.Is(err, gateway.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

// KeepTickets implements broker.TicketStore.
func (s ticketStore) KeepTickets(b []byte) error {
	return s.SetSecret(context.Background(), ticketSecret, b)
}
