package graphsync

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// mailbox is the shape of an address that may go into a request's path.
var mailbox = regexp.MustCompile(`^[a-zA-Z0-9.!#$%&'*+=?^_{|}~-]{1,64}@([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z0-9-]{2,63}$`)

// maxRooms bounds the rooms of a connection.
const maxRooms = 20000

// RefreshRooms lists the rooms at Microsoft 365 and stores them. Rooms that an
// administrator typed stay. Where listing is refused the stored rooms stay as
// they are, State.Lost names Place.Read.All, and the error has kind
// PlacesDenied.
func (s *Service) RefreshRooms(ctx context.Context, id connection.ID) error {
	term := s.health.term(id)
	ses, err := s.session(ctx, id)
	if err != nil {
		return err
	}
	leave, err := s.gate.enter(ctx)
	if err != nil {
		return &connection.Error{Kind: connection.Unreachable, Op: "list rooms"}
	}
	found, err := withToken(ctx, ses, func() ([]msgraph.Room, error) { return ses.graph.Rooms(ctx) })
	leave()
	if err = placesError(err); kindOf(err) == connection.PlacesDenied {
		if lerr := s.setLost(ctx, id, connection.PlaceReadAll, true); lerr != nil {
			return lerr
		}
		s.report(ctx, place{conn: id}, term, nil) // refused, but answered: the connection works
		return err
	}
	s.report(ctx, place{conn: id}, term, err)
	if err != nil {
		return err
	}
	rooms, dropped := readRooms(found)
	s.counters.add("rooms_dropped", uint64(dropped))
	if err := s.setLost(ctx, id, connection.PlaceReadAll, false); err != nil {
		return err
	}
	have, err := s.roomsOf(ctx, id)
	if err != nil {
		return err
	}
	for _, r := range have {
		listed := slices.ContainsFunc(rooms, func(n calendar.Room) bool { return n.ID == r.ID })
		if isTyped(r) && !r.Gone && !listed {
			rooms = append(rooms, r)
		}
	}
	return s.replaceRooms(ctx, id, rooms)
}

// AddRooms adds rooms by the address of their mailbox, for tenants where rooms
// may not be listed. The error has kind NotFound and the address in Room when
// one is not an address; then none is added.
func (s *Service) AddRooms(ctx context.Context, id connection.ID, addresses []string) error {
	rooms, err := s.roomsToKeep(ctx, id, addresses)
	if err != nil {
		return err
	}
	for _, id := range roomIDs(addresses) {
		if id == "" {
			continue
		}
		if !mailbox.MatchString(string(id)) {
			return &connection.Error{Kind: connection.NotFound, Op: "add room", Room: tidy(string(id), maxAddress)}
		}
		if !slices.ContainsFunc(rooms, func(r calendar.Room) bool { return r.ID == id }) {
			rooms = append(rooms, calendar.Room{ID: id, Name: string(id)})
		}
	}
	if len(rooms) > maxRooms {
		return &connection.Error{Kind: connection.InternalFault, Op: "add room"}
	}
	return s.replaceRooms(ctx, id, rooms)
}

// roomsToKeep are the rooms of a connection when addresses are added: those that
// are gone come back only where they are named again.
func (s *Service) roomsToKeep(ctx context.Context, id connection.ID, addresses []string) ([]calendar.Room, error) {
	rooms, err := s.roomsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	named := roomIDs(addresses)
	rooms = slices.DeleteFunc(rooms, func(r calendar.Room) bool { return r.Gone && !slices.Contains(named, r.ID) })
	for i := range rooms {
		rooms[i].Gone = false
	}
	return rooms, nil
}

func roomIDs(addresses []string) []calendar.RoomID {
	ids := make([]calendar.RoomID, len(addresses))
	for i, a := range addresses {
		ids[i] = calendar.NewRoomID(a)
	}
	return ids
}

// isTyped reports whether a room was typed by an administrator: listed ones
// have a place id.
func isTyped(r calendar.Room) bool { return r.PlaceID == "" }

// replaceRooms stores the rooms of a connection and lets the supervisor see.
func (s *Service) replaceRooms(ctx context.Context, id connection.ID, rooms []calendar.Room) error {
	if err := s.store.ReplaceRooms(ctx, id, rooms); err != nil {
		return err
	}
	s.mu.Lock()
	for _, r := range rooms {
		s.owners[r.ID] = id
	}
	s.mu.Unlock()
	s.wake()
	return nil
}

// roomsOf returns the stored rooms of a connection.
func (s *Service) roomsOf(ctx context.Context, id connection.ID) ([]calendar.Room, error) {
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	conns, err := s.store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rooms, func(r calendar.Room) bool { return s.owner(r, conns) != id }), nil
}

// owner is the connection a room belongs to: the one that the store says, else
// the one that listed it in this process; 0 for a room whose connection was
// removed. A room without either belongs to the only connection there is.
func (s *Service) owner(room calendar.Room, conns []connection.Connection) connection.ID {
	is := func(id connection.ID) bool {
		return slices.ContainsFunc(conns, func(c connection.Connection) bool { return c.ID == id })
	}
	if id := connection.ID(room.Source); id != 0 {
		if is(id) {
			return id
		}
		return 0
	}
	s.mu.Lock()
	id, ok := s.owners[room.ID]
	s.mu.Unlock()
	if ok && is(id) {
		return id
	}
	if len(conns) == 1 && !room.Gone {
		return conns[0].ID
	}
	return 0
}

// readRooms turns Graph's rooms into ours, by id. Rooms without a usable address
// are dropped.
func readRooms(in []msgraph.Room) (rooms []calendar.Room, dropped int) {
	seen := map[calendar.RoomID]bool{}
	for _, m := range in {
		id := calendar.NewRoomID(m.Address)
		if !mailbox.MatchString(string(id)) || len(rooms) >= maxRooms {
			dropped++
			continue
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		r := calendar.Room{
			ID: id, Name: strings.TrimSpace(tidy(m.Name, maxName)), Building: strings.TrimSpace(tidy(m.Building, maxName)),
			Floor: strings.TrimSpace(tidy(m.FloorLabel, maxName)), Capacity: max(m.Capacity, 0),
			PlaceID: tidy(cmp.Or(m.PlaceID, m.ID, string(id)), maxName), Features: equipment(m),
		}
		if r.Name == "" {
			r.Name = string(id)
		}
		if r.Floor == "" && m.HasFloor {
			r.Floor = strconv.Itoa(m.FloorNumber)
		}
		rooms = append(rooms, r)
	}
	slices.SortFunc(rooms, func(a, b calendar.Room) int { return cmp.Compare(a.ID, b.ID) })
	return rooms, dropped
}

// placesError explains a failure to list rooms.
func placesError(err error) error {
	err = graphError("list rooms", "", err)
	if kindOf(err) == connection.AccessDenied {
		e := *err.(*connection.Error)
		e.Kind = connection.PlacesDenied
		return &e
	}
	return err
}

// setLost adds or removes a permission in State.Lost.
func (s *Service) setLost(ctx context.Context, id connection.ID, p connection.Permission, lost bool) error {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return err
	}
	if slices.Contains(c.State.Lost, p) == lost {
		return nil
	}
	return s.editState(ctx, id, func(_ connection.Connection, st *connection.State) error {
		without := slices.DeleteFunc(slices.Clone(st.Lost), func(x connection.Permission) bool { return x == p })
		if lost && st.Mode != connection.NotConnected {
			without = append(without, p)
		}
		st.Lost = without
		return nil
	})
}
