package wire

import (
	"bytes"
	"crypto/hmac"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Domains keep the MACs of what a sign reports apart [DL-KEY-8].
const (
	domainHello = "doorleaf/1 hello"
	domainShown = "doorleaf/1 shown"
	domainEvent = "doorleaf/1 ev"
)

// MAC shows that the sign itself says a Hello, Shown or Event: it is over the
// whole message as sent, with zeros in its own place [DL-KEY-8]. Sign sets it
// when everything else in the message is set. Zero stands for none, which no key
// makes right.
type MAC [macSize]byte

// field is m as it travels; none is left out.
func (m MAC) field() cbor.ByteString {
	if m == (MAC{}) {
		return ""
	}
	return cbor.ByteString(m[:])
}

// read takes m from its field. The error is ErrFormat.
func (m *MAC) read(field cbor.ByteString) error {
	if field == "" {
		return nil
	}
	return fixed("MAC", m[:], field)
}

// Sign sets the MAC with the manifest key of the secret that the sign connected
// with. A message outside its limits gets none.
func (m *Hello) Sign(key *[32]byte, sign string) {
	m.MAC = signReport(domainHello, key, sign, m.encode)
}

// Sign is that of Hello.
func (m *Shown) Sign(key *[32]byte, sign string) {
	m.MAC = signReport(domainShown, key, sign, m.encode)
}

// Sign is that of Hello, for an event that is a message of its own.
func (m *Event) Sign(key *[32]byte, sign string) {
	m.MAC = signReport(domainEvent, key, sign, m.encode)
}

// Verify checks the MAC of a hello that was read from that message. The error is
// ErrMAC.
func (m *Hello) Verify(key *[32]byte, sign string, message []byte) error {
	return verifyReport(domainHello, key, sign, message, m.MAC)
}

// Verify is that of Hello.
func (m *Shown) Verify(key *[32]byte, sign string, message []byte) error {
	return verifyReport(domainShown, key, sign, message, m.MAC)
}

// Verify is that of Hello.
func (m *Event) Verify(key *[32]byte, sign string, message []byte) error {
	return verifyReport(domainEvent, key, sign, message, m.MAC)
}

func signReport(domain string, key *[32]byte, sign string, encode func(cbor.ByteString) ([]byte, error)) MAC {
	var blank MAC
	message, err := encode(cbor.ByteString(blank[:]))
	if err != nil {
		return blank
	}
	return keyMAC(key, domain, sign, 0, message)
}

// verifyReport checks the MAC that was read from a message. Where that stands
// is told by its bytes: were they there twice, the sign would have signed its own
// MAC.
func verifyReport(domain string, key *[32]byte, sign string, message []byte, mac MAC) error {
	var blank MAC
	at := bytes.Index(message, mac[:])
	if mac == blank || at < 0 {
		return fmt.Errorf("%w: none in %q", ErrMAC, domain)
	}
	want := keyMAC(key, domain, sign, 0, message[:at], blank[:], message[at+macSize:])
	if !hmac.Equal(want[:], mac[:]) {
		return fmt.Errorf("%w: wrong in %q", ErrMAC, domain)
	}
	return nil
}
