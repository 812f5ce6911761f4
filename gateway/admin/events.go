package admin

import (
	"fmt"
	"net/http"
	"time"
)

// Limits of event streams.
const (
	maxStreams   = 128
	streamLife   = 15 * time.Minute // the browser opens a new one by itself
	streamPulse  = 25 * time.Second // keeps proxies from closing it
	streamSettle = 500 * time.Millisecond
)

// streamEvents tells a page that something changed; what changed, the page asks
// for itself. The stream ends with the session.
func (s *server) streamEvents(w http.ResponseWriter, v *visit) error {
	if v.Method == http.MethodHead {
		return nil
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return errBusy
	}
	changes, stop := s.core.Watch()
	defer stop()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	send := func(text string) bool {
		if err := rc.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
			s.log.Debug("event stream without deadline", "err", err)
		}
		_, err := fmt.Fprint(w, text)
		return err == nil && rc.Flush() == nil
	}
	if !send("retry: 3000\nevent: hello\ndata: " + s.version + "\n\n") {
		return nil
	}
	end := time.NewTimer(min(streamLife, time.Until(v.session.Expires)))
	defer end.Stop()
	pulse := time.NewTicker(streamPulse)
	defer pulse.Stop()
	var settled <-chan time.Time
	for {
		select {
		case <-v.Context().Done():
			return nil
		case <-end.C:
			return nil
		case <-changes:
			if settled == nil {
				settled = time.After(streamSettle) // many changes in a row are one
			}
		case <-settled:
			settled = nil
			if !send("event: change\ndata: 1\n\n") {
				return nil
			}
		case <-pulse.C:
			if !send(": \n\n") {
				return nil
			}
		}
	}
}
