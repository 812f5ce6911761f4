package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"doorleaf/gateway/connection"
)

type trafficView struct {
	*page
	Name     string
	Tabs     []tab
	Counters []counterRow
	Failures []counterRow
	Rooms    []roomFault
	More     int
}

// counterRow is how often something happened since the start.
type counterRow struct {
	Text string
	N    uint64
}

// roomFault is a room that cannot be read at the moment.
type roomFault struct {
	Href, Name, Why, Code string
	Since                 timeText
}

// maxFaults bounds the list of rooms that cannot be read.
const maxFaults = 50

// counterNames are the counters with a sentence of their own, in the order of
// the page. Others are left out.
func counterNames() []string {
	return []string{"requests", "truth_reads", "delta_polls", "delta_rounds", "notifications", "rings", "rings_missed", "notifications_refused",
		"notifications_too_many", "lifecycle", "subscriptions_created", "subscriptions_renewed", "subscriptions_ended", "subscriptions_failed",
		"throttled", "retry_after_honoured", "back_offs", "malformed_answers", "rooms_dropped", "events_dropped", "subjects_cut"}
}

// showTraffic shows how the reading of calendars goes, in numbers only.
func (s *server) showTraffic(w http.ResponseWriter, v *visit) error {
	c, ok, err := s.entered(w, v)
	if !ok {
		return err
	}
	p := s.newPage(v, "traffic.title", "settings")
	p.Live = true
	view := &trafficView{page: p, Tabs: p.tabs("traffic")}
	if view.Name, err = s.orgTitle(p, c); err != nil {
		return err
	}
	counters := s.calendars.Counters()
	if counters == nil {
		counters = map[string]uint64{}
	}
	counters["throttled"] = counters["failures_"+string(connection.Throttled)]
	for name, n := range counters {
		if strings.HasPrefix(name, "lifecycle_") {
			counters["lifecycle"] += n
		}
	}
	for _, name := range counterNames() {
		n, known := counters[name]
		if known || name == "requests" || name == "throttled" || name == "malformed_answers" {
			view.Counters = append(view.Counters, counterRow{p.T("counter." + strings.ReplaceAll(name, "_", "-")), n})
		}
	}
	for name, n := range counters {
		if kind, ok := strings.CutPrefix(name, "failures_"); ok && n > 0 {
			view.Failures = append(view.Failures, counterRow{p.problemText(connection.Problem{Kind: connection.Kind(kind)}), n})
		}
	}
	slices.SortFunc(view.Failures, func(a, b counterRow) int {
		return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Text, b.Text))
	})
	if err := s.addFaults(view, c.ID); err != nil {
		return err
	}
	return s.render(w, v, http.StatusOK, "traffic", view)
}

// addFaults lists the rooms of an organisation that cannot be read now.
func (s *server) addFaults(view *trafficView, id connection.ID) error {
	rooms, err := s.store.Rooms(view.v.Context())
	if err != nil {
		return err
	}
	faults := s.calendars.RoomProblems()
	for _, r := range rooms {
		fault, ok := faults[r.ID]
		if !ok || r.Source != 0 && r.Source != int64(id) {
			continue
		}
		if len(view.Rooms) == maxFaults {
			view.More++
			continue
		}
		view.Rooms = append(view.Rooms, roomFault{Href: roomHref(r.ID), Name: cmp.Or(r.Name, string(r.ID)), Why: view.problemText(fault), Code: fault.Code, Since: view.Time(fault.Since)})
	}
	return nil
}
