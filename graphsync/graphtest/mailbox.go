package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	viewPage    = 10   // events a calendarView page holds unless $top says more
	viewPageMax = 1000 // largest $top
	viewDays    = 1825 // longest window
)

// target is a mailbox as a request names it.
type target struct {
	*Calendar
	path string // how the request spelled it, for links: "users/room%40..."
	own  bool   // the signed-in person's own mailbox
}

// mailboxOf answers under /users/{name} and /me.
func (c *call) mailboxOf(name string, parts []string) {
	box := c.caller.app.tenant.mailbox(name)
	if len(parts) == 0 {
		c.user(box)
		return
	}
	if len(parts) > 1 && strings.EqualFold(parts[0], "calendar") {
		parts = parts[1:] // the default calendar by name
	}
	kind := strings.ToLower(parts[0])
	if kind == "getschedule" && len(parts) == 1 {
		c.getSchedule()
		return
	}
	if kind != "calendarview" && kind != "events" {
		c.noSegment(parts[0])
		return
	}
	if box == nil {
		c.fail(http.StatusNotFound, "ErrorInvalidUser", "The requested user '"+name+"' is invalid.")
		return
	}
	t := target{Calendar: box, own: c.caller.user != nil && box.person == c.caller.user}
	t.path = "users/" + strings.ReplaceAll(url.PathEscape(name), "@", "%40")
	if strings.HasPrefix(strings.ToLower(c.r.URL.Path), "/v1.0/me/") {
		t.path = "me"
	}
	write := c.r.Method != http.MethodGet
	if !c.mayOpen(t, write) {
		return
	}
	if box.room.NoMailbox {
		c.fail(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
		return
	}
	h, ok := c.shape()
	if !ok {
		return
	}
	switch {
	case kind == "events":
		c.events(t, h, parts[1:])
	case write:
		c.fail(http.StatusMethodNotAllowed, "ErrorInvalidRequest", "The OData request is not supported.")
	case len(parts) == 1:
		c.calendarView(t, h)
	case len(parts) == 2 && strings.TrimSuffix(cast(parts[1]), "()") == "delta":
		c.delta(t, h)
	default:
		c.noSegment(parts[len(parts)-1])
	}
}

// mayOpen checks permissions and folder rights; it answers itself when not.
func (c *call) mayOpen(t target, write bool) bool {
	denied := func() bool {
		c.fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
		return false
	}
	who := c.caller
	if who.user != nil {
		right := t.rights[who.user.Address]
		switch {
		case t.own && !write:
			return who.may("Calendars.Read", "Calendars.ReadWrite", "Calendars.Read.Shared", "Calendars.ReadWrite.Shared", "Calendars.ReadBasic") || denied()
		case t.own:
			return who.may("Calendars.ReadWrite", "Calendars.ReadWrite.Shared") || denied()
		case write:
			return who.may("Calendars.ReadWrite.Shared") && right == "editor" || denied()
		}
		return who.may("Calendars.Read.Shared", "Calendars.ReadWrite.Shared") && right != "" || denied()
	}
	needed := []string{"Calendars.Read", "Calendars.ReadWrite"}
	if write {
		needed = needed[1:]
	}
	if !who.may(needed...) && !who.app.scopedTo(t.Calendar, needed...) {
		return denied()
	}
	if who.app.restricted != nil && !who.app.restricted[strings.ToLower(t.room.Email)] {
		c.fail(http.StatusForbidden, "ErrorAccessDenied", "Access to OData is disabled.")
		return false
	}
	return true
}

// user answers with the directory entry of a person or room.
func (c *call) user(box *Calendar) {
	own := c.caller.user != nil && box != nil && box.person == c.caller.user
	switch {
	case c.r.Method != http.MethodGet:
		c.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
		return
	case own && !c.caller.may("User.Read", "User.Read.All"), !own && !c.caller.may("User.Read.All", "User.ReadBasic.All"):
		c.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return
	case box == nil:
		c.fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource does not exist or one of its queried reference-property objects are not present.")
		return
	}
	id := box.id
	if box.person != nil {
		id = box.person.id
	}
	doc := map[string]any{
		"@odata.context": c.base + "/v1.0/$metadata#users/$entity", "id": id, "displayName": box.room.Name,
		"mail": box.room.Email, "userPrincipalName": box.room.Email, "businessPhones": []string{},
		"givenName": nil, "surname": nil, "jobTitle": nil, "mobilePhone": nil, "officeLocation": nil, "preferredLanguage": nil,
	}
	c.ok(http.StatusOK, c.pick(doc, "@odata.context"))
}

// shape reads how events are wanted from the Prefer lines.
func (c *call) shape() (shape, bool) {
	h := shape{immutable: c.immutable(), zoneName: "UTC", zone: time.UTC}
	if h.immutable {
		c.applied(`IdType="ImmutableId"`)
	}
	if name := c.prefer["outlook.timezone"]; name != "" {
		zone, ok := loadZone(name)
		if !ok {
			c.fail(http.StatusBadRequest, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: '"+name+"'.")
			return h, false
		}
		h.zone, h.zoneName = zone, name
		c.applied(`outlook.timezone="` + name + `"`)
	}
	if strings.EqualFold(c.prefer["outlook.body-content-type"], "text") {
		h.plainBody = true
		c.applied(`outlook.body-content-type="text"`)
	}
	return h, true
}

// window reads startDateTime and endDateTime.
func (c *call) window() (from, to time.Time, ok bool) {
	start, end := c.q["startdatetime"], c.q["enddatetime"]
	if start == "" || end == "" {
		c.fail(http.StatusBadRequest, "ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
		return from, to, false
	}
	from, ok1 := instant(start)
	to, ok2 := instant(end)
	switch {
	case !ok1 || !ok2:
		c.fail(http.StatusBadRequest, "ErrorInvalidParameter", "The value of a query string parameter StartDateTime or EndDateTime is not a valid date and time.")
	case to.Before(from):
		c.fail(http.StatusBadRequest, "ErrorInvalidParameter", "The specified EndDateTime is before StartDateTime.")
	case to.Sub(from) > viewDays*24*time.Hour:
		c.fail(http.StatusBadRequest, "ErrorCalendarViewRangeTooBig", "The requested range is larger than 1825 days.")
	default:
		return from, to, true
	}
	return from, to, false
}

// calendarView answers with the occurrences of a window, a page at a time.
func (c *call) calendarView(t target, h shape) {
	if !c.options("$select", "$top", "$skip", "$orderby", "$count") || !c.knownEventNames() {
		return
	}
	from, to, ok := c.window()
	if !ok {
		return
	}
	standard := viewPage
	if n, err := strconv.Atoi(c.prefer["odata.maxpagesize"]); err == nil && n > 0 {
		standard = min(n, viewPageMax)
		c.applied("odata.maxpagesize=" + strconv.Itoa(standard))
	}
	top, ok := c.whole("$top", standard, viewPageMax)
	if !ok {
		return
	}
	skip, ok := c.whole("$skip", 0, 1<<30)
	if !ok {
		return
	}
	list := t.between(from, to)
	if !c.order(list) {
		return
	}
	doc := map[string]any{"@odata.context": c.base + "/v1.0/$metadata#" + t.context() + "/calendarView" + c.selection()}
	if strings.EqualFold(c.q["$count"], "true") {
		doc["@odata.count"] = len(list)
	}
	total := len(list)
	list = list[min(skip, total):]
	list = list[:min(top, len(list))]
	if next := skip + top; next < total && top > 0 {
		doc["@odata.nextLink"] = c.base + "/v1.0/" + t.path + "/calendarView?" + c.nextQuery(top, next)
	}
	value := []any{}
	for _, in := range list {
		value = append(value, c.pick(h.full(t.Calendar, in), "id", "@odata.etag"))
	}
	doc["value"] = value
	c.ok(http.StatusOK, doc)
}

// context is the mailbox in a metadata address.
func (t target) context() string {
	if t.path == "me" {
		return "users('" + t.person.id + "')"
	}
	return "users('" + strings.TrimPrefix(t.path, "users/") + "')"
}

func (c *call) selection() string {
	if text := c.q["$select"]; text != "" {
		return "(" + strings.ReplaceAll(text, " ", "") + ")"
	}
	return ""
}

// nextQuery repeats the request's options with the next $skip.
func (c *call) nextQuery(top, skip int) string {
	parts := []string{"startDateTime=" + url.QueryEscape(c.q["startdatetime"]), "endDateTime=" + url.QueryEscape(c.q["enddatetime"])}
	for _, name := range []string{"$select", "$orderby", "$count"} {
		if v, given := c.q[name]; given {
			parts = append(parts, name+"="+url.QueryEscape(v))
		}
	}
	parts = append(parts, "$top="+strconv.Itoa(top), "$skip="+strconv.Itoa(skip))
	return strings.Join(parts, "&")
}

// order sorts by $orderby; without it nothing is promised.
func (c *call) order(list []instance) bool {
	text := strings.TrimSpace(c.q["$orderby"])
	if text == "" {
		return true
	}
	field, way, _ := strings.Cut(text, " ")
	way = strings.ToLower(strings.TrimSpace(way))
	var compare func(a, b instance) int
	switch strings.ToLower(field) {
	case "start/datetime", "start":
		compare = func(a, b instance) int { return a.event.Start.Compare(b.event.Start) }
	case "end/datetime", "end":
		compare = func(a, b instance) int { return a.event.End.Compare(b.event.End) }
	case "subject":
		compare = func(a, b instance) int { return strings.Compare(a.event.Subject, b.event.Subject) }
	}
	if compare == nil || (way != "" && way != "asc" && way != "desc") {
		c.fail(http.StatusBadRequest, "ErrorInvalidParameter", "The $orderby expression is not supported.")
		return false
	}
	slices.SortStableFunc(list, func(a, b instance) int {
		if way == "desc" {
			return compare(b, a)
		}
		return compare(a, b)
	})
	return true
}

// eventNames are the properties of an event that can be selected.
func eventNames() []string {
	return []string{
		"id", "changeKey", "createdDateTime", "lastModifiedDateTime", "categories", "transactionId",
		"originalStartTimeZone", "originalEndTimeZone", "iCalUId", "reminderMinutesBeforeStart", "isReminderOn",
		"hasAttachments", "hideAttendees", "subject", "bodyPreview", "importance", "sensitivity", "isAllDay",
		"isCancelled", "isDraft", "isOrganizer", "responseRequested", "seriesMasterId", "showAs", "type", "webLink",
		"onlineMeetingUrl", "isOnlineMeeting", "onlineMeetingProvider", "onlineMeeting", "allowNewTimeProposals",
		"recurrence", "body", "responseStatus", "start", "end", "location", "locations", "attendees", "organizer", "originalStart",
	}
}

// knownEventNames refuses unknown names in $select, and the two stamps which a
// calendar view does not support there (user-list-calendarview).
func (c *call) knownEventNames() bool {
	text := c.q["$select"]
	if text == "" {
		return true
	}
	for _, word := range strings.Split(text, ",") {
		word = strings.TrimSpace(word)
		if !slices.ContainsFunc(eventNames(), func(n string) bool { return strings.EqualFold(n, word) }) {
			c.fail(http.StatusBadRequest, "RequestBroker--ParseUri", "Could not find a property named '"+word+"' on type 'Microsoft.OutlookServices.Event'.")
			return false
		}
		if strings.EqualFold(word, "createdDateTime") || strings.EqualFold(word, "lastModifiedDateTime") {
			c.fail(http.StatusBadRequest, "ErrorInvalidProperty", "The property '"+word+"' does not support $select on a calendar view.")
			return false
		}
	}
	return true
}
