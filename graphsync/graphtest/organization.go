package graphtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// consumerTenant is the tenant of all personal Microsoft accounts.
const consumerTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// home is the tenant a server starts with. Server embeds it, so that its methods
// on the server act on that tenant.
type home = Tenant

func (s *Server) newTenant(id, name, domain string) *Tenant {
	t := &Tenant{s: s, id: id, name: name, domain: domain, apps: map[string]*app{}}
	s.tenants = append(s.tenants, t)
	return t
}

// AddTenant adds an organization with a verified domain of its own ("other.example").
// It panics when the domain is taken.
func (s *Server) AddTenant(name, domain string) *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	domain = strings.ToLower(domain)
	for _, t := range s.tenants {
		if t.domain == domain {
			panic("graphtest: domain " + domain + " is taken")
		}
	}
	return s.newTenant(newID(), name, domain)
}

// Home is the tenant the server starts with.
func (s *Server) Home() *Tenant { return s.home }

// ID is the directory's GUID.
func (t *Tenant) ID() string { return t.id }

// Name is the organization's display name.
func (t *Tenant) Name() string { return t.name }

// Domain is the directory's verified domain; it names the tenant as well.
func (t *Tenant) Domain() string { return t.domain }

// AddUser adds an account with a mailbox of its own and returns its object id.
func (t *Tenant) AddUser(u User) string {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	return t.addUser(u).id
}

func (t *Tenant) addUser(u User) *user {
	s := t.s
	if !strings.Contains(u.Address, "@") {
		u.Address += "@" + t.domain
	}
	u.Address = strings.ToLower(u.Address)
	added := &user{User: u, id: stableID("user", u.Address), tenant: t}
	if u.Personal {
		added.tenant = s.consumers
	}
	s.users[u.Address] = added
	if !u.Foreign && !u.Personal && s.byName[u.Address] == nil {
		t.addMailbox(Room{Email: u.Address, Name: u.Name}, added)
	}
	return added
}

// AddRoom adds a room mailbox with an empty calendar. It panics when the time
// zone is unknown or the address taken: the set-up is wrong then.
func (t *Tenant) AddRoom(r Room) *Calendar {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	return t.addRoom(r)
}

// AddRooms adds n rooms that describe makes (0 to n-1), as AddRoom does.
func (t *Tenant) AddRooms(n int, describe func(i int) Room) []*Calendar {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	list := make([]*Calendar, n)
	for i := range list {
		list[i] = t.addRoom(describe(i))
	}
	return list
}

// Rooms lists the rooms in the order they were added.
func (t *Tenant) Rooms() []Room {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	list := make([]Room, len(t.rooms))
	for i, c := range t.rooms {
		list[i] = c.room
	}
	return list
}

// mailbox finds a calendar of the tenant by address or object id.
func (t *Tenant) mailbox(name string) *Calendar {
	name = strings.ToLower(name)
	for _, key := range []string{name, name + "@" + t.domain} {
		if c := t.s.byName[key]; c != nil && c.tenant == t {
			return c
		}
	}
	if c := t.s.byID[name]; c != nil && c.tenant == t {
		return c
	}
	return nil
}

// ChangeRoom changes a room's entry, as an administrator does: name, building,
// capacity, whether it has a mailbox. With another Email the room is listed
// under that, and the old address still reaches the mailbox, as in Exchange.
func (t *Tenant) ChangeRoom(address string, change func(*Room)) error {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	c := t.mailbox(address)
	if c == nil || c.person != nil {
		return fmt.Errorf("%w: room %s", ErrUnknown, address)
	}
	next := c.room
	change(&next)
	if !strings.Contains(next.Email, "@") {
		next.Email += "@" + t.domain
	}
	key := strings.ToLower(next.Email)
	if other := t.s.byName[key]; other != nil && other != c {
		return fmt.Errorf("%w: address %s is taken", ErrWrongKind, key)
	}
	if _, err := time.LoadLocation(next.TimeZone); err != nil {
		return fmt.Errorf("graphtest: time zone: %w", err)
	}
	c.room, t.s.byName[key] = next, c
	return nil
}

// RemoveRoom deletes a room with its mailbox. Its subscriptions end, and their
// clients are told.
func (t *Tenant) RemoveRoom(address string) error {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	c := t.mailbox(address)
	if c == nil || c.person != nil {
		return fmt.Errorf("%w: room %s", ErrUnknown, address)
	}
	t.rooms = slices.DeleteFunc(t.rooms, func(x *Calendar) bool { return x == c })
	maps.DeleteFunc(s.byName, func(_ string, x *Calendar) bool { return x == c })
	delete(s.byID, c.id)
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(x *subscription) bool {
		if x.box == c {
			s.lifecycle(x, LifecycleRemoved)
		}
		return x.box == c
	})
	return nil
}
