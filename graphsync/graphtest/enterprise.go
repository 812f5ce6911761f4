package graphtest

import (
	"fmt"
	"strings"
)

// app is an enterprise application: a registration as one tenant knows it.
type app struct {
	App
	tenant     *Tenant
	reg        *registration
	disabled   bool
	orgScopes  map[string]bool            // delegated consent for everybody
	userScopes map[string]map[string]bool // delegated consent by user id
	roles      map[string]bool            // application permissions consented
	scoped     map[string]map[string]bool // RBAC: mailbox -> permission
	roomScope  map[string]bool            // RBAC: permissions on every room mailbox
	restricted map[string]bool            // application access policy; nil: none
	challenge  string                     // what tokens of capable clients have to answer, "" for nothing
	challenged int                        // times so far
}

// newApp makes the enterprise application of a registration.
func (t *Tenant) newApp(reg *registration, objectID string) *app {
	return &app{
		App:    App{Name: reg.Name, ClientID: reg.clientID, ObjectID: objectID},
		tenant: t, reg: reg, orgScopes: map[string]bool{}, userScopes: map[string]map[string]bool{},
		roles: map[string]bool{}, scoped: map[string]map[string]bool{}, roomScope: map[string]bool{},
	}
}

// enterprise finds the enterprise application, or makes one that the tenant does
// not have yet. Nil: there is no such registration, or it is for another tenant
// alone.
func (t *Tenant) enterprise(clientID string) *app {
	clientID = strings.ToLower(clientID)
	if a := t.apps[clientID]; a != nil {
		return a
	}
	reg := t.s.registrations[clientID]
	if reg == nil || !reg.MultiTenant || (t.id == consumerTenant && !reg.Personal) {
		return nil
	}
	return t.newApp(reg, newID())
}

// changeApp runs change on an enterprise application of the tenant.
func (t *Tenant) changeApp(clientID string, change func(*app)) error {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	a := t.apps[strings.ToLower(clientID)]
	if a == nil {
		return fmt.Errorf("%w: application %s", ErrUnknown, clientID)
	}
	change(a)
	return nil
}

// Enterprise returns the application as the tenant knows it: its ObjectID is the
// one that RBAC for Applications asks for. It has no secret.
func (t *Tenant) Enterprise(clientID string) (App, error) {
	var found App
	err := t.changeApp(clientID, func(a *app) { found = a.App })
	return found, err
}

// RemoveApp deletes the enterprise application with all consents; the
// registration stays where it is.
func (t *Tenant) RemoveApp(clientID string) error {
	return t.changeApp(clientID, func(a *app) { delete(t.apps, a.ClientID) })
}

// ScopeAppToRooms grants application permissions for every room mailbox of the
// tenant and nothing else, as a scope "RecipientTypeDetails -eq 'RoomMailbox'"
// does. No role appears in the token.
func (t *Tenant) ScopeAppToRooms(clientID string, permissions ...string) error {
	return t.changeApp(clientID, func(a *app) {
		for _, p := range permissions {
			a.roomScope[p] = true
		}
	})
}

// scopedTo tells whether Exchange lets the application use one of the
// permissions on a mailbox without a role in the token.
func (a *app) scopedTo(box *Calendar, permissions ...string) bool {
	for _, p := range permissions {
		if a.scoped[strings.ToLower(box.room.Email)][p] || (box.person == nil && a.roomScope[p]) {
			return true
		}
	}
	return false
}

// DisableApp switches sign-in of the application off (AADSTS7000112) or on.
func (t *Tenant) DisableApp(clientID string, disabled bool) error {
	return t.changeApp(clientID, func(a *app) { a.disabled = disabled })
}

// Consent grants every permission listed in the registration for the whole
// organization, as "Grant admin consent" in the portal does.
// In a tenant other than the application's own that makes the enterprise
// application first.
func (t *Tenant) Consent(clientID string) error {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	a := t.enterprise(clientID)
	if a == nil {
		return fmt.Errorf("%w: application %s", ErrUnknown, clientID)
	}
	t.apps[a.ClientID] = a
	a.consentAll()
	return nil
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
func (t *Tenant) RevokeConsent(clientID string) error {
	return t.changeApp(clientID, func(a *app) {
		clear(a.orgScopes)
		clear(a.userScopes)
		clear(a.roles)
	})
}

// ScopeApp grants an application permission for the named mailboxes alone, as
// RBAC for Applications in Exchange does: no role appears in the token.
func (t *Tenant) ScopeApp(clientID, permission string, mailboxes ...string) error {
	return t.changeApp(clientID, func(a *app) {
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
func (t *Tenant) RestrictApp(clientID string, mailboxes ...string) error {
	return t.changeApp(clientID, func(a *app) {
		a.restricted = nil
		for _, m := range mailboxes {
			if a.restricted == nil {
				a.restricted = map[string]bool{}
			}
			a.restricted[strings.ToLower(m)] = true
		}
	})
}
