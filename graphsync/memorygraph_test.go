package graphsync

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"doorleaf/graphsync/internal/msgraph"
)

// inMemory answers requests without a socket, so that a test may run on
// virtual time. A status of 0 means that no answer ever comes.
type inMemory func(*http.Request) (status int, body string)

func (f inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	status, body := f(r)
	if status == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// viewOf reads a page of events through the SDK.
func viewOf(t testing.TB, body string) ([]msgraph.Event, error) {
	t.Helper()
	c, err := msgraph.New(msgraph.Options{
		BaseURL:   "https://graph.example",
		Transport: msgraph.Guard{Next: inMemory(func(*http.Request) (int, string) { return 200, body })},
		Token:     func(context.Context, string) (string, error) { return "a.b.c", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.View(t.Context(), "room@contoso.com", date(20, 0, 0), date(29, 0, 0))
}
