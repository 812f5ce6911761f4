package gateway

import (
	"context"
	"reflect"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// Watched is a Store that tells when what signs say of rooms changed, whoever
// changed it: a room was renamed, vanished or came back, its zone or its privacy
// was set. Changes of agendas are told by who commits them.
type Watched struct {
	Store
	Changed func(calendar.RoomID) // called after the change is stored
}

// rooms runs a change and tells which rooms differ afterwards.
func (w Watched) rooms(ctx context.Context, change func() error) error {
	before, err := w.byID(ctx)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	after, err := w.byID(context.WithoutCancel(ctx)) // it is stored: signs must hear of it
	if err != nil {
		return err
	}
	for id, r := range after {
		if !reflect.DeepEqual(before[id], r) {
			w.Changed(id)
		}
	}
	return nil
}

func (w Watched) byID(ctx context.Context) (map[calendar.RoomID]calendar.Room, error) {
	list, err := w.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	rooms := make(map[calendar.RoomID]calendar.Room, len(list))
	for _, r := range list {
		rooms[r.ID] = r
	}
	return rooms, nil
}

// ReplaceRooms implements RoomStore.
func (w Watched) ReplaceRooms(ctx context.Context, conn connection.ID, rooms []calendar.Room) error {
	return w.rooms(ctx, func() error { return w.Store.ReplaceRooms(ctx, conn, rooms) })
}

// RemoveConnection implements ConnectionStore.
func (w Watched) RemoveConnection(ctx context.Context, id connection.ID) error {
	return w.rooms(ctx, func() error { return w.Store.RemoveConnection(ctx, id) })
}

// SetRoomZone implements RoomStore.
func (w Watched) SetRoomZone(ctx context.Context, id calendar.RoomID, zone string) error {
	return w.one(id, w.Store.SetRoomZone(ctx, id, zone))
}

// SetRoomPrivacy implements RoomStore.
func (w Watched) SetRoomPrivacy(ctx context.Context, id calendar.RoomID, p calendar.Privacy) error {
	return w.one(id, w.Store.SetRoomPrivacy(ctx, id, p))
}

func (w Watched) one(id calendar.RoomID, err error) error {
	if err == nil {
		w.Changed(id)
	}
	return err
}
