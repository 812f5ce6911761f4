package lang

import (
	"fmt"
	"time"
)

// Date writes a date as "Monday 23 November" in the language's order, without
// a year.
func (c *Catalogue) Date(lang string, year int, month time.Month, day int) string {
	n := c.names[lang]
	if n == nil {
		n = c.names[Fallback]
	}
	return c.Text(lang, "date.long", n.days[weekday(year, month, day)], day, n.months[month], int(month))
}

// ShortDate writes a date as "Mon 23 Nov".
func (c *Catalogue) ShortDate(lang string, year int, month time.Month, day int) string {
	n := c.names[lang]
	if n == nil {
		n = c.names[Fallback]
	}
	return c.Text(lang, "date.short", n.shortDays[weekday(year, month, day)], day, n.shortMonths[month], int(month))
}

func weekday(year int, month time.Month, day int) time.Weekday {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC).Weekday()
}

// Weekday is the full name of a day of the week.
func (c *Catalogue) Weekday(lang string, d time.Weekday) string {
	if n := c.names[lang]; n != nil {
		return n.days[d]
	}
	return c.names[Fallback].days[d]
}

// Hour12 reports whether the language's habit is the 12-hour clock.
func (c *Catalogue) Hour12(lang string) bool { return c.Text(lang, "clock.hours") == "12" }

// Clock writes a time of day given as minutes after midnight, 0 to 1440: on
// the 24-hour clock "09:05" with 1440 as "24:00", on the 12-hour clock "9:05"
// and, apart, "AM" or "PM" in the language's words.
func (c *Catalogue) Clock(lang string, minutes int, hour12 bool) (clock, half string) {
	h, m := minutes/60, minutes%60
	if !hour12 {
		return fmt.Sprintf("%02d:%02d", h, m), ""
	}
	half = c.Text(lang, "clock.am")
	if h%24 >= 12 {
		half = c.Text(lang, "clock.pm")
	}
	if h %= 12; h == 0 {
		h = 12
	}
	return fmt.Sprintf("%d:%02d", h, m), half
}

// ClockText is Clock in one string, in the language's order.
func (c *Catalogue) ClockText(lang string, minutes int, hour12 bool) string {
	clock, half := c.Clock(lang, minutes, hour12)
	if half == "" {
		return clock
	}
	return c.Text(lang, "clock.12", clock, half)
}
