package admin

import (
	"net/http"
	"net/url"
	"time"

	"doorleaf/gateway/connection"
)

// leave sends the browser to a sign-in elsewhere with the cookie that lets only
// this browser come back.
func (s *server) leave(w http.ResponseWriter, v *visit, begin func(connection.ID) (connection.Redirect, error)) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	var to connection.Redirect
	if c.ID == 0 {
		err = &connection.Error{Kind: connection.NotConfigured, Op: "connect"}
	} else {
		to, err = begin(c.ID)
	}
	if err != nil {
		if err := s.settle(w, err); err != nil {
			return err
		}
		return s.see(w, v, office365Page)
	}
	s.setCookie(w, "connect", to.Cookie, attemptLife)
	w.Header().Set("Content-Security-Policy", policyConnect)
	http.Redirect(w, v.Request, to.URL, http.StatusSeeOther)
	return nil
}

// attemptLife is how long a sign-in elsewhere may take.
const attemptLife = 15 * time.Minute

func (s *server) connectOffice365(w http.ResponseWriter, v *visit) error {
	return s.leave(w, v, func(id connection.ID) (connection.Redirect, error) { return s.calendars.Connect(v.Context(), id) })
}

func (s *server) consentOffice365(w http.ResponseWriter, v *visit) error {
	return s.leave(w, v, func(id connection.ID) (connection.Redirect, error) { return s.calendars.AdminConsent(v.Context(), id) })
}

// isAnswer reports whether a query is the answer of a sign-in elsewhere.
func isAnswer(q url.Values) bool { return q.Has("code") || q.Has("error") || q.Has("admin_consent") }

// takeAnswer hands the answer of a sign-in on and goes to a clean address. The
// attempt's cookie is used up whatever comes of it.
func (s *server) takeAnswer(w http.ResponseWriter, v *visit, q url.Values) error {
	answer := connection.Query{}
	for _, name := range []string{"code", "state", "error", "error_description", "admin_consent", "tenant"} {
		if value := q.Get(name); value != "" && len(value) <= 8<<10 {
			answer[name] = value
		}
	}
	ctx, cancel := detached(v.Context(), 2*time.Minute)
	defer cancel()
	to, err := s.calendars.Answer(ctx, answer, s.cookie(v.Request, "connect"))
	s.setCookie(w, "connect", to.Cookie, attemptLife)
	switch {
	case err != nil:
		if err := s.settle(w, err); err != nil {
			return err
		}
	case to.URL != "":
		http.Redirect(w, v.Request, to.URL, http.StatusSeeOther)
		return nil
	default:
		s.done(w, "connected")
	}
	return s.see(w, v, office365Page)
}
