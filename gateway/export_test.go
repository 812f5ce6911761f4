package gateway

import (
	"context"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/health"
)

// HealthNow is Health without the few seconds for which a report is kept.
func (c *Core) HealthNow(ctx context.Context) (health.Report, error) { return c.examine(ctx, 0) }

// SetStarted, SetAddress and SetConnected put a test's facts into a core.
func (c *Core) SetStarted(t time.Time) {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	c.health.started = t
}

func (c *Core) SetAddress(f func(devices.SignID) string) { c.address = f }

func (c *Core) SetConnected(f func(devices.SignID) bool) { c.connected = f }
