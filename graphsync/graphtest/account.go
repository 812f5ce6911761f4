package graphtest

import "strings"

// settle finds the enterprise application for who signs in, or the reason why
// this account may not.
func (s *Server) settle(f *flow, u *user) *aadsts {
	switch {
	case u.Foreign, f.tenant != nil && f.tenant != u.tenant:
		return errForeignAccount(u.Address)
	case u.Personal && (f.workOnly || !f.app.reg.takesPersonal()):
		return errPersonalAccount(u.Address)
	}
	a := u.tenant.enterprise(f.app.ClientID)
	switch {
	case a == nil:
		return errUnknownApp(f.app.ClientID)
	case a.disabled:
		return errAppDisabled(a)
	}
	f.app = a
	return nil
}

// install puts the enterprise application into the tenant of who consents.
func (f *flow) install() {
	t := f.app.tenant
	if have := t.apps[f.app.ClientID]; have != nil {
		f.app = have
		return
	}
	t.apps[f.app.ClientID] = f.app
}

// takesPersonal tells whether consumer accounts may sign in.
func (r *registration) takesPersonal() bool { return r.MultiTenant && r.Personal }

// ownTenant names the tenant of an application, "" for none.
func (s *Server) ownTenant(a *app) string {
	if a == nil {
		return ""
	}
	return a.reg.home.id
}

// hosts tells whether an address is in a domain of one of the tenants.
func (s *Server) hosts(email string) bool {
	for _, t := range s.tenants {
		if strings.HasSuffix(email, "@"+t.domain) {
			return true
		}
	}
	return false
}
