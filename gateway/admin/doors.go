package admin

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// trusts are the conditions of doors, worst first.
func trusts() []string {
	return []string{
		string(gateway.Wrong), string(gateway.Late), string(gateway.Stale), string(gateway.Unknown),
		string(gateway.Pending), string(gateway.Right), string(gateway.Sleeping),
	}
}

type doorsView struct {
	*page
	doorList
	Doors []doorCard
}

// doorList is a list of doors with its search, its filters and its pages, as
// pictures or as hardware.
type doorList struct {
	doorFilters
	Filters   []filter
	Buildings []option // where they are too many for a filter each
	Total     int
	Pages     stretch
}

// filter is a chip that keeps some doors; it is a link, so that a view can be
// shared.
type filter struct {
	Label string
	Href  string
	N     int
	On    bool
}

// doorCard is a door in a list.
type doorCard struct {
	Href    string
	Name    string
	Place   string // "Building A, 2" or ""
	Mark    mark
	Line    string
	Picture picture
}

// picture is a picture of a glass.
type picture struct {
	Src           string // "" when there is none
	Width, Height int    // pixels of the glass
	Alt           string
	Short         string // first digits of the digest
	Digest        string // all 64 digits
}

func (s *server) showDoors(w http.ResponseWriter, v *visit) error {
	doors, err := s.core.Doors(v.Context())
	if err != nil {
		return err
	}
	view := &doorsView{page: s.newPage(v, "doors.title", "doors")}
	view.Live = true
	view.doorList, doors = view.list("/m/doors", doors)
	for _, d := range doors {
		view.Doors = append(view.Doors, view.card(d))
	}
	return s.render(w, v, http.StatusOK, "doors", view)
}

// list is a page of doors at an address, as its parameters say.
func (p *page) list(path string, doors []gateway.DoorView) (doorList, []gateway.DoorView) {
	q := p.v.URL.Query()
	l := doorList{Total: len(doors), doorFilters: doorFilters{path, clip(strings.TrimSpace(q.Get("q")), maxName), clip(q.Get("state"), maxName), clip(q.Get("building"), 256)}}
	l.Filters, l.Buildings = l.filters(p, doors)
	kept := slices.DeleteFunc(slices.Clone(doors), func(d gateway.DoorView) bool { return !l.keeps(d) })
	var from, to int
	l.Pages, from, to = stretchOf(len(kept), pageOf(q), func(page int) string { return l.address(l.State, l.Building, page) })
	return l, kept[from:to]
}

// doorFilters are what the address of a list says about which doors to show;
// empty ones keep all.
type doorFilters struct{ Path, Query, State, Building string }

// address is that of the list with another state, building and page.
func (f doorFilters) address(state, building string, page int) string {
	q := url.Values{}
	for name, value := range map[string]string{"state": state, "building": building, "q": f.Query} {
		if value != "" {
			q.Set(name, value)
		}
	}
	withPage(q, page)
	if len(q) == 0 {
		return f.Path
	}
	return f.Path + "?" + q.Encode()
}

// keeps reports whether a door passes the filters.
func (f doorFilters) keeps(d gateway.DoorView) bool {
	switch f.State {
	case "", string(d.Trust):
	case "attention":
		if !needsSomebody(d.Trust) {
			return false
		}
	default:
		return false
	}
	if f.Building != "" && d.Room.Building != f.Building {
		return false
	}
	query := strings.ToLower(f.Query)
	for _, text := range []string{d.Sign.Name, d.Room.Name, string(d.Sign.Room), string(d.Sign.ID), d.Room.Building, d.Sign.Hardware.Serial} {
		if strings.Contains(strings.ToLower(text), query) {
			return true
		}
	}
	return false
}

// maxBuildingChips is how many buildings get a filter each.
const maxBuildingChips = 6

// filters are the choices of the list, and the buildings where they are too many
// for one each.
func (f doorFilters) filters(p *page, doors []gateway.DoorView) (list []filter, buildingList []option) {
	states, buildings := map[string]int{}, map[string]int{}
	for _, d := range doors {
		states[string(d.Trust)]++
		if needsSomebody(d.Trust) {
			states["attention"]++
		}
		if d.Room.Building != "" {
			buildings[d.Room.Building]++
		}
	}
	list = []filter{{Label: p.T("doors.all"), Href: f.address("", "", 0), N: len(doors), On: f.State == "" && f.Building == ""}}
	if n := states["attention"]; n > 0 || f.State == "attention" {
		list = append(list, filter{p.T("doors.attention"), f.address("attention", f.Building, 0), n, f.State == "attention"})
	}
	for _, t := range trusts() {
		if states[t] > 0 || f.State == t {
			list = append(list, filter{p.mark(t).Text, f.address(t, f.Building, 0), states[t], f.State == t})
		}
	}
	for _, b := range sortedKeys(buildings) {
		switch {
		case len(buildings) > maxBuildingChips:
			buildingList = append(buildingList, option{b, fmt.Sprintf("%s (%d)", b, buildings[b])})
		case len(buildings) > 1 || f.Building == b:
			list = append(list, filter{b, f.address(f.State, b, 0), buildings[b], f.Building == b})
		}
	}
	return list, buildingList
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// card is a door for a list.
func (p *page) card(d gateway.DoorView) doorCard {
	return doorCard{
		Href: "/m/doors/" + url.PathEscape(string(d.Sign.ID)), Name: d.Sign.Name, Place: place(d),
		Mark: p.mark(string(d.Trust)), Line: p.cardLine(d), Picture: p.glass(d),
	}
}

// place says where a door is, as far as known; the room's name only where it
// adds something.
func place(d gateway.DoorView) string {
	var parts []string
	for _, s := range []string{d.Room.Name, d.Room.Building, d.Room.Floor} {
		if s != "" && s != d.Sign.Name {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

// cardLine is the one line under a door: since when it is as its mark says.
func (p *page) cardLine(d gateway.DoorView) string {
	switch d.Trust {
	case gateway.Right:
		return p.T("doors.line.confirmed", p.When(d.Status.ShownAt))
	case gateway.Sleeping:
		if d.NextContact.IsZero() {
			return p.T("doors.line.confirmed", p.When(d.Status.ShownAt))
		}
		return p.T("doors.line.next", p.Clock(d.NextContact))
	case gateway.Late:
		if d.Status.LastSeen.IsZero() {
			return p.T("doors.line.never")
		}
		return p.T("doors.line.silent", p.When(d.Status.LastSeen))
	case gateway.Stale:
		return p.T("doors.line.stale", p.When(d.AgendaAsOf))
	case gateway.Pending:
		if !d.NextContact.IsZero() {
			return p.T("doors.line.next", p.Clock(d.NextContact))
		}
		return p.T("doors.line.sending")
	case gateway.Unknown:
		return p.T("doors.line.never")
	}
	return p.T("doors.line.seen", p.When(d.Status.LastSeen))
}

// glass is the picture on the glass as far as the gateway knows.
func (p *page) glass(d gateway.DoorView) picture {
	alt := p.T("picture.unknown")
	if d.Want != nil {
		for _, step := range d.Want.Steps {
			if step.Digest == d.Believed {
				alt = step.Summary
			}
		}
		if d.Want.Stale == d.Believed {
			alt = p.T("picture.stale")
		}
	}
	pic := p.picture(d, "glass", d.Believed, alt)
	if !d.Drawn { // a face of its own, or a broken one: there is nothing to show
		pic.Src = ""
	}
	return pic
}

// wanted is the picture that should be on the glass now.
func (p *page) wanted(d gateway.DoorView) picture {
	if d.ExpectedStep == nil {
		return p.picture(d, "wanted", devices.Digest{}, p.T("picture.none"))
	}
	return p.picture(d, "wanted", d.ExpectedStep.Digest, d.ExpectedStep.Summary)
}

func (p *page) picture(d gateway.DoorView, which string, digest devices.Digest, alt string) picture {
	pic := picture{Width: d.Sign.Hardware.Width, Height: d.Sign.Hardware.Height, Alt: alt}
	if digest.IsZero() {
		pic.Alt = p.T("picture.none")
		return pic
	}
	pic.Digest = hex.EncodeToString(digest[:])
	pic.Short = pic.Digest[:8]
	pic.Src = fmt.Sprintf("/m/doors/%s/%s.png?v=%s", url.PathEscape(string(d.Sign.ID)), which, pic.Short)
	return pic
}

// clip cuts s to n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
