package admin

import (
	"net/http"
	"net/url"
	"slices"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

const (
	maxAttention = 8  // items on the overview; the rest is a link
	maxStrip     = 12 // doors on the overview
)

type overviewView struct {
	*page
	Headline  string
	Sub       string
	AllRight  bool
	Attention []attention
	More      int
	Counts    []count
	Doors     []doorCard
	MoreDoors int
	Steps     []setupStep // nil when everything is set up
	StepsDone int
}

// attention is one thing that needs a person: what, why, and one action.
type attention struct {
	Mark   mark
	Title  string
	Text   string
	Code   string
	Href   string
	Action string
}

// count is a number of doors in one condition; it leads to its rows.
type count struct {
	Mark mark
	N    int
	Href string
}

// showOverview says first what needs somebody. The answers of sign-ins
// elsewhere arrive at the same address.
func (s *server) showOverview(w http.ResponseWriter, v *visit) error {
	if q := v.URL.Query(); isAnswer(q) {
		return s.takeAnswer(w, v, q)
	}
	ctx := v.Context()
	doors, err := s.core.Doors(ctx)
	if err != nil {
		return err
	}
	conns, err := s.store.Connections(ctx)
	if err != nil {
		return err
	}
	view := &overviewView{page: s.newPage(v, "overview.title", "overview")}
	view.Live = true
	report, err := s.health.Health(ctx)
	if err != nil {
		return err
	}
	groups, explained, rest := s.healthNeeds(view.page, report)
	alone := slices.DeleteFunc(slices.Clone(doors), func(d gateway.DoorView) bool { return explained[d.Sign.ID] })
	view.Attention = append(groups, s.needs(view.page, alone, conns, len(s.core.Joinings(ctx)))...)
	if rest != nil {
		view.Attention = append(view.Attention, *rest)
	}
	ending, err := s.endings(view.page, conns)
	if err != nil {
		return err
	}
	view.Attention = append(view.Attention, ending...)
	view.Need = len(view.Attention)
	if steps, err := s.setupSteps(ctx, view.page, doors); err != nil {
		return err
	} else if done := countDone(steps); done < len(steps) {
		view.Steps, view.StepsDone = steps, done
	}
	view.headline(doors)
	if n := len(view.Attention); n > maxAttention {
		view.More, view.Attention = n-maxAttention, view.Attention[:maxAttention]
	}
	view.Counts = countDoors(view.page, doors)
	for i, d := range doors {
		if i == maxStrip {
			view.MoreDoors = len(doors) - i
			break
		}
		view.Doors = append(view.Doors, view.card(d))
	}
	return s.render(w, v, http.StatusOK, "overview", view)
}

func countDone(steps []setupStep) int {
	n := 0
	for _, st := range steps {
		if st.Todo == "" {
			n++
		}
	}
	return n
}

// headline is the one sentence to read when there is time for one.
func (o *overviewView) headline(doors []gateway.DoorView) {
	wrong, unheard := 0, 0
	for _, d := range doors {
		switch {
		case needsSomebody(d.Trust):
			wrong++
		case d.Trust == gateway.Unknown:
			unheard++
		}
	}
	switch {
	case len(doors) == 0:
		o.Headline, o.Sub = o.T("overview.none"), o.T("overview.none.sub")
	case wrong > 0:
		o.Headline = o.N("overview.wrong", wrong)
		if o.Sub = o.T("overview.checked", o.Clock(o.v.now)); wrong < len(doors) {
			o.Sub = o.N("overview.right", len(doors)-wrong)
		}
	case unheard > 0:
		o.Headline = o.N("overview.unheard", unheard)
		o.Sub = o.T("overview.checked", o.Clock(o.v.now))
	default:
		o.AllRight = true
		o.Headline = o.N("overview.allright", len(doors))
		o.Sub = o.T("overview.checked", o.Clock(o.v.now))
	}
}

// needsSomebody reports whether people at the door are or may be misled.
func needsSomebody(t gateway.Trust) bool {
	return t == gateway.Wrong || t == gateway.Late || t == gateway.Stale
}

// needs lists what needs somebody, by consequence: misled people first, then
// what must be decided. Doors whose calendar cannot be read because the whole
// connection is broken are one item.
func (s *server) needs(p *page, doors []gateway.DoorView, conns []connection.Connection, waiting int) []attention {
	var list, decide []attention
	broken := false
	for _, c := range conns {
		if c.State.Problem != nil && c.State.Mode != connection.NotConnected {
			broken = true
			item := attention{Mark: p.mark("wrong"), Title: p.T("need.connection"), Text: p.problemText(*c.State.Problem),
				Code: c.State.Problem.Code, Href: office365Page, Action: p.T("need.connection.do")}
			if len(conns) > 1 {
				item.Title, item.Href = item.Title+" · "+p.orgName(c), withOrg(office365Page, orgText(c.ID))
			}
			list = append(list, item)
		}
	}
	for _, d := range doors {
		href := "/m/doors/" + url.PathEscape(string(d.Sign.ID))
		switch {
		case d.Trust == gateway.Stale && broken:
		case needsSomebody(d.Trust):
			list = append(list, attention{Mark: p.mark(string(d.Trust)), Title: d.Sign.Name, Text: p.trustSentence(d), Href: href, Action: p.T("need.door.do")})
		case d.Sign.Room == "":
			decide = append(decide, attention{Mark: p.mark("new"), Title: d.Sign.Name, Text: p.T("need.room"), Href: href + "#room", Action: p.T("need.room.do")})
		}
	}
	if waiting > 0 {
		decide = append(decide, attention{Mark: p.mark("new"), Title: p.N("need.waiting", waiting), Text: p.T("need.waiting.text"), Href: "/m/pair", Action: p.T("need.waiting.do")})
	}
	return append(list, decide...)
}

// endings are the things of connections that end soon unless somebody acts.
func (s *server) endings(p *page, conns []connection.Connection) ([]attention, error) {
	var list []attention
	seen := map[connection.Lifetime]bool{} // the server's own are told with every connection
	for _, c := range conns {
		if c.State.Mode == connection.NotConnected {
			continue
		}
		lives, err := s.lifetimes(p.v.Context(), c.ID)
		if err != nil {
			return nil, err
		}
		for _, l := range lives {
			left := l.Ends.Sub(p.v.now)
			if l.Auto || l.Spare || l.Ends.IsZero() || left > endsSoon || seen[l] {
				continue
			}
			seen[l] = true
			row := p.lifetimeRow(l)
			item := attention{Mark: row.Mark, Title: p.T("need.lifetime", row.Text, p.Date(l.Ends)), Text: row.Who, Href: lifetimesPage, Action: p.T("need.lifetime.do")}
			if left <= 0 {
				item.Title = p.T("need.lifetime.ended", row.Text)
			}
			if len(conns) > 1 {
				item.Href = withOrg(lifetimesPage, orgText(c.ID))
			}
			list = append(list, item)
		}
	}
	return list, nil
}

// countDoors counts doors by what a person may do about them.
func countDoors(p *page, doors []gateway.DoorView) []count {
	n := map[string]int{}
	for _, d := range doors {
		n[string(d.Trust)]++
	}
	var list []count
	for _, t := range trusts() {
		if n[t] > 0 {
			list = append(list, count{Mark: p.mark(t), N: n[t], Href: "/m/doors?state=" + t})
		}
	}
	return list
}

func (s *server) showMore(w http.ResponseWriter, v *visit) error {
	return s.render(w, v, http.StatusOK, "more", s.newPage(v, "nav.more", "more"))
}

type helpView struct {
	*page
	Marks []helpMark
}

// helpMark explains one mark of a door.
type helpMark struct {
	Mark mark
	Text string
}

func (s *server) showHelp(w http.ResponseWriter, v *visit) error {
	view := &helpView{page: s.newPage(v, "help.title", "help")}
	for _, t := range trusts() {
		view.Marks = append(view.Marks, helpMark{view.mark(t), view.T("help.mark." + t)})
	}
	return s.render(w, v, http.StatusOK, "help", view)
}
