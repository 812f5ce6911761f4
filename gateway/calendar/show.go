package calendar

// Showing is what a room's signs may say about its meetings.
type Showing struct {
	privacy  Privacy
	kind     RoomKind
	examined diagnosis
}

// Showing decides what the agenda's room lets signs say. Until the doctor's
// findings are mended it errs on the safe side.
func (a Agenda) Showing() Showing {
	return Showing{a.Room.Privacy, a.Room.Kind, examine(a)}
}

// Detail is how much of one meeting a sign may show.
type Detail uint8

// The details, from least to most.
const (
	TimeOnly     Detail = iota // booked, and until when
	MarkPrivate                // the same with the words "private meeting"
	TitleAndName               // subject and organizer
)

// Of returns how much of the event may be shown:
//   - an ordinary mailbox, or a room set to show times only: times only;
//   - a meeting that says it is private: its time, and that it is private;
//   - a meeting that may have lost that mark, unless people chose to show all:
//     times only. That is every meeting while Exchange strips marks, and after
//     that was mended those of the time before;
//   - any other: title and name.
func (s Showing) Of(e Event) Detail {
	lost := s.examined.stripped || s.examined.were.contains(e.asked()) && e.Response != Organizer ||
		s.examined.were != nil && e.subjectReplaced()
	switch {
	case s.kind != RoomMailbox || s.privacy != PrivacyAuto && s.privacy != PrivacyShowAll:
		return TimeOnly
	case e.IsPrivate():
		return MarkPrivate
	case lost && s.privacy == PrivacyAuto:
		return TimeOnly
	}
	return TitleAndName
}
