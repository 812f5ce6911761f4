package graphtest

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

const bodyLimit = 4 << 20

// wireTime is a dateTimeTimeZone as clients send it.
type wireTime struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

// wireEvent is an event as clients send it. Members that are not sent stay nil.
type wireEvent struct {
	Subject     *string   `json:"subject"`
	Start       *wireTime `json:"start"`
	End         *wireTime `json:"end"`
	IsAllDay    *bool     `json:"isAllDay"`
	ShowAs      *string   `json:"showAs"`
	Sensitivity *string   `json:"sensitivity"`
	TransactID  *string   `json:"transactionId"`
	Body        *struct {
		ContentType string `json:"contentType"`
		Content     string `json:"content"`
	} `json:"body"`
	Location *struct {
		DisplayName string `json:"displayName"`
	} `json:"location"`
	Attendees *[]struct {
		EmailAddress struct {
			Name    string `json:"name"`
			Address string `json:"address"`
		} `json:"emailAddress"`
	} `json:"attendees"`
	Recurrence *Recurrence `json:"recurrence"`
}

// events answers under /users/{id}/events.
func (c *call) events(t target, h shape, parts []string) {
	method := c.r.Method
	switch {
	case len(parts) == 0 && method == http.MethodGet:
		c.eventList(t, h)
	case len(parts) == 0 && method == http.MethodPost:
		c.createEvent(t, h)
	case len(parts) == 0:
		c.fail(http.StatusMethodNotAllowed, "ErrorInvalidRequest", "The OData request is not supported.")
	default:
		it, day := t.find(parts[0])
		if it == nil {
			c.fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
			return
		}
		c.event(t, h, it, day, parts[1:])
	}
}

// event answers for one event.
func (c *call) event(t target, h shape, it *item, day string, parts []string) {
	name := ""
	if len(parts) > 0 {
		name = strings.ToLower(cast(parts[0]))
	}
	switch method := c.r.Method; {
	case name == "" && method == http.MethodGet:
		c.oneEvent(t, h, http.StatusOK, t.at(it, day))
	case name == "" && method == http.MethodPatch:
		c.updateEvent(t, h, it, day)
	case name == "" && method == http.MethodDelete:
		t.remove(it, day)
		c.a.status = http.StatusNoContent
	case name == "instances" && method == http.MethodGet:
		c.eventInstances(t, h, it)
	case method == http.MethodPost && (name == "accept" || name == "tentativelyaccept" || name == "decline" || name == "cancel"):
		c.respond(t, it, day, name)
	default:
		c.noSegment(name)
	}
}

func (c *call) oneEvent(t target, h shape, status int, in instance) {
	if !c.options("$select") {
		return
	}
	doc := c.pick(h.full(t.Calendar, in), "id", "@odata.etag")
	doc["@odata.context"] = c.base + "/v1.0/$metadata#" + t.context() + "/events" + c.selection() + "/$entity"
	c.ok(status, doc)
}

// eventList lists single events and series masters, not their occurrences.
func (c *call) eventList(t target, h shape) {
	if !c.options("$select", "$top", "$skip", "$count") {
		return
	}
	top, ok := c.whole("$top", viewPage, viewPageMax)
	if !ok {
		return
	}
	skip, ok := c.whole("$skip", 0, 1<<30)
	if !ok {
		return
	}
	value := []any{}
	for _, it := range t.items[min(skip, len(t.items)):min(skip+top, len(t.items))] {
		value = append(value, c.pick(h.full(t.Calendar, t.at(it, "")), "id", "@odata.etag"))
	}
	doc := map[string]any{"@odata.context": c.base + "/v1.0/$metadata#" + t.context() + "/events" + c.selection(), "value": value}
	if next := skip + top; next < len(t.items) && top > 0 {
		link := c.nextQuery(top, next)
		doc["@odata.nextLink"] = c.base + "/v1.0/" + t.path + "/events?" + link[strings.Index(link, "$"):]
	}
	c.ok(http.StatusOK, doc)
}

// eventInstances lists the occurrences of a series in a window.
func (c *call) eventInstances(t target, h shape, it *item) {
	if !c.options("$select") || !c.knownEventNames() {
		return
	}
	from, to, ok := c.window()
	if !ok {
		return
	}
	value := []any{}
	for _, in := range it.between(from, to) {
		value = append(value, c.pick(h.full(t.Calendar, in), "id", "@odata.etag"))
	}
	c.ok(http.StatusOK, map[string]any{
		"@odata.context": c.base + "/v1.0/$metadata#" + t.context() + "/events('" + idOf(it.key, "", h.immutable) + "')/instances" + c.selection(),
		"value":          value,
	})
}

// createEvent books on the mailbox itself, which becomes the organizer.
func (c *call) createEvent(t target, h shape) {
	w, ok := c.wireEvent()
	if !ok {
		return
	}
	if w.Start == nil || w.End == nil {
		c.fail(http.StatusBadRequest, "ErrorInvalidRequest", "An event needs a start and an end.")
		return
	}
	if w.TransactID != nil && *w.TransactID != "" {
		for _, it := range t.items {
			if it.transactID == *w.TransactID {
				c.fail(http.StatusConflict, "ErrorDuplicateTransactionId", "Your request can't be completed because an event with the same transactionId exists.")
				return
			}
		}
	}
	var e Event
	if err := w.apply(&e); err != nil {
		c.fail(http.StatusBadRequest, "ErrorInvalidRequest", err.Error())
		return
	}
	it, err := t.add(e)
	if err != nil {
		c.fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "At least one property failed validation.")
		return
	}
	if w.TransactID != nil {
		it.transactID = *w.TransactID
	}
	c.oneEvent(t, h, http.StatusCreated, t.at(it, ""))
}

// updateEvent changes what the body names; an empty body changes nothing and
// is answered with 200 all the same.
func (c *call) updateEvent(t target, h shape, it *item, day string) {
	w, ok := c.wireEvent()
	if !ok {
		return
	}
	e := t.at(it, day).event
	before := e.clone()
	if err := w.apply(&e); err != nil {
		c.fail(http.StatusBadRequest, "ErrorInvalidRequest", err.Error())
		return
	}
	if day != "" && (e.Start != before.Start || e.End != before.End) && it.crosses(day, e) {
		c.fail(http.StatusBadRequest, "ErrorOccurrenceCrossingBoundary", "Modified occurrence is crossing or overlapping adjacent occurrence.")
		return
	}
	if !w.empty() || e.Start != before.Start {
		if err := t.put(it, day, e); err != nil {
			c.fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "At least one property failed validation.")
			return
		}
	}
	c.oneEvent(t, h, http.StatusOK, t.at(it, day))
}

// wireEvent reads an event from the request; names the type does not have are
// refused, annotations are not.
func (c *call) wireEvent() (w wireEvent, ok bool) {
	var raw json.RawMessage
	if !c.body(&raw) {
		return w, false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || json.Unmarshal(raw, &w) != nil {
		c.fail(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
		return w, false
	}
	for name := range members {
		if !strings.Contains(name, "@") && !slices.Contains(eventNames(), name) {
			c.fail(http.StatusBadRequest, "RequestBodyRead", "The property '"+name+"' does not exist on type 'Microsoft.OutlookServices.Event'. Make sure to only use property names that are defined by the type.")
			return w, false
		}
	}
	return w, true
}

func (w wireEvent) empty() bool {
	return w == wireEvent{}
}

var (
	errWireTime = errors.New("the value of start or end is not a date and time with a supported time zone")
	errWireEnum = errors.New("the value of an enumeration is not supported")
)

// apply puts the members that were sent into an event.
func (w wireEvent) apply(e *Event) error {
	set(&e.Subject, w.Subject)
	set(&e.AllDay, w.IsAllDay)
	if !setEnum(&e.ShowAs, w.ShowAs, "free", "tentative", "busy", "oof", "workingElsewhere", "unknown") ||
		!setEnum(&e.Sensitivity, w.Sensitivity, "normal", "personal", "private", "confidential") {
		return errWireEnum
	}
	if w.Body != nil {
		e.Body = w.Body.Content
	}
	if w.Location != nil {
		e.Location = w.Location.DisplayName
	}
	if w.Attendees != nil {
		e.Attendees = nil
		for _, a := range *w.Attendees {
			e.Attendees = append(e.Attendees, Person{a.EmailAddress.Name, a.EmailAddress.Address})
		}
	}
	if w.Recurrence != nil {
		e.Recurrence = w.Recurrence
	}
	if w.Start != nil {
		t, zone, err := w.Start.instant()
		if err != nil {
			return err
		}
		e.Start, e.TimeZone = t, zone
	}
	if w.End != nil {
		t, _, err := w.End.instant()
		if err != nil {
			return err
		}
		e.End = t
	}
	return nil
}

func set[T any](at *T, value *T) {
	if value != nil {
		*at = *value
	}
}

// setEnum takes a member of an enumeration in any case, as Outlook does.
func setEnum(at *string, value *string, members ...string) bool {
	if value == nil {
		return true
	}
	for _, m := range members {
		if strings.EqualFold(m, *value) {
			*at = m
			return true
		}
	}
	return false
}

// instant reads a time with its zone, by Windows or IANA name.
func (w wireTime) instant() (time.Time, string, error) {
	zone, ok := loadZone(w.TimeZone)
	if !ok {
		return time.Time{}, "", errWireTime
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", dateLayout} {
		if naive, err := time.Parse(layout, w.DateTime); err == nil {
			day := naive.Truncate(24 * time.Hour)
			return wall(day, naive.Sub(day), zone).UTC(), zone.String(), nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, w.DateTime); err == nil {
		return t.UTC(), zone.String(), nil
	}
	return time.Time{}, "", errWireTime
}

// respond accepts, declines or cancels.
func (c *call) respond(t target, it *item, day, name string) {
	e := t.at(it, day).event
	mine := e.Response == "organizer"
	if (name == "cancel") != mine {
		c.fail(http.StatusBadRequest, "ErrorInvalidRequest", "Your request can't be completed. The meeting organizer cannot respond to a meeting request, and only the organizer cancels.")
		return
	}
	switch name {
	case "decline", "cancel":
		t.remove(it, day) // the copy leaves the calendar
	case "accept", "tentativelyaccept":
		e.Response, e.ShowAs = "accepted", "busy"
		if name != "accept" {
			e.Response, e.ShowAs = "tentativelyAccepted", "tentative"
		}
		if err := t.put(it, day, e); err != nil {
			c.fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "At least one property failed validation.")
			return
		}
	}
	c.a.status = http.StatusAccepted
}

// body reads a JSON body, packed with gzip or not.
func (c *call) body(into any) bool {
	var reader io.Reader = c.r.Body
	switch c.r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(c.r.Body)
		if err != nil {
			c.fail(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. The body is not what Content-Encoding says.")
			return false
		}
		reader = z
	default:
		c.fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Encoding is not supported.")
		return false
	}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); c.r.Header.Get("Content-Type") != "" && (err != nil || kind != "application/json") {
		c.fail(http.StatusUnsupportedMediaType, "RequestBodyRead", "The Content-Type of the request is not supported.")
		return false
	}
	raw, err := io.ReadAll(io.LimitReader(reader, bodyLimit+1))
	if err != nil || len(raw) > bodyLimit {
		c.fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body cannot be read or is too large.")
		return false
	}
	if err := json.Unmarshal(raw, into); err != nil {
		c.fail(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
		return false
	}
	return true
}
