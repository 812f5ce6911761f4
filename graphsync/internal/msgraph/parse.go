package msgraph

import (
	"errors"
	"strconv"
	"strings"

	"github.com/microsoft/kiota-abstractions-go/serialization"
)

// Room is a room as Graph's place resource gives it.
type Room struct {
	ID          string // not immutable
	PlaceID     string
	Name        string // displayName
	Address     string // emailAddress
	Building    string
	FloorLabel  string
	FloorNumber int // valid if HasFloor
	HasFloor    bool
	Capacity    int // 0 when unknown

	// What is in the room, in the words of the directory.
	Display, Video, Audio string // displayDeviceName and its like
	Wheelchair            bool   // isWheelChairAccessible
	Tags                  []string
}

// maxTags bounds the tags read of a room.
const maxTags = 32

// Event is an event as Graph gives it, unjudged. Bad names the members whose
// JSON type was not the documented one; they are left empty.
type Event struct {
	ID, ICalUID, SeriesID, Type     string
	Subject                         string
	OrganizerName, OrganizerAddress string
	Start, End                      DateTime
	Created                         string
	AllDay, Cancelled               bool
	ShowAs, Sensitivity, Response   string
	ChangeKey, TransactionID        string
	Removed                         bool // a delta item that says the event is gone
	Bad                             []string
}

// DateTime is Graph's dateTimeTimeZone: a wall-clock time without offset and
// the name of its zone.
type DateTime struct{ DateTime, Zone string }

type (
	node   = serialization.ParseNode
	reader = map[string]func(node) error
)

// readOnly is the part of Parsable that answers never use.
type readOnly struct{}

// Serialize implements serialization.Parsable.
func (readOnly) Serialize(serialization.SerializationWriter) error {
	return errors.New("msgraph: answers are not written")
}

// page is one page of a collection.
type page[T any] struct {
	readOnly
	items     []T
	hasValue  bool
	nextLink  string
	deltaLink string
	factory   serialization.ParsableFactory
	take      func(serialization.Parsable) T
}

// GetFieldDeserializers implements serialization.Parsable.
func (p *page[T]) GetFieldDeserializers() reader {
	return reader{
		"@odata.nextLink":  func(n node) error { return strict(n, &p.nextLink) },
		"@odata.deltaLink": func(n node) error { return strict(n, &p.deltaLink) },
		"value": func(n node) error {
			values, err := n.GetCollectionOfObjectValues(p.factory)
			if err != nil {
				return err
			}
			p.hasValue = values != nil
			for _, v := range values {
				if v == nil {
					return errors.New("msgraph: null in a collection")
				}
				p.items = append(p.items, p.take(v))
			}
			return nil
		},
	}
}

func strict(n node, to *string) error {
	s, err := n.GetStringValue()
	if s != nil {
		*to = *s
	}
	return err
}

// roomItem reads a room leniently: Microsoft's own examples have the capacity
// as a string and members of other types than the schema.
type roomItem struct {
	readOnly
	room Room
}

func newRoom(node) (serialization.Parsable, error) { return new(roomItem), nil }

// GetFieldDeserializers implements serialization.Parsable.
func (r *roomItem) GetFieldDeserializers() reader {
	text := func(to *string) func(node) error {
		return func(n node) error { *to = lenientText(n); return nil }
	}
	return reader{
		"id":           text(&r.room.ID),
		"placeId":      text(&r.room.PlaceID),
		"displayName":  text(&r.room.Name),
		"emailAddress": func(n node) error { return strict(n, &r.room.Address) },
		"building":     text(&r.room.Building),
		"floorLabel":   text(&r.room.FloorLabel),
		"floorNumber": func(n node) error {
			r.room.FloorNumber, r.room.HasFloor = lenientInt(n)
			return nil
		},
		"capacity": func(n node) error {
			r.room.Capacity, _ = lenientInt(n)
			return nil
		},
		"displayDeviceName": text(&r.room.Display),
		"videoDeviceName":   text(&r.room.Video),
		"audioDeviceName":   text(&r.room.Audio),
		"isWheelChairAccessible": func(n node) error {
			b, err := n.GetBoolValue()
			r.room.Wheelchair = err == nil && b != nil && *b
			return nil
		},
		"tags": func(n node) error {
			r.room.Tags = lenientTexts(n, maxTags)
			return nil
		},
	}
}

// lenientText reads a string, or a number as its text; anything else is "".
func lenientText(n node) string {
	if s, err := n.GetStringValue(); err == nil {
		if s == nil {
			return ""
		}
		return *s
	}
	if i, ok := lenientInt(n); ok {
		return strconv.Itoa(i)
	}
	return ""
}

// lenientTexts reads the first texts of a list; a list with anything else in it
// is as good as none.
func lenientTexts(n node, most int) (out []string) {
	values, err := n.GetCollectionOfPrimitiveValues("string")
	if err != nil {
		return nil
	}
	for _, v := range values[:min(len(values), most)] {
		if s, ok := v.(*string); ok && s != nil {
			out = append(out, *s)
		}
	}
	return out
}

// lenientInt reads a number, or a string that holds one.
func lenientInt(n node) (int, bool) {
	if s, err := n.GetStringValue(); err == nil {
		if s == nil {
			return 0, false
		}
		i, err := strconv.ParseInt(strings.TrimSpace(*s), 10, 32)
		return int(i), err == nil
	}
	f, err := n.GetFloat64Value()
	if err != nil || f == nil || *f != *f || *f < -1e9 || *f > 1e9 {
		return 0, false
	}
	return int(*f), true
}

// eventItem reads an event. It never fails: what has a wrong type is named in
// Bad and judged by the caller, who knows which room it was.
type eventItem struct {
	readOnly
	event Event
}

func newEvent(node) (serialization.Parsable, error) { return new(eventItem), nil }

// GetFieldDeserializers implements serialization.Parsable.
func (e *eventItem) GetFieldDeserializers() reader {
	ev := &e.event
	return reader{
		"id":              e.text("id", &ev.ID),
		"iCalUId":         e.text("iCalUId", &ev.ICalUID),
		"seriesMasterId":  e.text("seriesMasterId", &ev.SeriesID),
		"type":            e.text("type", &ev.Type),
		"subject":         e.text("subject", &ev.Subject),
		"createdDateTime": e.text("createdDateTime", &ev.Created),
		"isAllDay":        e.truth("isAllDay", &ev.AllDay),
		"isCancelled":     e.truth("isCancelled", &ev.Cancelled),
		"showAs":          e.text("showAs", &ev.ShowAs),
		"sensitivity":     e.text("sensitivity", &ev.Sensitivity),
		"changeKey":       e.text("changeKey", &ev.ChangeKey),
		"transactionId":   e.text("transactionId", &ev.TransactionID),
		"start":           e.moment("start", &ev.Start),
		"end":             e.moment("end", &ev.End),
		"responseStatus":  e.object("responseStatus", reader{"response": e.text("responseStatus", &ev.Response)}),
		"organizer": e.object("organizer", reader{"emailAddress": e.object("organizer", reader{
			"name":    e.text("organizer", &ev.OrganizerName),
			"address": e.text("organizer", &ev.OrganizerAddress),
		})}),
		"@removed": func(n node) error {
			_, null := isObject(n)
			ev.Removed = !null
			return nil
		},
	}
}

// bad notes a member of a wrong type.
func (e *eventItem) bad(name string) { e.event.Bad = append(e.event.Bad, name) }

// text reads a string.
func (e *eventItem) text(name string, to *string) func(node) error {
	return func(n node) error {
		if strict(n, to) != nil {
			e.bad(name)
		}
		return nil
	}
}

// truth reads a boolean.
func (e *eventItem) truth(name string, to *bool) func(node) error {
	return func(n node) error {
		b, err := n.GetBoolValue()
		if err != nil {
			e.bad(name)
		} else if b != nil {
			*to = *b
		}
		return nil
	}
}

// object reads members of an object.
func (e *eventItem) object(name string, members reader) func(node) error {
	return func(n node) error {
		switch object, null := isObject(n); {
		case null:
			return nil
		case !object:
			e.bad(name)
			return nil
		}
		for member, read := range members {
			if child, err := n.GetChildNode(member); err != nil {
				e.bad(name)
			} else if child != nil {
				_ = read(child)
			}
		}
		return nil
	}
}

// moment reads a dateTimeTimeZone.
func (e *eventItem) moment(name string, to *DateTime) func(node) error {
	return e.object(name, reader{"dateTime": e.text(name, &to.DateTime), "timeZone": e.text(name, &to.Zone)})
}

// isObject reports whether the node is a JSON object, or null. The SDK hands
// nulls out as nil pointers in a non-nil interface, whose methods answer nil.
func isObject(n node) (object, null bool) {
	if n == nil {
		return false, true
	}
	raw, err := n.GetRawValue()
	if err != nil || raw == nil {
		return false, err == nil
	}
	_, object = raw.(map[string]any)
	return object, false
}
