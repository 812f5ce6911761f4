package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"doorleaf/gateway/connection"
)

// attemptLife is how long a sign-in elsewhere may take.
const attemptLife = 15 * time.Minute

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
		return s.see(w, v, v.at(office365Page))
	}
	s.setCookie(w, "connect", to.Cookie, attemptLife)
	if org := v.org(); org != "" {
		s.setCookie(w, "org", orgText(c.ID), attemptLife)
	}
	w.Header().Set("Content-Security-Policy", policyConnect)
	http.Redirect(w, v.Request, to.URL, http.StatusSeeOther)
	return nil
}

func (s *server) connectOffice365(w http.ResponseWriter, v *visit) error {
	return s.leave(w, v, func(id connection.ID) (connection.Redirect, error) { return s.calendars.Connect(v.Context(), id) })
}

func (s *server) consentOffice365(w http.ResponseWriter, v *visit) error {
	return s.leave(w, v, func(id connection.ID) (connection.Redirect, error) { return s.calendars.AdminConsent(v.Context(), id) })
}

// makeConsentLink makes the address to mail to somebody else's administrator.
func (s *server) makeConsentLink(w http.ResponseWriter, v *visit) error {
	back := office365Page + "#mail"
	if v.field("back") == "edit" {
		back = editPage + "#mail"
	}
	return s.onOffice365(w, v, back, "", func(v *visit, id connection.ID) error {
		link, err := s.calendars.ConsentLink(v.Context(), id)
		if err != nil {
			return err
		}
		s.notes.edit(id, func(n *note) { n.link = consentLink{at: v.now, url: link} })
		return nil
	})
}

// mailView is a consent link and the mail that carries it.
type mailView struct {
	Link  copyField // zero before one is made
	Href  string    // mailto: with subject and text
	Until timeText
}

func (p *page) mail(l consentLink) mailView {
	if l.url == "" {
		return mailView{}
	}
	text := strings.ReplaceAll(p.T("mail.body", l.url, p.srv.public.Host), "\n", "\r\n") // RFC 6068, section 5
	href := "mailto:?subject=" + mailText(p.T("mail.subject")) + "&body=" + mailText(text)
	return mailView{Link: p.Copy("consent-link", l.url), Href: href, Until: p.Time(l.at.Add(linkShown))}
}

// mailText escapes text for a mailto address, where a plus sign is no blank.
func mailText(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// isAnswer reports whether a query is the answer of a sign-in elsewhere.
func isAnswer(q url.Values) bool { return q.Has("code") || q.Has("error") || q.Has("admin_consent") }

// readAnswer takes the members of an answer that are read at all.
func readAnswer(q url.Values) connection.Query {
	answer := connection.Query{}
	for _, name := range []string{"code", "state", "error", "error_description", "admin_consent", "tenant"} {
		if value := q.Get(name); value != "" && len(value) <= 8<<10 {
			answer[name] = value
		}
	}
	return answer
}

// answerLimit bounds what an answer sets going.
const answerLimit = 2 * time.Minute

// takeAnswer hands the answer of a sign-in on and goes to a clean address. The
// attempt's cookie is used up whatever comes of it.
func (s *server) takeAnswer(w http.ResponseWriter, v *visit, q url.Values) error {
	ctx, cancel := detached(v.Context(), answerLimit)
	defer cancel()
	to, err := s.calendars.Answer(ctx, readAnswer(q), s.cookie(v.Request, "connect"))
	if to.Mailed {
		return s.renderConsented(w, v, err)
	}
	s.setCookie(w, "connect", to.Cookie, attemptLife)
	org := s.cookie(v.Request, "org")
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
	if org != "" {
		s.setCookie(w, "org", "", 0)
	}
	return s.see(w, v, withOrg(office365Page, org))
}

// mailedAnswer reports whether a visitor without session may be an
// administrator who followed a mailed consent link. Who began a sign-in here
// has its cookie and signs in again instead.
func (s *server) mailedAnswer(v *visit) bool {
	q := v.URL.Query()
	return v.Method == http.MethodGet && (v.URL.Path == "/m" || v.URL.Path == "/m/") && q.Has("admin_consent") && q.Get("state") != "" &&
		s.cookie(v.Request, "connect") == ""
}

// takeMailed hands on the answer to a mailed consent link. Nothing in it is
// believed; it makes the connection be tested.
func (s *server) takeMailed(w http.ResponseWriter, v *visit) error {
	ctx, cancel := detached(v.Context(), answerLimit)
	defer cancel()
	to, err := s.calendars.Answer(ctx, readAnswer(v.URL.Query()), "")
	var fault *connection.Error
	switch {
	case err != nil && !errors.As(err, &fault):
		return err
	case err == nil && !to.Mailed:
		s.sendToSignIn(w, v)
		return nil
	}
	return s.renderConsented(w, v, err)
}

type consentedView struct {
	*page
	Fault string
	Code  string
}

// renderConsented thanks an administrator who has no account here.
func (s *server) renderConsented(w http.ResponseWriter, v *visit, err error) error {
	view := &consentedView{page: s.newPage(v, "consented.title", "")}
	view.Bare = true
	status := http.StatusOK
	if err != nil {
		var fault *connection.Error
		if !errors.As(err, &fault) {
			return err
		}
		f := failureOf(err)
		status, view.Fault, view.Code = http.StatusUnprocessableEntity, view.T(f.key), f.code
		view.Title = view.T("consented.failed")
		if fault.Kind == connection.StateMismatch {
			view.Fault = view.T("consented.old")
		}
	}
	return s.render(w, v, status, "consented", view)
}
