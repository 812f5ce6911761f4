package lang

import (
	"fmt"
	"time"
)

// dateKey is one date as one language writes it.
type dateKey struct {
	lang       string
	year       int
	month, day int8
	long       bool
}

// clockKey is one time of day as one language writes it; until is -1 for a
// single time.
type clockKey struct {
	lang        string
	from, until int16
	hour12      bool
}

// Date writes a date as "Monday 23 November" in the language's order, without
// a year.
func (c *Catalogue) Date(lang string, year int, month time.Month, day int) string {
	return c.dates.Get(dateKey{lang, year, int8(month), int8(day), true}, c.writeDate)
}

// ShortDate writes a date as "Mon 23 Nov".
func (c *Catalogue) ShortDate(lang string, year int, month time.Month, day int) string {
	return c.dates.Get(dateKey{lang, year, int8(month), int8(day), false}, c.writeDate)
}

func (c *Catalogue) writeDate(k dateKey) string {
	n := c.names[k.lang]
	if n == nil {
		n = c.names[Fallback]
	}
	month, day := min(max(int(k.month), 0), 12), int(k.day)
	wd := weekday(k.year, time.Month(month), day)
	if k.long {
		return c.Text(k.lang, "date.long", n.days[wd], day, n.months[month], month)
	}
	return c.Text(k.lang, "date.short", n.shortDays[wd], day, n.shortMonths[month], month)
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
	return c.clocks.Get(clockKey{lang, int16(minutes), -1, hour12}, c.writeClock)
}

// SpanText is two times of day with a dash between them.
func (c *Catalogue) SpanText(lang string, from, until int, hour12 bool) string {
	return c.clocks.Get(clockKey{lang, int16(from), int16(until), hour12}, c.writeClock)
}

func (c *Catalogue) writeClock(k clockKey) string {
	if k.until >= 0 {
		return c.ClockText(k.lang, int(k.from), k.hour12) + "–" + c.ClockText(k.lang, int(k.until), k.hour12)
	}
	clock, half := c.Clock(k.lang, int(k.from), k.hour12)
	if k.hour12 && k.from == 24*60 {
		return c.Text(k.lang, "clock.midnight") // "12:00 AM" could be either end of the day
	}
	if half == "" {
		return clock
	}
	return c.Text(k.lang, "clock.12", clock, half)
}
