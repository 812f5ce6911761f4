package msgraph

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// Fault says in which way a call failed.
type Fault int

// The ways a call fails.
const (
	Refused     Fault = iota + 1 // an HTTP status of 400 or more; see Status and Code
	Malformed                    // not JSON, wrong types, no body, a redirect
	TooLarge                     // more bytes, values or depth than allowed
	BadLink                      // a next or delta link that leads elsewhere
	Endless                      // more pages than allowed, or the same page again
	Unreachable                  // no HTTP answer; see Err
)

// Error is a failed call. Its text holds no part of the answer but the code.
type Error struct {
	Fault      Fault
	Status     int           // HTTP status, 0 when none
	Code       string        // Graph's error code, only if it looks like one
	RetryAfter time.Duration // 0 when the server named none
	Err        error         // the transport's error for Unreachable; may show the URL, so not part of the text
}

func (e *Error) Error() string {
	names := [...]string{Refused: "refused", Malformed: "malformed answer", TooLarge: "answer too large",
		BadLink: "link leads elsewhere", Endless: "pages never end", Unreachable: "unreachable"}
	s := "graph: "
	if int(e.Fault) < len(names) {
		s += names[e.Fault]
	}
	if e.Status != 0 {
		s += " status " + strconv.Itoa(e.Status)
	}
	if e.Code != "" {
		s += " code " + e.Code
	}
	return s
}

// Unwrap returns the transport's error.
func (e *Error) Unwrap() error { return e.Err }

// explain turns what the SDK returned into an *Error. Errors of the token
// source pass as they are.
func explain(ctx context.Context, err error, seen note) error {
	var own *Error
	if errors.As(err, &own) {
		if own.Status == 0 {
			own.Status = seen.status
		}
		return own
	}
	if seen.status >= http.StatusBadRequest {
		e := &Error{Fault: Refused, Status: seen.status, RetryAfter: seen.retryAfter}
		var od *odataerrors.ODataError
		if errors.As(err, &od) {
			if main := od.GetErrorEscaped(); main != nil && main.GetCode() != nil {
				e.Code = cleanCode(*main.GetCode())
			}
		}
		return e
	}
	if ctx.Err() != nil || seen.failed {
		return &Error{Fault: Unreachable, Err: err}
	}
	if seen.status == 0 {
		return err // nothing was sent: the token source refused
	}
	return &Error{Fault: Malformed, Status: seen.status}
}

// cleanCode lets through what looks like an error code and nothing else, so
// that no text of the server reaches a log.
func cleanCode(code string) string {
	if len(code) > 64 {
		return ""
	}
	for _, r := range code {
		if r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return ""
		}
	}
	return code
}

// retryAfter reads the header of that name: seconds, whole or fractional, or a
// date (RFC 9110 section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if math.IsNaN(s) || s <= 0 {
			return 0
		}
		return time.Duration(min(s, 24*3600) * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return min(t.Sub(now), 24*time.Hour)
	}
	return 0
}

// RetryAfter returns how long the server of an answer asks to wait, at most a
// day; 0 when it does not say.
func RetryAfter(h http.Header) time.Duration { return retryAfter(h, time.Now()) }
