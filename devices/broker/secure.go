package broker

import (
	"crypto/tls"
	"slices"

	"doorleaf/devices"
)

// fallback is the cipher suite by which a client says that it asks for an older
// version than it knows because a newer one failed (RFC 7507).
const fallback = 0x5600

// least is the oldest version that is let in: 1.3, or 1.2 where the installation
// says so [DL-MQTT-1].
func least(configured uint16) uint16 {
	if configured == 0 {
		return tls.VersionTLS13
	}
	return max(configured, tls.VersionTLS12)
}

// suites are those of TLS 1.2 that have forward secrecy and encrypt with
// authentication; those of 1.3 all do.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// secured is the configuration for signs, with session tickets. Older versions
// and weaker ciphers are refused and counted, forced fallbacks too.
func (b *Broker) secured(base *tls.Config) *tls.Config {
	c := base.Clone()
	c.MinVersion = least(c.MinVersion)
	c.CipherSuites = suites()
	c.SessionTicketsDisabled = false
	chosen := c.GetConfigForClient
	c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		newest := newestVersion(h.SupportedVersions)
		weak := newest < tls.VersionTLS13 &&
			(slices.Contains(h.CipherSuites, fallback) || !slices.ContainsFunc(h.CipherSuites, func(s uint16) bool { return slices.Contains(c.CipherSuites, s) }))
		if newest < c.MinVersion || weak {
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
