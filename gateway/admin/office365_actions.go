package admin

import (
	"errors"
	"net/http"

	"doorleaf/gateway/connection"
)

// onOffice365 runs an action on the stored connection. Errors about the
// connection become a sentence on the page at back; others are ours.
func (s *server) onOffice365(w http.ResponseWriter, v *visit, back, what string, act func(*visit, connection.ID) error) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	if c.ID == 0 {
		err = &connection.Error{Kind: connection.NotConfigured, Op: what}
	} else {
		err = act(v, c.ID)
	}
	switch {
	case err != nil:
		if err := s.settle(w, err); err != nil {
			return err
		}
	case what != "":
		s.done(w, what)
	}
	return s.see(w, v, back)
}

// settle leaves the sentence about an error of the connection for the next
// page; other errors are returned.
func (s *server) settle(w http.ResponseWriter, err error) error {
	var fault *connection.Error
	if !errors.As(err, &fault) {
		return err
	}
	s.failed(w, err)
	return nil
}

func (s *server) disconnectOffice365(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, office365Page, "disconnected", func(v *visit, id connection.ID) error {
		return s.calendars.Disconnect(v.Context(), id)
	})
}

// checkOffice365 tests the connection and keeps the lines for the page.
func (s *server) checkOffice365(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, office365Page+"#check", "", func(v *visit, id connection.ID) error {
		ctx, cancel := detached(v.Context(), calendarTime)
		defer cancel()
		checks, err := s.calendars.Probe(ctx, id)
		if err != nil {
			return err
		}
		s.probeMu.Lock()
		s.probes[id] = probeResult{at: v.now, checks: checks}
		s.probeMu.Unlock()
		return nil
	})
}
