package broker

import (
	"crypto/tls"
	"slices"

	"doorleaf/devices"
)

// fallback is the cipher suite by which a client says that it asks for an older
// version than it knows because a newer one failed (RFC 7507).
const fallback = 0x5600

// secured is the configuration for signs: TLS 1.2 or later as SPEC.md has it,
// 1.3 where the sign knows it, with session tickets. Older versions are refused
// and counted, forced fallbacks too.
func (b *Broker) secured(base *tls.Config) *tls.Config {
	c := base.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.SessionTicketsDisabled = false
	chosen := c.GetConfigForClient
	c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		newest := newestVersion(h.SupportedVersions)
		if newest < c.MinVersion || (newest < tls.VersionTLS13 && slices.Contains(h.CipherSuites, fallback)) {
			b.note(devices.OldTLS, "", hostOf(h.Conn))
		}
		if chosen != nil {
			return chosen(h)
		}
		return nil, nil
	}
	return c
}

// newestVersion ignores the values that clients send to keep servers tolerant
// (RFC 8701).
func newestVersion(versions []uint16) uint16 {
	var newest uint16
	for _, v := range versions {
		if v <= tls.VersionTLS13 {
			newest = max(newest, v)
		}
	}
	return newest
}
