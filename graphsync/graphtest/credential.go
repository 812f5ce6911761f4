package graphtest

import (
	"crypto/rsa"
	"crypto/subtle"
	"net/url"
	"strings"
	"time"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticate finds the application and checks its credential. The tenant is
// nil for the addresses that stand for all.
func (s *Server) authenticate(t *Tenant, q url.Values) (*registration, *aadsts) {
	for _, p := range []string{"grant_type", "client_id"} {
		if q.Get(p) == "" && (p != "client_id" || q.Get("client_assertion") == "") {
			return nil, errMissing(p)
		}
	}
	assertion := q.Get("client_assertion")
	id := strings.ToLower(q.Get("client_id"))
	var token *jwt
	if assertion != "" {
		var err error
		if token, err = parseJWT(assertion); err != nil || q.Get("client_assertion_type") != assertionType {
			return nil, errMalformed()
		}
		if id == "" {
			id = strings.ToLower(token.claims.text("sub"))
		}
	}
	reg := s.registrations[id]
	if reg == nil {
		return nil, errUnknownApp(id)
	}
	at := t
	if t == nil {
		at = reg.home
	}
	a := at.enterprise(id)
	switch {
	case a == nil:
		return nil, errUnknownApp(id)
	case a.disabled:
		return nil, errAppDisabled(a)
	case t == nil && !reg.MultiTenant:
		return nil, errSingleTenant(reg)
	case token != nil:
		return reg, s.checkAssertion(reg, t, token)
	case q.Get("client_secret") == "":
		return nil, errNoCredential()
	}
	return reg, reg.checkSecret(q.Get("client_secret"), s.clock())
}

// checkSecret compares with every secret; one that has ended is told from a
// wrong one.
func (r *registration) checkSecret(value string, now time.Time) *aadsts {
	for _, x := range r.secrets {
		if subtle.ConstantTimeCompare([]byte(value), []byte(x.value)) != 1 {
			continue
		}
		if !now.Before(x.expires) {
			return errSecretExpired(r.clientID)
		}
		return nil
	}
	return errBadSecret(r.clientID)
}

// checkAssertion verifies a private_key_jwt credential (RFC 7523) as
// learn.microsoft.com/entra/identity-platform/certificate-credentials describes
// it.
func (s *Server) checkAssertion(reg *registration, t *Tenant, token *jwt) *aadsts {
	cert, now, c := reg.certificateFor(token), s.clock(), token.claims
	if cert == nil {
		return errAssertionKey(reg.clientID, "The key was not found.")
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	switch {
	case now.Before(cert.NotBefore), now.After(cert.NotAfter):
		return errAssertionKey(reg.clientID, "The key used is expired.")
	case !ok || token.verify(key) != nil:
		return errBadAssertion(reg.clientID)
	case c.text("iss") != reg.clientID || c.text("sub") != reg.clientID:
		return errAssertionApp()
	case !c.within(now):
		return errAssertionTime()
	case !s.forTokens(c.text("aud"), t):
		return errAssertionAudience()
	case c.text("jti") == "":
		return errMalformed()
	case reg.replayed(c.text("jti"), time.Unix(c.number("exp"), 0).Add(assertionLeeway), now):
		return errAssertionReplay()
	}
	return nil
}

// forTokens tells whether an audience is the token endpoint, or the issuer, of
// the tenant that was asked.
func (s *Server) forTokens(audience string, t *Tenant) bool {
	names := []string{"common", "organizations"}
	if t != nil {
		names = append(names, t.id, t.domain)
	}
	for _, name := range names {
		if at := s.base + "/" + name; audience == at+"/oauth2/v2.0/token" || audience == at+"/v2.0" {
			return true
		}
	}
	return false
}
