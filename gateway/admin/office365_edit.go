package admin

import (
	"errors"
	"net/http"
	"strings"

	"doorleaf/gateway/connection"
)

type office365EditView struct {
	*page
	ClientID    string
	HasSecret   bool
	Tenant      string
	Cloud       string
	LoginURL    string
	GraphURL    string
	Clouds      []option
	Custom      connection.Endpoints
	RedirectURI string
	Problems    problems
}

// editOffice365 shows the form for the values of the app registration. A stored
// secret is never sent to a browser.
func (s *server) editOffice365(w http.ResponseWriter, v *visit) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	set := c.Settings
	if c.ID == 0 || set.Cloud == "" {
		set.Cloud = connection.Global
		if s.custom.Login != "" || s.custom.Graph != "" {
			set.Cloud = connection.Custom
		}
	}
	return s.renderOffice365Edit(w, v, http.StatusOK, set, set.ClientSecret != "", nil)
}

func (s *server) renderOffice365Edit(w http.ResponseWriter, v *visit, status int, set connection.Settings, hasSecret bool, pr problems) error {
	p := s.newPage(v, "office.edit.title", "settings")
	view := &office365EditView{
		page: p, ClientID: set.ClientID, HasSecret: hasSecret, Tenant: set.Tenant, Cloud: string(set.Cloud),
		LoginURL: set.LoginURL, GraphURL: set.GraphURL, Custom: s.custom, RedirectURI: s.redirectURI(), Problems: pr,
	}
	if view.LoginURL == "" {
		view.LoginURL = s.custom.Login
	}
	if view.GraphURL == "" {
		view.GraphURL = s.custom.Graph
	}
	for _, c := range connection.Clouds() {
		view.Clouds = append(view.Clouds, option{Value: string(c), Label: p.T("cloud." + string(c))})
	}
	return s.render(w, v, status, "office365_edit", view)
}

// saveOffice365 checks and stores the values. An empty secret keeps the stored
// one; nothing is stored when a value cannot be right.
func (s *server) saveOffice365(w http.ResponseWriter, v *visit) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	set := connection.Settings{
		Cloud: connection.Cloud(v.field("cloud")), Tenant: v.field("tenant"), ClientID: v.field("client-id"),
		ClientSecret: v.field("client-secret"),
	}
	if set.Cloud == connection.Custom {
		set.LoginURL, set.GraphURL = strings.TrimRight(v.field("login-url"), "/"), strings.TrimRight(v.field("graph-url"), "/")
	}
	hasSecret := c.Settings.ClientSecret != ""
	if set.ClientSecret == "" {
		set.ClientSecret = c.Settings.ClientSecret
	}
	if err := s.calendars.CheckSettings(set); err != nil {
		var fault *connection.Error
		if !errors.As(err, &fault) {
			return err
		}
		p := s.newPage(v, "", "")
		pr := problems{}
		pr.add(p, fieldOf(fault.Kind), "error."+string(fault.Kind))
		return s.renderOffice365Edit(w, v, http.StatusUnprocessableEntity, set, hasSecret, pr)
	}
	if _, err := s.store.SaveSettings(v.Context(), c.ID, set); err != nil {
		return err
	}
	s.log.Info("integration settings saved", "connection", c.ID)
	s.done(w, "office-saved")
	return s.see(w, v, office365Page)
}

// fieldOf is the field of the form that an error is about.
func fieldOf(k connection.Kind) string {
	switch k {
	case connection.BadClientID:
		return "client-id"
	case connection.BadTenant:
		return "tenant"
	case connection.WrongCloud:
		return "cloud"
	}
	return "client-secret"
}
