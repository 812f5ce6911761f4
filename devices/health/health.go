// Package health says what is wrong with a house's signs and why: one condition
// for each thing that somebody should know, with how bad it is and since when,
// and signs that fell silent together as one group with one cause. It looks at
// facts that the gateway gathered; it asks nobody, keeps nothing and writes no
// sentences, which stand in the text catalogue under the names used here.
package health

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/energy"
)

// Kind is what is wrong. Values are stable: they are stored, and texts are
// looked up by them.
type Kind string

// The kinds, worst first.
const (
	WrongPicture    Kind = "wrong"    // the glass was reported different from what it should be
	BrokerDown      Kind = "broker"   // the gateway cannot reach the MQTT broker
	CalendarFailing Kind = "calendar" // a calendar connection cannot be read
	Offline         Kind = "offline"  // not connected, or silent for long
	FailingPanel    Kind = "panel"    // the panel reports errors or never shows what it should
	Cloned          Kind = "cloned"   // one credential used from two places
	BatteryEmpty    Kind = "empty"    // the next picture may be the last
	Late            Kind = "late"     // missed its call
	ClockOff        Kind = "clock"    // flips and calls at wrong times
	BatteryLow      Kind = "battery"  // to be changed within weeks
	Attack          Kind = "attack"   // peers do what no sign of ours does
	WeakSignal      Kind = "signal"
	OldFirmware     Kind = "firmware"
	UnknownKey      Kind = "keys" // does not know the key that the server will have
)

// Kinds lists all kinds, worst first. The slice is the caller's.
func Kinds() []Kind {
	return []Kind{WrongPicture, BrokerDown, CalendarFailing, Offline, FailingPanel, Cloned, BatteryEmpty, Late, ClockOff, BatteryLow, Attack, WeakSignal, OldFirmware, UnknownKey}
}

// Severity is how soon somebody should act.
type Severity uint8

// The severities.
const (
	Note    Severity = iota + 1 // when there is time
	Warning                     // this week
	Alarm                       // people are misled, or soon are
)

// Severity returns how bad a kind is.
func (k Kind) Severity() Severity {
	switch k {
	case WrongPicture, BrokerDown, CalendarFailing, Offline, FailingPanel, Cloned, BatteryEmpty:
		return Alarm
	case Late, ClockOff, BatteryLow, Attack:
		return Warning
	}
	return Note
}

// Sign is what is known of one sign.
type Sign struct {
	ID         devices.SignID
	Name       string
	Floor      string // building and floor of its room, "" when not known
	Address    string // where it connected from last, "" when not known
	Model      string
	Firmware   string
	FirmwareNo uint32

	AlwaysOn  bool
	Connected bool
	LastSeen  time.Time // zero: never; nothing is said of such a sign
	LateSince time.Time // when a sleeping sign counts as late

	SignalDBm  int // 0 unknown
	Battery    energy.Forecast
	Wrong      bool
	Mismatches int // wrong pictures in a row
	Error      devices.ErrorCode
	ClockOff   time.Duration // 0: right, or not known
	UnknownKey bool          // does not know the key that the server will have
}

// Calendar is a calendar connection that fails.
type Calendar struct {
	Subject string // stable name of the connection
	Name    string // for people, "" when there is only one
	Problem string // kind of the problem, for its sentence
	Since   time.Time
}

// House is everything that is looked at.
type House struct {
	Now       time.Time
	Started   time.Time // of this gateway: signs need time to come back
	Signs     []Sign
	Incidents []devices.Incident
	Calendars []Calendar
	Broker    bool              // the broker cannot be reached
	Target    map[string]uint32 // firmware that is rolled out, by model
}

// Key names a condition across time.
type Key struct {
	Kind    Kind
	Subject string
}

// Condition is one thing that is wrong.
type Condition struct {
	Key
	Severity Severity
	Since    time.Time
	Sign     devices.SignID // "" when it is not about one sign
	Name     string         // of the sign or the connection
	Variant  string         // which of several sentences: "battery", kind of an incident, of a problem
	Number   int            // dBm, days, minutes or how often, by kind
	Most     int            // BatteryLow: days at most
	Text     string         // firmware that should run; address of a peer
}

// When something counts.
const (
	weakSignal   = -80 // dBm; below it a wake takes several times as long
	signalAgain  = -77 // a weak signal that was noted has to be this good to be forgotten
	silentFor    = 24 * time.Hour
	startGrace   = 3 * time.Minute // signs that are always on come back within it
	brokerGrace  = time.Minute     // the gateway connects within it
	vainRepairs  = 5
	signsToTrust = 2 // signs that must run a firmware before others are called old
)

// Report is what was found. Conditions that a group explains are in the group
// only.
type Report struct {
	Groups     []Group
	Conditions []Condition // worst first, then by name
}

// Count is how many things somebody should look at: a group is one.
func (r Report) Count(least Severity) int {
	n := len(r.Groups)
	for _, c := range r.Conditions {
		if c.Severity >= least {
			n++
		}
	}
	return n
}

// All returns every condition, also those in groups.
func (r Report) All() []Condition {
	all := slices.Clone(r.Conditions)
	for _, g := range r.Groups {
		all = append(all, g.Members...)
	}
	return all
}

// Examine looks at everything. known says since when what was wrong last time
// has been so; what is new begins now, or when the facts say it did.
func Examine(h House, known map[Key]time.Time) Report {
	h.Broker = h.Broker && h.Now.Sub(h.Started) >= brokerGrace
	e := examination{House: h, known: known, newest: newest(h)}
	for _, s := range h.Signs {
		if !s.LastSeen.IsZero() {
			e.sign(s)
		}
	}
	e.house()
	e.attacks()
	groups, rest := gather(h, e.found)
	slices.SortStableFunc(rest, func(a, b Condition) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(order(a.Kind), order(b.Kind)), strings.Compare(a.Name, b.Name), strings.Compare(a.Subject, b.Subject))
	})
	return Report{groups, rest}
}

func order(k Kind) int { return slices.Index(Kinds(), k) }

type examination struct {
	House
	known  map[Key]time.Time
	newest map[string]firmware
	found  []Condition
}

// add notes a condition; since is when it began as far as the facts say, zero
// for as long as it was known, or now.
func (e *examination) add(c Condition, since time.Time) {
	c.Severity = cmp.Or(c.Severity, c.Kind.Severity())
	c.Since = since
	if since.IsZero() {
		c.Since = e.Now
		if at, ok := e.known[c.Key]; ok && at.Before(e.Now) {
			c.Since = at
		}
	}
	e.found = append(e.found, c)
}

func (e *examination) sign(s Sign) {
	of := func(k Kind) Condition {
		return Condition{Key: Key{k, string(s.ID)}, Sign: s.ID, Name: s.Name}
	}
	if e.silent(s, of) {
		return // what it said before is old
	}
	_, wasWeak := e.known[Key{WeakSignal, string(s.ID)}]
	switch {
	case s.Error == devices.ErrPanel, s.Mismatches >= vainRepairs:
		e.add(of(FailingPanel), time.Time{})
	case s.Wrong:
		e.add(of(WrongPicture), time.Time{})
	}
	if s.ClockOff != 0 {
		c := of(ClockOff)
		c.Number = int(s.ClockOff.Abs().Round(time.Minute) / time.Minute)
		if s.ClockOff < 0 {
			c.Variant = "early"
		}
		e.add(c, time.Time{})
	}
	if !s.AlwaysOn {
		e.battery(s, of)
	}
	if s.SignalDBm < weakSignal || wasWeak && s.SignalDBm != 0 && s.SignalDBm < signalAgain {
		c := of(WeakSignal)
		c.Number = s.SignalDBm
		e.add(c, time.Time{})
	}
	if f, ok := e.newest[s.Model]; ok && f.newer(s) {
		c := of(OldFirmware)
		c.Text = f.text
		e.add(c, time.Time{})
	}
	if s.UnknownKey {
		e.add(of(UnknownKey), time.Time{})
	}
}

// silent notes a sign that should have been heard of and was not.
func (e *examination) silent(s Sign, of func(Kind) Condition) bool {
	switch {
	case s.AlwaysOn && !s.Connected && e.Now.Sub(e.Started) >= startGrace:
		e.add(of(Offline), time.Time{})
	case s.AlwaysOn || s.Connected || s.LateSince.IsZero() || !e.Now.After(s.LateSince):
		return false
	case e.Now.Sub(e.Started) < startGrace:
		return false
	default:
		c := of(Late)
		if e.Now.Sub(s.LateSince) > silentFor {
			c = of(Offline)
		}
		if w := s.Battery.Warning(); w == energy.Dying || w == energy.Now {
			c = of(BatteryEmpty)
			c.Variant = "silent"
		}
		e.add(c, s.LateSince)
	}
	return true
}

func (e *examination) battery(s Sign, of func(Kind) Condition) {
	f := s.Battery
	c := of(BatteryLow)
	switch f.Warning() {
	case energy.Fine:
		return
	case energy.Dying:
		c = of(BatteryEmpty)
	case energy.Now:
		c.Variant, c.Severity = "now", Alarm
	}
	if f.Known {
		c.Number, c.Most = int(f.DaysLow), int(f.DaysHigh+0.5)
	} else if c.Variant == "" {
		c.Variant = "unknown"
	}
	e.add(c, time.Time{})
}

func (e *examination) house() {
	if e.Broker {
		e.add(Condition{Key: Key{BrokerDown, ""}}, time.Time{})
	}
	for _, c := range e.Calendars {
		e.add(Condition{Key: Key{CalendarFailing, c.Subject}, Name: c.Name, Variant: c.Problem}, c.Since)
	}
}

// attacks sums up incidents: one condition for each kind, however many peers
// there were, and one for each sign whose credential was copied.
func (e *examination) attacks() {
	names := map[devices.SignID]string{}
	for _, s := range e.Signs {
		names[s.ID] = s.Name
	}
	kinds := map[devices.IncidentKind]Condition{}
	newest := map[devices.IncidentKind]time.Time{}
	for _, i := range e.Incidents {
		if name, ours := names[i.Sign]; ours && i.Kind == devices.ClonedCredential {
			e.add(Condition{Key: Key{Cloned, string(i.Sign)}, Sign: i.Sign, Name: name, Number: i.Count, Text: i.Address}, i.First)
			continue
		}
		c, ok := kinds[i.Kind]
		if !ok {
			c = Condition{Key: Key{Attack, string(i.Kind)}, Variant: string(i.Kind), Since: i.First}
		}
		c.Number += max(i.Count, 1)
		if i.First.Before(c.Since) {
			c.Since = i.First
		}
		from := i.Address
		if from == "" { // seen by the link, which knows no addresses
			from = names[i.Sign]
		}
		if !i.Last.Before(newest[i.Kind]) && from != "" {
			newest[i.Kind], c.Text = i.Last, from
		}
		kinds[i.Kind] = c
	}
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		e.add(kinds[k], kinds[k].Since)
	}
}
