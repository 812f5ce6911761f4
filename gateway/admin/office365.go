package admin

import (
	"net/http"
	"time"

	"doorleaf/gateway/connection"
)

const office365Page = "/m/settings/integration/office365"

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
