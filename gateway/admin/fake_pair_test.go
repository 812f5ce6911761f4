package admin

import (
	"context"

	"doorleaf/devices"
)

func (c *fakeCore) ShowsCode(_ context.Context, code string) (devices.Joining, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pairErr != nil {
		return devices.Joining{}, c.pairErr
	}
	for _, j := range c.joinings {
		if j.Code == code {
			return j, nil
		}
	}
	return devices.Joining{}, devices.ErrUnknownCode
}
