package graphtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sameShape reports members of Microsoft's document that the served one lacks
// or has in another JSON type. Members in skip are the page's own slips.
func sameShape(t *testing.T, where string, want, got any, skip ...string) {
	t.Helper()
	switch x := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: got %T, want an object", where, got)
			return
		}
		for name, value := range x {
			if oneOf(name, skip...) {
				continue
			}
			served, ok := m[name]
			if !ok {
				t.Errorf("%s.%s is not served", where, name)
				continue
			}
			sameShape(t, where+"."+name, value, served, skip...)
		}
	case []any:
		l, ok := got.([]any)
		if !ok {
			t.Errorf("%s: got %T, want a list", where, got)
			return
		}
		if len(x) > 0 && len(l) > 0 {
			sameShape(t, where+"[]", x[0], l[0], skip...)
		}
	case nil:
	default:
		if got != nil && fmt.Sprintf("%T", x) != fmt.Sprintf("%T", got) {
			t.Errorf("%s: got %T, want %T", where, got, want)
		}
	}
}

// roomOfSample makes a room of a documented place.
func roomOfSample(p map[string]any, list string) Room {
	text := func(m map[string]any, name string) string { s, _ := m[name].(string); return s }
	address := p["address"].(map[string]any)
	geo := p["geoCoordinates"].(map[string]any)
	r := Room{
		Email: text(p, "emailAddress"), Name: text(p, "displayName"), Phone: text(p, "phone"), Label: text(p, "label"),
		Capacity: int(p["capacity"].(float64)), Building: text(p, "building"), FloorNumber: int(p["floorNumber"].(float64)),
		Wheelchair: p["isWheelChairAccessible"].(bool), BookingType: text(p, "bookingType"),
		Street: text(address, "street"), City: text(address, "city"), State: text(address, "state"),
		Postal: text(address, "postalCode"), Country: text(address, "countryOrRegion"),
		Latitude: geo["latitude"].(float64), Longitude: geo["longitude"].(float64), RoomList: list,
	}
	for _, tag := range p["tags"].([]any) {
		r.Tags = append(r.Tags, tag.(string))
	}
	return r
}

func TestSamplePlaces(t *testing.T) {
	w := newWorld(t, false)
	places := sample(t, "place-list-01-response.json")["value"].([]any)
	for i, p := range places {
		w.s.AddRoom(roomOfSample(p.(map[string]any), fmt.Sprintf("Building %d", i+1)))
	}
	// nickname: Exchange keeps one of its own; ids are the directory's.
	slips := []string{"isManaged", "displayDevice", "geocoordinates"}
	equal := func(where string, want, got map[string]any) {
		t.Helper()
		for name, value := range want {
			if oneOf(name, append(slips, "id", "nickname")...) {
				continue
			}
			if diff := cmp.Diff(value, got[name]); diff != "" {
				t.Errorf("%s.%s: -want +got\n%s", where, name, diff)
			}
		}
	}
	for _, path := range []string{"/places/microsoft.graph.room", "/places/graph.room", "/places/microsoft.graph.Room"} {
		r := w.graph(path)
		got := list(t, r)
		if len(got) != len(places) {
			t.Fatalf("%s: got %d rooms, want %d", path, len(got), len(places))
		}
		for i, want := range places {
			equal(path, want.(map[string]any), got[i])
		}
		sameShape(t, path, sample(t, "place-list-01-response.json"), r.doc(t), slips...)
		if c := r.doc(t)["@odata.context"].(string); !strings.HasSuffix(c, "/v1.0/$metadata#places/microsoft.graph.room") {
			t.Errorf("%s: context %q", path, c)
		}
	}
	r := w.graph("/places/microsoft.graph.roomlist")
	sameShape(t, "roomlist", sample(t, "place-list-02-response.json"), r.doc(t), slips...)
	lists := list(t, r)
	if len(lists) != 2 || lists[0]["displayName"] != "Building 1" {
		t.Fatalf("room lists: got %v", lists)
	}
	r = w.graph("/places/" + lists[1]["emailAddress"].(string) + "/microsoft.graph.roomlist/rooms")
	sameShape(t, "rooms of a list", sample(t, "place-list-03-response.json"), r.doc(t), slips...)
	if got := list(t, r); len(got) != 1 || got[0]["emailAddress"] != "cf200@contoso.com" {
		t.Errorf("rooms of Building 2: got %v", got)
	}
	r = w.graph("/places/cf100%40contoso.com")
	sameShape(t, "place", sample(t, "place-get-01-response.json"), r.doc(t), slips...)
	one := sample(t, "place-get-01-response.json")
	one["@odata.context"] = strings.Replace(one["@odata.context"].(string), "https://graph.microsoft.com", w.s.GraphURL(), 1)
	equal("place", one, r.doc(t))
}

// TestSampleEvents sends Microsoft's requests and compares with Microsoft's
// answers.
func TestSampleEvents(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddRoom(Room{Email: "danas", Name: "Dana Swope", TimeZone: "America/Los_Angeles"})
	if err := w.s.SetPermissions(w.app.ClientID, nil, []string{"Calendars.ReadWrite"}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	token := w.appToken()
	for _, c := range []struct{ request, response string }{
		{"user-post-events-01-request.json", "user-post-events-02-response.json"},
		{"user-post-events-03-request.json", "user-post-events-04-response.json"},
	} {
		t.Run(c.request, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(samplesFolder, c.request))
			if err != nil {
				t.Fatal(err)
			}
			r := w.as(token, "POST", "/users/danas@"+domainName+"/events", raw, "Prefer", `outlook.timezone="Pacific Standard Time"`)
			if r.status != 201 {
				t.Fatalf("got %d %s", r.status, r.body)
			}
			got := r.doc(t)
			// The answers name two or three places; one is kept here.
			sameShape(t, "event", sample(t, c.response), got, "address", "coordinates", "uniqueId")
			var sent map[string]any
			if err := json.Unmarshal(raw, &sent); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"start", "end"} {
				want := sent[name].(map[string]any)
				have := got[name].(map[string]any)
				if have["dateTime"] != want["dateTime"].(string)+".0000000" || have["timeZone"] != "Pacific Standard Time" {
					t.Errorf("%s: got %v, want %v", name, have, want)
				}
			}
			if got["subject"] != sent["subject"] || got["originalStartTimeZone"] != "Pacific Standard Time" || got["isOrganizer"] != true {
				t.Errorf("got %v", got)
			}
			one := w.as(token, "GET", "/users/danas@"+domainName+"/events/"+got["id"].(string)+
				"?$select=subject,body,bodyPreview,organizer,attendees,start,end,location,locations,hideAttendees", nil)
			for _, name := range []string{"event-get-01-response.json", "event-get-02-response.json"} {
				sameShape(t, "get", sample(t, name), one.doc(t), "address", "coordinates", "uniqueId", "proposedNewTime")
			}
		})
	}
}

// TestSampleSeries expands Microsoft's weekly request and compares with its
// own words: Mondays at noon Pacific time until the end of 2017.
func TestSampleSeries(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddRoom(Room{Email: "danas", Name: "Dana Swope", TimeZone: "America/Los_Angeles"})
	if err := w.s.SetPermissions(w.app.ClientID, nil, []string{"Calendars.ReadWrite"}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(samplesFolder, "user-post-events-05-request.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := w.as(w.appToken(), "POST", "/users/danas@"+domainName+"/events", raw)
	if r.status != 201 || r.doc(t)["type"] != "seriesMaster" {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	rec := r.doc(t)["recurrence"].(map[string]any)
	if got := fmt.Sprint(rec["pattern"].(map[string]any)["daysOfWeek"]); got != "[monday]" {
		t.Errorf("daysOfWeek: got %s", got)
	}
	truth := w.s.Truth("danas", utc(t, "2017-01-01"), utc(t, "2018-12-31"))
	if len(truth) != 17 {
		t.Errorf("got %d lunches, want 17", len(truth))
	}
	zone, _ := time.LoadLocation("America/Los_Angeles")
	for _, o := range truth {
		if at := o.Start.In(zone); at.Weekday() != time.Monday || at.Hour() != 12 || o.End.Sub(o.Start) != 2*time.Hour {
			t.Errorf("lunch at %s", at)
		}
	}
}

// TestSampleInstances plays the story of event-list-instances: four Mondays of
// April 2019, one moved by a day.
func TestSampleInstances(t *testing.T) {
	w := newWorld(t, false)
	cal := w.s.AddRoom(Room{Email: "room", Name: "Room", TimeZone: "America/Los_Angeles"})
	want := sample(t, "event-list-instances-01-response.json")["value"].([]any)
	start := utc(t, "2019-04-08T20:30:00Z")
	series := cal.Create(Event{
		Subject: "Review strategy for Q3", Start: start, End: start.Add(30 * time.Minute),
		Recurrence: &Recurrence{Pattern{Type: "weekly", Interval: 1, DaysOfWeek: []string{"monday"}}, Range{Type: "numbered", NumberOfOccurrences: 4}},
	})
	moved, err := cal.OccurrenceID(series, "2019-04-15")
	if err != nil {
		t.Fatal(err)
	}
	if err := cal.Update(moved, func(e *Event) {
		e.Body = "Changing meeting from 4/15 to 4/16."
		e.Start, e.End = utc(t, "2019-04-16T20:30:00Z"), utc(t, "2019-04-16T21:00:00Z")
	}); err != nil {
		t.Fatal(err)
	}
	r := w.graph("/users/room@" + domainName + "/events/" + series +
		"/instances?startDateTime=2019-04-01T00:00:00Z&endDateTime=2019-05-01T00:00:00Z&$select=subject,bodyPreview,seriesMasterId,type,recurrence,start,end")
	got := list(t, r)
	if len(got) != len(want) {
		t.Fatalf("got %d instances, want %d", len(got), len(want))
	}
	key := func(e map[string]any) string {
		return fmt.Sprint(e["type"], e["subject"], e["bodyPreview"], e["start"], e["end"], e["recurrence"])
	}
	have := map[string]bool{}
	for _, e := range got {
		have[key(e)] = true
	}
	for _, v := range want {
		if e := v.(map[string]any); !have[key(e)] {
			t.Errorf("not served: %s", key(e))
		}
	}
	sameShape(t, "instances", sample(t, "event-list-instances-01-response.json"), r.doc(t))
}

// TestSampleDelta serves the events of the delta pages and one removal.
func TestSampleDelta(t *testing.T) {
	w := newWorld(t, false)
	cal := w.s.AddRoom(Room{Email: "room", Name: "Room", TimeZone: "UTC"})
	var ids []string
	var want []map[string]any
	for i := 1; i <= 3; i++ {
		for _, v := range sample(t, fmt.Sprintf("delta-query-events-%02d-response.json", i))["value"].([]any) {
			e := v.(map[string]any)
			at := func(name string) time.Time { return utc(t, e[name].(map[string]any)["dateTime"].(string)) }
			who := e["organizer"].(map[string]any)["emailAddress"].(map[string]any)
			ids = append(ids, cal.Create(Event{Subject: e["subject"].(string), Start: at("start"), End: at("end"),
				Organizer: Person{who["name"].(string), who["address"].(string)}}))
			want = append(want, e)
		}
	}
	wide := "?startDateTime=2016-12-01T00:00:00Z&endDateTime=2016-12-30T00:00:00Z"
	view := w.graph("/users/room@" + domainName + "/calendarView" + wide)
	sameShape(t, "calendarView", sample(t, "user-list-calendarview-01-response.json"), view.doc(t))
	first := w.graph("/users/room@" + domainName + "/calendarView/delta" + wide)
	sameShape(t, "delta page", sample(t, "event-delta-01-response.json"), first.doc(t))
	pages, link := w.round("/users/room@"+domainName+"/calendarView/delta?startdatetime=2016-12-01T00:00:00Z&enddatetime=2016-12-30T00:00:00Z", "Prefer", "odata.maxpagesize=2")
	served := map[string]map[string]any{}
	for _, p := range pages {
		for _, e := range p {
			served[e["subject"].(string)] = e
		}
	}
	for _, e := range want {
		got := served[e["subject"].(string)]
		if got == nil {
			t.Errorf("not served: %v", e["subject"])
			continue
		}
		sameShape(t, "delta", e, got)
		for _, name := range []string{"@odata.type", "start", "end", "organizer", "attendees", "body"} {
			if diff := cmp.Diff(e[name], got[name]); diff != "" {
				t.Errorf("%v %s: -want +got\n%s", e["subject"], name, diff)
			}
		}
	}
	if err := cal.Delete(ids[0]); err != nil {
		t.Fatal(err)
	}
	pages, _ = w.round(link, "Prefer", `IdType="ImmutableId"`)
	removal := sample(t, "delta-query-events-04-response.json")["value"].([]any)[0].(map[string]any)
	removal["id"] = ids[0]
	if diff := cmp.Diff([][]map[string]any{{removal}}, pages); diff != "" {
		t.Errorf("removal: -want +got\n%s", diff)
	}
}
