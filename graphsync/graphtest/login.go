package graphtest

import (
	"net/http"
	"net/url"
	"strings"
)

// serveLogin answers the Entra side: metadata, keys, sign-in, consent, tokens.
func (s *Server) serveLogin(a *answer, r *http.Request) {
	a.header.Set("X-Content-Type-Options", "nosniff")
	a.header.Set("X-Ms-Request-Id", newID())
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch rest {
	case "v2.0/.well-known/openid-configuration":
		s.metadata(a, r, name)
	case "discovery/v2.0/keys":
		a.json(http.StatusOK, s.keySet())
	case "discovery/instance":
		s.instance(a, r)
	case "oauth2/v2.0/authorize":
		s.authorize(a, r, name)
	case "v2.0/adminconsent", "adminconsent":
		s.adminConsent(a, r, name, rest == "adminconsent")
	case "login":
		s.signIn(a, r)
	case "consent":
		s.decide(a, r)
	case "oauth2/v2.0/token":
		s.issue(a, r, name)
	case "oauth2/v2.0/logout":
		s.signOut(a, r)
	default:
		a.page(http.StatusNotFound, "message", pageData{Title: "Not found", Text: "There is no such page on the practice tenant."})
	}
}

// resolve finds the tenant of an address; nil for the addresses that stand for
// every tenant ("common", "organizations").
func (s *Server) resolve(name string) (*Tenant, *aadsts) {
	name = strings.ToLower(name)
	switch name {
	case "common", "organizations":
		return nil, nil
	case "consumers", consumerTenant:
		return s.consumers, nil
	}
	for _, t := range s.tenants {
		if t.id == name || t.domain == name {
			return t, nil
		}
	}
	return nil, errUnknownTenant(name)
}

// metadata is the OpenID Connect discovery document of a tenant.
func (s *Server) metadata(a *answer, r *http.Request, name string) {
	t, e := s.resolve(name)
	if e != nil {
		e.err = "invalid_tenant"
		s.refuse(a, r, e)
		return
	}
	issuer, keys := s.base+"/{tenantid}/v2.0", name
	if t != nil {
		issuer, keys = s.issuer(t.id), t.id
	}
	at := s.base + "/" + keys
	a.header.Set("Cache-Control", "max-age=86400, private")
	a.json(http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"jwks_uri":                              at + "/discovery/v2.0/keys",
		"end_session_endpoint":                  at + "/oauth2/v2.0/logout",
		"userinfo_endpoint":                     s.base + "/oidc/userinfo",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"response_types_supported":              []string{"code"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"request_uri_parameter_supported":       false,
		"http_logout_supported":                 true,
		"frontchannel_logout_supported":         true,
		"tenant_region_scope":                   nil,
		"cloud_instance_name":                   strings.TrimPrefix(s.base, "https://"),
		"msgraph_host":                          strings.TrimPrefix(s.base, "https://"),
		"claims_supported": []string{"sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username",
			"name", "tid", "ver", "at_hash", "c_hash", "email"},
	})
}

// instance tells MSAL which hosts belong together.
func (s *Server) instance(a *answer, r *http.Request) {
	asked, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	host := strings.TrimPrefix(s.base, "https://")
	if err != nil || !strings.EqualFold(asked.Host, host) {
		e := aadsts{50049, "invalid_instance", "", 400, "Unknown or invalid instance."}.with()
		s.refuse(a, r, e)
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(asked.Path, "/"), "/")
	a.json(http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": s.base + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": host, "preferred_cache": host, "aliases": []string{host},
		}},
	})
}

// signOut ends the browser's session.
func (s *Server) signOut(a *answer, r *http.Request) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		delete(s.signIns.sessions, c.Value)
	}
	a.header.Add("Set-Cookie", (&http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true}).String())
	a.page(http.StatusOK, "message", pageData{Title: "You signed out", Text: "It is a good idea to close all browser windows."})
}
