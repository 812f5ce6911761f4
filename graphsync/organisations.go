package graphsync

import (
	"context"
	"slices"
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// admitted fails when the gateway's owner allows other tenants only.
func (s *Service) admitted(tenant, op string) error {
	allowed := s.tenants()
	if len(allowed) == 0 || slices.ContainsFunc(allowed, func(t string) bool { return strings.EqualFold(t, tenant) }) {
		return nil
	}
	return &connection.Error{Kind: connection.TenantNotAllowed, Op: op}
}

// Remove forgets a connection with its sign-in, tokens and subscriptions. Its
// rooms stay, marked as gone, so that signs say so.
func (s *Service) Remove(ctx context.Context, id connection.ID) error {
	if err := s.Disconnect(ctx, id); err != nil {
		return err
	}
	if err := s.store.RemoveConnection(ctx, id); err != nil {
		return err
	}
	s.mu.Lock()
	for room, owner := range s.owners {
		if owner == id {
			delete(s.owners, room)
		}
	}
	s.mu.Unlock()
	s.log.Info("connection removed", "connection", id)
	s.wake()
	return nil
}

// AddPersonal adds calendars of ordinary mailboxes that are shared with the
// gateway: an office door, a desk. Each is read first; when one cannot be, none
// is added and the error names it.
func (s *Service) AddPersonal(ctx context.Context, id connection.ID, addresses []string) error {
	ses, err := s.session(ctx, id)
	if err != nil {
		return err
	}
	rooms, err := s.roomsToKeep(ctx, id, addresses)
	if err != nil {
		return err
	}
	for _, room := range roomIDs(addresses) {
		if room == "" {
			continue
		}
		if !mailbox.MatchString(string(room)) {
			return &connection.Error{Kind: connection.NotFound, Op: "add calendar", Room: tidy(string(room), maxAddress)}
		}
		if i := slices.IndexFunc(rooms, func(r calendar.Room) bool { return r.ID == room }); i >= 0 {
			if isTyped(rooms[i]) { // typed as a room before: from now on with the stricter privacy
				rooms[i].Kind = calendar.PersonalMailbox
			}
			continue
		}
		if err := s.readOnce(ctx, ses, string(room)); err != nil {
			return err
		}
		rooms = append(rooms, calendar.Room{ID: room, Name: string(room), Kind: calendar.PersonalMailbox})
	}
	if len(rooms) > maxRooms {
		return &connection.Error{Kind: connection.InternalFault, Op: "add calendar"}
	}
	return s.replaceRooms(ctx, id, rooms)
}

// readOnce reads the next hour of a mailbox.
func (s *Service) readOnce(ctx context.Context, ses *session, address string) error {
	leave, err := s.gate.enter(ctx)
	if err != nil {
		return &connection.Error{Kind: connection.Unreachable, Op: "read calendar", Room: address}
	}
	defer leave()
	now := s.now()
	_, err = withToken(ctx, ses, func() ([]msgraph.Event, error) { return ses.graph.View(ctx, address, now, now.Add(time.Hour)) })
	return graphError("read calendar", address, err)
}

// Bounds of the room lists that are read.
const (
	maxLists = 200
	listTime = 60 * time.Second
)

// RoomLists reads the room lists of the directory with the rooms in them, for
// choosing; at most 200. The error has kind PlacesDenied where listing is
// refused.
func (s *Service) RoomLists(ctx context.Context, id connection.ID) ([]connection.RoomList, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	ses, err := s.session(ctx, id)
	if err != nil {
		return nil, err
	}
	leave, err := s.gate.enter(ctx)
	if err != nil {
		return nil, &connection.Error{Kind: connection.Unreachable, Op: "list rooms"}
	}
	defer leave()
	found, err := withToken(ctx, ses, func() ([]msgraph.Room, error) { return ses.graph.RoomLists(ctx) })
	if err = placesError(err); err != nil {
		return nil, err
	}
	var lists []connection.RoomList
	for _, l := range found {
		address := string(calendar.NewRoomID(l.Address))
		if !mailbox.MatchString(address) || len(lists) == maxLists {
			continue
		}
		rooms, err := withToken(ctx, ses, func() ([]msgraph.Room, error) { return ses.graph.RoomsOfList(ctx, address) })
		if err = placesError(err); err != nil {
			return nil, err
		}
		list := connection.RoomList{Name: strings.TrimSpace(tidy(l.Name, maxName)), Address: address}
		if list.Name == "" {
			list.Name = address
		}
		known, _ := readRooms(rooms)
		for _, r := range known {
			list.Rooms = append(list.Rooms, string(r.ID))
		}
		lists = append(lists, list)
	}
	return lists, nil
}
