package gateway

import (
	"context"
	"fmt"
	"math"
	"slices"

	"doorleaf/devices"
)

// SignPins is which server keys a sign was told to believe, and which it said
// that it does.
type SignPins struct {
	Given devices.ServerKeys // the last set it was told, or is to be told
	Held  devices.ServerKeys // the set its last hello named; zero for another, or for the key of its pairing alone
	Floor uint32             // the gateway's epoch floor when Given was made
}

// PinStore keeps which server keys signs believe.
type PinStore interface {
	// SignPins returns the zero value for a sign that was told nothing.
	SignPins(ctx context.Context, id devices.SignID) (SignPins, error)
	PutSignPins(ctx context.Context, id devices.SignID, p SignPins) error
	// AllSignPins leaves out signs that were told nothing.
	AllSignPins(ctx context.Context) (map[devices.SignID]SignPins, error)
	// PlainSigns are the signs that SetPlain was told last to be plain.
	PlainSigns(ctx context.Context) (map[devices.SignID]bool, error)
	// SetPlain keeps whether the last hello of a sign came without TLS.
	SetPlain(ctx context.Context, id devices.SignID, plain bool) error
}

// ServerKeys returns the set of server keys that the sign of that hello is to
// be told, false for none.
func (c *Core) ServerKeys(ctx context.Context, hello devices.Report) (devices.ServerKeys, bool, error) {
	if len(c.serverKeys) == 0 || hello.Hardware.Capabilities&devices.CanPin == 0 {
		return devices.ServerKeys{}, false, nil
	}
	before, err := c.store.SignPins(ctx, hello.Sign)
	if err != nil {
		return devices.ServerKeys{}, false, err
	}
	p := before.heard(hello.Pins, c.floor)
	if !slices.Equal(p.Given.Keys, c.serverKeys) || p.Floor != c.floor || hello.Pins > p.Given.Number {
		p = p.next(hello, c.serverKeys, c.floor)
	}
	if p.Given.Number != before.Given.Number || p.Held.Number != before.Held.Number {
		if err := c.store.PutSignPins(ctx, hello.Sign, p); err != nil {
			return devices.ServerKeys{}, false, fmt.Errorf("server keys of sign %s: %w", hello.Sign, err)
		}
		c.watch.notify()
	}
	return p.Given, hello.Pins < p.Given.Number, nil
}

// heard takes what a sign says it believes. After a restore the numbers may be
// those of the lost gateway, and say nothing.
func (p SignPins) heard(number, floor uint32) SignPins {
	switch {
	case number == 0 || p.Floor != floor:
		p.Held = devices.ServerKeys{}
	case number == p.Given.Number:
		p.Held = p.Given
	case number != p.Held.Number:
		p.Held = devices.ServerKeys{}
	}
	return p
}

// next gives a new set a number above all that were given or that a sign proves
// to have. With the last number given there is no other set.
func (p SignPins) next(hello devices.Report, keys []devices.ServerKey, floor uint32) SignPins {
	last := p.Given.Number
	if floor != p.Floor {
		last = max(last, floor) // above all that a lost gateway gave
	}
	last = max(last, hello.Pins)
	if last == math.MaxUint32 {
		return p
	}
	p.Given, p.Floor = devices.ServerKeys{Number: last + 1, Keys: slices.Clone(keys)}, floor
	return p
}

// KeyKnowledge says which signs know a key of the server.
type KeyKnowledge struct {
	Know    int
	Lacking []Sign // they were not told yet
	Silent  []Sign // they do not say: set up with an authority, or older firmware
	Plain   int    // they called without TLS last, where no key is shown
}

// WhoKnows says which signs believe a server with that key, by name.
func (c *Core) WhoKnows(ctx context.Context, key devices.ServerKey) (k KeyKnowledge, err error) {
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return k, err
	}
	pins, err := c.store.AllSignPins(ctx)
	if err != nil {
		return k, err
	}
	plain, err := c.store.PlainSigns(ctx)
	if err != nil {
		return k, err
	}
	for _, s := range signs {
		switch {
		case s.Hardware.Capabilities&devices.CanPin == 0 && plain[s.ID]:
			k.Plain++
		case s.Hardware.Capabilities&devices.CanPin == 0:
			k.Silent = append(k.Silent, s)
		case pins[s.ID].Floor == c.floor && slices.Contains(pins[s.ID].Held.Keys, key):
			k.Know++
		default:
			k.Lacking = append(k.Lacking, s)
		}
	}
	return k, nil
}

// lackingNext are the signs that do not know the key that the server will have.
func (c *Core) lackingNext(ctx context.Context) (map[devices.SignID]bool, error) {
	lacking := map[devices.SignID]bool{}
	if c.nextKey == nil {
		return lacking, nil
	}
	k, err := c.WhoKnows(ctx, *c.nextKey)
	for _, s := range k.Lacking {
		lacking[s.ID] = true
	}
	return lacking, err
}
