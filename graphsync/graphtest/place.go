package graphtest

import (
	"net/http"
	"slices"
	"strings"
)

// placePage is how many places a page holds when the client names no $top; no
// nextLink tells about the rest (microsoft-graph-docs issue 6427).
const (
	placePage    = 100
	placePageMax = 1000
)

// cast reads an OData type segment: "graph.room" and "microsoft.graph.room".
func cast(segment string) string {
	s := strings.ToLower(segment)
	return strings.TrimPrefix(strings.TrimPrefix(s, "microsoft."), "graph.")
}

// places answers under /places.
func (c *call) places(parts []string) {
	if !c.caller.may("Place.Read.All", "Place.ReadWrite.All") {
		c.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return
	}
	if c.r.Method != http.MethodGet {
		c.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
		return
	}
	if !c.options("$top", "$skip", "$count", "$select") {
		return
	}
	switch {
	case len(parts) == 1 && cast(parts[0]) == "room":
		c.placeList(c.caller.app.tenant.roomPlaces(""), "places/microsoft.graph.room")
	case len(parts) == 1 && cast(parts[0]) == "roomlist":
		c.placeList(c.caller.app.tenant.roomLists(), "places/microsoft.graph.roomList")
	case len(parts) == 1 && parts[0] != "":
		c.place(parts[0])
	case len(parts) == 3 && cast(parts[1]) == "roomlist" && strings.EqualFold(parts[2], "rooms"):
		for _, list := range c.caller.app.tenant.roomLists() {
			if strings.EqualFold(list["emailAddress"].(string), parts[0]) {
				c.placeList(c.caller.app.tenant.roomPlaces(list["displayName"].(string)), "places('"+strings.ReplaceAll(parts[0], "@", "%40")+"')/microsoft.graph.roomList/rooms")
				return
			}
		}
		c.fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
	default:
		c.fail(http.StatusBadRequest, "BadRequest", "The places collection is listed by type: microsoft.graph.room or microsoft.graph.roomList.")
	}
}

// placeList answers with one page.
func (c *call) placeList(all []map[string]any, context string) {
	top, ok := c.whole("$top", placePage, placePageMax)
	if !ok {
		return
	}
	skip, ok := c.whole("$skip", 0, 1<<30)
	if !ok {
		return
	}
	doc := map[string]any{"@odata.context": c.base + "/v1.0/$metadata#" + context}
	if strings.EqualFold(c.q["$count"], "true") {
		doc["@odata.count"] = len(all)
	}
	all = all[min(skip, len(all)):]
	page := all[:min(top, len(all))]
	for i, place := range page {
		page[i] = c.pick(place, "id")
	}
	doc["value"] = page
	c.ok(http.StatusOK, doc)
}

// pick applies $select to an entity.
func (c *call) pick(doc map[string]any, always ...string) map[string]any {
	text, given := c.q["$select"]
	if !given || text == "" || text == "*" {
		return doc
	}
	out := map[string]any{}
	for name, value := range doc {
		if slices.Contains(always, name) || selected(text, name) {
			out[name] = value
		}
	}
	return out
}

func selected(text, name string) bool {
	for _, word := range strings.Split(text, ",") {
		if strings.EqualFold(strings.TrimSpace(word), name) {
			return true
		}
	}
	return false
}

// place answers with one room or room list, by id or address.
func (c *call) place(name string) {
	for _, kind := range []string{"room", "roomList"} {
		list := c.caller.app.tenant.roomLists()
		if kind == "room" {
			list = c.caller.app.tenant.roomPlaces("")
		}
		for _, p := range list {
			if strings.EqualFold(p["id"].(string), name) || strings.EqualFold(p["emailAddress"].(string), name) {
				p["@odata.context"] = c.base + "/v1.0/$metadata#places/$entity"
				p["@odata.type"] = "#microsoft.graph." + kind
				c.ok(http.StatusOK, c.pick(p, "id", "@odata.context", "@odata.type"))
				return
			}
		}
	}
	c.fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}

// roomPlaces lists the rooms, or those of one room list.
func (t *Tenant) roomPlaces(list string) []map[string]any {
	places := []map[string]any{}
	for _, c := range t.rooms {
		if list == "" || strings.EqualFold(c.room.RoomList, list) {
			places = append(places, c.room.place(c.id))
		}
	}
	return places
}

// place is the room in Graph's shape.
func (r Room) place(id string) map[string]any {
	tags := r.Tags
	if tags == nil {
		tags = []string{}
	}
	return map[string]any{
		"id": id, "placeId": id, "emailAddress": r.Email, "displayName": r.Name,
		"address": map[string]any{
			"street": r.Street, "city": r.City, "state": r.State,
			"postalCode": r.Postal, "countryOrRegion": r.Country,
		},
		"geoCoordinates": map[string]any{"latitude": r.Latitude, "longitude": r.Longitude},
		"phone":          r.Phone, "nickname": r.Name, "label": orNull(r.Label),
		"capacity": r.Capacity, "building": orNull(r.Building),
		"floorNumber": r.FloorNumber, "floorLabel": orNull(r.FloorLabel),
		"isWheelChairAccessible": r.Wheelchair, "bookingType": r.BookingType, "tags": tags,
		"audioDeviceName": orNull(r.AudioDevice), "videoDeviceName": orNull(r.VideoDevice),
		"displayDeviceName": orNull(r.DisplayDevice),
	}
}

// roomLists lists the room lists in the order their names first occur.
func (t *Tenant) roomLists() []map[string]any {
	lists := []map[string]any{}
	seen := map[string]bool{}
	for _, c := range t.rooms {
		name := c.room.RoomList
		if name == "" || seen[strings.ToLower(name)] {
			continue
		}
		seen[strings.ToLower(name)] = true
		lists = append(lists, map[string]any{
			"id": stableID("roomlist", name), "displayName": name, "phone": nil, "geoCoordinates": nil,
			"address": map[string]any{
				"street": c.room.Street, "city": c.room.City, "state": c.room.State,
				"postalCode": c.room.Postal, "countryOrRegion": c.room.Country,
			},
			"emailAddress": strings.ToLower(strings.Join(strings.Fields(name), "-")) + "@" + t.domain,
		})
	}
	return lists
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
