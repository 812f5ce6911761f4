package admin

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// newOrganisation in place of a number means one that is not stored yet.
const newOrganisation = "new"

// maxOrganisations bounds how many are looked after by one gateway.
const maxOrganisations = 50

// organisations are all connections, the first one first.
func (s *server) organisations(ctx context.Context) ([]connection.Connection, error) {
	list, err := s.store.Connections(ctx)
	slices.SortFunc(list, func(a, b connection.Connection) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// org is the organisation that a request names by its number, "" for the first.
func (v *visit) org() string {
	if org := v.PostForm.Get("org"); org != "" {
		return org
	}
	return v.URL.Query().Get("org")
}

// office365 returns the connection a request is about, a zero one when there is
// none yet.
func (s *server) office365(v *visit) (connection.Connection, error) {
	list, err := s.organisations(v.Context())
	if err != nil {
		return connection.Connection{}, err
	}
	switch org := v.org(); {
	case org == newOrganisation || org == "" && len(list) == 0:
		return connection.Connection{}, nil
	case org == "":
		return list[0], nil
	default:
		id, err := strconv.ParseInt(org, 10, 64)
		i := slices.IndexFunc(list, func(c connection.Connection) bool { return err == nil && c.ID == connection.ID(id) })
		if i < 0 {
			return connection.Connection{}, gateway.ErrNotFound
		}
		return list[i], nil
	}
}

// at is the address of a page about the organisation of the visit.
func (v *visit) at(path string) string { return withOrg(path, v.org()) }

// withOrg adds an organisation to an address, before its fragment.
func withOrg(path, org string) string {
	if org == "" {
		return path
	}
	path, fragment, found := strings.Cut(path, "#")
	path += "?org=" + url.QueryEscape(org)
	if found {
		path += "#" + fragment
	}
	return path
}

// At is the address of a page about the organisation that is looked at.
func (p *page) At(path string) string { return p.v.at(path) }

// Org is the organisation that is looked at, as addresses name it.
func (p *page) Org() string { return p.v.org() }

// orgText is how a connection is addressed.
func orgText(id connection.ID) string { return strconv.FormatInt(int64(id), 10) }

// orgName is what people call the organisation of a connection: the name given
// to it, else its domain, else its tenant.
func (p *page) orgName(c connection.Connection) string {
	_, domain, _ := strings.Cut(c.State.Account, "@")
	tenant := c.Settings.Tenant
	if connection.IsGUID(tenant) {
		tenant = ""
	}
	if name := cmp.Or(c.Settings.Name, tenant, domain, c.Settings.Tenant, c.State.TenantID); name != "" {
		return name
	}
	return p.T("org.number", int(c.ID))
}

// validName reports whether a name for an organisation or a sign can be used.
func validName(name string) bool {
	return len([]rune(name)) <= 80 && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// renameOffice365 gives an organisation another name, "" for that of its tenant.
func (s *server) renameOffice365(w http.ResponseWriter, v *visit) error {
	name := v.field("name")
	if !validName(name) {
		return errBadRequest
	}
	return s.onOffice365(w, v, office365Page, "renamed", func(v *visit, id connection.ID) error {
		c, err := s.store.Connection(v.Context(), id)
		if err != nil {
			return err
		}
		c.Settings.Name = name
		_, err = s.store.SaveSettings(v.Context(), id, c.Settings)
		return err
	})
}

type removeView struct {
	*page
	Name  string
	Rooms int
	Signs int
}

// askRemoveOffice365 says what removing an organisation takes away.
func (s *server) askRemoveOffice365(w http.ResponseWriter, v *visit) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	if c.ID == 0 {
		return gateway.ErrNotFound
	}
	view := &removeView{page: s.newPage(v, "org.remove.title", "settings")}
	view.Name = view.orgName(c)
	rooms, err := s.store.Rooms(v.Context())
	if err != nil {
		return err
	}
	signs, err := s.store.Signs(v.Context())
	if err != nil {
		return err
	}
	for _, r := range rooms {
		if r.Source != int64(c.ID) {
			continue
		}
		view.Rooms++
		for _, sign := range signs {
			if sign.Room == r.ID {
				view.Signs++
			}
		}
	}
	return s.render(w, v, http.StatusOK, "remove", view)
}

// removeOffice365 forgets an organisation with its secrets; its rooms are kept
// as gone, so that signs can be moved to others.
func (s *server) removeOffice365(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, "/m/settings/integration", "org-removed", func(v *visit, id connection.ID) error {
		ctx, cancel := detached(v.Context(), calendarTime)
		defer cancel()
		if err := s.calendars.Remove(ctx, id); err != nil {
			return err
		}
		s.notes.forget(id)
		return s.core.SiteChanged(ctx)
	})
}
