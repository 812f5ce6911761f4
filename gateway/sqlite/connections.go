package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// Bounds of what a connection stores, in bytes.
const (
	maxSecret     = 64 << 10
	maxTokenCache = 4 << 20
)

const connectionColumns = `id, name, cloud, login_url, graph_url, tenant, client_id, access, book, find,
	sealed_secret, secret_expires, cert_pem, sealed_key, sealed_spare_secret, spare_expires, spare_cert_pem, sealed_spare_key,
	mode, tenant_id, account, account_id, connected_at, checked_at, refreshed_at, lost, problem_kind, problem_code, problem_since`

// connectionRow is a connection before its secrets are opened.
type connectionRow struct {
	connection.Connection
	sealed  [2]sealedCredential // in use, spare
	lost    []byte
	kind    sql.NullString
	problem connection.Problem
}

func (r *connectionRow) fields() []any {
	set, st, spare := &r.Settings, &r.State, &r.Spare
	return []any{&r.ID, &set.Name, &set.Cloud, &set.LoginURL, &set.GraphURL, &set.Tenant, &set.ClientID, &set.Access, &set.Book, &set.Find,
		&r.sealed[0].secret, &set.SecretExpires, &set.CertPEM, &r.sealed[0].key,
		&r.sealed[1].secret, &spare.Expires, &spare.CertPEM, &r.sealed[1].key,
		&st.Mode, &st.TenantID, &st.Account, &st.AccountID, instant{&st.ConnectedAt}, instant{&st.CheckedAt}, instant{&st.RefreshedAt}, &r.lost,
		&r.kind, &r.problem.Code, instant{&r.problem.Since}}
}

func rowKey(id connection.ID) string { return strconv.FormatInt(int64(id), 10) }

func (s *Store) openConnection(r connectionRow) (connection.Connection, error) {
	used, err := s.openCredential(inUse(), r.ID, r.sealed[0])
	if err != nil {
		return connection.Connection{}, err
	}
	spare, err := s.openCredential(inSpare(), r.ID, r.sealed[1])
	if err != nil {
		return connection.Connection{}, err
	}
	if err := json.Unmarshal(r.lost, &r.State.Lost); err != nil {
		return connection.Connection{}, err
	}
	r.Settings.ClientSecret, r.Settings.KeyPEM = used.Secret, used.KeyPEM
	r.Spare.Secret, r.Spare.KeyPEM = spare.Secret, spare.KeyPEM
	if r.kind.Valid {
		r.problem.Kind = connection.Kind(r.kind.String)
		r.State.Problem = &r.problem
	}
	return r.Connection, nil
}

// Connections returns every connection by id.
func (s *Store) Connections(ctx context.Context) (list []connection.Connection, err error) {
	err = s.read(ctx, "connections", func(q querier) error {
		return q.each(`SELECT `+connectionColumns+` FROM connections ORDER BY id`, nil, func(row rowScanner) error {
			var r connectionRow
			if err := row.Scan(r.fields()...); err != nil {
				return err
			}
			c, err := s.openConnection(r)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// Connection implements gateway.ConnectionStore.
func (s *Store) Connection(ctx context.Context, id connection.ID) (c connection.Connection, err error) {
	err = s.read(ctx, "connection", func(q querier) error {
		c, err = s.getConnection(q, id)
		return err
	})
	return c, err
}

func (s *Store) getConnection(q querier, id connection.ID) (connection.Connection, error) {
	var r connectionRow
	if err := q.get(`SELECT `+connectionColumns+` FROM connections WHERE id = ?`, []any{int64(id)}, r.fields()...); err != nil {
		return connection.Connection{}, err
	}
	return s.openConnection(r)
}

// SaveSettings implements gateway.ConnectionStore; an unknown id other than 0
// is ErrNotFound.
func (s *Store) SaveSettings(ctx context.Context, id connection.ID, set connection.Settings) (saved connection.ID, err error) {
	longest := max(len(set.Name), len(set.Cloud), len(set.LoginURL), len(set.GraphURL), len(set.Tenant), len(set.ClientID), len(set.Access))
	if err := errors.Join(within("settings", longest, maxSecret), credentialWithin(set.Credential())); err != nil {
		return 0, failed("save settings", err)
	}
	err = s.write(ctx, "save settings", func(t *tx) error {
		saved = id
		if id == 0 {
			n, err := t.insert(`INSERT INTO connections (cloud, login_url, graph_url, tenant, client_id, sealed_secret)
				VALUES ('', '', '', '', '', x'')`)
			if err != nil {
				return err
			}
			saved = connection.ID(n)
		}
		err := found(t.affect(`UPDATE connections SET name = ?, cloud = ?, login_url = ?, graph_url = ?, tenant = ?, client_id = ?, access = ?, book = ?, find = ? WHERE id = ?`,
			set.Name, string(set.Cloud), set.LoginURL, set.GraphURL, set.Tenant, set.ClientID, string(set.Access), set.Book, set.Find, int64(saved)))
		if err != nil {
			return err
		}
		return s.putCredential(t, inUse(), saved, set.Credential())
	})
	if err != nil {
		return 0, err
	}
	return saved, nil
}

// SaveState implements gateway.ConnectionStore.
func (s *Store) SaveState(ctx context.Context, id connection.ID, st connection.State) error {
	lost, err := json.Marshal(st.Lost)
	if err != nil {
		return failed("save state", err)
	}
	longest := max(len(st.TenantID), len(st.Account), len(st.AccountID), len(lost))
	if err := within("state", longest, maxSecret); err != nil {
		return failed("save state", err)
	}
	var kind, code, since any = nil, "", nil
	if p := st.Problem; p != nil {
		kind, code, since = string(p.Kind), text(p.Code, maxName), ms(p.Since)
	}
	return s.write(ctx, "save state", func(t *tx) error {
		return found(t.affect(`UPDATE connections SET mode = ?, tenant_id = ?, account = ?, account_id = ?, connected_at = ?, checked_at = ?, refreshed_at = ?,
				lost = ?, problem_kind = ?, problem_code = ?, problem_since = ? WHERE id = ?`,
			string(st.Mode), st.TenantID, st.Account, st.AccountID, ms(st.ConnectedAt), ms(st.CheckedAt), ms(st.RefreshedAt),
			string(lost), kind, code, since, int64(id)))
	})
}

// RemoveConnection implements gateway.ConnectionStore. The rooms' cursors go
// with it: a delta link is of no use to another connection.
func (s *Store) RemoveConnection(ctx context.Context, id connection.ID) error {
	return s.write(ctx, "remove connection", func(t *tx) error {
		err := t.exec(`UPDATE agendas SET delta_link = '', truth_at = NULL WHERE room IN (SELECT id FROM rooms WHERE connection = ?)`, int64(id))
		if err != nil {
			return err
		}
		if err := t.exec(`UPDATE rooms SET connection = NULL, gone = 1 WHERE connection = ?`, int64(id)); err != nil {
			return err
		}
		return found(t.affect(`DELETE FROM connections WHERE id = ?`, int64(id)))
	})
}

// cacheKey is the row key of a token cache in its seal.
func cacheKey(id connection.ID, partition string) string { return rowKey(id) + "/" + partition }

// TokenCache implements gateway.ConnectionStore: ErrNotFound when there is none.
func (s *Store) TokenCache(ctx context.Context, id connection.ID, partition string) (b []byte, err error) {
	err = s.read(ctx, "token cache", func(q querier) error {
		var sealed []byte
		err := q.get(`SELECT sealed_blob FROM token_caches WHERE connection = ? AND part = ?`, []any{int64(id), partition}, &sealed)
		if err != nil {
			return err
		}
		b, err = s.seal.open("token_caches", "sealed_blob", cacheKey(id, partition), sealed)
		return err
	})
	return b, err
}

// SetTokenCache implements gateway.ConnectionStore; an unknown connection is
// ErrNotFound.
func (s *Store) SetTokenCache(ctx context.Context, id connection.ID, partition string, b []byte) error {
	if err := errors.Join(within("token cache", len(b), maxTokenCache), within("partition", len(partition), maxKey)); err != nil {
		return failed("set token cache", err)
	}
	sealed := s.seal.seal("token_caches", "sealed_blob", cacheKey(id, partition), b)
	return s.write(ctx, "set token cache", func(t *tx) error {
		return t.exec(`INSERT INTO token_caches (connection, part, sealed_blob) VALUES (?, ?, ?)
			ON CONFLICT (connection, part) DO UPDATE SET sealed_blob = excluded.sealed_blob`, int64(id), partition, sealed)
	})
}

// ClearTokenCache removes every partition of the connection.
func (s *Store) ClearTokenCache(ctx context.Context, id connection.ID) error {
	return s.write(ctx, "clear token cache", func(t *tx) error {
		return t.exec(`DELETE FROM token_caches WHERE connection = ?`, int64(id))
	})
}

// Secret implements gateway.ConnectionStore: ErrNotFound when never set.
func (s *Store) Secret(ctx context.Context, name string) (value []byte, err error) {
	err = s.read(ctx, "secret", func(q querier) error {
		var sealed []byte
		if err := q.get(`SELECT sealed_value FROM secrets WHERE name = ?`, []any{name}, &sealed); err != nil {
			return err
		}
		value, err = s.seal.open("secrets", "sealed_value", name, sealed)
		return err
	})
	return value, err
}

// SetSecret implements gateway.ConnectionStore.
func (s *Store) SetSecret(ctx context.Context, name string, value []byte) error {
	if name == "" {
		return failed("set secret", fmt.Errorf("%w: a secret without a name", gateway.ErrInvalid))
	}
	if err := errors.Join(within("secret", len(value), maxSecret), within("secret name", len(name), maxName)); err != nil {
		return failed("set secret", err)
	}
	sealed := s.seal.seal("secrets", "sealed_value", name, value)
	return s.write(ctx, "set secret", func(t *tx) error {
		return t.exec(`INSERT INTO secrets (name, sealed_value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed_value = excluded.sealed_value`, name, sealed)
	})
}
