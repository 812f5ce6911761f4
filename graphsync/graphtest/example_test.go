package graphtest_test

import (
	"fmt"
	"time"

	"doorleaf/graphsync/graphtest"
)

// A tenant with one application and one room; a client would now be given the
// addresses, the CA certificate and the application's id and secret.
func Example() {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	s, err := graphtest.New(graphtest.Options{Clock: func() time.Time { return now }})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	app := s.RegisterApp(graphtest.AppRegistration{
		Name: "Door signs", RedirectURIs: []string{"https://doors.example/m"},
		Application: []string{"Place.Read.All", "Calendars.Read"},
	})
	if err := s.Consent(app.ClientID); err != nil {
		fmt.Println(err)
		return
	}
	room := s.AddRoom(graphtest.Room{Email: "oak", Name: "Oak", TimeZone: "Europe/Berlin"})
	series := room.Create(graphtest.Event{
		Subject: "Stand-up", Start: now, End: now.Add(15 * time.Minute),
		Recurrence: &graphtest.Recurrence{
			Pattern: graphtest.Pattern{Type: "daily", Interval: 1},
			Range:   graphtest.Range{Type: "numbered", NumberOfOccurrences: 3},
		},
	})
	if id, err := room.OccurrenceID(series, "2026-11-25"); err == nil {
		err = room.Move(id, now.Add(26*time.Hour), now.Add(27*time.Hour))
		fmt.Println("moved:", err == nil)
	}
	for _, o := range s.Truth("oak", now, now.AddDate(0, 0, 7)) {
		fmt.Println(o.Type, o.Start.Format("Jan 2 15:04"))
	}
	// Output:
	// moved: true
	// occurrence Nov 24 08:00
	// exception Nov 25 10:00
	// occurrence Nov 26 08:00
}
