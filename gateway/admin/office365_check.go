package admin

import (
	"net/http"
	"net/mail"
	"slices"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// checkLine is one line of a connection test.
type checkLine struct {
	Mark    mark
	Text    string
	Why     string   // what is wrong and what to do, "" when all is well
	Code    string   // Microsoft's, "" for none
	Missing []string // permissions, after MissingText
	Excess  []string // permissions, after ExcessText
	Limited []string // permissions granted in Exchange, after LimitedText
	Name    string   // connection.Check*

	MissingText, ExcessText, LimitedText string
}

type checkView struct {
	*page
	Name          string
	Tabs          []tab
	Checks        []checkLine
	CheckedNow    timeText
	Good, Bad     int
	Forbidden     string
	Subscription  bool
	ForbiddenBad  bool
	NothingProved bool // no mailbox that must be refused was tried
}

// checkPage is where connection tests are made and read.
const checkPage = office365Page + "/check"

func (s *server) showCheck(w http.ResponseWriter, v *visit) error {
	return s.renderCheck(w, v, http.StatusOK, connection.ProbeOptions{}, false)
}

func (s *server) renderCheck(w http.ResponseWriter, v *visit, status int, o connection.ProbeOptions, bad bool) error {
	c, ok, err := s.entered(w, v)
	if !ok {
		return err
	}
	p := s.newPage(v, "check.title", "settings")
	view := &checkView{page: p, Tabs: p.tabs("check"), Forbidden: o.Forbidden, Subscription: o.Subscription, ForbiddenBad: bad, NothingProved: true}
	if view.Name, err = s.orgTitle(p, c); err != nil {
		return err
	}
	known := s.notes.get(c.ID, v.now)
	view.CheckedNow, view.Checks = p.Time(known.probe.at), p.checkLines(known.probe.checks)
	for _, l := range view.Checks {
		switch l.Mark.Class {
		case "bad":
			view.Bad++
		case "ok", "warn":
			view.Good++
		}
	}
	for _, ch := range known.probe.checks {
		if ch.Name == connection.CheckForbidden {
			view.NothingProved = false
			view.Forbidden = ch.Room
		}
	}
	return s.render(w, v, status, "check", view)
}

// checkOffice365 tests the connection and keeps the lines for the pages.
func (s *server) checkOffice365(w http.ResponseWriter, v *visit) error {
	o := connection.ProbeOptions{Forbidden: v.field("forbidden"), Subscription: v.field("subscription") != ""}
	if o.Forbidden != "" {
		address, ok := plainAddress(o.Forbidden)
		if !ok {
			return s.renderCheck(w, v, http.StatusUnprocessableEntity, o, true)
		}
		o.Forbidden = address
	}
	back := checkPage
	if v.field("back") == "limit" {
		back = office365Page + "/limit#proof"
	}
	return s.onOffice365(w, v, back, "", func(v *visit, id connection.ID) error { return s.probe(v, id, o) })
}

// probe tests a connection and keeps what came of it.
func (s *server) probe(v *visit, id connection.ID, o connection.ProbeOptions) error {
	ctx, cancel := detached(v.Context(), probeTime)
	defer cancel()
	checks, err := s.calendars.Probe(ctx, id, o)
	if err != nil {
		return err
	}
	s.notes.edit(id, func(n *note) { n.probe = probeResult{at: v.now, checks: checks} })
	return nil
}

// plainAddress reads one e-mail address without a name, at most 254 bytes.
func plainAddress(text string) (string, bool) {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || len(text) > 254 {
		return "", false
	}
	return string(calendar.NewRoomID(text)), true
}

// checkLines are the lines of a test in words.
func (p *page) checkLines(checks []connection.Check) []checkLine {
	readable := slices.ContainsFunc(checks, func(c connection.Check) bool { return c.Name == connection.CheckCalendar && c.OK })
	var lines []checkLine
	for _, c := range checks {
		var limited []string
		if c.Name == connection.CheckRights && readable {
			c, limited = limitedRights(c)
		}
		line := p.checkLine(c)
		line.Limited, line.LimitedText = limited, p.T("check.elsewhere")
		lines = append(lines, line)
	}
	return lines
}

// limitedRights tells rights that are missing from those that Exchange grants
// for some mailboxes: these are in no token, yet calendars can be read.
func limitedRights(c connection.Check) (connection.Check, []string) {
	var limited []string
	var missing []connection.Permission
	for _, x := range c.Missing {
		if slices.Contains(c.Missing, connection.CalendarsRead) && (x == connection.CalendarsRead || x == connection.CalendarsReadWrite) {
			limited = append(limited, string(x))
			continue
		}
		missing = append(missing, x)
	}
	if len(limited) > 0 && len(missing) == 0 {
		c.OK, c.Problem = true, nil
	}
	c.Missing = missing
	return c, limited
}

func (p *page) checkLine(c connection.Check) checkLine {
	line := checkLine{Name: c.Name, Mark: p.mark("ok"), Text: p.T("check." + c.Name), MissingText: p.T("check.missing"), ExcessText: p.T("check.excess")}
	if c.Room != "" {
		line.Text = p.T("check."+c.Name+".room", c.Room)
	}
	for _, x := range c.Missing {
		line.Missing = append(line.Missing, string(x))
	}
	for _, x := range c.Excess {
		line.Excess = append(line.Excess, string(x))
	}
	if c.Problem != nil {
		line.Why, line.Code = p.problemText(*c.Problem), c.Problem.Code
	}
	switch {
	case c.Skipped:
		line.Mark = p.mark("skipped")
	case c.OK && len(c.Excess) > 0:
		line.Mark = p.mark("limited")
	case c.OK:
		line.Why = "" // a refusal that was wanted needs no advice
	default:
		line.Mark = p.mark("bad")
		if line.Why == "" && p.knows("check."+c.Name+".bad") {
			line.Why = p.T("check." + c.Name + ".bad")
		}
	}
	return line
}

// linesOf are the lines of a test with one of the names.
func linesOf(lines []checkLine, names ...string) []checkLine {
	var list []checkLine
	for _, l := range lines {
		for _, n := range names {
			if l.Name == n {
				list = append(list, l)
			}
		}
	}
	return list
}
