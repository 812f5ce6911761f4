package graphtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const someWindow = "/calendarView?startDateTime=2026-11-23T00:00:00Z&endDateTime=2026-12-03T00:00:00Z"

// consented is a world with every consent, an empty room "oak" and a token.
func consented(t *testing.T) (*world, *Calendar, string) {
	w := newWorld(t, false)
	room := w.s.AddRoom(Room{Email: "oak", Name: "Oak"})
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	return w, room, w.appToken()
}

func TestLimitRate(t *testing.T) {
	w, _, token := consented(t)
	w.s.AddRoom(Room{Email: "elm", Name: "Elm"})
	w.s.LimitRate(3, 10*time.Minute)
	ask := func(room string, want int) {
		t.Helper()
		r := w.as(token, http.MethodGet, "/users/"+room+"@practice.example"+someWindow, nil)
		if r.status != want || (want == 429) != (r.header.Get("Retry-After") != "") {
			t.Errorf("%s: %d, Retry-After %q, want %d", room, r.status, r.header.Get("Retry-After"), want)
		}
	}
	for _, want := range []int{200, 200, 200, 429, 429} {
		ask("oak", want)
	}
	ask("elm", 200)
	w.clock.add(10 * time.Minute)
	ask("oak", 200)
}

func TestBatchStepsApart(t *testing.T) {
	w, _, token := consented(t)
	w.s.Inject(Fault{Room: "oak", Path: "calendarView", Status: 429, Code: "ApplicationThrottled", Header: http.Header{"Retry-After": {"7"}}, Count: 1})
	step := func(id, url string, after ...string) map[string]any {
		return map[string]any{"id": id, "method": "GET", "url": url, "dependsOn": after}
	}
	body, err := json.Marshal(map[string]any{"requests": []any{
		step("1", "/users/oak@practice.example"+someWindow), step("2", "/users/oak@practice.example"+someWindow, "1"),
		step("3", "/users/oak@practice.example"+someWindow), step("4", "/users/none@practice.example/events"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := w.as(token, http.MethodPost, "/$batch", body)
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	var got []string
	for _, v := range r.doc(t)["responses"].([]any) {
		x := v.(map[string]any)
		got = append(got, fmt.Sprintf("%v:%v:%v", x["id"], x["status"], x["headers"].(map[string]any)["Retry-After"]))
	}
	if want := "1:429:7 2:424:<nil> 3:200:<nil> 4:404:<nil>"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestProcessing(t *testing.T) {
	w, room, _ := consented(t)
	at := w.clock.now()
	for _, c := range []struct {
		name                                    string
		set                                     Processing
		subject, sensitivity, response, afterwd string
	}{
		{"as they are", Processing{}, "Plan", "private", "accepted", "Canceled: Plan"},
		{"out of the box", ExchangeProcessing(), "Kim Berg", "normal", "accepted", "Canceled: Kim Berg"},
		{"name before subject", Processing{AddOrganizerToSubject: true}, "Kim Berg Plan", "private", "accepted", "Canceled: Kim Berg Plan"},
		{"no subject", Processing{DeleteSubject: true, RemovePrivateProperty: true}, "", "normal", "accepted", "Canceled: "},
		{"removes cancelled", Processing{RemoveCanceledMeetings: true}, "Plan", "private", "accepted", "gone"},
		{"tentative", Processing{OnlyTentative: true, DeleteSubject: true}, "Plan", "private", "notResponded", "Canceled: Plan"},
	} {
		t.Run(c.name, func(t *testing.T) {
			room.SetProcessing(c.set)
			id := room.Create(Event{Subject: "Plan", Sensitivity: "private", Start: at, End: at.Add(time.Hour), Organizer: Person{"Kim Berg", "kim@practice.example"}})
			e, err := room.Get(id)
			if err != nil || e.Subject != c.subject || e.Sensitivity != c.sensitivity || e.Response != c.response {
				t.Errorf("got %q %s %s (%v)", e.Subject, e.Sensitivity, e.Response, err)
			}
			if err := room.Cancel(id); err != nil {
				t.Fatal(err)
			}
			after := "gone"
			if e, err := room.Get(id); err == nil {
				after = e.Subject
			}
			if after != c.afterwd {
				t.Errorf("cancelled: %q, want %q", after, c.afterwd)
			}
		})
	}
}

func TestGetSchedule(t *testing.T) {
	w, room, token := consented(t)
	at := utc(t, "2026-11-25T10:00:00Z")
	room.Create(Event{Subject: "Plan", Start: at, End: at.Add(time.Hour), Sensitivity: "private"})
	room.Create(Event{Subject: "Maybe", Start: at.Add(30 * time.Minute), End: at.Add(90 * time.Minute), ShowAs: "tentative"})
	ask := func(schedules []string, minutes int) reply {
		body, err := json.Marshal(map[string]any{"schedules": schedules, "availabilityViewInterval": minutes,
			"startTime": wireTime{"2026-11-25T09:00:00", "UTC"}, "endTime": wireTime{"2026-11-25T12:00:00", "UTC"}})
		if err != nil {
			t.Fatal(err)
		}
		return w.as(token, http.MethodPost, "/users/oak@practice.example/calendar/getSchedule", body)
	}
	got := list(t, ask([]string{"oak@practice.example", "none@practice.example"}, 30))
	if len(got) != 2 || got[0]["availabilityView"] != "002210" || len(got[0]["scheduleItems"].([]any)) != 2 {
		t.Errorf("schedule %v", got)
	}
	if e := got[1]["error"].(map[string]any); e["responseCode"] != "ErrorMailRecipientNotFound" {
		t.Errorf("unknown mailbox: %v", e)
	}
	if status, _ := failure(t, ask([]string{"oak@practice.example"}, 4)); status != 400 {
		t.Errorf("interval of 4 minutes: %d", status)
	}
	if status, code := failure(t, ask(make([]string, 101), 30)); status != 400 || code != "ErrorMailboxDataArrayTooBig" {
		t.Errorf("101 schedules: %d %s", status, code)
	}
}

// TestThousandRooms makes a large tenant and reads it as the reference says:
// 100 at a time, without a link to the next page.
func TestThousandRooms(t *testing.T) {
	w, _, token := consented(t)
	w.s.AddRooms(1200, func(i int) Room {
		return Room{Email: fmt.Sprintf("room-%04d", i), Name: fmt.Sprint("Room ", i), RoomList: fmt.Sprint("Building ", i/100)}
	})
	first := w.as(token, http.MethodGet, "/places/microsoft.graph.room?$count=true", nil)
	doc := first.doc(t)
	if n := len(doc["value"].([]any)); n != 100 || doc["@odata.nextLink"] != nil || doc["@odata.count"] != 1201. {
		t.Errorf("%d rooms of %v, link %v: want 100 of 1201 and none", n, doc["@odata.count"], doc["@odata.nextLink"])
	}
	if last := list(t, w.as(token, http.MethodGet, "/places/graph.room?$top=100&$skip=1200", nil)); len(last) != 1 {
		t.Errorf("%d rooms at the end", len(last))
	}
	if rooms := list(t, w.as(token, http.MethodGet, "/places/building-3@practice.example/microsoft.graph.roomlist/rooms", nil)); len(rooms) != 100 {
		t.Errorf("%d rooms in a list", len(rooms))
	}
}

// TestOccurrenceStaysBetween moves one day of a series over a neighbour, which
// Exchange refuses, and within its bounds.
func TestOccurrenceStaysBetween(t *testing.T) {
	w, room, _ := consented(t)
	if err := w.s.ScopeApp(w.app.ClientID, "Calendars.ReadWrite", "oak@practice.example"); err != nil {
		t.Fatal(err)
	}
	token := w.appToken()
	start := utc(t, "2026-11-24T10:00:00Z")
	series := room.Create(Event{Start: start, End: start.Add(time.Hour), Recurrence: &Recurrence{
		Pattern: Pattern{Type: "daily", Interval: 1}, Range: Range{Type: "numbered", NumberOfOccurrences: 5}}})
	day, err := room.OccurrenceID(series, "2026-11-25")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, start, end string
		want             int
	}{
		{"later that day", "2026-11-25T14:00:00", "2026-11-25T15:00:00", 200},
		{"over the next", "2026-11-26T10:30:00", "2026-11-26T11:30:00", 400},
		{"past the next", "2026-11-27T14:00:00", "2026-11-27T15:00:00", 400},
		{"before the one before", "2026-11-23T10:00:00", "2026-11-23T11:00:00", 400},
		{"shorter", "2026-11-25T10:00:00", "2026-11-25T10:30:00", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"start": wireTime{c.start, "UTC"}, "end": wireTime{c.end, "UTC"}})
			if err != nil {
				t.Fatal(err)
			}
			r := w.as(token, http.MethodPatch, "/users/oak@practice.example/events/"+day, body)
			if r.status != c.want || c.want == 400 && !strings.Contains(string(r.body), "ErrorOccurrenceCrossingBoundary") {
				t.Errorf("%d %.200s, want %d", r.status, r.body, c.want)
			}
		})
	}
}
