package graphtest

import (
	"fmt"
	"strings"
	"time"
)

const (
	graphTime = "2006-01-02T15:04:05.0000000" // dateTimeTimeZone: seven digits, no offset
	stampTime = "2006-01-02T15:04:05.0000000Z"
	noTime    = "0001-01-01T00:00:00Z"
)

// shape is how a client wants events: which ids and which zone.
type shape struct {
	immutable bool
	zoneName  string // as the client spelled it
	zone      *time.Location
	plainBody bool
}

// when is a dateTimeTimeZone. All-day events are floating days: their dates in
// the zone they were made in, at midnight, whatever zone is asked for.
func (h shape) when(t time.Time, e Event) map[string]any {
	if e.AllDay {
		if zone, err := time.LoadLocation(e.TimeZone); err == nil {
			return map[string]any{"dateTime": dayOf(t, zone).Format(graphTime), "timeZone": h.zoneName}
		}
	}
	return map[string]any{"dateTime": t.In(h.zone).Format(graphTime), "timeZone": h.zoneName}
}

// bare is an occurrence as a delta page shows it.
func (h shape) bare(c *Calendar, in instance) map[string]any {
	return map[string]any{
		"@odata.type": "#microsoft.graph.event", "@odata.etag": etag(in.item),
		"id": idOf(in.item.key, in.day, h.immutable), "seriesMasterId": idOf(in.item.key, "", h.immutable),
		"type": in.kind, "start": h.when(in.event.Start, in.event), "end": h.when(in.event.End, in.event),
	}
}

// full is an event with all its properties, in the shape of Microsoft's
// samples (user-post-events).
func (h shape) full(c *Calendar, in instance) map[string]any {
	e, it := in.event, in.item
	doc := map[string]any{
		"@odata.etag": etag(it), "id": idOf(it.key, in.day, h.immutable), "changeKey": changeKey(it),
		"createdDateTime": it.created.Format(stampTime), "lastModifiedDateTime": it.changed.Format(stampTime),
		"categories": []string{}, "transactionId": orNull(it.transactID),
		"originalStartTimeZone": windowsZone(e.TimeZone), "originalEndTimeZone": windowsZone(e.TimeZone),
		"iCalUId": icalUID(it, in.day), "reminderMinutesBeforeStart": 15, "isReminderOn": false,
		"hasAttachments": false, "hideAttendees": false, "subject": e.Subject, "bodyPreview": preview(e.Body),
		"importance": "normal", "sensitivity": e.Sensitivity, "isAllDay": e.AllDay,
		"isCancelled": e.Cancelled, "isDraft": false, "isOrganizer": e.Response == "organizer",
		"responseRequested": true, "seriesMasterId": nil, "showAs": e.ShowAs, "type": in.kind,
		"webLink":          "https://outlook.practice.example/calendar/item/" + it.key,
		"onlineMeetingUrl": nil, "isOnlineMeeting": false, "onlineMeetingProvider": "unknown", "onlineMeeting": nil,
		"allowNewTimeProposals": true, "recurrence": nil, "body": h.body(e),
		"responseStatus": map[string]any{"response": e.Response, "time": answered(it, e)},
		"start":          h.when(e.Start, e), "end": h.when(e.End, e),
		"location": location(e.Location), "locations": []any{}, "attendees": attendees(e),
		"organizer": map[string]any{"emailAddress": map[string]any{"name": e.Organizer.Name, "address": e.Organizer.Address}},
	}
	if e.Location != "" {
		doc["locations"] = []any{location(e.Location)}
	}
	if in.day != "" {
		doc["seriesMasterId"] = idOf(it.key, "", h.immutable)
		if date, err := time.Parse(dateLayout, in.day); err == nil {
			doc["originalStart"] = it.on(date, it.zone).event.Start.Format(time.RFC3339)
		}
	}
	if in.kind == "seriesMaster" {
		doc["recurrence"] = it.event.Recurrence.document()
	}
	return doc
}

// removed is the mark of something that left the window.
func (h shape) removed(in instance) map[string]any {
	return map[string]any{
		"@odata.type": "#microsoft.graph.event", "id": idOf(in.item.key, in.day, h.immutable),
		"@removed": map[string]any{"reason": "deleted"},
	}
}

func (h shape) body(e Event) map[string]any {
	if h.plainBody {
		return map[string]any{"contentType": "text", "content": e.Body}
	}
	content := ""
	if e.Body != "" {
		content = "<html><head></head><body>" + htmlText(e.Body) + "</body></html>"
	}
	return map[string]any{"contentType": "html", "content": content}
}

func htmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", "<br>").Replace(s)
}

// preview is the start of the body, 255 characters as documented.
func preview(body string) string {
	if r := []rune(body); len(r) > 255 {
		return string(r[:255])
	}
	return body
}

func answered(it *item, e Event) string {
	if e.Response == "organizer" || e.Response == "none" || e.Response == "notResponded" {
		return noTime
	}
	return it.created.Format(time.RFC3339)
}

func location(name string) map[string]any {
	if name == "" {
		return map[string]any{"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": map[string]any{}, "coordinates": map[string]any{}}
	}
	return map[string]any{"displayName": name, "locationType": "default", "uniqueId": name, "uniqueIdType": "private"}
}

func attendees(e Event) []any {
	list := []any{}
	for _, p := range e.Attendees {
		list = append(list, map[string]any{
			"type": "required", "status": map[string]any{"response": "none", "time": noTime},
			"emailAddress": map[string]any{"name": p.Name, "address": p.Address},
		})
	}
	return list
}

// document is the recurrence with every member, as Graph writes it.
func (r Recurrence) document() map[string]any {
	p := r.Pattern
	var days []string
	for _, day := range p.DaysOfWeek { // taken in any case, served in Graph's
		days = append(days, strings.ToLower(day))
	}
	pattern := map[string]any{
		"type": p.Type, "interval": p.Interval, "month": p.Month, "dayOfMonth": p.DayOfMonth,
		"firstDayOfWeek": either(strings.ToLower(p.FirstDayOfWeek), "sunday"), "index": either(p.Index, "first"),
	}
	if len(days) > 0 {
		pattern["daysOfWeek"] = days
	}
	return map[string]any{"pattern": pattern, "range": map[string]any{
		"type": r.Range.Type, "startDate": r.Range.StartDate, "endDate": either(r.Range.EndDate, "0001-01-01"),
		"recurrenceTimeZone": r.Range.RecurrenceTimeZone, "numberOfOccurrences": r.Range.NumberOfOccurrences,
	}}
}

func either(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func etag(it *item) string { return `W/"` + changeKey(it) + `"` }

func changeKey(it *item) string {
	return fmt.Sprintf("%s%08X==", it.key[:20], it.version)
}

// icalUID has the look of Exchange's global object id; occurrences carry their
// day in it.
func icalUID(it *item, day string) string {
	date := "00000000"
	if d, err := time.Parse(dateLayout, day); err == nil {
		date = fmt.Sprintf("%04X%02X%02X", d.Year(), int(d.Month()), d.Day())
	}
	return "040000008200E00074C5B7101A82E008" + date + strings.ToUpper(fmt.Sprintf("%x", it.key[:24]))
}
