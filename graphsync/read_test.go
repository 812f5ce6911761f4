package graphsync

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"doorleaf/gateway/calendar"
	"doorleaf/graphsync/internal/msgraph"
)

func utc(s string) msgraph.DateTime { return msgraph.DateTime{DateTime: s, Zone: "UTC"} }

func date(day, hour, minute int) time.Time {
	return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC)
}

func TestReadEvent(t *testing.T) {
	plain := msgraph.Event{ID: "1", Start: utc("2026-11-21T09:00:00.0000000"), End: utc("2026-11-21T10:00:00.0000000")}
	want := calendar.Event{ID: "1", Start: date(21, 9, 0), End: date(21, 10, 0)}
	for _, tc := range []struct {
		name   string
		change func(*msgraph.Event, *calendar.Event)
	}{
		{"plain", func(*msgraph.Event, *calendar.Event) {}},
		{"everything", func(m *msgraph.Event, e *calendar.Event) {
			*m = msgraph.Event{ID: "1", ICalUID: "u", SeriesID: "s", Type: "exception", Subject: "Plan ", OrganizerName: "Ada", OrganizerAddress: "ada@contoso.com",
				Start: m.Start, End: m.End, Created: "2026-11-01T08:00:00.1234567Z", Cancelled: true, ShowAs: "tentative",
				Sensitivity: "confidential", Response: "tentativelyAccepted", ChangeKey: "k", TransactionID: "t"}
			*e = calendar.Event{ID: "1", ICalUID: "u", SeriesID: "s", Subject: "Plan ", OrganizerName: "Ada", OrganizerAddress: "ada@contoso.com",
				Start: e.Start, End: e.End, Created: time.Date(2026, 11, 1, 8, 0, 0, 123456700, time.UTC), Cancelled: true, ShowAs: calendar.Tentative,
				Sensitivity: calendar.Confidential, Response: calendar.TentativelyAccepted, ChangeKey: "k", TransactionID: "t"}
		}},
		{"a zone of Windows", func(m *msgraph.Event, e *calendar.Event) {
			m.Start.Zone, m.End.Zone = "Pacific Standard Time", "W. Europe Standard Time"
			m.End.DateTime = "2026-11-21T20:00:00.0000000"
			e.Start, e.End = date(21, 17, 0), date(21, 19, 0)
		}},
		{"a zone by its IANA name", func(m *msgraph.Event, e *calendar.Event) {
			m.Start.Zone, m.End.Zone = "Asia/Kolkata", "Asia/Kolkata"
			e.Start, e.End = date(21, 3, 30), date(21, 4, 30)
		}},
		{"no zone", func(m *msgraph.Event, _ *calendar.Event) { m.Start.Zone, m.End.Zone = "", "" }},
		{"with an offset", func(m *msgraph.Event, e *calendar.Event) {
			m.Start.DateTime = "2026-11-21T09:00:00+01:00"
			e.Start = date(21, 8, 0)
		}},
		{"all day", func(m *msgraph.Event, e *calendar.Event) {
			m.AllDay, m.Start, m.End = true, utc("2026-11-21T00:00:00.0000000"), utc("2026-11-23T00:00:00.0000000")
			e.AllDay, e.Start, e.End = true, date(21, 0, 0), date(23, 0, 0)
		}},
		{"all day from another zone's midnight", func(m *msgraph.Event, e *calendar.Event) {
			m.AllDay, m.Start, m.End = true, utc("2026-11-20T23:00:00.0000000"), utc("2026-11-21T23:00:00.0000000")
			e.AllDay, e.Start, e.End = true, date(21, 0, 0), date(22, 0, 0)
		}},
		{"a new kind of availability", func(m *msgraph.Event, e *calendar.Event) { m.ShowAs = "novel"; e.ShowAs = calendar.UnknownShowAs }},
		{"a new kind of sensitivity", func(m *msgraph.Event, e *calendar.Event) { m.Sensitivity = "novel"; e.Sensitivity = calendar.Private }},
		{"control characters", func(m *msgraph.Event, e *calendar.Event) {
			m.Subject, e.Subject = "a\x00b\r\nc\td\x1b[31m", "ab  c d[31m"
		}},
		{"invalid UTF-8", func(m *msgraph.Event, e *calendar.Event) { m.Subject, e.Subject = "a\xffb", "a\uFFFDb" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, e := plain, want
			tc.change(&m, &e)
			got, _, err := readEvents([]msgraph.Event{m})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]calendar.Event{e}, got); diff != "" {
				t.Errorf("event differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadEventsRefuses(t *testing.T) {
	good := msgraph.Event{ID: "1", Start: utc("2026-11-21T09:00:00"), End: utc("2026-11-21T10:00:00")}
	for _, tc := range []struct {
		name   string
		change func(*msgraph.Event)
	}{
		{"a wrong type", func(m *msgraph.Event) { m.Bad = []string{"subject"} }},
		{"no id", func(m *msgraph.Event) { m.ID = "" }},
		{"a huge id", func(m *msgraph.Event) { m.ID = strings.Repeat("x", 5000) }},
		{"no start", func(m *msgraph.Event) { m.Start = msgraph.DateTime{} }},
		{"an end that is no time", func(m *msgraph.Event) { m.End.DateTime = "noon" }},
		{"an unknown zone", func(m *msgraph.Event) { m.Start.Zone = "Mars Standard Time" }},
		{"the process's zone", func(m *msgraph.Event) { m.Start.Zone = "Local" }},
		{"a path for a zone", func(m *msgraph.Event) { m.Start.Zone = "../../etc/passwd" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := good
			tc.change(&m)
			if got, _, err := readEvents([]msgraph.Event{good, m}); err == nil {
				t.Errorf("accepted as %+v", got)
			}
		})
	}
	if _, _, err := readEvents(make([]msgraph.Event, maxEvents+1)); err == nil {
		t.Error("too many events accepted")
	}
}

func TestReadEventsMends(t *testing.T) {
	at := func(id, from, to, subject string) msgraph.Event {
		return msgraph.Event{ID: id, Start: utc("2026-11-21T" + from), End: utc("2026-11-21T" + to), Subject: subject}
	}
	master := at("m", "07:00:00", "08:00:00", "master")
	master.Type = "seriesMaster"
	long := strings.Repeat("ä", 600)
	got, n, err := readEvents([]msgraph.Event{
		at("b", "11:00:00", "12:00:00", "first"), at("a", "09:00:00", "10:00:00", "early"), master,
		at("b", "13:00:00", "14:00:00", "last"), at("x", "10:00:00", "09:00:00", "backwards"), at("c", "15:00:00", "15:00:00", long),
	})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range got {
		ids = append(ids, e.ID)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(ids, want) {
		t.Errorf("ids = %q, want %q", ids, want)
	}
	if got[1].Subject != "last" {
		t.Errorf("of equal ids %q won, want the last", got[1].Subject)
	}
	if s := got[2].Subject; len(s) != maxSubject || !utf8.ValidString(s) {
		t.Errorf("subject of %d bytes, valid %v", len(s), utf8.ValidString(s))
	}
	if n != (notes{dropped: 1, cut: 1}) {
		t.Errorf("notes = %+v", n)
	}
}

func FuzzTidy(f *testing.F) {
	f.Add("Plan\u2028B", 4)
	f.Add("\xff\xfe\xf0\x9f\x98", 3)
	f.Add(strings.Repeat("€", 50), 100)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(limit&0x7ff, 4)
		got := tidy(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("tidy(%q, %d) = %q", s, limit, got)
		}
		if again := tidy(got, limit); again != got {
			t.Errorf("tidy is not idempotent: %q, then %q", got, again)
		}
	})
}

// FuzzEvents goes from any body to events: what comes out is bounded, valid and
// in order.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"value":[{"id":"1","subject":"Plan","start":{"dateTime":"2026-11-21T09:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-11-21T10:00:00.0000000","timeZone":"UTC"}}]}`))
	f.Add([]byte(`{"value":[{"id":"1","isAllDay":true,"start":{"dateTime":"0001-01-01T00:00:00","timeZone":"Samoa Standard Time"},"end":{"dateTime":"9999-12-31T00:00:00","timeZone":"UTC+13"}}]}`))
	f.Add([]byte(`{"value":[{"id":"1","subject":"\ud800","start":{"dateTime":"2026-11-21T09:00:00Z"},"end":{"dateTime":"2026-11-21T08:00:00+05:00"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		raw, err := viewOf(t, string(body))
		if err != nil {
			return
		}
		events, _, err := readEvents(raw)
		if err != nil {
			return
		}
		for i, e := range events {
			if e.ID == "" || e.End.Before(e.Start) || len(e.Subject) > maxSubject || !utf8.ValidString(e.Subject) {
				t.Errorf("event = %+v", e)
			}
			if e.AllDay && e.Start != e.Start.Truncate(24*time.Hour) {
				t.Errorf("all-day event begins at %v", e.Start)
			}
			if i > 0 && e.Start.Before(events[i-1].Start) {
				t.Errorf("event %d begins before event %d", i, i-1)
			}
		}
	})
}

// TestDocumentedEvent follows one documented event through all of the path:
// Microsoft's JSON, the SDK, our event.
func TestDocumentedEvent(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "graph", "samples", "user-post-events-02-response.json"))
	if err != nil {
		t.Fatal(err)
	}
	var event json.RawMessage = raw
	body, err := json.Marshal(map[string]any{"value": []json.RawMessage{event}})
	if err != nil {
		t.Fatal(err)
	}
	read, err := viewOf(t, string(body))
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := readEvents(read)
	if err != nil {
		t.Fatal(err)
	}
	want := []calendar.Event{{
		ID:      "AAMkAGI1AAAt9AHjAAA=",
		ICalUID: "040000008200E00074C5B7101A82E00800000000DA2B357D94B5D201000000000000000010000000EC4597557F0CB34EA4CC2887EA7B17C3",
		Subject: "Let's go brunch", OrganizerName: "Dana Swope", OrganizerAddress: "danas@contoso.onmicrosoft.com",
		Start: time.Date(2017, 4, 15, 18, 0, 0, 0, time.UTC), End: time.Date(2017, 4, 15, 19, 0, 0, 0, time.UTC),
		ShowAs: calendar.Busy, Response: calendar.Organizer, Created: time.Date(2017, 4, 15, 3, 0, 50, 757958100, time.UTC),
		ChangeKey: "ZlnW4RIAV06KYYwlrfNZvQAALfZeRQ==", TransactionID: "7E163156-7762-4BEB-A1C6-729EA81755A7",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event differs (-want +got):\n%s", diff)
	}
}
