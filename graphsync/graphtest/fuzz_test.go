package graphtest

import (
	"encoding/json"
	"testing"
	"time"
)

// FuzzRecurrence: whatever passes the check expands to ordered days within the
// range, and ends.
func FuzzRecurrence(f *testing.F) {
	f.Add([]byte(`{"pattern":{"type":"weekly","interval":2,"daysOfWeek":["Monday"],"firstDayOfWeek":"monday"},"range":{"type":"noEnd","startDate":"2026-11-02"}}`))
	f.Add([]byte(`{"pattern":{"type":"relativeYearly","interval":1,"daysOfWeek":["sunday","friday"],"index":"fourth","month":2},"range":{"type":"numbered","startDate":"2024-02-29","numberOfOccurrences":3}}`))
	f.Add([]byte(`{"pattern":{"type":"absoluteMonthly","interval":999,"dayOfMonth":31},"range":{"type":"endDate","startDate":"2026-01-31","endDate":"9999-12-31"}}`))
	f.Add([]byte(`{"pattern":{"type":"relativeMonthly","interval":1,"daysOfWeek":["sunday"],"index":"last"},"range":{"type":"noEnd","startDate":"2026-01-31"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r Recurrence
		if json.Unmarshal(raw, &r) != nil || r.check() != nil {
			t.Skip()
		}
		start, err := time.Parse(dateLayout, r.Range.StartDate)
		if err != nil {
			t.Fatal("a start date that does not parse passed the check")
		}
		last, count := start.AddDate(2, 0, 0), 0
		before := start.AddDate(0, 0, -1)
		for day := range r.dates(last) {
			if !day.After(before) || day.After(last) {
				t.Fatalf("%s comes after %s, start %s, last %s", day, before, start, last)
			}
			before = day
			count++
		}
		if n := r.Range.NumberOfOccurrences; r.Range.Type == "numbered" && count > n {
			t.Errorf("%d days of %d", count, n)
		}
	})
}

// FuzzOpaque: nothing a client can send as id, token or time breaks the server.
func FuzzOpaque(f *testing.F) {
	state := &chain{box: "01234567", number: 3}
	f.Add(idOf("0123456789abcdef0123456789abcdef", "2026-11-24", true))
	f.Add(state.token(2, -7))
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.AAAA")
	f.Add("2026-11-24T10:00:00+02:00")
	f.Add(`IdType="ImmutableId", odata.maxpagesize=7`)
	c := &Calendar{id: "01234567-aaaa", chains: []*chain{state}, zone: time.UTC}
	f.Fuzz(func(t *testing.T, s string) {
		if key, day := parseID(s); key != "" && len(day) != 0 && len(day) != 10 {
			t.Errorf("id %q: day %q", s, day)
		}
		if it, _ := c.find(s); it != nil {
			t.Error("an event in an empty calendar")
		}
		if got, _, _, ok := c.open(s); ok && got != state {
			t.Error("a sync state out of nothing")
		}
		if token, err := parseJWT(s); err == nil {
			token.claims.within(time.Now())
			token.claims.texts("roles")
		}
		instant(s)
		preferences(map[string][]string{"Prefer": {s}})
	})
}

func FuzzClaims(f *testing.F) {
	for _, s := range []string{"", `{"access_token":{"xms_cc":{"values":["cp1"]},"nbf":{"essential":true,"value":"1"}}}`, `{"access_token":{"nbf":null}}`, "[]", `{"access_token":7}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, e := readClaims(text)
		if e != nil && w != (wanted{}) {
			t.Errorf("claims %+v beside an error", w)
		}
	})
}

func FuzzEventsResource(f *testing.F) {
	for _, s := range []string{"users/a@b/events", "/me/events", "users/a%40b/calendar/events", "users//events", "users/a/calendarView", "calendar/events", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if name, ok := eventsResource(text); !ok && name != "" {
			t.Errorf("a mailbox %q of a resource that is none", name)
		}
	})
}
