package admin

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// maxName is the longest name of a person or a sign, in characters.
const maxName = 80

type firstAccountView struct {
	*page
	Token    string
	Name     string
	Language string
	Zone     string
	Zones    []string
	Problems problems
}

type checklistView struct {
	*page
	Steps []setupStep
	Done  int
}

// setupStep is a line of the checklist.
type setupStep struct {
	Mark  mark
	Title string
	Text  string
	Href  string
	Todo  string // label of the action, "" when done
}

// showSetup shows the form for the first administrator to the holder of the
// one-time link, and the checklist to people who are signed in.
func (s *server) showSetup(w http.ResponseWriter, v *visit) error {
	if v.signedIn() {
		return s.showChecklist(w, v)
	}
	token := v.URL.Query().Get("token")
	open, err := s.setupOpen(v.Context(), token)
	if err != nil {
		return err
	}
	if !open {
		return s.see(w, v, "/m/sign-in")
	}
	return s.renderFirstAccount(w, v, http.StatusOK, firstAccountView{Token: token, Language: v.language})
}

// setupOpen reports whether token lets its holder create the first account.
func (s *server) setupOpen(ctx context.Context, token string) (bool, error) {
	if s.token == "" || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
		return false, nil
	}
	n, err := s.store.CountAccounts(ctx)
	return n == 0, err
}

func (s *server) renderFirstAccount(w http.ResponseWriter, v *visit, status int, view firstAccountView) error {
	view.page = s.newPage(v, "setup.first.title", "")
	view.Bare = true
	view.Zones = zoneNames()
	if view.Zone == "" {
		view.Zone = v.zone.String()
	}
	return s.render(w, v, status, "first", &view)
}

// createFirstAccount makes the first administrator and signs them in.
func (s *server) createFirstAccount(w http.ResponseWriter, v *visit) error {
	view := firstAccountView{Token: v.field("token"), Name: v.field("name"), Language: v.field("language"), Zone: v.field("zone"), Problems: problems{}}
	open, err := s.setupOpen(v.Context(), view.Token)
	if err != nil {
		return err
	}
	if !open {
		return s.see(w, v, "/m/sign-in")
	}
	p := s.newPage(v, "setup.first.title", "")
	if n := len([]rune(view.Name)); n == 0 || n > maxName {
		view.Problems.add(p, "name", "problem.name")
	}
	if !validZone(view.Zone) {
		view.Problems.add(p, "zone", "problem.zone")
	}
	if !s.speaks(view.Language) {
		view.Problems.add(p, "language", "problem.language")
	}
	var hash string
	var weak error
	if err := s.hash(v.Context(), func() { hash, weak = HashPassword(v.PostForm.Get("password")) }); err != nil {
		return err
	}
	if weak != nil {
		view.Problems.add(p, "password", "problem.password")
	}
	if len(view.Problems) > 0 {
		return s.renderFirstAccount(w, v, http.StatusUnprocessableEntity, view)
	}
	id, err := s.store.AddFirstAccount(v.Context(), gateway.Account{
		Name: view.Name, PasswordHash: hash, Language: view.Language, Created: v.now,
	})
	if errors.Is(err, gateway.ErrConflict) {
		return s.see(w, v, "/m/sign-in") // somebody else was faster
	}
	if err != nil {
		return err
	}
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	site.Zone, site.Language = view.Zone, view.Language
	if err := s.saveSiteSettings(v.Context(), site); err != nil {
		return err
	}
	if err := s.begin(w, v, id); err != nil {
		return err
	}
	s.log.Info("first administrator created")
	return s.see(w, v, "/m/setup")
}

func (s *server) saveSiteSettings(ctx context.Context, site gateway.Site) error {
	if err := s.store.SetSite(ctx, site); err != nil {
		return err
	}
	return s.core.SiteChanged(ctx)
}

func (s *server) showChecklist(w http.ResponseWriter, v *visit) error {
	view := &checklistView{page: s.newPage(v, "checklist.title", "overview")}
	doors, err := s.core.Doors(v.Context())
	if err != nil {
		return err
	}
	if view.Steps, err = s.setupSteps(v.Context(), view.page, doors); err != nil {
		return err
	}
	view.Done = countDone(view.Steps)
	return s.render(w, v, http.StatusOK, "checklist", view)
}

// setupSteps says how far the way from nothing to a live sign is done.
func (s *server) setupSteps(ctx context.Context, p *page, doors []gateway.DoorView) ([]setupStep, error) {
	conns, err := s.store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	var entered, connected, live bool
	for _, c := range conns {
		entered = entered || c.Settings.ClientID != ""
		connected = connected || c.State.Mode != connection.NotConnected
	}
	for _, d := range doors {
		live = live || (d.Sign.Room != "" && (d.Trust == gateway.Right || d.Trust == gateway.Sleeping))
	}
	step := func(done bool, name, href string) setupStep {
		st := setupStep{Mark: p.mark("todo"), Title: p.T("checklist." + name), Text: p.T("checklist." + name + ".text"), Href: href, Todo: p.T("checklist." + name + ".do")}
		if done {
			st.Mark, st.Todo = p.mark("done"), ""
		}
		return st
	}
	return []setupStep{
		step(true, "account", ""),
		step(entered, "register", "/m/settings/integration/settings/office365"),
		step(connected, "connect", "/m/settings/integration/office365"),
		step(len(rooms) > 0, "rooms", "/m/rooms"),
		step(len(doors) > 0, "pair", "/m/pair"),
		step(live, "live", "/m/doors"),
	}, nil
}
