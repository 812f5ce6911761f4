package admin

import (
	"cmp"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// Limits of adding rooms by address.
const (
	maxAddresses = 100
	calendarTime = 60 * time.Second // for one action on the calendar system
)

type roomsView struct {
	*page
	Rooms     []roomRow
	Connected bool
	Zones     []string
	SiteZone  string
	Add       string // what was typed into the list of addresses
}

// roomRow is one room with its door and what is wrong with it.
type roomRow struct {
	ID       string
	Name     string
	Place    string
	Capacity int
	Zone     string
	Gone     bool
	Problem  string
	Code     string
	Doors    []doorLink
}

type doorLink struct {
	Href, Name string
	Mark       mark
}

func (s *server) showRooms(w http.ResponseWriter, v *visit) error {
	return s.renderRooms(w, v, http.StatusOK, "", "")
}

func (s *server) renderRooms(w http.ResponseWriter, v *visit, status int, problem, add string) error {
	ctx := v.Context()
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return err
	}
	doors, err := s.core.Doors(ctx)
	if err != nil {
		return err
	}
	conn, err := s.office365(v)
	if err != nil {
		return err
	}
	p := s.newPage(v, "rooms.title", "rooms")
	p.Problem = problem
	view := &roomsView{page: p, Connected: conn.State.Mode != connection.NotConnected, Zones: zoneNames(), SiteZone: v.zone.String(), Add: add}
	byRoom := map[calendar.RoomID][]doorLink{}
	for _, d := range doors {
		byRoom[d.Sign.Room] = append(byRoom[d.Sign.Room], doorLink{"/m/doors/" + url.PathEscape(string(d.Sign.ID)), d.Sign.Name, p.mark(string(d.Trust))})
	}
	faults := s.calendars.RoomProblems()
	for _, r := range rooms {
		row := roomRow{ID: string(r.ID), Name: r.Name, Capacity: r.Capacity, Zone: r.Zone, Gone: r.Gone, Doors: byRoom[r.ID]}
		row.Place = strings.Trim(r.Building+" · "+r.Floor, " ·")
		if r.Name == "" {
			row.Name = string(r.ID)
		}
		if fault, ok := faults[r.ID]; ok {
			row.Problem, row.Code = p.problemText(fault), fault.Code
		}
		view.Rooms = append(view.Rooms, row)
	}
	slices.SortStableFunc(view.Rooms, func(a, b roomRow) int {
		return cmp.Or(cmp.Compare(roomRank(a), roomRank(b)), strings.Compare(a.Place, b.Place), strings.Compare(a.Name, b.Name))
	})
	return s.render(w, v, status, "rooms", view)
}

// roomRank puts what needs somebody first: a room on a door that cannot be
// read, then rooms on doors, then the others.
func roomRank(r roomRow) int {
	switch {
	case len(r.Doors) > 0 && (r.Gone || r.Problem != ""):
		return 0
	case len(r.Doors) > 0:
		return 1
	case !r.Gone:
		return 2
	}
	return 3
}

// setRoomZone sets the time zone of a room; "" gives it the site's again.
func (s *server) setRoomZone(w http.ResponseWriter, v *visit) error {
	zone := v.field("zone")
	if zone != "" && !validZone(zone) {
		p := s.newPage(v, "", "")
		return s.renderRooms(w, v, http.StatusUnprocessableEntity, p.T("problem.zone"), "")
	}
	if err := s.store.SetRoomZone(v.Context(), calendar.NewRoomID(v.field("room")), zone); err != nil {
		return err
	}
	if err := s.core.SiteChanged(v.Context()); err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, "/m/rooms")
}

// refreshRooms asks the calendar system for its list of rooms.
func (s *server) refreshRooms(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, "/m/rooms", "rooms-refreshed", func(v *visit, id connection.ID) error {
		ctx, cancel := detached(v.Context(), calendarTime)
		defer cancel()
		return s.calendars.RefreshRooms(ctx, id)
	})
}

// addRooms adds rooms by e-mail address, for directories that list no rooms.
func (s *server) addRooms(w http.ResponseWriter, v *visit) error {
	text := v.PostForm.Get("addresses")
	list, ok := addresses(text)
	if !ok {
		p := s.newPage(v, "", "")
		return s.renderRooms(w, v, http.StatusUnprocessableEntity, p.T("problem.addresses", maxAddresses), text)
	}
	return s.onOffice365(w, v, "/m/rooms", "rooms-added", func(v *visit, id connection.ID) error {
		ctx, cancel := detached(v.Context(), calendarTime)
		defer cancel()
		return s.calendars.AddRooms(ctx, id, list)
	})
}

// addresses reads 1 to maxAddresses plain e-mail addresses, separated by lines,
// commas, semicolons or blanks.
func addresses(text string) ([]string, bool) {
	list := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
	if len(list) == 0 || len(list) > maxAddresses {
		return nil, false
	}
	for i, a := range list {
		parsed, err := mail.ParseAddress(a)
		if err != nil || parsed.Address != a || len(a) > 254 {
			return nil, false
		}
		list[i] = string(calendar.NewRoomID(a))
	}
	return list, true
}
