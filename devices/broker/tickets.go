package broker

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

const (
	ticketTurn = 24 * time.Hour     // a new key is put in front that often
	ticketLife = 7 * 24 * time.Hour // crypto/tls takes tickets for 7 days
	maxTickets = 8
)

// TicketStore keeps the keys of session tickets, so that after an update of the
// gateway a whole fleet resumes its TLS sessions instead of shaking hands anew.
// Who has them can pretend to be the broker to a sign that resumes: they are
// sealed at rest like the broker's key.
type TicketStore interface {
	// Tickets returns what KeepTickets was given last, nil for nothing.
	Tickets() ([]byte, error)
	KeepTickets([]byte) error
}

// ticketKey is a key of session tickets. It is good only with the certificate's
// key that was served when it was made: who replaces that has a reason.
type ticketKey struct {
	Key    [32]byte
	Made   time.Time
	Server [32]byte // SHA-256 of the certificate's private key
}

// openTickets takes the keys of earlier starts that are still good and puts a new
// one in front. Where they cannot be read there are new ones.
func (p *Process) openTickets(now time.Time) error {
	if p.opts.TLS == nil {
		return nil
	}
	server, err := p.serverKey()
	if err != nil {
		return err
	}
	var kept []ticketKey
	if p.opts.Tickets != nil {
		b, err := p.opts.Tickets.Tickets()
		if err == nil && len(b) > 0 {
			err = json.Unmarshal(b, &kept)
		}
		if err != nil {
			p.log.Error("broker: ticket keys not readable", "err", err)
			kept = nil
		}
	}
	p.mu.Lock()
	p.tickets = goodTickets(kept, server, now)
	p.mu.Unlock()
	_, err = p.turnTickets(now)
	return err
}

// goodTickets leaves out what is too old, of a time to come or of another
// certificate's key.
func goodTickets(all []ticketKey, server [32]byte, now time.Time) (good []ticketKey) {
	for _, k := range all {
		if age := now.Sub(k.Made); age >= 0 && age < ticketLife && k.Server == server && k.Key != [32]byte{} && len(good) < maxTickets {
			good = append(good, k)
		}
	}
	return good
}

// turnTickets puts a new key in front when the newest has aged, or the
// certificate has another key, and keeps them. There is one at least.
func (p *Process) turnTickets(now time.Time) ([][32]byte, error) {
	server, err := p.serverKey()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	good := goodTickets(p.tickets, server, now)
	turned := len(good) == 0 || now.Sub(good[0].Made) > ticketTurn
	if turned {
		k := ticketKey{Made: now, Server: server}
		_, _ = rand.Read(k.Key[:]) // never fails
		good = append([]ticketKey{k}, good[:min(len(good), maxTickets-1)]...)
	}
	p.tickets = good
	p.mu.Unlock()
	if turned && p.opts.Tickets != nil {
		b, err := json.Marshal(good)
		if err == nil {
			err = p.opts.Tickets.KeepTickets(b)
		}
		if err != nil { // they live as long as this gateway
			p.log.Error("broker: ticket keys not kept", "err", err)
		}
	}
	return ticketBytes(good), nil
}

// serverKey names the private key of the certificate that is served now.
func (p *Process) serverKey() ([32]byte, error) {
	c, err := certificateOf(p.opts.TLS, nil)
	if err != nil {
		return [32]byte{}, fmt.Errorf("broker: ticket keys: %w", err)
	}
	return sha256.Sum256(c.Key), nil
}

func ticketBytes(all []ticketKey) (keys [][32]byte) {
	for _, k := range all {
		keys = append(keys, k.Key)
	}
	return keys
}
