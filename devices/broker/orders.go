package broker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"doorleaf/devices"
)

// What the gateway tells its broker's process.
const (
	kindOrders      = 'O' // orders as JSON, first; answered by a reason or nothing
	kindKick        = 'K' // id of a sign; answered when its session is closed
	kindForget      = 'F' // id of a sign; answered when its password is forgotten
	kindCertificate = 'T' // certificate as JSON; answered by a reason or nothing
	kindReport      = 'R' // answered by a report as JSON
)

// What the process tells the gateway.
const (
	kindCredential = 'c' // id of a sign; answered by status and two hashes
	kindArrived    = 's' // u8 secure, u8 length, name, host; answered by nothing
	kindLeft       = 'e' // name
)

// Descriptors the process inherits: frames, sockets for the gateway, listeners.
const (
	fdFrames = 3 + iota
	fdSockets
	fdListeners
)

// orders are all a broker's process knows: it reads no file and no variable.
type orders struct {
	Listeners   []string // mqtt:// or mqtts:// with the address, in the order of the descriptors
	Certificate *certificate
	Secret      string // password of the gateway
	Level       int    // of the log

	MaxConnections, MaxPairing, MaxPairingAddress, MaxEnteringAddress int
	FailureDelay                                                      time.Duration
}

// certificate is what the process needs for TLS.
type certificate struct {
	Chain   [][]byte // DER, leaf first
	Key     []byte   // PKCS #8
	Tickets [][32]byte
	Minimum uint16 // version, 0 for 1.3
}

// certificateOf takes the certificate that a configuration serves to a client
// that names no host.
func certificateOf(c *tls.Config, tickets [][32]byte) (*certificate, error) {
	if c == nil {
		return nil, nil
	}
	var served *tls.Certificate
	var err error
	switch {
	case c.GetCertificate != nil:
		served, err = c.GetCertificate(&tls.ClientHelloInfo{})
	case len(c.Certificates) > 0:
		served = &c.Certificates[0]
	}
	if err == nil && served == nil {
		err = errors.New("none")
	}
	if err != nil {
		return nil, fmt.Errorf("broker: certificate: %w", err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(served.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("broker: certificate: %w", err)
	}
	return &certificate{Chain: served.Certificate, Key: key, Tickets: tickets, Minimum: c.MinVersion}, nil
}

// tls returns the certificate as crypto/tls has it.
func (c *certificate) tls() (*tls.Certificate, error) {
	key, err := x509.ParsePKCS8PrivateKey(c.Key)
	if err != nil || len(c.Chain) == 0 || len(c.Tickets) == 0 {
		return nil, fmt.Errorf("broker: certificate of the gateway: %w", errors.Join(err, errors.New("incomplete")))
	}
	return &tls.Certificate{Certificate: c.Chain, PrivateKey: key}, nil
}

// report is what the process has seen since it was last asked.
type report struct {
	Number    int64 // rises with each report
	Stats     Stats
	Incidents []devices.Incident // new ones
}

// The answers to kindCredential begin with one of these.
const (
	credentialKnown = iota
	credentialUnknown
	credentialFailed
)

func packCredential(c devices.Credential, err error) []byte {
	switch {
	case errors.Is(err, devices.ErrUnknownSign):
		return []byte{credentialUnknown}
	case err != nil:
		return []byte{credentialFailed}
	}
	out := append([]byte{credentialKnown}, c.PasswordHash[:]...)
	return append(out, c.NextPasswordHash[:]...)
}

// errNoCredential is a gateway that could not read it; the reason is in its log.
var errNoCredential = errors.New("the gateway could not read it")

func unpackCredential(id devices.SignID, b []byte) (devices.Credential, error) {
	c := devices.Credential{Sign: id}
	switch {
	case len(b) == 1 && b[0] == credentialUnknown:
		return c, devices.ErrUnknownSign
	case len(b) != 65 || b[0] != credentialKnown:
		return c, errNoCredential
	}
	copy(c.PasswordHash[:], b[1:])
	copy(c.NextPasswordHash[:], b[33:])
	return c, nil
}

func packArrived(name, host string, secure bool) []byte {
	out := []byte{0, byte(len(name))}
	if secure {
		out[0] = 1
	}
	return append(append(out, name...), host...)
}

func unpackArrived(b []byte) (name, host string, secure, ok bool) {
	if len(b) < 2 || len(b) < 2+int(b[1]) || len(b) > 512 {
		return "", "", false, false
	}
	n := 2 + int(b[1])
	return string(b[2:n]), string(b[n:]), b[0] == 1, true
}

// reason packs why an order was not carried out.
func reason(err error) []byte {
	if err == nil {
		return nil
	}
	return []byte(err.Error())
}
