package admin

import (
	"errors"
	"net/http"
	"time"

	"doorleaf/gateway"
)

type signInView struct {
	*page
	Name    string
	Next    string
	Refused string
	NoOne   bool // no account exists yet
}

func (s *server) showRoot(w http.ResponseWriter, v *visit) error { return s.see(w, v, "/m") }

func (s *server) showSignIn(w http.ResponseWriter, v *visit) error {
	next := v.URL.Query().Get("next")
	if !local(next) {
		next = ""
	}
	if v.signedIn() {
		return s.see(w, v, orOverview(next))
	}
	n, err := s.store.CountAccounts(v.Context())
	if err != nil {
		return err
	}
	return s.renderSignIn(w, v, http.StatusOK, signInView{Next: next, NoOne: n == 0})
}

func (s *server) renderSignIn(w http.ResponseWriter, v *visit, status int, view signInView) error {
	view.page = s.newPage(v, "signin.title", "")
	view.Bare = true
	return s.render(w, v, status, "signin", &view)
}

func orOverview(next string) string {
	if next == "" {
		return "/m"
	}
	return next
}

// signIn checks name and password. An unknown name costs as much time as a
// wrong password.
func (s *server) signIn(w http.ResponseWriter, v *visit) error {
	view := signInView{Name: v.field("name"), Next: v.field("next")}
	if !local(view.Next) {
		view.Next = ""
	}
	if len(view.Name) > maxName*4 {
		return errBadRequest
	}
	p := s.newPage(v, "signin.title", "")
	if !s.tries.begin(view.Name, addressOf(v.Request)) {
		view.Refused = p.T("signin.too-many")
		w.Header().Set("Retry-After", "600")
		return s.renderSignIn(w, v, http.StatusTooManyRequests, view)
	}
	account, err := s.store.AccountByName(v.Context(), view.Name)
	if err != nil && !errors.Is(err, gateway.ErrNotFound) {
		return err
	}
	hash, ok := account.PasswordHash, false
	if hash == "" {
		hash = decoyHash()
	}
	if err := s.hash(v.Context(), func() { ok = matches(hash, v.PostForm.Get("password")) }); err != nil {
		return err
	}
	if !ok || account.ID == 0 {
		s.log.Warn("sign-in refused", "address", addressOf(v.Request))
		view.Refused = p.T("signin.wrong")
		return s.renderSignIn(w, v, http.StatusUnauthorized, view)
	}
	s.tries.succeeded(view.Name, addressOf(v.Request))
	if err := s.begin(w, v, account.ID); err != nil {
		return err
	}
	return s.see(w, v, orOverview(view.Next))
}

func (s *server) signOut(w http.ResponseWriter, v *visit) error {
	if err := s.store.RemoveSession(v.Context(), v.session.TokenHash); err != nil && !errors.Is(err, gateway.ErrNotFound) {
		return err
	}
	s.setCookie(w, "session", "", time.Duration(0))
	return s.see(w, v, "/m/sign-in")
}
