package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
)

// decisionsShown is how much of a sign's history its page shows.
const decisionsShown = 30

type doorView struct {
	*page
	ID        string
	Name      string
	Place     string
	Mark      mark
	Sentence  string
	Zone      string // of the times on the page where it is not the site's
	Glass     picture
	Wanted    picture
	Differs   bool
	GlassAt   timeText
	Chain     []chainLink
	History   []historyLine
	Facts     []fact
	Battery   *batteryView // nil when nothing is known of one
	Room      chooser
	Swap      chooser // the sign to swap rooms with
	HasOthers bool    // there is one
	Renews    bool    // its secret can be renewed
	Large     bool    // too wide to be shown pixel by pixel beside the chain
}

// chainLink is one link of the way from the calendar to the glass.
type chainLink struct {
	Name string
	Mark mark
	Text string
	At   timeText
	Open bool // the first one that is broken or waits

	Why    string // cause, where it is known elsewhere; "" else
	Code   string
	Href   string // of the cure, "" for none
	Action string
}

type historyLine struct {
	At     timeText
	Reason string
	Times  string
	Short  string
}

// fact is a line of a sign's hardware.
type fact struct{ Name, Value string }

func (s *server) showDoor(w http.ResponseWriter, v *visit) error {
	return s.renderDoor(w, v, http.StatusOK, "")
}

func (s *server) door(v *visit) (gateway.DoorView, error) {
	return s.core.Door(v.Context(), devices.SignID(v.PathValue("id")))
}

// renderDoor shows the page of a door, with the sentence of a failed action.
func (s *server) renderDoor(w http.ResponseWriter, v *visit, status int, problem string) error {
	d, err := s.door(v)
	if err != nil {
		return err
	}
	history, err := s.store.Decisions(v.Context(), d.Sign.ID, decisionsShown)
	if err != nil {
		return err
	}
	p := s.newPage(v, "", "doors")
	p.Title, p.Live, p.Problem = d.Sign.Name, true, problem
	zone := ""
	if d.Zone != nil && d.Zone.String() != v.zone.String() {
		v.zone, zone = d.Zone, d.Zone.String()
	}
	view := &doorView{
		page: p, ID: string(d.Sign.ID), Name: d.Sign.Name, Place: place(d), Mark: p.mark(string(d.Trust)), Zone: zone,
		Sentence: p.trustSentence(d), Glass: p.glass(d), Wanted: p.wanted(d), GlassAt: p.Time(d.Status.ShownAt),
		Facts: p.hardware(d), Large: d.Sign.Hardware.Width > 900, Renews: d.Sign.Hardware.Capabilities&devices.CanRenew != 0,
	}
	room := chooser{ID: "room-select", Name: "room", Label: p.T("door.room.label"), Hint: p.T("door.room.hint"), None: p.T("door.room.none"), Value: string(d.Sign.Room)}
	if view.Room, err = s.chooseRoom(v.Context(), p, room, d.Sign.ID); err != nil {
		return err
	}
	others, err := s.others(v.Context(), d.Sign.ID)
	if err != nil {
		return err
	}
	view.HasOthers = len(others) > 0
	view.Swap = chooseSign(p, chooser{ID: "with", Name: "with", Label: p.T("door.swap.with"), Hint: p.T("door.swap.hint")}, others)
	view.Differs = view.Wanted.Digest != "" && view.Wanted.Digest != view.Glass.Digest
	view.Chain = p.chain(d)
	if !d.Sign.Hardware.AlwaysOn {
		life, err := s.health.Battery(v.Context(), d.Sign.ID)
		if err != nil && !errors.Is(err, gateway.ErrNotFound) {
			return err
		}
		view.Battery = p.batteryOf(life)
	}
	if err := s.addCure(v, view.Chain, d); err != nil {
		return err
	}
	for _, h := range history {
		line := historyLine{At: p.Time(h.At), Reason: p.reason(h.Reason)}
		if h.Count > 1 {
			line.Times = p.N("history.times", h.Count)
		}
		if !h.Shows.IsZero() {
			line.Short = fmt.Sprintf("%x", h.Shows[:4])
		}
		view.History = append(view.History, line)
	}
	return s.render(w, v, status, "door", view)
}

// chain puts the gateway's chain into words.
func (p *page) chain(d gateway.DoorView) []chainLink {
	links := make([]chainLink, 0, len(d.Chain))
	opened := false
	for _, l := range d.Chain {
		link := chainLink{Name: p.T("chain." + l.Name), Mark: p.mark("link-" + string(l.State)), At: p.Time(l.At), Text: p.T(l.Key, p.words(l)...)}
		if !opened && l.State != gateway.LinkOK {
			link.Open, opened = true, true
		}
		links = append(links, link)
	}
	return links
}

// addCure adds cause and cure to the first link, where reading stops.
func (s *server) addCure(v *visit, links []chainLink, d gateway.DoorView) error {
	first := &links[0]
	p := s.newPage(v, "", "")
	switch {
	case !first.Open:
		return nil
	case d.Sign.Room == "" || d.Room.Gone:
		first.Href, first.Action = "#room", p.T("need.room.do")
		return nil
	}
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	problem := c.State.Problem
	if fault, ok := s.calendars.RoomProblems()[d.Sign.Room]; ok && problem == nil {
		problem = &fault
	}
	if problem != nil {
		first.Why, first.Code = p.problemText(*problem), problem.Code
	}
	first.Href, first.Action = office365Page, p.T("chain.do.connection")
	return nil
}

// words turns the arguments of a link into what a person reads: times into
// local ones, reasons and error numbers into words.
func (p *page) words(l gateway.ChainLink) []any {
	args := make([]any, len(l.Args))
	for i, a := range l.Args {
		switch a := a.(type) {
		case time.Time:
			args[i] = p.When(a)
		case string:
			if l.Key == "chain.decision.shows" && i == 1 {
				args[i] = p.reason(gateway.Reason(a))
				continue
			}
			args[i] = a
		case int:
			if l.Key == "chain.glass.error" {
				args[i] = p.signError(devices.ErrorCode(a))
				continue
			}
			args[i] = a
		default:
			args[i] = a
		}
	}
	return args
}

func (p *page) reason(r gateway.Reason) string {
	if key := "reason." + strings.ReplaceAll(string(r), " ", "-"); p.knows(key) {
		return p.T(key)
	}
	return string(r)
}

func (p *page) signError(code devices.ErrorCode) string {
	if key := fmt.Sprintf("sign-error.%d", code); p.knows(key) {
		return p.T(key)
	}
	return p.T("sign-error.other", int(code))
}

// trustSentence says what a door's mark means for this door.
func (p *page) trustSentence(d gateway.DoorView) string {
	switch d.Trust {
	case gateway.Wrong:
		if d.Status.LastError != devices.NoError {
			return p.T("trust.wrong.error", p.signError(d.Status.LastError))
		}
		return p.T("trust.wrong.sentence")
	case gateway.Late:
		if d.Sign.Hardware.AlwaysOn {
			return p.T("trust.late.offline", p.When(d.Status.LastSeen))
		}
		return p.T("trust.late.sentence", p.When(d.NextContact), p.When(d.Status.LastSeen))
	case gateway.Stale:
		return p.T("trust.stale.sentence", p.When(d.AgendaAsOf))
	case gateway.Pending:
		if !d.Sign.Hardware.AlwaysOn && !d.NextContact.IsZero() {
			return p.T("trust.pending.sleeps", p.When(d.NextContact))
		}
		return p.T("trust.pending.sentence")
	case gateway.Sleeping:
		return p.T("trust.sleeping.sentence", p.When(d.NextContact))
	case gateway.Right:
		if d.Sign.Room == "" {
			return p.T("trust.right.no-room")
		}
		return p.T("trust.right.sentence")
	}
	return p.T("trust.unknown.sentence")
}

// hardware lists what a sign says of itself; what is unknown is called so.
func (p *page) hardware(d gateway.DoorView) []fact {
	h, st := d.Sign.Hardware, d.Status
	power := p.T("display.sleeps")
	if h.AlwaysOn {
		power = p.T("display.always-on")
	}
	return []fact{
		{p.T("display.panel"), p.panel(h)},
		{p.T("display.power"), power},
		{p.T("display.battery"), p.battery(h, st)},
		{p.T("display.signal"), p.signal(st.SignalDBm)},
		{p.T("display.seen"), p.orNever(st.LastSeen)},
		{p.T("display.firmware"), orDash(h.Firmware)},
		{p.T("display.serial"), orDash(h.Serial)},
		{p.T("display.id"), string(d.Sign.ID)},
		{p.T("display.paired"), p.orNever(d.Sign.PairedAt)},
	}
}

func (p *page) panel(h devices.Hardware) string {
	for _, known := range devices.Panels() {
		if known.Width == h.Width && known.Height == h.Height {
			return p.T("display.inch", fmt.Sprintf("%d.%d", known.DiagonalTenth/10, known.DiagonalTenth%10), h.Width, h.Height)
		}
	}
	return p.T("display.pixels", h.Width, h.Height)
}

func (p *page) battery(h devices.Hardware, st gateway.Status) string {
	switch {
	case st.BatteryMillivolts > 0:
		return p.T("display.volts", fmt.Sprintf("%.2f", float64(st.BatteryMillivolts)/1000))
	case h.AlwaysOn:
		return p.T("display.mains")
	}
	return p.T("display.unknown")
}

// signal puts a radio level into a word; the bounds are usual ones for Wi-Fi.
func (p *page) signal(dbm int) string {
	switch {
	case dbm == 0:
		return p.T("display.unknown")
	case dbm >= -60:
		return p.T("display.signal.good", dbm)
	case dbm >= -75:
		return p.T("display.signal.fair", dbm)
	}
	return p.T("display.signal.weak", dbm)
}

func (p *page) orNever(t time.Time) string {
	if t.IsZero() {
		return p.T("time.never")
	}
	return p.When(t)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// roomGroup is a part of the list of rooms to choose from.
type roomGroup struct {
	Label string // catalogue key
	Rooms []roomChoice
}

type roomChoice struct {
	ID    calendar.RoomID
	Label string
}
