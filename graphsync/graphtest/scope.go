package graphtest

import (
	"slices"
	"strings"
)

// permission is one Graph permission as the consent page shows it. The sets
// and the need for an administrator follow learn.microsoft.com/graph/permissions-reference.
type permission struct {
	name, text string
	delegated  bool
	adminOnly  bool // as delegated permission
	app        bool
}

func permissions() []permission {
	return []permission{
		{"openid", "Sign you in", true, false, false},
		{"profile", "View your basic profile", true, false, false},
		{"email", "View your email address", true, false, false},
		{"offline_access", "Maintain access to data you have given it access to", true, false, false},
		{"User.Read", "Sign you in and read your profile", true, false, false},
		{"User.ReadBasic.All", "Read all users' basic profiles", true, false, true},
		{"User.Read.All", "Read all users' full profiles", true, true, true},
		{"Calendars.ReadBasic", "Read basic details of your calendars", true, false, false},
		{"Calendars.ReadBasic.All", "Read basic details of calendars in all mailboxes", false, false, true},
		{"Calendars.Read", "Read calendars", true, false, true},
		{"Calendars.Read.Shared", "Read calendars you can access", true, false, false},
		{"Calendars.ReadWrite", "Have full access to calendars", true, false, true},
		{"Calendars.ReadWrite.Shared", "Read and write calendars you can access", true, false, false},
		{"Place.Read.All", "Read all company places", true, true, true},
		{"Place.ReadWrite.All", "Read and write all company places", true, true, true},
		{"Contacts.Read", "Read contacts", true, false, true},
		{"Directory.Read.All", "Read directory data", true, true, true},
		{"Files.Read.All", "Read all files", true, false, true},
		{"Group.Read.All", "Read all groups", true, true, true},
		{"Mail.Read", "Read mail", true, false, true},
		{"Mail.ReadWrite", "Read and write mail", true, false, true},
		{"Mail.Send", "Send mail", true, false, true},
		{"MailboxSettings.Read", "Read mailbox settings", true, false, true},
	}
}

// findPermission looks a permission up, ignoring case as Entra does.
func findPermission(name string) (permission, bool) {
	for _, p := range permissions() {
		if strings.EqualFold(p.name, name) {
			return p, true
		}
	}
	return permission{}, false
}

// scopes is a parsed scope parameter.
type scopes struct {
	spelled  []string // resource scopes as the client spelled them
	names    []string // the same without resource, in Graph's spelling; no ".default"
	oidc     []string // openid, profile, email, offline_access
	resource string   // where the access token is for
	standard bool     // "<resource>/.default" was asked
}

func (c *scopes) has(oidc string) bool { return slices.Contains(c.oidc, oidc) }

// all lists what needs consent.
func (c *scopes) all() []string { return append(slices.Clone(c.oidc), c.names...) }

// splitScope separates "https://host/Name" into resource and name; ok is false
// for a resource that is not Graph.
func (s *Server) splitScope(word string) (resource, name string, ok bool) {
	at := strings.LastIndexByte(word, '/')
	if at < 0 {
		return "", word, true
	}
	resource, name = strings.TrimSuffix(word[:at], "/"), word[at+1:]
	switch {
	case strings.EqualFold(resource, graphResource), strings.EqualFold(resource, s.base), resource == graphAppID:
		return resource, name, true
	}
	return resource, name, false
}

// parseScopes reads a scope parameter of the delegated flows.
func (s *Server) parseScopes(a *app, text string) (*scopes, *aadsts) {
	c := &scopes{}
	for _, word := range strings.Fields(text) {
		resource, name, ok := s.splitScope(word)
		if !ok {
			return nil, errUnknownResource(resource)
		}
		if name == "" {
			return nil, errBadScope(word)
		}
		switch lower := strings.ToLower(name); lower {
		case "openid", "profile", "email", "offline_access":
			if !c.has(lower) {
				c.oidc = append(c.oidc, lower)
			}
			continue
		case ".default":
			c.standard = true
		default:
			p, known := findPermission(name)
			if !known || !p.delegated {
				return nil, errNoSuchScope(a, name)
			}
			c.names = append(c.names, p.name)
		}
		c.spelled = append(c.spelled, word)
		if resource != "" {
			c.resource = resource
		}
	}
	if len(c.spelled) == 0 && len(c.oidc) == 0 {
		return nil, errMissing("scope")
	}
	if c.standard {
		if len(c.names) > 0 { // ".default" does not mix with single permissions
			return nil, errBadScope(text)
		}
		for _, listed := range a.reg.Delegated {
			if p, known := findPermission(listed); known && p.delegated {
				c.names = append(c.names, p.name)
			}
		}
	}
	if c.resource == "" {
		c.resource = graphResource
	}
	return c, nil
}

// consented tells whether a delegated permission is granted to the app for the
// person or for everybody. The OpenID scopes ride along with any consent.
func (a *app) consented(u *user, name string) bool {
	own := a.userScopes[u.id]
	switch name {
	case "openid", "profile", "email", "offline_access":
		return len(a.orgScopes) > 0 || len(own) > 0
	}
	name = strings.ToLower(name)
	return a.orgScopes[name] || own[name]
}

// granted lists the Graph permissions a person's token carries, sorted.
func (a *app) granted(u *user) []string {
	var names []string
	for _, p := range permissions() {
		if p.delegated && strings.Contains(p.name, ".") && a.consented(u, p.name) {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// echo is the scope member of a token answer: what was asked as it was spelled
// (MSAL refuses the answer otherwise), then what else the token carries.
// offline_access is never named, as in Entra.
func (s *Server) echo(a *app, u *user, c *scopes) string {
	var out []string
	seen := map[string]bool{}
	add := func(word, name string) {
		if key := strings.ToLower(name); !seen[key] {
			seen[key] = true
			out = append(out, word)
		}
	}
	for _, word := range c.spelled {
		_, name, _ := s.splitScope(word)
		if name != ".default" && !a.consented(u, name) {
			continue
		}
		if s.signIns.urlScope {
			word = c.resource + "/" + name
		}
		add(word, name)
	}
	for _, name := range a.granted(u) {
		add(c.resource+"/"+name, name)
	}
	for _, name := range c.oidc {
		if name != "offline_access" {
			add(name, name)
		}
	}
	return strings.Join(out, " ")
}
