package admin

import (
	"net/http"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

type limitView struct {
	*page
	Name       string
	Tabs       []tab
	Delegated  bool
	Book       bool
	ObjectID   string
	ObjectBad  bool
	Forbidden  string
	Personal   bool // ordinary mailboxes are in reach too
	Room       string
	Limit      copyField
	Revoke     copyField
	Share      copyField // for delegated access instead
	Account    string
	Lines      []checkLine
	Proved     string // "yes", "no", or "" while nobody tried
	CheckedNow timeText
	AppLink    string
}

// showLimit writes the PowerShell that lets the application into rooms only.
func (s *server) showLimit(w http.ResponseWriter, v *visit) error {
	c, ok, err := s.entered(w, v)
	if !ok {
		return err
	}
	p := s.newPage(v, "limit.title", "settings")
	view := &limitView{page: p, Tabs: p.tabs("limit"), Delegated: c.State.Mode == connection.Delegated || c.Settings.Access == connection.Delegated,
		Book: c.Settings.Book, Account: c.State.Account, AppLink: enterpriseApps(c.Settings.Cloud)}
	if view.Name, err = s.orgTitle(p, c); err != nil {
		return err
	}
	q := v.URL.Query()
	view.ObjectID = q.Get("object")
	view.ObjectBad = view.ObjectID != "" && !connection.IsGUID(view.ObjectID)
	view.Forbidden, _ = plainAddress(q.Get("forbidden"))
	rooms, err := s.store.Rooms(v.Context())
	if err != nil {
		return err
	}
	var addresses, personal []string
	for _, r := range rooms {
		switch {
		case r.Gone || r.Source != 0 && r.Source != int64(c.ID):
			continue
		case r.Kind == calendar.PersonalMailbox:
			personal = append(personal, string(r.ID))
		case view.Room == "":
			view.Room = string(r.ID)
		}
		addresses = append(addresses, string(r.ID))
	}
	view.Personal = len(personal) > 0
	known := s.notes.get(c.ID, v.now)
	view.CheckedNow = p.Time(known.probe.at)
	view.Lines = linesOf(p.checkLines(known.probe.checks), connection.CheckForbidden, connection.CheckCalendar, connection.CheckRights)
	for _, ch := range known.probe.checks {
		if ch.Name != connection.CheckForbidden || ch.Skipped {
			continue
		}
		view.Forbidden, view.Proved = ch.Room, "no"
		if ch.OK {
			view.Proved = "yes"
		}
	}
	scope := connection.RoomScope{ClientID: c.Settings.ClientID, ObjectID: view.ObjectID, Book: c.Settings.Book, Room: view.Room, Outside: view.Forbidden, Personal: personal}
	view.Limit, view.Revoke = p.Copy("limit-script", scope.Limit()), p.Copy("revoke-script", scope.Revoke())
	view.Share = p.Copy("share-script", connection.Share(c.State.Account, addresses[:min(len(addresses), maxAddresses)], c.Settings.Book))
	return s.render(w, v, http.StatusOK, "limit", view)
}

// enterpriseApps is where Microsoft shows object ids and consents.
func enterpriseApps(c connection.Cloud) string {
	switch c {
	case connection.USGovL4, connection.USGovL5, connection.China:
		return portal(c)
	}
	return "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/StartboardApplicationsMenuBlade/~/AppAppsPreview"
}
