package graphtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of getSchedule (learn.microsoft.com/graph/api/calendar-getschedule and
// what the service was seen to do).
const (
	schedulesMax     = 100
	scheduleItemsMax = 1000
	scheduleDaysMax  = 62
)

// getSchedule answers with free and busy times of several mailboxes. Who may ask
// at all sees subjects of mailboxes they may read alone.
func (c *call) getSchedule() {
	if c.r.Method != http.MethodPost {
		c.fail(http.StatusMethodNotAllowed, "ErrorInvalidRequest", "The OData request is not supported.")
		return
	}
	if !c.caller.may("Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite", "Calendars.Read.Shared", "Calendars.ReadWrite.Shared") &&
		len(c.caller.app.scoped) == 0 && len(c.caller.app.roomScope) == 0 {
		c.fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
		return
	}
	var w struct {
		Schedules []string  `json:"schedules"`
		Start     *wireTime `json:"startTime"`
		End       *wireTime `json:"endTime"`
		Interval  *int      `json:"availabilityViewInterval"`
	}
	if !c.body(&w) {
		return
	}
	h, ok := c.shape()
	if !ok {
		return
	}
	step := 30 * time.Minute
	if w.Interval != nil {
		step = time.Duration(*w.Interval) * time.Minute
	}
	if w.Start == nil || w.End == nil || len(w.Schedules) == 0 {
		c.fail(http.StatusBadRequest, "ErrorInvalidParameter", "schedules, startTime and endTime are required.")
		return
	}
	from, _, err1 := w.Start.instant()
	to, _, err2 := w.End.instant()
	switch {
	case err1 != nil || err2 != nil || !to.After(from):
		c.fail(http.StatusBadRequest, "ErrorInvalidParameter", "The time window is not valid.")
	case to.Sub(from) > scheduleDaysMax*24*time.Hour:
		c.fail(http.StatusBadRequest, "ErrorTimeIntervalTooBig", "The requested time window is too long.")
	case step < 5*time.Minute || step > 1440*time.Minute || step > to.Sub(from):
		c.fail(http.StatusBadRequest, "ErrorInvalidMergedFreeBusyInterval", "The availabilityViewInterval is out of range.")
	case len(w.Schedules) > schedulesMax:
		c.fail(http.StatusBadRequest, "ErrorMailboxDataArrayTooBig", "There are too many schedules in the request.")
	default:
		value := []any{}
		for _, name := range w.Schedules {
			value = append(value, c.schedule(h, name, from, to, step))
		}
		c.ok(http.StatusOK, map[string]any{
			"@odata.context": c.base + "/v1.0/$metadata#Collection(microsoft.graph.scheduleInformation)", "value": value,
		})
	}
}

// schedule is one mailbox of the answer.
func (c *call) schedule(h shape, name string, from, to time.Time, step time.Duration) map[string]any {
	box := c.caller.app.tenant.mailbox(name)
	problem := func(code, text string) map[string]any {
		return map[string]any{"scheduleId": name, "availabilityView": "", "scheduleItems": []any{}, "error": map[string]any{"responseCode": code, "message": text}}
	}
	if box == nil || box.room.NoMailbox {
		return problem("ErrorMailRecipientNotFound", "The mailbox could not be resolved to an e-mail address.")
	}
	list := box.between(from, to)
	if len(list) > scheduleItemsMax {
		return problem("5006", "The result set contains too many calendar entries.")
	}
	slices.SortStableFunc(list, func(a, b instance) int { return a.event.Start.Compare(b.event.Start) })
	open := c.caller.user == nil || box.person == c.caller.user || box.rights[c.caller.user.Address] != ""
	items := []any{}
	view := make([]byte, int((to.Sub(from)+step-1)/step))
	for i := range view {
		view[i] = '0'
	}
	for _, in := range list {
		e := in.event
		item := map[string]any{"status": e.ShowAs, "start": h.when(e.Start, e), "end": h.when(e.End, e)}
		if private := e.Sensitivity != "normal"; open {
			item["isPrivate"], item["subject"], item["location"] = private, e.Subject, e.Location
		}
		items = append(items, item)
		digit := availability(e.ShowAs)
		for i := range view {
			at := from.Add(time.Duration(i) * step)
			if overlaps(e, at, at.Add(step)) && rank(digit) > rank(view[i]) {
				view[i] = digit
			}
		}
	}
	return map[string]any{
		"scheduleId": name, "availabilityView": string(view), "scheduleItems": items,
		"workingHours": map[string]any{
			"daysOfWeek": []string{"monday", "tuesday", "wednesday", "thursday", "friday"},
			"startTime":  "08:00:00.0000000", "endTime": "17:00:00.0000000", "timeZone": map[string]any{"name": windowsZone(box.zone.String())},
		},
	}
}

// availability is the digit of a free/busy status.
func availability(showAs string) byte {
	switch showAs {
	case "free":
		return '0'
	case "tentative":
		return '1'
	case "oof":
		return '3'
	case "workingElsewhere":
		return '4'
	}
	return '2'
}

// rank orders the digits of an availability view by how much they take the room:
// out of office, busy, tentative, elsewhere.
func rank(digit byte) int { return strings.IndexByte("04123", digit) }
