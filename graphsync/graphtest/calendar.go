package graphtest

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Room is a room mailbox and its entry among the places.
type Room struct {
	Email         string // also its user name; without "@" the tenant's domain is added
	Name          string // display name
	TimeZone      string // IANA name; "" means UTC
	Building      string
	FloorNumber   int
	FloorLabel    string
	Label         string
	Capacity      int
	Phone         string
	Tags          []string
	BookingType   string // standard (when empty) or reserved
	AudioDevice   string
	VideoDevice   string
	DisplayDevice string
	Wheelchair    bool
	Street, City  string
	State, Postal string
	Country       string
	Latitude      float64
	Longitude     float64
	RoomList      string // display name of the room list it belongs to, may be empty

	// DefaultProcessing makes the booking assistant do what Exchange does out
	// of the box (ExchangeProcessing). False: the administrator switched that
	// off. SetProcessing changes it.
	DefaultProcessing bool
	NoMailbox         bool // a place whose mailbox is not in Exchange Online
}

// Person is somebody in an event.
type Person struct {
	Name, Address string
}

// Event is what is put into a calendar. Zero values mean what Outlook means
// when nothing is chosen.
type Event struct {
	Subject     string
	Body        string // plain text
	Start, End  time.Time
	AllDay      bool   // days of Start (inclusive) and End (exclusive) in TimeZone
	TimeZone    string // IANA; "" means the room's
	Organizer   Person // "" means the room itself
	Attendees   []Person
	ShowAs      string // free, tentative, busy, oof, workingElsewhere; "" means busy
	Sensitivity string // normal, personal, private, confidential; "" means normal
	Response    string // the room's answer; "" means accepted, or organizer
	Location    string
	Cancelled   bool
	Recurrence  *Recurrence // Start and End then give the times of day of the first one
}

// Occurrence is one time a room is taken, as Truth tells it. Start and End are
// in UTC; those of an all-day event are midnights in the event's zone.
type Occurrence struct {
	ID, SeriesID string // immutable ids; SeriesID only in a series
	Type         string // singleInstance, occurrence, exception
	Event
}

// Calendar is the calendar of one mailbox.
type Calendar struct {
	s          *Server
	tenant     *Tenant
	room       Room
	person     *user // nil for a room
	id         string
	zone       *time.Location
	items      []*item // in order of creation
	graves     []grave
	version    int // counts changes
	rights     map[string]string
	processing Processing
	chains     []*chain // sync states, oldest first
}

// item is a single event or a series.
type item struct {
	key        string
	event      Event
	zone       *time.Location // of event.TimeZone
	created    time.Time
	changed    time.Time
	version    int
	edits      map[string]Event // by original day: exceptions of a series
	gone       map[string]bool  // by original day: deleted occurrences
	transactID string
}

// grave remembers a deleted item for the sync states.
type grave struct {
	version int
	item    *item
}

// instance is an item, or one day of a series, at its time.
type instance struct {
	item  *item
	day   string // original day in a series, "" otherwise
	kind  string // singleInstance, occurrence, exception, seriesMaster
	event Event
}

// ErrWrongKind is returned when an operation does not fit the event.
var ErrWrongKind = errors.New("graphtest: the event is of another kind")

func (t *Tenant) addRoom(r Room) *Calendar {
	if !strings.Contains(r.Email, "@") {
		r.Email += "@" + t.domain
	}
	if r.BookingType == "" {
		r.BookingType = "standard"
	}
	c := t.addMailbox(r, nil)
	t.rooms = append(t.rooms, c)
	return c
}

func (t *Tenant) addMailbox(r Room, person *user) *Calendar {
	s := t.s
	zone, err := time.LoadLocation(r.TimeZone)
	if err != nil {
		panic("graphtest: room " + r.Email + ": " + err.Error())
	}
	name := strings.ToLower(r.Email)
	if s.byName[name] != nil {
		panic("graphtest: mailbox " + name + " exists")
	}
	c := &Calendar{s: s, tenant: t, room: r, person: person, id: stableID("mailbox", name), zone: zone, rights: map[string]string{}}
	if r.DefaultProcessing {
		c.processing = ExchangeProcessing()
	}
	s.byName[name], s.byID[c.id] = c, c
	if person != nil {
		s.byID[person.id] = c
	}
	return c
}

// Calendar finds the calendar of a room or a person by its address (of any
// tenant; without domain it is one of the home tenant); nil when there is none.
func (s *Server) Calendar(room string) *Calendar {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceOffice()
	return s.anyMailbox(room)
}

// anyMailbox finds a calendar of any tenant.
func (s *Server) anyMailbox(name string) *Calendar {
	if c := s.byName[strings.ToLower(name)]; c != nil {
		return c
	}
	return s.home.mailbox(name)
}

// GrantFolder gives a person rights on the calendar folder, as
// Add-MailboxFolderPermission does: Reviewer, or Editor when write is true.
func (c *Calendar) GrantFolder(user string, write bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.grant(user, write)
}

func (c *Calendar) grant(user string, write bool) {
	right := "reviewer"
	if write {
		right = "editor"
	}
	c.rights[strings.ToLower(user)] = right
}

// RevokeFolder takes the rights back.
func (c *Calendar) RevokeFolder(user string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	delete(c.rights, strings.ToLower(user))
}

// Create puts an event or a series into the calendar and returns its
// immutable id. It panics on a recurrence, a zone or times that Exchange would
// refuse.
func (c *Calendar) Create(e Event) string {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	it, err := c.add(e)
	if err != nil {
		panic(err)
	}
	return idOf(it.key, "", true)
}

// Get returns an event, a series or one occurrence of it as it is now.
func (c *Calendar) Get(id string) (Event, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	it, day := c.find(id)
	if it == nil {
		return Event{}, c.unknown(id)
	}
	return c.at(it, day).event, nil
}

// OccurrenceID returns the immutable id of the occurrence of a series on its
// original day ("2026-11-21", in the zone of the series).
func (c *Calendar) OccurrenceID(series, day string) (string, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	it, _ := c.find(series)
	if it == nil {
		return "", c.unknown(series)
	}
	if !it.takesPlace(day) {
		return "", fmt.Errorf("%w: no occurrence on %s", ErrUnknown, day)
	}
	return idOf(it.key, day, true), nil
}

// Update changes an event, a series, or one occurrence (which becomes an
// exception).
func (c *Calendar) Update(id string, change func(*Event)) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	it, day := c.find(id)
	if it == nil {
		return c.unknown(id)
	}
	e := c.at(it, day).event
	change(&e)
	return c.put(it, day, e)
}

// Move gives an event or one occurrence another time.
func (c *Calendar) Move(id string, start, end time.Time) error {
	return c.Update(id, func(e *Event) { e.Start, e.End = start, end })
}

// Cancel leaves the event in the calendar with isCancelled and the word in its
// subject, unless the room removes cancelled meetings.
func (c *Calendar) Cancel(id string) error {
	c.s.mu.Lock()
	remove := c.processing.RemoveCanceledMeetings
	c.s.mu.Unlock()
	if remove {
		return c.Delete(id)
	}
	return c.Update(id, func(e *Event) {
		if !e.Cancelled {
			e.Cancelled, e.Subject, e.ShowAs = true, "Canceled: "+e.Subject, "free"
		}
	})
}

// Delete removes an event, a series, or one occurrence of a series.
func (c *Calendar) Delete(id string) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	it, day := c.find(id)
	if it == nil {
		return c.unknown(id)
	}
	c.remove(it, day)
	return nil
}

// Truth lists what is in the calendar from a moment until another, cancelled
// and free entries included, by start.
func (s *Server) Truth(room string, from, to time.Time) []Occurrence {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceOffice()
	c := s.anyMailbox(room)
	if c == nil {
		return nil
	}
	var list []Occurrence
	for _, in := range c.between(from, to) {
		o := Occurrence{ID: idOf(in.item.key, in.day, true), Type: in.kind, Event: in.event}
		if in.day != "" {
			o.SeriesID = idOf(in.item.key, "", true)
		}
		list = append(list, o)
	}
	slices.SortStableFunc(list, func(a, b Occurrence) int { return a.Start.Compare(b.Start) })
	return list
}

func (c *Calendar) unknown(id string) error {
	return fmt.Errorf("%w: event %s in %s", ErrUnknown, id, c.room.Email)
}

// add checks and completes an event and stores it.
func (c *Calendar) add(e Event) (*item, error) {
	c.process(&e)
	c.complete(&e)
	zone, err := checkEvent(e)
	if err != nil {
		return nil, err
	}
	c.version++
	now := c.s.clock().UTC()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", c.id, c.version, now.UnixNano()))
	it := &item{
		key: base64.RawURLEncoding.EncodeToString(sum[:24]), event: e, zone: zone, created: now, changed: now,
		version: c.version, edits: map[string]Event{}, gone: map[string]bool{},
	}
	c.items = append(c.items, it)
	c.ring(it, "", "created")
	return it, nil
}

// complete fills in what was left empty.
func (c *Calendar) complete(e *Event) {
	setDefault(&e.TimeZone, c.zone.String())
	setDefault(&e.ShowAs, "busy")
	setDefault(&e.Sensitivity, "normal")
	if e.Organizer == (Person{}) {
		e.Organizer = Person{c.room.Name, c.room.Email}
	}
	if strings.EqualFold(e.Organizer.Address, c.room.Email) {
		e.Response = "organizer"
	}
	setDefault(&e.Response, "accepted")
	zone, err := time.LoadLocation(e.TimeZone)
	if err != nil {
		return // checkEvent says so
	}
	if e.AllDay {
		first, end := dayOf(e.Start, zone), dayOf(e.End, zone)
		if !end.After(first) {
			end = first.AddDate(0, 0, 1)
		}
		e.Start, e.End = wall(first, 0, zone), wall(end, 0, zone)
	}
	if e.Recurrence != nil {
		r := *e.Recurrence
		r.Pattern.DaysOfWeek = slices.Clone(r.Pattern.DaysOfWeek)
		setDefault(&r.Range.StartDate, dayOf(e.Start, zone).Format(dateLayout))
		setDefault(&r.Range.RecurrenceTimeZone, windowsZone(e.TimeZone))
		e.Recurrence = &r
	}
	e.Start, e.End = e.Start.UTC(), e.End.UTC()
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// checkEvent refuses what Exchange refuses and returns the event's zone.
func checkEvent(e Event) (*time.Location, error) {
	zone, err := time.LoadLocation(e.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("graphtest: time zone: %w", err)
	}
	if e.End.Before(e.Start) {
		return nil, errors.New("graphtest: the event ends before it starts")
	}
	if e.Recurrence != nil {
		return zone, e.Recurrence.check()
	}
	return zone, nil
}

// put stores a changed event or, for a day of a series, an exception.
func (c *Calendar) put(it *item, day string, e Event) error {
	if day != "" {
		e.Recurrence = nil
	} else if (e.Recurrence == nil) != (it.event.Recurrence == nil) {
		return fmt.Errorf("%w: a single event and a series do not change into each other", ErrWrongKind)
	}
	c.complete(&e)
	zone, err := checkEvent(e)
	if err != nil {
		return err
	}
	if day != "" {
		it.edits[day] = e
	} else {
		if it.event.Recurrence != nil && e.Start != it.event.Start {
			clear(it.edits) // moving a series drops its exceptions, as in Outlook
			clear(it.gone)
		}
		it.event, it.zone = e, zone
	}
	c.touch(it)
	c.ring(it, day, "updated")
	return nil
}

func (c *Calendar) touch(it *item) {
	c.version++
	it.version, it.changed = c.version, c.s.clock().UTC()
}

func (c *Calendar) remove(it *item, day string) {
	if day != "" {
		delete(it.edits, day)
		it.gone[day] = true
		c.touch(it)
		c.ring(it, day, "deleted")
		return
	}
	c.version++
	c.items = slices.DeleteFunc(c.items, func(x *item) bool { return x == it })
	c.graves = append(c.graves, grave{c.version, it})
	c.ring(it, "", "deleted")
	if len(c.graves) > 1000 {
		c.graves = c.graves[len(c.graves)-1000:]
	}
}

// find looks an id up in either of its forms; day is set for an occurrence.
func (c *Calendar) find(id string) (it *item, day string) {
	key, day := parseID(id)
	for _, it := range c.items {
		if it.key == key && (day == "" || it.takesPlace(day)) {
			return it, day
		}
	}
	return nil, ""
}

// The two kinds of id (learn.microsoft.com/graph/outlook-immutable-id): which
// one is served depends on Prefer: IdType="ImmutableId"; both are taken.
const (
	mutableID   = "AAMkADh"
	immutableID = "AAkALgA"
	idTail      = "AAA="
	keyLength   = 32
)

func idOf(key, day string, immutable bool) string {
	prefix := mutableID
	if immutable {
		prefix = immutableID
	}
	return prefix + key + strings.ReplaceAll(day, "-", "") + idTail
}

func parseID(id string) (key, day string) {
	rest, ok := strings.CutPrefix(id, mutableID)
	if !ok {
		if rest, ok = strings.CutPrefix(id, immutableID); !ok {
			return "", ""
		}
	}
	rest, ok = strings.CutSuffix(rest, idTail)
	switch {
	case ok && len(rest) == keyLength:
		return rest, ""
	case ok && len(rest) == keyLength+8:
		d := rest[keyLength:]
		return rest[:keyLength], d[:4] + "-" + d[4:6] + "-" + d[6:]
	}
	return "", ""
}

// clone copies an event so that later changes do not reach it.
func (e Event) clone() Event {
	e.Attendees = slices.Clone(e.Attendees)
	return e
}

// snapshot copies an item for a sync round under way.
func (it *item) snapshot() *item {
	c := *it
	c.edits, c.gone = maps.Clone(it.edits), maps.Clone(it.gone)
	return &c
}
