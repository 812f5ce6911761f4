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
// A tentative hold counts as booked. What a meeting may say is decided by
// calendar.Showing alone. A subject that only repeats the organizer (an Exchange
// default) is shown once. Texts are cleaned by calendar.Words.
func Face(a calendar.Agenda, s Sign, site Site, at time.Time, stale bool) render.Door {
	return face(a, a.Showing(), s, site, at, stale)
}

// face is Face with what the room may show decided already.
func face(a calendar.Agenda, show calendar.Showing, s Sign, site Site, at time.Time, stale bool) render.Door {
	loc := a.Location(site.Location())
	local := at.In(loc)
	d := blankFace(s, site, local)
	d.Room = roomName(a.Room)
	d.Capacity = min(max(a.Room.Capacity, 0), 99999)
	for _, f := range a.Room.Features {
		switch f = calendar.Words(f); f {
		case "":
		case calendar.WheelchairAccessible:
			d.Accessible = true
		default:
			d.Features = append(d.Features, f)
		}
	}
	day := dayOf(local)
	p := policy{site, show, day}
	p.fill(&d, a.At(at, loc), local)
	offerBooking(&d, site, a.Room)
	d.Day = dayBar(a.Slots(loc), site, day)
	if stale {
		known := render.Fact{State: d.State, Until: d.Until}
		if known.State == render.Soon {
			known.State = render.Free
		}
		since, date := clockOf(a.AsOf.In(loc)), dateOf(a.AsOf.In(loc))
		d.State, d.LastKnown, d.Since = render.Stale, &known, &since
		if date != d.Date {
			d.SinceDate = &date
		}
		d.Until, d.UntilDate, d.AllDay = nil, nil, false
		d.QR, d.QRCaption = "", ""
	}
	return d
}

// OfflineFace is the picture for the time after the last step: the sign itself
// shows it when nothing newer came. since is the end of the timeline.
func OfflineFace(room string, s Sign, site Site, loc *time.Location, since time.Time) render.Door {
	d := blankFace(s, site, since.In(loc))
	d.Room, d.State = calendar.Words(room), render.Offline
	c := clockOf(since.In(loc))
	d.Since = &c
	return d
}

// ReadyFace is the face of a sign without a room, or whose room has not been
// read yet.
func ReadyFace(room string, s Sign, site Site, at time.Time) render.Door {
	d := blankFace(s, site, at.In(site.Location()))
	d.State, d.Room, d.Waiting = render.Ready, calendar.Words(room), room != ""
	if room == "" {
		d.Room = calendar.Words(s.Name)
	}
	id := string(s.ID)
	d.SignID = id[max(0, len(id)-4):]
	return d
}

// NotSetUpFace is the face of a sign whose room no longer exists. room is the
// name it had, "" when that is not known.
func NotSetUpFace(room string, s Sign, site Site, at time.Time) render.Door {
	d := ReadyFace(room, s, site, at)
	d.State, d.Waiting = render.NotSetUp, false
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
	d := render.Door{Language: site.Language, Date: dateOf(local)}
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
	loc := local.Location()
	return daySpan{calendar.StartOfDay(y, m, d, loc), calendar.StartOfDay(y, m, d+1, loc)}
}

// clock is the instant at which clocks show that many minutes after midnight on
// the day. A time that is skipped is taken an hour later.
func (day daySpan) clock(minutes int) time.Time {
	y, m, d := day.start.Date()
	return time.Date(y, m, d, 0, minutes, 0, 0, day.start.Location())
}

// policy is what the faces of one day are decided by.
type policy struct {
	site Site
	show calendar.Showing
	day  daySpan
}

func (p policy) fill(d *render.Door, now calendar.Now, local time.Time) {
	next, day := now.Next, p.day
	if len(now.Current) > 0 {
		p.fillBooked(d, now)
	} else {
		d.State = render.Free
		if len(next) > 0 && next[0].Start.Before(day.end) {
			c := clockIn(day, next[0].Start)
			d.Until = &c
			if next[0].Start.Sub(local) <= p.site.SoonLimit {
				d.State = render.Soon
			}
			p.setMeeting(d, next[0])
			next = next[1:]
		} else {
			d.AllDay = true
		}
	}
	for _, s := range next {
		if !s.Start.Before(day.end) || len(d.Next) == maxRows {
			break
		}
		d.Next = append(d.Next, p.row(s))
	}
}

// maxRows bounds the later meetings handed to a face; no layout shows more.
const maxRows = 8

func (p policy) fillBooked(d *render.Door, now calendar.Now) {
	d.State = render.Booked
	day, first := p.day, now.Current[0]
	end := first.End
	for _, s := range now.Current[1:] {
		if s.End.After(end) {
			end = s.End
		}
	}
	if len(now.Current) == 1 { // an unbroken chain of one organizer reads as one booking
		for _, s := range now.Next {
			if s.Start.After(end) || !p.continues(first, s) {
				break
			}
			if s.End.After(end) {
				end = s.End
			}
		}
	}
	p.setMeeting(d, first)
	d.More = min(len(now.Current)-1, 999)
	opens, closes := day.clock(p.site.DayStart), day.clock(p.site.DayEnd)
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

// continues reports whether the next meeting reads as the same booking: both
// may be named, and organizer and subject are the same.
func (p policy) continues(first, next calendar.Slot) bool {
	return p.show.Of(first.Event) == calendar.TitleAndName && p.show.Of(next.Event) == calendar.TitleAndName &&
		next.OrganizerAddress != "" && next.OrganizerAddress == first.OrganizerAddress && next.Subject == first.Subject
}

func (p policy) setMeeting(d *render.Door, s calendar.Slot) {
	r := p.row(s)
	d.Title, d.Organizer, d.Private = r.Title, r.Organizer, r.Private
	span := r.Span
	d.Span = &span
}

func (p policy) row(s calendar.Slot) render.Row {
	r := render.Row{Span: p.day.span(s), Tentative: s.IsTentative()}
	switch p.show.Of(s.Event) {
	case calendar.MarkPrivate:
		r.Private = true
	case calendar.TitleAndName:
		r.Title, r.Organizer = calendar.Words(s.Subject), calendar.Words(s.OrganizerName)
		if strings.EqualFold(r.Title, r.Organizer) {
			r.Organizer = ""
		}
		if r.Title == "" {
			r.Title, r.Organizer = r.Organizer, ""
		}
	}
	return r
}

// span is the meeting's part of the day by the clock on the wall. Where clocks
// are set back within it, it may seem to end before it begins; then it is drawn
// without length.
func (day daySpan) span(s calendar.Slot) render.Span {
	span := render.Span{Start: clockIn(day, s.Start), End: clockIn(day, s.End)}
	span.End = max(span.Start, span.End)
	return span
}

// roomName is what a sign calls a room.
func roomName(r calendar.Room) string {
	if name := calendar.Words(r.Name); name != "" {
		return name
	}
	return string(r.ID)
}

// maxBlocks bounds the blocks of a day bar: one for every six minutes.
const maxBlocks = 240

func dayBar(slots []calendar.Slot, site Site, day daySpan) *render.DayBar {
	bar := &render.DayBar{Span: render.Span{Start: render.Clock(site.DayStart), End: render.Clock(site.DayEnd)}}
	for _, s := range slots {
		if s.Start.Before(day.end) && s.End.After(day.start) && len(bar.Blocks) < maxBlocks {
			bar.Blocks = append(bar.Blocks, render.Block{Span: day.span(s), Tentative: s.IsTentative()})
		}
	}
	return bar
}

func dateOf(local time.Time) render.Date {
	y, m, d := local.Date()
	return render.Date{Year: y, Month: int(m), Day: d}
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
