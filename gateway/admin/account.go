package admin

import (
	"net/http"
)

type accountView struct {
	*page
	Language string
	Problems problems
}

func (s *server) editAccount(w http.ResponseWriter, v *visit) error {
	return s.renderAccount(w, v, http.StatusOK, nil)
}

func (s *server) renderAccount(w http.ResponseWriter, v *visit, status int, pr problems) error {
	view := &accountView{page: s.newPage(v, "account.title", "settings"), Language: v.account.Language, Problems: pr}
	return s.render(w, v, status, "account", view)
}

// saveLanguage chooses the language of the pages for a person; "" follows the
// browser.
func (s *server) saveLanguage(w http.ResponseWriter, v *visit) error {
	language := v.field("language")
	if language != "" && !s.speaks(language) {
		return errBadRequest
	}
	a := v.account
	a.Language = language
	if err := s.store.UpdateAccount(v.Context(), a); err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, "/m/settings/account")
}

// savePassword changes a person's own password; the present one is asked for,
// because the browser may be somebody else's by now. Every other browser has to
// sign in again.
func (s *server) savePassword(w http.ResponseWriter, v *visit) error {
	p := s.newPage(v, "", "")
	pr := problems{}
	address := addressOf(v.Request)
	if !s.tries.begin(v.account.Name, address) {
		pr.add(p, "current", "signin.too-many")
		return s.renderAccount(w, v, http.StatusTooManyRequests, pr)
	}
	var hash string
	var ok bool
	var weak error
	err := s.hash(v.Context(), func() {
		if ok = matches(v.account.PasswordHash, v.PostForm.Get("current")); ok {
			hash, weak = HashPassword(v.PostForm.Get("password"))
		}
	})
	if err != nil {
		return err
	}
	switch {
	case !ok:
		pr.add(p, "current", "problem.current-password")
	case weak != nil:
		pr.add(p, "password", "problem.password")
	}
	if ok {
		s.tries.succeeded(v.account.Name, address)
	}
	if len(pr) > 0 {
		return s.renderAccount(w, v, http.StatusUnprocessableEntity, pr)
	}
	if err := s.store.ChangePassword(v.Context(), v.account.ID, hash, v.session.TokenHash); err != nil {
		return err
	}
	s.log.Info("password changed", "account", v.account.ID)
	s.done(w, "password")
	return s.see(w, v, "/m/settings/account")
}
