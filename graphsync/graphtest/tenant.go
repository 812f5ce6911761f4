package graphtest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The accounts of the office (Options.Office); passwords as typed on the
// sign-in page.
const (
	AdminName     = "admin"
	AdminPassword = "Practice-Admin-1"
	UserName      = "robin"
	UserPassword  = "Practice-User-1"
)

const domainName = "practice.example"

// ErrUnknown is returned for an application, user, room or event that the
// tenant does not have.
var ErrUnknown = errors.New("graphtest: unknown")

// AppRegistration is what an administrator enters in the portal.
type AppRegistration struct {
	Name         string
	RedirectURIs []string // platform Web; compared byte for byte
	Delegated    []string // permissions listed for signed-in people, e.g. "Calendars.Read.Shared"
	Application  []string // permissions listed for the application itself, e.g. "Place.Read.All"
	MultiTenant  bool     // false: the tenant's own endpoint only (AADSTS50194)
	Certificates [][]byte // DER; accepted for client assertions
}

// App is a registered application as the portal shows it once.
type App struct {
	Name     string
	ClientID string
	ObjectID string // of the enterprise application
	Secret   string // the secret's value
	SecretID string // the secret's ID, which people paste by mistake
}

// User is an account of the tenant.
type User struct {
	Address  string // sign-in name; without "@" the tenant's domain is added
	Name     string // display name
	Password string
	Admin    bool // may consent for the whole organization
	Foreign  bool // lives in another tenant: signs in and is refused (AADSTS50020)
}

// tenant is the directory. Its fields are guarded by Server.mu.
type tenant struct {
	id       string
	apps     map[string]*app // by client id
	users    map[string]*user
	sessions map[string]*user // browser sessions by cookie value
	flows    map[string]*flow // sign-ins under way by hidden field
	codes    map[string]*grant
	refresh  map[string]*grant
	order    []string // keys of flows, codes and refresh tokens, oldest first
	urlScope bool     // token answers spell every scope with its resource
	life     time.Duration
}

type app struct {
	App
	reg          AppRegistration
	secretExpiry time.Time
	disabled     bool
	orgScopes    map[string]bool            // delegated consent for everybody
	userScopes   map[string]map[string]bool // delegated consent by user id
	roles        map[string]bool            // application permissions consented
	scoped       map[string]map[string]bool // RBAC: mailbox -> permission
	restricted   map[string]bool            // application access policy; nil: none
}

type user struct {
	User
	id            string
	revokedBefore time.Time // refresh tokens issued earlier are void
}

func newTenant() tenant {
	return tenant{
		id: newID(), apps: map[string]*app{}, users: map[string]*user{},
		sessions: map[string]*user{}, flows: map[string]*flow{},
		codes: map[string]*grant{}, refresh: map[string]*grant{},
	}
}

// TenantID is the directory's GUID.
func (s *Server) TenantID() string { return s.tenant.id }

// Domain is the directory's verified domain; it names the tenant as well.
func (s *Server) Domain() string { return domainName }

// RegisterApp adds an application with one client secret, valid for 180 days.
// Nothing is consented yet.
func (s *Server) RegisterApp(reg AppRegistration) App {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &app{
		App: App{Name: reg.Name, ClientID: newID(), ObjectID: newID(), Secret: newSecret(), SecretID: newID()},
		reg: reg, secretExpiry: s.clock().Add(180 * 24 * time.Hour),
		orgScopes: map[string]bool{}, userScopes: map[string]map[string]bool{},
		roles: map[string]bool{}, scoped: map[string]map[string]bool{},
	}
	a.reg.RedirectURIs = slices.Clone(reg.RedirectURIs)
	s.tenant.apps[a.ClientID] = a
	return a.App
}

// changeApp runs change on a registered application.
func (s *Server) changeApp(clientID string, change func(*app)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.tenant.apps[strings.ToLower(clientID)]
	if a == nil {
		return fmt.Errorf("%w: application %s", ErrUnknown, clientID)
	}
	change(a)
	return nil
}

// SetRedirectURIs replaces the application's redirect URIs.
func (s *Server) SetRedirectURIs(clientID string, uris ...string) error {
	return s.changeApp(clientID, func(a *app) { a.reg.RedirectURIs = slices.Clone(uris) })
}

// SetPermissions replaces the permissions listed in the registration; what was
// consented before stays consented.
func (s *Server) SetPermissions(clientID string, delegated, application []string) error {
	return s.changeApp(clientID, func(a *app) {
		a.reg.Delegated, a.reg.Application = slices.Clone(delegated), slices.Clone(application)
	})
}

// SetSecretExpiry sets the moment from which the client secret is refused
// (AADSTS7000222).
func (s *Server) SetSecretExpiry(clientID string, at time.Time) error {
	return s.changeApp(clientID, func(a *app) { a.secretExpiry = at })
}

// NewSecret replaces the client secret and returns its value.
func (s *Server) NewSecret(clientID string) (string, error) {
	var secret string
	err := s.changeApp(clientID, func(a *app) {
		a.Secret, a.SecretID = newSecret(), newID()
		a.secretExpiry = s.clock().Add(180 * 24 * time.Hour)
		secret = a.Secret
	})
	return secret, err
}

// DisableApp switches sign-in of the application off (AADSTS7000112) or on.
func (s *Server) DisableApp(clientID string, disabled bool) error {
	return s.changeApp(clientID, func(a *app) { a.disabled = disabled })
}

// Consent grants every permission listed in the registration for the whole
// organization, as "Grant admin consent" in the portal does.
func (s *Server) Consent(clientID string) error {
	return s.changeApp(clientID, func(a *app) { a.consentAll() })
}

func (a *app) consentAll() {
	for _, name := range a.reg.Delegated {
		if p, ok := findPermission(name); ok && p.delegated {
			a.orgScopes[strings.ToLower(p.name)] = true
		}
	}
	a.consentRoles()
}

// consentRoles grants the application permissions listed. Names that exist for
// signed-in people only ("Calendars.Read.Shared") cannot be listed there in the
// portal and count for nothing.
func (a *app) consentRoles() {
	for _, name := range a.reg.Application {
		if p, ok := findPermission(name); ok && p.app {
			a.roles[p.name] = true
		}
	}
}

// RevokeConsent takes every consent back. Tokens already issued keep what they
// carry until they expire, as in Entra.
func (s *Server) RevokeConsent(clientID string) error {
	return s.changeApp(clientID, func(a *app) {
		clear(a.orgScopes)
		clear(a.userScopes)
		clear(a.roles)
	})
}

// ScopeApp grants an application permission for the named mailboxes alone, as
// RBAC for Applications in Exchange does: no role appears in the token.
func (s *Server) ScopeApp(clientID, permission string, mailboxes ...string) error {
	return s.changeApp(clientID, func(a *app) {
		for _, m := range mailboxes {
			m = strings.ToLower(m)
			if a.scoped[m] == nil {
				a.scoped[m] = map[string]bool{}
			}
			a.scoped[m][permission] = true
		}
	})
}

// RestrictApp limits the application to the named mailboxes with an application
// access policy ("Access to OData is disabled."); without mailboxes the policy
// is removed.
func (s *Server) RestrictApp(clientID string, mailboxes ...string) error {
	return s.changeApp(clientID, func(a *app) {
		a.restricted = nil
		for _, m := range mailboxes {
			if a.restricted == nil {
				a.restricted = map[string]bool{}
			}
			a.restricted[strings.ToLower(m)] = true
		}
	})
}

// AddUser adds an account with a mailbox of its own and returns its object id.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(u).id
}

func (s *Server) addUser(u User) *user {
	if !strings.Contains(u.Address, "@") {
		u.Address += "@" + domainName
	}
	u.Address = strings.ToLower(u.Address)
	added := &user{User: u, id: stableID("user", u.Address)}
	s.tenant.users[u.Address] = added
	if !u.Foreign && s.byName[u.Address] == nil {
		s.addMailbox(Room{Email: u.Address, Name: u.Name}, added)
	}
	return added
}

// RevokeSessions voids the refresh tokens a person has been given so far
// (AADSTS50173) and signs their browsers out.
func (s *Server) RevokeSessions(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.tenant.users[strings.ToLower(address)]
	if u == nil {
		return fmt.Errorf("%w: user %s", ErrUnknown, address)
	}
	u.revokedBefore = s.clock()
	for k, v := range s.tenant.sessions {
		if v == u {
			delete(s.tenant.sessions, k)
		}
	}
	return nil
}

// SpellScopesWithResource makes token answers name every scope as
// "<resource>/<scope>" (true) or as the client spelled it (false, the start).
func (s *Server) SpellScopesWithResource(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenant.urlScope = on
}

// SetTokenLife fixes the life of access tokens issued from now on; 0 brings
// the random 60 to 90 minutes back.
func (s *Server) SetTokenLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenant.life = d
}

// certificateFor finds the registered certificate with one of the two
// thumbprints of an assertion's header (x5t#S256 or the older x5t).
func (a *app) certificateFor(match func(*x509.Certificate) bool) *x509.Certificate {
	for _, der := range a.reg.Certificates {
		if c, err := x509.ParseCertificate(der); err == nil && match(c) {
			return c
		}
	}
	return nil
}

// newID returns a random GUID.
func newID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return guid(b)
}

// stableID returns the same GUID for the same words.
func stableID(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return guid(sum[:16])
}

func guid(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// newSecret returns a random value in the alphabet and length of Entra's
// client secrets, with the tilde that tells them from a GUID.
func newSecret() string {
	b := make([]byte, 30)
	rand.Read(b)
	v := strings.NewReplacer("+", ".", "/", "_").Replace(base64.StdEncoding.EncodeToString(b))
	return v[:3] + "8Q~" + v[3:37]
}

// tenantOf is the tenant of whoever calls.
func (c *call) tenantOf() *tenant { return &c.tenant }
