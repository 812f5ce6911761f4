package storetest

import (
	"bytes"
	"fmt"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

func testConnections(s *suite) {
	ctx := s.Context()
	set := connection.Settings{Name: "Example «GmbH»", Cloud: connection.Custom, LoginURL: "https://login.example.com", GraphURL: "https://graph.example.com",
		Tenant: "example.com", ClientID: "6731de76-14a6-49ae-97bc-6eba6914391e", ClientSecret: "s3cret~value", SecretExpires: "2032-01-31",
		CertPEM: "certificate", KeyPEM: "key", Access: connection.Delegated, Book: true, Find: true}
	id, err := s.SaveSettings(ctx, 0, set)
	s.ok(err)
	s.equal("first id", id, connection.ID(1))
	got, err := s.Connection(ctx, id)
	s.ok(err)
	s.equal("new connection", got, connection.Connection{ID: id, Settings: set})

	st := connection.State{Mode: connection.Delegated, TenantID: "t", Account: "admin@example.com", AccountID: "a.t", ConnectedAt: noon,
		CheckedAt: noon.Add(time.Minute), RefreshedAt: noon.Add(time.Hour), Lost: []connection.Permission{connection.CalendarsRead, connection.PlaceReadAll},
		Problem: &connection.Problem{Kind: connection.Throttled, Code: "HTTP 429", Since: noon}}
	s.ok(s.SaveState(ctx, id, st))
	spare := connection.Credential{Secret: "spare", Expires: "2033-12-31", CertPEM: "spare certificate", KeyPEM: "spare key"}
	s.ok(s.SaveSpare(ctx, id, spare))
	set.ClientSecret, set.KeyPEM, set.Book, set.Access = "", "", false, connection.AppOnly
	again, err := s.SaveSettings(ctx, id, set)
	s.ok(err)
	s.equal("id of an update", again, id)
	got, err = s.Connection(ctx, id)
	s.ok(err)
	s.equal("changed connection keeps state and spare", got, connection.Connection{ID: id, Settings: set, Spare: spare, State: st})
	s.ok(s.SaveSpare(ctx, id, connection.Credential{}))
	s.ok(s.SaveState(ctx, id, connection.State{}))
	second := s.connect()
	list, err := s.Connections(ctx)
	s.ok(err)
	s.equal("connections", list, []connection.Connection{{ID: id, Settings: set}, {ID: second, Settings: connection.Settings{Cloud: connection.Global}}})
	_, err = s.SaveSettings(ctx, 999, set)
	s.fails("unknown id", err, gateway.ErrNotFound)
}

func testSpare(s *suite) {
	ctx := s.Context()
	other := s.connect()
	secret := connection.Credential{Secret: "in use", Expires: "2032-01-31"}
	certificate := connection.Credential{CertPEM: "certificate", KeyPEM: "key"}
	set := connection.Settings{Name: "Example", Cloud: connection.Global}
	id, err := s.SaveSettings(ctx, 0, set.With(secret))
	s.ok(err)
	has := func(what string, used, spare connection.Credential) {
		s.Helper()
		got, err := s.Connection(ctx, id)
		s.ok(err)
		s.equal(what, got, connection.Connection{ID: id, Settings: set.With(used), Spare: spare})
	}
	s.fails("nothing to swap with", s.SwapCredential(ctx, id), gateway.ErrConflict)
	has("after a swap that failed", secret, connection.Credential{})
	s.ok(s.SaveSpare(ctx, id, certificate))
	has("with a spare", secret, certificate)
	s.ok(s.SwapCredential(ctx, id))
	has("swapped", certificate, secret)
	s.ok(s.SwapCredential(ctx, id))
	has("swapped back", secret, certificate)
	s.ok(s.SaveSpare(ctx, id, connection.Credential{}))
	has("cleared", secret, connection.Credential{})
	got, err := s.Connection(ctx, other)
	s.ok(err)
	s.equal("another connection's spare", got.Spare, connection.Credential{})
}

func testSubscriptions(s *suite) {
	ctx := s.Context()
	one, two := s.connect(), s.connect()
	list := func(id connection.ID, want ...connection.Subscription) {
		s.Helper()
		got, err := s.Subscriptions(ctx, id)
		s.ok(err)
		s.equal("subscriptions", got, want)
	}
	list(one)
	list(999)
	a := connection.Subscription{ID: "a", Connection: one, Room: "a@x", ClientState: "secret", Expires: noon}
	b := connection.Subscription{ID: "b", Connection: one, Room: "b@x"}
	c := connection.Subscription{ID: "c", Connection: two, Room: "a@x", ClientState: "other", Expires: noon}
	for _, sub := range []connection.Subscription{b, c, a} {
		s.ok(s.SaveSubscription(ctx, sub))
	}
	list(one, a, b)
	list(two, c)
	a.Expires, a.ClientState = noon.Add(time.Hour), "renewed"
	s.ok(s.SaveSubscription(ctx, a))
	list(one, a, b)
	s.ok(s.RemoveSubscription(ctx, "b"))
	s.ok(s.RemoveSubscription(ctx, "b"))
	list(one, a)
	s.fails("unknown connection", s.SaveSubscription(ctx, connection.Subscription{ID: "d", Connection: 999}), gateway.ErrNotFound)
	s.fails("no id", s.SaveSubscription(ctx, connection.Subscription{Connection: one}), gateway.ErrInvalid)
}

func testRemoveConnection(s *suite) {
	ctx := s.Context()
	one, two := s.connect(), s.connect()
	s.ok(s.ReplaceRooms(ctx, one, []calendar.Room{room("a@x", "Alpha")}))
	s.ok(s.ReplaceRooms(ctx, two, []calendar.Room{room("b@x", "Beta")}))
	s.commit(noon, day(), event("1", noon, "Planning"))
	s.ok(s.SetRoomPrivacy(ctx, "a@x", calendar.PrivacyTimeOnly))
	for _, id := range []connection.ID{one, two} {
		s.ok(s.SetTokenCache(ctx, id, "user", []byte("token")))
		s.ok(s.SaveSubscription(ctx, connection.Subscription{ID: fmt.Sprint(id), Connection: id}))
	}
	s.ok(s.RemoveConnection(ctx, one))

	_, err := s.Connection(ctx, one)
	s.fails("connection", err, gateway.ErrNotFound)
	_, err = s.TokenCache(ctx, one, "user")
	s.fails("token cache", err, gateway.ErrNotFound)
	gone := of(0, room("a@x", "Alpha"))
	gone.Gone, gone.Privacy = true, calendar.PrivacyTimeOnly
	s.equal("rooms", s.rooms(), map[calendar.RoomID]calendar.Room{"a@x": gone, "b@x": of(two, room("b@x", "Beta"))})
	cur, err := s.Cursor(ctx, "a@x")
	s.ok(err)
	s.equal("cursor", cur, connection.Cursor{})
	left, err := s.Subscriptions(ctx, one)
	s.ok(err)
	s.equal("subscriptions", left, []connection.Subscription(nil))
	left, err = s.Subscriptions(ctx, two)
	s.ok(err)
	s.equal("number of another's subscriptions", len(left), 1)
	_, err = s.TokenCache(ctx, two, "user")
	s.ok(err)

	again := s.connect()
	if again == one {
		s.Error("a new connection has the number of a removed one")
	}
	s.ok(s.ReplaceRooms(ctx, again, []calendar.Room{room("a@x", "Alpha")}))
	back := of(again, room("a@x", "Alpha"))
	back.Privacy = calendar.PrivacyTimeOnly
	s.equal("room of a new connection", s.rooms()["a@x"], back)
}

func testTokenCaches(s *suite) {
	ctx := s.Context()
	one, two := s.connect(), s.connect()
	_, err := s.TokenCache(ctx, one, "user")
	s.fails("never set", err, gateway.ErrNotFound)
	large := bytes.Repeat([]byte("token "), 50000)
	s.ok(s.SetTokenCache(ctx, one, "user", []byte("first")))
	s.ok(s.SetTokenCache(ctx, one, "user", large))
	s.ok(s.SetTokenCache(ctx, one, "", []byte("app")))
	s.ok(s.SetTokenCache(ctx, two, "user", nil))
	for _, c := range []struct {
		id   connection.ID
		part string
		want []byte
	}{{one, "user", large}, {one, "", []byte("app")}, {two, "user", nil}} {
		got, err := s.TokenCache(ctx, c.id, c.part)
		s.ok(err)
		s.equal("token cache", bytes.Equal(got, c.want), true)
	}
	s.ok(s.ClearTokenCache(ctx, one))
	_, err = s.TokenCache(ctx, one, "")
	s.fails("cleared", err, gateway.ErrNotFound)
	_, err = s.TokenCache(ctx, two, "user")
	s.ok(err)
	s.fails("unknown connection", s.SetTokenCache(ctx, 999, "user", nil), gateway.ErrNotFound)
}

func testSecrets(s *suite) {
	ctx := s.Context()
	s.ok(s.SetSecret(ctx, "a", []byte("1")))
	s.ok(s.SetSecret(ctx, "b", []byte{0, 255, 0}))
	s.ok(s.SetSecret(ctx, "a", []byte("2")))
	a, err := s.Secret(ctx, "a")
	s.ok(err)
	b, err := s.Secret(ctx, "b")
	s.ok(err)
	s.equal("secrets", [][]byte{a, b}, [][]byte{[]byte("2"), {0, 255, 0}})
	s.fails("no name", s.SetSecret(ctx, "", nil), gateway.ErrInvalid)
}
