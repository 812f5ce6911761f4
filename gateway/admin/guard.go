package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"doorleaf/gateway"
)

// maxBody bounds every request body but those of bodyLimit; the largest form is
// a list of addresses.
const maxBody = 64 << 10

// policy is the content security policy of every page. Nothing is inline and
// nothing comes from elsewhere.
const policy = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; form-action 'self'"

// policyConnect is that of pages whose forms lead to a sign-in elsewhere:
// browsers hold the whole chain of redirects after a form against form-action,
// and an organization's own sign-in may be at any address.
const policyConnect = policy + " https:"

// visit is one request with what is known about who makes it.
type visit struct {
	*http.Request
	account  gateway.Account // zero on open pages without a session
	session  gateway.Session
	language string // BCP 47, one of the catalogue's
	now      time.Time
	zone     *time.Location // the site's
}

// signedIn reports whether the visit has a session.
func (v *visit) signedIn() bool { return v.account.ID != 0 }

// handler answers a visit. A returned error becomes a page; then nothing may
// have been written.
type handler func(w http.ResponseWriter, v *visit) error

// guard sets what holds for every answer: security headers, a limit on bodies,
// and that no other site can make a browser change anything.
func (s *server) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	if err := cross.AddTrustedOrigin(s.public.Scheme + "://" + s.public.Host); err != nil {
		s.log.Warn("public URL is no origin", "err", err)
	}
	cross.SetDenyHandler(s.page(func(http.ResponseWriter, *visit) error { return errCrossSite }, false))
	next = cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if s.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit(r.URL.Path))
		next.ServeHTTP(w, r)
	})
}

// bodyLimit is the most bytes that the body of a request may have.
func bodyLimit(path string) int64 {
	switch path {
	case lookPage:
		return maxLookBody
	case picturesPage:
		return maxPictureBody
	case pairManyPage:
		return maxPairListBody
	case factoryPage:
		return maxFactoryBody
	case firmwarePage + "/upload":
		return maxFirmwareBody
	}
	return maxBody
}

// page makes a handler an http.Handler. With needSession, visitors without one
// are sent to sign in and come back afterwards.
func (s *server) page(h handler, needSession bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Request: r, now: time.Now(), zone: time.UTC}
		err, serve := s.identify(v), h
		if err == nil && needSession && !v.signedIn() {
			if !s.mailedAnswer(v) {
				s.sendToSignIn(w, v)
				return
			}
			serve = s.takeMailed
		}
		if err == nil && r.Method == http.MethodPost {
			err = parseForm(r)
		}
		if err == nil {
			err = serve(w, v)
		}
		if err != nil {
			s.fail(w, v, err)
		}
	})
}

// identify finds account, language and the site's zone of a visit.
func (s *server) identify(v *visit) error {
	v.language = s.texts.Match(v.Header.Get("Accept-Language"))
	ctx := v.Context()
	site, err := s.store.Site(ctx)
	if err != nil {
		return err
	}
	v.zone = site.Location()
	hash, ok := s.sessionHash(v.Request)
	if !ok {
		return nil
	}
	session, err := s.store.Session(ctx, hash, v.now)
	if errors.Is(err, gateway.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	account, err := s.store.Account(ctx, session.Account)
	if errors.Is(err, gateway.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.session, v.account = session, account
	if account.Language != "" {
		v.language = account.Language
	}
	return nil
}

// sendToSignIn remembers where a reading visitor wanted to go.
func (s *server) sendToSignIn(w http.ResponseWriter, v *visit) {
	if v.URL.Path == "/m/events" || strings.HasSuffix(v.URL.Path, ".png") {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	to := "/m/sign-in"
	// The answer of a sign-in elsewhere must not be kept in an address.
	if next := v.URL.RequestURI(); v.Method == http.MethodGet && next != "/m" && !isAnswer(v.URL.Query()) {
		to += "?next=" + url.QueryEscape(next)
	}
	http.Redirect(w, v.Request, to, http.StatusSeeOther)
}

// parseForm reads a form from the body only, at most maxBody bytes and 200
// fields.
func parseForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return errTooLarge
		}
		return errBadRequest
	}
	if len(r.PostForm) > 200 {
		return errBadRequest
	}
	return nil
}

// field returns a field of the submitted form without blanks around it.
func (v *visit) field(name string) string { return strings.TrimSpace(v.PostForm.Get(name)) }

// see sends the browser to a page of ours after something was done.
func (s *server) see(w http.ResponseWriter, v *visit, path string) error {
	http.Redirect(w, v.Request, path, http.StatusSeeOther)
	return nil
}

// local reports whether path is one of our own pages, so that nobody can be led
// elsewhere by a prepared address.
func local(path string) bool {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return false
	}
	return u.Path == "/m" || (strings.HasPrefix(u.Path, "/m/") && !slices.Contains(strings.Split(u.Path, "/"), ".."))
}

// detached keeps an action going when the browser goes away; the action has
// limits of its own.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}
