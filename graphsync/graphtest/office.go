package graphtest

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

const (
	officeBack  = 1  // days before today that the office keeps full
	officeAhead = 10 // days after today
)

// office is the state of the twelve rooms whose days follow the clock.
type office struct {
	rooms []officeRoom
	done  []time.Time // last local day made, by room
}

// officeRoom is a room with its part in the office's day.
type officeRoom struct {
	Room
	role  int
	shift time.Duration // evenHours and oddHours begin this much later
}

// The parts rooms play. All through a working day exactly one of the rooms
// evenHours and oddHours is taken, and they change over every hour, so that
// each zone has something free, something booked and something that begins
// soon.
const (
	evenHours = iota
	oddHours
	mixed   // meetings of many lengths, the private one among them
	special // stand-ups, all-day, tentative, cancelled and night entries
)

// openOffice sets the office up: rooms, two people, recurring meetings.
func (s *Server) openOffice() {
	admin := s.addUser(User{Address: AdminName, Name: "Practice Admin", Password: AdminPassword, Admin: true})
	s.addUser(User{Address: UserName, Name: "Robin Lake", Password: UserPassword})
	s.office = &office{rooms: officeRooms(), done: make([]time.Time, len(officeRooms()))}
	now := s.clock()
	for i, r := range s.office.rooms {
		c := s.addRoom(r.Room)
		c.grant(admin.Address, true)
		today := dayOf(now, c.zone)
		s.office.done[i] = today.AddDate(0, 0, -officeBack-1)
		c.series(r, today.AddDate(0, 0, -28))
	}
	s.advanceOffice()
}

// officeRooms are the twelve rooms.
func officeRooms() []officeRoom {
	room := func(zone, list, street, city, country string, lat, lon float64) func(string, string, string, int, int, int) officeRoom {
		return func(address, name, label string, floor, seats, role int) officeRoom {
			return officeRoom{Room{
				Email: address, Name: name, TimeZone: zone, Building: list, RoomList: list,
				FloorNumber: floor, FloorLabel: label[:1], Label: label, Capacity: seats,
				Street: street, City: city, Country: country, Latitude: lat, Longitude: lon,
				Phone: "000-000-0000", Wheelchair: floor < 3,
			}, role, 0}
		}
	}
	hel := room("Europe/Helsinki", "Satama", "Laiturikatu 3", "Helsinki", "FI", 60.17, 24.94)
	ber := room("Europe/Berlin", "Spreehof", "Uferweg 12", "Berlin", "DE", 52.52, 13.4)
	nyc := room("America/New_York", "Pier House", "9 Pier Street", "New York", "US", 40.71, -74.01)
	rooms := []officeRoom{
		hel("hel-kaisla", "Kaisla", "110", 1, 6, evenHours), hel("hel-saimaa", "Saimaa", "112", 1, 12, oddHours),
		hel("hel-tuuli", "Tuuli", "204", 2, 4, mixed), hel("hel-aani", "Ääni", "210", 2, 8, special),
		ber("ber-ahorn", "Ahorn", "E.01", 0, 10, evenHours), ber("ber-linde", "Linde", "E.04", 0, 6, oddHours),
		ber("ber-uebersee", "Übersee", "3.02", 3, 20, mixed), ber("ber-muehle", "Mühle", "3.05", 3, 14, special),
		nyc("nyc-hudson", "Hudson", "401", 4, 12, evenHours), nyc("nyc-maple", "Maple", "405", 4, 4, oddHours),
		nyc("nyc-harbor", "Harbor", "502", 5, 8, mixed), nyc("nyc-skyline", "Skyline", "510", 5, 16, special),
	}
	rooms[4].shift, rooms[5].shift = 30*time.Minute, 30*time.Minute
	rooms[1].VideoDevice, rooms[1].DisplayDevice = "conference camera", "wall display"
	rooms[6].AudioDevice, rooms[6].DisplayDevice = "ceiling microphones", "projector"
	rooms[4].Tags = []string{"whiteboard"}
	rooms[11].Tags = []string{"standing desks", "nice view"}
	rooms[11].BookingType = "reserved"
	rooms[9].DefaultProcessing = true // shows organizers instead of subjects
	return rooms
}

// series puts the recurring meetings of a room in place.
func (c *Calendar) series(r officeRoom, from time.Time) {
	workdays := []string{"monday", "tuesday", "wednesday", "thursday", "friday"}
	weekly := func(days ...string) *Recurrence {
		return &Recurrence{
			Pattern: Pattern{Type: "weekly", Interval: 1, DaysOfWeek: days, FirstDayOfWeek: "monday"},
			Range:   Range{Type: "noEnd"},
		}
	}
	put := func(first time.Time, hour, minute, length int, subject string, who int, rec *Recurrence) {
		start := wall(first, clock(hour, minute), c.zone)
		c.book(Event{Subject: subject, Organizer: people()[who], Start: start, End: start.Add(time.Duration(length) * time.Minute), Recurrence: rec})
	}
	monday := from
	for monday.Weekday() != time.Monday {
		monday = monday.AddDate(0, 0, 1)
	}
	switch r.role {
	case evenHours:
		put(monday, 10, int(r.shift.Minutes()), 60, "Team sync", 4, weekly(workdays...))
	case mixed:
		put(monday, 13, 0, 45, "1:1", 2, weekly("monday", "wednesday"))
	case special:
		put(monday, 9, 15, 15, "Daily stand-up", 0, weekly(workdays...))
		put(monday, 15, 0, 60, "Sprint-Rückblick", 5, &Recurrence{
			Pattern: Pattern{Type: "weekly", Interval: 2, DaysOfWeek: []string{"thursday"}, FirstDayOfWeek: "monday"},
			Range:   Range{Type: "noEnd"},
		})
		put(monday, 16, 0, 60, "Monatsabschluss", 7, &Recurrence{
			Pattern: Pattern{Type: "relativeMonthly", Interval: 1, DaysOfWeek: workdays, Index: "last"},
			Range:   Range{Type: "noEnd"},
		})
	}
}

// advanceOffice makes the days that are missing around today. It is called
// before anything looks at a calendar.
func (s *Server) advanceOffice() {
	if s.office == nil {
		return
	}
	now := s.clock()
	for i, r := range s.office.rooms {
		c := s.byName[fullAddress(r.Email)]
		today := dayOf(now, c.zone)
		next := s.office.done[i].AddDate(0, 0, 1)
		if first := today.AddDate(0, 0, -officeBack); next.Before(first) {
			next = first
		}
		for last := today.AddDate(0, 0, officeAhead); !next.After(last); next = next.AddDate(0, 0, 1) {
			c.day(r, next)
			s.office.done[i] = next
		}
	}
}

// day makes one local day of a room, the same for the same day and room.
func (c *Calendar) day(r officeRoom, date time.Time) {
	sum := fnv.New64a()
	sum.Write([]byte(c.room.Email + date.Format(dateLayout)))
	dice := rand.New(rand.NewPCG(sum.Sum64(), 7))
	weekend := date.Weekday() == time.Saturday || date.Weekday() == time.Sunday
	switch r.role {
	case evenHours, oddHours:
		for hour := 8 + r.role; hour < 18; hour += 2 {
			c.fill(date, clock(hour, 0)+r.shift, time.Hour, c.meeting(dice))
		}
	case mixed:
		if !weekend {
			c.mixedDay(date, dice)
		}
		if dice.IntN(3) == 0 {
			night := c.meeting(dice)
			night.Subject = "Nachtwartung / ночные работы"
			c.fill(date, clock(22, 30), 3*time.Hour, night) // over midnight
		}
	case special:
		c.specialDay(date, dice, weekend)
	}
}

// mixedDay fills a day with meetings of many lengths; one of them is private.
func (c *Calendar) mixedDay(date time.Time, dice *rand.Rand) {
	at := clock(8, 15*dice.IntN(4))
	private := dice.IntN(3)
	for n := 0; at < clock(17, 30); n++ {
		length := time.Duration(2+dice.IntN(5)) * 15 * time.Minute
		e := c.meeting(dice)
		if n == private {
			e.Sensitivity, e.Subject = "private", "Gespräch unter vier Augen"
		}
		c.fill(date, at, length, e)
		at += length + time.Duration(dice.IntN(6))*15*time.Minute
	}
}

// specialDay holds what signs get wrong: all-day, tentative, cancelled.
func (c *Calendar) specialDay(date time.Time, dice *rand.Rand, weekend bool) {
	if date.YearDay()%4 == 0 {
		e := c.meeting(dice)
		e.Subject, e.AllDay = "Выездной семинар", true
		e.Start, e.End = wall(date, 0, c.zone), wall(date.AddDate(0, 0, 1), 0, c.zone)
		c.book(e)
		return
	}
	if weekend {
		return
	}
	tentative := c.meeting(dice)
	tentative.Response, tentative.ShowAs = "tentativelyAccepted", "tentative"
	c.fill(date, clock(11, 0), 45*time.Minute, tentative)
	cancelled := c.meeting(dice)
	cancelled.Subject, cancelled.Cancelled, cancelled.ShowAs = "Canceled: "+cancelled.Subject, true, "free"
	c.fill(date, clock(13, 30), 30*time.Minute, cancelled)
	c.fill(date, clock(14, 0), time.Hour, c.meeting(dice))
	if dice.IntN(2) == 0 {
		c.fill(date, clock(17, 0), 90*time.Minute, c.meeting(dice))
	}
}

// fill books a time of a day unless something is there already.
func (c *Calendar) fill(date time.Time, at, length time.Duration, e Event) {
	e.Start = wall(date, at, c.zone)
	e.End = e.Start.Add(length)
	if len(c.between(e.Start, e.End)) == 0 {
		c.book(e)
	}
}

// book adds an entry of the office; these are right by construction.
func (c *Calendar) book(e Event) {
	if _, err := c.add(e); err != nil {
		panic(err)
	}
}

// meeting draws subject and people.
func (c *Calendar) meeting(dice *rand.Rand) Event {
	who, topics := people(), subjects()
	return Event{
		Subject: topics[dice.IntN(len(topics))], Organizer: who[dice.IntN(len(who))],
		Attendees: []Person{{c.room.Name, c.room.Email}}, Body: "Please bring your notes.", Location: c.room.Name,
	}
}

func clock(hour, minute int) time.Duration {
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// people are the invented organizers of the office.
func people() []Person {
	names := [...][2]string{
		{"Aino Laine", "aino.laine"}, {"Jonas Vogel", "jonas.vogel"}, {"Zoë Brandt", "zoe.brandt"},
		{"Мария Орлова", "maria.orlova"}, {"Sam Carter", "sam.carter"}, {"Lena Groß", "lena.gross"},
		{"Øyvind Dahl", "oyvind.dahl"}, {"Павел Лесков", "pavel.leskov"}, {"Noor Haddad", "noor.haddad"},
		{"Kaarina Järvinen-Oksanen", "kaarina.jarvinen"},
	}
	list := make([]Person, len(names))
	for i, n := range names {
		list[i] = Person{n[0], n[1] + "@" + domainName}
	}
	return list
}

func subjects() []string {
	return []string{
		"Budget review", "Design critique", "Customer call", "Interview", "Workshop: onboarding", "Roadmap Q1",
		"Quartalsplanung", "Übergabe Schichtplan", "Müllkonzept: Entwürfe prüfen", "Jour fixe Einkauf",
		"Großkundentermin", "Встреча отдела закупок", "Обзор проекта «Север»", "Планёрка",
		"Yhteistyöpalaveri", "Käytettävyystestaus", "Viikkopalaveri", "Vendor negotiation, part 2 of 3",
		"Security training", "Lieferantenbewertung und Abstimmung der Rahmenverträge für das kommende Jahr",
	}
}
