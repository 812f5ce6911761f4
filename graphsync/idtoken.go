package graphsync

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"doorleaf/gateway/connection"
)

// claims are the members of an id_token that are checked.
type claims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	Tenant    string `json:"tid"`
	Object    string `json:"oid"`
	Nonce     string `json:"nonce"`
	Version   string `json:"ver"`
	Name      string `json:"preferred_username"`
	Expires   int64  `json:"exp"`
	NotBefore int64  `json:"nbf"`
}

// expected is what the claims must say.
type expected struct {
	clientID string
	nonce    string
	issuer   string // may hold the template {tenantid}
	tenant   string // GUID; "" when any organization may sign in
	now      time.Time
}

// clockSkew is how far Microsoft's clock and ours may lie apart.
const clockSkew = 5 * time.Minute

// readIDToken takes the claims out of a token that came straight from the token
// endpoint over TLS, where its signature need not be checked (OpenID Connect
// Core 1.0, section 3.1.3.7), and checks them.
func readIDToken(raw string, want expected) (claims, error) {
	var c claims
	bad := func(k connection.Kind, code string) (claims, error) {
		return claims{}, &connection.Error{Kind: k, Op: "sign in", Code: code}
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || len(raw) > 64<<10 {
		return bad(connection.BadAnswer, "id_token")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &c) != nil {
		return bad(connection.BadAnswer, "id_token")
	}
	switch {
	case c.Audience != want.clientID:
		return bad(connection.BadAnswer, "aud")
	case subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(want.nonce)) != 1:
		return bad(connection.StateMismatch, "nonce")
	case want.now.After(time.Unix(c.Expires, 0).Add(clockSkew)):
		return bad(connection.BadAnswer, "exp")
	case want.now.Before(time.Unix(c.NotBefore, 0).Add(-clockSkew)):
		return bad(connection.BadAnswer, "nbf")
	case c.Version != "2.0":
		return bad(connection.BadAnswer, "ver")
	case !guid.MatchString(c.Tenant) || c.Object == "":
		return bad(connection.BadAnswer, "tid")
	case strings.EqualFold(c.Tenant, consumers):
		return bad(connection.ConsumerAccount, "")
	case want.tenant != "" && !strings.EqualFold(c.Tenant, want.tenant):
		return bad(connection.WrongAccount, "tid")
	case c.Issuer != strings.Replace(want.issuer, "{tenantid}", c.Tenant, 1):
		return bad(connection.BadAnswer, "iss")
	}
	return c, nil
}
