package admin

import (
	"context"
	"net/http"
	"strings"

	"doorleaf/gateway/connection"
)

type integrationView struct {
	*page
	Organisations []organisationRow
	CanAdd        bool
	Tenants       string // one per line
	TenantsBad    bool
}

// organisationRow is one organisation in the list of integrations.
type organisationRow struct {
	Name       string // "Office 365" alone where there is one organisation only
	Org        string // as addresses name it, "" for the only one
	Configured bool
	Connected  bool
	Mark       mark
	State      string
}

func (r organisationRow) At(path string) string { return withOrg(path, r.Org) }

func (s *server) showIntegration(w http.ResponseWriter, v *visit) error {
	view, err := s.integration(v, "integration.title")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policyConnect)
	return s.render(w, v, http.StatusOK, "integration", view)
}

func (s *server) showIntegrationSettings(w http.ResponseWriter, v *visit) error {
	view, err := s.integration(v, "integrations.title")
	if err != nil {
		return err
	}
	return s.render(w, v, http.StatusOK, "integrations", view)
}

func (s *server) integration(v *visit, title string) (*integrationView, error) {
	list, err := s.organisations(v.Context())
	if err != nil {
		return nil, err
	}
	site, err := s.store.Site(v.Context())
	if err != nil {
		return nil, err
	}
	view := &integrationView{page: s.newPage(v, title, "settings"), Tenants: strings.Join(site.Tenants, "\n")}
	view.CanAdd = len(list) > 0 && len(list) < maxOrganisations
	if len(list) == 0 {
		list = []connection.Connection{{}}
	}
	for _, c := range list {
		row := organisationRow{Name: "Office 365", Configured: c.Settings.ClientID != "", Connected: c.State.Mode != connection.NotConnected}
		if len(list) > 1 {
			row.Name, row.Org = "Office 365 · "+view.orgName(c), orgText(c.ID)
		}
		row.Mark, row.State = view.connectionMark(c)
		view.Organisations = append(view.Organisations, row)
	}
	return view, nil
}

// connectionMark says in a word how a connection is.
func (p *page) connectionMark(c connection.Connection) (mark, string) {
	switch {
	case c.Settings.ClientID == "":
		return p.mark("todo"), p.T("office.state.empty")
	case c.State.Mode == connection.NotConnected:
		return p.mark("todo"), p.T("office.state.entered")
	case c.State.Problem != nil:
		return p.mark("bad"), p.T("office.state.problem", p.When(c.State.Problem.Since))
	case c.State.Mode == connection.Delegated && c.Settings.Access == connection.Delegated:
		return p.mark("ok"), p.T("office.state.delegated")
	case c.State.Mode == connection.Delegated:
		return p.mark("limited"), p.T("office.state.delegated")
	}
	if len(c.State.Lost) > 0 {
		return p.mark("limited"), p.T("office.state.app")
	}
	return p.mark("ok"), p.T("office.state.app")
}

// maxTenants bounds the list of organisations that may be connected.
const maxTenants = 200

// saveTenants stores which organisations may be connected; none means any.
func (s *server) saveTenants(w http.ResponseWriter, v *visit) error {
	text := v.PostForm.Get("tenants")
	list := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
	bad := len(list) > maxTenants
	for _, t := range list {
		bad = bad || !connection.IsGUID(t)
	}
	if bad {
		view, err := s.integration(v, "integration.title")
		if err != nil {
			return err
		}
		view.Tenants, view.TenantsBad = text, true
		w.Header().Set("Content-Security-Policy", policyConnect)
		return s.render(w, v, http.StatusUnprocessableEntity, "integration", view)
	}
	if err := s.setTenants(v.Context(), list); err != nil {
		return err
	}
	s.log.Info("list of allowed tenants saved", "count", len(list))
	s.done(w, "saved")
	return s.see(w, v, "/m/settings/integration")
}

func (s *server) setTenants(ctx context.Context, list []string) error {
	site, err := s.store.Site(ctx)
	if err != nil {
		return err
	}
	site.Tenants = list
	return s.store.SetSite(ctx, site)
}
