package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
)

// codeLength is how many characters a sign shows as its pairing code.
const codeLength = 8

type pairView struct {
	*page
	Code    string
	Name    string
	Room    string
	Rooms   chooser
	Found   *waitingSign // the sign that shows Code, nil for none
	Already string       // page of the sign that was paired by Code, "" for none
	Waiting []waitingSign
}

// waitingSign is a sign that shows a code. The code itself is not on the page:
// typing it proves that somebody stands in front of the sign.
type waitingSign struct {
	Panel   string
	Model   string
	Serial  string
	Battery string
	Signal  string
	Since   timeText
	Until   timeText
	Address string

	SerialEnd string // what of the serial number is on the glass
}

func (s *server) showPair(w http.ResponseWriter, v *visit) error {
	view := pairView{Code: cleanCode(v.URL.Query().Get("c")), Room: v.URL.Query().Get("room")}
	if view.Code == "" {
		return s.renderPair(w, v, http.StatusOK, view, "")
	}
	return s.showCode(w, v, view)
}

// showCode shows the sign that shows the code of the page's address, as the QR
// code on its glass has it: a person compares the two before anything is done.
func (s *server) showCode(w http.ResponseWriter, v *visit, view pairView) error {
	p := s.newPage(v, "pair.title", "pair")
	if len(view.Code) != codeLength {
		return s.renderPair(w, v, http.StatusUnprocessableEntity, view, p.T("problem.code"))
	}
	j, err := s.core.ShowsCode(v.Context(), view.Code)
	if err != nil {
		return s.refusePair(w, v, view, err)
	}
	found := p.waiting(j)
	view.Found = &found
	return s.renderPair(w, v, http.StatusOK, view, "")
}

// refusePair says why a code leads to no sign; other errors it returns.
func (s *server) refusePair(w http.ResponseWriter, v *visit, view pairView, err error) error {
	if !errors.Is(err, devices.ErrUnknownCode) && !errors.Is(err, gateway.ErrTooMany) && !errors.Is(err, devices.ErrNotConnected) && !errors.Is(err, devices.ErrNotAdmitted) {
		return err
	}
	f := failureOf(err)
	var spent *gateway.SpentCodeError
	if errors.As(err, &spent) {
		f.key, view.Code = "pair.ran-out", ""
		if _, err := s.core.Door(v.Context(), spent.Sign); err == nil {
			f.key, view.Already = "pair.already", "/m/doors/"+url.PathEscape(string(spent.Sign))
		}
	}
	return s.renderPair(w, v, f.status, view, s.newPage(v, "", "").T(f.key))
}

func (s *server) renderPair(w http.ResponseWriter, v *visit, status int, view pairView, problem string) error {
	p := s.newPage(v, "pair.title", "pair")
	p.Live, p.Problem = true, problem
	view.page = p
	view.Code = clip(view.Code, 2*codeLength)
	var err error
	view.Rooms = chooser{ID: "room", Name: "room", Label: p.T("pair.room"), Hint: p.T("pair.room.hint"), None: p.T("pair.room.later"), Value: view.Room}
	if view.Rooms, err = s.chooseRoom(v.Context(), p, view.Rooms, ""); err != nil {
		return err
	}
	if view.Rooms.From == "" && len(view.Rooms.Groups) == 0 {
		view.Rooms.Hint = p.T("pair.room.empty")
	}
	for _, j := range s.core.Joinings(v.Context()) {
		if view.Found == nil || j.Code != view.Code {
			view.Waiting = append(view.Waiting, p.waiting(j))
		}
	}
	return s.render(w, v, status, "pair", &view)
}

// waiting is what a person compares with the sign.
func (p *page) waiting(j devices.Joining) waitingSign {
	return waitingSign{
		Panel: p.panel(j.Hardware), Model: orDash(j.Hardware.Model), Serial: orDash(j.Hardware.Serial), Signal: p.signal(j.SignalDBm),
		Battery: p.battery(j.Hardware, gateway.Status{BatteryMillivolts: j.BatteryMillivolts}),
		Since:   p.Time(j.Since), Until: p.Time(j.Expires), Address: orDash(j.Address),
		SerialEnd: j.Hardware.Serial[max(len(j.Hardware.Serial)-4, 0):],
	}
}

// pairSign makes the sign that shows the code one of ours and shows its page.
func (s *server) pairSign(w http.ResponseWriter, v *visit) error {
	view := pairView{Code: cleanCode(v.field("code")), Name: v.field("name"), Room: v.field("room")}
	p := s.newPage(v, "pair.title", "pair")
	if len(view.Code) != codeLength {
		return s.renderPair(w, v, http.StatusUnprocessableEntity, view, p.T("problem.code"))
	}
	if len([]rune(view.Name)) > maxName {
		return s.renderPair(w, v, http.StatusUnprocessableEntity, view, p.T("problem.name"))
	}
	room, err := s.typedRoom(v.Context(), view.Room)
	if errors.Is(err, errNoChoice) {
		return s.renderPair(w, v, http.StatusUnprocessableEntity, view, p.T("failure.no-choice"))
	}
	if err != nil {
		return err
	}
	// A pairing that is told to the sign must not break off with the browser.
	ctx, cancel := detached(v.Context(), actionTime)
	defer cancel()
	id, err := s.core.Pair(ctx, view.Code, view.Name, room)
	if err != nil {
		return s.refusePair(w, v, view, err)
	}
	s.done(w, "paired")
	return s.see(w, v, "/m/doors/"+url.PathEscape(string(id)))
}

// Halves are the two parts of the code as the glass shows them.
func (v *pairView) Halves() [2]string {
	half := min(codeLength/2, len(v.Code))
	return [2]string{v.Code[:half], v.Code[half:]}
}

// cleanCode drops blanks and dashes and ignores case, as people type codes; no
// code has a 1 or an I, which are meant for an L.
func cleanCode(code string) string {
	code = strings.Map(func(r rune) rune {
		switch r {
		case '-', ' ', '\t', '\u00a0':
			return -1
		case '1', 'I', 'i':
			return 'L'
		}
		return r
	}, code)
	return strings.ToUpper(clip(code, 64))
}

// roomGroups lists the rooms to choose from, those without a sign first. The
// room of except counts as free.
func (s *server) roomGroups(ctx context.Context, except devices.SignID) ([]roomGroup, error) {
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	signs, err := s.store.Signs(ctx)
	if err != nil {
		return nil, err
	}
	taken := map[calendar.RoomID]bool{}
	own := calendar.RoomID("")
	for _, sign := range signs {
		if sign.ID == except {
			own = sign.Room
			continue
		}
		taken[sign.Room] = true
	}
	slices.SortFunc(rooms, func(a, b calendar.Room) int {
		return cmp.Or(strings.Compare(a.Building, b.Building), strings.Compare(a.Name, b.Name))
	})
	free, used := roomGroup{Label: "rooms.free"}, roomGroup{Label: "rooms.taken"}
	for _, r := range rooms {
		if r.Gone && r.ID != own {
			continue
		}
		g := &free
		if taken[r.ID] {
			g = &used
		}
		g.Rooms = append(g.Rooms, roomChoice{ID: r.ID, Label: roomLabel(r)})
	}
	return slices.DeleteFunc([]roomGroup{free, used}, func(g roomGroup) bool { return len(g.Rooms) == 0 }), nil
}

func roomLabel(r calendar.Room) string {
	label := r.Name
	if label == "" {
		label = string(r.ID)
	}
	if r.Building != "" {
		label += " · " + r.Building
	}
	if r.Floor != "" {
		label += " · " + r.Floor
	}
	return label
}
