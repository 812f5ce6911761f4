package gateway

import (
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/render"
)

// Face is the whole display policy: it turns what a calendar says at one
// instant into the Door that is drawn. It hides what must be hidden; render
// draws everything it is given. at is any instant, asOf the moment of now (for
// the decision whether the calendar is too old).
//
// A tentative hold counts as booked. A private meeting gives neither subject
// nor organizer away. A subject that only repeats the organizer (an Exchange
// default) is shown once.
func Face(a calendar.Agenda, s Sign, site Site, at time.Time, stale bool) render.Door {
	loc := a.Location(site.Location())
	local := at.In(loc)
	d := blankFace(s, site, local)
	d.Room = a.Room.Name
	d.Capacity = min(max(a.Room.Capacity, 0), 99999)
	day := dayOf(local)
	now := a.At(at, loc)
	fill(&d, now, site, local, day)
	d.Day = dayBar(a.Slots(loc), site, day)
	if stale {
		known := render.Fact{State: d.State, Until: d.Until}
		if known.State == render.Soon {
			known.State = render.Free
		}
		since := clockOf(a.AsOf.In(loc))
		d.State, d.LastKnown, d.Since = render.Stale, &known, &since
		d.Until, d.UntilDate, d.AllDay = nil, nil, false
	}
	return d
}

// OfflineFace is the picture for the time after the last step: the sign itself
// shows it when nothing newer came. since is the end of the timeline.
func OfflineFace(room string, s Sign, site Site, loc *time.Location, since time.Time) render.Door {
	d := blankFace(s, site, since.In(loc))
	d.Room, d.State = room, render.Offline
	c := clockOf(since.In(loc))
	d.Since = &c
	return d
}

// ReadyFace is the face of a sign without a room, or whose room has not been
// read yet.
func ReadyFace(room string, s Sign, site Site, at time.Time) render.Door {
	d := blankFace(s, site, at.In(site.Location()))
	d.State, d.Room, d.Waiting = render.Ready, room, room != ""
	if room == "" {
		d.Room = s.Name
	}
	id := string(s.ID)
	d.SignID = id[max(0, len(id)-4):]
	return d
}

// NotSetUpFace is the face of a sign whose room no longer exists.
func NotSetUpFace(s Sign, site Site, at time.Time) render.Door {
	d := ReadyFace("", s, site, at)
	d.State = render.NotSetUp
	return d
}

// Location returns the site's zone, UTC when its name is unknown.
func (s Site) Location() *time.Location {
	loc, err := time.LoadLocation(s.Zone)
	if err != nil {
		return time.UTC
	}
	return loc
}

func blankFace(s Sign, site Site, local time.Time) render.Door {
	y, m, day := local.Date()
	d := render.Door{Language: site.Language, Date: render.Date{Year: y, Month: int(m), Day: day}}
	if s.Language != "" {
		d.Language = s.Language
	}
	if s.Hour12 != nil {
		d.Hour12 = *s.Hour12
	}
	return d
}

// daySpan is a local calendar day as two instants.
type daySpan struct{ start, end time.Time }

func dayOf(local time.Time) daySpan {
	y, m, d := local.Date()
	return daySpan{time.Date(y, m, d, 0, 0, 0, 0, local.Location()), time.Date(y, m, d+1, 0, 0, 0, 0, local.Location())}
}

func fill(d *render.Door, now calendar.Now, site Site, local time.Time, day daySpan) {
	next := now.Next
	if len(now.Current) > 0 {
		fillBooked(d, now, site, day)
	} else {
		d.State = render.Free
		if len(next) > 0 && next[0].Start.Before(day.end) {
			c := clockIn(day, next[0].Start)
			d.Until = &c
			if next[0].Start.Sub(local) <= site.SoonLimit {
				d.State = render.Soon
			}
			setMeeting(d, next[0], day)
			next = next[1:]
		} else {
			d.AllDay = true
		}
	}
	for _, s := range next {
		if !s.Start.Before(day.end) || len(d.Next) == maxRows {
			break
		}
		d.Next = append(d.Next, rowOf(s, day))
	}
}

// maxRows bounds the later meetings handed to a face; no layout shows more.
const maxRows = 8

func fillBooked(d *render.Door, now calendar.Now, site Site, day daySpan) {
	d.State = render.Booked
	first := now.Current[0]
	end := first.End
	for _, s := range now.Current[1:] {
		if s.End.After(end) {
			end = s.End
		}
	}
	if len(now.Current) == 1 { // an unbroken chain of one organizer reads as one booking
		for _, s := range now.Next {
			if s.Start.After(end) || s.OrganizerAddress == "" || s.OrganizerAddress != first.OrganizerAddress || s.IsPrivate() || s.Subject != first.Subject {
				break
			}
			if s.End.After(end) {
				end = s.End
			}
		}
	}
	setMeeting(d, first, day)
	d.More = len(now.Current) - 1
	opens := day.start.Add(time.Duration(site.DayStart) * time.Minute)
	closes := day.start.Add(time.Duration(site.DayEnd) * time.Minute)
	switch {
	case end.After(day.end):
		y, m, dd := end.Date()
		if first.AllDay || (!first.Start.After(opens) && !end.Before(closes)) {
			d.AllDay = true
		}
		c := clockOf(end)
		date := render.Date{Year: y, Month: int(m), Day: dd}
		if c == 0 { // the end of a day belongs to the day before
			y, m, dd = end.AddDate(0, 0, -1).Date()
			c, date = 24*60, render.Date{Year: y, Month: int(m), Day: dd}
		}
		d.Until, d.UntilDate = &c, &date
	case !first.Start.After(opens) && !end.Before(closes):
		d.AllDay = true
		c := clockIn(day, end)
		d.Until = &c
	default:
		c := clockIn(day, end)
		d.Until = &c
	}
}

func setMeeting(d *render.Door, s calendar.Slot, day daySpan) {
	r := rowOf(s, day)
	d.Title, d.Organizer, d.Private = r.Title, r.Organizer, r.Private
	span := r.Span
	d.Span = &span
}

func rowOf(s calendar.Slot, day daySpan) render.Row {
	r := render.Row{Span: render.Span{Start: clockIn(day, s.Start), End: clockIn(day, s.End)}, Tentative: s.IsTentative()}
	if s.IsPrivate() {
		r.Private = true
		return r
	}
	r.Title, r.Organizer = strings.TrimSpace(s.Subject), strings.TrimSpace(s.OrganizerName)
	if strings.EqualFold(r.Title, r.Organizer) {
		r.Organizer = ""
	}
	if r.Title == "" {
		r.Title, r.Organizer = r.Organizer, ""
	}
	return r
}

func dayBar(slots []calendar.Slot, site Site, day daySpan) *render.DayBar {
	bar := &render.DayBar{Span: render.Span{Start: render.Clock(site.DayStart), End: render.Clock(site.DayEnd)}}
	for _, s := range slots {
		if s.Start.Before(day.end) && s.End.After(day.start) {
			bar.Blocks = append(bar.Blocks, render.Block{
				Span: render.Span{Start: clockIn(day, s.Start), End: clockIn(day, s.End)}, Tentative: s.IsTentative()})
		}
	}
	return bar
}

func clockOf(t time.Time) render.Clock { return render.Clock(t.Hour()*60 + t.Minute()) }

// clockIn is the clock of t on the given day, cut to 0:00 and 24:00.
func clockIn(day daySpan, t time.Time) render.Clock {
	switch {
	case t.Before(day.start):
		return 0
	case !t.Before(day.end):
		return 24 * 60
	}
	return clockOf(t.In(day.start.Location()))
}
