package sqlite

import (
	"context"
	"fmt"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// Subscriptions implements gateway.ConnectionStore: those of one connection by
// id. An unknown connection has none.
func (s *Store) Subscriptions(ctx context.Context, id connection.ID) (list []connection.Subscription, err error) {
	err = s.read(ctx, "subscriptions", func(q querier) error {
		return q.each(`SELECT id, connection, room, sealed_client_state, expires_at FROM subscriptions WHERE connection = ? ORDER BY id`,
			[]any{int64(id)}, func(row rowScanner) error {
				var sub connection.Subscription
				var sealed []byte
				if err := row.Scan(&sub.ID, &sub.Connection, &sub.Room, &sealed, instant{&sub.Expires}); err != nil {
					return err
				}
				var err error
				sub.ClientState, err = s.unsealed("subscriptions", "sealed_client_state", sub.ID, sealed)
				list = append(list, sub)
				return err
			})
	})
	return list, err
}

// SaveSubscription implements gateway.ConnectionStore; an unknown connection is
// ErrNotFound.
func (s *Store) SaveSubscription(ctx context.Context, sub connection.Subscription) error {
	if sub.ID == "" {
		return failed("save subscription", fmt.Errorf("%w: a subscription without id", gateway.ErrInvalid))
	}
	if err := within("subscription", max(len(sub.ID), len(sub.Room), len(sub.ClientState)), maxKey); err != nil {
		return failed("save subscription", err)
	}
	sealed := s.sealed("subscriptions", "sealed_client_state", sub.ID, sub.ClientState)
	return s.write(ctx, "save subscription", func(t *tx) error {
		return t.exec(`INSERT INTO subscriptions (id, connection, room, sealed_client_state, expires_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, room = excluded.room,
				sealed_client_state = excluded.sealed_client_state, expires_at = excluded.expires_at`,
			sub.ID, int64(sub.Connection), sub.Room, sealed, ms(sub.Expires))
	})
}

// RemoveSubscription implements gateway.ConnectionStore; an unknown one is gone
// already.
func (s *Store) RemoveSubscription(ctx context.Context, id string) error {
	return s.write(ctx, "remove subscription", func(t *tx) error {
		return t.exec(`DELETE FROM subscriptions WHERE id = ?`, id)
	})
}
