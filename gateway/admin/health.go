package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"doorleaf/devices"
	"doorleaf/devices/health"
	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// Health is what the pages need to say how signs are. Implemented by
// gateway.Core.
type Health interface {
	// Health says what is wrong, worst first.
	Health(ctx context.Context) (health.Report, error)
	// Battery is what is known of a sign's battery.
	Battery(ctx context.Context, id devices.SignID) (gateway.BatteryLife, error)
}

const (
	healthPage    = "/m/health"
	healthRows    = 4   // of one kind that are shown at once; the rest unfolds
	maxHealthRows = 100 // of one kind on the page
)

type healthView struct {
	*page
	Headline string
	Well     bool
	Checked  string // when, of a house that is well
	Items    []healthItem
}

// healthItem is one thing to do: a group with one cause, or all signs with the
// same trouble.
type healthItem struct {
	Mark   mark
	Title  string
	Next   string
	Since  timeText // of a group
	Href   string   // where it is mended, "" for nowhere in particular
	Action string
	Rows   []healthRow
	Rest   []healthRow // unfolds
	Unfold string      // text to unfold them by
	Cut    string      // text of how many are not listed, "" when all are
}

type healthRow struct {
	Name  string
	Href  string
	Text  string
	Since timeText
}

func (s *server) showHealth(w http.ResponseWriter, v *visit) error {
	report, err := s.health.Health(v.Context())
	if err != nil {
		return err
	}
	conns, err := s.store.Connections(v.Context())
	if err != nil {
		return err
	}
	view := &healthView{page: s.newPage(v, "health.title", "health")}
	view.Live = true
	for _, g := range report.Groups {
		view.Items = append(view.Items, view.group(g))
	}
	view.Items = append(view.Items, view.kinds(report.Conditions, conns)...)
	view.Headline = view.N("health.found", len(view.Items))
	if view.Well = len(view.Items) == 0; view.Well {
		view.Headline, view.Checked = view.T("health.well"), view.T("health.checked", view.Clock(v.now))
	}
	return s.render(w, v, http.StatusOK, "health", view)
}

// group puts signs that are silent for one reason into words.
func (p *page) group(g health.Group) healthItem {
	key := "health.group." + string(g.Cause)
	item := healthItem{Mark: p.severity(health.Alarm), Title: p.N(key, len(g.Members), g.Of, g.What), Next: p.T(key + ".next"), Since: p.Time(g.Since)}
	item.Rest = p.healthRows(g.Members)
	item.Unfold = p.N("health.members", len(g.Members))
	item.Cut = p.cutText(len(g.Members))
	return item
}

func (p *page) severity(s health.Severity) mark { return p.mark("health-" + strconv.Itoa(int(s))) }

// kinds gathers conditions by kind, in the order in which they come: worst first.
func (p *page) kinds(list []health.Condition, conns []connection.Connection) []healthItem {
	var order []health.Kind
	of := map[health.Kind][]health.Condition{}
	for _, c := range list {
		if len(of[c.Kind]) == 0 {
			order = append(order, c.Kind)
		}
		of[c.Kind] = append(of[c.Kind], c)
	}
	var items []healthItem
	for _, kind := range order {
		found := of[kind]
		item := healthItem{Mark: p.severity(found[0].Severity), Title: p.N("health."+string(kind), len(found)), Next: p.T("health." + string(kind) + ".next")}
		switch kind {
		case health.CalendarFailing:
			item.Href, item.Action = office365Page, p.T("need.connection.do")
		case health.OldFirmware:
			item.Href, item.Action = "/m/settings/firmware", p.T("firmware.title")
		case health.BrokerDown:
			item.Since = p.Time(found[0].Since)
		}
		rows := p.healthRows(found)
		if kind == health.CalendarFailing {
			rows = p.calendarRows(found, conns)
		}
		item.Rows = rows[:min(len(rows), healthRows)]
		if item.Rest = rows[len(item.Rows):]; len(item.Rest) > 0 {
			item.Unfold, item.Cut = p.N("health.more", len(found)-len(item.Rows)), p.cutText(len(found))
		}
		items = append(items, item)
	}
	return items
}

// cutText says how many of n signs are not on the page, "" for none.
func (p *page) cutText(n int) string {
	if n <= maxHealthRows {
		return ""
	}
	return p.N("health.cut", n-maxHealthRows)
}

// healthRows are one line for each condition; what has neither a name nor words
// of its own needs none.
func (p *page) healthRows(list []health.Condition) []healthRow {
	var rows []healthRow
	for _, c := range list[:min(len(list), maxHealthRows)] {
		row := healthRow{Name: c.Name, Text: p.healthText(c), Since: p.Time(c.Since)}
		if c.Sign != "" {
			row.Href = "/m/doors/" + url.PathEscape(string(c.Sign))
		}
		if row.Name != "" || row.Text != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// healthText is what is to say of one condition beside its kind, "" for nothing.
func (p *page) healthText(c health.Condition) string {
	key := "health." + string(c.Kind) + "."
	switch c.Kind {
	case health.BatteryEmpty, health.ClockOff, health.BatteryLow:
		if c.Variant != "" {
			return p.T(key+c.Variant, c.Number, c.Most)
		}
		return p.T(key+"detail", c.Number, c.Most)
	case health.Cloned:
		return p.T(key+"detail", c.Number, c.Text)
	case health.WeakSignal:
		return p.T(key+"detail", c.Number)
	case health.OldFirmware:
		if c.Text != "" {
			return p.T(key+"detail", c.Text)
		}
	case health.Attack:
		text := p.T(key + c.Variant)
		if c.Text == "" {
			return text + " · " + p.T(key+"count.nobody", c.Number)
		}
		return text + " · " + p.T(key+"count", c.Number, c.Text)
	}
	return ""
}

// calendarRows say what Microsoft wants, for each connection that fails.
func (p *page) calendarRows(list []health.Condition, conns []connection.Connection) []healthRow {
	var rows []healthRow
	for _, c := range list {
		row := healthRow{Text: p.problemText(connection.Problem{Kind: connection.Kind(c.Variant)}), Since: p.Time(c.Since)}
		for _, conn := range conns {
			if len(conns) > 1 && strconv.FormatInt(int64(conn.ID), 10) == c.Subject {
				row.Name, row.Href = p.orgName(conn), withOrg(office365Page, orgText(conn.ID))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// healthNeeds are what the overview says of the house's health: one item for
// each group, whose doors need no item of their own, and one for everything that
// misleads nobody yet.
func (s *server) healthNeeds(p *page, report health.Report) (groups []attention, explained map[devices.SignID]bool, rest *attention) {
	explained = map[devices.SignID]bool{}
	for _, g := range report.Groups {
		item := p.group(g)
		groups = append(groups, attention{Mark: item.Mark, Title: item.Title, Text: item.Next, Href: healthPage, Action: p.T("need.health.do")})
		for _, m := range g.Members {
			explained[m.Sign] = true
		}
	}
	kinds := map[health.Kind]bool{}
	for _, c := range report.Conditions {
		switch c.Kind {
		case health.WrongPicture, health.Offline, health.Late, health.CalendarFailing: // the overview has them already
		default:
			if c.Severity >= health.Warning {
				kinds[c.Kind] = true
			}
		}
	}
	if n := len(kinds); n > 0 {
		rest = &attention{Mark: p.severity(health.Warning), Title: p.N("need.health", n), Text: p.T("need.health.text"), Href: healthPage, Action: p.T("need.health.do")}
	}
	return groups, explained, rest
}
