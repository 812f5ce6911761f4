package graphtest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// members lists the JSON names of a struct.
func members(v any) []string {
	var names []string
	t := reflect.TypeOf(v)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// TestAcceptedNames holds every name and enumeration member that clients may
// send against Microsoft's schema.
func TestAcceptedNames(t *testing.T) {
	v := readVocabulary(t, namesFile)
	for typ, names := range map[string][]string{
		"microsoft.graph.event":             append(members(wireEvent{}), eventNames()...),
		"microsoft.graph.subscription":      append(members(wireSubscription{}), subscriptionNames()...),
		"microsoft.graph.dateTimeTimeZone":  members(wireTime{}),
		"microsoft.graph.recurrencePattern": members(Pattern{}), "microsoft.graph.recurrenceRange": members(Range{}),
		"microsoft.graph.patternedRecurrence": members(Recurrence{}),
	} {
		for _, name := range names {
			if _, ok := v.property(typ, name); !ok {
				t.Errorf("%s has no property %q", typ, name)
			}
		}
	}
	if got, want := changeTypes(), v.Enums["microsoft.graph.changeType"]; !slices.Equal(got, want) {
		t.Errorf("change types %v, want %v", got, want)
	}
	for _, event := range []string{LifecycleMissed, LifecycleReauthorize, LifecycleRemoved} {
		if !slices.Contains(v.Enums["microsoft.graph.lifecycleEventType"], event) {
			t.Errorf("no lifecycle event %q", event)
		}
	}
	w, room, token := consented(t)
	at := wireTime{"2026-11-25T10:00:00", "UTC"}
	for _, c := range []struct{ property, enum string }{
		{"showAs", "microsoft.graph.freeBusyStatus"}, {"sensitivity", "microsoft.graph.sensitivity"},
	} {
		for _, member := range append(slices.Clone(v.Enums[c.enum]), "nonsense") {
			body, err := json.Marshal(map[string]any{"start": at, "end": at, c.property: member})
			if err != nil {
				t.Fatal(err)
			}
			r := w.as(token, http.MethodPost, "/users/oak@practice.example/events", body)
			// The application may read alone; with a scope it may write, too.
			if r.status == http.StatusForbidden {
				if err := w.s.ScopeApp(w.app.ClientID, "Calendars.ReadWrite", "oak@practice.example"); err != nil {
					t.Fatal(err)
				}
				r = w.as(token, http.MethodPost, "/users/oak@practice.example/events", body)
			}
			if got, want := r.status == http.StatusCreated, member != "nonsense"; got != want {
				t.Errorf("%s %q: %d", c.property, member, r.status)
			}
		}
	}
	for _, kind := range v.Enums["microsoft.graph.recurrencePatternType"] {
		rec := &Recurrence{Range: Range{Type: "numbered", NumberOfOccurrences: 2},
			Pattern: Pattern{Type: kind, Interval: 1, DayOfMonth: 3, Month: 5, DaysOfWeek: []string{"monday"}, Index: "last"}}
		begin := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
		room.Create(Event{Start: begin, End: begin.Add(time.Hour), Recurrence: rec}) // panics when refused
	}
}

// TestNotificationNames holds what is sent to clients, subscriptions and
// schedules against the schema, and against Microsoft's own samples.
func TestNotificationNames(t *testing.T) {
	v := readVocabulary(t, namesFile)
	w, b, room, token := subscriber(t)
	made := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b)).doc(t)
	v.check(t, "subscription", "microsoft.graph.subscription", made)
	// notificationContentType is on the page but not in the schema.
	sameShape(t, "subscription", sample(t, "subscription-post-subscriptions-02-response.json"), made, "notificationContentType")
	id := made["id"].(string)
	sameShape(t, "get", sample(t, "subscription-get-01-response.json"), w.as(token, http.MethodGet, "/subscriptions/"+id, nil).doc(t), "notificationContentType")
	listed := w.as(token, http.MethodGet, "/subscriptions", nil).doc(t)
	sameShape(t, "list", sample(t, "subscription-list-01-response.json"), listed, "notificationContentType")

	at := w.clock.now()
	room.Create(Event{Subject: "Plan", Start: at, End: at.Add(time.Hour)})
	b.wait(t, 1)
	for _, event := range []string{LifecycleMissed, LifecycleReauthorize, LifecycleRemoved} {
		if err := w.s.Lifecycle(id, event); err != nil {
			t.Fatal(err)
		}
	}
	got := b.wait(t, 3)
	for _, n := range got {
		v.check(t, "notification", "microsoft.graph.changeNotification", n)
	}
	first := func(name string) any { return sample(t, name)["value"].([]any)[0] }
	sameShape(t, "notification", first("webhooks-02-body.json"), got[0])
	sameShape(t, "lifecycle", first("webhooks-lifecycle-02-body.json"), got[1])
	sameShape(t, "lifecycle", first("webhooks-lifecycle-04-body.json"), got[2])

	asked := sample(t, "calendar-getschedule-01-request.json")
	asked["schedules"] = []string{"oak@practice.example", "none@practice.example"}
	asked["startTime"], asked["endTime"] = wireTime{"2026-11-24T07:00:00", "UTC"}, wireTime{"2026-11-24T17:00:00", "UTC"}
	body, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	schedules := w.as(token, http.MethodPost, "/users/oak@practice.example/calendar/getSchedule", body)
	for _, s := range list(t, schedules) {
		v.check(t, "schedule", "microsoft.graph.scheduleInformation", s)
	}
	sameShape(t, "schedule", sample(t, "calendar-getschedule-02-response.json"), schedules.doc(t))
}
