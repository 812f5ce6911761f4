package gateway

import (
	"context"
	"sync"

	"doorleaf/devices"
)

// plainSigns is what the store knows of which signs' last hello came without
// TLS, so that only what changes is written.
type plainSigns struct {
	now func(devices.SignID) bool // of a connection, nil for never

	mu     sync.Mutex
	loaded bool                    // guarded by mu
	m      map[devices.SignID]bool // guarded by mu; before loaded, only of those that called
}

// is returns what is known of a sign, and whether that is what the store has.
func (p *plainSigns) is(id devices.SignID) (plain, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	plain, ok := p.m[id]
	return plain, ok || p.loaded
}

func (p *plainSigns) set(id devices.SignID, plain bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = map[devices.SignID]bool{}
	}
	p.m[id] = plain
}

// load takes over what was stored; what was seen since is newer.
func (p *plainSigns) load(stored map[devices.SignID]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = map[devices.SignID]bool{}
	}
	for id, plain := range stored {
		if _, seen := p.m[id]; !seen {
			p.m[id] = plain
		}
	}
	p.loaded = true
}

// loadPlain reads which signs were plain before the start.
func (c *Core) loadPlain(ctx context.Context) error {
	stored, err := c.store.PlainSigns(ctx)
	if err != nil {
		return err
	}
	c.plain.load(stored)
	return nil
}

// seePlain keeps whether the sign of a hello is connected without TLS. A sign
// that went away already may have been either; nothing is changed then. The
// caller holds the sign's plan.
func (c *Core) seePlain(ctx context.Context, r devices.Report) {
	if c.plain.now == nil || r.Kind != devices.HelloReport {
		return
	}
	plain := c.plain.now(r.Sign)
	if !plain && !c.connected(r.Sign) {
		return
	}
	if was, known := c.plain.is(r.Sign); known && was == plain {
		return
	}
	if err := c.store.SetPlain(ctx, r.Sign, plain); err != nil {
		c.log.Warn("not kept how a sign is connected", "sign", r.Sign, "err", err)
		return // the next hello tells it again
	}
	c.plain.set(r.Sign, plain)
}
