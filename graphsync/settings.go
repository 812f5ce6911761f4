package graphsync

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"doorleaf/gateway/connection"
)

var (
	guid   = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	domain = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]$`)
)

// consumers is the tenant of personal Microsoft accounts, which have no rooms.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// CheckSettings looks at what an administrator entered, before it is stored and
// without asking anybody. The error is a *connection.Error whose Kind names the
// field: WrongCloud (cloud or its URLs), BadTenant, BadClientID, SecretMissing,
// SecretIsID, BadSecret, BadCertificate, CertificateEnded. An empty tenant is allowed until the first sign-in;
// for cloud Custom empty URLs mean those of the process.
func CheckSettings(s connection.Settings) error {
	bad := func(k connection.Kind) error { return &connection.Error{Kind: k, Op: "settings"} }
	switch {
	case !slices.Contains(connection.Clouds(), s.Cloud):
		return bad(connection.WrongCloud)
	case s.Cloud == connection.Custom && (s.LoginURL != "" && !isBaseURL(s.LoginURL) || s.GraphURL != "" && !isBaseURL(s.GraphURL)):
		return bad(connection.WrongCloud)
	case !guid.MatchString(s.ClientID):
		return bad(connection.BadClientID)
	case guid.MatchString(s.Tenant) && strings.EqualFold(s.Tenant, s.ClientID): // one of the two was pasted twice
		return bad(connection.BadClientID)
	case s.CertPEM != "" || s.KeyPEM != "":
		if err := checkCertificate(s.CertPEM, s.KeyPEM, time.Now()); err != nil {
			if errors.Is(err, errCertificateEnded) {
				return bad(connection.CertificateEnded)
			}
			return bad(connection.BadCertificate)
		}
	case s.ClientSecret == "":
		return bad(connection.SecretMissing)
	case guid.MatchString(strings.TrimSpace(s.ClientSecret)):
		return bad(connection.SecretIsID)
	case len(s.ClientSecret) > 1024 || strings.ContainsFunc(s.ClientSecret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return bad(connection.BadSecret)
	}
	if s.Tenant != "" && !isTenant(s.Tenant) {
		return bad(connection.BadTenant)
	}
	return nil
}

// anyTenant stands for every organization in an authority.
const anyTenant = "organizations"

// isTenant reports whether t is a tenant's GUID or one of its domains. The
// aliases common, organizations and consumers name no tenant.
func isTenant(t string) bool {
	return len(t) <= 253 && !strings.EqualFold(t, consumers) && (guid.MatchString(t) || domain.MatchString(t))
}

// isBaseURL reports whether u is https://host[:port], with or without a slash.
func isBaseURL(u string) bool {
	p, err := url.Parse(u)
	return err == nil && p.Scheme == "https" && p.Hostname() != "" && p.User == nil && strings.Trim(p.Path, "/") == "" &&
		p.RawQuery == "" && !p.ForceQuery && p.Fragment == "" && len(u) <= 512
}

func trimSlash(u string) string { return strings.TrimRight(u, "/") }

// tenantOf is the tenant that calls are addressed to: the one that a sign-in
// proved, else the one entered, else any organization.
func tenantOf(c connection.Connection) string {
	switch {
	case c.Settings.Tenant != "":
		return c.Settings.Tenant
	case c.State.TenantID != "":
		return c.State.TenantID
	}
	return anyTenant
}
