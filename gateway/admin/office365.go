package admin

import (
	"net/http"

	"doorleaf/gateway/connection"
)

const office365Page = "/m/settings/integration/office365"

// office365View is the page about one organisation.
type office365View struct {
	*page
	Name        string // of the organisation, "" while there is only one
	Tabs        []tab
	Configured  bool
	Connected   bool
	Delegated   bool
	AppOnly     bool // the way that was chosen, whatever works now
	Mark        mark
	State       string
	Fault       string
	FaultCode   string
	FaultSince  timeText
	Account     string
	Tenant      string
	Cloud       string
	ConnectedAt timeText
	CheckedAt   timeText
	Lost        []lostRight
	Checks      []checkLine
	CheckedNow  timeText
	RedirectURI string
	Rooms       int
	Mail        mailView
	MailBack    string // page that the form for the mail comes back to, "" for this one
	NameField   string
}

// lostRight is a permission the mode in use lacks and what does not work
// without it.
type lostRight struct{ Name, Effect string }

// tab is one page of several about the same thing.
type tab struct {
	Href, Text string
	Current    bool
}

// tabs lead to the pages about an organisation.
func (p *page) tabs(current string) []tab {
	var list []tab
	for _, name := range []string{"connection", "check", "limit", "lifetimes", "traffic"} {
		path := office365Page
		if name != "connection" {
			path += "/" + name
		}
		list = append(list, tab{Href: p.At(path), Text: p.T("tab." + name), Current: name == current})
	}
	return list
}

// entered returns the organisation of a visit for pages that make sense only
// when something is entered; they send back to the first page otherwise.
func (s *server) entered(w http.ResponseWriter, v *visit) (c connection.Connection, ok bool, err error) {
	c, err = s.office365(v)
	if err == nil && c.Settings.ClientID == "" {
		return c, false, s.see(w, v, v.at(office365Page))
	}
	return c, err == nil, err
}

// orgTitle is the name of the organisation where there are several.
func (s *server) orgTitle(p *page, c connection.Connection) (string, error) {
	list, err := s.organisations(p.v.Context())
	if err != nil || len(list) < 2 {
		return c.Settings.Name, err
	}
	return p.orgName(c), nil
}

func (s *server) showOffice365(w http.ResponseWriter, v *visit) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	rooms, err := s.store.Rooms(v.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policyConnect)
	p := s.newPage(v, "office.title", "settings")
	p.Live = true
	view := &office365View{
		page: p, Configured: c.Settings.ClientID != "", Connected: c.State.Mode != connection.NotConnected,
		Delegated: c.State.Mode == connection.Delegated, AppOnly: c.Settings.Access != connection.Delegated,
		Account: c.State.Account, Tenant: c.State.TenantID,
		Cloud: p.T("cloud." + string(c.Settings.Cloud)), ConnectedAt: p.Time(c.State.ConnectedAt), CheckedAt: p.Time(c.State.CheckedAt),
		RedirectURI: s.redirectURI(), NameField: c.Settings.Name,
	}
	if view.Name, err = s.orgTitle(p, c); err != nil {
		return err
	}
	if view.Configured {
		view.Tabs = p.tabs("connection")
	}
	for _, r := range rooms {
		if !r.Gone && (r.Source == 0 || r.Source == int64(c.ID)) {
			view.Rooms++
		}
	}
	view.Mark, view.State = p.connectionMark(c)
	if pr := c.State.Problem; pr != nil {
		view.Fault, view.FaultCode, view.FaultSince = p.problemText(*pr), pr.Code, p.Time(pr.Since)
	}
	for _, l := range c.State.Lost {
		effect := p.T("lost.other")
		if key := "lost." + string(l); p.knows(key) {
			effect = p.T(key)
		}
		view.Lost = append(view.Lost, lostRight{Name: string(l), Effect: effect})
	}
	known := s.notes.get(c.ID, v.now)
	view.CheckedNow, view.Checks = p.Time(known.probe.at), p.checkLines(known.probe.checks)
	view.Mail = p.mail(known.link)
	return s.render(w, v, http.StatusOK, "office365", view)
}
