package admin

import (
	"net/http"
	"slices"

	"doorleaf/gateway/connection"
)

type integrationView struct {
	*page
	Configured bool
	Connected  bool
	Mark       mark
	State      string
}

// office365 returns the first connection, a zero one when none is stored.
func (s *server) office365(v *visit) (connection.Connection, error) {
	list, err := s.store.Connections(v.Context())
	if err != nil || len(list) == 0 {
		return connection.Connection{}, err
	}
	return slices.MinFunc(list, func(a, b connection.Connection) int { return int(a.ID - b.ID) }), nil
}

func (s *server) showIntegration(w http.ResponseWriter, v *visit) error {
	return s.renderIntegration(w, v, "integration", "integration.title")
}

func (s *server) showIntegrationSettings(w http.ResponseWriter, v *visit) error {
	return s.renderIntegration(w, v, "integrations", "integrations.title")
}

func (s *server) renderIntegration(w http.ResponseWriter, v *visit, template, title string) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policyConnect)
	p := s.newPage(v, title, "settings")
	view := &integrationView{page: p, Configured: c.Settings.ClientID != "", Connected: c.State.Mode != connection.NotConnected}
	view.Mark, view.State = p.connectionMark(c)
	return s.render(w, v, http.StatusOK, template, view)
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
	case c.State.Mode == connection.Delegated:
		return p.mark("limited"), p.T("office.state.delegated")
	}
	if len(c.State.Lost) > 0 {
		return p.mark("limited"), p.T("office.state.app")
	}
	return p.mark("ok"), p.T("office.state.app")
}
