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
	if what == "org-removed" {
		return s.see(w, v, back)
	}
	return s.see(w, v, v.at(back))
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
		s.notes.forget(id)
		return s.calendars.Disconnect(v.Context(), id)
	})
}
