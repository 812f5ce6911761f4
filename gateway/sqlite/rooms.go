package sqlite

import (
	"context"
	"fmt"

	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// Bounds of what calendars may store, in bytes. The texts of rooms and events
// are cut, so that one strange entry does not keep a room from being read.
const (
	maxName    = 256
	maxSubject = 1 << 10
	maxKey     = 2 << 10
	maxLink    = 64 << 10
)

const roomColumns = `id, name, building, floor, capacity, zone, place_id, gone`

func scanRoom(row rowScanner) (r calendar.Room, err error) {
	err = row.Scan(&r.ID, &r.Name, &r.Building, &r.Floor, &r.Capacity, &r.Zone, &r.PlaceID, &r.Gone)
	return r, err
}

// ReplaceRooms implements gateway.RoomStore. A connection of 0 stands for rooms
// without one; an unknown connection is ErrNotFound.
func (s *Store) ReplaceRooms(ctx context.Context, conn connection.ID, rooms []calendar.Room) error {
	for _, r := range rooms {
		if r.ID == "" {
			return failed("replace rooms", fmt.Errorf("%w: a room without an address", gateway.ErrInvalid))
		}
		if err := within("room address", max(len(r.ID), len(r.PlaceID)), maxKey); err != nil {
			return failed("replace rooms", err)
		}
	}
	return s.write(ctx, "replace rooms", func(t *tx) error {
		if err := t.exec(`UPDATE rooms SET gone = 1 WHERE connection IS ? AND gone = 0`, ptr(int64(conn))); err != nil {
			return err
		}
		for _, r := range rooms {
			err := t.exec(`INSERT INTO rooms (id, connection, name, building, floor, capacity, zone, place_id)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, name = excluded.name,
					building = excluded.building, floor = excluded.floor, capacity = excluded.capacity,
					zone = iif(excluded.zone = '', zone, excluded.zone), place_id = excluded.place_id, gone = 0`,
				string(r.ID), ptr(int64(conn)), text(r.Name, maxName), text(r.Building, maxName), text(r.Floor, maxName),
				r.Capacity, text(r.Zone, maxName), r.PlaceID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Rooms returns every room, also the gone ones, by name.
func (s *Store) Rooms(ctx context.Context) (rooms []calendar.Room, err error) {
	err = s.read(ctx, "rooms", func(q querier) error {
		return q.each(`SELECT `+roomColumns+` FROM rooms ORDER BY name, id`, nil, func(row rowScanner) error {
			r, err := scanRoom(row)
			rooms = append(rooms, r)
			return err
		})
	})
	return rooms, err
}

// Room implements gateway.RoomStore.
func (s *Store) Room(ctx context.Context, id calendar.RoomID) (room calendar.Room, err error) {
	err = s.read(ctx, "room", func(q querier) error {
		room, err = getRoom(q, id)
		return err
	})
	return room, err
}

func getRoom(q querier, id calendar.RoomID) (r calendar.Room, err error) {
	err = q.get(`SELECT `+roomColumns+` FROM rooms WHERE id = ?`, []any{string(id)},
		&r.ID, &r.Name, &r.Building, &r.Floor, &r.Capacity, &r.Zone, &r.PlaceID, &r.Gone)
	return r, err
}

// SetRoomZone implements gateway.RoomStore.
func (s *Store) SetRoomZone(ctx context.Context, id calendar.RoomID, zone string) error {
	return s.write(ctx, "set room zone", func(t *tx) error {
		return found(t.affect(`UPDATE rooms SET zone = ? WHERE id = ?`, text(zone, maxName), string(id)))
	})
}
