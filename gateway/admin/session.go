package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"doorleaf/gateway"
)

// sessionLife is how long a browser stays signed in.
const sessionLife = 12 * time.Hour

// NewToken returns 32 random bytes as text for addresses and cookies.
func NewToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails, by its contract
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// cookieName binds a cookie to this host and to HTTPS where there is HTTPS.
func (s *server) cookieName(name string) string {
	if s.secure() {
		return "__Host-doorleaf-" + name
	}
	return "doorleaf-" + name
}

// setCookie sets a cookie for life, or removes it when value is empty. Lax lets
// it ride along when a sign-in elsewhere leads back to us.
func (s *server) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookie returns the value of a cookie of ours, "" when there is none.
func (s *server) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil || len(c.Value) > 512 {
		return ""
	}
	return c.Value
}

// sessionHash returns what the store knows the visitor's session by.
func (s *server) sessionHash(r *http.Request) ([32]byte, bool) {
	token := s.cookie(r, "session")
	return sha256.Sum256([]byte(token)), token != ""
}

// begin signs a browser in.
func (s *server) begin(w http.ResponseWriter, v *visit, account int64) error {
	token := NewToken()
	err := s.store.AddSession(v.Context(), gateway.Session{
		TokenHash: sha256.Sum256([]byte(token)), Account: account, Expires: v.now.Add(sessionLife),
	})
	if err != nil {
		return err
	}
	s.setCookie(w, "session", token, sessionLife)
	return nil
}
