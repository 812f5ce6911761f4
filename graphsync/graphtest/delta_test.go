package graphtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// round follows a delta round to its end.
func (w *world) round(path string, header ...string) (pages [][]map[string]any, deltaLink string) {
	w.Helper()
	for range 100 {
		r := w.graph(path, header...)
		pages = append(pages, list(w.T, r))
		doc := r.doc(w.T)
		next, more := doc["@odata.nextLink"].(string)
		last, done := doc["@odata.deltaLink"].(string)
		if more == done {
			w.Fatalf("a page with both or neither of the links: %s", r.body)
		}
		if done {
			return pages, last
		}
		path = next
	}
	w.Fatal("the round does not end")
	return nil, ""
}

// brief tells pages in short: "type subject-or-day" of each entry.
func brief(pages [][]map[string]any) []string {
	var out []string
	for _, p := range pages {
		for _, e := range p {
			switch {
			case e["@removed"] != nil:
				out = append(out, "removed")
			case e["type"] == "occurrence":
				out = append(out, "occurrence "+e["start"].(map[string]any)["dateTime"].(string)[:10])
			default:
				out = append(out, fmt.Sprint(e["type"], " ", e["subject"]))
			}
		}
	}
	return out
}

const (
	deltaPath = "/users/room@" + domainName + "/calendarView/delta"
	window    = "?startDateTime=2026-11-24T00:00:00Z&endDateTime=2026-11-27T00:00:00Z"
)

// deltaWorld has a room with a single event in the window, one outside, and a
// daily series that began weeks before.
func deltaWorld(t *testing.T) (w *world, cal *Calendar, single, outside, series string) {
	w = newWorld(t, false)
	cal = w.s.AddRoom(Room{Email: "room", Name: "Room", TimeZone: "Europe/Berlin"})
	at := func(text string, subject string, r *Recurrence) string {
		start := utc(t, text)
		return cal.Create(Event{Subject: subject, Organizer: Person{"Ann", "ann@" + domainName}, Start: start, End: start.Add(time.Hour), Recurrence: r})
	}
	single = at("2026-11-24T10:00:00Z", "single", nil)
	outside = at("2026-12-24T10:00:00Z", "outside", nil)
	series = at("2026-11-02T08:00:00Z", "series", &Recurrence{Pattern{Type: "daily", Interval: 1}, Range{Type: "noEnd"}})
	return w, cal, single, outside, series
}

func TestDeltaFirstRound(t *testing.T) {
	w, _, single, _, series := deltaWorld(t)
	pages, link := w.round(deltaPath+window, "Prefer", "odata.maxpagesize=2", "Prefer", `IdType="ImmutableId"`)
	if got, want := brief(pages), []string{
		"singleInstance single", "seriesMaster series", "occurrence 2026-11-24", "occurrence 2026-11-25", "occurrence 2026-11-26",
		"singleInstance single", // the same event twice in a round
	}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(pages[1]) != 0 {
		t.Errorf("the second page has %d entries, want an empty page with a nextLink", len(pages[1]))
	}
	for i, p := range pages {
		if n := len(p); n > 2 && n != 4 {
			t.Errorf("page %d has %d entries", i, n)
		}
	}
	var master, bare map[string]any
	for _, p := range pages {
		for _, e := range p {
			switch e["type"] {
			case "seriesMaster":
				master = e
			case "occurrence":
				bare = e
			}
		}
	}
	if pages[0][0]["id"] != single || master["id"] != series || bare["seriesMasterId"] != series {
		t.Error("the ids are not the immutable ones")
	}
	if got := master["start"].(map[string]any)["dateTime"]; got != "2026-11-02T08:00:00.0000000" {
		t.Errorf("the master starts %v, want its very first date", got)
	}
	var names []string
	for name := range bare {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"}; !slices.Equal(names, want) {
		t.Errorf("an occurrence has %q, want %q", names, want)
	}
	pages, _ = w.round(link)
	if got := brief(pages); len(got) != 0 || len(pages) != 1 {
		t.Errorf("nothing changed, got %q on %d pages", got, len(pages))
	}
}

// TestDeltaChanges changes one thing and follows the link.
func TestDeltaChanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *world, cal *Calendar, single, outside, series string) error
		want   []string
	}{
		{"moved inside", func(w *world, cal *Calendar, single, _, _ string) error {
			return cal.Move(single, utc(w.T, "2026-11-25T10:00:00Z"), utc(w.T, "2026-11-25T11:00:00Z"))
		}, []string{"singleInstance single"}},
		{"moved out", func(w *world, cal *Calendar, single, _, _ string) error {
			return cal.Move(single, utc(w.T, "2026-11-29T10:00:00Z"), utc(w.T, "2026-11-29T11:00:00Z"))
		}, []string{"removed"}},
		{"changed outside, never seen", func(_ *world, cal *Calendar, _, outside, _ string) error {
			return cal.Update(outside, func(e *Event) { e.Subject = "other" })
		}, []string{"removed"}},
		{"deleted", func(_ *world, cal *Calendar, single, _, _ string) error { return cal.Delete(single) }, []string{"removed"}},
		{"cancelled", func(_ *world, cal *Calendar, single, _, _ string) error { return cal.Cancel(single) },
			[]string{"singleInstance Canceled: single"}},
		{"one occurrence deleted: not announced, the series comes without it", func(w *world, cal *Calendar, _, _, series string) error {
			id, err := cal.OccurrenceID(series, "2026-11-25")
			if err != nil {
				return err
			}
			return cal.Delete(id)
		}, []string{"seriesMaster series", "occurrence 2026-11-24", "occurrence 2026-11-26"}},
		{"one occurrence moved", func(w *world, cal *Calendar, _, _, series string) error {
			id, err := cal.OccurrenceID(series, "2026-11-25")
			if err != nil {
				return err
			}
			return cal.Move(id, utc(w.T, "2026-11-25T15:00:00Z"), utc(w.T, "2026-11-25T16:00:00Z"))
		}, []string{"seriesMaster series", "occurrence 2026-11-24", "exception series", "occurrence 2026-11-26"}},
		{"series deleted", func(_ *world, cal *Calendar, _, _, series string) error { return cal.Delete(series) },
			[]string{"removed", "removed", "removed", "removed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, cal, single, outside, series := deltaWorld(t)
			_, link := w.round(deltaPath + window)
			if err := c.change(w, cal, single, outside, series); err != nil {
				t.Fatal(err)
			}
			pages, next := w.round(link)
			if diff := cmp.Diff(c.want, brief(pages)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			// The link that was used can be used again and tells the same.
			again, _ := w.round(link)
			if diff := cmp.Diff(brief(pages), brief(again)); diff != "" {
				t.Errorf("replay: -first +second\n%s", diff)
			}
			if pages, _ := w.round(next); len(brief(pages)) != 0 {
				t.Errorf("the next link tells %q again", brief(pages))
			}
		})
	}
}

// TestDeltaWindowIsFrozen: time passes, the window of the token stays.
func TestDeltaWindowIsFrozen(t *testing.T) {
	w, cal, _, _, _ := deltaWorld(t)
	_, link := w.round(deltaPath + window)
	w.clock.add(5 * 24 * time.Hour)
	start := utc(t, "2026-11-30T10:00:00Z")
	cal.Create(Event{Subject: "later", Start: start, End: start.Add(time.Hour)})
	if pages, _ := w.round(link); !slices.Equal(brief(pages), []string{"removed"}) {
		t.Errorf("got %q", brief(pages))
	}
}

func TestDeltaGenerations(t *testing.T) {
	w, _, _, _, _ := deltaWorld(t)
	_, first := w.round(deltaPath + window)
	link := first
	for range 3 {
		_, link = w.round(link)
	}
	if _, code := failure(t, w.graph(deltaPath+"?$deltatoken=nonsense")); code != "SyncStateNotFound" {
		t.Errorf("a made-up token: got %s", code)
	}
	// Four generations are kept; the fifth pushes the first one out.
	if _, second := w.round(first); second == "" {
		t.Fatal("the oldest kept generation does not answer")
	}
	r := w.graph(first)
	status, code := failure(t, r)
	if status != 410 || code != "SyncStateNotFound" || !strings.HasSuffix(r.header.Get("Location"), "$deltatoken=") {
		t.Errorf("got %d %s Location %q, want 410 SyncStateNotFound and where to begin again", status, code, r.header.Get("Location"))
	}
	if !strings.Contains(string(r.body), "generation=1;[highest=5]") {
		t.Errorf("message: %s", r.body)
	}
	if r := w.graph(link); r.status != 200 {
		t.Errorf("a newer generation: got %d", r.status)
	}
}

func TestDeltaRefusesOptions(t *testing.T) {
	w, _, _, _, _ := deltaWorld(t)
	for _, option := range []string{"$select=subject", "$top=5", "$orderby=start/dateTime", "%24filter=x", "$expand=x", "$search=x"} {
		if status, code := failure(t, w.graph(deltaPath+window+"&"+option)); status != 400 || code != "ErrorInvalidUrlQuery" {
			t.Errorf("%s: got %d %s", option, status, code)
		}
	}
	if status, code := failure(t, w.graph(deltaPath)); status != 400 || code != "ErrorInvalidParameter" {
		t.Errorf("no window: got %d %s", status, code)
	}
}

// TestDeltaSpellings: the two forms of the path, names in any case, the room
// in any spelling.
func TestDeltaSpellings(t *testing.T) {
	w, _, _, _, _ := deltaWorld(t)
	for _, path := range []string{
		"/users/room%40" + domainName + "/calendarView/delta()?endDateTime=2026-11-27T00%3A00%3A00Z&startDateTime=2026-11-24T00%3A00%3A00Z",
		"/users/ROOM@" + domainName + "/calendarview/delta?STARTDATETIME=2026-11-24&enddatetime=2026-11-27",
		"/users/room@" + domainName + "/calendar/calendarView/microsoft.graph.delta()" + window,
	} {
		if n := len(list(t, w.graph(path))); n != 6 { // one of them twice
			t.Errorf("%s: got %d entries, want 6", path, n)
		}
	}
}

// TestDelegatedDelta: another person's calendar gives its first page and then
// refuses.
func TestDelegatedDelta(t *testing.T) {
	w, cal, _, _, _ := deltaWorld(t)
	email, password := robin()
	token := w.personToken(email, password)["access_token"].(string)
	if status, code := failure(t, w.as(token, "GET", deltaPath+window, nil)); status != 403 || code != "ErrorAccessDenied" {
		t.Errorf("without folder rights: got %d %s", status, code)
	}
	cal.GrantFolder(email, false)
	r := w.as(token, "GET", deltaPath+window, nil)
	if n := len(list(t, r)); n != 6 { // one of them twice
		t.Errorf("first page: got %d entries, want 6", n)
	}
	if status, code := failure(t, w.as(token, "GET", r.doc(t)["@odata.nextLink"].(string), nil)); status != 403 || code != "ErrorAccessDenied" {
		t.Errorf("second page: got %d %s, want 403 ErrorAccessDenied", status, code)
	}
	if r := w.as(token, "GET", strings.Replace(deltaPath, "/delta", "", 1)+window, nil); r.status != 200 {
		t.Errorf("plain calendarView: got %d %s", r.status, r.body)
	}
}
