package gateway

import (
	"fmt"
	"net/url"
	"strings"

	"doorleaf/gateway/calendar"
	"doorleaf/render"
)

// Bounds of the address behind a code: phones read longer ones from glass only
// at close range.
const (
	maxBookingPattern = 200 // bytes
	maxBookingAddress = 220 // bytes with a room's words filled in
)

// BookingPreset is a way to book that needs no address of the office's own.
type BookingPreset struct{ Name, Pattern string }

// BookingPresets are the forms of Outlook on the web in Microsoft's clouds: a
// new meeting with the room invited. Microsoft does not document the address; it
// is the one that Outlook itself makes.
func BookingPresets() []BookingPreset {
	const compose = "/calendar/0/deeplink/compose?to={address}&location={name}"
	return []BookingPreset{
		{"outlook", "https://outlook.office.com" + compose},
		{"outlook-us", "https://outlook.office365.us" + compose},
		{"outlook-dod", "https://outlook-dod.office365.us" + compose},
		{"outlook-cn", "https://partner.outlook.cn" + compose},
	}
}

// CheckBooking reports whether a pattern can stand behind codes: "" for none, or
// an http, https or ms-outlook address in ASCII of at most 200 bytes. {address}
// is replaced by the room's mail address, {user} by what stands before its @,
// {name} by the room's name. In capitals ({ADDRESS}) the value is in capitals
// too: an address wholly in capitals makes a code of fewer and larger squares.
// Errors are ErrInvalid.
func CheckBooking(pattern string) error {
	if pattern == "" {
		return nil
	}
	if len(pattern) > maxBookingPattern {
		return fmt.Errorf("%w: booking address of %d bytes, at most %d", ErrInvalid, len(pattern), maxBookingPattern)
	}
	for _, r := range pattern {
		if r <= ' ' || r >= 0x7f {
			return fmt.Errorf("%w: booking address with %q", ErrInvalid, r)
		}
	}
	u, err := url.Parse(fillBooking(pattern, "room@example.com", "Room"))
	switch {
	case err != nil:
		return fmt.Errorf("%w: booking address is not an address", ErrInvalid)
	case u.User != nil:
		return fmt.Errorf("%w: booking address with a password", ErrInvalid)
	case u.Scheme == "ms-outlook":
	case (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return fmt.Errorf("%w: booking address is not https", ErrInvalid)
	}
	if strings.ContainsAny(u.String(), "{}") || strings.Contains(u.String(), "%7B") || strings.Contains(u.String(), "%7D") {
		return fmt.Errorf("%w: booking address with an unknown placeholder", ErrInvalid)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.SplitN(pattern, ":", 2)[1], "//"), "/")
	if strings.Contains(host, "{") {
		return fmt.Errorf("%w: booking address whose server is a placeholder", ErrInvalid)
	}
	return nil
}

// fillBooking replaces the placeholders.
func fillBooking(pattern, address, name string) string {
	user, _, _ := strings.Cut(address, "@")
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	upper := func(s string) string { return escape(strings.ToUpper(s)) }
	return strings.NewReplacer("{address}", escape(address), "{ADDRESS}", upper(address), "{user}", escape(user), "{USER}", upper(user),
		"{name}", escape(name), "{NAME}", upper(name)).Replace(pattern)
}

// bookingAddress is the address that books a room, "" when it is none or too
// long for a code.
func bookingAddress(pattern string, r calendar.Room) string {
	if pattern == "" || r.Kind != calendar.RoomMailbox || r.ID == "" {
		return ""
	}
	if s := fillBooking(pattern, string(r.ID), roomName(r)); len(s) <= maxBookingAddress {
		return s
	}
	return ""
}

// offerBooking puts the code on faces of a room that can be booked now.
func offerBooking(d *render.Door, site Site, r calendar.Room) {
	if d.State != render.Free && d.State != render.Soon {
		return
	}
	if d.QR = bookingAddress(site.Booking, r); d.QR != "" {
		d.QRCaption = "sign.book"
	}
}
