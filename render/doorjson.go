package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxDoorBytes bounds a Door read from outside.
const maxDoorBytes = 64 << 10

// ErrDoor is wrapped by every error about a Door that cannot be read.
var ErrDoor = errors.New("not a door")

// States lists every state in the order of the sheet.
func States() []State {
	return []State{Free, Soon, Booked, CheckIn, Closed, OutOfOrder, Stale, Offline, Pairing, Ready, NotSetUp, BatteryEmpty, Identify}
}

func (s State) known() bool { return s == Pairing || s == Identify || stateKey(s) != "" }

// ReadDoor reads one Door as JSON, at most 64 KiB. Errors name the field and
// are ErrDoor.
func ReadDoor(r io.Reader) (Door, error) {
	var d Door
	b, err := io.ReadAll(io.LimitReader(r, maxDoorBytes+1))
	if err != nil {
		return d, err
	}
	if len(b) > maxDoorBytes {
		return d, fmt.Errorf("%w: more than %d bytes", ErrDoor, maxDoorBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return d, fmt.Errorf("%w: %w", ErrDoor, fieldError(b, err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return d, fmt.Errorf("%w: something follows the door", ErrDoor)
	}
	if utf8.RuneCountInString(d.Note) > 80 {
		return d, fmt.Errorf("%w: note: more than 80 characters", ErrDoor)
	}
	return d, d.Validate()
}

// Validate checks what a face relies on.
func (d Door) Validate() error {
	switch {
	case !d.State.known():
		return fmt.Errorf("%w: state %q; known states: %v", ErrDoor, d.State, States())
	case len(d.Next) > 64:
		return fmt.Errorf("%w: next: more than 64 meetings", ErrDoor)
	case d.Day != nil && len(d.Day.Blocks) > 256:
		return fmt.Errorf("%w: day.blocks: more than 256 blocks", ErrDoor)
	case d.Day != nil && d.Day.End <= d.Day.Start:
		return fmt.Errorf("%w: day: its end %s is not after its start %s", ErrDoor, d.Day.End, d.Day.Start)
	case d.State == Pairing && !isCode(d.Code):
		return fmt.Errorf("%w: code: a pairing face needs 8 letters or digits", ErrDoor)
	case d.More < 0 || d.More > 999:
		return fmt.Errorf("%w: more: %d is not 0 to 999", ErrDoor, d.More)
	case len(d.Features) > 16:
		return fmt.Errorf("%w: features: more than 16", ErrDoor)
	case len(d.Buttons) > 8:
		return fmt.Errorf("%w: buttons: more than 8", ErrDoor)
	case d.Capacity < 0 || d.Capacity > 99999:
		return fmt.Errorf("%w: capacity: %d is not 0 to 99999", ErrDoor, d.Capacity)
	}
	return d.validateSpans()
}

// validateSpans checks that nothing ends before it begins.
func (d Door) validateSpans() error {
	if d.Span != nil && d.Span.End < d.Span.Start {
		return d.Span.backwards("span")
	}
	for i, r := range d.Next {
		if r.End < r.Start {
			return r.Span.backwards(fmt.Sprintf("next[%d]", i))
		}
	}
	if d.Day == nil {
		return nil
	}
	for i, b := range d.Day.Blocks {
		if b.End < b.Start {
			return b.Span.backwards(fmt.Sprintf("day.blocks[%d]", i))
		}
	}
	return nil
}

func (s Span) backwards(where string) error {
	return fmt.Errorf("%w: %s: its end %s is before its start %s", ErrDoor, where, s.End, s.Start)
}

// isCode reports whether s can be a pairing code.
func isCode(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) == 8
}

// fieldError names the field of a decoder's error where the decoder does not.
func fieldError(b []byte, err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf("an object {...} is wanted, not %s", wrong.Value)
	case errors.As(err, &wrong):
		return fmt.Errorf("%s: %s is wanted, not %s", wrong.Field, kindName(wrong.Type.Kind()), wrong.Value)
	}
	var tree any
	if json.Unmarshal(b, &tree) != nil {
		return err
	}
	if path, bad := badValue("", tree); bad != nil {
		return fmt.Errorf("%s: %w", path, bad)
	}
	return err
}

func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list [...]"
	case reflect.Struct:
		return "an object {...}"
	}
	return "a whole number"
}

// badValue finds the first time or date below a JSON value that is none, and
// its path.
func badValue(path string, v any) (string, error) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			below := strings.TrimPrefix(path+"."+key, ".")
			if err := checkValue(key, v[key]); err != nil {
				return below, err
			}
			if found, err := badValue(below, v[key]); err != nil {
				return found, err
			}
		}
	case []any:
		for i, e := range v {
			if found, err := badValue(fmt.Sprintf("%s[%d]", path, i), e); err != nil {
				return found, err
			}
		}
	}
	return "", nil
}

// checkValue decodes the value of a field that holds a time or a date.
func checkValue(key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil || v == nil {
		return err
	}
	switch key {
	case "until", "since", "start", "end", "released":
		return new(Clock).UnmarshalJSON(b)
	case "date", "untilDate", "sinceDate":
		return new(Date).UnmarshalJSON(b)
	}
	return nil
}

// String writes the clock as "15:04".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// MarshalJSON writes "15:04".
func (c Clock) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// UnmarshalJSON reads "15:04", up to "24:00".
func (c *Clock) UnmarshalJSON(b []byte) error {
	var s string
	var h, m int
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a time is a string like \"15:04\", not %s", clip(b))
	}
	digits := len(s) == 5 && s[2] == ':'
	for i := 0; digits && i < 5; i++ {
		digits = i == 2 || s[i] >= '0' && s[i] <= '9'
	}
	if digits {
		h, m = int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	}
	if !digits || m > 59 || h*60+m > 24*60 {
		return fmt.Errorf("%q is not a time like \"15:04\" (00:00 to 24:00)", clip([]byte(s)))
	}
	*c = Clock(h*60 + m)
	return nil
}

func clip(b []byte) string { return string(b[:min(len(b), 40)]) }

// String writes the date as "2006-01-02".
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalJSON writes "2006-01-02".
func (d Date) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads "2006-01-02".
func (d *Date) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a date is a string like \"2006-01-02\", not %s", clip(b))
	}
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return fmt.Errorf("%q is not a date like \"2006-01-02\"", clip([]byte(s)))
	}
	d.Year, d.Month, d.Day = t.Year(), int(t.Month()), t.Day()
	return nil
}
