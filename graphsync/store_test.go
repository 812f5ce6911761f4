package graphsync

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

var errNotFound = errors.New("not found")

// memory is a Store in memory. It survives a Service, as a database survives a
// process.
type memory struct {
	mu      sync.Mutex
	conns   map[connection.ID]connection.Connection
	rooms   map[calendar.RoomID]calendar.Room
	agendas map[calendar.RoomID]calendar.Agenda
	cursors map[calendar.RoomID]connection.Cursor
	blobs   map[string][]byte
	subs    map[string]connection.Subscription
	commits int
	saves   int   // of states
	fail    error // of writes
	sealed  error // of reading tokens
}

func newMemory(c connection.Settings) *memory {
	return &memory{
		conns:   map[connection.ID]connection.Connection{1: {ID: 1, Settings: c}},
		rooms:   map[calendar.RoomID]calendar.Room{},
		agendas: map[calendar.RoomID]calendar.Agenda{},
		cursors: map[calendar.RoomID]connection.Cursor{},
		blobs:   map[string][]byte{},
		subs:    map[string]connection.Subscription{},
	}
}

func (m *memory) locked() func() { m.mu.Lock(); return m.mu.Unlock }

func (m *memory) ReplaceRooms(_ context.Context, conn connection.ID, rooms []calendar.Room) error {
	defer m.locked()()
	if m.fail != nil {
		return m.fail
	}
	for id, r := range m.rooms {
		if r.Source == int64(conn) {
			r.Gone = true
			m.rooms[id] = r
		}
	}
	for _, r := range rooms {
		if have, ok := m.rooms[r.ID]; ok && !have.Gone && have.Source != int64(conn) && have.Source != 0 {
			continue
		}
		r.Source = int64(conn)
		if r.Zone == "" {
			r.Zone = m.rooms[r.ID].Zone
		}
		r.Gone = false
		m.rooms[r.ID] = r
	}
	return nil
}

func (m *memory) Rooms(context.Context) ([]calendar.Room, error) {
	defer m.locked()()
	ids := slices.Sorted(maps.Keys(m.rooms))
	var out []calendar.Room
	for _, id := range ids {
		out = append(out, m.rooms[id])
	}
	return out, nil
}

func (m *memory) Room(_ context.Context, id calendar.RoomID) (calendar.Room, error) {
	defer m.locked()()
	r, ok := m.rooms[id]
	if !ok {
		return r, errNotFound
	}
	return r, nil
}

func (m *memory) CommitAgenda(_ context.Context, a calendar.Agenda, cur connection.Cursor) (bool, error) {
	defer m.locked()()
	if m.fail != nil {
		return false, m.fail
	}
	old, known := m.agendas[a.Room.ID]
	m.agendas[a.Room.ID], m.cursors[a.Room.ID] = a, cur
	m.commits++
	return !known || old.Window != a.Window || !reflect.DeepEqual(old.Events, a.Events), nil
}

func (m *memory) TouchAgenda(_ context.Context, id calendar.RoomID, asOf time.Time, cur connection.Cursor) error {
	defer m.locked()()
	a, ok := m.agendas[id]
	if !ok {
		return errNotFound
	}
	a.AsOf = asOf
	m.agendas[id], m.cursors[id] = a, cur
	return m.fail
}

// Agenda returns instants in another zone than they were given in: a store keeps
// instants, not zones.
func (m *memory) Agenda(_ context.Context, id calendar.RoomID) (calendar.Agenda, error) {
	defer m.locked()()
	a := m.agendas[id]
	if !a.Window.From.IsZero() {
		elsewhere := time.FixedZone("elsewhere", -3600)
		a.Window = calendar.Window{From: a.Window.From.In(elsewhere), To: a.Window.To.In(elsewhere)}
	}
	return a, nil
}

func (m *memory) Cursor(_ context.Context, id calendar.RoomID) (connection.Cursor, error) {
	defer m.locked()()
	return m.cursors[id], nil
}

func (m *memory) Connections(context.Context) ([]connection.Connection, error) {
	defer m.locked()()
	var out []connection.Connection
	for _, id := range slices.Sorted(maps.Keys(m.conns)) {
		out = append(out, m.conns[id])
	}
	return out, nil
}

func (m *memory) Connection(_ context.Context, id connection.ID) (connection.Connection, error) {
	defer m.locked()()
	c, ok := m.conns[id]
	if !ok {
		return c, errNotFound
	}
	return c, nil
}

func (m *memory) SaveState(_ context.Context, id connection.ID, st connection.State) error {
	defer m.locked()()
	if m.fail != nil {
		return m.fail
	}
	c, ok := m.conns[id]
	if !ok {
		return errNotFound
	}
	c.State = st
	m.conns[id] = c
	m.saves++
	return nil
}

func (m *memory) TokenCache(_ context.Context, _ connection.ID, partition string) ([]byte, error) {
	defer m.locked()()
	b, ok := m.blobs[partition]
	if m.sealed != nil {
		return nil, m.sealed
	}
	if !ok {
		return nil, errNotFound
	}
	return b, nil
}

func (m *memory) SetTokenCache(_ context.Context, _ connection.ID, partition string, blob []byte) error {
	defer m.locked()()
	m.blobs[partition] = slices.Clone(blob)
	return m.fail
}

func (m *memory) ClearTokenCache(context.Context, connection.ID) error {
	defer m.locked()()
	clear(m.blobs)
	return m.fail
}

func (m *memory) Subscriptions(_ context.Context, id connection.ID) ([]connection.Subscription, error) {
	defer m.locked()()
	var out []connection.Subscription
	for _, key := range slices.Sorted(maps.Keys(m.subs)) {
		if m.subs[key].Connection == id {
			out = append(out, m.subs[key])
		}
	}
	return out, m.fail
}

func (m *memory) SaveSubscription(_ context.Context, s connection.Subscription) error {
	defer m.locked()()
	if m.fail == nil {
		m.subs[s.ID] = s
	}
	return m.fail
}

func (m *memory) RemoveSubscription(_ context.Context, id string) error {
	defer m.locked()()
	if m.fail == nil {
		delete(m.subs, id)
	}
	return m.fail
}

// The test's own looks at the store.

func (m *memory) state() connection.State {
	c, _ := m.Connection(context.Background(), 1)
	return c.State
}

func (m *memory) settings(change func(*connection.Settings)) {
	defer m.locked()()
	c := m.conns[1]
	change(&c.Settings)
	m.conns[1] = c
}

func (m *memory) agenda(room string) calendar.Agenda {
	a, _ := m.Agenda(context.Background(), calendar.NewRoomID(room))
	return a
}

func (m *memory) cursor(room calendar.RoomID) connection.Cursor {
	cur, _ := m.Cursor(context.Background(), room)
	return cur
}

func (m *memory) tokens() int {
	defer m.locked()()
	n := 0
	for _, b := range m.blobs {
		if len(b) > 0 {
			n++
		}
	}
	return n
}

func (m *memory) SaveSpare(_ context.Context, id connection.ID, spare connection.Credential) error {
	defer m.locked()()
	c := m.conns[id]
	c.Spare = spare
	m.conns[id] = c
	return nil
}

func (m *memory) SwapCredential(_ context.Context, id connection.ID) error {
	defer m.locked()()
	c := m.conns[id]
	if c.Spare.IsZero() {
		return errors.New("the slot is empty")
	}
	c.Settings, c.Spare = c.Settings.With(c.Spare), c.Settings.Credential()
	m.conns[id] = c
	return nil
}

func (m *memory) RemoveConnection(_ context.Context, id connection.ID) error {
	defer m.locked()()
	delete(m.conns, id)
	return nil
}
