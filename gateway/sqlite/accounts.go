package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"doorleaf/gateway"
)

const accountColumns = `id, name, password_hash, language, created_at`

func accountFields(a *gateway.Account) []any {
	return []any{&a.ID, &a.Name, &a.PasswordHash, &a.Language, instant{&a.Created}}
}

func checkAccount(a gateway.Account) error {
	if a.Name == "" {
		return fmt.Errorf("%w: an account without a name", gateway.ErrInvalid)
	}
	return errors.Join(within("account name", len(a.Name), maxName), within("password hash", len(a.PasswordHash), maxKey))
}

// AddAccount implements gateway.AccountStore. Names that differ only in the
// case of a-z are the same: ErrConflict.
func (s *Store) AddAccount(ctx context.Context, a gateway.Account) (int64, error) {
	return s.addAccount(ctx, "add account", a, false)
}

// AddFirstAccount implements gateway.AccountStore.
func (s *Store) AddFirstAccount(ctx context.Context, a gateway.Account) (int64, error) {
	return s.addAccount(ctx, "add first account", a, true)
}

func (s *Store) addAccount(ctx context.Context, op string, a gateway.Account, first bool) (id int64, err error) {
	if err := checkAccount(a); err != nil {
		return 0, failed(op, err)
	}
	err = s.write(ctx, op, func(t *tx) error {
		if first {
			n, err := countAccounts(t)
			if err != nil {
				return err
			}
			if n > 0 {
				return gateway.ErrConflict
			}
		}
		id, err = t.insert(`INSERT INTO accounts (name, password_hash, language, created_at) VALUES (?, ?, ?, ?)`,
			a.Name, a.PasswordHash, text(a.Language, maxName), ms(a.Created))
		return err
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

func countAccounts(q querier) (n int, err error) {
	err = q.get(`SELECT count(*) FROM accounts`, nil, &n)
	return n, err
}

// AccountByName implements gateway.AccountStore; the case of a-z does not matter.
func (s *Store) AccountByName(ctx context.Context, name string) (a gateway.Account, err error) {
	err = s.read(ctx, "account by name", func(q querier) error {
		return q.get(`SELECT `+accountColumns+` FROM accounts WHERE name = ?`, []any{name}, accountFields(&a)...)
	})
	return a, err
}

// Account implements gateway.AccountStore.
func (s *Store) Account(ctx context.Context, id int64) (a gateway.Account, err error) {
	err = s.read(ctx, "account", func(q querier) error {
		return q.get(`SELECT `+accountColumns+` FROM accounts WHERE id = ?`, []any{id}, accountFields(&a)...)
	})
	return a, err
}

// UpdateAccount stores name, password hash and language.
func (s *Store) UpdateAccount(ctx context.Context, a gateway.Account) error {
	if err := checkAccount(a); err != nil {
		return failed("update account", err)
	}
	return s.write(ctx, "update account", func(t *tx) error {
		return found(t.affect(`UPDATE accounts SET name = ?, password_hash = ?, language = ? WHERE id = ?`,
			a.Name, a.PasswordHash, text(a.Language, maxName), a.ID))
	})
}

// CountAccounts implements gateway.AccountStore.
func (s *Store) CountAccounts(ctx context.Context) (n int, err error) {
	err = s.read(ctx, "count accounts", func(q querier) error {
		n, err = countAccounts(q)
		return err
	})
	return n, err
}

// AddSession implements gateway.AccountStore and removes the sessions that had
// expired at the newest time Session was asked for.
func (s *Store) AddSession(ctx context.Context, ses gateway.Session) error {
	if ses.Expires.IsZero() {
		return failed("add session", fmt.Errorf("%w: a session without end", gateway.ErrInvalid))
	}
	return s.write(ctx, "add session", func(t *tx) error {
		if err := removeExpired(t, s.lastNow.Load()); err != nil {
			return err
		}
		return t.exec(`INSERT INTO sessions (token_hash, account, expires_at) VALUES (?, ?, ?)`,
			ses.TokenHash[:], ses.Account, ses.Expires.UnixMilli())
	})
}

func removeExpired(t *tx, now int64) error {
	return t.exec(`DELETE FROM sessions WHERE expires_at <= ?`, now)
}

// Session implements gateway.AccountStore: ErrNotFound from the moment it
// expires.
func (s *Store) Session(ctx context.Context, tokenHash [32]byte, now time.Time) (ses gateway.Session, err error) {
	for last := s.lastNow.Load(); last < now.UnixMilli(); last = s.lastNow.Load() {
		if s.lastNow.CompareAndSwap(last, now.UnixMilli()) {
			break
		}
	}
	err = s.read(ctx, "session", func(q querier) error {
		err := q.get(`SELECT token_hash, account, expires_at FROM sessions WHERE token_hash = ?`, []any{tokenHash[:]},
			scan32(&ses.TokenHash), &ses.Account, instant{&ses.Expires})
		if err == nil && !now.Before(ses.Expires) {
			return sql.ErrNoRows
		}
		return err
	})
	if err != nil {
		return gateway.Session{}, err
	}
	return ses, nil
}

// RemoveSession implements gateway.AccountStore; an unknown session is no error,
// it is gone.
func (s *Store) RemoveSession(ctx context.Context, tokenHash [32]byte) error {
	return s.write(ctx, "remove session", func(t *tx) error {
		return t.exec(`DELETE FROM sessions WHERE token_hash = ?`, tokenHash[:])
	})
}

// ChangePassword implements gateway.AccountStore.
func (s *Store) ChangePassword(ctx context.Context, account int64, passwordHash string, keep [32]byte) error {
	if passwordHash == "" {
		return failed("change password", fmt.Errorf("%w: no password hash", gateway.ErrInvalid))
	}
	return s.write(ctx, "change password", func(t *tx) error {
		if err := found(t.affect(`UPDATE accounts SET password_hash = ? WHERE id = ?`, passwordHash, account)); err != nil {
			return err
		}
		return t.exec(`DELETE FROM sessions WHERE account = ? AND token_hash <> ?`, account, keep[:])
	})
}

// Site implements gateway.AccountStore. Settings added since it was stored have
// their defaults.
func (s *Store) Site(ctx context.Context) (gateway.Site, error) {
	site := gateway.DefaultSite()
	err := s.read(ctx, "site", func(q querier) error {
		var value []byte
		err := q.get(`SELECT value FROM site`, nil, &value)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		return json.Unmarshal(value, &site)
	})
	if err != nil {
		return gateway.DefaultSite(), err
	}
	return site, nil
}

// SetSite implements gateway.AccountStore.
func (s *Store) SetSite(ctx context.Context, site gateway.Site) error {
	value, err := json.Marshal(site)
	if err == nil {
		err = within("site", len(value), maxLink)
	}
	if err != nil {
		return failed("set site", err)
	}
	return s.write(ctx, "set site", func(t *tx) error {
		return t.exec(`INSERT INTO site (one, value) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET value = excluded.value`, string(value))
	})
}
