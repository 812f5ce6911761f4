package lang

import (
	"fmt"
	"strings"
	"time"
)

// Date writes a date as "Monday 23 November" in the language's order, without
// a year.
func (c *Catalogue) Date(lang string, year int, month time.Month, day int) string {
	return c.date(lang, "date.long", "day.long.", "month.long.", year, month, day)
}

// ShortDate writes a date as "Mon 23 Nov".
func (c *Catalogue) ShortDate(lang string, year int, month time.Month, day int) string {
	return c.date(lang, "date.short", "day.short.", "month.short.", year, month, day)
}

func (c *Catalogue) date(lang, pattern, dayKey, monthKey string, year int, month time.Month, day int) string {
	wd := time.Date(year, month, day, 12, 0, 0, 0, time.UTC).Weekday()
	return c.Text(lang, pattern, c.Text(lang, fmt.Sprintf("%s%d", dayKey, int(wd))), day, c.Text(lang, fmt.Sprintf("%s%d", monthKey, int(month))))
}

// Weekday is the full name of a day of the week.
func (c *Catalogue) Weekday(lang string, d time.Weekday) string {
	return c.Text(lang, fmt.Sprintf("day.long.%d", int(d)))
}

// Hour12 reports whether the language's habit is the 12-hour clock.
func (c *Catalogue) Hour12(lang string) bool { return c.Text(lang, "clock.hours") == "12" }

// Clock writes a time of day given as minutes after midnight, 0 to 1440: on
// the 24-hour clock "09:05" with 1440 as "24:00", on the 12-hour clock "9:05"
// and, apart, "AM" or "PM".
func (c *Catalogue) Clock(lang string, minutes int, hour12 bool) (clock, half string) {
	h, m := minutes/60, minutes%60
	if !hour12 {
		return fmt.Sprintf("%02d:%02d", h, m), ""
	}
	half = "AM"
	if h%24 >= 12 {
		half = "PM"
	}
	if h %= 12; h == 0 {
		h = 12
	}
	return fmt.Sprintf("%d:%02d", h, m), half
}

// ClockText is Clock in one string.
func (c *Catalogue) ClockText(lang string, minutes int, hour12 bool) string {
	clock, half := c.Clock(lang, minutes, hour12)
	return strings.TrimSpace(clock + " " + half)
}
