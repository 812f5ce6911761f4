package admin

import (
	"cmp"
	"net/http"
	"slices"

	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
)

type roomView struct {
	*page
	Room     roomRow
	Org      string
	Findings []findingView
	ReadAt   timeText
	Privacy  []privacyChoice
	Zone     string
	Zones    []string
	SiteZone string
	MoveTo   *roomRow // the room under its new address
}

// privacyChoice is how much of a meeting a room's signs may show.
type privacyChoice struct {
	Value, Label, Hint string
	Chosen             bool
}

// privacyNames are the values of the form, in the order of the page.
func privacyNames() map[string]calendar.Privacy {
	return map[string]calendar.Privacy{"auto": calendar.PrivacyAuto, "all": calendar.PrivacyShowAll, "time": calendar.PrivacyTimeOnly}
}

func (s *server) showRoom(w http.ResponseWriter, v *visit) error {
	return s.renderRoom(w, v, http.StatusOK, calendar.NewRoomID(v.URL.Query().Get("id")), "", "")
}

func (s *server) renderRoom(w http.ResponseWriter, v *visit, status int, id calendar.RoomID, problem, zone string) error {
	ctx := v.Context()
	if _, err := s.store.Room(ctx, id); err != nil {
		return err
	}
	p := s.newPage(v, "", "rooms")
	p.Problem = problem
	conns, err := s.organisations(ctx)
	if err != nil {
		return err
	}
	rows, err := s.roomRows(ctx, p, conns)
	if err != nil {
		return err
	}
	view := &roomView{page: p, Zone: zone, Zones: zoneNames(), SiteZone: v.zone.String()}
	find := func(id calendar.RoomID) int {
		return slices.IndexFunc(rows, func(r roomRow) bool { return r.ID == id })
	}
	i := find(id)
	if i < 0 {
		return gateway.ErrNotFound // it went meanwhile
	}
	view.Room = rows[i]
	if i := find(calendar.RoomID(view.Room.NewName)); i >= 0 {
		view.MoveTo = &rows[i]
	}
	p.Title = view.Room.Name
	view.Zone = cmp.Or(zone, view.Room.Zone)
	for _, c := range conns {
		if int64(c.ID) == view.Room.Source {
			view.Org = p.orgName(c)
		}
	}
	for _, name := range []string{"auto", "all", "time"} {
		choice := privacyNames()[name]
		view.Privacy = append(view.Privacy, privacyChoice{name, p.T("privacy." + name), p.T("privacy." + name + ".hint"), choice == view.Room.Privacy})
	}
	agenda, err := s.store.Agenda(ctx, id)
	if err != nil {
		return err
	}
	view.ReadAt = p.Time(agenda.AsOf)
	view.Findings = p.findings(calendar.Diagnose(agenda), []string{string(id)})
	return s.render(w, v, status, "room", view)
}

// backToRoom is the page of the room a form was about.
func (s *server) backToRoom(w http.ResponseWriter, v *visit, id calendar.RoomID) error {
	s.done(w, "saved")
	return s.see(w, v, roomHref(id))
}

// setRoomZone sets the time zone of a room; "" gives it the site's again.
func (s *server) setRoomZone(w http.ResponseWriter, v *visit) error {
	zone, id := v.field("zone"), calendar.NewRoomID(v.field("room"))
	if zone != "" && !validZone(zone) {
		p := s.newPage(v, "", "")
		return s.renderRoom(w, v, http.StatusUnprocessableEntity, id, p.T("problem.zone"), zone)
	}
	if err := s.store.SetRoomZone(v.Context(), id, zone); err != nil {
		return err
	}
	if err := s.core.SiteChanged(v.Context()); err != nil {
		return err
	}
	return s.backToRoom(w, v, id)
}

// setRoomPrivacy chooses what a room's signs may show and has them drawn again.
func (s *server) setRoomPrivacy(w http.ResponseWriter, v *visit) error {
	id := calendar.NewRoomID(v.field("room"))
	choice, ok := privacyNames()[v.field("privacy")]
	if !ok {
		return errBadRequest
	}
	if err := s.store.SetRoomPrivacy(v.Context(), id, choice); err != nil {
		return err
	}
	if err := s.core.SiteChanged(v.Context()); err != nil {
		return err
	}
	return s.backToRoom(w, v, id)
}

// moveSigns binds the signs of one room to another.
func (s *server) moveSigns(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	from, to := calendar.NewRoomID(v.field("room")), calendar.NewRoomID(v.field("to"))
	room, err := s.store.Room(ctx, to)
	if err != nil {
		return err
	}
	if room.Gone || from == "" {
		return errBadRequest
	}
	signs, err := s.store.Signs(ctx)
	if err != nil {
		return err
	}
	for _, sign := range signs {
		if sign.Room != from {
			continue
		}
		if err := s.core.Bind(ctx, sign.ID, to); err != nil {
			return err
		}
	}
	s.done(w, "bound")
	return s.see(w, v, roomHref(to))
}
