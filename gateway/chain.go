package gateway

import (
	"time"

	"doorleaf/devices"
)

// chain lays out how far the truth got on its way from the calendar to the
// glass.
func chain(v DoorView, now time.Time) [5]ChainLink {
	return [5]ChainLink{calendarLink(v, now), decisionLink(v), pictureLink(v), deliveryLink(v, now), glassLink(v)}
}

func calendarLink(v DoorView, now time.Time) ChainLink {
	l := ChainLink{Name: "calendar", At: v.AgendaAsOf}
	switch {
	case v.Sign.Room == "":
		l.State, l.Key = LinkUnknown, "chain.calendar.no-room"
	case v.Room.Gone:
		l.State, l.Key = LinkBad, "chain.calendar.gone"
	case v.AgendaAsOf.IsZero():
		l.State, l.Key = LinkWait, "chain.calendar.never"
	case isStale(v.AgendaAsOf, now):
		l.State, l.Key, l.Args = LinkBad, "chain.calendar.stale", []any{v.AgendaAsOf}
	default:
		l.State, l.Key, l.Args = LinkOK, "chain.calendar.read", []any{v.AgendaAsOf}
	}
	return l
}

func decisionLink(v DoorView) ChainLink {
	l := ChainLink{Name: "decision"}
	if v.Want == nil || v.ExpectedStep == nil {
		l.State, l.Key = LinkWait, "chain.decision.none"
		return l
	}
	l.State, l.Key, l.At = LinkOK, "chain.decision.shows", v.Want.At
	l.Args = []any{v.ExpectedStep.Summary, string(v.Want.Reason)}
	return l
}

func pictureLink(v DoorView) ChainLink {
	l := ChainLink{Name: "picture"}
	if v.Want == nil {
		l.State, l.Key = LinkWait, "chain.picture.none"
		return l
	}
	l.State, l.Key, l.At = LinkOK, "chain.picture.drawn", v.Want.At
	l.Args = []any{len(v.Want.Steps), int(v.Want.Epoch), int(v.Want.Seq)}
	return l
}

func deliveryLink(v DoorView, now time.Time) ChainLink {
	l := ChainLink{Name: "delivery", At: v.Status.LastSeen}
	w, st := v.Want, v.Status
	switch {
	case w == nil:
		l.State, l.Key = LinkWait, "chain.delivery.none"
	case st.LastSeen.IsZero():
		l.State, l.Key = LinkWait, "chain.delivery.never"
	case st.Epoch == w.Epoch && st.Seq == w.Seq:
		l.State, l.Key, l.Args = LinkOK, "chain.delivery.done", []any{st.LastSeen}
	case v.Sign.Hardware.AlwaysOn && !v.Connected:
		l.State, l.Key, l.Args = LinkBad, "chain.delivery.offline", []any{st.LastSeen}
	case !v.Sign.Hardware.AlwaysOn && now.After(lateSince(v)):
		l.State, l.Key, l.Args = LinkBad, "chain.delivery.late", []any{v.NextContact}
	case !v.Sign.Hardware.AlwaysOn:
		l.State, l.Key, l.Args = LinkWait, "chain.delivery.sleeps", []any{v.NextContact}
	default:
		l.State, l.Key = LinkWait, "chain.delivery.sent"
	}
	return l
}

func glassLink(v DoorView) ChainLink {
	l := ChainLink{Name: "glass", At: v.Status.ShownAt}
	switch {
	case v.Status.LastSeen.IsZero():
		l.State, l.Key = LinkUnknown, "chain.glass.never"
	case v.Trust == Wrong && v.Status.LastError != devices.NoError:
		l.State, l.Key, l.Args = LinkBad, "chain.glass.error", []any{int(v.Status.LastError)}
	case v.Trust == Wrong:
		l.State, l.Key, l.Args = LinkBad, "chain.glass.wrong", []any{hex8(v.Status.Shown)}
	case v.Want != nil && v.Status.Epoch == v.Want.Epoch && v.Status.Seq == v.Want.Seq:
		l.State, l.Key, l.Args = LinkOK, "chain.glass.confirmed", []any{v.Status.ShownAt, hex8(v.Status.Shown)}
	default:
		l.State, l.Key, l.Args = LinkWait, "chain.glass.old", []any{v.Status.ShownAt, hex8(v.Status.Shown)}
	}
	return l
}
