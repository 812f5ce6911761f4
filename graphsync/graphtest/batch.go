package graphtest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const batchLimit = 20

// spoil answers a step of a batch with a fault; only its status can be played
// there.
func (c *call) spoil(f *Fault) bool {
	if f == nil || f.Status == 0 {
		return false
	}
	maps.Copy(c.a.header, f.Header)
	if len(f.Body) > 0 {
		c.a.status, c.a.body = f.Status, f.Body
		return true
	}
	c.fail(f.Status, f.Code, f.Text)
	return true
}

// batch answers $batch: up to 20 requests, in order, each
// judged by itself
// (learn.microsoft.com/graph/json-batching).
func (c *call) batch() {
	if c.r.Method != http.MethodPost {
		c.fail(http.StatusMethodNotAllowed, "BadRequest", "Batch requests are sent with POST.")
		return
	}
	var doc struct {
		Requests []struct {
			ID      string            `json:"id"`
			Method  string            `json:"method"`
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
			After   []string          `json:"dependsOn"`
		} `json:"requests"`
	}
	if !c.body(&doc) {
		return
	}
	if len(doc.Requests) == 0 || len(doc.Requests) > batchLimit {
		c.fail(http.StatusBadRequest, "BadRequest", "Number of batch request steps is zero or exceeds the maximum value of 20.")
		return
	}
	responses, failed := []any{}, map[string]bool{}
	for _, step := range doc.Requests {
		u, err := url.Parse("/v1.0/" + strings.TrimPrefix(step.URL, "/"))
		if err != nil || step.ID == "" || strings.Contains(strings.ToLower(step.URL), "$batch") {
			c.fail(http.StatusBadRequest, "BadRequest", "Invalid batch payload format.")
			return
		}
		r := &http.Request{Method: strings.ToUpper(step.Method), URL: u, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(step.Body))}
		for k, v := range step.Headers {
			r.Header.Set(k, v)
		}
		a := &answer{header: http.Header{}}
		inner := &call{Server: c.Server, r: r, a: a, id: newID(), prefer: preferences(r.Header), caller: c.caller}
		switch full := c.spend(c.r, roomOf(u.Path)); {
		case slices.ContainsFunc(step.After, func(id string) bool { return failed[id] }):
			inner.fail(http.StatusFailedDependency, "FailedDependency", "A request this one depends on failed.")
		case full != nil:
			inner.spoil(full)
		case !inner.spoil(c.pickFault(r)) && inner.parameters():
			inner.route()
		}
		failed[step.ID] = a.status >= 400
		entry := map[string]any{"id": step.ID, "status": a.status, "headers": map[string]string{"Content-Type": "application/json"}}
		if len(a.body) > 0 {
			entry["body"] = json.RawMessage(a.body)
		}
		if retry := a.header.Get("Retry-After"); retry != "" {
			entry["headers"] = map[string]string{"Content-Type": "application/json", "Retry-After": retry}
		}
		responses = append(responses, entry)
	}
	c.ok(http.StatusOK, map[string]any{"responses": responses})
}
