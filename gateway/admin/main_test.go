package admin

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"doorleaf/gateway"
	"doorleaf/render/lang"
)

// preview serves the pages with an invented office, for looking at them:
//
//	go test ./gateway/admin -preview 127.0.0.1:8099
//
// Name "admin", password "correct horse"; the set-up link has token one-time.
var preview = flag.String("preview", "", "serve the pages with an invented office at this HOST:PORT instead of testing")

func TestMain(m *testing.M) {
	flag.Parse()
	if *preview == "" {
		os.Exit(m.Run())
	}
	if err := servePreview(*preview); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func servePreview(address string) error {
	c, err := lang.Load()
	if err != nil {
		return err
	}
	o := newOffice(time.Now())
	o.fillFirmware()
	if ill, err := strconv.Atoi(os.Getenv("PREVIEW_ILL")); err == nil {
		o.fillHealth(ill) // so many signs with each trouble
	}
	if many, err := strconv.Atoi(os.Getenv("PREVIEW_MANY")); err == nil {
		o.fillMany(many) // so many rooms with a sign each
	}
	hash, err := HashPassword("correct horse")
	if err != nil {
		return err
	}
	if os.Getenv("PREVIEW_EMPTY") != "" {
		o = &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
	}
	if os.Getenv("PREVIEW_FRESH") == "" {
		o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin", PasswordHash: hash}
	}
	h, err := New(o.options(c, "http://"+address))
	if err != nil {
		return err
	}
	if os.Getenv("PREVIEW_OPEN") != "" { // for programs that take pictures of pages
		o.store.sessions[sha256.Sum256([]byte("token"))] = gateway.Session{TokenHash: sha256.Sum256([]byte("token")), Account: 1, Expires: time.Now().Add(time.Hour)}
		pages := h
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "doorleaf-session", Value: "token"})
			pages.ServeHTTP(w, r)
		})
	}
	return http.ListenAndServe(address, h)
}
