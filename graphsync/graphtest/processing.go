package graphtest

import "strings"

// Processing is what a room mailbox does to meetings it is invited to
// (Set-CalendarProcessing of Exchange). The zero value leaves them as they are.
type Processing struct {
	OnlyTentative          bool // AutomateProcessing AutoUpdate: put in as tentative, never answered, nothing below done
	DeleteSubject          bool
	AddOrganizerToSubject  bool
	DeleteComments         bool
	RemovePrivateProperty  bool
	RemoveCanceledMeetings bool
}

// ExchangeProcessing is what Exchange Online does out of the box: subjects are
// replaced by the organizer's name, bodies and private flags dropped, cancelled
// meetings kept.
func ExchangeProcessing() Processing {
	return Processing{DeleteSubject: true, AddOrganizerToSubject: true, DeleteComments: true, RemovePrivateProperty: true}
}

// SetProcessing changes what the room does to meetings from now on; those it
// holds stay as they are.
func (c *Calendar) SetProcessing(p Processing) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.processing = p
}

// process does to an invitation what the room is set to. Meetings of the room
// itself are none.
func (c *Calendar) process(e *Event) {
	if e.Organizer.Name == "" || strings.EqualFold(e.Organizer.Address, c.room.Email) {
		return
	}
	p := c.processing
	if p.OnlyTentative {
		setDefault(&e.ShowAs, "tentative")
		setDefault(&e.Response, "notResponded")
		return
	}
	if p.DeleteSubject {
		e.Subject = ""
	}
	if p.AddOrganizerToSubject {
		e.Subject = strings.TrimSpace(e.Organizer.Name + " " + e.Subject)
	}
	if p.DeleteComments {
		e.Body = ""
	}
	if p.RemovePrivateProperty {
		e.Sensitivity = "normal"
	}
}
