package msgraph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const base = "https://graph.example"

// handler is a Graph in memory: what the client sends arrives as it would over
// HTTPS, without a socket.
type handler func(http.ResponseWriter, *http.Request)

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	h(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// client returns a client of h, guarded as in production.
func client(t testing.TB, h handler) *Client {
	t.Helper()
	c, err := New(Options{
		BaseURL:   base,
		Transport: Guard{Next: h},
		Token:     func(context.Context, string) (string, error) { return "a.b.c", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func constant(status int, body string) handler {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, status, body) }
}

var (
	from = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	to   = from.AddDate(0, 0, 9)
)

// sample returns one of Microsoft's documented answers.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "graph", "samples", name+"-response.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDocumentedEvents reads every event that Microsoft documents through the
// client and compares each member with what encoding/json says is there.
func TestDocumentedEvents(t *testing.T) {
	names := []string{
		"delta-query-events-01", "delta-query-events-02", "delta-query-events-03", "delta-query-events-04",
		"event-delta-01", "event-list-instances-01", "user-list-calendarview-01",
		"event-get-01", "event-get-02", "user-post-events-02", "user-post-events-04",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			var doc map[string]any
			if err := json.Unmarshal(sample(t, name), &doc); err != nil {
				t.Fatal(err)
			}
			if doc["value"] == nil { // one event, not a collection
				doc = map[string]any{"value": []any{doc}}
			}
			delete(doc, "@odata.nextLink")
			delete(doc, "@odata.deltaLink")
			body, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			got, err := client(t, constant(200, string(body))).View(t.Context(), "room@contoso.com", from, to)
			if err != nil {
				t.Fatal(err)
			}
			var want []Event
			for _, v := range doc["value"].([]any) {
				want = append(want, decoded(v.(map[string]any)))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events differ (-want +got):\n%s", diff)
			}
		})
	}
}

// decoded is the oracle: the same members by encoding/json.
func decoded(m map[string]any) Event {
	text := func(m any, path ...string) string {
		for _, p := range path[:len(path)-1] {
			o, _ := m.(map[string]any)
			m = o[p]
		}
		o, _ := m.(map[string]any)
		s, _ := o[path[len(path)-1]].(string)
		return s
	}
	flag := func(name string) bool { b, _ := m[name].(bool); return b }
	return Event{
		ID: text(m, "id"), ICalUID: text(m, "iCalUId"), SeriesID: text(m, "seriesMasterId"), Type: text(m, "type"),
		Subject: text(m, "subject"), Created: text(m, "createdDateTime"),
		OrganizerName:    text(m, "organizer", "emailAddress", "name"),
		OrganizerAddress: text(m, "organizer", "emailAddress", "address"),
		Start:            DateTime{text(m, "start", "dateTime"), text(m, "start", "timeZone")},
		End:              DateTime{text(m, "end", "dateTime"), text(m, "end", "timeZone")},
		AllDay:           flag("isAllDay"), Cancelled: flag("isCancelled"),
		ShowAs: text(m, "showAs"), Sensitivity: text(m, "sensitivity"), Response: text(m, "responseStatus", "response"),
		ChangeKey: text(m, "changeKey"), TransactionID: text(m, "transactionId"),
		Removed: m["@removed"] != nil,
	}
}

// TestDocumentedDelta walks Microsoft's documented round of three pages and the
// round after it.
func TestDocumentedDelta(t *testing.T) {
	pages := map[string]string{
		"":                              "delta-query-events-01",
		"$skiptoken=R0usmcCM996atia_s":  "delta-query-events-02",
		"$skiptoken=R0usmci39OQxqJrxK4": "delta-query-events-03",
		"$deltatoken=R0usmcMDNGg0J1E":   "delta-query-events-04",
	}
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		key := ""
		for _, k := range []string{"$skiptoken", "$deltatoken"} {
			if q.Get(k) != "" {
				key = k + "=" + q.Get(k)
			}
		}
		if key == "" && (q.Get("startDateTime") != "2026-11-20T00:00:00Z" || q.Get("endDateTime") != "2026-11-29T00:00:00Z") {
			t.Errorf("first request asks for %q", r.URL.RawQuery)
		}
		if got := r.Header.Values("Prefer"); !slicesHave(got, `IdType="ImmutableId"`) || !slicesHave(got, "odata.maxpagesize=50") {
			t.Errorf("Prefer = %q", got)
		}
		body := strings.ReplaceAll(string(sample(t, pages[key])), "https://graph.microsoft.com", base)
		answer(w, 200, body)
	})
	got, err := c.Delta(t.Context(), "room@contoso.com", from, to)
	if err != nil {
		t.Fatal(err)
	}
	want := Changes{Items: 5, DeltaLink: base + "/v1.0/me/calendarView/delta?$deltatoken=R0usmcMDNGg0J1E"}
	if got != want {
		t.Errorf("first round = %+v, want %+v", got, want)
	}
	got, err = c.DeltaFrom(t.Context(), got.DeltaLink)
	if err != nil {
		t.Fatal(err)
	}
	want = Changes{Items: 2, DeltaLink: base + "/v1.0/me/calendarView/delta?$deltatoken=R0usmcFuQtZdtpk4"}
	if got != want {
		t.Errorf("second round = %+v, want %+v", got, want)
	}
}

func slicesHave(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func TestDocumentedRooms(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1.0/places/graph.room" {
			t.Errorf("path = %q", r.URL.Path)
		}
		if r.URL.Query().Get("$skip") != "0" {
			answer(w, 200, `{"value":[]}`)
			return
		}
		answer(w, 200, string(sample(t, "place-list-01")))
	}) // place-list-03 repeats the second room
	got, err := c.Rooms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Room{
		{ID: "3162F1E1-C4C0-604B-51D8-91DA78989EB1", Name: "Conf Room 100", Address: "cf100@contoso.com",
			Building: "1", FloorNumber: 1, HasFloor: true, Capacity: 50, Tags: []string{"bean bags"}},
		{ID: "3162F1E1-C4C0-604B-51D8-91DA78970B97", Name: "Conf Room 200", Address: "cf200@contoso.com",
			Building: "2", FloorNumber: 2, HasFloor: true, Capacity: 40, Tags: []string{"benches", "nice view"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rooms differ (-want +got):\n%s", diff)
	}
}

// TestRoomSlips reads the slips of Microsoft's documentation and of tenants.
func TestRoomSlips(t *testing.T) {
	for _, tc := range []struct {
		name, member string
		want         Room
	}{
		{"capacity as a string", `"capacity":"50"`, Room{Capacity: 50}},
		{"capacity as a word", `"capacity":"many"`, Room{}},
		{"capacity null", `"capacity":null`, Room{}},
		{"capacity an object", `"capacity":{"max":3}`, Room{}},
		{"capacity with a fraction", `"capacity":12.0`, Room{Capacity: 12}},
		{"capacity beyond reason", `"capacity":1e30`, Room{}},
		{"floor as a string", `"floorNumber":"3"`, Room{FloorNumber: 3, HasFloor: true}},
		{"building as a number", `"building":7`, Room{Building: "7"}},
		{"place id", `"placeId":"P-1"`, Room{PlaceID: "P-1"}},
		{"unknown members", `"isManaged":true,"displayDevice":"hub","tags":"none"`, Room{}},
		{"accessible", `"isWheelChairAccessible":true`, Room{Wheelchair: true}},
		{"accessible as a string", `"isWheelChairAccessible":"true"`, Room{}},
		{"accessible null", `"isWheelChairAccessible":null`, Room{}},
		{"devices", `"audioDeviceName":"mics","videoDeviceName":null,"displayDeviceName":7`, Room{Audio: "mics", Display: "7"}},
		{"tags", `"tags":["bean bags",null,"view"]`, Room{Tags: []string{"bean bags", "view"}}},
		{"tags null", `"tags":null`, Room{}},
		{"tags of another kind", `"tags":["a",{"b":1}]`, Room{}},
		{"tags without end", `"tags":["a"` + strings.Repeat(`,"a"`, 9999) + `]`, Room{Tags: slices.Repeat([]string{"a"}, maxTags)}},
		{"unknown enum", `"bookingType":"novel"`, Room{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := client(t, constant(200, `{"value":[{"emailAddress":"r@contoso.com",`+tc.member+`}]}`))
			got, err := c.SomeRooms(t.Context(), 5)
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Address = "r@contoso.com"
			if diff := cmp.Diff([]Room{tc.want}, got); diff != "" {
				t.Errorf("room differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRoomsPaging: Graph cuts the list without a next link; some day it may
// send one; and a server may ignore $skip.
func TestRoomsPaging(t *testing.T) {
	room := func(n int) string { return fmt.Sprintf(`{"id":"%d","emailAddress":"r%d@contoso.com"}`, n, n) }
	list := func(a, b int) string {
		var s []string
		for n := a; n < b; n++ {
			s = append(s, room(n))
		}
		return strings.Join(s, ",")
	}
	for _, tc := range []struct {
		name string
		h    handler
		want int
	}{
		{"pages of 100 without next link", func(w http.ResponseWriter, r *http.Request) {
			skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
			answer(w, 200, `{"value":[`+list(min(skip, 250), min(skip+100, 250))+`]}`)
		}, 250},
		{"next links", func(w http.ResponseWriter, r *http.Request) {
			switch q := r.URL.Query(); {
			case q.Get("$skiptoken") == "x":
				answer(w, 200, `{"value":[`+list(100, 130)+`]}`)
			case q.Get("$skip") == "0":
				answer(w, 200, `{"value":[`+list(0, 100)+`],"@odata.nextLink":"`+base+`/v1.0/places/graph.room?$skiptoken=x"}`)
			default:
				answer(w, 200, `{"value":[`+list(100, 130)+`]}`)
			}
		}, 130},
		{"skip ignored", constant(200, `{"value":[`+list(0, 7)+`]}`), 7},
		{"none", constant(200, `{"value":[]}`), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := client(t, tc.h).Rooms(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != tc.want {
				t.Errorf("%d rooms, want %d", len(got), tc.want)
			}
		})
	}
}

func TestViewRequest(t *testing.T) {
	var seen []*http.Request
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r)
		if len(seen) == 1 {
			answer(w, 200, `{"value":[{"id":"1"}],"@odata.nextLink":"`+base+`/v1.0/users/x/calendarView?$skip=1"}`)
			return
		}
		answer(w, 200, `{"value":[{"id":"2"}]}`)
	})
	got, err := c.View(t.Context(), "room one@contoso.com", from, to)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Event{{ID: "1"}, {ID: "2"}}; !cmp.Equal(got, want) {
		t.Errorf("events = %+v, want %+v", got, want)
	}
	if p, want := seen[0].URL.Path, "/v1.0/users/room one@contoso.com/calendarView"; p != want {
		t.Errorf("path = %q, want %q", p, want)
	}
	if s := seen[0].URL.Query().Get("$select"); !strings.Contains(s, "subject") || strings.Contains(s, "body") || strings.Contains(s, "attendees") {
		t.Errorf("$select = %q", s)
	}
	for i, r := range seen {
		if got, want := r.Header.Get("Prefer"), `IdType="ImmutableId"`; got != want {
			t.Errorf("request %d: Prefer = %q, want %q", i, got, want)
		}
		if got, want := r.Header.Get("Authorization"), "Bearer a.b.c"; got != want {
			t.Errorf("request %d: Authorization = %q, want %q", i, got, want)
		}
		if r.Header.Get("Content-Encoding") != "" {
			t.Errorf("request %d is compressed", i)
		}
	}
}

// TestFaults: whatever the server answers, the call ends with the right *Error.
func TestFaults(t *testing.T) {
	html := func(status int) handler {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html><body>Service Topsecret</body></html>")
		}
	}
	header := func(status int, name, value, body string) handler {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			answer(w, status, body)
		}
	}
	endless := 0
	for _, tc := range []struct {
		name string
		h    handler
		want Error
	}{
		{"truncated JSON", constant(200, `{"value":[{"id":"1","subject":"Topsec`), Error{Fault: Malformed, Status: 200}},
		{"HTML with 200", html(200), Error{Fault: Malformed, Status: 200}},
		{"HTML with 502", html(502), Error{Fault: Refused, Status: 502}},
		{"no content", constant(204, ""), Error{Fault: Malformed, Status: 204}},
		{"empty body", constant(200, ""), Error{Fault: Malformed, Status: 200}},
		{"value missing", constant(200, `{}`), Error{Fault: Malformed, Status: 200}},
		{"value null", constant(200, `{"value":null}`), Error{Fault: Malformed, Status: 200}},
		{"value a string", constant(200, `{"value":"Topsecret"}`), Error{Fault: Malformed, Status: 200}},
		{"null in value", constant(200, `{"value":[null]}`), Error{Fault: Malformed, Status: 200}},
		{"an array", constant(200, `[]`), Error{Fault: Malformed, Status: 200}},
		{"a number", constant(200, `7`), Error{Fault: Malformed, Status: 200}},
		{"next link a number", constant(200, `{"value":[],"@odata.nextLink":7}`), Error{Fault: Malformed, Status: 200}},
		{"a redirect", header(302, "Location", "https://elsewhere.example/", ""), Error{Fault: Malformed, Status: 302}},
		{"too large", constant(200, `{"value":[{"subject":"`+strings.Repeat("x", 9<<20)+`"}]}`), Error{Fault: TooLarge, Status: 200}},
		{"too deep", constant(200, `{"value":`+strings.Repeat(`[`, 100)+strings.Repeat(`]`, 100)+`}`), Error{Fault: TooLarge, Status: 200}},
		{"too many values", constant(200, `{"value":[`+strings.Repeat(`0,`, 500_000)+`0]}`), Error{Fault: TooLarge, Status: 200}},
		{"a link to another host", constant(200, `{"value":[],"@odata.nextLink":"https://graph.example.evil/v1.0/users/x"}`), Error{Fault: BadLink, Status: 0}},
		{"a link to plain HTTP", constant(200, `{"value":[],"@odata.nextLink":"http://graph.example/v1.0/users/x"}`), Error{Fault: BadLink, Status: 0}},
		{"a link to itself", constant(200, `{"value":[],"@odata.nextLink":"`+base+`/v1.0/users/x?$skip=1"}`), Error{Fault: Endless, Status: 0}},
		{"pages without end", func(w http.ResponseWriter, _ *http.Request) {
			endless++
			answer(w, 200, fmt.Sprintf(`{"value":[],"@odata.nextLink":"%s/v1.0/users/x?$skip=%d"}`, base, endless))
		}, Error{Fault: Endless, Status: 0}},
		{"refused", constant(403, `{"error":{"code":"ErrorAccessDenied","message":"Topsecret"}}`), Error{Fault: Refused, Status: 403, Code: "ErrorAccessDenied"}},
		{"refused without a body", constant(401, ""), Error{Fault: Refused, Status: 401}},
		{"refused with a broken body", constant(410, `{"error":{"co`), Error{Fault: Refused, Status: 410}},
		{"refused with another shape", constant(404, `{"error":"Topsecret"}`), Error{Fault: Refused, Status: 404}},
		{"refused with an array", constant(404, `[1]`), Error{Fault: Refused, Status: 404}},
		{"refused with an empty object", constant(500, `{}`), Error{Fault: Refused, Status: 500}},
		{"refused with prose for a code", constant(400, `{"error":{"code":"Topsecret plan, 9 am"}}`), Error{Fault: Refused, Status: 400}},
		{"throttled", header(429, "Retry-After", "2.128", `{"error":{"code":"ApplicationThrottled"}}`),
			Error{Fault: Refused, Status: 429, Code: "ApplicationThrottled", RetryAfter: 2128 * time.Millisecond}},
		{"a broken claims challenge", header(401, "WWW-Authenticate", `Bearer claims=Topsecret`, `{}`), Error{Fault: Malformed, Status: 401}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := client(t, tc.h).View(t.Context(), "room@contoso.com", from, to)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("err = %v, want *Error", err)
			}
			if *got != tc.want {
				t.Errorf("err = %+v, want %+v", *got, tc.want)
			}
			if strings.Contains(err.Error(), "Topsecret") {
				t.Errorf("the text quotes the answer: %q", err)
			}
		})
	}
}

// TestEventsWithWrongTypes: a wrong type is named, and costs neither the other
// members nor the other events.
func TestEventsWithWrongTypes(t *testing.T) {
	for _, tc := range []struct {
		name, member string
		want         Event
	}{
		{"subject a number", `"subject":7`, Event{Bad: []string{"subject"}}},
		{"start a string", `"start":"tomorrow"`, Event{Bad: []string{"start"}}},
		{"start's time a number", `"start":{"dateTime":5,"timeZone":"UTC"}`, Event{Start: DateTime{Zone: "UTC"}, Bad: []string{"start"}}},
		{"start null", `"start":null`, Event{}},
		{"isAllDay a string", `"isAllDay":"true"`, Event{Bad: []string{"isAllDay"}}},
		{"organizer an array", `"organizer":[]`, Event{Bad: []string{"organizer"}}},
		{"organizer's address a string", `"organizer":{"emailAddress":"a@b.c"}`, Event{Bad: []string{"organizer"}}},
		{"organizer null", `"organizer":null`, Event{}},
		{"response a number", `"responseStatus":{"response":1}`, Event{Bad: []string{"responseStatus"}}},
		{"a time that is not one", `"responseStatus":{"response":"accepted","time":"datetime-value"}`, Event{Response: "accepted"}},
		{"attendees of any kind", `"attendees":"everybody"`, Event{}},
		{"removed", `"@removed":{"reason":"deleted"}`, Event{Removed: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := client(t, constant(200, `{"value":[{"id":"1",`+tc.member+`},{"id":"2"}]}`))
			got, err := c.View(t.Context(), "room@contoso.com", from, to)
			if err != nil {
				t.Fatal(err)
			}
			tc.want.ID = "1"
			if diff := cmp.Diff([]Event{tc.want, {ID: "2"}}, got); diff != "" {
				t.Errorf("events differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	refused := errors.New("connection refused")
	c, err := New(Options{
		BaseURL:   base,
		Transport: failing{refused},
		Token:     func(context.Context, string) (string, error) { return "a.b.c", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.View(t.Context(), "room@contoso.com", from, to)
	var got *Error
	if !errors.As(err, &got) || got.Fault != Unreachable || !errors.Is(err, refused) {
		t.Errorf("err = %#v, want Unreachable that wraps the cause", err)
	}
	if strings.Contains(err.Error(), "room@contoso.com") {
		t.Errorf("the text shows the URL: %q", err)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// TestTokenErrorsPass: an error of the token source arrives as it is, and
// nothing is sent.
func TestTokenErrorsPass(t *testing.T) {
	refused := errors.New("no token")
	c, err := New(Options{
		BaseURL:   base,
		Transport: handler(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }),
		Token:     func(context.Context, string) (string, error) { return "", refused },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.View(t.Context(), "room@contoso.com", from, to); !errors.Is(err, refused) {
		t.Errorf("err = %v, want %v", err, refused)
	}
}

// TestClaimsChallenge: a 401 with claims asks the token source once more.
func TestClaimsChallenge(t *testing.T) {
	var challenges []string
	c, err := New(Options{
		BaseURL: base,
		Transport: handler(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer new" {
				answer(w, 200, `{"value":[]}`)
				return
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims="e30="`)
			answer(w, 401, `{"error":{"code":"InvalidAuthenticationToken"}}`)
		}),
		Token: func(_ context.Context, claims string) (string, error) {
			challenges = append(challenges, claims)
			if claims != "" {
				return "new", nil
			}
			return "old", nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.View(t.Context(), "room@contoso.com", from, to); err != nil {
		t.Fatal(err)
	}
	if want := []string{"", "e30="}; !cmp.Equal(challenges, want) {
		t.Errorf("challenges = %q, want %q", challenges, want)
	}
}

func TestCheckLink(t *testing.T) {
	c := client(t, nil)
	for _, tc := range []struct {
		link string
		ok   bool
	}{
		{base + "/v1.0/users/x/calendarView/delta?$deltatoken=a", true},
		{base + ":443/v1.0/users/x", true},
		{"https://GRAPH.example/v1.0/users/x", true},
		{"https://graph.example:8443/v1.0/users/x", false},
		{"http://graph.example/v1.0/users/x", false},
		{"https://graph.example@evil.example/v1.0/users/x", false},
		{"https://user@graph.example/v1.0/users/x", false},
		{base + "/beta/users/x", false},
		{base + "/v1.0/../beta/users/x", false},
		{base + "/v1.0/%2e%2e/beta", false},
		{"/v1.0/users/x", false},
		{"", false},
		{"::", false},
		{base + "/v1.0/" + strings.Repeat("x", 20<<10), false},
	} {
		if got := c.checkLink(tc.link) == nil; got != tc.ok {
			t.Errorf("checkLink(%.60q) = %v, want %v", tc.link, got, tc.ok)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0}, {"0", 0}, {"-5", 0}, {"NaN", 0}, {"Inf", 24 * time.Hour}, {"soon", 0},
		{"10", 10 * time.Second}, {" 2.5 ", 2500 * time.Millisecond}, {"1e12", 24 * time.Hour},
		{"Sat, 21 Nov 2026 09:00:30 GMT", 30 * time.Second}, {"Sat, 21 Nov 2026 08:00:00 GMT", 0},
	} {
		if got := retryAfter(http.Header{"Retry-After": {tc.value}}, now); got != tc.want {
			t.Errorf("retryAfter(%q) = %v, want %v", tc.value, got, tc.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	token := func(context.Context, string) (string, error) { return "", nil }
	for _, tc := range []struct {
		name string
		o    Options
	}{
		{"plain HTTP", Options{BaseURL: "http://graph.example", Transport: handler(nil), Token: token}},
		{"no host", Options{BaseURL: "https://", Transport: handler(nil), Token: token}},
		{"no transport", Options{BaseURL: base, Token: token}},
		{"no token source", Options{BaseURL: base, Transport: handler(nil)}},
	} {
		if _, err := New(tc.o); err == nil {
			t.Errorf("%s: no error", tc.name)
		}
	}
}

// FuzzView feeds any body to the parse path: it ends with events or an *Error,
// never with a panic, and keeps no more than was sent.
func FuzzView(f *testing.F) {
	for _, name := range []string{"delta-query-events-04", "user-list-calendarview-01", "event-list-instances-01", "place-list-01"} {
		f.Add(sample(f, name), 200)
	}
	f.Add([]byte(`{"value":[{"id":7,"start":{"dateTime":{}},"organizer":{"emailAddress":null}}]}`), 200)
	f.Add([]byte(`{"error":{"code":[]}}`), 400)
	f.Add([]byte(`{"error":{"code":"x","innerError":{"date":"x"}}}`), 503)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 200 || status > 599 {
			status = 200
		}
		c := client(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, status, string(body)) })
		events, err := c.View(t.Context(), "room@contoso.com", from, to)
		var own *Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("err = %#v, want *Error", err)
		}
		size := 0
		for _, e := range events {
			size += len(e.ID) + len(e.Subject) + len(e.OrganizerName)
		}
		if size > 3*len(body) { // an invalid byte becomes three
			t.Fatalf("%d bytes of text from %d", size, len(body))
		}
		if _, err := c.SomeRooms(t.Context(), 1); err != nil && !errors.As(err, &own) {
			t.Fatalf("err = %#v, want *Error", err)
		}
	})
}
