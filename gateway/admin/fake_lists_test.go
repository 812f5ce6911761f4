package admin

import (
	"context"
	"io"
	"strings"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
)

// fakeLists pairs each line of a list by itself; a factory's file is good when
// it begins with "id".
type fakeLists struct{ core *fakeCore }

func (f fakeLists) PairList(ctx context.Context, r io.Reader) (n int, problems []gateway.PairProblem, err error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, nil, err
	}
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		code, room, _ := strings.Cut(strings.TrimSpace(line), ",")
		if _, err := f.core.Pair(ctx, code, "", calendar.NewRoomID(room)); err != nil {
			problems = append(problems, gateway.PairProblem{Line: i + 1, Fault: gateway.PairUnknown, Text: code})
			continue
		}
		n++
	}
	return n, problems, nil
}

func (fakeLists) ImportFactory(_ context.Context, r io.Reader) (n int, problems []gateway.FactoryProblem, err error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, nil, err
	}
	if !strings.HasPrefix(string(b), "id,") {
		return 0, []gateway.FactoryProblem{{Line: 1, Fault: gateway.FaultHeader}}, nil
	}
	return strings.Count(string(b), "\n"), nil, nil
}

func (c *fakeCore) Swap(_ context.Context, a, b devices.SignID) error {
	var rooms [2]calendar.RoomID
	for i, id := range []devices.SignID{a, b} {
		if err := c.edit(id, func(s *gateway.Sign) { rooms[i] = s.Room }); err != nil {
			return err
		}
	}
	if err := c.edit(a, func(s *gateway.Sign) { s.Room = rooms[1] }); err != nil {
		return err
	}
	return c.edit(b, func(s *gateway.Sign) { s.Room = rooms[0] })
}

func (c *fakeCore) RenewKey(_ context.Context, id devices.SignID) error {
	return c.edit(id, func(*gateway.Sign) {})
}

func (c *fakeCore) Replace(ctx context.Context, old devices.SignID, code string) (devices.SignID, error) {
	var was gateway.Sign
	if err := c.edit(old, func(s *gateway.Sign) { was = *s }); err != nil {
		return "", err
	}
	id, err := c.Pair(ctx, code, was.Name, was.Room)
	if err != nil {
		return "", err
	}
	return id, c.Unpair(ctx, old)
}
