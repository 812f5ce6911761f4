package graphtest

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Recurrence is a patternedRecurrence in Graph's own shape
// (learn.microsoft.com/graph/api/resources/patternedrecurrence).
type Recurrence struct {
	Pattern Pattern `json:"pattern"`
	Range   Range   `json:"range"`
}

// Pattern says on which days a series takes place.
type Pattern struct {
	Type           string   `json:"type"`     // daily, weekly, absoluteMonthly, relativeMonthly, absoluteYearly, relativeYearly
	Interval       int      `json:"interval"` // in units of the type, at least 1
	Month          int      `json:"month"`    // 1..12, yearly types
	DayOfMonth     int      `json:"dayOfMonth"`
	DaysOfWeek     []string `json:"daysOfWeek,omitempty"`     // "monday"
	FirstDayOfWeek string   `json:"firstDayOfWeek,omitempty"` // weekly; sunday when empty
	Index          string   `json:"index,omitempty"`          // first..fourth, last; relative types; first when empty
}

// Range says from when until when.
type Range struct {
	Type                string `json:"type"`      // endDate, noEnd, numbered
	StartDate           string `json:"startDate"` // "2026-11-21"
	EndDate             string `json:"endDate,omitempty"`
	RecurrenceTimeZone  string `json:"recurrenceTimeZone,omitempty"`
	NumberOfOccurrences int    `json:"numberOfOccurrences"`
}

// ErrRecurrence is returned for a recurrence that Graph would not take.
var ErrRecurrence = errors.New("graphtest: invalid recurrence")

const dateLayout = "2006-01-02"

// check reports what is wrong with a recurrence.
func (r Recurrence) check() error {
	p, bad := r.Pattern, func(what string) error { return fmt.Errorf("%w: %s", ErrRecurrence, what) }
	if p.Interval < 1 || p.Interval > 999 {
		return bad("interval")
	}
	for _, name := range p.DaysOfWeek {
		if weekday(name) < 0 {
			return bad("daysOfWeek")
		}
	}
	if p.FirstDayOfWeek != "" && weekday(p.FirstDayOfWeek) < 0 {
		return bad("firstDayOfWeek")
	}
	yearly := p.Type == "absoluteYearly" || p.Type == "relativeYearly"
	if yearly && (p.Month < 1 || p.Month > 12) {
		return bad("month")
	}
	switch p.Type {
	case "daily":
	case "weekly", "relativeMonthly", "relativeYearly":
		if len(p.DaysOfWeek) == 0 {
			return bad("daysOfWeek")
		}
		if !slices.Contains([]string{"", "first", "second", "third", "fourth", "last"}, p.Index) {
			return bad("index")
		}
	case "absoluteMonthly", "absoluteYearly":
		if p.DayOfMonth < 1 || p.DayOfMonth > 31 {
			return bad("dayOfMonth")
		}
	default:
		return bad("pattern type")
	}
	start, err := time.Parse(dateLayout, r.Range.StartDate)
	if err != nil {
		return bad("startDate")
	}
	switch r.Range.Type {
	case "noEnd":
	case "numbered":
		if r.Range.NumberOfOccurrences < 1 || r.Range.NumberOfOccurrences > 999 {
			return bad("numberOfOccurrences")
		}
	case "endDate":
		if end, err := time.Parse(dateLayout, r.Range.EndDate); err != nil || end.Before(start) {
			return bad("endDate")
		}
	default:
		return bad("range type")
	}
	return nil
}

// dates yields the days of the series in order, as midnights in UTC, none
// after last.
func (r Recurrence) dates(last time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		start, err := time.Parse(dateLayout, r.Range.StartDate)
		if err != nil || r.Pattern.Interval < 1 {
			return
		}
		if r.Range.Type == "endDate" {
			if end, err := time.Parse(dateLayout, r.Range.EndDate); err == nil && end.Before(last) {
				last = end
			}
		}
		left := -1
		if r.Range.Type == "numbered" {
			left = r.Range.NumberOfOccurrences
		}
		for n := 0; ; n++ {
			first, days := r.period(start, n)
			if first.After(last) {
				return
			}
			for _, day := range days {
				if day.Before(start) {
					continue
				}
				if day.After(last) || left == 0 {
					return
				}
				left--
				if !yield(day) {
					return
				}
			}
		}
	}
}

// period gives the first day and the days of the series in its n-th period:
// day, week, month or year, counted from the one that holds the start.
func (r Recurrence) period(start time.Time, n int) (first time.Time, days []time.Time) {
	p, step := r.Pattern, n*r.Pattern.Interval
	switch p.Type {
	case "daily":
		day := start.AddDate(0, 0, step)
		return day, []time.Time{day}
	case "weekly":
		opening := time.Sunday
		if p.FirstDayOfWeek != "" {
			opening = weekday(p.FirstDayOfWeek)
		}
		back := (int(start.Weekday()) - int(opening) + 7) % 7
		first = start.AddDate(0, 0, 7*step-back)
		for i := range 7 {
			if day := first.AddDate(0, 0, i); p.on(day) {
				days = append(days, day)
			}
		}
		return first, days
	}
	year, month := start.Year(), start.Month()
	if p.Type == "absoluteYearly" || p.Type == "relativeYearly" {
		year, month = year+step, time.Month(p.Month)
	} else {
		month += time.Month(step)
	}
	first = time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	length := first.AddDate(0, 1, -1).Day()
	if p.Type == "absoluteMonthly" || p.Type == "absoluteYearly" {
		// A day that the month lacks falls on its last day.
		return first, []time.Time{first.AddDate(0, 0, min(p.DayOfMonth, length)-1)}
	}
	var fitting []time.Time
	for i := range length {
		if day := first.AddDate(0, 0, i); p.on(day) {
			fitting = append(fitting, day)
		}
	}
	i := slices.Index([]string{"first", "second", "third", "fourth"}, p.Index)
	switch {
	case p.Index == "last":
		i = len(fitting) - 1
	case p.Index == "":
		i = 0
	}
	return first, fitting[i : i+1] // every weekday comes four times in any month
}

// on tells whether a day is one of the pattern's days of the week.
func (p Pattern) on(day time.Time) bool {
	return slices.ContainsFunc(p.DaysOfWeek, func(name string) bool { return weekday(name) == day.Weekday() })
}

// weekday reads "monday"; -1 for anything else.
func weekday(name string) time.Weekday {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d
		}
	}
	return -1
}

// wall is the instant at which clocks in a zone show a time of day. A time
// that a change of clocks skips is read with the offset before the change; of
// a time that comes twice the first one is meant.
func wall(day time.Time, clock time.Duration, zone *time.Location) time.Time {
	naive := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC).Add(clock)
	_, before := naive.Add(-24 * time.Hour).In(zone).Zone()
	_, after := naive.Add(24 * time.Hour).In(zone).Zone()
	early, late := naive.Add(-time.Duration(before)*time.Second), naive.Add(-time.Duration(after)*time.Second)
	shows := func(t time.Time) bool { return sameWall(t.In(zone), naive) }
	if !shows(early) && shows(late) {
		return late
	}
	return early
}

func sameWall(local, naive time.Time) bool {
	_, offset := local.Zone()
	return local.Unix()+int64(offset) == naive.Unix()
}

// clockOf is the time of day that a zone's clocks show at an instant.
func clockOf(t time.Time, zone *time.Location) time.Duration {
	local := t.In(zone)
	h, m, s := local.Clock()
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
}

// dayOf is the calendar day of an instant in a zone, as midnight in UTC.
func dayOf(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
