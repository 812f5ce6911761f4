package graphtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
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
	Personal     bool     // with MultiTenant: consumer accounts may sign in, too
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
	Foreign  bool // lives in a tenant that is not here: signs in and is refused (AADSTS50020)
	Personal bool // a consumer account: tenant 9188040d-..., no mailbox
}

// Tenant is one organization's directory, with its people, rooms and enterprise
// applications. The server starts with one (Home).
type Tenant struct {
	s      *Server
	id     string
	domain string
	name   string
	// Guarded by Server.mu:
	apps  map[string]*app // enterprise applications by client id
	rooms []*Calendar     // in order of addition
}

// signIns are what Entra remembers of sign-ins, over all tenants. Its fields are
// guarded by Server.mu.
type signIns struct {
	sessions map[string]*user // browser sessions by cookie value
	flows    map[string]*flow // sign-ins under way by hidden field
	codes    map[string]*grant
	refresh  map[string]*grant
	order    []string // keys of flows, codes and refresh tokens, oldest first
	urlScope bool     // token answers spell every scope with its resource
	life     time.Duration
}

type user struct {
	User
	tenant        *Tenant
	id            string
	revokedBefore time.Time // refresh tokens issued earlier are void
}

func newSignIns() signIns {
	return signIns{
		sessions: map[string]*user{}, flows: map[string]*flow{},
		codes: map[string]*grant{}, refresh: map[string]*grant{},
	}
}

// TenantID is the home directory's GUID.
func (s *Server) TenantID() string { return s.home.id }

// RevokeSessions voids the refresh tokens a person has been given so far
// (AADSTS50173) and signs their browsers out.
func (s *Server) RevokeSessions(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[strings.ToLower(address)]
	if u == nil {
		return fmt.Errorf("%w: user %s", ErrUnknown, address)
	}
	u.revokedBefore = s.clock()
	for k, v := range s.signIns.sessions {
		if v == u {
			delete(s.signIns.sessions, k)
		}
	}
	return nil
}

// SpellScopesWithResource makes token answers name every scope as
// "<resource>/<scope>" (true) or as the client spelled it (false, the start).
func (s *Server) SpellScopesWithResource(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signIns.urlScope = on
}

// SetTokenLife fixes the life of access tokens issued from now on; 0 brings
// the random 60 to 90 minutes back.
func (s *Server) SetTokenLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signIns.life = d
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
