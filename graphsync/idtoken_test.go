package graphsync

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/connection"
)

func TestReadIDToken(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	const tenant = "0f4e7a56-43e1-4c3b-9a35-31f7ad1f6a63"
	want := expected{clientID: "app", nonce: "n", issuer: "https://login.example/{tenantid}/v2.0", tenant: tenant, now: now}
	good := map[string]any{
		"aud": "app", "iss": "https://login.example/" + tenant + "/v2.0", "tid": tenant, "oid": "o", "nonce": "n", "ver": "2.0",
		"preferred_username": "ada@contoso.com", "exp": now.Add(time.Hour).Unix(), "nbf": now.Unix(),
	}
	token := func(c map[string]any) string {
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return "e30." + base64.RawURLEncoding.EncodeToString(body) + ".sig"
	}
	if c, err := readIDToken(token(good), want); err != nil || c.Name != "ada@contoso.com" || c.Tenant != tenant {
		t.Fatalf("good token: %+v, %v", c, err)
	}
	for _, tc := range []struct {
		name, member string
		value        any
		want         connection.Kind
	}{
		{"for another application", "aud", "other", connection.BadAnswer},
		{"for two applications", "aud", []string{"app", "other"}, connection.BadAnswer},
		{"of another server", "iss", "https://evil.example/" + tenant + "/v2.0", connection.BadAnswer},
		{"issuer of another tenant", "iss", "https://login.example/11111111-2222-3333-4444-555555555555/v2.0", connection.BadAnswer},
		{"of another tenant", "tid", "11111111-2222-3333-4444-555555555555", connection.WrongAccount},
		{"of a personal account", "tid", consumers, connection.ConsumerAccount},
		{"tenant not a GUID", "tid", "contoso", connection.BadAnswer},
		{"of another attempt", "nonce", "m", connection.StateMismatch},
		{"without nonce", "nonce", "", connection.StateMismatch},
		{"expired", "exp", now.Add(-6 * time.Minute).Unix(), connection.BadAnswer},
		{"not yet valid", "nbf", now.Add(6 * time.Minute).Unix(), connection.BadAnswer},
		{"without a person", "oid", "", connection.BadAnswer},
		{"times as text", "exp", "tomorrow", connection.BadAnswer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := maps.Clone(good)
			c[tc.member] = tc.value
			_, err := readIDToken(token(c), want)
			wantKind(t, err, tc.want)
		})
	}
	for _, raw := range []string{"", "a.b", "a.!.c", "a.e30.c.d", "x." + strings.Repeat("A", 70<<10) + ".y", "x.bnVsbA.y"} {
		if _, err := readIDToken(raw, want); err == nil {
			t.Errorf("%.20q: no error", raw)
		}
	}
	within := maps.Clone(good)
	within["exp"], within["nbf"] = now.Add(-4*time.Minute).Unix(), now.Add(4*time.Minute).Unix()
	if _, err := readIDToken(token(within), want); err != nil {
		t.Errorf("clocks four minutes apart: %v", err)
	}
}

func TestAttempts(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	a := newAttempts(func() time.Time { return now })

	state, cookie := a.add(attempt{conn: 1})
	if _, ok := a.take(state, "other"); ok {
		t.Error("taken with another cookie")
	}
	if _, ok := a.take("other", cookie); ok {
		t.Error("taken with another state")
	}
	if got, ok := a.take(state, cookie); !ok || got.conn != 1 {
		t.Errorf("take = %+v, %v", got, ok)
	}
	if _, ok := a.take(state, cookie); ok {
		t.Error("taken twice")
	}

	state, cookie = a.add(attempt{conn: 1})
	now = now.Add(attemptLife + time.Second)
	if _, ok := a.take(state, cookie); ok {
		t.Error("taken after its time")
	}

	state, cookie = a.add(attempt{conn: 1})
	for range maxAttempts {
		now = now.Add(time.Second)
		a.add(attempt{conn: 2})
	}
	if len(a.byState) > maxAttempts {
		t.Errorf("%d attempts kept, want at most %d", len(a.byState), maxAttempts)
	}
	if _, ok := a.take(state, cookie); ok {
		t.Error("the oldest attempt did not give way")
	}
	a.forget(2)
	if len(a.byState) != 0 {
		t.Errorf("%d attempts left of a forgotten connection", len(a.byState))
	}
}

// TestChallenge is the example of RFC 7636, appendix B.
func TestChallenge(t *testing.T) {
	if got, want := challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; got != want {
		t.Errorf("challenge = %q, want %q", got, want)
	}
}
