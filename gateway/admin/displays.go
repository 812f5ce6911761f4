package admin

import (
	"net/http"
	"net/url"
)

type displaysView struct {
	*page
	doorList
	Displays []display
}

// display is one sign as hardware.
type display struct {
	Href     string
	Name     string
	ID       string
	Room     string
	Mark     mark
	Panel    string
	Power    string
	Battery  string
	Signal   string
	Firmware string
	Seen     timeText
	Next     timeText
}

func (s *server) showDisplays(w http.ResponseWriter, v *visit) error {
	doors, err := s.core.Doors(v.Context())
	if err != nil {
		return err
	}
	p := s.newPage(v, "displays.title", "displays")
	p.Live = true
	view := &displaysView{page: p}
	view.doorList, doors = p.list("/m/displays", doors)
	for _, d := range doors {
		power := p.T("display.sleeps")
		if d.Sign.Hardware.AlwaysOn {
			power = p.T("display.always-on")
		}
		view.Displays = append(view.Displays, display{
			Href: "/m/doors/" + url.PathEscape(string(d.Sign.ID)), Name: d.Sign.Name, ID: string(d.Sign.ID), Room: d.Room.Name,
			Mark: p.mark(string(d.Trust)), Panel: p.panel(d.Sign.Hardware), Power: power,
			Battery: p.battery(d.Sign.Hardware, d.Status), Signal: p.signal(d.Status.SignalDBm),
			Firmware: orDash(d.Sign.Hardware.Firmware), Seen: p.Time(d.Status.LastSeen), Next: p.Time(d.NextContact),
		})
	}
	return s.render(w, v, http.StatusOK, "displays", view)
}
