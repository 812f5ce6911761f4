package admin

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// Limits of pages and actions.
const (
	maxAddresses = 100
	calendarTime = 60 * time.Second // for one action on the calendar system
	probeTime    = 3 * time.Minute  // for a connection test; it has limits of its own
)

type roomsView struct {
	*page
	Rooms     []roomRow
	Total     int // of all organisations
	Pages     stretch
	Connected bool
	Filters   roomFilters
	States    []roomChip
	Places    []option // building, and floors below it
	Lists     []option
	Orgs      []option // nil with one organisation
	Doctor    int      // rooms on this page with findings
	Add       string   // what was typed into the list of addresses
	AddKind   string
}

// roomChip is one choice of the state filter.
type roomChip struct {
	Text    string
	N       int
	Href    string
	Current bool
}

// roomRow is one room with its door and what is wrong with it.
type roomRow struct {
	calendar.Room
	Href     string
	Name     string
	Place    string
	Org      string // "" with one organisation
	Personal bool
	NewName  string // room that seems to be this one under a new address
	Problem  string
	Code     string
	Doors    []doorLink
}

type doorLink struct {
	Href, Name string
	Mark       mark
}

// roomHref is the page of a room.
func roomHref(id calendar.RoomID) string { return "/m/rooms/room?id=" + url.QueryEscape(string(id)) }

func (s *server) showRooms(w http.ResponseWriter, v *visit) error {
	return s.renderRooms(w, v, http.StatusOK, "", "")
}

func (s *server) renderRooms(w http.ResponseWriter, v *visit, status int, problem, add string) error {
	ctx := v.Context()
	p := s.newPage(v, "rooms.title", "rooms")
	p.Problem = problem
	conns, err := s.organisations(ctx)
	if err != nil {
		return err
	}
	rows, err := s.roomRows(ctx, p, conns)
	if err != nil {
		return err
	}
	view := &roomsView{page: p, Total: len(rows), Filters: readRoomFilters(v.URL.Query()), Add: add, AddKind: v.PostForm.Get("kind")}
	for _, c := range conns {
		view.Connected = view.Connected || c.State.Mode != connection.NotConnected
		if len(conns) > 1 {
			view.Orgs = append(view.Orgs, option{orgText(c.ID), p.orgName(c)})
		}
	}
	lists := s.roomLists(conns, v.now)
	view.Places, view.Lists = placesOf(rows), listOptions(lists)
	view.fill(rows, lists)
	return s.render(w, v, status, "rooms", view)
}

// fill chooses the rows of one page.
func (view *roomsView) fill(rows []roomRow, lists map[string][]calendar.RoomID) {
	f := view.Filters
	rest := f
	rest.State = ""
	var inPlace, chosen []roomRow
	for _, r := range rows {
		if rest.fits(r, lists) {
			inPlace = append(inPlace, r)
		}
	}
	for _, state := range roomStates() {
		chip := roomChip{Text: view.T("rooms.state." + cmp.Or(state, "all")), Href: f.with(state, 0), Current: state == f.State}
		for _, r := range inPlace {
			if r.in(state) {
				chip.N++
			}
		}
		if chip.N > 0 || chip.Current || state == "" {
			view.States = append(view.States, chip)
		}
	}
	for _, r := range inPlace {
		if r.in(f.State) {
			chosen = append(chosen, r)
		}
	}
	slices.SortStableFunc(chosen, func(a, b roomRow) int {
		return cmp.Or(cmp.Compare(roomRank(a), roomRank(b)), strings.Compare(a.Place, b.Place), strings.Compare(a.Name, b.Name))
	})
	var from, to int
	view.Pages, from, to = stretchOf(len(chosen), f.Page, func(page int) string { return f.with(f.State, page) })
	view.Rooms = chosen[from:to]
}

// roomRows are all rooms as the pages show them.
func (s *server) roomRows(ctx context.Context, p *page, conns []connection.Connection) ([]roomRow, error) {
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	doors, err := s.core.Doors(ctx)
	if err != nil {
		return nil, err
	}
	byRoom := map[calendar.RoomID][]doorLink{}
	for _, d := range doors {
		byRoom[d.Sign.Room] = append(byRoom[d.Sign.Room], doorLink{"/m/doors/" + url.PathEscape(string(d.Sign.ID)), d.Sign.Name, p.mark(string(d.Trust))})
	}
	names := map[int64]string{}
	if len(conns) > 1 {
		for _, c := range conns {
			names[int64(c.ID)] = p.orgName(c)
		}
	}
	byPlace := map[string]calendar.Room{}
	for _, r := range rooms {
		if r.PlaceID != "" && !r.Gone {
			byPlace[r.PlaceID] = r
		}
	}
	faults := s.calendars.RoomProblems()
	rows := make([]roomRow, 0, len(rooms))
	for _, r := range rooms {
		row := roomRow{Room: r, Href: roomHref(r.ID), Name: cmp.Or(r.Name, string(r.ID)), Place: roomPlace(r), Org: names[r.Source],
			Personal: r.Kind == calendar.PersonalMailbox, Doors: byRoom[r.ID]}
		if again, ok := byPlace[r.PlaceID]; ok && r.Gone && again.ID != r.ID {
			row.NewName = string(again.ID)
		}
		if fault, ok := faults[r.ID]; ok && !r.Gone {
			row.Problem, row.Code = p.problemText(fault), fault.Code
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// roomPlace is building and floor of a room, "" when unknown.
func roomPlace(r calendar.Room) string { return strings.Trim(r.Building+" · "+r.Floor, " ·") }

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

// refreshRooms asks the calendar systems for their lists of rooms.
func (s *server) refreshRooms(w http.ResponseWriter, v *visit) error {
	conns, err := s.organisations(v.Context())
	if err != nil {
		return err
	}
	ctx, cancel := detached(v.Context(), probeTime)
	defer cancel()
	var first error
	if len(conns) == 0 {
		first = &connection.Error{Kind: connection.NotConfigured, Op: "list rooms"}
	}
	for _, c := range conns {
		if c.State.Mode == connection.NotConnected && len(conns) > 1 {
			continue
		}
		if err := s.calendars.RefreshRooms(ctx, c.ID); err != nil {
			first = cmp.Or(first, err)
			continue
		}
		lists, err := s.calendars.RoomLists(ctx, c.ID)
		if err == nil { // without lists the rooms are still there
			s.notes.edit(c.ID, func(n *note) { n.lists = lists })
		}
	}
	if first != nil {
		if err := s.settle(w, first); err != nil {
			return err
		}
	} else {
		s.done(w, "rooms-refreshed")
	}
	return s.see(w, v, "/m/rooms")
}

// addRooms adds calendars by e-mail address: rooms where the directory lists
// none, or shared calendars of ordinary mailboxes.
func (s *server) addRooms(w http.ResponseWriter, v *visit) error {
	text := v.PostForm.Get("addresses")
	list, ok := addresses(text)
	if !ok {
		p := s.newPage(v, "", "")
		return s.renderRooms(w, v, http.StatusUnprocessableEntity, p.T("problem.addresses", maxAddresses), text)
	}
	add := s.calendars.AddRooms
	if v.field("kind") == "personal" {
		add = s.calendars.AddPersonal
	}
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	ctx, cancel := detached(v.Context(), calendarTime)
	defer cancel()
	if c.ID == 0 {
		err = &connection.Error{Kind: connection.NotConfigured, Op: "add rooms"}
	} else {
		err = add(ctx, c.ID, list)
	}
	if err == nil {
		s.done(w, "rooms-added")
	} else if err := s.settle(w, err); err != nil {
		return err
	}
	return s.see(w, v, "/m/rooms")
}

// addresses reads 1 to maxAddresses plain e-mail addresses, separated by lines,
// commas, semicolons or blanks.
func addresses(text string) ([]string, bool) {
	list := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
	if len(list) == 0 || len(list) > maxAddresses {
		return nil, false
	}
	for i, a := range list {
		address, ok := plainAddress(a)
		if !ok {
			return nil, false
		}
		list[i] = address
	}
	return list, true
}

// roomFilters are what the address of the page says about which rooms to show.
type roomFilters struct {
	Query, Place, List, State, Org string
	Page                           int // from 0
}

func readRoomFilters(q url.Values) roomFilters {
	f := roomFilters{Query: cut(q.Get("q"), 100), Place: q.Get("place"), List: q.Get("list"), Org: q.Get("org")}
	if slices.Contains(roomStates(), q.Get("state")) {
		f.State = q.Get("state")
	}
	f.Page = pageOf(q)
	return f
}

// cut is the beginning of a text, at most n bytes of whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// Any reports whether anything is left out.
func (f roomFilters) Any() bool {
	return f.Query != "" || f.Place != "" || f.List != "" || f.State != "" || f.Org != ""
}

// with is the address of the page with another state and page.
func (f roomFilters) with(state string, page int) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": f.Query, "place": f.Place, "list": f.List, "org": f.Org, "state": state} {
		if value != "" {
			q.Set(name, value)
		}
	}
	withPage(q, page)
	if len(q) == 0 {
		return "/m/rooms"
	}
	return "/m/rooms?" + q.Encode()
}

// fits reports whether a room fits all filters but the state.
func (f roomFilters) fits(r roomRow, lists map[string][]calendar.RoomID) bool {
	if f.Org != "" && f.Org != strconv.FormatInt(r.Source, 10) {
		return false
	}
	if f.Place != "" && f.Place != r.Building && f.Place != r.Building+"\n"+r.Floor {
		return false
	}
	if f.List != "" && !slices.Contains(lists[f.List], r.ID) {
		return false
	}
	for word := range strings.FieldsSeq(strings.ToLower(f.Query)) {
		if !strings.Contains(strings.ToLower(r.Name+"\n"+string(r.ID)+"\n"+r.Place+"\n"+r.Org), word) {
			return false
		}
	}
	return true
}

// roomStates are the choices of the state filter.
func roomStates() []string { return []string{"", "trouble", "signs", "none", "personal", "gone"} }

// in reports whether a room is in a state of the filter.
func (r roomRow) in(state string) bool {
	switch state {
	case "trouble":
		return r.Problem != "" || r.Gone && len(r.Doors) > 0
	case "signs":
		return len(r.Doors) > 0
	case "none":
		return len(r.Doors) == 0 && !r.Gone
	case "personal":
		return r.Personal && !r.Gone
	case "gone":
		return r.Gone
	}
	return true
}

// placesOf are buildings and their floors, each once, as choices.
func placesOf(rows []roomRow) []option {
	seen := map[string]bool{}
	var list []option
	add := func(value, label string) {
		if !seen[value] {
			seen[value] = true
			list = append(list, option{value, label})
		}
	}
	for _, r := range rows {
		if r.Building == "" {
			continue
		}
		add(r.Building, r.Building)
		if r.Floor != "" {
			add(r.Building+"\n"+r.Floor, r.Building+" · "+r.Floor)
		}
	}
	slices.SortFunc(list, func(a, b option) int { return strings.Compare(a.Value, b.Value) })
	return list
}

// roomLists are the lists of rooms that were read, by address.
func (s *server) roomLists(conns []connection.Connection, now time.Time) map[string][]calendar.RoomID {
	lists := map[string][]calendar.RoomID{}
	for _, c := range conns {
		for _, l := range s.notes.get(c.ID, now).lists {
			key := l.Name + "\n" + l.Address
			for _, r := range l.Rooms {
				lists[key] = append(lists[key], calendar.NewRoomID(r))
			}
		}
	}
	return lists
}

func listOptions(lists map[string][]calendar.RoomID) []option {
	var list []option
	for key := range lists {
		name, address, _ := strings.Cut(key, "\n")
		list = append(list, option{key, cmp.Or(name, address)})
	}
	slices.SortFunc(list, func(a, b option) int {
		return cmp.Or(strings.Compare(a.Label, b.Label), strings.Compare(a.Value, b.Value))
	})
	return list
}
