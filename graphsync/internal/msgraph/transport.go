package msgraph

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"time"
)

// Guard is a transport that reads each answer whole, bounds it before anybody
// parses it and refuses redirects. Limits of zero mean the defaults.
type Guard struct {
	Next      http.RoundTripper
	MaxBytes  int64 // of the body after decompression; default 8 MiB
	MaxValues int   // JSON values and separators; default 400,000
	MaxDepth  int   // nesting of the JSON; default 64
}

// RoundTrip implements http.RoundTripper. Beside the transport's own errors it
// returns *Error with Malformed (redirect, cut short) or TooLarge.
func (g Guard) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := g.Next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := g.MaxBytes
	if limit == 0 {
		limit = 8 << 20
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if cerr := res.Body.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, &Error{Fault: Malformed, Status: res.StatusCode}
		}
		return nil, err
	}
	if int64(len(body)) > limit || !g.fits(body) {
		return nil, &Error{Fault: TooLarge, Status: res.StatusCode}
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	return res, nil
}

func (g Guard) fits(body []byte) bool {
	return Fits(body, cmp.Or(g.MaxValues, 400_000), cmp.Or(g.MaxDepth, 64))
}

// Fits counts what a JSON parser would have to allocate for, without parsing:
// separators and brackets outside strings.
func Fits(body []byte, maxValues, maxDepth int) bool {
	values, depth, inString := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',' || c == ':':
			values++
		}
		if depth > maxDepth || values > maxValues {
			return false
		}
	}
	return true
}

// note keeps what the SDK loses when it cannot read an error's body.
type note struct {
	status     int
	retryAfter time.Duration
	failed     bool // the transport gave no answer
}

type noteKey struct{}

// noted is the outermost transport: it fills the note of the call.
type noted struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t noted) RoundTrip(req *http.Request) (*http.Response, error) {
	n, _ := req.Context().Value(noteKey{}).(*note)
	if n == nil {
		n = new(note)
	}
	*n = note{}
	req, err := sized(req)
	if err != nil {
		return nil, err
	}
	res, err := t.next.RoundTrip(req)
	if err != nil {
		n.failed = true
		return nil, err
	}
	n.status = res.StatusCode
	n.retryAfter = retryAfter(res.Header, time.Now())
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		_ = res.Body.Close()
		return nil, &Error{Fault: Malformed, Status: res.StatusCode}
	}
	return res, nil
}
