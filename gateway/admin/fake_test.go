package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/render"
)

// fakeCore is a Core in memory; writes counts every change.
type fakeCore struct {
	mu       sync.Mutex
	doors    []gateway.DoorView
	joinings []devices.Joining
	pictures map[devices.Digest][]byte
	writes   int
	pairErr  error
	watch    chan struct{}
	assets   []gateway.Asset
	err      error // of Doors
}

func (c *fakeCore) Doors(context.Context) ([]gateway.DoorView, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.doors), c.err
}

func (c *fakeCore) signs() []gateway.Sign {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]gateway.Sign, 0, len(c.doors))
	for _, d := range c.doors {
		list = append(list, d.Sign)
	}
	return list
}

func (c *fakeCore) Door(_ context.Context, id devices.SignID) (gateway.DoorView, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.doors {
		if d.Sign.ID == id {
			return d, nil
		}
	}
	return gateway.DoorView{}, fmt.Errorf("sign %s: %w", id, gateway.ErrNotFound)
}

func (c *fakeCore) Joinings(context.Context) []devices.Joining {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.joinings)
}

func (c *fakeCore) Pair(_ context.Context, code, name string, room calendar.RoomID) (devices.SignID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if c.pairErr != nil {
		return "", c.pairErr
	}
	for i, j := range c.joinings {
		if j.Code == code {
			c.joinings = slices.Delete(c.joinings, i, i+1)
			s := gateway.Sign{ID: "pppppppppppppppp", Name: name, Room: room, Hardware: j.Hardware}
			c.doors = append(c.doors, gateway.DoorView{Sign: s, Trust: gateway.Unknown})
			return s.ID, nil
		}
	}
	return "", devices.ErrUnknownCode
}

func (c *fakeCore) edit(id devices.SignID, change func(*gateway.Sign)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.doors {
		if c.doors[i].Sign.ID == id {
			c.writes++
			change(&c.doors[i].Sign)
			return nil
		}
	}
	return gateway.ErrNotFound
}

func (c *fakeCore) Bind(_ context.Context, id devices.SignID, room calendar.RoomID) error {
	return c.edit(id, func(s *gateway.Sign) { s.Room = room })
}

func (c *fakeCore) Rename(_ context.Context, id devices.SignID, name string) error {
	return c.edit(id, func(s *gateway.Sign) { s.Name = name })
}

func (c *fakeCore) Refresh(_ context.Context, id devices.SignID) error {
	return c.edit(id, func(*gateway.Sign) {})
}

func (c *fakeCore) Unpair(_ context.Context, id devices.SignID) error {
	if err := c.edit(id, func(*gateway.Sign) {}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doors = slices.DeleteFunc(c.doors, func(d gateway.DoorView) bool { return d.Sign.ID == id })
	return nil
}

func (c *fakeCore) CheckTemplate(_ context.Context, text string) ([]gateway.TemplateNote, error) {
	switch {
	case strings.Contains(text, "broken"):
		return nil, fmt.Errorf("%w", &render.TemplateError{Line: 3, Path: "layout[0].items", Reason: "a list [...] of items is wanted"})
	case strings.Contains(text, "uri"):
		return []gateway.TemplateNote{{Line: 7, Path: "layout[0].items[1]", Reason: "pictures are not fetched"}}, nil
	}
	return nil, nil
}

func (c *fakeCore) PreviewLook(ctx context.Context, site gateway.Site, example string, width, height int) ([]byte, error) {
	if _, err := c.CheckTemplate(ctx, site.Template); err != nil {
		return nil, err
	}
	if !slices.Contains(gateway.TemplateExamples(), example) {
		return nil, gateway.ErrInvalid
	}
	return fmt.Appendf(nil, "%s %s %s %dx%d %s", site.Template, example, site.Language, width, height, site.Booking), nil
}

func (c *fakeCore) PreviewPNG(ctx context.Context, id devices.SignID, which string) ([]byte, devices.Digest, error) {
	d, err := c.Door(ctx, id)
	if err != nil {
		return nil, devices.Digest{}, err
	}
	digest := d.Believed
	if which == "wanted" {
		digest = devices.Digest{}
		if d.ExpectedStep != nil {
			digest = d.ExpectedStep.Digest
		}
	}
	png, ok := c.pictures[digest]
	if !ok {
		return nil, digest, gateway.ErrNotFound
	}
	return png, digest, nil
}

func (c *fakeCore) Watch() (<-chan struct{}, func()) { return c.watch, func() {} }

func (c *fakeCore) SiteChanged(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	return nil
}

// fakeStore is a Store in memory.
type fakeStore struct {
	mu        sync.Mutex
	rooms     []calendar.Room
	decisions []gateway.Decision
	accounts  map[int64]gateway.Account
	sessions  map[[32]byte]gateway.Session
	site      gateway.Site
	conns     map[connection.ID]connection.Connection
	agendas   map[calendar.RoomID]calendar.Agenda
	writes    int
	signs     func() []gateway.Sign // nil: none
}

func newFakeStore() *fakeStore {
	return &fakeStore{accounts: map[int64]gateway.Account{}, sessions: map[[32]byte]gateway.Session{}, site: gateway.DefaultSite(), conns: map[connection.ID]connection.Connection{}}
}

func (s *fakeStore) lock() func() { s.mu.Lock(); return s.mu.Unlock }

func (s *fakeStore) Rooms(context.Context) ([]calendar.Room, error) {
	defer s.lock()()
	return slices.Clone(s.rooms), nil
}

func (s *fakeStore) Room(_ context.Context, id calendar.RoomID) (calendar.Room, error) {
	defer s.lock()()
	for _, r := range s.rooms {
		if r.ID == id {
			return r, nil
		}
	}
	return calendar.Room{}, gateway.ErrNotFound
}

func (s *fakeStore) Signs(context.Context) ([]gateway.Sign, error) {
	if s.signs == nil {
		return nil, nil
	}
	return s.signs(), nil
}

func (s *fakeStore) SetRoomZone(_ context.Context, id calendar.RoomID, zone string) error {
	defer s.lock()()
	for i := range s.rooms {
		if s.rooms[i].ID == id {
			s.rooms[i].Zone = zone
			s.writes++
			return nil
		}
	}
	return gateway.ErrNotFound
}

func (s *fakeStore) SetRoomPrivacy(_ context.Context, id calendar.RoomID, p calendar.Privacy) error {
	defer s.lock()()
	for i := range s.rooms {
		if s.rooms[i].ID == id {
			s.rooms[i].Privacy = p
			s.writes++
			return nil
		}
	}
	return gateway.ErrNotFound
}

func (s *fakeStore) Agenda(_ context.Context, id calendar.RoomID) (calendar.Agenda, error) {
	defer s.lock()()
	return s.agendas[id], nil
}

func (s *fakeStore) SaveSpare(_ context.Context, id connection.ID, cred connection.Credential) error {
	defer s.lock()()
	s.writes++
	c := s.conns[id]
	c.Spare = cred
	s.conns[id] = c
	return nil
}

func (s *fakeStore) Decisions(context.Context, devices.SignID, int) ([]gateway.Decision, error) {
	defer s.lock()()
	return slices.Clone(s.decisions), nil
}

func (s *fakeStore) AddFirstAccount(_ context.Context, a gateway.Account) (int64, error) {
	defer s.lock()()
	if len(s.accounts) > 0 {
		return 0, gateway.ErrConflict
	}
	s.writes++
	a.ID = 1
	s.accounts[1] = a
	return 1, nil
}

func (s *fakeStore) AccountByName(_ context.Context, name string) (gateway.Account, error) {
	defer s.lock()()
	for _, a := range s.accounts {
		if strings.EqualFold(a.Name, name) {
			return a, nil
		}
	}
	return gateway.Account{}, gateway.ErrNotFound
}

func (s *fakeStore) Account(_ context.Context, id int64) (gateway.Account, error) {
	defer s.lock()()
	a, ok := s.accounts[id]
	if !ok {
		return a, gateway.ErrNotFound
	}
	return a, nil
}

func (s *fakeStore) UpdateAccount(_ context.Context, a gateway.Account) error {
	defer s.lock()()
	s.writes++
	s.accounts[a.ID] = a
	return nil
}

func (s *fakeStore) CountAccounts(context.Context) (int, error) {
	defer s.lock()()
	return len(s.accounts), nil
}

func (s *fakeStore) AddSession(_ context.Context, x gateway.Session) error {
	defer s.lock()()
	s.writes++
	s.sessions[x.TokenHash] = x
	return nil
}

func (s *fakeStore) Session(_ context.Context, hash [32]byte, now time.Time) (gateway.Session, error) {
	defer s.lock()()
	x, ok := s.sessions[hash]
	if !ok || !now.Before(x.Expires) {
		return gateway.Session{}, gateway.ErrNotFound
	}
	return x, nil
}

func (s *fakeStore) RemoveSession(_ context.Context, hash [32]byte) error {
	defer s.lock()()
	s.writes++
	delete(s.sessions, hash)
	return nil
}

func (s *fakeStore) ChangePassword(_ context.Context, account int64, hash string, keep [32]byte) error {
	defer s.lock()()
	s.writes++
	for i := range s.accounts {
		if s.accounts[i].ID == account {
			a := s.accounts[i]
			a.PasswordHash = hash
			s.accounts[i] = a
		}
	}
	for h, x := range s.sessions {
		if x.Account == account && h != keep {
			delete(s.sessions, h)
		}
	}
	return nil
}

func (s *fakeStore) Site(context.Context) (gateway.Site, error) {
	defer s.lock()()
	return s.site, nil
}

func (s *fakeStore) SetSite(_ context.Context, site gateway.Site) error {
	defer s.lock()()
	s.writes++
	s.site = site
	return nil
}

func (s *fakeStore) Connections(context.Context) ([]connection.Connection, error) {
	defer s.lock()()
	return slices.Collect(maps.Values(s.conns)), nil
}

func (s *fakeStore) Connection(_ context.Context, id connection.ID) (connection.Connection, error) {
	defer s.lock()()
	c, ok := s.conns[id]
	if !ok {
		return c, gateway.ErrNotFound
	}
	return c, nil
}

func (s *fakeStore) SaveSettings(_ context.Context, id connection.ID, set connection.Settings) (connection.ID, error) {
	defer s.lock()()
	s.writes++
	if id == 0 {
		id = connection.ID(len(s.conns) + 1)
	}
	c := s.conns[id]
	c.ID, c.Settings = id, set
	s.conns[id] = c
	return id, nil
}
