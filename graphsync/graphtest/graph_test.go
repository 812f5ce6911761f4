package graphtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBearer(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddRoom(Room{Email: "room", Name: "Room"})
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	good := w.appToken()
	path := w.s.GraphURL() + "/v1.0/places/microsoft.graph.room"
	head, rest, _ := strings.Cut(good, ".")
	none := encode([]byte(`{"typ":"JWT","alg":"none"}`))
	foreign := w.s.sign(claims{"aud": "https://vault.example", "appid": w.app.ClientID, "exp": w.clock.now().Add(time.Hour).Unix(), "roles": []string{"Place.Read.All"}})
	for _, c := range []struct{ name, header string }{
		{"nothing", ""}, {"not a bearer", "Basic abc"}, {"not a token", "Bearer abc"},
		{"no signature", "Bearer " + none + "." + rest[:strings.IndexByte(rest, '.')] + "."},
		{"other signature", "Bearer " + head + "." + rest[:strings.IndexByte(rest, '.')+1] + "AAAA"},
		{"other audience", "Bearer " + foreign},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.do(w.client, "GET", path, nil, "Authorization", c.header)
			if status, code := failure(t, r); status != 401 || code != "InvalidAuthenticationToken" || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("got %d %s", status, code)
			}
		})
	}
	if r := w.as(good, "GET", path, nil); r.status != 200 {
		t.Errorf("a good token: got %d", r.status)
	}
	w.clock.add(91 * time.Minute)
	if status, _ := failure(t, w.as(good, "GET", path, nil)); status != 401 {
		t.Errorf("after 91 minutes: got %d, want 401", status)
	}
}

func TestPermissions(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddRoom(Room{Email: "one", Name: "One"})
	w.s.AddRoom(Room{Email: "two", Name: "Two"})
	w.s.AddRoom(Room{Email: "old", Name: "Old", NoMailbox: true})
	view := func(room string) string { return "/users/" + room + "@" + domainName + "/calendarView" + window }
	ask := func(path string) string {
		r := w.as(w.appToken(), "GET", path, nil)
		if r.status == 200 {
			return "200"
		}
		status, code := failure(t, r)
		return fmt.Sprint(status, " ", code)
	}
	expect := func(when, path, want string) {
		t.Helper()
		if got := ask(path); got != want {
			t.Errorf("%s, %s: got %s, want %s", when, path, got, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	places := "/places/graph.room?$top=1"
	expect("no consent", places, "403 Authorization_RequestDenied")
	expect("no consent", view("one"), "403 ErrorAccessDenied")
	must(w.s.ScopeApp(w.app.ClientID, "Calendars.Read", "one@"+domainName))
	expect("scoped by Exchange", view("one"), "200")
	expect("scoped by Exchange", view("two"), "403 ErrorAccessDenied")
	must(w.s.Consent(w.app.ClientID))
	expect("consent", places, "200")
	expect("consent", view("two"), "200")
	expect("consent", view("old"), "404 MailboxNotEnabledForRESTAPI")
	expect("consent", view("nobody"), "404 ErrorInvalidUser")
	expect("consent", "/me", "400 BadRequest")
	expect("consent", "/users/"+UserName+"@"+domainName, "403 Authorization_RequestDenied")
	must(w.s.RestrictApp(w.app.ClientID, "one@"+domainName))
	expect("policy", view("one"), "200")
	expect("policy", view("two"), "403 ErrorAccessDenied")
	must(w.s.RestrictApp(w.app.ClientID))
	expect("policy removed", view("two"), "200")
	must(w.s.RevokeConsent(w.app.ClientID))
	expect("revoked", view("two"), "403 ErrorAccessDenied")

	email, password := robin()
	doc := w.personToken(email, password)
	token := doc["access_token"].(string)
	if r := w.as(token, "GET", "/me/calendarView"+window, nil); r.status != 200 {
		t.Errorf("own calendar: got %d", r.status)
	}
	if status, code := failure(t, w.as(token, "GET", places, nil)); status != 403 || code != "Authorization_RequestDenied" {
		t.Errorf("places of a person without the permission: got %d %s", status, code)
	}
}

// TestPlacesPaging: no nextLink, a hundred at most, $skip goes on.
func TestPlacesPaging(t *testing.T) {
	w := newWorld(t, false)
	for i := range 130 {
		w.s.AddRoom(Room{Email: fmt.Sprintf("room%03d", i), Name: fmt.Sprintf("Room %d", i)})
	}
	for _, c := range []struct {
		name, query string
		want        int
		first       string
	}{
		{"default", "", 100, "Room 0"}, {"top", "?$top=7", 7, "Room 0"}, {"top and skip", "?%24top=100&%24skip=100&$count=true", 30, "Room 100"},
		{"past the end", "?$skip=130", 0, ""}, {"large top", "?$top=999", 130, "Room 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.graph("/places/microsoft.graph.room" + c.query)
			got := list(t, r)
			if len(got) != c.want || (c.want > 0 && got[0]["displayName"] != c.first) {
				t.Errorf("got %d rooms, want %d from %s", len(got), c.want, c.first)
			}
			if r.doc(t)["@odata.nextLink"] != nil {
				t.Error("a nextLink, which the service does not send")
			}
			if n := r.doc(t)["@odata.count"]; strings.Contains(c.query, "count") && n != 130.0 {
				t.Errorf("count %v, want 130", n)
			}
		})
	}
	if status, _ := failure(t, w.graph("/places/microsoft.graph.room?$top=-1")); status != 400 {
		t.Errorf("negative $top: got %d", status)
	}
}

func TestCalendarViewPaging(t *testing.T) {
	w := newWorld(t, false)
	cal := w.s.AddRoom(Room{Email: "room", Name: "Room"})
	for i := range 23 {
		// Made in reverse, so that order has to be asked for.
		start := utc(t, "2026-11-24T00:00:00Z").Add(time.Duration(30-i) * time.Hour)
		cal.Create(Event{Subject: fmt.Sprintf("n%02d", 30-i), Start: start, End: start.Add(time.Hour)})
	}
	path := "/users/room@" + domainName + "/calendarView" + window
	for _, c := range []struct {
		name, query, prefer string
		sizes               []int
		sorted              bool
	}{
		{"default", "", "", []int{10, 10, 3}, false},
		{"top and order", "&$top=9&$orderby=start/dateTime", "", []int{9, 9, 5}, true},
		{"maxpagesize", "&$orderby=start/dateTime%20asc", "odata.maxpagesize=20", []int{20, 3}, true},
		{"all", "&%24top=1000&%24select=subject,start&%24orderby=start%2FdateTime", "", []int{23}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sizes []int
			var subjects []string
			for next := path + c.query; next != ""; {
				var header []string
				if c.prefer != "" {
					header = []string{"Prefer", c.prefer}
				}
				r := w.graph(next, header...)
				page := list(t, r)
				sizes = append(sizes, len(page))
				for _, e := range page {
					subjects = append(subjects, e["subject"].(string))
					if strings.Contains(c.query, "select") && (len(e) != 4 || e["id"] == nil || e["@odata.etag"] == nil) {
						t.Errorf("selected two, got %v", e)
					}
				}
				next, _ = r.doc(t)["@odata.nextLink"].(string)
			}
			if !slices.Equal(sizes, c.sizes) {
				t.Errorf("pages of %v, want %v", sizes, c.sizes)
			}
			if slices.IsSorted(subjects) != c.sorted {
				t.Errorf("sorted: %t, want %t: %v", !c.sorted, c.sorted, subjects)
			}
			slices.Sort(subjects)
			if len(slices.Compact(subjects)) != 23 {
				t.Error("an event is missing or came twice")
			}
		})
	}
}

// TestCalendarViewEdges: which events a window holds, and refusals.
func TestCalendarViewEdges(t *testing.T) {
	w := newWorld(t, false)
	cal := w.s.AddRoom(Room{Email: "room", Name: "Room", TimeZone: "Europe/Helsinki"})
	for _, e := range []struct{ subject, start, end string }{
		{"ends at the start", "2026-11-23T23:00:00Z", "2026-11-24T00:00:00Z"},
		{"over the start", "2026-11-23T23:00:00Z", "2026-11-24T00:00:01Z"},
		{"no length, at the start", "2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z"},
		{"over the end", "2026-11-26T23:59:59Z", "2026-11-27T04:00:00Z"},
		{"begins at the end", "2026-11-27T00:00:00Z", "2026-11-27T01:00:00Z"},
		{"around it all", "2026-11-20T00:00:00Z", "2026-12-20T00:00:00Z"},
	} {
		cal.Create(Event{Subject: e.subject, Start: utc(t, e.start), End: utc(t, e.end)})
	}
	day := utc(t, "2026-11-24T22:00:00Z") // midnight in Helsinki
	cal.Create(Event{Subject: "all day", AllDay: true, Start: day, End: day.Add(24 * time.Hour)})
	path := "/users/room@" + domainName + "/calendarView"
	var got []string
	for _, e := range list(t, w.graph(path+window)) {
		got = append(got, e["subject"].(string))
		if e["subject"] == "all day" {
			if s := fmt.Sprint(e["start"], e["end"], e["isAllDay"]); s != "map[dateTime:2026-11-25T00:00:00.0000000 timeZone:UTC] map[dateTime:2026-11-26T00:00:00.0000000 timeZone:UTC] true" {
				t.Errorf("all-day event: got %s", s)
			}
		}
	}
	if want := []string{"over the start", "no length, at the start", "over the end", "around it all", "all day"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, c := range []struct{ name, query, want string }{
		{"no window", "", "ErrorInvalidParameter"},
		{"half a window", "?startDateTime=2026-11-24T00:00:00Z", "ErrorInvalidParameter"},
		{"plus sign lost", "?startDateTime=2026-11-24T00:00:00+02:00&endDateTime=2026-11-25T00:00:00Z", "ErrorInvalidParameter"},
		{"backwards", "?startDateTime=2026-11-25&endDateTime=2026-11-24", "ErrorInvalidParameter"},
		{"six years", "?startDateTime=2026-01-01&endDateTime=2032-01-01", "ErrorCalendarViewRangeTooBig"},
		{"unknown property", window + "&$select=subject,title", "RequestBroker--ParseUri"},
		{"stamp", window + "&$select=lastModifiedDateTime", "ErrorInvalidProperty"},
		{"too large a page", window + "&$top=1001", "BadRequest"},
		{"unsupported option", window + "&$search=x", "BadRequest"},
		{"twice", window + "&startdatetime=2026-11-24", "BadRequest"},
	} {
		if status, code := failure(t, w.graph(path+c.query)); status != 400 || code != c.want {
			t.Errorf("%s: got %d %s, want 400 %s", c.name, status, code, c.want)
		}
	}
	offset := "?startDateTime=2026-11-27T02:30:00%2B02:00&endDateTime=2026-11-27T03:00:00%2B02:00"
	if n := len(list(t, w.graph(path+offset))); n != 3 {
		t.Errorf("a window with offsets: got %d events, want 3", n)
	}
	r := w.graph(path+window, "Prefer", `outlook.timezone="FLE Standard Time", odata.maxpagesize=2`)
	if s := fmt.Sprint(list(t, r)[0]["start"]); s != "map[dateTime:2026-11-24T01:00:00.0000000 timeZone:FLE Standard Time]" {
		t.Errorf("in the client's zone: got %s", s)
	}
	if got := r.header.Values("Preference-Applied"); len(got) != 2 {
		t.Errorf("Preference-Applied: got %q", got)
	}
}

func TestIDs(t *testing.T) {
	w := newWorld(t, false)
	cal := w.s.AddRoom(Room{Email: "room", Name: "Room"})
	start := utc(t, "2026-11-24T10:00:00Z")
	id := cal.Create(Event{Subject: "x", Start: start, End: start.Add(time.Hour)})
	path := "/users/room@" + domainName
	plain := list(t, w.graph(path+"/calendarView"+window))[0]["id"].(string)
	fixed := list(t, w.graph(path+"/calendarView"+window, "Prefer", "odata.maxpagesize=5", "Prefer", `IdType="ImmutableId"`))[0]["id"].(string)
	if fixed != id || plain == id {
		t.Errorf("got %s and %s, want %s and another", fixed, plain, id)
	}
	for _, name := range []string{plain, strings.ReplaceAll(fixed, "=", "%3D")} {
		if r := w.graph(path + "/events/" + name); r.status != 200 {
			t.Errorf("by id %s: got %d", name, r.status)
		}
	}
	if status, code := failure(t, w.graph(path+"/events/AAMkADhNothing")); status != 404 || code != "ErrorItemNotFound" {
		t.Errorf("unknown id: got %d %s", status, code)
	}
}

func TestWriting(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddRoom(Room{Email: "room", Name: "Room", TimeZone: "Europe/Berlin"})
	path := "/users/room@" + domainName + "/events"
	body := []byte(`{"subject":"Here now","start":{"dateTime":"2026-11-24T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-11-24T10:30:00","timeZone":"UTC"},"transactionId":"t-1"}`)
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if status, code := failure(t, w.as(w.appToken(), "POST", path, body)); status != 403 || code != "ErrorAccessDenied" {
		t.Errorf("without write permission: got %d %s", status, code)
	}
	if err := w.s.SetPermissions(w.app.ClientID, nil, []string{"Calendars.ReadWrite"}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	token := w.appToken()
	r := w.as(token, "POST", path, body)
	made := r.doc(t)
	if r.status != 201 || made["isOrganizer"] != true || made["transactionId"] != "t-1" {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if r := w.as(token, "POST", path, body); r.status != 409 {
		t.Errorf("the same transaction again: got %d", r.status)
	}
	one := path + "/" + made["id"].(string)
	if r := w.as(token, "PATCH", one, []byte(`{"@odata.type":"#microsoft.graph.event"}`)); r.status != 200 || r.doc(t)["changeKey"] != made["changeKey"] {
		t.Errorf("an empty change: got %d", r.status)
	}
	r = w.as(token, "PATCH", one, []byte(`{"end":{"dateTime":"2026-11-24T11:00:00.0000000","timeZone":"UTC"}}`))
	if r.status != 200 || r.doc(t)["changeKey"] == made["changeKey"] {
		t.Errorf("a change: got %d", r.status)
	}
	from := utc(t, "2026-11-24T00:00:00Z")
	if got := w.s.Truth("room", from, from.Add(24*time.Hour)); len(got) != 1 || got[0].End.Hour() != 11 || got[0].Subject != "Here now" {
		t.Errorf("truth: got %+v", got)
	}
	if r := w.as(token, "DELETE", one, nil); r.status != 204 || len(r.body) != 0 {
		t.Errorf("deletion: got %d", r.status)
	}
	if r := w.as(token, "GET", one, nil); r.status != 404 {
		t.Errorf("after deletion: got %d", r.status)
	}
	for name, bad := range map[string]string{
		"no zone": `{"start":{"dateTime":"2026-11-24T10:00:00"},"end":{"dateTime":"2026-11-24T10:30:00"}}`, "no end": `{"subject":"x"}`,
		"backwards":    `{"start":{"dateTime":"2026-11-24T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-11-24T09:00:00","timeZone":"UTC"}}`,
		"unknown enum": `{"showAs":"maybe","start":{"dateTime":"2026-11-24T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-11-24T11:00:00","timeZone":"UTC"}}`,
		"not JSON":     `{"subject"`, "a list": `[]`,
		"made-up name": `{"title":"x","start":{"dateTime":"2026-11-24T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-11-24T11:00:00","timeZone":"UTC"}}`,
	} {
		if r := w.as(token, "POST", path, []byte(bad)); r.status != 400 {
			t.Errorf("%s: got %d, want 400", name, r.status)
		}
	}
	odd := []byte(`{"@odata.type":"#microsoft.graph.event","showAs":"Tentative","sensitivity":"Private","start":{"dateTime":"2026-11-25T10:00:00","timeZone":"Europe/Berlin"},"end":{"dateTime":"2026-11-25T11:00:00","timeZone":"W. Europe Standard Time"}}`)
	if r := w.as(token, "POST", path, odd); r.status != 201 || r.doc(t)["showAs"] != "tentative" || r.doc(t)["sensitivity"] != "private" {
		t.Errorf("enumerations in capitals: got %d %s", r.status, r.body)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(bytes.ReplaceAll(body, []byte("t-1"), []byte("t-2"))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if r := w.as(token, "POST", path, packed.Bytes(), "Content-Encoding", "gzip"); r.status != 201 {
		t.Errorf("gzip body: got %d %s", r.status, r.body)
	}
	if r := w.as(token, "POST", path, body, "Content-Encoding", "gzip"); r.status != 400 {
		t.Errorf("plain body called gzip: got %d", r.status)
	}
	if r := w.as(token, "POST", path, body, "Content-Encoding", "br"); r.status != 415 {
		t.Errorf("unknown encoding: got %d", r.status)
	}
}

// TestDefaultProcessing: what a room does to a meeting out of the box.
func TestDefaultProcessing(t *testing.T) {
	w := newWorld(t, false)
	cal := w.s.AddRoom(Room{Email: "room", Name: "Room", DefaultProcessing: true})
	start := utc(t, "2026-11-24T10:00:00Z")
	cal.Create(Event{Subject: "Secret plan", Body: "b", Sensitivity: "private", Organizer: Person{"Ann Lee", "ann@" + domainName}, Start: start, End: start.Add(time.Hour)})
	e := list(t, w.graph("/users/room@"+domainName+"/calendarView"+window))[0]
	if e["subject"] != "Ann Lee" || e["sensitivity"] != "normal" || e["bodyPreview"] != "" {
		t.Errorf("got %v %v %v", e["subject"], e["sensitivity"], e["bodyPreview"])
	}
}

func TestBatch(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddRoom(Room{Email: "room", Name: "Room"})
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"requests": []any{
		map[string]any{"id": "1", "method": "GET", "url": "/places/microsoft.graph.room"},
		map[string]any{"id": "2", "method": "GET", "url": "users/nobody@" + domainName + "/calendarView" + window, "body": nil, "dependsOn": []any{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := w.as(w.appToken(), http.MethodPost, "/$batch", body)
	responses, _ := r.doc(t)["responses"].([]any)
	if r.status != 200 || len(responses) != 2 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	for i, want := range []float64{200, 404} {
		if got := responses[i].(map[string]any)["status"]; got != want {
			t.Errorf("step %d: got %v, want %v", i+1, got, want)
		}
	}
}
