package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"doorleaf/gateway"
)

func account(name string) gateway.Account {
	return gateway.Account{Name: name, PasswordHash: "$argon2id$v=19$...", Language: "de", Created: noon}
}

func testAccounts(s *suite) {
	ctx := s.Context()
	a := account("Office")
	id, err := s.AddAccount(ctx, a)
	s.ok(err)
	a.ID = id
	for _, name := range []string{"Office", "office"} {
		got, err := s.AccountByName(ctx, name)
		s.ok(err)
		s.equal("account by name", got, a)
		_, err = s.AddAccount(ctx, account(name))
		s.fails("name taken", err, gateway.ErrConflict)
	}
	other, err := s.AddAccount(ctx, account("other"))
	s.ok(err)
	a.Name, a.PasswordHash, a.Language = "Manager", "$argon2id$new", "en"
	s.ok(s.UpdateAccount(ctx, a))
	got, err := s.Account(ctx, id)
	s.ok(err)
	s.equal("changed account", got, a)
	taken := a
	taken.ID = other
	s.fails("rename to a name in use", s.UpdateAccount(ctx, taken), gateway.ErrConflict)
	n, err := s.CountAccounts(ctx)
	s.ok(err)
	s.equal("number of accounts", n, 2)
}

func testFirstAccount(s *suite) {
	ctx := s.Context()
	const tries = 16
	errs := make([]error, tries)
	var wg sync.WaitGroup
	for i := range tries {
		wg.Go(func() { _, errs[i] = s.AddFirstAccount(ctx, account(fmt.Sprint("person ", i))) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, gateway.ErrConflict) {
			s.Errorf("got error %v, want %v", err, gateway.ErrConflict)
		}
	}
	s.equal("winners", won, 1)
	n, err := s.CountAccounts(ctx)
	s.ok(err)
	s.equal("number of accounts", n, 1)
}

func testSessions(s *suite) {
	ctx := s.Context()
	id, err := s.AddAccount(ctx, account("Office"))
	s.ok(err)
	ses := gateway.Session{TokenHash: hash(1), Account: id, Expires: noon}
	s.ok(s.AddSession(ctx, ses))
	s.fails("same token", s.AddSession(ctx, ses), gateway.ErrConflict)
	s.fails("unknown account", s.AddSession(ctx, gateway.Session{TokenHash: hash(3), Account: 999, Expires: noon}), gateway.ErrNotFound)
	got, err := s.Session(ctx, hash(1), noon.Add(-time.Second))
	s.ok(err)
	s.equal("session", got, ses)
	_, err = s.Session(ctx, hash(1), noon)
	s.fails("expired", err, gateway.ErrNotFound)
	later := gateway.Session{TokenHash: hash(2), Account: id, Expires: noon.Add(time.Hour)}
	s.ok(s.AddSession(ctx, later))
	_, err = s.Session(ctx, hash(2), noon)
	s.ok(err)
	s.ok(s.RemoveSession(ctx, hash(2)))
	_, err = s.Session(ctx, hash(2), noon)
	s.fails("signed out", err, gateway.ErrNotFound)
	s.ok(s.RemoveSession(ctx, hash(2)))
	for _, n := range []byte{4, 5} {
		s.ok(s.AddSession(ctx, gateway.Session{TokenHash: hash(n), Account: id, Expires: noon.Add(time.Hour)}))
	}
	s.ok(s.ChangePassword(ctx, id, "new hash", hash(5)))
	_, err = s.Session(ctx, hash(4), noon)
	s.fails("other browser after a new password", err, gateway.ErrNotFound)
	_, err = s.Session(ctx, hash(5), noon)
	s.ok(err)
	a, err := s.Account(ctx, id)
	s.ok(err)
	s.equal("password hash", a.PasswordHash, "new hash")
	s.fails("password of nobody", s.ChangePassword(ctx, 999, "new hash", hash(5)), gateway.ErrNotFound)
}

func testSite(s *suite) {
	ctx := s.Context()
	got, err := s.Site(ctx)
	s.ok(err)
	s.equal("never set", got, gateway.DefaultSite())
	site := gateway.DefaultSite()
	site.Zone, site.Language, site.DayStart, site.DayEnd = "Asia/Tokyo", "ru", 0, 1440
	site.SoonLimit, site.CheckIn = 0, 7*time.Minute
	s.ok(s.SetSite(ctx, site))
	got, err = s.Site(ctx)
	s.ok(err)
	s.equal("site", got, site)
}
