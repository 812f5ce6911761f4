package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

func testCancelled(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	sg, c := sign("one")
	s.fails("add sign", s.AddSign(ctx, sg, c), context.Canceled)
	_, err := s.Sign(s.Context(), sg.ID)
	s.fails("sign", err, gateway.ErrNotFound)
	s.pair("one")

	// Calls whose context ends at any moment either keep everything or nothing.
	for i := range 200 {
		ctx, cancel := context.WithCancel(s.Context())
		go cancel()
		name := fmt.Sprint("person ", i)
		_, err := s.AddAccount(ctx, account(name))
		_, kept := s.AccountByName(s.Context(), name)
		if (err == nil) != (kept == nil) {
			s.Fatalf("call %d: got error %v, but reading says %v", i, err, kept)
		}
		cancel()
	}
}

func testConcurrentWants(s *suite) {
	ctx := s.Context()
	const signs, rounds = 16, 12
	var wg sync.WaitGroup
	for i := range signs {
		id := s.pair(fmt.Sprint("sign", i))
		wg.Go(func() {
			for seq := range uint32(rounds) {
				w, objects, pictures := want(id, 1, seq+1, 3*int(seq)) // every sign wants the same pictures
				if err := s.CommitWant(ctx, w, objects, pictures); err != nil {
					s.Error(err)
				}
				if err := s.CommitWant(ctx, w, objects, pictures); err == nil {
					s.Error("second commit of one want: got no error, want a conflict")
				}
				if got, err := s.Want(ctx, id); err != nil || got.Seq != seq+1 {
					s.Errorf("want after its commit: got %d, %v, want %d", got.Seq, err, seq+1)
				}
				for _, m := range pictures {
					if _, err := s.Picture(ctx, m.Digest()); err != nil {
						s.Errorf("picture after its commit: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range signs {
		list, err := s.Decisions(ctx, devices.SignID(fmt.Sprint("sign", i)), 100)
		s.ok(err)
		s.equal("number of decisions", len(list), rounds)
	}
}

func testConcurrentReports(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	const reports, callers = 50, 8
	var mu sync.Mutex
	fresh := make(map[uint32]int)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for n := range uint32(reports) {
				ok, err := s.CommitReport(ctx, hello(id, 1, n, int(n)))
				if err != nil && !errors.Is(err, devices.ErrReplayed) {
					s.Error(err)
				}
				if ok {
					mu.Lock()
					fresh[n]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for n, times := range fresh {
		if times != 1 {
			s.Errorf("report %d: got fresh %d times, want once", n, times)
		}
	}
	st, err := s.Status(ctx, id)
	s.ok(err)
	s.equal("counter", st.Counter, uint32(reports-1))
}

func testReopen(s *suite) {
	ctx := s.Context()
	conn := s.connect()
	s.ok(s.ReplaceRooms(ctx, conn, []calendar.Room{room("a@x", "Alpha")}))
	s.commit(noon, day(), event("1", noon, "Planning"))
	id := s.pair("one")
	s.send(id, 1, 1)
	s.report(hello(id, 1, 1, 1))
	s.ok(s.AddDecision(ctx, gateway.Decision{Sign: id, At: noon, Reason: gateway.NothingToDo, Epoch: 1, Seq: 1}))
	acc, err := s.AddAccount(ctx, account("Office"))
	s.ok(err)
	s.ok(s.AddSession(ctx, gateway.Session{TokenHash: hash(1), Account: acc, Expires: noon}))
	s.ok(s.SetSite(ctx, gateway.Site{Zone: "Asia/Tokyo", Tenants: []string{"9e38bd87-d05c-4d4b-b6ad-7d6bd3c5e2a1"}}))
	s.ok(s.SaveSpare(ctx, conn, connection.Credential{Secret: "spare", KeyPEM: "key"}))
	s.ok(s.SaveSubscription(ctx, connection.Subscription{ID: "one", Connection: conn, Room: "a@x", ClientState: "state", Expires: noon}))
	s.ok(s.SetTokenCache(ctx, conn, "user", []byte("token")))
	s.ok(s.SetSecret(ctx, "ca", []byte("key")))
	before := s.everything(id, conn)
	s.Store = s.reopen(s.T, s.Store)
	s.equal("after reopening", s.everything(id, conn), before)

	fresh, err := s.CommitReport(ctx, hello(id, 1, 1, 1))
	s.ok(err)
	s.equal("replay after reopening is fresh", fresh, false)
	w, objects, pictures := want(id, 1, 1, 1)
	s.fails("old want after reopening", s.CommitWant(ctx, w, objects, pictures), gateway.ErrConflict)
	if s.commit(noon.Add(time.Hour), day(), event("1", noon, "Planning")) {
		s.Error("same agenda after reopening: got changed")
	}
	_, err = s.AddFirstAccount(ctx, account("Second"))
	s.fails("first account after reopening", err, gateway.ErrConflict)
}

// everything reads what testReopen stored.
func (s *suite) everything(id devices.SignID, conn connection.ID) map[string]any {
	s.Helper()
	ctx := s.Context()
	all := make(map[string]any)
	put := func(name string, v any, err error) {
		s.Helper()
		if err != nil {
			s.Errorf("%s: %v", name, err)
		}
		all[name] = v
	}
	rooms, err := s.Rooms(ctx)
	put("rooms", rooms, err)
	a, err := s.Agenda(ctx, "a@x")
	put("agenda", a, err)
	cur, err := s.Cursor(ctx, "a@x")
	put("cursor", cur, err)
	signs, err := s.Signs(ctx)
	put("signs", signs, err)
	cred, err := s.Credential(ctx, id)
	put("credential", cred, err)
	st, err := s.Statuses(ctx)
	put("statuses", st, err)
	w, err := s.Want(ctx, id)
	put("want", w, err)
	o, err := s.Object(ctx, id, object(1).Hash)
	put("object", o, err)
	m, err := s.Picture(ctx, picture(1).Digest())
	put("picture", m, err)
	d, err := s.Decisions(ctx, id, 10)
	put("decisions", d, err)
	acc, err := s.AccountByName(ctx, "Office")
	put("account", acc, err)
	ses, err := s.Session(ctx, hash(1), noon.Add(-time.Hour))
	put("session", ses, err)
	site, err := s.Site(ctx)
	put("site", site, err)
	list, err := s.Connections(ctx)
	put("connections", list, err)
	subs, err := s.Subscriptions(ctx, conn)
	put("subscriptions", subs, err)
	blob, err := s.TokenCache(ctx, conn, "user")
	put("token cache", blob, err)
	secret, err := s.Secret(ctx, "ca")
	put("secret", secret, err)
	return all
}

func testUnknown(s *suite) {
	ctx := s.Context()
	sg, _ := sign("nobody")
	w, objects, pictures := want("nobody", 1, 1, 1)
	second := func(_ any, err error) error { return err }
	calls := map[string]error{
		"Room":             second(s.Room(ctx, "nowhere")),
		"SetRoomZone":      s.SetRoomZone(ctx, "nowhere", "UTC"),
		"SetRoomPrivacy":   s.SetRoomPrivacy(ctx, "nowhere", calendar.PrivacyShowAll),
		"TouchAgenda":      s.TouchAgenda(ctx, "nowhere", noon, connection.Cursor{}),
		"Agenda":           second(s.Agenda(ctx, "nowhere")),
		"Cursor":           second(s.Cursor(ctx, "nowhere")),
		"Sign":             second(s.Sign(ctx, "nobody")),
		"UpdateSign":       s.UpdateSign(ctx, sg),
		"RemoveSign":       s.RemoveSign(ctx, "nobody"),
		"Credential":       second(s.Credential(ctx, "nobody")),
		"CommitReport":     second(s.CommitReport(ctx, hello("nobody", 1, 1, 1))),
		"Status":           second(s.Status(ctx, "nobody")),
		"SignKeys":         second(s.SignKeys(ctx, "nobody")),
		"WantKey":          s.WantKey(ctx, "nobody", 1),
		"PutNextKey":       s.PutNextKey(ctx, "nobody", nextKey("nobody", 1, 1)),
		"KeyStored":        s.KeyStored(ctx, "nobody", 1, noon),
		"UseKey":           s.UseKey(ctx, "nobody", 1, noon),
		"CommitWant":       s.CommitWant(ctx, w, objects, pictures),
		"Want":             second(s.Want(ctx, "nobody")),
		"Object":           second(s.Object(ctx, "nobody", devices.ObjectHash(hash(1)))),
		"Picture":          second(s.Picture(ctx, hash(1))),
		"AddDecision":      s.AddDecision(ctx, gateway.Decision{Sign: "nobody", At: noon, Reason: gateway.First}),
		"Decisions":        second(s.Decisions(ctx, "nobody", 1)),
		"AccountByName":    second(s.AccountByName(ctx, "nobody")),
		"Account":          second(s.Account(ctx, 1)),
		"UpdateAccount":    s.UpdateAccount(ctx, account("nobody")),
		"Session":          second(s.Session(ctx, hash(1), noon)),
		"Connection":       second(s.Connection(ctx, 1)),
		"SaveState":        s.SaveState(ctx, 1, connection.State{}),
		"SaveSpare":        s.SaveSpare(ctx, 1, connection.Credential{}),
		"SwapCredential":   s.SwapCredential(ctx, 1),
		"RemoveConnection": s.RemoveConnection(ctx, 1),
		"TokenCache":       second(s.TokenCache(ctx, 1, "")),
		"Secret":           second(s.Secret(ctx, "none")),
		"AssetFile":        second(s.AssetFile(ctx, hash(1))),
		"RemoveAsset":      s.RemoveAsset(ctx, "nothing"),
	}
	for name, err := range calls {
		s.fails(name, err, gateway.ErrNotFound)
	}
}
