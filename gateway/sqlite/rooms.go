package sqlite

import (
	"context"
	"encoding/json"
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

const roomColumns = `id, name, building, floor, capacity, zone, place_id, gone, ifnull(connection, 0), kind, features, privacy`

func roomFields(r *calendar.Room) []any {
	return []any{&r.ID, &r.Name, &r.Building, &r.Floor, &r.Capacity, &r.Zone, &r.PlaceID, &r.Gone, &r.Source, &r.Kind, features{&r.Features}, &r.Privacy}
}

// Bounds of a room's features.
const (
	maxFeatures = 8
	maxFeature  = 64
)

// features scans a list of texts stored as JSON.
type features struct{ list *[]string }

func (f features) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("features from %T", src)
	}
	if *f.list = nil; s == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(s), f.list)
}

// featuresText is a list as features scans it, cut to its bounds.
func featuresText(list []string) (string, error) {
	cut := make([]string, 0, maxFeatures)
	for _, f := range list[:min(len(list), maxFeatures)] {
		cut = append(cut, text(f, maxFeature))
	}
	b, err := json.Marshal(cut)
	return string(b), err
}

// upsertRoom leaves a room that another connection lists alone.
const upsertRoom = `INSERT INTO rooms (id, connection, name, building, floor, capacity, zone, place_id, kind, features)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, name = excluded.name,
		building = excluded.building, floor = excluded.floor, capacity = excluded.capacity,
		zone = iif(excluded.zone = '', zone, excluded.zone), place_id = excluded.place_id,
		kind = excluded.kind, features = excluded.features, gone = 0
	WHERE connection IS excluded.connection OR connection IS NULL OR gone = 1`

// ReplaceRooms implements gateway.RoomStore. A connection of 0 stands for rooms
// without one; an unknown connection is ErrNotFound. A room that changes hands
// is read from its beginning: a delta link is of no use to another connection.
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
			list, err := featuresText(r.Features)
			if err != nil {
				return err
			}
			err = t.exec(`UPDATE agendas SET delta_link = '', truth_at = NULL WHERE room =
				(SELECT id FROM rooms WHERE id = ? AND gone = 1 AND connection IS NOT ?)`, string(r.ID), ptr(int64(conn)))
			if err != nil {
				return err
			}
			err = t.exec(upsertRoom, string(r.ID), ptr(int64(conn)), text(r.Name, maxName), text(r.Building, maxName), text(r.Floor, maxName),
				r.Capacity, text(r.Zone, maxName), r.PlaceID, int64(r.Kind), list)
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
			var r calendar.Room
			err := row.Scan(roomFields(&r)...)
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
	err = q.get(`SELECT `+roomColumns+` FROM rooms WHERE id = ?`, []any{string(id)}, roomFields(&r)...)
	return r, err
}

// SetRoomZone implements gateway.RoomStore.
func (s *Store) SetRoomZone(ctx context.Context, id calendar.RoomID, zone string) error {
	return s.write(ctx, "set room zone", func(t *tx) error {
		return found(t.affect(`UPDATE rooms SET zone = ? WHERE id = ?`, text(zone, maxName), string(id)))
	})
}

// SetRoomPrivacy implements gateway.RoomStore.
func (s *Store) SetRoomPrivacy(ctx context.Context, id calendar.RoomID, p calendar.Privacy) error {
	if p > calendar.PrivacyTimeOnly {
		return failed("set room privacy", fmt.Errorf("%w: privacy %d", gateway.ErrInvalid, p))
	}
	return s.write(ctx, "set room privacy", func(t *tx) error {
		return found(t.affect(`UPDATE rooms SET privacy = ? WHERE id = ?`, int64(p), string(id)))
	})
}
