package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

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
		return p.mark("ok"), p.T("office.state.delegated")
	}
	return p.mark("ok"), p.T("office.state.app")
}

type office365View struct {
	*page
	Configured  bool
	Connected   bool
	Delegated   bool
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
}

// lostRight is a permission the mode in use lacks and what does not work
// without it.
type lostRight struct{ Name, Effect string }

// checkLine is one line of a connection test.
type checkLine struct {
	Mark mark
	Text string
	Why  string
	Code string
}

// probeResult is the last connection test of a connection.
type probeResult struct {
	at     time.Time
	checks []connection.Check
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
		Delegated: c.State.Mode == connection.Delegated, Account: c.State.Account, Tenant: c.State.TenantID,
		Cloud: p.T("cloud." + string(c.Settings.Cloud)), ConnectedAt: p.Time(c.State.ConnectedAt), CheckedAt: p.Time(c.State.CheckedAt),
		RedirectURI: s.redirectURI(),
	}
	for _, r := range rooms {
		if !r.Gone {
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
	s.probeMu.Lock()
	probe, probed := s.probes[c.ID]
	s.probeMu.Unlock()
	if probed && v.now.Sub(probe.at) < time.Hour {
		view.CheckedNow = p.Time(probe.at)
		view.Checks = p.checkLines(probe.checks)
	}
	return s.render(w, v, http.StatusOK, "office365", view)
}

func (p *page) checkLines(checks []connection.Check) []checkLine {
	var lines []checkLine
	for _, c := range checks {
		line := checkLine{Mark: p.mark("ok"), Text: p.T("check." + c.Name)}
		if c.Room != "" {
			line.Text = p.T("check."+c.Name+".room", c.Room)
		}
		if !c.OK {
			line.Mark = p.mark("bad")
			if c.Problem != nil {
				line.Why, line.Code = p.problemText(*c.Problem), c.Problem.Code
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// onOffice365 runs an action on the stored connection. Errors about the
// connection become a sentence on the page at back; others are ours.
func (s *server) onOffice365(w http.ResponseWriter, v *visit, back, what string, act func(*visit, connection.ID) error) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	if c.ID == 0 {
		err = &connection.Error{Kind: connection.NotConfigured, Op: what}
	} else {
		err = act(v, c.ID)
	}
	var fault *connection.Error
	switch {
	case errors.As(err, &fault):
		s.failed(w, err)
	case err != nil:
		return err
	case what != "":
		s.done(w, what)
	}
	return s.see(w, v, back)
}

const office365Page = "/m/settings/integration/office365"

// leave sends the browser to a sign-in elsewhere with the cookie that lets only
// this browser come back.
func (s *server) leave(w http.ResponseWriter, v *visit, begin func(connection.ID) (connection.Redirect, error)) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	var to connection.Redirect
	if c.ID == 0 {
		err = &connection.Error{Kind: connection.NotConfigured, Op: "connect"}
	} else {
		to, err = begin(c.ID)
	}
	var fault *connection.Error
	if errors.As(err, &fault) {
		s.failed(w, err)
		return s.see(w, v, office365Page)
	}
	if err != nil {
		return err
	}
	s.setCookie(w, "connect", to.Cookie, attemptLife)
	w.Header().Set("Content-Security-Policy", policyConnect)
	http.Redirect(w, v.Request, to.URL, http.StatusSeeOther)
	return nil
}

// attemptLife is how long a sign-in elsewhere may take.
const attemptLife = 15 * time.Minute

func (s *server) connectOffice365(w http.ResponseWriter, v *visit) error {
	return s.leave(w, v, func(id connection.ID) (connection.Redirect, error) { return s.calendars.Connect(v.Context(), id) })
}

func (s *server) consentOffice365(w http.ResponseWriter, v *visit) error {
	return s.leave(w, v, func(id connection.ID) (connection.Redirect, error) { return s.calendars.AdminConsent(v.Context(), id) })
}

func (s *server) disconnectOffice365(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, office365Page, "disconnected", func(v *visit, id connection.ID) error {
		return s.calendars.Disconnect(v.Context(), id)
	})
}

// checkOffice365 tests the connection and keeps the lines for the page.
func (s *server) checkOffice365(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, office365Page+"#check", "", func(v *visit, id connection.ID) error {
		ctx, cancel := detached(v.Context(), calendarTime)
		defer cancel()
		checks, err := s.calendars.Probe(ctx, id)
		if err != nil {
			return err
		}
		s.probeMu.Lock()
		s.probes[id] = probeResult{at: v.now, checks: checks}
		s.probeMu.Unlock()
		return nil
	})
}

// answerFields are what Microsoft sends in the query of a redirect.
var answerFields = []string{"code", "state", "error", "error_description", "admin_consent", "tenant"}

// isAnswer reports whether a query is the answer of a sign-in elsewhere.
func isAnswer(q url.Values) bool { return q.Has("code") || q.Has("error") || q.Has("admin_consent") }

// takeAnswer hands the answer of a sign-in on and goes to a clean address. The
// attempt's cookie is used up whatever comes of it.
func (s *server) takeAnswer(w http.ResponseWriter, v *visit, q url.Values) error {
	answer := connection.Query{}
	for _, name := range answerFields {
		if value := q.Get(name); value != "" && len(value) <= 8<<10 {
			answer[name] = value
		}
	}
	ctx, cancel := detached(v.Context(), 2*time.Minute)
	defer cancel()
	to, err := s.calendars.Answer(ctx, answer, s.cookie(v.Request, "connect"))
	s.setCookie(w, "connect", to.Cookie, attemptLife)
	var fault *connection.Error
	switch {
	case errors.As(err, &fault):
		s.failed(w, err)
	case err != nil:
		return err
	case to.URL != "":
		http.Redirect(w, v.Request, to.URL, http.StatusSeeOther)
		return nil
	default:
		s.done(w, "connected")
	}
	return s.see(w, v, office365Page)
}
