package storetest

import (
	"bytes"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

func testConnections(s *suite) {
	ctx := s.Context()
	set := connection.Settings{Cloud: connection.Custom, LoginURL: "https://login.example.com", GraphURL: "https://graph.example.com",
		Tenant: "example.com", ClientID: "6731de76-14a6-49ae-97bc-6eba6914391e", ClientSecret: "s3cret~value"}
	id, err := s.SaveSettings(ctx, 0, set)
	s.ok(err)
	s.equal("first id", id, connection.ID(1))
	got, err := s.Connection(ctx, id)
	s.ok(err)
	s.equal("new connection", got, connection.Connection{ID: id, Settings: set})

	st := connection.State{Mode: connection.Delegated, TenantID: "t", Account: "admin@example.com", AccountID: "a.t", ConnectedAt: noon,
		CheckedAt: noon.Add(time.Minute), Lost: []connection.Permission{connection.CalendarsRead, connection.PlaceReadAll},
		Problem: &connection.Problem{Kind: connection.Throttled, Code: "HTTP 429", Since: noon}}
	s.ok(s.SaveState(ctx, id, st))
	set.ClientSecret = ""
	again, err := s.SaveSettings(ctx, id, set)
	s.ok(err)
	s.equal("id of an update", again, id)
	got, err = s.Connection(ctx, id)
	s.ok(err)
	s.equal("changed connection keeps its state", got, connection.Connection{ID: id, Settings: set, State: st})
	s.ok(s.SaveState(ctx, id, connection.State{}))
	second := s.connect()
	list, err := s.Connections(ctx)
	s.ok(err)
	s.equal("connections", list, []connection.Connection{{ID: id, Settings: set}, {ID: second, Settings: connection.Settings{Cloud: connection.Global}}})
	_, err = s.SaveSettings(ctx, 999, set)
	s.fails("unknown id", err, gateway.ErrNotFound)
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
